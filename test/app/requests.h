/* requests.h - HTTP requests to the router of a fake server, and answers with their headers.
 *
 *     requests_open(&f);
 *     struct tab *t = ask(&f, rows, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", "");
 *     fake_tick(&f);
 *     ck_assert_str_eq(answer(t), "405 [Allow: POST] sentence");
 *
 * The header lines that the answer names are between the brackets, with commas between them.
 */
#ifndef TEST_APP_REQUESTS_H
#define TEST_APP_REQUESTS_H

#include "../svc/fake.h"
#include "proto/http_url.h"

static enum http_verdict last_verdict;

static void requests_reply(void *self, slot_id conn, struct http_reply *r)
{
    struct fake *f = self;
    struct outbox *o = f->app.outbox;
    char text[2048];
    int n = snprintf(text, sizeof text, "%d [", r->status);

    for (size_t i = 0; i + 1 < r->extra.len; i++) { /* CRLF between two lines: a comma */
        if (r->extra.data[i] != '\r')
            text[n++] = r->extra.data[i] == '\n' ? ',' : r->extra.data[i];
    }
    n += snprintf(text + n, sizeof text - (size_t)n, "] ");
    char *room = outbox_to(o, conn, (size_t)n);
    ck_assert_ptr_nonnull(room);
    memcpy(room, text, (size_t)n);
    struct bytes body = r->blob ? bytes_of(r->blob->data + r->off, (size_t)r->len) : r->body;
    if (body.len) {
        room = outbox_to(o, conn, body.len);
        ck_assert_ptr_nonnull(room);
        memcpy(room, body.data, body.len);
    }
    if (r->source)
        outbox_source(o, conn, r->source);
    blob_unref(r->blob);
    if (r->fd >= 0)
        close(r->fd);
}

__attribute__((unused)) static void requests_open(struct fake *f)
{
    fake_open(f);
    f->app.ports.reply = requests_reply;
}

__attribute__((unused)) static struct tab *ask_bytes(struct fake *f, const struct route_row *rows,
                                                     const char *head_text, struct bytes body)
{
    struct tab *t = fake_tab_new(f);
    struct http_scan scan = { 0 };
    struct http_head head;
    char path[4096];
    size_t len;

    t->is_http = true;
    ck_assert_msg(http_head_parse(&head, &scan, bytes_str(head_text)) > 0, "%s", head_text);
    ck_assert_int_eq(url_decode_path(head.path, path, sizeof path, &len), OK);
    struct http_request rq = {
        .conn = t->conn,
        .head = &head,
        .path = bytes_of(path, len),
        .body = body,
        .address = BYTES("192.0.2.1"),
    };
    last_verdict = router_run(&f->app, rows, &rq);
    if (last_verdict == HTTP_UPGRADED) {
        t->peer = rq.peer;
        t->is_v1 = rq.is_v1;
    }
    return t;
}

__attribute__((unused)) static struct tab *ask(struct fake *f, const struct route_row *rows,
                                               const char *head_text, const char *body)
{
    return ask_bytes(f, rows, head_text, bytes_str(body));
}

/* The same, and its answer at once. Static storage. */
__attribute__((unused)) static const char *asked(struct fake *f, const struct route_row *rows,
                                                 const char *head_text, const char *body)
{
    static char text[8192];
    struct tab *t = ask(f, rows, head_text, body);

    fake_tick(f);
    snprintf(text, sizeof text, "%s", answer(t));
    return text;
}

#endif
