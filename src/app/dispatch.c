/* Nothing of a message is trusted before the scan has accepted it, and nothing is built for it
 * before its row is known: a message that no row wants, or that is beyond its row's limits, has
 * cost one walk over its bytes. */
#include "app/dispatch.h"
#include <stdio.h>
#include "app/client_id.h"
#include "proto/ws_stage.h"

const char dispatch_cannot_read[] = "the database cannot be read right now";
const char dispatch_store_failed[] = "the server cannot store anything right now";

void dispatch_error(struct app *app, const struct peer *to, const char *sentence)
{
    char text[256];
    int n = snprintf(text, sizeof text, "{\"messageType\":\"error\",\"error\":\"%s\"}", sentence);
    hub_to_peer(&app->hub, to, bytes_of(text, (size_t)n));
}

const char *dispatch_text_error(enum json_text_result r, const struct text_sentences *s)
{
    switch (r) {
    case JSON_TEXT_OK:
        return NULL;
    case JSON_TEXT_MISSING:
    case JSON_TEXT_TYPE:
        return s->missing;
    case JSON_TEXT_LENGTH:
        return s->length;
    case JSON_TEXT_NUL:
        return s->nul;
    case JSON_TEXT_SURROGATE:
        return s->surrogate;
    case JSON_TEXT_NO_MEMORY:
        break;
    }
    return "the server is out of memory";
}

const char *dispatch_find_user(struct app *app, const struct json_object *msg, const char *key,
                               const char *missing, struct user_row *out)
{
    struct bytes name;
    char *owned = NULL;
    enum json_text_result r = json_text(msg, key, 1, HUB_NAME_MAX, &name, &owned);
    enum err e = r == JSON_TEXT_NO_MEMORY ? ERR_NO_MEMORY : ERR_NOT_FOUND;

    if (r == JSON_TEXT_OK)
        e = user_store_by_name(&app->users, name, out, NULL);
    json_text_free(owned);
    if (r == JSON_TEXT_MISSING || r == JSON_TEXT_TYPE)
        return missing;
    return e == OK ? NULL : e == ERR_NOT_FOUND ? "there is no such user" : dispatch_cannot_read;
}

void dispatch_error_now(const struct out_sink *sink, slot_id to, const char *sentence)
{
    char text[256], frame[WS_MAX_SERVER_HEAD + sizeof text];
    int n = snprintf(text, sizeof text, "{\"messageType\":\"error\",\"error\":\"%s\"}", sentence);
    size_t len = generate_ws_frame(WS_TEXT, bytes_of(text, (size_t)n), frame);
    struct blob *b = blob_copy(bytes_of(frame, len));

    if (b)
        sink->send(sink->self, to, b, 0, b->len, OUT_LIVE);
    else
        sink->lost(sink->self, to);
    blob_unref(b);
}

static const char *scan_error(enum json_result r)
{
    switch (r) {
    case JSON_OK:
        return NULL;
    case JSON_BAD:
        return "the message is not valid JSON";
    case JSON_NO_OBJECT:
        return "the message must be a JSON object";
    case JSON_TOO_DEEP:
        return "the message is nested more than 64 levels deep";
    case JSON_REPEATED:
        return "the message has the same key twice";
    case JSON_NO_MEMORY:
        break;
    }
    return "the server is out of memory";
}

static const struct message_row *find_row(const struct message_row *rows, struct bytes raw)
{
    for (; rows->type; rows++)
        if (json_string_is(raw, bytes_str(rows->type)))
            return rows;
    return NULL;
}

/* Everything that is decided before the handler runs. */
static const char *guard(const struct message_row *row, const struct peer *caller,
                         const struct json_object *msg)
{
    if (!row || ((row->flags & V1_ONLY) && !caller->is_v1))
        return "messageType is not one that this server knows";
    if (row->who == MEMBER && !peer_is_member(caller))
        return "log in to do that";
    if (row->flags & UNBOUNDED)
        return NULL;
    if (msg->text.len > (row->max_bytes ? row->max_bytes : MESSAGE_MAX))
        return "the message is too long";
    if (msg->n_values > MESSAGE_MAX_VALUES)
        return "the message holds more than 10000 values";
    return NULL;
}

void dispatch_message(struct app *app, const struct message_row *rows, struct peer *caller,
                      struct bytes text, struct blob *owner)
{
    struct json_object msg;
    struct json_member type;
    const char *error = scan_error(json_scan(text, &msg));

    msg.owner = owner;
    if (!error && (!json_find(&msg, "messageType", &type) || type.type != JSON_STRING))
        error = "messageType must be a string";
    const struct message_row *row = error ? NULL : find_row(rows, type.value);
    if (!error)
        error = guard(row, caller, &msg);
    if (!error)
        error = row->handler(app, caller, &msg);
    if (!error)
        return;
    struct client_id id;
    if (row && (row->flags & CLIENT_ID) && !client_id_read(caller, &msg, &id))
        client_id_refused(app, caller, &id);
    dispatch_error(app, caller, error);
}
