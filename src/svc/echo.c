/* Echo: the text comes back as the same string because it comes back as the same bytes. What the
 * scan has accepted as a JSON string is a JSON string in the answer, too, with every escape as it
 * was written; nothing is decoded, so nothing can be lost. */
#include "proto/ws_stage.h"
#include "svc/services.h"

/* Bytes: a copy of less is cheaper than what keeping its blob may cost. */
#define SHARE_MIN (16u * 1024u)

const char *echo_on_echo(struct app *app, struct peer *caller, const struct json_object *msg)
{
    const struct bytes head = BYTES("{\"messageType\":\"echo_server\",\"text\":");
    struct json_member text;

    if (!json_find(msg, "text", &text) || text.type != JSON_STRING)
        return "text must be a string";
    if (msg->owner && text.value.len >= SHARE_MIN) {
        ws_stage_shared(app->outbox, caller->conn, head, msg->owner, text.value, BYTES("}"));
        return NULL;
    }
    char *room = ws_stage(app->outbox, caller->conn, WS_TEXT, head.len + text.value.len + 1);
    if (!room)
        return NULL; /* the outbox is lost, and says so itself */
    memcpy(room, head.data, head.len);
    memcpy(room + head.len, text.value.data, text.value.len);
    room[head.len + text.value.len] = '}';
    return NULL;
}
