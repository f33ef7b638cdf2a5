/* Direct messages.
 *
 * Who may read what is part of every question to the store: it is asked for a conversation of the
 * caller, who is known from the session and never from the message.
 */
#include "app/client_id.h"
#include "app/dm.h"
#include "app/history.h"
#include "app/json_out.h"
#include "app/page.h"
#include "svc/services.h"

#define PREVIEW_POINTS 120u
#define ANSWER_MAX     4096u /* bytes of an answer without texts */

/* --- everyone who ever registered --- */

static void apply_all_users(void *ctx, const struct out_sink *sink, uint64_t conn,
                            struct bytes data)
{
    struct app *app = ctx;
    (void)data;
    jsonlog_send(&app->all_users, sink, conn, OUT_HISTORY);
}

const char *dm_on_get_all_users(struct app *app, struct peer *caller, const struct json_object *msg)
{
    (void)msg;
    outbox_apply(app->outbox, caller->conn, apply_all_users, app, caller->conn, BYTES(""));
    return NULL;
}

/* --- sending --- */

struct resend {
    struct app *app;
    const struct peer *to;
    struct dm_message *m;
};

/* The text that counts is the one that was stored the first time. */
static enum err answer_resend(void *arg, const struct dm_row *row)
{
    struct resend *r = arg;
    struct buf text;

    r->m->text = row->text;
    buf_init(&text, 8u * TEXT_MAX_BYTES);
    struct json_out j = { .buf = &text };
    dm_write(&j, r->m, true);
    if (!j.error)
        hub_to_peer(&r->app->hub, r->to, buf_bytes(&text));
    buf_release(&text);
    return j.error;
}

static const char *send_message(struct app *app, struct peer *caller, struct dm_message *m,
                                const struct client_id *id)
{
    bool was_there = false;
    struct resend resend = { app, caller, m };

    if (app_write_begin(app, caller->conn, WRITE_SYNCED))
        return dispatch_store_failed;
    client_id_guard(app, id);
    enum err e = app_dm_store(app, m, &was_there);
    if (!e && was_there)
        e = dm_store_scan(&app->dms, m->from_id, m->to_id, m->id - 1, m->id, 1, answer_resend,
                          &resend);
    if (app_write_end(app, WRITE_SYNCED, e == OK) && !e)
        e = ERR_STORE;
    if (e == ERR_EXISTS)
        return "this clientId was used for another message";
    return e ? dispatch_store_failed : NULL;
}

const char *dm_on_direct_message(struct app *app, struct peer *caller,
                                 const struct json_object *msg)
{
    struct user_row to;
    struct client_id id;
    struct dm_message m = { .from_id = caller->person->id,
                            .from = bytes_str(caller->person->name) };
    char *owned = NULL;

    const char *error = client_id_read(caller, msg, &id);
    if (!error)
        error = dispatch_find_user(app, msg, "targetUser", "targetUser must be a string", &to);
    if (!error)
        error = dispatch_text_error(json_text(msg, "text", 1, TEXT_MAX_BYTES, &m.text, &owned),
                                    TEXT_SENTENCES("text", "1 to 65536 bytes"));
    if (!error) {
        m.to_id = to.id;
        m.to = bytes_str(to.username);
        m.client_id = client_id_bytes(&id);
        error = send_message(app, caller, &m, &id);
    }
    json_text_free(owned);
    return error;
}

/* --- reading --- */

static enum err write_row(void *arg, const struct dm_row *row)
{
    struct history *h = arg;
    struct json_out j = { .buf = &h->text };
    bool is_own = row->from_id == h->user_id;
    struct dm_message m = {
        .from = bytes_str(is_own ? h->user_name : h->peer_name),
        .to = bytes_str(is_own ? h->peer_name : h->user_name),
        .text = row->text,
        .client_id = BYTES(""),
        .id = row->id,
        .sent_at = row->sent_at,
        .unread = -1,
    };

    enum err e = history_comma(h);
    if (e)
        return e;
    dm_write(&j, &m, h->is_v1);
    h->after_id = row->id;
    return j.error ? j.error : history_full(h);
}

static enum err fill_conversation(struct history *h, bool *done)
{
    uint32_t before = h->n_elements;
    enum err e = dm_store_scan(&h->app->dms, h->user_id, h->peer_id, h->after_id, h->up_to_id,
                               HISTORY_ROWS, write_row, h);
    return history_scanned(h, e, before, done);
}

/* What is read may have been written in this very tick, and its commit may fail. So a reading is
 * staged, and done when the tick is decided; `up_to` is the last message that had been said when it
 * was asked for, because what was said later comes behind it, live. */
