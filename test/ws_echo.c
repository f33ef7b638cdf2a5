/* ws_echo.c - a server for other people's WebSocket conformance suites: every message, text or binary, comes back as
 * it is.
 *
 *     ws_echo [--port N] [--host ADDR]        port 0, the default: a free one
 *
 * Our net and proto with a tick of their own; no app and no database. Any GET with a valid opening handshake becomes a
 * WebSocket, whatever its path. Ends on SIGTERM and SIGINT.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include "net/conn.h"
#include "net/http_conn.h"
#include "net/listener.h"
#include "proto/http_reply.h"
#include "proto/ws_handshake.h"

#define MAX_MESSAGE (256u * 1024u * 1024u)
#define SHARE_MIN   (16u * 1024u) /* bytes: a copy of less is cheaper than what keeping its blob may cost */
#define STOP_MS     3000

struct echo {
    struct net net;
    struct outbox *outbox;
    struct listener *listener;
    struct source signals;
    int64_t stop_at_ms; /* 0: running */
    bool must_stop;
    char date[HTTP_DATE_LEN + 1];
};

struct peer {
    slot_id conn;
};

static int64_t clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void stamp(struct echo *e)
{
    e->net.now_ms = clock_ms(CLOCK_MONOTONIC);
    http_date((time_t)(clock_ms(CLOCK_REALTIME) / 1000), e->date);
}

/* --- what net asks --- */

static enum http_verdict refuse(struct echo *e, slot_id conn, int status)
{
    struct http_reply r = {
        .status = status,
        .content_type = BYTES("text/plain; charset=utf-8"),
        .extra = status == 426 ? BYTES("Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n"
                                       "Connection: Upgrade\r\n")
                               : BYTES(""),
        .body = BYTES("This server speaks WebSocket, version 13, and nothing else.\n"),
        .fd = -1,
    };
    http_conn_reply(&e->net, conn, &r);
    return HTTP_ANSWERED;
}

static enum http_verdict on_request(void *self, struct http_request *rq)
{
    struct echo *e = self;
    struct ws_handshake hs;
    char lines[160];
    int status = ws_handshake_check(rq->head, &hs);
    struct peer *p = status == 101 ? malloc(sizeof *p) : NULL;

    if (!p)
        return refuse(e, rq->conn, status == 101 ? 503 : status);
    int n = snprintf(lines, sizeof lines,
                     "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
                     hs.accept);
    struct http_reply r = { .status = 101, .extra = bytes_of(lines, (size_t)n), .fd = -1 };
    http_conn_reply(&e->net, rq->conn, &r);
    p->conn = rq->conn;
    rq->peer = p;
    return HTTP_UPGRADED;
}

/* A long message goes back from where it was received. Not OUT_LIVE: one message may be longer than all that a
 * connection may be owed of those. Being owed much still stops the reading. */
static void on_message(void *self, void *peer, const struct ws_event *ev)
{
    struct echo *e = self;
    const struct peer *p = peer;
    bool is_shared = ev->owner && ev->data.len >= SHARE_MIN;
    struct blob *b = is_shared ? blob_ref(ev->owner) : blob_copy(ev->data);
    char *head = outbox_to(e->outbox, p->conn, ws_frame_head_len(ev->data.len));

    if (b && head) {
        ws_frame_head_write((uint8_t *)head, true, ev->is_text ? WS_TEXT : WS_BINARY, ev->data.len);
        outbox_blob(e->outbox, p->conn, b, is_shared ? (size_t)(ev->data.data - b->data) : 0,
                    ev->data.len, OUT_HISTORY);
    } else {
        outbox_finish(e->outbox, p->conn, WS_CLOSE_INTERNAL);
    }
    blob_unref(b);
}

static void on_gone(void *self, void *peer)
{
    (void)self;
    free(peer);
}

static void on_conn_freed(void *self)
{
    struct echo *e = self;
    listener_wake(e->listener);
}

/* --- the tick --- */

