/* The public chat: one list for everybody. In the base dialect and in /chat-history texts are
 * HTML-escaped when they are sent, because published clients put them into innerHTML; in v1 they go
 * out as written. */
#include "app/client_id.h"
#include "app/dm.h"
#include "app/history.h"
#include "app/json_out.h"
#include "app/page.h"
#include "proto/ws_stage.h"
#include "svc/services.h"

#define ENCODED_MAX (6u * TEXT_MAX_BYTES + 1024u)

struct chat_message {
    struct bytes username, comment, client_id;
    int64_t id, sent_at;
};

static void write_message(struct json_out *j, const struct chat_message *m, bool is_v1)
{
    j->is_html = !is_v1;
    json_raw(j, "{\"messageType\":\"chatMessage\",\"username\":");
    json_plain(j, m->username);
    json_raw(j, ",\"comment\":");
    json_string(j, m->comment);
    if (is_v1) {
        json_raw(j, ",\"id\":");
        json_int64(j, m->id);
        json_raw(j, ",\"sentAt\":");
        json_int64(j, m->sent_at);
        if (m->client_id.len) {
            json_raw(j, ",\"clientId\":");
            json_plain(j, m->client_id);
        }
    }
    json_raw(j, "}");
}

/* --- saying something --- */

static enum err tell(struct app *app, const struct chat_message *m, bool is_v1)
{
    struct buf text;

    if (!hub_has(&app->hub, is_v1 ? TO_V1 : TO_BASE))
        return OK;
    buf_init(&text, ENCODED_MAX);
    struct json_out j = { .buf = &text };
    write_message(&j, m, is_v1);
    if (!j.error)
        ws_stage_broadcast(app->outbox, is_v1 ? TO_V1 : TO_BASE, buf_bytes(&text));
    buf_release(&text);
    return j.error;
}

struct resend {
    struct app *app;
    const struct peer *to;
    struct bytes client_id;
};

/* What was stored the first time counts. */
static enum err answer_resend(void *arg, const struct chat_row *row)
{
    struct resend *r = arg;
    struct chat_message m = { row->username, row->comment, r->client_id, row->id, row->sent_at };
    struct buf text;

    buf_init(&text, ENCODED_MAX);
    struct json_out j = { .buf = &text };
    write_message(&j, &m, true);
    if (!j.error)
        hub_to_peer(&r->app->hub, r->to, buf_bytes(&text));
    buf_release(&text);
    return j.error;
}

static enum err store(struct app *app, struct peer *caller, struct bytes comment,
                      struct bytes client_id)
{
    const struct chat_new chat = { caller->person->id, comment, app->wall_ms, client_id };
    struct resend resend = { app, caller, client_id };
    struct stored_as stored;

    enum err e = chat_store_insert(&app->chat, &chat, &stored);
    if (e)
        return e;
    if (stored.was_there)
        return chat_store_scan(&app->chat, stored.id - 1, stored.id, 1, answer_resend, &resend);
    const struct chat_message m = { bytes_str(caller->person->name), comment, client_id, stored.id,
                                    stored.sent_at };
    e = tell(app, &m, false);
    return e ? e : tell(app, &m, true);
}

const char *chat_on_message(struct app *app, struct peer *caller, const struct json_object *msg)
{
    struct client_id id;
    struct bytes comment;
    char *owned = NULL;

    const char *error = client_id_read(caller, msg, &id);
    if (!error)
        error = dispatch_text_error(json_text(msg, "comment", 1, TEXT_MAX_BYTES, &comment, &owned),
                                    TEXT_SENTENCES("comment", "1 to 65536 bytes"));
    if (!error && app_write_begin(app, caller->conn, WRITE_SYNCED)) {
        error = dispatch_store_failed;
    } else if (!error) {
        client_id_guard(app, &id);
        enum err e = store(app, caller, comment, client_id_bytes(&id));
        if (app_write_end(app, WRITE_SYNCED, e == OK) || e)
            error = dispatch_store_failed;
    }
    json_text_free(owned);
    return error;
}

/* --- history --- */

/* The two fields of /chat-history, HTML-escaped. */
static void write_plain(struct json_out *j, const struct chat_row *row)
{
    json_raw(j, "{\"username\":");
    json_plain(j, row->username);
    json_raw(j, ",\"comment\":");
    j->is_html = true;
    json_string(j, row->comment);
    json_raw(j, "}");
}

