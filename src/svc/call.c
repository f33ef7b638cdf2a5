/* Video calls: who is in which, and what they say to each other. The server forwards signalling and
 * never sees media.
 *
 * Isolation. A connection reaches another one only through the room that both sit in: every target
 * is looked up among the seats of the caller's own room, and somewhere else is the same as nowhere.
 * Who the sender is comes from the seat, whatever the message says.
 *
 * Order. Joining writes only when nobody is in the call (call_private.h, "Doubt"); what is written
 * is looked at first, so that a store that fails at once has changed nothing.
 */
#include <stdlib.h>
#include "app/dm.h"
#include "call_private.h"
#include "svc/services.h"

#define COMPOSED_MAX    (1024u * 1024u) /* a forwarded message, or a text with every byte escaped */
#define COMPOSED_PEOPLE (ROOM_SEATS_MAX * 128u + 4096u) /* the longest message about people */

static const char no_such_call[] = "there is no such call";
static const char not_in_call[] = "join a call first";
static const char no_memory[] = "the server is out of memory";

/* --- opening --- */

enum err call_open(struct app *app)
{
    struct rooms *rs = calloc(1, sizeof *rs);
    char *room;

    if (!rs)
        return ERR_NO_MEMORY;
    app->rooms = rs;
    enum err e = rooms_init(rs);
    list_init(&rs->watchers);
    list_init(&rs->ringing);
    list_init(&rs->notes);
    slots_init(&rs->rings);
    buf_init(&rs->text, COMPOSED_MAX);
    if (!e)
        e = buf_reserve(&rs->text, COMPOSED_PEOPLE, &room);
    if (e)
        return e;
    ice_open(app);
    rs->must_reset = true;
    rooms_reset(app);
    return OK;
}

void call_close(struct app *app)
{
    struct rooms *rs = app->rooms;

    if (!rs)
        return;
    doubt_settle(app, false);
    rooms_release(rs);
    rings_release(rs);
    buf_release(&rs->text);
    free(rs);
    app->rooms = NULL;
}

/* --- joining --- */

static const char *room_require(struct app *app, struct bytes id, struct room **out)
{
    struct call_row call;

    *out = room_find(app->rooms, id);
    if (*out)
        return NULL;
    enum err e = call_store_find(&app->calls, id, app->wall_ms, &call);
    if (e)
        return e == ERR_NOT_FOUND ? no_such_call : dispatch_cannot_read;
    return room_add(app->rooms, &call, out) ? no_memory : NULL;
}

/* Out of the call, and the others are told. In doubt, the seat is kept for a failed commit. */
static void stand_up(struct app *app, struct attendee *a)
{
    struct seat *s = a->seat;

    if (!s)
        return;
    a->seat = NULL;
    tell_left(app, s, HEARS_ALL);
    seat_detach(app, s);
    room_changed(app->rooms, s->room);
    if (a->before == s)
        s->away_at = app->rooms->n_gone;
    else
        seat_free(s);
}

static void sit_down(struct app *app, struct attendee *a, struct seat *s)
{
    a->seat = s;
    seat_attach(app->rooms, s);
    room_changed(app->rooms, s->room);
    tell_answers(app, s);
    tell_joined(app, s);
}

static const char *enter(struct app *app, struct attendee *a, struct seat *s)
{
    struct room *room = s->room;
    bool writes = !room->is_occupied;
    bool is_doubtful = writes || room_is_doubtful(room) || attendee_is_doubtful(a);
    struct doubt doubt;

    if ((writes && app->rooms->must_reset) ||
        doubt_begin(app, &doubt, a->peer->conn, is_doubtful, writes))
        goto failed;
    enum err e = writes ? call_store_set_occupied(&app->calls, bytes_str(room->id)) : OK;
    if (e) {
        doubt_end(app, &doubt, false);
        goto failed;
    }
    room->is_occupied = true;
    if (is_doubtful) {
        attendee_doubt(app->rooms, a);
        room_doubt(app->rooms, room);
        s->is_doubtful = true;
    }
    stand_up(app, a);
    sit_down(app, a, s);
    if (doubt_end(app, &doubt, true))
        return dispatch_store_failed;
    rings_leave(app, a);
    return NULL;
failed:
    seat_free(s);
    return dispatch_store_failed;
}

