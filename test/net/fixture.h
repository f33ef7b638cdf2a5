/* fixture.h - a net without a network: socketpairs, a clock that a test moves, and a floor above that records.
 *
 * The loop is the server's, with the same order in a tick. settle() turns it until nothing is ready and nothing waits.
 * sleep_until() goes through time as the real loop does: from one moment that net_wait_ms() asks for to the next, and
 * never to any other. So a timer that nobody has set again is found out.
 *
 * What the floor above answers is chosen by the path:
 *
 *     /hello        200 "hello"              /echo       200, the body comes back
 *     /later        nothing; answer_later()  /write      200 "stored", and it wrote
 *     /ws           101                      /blob/N     200, N bytes
 *     /file         200, f.file_len bytes of the file f.file_fd
 *     /source/N     200, N pieces of PIECE bytes
 *
 * and by the first word of a message: "echo ...", "all ..." (to everyone), "write ..." (the same, and it
 * wrote), "source N", "blob N"; anything else is only recorded.
 */
#ifndef TEST_NET_FIXTURE_H
#define TEST_NET_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "net/conn.h"
#include "net/http_conn.h"
#include "net/reactor.h"
#include "net/ws_conn.h"
#include "proto/ws_handshake.h"
#include "proto/ws_stage.h"

#define UNUSED      __attribute__((unused))
#define START_MS    INT64_C(1000000)
#define PIECE       65536u
#define MANY_TICKS  20000
#define FAILED_TEXT "{\"messageType\":\"error\",\"error\":\"not stored\"}"

struct fixture_peer {
    slot_id conn;
};

struct fixture {
    struct net net;
    struct outbox *outbox;
    bool commit_fails, has_written;
    slot_id later; /* the request that waits for answer_later() */
    int n_requests, n_messages, n_gone, n_ticks;
    int n_sources;   /* that exist */
    int n_pieces;    /* made */
    size_t last_len; /* of the last message */
    char last[256];  /* its beginning */
    int file_fd;
    uint64_t file_off, file_len;
    void (*before_commit)(struct fixture *f); /* once, in the next tick */
};

/* What a client has received and not looked at yet. */
struct client {
    int fd;
    slot_id id;
    char *data;
    size_t len, cap;
    bool has_eof, was_reset;
};

static struct fixture fx;
static bool sends_early; /* as the server: what a turn has staged is released at once when nothing was written */

/* --- a source that counts --- */

struct test_source {
    struct out_source source;
    uint64_t pieces;
    bool fails; /* instead of ending */
};

UNUSED static struct blob *test_source_next(struct out_source *s, bool *done)
{
    struct test_source *t = container_of(s, struct test_source, source);
    if (t->pieces == 0) {
        *done = !t->fails;
        return NULL;
    }
    *done = false;
    t->pieces--;
    fx.n_pieces++;
    struct blob *b = blob_new(PIECE);
    ck_assert_ptr_nonnull(b);
    memset(b->data, 's', b->len);
    return b;
}

UNUSED static void test_source_free(struct out_source *s)
{
    fx.n_sources--;
    free(container_of(s, struct test_source, source));
}

UNUSED static struct out_source *test_source(uint64_t pieces, bool fails)
{
    struct test_source *t = calloc(1, sizeof *t);
    ck_assert_ptr_nonnull(t);
    t->source = (struct out_source){ test_source_next, test_source_free };
    t->pieces = pieces;
    t->fails = fails;
    fx.n_sources++;
    return &t->source;
}

UNUSED static struct blob *filled_blob(size_t len, char c)
{
    struct blob *b = blob_new(len);
    ck_assert_ptr_nonnull(b);
    memset(b->data, c, len);
    return b;
}

/* --- the floor above --- */

static bool starts_with(struct bytes b, const char *prefix, struct bytes *rest)
{
    size_t n = strlen(prefix);
    if (b.len < n || memcmp(b.data, prefix, n) != 0)
        return false;
    *rest = bytes_from(b, n);
    return true;
}

static unsigned long number_in(struct bytes b)
{
    unsigned long n = 0;
    for (size_t i = 0; i < b.len && ascii_is_digit(b.data[i]); i++)
        n = n * 10 + (unsigned long)(b.data[i] - '0');
    return n;
}

static struct http_reply reply_200(struct bytes body)
{
    return (struct http_reply){
        .status = 200, .content_type = BYTES("text/plain"), .body = body, .fd = -1
    };
}

static enum http_verdict upgrade(struct http_request *rq)
{
    struct ws_handshake hs;
    char lines[160];

