/* Echo: the text comes back as the same string because it comes back as the same bytes. What the scan has
 * accepted as a JSON string is a JSON string in the answer, too, with every escape as it was written; nothing is
 * decoded, so nothing can be lost. */
#include "proto/ws_stage.h"
#include "svc/services.h"

const char *echo_on_echo(struct app *app, struct peer *caller, const struct json_object *msg)
{
    static const char head[] = "{\"messageType\":\"echo_server\",\"text\":";
    const size_t head_len = sizeof head - 1;
    struct json_member text;

    if (!json_find(msg, "text", &text) || text.type != JSON_STRING)
        return "text must be a string";
    char *room = ws_stage(app->outbox, caller->conn, WS_TEXT, head_len + text.value.len + 1);
    if (!room)
        return NULL; /* the outbox is lost, and says so itself */
    memcpy(room, head, head_len);
    memcpy(room + head_len, text.value.data, text.value.len);
    room[head_len + text.value.len] = '}';
    return NULL;
}
