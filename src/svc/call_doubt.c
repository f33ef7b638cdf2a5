/* What a failed commit takes back. See call_private.h for what is in doubt and why.
 *
 * Nothing is undone step by step. The first time that somebody moves in doubt, the seat is kept
 * beside the attendee (`before`); whatever they do until the commit, a failed one throws away the
 * seat that they have then and puts them back on the kept one. Seats carry their numbers, so
 * everybody gets the old place, and nobody else's order changes.
 *
 * The surprising part is who disconnects in the meantime: that is true whether the commit succeeds
 * or not. Those whom a failed commit puts back may have been away when it was told, so the seat and
 * its attendee outlive the peer until the commit.
 */
#include <stdlib.h>
#include "call_private.h"

void room_doubt(struct rooms *rs, struct room *r)
{
    if (!room_is_doubtful(r))
        list_append(&rs->doubtful, &r->in_doubtful);
}

void attendee_doubt(struct rooms *rs, struct attendee *a)
{
    if (a->seat)
        room_doubt(rs, a->seat->room);
    if (!list_empty(&a->in_moved))
        return;
    a->before = a->seat;
    list_append(&rs->moved, &a->in_moved);
}

enum err doubt_begin(struct app *app, struct doubt *d, slot_id conn, bool is_doubtful, bool writes)
{
    d->kind = writes ? WRITE_SYNCED : WRITE_LIGHT;
    d->is_open = false;
    if (!is_doubtful && !writes)
        return OK;
    enum err e = app_write_begin(app, conn, d->kind);
    d->is_open = e == OK;
    return e;
}

enum err doubt_end(struct app *app, struct doubt *d, bool keep)
{
    return d->is_open ? app_write_end(app, d->kind, keep) : OK;
}

static struct attendee *moved_of(struct link *l)
{
    return container_of(l, struct attendee, in_moved);
}

/* It is so: what was kept for the other case goes. */
static void accept(struct attendee *a)
{
    if (a->before != a->seat)
        seat_free(a->before);
    if (a->seat)
        a->seat->is_doubtful = false;
}

static void throw_out(struct app *app, struct attendee *a)
{
    struct seat *s = a->seat;

    if (s == a->before)
        return;
    a->seat = NULL;
    if (!s)
        return;
    if (!list_empty(&s->in_room))
        seat_detach(app, s);
    room_changed(app->rooms, s->room);
    seat_free(s);
}

static void put_back(struct app *app, struct attendee *a)
{
    struct seat *s = a->seat = a->before;

    if (!s)
        return;
    room_changed(app->rooms, s->room);
    if (a->peer && list_empty(&s->in_room))
        seat_attach(app->rooms, s);
}

/* What those who were put back have missed in the meantime: who has gone for good, and what was
 * said of devices. */
static void catch_up(struct app *app, struct attendee *a)
{
    struct seat *s = a->seat;

    if (!s)
        return;
    if (!a->peer) {
        tell_left(app, s, HEARS_AWAY);
        return;
    }
    for (const struct link *l = s->room->seats.next; l != &s->room->seats; l = l->next)
        if (seat_of(l) != s)
            tell_media(app, a->peer, seat_of(l));
}

static void settle_moves(struct app *app, bool committed)
{
    struct link *moved = &app->rooms->moved;

    if (committed) {
        for (struct link *l = moved->next; l != moved; l = l->next)
            accept(moved_of(l));
    } else {
        for (struct link *l = moved->next; l != moved; l = l->next)
            throw_out(app, moved_of(l));
        for (struct link *l = moved->next; l != moved; l = l->next)
            put_back(app, moved_of(l));
        for (struct link *l = moved->next; l != moved; l = l->next)
            catch_up(app, moved_of(l));
    }
    while (!list_empty(moved)) {
        struct attendee *a = moved_of(moved->next);
        list_remove(&a->in_moved);
        a->before = NULL;
        if (a->peer && a->seat)
            a->seat->away_at = SEAT_TAKEN;
        if (a->peer)
            continue;
        seat_free(a->seat);
        free(a);
    }
}

static void settle_room(struct room *r, bool committed)
{
    if (committed)
        r->was_occupied = r->is_occupied;
    else
        r->is_occupied = r->was_occupied;
}

void doubt_settle(struct app *app, bool committed)
{
    struct rooms *rs = app->rooms;

    for (struct link *l = rs->idle.next; l != &rs->idle; l = l->next)
        settle_room(container_of(l, struct room, in_idle), committed);
    for (struct link *l = rs->doubtful.next; l != &rs->doubtful; l = l->next)
        settle_room(container_of(l, struct room, in_doubtful), committed);
    settle_moves(app, committed);
    while (!list_empty(&rs->doubtful))
        list_remove(rs->doubtful.next);
}