/* Whom `s` has not been told of yet, among those who are (or are not) in doubt together with it. */
static void tell_of_late(struct app *app, const struct seat *s, bool is_doubtful)
{
    struct link *late = &app->rooms->late;

    for (struct link *l = late->next; l != late; l = l->next) {
        struct seat *other = container_of(l, struct seat, in_late);
        struct untold *u = other->room == s->room ? seat_untold(other, s) : NULL;
        if (u && (other->is_doubtful || s->is_doubtful) == is_doubtful)
            tell_untold(app, other, u);
    }
}

/* The same answers once more. Whom the caller has not been told of yet is in them: so it is told
 * now. */
static const char *join_again(struct app *app, const struct seat *s)
{
    struct doubt doubt;

    tell_of_late(app, s, false);
    if (doubt_begin(app, &doubt, s->peer->conn, room_is_doubtful(s->room), false))
        return dispatch_store_failed;
    tell_of_late(app, s, true);
    tell_answers(app, s);
    return doubt_end(app, &doubt, true) ? dispatch_store_failed : NULL;
}

static const char *join(struct app *app, struct peer *caller, struct bytes id)
{
    struct attendee *a = attendee_require(caller);
    struct room *room = NULL;

    if (!a)
        return no_memory;
    if (a->seat && bytes_eq(bytes_str(a->seat->room->id), id))
        return join_again(app, a->seat);
    const char *error = room_require(app, id, &room);
    if (error)
        return error;
    if (room->n_seats >= ROOM_SEATS_MAX)
        return "this call is full";
    struct seat *s = seat_new(app, caller, room);
    return s ? enter(app, a, s) : no_memory;
}

const char *call_on_join(struct app *app, struct peer *caller, const struct json_object *msg)
{
    struct bytes id;
    char *owned = NULL;
    const char *error;

    switch (json_text(msg, "callId", CALL_ID_LEN, CALL_ID_LEN, &id, &owned)) {
    case JSON_TEXT_OK:
        error = join(app, caller, id);
        break;
    case JSON_TEXT_MISSING:
    case JSON_TEXT_TYPE:
        error = "callId must be a string";
        break;
    case JSON_TEXT_NO_MEMORY:
        error = no_memory;
        break;
    default:
        error = no_such_call;
        break;
    }
    json_text_free(owned);
    return error;
}

/* --- leaving --- */

const char *call_on_leave(struct app *app, struct peer *caller, const struct json_object *msg)
{
    struct attendee *a = caller->attendee;
    struct doubt doubt;
    (void)msg;

    if (!a || !a->seat)
        return NULL;
    bool is_doubtful = attendee_is_doubtful(a);
    if (doubt_begin(app, &doubt, caller->conn, is_doubtful, false))
        return dispatch_store_failed;
    if (is_doubtful)
        attendee_doubt(app->rooms, a);
    stand_up(app, a);
    if (doubt_end(app, &doubt, true))
        return dispatch_store_failed;
    rings_leave(app, a);
    return NULL;
}

void call_on_arrived(struct app *app, struct peer *p)
{
    rings_on_join(app, p);
}

/* Disconnecting is no message: it is so, whatever becomes of the commit. Who is in the call in any
 * case is told in any case; who is in it only when the commit succeeds, only then; and who is in it
 * only when it fails, by doubt_settle(). */