static void on_signal(struct source *source, uint32_t events)
{
    struct echo *e = container_of(source, struct echo, signals);
    struct signalfd_siginfo info;
    (void)events;
    while (read(source->fd, &info, sizeof info) == (ssize_t)sizeof info)
        e->must_stop = true;
}

/* Behind reactor_wait(), which may still hold the listener's source. */
static void begin_stop(struct echo *e)
{
    e->stop_at_ms = e->net.now_ms + STOP_MS;
    listener_close(e->listener);
    e->listener = NULL;
    net_stop(&e->net);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

static int64_t wait_ms(const struct echo *e)
{
    int64_t now = e->net.now_ms;
    int64_t wait = sooner(net_wait_ms(&e->net), listener_wait_ms(e->listener, now));
    if (e->stop_at_ms)
        wait = sooner(wait, e->stop_at_ms > now ? e->stop_at_ms - now : 0);
    return wait;
}

static void on_wake(void *arg)
{
    struct echo *e = arg;
    stamp(e);
    net_resume(&e->net);
}

static enum err tick(struct echo *e)
{
    struct out_sink sink;
    int n_ready;

    enum err err = reactor_wait(e->net.reactor, wait_ms(e), on_wake, e, &n_ready);
    if (err)
        return err;
    if (e->must_stop && !e->stop_at_ms)
        begin_stop(e);
    net_expire(&e->net);
    if (listener_wait_ms(e->listener, e->net.now_ms) == 0)
        listener_wake(e->listener);
    net_sink(&e->net, &sink);
    outbox_release(e->outbox, &sink, !outbox_is_lost(e->outbox));
    net_flush(&e->net);
    return OK;
}

static int run(struct echo *e)
{
    while (!e->stop_at_ms || (net_count(&e->net) > 0 && e->net.now_ms < e->stop_at_ms))
        if (tick(e)) {
            perror("ws_echo");
            return EXIT_FAILURE;
        }
    return EXIT_SUCCESS;
}

/* --- the command line --- */

static bool watch_signals(struct echo *e)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return false;
    e->signals = (struct source){
        .on_ready = on_signal,
        .fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
    };
    return e->signals.fd >= 0 && reactor_add(e->net.reactor, &e->signals, EPOLLIN) == OK;
}

static bool read_options(int argc, char **argv, const char **host, uint16_t *port)
{
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        char *end;
        if (value && strcmp(argv[i], "--host") == 0) {
            *host = value;
        } else if (value && *value && strcmp(argv[i], "--port") == 0) {
            long n = strtol(value, &end, 10);
            if (*end || n < 0 || n > 65535)
                return false;
            *port = (uint16_t)n;
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct echo e;
    const struct net_events events = {
        .self = &e,
        .on_request = on_request,
        .on_message = on_message,
        .on_gone = on_gone,
    };
    const char *host = "127.0.0.1";
    uint16_t port = 0;

    if (!read_options(argc, argv, &host, &port)) {
        fprintf(stderr, "usage: ws_echo [--port N] [--host ADDR]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    e.outbox = outbox_new();
    if (!e.outbox || net_init(&e.net, e.outbox, &events)) {
        perror("ws_echo");
        return EXIT_FAILURE;
    }
    e.net.max_message = MAX_MESSAGE;
    e.net.allow_binary = true;
    e.net.date = e.date;
    e.net.on_conn_freed = on_conn_freed;
    e.net.on_conn_freed_self = &e;
    stamp(&e);
    if (!watch_signals(&e) || listener_open(&e.net, host, &port, &e.listener)) {
        fprintf(stderr, "ws_echo: cannot listen on %s port %u: %s\n", host, port, strerror(errno));
        return EXIT_FAILURE;
    }
    printf(strchr(host, ':') ? "listening on ws://[%s]:%u\n" : "listening on ws://%s:%u\n", host, port);
    fflush(stdout);
    int status = run(&e);
    net_release(&e.net);
    outbox_free(e.outbox);
    close(e.signals.fd);
    return status;
}
