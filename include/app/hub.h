/* hub.h - who is connected: peers (WebSocket connections) and persons (users with at least one of
 * them).
 *
 * The hub knows no sockets. It addresses connections by id, through the outbox.
 */
#ifndef APP_HUB_H
#define APP_HUB_H

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "base/outbox.h"

#define HUB_NAME_MAX      32
#define HUB_SESSION_LEN   16 /* as much of the hash as tells sessions apart */
#define HUB_SOCKET_ID_LEN 36 /* a UUID as text */

struct attendee;

struct person {
    int64_t id;
    char name[HUB_NAME_MAX + 1]; /* registered spelling */
    struct link peers;           /* peer.in_person */
    struct person *next;         /* in the hub's table */
    struct link in_all;
};

struct peer {
    slot_id conn;
    struct person *person; /* NULL: a guest */
    struct link in_all, in_person;
    struct attendee
        *attendee; /* what it has to do with video calls; NULL: nothing. The call service's */
    uint8_t session[HUB_SESSION_LEN]; /* beginning of the hash of the session's token; zero for a
                                         guest */
    uint8_t socket_id[16];
    uint32_t list_version; /* of the list of active users that it has got */
    bool is_v1;
};

struct hub {
    struct outbox *outbox;
    struct link peers;
    struct link persons;
    struct person **table; /* by id */
    uint32_t table_size, n_persons;
    uint32_t n_base, n_v1; /* peers of each dialect */
    uint32_t version;      /* grows when a person appears or disappears */
};

MUST_CHECK enum err hub_init(struct hub *h, struct outbox *outbox);
void hub_release(struct hub *h);

/* A new peer. `user_id` 0 and `name` empty: a guest, `session` is not looked at. ERR_NO_MEMORY. */
MUST_CHECK enum err hub_join(struct hub *h, slot_id conn, int64_t user_id, struct bytes name,
                             const uint8_t *session, bool is_v1, struct peer **out);
/* Forgets the peer and frees it. */
void hub_leave(struct hub *h, struct peer *p);

/* The person with that id, or NULL when that user has no connection. */
struct person *hub_person(const struct hub *h, int64_t user_id);
static inline bool peer_is_member(const struct peer *p)
{
    return p->person != NULL;
}

/* The peer's socketId as text (RFC 9562 UUID, version 4). */
void peer_socket_id(const struct peer *p, char out[HUB_SOCKET_ID_LEN + 1]);

/* Stages a text message for one peer. */
void hub_to_peer(struct hub *h, const struct peer *p, struct bytes message);
/* A text message for several peers, one after the other. What is long, or for many, is framed once
 * and shared: with a copy for each, somebody with hundreds of connections could make gigabytes of a
 * few short messages. `text` stays the caller's until hub_copies_release(). */
struct hub_copies {
    struct bytes text;
    struct blob *frame; /* NULL: everyone gets a copy */
};
void hub_copies_init(struct hub_copies *c, struct bytes text, size_t n_peers);
void hub_copies_release(struct hub_copies *c);
/* Stages it for one peer. */
void hub_copies_to(struct hub *h, const struct hub_copies *c, const struct peer *p);
/* Stages a text message for every connection of a user that speaks a dialect. */
void hub_to_user(struct hub *h, int64_t user_id, enum audience who, struct bytes message);
/* While output is released: a close frame with `code`, and the end, for every connection of a
 * session of that user. */
void hub_close_session(struct hub *h, const struct out_sink *sink, int64_t user_id,
                       const uint8_t session[HUB_SESSION_LEN], uint16_t code);
/* True when any open connection speaks that dialect. */
static inline bool hub_has(const struct hub *h, enum audience who)
{
    return who == TO_ALL ? h->n_base + h->n_v1 > 0 : who == TO_V1 ? h->n_v1 > 0 : h->n_base > 0;
}
/* The same for the connections of one user. */
bool hub_user_has(const struct hub *h, int64_t user_id, enum audience who);
/* Stages a text message for every connection of every user (guests left out) that speaks a dialect.
 */
void hub_to_members(struct hub *h, enum audience who, struct bytes message);

#endif
