/* chat_store.h - the public chat: one list for everybody, ordered by id.
 *
 * Resending is harmless: a message with a client id that its user has used before is not stored
 * again. What was stored the first time stands, whatever the second one says.
 *
 * Errors of every function: ERR_STORE, ERR_NO_MEMORY, and those named at it.
 */
#ifndef STORE_CHAT_STORE_H
#define STORE_CHAT_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/err.h"
#include "store/db.h"

#define CLIENT_ID_MAX 64 /* bytes */

struct chat_new { /* to be stored */
    int64_t user_id;
    struct bytes comment;
    int64_t sent_at;
    struct bytes client_id; /* empty: none */
};

struct stored_as { /* what insert says */
    int64_t id;
    int64_t sent_at; /* of the stored row: the earlier one when was_there */
    bool was_there;  /* nothing was written: a message with this client id is there already */
};

struct chat_row {
    int64_t id;
    int64_t user_id;
    struct bytes username; /* as registered */
    struct bytes comment;
    int64_t sent_at;
};

struct chat_store { /* private fields */
    struct db *db;
    struct stmt *insert, *find, *scan, *ids_before, *max_id;
};

/* Anything but OK ends the scan and becomes its result. `row` and its views are valid until fn
 * returns; fn does not start a scan of the same kind. */
typedef enum err (*chat_fn)(void *arg, const struct chat_row *row);

MUST_CHECK enum err chat_store_open(struct chat_store *cs, struct db *db);
void chat_store_close(struct chat_store *cs);

/* Stores a message, or finds the one that is there. To read the stored text of one that was there,
 * scan (id - 1, id]. ERR_NOT_FOUND: no such user. ERR_BAD_INPUT: a client id of more than
 * CLIENT_ID_MAX bytes. */
MUST_CHECK enum err chat_store_insert(struct chat_store *cs, const struct chat_new *chat,
                                      struct stored_as *out);
/* Messages with after_id < id <= up_to_id, oldest first, at most `max_rows`; the next piece starts
 * after the last id. */
MUST_CHECK enum err chat_store_scan(struct chat_store *cs, int64_t after_id, int64_t up_to_id,
                                    uint32_t max_rows, chat_fn fn, void *arg);
/* Where the page of the last `max_rows` messages with id < before_id begins: *first is its oldest
 * id, 0 when there is none; the page itself is the scan of (*first - 1, before_id - 1]. Reads no
 * text. */
MUST_CHECK enum err chat_store_page_start(struct chat_store *cs, int64_t before_id,
                                          uint32_t max_rows, int64_t *first, bool *has_older);
/* The last `max_rows` messages with id < before_id, oldest first. *has_older: there are more before
 * these. */
MUST_CHECK enum err chat_store_page_before(struct chat_store *cs, int64_t before_id,
                                           uint32_t max_rows, chat_fn fn, void *arg,
                                           bool *has_older);
/* The newest id; 0 when nobody has said anything. */
MUST_CHECK enum err chat_store_max_id(struct chat_store *cs, int64_t *id);

#endif
