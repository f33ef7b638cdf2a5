/* Reading, flushing and closing, the same for both protocols.
 *
 * The invariant: a conn is in exactly one state, states only go forward, and its memory is freed at
 * the end of the tick in which it became CLOSED, never while anything of that tick may still hold
 * the pointer. Others hold ids.
 *
 * The surprising part is what is not here: no writing outside net_flush(), and no system call to
 * change what epoll watches as long as a connection keeps up (see conn_update).
 */
#include "net/conn.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include "net/http_conn.h"
#include "net/ws_conn.h"

/* An incomplete request head, or what one read brought beyond a budget, behind one another. */
#define PENDING_MAX (2u * CONN_SCRATCH)

enum err net_init(struct net *net, struct outbox *outbox, const struct net_events *events)
{
    memset(net, 0, sizeof *net);
    net->outbox = outbox;
    net->events = *events;
    net->date = "";
    timers_init(&net->timers);
    slots_init(&net->conns);
    list_init(&net->ws_all);
    list_init(&net->ready);
    list_init(&net->leaving);
    list_init(&net->closed);
    net->dirty_end = &net->dirty;
    net->crowd_end = &net->crowd;
    net->pieces = CONN_PIECES;
    net->long_left = CONN_FLUSH_LONG;
    net->reactor = reactor_new();
    if (!net->reactor)
        return ERR_SYSTEM;
    net->scratch = blob_new(CONN_SCRATCH);
    return net->scratch ? OK : ERR_NO_MEMORY;
}

/* Asks epoll for what the state needs. Input is watched unless it is held for longer than a tick.
 */
static void conn_update(struct conn *c, bool wants_out)
{
    bool wants_in = !c->has_eof && (c->state >= CONN_FINISHING || c->hold <= HOLD_BUDGET);
    uint32_t events = (wants_in ? (uint32_t)EPOLLIN : 0) | (wants_out ? (uint32_t)EPOLLOUT : 0);
    if (reactor_set(c->net->reactor, &c->source, events))
        conn_close(c);
}

static bool is_watching_out(const struct conn *c)
{
    return (c->source.events & EPOLLOUT) != 0;
}

/* A deadline that moves away needs no work: the timer fires at the old time, asks on_deadline(),
 * and is set again. So a busy connection touches the heap once in a while, not once per message. */
void conn_deadline(struct conn *c, int64_t due_ms)
{
    if (c->timer.place && c->timer.due_ms <= due_ms)
        return;
    if (timers_set(&c->net->timers, &c->timer, due_ms))
        conn_close(c);
}

void conn_mark_dirty(struct conn *c)
{
    if (c->is_dirty || c->state == CONN_CLOSED)
        return;
    c->is_dirty = true;
    c->next_dirty = NULL;
    *c->net->dirty_end = c;
    c->net->dirty_end = &c->next_dirty;
}

void conn_mark_crowd(struct conn *c)
{
    if (c->out.live_bytes > CONN_CROWD_OWED)
        conn_mark_dirty(c);
    if (c->is_in_crowd || c->is_dirty || c->state == CONN_CLOSED)
        return;
    c->is_in_crowd = true;
    c->next_crowd = NULL;
    *c->net->crowd_end = c;
    c->net->crowd_end = &c->next_crowd;
}

void conn_peer_gone(struct conn *c)
{
    if (!c->peer)
        return;
    if (c->net->is_releasing) {
        list_remove(&c->ready);
        list_append(&c->net->leaving, &c->ready);
        return;
    }
    void *peer = c->peer;
    c->peer = NULL;
    c->net->events.on_gone(c->net->events.self, peer);
}

/* What belongs to the protocol goes as soon as the connection stops speaking it. */
static void stop_speaking(struct conn *c, enum conn_state next)
{
    bool was_speaking = conn_is_speaking(c);
    c->state = (uint8_t)next;
    if (!was_speaking)
        return;
    list_remove(&c->link);
    list_remove(&c->ready);
    c->is_subscribed = false;
    c->ops->on_gone(c);
}

void conn_close(struct conn *c)
{
    if (c->state == CONN_CLOSED)
        return;
    stop_speaking(c, CONN_CLOSED);
    list_remove(&c->link);
    list_append(&c->net->closed, &c->link);
}

/* What is still owed may take its time, as long as the peer takes some of it now and then. */
static int64_t finish_due(const struct conn *c)
{
    return c->heard_ms + (c->finish_code ? CONN_FINISH_MS : CONN_STALL_MS);
}