static void vanish_in_doubt(struct app *app, struct attendee *a)
{
    struct seat *s = a->seat;
    struct doubt doubt;

    attendee_doubt(app->rooms, a);
    a->peer = NULL;
    if (a->before)
        a->before->gone_at = a->before == s ? ++app->rooms->n_gone : UINT64_MAX;
    if (!s)
        return;
    if (!s->is_doubtful)
        tell_left(app, s, HEARS_CERTAIN);
    if (doubt_begin(app, &doubt, 0, true, false) == OK) {
        tell_left(app, s, s->is_doubtful ? HEARS_ALL : HEARS_DOUBTFUL);
        doubt_end(app, &doubt, true);
    }
    seat_detach(app, s);
    room_changed(app->rooms, s->room);
}

void call_on_gone(struct app *app, struct peer *p)
{
    struct attendee *a = p->attendee;

    if (!a)
        return;
    rings_leave(app, a);
    list_remove(&a->in_watchers);
    p->attendee = NULL;
    if (attendee_is_doubtful(a)) {
        vanish_in_doubt(app, a);
    } else {
        stand_up(app, a);
        free(a);
    }
}

/* --- signalling --- */

/* The seat that the message names, which must be another one in the caller's call. */
static const char *find_target(const struct seat *s, const struct json_object *msg,
                               struct seat **out)
{
    struct bytes id;
    char *owned = NULL;
    enum json_text_result r =
        json_text(msg, "socketId", HUB_SOCKET_ID_LEN, HUB_SOCKET_ID_LEN, &id, &owned);
    const char *error = NULL;

    *out = r == JSON_TEXT_OK && s ? seat_find(s->room, id) : NULL;
    if (r == JSON_TEXT_MISSING || r == JSON_TEXT_TYPE)
        error = "socketId must be a string";
    else if (!s)
        error = not_in_call;
    else if (!*out)
        error = "that socketId is not in your call";
    else if (*out == s)
        error = "that socketId is your own";
    json_text_free(owned);
    return error;
}

/* The message with its sender's marks, and everything else as it was written. */
static enum err compose_signal(struct buf *out, const struct seat *from,
                               const struct json_object *msg)
{
    static const char *const skip[] = { "messageType", "socketId", "username", NULL };
    struct json_out j = { .buf = out };
    struct json_member type;
    char *room;

    buf_clear(out);
    json_find(msg, "messageType", &type);
    json_raw(&j, "{\"messageType\":");
    json_raw_bytes(&j, type.value);
    json_raw(&j, ",\"socketId\":\"");
    json_raw(&j, from->socket_id);
    json_raw(&j, "\",\"username\":\"");
    json_raw(&j, from->peer->person->name);
    json_raw(&j, "\"");
    if (j.error || (j.error = buf_reserve(out, msg->text.len, &room)) != OK)
        return j.error;
    size_t len = json_copy_without(msg, skip, room);
    if (len > 2)
        room[0] = ','; /* where its own bracket opens */
    buf_grow(out, len > 2 ? len : 0);
    if (len <= 2)
        json_raw(&j, "}");
    return j.error;
}

const char *call_on_signal(struct app *app, struct peer *caller, const struct json_object *msg)
{
    struct seat *from = peer_seat(caller), *to;
    struct buf *text = &app->rooms->text;
    struct doubt doubt;

    const char *error = find_target(from, msg, &to);
    if (error)
        return error;
    if (doubt_begin(app, &doubt, caller->conn, from->is_doubtful || to->is_doubtful, false))
        return dispatch_store_failed;
    struct untold *u = seat_untold(from, to);
    if (u)
        tell_untold(app, from, u);
    enum err e = compose_signal(text, from, msg);
    if (!e)
        hub_to_peer(&app->hub, to->peer, buf_bytes(text));
    if (doubt_end(app, &doubt, e == OK))
        return dispatch_store_failed;
    return e ? no_memory : NULL;
}

/* --- inside a call (v1) --- */

