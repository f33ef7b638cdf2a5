/* A request is served when its body is whole, and the next one is looked at when its answer has been staged: one
 * at a time, whatever a client pipelines.
 *
 * Views: a head that came with its whole body (nearly all do) is used where it was received. When
 * the body is still on its way, the head's bytes are copied and parsed again at the end: cheap, rare, and no
 * pointer outlives its buffer.
 */
#include "net/http_conn.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "net/ws_conn.h"
#include "proto/http_chunked.h"
#include "proto/http_form.h"
#include "proto/http_reply.h"
#include "proto/http_url.h"

#define BODY_MAX          (64u * 1024u)
#define PATH_MAX_BYTES    4096u
#define REQUESTS_PER_TICK 32

#define FIRST_MS 10000 /* a new connection that stays silent */
#define HEAD_MS  10000 /* from the first byte of a head to its end */
#define BODY_MS  30000 /* from the end of a head to the end of its body */
#define IDLE_MS  60000 /* a kept connection between two requests */

enum phase { PHASE_FIRST, PHASE_HEAD, PHASE_BODY, PHASE_ANSWER, PHASE_IDLE };

struct http_conn {
    struct http_scan scan;
    struct buf head; /* bytes of the head, while the body is coming */
    struct buf body;
    struct http_chunked chunked;
    uint64_t body_left;
    int64_t since_ms; /* when the phase began */
    uint8_t phase, minor_version;
    bool is_chunked, keep_alive, is_head;
    bool is_ended;    /* the last answer is staged; the connection closes behind it */
    bool is_sending;  /* a file is on its way: one open file per connection, however much is pipelined */
    char address[48];
};

static void enter(struct conn *c, enum phase phase)
{
    struct http_conn *h = c->u.http;
    h->phase = (uint8_t)phase;
    h->since_ms = c->net->now_ms;
    conn_deadline(c, http_conn_deadline(c, c->net->now_ms));
}

int64_t http_conn_deadline(const struct conn *c, int64_t now_ms)
{
    const struct http_conn *h = c->u.http;
    if (!outq_is_empty(&c->out))
        return c->heard_ms + CONN_STALL_MS;
    switch ((enum phase)h->phase) {
    case PHASE_FIRST:
        return h->since_ms + FIRST_MS;
    case PHASE_HEAD:
        return h->since_ms + HEAD_MS;
    case PHASE_BODY:
        return h->since_ms + BODY_MS;
    case PHASE_IDLE:
        return h->since_ms + IDLE_MS;
    case PHASE_ANSWER:
        break;
    }
    return now_ms + IDLE_MS;
}

/* --- answers --- */

/* What an exchange needs to know of the connection to write a head. */
static void describe(const struct conn *c, const struct http_reply *r, struct http_reply_head *head)
{
    const struct http_conn *h = c->u.http;
    bool has_no_body = r->status == 304 || r->status == 204 || r->status < 200;

    *head = (struct http_reply_head){
        .status = r->status,
        .content_type = r->content_type,
        .has_length = !has_no_body && !r->source,
        .content_length = r->blob || r->fd >= 0 ? r->len : r->body.len,
        .is_chunked = r->source && h->minor_version >= 1,
        .keep_alive = h->keep_alive,
        .minor_version = h->minor_version,
        .date = c->net->date,
        .extra = r->extra,
    };
}

static void reply_drop(struct http_reply *r)
{
    blob_unref(r->blob);
    if (r->fd >= 0)
        close(r->fd);
    if (r->source)
        r->source->free(r->source);
    r->blob = NULL;
    r->source = NULL;
    r->fd = -1;
}

/* --- bodies made while they are sent: the chunked coding (RFC 9112 section 7.1) around a source --- */

struct chunker {
    struct out_source source;
    struct out_source *inner;
    bool is_done;
};

static struct blob *next_chunk(struct out_source *s, bool *done)
{
    struct chunker *k = container_of(s, struct chunker, source);
    bool inner_done = false;

