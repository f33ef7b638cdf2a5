/* conn.h - one accepted socket: bytes in, bytes out, deadlines, and a close that is marked now and
 * done at the end of the tick.
 *
 * A conn speaks one protocol at a time, through conn_ops: HTTP first, WebSocket after an upgrade.
 * Nothing here writes to the socket while messages are handled: output is staged in the outbox (by
 * id) and comes back through the sink of net_sink() after the commit; net_flush() then sends once
 * per connection.
 *
 *     HTTP ──upgrade──► WEBSOCKET ──┐
 *       └───────────────────────────┴──► FINISHING (send what is queued) ──► LINGERING ──► CLOSED
 *
 * Nothing goes back. LINGERING: our side is shut down and the peer's bytes are thrown away until it
 * closes, too, or the time is over; closing at once would let the kernel answer late bytes with a
 * reset, which may destroy our last bytes on their way.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/list.h"
#include "base/outbox.h"
#include "base/slots.h"
#include "base/timers.h"
#include "net/outq.h"
#include "net/reactor.h"
#include "proto/http_message.h"
#include "proto/ws_decoder.h"

struct conn;
struct http_conn;

enum conn_state { CONN_HTTP, CONN_WEBSOCKET, CONN_FINISHING, CONN_LINGERING, CONN_CLOSED };

/* Why input is not being handled although there may be some. */
enum conn_hold {
    HOLD_NONE,
    HOLD_BUDGET,  /* this tick's share is used: go on in the next one */
    HOLD_ANSWER,  /* HTTP: the answer to the last request comes later */
    HOLD_BACKLOG, /* the peer reads too slowly */
};

struct conn_ops {
    /* Handles bytes from the front; returns how many were used. What is left is kept and comes
     * again, with more behind it. May set c->hold, finish or close. `data` is mutable. */
    size_t (*on_input)(struct conn *c, char *data, size_t len);
    /* A place for the first of the next bytes, so that they need no copy; 0: none. May be NULL. */
    size_t (*room)(struct conn *c, size_t most, char **room);
    void (*on_received)(struct conn *c, size_t n);
    /* The peer will send nothing more. */
    void (*on_eof)(struct conn *c);
    /* Something is due; returns when to look again (monotonic ms). May finish or close. */
    int64_t (*on_deadline)(struct conn *c, int64_t now_ms);
    /* The queue has become empty. */
    void (*on_drained)(struct conn *c);
    /* The connection stops speaking this protocol: give back what belongs to it. */
    void (*on_gone)(struct conn *c);
};

/* What the floor above does with what arrives. All in the turn of the event loop. */
struct net_events {
    void *self;
    /* A request with its body. Stages the answer with http_conn_reply(), now or later. */
    enum http_verdict (*on_request)(void *self, struct http_request *rq);
    void (*on_message)(void *self, void *peer, const struct ws_event *message);
    /* What one connection has sent is handled, and others may be waiting: a moment for
     * net_flush_early(). May be NULL. */
    void (*on_turn_end)(void *self);
    /* The WebSocket takes no more messages and gets no more broadcasts. Exactly once for every
     * peer, and never while output is released or sent: it may stage more. */
    void (*on_gone)(void *self, void *peer);
};

struct net {
    struct reactor *reactor;
    struct outbox *outbox;
    struct timers timers;
    struct slots conns;
    struct net_events events;
    const char *date;    /* for response heads; the owner keeps it current */
    struct blob *failed; /* whole frame: what a WebSocket is told when its tick's writes are gone */
    int64_t now_ms;      /* monotonic, once per tick */
    uint32_t max_message; /* bytes */
    bool allow_binary, trust_proxy, is_stopping, is_releasing;
    struct link ws_all;      /* subscribed WebSockets */
    struct link ready;       /* conns with input that waits for the next tick */
    struct link leaving;     /* conns whose end is to be told in the next tick (conn.ready) */
    struct conn *dirty;      /* conns with output to flush, */
    struct conn **dirty_end; /* in the order in which they got it */
    struct conn *crowd;      /* conns that have got broadcasts; flushed some at a time, so that */
    struct conn **crowd_end; /* nobody's answer waits for thousands of sends */
    struct link closed;      /* conns to free at the end of the tick (conn.link) */
    int pieces;              /* of long answers that may still be made in this tick */
    size_t long_left;        /* of this tick's CONN_FLUSH_LONG */
    struct blob *scratch; /* every read lands here first; who shares a part keeps it, and there is a
                             new one */
    void (*on_conn_freed)(void *self); /* a descriptor is free again */
    void *on_conn_freed_self;
};

