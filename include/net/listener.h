/* listener.h - listening sockets, and accepting from them within a budget.
 *
 * Out of file descriptors, a listener stops watching (so the loop does not spin) until one has been
 * given back or a second is over; people who are connected notice nothing. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/conn.h"

struct listener;

/* Binds `host` (an IPv4 or IPv6 address, or "localhost": both loopbacks where there are two) and
 * `port` (0: a free one) and listens. On ERR_SYSTEM errno says why. *port is the one taken. */
MUST_CHECK enum err listener_open(struct net *net, const char *host, uint16_t *port,
                                  struct listener **out);
/* Stops listening. NULL is allowed. */
void listener_close(struct listener *l);
/* A descriptor was given back, or time has passed: watch again. */
void listener_wake(struct listener *l);
/* Milliseconds until listener_wake() is due by time; -1: it is watching. */
int64_t listener_wait_ms(const struct listener *l, int64_t now_ms);
/* True for a text that listener_open() would take as a host. */
bool listener_host_is_valid(const char *host);

#endif
