/* Calling a person.
 *
 * A ring lives in memory alone: it is over within half a minute. When nobody took it, a note is
 * written into the conversation of the two. The ring is over at once for both of them; the note
 * follows when the database takes it, and is tried again until it does, because nobody waits for
 * it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "app/dm.h"
#include "base/log.h"
#include "call_private.h"
#include "svc/services.h"

#define RING_MS          30000
#define RINGS_PER_PERSON 8u /* with the notes of theirs that wait */
#define RINGS_MAX        4096u
#define NOTES_MAX        1024u /* that wait for the database */
#define NOTES_PER_TICK   32u
#define NOTE_RETRY_MS    1000
#define RING_ID_LEN      16u /* hex digits */

static const char no_such_ring[] = "there is no such ring";

struct ring {
    slot_id id;
    struct link in_all;    /* rooms.ringing, by due_ms; or rooms.notes */
    struct link in_caller; /* attendee.rings */
    struct attendee *caller;
    int64_t from_id, to_id;
    char from[HUB_NAME_MAX + 1], to[HUB_NAME_MAX + 1];
    char call_id[CALL_ID_LEN + 1], call_name[CALL_NAME_MAX + 1];
    int64_t due_ms;   /* missed; as a note: when to write it */
    bool is_doubtful; /* the caller's seat is: when the commit fails, it never was */
    bool is_written;  /* the note, in this tick */
};

static struct ring *ring_of(struct link *l)
{
    return container_of(l, struct ring, in_all);
}

static void ring_free(struct rooms *rs, struct ring *r)
{
    slots_remove(&rs->rings, r->id);
    list_remove(&r->in_all);
    list_remove(&r->in_caller);
    free(r);
}

void rings_release(struct rooms *rs)
{
    while (!list_empty(&rs->ringing))
        ring_free(rs, ring_of(rs->ringing.next));
    while (!list_empty(&rs->notes))
        ring_free(rs, ring_of(rs->notes.next));
    slots_release(&rs->rings);
}

/* --- messages --- */

static void tell_state(struct app *app, const struct ring *r, const char *state)
{
    char text[256];

    if (!r->caller || !r->caller->peer)
        return;
    int n = snprintf(text, sizeof text,
                     "{\"messageType\":\"ring_state\",\"ringId\":\"%016" PRIx64
                     "\",\"targetUser\":\"%s\",\"state\":\"%s\"}",
                     r->id, r->to, state);
    hub_to_peer(&app->hub, r->caller->peer, bytes_of(text, (size_t)n));
}

static struct bytes compose_incoming(struct app *app, const struct ring *r)
{
    struct json_out j = { .buf = &app->rooms->text };
    char id[RING_ID_LEN + 1];

    buf_clear(j.buf);
    snprintf(id, sizeof id, "%016" PRIx64, r->id);
    json_raw(&j, "{\"messageType\":\"incoming_call\",\"ringId\":\"");
    json_raw(&j, id);
    json_raw(&j, "\",\"callId\":\"");
    json_raw(&j, r->call_id);
    json_raw(&j, "\",\"name\":");
    json_plain(&j, bytes_str(r->call_name));
    json_raw(&j, ",\"fromUser\":");
    json_plain(&j, bytes_str(r->from));
    json_raw(&j, "}");
    return buf_bytes(j.buf);
}

static void tell_over(struct app *app, const struct ring *r)
{
    char text[128];
    int n = snprintf(text, sizeof text,
                     "{\"messageType\":\"ring_over\",\"ringId\":\"%016" PRIx64 "\"}", r->id);
    hub_to_user(&app->hub, r->to_id, TO_V1, bytes_of(text, (size_t)n));
}

void rings_on_join(struct app *app, const struct peer *p)
{
    struct link *ringing = &app->rooms->ringing;

    if (!p->is_v1 || !p->person)
        return;
    for (struct link *l = ringing->next; l != ringing; l = l->next)
        if (ring_of(l)->to_id == p->person->id && !ring_of(l)->is_doubtful)
            hub_to_peer(&app->hub, p, compose_incoming(app, ring_of(l)));
}

/* --- the end of a ring --- */

static void ring_end(struct app *app, struct ring *r, const char *state)
{
    tell_state(app, r, state);
    tell_over(app, r);
    ring_free(app->rooms, r);
}

