/* call_private.h - rooms, seats and rings: what the files of the call service share, and nobody
 * else.
 *
 * A room is a call that somebody is in, or was until a moment ago; a seat is one connection's place
 * in it. The database knows the calls and since when each has been empty; who is in them is known
 * here alone.
 *
 *     call.c         opening, joining, leaving, signalling, what goes on inside a call
 *     call_rooms.c   the rooms, their seats, and what the database says of them
 *     call_doubt.c   what is undone when a commit fails
 *     call_tell.c    the messages about people
 *     call_list.c    making calls, listing them, and those who watch the list
 *     call_ring.c    calling a person
 *     call_ice.c     STUN and TURN servers
 *
 * Doubt. Only one thing in here writes before it is answered: joining a call that nobody is in.
 * What handlers later in the same tick find is the state after the join, because a client may send
 * the next message right behind it. So the join changes memory at once, and until the commit it is
 * in doubt: its room is, and the room that was left for it. Whatever else happens to the people of
 * such a room before the commit is staged as something that writes, too, and noted; so that a
 * failed commit takes back all of it, answers each message with an error, and puts everybody back
 * to where they were. Other rooms notice nothing of that.
 *
 * Emptiness is not in doubt: nobody waits for an answer. The last one leaves in memory; the room
 * stays, idle, until the database has taken since when it is empty, however often that must be
 * tried.
 */
#ifndef SVC_CALL_PRIVATE_H
#define SVC_CALL_PRIVATE_H

#include "app/app.h"
#include "app/json_out.h"

#define ROOM_SEATS_MAX 256u /* connections in one call: every join is told to each of them */

struct room {
    char id[CALL_ID_LEN + 1];
    char name[CALL_NAME_MAX + 1];
    struct room *next; /* in the table */
    struct link seats; /* by growing seat.no */
    uint32_t n_seats;
    struct link in_idle;     /* on rooms.idle when n_seats is 0 */
    struct link in_doubtful; /* on rooms.doubtful: see above */
    struct link in_changed;  /* on rooms.changed: those who watch have to be told */
    bool is_occupied;        /* what the database says, in the open transaction */
    bool was_occupied;       /* and what it said at the last commit */
    int64_t empty_at;        /* wall clock; when n_seats is 0 */
    int64_t write_at_ms;     /* idle: when to try (again) to write that */
};

/* A member that has not been told of a newcomer yet. */
struct untold {
    slot_id conn; /* 0: has been told */
    uint64_t seat_no;
};

enum media {
    MEDIA_SAID = 1, /* it has said anything at all */
    MEDIA_MICROPHONE = 2,
    MEDIA_CAMERA = 4,
    MEDIA_SCREEN = 8,
    MEDIA_HAND = 16,
};

#define SEAT_TAKEN (UINT64_MAX - 1)

struct seat {
    struct room *room;
    struct link in_room; /* alone when it is kept only for a failed commit */
    struct peer *peer;   /* good as long as it is in room->seats */
    uint64_t no;         /* grows with every seat ever taken */
    char socket_id[HUB_SOCKET_ID_LEN + 1];
    uint8_t media;         /* enum media */
    bool is_doubtful;      /* gone when the commit fails */
    uint64_t away_at;      /* rooms.n_gone when it was left in doubt; SEAT_TAKEN: it was not */
    uint64_t gone_at;      /* see tell_left() with HEARS_AWAY */
    struct untold *untold; /* base members it has a head start towards, by seat_no; NULL: none */
    uint32_t n_untold;
    int64_t tell_at_ms;  /* when they are told at the latest */
    struct link in_late; /* on rooms.late while there are untold ones */
};

/* A connection that has had to do with calls. */
struct attendee {
    struct peer *peer;   /* NULL: it has gone, and is kept until the commit */
    struct seat *seat;   /* the call it is in; NULL: none */
    struct seat *before; /* on rooms.moved: where it was before the commit was in doubt */
    struct link in_moved;
    struct link in_watchers;
    struct link rings; /* ring.in_caller */
};

struct rooms {
    struct room **table;
    uint32_t table_size, n_rooms;
    uint64_t last_seat_no;
    struct link late; /* seats with untold members, the earliest first */
    struct link idle, doubtful, changed;
    struct link moved; /* attendees that a failed commit puts back */
    uint64_t n_gone;   /* how many have disconnected in doubt */
    struct link watchers;
    struct link ringing, notes; /* rings; and those of which a note is to be written */
    struct slots rings;
    uint32_t n_notes;
    bool has_doubtful_rings;
    int64_t watch_at_ms; /* not before, those who watch are told of changes */
    int64_t sweep_at_ms;
    bool must_reset;     /* what the last run left as occupied is not written as empty yet */
    int64_t reset_at_ms; /* when to try that again */
    struct buf text;     /* for messages while they are composed */
    uint64_t has_turn;   /* a bit for each of --ice-server: a TURN server without credential */
};

static inline int64_t until(int64_t due_ms, int64_t now_ms)
{
    return due_ms > now_ms ? due_ms - now_ms : 0;
}

/* --- call_rooms.c --- */

