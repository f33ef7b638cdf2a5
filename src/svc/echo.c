/* Echo: the text comes back as the same string because it comes back as the same bytes. What the
 * scan has accepted as a JSON string is a JSON string in the answer, too, with every escape as it
 * was written; nothing is decoded, so nothing can be lost. */
#include "proto/ws_stage.h"
#include "svc/services.h"

#define SHARE_MIN  (16u * 1024u) /* bytes: a copy of less is cheaper */
#define SHARE_PART 4u

/* Whoever is owed a part of a blob keeps all of it, and is counted for the part: it must be a good
 * one, or a peer that does not read could hold many times what its limits say. */
static bool is_worth_sharing(const struct blob *owner, struct bytes text)
{
    return owner && text.len >= SHARE_MIN && text.len >= owner->len / SHARE_PART;
}

const char *echo_on_echo(struct app *app, struct peer *caller, const struct json_object *msg)
{
    const struct bytes head = BYTES("{\"messageType\":\"echo_server\",\"text\":");
    struct json_member text;

    if (!json_find(msg, "text", &text) || text.type != JSON_STRING)
        return "text must be a string";
    if (is_worth_sharing(msg->owner, text.value)) {
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