struct reading {
    struct user_row peer;
    int64_t user_id, up_to;
    char user_name[HUB_NAME_MAX + 1];
    bool is_v1, is_page;
    struct page page;
};

static void write_prefix(struct json_out *j, const struct reading *r)
{
    json_raw(j, r->is_page ? "{\"messageType\":\"message_page\""
                           : "{\"messageType\":\"message_history\"");
    if (r->is_v1) {
        json_raw(j, ",\"withUser\":");
        json_plain(j, bytes_str(r->peer.username));
    }
    if (r->is_page)
        page_write_before(j, &r->page);
    json_raw(j, ",\"messages\":[");
}

static void write_suffix(struct json_out *j, const struct reading *r, const struct dm_side *side,
                         bool has_older)
{
    if (!r->is_page) {
        json_raw(j, "]}");
        return;
    }
    json_raw(j, has_older ? "],\"hasOlder\":true" : "],\"hasOlder\":false");
    json_raw(j, ",\"readUpTo\":");
    json_int64(j, side->read_up_to);
    json_raw(j, ",\"unread\":");
    json_int64(j, side->unread);
    json_raw(j, "}");
}

static struct history *conversation_new(struct app *app, const struct reading *r,
                                        const struct dm_side *side, bool has_older)
{
    struct history *h = NULL;
    struct buf prefix, suffix;

    buf_init(&prefix, ANSWER_MAX);
    buf_init(&suffix, ANSWER_MAX);
    struct json_out j = { .buf = &prefix }, k = { .buf = &suffix };
    write_prefix(&j, r);
    write_suffix(&k, r, side, has_older);
    if (!j.error && !k.error)
        h = history_new(app, true, buf_bytes(&prefix), buf_bytes(&suffix));
    buf_release(&prefix);
    buf_release(&suffix);
    if (!h)
        return NULL;
    h->fill = fill_conversation;
    h->is_v1 = r->is_v1;
    h->user_id = r->user_id;
    h->peer_id = r->peer.id;
    memcpy(h->user_name, r->user_name, sizeof h->user_name);
    memcpy(h->peer_name, r->peer.username, sizeof h->peer_name);
    return h;
}

static void apply_reading(void *ctx, const struct out_sink *sink, uint64_t conn, struct bytes data)
{
    struct app *app = ctx;
    struct reading r;
    struct dm_side side;
    struct history *h = NULL;
    int64_t first = 0;
    bool has_older = false;

    memcpy(&r, data.data, sizeof r);
    enum err e = dm_store_side(&app->dms, r.user_id, r.peer.id, &side);
    int64_t last = side.last_id < r.up_to ? side.last_id : r.up_to;
    if (!e && r.is_page) {
        last = r.page.before_id <= last ? r.page.before_id - 1 : last;
        e = dm_store_page_start(&app->dms, r.user_id, r.peer.id, last + 1, r.page.limit, &first,
                                &has_older);
        first = first ? first - 1 : last;
    }
    if (!e)
        h = conversation_new(app, &r, &side, has_older);
    if (!h) {
        dispatch_error_now(sink, conn, dispatch_cannot_read);
        return;
    }
    h->after_id = first;
    h->up_to_id = last;
    sink->send_source(sink->self, conn, &h->source);
}

static const char *stage_reading(struct app *app, const struct peer *caller, struct reading *r)
{
    if (dm_store_max_id(&app->dms, caller->person->id, r->peer.id, &r->up_to))
        return dispatch_cannot_read;
    r->user_id = caller->person->id;
    memcpy(r->user_name, caller->person->name, sizeof r->user_name);
    r->is_v1 = caller->is_v1;
    outbox_apply(app->outbox, caller->conn, apply_reading, app, caller->conn,
                 bytes_of((char *)r, sizeof *r));
    return NULL;
}

const char *dm_on_select_user(struct app *app, struct peer *caller, const struct json_object *msg)
{
    struct reading r = { .is_page = false };
    const char *error =
        dispatch_find_user(app, msg, "targetUser", "targetUser must be a string", &r.peer);

    return error ? error : stage_reading(app, caller, &r);
}

const char *dm_on_get_messages(struct app *app, struct peer *caller, const struct json_object *msg)
{
    struct reading r = { .is_page = true };
    const char *error =
        dispatch_find_user(app, msg, "withUser", "withUser must be a string", &r.peer);

    if (!error)
        error = page_read(msg, &r.page);
    return error ? error : stage_reading(app, caller, &r);
}

/* --- the list of conversations --- */

/* The beginning of a text: whole code points. */
static struct bytes preview(struct bytes text)
{
    size_t points = 0, i = 0;

    for (; i < text.len; i++)
        if (((unsigned char)text.data[i] & 0xc0) != 0x80 && points++ == PREVIEW_POINTS)
            break;
    return bytes_of(text.data, i);
}

