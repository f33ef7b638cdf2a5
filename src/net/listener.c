#include "net/listener.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"

#define ACCEPTS_PER_TICK 64
#define REST_MS          1000 /* without descriptors: try again after this at the latest */
#define WARN_MS                                                                                    \
    60000 /* between two lines in the log about that: whoever comes and goes must not fill it */
#define PORT_TRIES 16 /* for one port that is free on both loopbacks */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct listener {
    struct net *net;
    struct source sockets[2];
    int n;
    int64_t rest_until_ms; /* 0: watching */
    int64_t warn_at_ms;    /* not before */
};

static bool address_parse(const char *host, union address *a, socklen_t *len)
{
    memset(a, 0, sizeof *a);
    if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
        a->v4.sin_family = AF_INET;
        *len = sizeof a->v4;
        return true;
    }
    if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) == 1) {
        a->v6.sin6_family = AF_INET6;
        *len = sizeof a->v6;
        return true;
    }
    return false;
}

bool listener_host_is_valid(const char *host)
{
    union address a;
    socklen_t len;
    return strcmp(host, "localhost") == 0 || address_parse(host, &a, &len);
}

static void address_text(const union address *a, char out[INET6_ADDRSTRLEN])
{
    const void *ip = a->any.sa_family == AF_INET ? (const void *)&a->v4.sin_addr
                                                 : (const void *)&a->v6.sin6_addr;
    if (a->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
        inet_ntop(AF_INET, &a->v6.sin6_addr.s6_addr[12], out, INET6_ADDRSTRLEN);
    else if (!inet_ntop(a->any.sa_family, ip, out, INET6_ADDRSTRLEN))
        out[0] = 0;
}

static void rest(struct listener *l)
{
    if (l->net->now_ms >= l->warn_at_ms) {
        log_warn("out of file descriptors: accepting waits until one is free");
        l->warn_at_ms = l->net->now_ms + WARN_MS;
    }
    l->rest_until_ms = l->net->now_ms + REST_MS;
    for (int i = 0; i < l->n; i++)
        if (reactor_set(l->net->reactor, &l->sockets[i], 0))
            log_error("cannot pause a listening socket");
}

void listener_wake(struct listener *l)
{
    if (!l || !l->rest_until_ms)
        return;
    l->rest_until_ms = 0;
    for (int i = 0; i < l->n; i++)
        if (reactor_set(l->net->reactor, &l->sockets[i], EPOLLIN))
            log_error("cannot resume a listening socket");
}

int64_t listener_wait_ms(const struct listener *l, int64_t now_ms)
{
    if (!l || !l->rest_until_ms)
        return -1;
    return l->rest_until_ms > now_ms ? l->rest_until_ms - now_ms : 0;
}

static struct listener *owner(struct source *s)
{
    /* The two sources lie in one array; the first one's place in the struct is known. */
    struct listener *l = container_of(s, struct listener, sockets);
    return l->net ? l : NULL;
}

static void accept_some(struct listener *l, struct source *s)
{
    for (int i = 0; i < ACCEPTS_PER_TICK; i++) {
        union address a;
        socklen_t len = sizeof a;
        int fd = accept4(s->fd, &a.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                rest(l);
            return;
        }
        char text[INET6_ADDRSTRLEN];
        address_text(&a, text);
        if (conn_accept(l->net, fd, text))
            log_warn("a connection could not be taken: out of memory");
    }
}

static void on_ready_first(struct source *s, uint32_t events)
{
    (void)events;
    struct listener *l = owner(s);
    if (l)
        accept_some(l, s);
}

static void on_ready_second(struct source *s, uint32_t events)
{
    (void)events;
    struct listener *l = owner(s - 1);
    if (l)
        accept_some(l, s);
}

/* Binds one address; on success the socket is l's. */
static enum err open_one(struct listener *l, union address *a, socklen_t len, uint16_t *port)
{
    int on = 1;
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_SYSTEM;
    if (a->any.sa_family == AF_INET)
        a->v4.sin_port = htons(*port);
    else
        a->v6.sin6_port = htons(*port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->any.sa_family == AF_INET6 && !IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr))
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, &a->any, len) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, &a->any, &len) != 0)
        goto failed;
    struct source *s = &l->sockets[l->n];
    *s = (struct source){ .on_ready = l->n ? on_ready_second : on_ready_first, .fd = fd };
    if (reactor_add(l->net->reactor, s, EPOLLIN))
        goto failed;
    *port = ntohs(a->any.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port);
    l->n++;
    return OK;
failed:
    on = errno;
    close(fd);
    errno = on;
    return ERR_SYSTEM;
}

static void close_all(struct listener *l)
{
    while (l->n) {
        struct source *s = &l->sockets[--l->n];
        reactor_remove(l->net->reactor, s);
        close(s->fd);
    }
}

/* 127.0.0.1 and, on a machine that has it, ::1, with one port for both. */
static enum err open_localhost(struct listener *l, uint16_t *port)
{
    uint16_t wanted = *port;
    enum err e = ERR_SYSTEM;

    for (int i = 0; i < PORT_TRIES; i++) {
        union address v4, v6;
        socklen_t len4 = 0, len6 = 0;
        address_parse("127.0.0.1", &v4, &len4);
        address_parse("::1", &v6, &len6);
        *port = wanted;
        e = open_one(l, &v4, len4, port);
        if (e)
            return e;
        e = open_one(l, &v6, len6, port);
        if (!e || errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT)
            return OK;
        int saved = errno;
        close_all(l);
        errno = saved;
        if (wanted || saved != EADDRINUSE)
            return e;
    }
    return e;
}

enum err listener_open(struct net *net, const char *host, uint16_t *port, struct listener **out)
{
    struct listener *l = calloc(1, sizeof *l);
    union address a;
    socklen_t len;
    enum err e = ERR_BAD_INPUT;

    if (!l)
        return ERR_NO_MEMORY;
    l->net = net;
    if (strcmp(host, "localhost") == 0)
        e = open_localhost(l, port);
    else if (address_parse(host, &a, &len))
        e = open_one(l, &a, len, port);
    if (e) {
        free(l);
        return e;
    }
    *out = l;
    return OK;
}

void listener_close(struct listener *l)
{
    if (!l)
        return;
    close_all(l);
    free(l);
}