const char *call_on_media_state(struct app *app, struct peer *caller, const struct json_object *msg)
{
    struct seat *s = peer_seat(caller);
    bool microphone, camera, screen, hand;
    struct doubt doubt;

    if (!json_bool(msg, "microphone", &microphone) || !json_bool(msg, "camera", &camera) ||
        !json_bool(msg, "screen", &screen) || !json_bool(msg, "hand", &hand))
        return "microphone, camera, screen and hand must each be true or false";
    if (!s)
        return not_in_call;
    if (doubt_begin(app, &doubt, caller->conn, s->is_doubtful, false))
        return dispatch_store_failed;
    s->media =
        (uint8_t)(MEDIA_SAID | (microphone ? MEDIA_MICROPHONE : 0) | (camera ? MEDIA_CAMERA : 0) |
                  (screen ? MEDIA_SCREEN : 0) | (hand ? MEDIA_HAND : 0));
    tell_media_all(app, s);
    return doubt_end(app, &doubt, true) ? dispatch_store_failed : NULL;
}

static enum err compose_text(struct app *app, const struct seat *s, struct bytes text)
{
    struct json_out j = { .buf = &app->rooms->text };

    buf_clear(j.buf);
    json_raw(&j, "{\"messageType\":\"call_message\",\"socketId\":\"");
    json_raw(&j, s->socket_id);
    json_raw(&j, "\",\"username\":\"");
    json_raw(&j, s->peer->person->name);
    json_raw(&j, "\",\"text\":");
    json_plain(&j, text);
    json_raw(&j, ",\"sentAt\":");
    json_int64(&j, app->wall_ms);
    json_raw(&j, "}");
    return j.error;
}

const char *call_on_call_message(struct app *app, struct peer *caller,
                                 const struct json_object *msg)
{
    struct seat *s = peer_seat(caller);
    struct doubt doubt;
    struct bytes text;
    char *owned = NULL;

    const char *error =
        dispatch_text_error(json_text(msg, "text", 1, TEXT_MAX_BYTES, &text, &owned),
                            TEXT_SENTENCES("text", "1 to 65536 bytes"));
    if (!error && !s)
        error = not_in_call;
    if (!error && compose_text(app, s, text))
        error = no_memory;
    if (!error && doubt_begin(app, &doubt, caller->conn, room_is_doubtful(s->room), false)) {
        error = dispatch_store_failed;
    } else if (!error) {
        tell_v1(app, s->room, NULL, buf_bytes(&app->rooms->text));
        error = doubt_end(app, &doubt, true) ? dispatch_store_failed : NULL;
    }
    json_text_free(owned);
    return error;
}

/* --- by time --- */

/* A head start is over. A room in doubt waits for its commit: whom to tell is certain then. */
static void flush_late(struct app *app)
{
    struct link *late = &app->rooms->late;

    for (struct link *l = late->next, *next; l != late; l = next) {
        struct seat *s = container_of(l, struct seat, in_late);
        next = l->next;
        if (s->tell_at_ms > app->now_ms)
            break;
        if (!room_is_doubtful(s->room))
            tell_late(app, s);
    }
}

void call_flush(struct app *app)
{
    rooms_reset(app);
    flush_late(app);
    rings_flush(app);
    calls_sweep(app);
    rooms_write_idle(app);
}

void call_after_commit(struct app *app, bool committed)
{
    doubt_settle(app, committed);
    rings_settle(app, committed);
    watchers_tell(app);
    rooms_drop_idle(app->rooms);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

int64_t call_wait_ms(const struct app *app)
{
    const struct rooms *rs = app->rooms;
    int64_t wait = until(rs->sweep_at_ms, app->now_ms);

    if (!list_empty(&rs->late))
        wait = sooner(wait, until(container_of(rs->late.next, struct seat, in_late)->tell_at_ms,
                                  app->now_ms));
    wait = sooner(wait, rings_wait_ms(app));
    wait = sooner(wait, watchers_wait_ms(app));
    return sooner(wait, rooms_wait_ms(app));
}