static enum err write_conversation(void *arg, const struct dm_conversation *c)
{
    struct history *h = arg;
    struct json_out j = { .buf = &h->text };
    bool is_own = c->last.from_id == h->user_id;

    enum err e = history_comma(h);
    if (e)
        return e;
    json_raw(&j, "{\"username\":");
    json_plain(&j, c->peer_name);
    json_raw(&j, ",\"unread\":");
    json_int64(&j, c->side.unread);
    json_raw(&j, ",\"readUpTo\":");
    json_int64(&j, c->side.read_up_to);
    json_raw(&j, ",\"lastId\":");
    json_int64(&j, c->side.last_id);
    json_raw(&j, ",\"lastAt\":");
    json_int64(&j, c->last.sent_at);
    json_raw(&j, ",\"lastFrom\":");
    json_plain(&j, is_own ? bytes_str(h->user_name) : c->peer_name);
    json_raw(&j, ",\"preview\":");
    json_plain(&j, preview(c->last.text));
    json_raw(&j, "}");
    h->after_id = c->peer_id;
    return j.error ? j.error : history_full(h);
}

static enum err fill_conversations(struct history *h, bool *done)
{
    uint32_t before = h->n_elements;
    enum err e = dm_store_conversations(&h->app->dms, h->user_id, h->after_id, HISTORY_ROWS,
                                        write_conversation, h);
    return history_scanned(h, e, before, done);
}

const char *dm_on_get_conversations(struct app *app, struct peer *caller,
                                    const struct json_object *msg)
{
    (void)msg;
    struct history *h =
        history_new(app, true, BYTES("{\"messageType\":\"conversation_list\",\"conversations\":["),
                    BYTES("]}"));
    if (!h)
        return dispatch_cannot_read;
    h->fill = fill_conversations;
    h->user_id = caller->person->id;
    memcpy(h->user_name, caller->person->name, sizeof h->user_name);
    outbox_source(app->outbox, caller->conn, &h->source);
    return NULL;
}

/* --- read and unread, typing --- */

static enum err tell_read_state(struct app *app, const struct peer *caller,
                                const struct user_row *peer, const struct dm_side *side)
{
    struct buf text;

    buf_init(&text, ANSWER_MAX);
    struct json_out j = { .buf = &text };
    json_raw(&j, "{\"messageType\":\"read_state\",\"withUser\":");
    json_plain(&j, bytes_str(peer->username));
    json_raw(&j, ",\"readUpTo\":");
    json_int64(&j, side->read_up_to);
    json_raw(&j, ",\"unread\":");
    json_int64(&j, side->unread);
    json_raw(&j, "}");
    if (!j.error)
        hub_to_user(&app->hub, caller->person->id, TO_V1, buf_bytes(&text));
    buf_release(&text);
    return j.error;
}

const char *dm_on_mark_read(struct app *app, struct peer *caller, const struct json_object *msg)
{
    struct user_row peer;
    struct dm_side side;
    int64_t up_to = 0;
    bool changed;

    const char *error =
        dispatch_find_user(app, msg, "withUser", "withUser must be a string", &peer);
    if (error)
        return error;
    if (!json_int(msg, "upToId", &up_to) || up_to < 0)
        return "upToId must be the id of a message";
    if (app_write_begin(app, caller->conn, WRITE_SYNCED))
        return dispatch_store_failed;
    enum err e = dm_store_mark_read(&app->dms, caller->person->id, peer.id, up_to, &side, &changed);
    if (!e)
        e = tell_read_state(app, caller, &peer, &side);
    if (app_write_end(app, WRITE_SYNCED, e == OK) || e)
        return dispatch_store_failed;
    return NULL;
}

const char *dm_on_typing(struct app *app, struct peer *caller, const struct json_object *msg)
{
    struct user_row peer;
    struct buf text;
    bool is_typing;

    const char *error =
        dispatch_find_user(app, msg, "targetUser", "targetUser must be a string", &peer);
    if (error)
        return error;
    if (!json_bool(msg, "isTyping", &is_typing))
        return "isTyping must be true or false";
    if (peer.id == caller->person->id)
        return NULL;
    buf_init(&text, ANSWER_MAX);
    struct json_out j = { .buf = &text };
    json_raw(&j, "{\"messageType\":\"typing\",\"fromUser\":");
    json_plain(&j, bytes_str(caller->person->name));
    json_raw(&j, is_typing ? ",\"isTyping\":true}" : ",\"isTyping\":false}");
    if (!j.error)
        hub_to_user(&app->hub, peer.id, TO_V1, buf_bytes(&text));
    buf_release(&text);
    return NULL;
}