void conn_finish(struct conn *c)
{
    if (c->state >= CONN_FINISHING)
        return;
    stop_speaking(c, CONN_FINISHING);
    c->heard_ms = c->net->now_ms;
    if (timers_set(&c->net->timers, &c->timer, finish_due(c))) {
        conn_close(c);
        return;
    }
    conn_update(c, is_watching_out(c));
    conn_mark_dirty(c);
}

void conn_continue(struct conn *c)
{
    if (c->hold == HOLD_NONE || !conn_is_speaking(c))
        return;
    c->hold = HOLD_BUDGET;
    conn_update(c, is_watching_out(c));
    if (!conn_is_speaking(c))
        return;
    list_remove(&c->ready);
    list_append(&c->net->ready, &c->ready);
}

static void forget_pending(struct conn *c)
{
    if (!c->pending)
        return;
    buf_release(c->pending);
    free(c->pending);
    c->pending = NULL;
}

/* Keeps what could not be used. `data` may lie in c->pending itself, at its end. */
static void keep(struct conn *c, const char *data, size_t len)
{
    if (len == 0) {
        forget_pending(c);
        return;
    }
    if (c->pending && buf_len(c->pending)) {
        buf_consume(c->pending, buf_len(c->pending) - len);
        return;
    }
    if (!c->pending) {
        c->pending = malloc(sizeof *c->pending);
        if (!c->pending) {
            conn_close(c);
            return;
        }
        buf_init(c->pending, PENDING_MAX);
    }
    if (buf_append(c->pending, data, len))
        conn_close(c);
}

/* Hands bytes to the protocol; after an upgrade the rest goes to the next one. */
static void feed(struct conn *c, char *data, size_t len)
{
    while (len && conn_is_speaking(c) && c->hold == HOLD_NONE) {
        const struct conn_ops *ops = c->ops;
        size_t used = ops->on_input(c, data, len);
        data += used;
        len -= used;
        if (c->ops == ops)
            break;
    }
    if (!conn_is_speaking(c))
        return;
    keep(c, data, len);
    if (!conn_is_speaking(c))
        return;
    if (c->hold == HOLD_BUDGET) {
        list_remove(&c->ready);
        list_append(&c->net->ready, &c->ready);
    } else if (c->hold != HOLD_NONE) {
        conn_update(c, is_watching_out(c));
    } else if (c->has_eof) {
        c->ops->on_eof(c);
    }
}

static void conn_input(struct conn *c, char *data, size_t len)
{
    if (!c->pending) {
        feed(c, data, len);
        return;
    }
    if (buf_append(c->pending, data, len)) {
        conn_close(c);
        return;
    }
    feed(c, buf_head(c->pending), buf_len(c->pending));
}

static void at_eof(struct conn *c)
{
    c->has_eof = true;
    if (c->state == CONN_LINGERING || (c->state == CONN_FINISHING && outq_is_empty(&c->out))) {
        conn_close(c);
        return;
    }
    conn_update(c, is_watching_out(c));
    if (conn_is_speaking(c) && c->hold == HOLD_NONE)
        c->ops->on_eof(c);
}

/* Memory to read into that nobody shares; NULL without memory. */
static char *scratch(struct net *net)
{
    if (net->scratch->refs > 1) {
        struct blob *fresh = blob_new(CONN_SCRATCH);
        if (!fresh)
            return NULL;
        blob_unref(net->scratch);
        net->scratch = fresh;
    }
    return net->scratch->data;
}

/* One system call: the rest of a large frame goes to its place, and what lies behind it to the
 * scratch. */
static ssize_t receive(struct conn *c, char *direct, size_t n_direct, char *rest)
{
    if (!n_direct)
        return recv(c->source.fd, rest, CONN_SCRATCH, MSG_DONTWAIT);
    struct iovec iov[2] = { { direct, n_direct }, { rest, CONN_SCRATCH } };
    return readv(c->source.fd, iov, 2);
}

static void conn_read(struct conn *c)
{
    char *rest = scratch(c->net), *direct = NULL;
    size_t n_direct = 0;

    if (!rest) {
        conn_close(c);
        return;
    }
    if (conn_is_speaking(c) && c->ops->room)
        n_direct = c->ops->room(c, CONN_DIRECT, &direct);
    ssize_t got = receive(c, direct, n_direct, rest);
    if (got < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            conn_close(c);
        return;
    }
    if (got == 0) {
        at_eof(c);
        return;
    }
    if (!conn_is_speaking(c))
        return; /* thrown away */
    size_t n = (size_t)got;
    c->heard_ms = c->net->now_ms;
    c->is_pinged = false;
    if (n_direct)
        c->ops->on_received(c, n < n_direct ? n : n_direct);
    if (n > n_direct)
        conn_input(c, rest, n - n_direct);
}

