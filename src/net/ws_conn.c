/* The decoder says what has come; this file decides what it means for the connection.
 *
 * Pongs and close frames are staged in the outbox like every answer, so they keep their place: what
 * came before a close frame is answered before the close is. After our close frame nothing more is
 * read as messages; conn_finish() sends what is queued, shuts our side down and waits for the
 * peer's end, 5 s at most.
 */
#include "net/ws_conn.h"
#include "proto/ws_stage.h"

#define MESSAGES_PER_TICK 64
#define PING_MS           30000 /* silent for so long: ask */
#define SILENT_MS         75000 /* silent for so long: gone */

static void stage_close(struct conn *c, uint16_t code)
{
    struct outbox *o = c->net->outbox;
    char *room = ws_stage(o, c->id, WS_CLOSE, code == WS_CLOSE_NO_STATUS ? 0 : 2);

    if (room && code != WS_CLOSE_NO_STATUS) {
        room[0] = (char)(code >> 8);
        room[1] = (char)(code & 0xff);
    }
    outbox_finish(o, c->id, code);
    c->is_finish_staged = true;
}

void ws_conn_shut(struct conn *c, enum ws_close_code code)
{
    if (c->is_finish_staged)
        return;
    stage_close(c, (uint16_t)code);
    conn_peer_gone(c); /* now, and not when the last byte is sent */
}

static void on_event(struct conn *c, const struct ws_event *ev)
{
    switch (ev->type) {
    case WS_EVENT_MESSAGE:
        c->net->events.on_message(c->net->events.self, c->peer, ev);
        break;
    case WS_EVENT_PING:
        ws_stage_bytes(c->net->outbox, c->id, WS_PONG, ev->data);
        break;
    case WS_EVENT_CLOSE: /* the code comes back, as RFC 6455 section 5.5.1 recommends */
    case WS_EVENT_FAIL:
        ws_conn_shut(c, ev->close_code);
        break;
    case WS_EVENT_PONG:
    case WS_EVENT_MORE:
        break;
    }
}

static size_t on_input(struct conn *c, char *data, size_t len)
{
    struct ws_input in = { data, len, c->pending ? NULL : c->net->scratch };
    size_t before = outbox_bytes(c->net->outbox);

    for (int budget = MESSAGES_PER_TICK;; budget--) {
        bool is_spent = budget == 0 || outbox_bytes(c->net->outbox) - before > CONN_SAYS;
        if (c->is_finish_staged || !conn_is_speaking(c))
            return len;
        if (conn_is_backlogged(c) || is_spent) {
            c->hold = is_spent ? HOLD_BUDGET : HOLD_BACKLOG;
            return len - in.len;
        }
        struct ws_event ev = ws_decoder_next(&c->u.ws, &in);
        if (ev.type == WS_EVENT_MORE)
            return len;
        on_event(c, &ev);
    }
}

static size_t room(struct conn *c, size_t most, char **at)
{
    if (c->is_finish_staged || conn_is_backlogged(c))
        return 0;
    return ws_decoder_room(&c->u.ws, most, at);
}

static void on_received(struct conn *c, size_t n)
{
    struct ws_input none = { NULL, 0, NULL };
    struct ws_event ev = ws_decoder_received(&c->u.ws, n);

    on_event(c, &ev);
    if (conn_is_speaking(c))
        ws_decoder_next(&c->u.ws, &none); /* gives back what the message was lent from */
}

/* Without a close frame: the connection has failed (RFC 6455 section 7.1.4, code 1006 for the
 * peer's own book-keeping); nothing is sent. */
static void on_eof(struct conn *c)
{
    if (!c->is_finish_staged)
        conn_close(c);
}

static int64_t on_deadline(struct conn *c, int64_t now_ms)
{
    int64_t silent = now_ms - c->heard_ms;

    if (c->is_finish_staged)
        return now_ms + CONN_FINISH_MS;
    if (silent >= SILENT_MS) {
        conn_close(c);
        return 0;
    }
    if (silent >= PING_MS && !c->is_pinged && outq_is_empty(&c->out)) {
        ws_stage(c->net->outbox, c->id, WS_PING, 0);
        c->is_pinged = true;
    }
    /* No later than after PING_MS: the answer to a ping begins the time anew and moves no timer. */
    int64_t due = c->heard_ms + (silent >= PING_MS ? SILENT_MS : PING_MS);
    return due < now_ms + PING_MS ? due : now_ms + PING_MS;
}

static void on_drained(struct conn *c)
{
    (void)c;
}

static void on_gone(struct conn *c)
{
    conn_peer_gone(c);
    ws_decoder_release(&c->u.ws);
}

static const struct conn_ops ws_ops = {
    .on_input = on_input,
    .room = room,
    .on_received = on_received,
    .on_eof = on_eof,
    .on_deadline = on_deadline,
    .on_drained = on_drained,
    .on_gone = on_gone,
};

void ws_conn_start(struct conn *c, void *peer, bool is_v1)
{
    c->ops->on_gone(c); /* HTTP gives back what it holds */
    c->ops = &ws_ops;
    c->state = CONN_WEBSOCKET;
    c->peer = peer;
    c->is_v1 = is_v1;
    c->heard_ms = c->net->now_ms;
    ws_decoder_init(&c->u.ws, c->net->max_message, c->net->allow_binary);
    conn_deadline(c, c->net->now_ms + PING_MS);
}
