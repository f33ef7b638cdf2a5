#include "app/client_id.h"
#include <stdio.h>
#include "proto/ws_frame.h"

static bool is_client_id(struct bytes id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = ascii_lower(id.data[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return id.len >= 1 && id.len <= CLIENT_ID_MAX;
}

const char *client_id_read(const struct peer *caller, const struct json_object *msg,
                           struct client_id *id)
{
    struct bytes text;
    char *owned = NULL;

    id->len = 0;
    if (!caller->is_v1)
        return NULL;
    enum json_text_result r = json_text(msg, "clientId", 1, CLIENT_ID_MAX, &text, &owned);
    bool is_good = r == JSON_TEXT_OK && is_client_id(text);
    if (is_good) {
        memcpy(id->text, text.data, text.len);
        id->text[text.len] = 0;
        id->len = text.len;
    }
    json_text_free(owned);
    if (is_good || r == JSON_TEXT_MISSING)
        return NULL;
    return r == JSON_TEXT_NO_MEMORY
               ? "the server is out of memory"
               : "clientId must have 1 to 64 letters, digits, underscores or hyphens";
}

static struct bytes not_sent(const struct client_id *id, char text[CLIENT_ID_MAX + 64])
{
    int n = snprintf(text, CLIENT_ID_MAX + 64, "{\"messageType\":\"not_sent\",\"clientId\":\"%s\"}",
                     id->text);
    return bytes_of(text, (size_t)n);
}

void client_id_guard(struct app *app, const struct client_id *id)
{
    char text[CLIENT_ID_MAX + 64];

    if (!id->len)
        return;
    struct bytes message = not_sent(id, text);
    char *room = outbox_op_if_failed(app->outbox, ws_frame_head_len(message.len) + message.len);
    if (room)
        generate_ws_frame(WS_TEXT, message, room);
}

void client_id_refused(struct app *app, const struct peer *caller, const struct client_id *id)
{
    char text[CLIENT_ID_MAX + 64];

    if (id->len)
        hub_to_peer(&app->hub, caller, not_sent(id, text));
}
