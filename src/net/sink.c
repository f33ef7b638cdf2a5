/* Where released output goes: from the outbox, which knows connections by id, to their queues.
 * Nothing is sent here. */
#include <unistd.h>
#include "base/log.h"
#include "net/conn.h"
#include "net/http_conn.h"

static struct conn *receiver(struct net *net, slot_id id)
{
    struct conn *c = slots_find(&net->conns, id);
    return c && conn_is_speaking(c) ? c : NULL;
}

/* False: it has been dropped. */
static bool is_added(struct conn *c, enum err e)
{
    if (!e && c->out.live_bytes <= CONN_HARD_LIMIT)
        return true;
    log_debug("connection %llu dropped: %s", (unsigned long long)c->id,
              e ? err_text(e) : "reads too slowly");
    conn_close(c);
    return false;
}

static void after_add(struct conn *c, enum err e)
{
    if (is_added(c, e))
        conn_mark_dirty(c);
}

static void sink_send(void *self, slot_id to, struct blob *b, size_t off, size_t len,
                      enum out_class class)
{
    struct conn *c = receiver(self, to);
    if (c)
        after_add(c, outq_add(&c->out, b, off, len, class));
}

static void sink_send_file(void *self, slot_id to, int fd, uint64_t off, uint64_t len)
{
    struct conn *c = receiver(self, to);
    if (c)
        after_add(c, outq_add_file(&c->out, fd, off, len));
    else
        close(fd);
}

static void sink_send_source(void *self, slot_id to, struct out_source *s)
{
    struct conn *c = receiver(self, to);
    if (c)
        after_add(c, outq_add_source(&c->out, s));
    else
        s->free(s);
}

static void sink_broadcast(void *self, enum audience who, struct blob *b, size_t off, size_t len)
{
    struct net *net = self;
    struct link *l = net->ws_all.next, *next;

    for (; l != &net->ws_all; l = next) {
        struct conn *c = container_of(l, struct conn, link);
        next = l->next;
        if (who != TO_ALL && (who == TO_V1) != c->is_v1)
            continue;
        if (is_added(c, outq_add(&c->out, b, off, len, OUT_LIVE)))
            conn_mark_crowd(c);
    }
}

static void sink_subscribe(void *self, slot_id to)
{
    struct net *net = self;
    struct conn *c = receiver(net, to);
    if (!c || c->state != CONN_WEBSOCKET || c->is_subscribed)
        return;
    c->is_subscribed = true;
    list_append(&net->ws_all, &c->link);
}

static void sink_finish(void *self, slot_id to, uint16_t code)
{
    struct conn *c = slots_find(&((struct net *)self)->conns, to);
    if (!c)
        return;
    c->finish_code = code;
    conn_finish(c);
}

static void sink_failed(void *self, slot_id to)
{
    struct net *net = self;
    struct conn *c = receiver(net, to);
    if (!c)
        return;
    if (!c->is_subscribed) /* HTTP, or its handshake is staged behind the request that failed */
        http_conn_failed(c);
    else if (net->failed)
        after_add(c, outq_add(&c->out, net->failed, 0, net->failed->len, OUT_LIVE));
}

/* A connection that lacks something is of no use to anybody: its client asks again on a new one. */
static void sink_lost(void *self, slot_id to)
{
    struct net *net = self;
    struct conn *c = slots_find(&net->conns, to);

    if (c) {
        log_debug("connection %llu dropped: out of memory", (unsigned long long)to);
        conn_close(c);
    }
    if (!to)
        log_error("out of memory: all connections are dropped");
    for (uint32_t i = 0; i < net->conns.n && !to; i++) {
        c = slots_at(&net->conns, i);
        if (c)
            conn_close(c);
    }
}

void net_sink(struct net *net, struct out_sink *sink)
{
    net->is_releasing = true;
    *sink = (struct out_sink){
        .self = net,
        .send = sink_send,
        .send_file = sink_send_file,
        .send_source = sink_send_source,
        .broadcast = sink_broadcast,
        .subscribe = sink_subscribe,
        .finish = sink_finish,
        .failed = sink_failed,
        .lost = sink_lost,
    };
}