    ck_assert_int_eq(ws_handshake_check(rq->head, &hs), 101);
    int n = snprintf(lines, sizeof lines,
                     "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
                     hs.accept);
    struct http_reply r = { .status = 101, .extra = bytes_of(lines, (size_t)n), .fd = -1 };
    http_conn_reply(&fx.net, rq->conn, &r);
    outbox_subscribe(fx.outbox, rq->conn);
    struct fixture_peer *p = malloc(sizeof *p);
    ck_assert_ptr_nonnull(p);
    p->conn = rq->conn;
    rq->peer = p;
    rq->is_v1 = hs.is_v1;
    return HTTP_UPGRADED;
}

static enum http_verdict fixture_on_request(void *self, struct http_request *rq)
{
    struct bytes rest;
    struct http_reply r = reply_200(BYTES("hello"));
    (void)self;

    fx.n_requests++;
    if (starts_with(rq->path, "/later", &rest)) {
        fx.later = rq->conn;
        return HTTP_LATER;
    }
    if (bytes_eq(rq->path, BYTES("/ws")))
        return upgrade(rq);
    if (bytes_eq(rq->path, BYTES("/echo"))) {
        r.body = rq->body;
    } else if (starts_with(rq->path, "/blob/", &rest)) {
        r.len = number_in(rest);
        r.blob = filled_blob((size_t)r.len, 'b');
    } else if (starts_with(rq->path, "/source/", &rest)) {
        r.source = test_source(number_in(rest), false);
    } else if (bytes_eq(rq->path, BYTES("/file"))) {
        r.fd = dup(fx.file_fd);
        r.off = fx.file_off;
        r.len = fx.file_len;
    } else if (bytes_eq(rq->path, BYTES("/write"))) {
        r.body = BYTES("stored");
        outbox_op_begin(fx.outbox, rq->conn);
        outbox_op_wrote(fx.outbox);
        fx.has_written = true;
    }
    http_conn_reply(&fx.net, rq->conn, &r);
    if (bytes_eq(rq->path, BYTES("/write")))
        outbox_op_end(fx.outbox);
    return HTTP_ANSWERED;
}

static void fixture_on_message(void *self, void *peer, const struct ws_event *ev)
{
    const struct fixture_peer *p = peer;
    struct bytes m = ev->data, rest;
    (void)self;

    fx.n_messages++;
    fx.last_len = m.len;
    snprintf(fx.last, sizeof fx.last, "%.*s", (int)(m.len < 255 ? m.len : 255), m.data);
    if (starts_with(m, "echo", &rest)) {
        ws_stage_bytes(fx.outbox, p->conn, ev->is_text ? WS_TEXT : WS_BINARY, m);
    } else if (starts_with(m, "all", &rest)) {
        ws_stage_broadcast(fx.outbox, TO_ALL, m);
    } else if (starts_with(m, "write", &rest)) {
        fx.has_written = true;
        outbox_op_begin(fx.outbox, p->conn);
        outbox_op_wrote(fx.outbox);
        ws_stage_broadcast(fx.outbox, TO_ALL, m);
        outbox_op_end(fx.outbox);
    } else if (starts_with(m, "source ", &rest)) {
        outbox_source(fx.outbox, p->conn, test_source(number_in(rest), false));
    } else if (starts_with(m, "blob ", &rest)) {
        struct blob *b = filled_blob(number_in(rest), 'm');
        outbox_blob(fx.outbox, p->conn, b, 0, b->len, OUT_LIVE);
        blob_unref(b);
    }
}

static void fixture_on_gone(void *self, void *peer)
{
    (void)self;
    ck_assert_msg(!fx.net.is_releasing, "told that a peer has gone while output is released");
    fx.n_gone++;
    free(peer);
}

static void fixture_on_turn_end(void *self)
{
    struct out_sink sink;
    (void)self;

    if (!sends_early || fx.has_written || outbox_is_lost(fx.outbox))
        return;
    net_sink(&fx.net, &sink);
    outbox_release(fx.outbox, &sink, true);
    net_flush_early(&fx.net);
}

UNUSED static void answer_later(void)
{
    http_conn_reply_text(&fx.net, fx.later, 200, "later", false);
}

/* --- the loop --- */

UNUSED static void fixture_start(void)
{
    const struct net_events events = {
        .self = &fx,
        .on_request = fixture_on_request,
        .on_message = fixture_on_message,
        .on_turn_end = fixture_on_turn_end,
        .on_gone = fixture_on_gone,
    };
    memset(&fx, 0, sizeof fx);
    fx.file_fd = -1;
    fx.outbox = outbox_new();
    ck_assert_ptr_nonnull(fx.outbox);
    ck_assert_int_eq(net_init(&fx.net, fx.outbox, &events), OK);
    fx.net.now_ms = START_MS;
    fx.net.max_message = 16u << 20;
    fx.net.date = "Sun, 06 Nov 1994 08:49:37 GMT";
    char frame[sizeof FAILED_TEXT + WS_MAX_SERVER_HEAD];
    fx.net.failed = blob_copy(bytes_of(frame, generate_ws_frame(WS_TEXT, BYTES(FAILED_TEXT), frame)));
}

