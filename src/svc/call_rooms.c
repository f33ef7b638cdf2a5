/* Rooms are found by their id, of which the first digits are as good as a hash: ids are random, and
 * only ids that this server has made ever get into the table. */
#include <stdlib.h>
#include "call_private.h"

#define TABLE_MIN     64u
#define HEAD_START_MS 400  /* for the joiner's offer */
#define RETRY_MS      1000 /* after a failed write */
#define IDLE_WRITES   256u /* most rooms written as empty in one tick */

enum err rooms_init(struct rooms *rs)
{
    list_init(&rs->late);
    list_init(&rs->idle);
    list_init(&rs->doubtful);
    list_init(&rs->changed);
    list_init(&rs->moved);
    rs->table_size = TABLE_MIN;
    rs->table = calloc(rs->table_size, sizeof(*rs->table));
    return rs->table ? OK : ERR_NO_MEMORY;
}

static struct room **bucket(const struct rooms *rs, const char *id)
{
    uint32_t hash = 0;

    for (int i = 0; i < 8; i++)
        hash = hash << 4 | ((uint32_t)ascii_hex_value(id[i]) & 15);
    return &rs->table[hash & (rs->table_size - 1)];
}

struct room *room_find(const struct rooms *rs, struct bytes id)
{
    if (id.len != CALL_ID_LEN)
        return NULL;
    struct room *r = *bucket(rs, id.data);
    while (r && memcmp(r->id, id.data, CALL_ID_LEN) != 0)
        r = r->next;
    return r;
}

/* More buckets when there are as many rooms; without memory the chains only get longer. */
static void grow(struct rooms *rs)
{
    struct room **old = rs->table;
    uint32_t old_size = rs->table_size;
    struct room **bigger = calloc((size_t)old_size * 2, sizeof(*bigger));

    if (!bigger)
        return;
    rs->table = bigger;
    rs->table_size *= 2;
    for (uint32_t i = 0; i < old_size; i++)
        for (struct room *r = old[i], *next; r; r = next) {
            struct room **b = bucket(rs, r->id);
            next = r->next;
            r->next = *b;
            *b = r;
        }
    free(old);
}

enum err room_add(struct rooms *rs, const struct call_row *call, struct room **out)
{
    struct room *r = calloc(1, sizeof *r);

    *out = r;
    if (!r)
        return ERR_NO_MEMORY;
    if (rs->n_rooms >= rs->table_size)
        grow(rs);
    memcpy(r->id, call->id, sizeof r->id);
    memcpy(r->name, call->name, sizeof r->name);
    list_init(&r->seats);
    list_init(&r->in_idle);
    list_init(&r->in_doubtful);
    list_init(&r->in_changed);
    list_append(&rs->idle, &r->in_idle);
    struct room **b = bucket(rs, r->id);
    r->next = *b;
    *b = r;
    rs->n_rooms++;
    return OK;
}

static void room_free(struct rooms *rs, struct room *r)
{
    struct room **at = bucket(rs, r->id);

    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    rs->n_rooms--;
    list_remove(&r->in_idle);
    list_remove(&r->in_doubtful);
    list_remove(&r->in_changed);
    free(r);
}

void rooms_drop_idle(struct rooms *rs)
{
    for (struct link *l = rs->idle.next, *next; l != &rs->idle; l = next) {
        struct room *r = container_of(l, struct room, in_idle);
        next = l->next;
        if (!r->is_occupied && !r->was_occupied && !room_is_doubtful(r) &&
            list_empty(&r->in_changed))
            room_free(rs, r);
    }
}

void rooms_release(struct rooms *rs)
{
    for (uint32_t i = 0; rs->table && i < rs->table_size; i++)
        while (rs->table[i]) {
            struct room *r = rs->table[i];
            while (!list_empty(&r->seats)) {
                struct seat *s = seat_of(r->seats.next);
                list_remove(&s->in_room);
                seat_free(s);
            }
            room_free(rs, r);
        }
    free(rs->table);
    rs->table = NULL;
}

/* --- seats --- */

/* Whom the newcomer has a head start towards: the base members who are there, in the order of the
 * room. */
static enum err note_untold(struct seat *s)
{
    uint32_t n = 0;

    for (const struct link *l = s->room->seats.next; l != &s->room->seats; l = l->next)
        n += !seat_of(l)->peer->is_v1;
    if (n == 0)
        return OK;
    s->untold = malloc(n * sizeof *s->untold);
    if (!s->untold)
        return ERR_NO_MEMORY;
    for (const struct link *l = s->room->seats.next; l != &s->room->seats; l = l->next) {
        const struct seat *to = seat_of(l);
        if (to->peer != s->peer && !to->peer->is_v1)
            s->untold[s->n_untold++] = (struct untold){ to->peer->conn, to->no };
    }
    return OK;
}

