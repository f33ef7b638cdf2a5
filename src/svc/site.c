/* What is neither an account nor a message: pages, files, health, and the door to the WebSocket. */
#include <stdio.h>
#include "proto/ws_handshake.h"
#include "svc/services.h"

enum http_verdict site_on_page(struct app *app, struct http_request *rq,
                               const struct caller *caller)
{
    static const struct bytes rooms = { "/video-call/", sizeof "/video-call/" - 1 };
    struct http_reply r;
    (void)caller;

    /* A room is one segment: /video-call/{roomID} */
    if (rq->path.len > rooms.len && memcmp(rq->path.data, rooms.data, rooms.len) == 0 &&
        memchr(rq->path.data + rooms.len, '/', rq->path.len - rooms.len))
        return reply_sentence(app, rq->conn, 404, "There is nothing here.");
    app->ports.page(app->ports.self, rq->head, rq->page, &r);
    app->ports.reply(app->ports.self, rq->conn, &r);
    return HTTP_ANSWERED;
}

enum http_verdict site_on_file(struct app *app, struct http_request *rq,
                               const struct caller *caller)
{
    const size_t prefix = sizeof "/public/" - 1;
    struct http_reply r;
    (void)caller;

    app->ports.file(app->ports.self, rq->head,
                    bytes_of(rq->path.data + prefix, rq->path.len - prefix), &r);
    app->ports.reply(app->ports.self, rq->conn, &r);
    return HTTP_ANSWERED;
}

enum http_verdict site_on_health(struct app *app, struct http_request *rq,
                                 const struct caller *caller)
{
    struct http_reply r = {
        .status = 200,
        .content_type = BYTES("text/plain; charset=utf-8"),
        .extra = BYTES("Cache-Control: no-store\r\n"),
        .body = BYTES("ok"),
        .fd = -1,
    };
    (void)caller;
    app->ports.reply(app->ports.self, rq->conn, &r);
    return HTTP_ANSWERED;
}

static void reply_switching(struct app *app, slot_id conn, const struct ws_handshake *hs)
{
    char lines[192];
    int n = snprintf(lines, sizeof lines,
                     "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: %s\r\n%s",
                     hs->accept, hs->is_v1 ? "Sec-WebSocket-Protocol: parlor.v1\r\n" : "");
    struct http_reply r = { .status = 101, .extra = bytes_of(lines, (size_t)n), .fd = -1 };
    app->ports.reply(app->ports.self, conn, &r);
}

enum http_verdict site_on_websocket(struct app *app, struct http_request *rq,
                                    const struct caller *caller)
{
    struct ws_handshake hs;
    int status = ws_handshake_check(rq->head, &hs);

    if (status == 426)
        return reply_sentence_with(app, rq->conn, 426, "This server speaks WebSocket version 13.",
                                   BYTES("Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n"
                                         "Connection: Upgrade\r\n"));
    if (status != 101)
        return reply_sentence(app, rq->conn, 400, "This is no WebSocket opening handshake.");
    if (caller_origin_is_foreign(app, rq->head))
        return reply_sentence(app, rq->conn, 403, "WebSockets from other sites are refused.");
    reply_switching(app, rq->conn, &hs);
    rq->is_v1 = hs.is_v1;
    rq->peer = app_join(app, rq->conn, caller->user_id, bytes_str(caller->name), caller->session,
                        hs.is_v1);
    if (!rq->peer) { /* the 101 is staged already: end behind it */
        outbox_finish(app->outbox, rq->conn, WS_CLOSE_INTERNAL);
        return HTTP_ANSWERED;
    }
    return HTTP_UPGRADED;
}