UNUSED static void fixture_stop(void)
{
    net_release(&fx.net);
    outbox_free(fx.outbox);
    ck_assert_int_eq(fx.n_sources, 0);
    if (fx.file_fd >= 0)
        close(fx.file_fd);
}

static void on_wake(void *arg)
{
    (void)arg;
    net_resume(&fx.net);
}

/* One turn, at the time that the clock shows. Returns how many sources were ready. */
static int turn(void)
{
    struct out_sink sink;
    int n_ready = 0;

    ck_assert_int_eq(reactor_wait(fx.net.reactor, 0, on_wake, NULL, &n_ready), OK);
    net_expire(&fx.net);
    if (fx.before_commit) {
        void (*once)(struct fixture *) = fx.before_commit;
        fx.before_commit = NULL;
        once(&fx);
    }
    net_sink(&fx.net, &sink);
    outbox_release(fx.outbox, &sink, !fx.commit_fails && !outbox_is_lost(fx.outbox));
    net_flush(&fx.net);
    fx.has_written = false;
    fx.n_ticks++;
    return n_ready;
}

UNUSED static void settle(void)
{
    for (int i = 0; i < MANY_TICKS; i++)
        if (turn() == 0 && net_wait_ms(&fx.net) != 0)
            return;
    ck_abort_msg("the loop never comes to rest");
}

/* Time passes as it does for the server: it wakes when net_wait_ms() says, and at `then`. */
UNUSED static void sleep_until(int64_t then)
{
    for (int i = 0; i < MANY_TICKS; i++) {
        int64_t wait = net_wait_ms(&fx.net);
        if (wait < 0 || fx.net.now_ms + wait > then) {
            fx.net.now_ms = then;
            settle();
            return;
        }
        fx.net.now_ms += wait;
        turn();
    }
    ck_abort_msg("the loop never comes to rest");
}

UNUSED static void sleep_ms(int64_t ms)
{
    sleep_until(fx.net.now_ms + ms);
}

/* --- clients --- */

/* `room`: bytes that the kernel keeps for the client while it does not read, about; 0: as it likes. */
UNUSED static struct client client_open_with(int room)
{
    struct client c = { .fd = -1 };
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    if (room)
        setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    int big = 4 << 20;
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
    c.fd = pair[0];
    ck_assert_int_eq(conn_accept(&fx.net, pair[1], "192.0.2.1"), OK);
    for (uint32_t i = 0; i < fx.net.conns.n; i++) {
        struct conn *conn = slots_at(&fx.net.conns, i);
        if (conn && conn->source.fd == pair[1])
            c.id = conn->id;
    }
    return c;
}

UNUSED static struct client client_open(void)
{
    return client_open_with(0);
}

UNUSED static void client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    free(c->data);
    *c = (struct client){ .fd = -1 };
}

UNUSED static void client_send_bytes(struct client *c, const void *data, size_t len)
{
    const char *p = data;
    while (len) {
        ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            turn();
            continue;
        }
        ck_assert_msg(n > 0, "send: %s", strerror(errno));
        p += n;
        len -= (size_t)n;
    }
}

UNUSED static void client_send(struct client *c, const char *text)
{
    client_send_bytes(c, text, strlen(text));
}

/* Reads at most `most` bytes of what has come. */
UNUSED static size_t client_read_some(struct client *c, size_t most)
{
    size_t got = 0;

    while (got < most) {
        if (c->cap - c->len < 65537) {
            c->cap = c->cap ? c->cap * 2 : 131074;
            c->data = realloc(c->data, c->cap);
            ck_assert_ptr_nonnull(c->data);
        }
        size_t ask = most - got < 65536 ? most - got : 65536;
        ssize_t n = recv(c->fd, c->data + c->len, ask, 0);
        if (n == 0)
            c->has_eof = true;
        if (n < 0 && errno == ECONNRESET)
            c->was_reset = true;
        if (n <= 0)
            break;
        got += (size_t)n;
        c->len += (size_t)n;
        c->data[c->len] = 0;
    }
    return got;
}

