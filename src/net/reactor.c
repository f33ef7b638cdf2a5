/* The loop's only blocking call. A source that is removed while a batch is being served may still
 * have an event in it: the owner keeps its memory until the end of the tick and marks itself
 * closed, and here a removed source (fd -1) is passed over. */
#include "net/reactor.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BATCH 512 /* sources served per tick */

struct reactor {
    int epoll_fd;
    struct epoll_event batch[BATCH];
};

struct reactor *reactor_new(void)
{
    struct reactor *r = malloc(sizeof *r);
    if (!r)
        return NULL;
    r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (r->epoll_fd < 0) {
        free(r);
        return NULL;
    }
    return r;
}

void reactor_free(struct reactor *r)
{
    if (!r)
        return;
    close(r->epoll_fd);
    free(r);
}

enum err reactor_add(struct reactor *r, struct source *s, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.ptr = s };
    if (epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, s->fd, &ev) != 0)
        return ERR_SYSTEM;
    s->events = events;
    return OK;
}

enum err reactor_set(struct reactor *r, struct source *s, uint32_t events)
{
    if (s->fd < 0 || s->events == events)
        return OK;
    struct epoll_event ev = { .events = events, .data.ptr = s };
    if (epoll_ctl(r->epoll_fd, EPOLL_CTL_MOD, s->fd, &ev) != 0)
        return ERR_SYSTEM;
    s->events = events;
    return OK;
}

void reactor_remove(struct reactor *r, struct source *s)
{
    if (s->fd >= 0)
        epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
}

enum err reactor_wait(struct reactor *r, int64_t timeout_ms, void (*on_wake)(void *), void *arg,
                      int *n_ready)
{
    int timeout = timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
    int n = epoll_wait(r->epoll_fd, r->batch, BATCH, timeout);
    int error = n < 0 ? errno : 0; /* on_wake() makes calls of its own */

    *n_ready = n > 0 ? n : 0;
    if (on_wake)
        on_wake(arg);
    if (n < 0) {
        errno = error;
        return error == EINTR ? OK : ERR_SYSTEM;
    }
    for (int i = 0; i < n; i++) {
        struct source *s = r->batch[i].data.ptr;
        if (s->fd >= 0)
            s->on_ready(s, r->batch[i].events);
    }
    return OK;
}