/* Nobody took it: what is left of it is a note to be written. */
static void ring_end_untaken(struct app *app, struct ring *r, const char *state)
{
    struct rooms *rs = app->rooms;

    tell_state(app, r, state);
    tell_over(app, r);
    r->caller = NULL;
    list_remove(&r->in_caller);
    list_remove(&r->in_all);
    list_append(&rs->notes, &r->in_all);
    slots_remove(&rs->rings, r->id);
    r->due_ms = app->now_ms;
    if (++rs->n_notes > NOTES_MAX) {
        log_error("the database takes no notes of missed calls: one is lost");
        rs->n_notes--;
        ring_free(rs, r);
    }
}

void rings_leave(struct app *app, struct attendee *a)
{
    while (!list_empty(&a->rings))
        ring_end_untaken(app, container_of(a->rings.next, struct ring, in_caller), "missed");
}

/* --- notes --- */

static enum err write_note(struct app *app, const struct ring *r)
{
    char text[CALL_NAME_MAX + CALL_ID_LEN + 64];
    int n =
        snprintf(text, sizeof text, "Missed call: %s\n/video-call/%s", r->call_name, r->call_id);

    if (app_write_begin(app, 0, WRITE_SYNCED))
        return ERR_STORE;
    enum err e = app_dm_send(app, r->from_id, bytes_str(r->from), r->to_id, bytes_str(r->to),
                             bytes_of(text, (size_t)n));
    if (app_write_end(app, WRITE_SYNCED, e == OK))
        return ERR_STORE;
    return e == ERR_NO_MEMORY || e == ERR_STORE ? e
                                                : OK; /* what can never be written counts as done */
}

/* Each is written in an operation of its own, so that one that cannot be does not hold up the
 * others. */
static void write_notes(struct app *app)
{
    struct link *notes = &app->rooms->notes;
    uint32_t n = 0;

    for (struct link *l = notes->next; l != notes && n < NOTES_PER_TICK; l = l->next) {
        struct ring *r = ring_of(l);
        if (r->is_written || r->due_ms > app->now_ms)
            continue;
        n++;
        r->due_ms = app->now_ms + NOTE_RETRY_MS; /* should this fail, now or at the commit */
        r->is_written = write_note(app, r) == OK;
    }
}

void rings_flush(struct app *app)
{
    struct link *ringing = &app->rooms->ringing;

    while (!list_empty(ringing) && ring_of(ringing->next)->due_ms <= app->now_ms)
        ring_end_untaken(app, ring_of(ringing->next), "missed");
    write_notes(app);
}

int64_t rings_wait_ms(const struct app *app)
{
    const struct rooms *rs = app->rooms;
    int64_t due_ms = INT64_MAX;

    if (!list_empty(&rs->ringing))
        due_ms = ring_of(rs->ringing.next)->due_ms;
    for (struct link *l = rs->notes.next; l != &rs->notes; l = l->next)
        if (ring_of(l)->due_ms < due_ms)
            due_ms = ring_of(l)->due_ms;
    return due_ms == INT64_MAX ? -1 : until(due_ms, app->now_ms);
}

void rings_settle(struct app *app, bool committed)
{
    struct rooms *rs = app->rooms;
    struct link *l, *next;

    for (l = rs->notes.next; l != &rs->notes; l = next) {
        struct ring *r = ring_of(l);
        next = l->next;
        if ((r->is_written && committed) || (r->is_doubtful && !committed)) {
            rs->n_notes--;
            ring_free(rs, r);
        } else {
            r->is_written = r->is_doubtful = false;
        }
    }
    for (l = rs->ringing.next; rs->has_doubtful_rings && l != &rs->ringing; l = next) {
        struct ring *r = ring_of(l);
        next = l->next;
        if (r->is_doubtful && !committed)
            ring_free(rs, r);
        else
            r->is_doubtful = false;
    }
    rs->has_doubtful_rings = false;
}

/* --- what people do --- */

/* The registered user that the message names, who must be somebody else. */
static const char *find_target(struct app *app, const struct peer *caller,
                               const struct json_object *msg, struct user_row *out)
{
    const char *error =
        dispatch_find_user(app, msg, "targetUser", "targetUser must be a string", out);
    return error || out->id != caller->person->id ? error : "you cannot call yourself";
}

/* The call that the message names must be the one that the caller is in. */
static const char *check_call(const struct seat *s, const struct json_object *msg)
{
    struct json_member id;

    if (!json_find(msg, "callId", &id) || id.type != JSON_STRING)
        return "callId must be a string";
    return s && json_string_is(id.value, bytes_str(s->room->id)) ? NULL : "join that call first";
}

