/* reactor.h - level-triggered epoll over sources embedded in their owners.
 *
 * Level-triggered on purpose: what a budget leaves unread is reported again, and a forgotten EAGAIN
 * cannot hang a connection.
 *
 * Owners must not free a source while reactor_wait() is running; they mark and free at the end of
 * the tick.
 */
#ifndef NET_REACTOR_H
#define NET_REACTOR_H

#include <stdint.h>
#include "base/err.h"

struct reactor;
struct source;

/* `events`: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP as reported. */
typedef void source_fn(struct source *s, uint32_t events);

struct source {
    source_fn *on_ready;
    int fd;
    uint32_t events; /* what is asked for now; 0 and not added: -1 in fd */
};

struct reactor *reactor_new(void);
void reactor_free(struct reactor *r);
/* Watches s->fd for `events`; s->on_ready is set by the caller. ERR_SYSTEM. */
MUST_CHECK enum err reactor_add(struct reactor *r, struct source *s, uint32_t events);
/* Changes what is asked for; no system call when nothing changes. */
MUST_CHECK enum err reactor_set(struct reactor *r, struct source *s, uint32_t events);
/* Stops watching. Does not close the descriptor. */
void reactor_remove(struct reactor *r, struct source *s);
/* Waits at most `timeout_ms` (-1: for ever) and calls on_ready for at most a fixed number of
 * sources; with `on_wake`, calls it first, when the wait is over (to read the clock once for all).
 * *n_ready: how many were ready; 0: the time was over. ERR_SYSTEM. */
MUST_CHECK enum err reactor_wait(struct reactor *r, int64_t timeout_ms, void (*on_wake)(void *),
                                 void *arg, int *n_ready);

#endif