static enum err write_row(void *arg, const struct chat_row *row)
{
    struct history *h = arg;
    struct json_out j = { .buf = &h->text };
    const struct chat_message m = { row->username, row->comment, BYTES(""), row->id, row->sent_at };

    enum err e = history_comma(h);
    if (e)
        return e;
    if (h->is_message)
        write_message(&j, &m, true);
    else
        write_plain(&j, row);
    h->after_id = row->id;
    return j.error ? j.error : history_full(h);
}

static enum err fill(struct history *h, bool *done)
{
    uint32_t before = h->n_elements;
    enum err e =
        chat_store_scan(&h->app->chat, h->after_id, h->up_to_id, HISTORY_ROWS, write_row, h);
    return history_scanned(h, e, before, done);
}

/* Staged and done when the tick is decided, as in dm.c: what was written in it may be lost. */
struct reading {
    int64_t up_to;
    bool is_page;
    struct page page;
};

static struct history *history_of(struct app *app, const struct reading *r, bool has_older)
{
    struct history *h = NULL;
    struct buf suffix;

    buf_init(&suffix, 256);
    struct json_out j = { .buf = &suffix };
    json_raw(&j, "]");
    if (r->is_page) {
        json_raw(&j, has_older ? ",\"hasOlder\":true" : ",\"hasOlder\":false");
        page_write_before(&j, &r->page);
    }
    json_raw(&j, "}");
    if (!j.error)
        h = history_new(app, true, BYTES("{\"messageType\":\"chat_history\",\"messages\":["),
                        buf_bytes(&suffix));
    buf_release(&suffix);
    if (h)
        h->fill = fill;
    return h;
}

static void apply_reading(void *ctx, const struct out_sink *sink, uint64_t conn, struct bytes data)
{
    struct app *app = ctx;
    struct reading r;
    struct history *h = NULL;
    int64_t first = 0, last = 0;
    bool has_older = false;

    memcpy(&r, data.data, sizeof r);
    enum err e = chat_store_max_id(&app->chat, &last);
    last = r.up_to < last ? r.up_to : last;
    if (!e && r.is_page) {
        last = r.page.before_id <= last ? r.page.before_id - 1 : last;
        e = chat_store_page_start(&app->chat, last + 1, r.page.limit, &first, &has_older);
        first = first ? first - 1 : last;
    }
    if (!e)
        h = history_of(app, &r, has_older);
    if (!h) {
        dispatch_error_now(sink, conn, dispatch_cannot_read);
        return;
    }
    h->after_id = first;
    h->up_to_id = last;
    sink->send_source(sink->self, conn, &h->source);
}

const char *chat_on_get_history(struct app *app, struct peer *caller, const struct json_object *msg)
{
    struct json_member m;
    struct reading r = { .is_page = json_find(msg, "limit", &m) || json_find(msg, "beforeId", &m) };
    const char *error = r.is_page ? page_read(msg, &r.page) : NULL;

    if (error)
        return error;
    if (chat_store_max_id(&app->chat, &r.up_to))
        return dispatch_cannot_read;
    outbox_apply(app->outbox, caller->conn, apply_reading, app, caller->conn,
                 bytes_of((char *)&r, sizeof r));
    return NULL;
}

enum http_verdict chat_on_http_history(struct app *app, struct http_request *rq,
                                       const struct caller *caller)
{
    int64_t last = 0;
    (void)caller;

    if (chat_store_max_id(&app->chat, &last))
        return reply_sentence(app, rq->conn, 503, "The database cannot be read right now.");
    struct history *h = history_new(app, false, BYTES("["), BYTES("]"));
    if (!h)
        return reply_sentence(app, rq->conn, 503, "The server is out of memory.");
    h->fill = fill;
    h->up_to_id = last;
    struct http_reply r = {
        .status = 200,
        .content_type = BYTES("application/json"),
        .extra = BYTES("Cache-Control: no-store\r\n"),
        .source = &h->source,
        .fd = -1,
    };
    app->ports.reply(app->ports.self, rq->conn, &r);
    return HTTP_ANSWERED;
}