/* Turns the loop and reads until nothing comes any more. */
UNUSED static void client_read(struct client *c)
{
    for (int i = 0; i < MANY_TICKS; i++) {
        settle();
        if (client_read_some(c, SIZE_MAX) == 0)
            return;
    }
    ck_abort_msg("it never ends");
}

UNUSED static void client_forget(struct client *c, size_t n)
{
    ck_assert_uint_le(n, c->len);
    memmove(c->data, c->data + n, c->len - n);
    c->len -= n;
    if (c->data)
        c->data[c->len] = 0;
}

UNUSED static bool client_is_open(const struct client *c)
{
    return slots_find(&fx.net.conns, c->id) != NULL;
}

/* The status of the response at the front of what has come, and its body (by Content-Length); both are then
 * forgotten. */
UNUSED static int client_response(struct client *c, char *body, size_t cap)
{
    client_read(c);
    ck_assert_msg(c->len > 12, "no response");
    char *end = memmem(c->data, c->len, "\r\n\r\n", 4);
    ck_assert_ptr_nonnull(end);
    *end = 0;
    int status = atoi(c->data + 9);
    const char *length = strcasestr(c->data, "\r\ncontent-length:");
    size_t n = length ? strtoul(length + 17, NULL, 10) : 0;
    size_t head = (size_t)(end - c->data) + 4;
    ck_assert_uint_le(head + n, c->len);
    if (body)
        snprintf(body, cap, "%.*s", (int)n, end + 4);
    client_forget(c, head + n);
    return status;
}

/* --- WebSocket, the client's side --- */

/* A masked frame to `out`; returns its length. */
UNUSED static size_t ws_client_frame(char *out, bool fin, enum ws_opcode opcode, struct bytes payload)
{
    static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    size_t head = ws_frame_head_write((uint8_t *)out, fin, opcode, payload.len);

    out[1] = (char)(out[1] | (char)0x80);
    memcpy(out + head, mask, 4);
    if (payload.len)
        memcpy(out + head + 4, payload.data, payload.len);
    ws_unmask(out + head + 4, payload.len, mask, 0);
    return head + 4 + payload.len;
}

UNUSED static void ws_send(struct client *c, enum ws_opcode opcode, struct bytes payload)
{
    char *frame = malloc(payload.len + WS_MAX_HEAD);
    ck_assert_ptr_nonnull(frame);
    size_t n = ws_client_frame(frame, true, opcode, payload);
    client_send_bytes(c, frame, n);
    free(frame);
}

UNUSED static void ws_send_text(struct client *c, const char *text)
{
    ws_send(c, WS_TEXT, bytes_str(text));
}

UNUSED static void ws_send_close(struct client *c, unsigned code)
{
    const char payload[2] = { (char)(code >> 8), (char)(code & 0xff) };
    ws_send(c, WS_CLOSE, bytes_of(payload, 2));
}

#define HANDSHAKE                                                                                  \
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                 \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

UNUSED static void ws_client_shake(struct client *c, bool is_v1)
{
    client_send(c, HANDSHAKE);
    client_send(c, is_v1 ? "Sec-WebSocket-Protocol: parlor.v1\r\n\r\n" : "\r\n");
    ck_assert_int_eq(client_response(c, NULL, 0), 101);
}

UNUSED static struct client ws_client_open(bool is_v1)
{
    struct client c = client_open();
    ws_client_shake(&c, is_v1);
    return c;
}

/* The next frame of what has come, as "T:text", "P:" (ping), "p:" (pong), "C:code", "B:..."; "" when there is none. */
UNUSED static const char *ws_next_frame(struct client *c)
{
    static char text[512];
    struct ws_frame f;

    client_read(c);
    text[0] = 0;
    if (c->len == 0)
        return text;
    int64_t n = parse_ws_frame(c->data, c->len, &f);
    if (n <= 0)
        return "incomplete";
    ck_assert(!f.is_masked);
    if (f.opcode == WS_CLOSE)
        snprintf(text, sizeof text, "C:%d", f.payload.len < 2 ? 1005 :
                 (uint8_t)f.payload.data[0] << 8 | (uint8_t)f.payload.data[1]);
    else
        snprintf(text, sizeof text, "%c:%.*s",
                 f.opcode == WS_TEXT ? 'T' : f.opcode == WS_PING ? 'P' : f.opcode == WS_PONG ? 'p' : 'B',
                 (int)(f.payload.len < 500 ? f.payload.len : 500), f.payload.data);
    client_forget(c, (size_t)n);
    return text;
}

#define GET(path)            "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST(path, n)        "POST " path " HTTP/1.1\r\nHost: x\r\nContent-Length: " n "\r\n\r\n"
#define POST_CHUNKED(path)   "POST " path " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

#endif