static void conn_on_ready(struct source *s, uint32_t events)
{
    struct conn *c = container_of(s, struct conn, source);

    if (c->state == CONN_CLOSED)
        return;
    if (events & EPOLLOUT)
        conn_mark_dirty(c);
    if (events & EPOLLIN) {
        if (c->hold == HOLD_NONE || !conn_is_speaking(c)) {
            struct net *net = c->net;
            conn_read(c);
            if (net->events.on_turn_end)
                net->events.on_turn_end(net->events.self);
        }
    } else if (events & (EPOLLERR | EPOLLHUP)) {
        conn_close(c);
    }
}

enum err conn_accept(struct net *net, int fd, const char *address)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return ERR_NO_MEMORY;
    }
    c->net = net;
    c->source = (struct source){ .on_ready = conn_on_ready, .fd = fd };
    c->heard_ms = net->now_ms;
    list_init(&c->link);
    list_init(&c->ready);
    outq_init(&c->out);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* frames are written whole */
    if (http_conn_start(c, address) || slots_add(&net->conns, c, &c->id)) {
        close(fd);
        free(c->u.http);
        free(c);
        return ERR_NO_MEMORY;
    }
    enum err e = reactor_add(net->reactor, &c->source, EPOLLIN);
    if (e) {
        conn_close(c);
        return e;
    }
    conn_deadline(c, http_conn_deadline(c, net->now_ms));
    return OK;
}

static void conn_free(struct conn *c)
{
    struct net *net = c->net;
    timers_cancel(&net->timers, &c->timer);
    slots_remove(&net->conns, c->id);
    outq_release(&c->out);
    forget_pending(c);
    reactor_remove(net->reactor, &c->source);
    close(c->source.fd);
    free(c);
}

static void free_closed(struct net *net)
{
    struct link *l = net->closed.next, *next;
    bool any = false;

    for (; l != &net->closed; l = next) {
        struct conn *c = container_of(l, struct conn, link);
        next = l->next;
        if (c->peer || c->is_dirty || c->is_in_crowd)
            continue; /* its end has not been told yet, or a flush still has it */
        list_remove(l);
        conn_free(c);
        any = true;
    }
    if (any && net->on_conn_freed)
        net->on_conn_freed(net->on_conn_freed_self);
}

/* Everything is sent: what the state was waiting for. */
static void drained(struct conn *c)
{
    conn_update(c, false);
    if (c->state == CONN_FINISHING) {
        if (c->has_eof || shutdown(c->source.fd, SHUT_WR) != 0) {
            conn_close(c);
            return;
        }
        c->state = CONN_LINGERING;
        if (timers_set(&c->net->timers, &c->timer, c->net->now_ms + CONN_FINISH_MS))
            conn_close(c);
    } else if (conn_is_speaking(c)) {
        c->ops->on_drained(c);
    }
}

/* Returns how many bytes went out. */
static uint64_t conn_flush(struct conn *c, size_t budget)
{
    uint64_t sent = 0;
    enum outq_result r = outq_flush(&c->out, c->source.fd, budget, &sent, &c->net->pieces);

    /* A peer that is busy taking a long answer cannot be heard behind it, but it is there. */
    if (sent && (r != OUTQ_EMPTY || is_watching_out(c))) {
        c->heard_ms = c->net->now_ms;
        c->is_pinged = false;
    }
    if (r == OUTQ_FAILED) {
        conn_close(c);
        return sent;
    }
    if (r == OUTQ_EMPTY) {
        drained(c);
    } else {
        if (r == OUTQ_LATER) /* first in the next tick, in front of whoever comes then */
            conn_mark_dirty(c);
        else
            conn_update(c, true);
        if (outq_leave_arena(&c->out, outbox_arena(c->net->outbox)))
            conn_close(c);
    }
    if (c->hold == HOLD_BACKLOG && !conn_is_backlogged(c))
        conn_continue(c);
    return sent;
}

static struct conn *crowd_pop(struct net *net)
{
    struct conn *c = net->crowd;

    if (!c)
        return NULL;
    net->crowd = c->next_crowd;
    if (!net->crowd)
        net->crowd_end = &net->crowd;
    c->is_in_crowd = false;
    return c;
}

/* A broadcast to thousands takes longer than an answer may wait, and who has an answer coming is
 * not here but dirty. What is left for the next tick is sent together with what comes until then.
 */
static void flush_crowd(struct net *net)
{
    uint64_t sent = 0;

    for (unsigned n = 0; n < CONN_CROWD && sent < CONN_CROWD_BYTES; n++) {
        struct conn *c = crowd_pop(net);
        if (!c)
            return;
        if (c->state != CONN_CLOSED && !outq_is_empty(&c->out))
            sent += conn_flush(c, CONN_FLUSH);
    }
}