MUST_CHECK enum err rooms_init(struct rooms *rs);
void rooms_release(struct rooms *rs);
struct room *room_find(const struct rooms *rs, struct bytes id);
/* ERR_NO_MEMORY. */
MUST_CHECK enum err room_add(struct rooms *rs, const struct call_row *call, struct room **out);
/* Forgets rooms that hold nobody and nothing that has to be said or written. */
void rooms_drop_idle(struct rooms *rs);

/* A seat for `p`, not in the room yet; with a head start towards the room's base members. NULL
 * without memory. */
struct seat *seat_new(struct app *app, struct peer *p, struct room *room);
void seat_free(struct seat *s);
/* Into its room and out of it. */
void seat_attach(struct rooms *rs, struct seat *s);
void seat_detach(struct app *app, struct seat *s);
static inline struct seat *seat_of(const struct link *l)
{
    return container_of(l, struct seat, in_room);
}
/* The one in `room` with that socketId, or NULL. */
struct seat *seat_find(const struct room *room, struct bytes socket_id);
/* The entry that says `to` has not been told of `s`; NULL: it has been, or never will be. */
struct untold *seat_untold(const struct seat *s, const struct seat *to);

/* The attendee of `p`, made when there is none. NULL without memory. */
struct attendee *attendee_require(struct peer *p);
static inline struct seat *peer_seat(const struct peer *p)
{
    return p->attendee ? p->attendee->seat : NULL;
}

/* Writes that nobody survived the restart: until it has, nobody gets into an empty call. */
void rooms_reset(struct app *app);
/* Writes that idle rooms are empty. */
void rooms_write_idle(struct app *app);
/* Milliseconds until there is something to write; -1: nothing. */
int64_t rooms_wait_ms(const struct app *app);

/* --- call_doubt.c --- */

static inline bool room_is_doubtful(const struct room *r)
{
    return !list_empty(&r->in_doubtful);
}
void room_doubt(struct rooms *rs, struct room *r);
/* From here on a failed commit puts `a` back to where it is now. */
void attendee_doubt(struct rooms *rs, struct attendee *a);
static inline bool attendee_is_doubtful(const struct attendee *a)
{
    return !list_empty(&a->in_moved) || (a->seat && room_is_doubtful(a->seat->room));
}

/* One message that may be in doubt: staged between the two as something that writes, or as it is.
 */
struct doubt {
    enum write_kind kind;
    bool is_open;
};

/* `is_doubtful`: it stands and falls with the commit; `writes`: it writes to the database itself.
 * ERR_STORE: nothing has begun. */
MUST_CHECK enum err doubt_begin(struct app *app, struct doubt *d, slot_id conn, bool is_doubtful,
                                bool writes);
enum err doubt_end(struct app *app, struct doubt *d, bool keep);
/* The commit has succeeded or failed: nothing is in doubt any more. May stage output, but not
 * write. */
void doubt_settle(struct app *app, bool committed);

/* --- call_tell.c --- */

/* call_info, existing_participants, and (v1) what the others have said of their devices. */
void tell_answers(struct app *app, const struct seat *s);
/* media_state, if `to` speaks v1 and `of` has said anything. */
void tell_media(struct app *app, const struct peer *to, const struct seat *of);
/* The same to the other v1 connections in the call. */
void tell_media_all(struct app *app, const struct seat *of);
/* user_joined to all the others, except those to be told later. */
void tell_joined(struct app *app, const struct seat *s);
enum hearers {
    HEARS_ALL,
    HEARS_CERTAIN,  /* those who stay whatever becomes of the commit */
    HEARS_DOUBTFUL, /* those who do not */
    HEARS_AWAY,     /* those who were away when s->gone_at was counted, and are back */
};
/* user_left to those of the others who have ever heard of it. */
void tell_left(struct app *app, const struct seat *s, enum hearers who);
/* user_joined to one that has not been told yet. */
void tell_untold(struct app *app, const struct seat *s, struct untold *u);
/* The same to all of them. */
void tell_late(struct app *app, struct seat *s);
/* `message` to all v1 connections in the room but `except` (which may be NULL). */
void tell_v1(struct app *app, const struct room *r, const struct seat *except,
             struct bytes message);
/* ,"participants":[...]: everyone in the call once, in the order of joining. `r` NULL: nobody. */
void write_participants(struct json_out *j, const struct room *r);

/* --- call_list.c --- */

/* The people of this call have changed. */
void room_changed(struct rooms *rs, struct room *r);
/* Tells those who watch of what has changed, when it is time; after the commit. */
void watchers_tell(struct app *app);
int64_t watchers_wait_ms(const struct app *app);
/* Removes some calls that have been empty for too long; now and then. */
void calls_sweep(struct app *app);

/* --- call_ring.c --- */

/* The caller leaves the call: whatever it rings has been missed. */
void rings_leave(struct app *app, struct attendee *a);
/* What is due by time: missed rings, and notes of them. */
void rings_flush(struct app *app);
int64_t rings_wait_ms(const struct app *app);
/* The commit has succeeded or failed. */
void rings_settle(struct app *app, bool committed);
/* Rings that go on are told to a connection that comes in the middle of them. */
void rings_on_join(struct app *app, const struct peer *p);
void rings_release(struct rooms *rs);

/* --- call_ice.c --- */

/* Finds out which servers want a credential. */
void ice_open(struct app *app);

#endif
