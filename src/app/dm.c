/* Who gets a direct message is decided here, once: the connections of its two people. Nobody else's
 * are ever looked at. */
#include "app/dm.h"
#include "app/json_out.h"

/* Six bytes of JSON for a byte of text at the most, and names and numbers. */
#define ENCODED_MAX (6u * TEXT_MAX_BYTES + 1024u)

void dm_write(struct json_out *j, const struct dm_message *m, bool is_v1)
{
    json_raw(j, "{\"messageType\":\"direct_message\",\"fromUser\":");
    json_plain(j, m->from);
    if (is_v1) {
        json_raw(j, ",\"toUser\":");
        json_plain(j, m->to);
    }
    json_raw(j, ",\"text\":");
    j->is_html = !is_v1;
    json_string(j, m->text);
    if (is_v1) {
        json_raw(j, ",\"id\":");
        json_int64(j, m->id);
        json_raw(j, ",\"sentAt\":");
        json_int64(j, m->sent_at);
        if (m->client_id.len) {
            json_raw(j, ",\"clientId\":");
            json_plain(j, m->client_id);
        }
        if (m->unread >= 0) {
            json_raw(j, ",\"unread\":");
            json_int64(j, m->unread);
        }
    }
    json_raw(j, "}");
}

/* Stages it for one user's connections of one dialect, if there are any. */
static enum err tell(struct app *app, int64_t user_id, const struct dm_message *m, bool is_v1)
{
    enum audience who = is_v1 ? TO_V1 : TO_BASE;
    struct buf text;

    if (!hub_user_has(&app->hub, user_id, who))
        return OK;
    buf_init(&text, ENCODED_MAX);
    struct json_out j = { .buf = &text };
    dm_write(&j, m, is_v1);
    if (!j.error)
        hub_to_user(&app->hub, user_id, who, buf_bytes(&text));
    buf_release(&text);
    return j.error;
}

static enum err tell_both(struct app *app, const struct dm_message *m)
{
    struct dm_message received = *m;
    struct dm_side side;

    enum err e = tell(app, m->from_id, m, false);
    if (!e)
        e = tell(app, m->from_id, m, true);
    if (e || m->from_id == m->to_id)
        return e;
    e = dm_store_side(&app->dms, m->to_id, m->from_id, &side);
    if (e)
        return e;
    received.client_id = BYTES("");
    received.unread = side.unread;
    e = tell(app, m->to_id, &received, false);
    return e ? e : tell(app, m->to_id, &received, true);
}

enum err app_dm_store(struct app *app, struct dm_message *m, bool *was_there)
{
    const struct dm_new dm = {
        .from_id = m->from_id,
        .to_id = m->to_id,
        .text = m->text,
        .sent_at = app->wall_ms,
        .client_id = m->client_id,
    };
    struct stored_as stored;

    enum err e = dm_store_insert(&app->dms, &dm, &stored);
    if (e)
        return e;
    m->id = stored.id;
    m->sent_at = stored.sent_at;
    m->unread = -1;
    *was_there = stored.was_there;
    return stored.was_there ? OK : tell_both(app, m);
}

enum err app_dm_send(struct app *app, int64_t from_id, struct bytes from_name, int64_t to_id,
                     struct bytes to_name, struct bytes text)
{
    struct dm_message m = {
        .from_id = from_id,
        .from = from_name,
        .to_id = to_id,
        .to = to_name,
        .text = text,
        .client_id = BYTES(""),
    };
    bool was_there;

    return app_dm_store(app, &m, &was_there);
}