struct seat *seat_new(struct app *app, struct peer *p, struct room *room)
{
    struct seat *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->room = room;
    s->peer = p;
    s->away_at = SEAT_TAKEN;
    list_init(&s->in_room);
    list_init(&s->in_late);
    peer_socket_id(p, s->socket_id);
    if (note_untold(s)) {
        free(s);
        return NULL;
    }
    s->no = ++app->rooms->last_seat_no;
    s->tell_at_ms = app->now_ms + HEAD_START_MS;
    return s;
}

void seat_free(struct seat *s)
{
    if (!s)
        return;
    list_remove(&s->in_late);
    free(s->untold);
    free(s);
}

void seat_attach(struct rooms *rs, struct seat *s)
{
    struct link *behind = &s->room->seats;

    /* A new one goes last; one that is put back goes where it was. */
    while (behind->prev != &s->room->seats && seat_of(behind->prev)->no > s->no)
        behind = behind->prev;
    list_append(behind, &s->in_room); /* just before `behind` */
    list_remove(&s->room->in_idle);
    s->room->n_seats++;
    if (!s->n_untold)
        return;
    behind = &rs->late;
    while (behind->prev != &rs->late &&
           container_of(behind->prev, struct seat, in_late)->tell_at_ms > s->tell_at_ms)
        behind = behind->prev;
    list_append(behind, &s->in_late);
}

void seat_detach(struct app *app, struct seat *s)
{
    struct room *r = s->room;

    list_remove(&s->in_room);
    list_remove(&s->in_late);
    if (--r->n_seats > 0)
        return;
    r->empty_at = app->wall_ms;
    r->write_at_ms = app->now_ms;
    list_append(&app->rooms->idle, &r->in_idle);
}

struct seat *seat_find(const struct room *room, struct bytes socket_id)
{
    if (socket_id.len != HUB_SOCKET_ID_LEN)
        return NULL;
    for (const struct link *l = room->seats.next; l != &room->seats; l = l->next)
        if (memcmp(seat_of(l)->socket_id, socket_id.data, socket_id.len) == 0)
            return seat_of(l);
    return NULL;
}

struct untold *seat_untold(const struct seat *s, const struct seat *to)
{
    uint32_t low = 0, high = s->n_untold;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->untold[middle].seat_no < to->no)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == s->n_untold || s->untold[low].seat_no != to->no || !s->untold[low].conn)
        return NULL;
    return &s->untold[low];
}

struct attendee *attendee_require(struct peer *p)
{
    struct attendee *a = p->attendee;

    if (a)
        return a;
    a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->peer = p;
    list_init(&a->in_moved);
    list_init(&a->in_watchers);
    list_init(&a->rings);
    p->attendee = a;
    return a;
}

/* --- what the database knows --- */

/* Not in the tick's transaction: whether it has succeeded is known at once. */
void rooms_reset(struct app *app)
{
    struct rooms *rs = app->rooms;

    if (!rs->must_reset || app->now_ms < rs->reset_at_ms || db_in_transaction(app->db))
        return;
    rs->reset_at_ms = app->now_ms + RETRY_MS;
    rs->must_reset = call_store_reset(&app->calls, app->wall_ms) != OK;
}

/* Milliseconds until this room's emptiness is to be written; -1: never. */
static int64_t room_wait_ms(const struct room *r, int64_t now_ms)
{
    if (!r->is_occupied)
        return -1;
    return until(r->write_at_ms, now_ms);
}

int64_t rooms_wait_ms(const struct app *app)
{
    const struct link *idle = &app->rooms->idle;
    int64_t least = app->rooms->must_reset ? until(app->rooms->reset_at_ms, app->now_ms) : -1;

    for (const struct link *l = idle->next; l != idle && least != 0; l = l->next) {
        int64_t wait = room_wait_ms(container_of(l, struct room, in_idle), app->now_ms);
        if (wait >= 0 && (least < 0 || wait < least))
            least = wait;
    }
    return least;
}

static void write_empty(struct app *app, struct room *r)
{
    enum err e = call_store_set_empty(&app->calls, bytes_str(r->id), r->empty_at);

    if (e == OK || e == ERR_NOT_FOUND)
        r->is_occupied = false;
}

void rooms_write_idle(struct app *app)
{
    struct link *idle = &app->rooms->idle;
    uint32_t n = 0;

    if (rooms_wait_ms(app) != 0)
        return;
    bool has_begun = app_write_begin(app, 0, WRITE_LIGHT) == OK;
    for (struct link *l = idle->next; l != idle && n < IDLE_WRITES; l = l->next) {
        struct room *r = container_of(l, struct room, in_idle);
        if (room_wait_ms(r, app->now_ms) != 0)
            continue;
        n++;
        r->write_at_ms = app->now_ms + RETRY_MS; /* should this fail, now or at the commit */
        if (has_begun)
            write_empty(app, r);
    }
    if (has_begun)
        app_write_end(app, WRITE_LIGHT, true);
}