    *done = k->is_done;
    if (k->is_done)
        return NULL;
    struct blob *piece = k->inner->next(k->inner, &inner_done);
    if (!piece && !inner_done)
        return NULL; /* it has failed: without the last chunk the client knows */
    if (!piece) {
        k->is_done = true;
        return blob_copy(BYTES("0\r\n\r\n"));
    }
    char size[24];
    size_t n = (size_t)snprintf(size, sizeof size, "%zx\r\n", piece->len);
    struct blob *b = blob_new(n + piece->len + 2);
    if (b) {
        memcpy(b->data, size, n);
        memcpy(b->data + n, piece->data, piece->len);
        memcpy(b->data + n + piece->len, "\r\n", 2);
    }
    blob_unref(piece);
    return b;
}

static void chunker_free(struct out_source *s)
{
    struct chunker *k = container_of(s, struct chunker, source);
    k->inner->free(k->inner);
    free(k);
}

/* Takes `inner` over; NULL without memory (it is freed then). */
static struct out_source *chunked(struct out_source *inner)
{
    struct chunker *k = calloc(1, sizeof *k);
    if (!k) {
        inner->free(inner);
        return NULL;
    }
    k->source = (struct out_source){ next_chunk, chunker_free };
    k->inner = inner;
    return &k->source;
}

/* Hands the body over; what it owned is the outbox's then. */
static void stage_body(struct conn *c, struct http_reply *r)
{
    struct outbox *o = c->net->outbox;

    if (r->blob) {
        outbox_blob(o, c->id, r->blob, (size_t)r->off, (size_t)r->len, OUT_HISTORY);
    } else if (r->fd >= 0) {
        c->u.http->is_sending = true;
        outbox_file(o, c->id, r->fd, r->off, r->len);
        r->fd = -1;
    } else if (r->source) {
        struct out_source *body = c->u.http->minor_version >= 1 ? chunked(r->source) : r->source;
        r->source = NULL;
        if (body)
            outbox_source(o, c->id, body);
        else
            conn_close(c);
    }
}

/* Head and small body in one piece: one slice, one segment. */
static void stage_reply(struct conn *c, struct http_reply *r)
{
    struct http_reply_head head;
    struct buf text;
    bool inline_body = !r->is_head && !r->blob && r->fd < 0 && !r->source && r->body.len;

    describe(c, r, &head);
    buf_init(&text, 2 * HTTP_MAX_HEADER_SECTION);
    enum err e = http_reply_write(&text, &head);
    size_t body = inline_body && head.has_length ? r->body.len : 0;
    char *room = e ? NULL : outbox_to(c->net->outbox, c->id, buf_len(&text) + body);
    if (room) {
        memcpy(room, buf_head(&text), buf_len(&text));
        if (body)
            memcpy(room + buf_len(&text), r->body.data, body);
        if (!r->is_head && r->status != 304)
            stage_body(c, r);
    } else if (e) {
        conn_close(c);
    }
    buf_release(&text);
}

static void http_input_ready(struct conn *c)
{
    if (c->hold == HOLD_ANSWER)
        conn_continue(c);
}

void http_conn_reply(struct net *net, slot_id conn, struct http_reply *r)
{
    struct conn *c = slots_find(&net->conns, conn);
    if (c && c->state == CONN_HTTP && !c->u.http->is_ended) {
        struct http_conn *h = c->u.http;
        if (r->close || net->is_stopping)
            h->keep_alive = false;
        r->is_head = r->is_head || h->is_head;
        if (r->source && h->minor_version < 1)
            h->keep_alive = false; /* the end of the body is the end of the connection */
        stage_reply(c, r);
        if (conn_is_speaking(c) && r->status != 101) {
            if (!h->keep_alive) {
                outbox_finish(net->outbox, c->id, 0);
                h->is_ended = true;
            }
            enter(c, PHASE_IDLE);
            http_input_ready(c);
        }
    }
    reply_drop(r);
}