/* Nobody can use up what there is for all, however many connections they have. */
static const char *check_limits(struct rooms *rs, int64_t from_id, int64_t to_id)
{
    uint32_t n = 0;

    for (struct link *l = rs->ringing.next; l != &rs->ringing; l = l->next) {
        const struct ring *r = ring_of(l);
        if (r->from_id == from_id && r->to_id == to_id)
            return "you are calling them already";
        n += r->from_id == from_id;
    }
    for (struct link *l = rs->notes.next; l != &rs->notes; l = l->next)
        n += ring_of(l)->from_id == from_id;
    if (n >= RINGS_PER_PERSON || slots_count(&rs->rings) >= RINGS_MAX)
        return "too many people are being called at once";
    return rs->n_notes >= NOTES_MAX ? dispatch_store_failed : NULL;
}

static struct ring *ring_new(struct app *app, struct attendee *a, const struct user_row *to)
{
    const struct person *from = a->peer->person;
    const struct room *room = a->seat->room;
    struct ring *r = calloc(1, sizeof *r);

    if (!r || slots_add(&app->rooms->rings, r, &r->id)) {
        free(r);
        return NULL;
    }
    r->caller = a;
    r->from_id = from->id;
    r->to_id = to->id;
    memcpy(r->from, from->name, sizeof r->from);
    memcpy(r->to, to->username, sizeof r->to);
    memcpy(r->call_id, room->id, sizeof r->call_id);
    memcpy(r->call_name, room->name, sizeof r->call_name);
    r->due_ms = app->now_ms + RING_MS;
    r->is_doubtful = a->seat->is_doubtful;
    app->rooms->has_doubtful_rings |= r->is_doubtful;
    list_init(&r->in_all);
    list_init(&r->in_caller);
    list_append(&app->rooms->ringing, &r->in_all);
    list_append(&a->rings, &r->in_caller);
    return r;
}

const char *call_on_ring(struct app *app, struct peer *caller, const struct json_object *msg)
{
    struct attendee *a = caller->attendee;
    struct user_row to;
    struct doubt doubt;

    const char *error = find_target(app, caller, msg, &to);
    if (!error)
        error = check_call(peer_seat(caller), msg);
    if (!error)
        error = check_limits(app->rooms, caller->person->id, to.id);
    if (error)
        return error;
    if (doubt_begin(app, &doubt, caller->conn, a->seat->is_doubtful, false))
        return dispatch_store_failed;
    struct ring *r = ring_new(app, a, &to);
    if (r) {
        tell_state(app, r, "ringing");
        if (hub_user_has(&app->hub, to.id, TO_V1))
            hub_to_user(&app->hub, to.id, TO_V1, compose_incoming(app, r));
        else
            ring_end_untaken(app, r, "missed");
    }
    if (doubt_end(app, &doubt, r != NULL))
        return dispatch_store_failed;
    return r ? NULL : "the server is out of memory";
}

/* The ring that the message names; NULL with *error set when there is none. */
static struct ring *find_ring(const struct rooms *rs, const struct json_object *msg,
                              const char **error)
{
    struct bytes text;
    char *owned = NULL;
    slot_id id = 0;
    enum json_text_result r = json_text(msg, "ringId", RING_ID_LEN, RING_ID_LEN, &text, &owned);

    for (size_t i = 0; r == JSON_TEXT_OK && i < text.len; i++) {
        int digit = ascii_hex_value(text.data[i]);
        if (digit < 0)
            r = JSON_TEXT_LENGTH;
        id = id << 4 | (slot_id)(digit & 15);
    }
    json_text_free(owned);
    bool is_bad = r == JSON_TEXT_MISSING || r == JSON_TEXT_TYPE;
    *error = is_bad ? "ringId must be a string" : no_such_ring;
    return r == JSON_TEXT_OK ? slots_find(&rs->rings, id) : NULL;
}

const char *call_on_ring_answer(struct app *app, struct peer *caller, const struct json_object *msg)
{
    const char *error;
    bool is_accepted;
    struct ring *r = find_ring(app->rooms, msg, &error);

    if (!json_bool(msg, "accept", &is_accepted))
        return "accept must be true or false";
    if (!r || r->to_id != caller->person->id)
        return error;
    ring_end(app, r, is_accepted ? "accepted" : "declined");
    return NULL;
}

const char *call_on_ring_cancel(struct app *app, struct peer *caller, const struct json_object *msg)
{
    const char *error;
    struct ring *r = find_ring(app->rooms, msg, &error);

    if (!r || r->caller != caller->attendee)
        return error;
    ring_end_untaken(app, r, "cancelled");
    return NULL;
}
