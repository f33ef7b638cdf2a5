/* The parts of a turn that all services share: writing, joining, leaving. */
#include "app/app.h"
#include <stdio.h>
#include "base/log.h"

#define MEND_AGAIN_MS 1000

static enum err add_user(void *arg, const struct user_row *user)
{
    char element[HUB_NAME_MAX + 32];
    int n = snprintf(element, sizeof element, "{\"username\":\"%s\"}", user->username);
    return jsonlog_append(arg, bytes_of(element, (size_t)n));
}

enum err app_open_stores(struct app *app)
{
    enum err e = user_store_open(&app->users, app->db);
    if (!e)
        e = session_store_open(&app->sessions, app->db);
    if (!e)
        e = stroke_store_open(&app->strokes, app->db);
    if (!e)
        e = chat_store_open(&app->chat, app->db);
    if (!e)
        e = dm_store_open(&app->dms, app->db);
    if (!e)
        e = call_store_open(&app->calls, app->db);
    if (!e)
        e = jsonlog_init(&app->all_users, BYTES("{\"messageType\":\"all_users_list\",\"users\":["),
                         BYTES("]}"));
    return e ? e : user_store_each(&app->users, add_user, &app->all_users);
}

static enum err read_users(void *arg, struct jsonlog *to)
{
    struct app *app = arg;
    return user_store_each(&app->users, add_user, to);
}

void app_mend(struct app *app, struct jsonlog *l, enum err (*read)(void *arg, struct jsonlog *to))
{
    if (app->now_ms < app->mend_at_ms)
        return;
    if (jsonlog_mend(l, read, app) == OK)
        log_info("a list that memory had not sufficed for is whole again");
    else
        app->mend_at_ms = app->now_ms + MEND_AGAIN_MS;
}

void app_mend_users(struct app *app)
{
    if (app->all_users.is_short)
        app_mend(app, &app->all_users, read_users);
}

void app_close_stores(struct app *app)
{
    user_store_close(&app->users);
    session_store_close(&app->sessions);
    stroke_store_close(&app->strokes);
    chat_store_close(&app->chat);
    dm_store_close(&app->dms);
    call_store_close(&app->calls);
    jsonlog_release(&app->all_users);
}

static void apply_user(void *ctx, const struct out_sink *sink, uint64_t arg, struct bytes element)
{
    struct app *app = ctx;
    (void)sink;
    (void)arg;
    if (jsonlog_append(&app->all_users, element))
        log_error("out of memory: the list of all users must be read again");
}

void app_user_added(struct app *app, struct bytes username)
{
    char element[HUB_NAME_MAX + 32];
    int n = snprintf(element, sizeof element, "{\"username\":\"%.*s\"}", (int)username.len,
                     username.data);
    outbox_apply(app->outbox, 0, apply_user, app, 0, bytes_of(element, (size_t)n));
    char text[HUB_NAME_MAX + 64];
    n = snprintf(text, sizeof text, "{\"messageType\":\"user_added\",\"username\":\"%.*s\"}",
                 (int)username.len, username.data);
    hub_to_members(&app->hub, TO_V1, bytes_of(text, (size_t)n));
}

static void stage_hello(struct app *app, const struct peer *p)
{
    char text[256], socket_id[HUB_SOCKET_ID_LEN + 1];
    const char *quote = p->person ? "\"" : "";

    peer_socket_id(p, socket_id);
    int n = snprintf(text, sizeof text,
                     "{\"messageType\":\"hello\",\"socketId\":\"%s\",\"username\":%s%s%s,"
                     "\"version\":\"%s\"}",
                     socket_id, quote, p->person ? p->person->name : "null", quote,
                     app->settings.version);
    hub_to_peer(&app->hub, p, bytes_of(text, (size_t)n));
}

struct peer *app_join(struct app *app, slot_id conn, int64_t user_id, struct bytes name,
                      const uint8_t *session, bool is_v1)
{
    struct peer *p = NULL;

    if (hub_join(&app->hub, conn, user_id, name, session, is_v1, &p))
        return NULL;
    if (is_v1)
        stage_hello(app, p);
    for (const struct peer_hook *h = app->hooks; h->on_join || h->on_leave; h++)
        if (h->on_join)
            h->on_join(app, p);
    return p;
}

void app_leave(struct app *app, struct peer *p)
{
    for (const struct peer_hook *h = app->hooks; h->on_join || h->on_leave; h++)
        if (h->on_leave)
            h->on_leave(app, p);
    hub_leave(&app->hub, p);
}

enum err app_write_begin(struct app *app, slot_id conn, enum write_kind kind)
{
    enum err e = db_begin(app->db);
    if (!e && kind == WRITE_SYNCED)
        e = db_savepoint(app->db);
    if (e)
        return e;
    outbox_op_begin(app->outbox, conn);
    outbox_op_wrote(app->outbox);
    if (kind == WRITE_SYNCED)
        app->is_durable = true;
    return OK;
}

enum err app_write_end(struct app *app, enum write_kind kind, bool keep)
{
    enum err e = OK;

    if (kind == WRITE_SYNCED)
        e = keep ? db_savepoint_release(app->db) : db_savepoint_rollback(app->db);
    if (e || !keep)
        outbox_op_cancel(app->outbox);
    outbox_op_end(app->outbox);
    return e;
}

bool app_commit(struct app *app)
{
    bool is_durable = app->is_durable;

    app->is_durable = false;
    if (!db_in_transaction(app->db))
        return !outbox_is_lost(app->outbox);
    if (outbox_is_lost(app->outbox)) { /* nobody could be told what happened: so it did not */
        db_rollback(app->db);
        return false;
    }
    return db_commit(app->db, is_durable) == OK;
}
