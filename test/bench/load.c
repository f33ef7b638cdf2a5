#include "bench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PER_ADDRESS                                                                                \
    20000 /* connections from one loopback address: below the number of free ports */

int connect_to(uint16_t port, int spread)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in from = { .sin_family = AF_INET,
                                .sin_addr.s_addr =
                                    htonl(INADDR_LOOPBACK + (uint32_t)(spread / PER_ADDRESS)) };
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0)
        die("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (spread >= PER_ADDRESS && bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
        die("bind");
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    return fd;
}

void send_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            die("send");
        data += n;
        len -= (size_t)n;
    }
}

void recv_exactly(int fd, char *data, size_t len)
{
    while (len) {
        ssize_t n = recv(fd, data, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            die("the server closed a connection");
        data += n;
        len -= (size_t)n;
    }
}

static const char handshake[] =
    "GET /websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

static void handshake_with(int fd, const char *more)
{
    char request[512], c[4] = { 0 };
    int n = snprintf(request, sizeof request, "%s%s\r\n", handshake, more);
    send_all(fd, request, (size_t)n);
    while (memcmp(c, "\r\n\r\n", 4) != 0) {
        memmove(c, c + 1, 3);
        recv_exactly(fd, c + 3, 1);
    }
}

void websocket_open(int fd)
{
    handshake_with(fd, "");
}

void websocket_open_as(int fd, int member)
{
    char token[65], cookie[128];
    member_token(member, token);
    snprintf(cookie, sizeof cookie, "Cookie: auth_token=%s\r\n", token);
    handshake_with(fd, cookie);
}

size_t read_frame(int fd, char **payload)
{
    unsigned char head[10];
    recv_exactly(fd, (char *)head, 2);
    uint64_t len = head[1] & 0x7f;
    int more = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (more) {
        recv_exactly(fd, (char *)head + 2, (size_t)more);
        len = 0;
        for (int i = 0; i < more; i++)
            len = len << 8 | head[2 + i];
    }
    char *p = malloc(len + 1);
    if (!p)
        die("malloc");
    recv_exactly(fd, p, len);
    p[len] = 0;
    *payload = p;
    return len;
}

void read_greeting(int fd)
{
    for (int i = 0; i < 2; i++) { /* init_strokes, active_users_list */
        char *text;
        read_frame(fd, &text);
        free(text);
    }
}

size_t client_frame(char *out, const char *payload, size_t len)
{
    static const unsigned char mask[4] = { 0x12, 0x34, 0x56, 0x78 };
    size_t n = 2;
    out[0] = (char)0x81;
    if (len < 126) {
        out[1] = (char)(0x80 | len);
    } else {
        int more = len < 65536 ? 2 : 8;
        out[1] = (char)(0x80 | (more == 2 ? 126 : 127));
        for (int i = 0; i < more; i++)
            out[2 + i] = (char)(len >> (8 * (more - 1 - i)));
        n += (size_t)more;
    }
    memcpy(out + n, mask, 4);
    n += 4;
    for (size_t i = 0; i < len; i++)
        out[n + i] = (char)(payload[i] ^ (char)mask[i & 3]);
    return n + len;
}

void send_text(int fd, const char *text)
{
    size_t len = strlen(text);
    char *frame = malloc(len + 14);
    if (!frame)
        die("malloc");
    send_all(fd, frame, client_frame(frame, text, len));
    free(frame);
}

int open_one(const struct target *t, int i)
{
    int fd = connect_to(t->port, i);
    if (t->kind == TARGET_SERVER && t->has_members)
        websocket_open_as(fd, i);
    else if (t->kind == TARGET_SERVER || t->kind == TARGET_PEER)
        websocket_open(fd);
    if (t->kind == TARGET_SERVER)
        read_greeting(fd);
    return fd;
}

void load_open(struct load *l, const struct target *t, int n)
{
    l->epoll_fd = epoll_create1(0);
    l->v = calloc((size_t)n + 1, sizeof *l->v);
    l->n = n;
    l->scratch = malloc(SCRATCH);
    if (l->epoll_fd < 0 || !l->v || !l->scratch)
        die("opening a load");
    for (int i = 0; i < n; i++)
        l->v[i].fd = open_one(t, i);
    for (int i = 0; i < n; i++) {
        struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &l->v[i] };
        epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->v[i].fd, &ev);
    }
}

void load_settle(struct load *l)
{
    usleep(350000);
    for (int i = 0; i < l->n; i++) {
        fcntl(l->v[i].fd, F_SETFL, O_NONBLOCK);
        while (recv(l->v[i].fd, l->scratch, SCRATCH, 0) > 0)
            continue;
    }
}

void load_close(struct load *l)
{
    for (int i = 0; i < l->n; i++)
        close(l->v[i].fd);
    close(l->epoll_fd);
    free(l->v);
    free(l->scratch);
}

void drain(int fd, size_t len, int64_t *first)
{
    static char in[1 << 20];
    *first = 0;
    while (len) {
        ssize_t n = recv(fd, in, sizeof in, 0);
        if (n <= 0)
            die("reading a long answer");
        if (!*first)
            *first = now_ns();
        len -= (size_t)n < len ? (size_t)n : len;
    }
}

/* Reads from a socket through a buffer of its own. */
struct reader {
    int fd;
    size_t at, end;
    char in[1 << 20];
};

static void refill(struct reader *r)
{
    ssize_t n = recv(r->fd, r->in, sizeof r->in, 0);
    if (n <= 0)
        die("reading a long answer");
    r->at = 0;
    r->end = (size_t)n;
}

static unsigned char next_byte(struct reader *r)
{
    if (r->at == r->end)
        refill(r);
    return (unsigned char)r->in[r->at++];
}

static void skip(struct reader *r, uint64_t len)
{
    while (len) {
        if (r->at == r->end)
            refill(r);
        size_t part = r->end - r->at < len ? r->end - r->at : (size_t)len;
        r->at += part;
        len -= part;
    }
}

/* Reads one frame; returns its bytes. */
static uint64_t skip_frame(struct reader *r, bool *is_last)
{
    *is_last = next_byte(r) & 0x80;
    uint64_t len = next_byte(r) & 0x7f;
    unsigned more = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (more)
        len = 0;
    for (unsigned i = 0; i < more; i++)
        len = len << 8 | next_byte(r);
    skip(r, len);
    return 2 + more + len;
}

size_t drain_message(int fd, size_t least, int64_t *first)
{
    static struct reader r;
    uint64_t bytes;

    r.fd = fd;
    r.at = r.end = 0;
    do { /* shorter ones come first: lists that are late */
        bool is_last = false;
        if (r.at == r.end)
            refill(&r);
        *first = now_ns();
        for (bytes = 0; !is_last;)
            bytes += skip_frame(&r, &is_last);
    } while (bytes < least);
    return (size_t)bytes;
}
