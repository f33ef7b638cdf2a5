/* The calls that are available: making one, listing them, and keeping those who watch the list up
 * to date.
 *
 * The list is read from the database while it is being sent (app/history.h), in pieces of at most
 * 512 calls or about 64 KiB. Who is in a call is filled in from memory when its piece is made.
 *
 * Those who watch are told after the commit, of what is certain then; of many changes within a
 * moment the last one counts, so that a storm of people coming and going costs a bounded number of
 * messages.
 */
#include <sodium.h>
#include <stdio.h>
#include "app/history.h"
#include "base/log.h"
#include "proto/utf8.h"
#include "call_private.h"
#include "svc/services.h"

#define NAME_POINTS   100u
#define WATCH_GAP_MS  50     /* at least, between two batches of changes */
#define WATCH_WORK    10000u /* about as many messages in a batch */
#define SWEEP_MS      60000
#define SWEEP_MORE_MS 50 /* when there may be more than SWEEP_ROWS */
#define SWEEP_ROWS    500u

/* --- making one --- */

static const char no_memory[] = "The server is out of memory.";

/* NULL: the name is good. */
static const char *read_name(const struct request_body *body, char *name, size_t *len)
{
    enum field_result r = request_field(body, "name", name, CALL_NAME_MAX, len);
    struct bytes text = bytes_of(name, *len);

    if (r == FIELD_NO_MEMORY)
        return no_memory;
    if (r == FIELD_MISSING)
        return "Send a name for the call.";
    if (r != FIELD_OK || *len == 0 || memchr(name, 0, *len) || !utf8_is_valid(text) ||
        utf8_count(text) > NAME_POINTS)
        return "The name of a call has 1 to 100 characters.";
    return NULL;
}

static void write_call(struct json_out *j, const char *id, struct bytes name)
{
    json_raw(j, "{\"id\":\"");
    json_raw(j, id);
    json_raw(j, "\",\"name\":");
    json_plain(j, name);
}

static uint32_t count_watchers(const struct rooms *rs)
{
    uint32_t n = 0;

    for (const struct link *l = rs->watchers.next; l != &rs->watchers; l = l->next)
        n++;
    return n;
}

static void tell_watchers(struct app *app, struct bytes message)
{
    struct link *watchers = &app->rooms->watchers;
    struct hub_copies copies;

    hub_copies_init(&copies, message, count_watchers(app->rooms));
    for (struct link *l = watchers->next; l != watchers; l = l->next)
        hub_copies_to(&app->hub, &copies, container_of(l, struct attendee, in_watchers)->peer);
    hub_copies_release(&copies);
}

/* call_changed: the call as it is now, to everyone who watches. */
static void tell_changed(struct app *app, const char *id, struct bytes name, const struct room *r)
{
    struct json_out j = { .buf = &app->rooms->text };

    if (list_empty(&app->rooms->watchers))
        return;
    buf_clear(j.buf);
    json_raw(&j, "{\"messageType\":\"call_changed\",\"call\":");
    write_call(&j, id, name);
    write_participants(&j, r);
    json_raw(&j, "}}");
    if (!j.error)
        tell_watchers(app, buf_bytes(j.buf));
}

static enum err make_call(struct app *app, const struct http_request *rq, struct bytes name,
                          int64_t creator_id)
{
    uint8_t random[CALL_ID_LEN / 2];
    char id[CALL_ID_LEN + 1], answer[64];

    randombytes_buf(random, sizeof random);
    sodium_bin2hex(id, sizeof id, random, sizeof random);
    enum err e = call_store_insert(&app->calls, bytes_str(id), name, creator_id, app->wall_ms);
    if (e)
        return e;
    int n = snprintf(answer, sizeof answer, "{\"id\":\"%s\"}", id);
    reply_json(app, rq->conn, 200, bytes_of(answer, (size_t)n));
    tell_changed(app, id, name, NULL);
    return OK;
}

enum http_verdict call_on_create(struct app *app, struct http_request *rq,
                                 const struct caller *caller)
{
    struct request_body body;
    char name[CALL_NAME_MAX];
    size_t len = 0;

    if (!request_body_read(app, rq, &body))
        return HTTP_ANSWERED;
    const char *error = read_name(&body, name, &len);
    if (error)
        return reply_sentence(app, rq->conn, error == no_memory ? 503 : 400, error);
    if (app_write_begin(app, rq->conn, WRITE_SYNCED))
        return reply_sentence(app, rq->conn, 503, "The server cannot store anything right now.");
    enum err e = make_call(app, rq, bytes_of(name, len), caller->user_id);
    if (app_write_end(app, WRITE_SYNCED, e == OK) || e)
        return reply_sentence(app, rq->conn, 503, "The server cannot store anything right now.");
    return HTTP_ANSWERED;
}