struct conn { /* private to net/ */
    struct source source;
    slot_id id;
    struct net *net;
    const struct conn_ops *ops;
    struct link link;  /* in net->ws_all, in net->closed or alone */
    struct link ready; /* in net->ready or alone */
    struct conn *next_dirty, *next_crowd;
    struct timer timer;
    int64_t heard_ms; /* last time that bytes moved, in or out */
    struct outq out;
    struct buf *pending; /* input that could not be handled yet; NULL: none */
    void *peer;          /* WebSocket: from http_request.peer */
    union {
        struct http_conn *http;
        struct ws_decoder ws;
    } u;
    uint16_t finish_code;
    uint8_t state, hold;
    bool is_dirty, is_in_crowd, is_v1, is_subscribed, has_eof, is_pinged, wants_in,
        is_finish_staged;
};

#define CONN_SCRATCH (64u * 1024u) /* most bytes read from one connection per tick */
#define CONN_DIRECT                                                                                \
    (1024u *                                                                                       \
     1024u) /* the same, straight to a large frame's place: in caches until it is sent again */
#define CONN_SAYS        (1024u * 1024u) /* staged per tick for what one of them has sent, about */
#define CONN_SOFT_LIMIT  (1024u * 1024u) /* owed: stop reading from the peer */
#define CONN_HARD_LIMIT  (64u * 1024u * 1024u) /* owed live: drop it */
#define CONN_FLUSH       (256u * 1024u)        /* most bytes sent to one connection per tick; */
#define CONN_FLUSH_LONG  (1024u * 1024u) /* boards and files: so many for all of them, then that */
#define CONN_CROWD       128u /* most conns flushed per tick that have got broadcasts alone, */
#define CONN_CROWD_BYTES (1024u * 1024u) /* and about the most bytes sent to them; */
#define CONN_CROWD_OWED  (64u * 1024u)   /* owed live: it waits no longer */
#define CONN_PIECES      8     /* pieces of long answers made per tick, for everyone together */
#define CONN_FINISH_MS   5000  /* until a peer that does not answer is dropped */
#define CONN_STALL_MS    60000 /* until a peer that takes nothing of an HTTP answer is dropped */

/* `outbox` stays the caller's. ERR_NO_MEMORY, ERR_SYSTEM. */
MUST_CHECK enum err net_init(struct net *net, struct outbox *outbox,
                             const struct net_events *events);
/* Closes everything at once. */
void net_release(struct net *net);
/* The sink for outbox_release(). From here to the end of net_flush(), nobody is told that a peer
 * has gone. */
void net_sink(struct net *net, struct out_sink *sink);
/* Milliseconds that the next wait may take: 0 when input waits, -1 when nothing is due ever. */
int64_t net_wait_ms(const struct net *net);
/* What the tick before has left: tells which peers have gone, and handles input that a budget held
 * back. */
void net_resume(struct net *net);
/* Fires due timers. */
void net_expire(struct net *net);
/* Sends what was released, in the middle of a tick: what is large goes out while it is still in the
 * processor's caches. Only when nothing of this tick waits for a commit. */
void net_flush_early(struct net *net);
/* Sends what was released; then frees what was closed and recycles the outbox. */
void net_flush(struct net *net);
/* The peer of an open WebSocket, or NULL. */
void *net_peer(const struct net *net, slot_id id);
/* Graceful end: every WebSocket gets a close frame 1001, idle HTTP connections are closed. */
void net_stop(struct net *net);
uint32_t net_count(const struct net *net);

/* --- for the files of net/ --- */

/* A conn for an accepted socket, speaking HTTP. Owns `fd` from here on, also on error. */
MUST_CHECK enum err conn_accept(struct net *net, int fd, const char *address);
/* Sends what is queued, then closes; input is ignored from here on. */
void conn_finish(struct conn *c);
/* Drops the connection at the end of the tick. */
void conn_close(struct conn *c);
/* Puts the output on this tick's flush. */
void conn_mark_dirty(struct conn *c);
/* For broadcasts: on this tick's flush or that of one of the next, behind those who wait already.
 * Who is owed much is not kept waiting: receivers must not fall behind who sends. */
void conn_mark_crowd(struct conn *c);
/* Tells the floor above that the peer has gone: now, or in the next tick while output is released.
 */
void conn_peer_gone(struct conn *c);
/* Goes on with held input. */
void conn_continue(struct conn *c);
/* Calls on_deadline no later than at `due_ms`. */
void conn_deadline(struct conn *c, int64_t due_ms);
static inline bool conn_is_speaking(const struct conn *c)
{
    return c->state <= CONN_WEBSOCKET;
}
static inline bool conn_is_backlogged(const struct conn *c)
{
    return c->out.live_bytes + c->out.history_bytes > CONN_SOFT_LIMIT || c->out.n_sources;
}

#endif