void http_conn_reply_text(struct net *net, slot_id conn, int status, const char *text, bool close)
{
    struct http_reply r = {
        .status = status,
        .content_type = BYTES("text/plain; charset=utf-8"),
        .body = bytes_str(text),
        .fd = -1,
        .close = close,
    };
    http_conn_reply(net, conn, &r);
}

void http_conn_failed(struct conn *c)
{
    struct buf text;
    static const char body[] = "The server cannot store anything right now.\n";
    struct http_reply_head head = {
        .status = 503,
        .content_type = BYTES("text/plain; charset=utf-8"),
        .has_length = true,
        .content_length = sizeof body - 1,
        .minor_version = 1,
        .date = c->net->date,
    };
    buf_init(&text, 4096);
    struct blob *b = NULL;
    if (http_reply_write(&text, &head) == OK && buf_append(&text, body, sizeof body - 1) == OK)
        b = blob_copy(buf_bytes(&text));
    if (!b || outq_add(&c->out, b, 0, b->len, OUT_LIVE))
        conn_close(c);
    else
        conn_finish(c);
    blob_unref(b);
    buf_release(&text);
}

/* --- requests --- */

/* The sentence for a status with which parsing has failed. */
static const char *sentence(int status)
{
    switch (status) {
    case 408:
        return "The request took too long.\n";
    case 413:
        return "The request body is longer than 64 KiB.\n";
    case 414:
        return "The request line is longer than 8 KiB.\n";
    case 431:
        return "The header section is longer than 16 KiB, or has too many fields.\n";
    case 505:
        return "This server speaks HTTP/1.0 and HTTP/1.1.\n";
    default:
        return "The request is malformed.\n";
    }
}

/* The framing of what follows cannot be trusted: answer and close. */
static void refuse(struct conn *c, int status)
{
    c->u.http->keep_alive = false;
    c->u.http->minor_version = 1;
    c->u.http->is_head = false;
    http_conn_reply_text(c->net, c->id, status, sentence(status), true);
}

/* The last entry of the last X-Forwarded-For (the one that the proxy in front has written). */
static struct bytes client_address(const struct conn *c, const struct http_head *head)
{
    struct bytes own = bytes_str(c->u.http->address), last = { NULL, 0 };

    for (unsigned i = 0; c->net->trust_proxy && i < head->n_headers; i++)
        if (bytes_eq_nocase(head->headers[i].name, BYTES("x-forwarded-for")))
            last = head->headers[i].value;
    if (!last.data)
        return own;
    for (size_t i = last.len; i > 0; i--)
        if (last.data[i - 1] == ',') {
            last = bytes_of(last.data + i, last.len - i);
            break;
        }
    while (last.len && (*last.data == ' ' || *last.data == '\t'))
        last = bytes_of(last.data + 1, last.len - 1);
    return last.len ? last : own;
}

/* Whole request: decode the path and hand it up. */
static void serve(struct conn *c, const struct http_head *head, struct bytes body)
{
    struct http_conn *h = c->u.http;
    char path[PATH_MAX_BYTES];
    size_t path_len = 0;

    h->keep_alive = head->keep_alive && head->minor_version >= 1 && !c->net->is_stopping;
    h->minor_version = (uint8_t)head->minor_version;
    h->is_head = head->method == HTTP_HEAD;
    enum err e = url_decode_path(head->path, path, sizeof path, &path_len);
    if (e == ERR_BAD_INPUT) {
        refuse(c, 400);
        return;
    }
    struct http_request rq = {
        .conn = c->id,
        .head = head,
        .path = e ? BYTES("") : bytes_of(path, path_len), /* no page and no file has this path */
        .body = body,
        .address = client_address(c, head),
    };
    h->phase = PHASE_ANSWER;
    enum http_verdict verdict = c->net->events.on_request(c->net->events.self, &rq);
    if (!conn_is_speaking(c)) { /* its answer could not be staged */
        if (verdict == HTTP_UPGRADED)
            c->net->events.on_gone(c->net->events.self, rq.peer);
        return;
    }
    if (verdict == HTTP_UPGRADED)
        ws_conn_start(c, rq.peer, rq.is_v1);
    else if (verdict == HTTP_LATER && h->phase == PHASE_ANSWER) /* it may have been staged already */
        c->hold = HOLD_ANSWER;
}