/* --- listing --- */

static enum err write_row(void *arg, const struct call_row *call)
{
    struct history *h = arg;
    struct json_out j = { .buf = &h->text };

    enum err e = history_comma(h);
    if (e)
        return e;
    write_call(&j, call->id, bytes_str(call->name));
    if (h->is_v1)
        write_participants(&j, room_find(h->app->rooms, bytes_str(call->id)));
    json_raw(&j, "}");
    h->after_id = call->created_at;
    memcpy(h->after_key, call->id, sizeof h->after_key);
    return j.error ? j.error : history_full(h);
}

static enum err fill(struct history *h, bool *done)
{
    struct call_row after = { .created_at = h->after_id };
    uint32_t before = h->n_elements;

    memcpy(after.id, h->after_key, sizeof after.id);
    enum err e = call_store_list(&h->app->calls, h->app->wall_ms, before ? &after : NULL,
                                 HISTORY_ROWS, write_row, h);
    return history_scanned(h, e, before, done);
}

static const char *stage_list(struct app *app, const struct peer *caller)
{
    struct history *h =
        history_new(app, true, BYTES("{\"messageType\":\"call_list\",\"calls\":["), BYTES("]}"));

    if (!h)
        return "the server is out of memory";
    h->fill = fill;
    h->is_v1 = caller->is_v1;
    outbox_source(app->outbox, caller->conn, &h->source);
    return NULL;
}

const char *call_on_get_calls(struct app *app, struct peer *caller, const struct json_object *msg)
{
    (void)msg;
    return stage_list(app, caller);
}

/* --- watching --- */

const char *call_on_watch(struct app *app, struct peer *caller, const struct json_object *msg)
{
    bool is_watching;

    if (!json_bool(msg, "watch", &is_watching))
        return "watch must be true or false";
    struct attendee *a = attendee_require(caller);
    if (!a)
        return "the server is out of memory";
    const char *error = is_watching ? stage_list(app, caller) : NULL;
    if (error)
        return error;
    list_remove(&a->in_watchers);
    if (is_watching)
        list_append(&app->rooms->watchers, &a->in_watchers);
    return NULL;
}

void room_changed(struct rooms *rs, struct room *r)
{
    if (list_empty(&r->in_changed))
        list_append(&rs->changed, &r->in_changed);
}

int64_t watchers_wait_ms(const struct app *app)
{
    const struct rooms *rs = app->rooms;

    if (list_empty(&rs->changed))
        return -1;
    return until(rs->watch_at_ms, app->now_ms);
}

void watchers_tell(struct app *app)
{
    struct rooms *rs = app->rooms;
    uint32_t n_told = 0;

    if (list_empty(&rs->changed))
        return;
    uint32_t n_watchers = count_watchers(rs);
    if (n_watchers && rs->watch_at_ms > app->now_ms)
        return;
    while (!list_empty(&rs->changed) && n_told < WATCH_WORK) {
        struct room *r = container_of(rs->changed.next, struct room, in_changed);
        list_remove(&r->in_changed);
        tell_changed(app, r->id, bytes_str(r->name), r);
        n_told += n_watchers;
    }
    rs->watch_at_ms = app->now_ms + WATCH_GAP_MS;
}

/* --- the end of a call --- */

static enum err tell_gone(void *arg, const struct call_row *call)
{
    struct app *app = arg;
    char text[96];

    int n = snprintf(text, sizeof text, "{\"messageType\":\"call_gone\",\"id\":\"%s\"}", call->id);
    tell_watchers(app, bytes_of(text, (size_t)n));
    return OK;
}

static enum err see(void *arg, const struct call_row *call)
{
    (void)call;
    *(bool *)arg = true;
    return OK;
}

void calls_sweep(struct app *app)
{
    bool is_any = false;
    uint32_t n = 0;

    if (app->now_ms < app->rooms->sweep_at_ms)
        return;
    app->rooms->sweep_at_ms = app->now_ms + SWEEP_MS;
    if (call_store_each_gone(&app->calls, app->wall_ms, 1, see, &is_any) || !is_any ||
        app_write_begin(app, 0, WRITE_LIGHT))
        return;
    enum err e = call_store_each_gone(&app->calls, app->wall_ms, SWEEP_ROWS, tell_gone, app);
    if (!e)
        e = call_store_delete_gone(&app->calls, app->wall_ms, SWEEP_ROWS, &n);
    if (!e)
        log_info("calls that have been empty for a day: %u removed", n);
    app_write_end(app, WRITE_LIGHT, e == OK);
    if (n == SWEEP_ROWS)
        app->rooms->sweep_at_ms = app->now_ms + SWEEP_MORE_MS;
}