/* A write wakes the receiver at least once, and where that costs more than copying some pages, few
 * long writes are cheaper: a fifth less for a board of 8 MB. Live messages gain nothing by it. */
static void flush_long(struct conn *c)
{
    struct net *net = c->net;
    uint64_t sent = conn_flush(c, net->long_left > CONN_FLUSH ? net->long_left : CONN_FLUSH);

    net->long_left -= sent < net->long_left ? (size_t)sent : net->long_left;
}

static void flush_dirty(struct net *net)
{
    struct conn *c = net->dirty, *next;

    net->dirty = NULL;
    net->dirty_end = &net->dirty;
    for (; c; c = next) {
        next = c->next_dirty;
        c->is_dirty = false;
        if (c->state == CONN_CLOSED)
            continue;
        if (outq_next_class(&c->out) == OUT_SNAPSHOT)
            flush_long(c);
        else
            conn_flush(c, CONN_FLUSH);
    }
}

static void end_release(struct net *net)
{
    net->is_releasing = false;
    outbox_recycle(net->outbox);
}

void net_flush_early(struct net *net)
{
    flush_dirty(net);
    end_release(net);
}

void net_flush(struct net *net)
{
    flush_dirty(net);
    flush_crowd(net);
    end_release(net);
    free_closed(net);
    net->pieces = CONN_PIECES;
    net->long_left = CONN_FLUSH_LONG;
}

void net_resume(struct net *net)
{
    struct link now;
    while (!list_empty(&net->leaving)) {
        struct conn *c = container_of(net->leaving.next, struct conn, ready);
        list_remove(&c->ready);
        conn_peer_gone(c);
    }
    list_init(&now);
    while (!list_empty(&net->ready)) { /* what is held again waits for the next tick */
        struct link *l = net->ready.next;
        list_remove(l);
        list_append(&now, l);
    }
    while (!list_empty(&now)) {
        struct conn *c = container_of(now.next, struct conn, ready);
        list_remove(&c->ready);
        c->hold = HOLD_NONE;
        if (c->pending)
            feed(c, buf_head(c->pending), buf_len(c->pending));
        else if (c->has_eof)
            c->ops->on_eof(c);
    }
}

void net_expire(struct net *net)
{
    struct timer *t;
    while ((t = timers_pop_due(&net->timers, net->now_ms)) != NULL) {
        struct conn *c = container_of(t, struct conn, timer);
        if (c->state == CONN_CLOSED)
            continue;
        if (c->state == CONN_FINISHING && finish_due(c) > net->now_ms) {
            conn_deadline(c, finish_due(c));
            continue;
        }
        if (!conn_is_speaking(c)) {
            conn_close(c);
            continue;
        }
        int64_t due = c->ops->on_deadline(c, net->now_ms);
        if (conn_is_speaking(c))
            conn_deadline(c, due > net->now_ms ? due : net->now_ms + 1);
    }
}

int64_t net_wait_ms(const struct net *net)
{
    if (!list_empty(&net->ready) || !list_empty(&net->leaving) || net->dirty || net->crowd)
        return 0;
    return timers_wait_ms(&net->timers, net->now_ms);
}

void *net_peer(const struct net *net, slot_id id)
{
    struct conn *c = slots_find(&net->conns, id);
    return c && c->state == CONN_WEBSOCKET ? c->peer : NULL;
}

uint32_t net_count(const struct net *net)
{
    return slots_count(&net->conns);
}

void net_stop(struct net *net)
{
    net->is_stopping = true;
    for (uint32_t i = 0; i < net->conns.n; i++) {
        struct conn *c = slots_at(&net->conns, i);
        if (!c || !conn_is_speaking(c))
            continue;
        if (c->state == CONN_WEBSOCKET)
            ws_conn_shut(c, WS_CLOSE_GOING_AWAY);
        else
            http_conn_stop(c);
    }
}

void net_release(struct net *net)
{
    for (uint32_t i = 0; i < net->conns.n; i++) {
        struct conn *c = slots_at(&net->conns, i);
        if (c)
            conn_close(c);
    }
    for (struct conn *c = net->dirty; c; c = c->next_dirty)
        c->is_dirty = false;
    while (crowd_pop(net)) {
    }
    net->is_releasing = false;
    net_resume(net);
    free_closed(net);
    blob_unref(net->failed);
    timers_release(&net->timers);
    slots_release(&net->conns);
    reactor_free(net->reactor);
    blob_unref(net->scratch);
}