/* A head whose body is still to come. */
static void start_body(struct conn *c, const struct http_head *head, struct bytes bytes)
{
    struct http_conn *h = c->u.http;

    buf_init(&h->head, HTTP_MAX_REQUEST_LINE + HTTP_MAX_HEADER_SECTION + 16);
    buf_init(&h->body, BODY_MAX);
    h->chunked = (struct http_chunked){ 0 };
    h->is_chunked = head->is_chunked;
    h->body_left = head->is_chunked ? 0 : head->content_length;
    if (buf_append(&h->head, bytes.data, bytes.len)) {
        conn_close(c);
        return;
    }
    enter(c, PHASE_BODY);
    if (head->expect_continue) {
        static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
        char *room = outbox_to(c->net->outbox, c->id, sizeof text - 1);
        if (room)
            memcpy(room, text, sizeof text - 1);
    }
}

static void body_is_whole(struct conn *c)
{
    struct http_conn *h = c->u.http;
    struct http_scan scan = { 0 };
    struct http_head head;
    struct buf bytes = h->head, body = h->body;

    buf_init(&h->head, 0);
    buf_init(&h->body, 0);
    if (http_head_parse(&head, &scan, buf_bytes(&bytes)) > 0)
        serve(c, &head, buf_bytes(&body));
    buf_release(&bytes);
    buf_release(&body);
}

/* Adds a piece to the body; false when the request is over (too long, or no memory). */
static bool add_to_body(struct conn *c, struct bytes piece)
{
    enum err e = buf_append(&c->u.http->body, piece.data, piece.len);
    if (e == ERR_LIMIT)
        refuse(c, 413);
    else if (e)
        conn_close(c);
    return e == OK;
}

static size_t chunked_input(struct conn *c, struct bytes in)
{
    size_t len = in.len;
    for (;;) {
        struct bytes piece;
        switch (http_chunked_next(&c->u.http->chunked, &in, &piece)) {
        case HTTP_CHUNKED_DATA:
            if (!add_to_body(c, piece))
                return len;
            break;
        case HTTP_CHUNKED_MORE: /* a chunk that would be too long is refused before it arrives */
            if (http_chunked_announced(&c->u.http->chunked) > BODY_MAX - buf_len(&c->u.http->body))
                refuse(c, 413);
            return len;
        case HTTP_CHUNKED_DONE:
            body_is_whole(c);
            return len - in.len;
        case HTTP_CHUNKED_BAD:
            refuse(c, 400);
            return len;
        }
    }
}

static size_t body_input(struct conn *c, struct bytes in)
{
    struct http_conn *h = c->u.http;

    if (h->is_chunked)
        return chunked_input(c, in);
    size_t part = in.len < h->body_left ? in.len : (size_t)h->body_left;
    if (!add_to_body(c, bytes_of(in.data, part)))
        return in.len;
    h->body_left -= part;
    if (h->body_left == 0)
        body_is_whole(c);
    return part;
}

