/* dm_store.h - direct messages: conversations of two people, who may be the same one.
 *
 * Who may read is part of every query: a function takes the user who asks and the other one, and
 * finds what is between these two, never anything else. A conversation is the same from both ends.
 *
 * Resending is harmless, as in chat_store.h: (from_id, client_id) names a message.
 *
 * A conversation also has two sides, one for each user: the last id, how far the user has read, and
 * how many messages of the other are unread. The sides are written together with the messages, so
 * that a list of conversations or a number of unread messages costs the same for ten messages and
 * for a million.
 *
 * Errors of every function: ERR_STORE, ERR_NO_MEMORY, and those named at it.
 */
#ifndef STORE_DM_STORE_H
#define STORE_DM_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/err.h"
#include "store/chat_store.h"
#include "store/db.h"

struct dm_new { /* to be stored */
    int64_t from_id, to_id;
    struct bytes text;
    int64_t sent_at;
    struct bytes client_id; /* empty: none; at most CLIENT_ID_MAX bytes */
};

struct dm_row {
    int64_t id;
    int64_t from_id, to_id;
    int64_t sent_at;
    struct bytes text;
};

struct dm_side { /* a conversation as one of its users sees it; all 0 when there is none */
    int64_t last_id;
    int64_t read_up_to; /* 0: nothing yet */
    int64_t unread;     /* messages from the peer with id > read_up_to; always 0 with oneself */
};

struct dm_conversation {
    int64_t peer_id;
    struct bytes peer_name; /* as registered */
    struct dm_side side;
    struct dm_row last; /* the newest message */
};

struct dm_store { /* private fields */
    struct db *db;
    struct stmt *insert, *find, *side_sent, *side_got, *scan, *ids_before, *side, *count_from;
    struct stmt *set_read, *conversations;
};

/* Anything but OK ends the scan and becomes its result. The row and its views are valid until fn
 * returns; fn does not start a scan of the same kind. */
typedef enum err (*dm_fn)(void *arg, const struct dm_row *row);
typedef enum err (*dm_conversation_fn)(void *arg, const struct dm_conversation *row);

MUST_CHECK enum err dm_store_open(struct dm_store *ds, struct db *db);
void dm_store_close(struct dm_store *ds);

/* Stores a message and brings both sides up to date, or finds the one that is there. Inside a
 * transaction; after an error the caller rolls its savepoint back. To read the stored text of one
 * that was there, scan (id - 1, id]. ERR_NOT_FOUND: no such user. ERR_BAD_INPUT: a client id that
 * is too long. ERR_EXISTS: this client id went to somebody else. */
MUST_CHECK enum err dm_store_insert(struct dm_store *ds, const struct dm_new *dm,
                                    struct stored_as *out);
/* Messages between the two with after_id < id <= up_to_id, oldest first, at most `max_rows`; the
 * next piece starts after the last id. */
MUST_CHECK enum err dm_store_scan(struct dm_store *ds, int64_t user_id, int64_t peer_id,
                                  int64_t after_id, int64_t up_to_id, uint32_t max_rows, dm_fn fn,
                                  void *arg);
/* Where the page of the last `max_rows` messages with id < before_id begins: *first is its oldest
 * id, 0 when there is none; the page itself is the scan of (*first - 1, before_id - 1]. Reads no
 * text. */
MUST_CHECK enum err dm_store_page_start(struct dm_store *ds, int64_t user_id, int64_t peer_id,
                                        int64_t before_id, uint32_t max_rows, int64_t *first,
                                        bool *has_older);
/* The last `max_rows` messages between the two with id < before_id, oldest first. *has_older: there
 * are more before these. */
MUST_CHECK enum err dm_store_page_before(struct dm_store *ds, int64_t user_id, int64_t peer_id,
                                         int64_t before_id, uint32_t max_rows, dm_fn fn, void *arg,
                                         bool *has_older);
/* The newest id between the two; 0 when they have not written. */
MUST_CHECK enum err dm_store_max_id(struct dm_store *ds, int64_t user_id, int64_t peer_id,
                                    int64_t *id);
/* What user_id sees of the conversation with peer_id. */
MUST_CHECK enum err dm_store_side(struct dm_store *ds, int64_t user_id, int64_t peer_id,
                                  struct dm_side *out);
/* user_id has read everything up to `up_to_id`: never backwards, never beyond the last id. *out is
 * the side afterwards; *changed says whether anything was written. */
MUST_CHECK enum err dm_store_mark_read(struct dm_store *ds, int64_t user_id, int64_t peer_id,
                                       int64_t up_to_id, struct dm_side *out, bool *changed);
/* The conversations of user_id with peer_id > after_peer_id, by growing peer_id, at most
 * `max_rows`; start with after_peer_id 0. Texts come whole. */
MUST_CHECK enum err dm_store_conversations(struct dm_store *ds, int64_t user_id,
                                           int64_t after_peer_id, uint32_t max_rows,
                                           dm_conversation_fn fn, void *arg);

#endif