/* Reads one head from the front of `in`, and its body when it is there. Returns how much was used. */
static size_t head_input(struct conn *c, struct bytes in)
{
    struct http_conn *h = c->u.http;
    struct http_head head;

    int n = http_head_parse(&head, &h->scan, in);
    if (n == 0) {
        if (h->phase != PHASE_HEAD)
            enter(c, PHASE_HEAD);
        return 0;
    }
    h->scan = (struct http_scan){ 0 };
    if (n < 0) {
        refuse(c, -n);
        return in.len;
    }
    size_t len = (size_t)n;
    if (head.has_body && !head.is_chunked && head.content_length > BODY_MAX) {
        refuse(c, 413);
        return in.len;
    }
    if (!head.has_body) {
        serve(c, &head, BYTES(""));
        return len;
    }
    if (!head.is_chunked && in.len - len >= head.content_length) {
        serve(c, &head, bytes_of(in.data + len, (size_t)head.content_length));
        return len + (size_t)head.content_length;
    }
    start_body(c, &head, bytes_of(in.data, len));
    return len;
}

static size_t on_input(struct conn *c, char *data, size_t len)
{
    size_t used = 0, before = outbox_bytes(c->net->outbox);

    for (int budget = REQUESTS_PER_TICK; used < len && c->state == CONN_HTTP; budget--) {
        struct http_conn *h = c->u.http;
        struct bytes rest = bytes_of(data + used, len - used);
        if (h->is_ended)
            return len; /* the connection closes behind the answer: what follows is not read */
        if (c->hold == HOLD_NONE && (conn_is_backlogged(c) || h->is_sending))
            c->hold = HOLD_BACKLOG;
        else if (c->hold == HOLD_NONE &&
                 (budget == 0 || outbox_bytes(c->net->outbox) - before > CONN_SAYS))
            c->hold = HOLD_BUDGET;
        if (c->hold != HOLD_NONE)
            break;
        size_t n = h->phase == PHASE_BODY ? body_input(c, rest) : head_input(c, rest);
        if (n == 0)
            break;
        used += n;
    }
    return used;
}

/* Half-closed by the client: what is whole has been handed up already, and its answer still goes out. */
static void on_eof(struct conn *c)
{
    struct http_conn *h = c->u.http;
    if (h->phase == PHASE_ANSWER || h->is_ended) {
        h->keep_alive = false;
        return;
    }
    outbox_finish(c->net->outbox, c->id, 0);
    h->is_ended = true;
}

static int64_t on_deadline(struct conn *c, int64_t now_ms)
{
    struct http_conn *h = c->u.http;
    int64_t due = http_conn_deadline(c, now_ms);

    if (due > now_ms)
        return due;
    if (outq_is_empty(&c->out) && (h->phase == PHASE_HEAD || h->phase == PHASE_BODY))
        refuse(c, 408);
    else
        conn_close(c);
    return now_ms + HEAD_MS;
}

static void on_drained(struct conn *c)
{
    c->u.http->is_sending = false;
    if (c->u.http->phase == PHASE_IDLE)
        enter(c, PHASE_IDLE);
    else /* the timer may be set for the end of a stall */
        conn_deadline(c, http_conn_deadline(c, c->net->now_ms));
}

static void on_gone(struct conn *c)
{
    struct http_conn *h = c->u.http;
    buf_release(&h->head);
    buf_release(&h->body);
    free(h);
    c->u.http = NULL;
}

static const struct conn_ops http_ops = {
    .on_input = on_input,
    .on_eof = on_eof,
    .on_deadline = on_deadline,
    .on_drained = on_drained,
    .on_gone = on_gone,
};

enum err http_conn_start(struct conn *c, const char *address)
{
    struct http_conn *h = calloc(1, sizeof *h);
    if (!h)
        return ERR_NO_MEMORY;
    snprintf(h->address, sizeof h->address, "%s", address);
    h->since_ms = c->net->now_ms;
    h->minor_version = 1;
    c->u.http = h;
    c->ops = &http_ops;
    c->state = CONN_HTTP;
    return OK;
}

void http_conn_stop(struct conn *c)
{
    struct http_conn *h = c->u.http;
    if (h->phase != PHASE_ANSWER && outq_is_empty(&c->out))
        conn_close(c);
    else if (h->phase != PHASE_ANSWER && !h->is_ended) {
        outbox_finish(c->net->outbox, c->id, 0);
        h->is_ended = true;
    }
}
