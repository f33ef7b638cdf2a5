/* session_store.h - who is logged in: the hash of a token, its user, its end.
 *
 * The token itself never comes here, so a stolen database opens no session.
 *
 * Errors of every function: ERR_STORE, ERR_NO_MEMORY, and those named at it.
 */
#ifndef STORE_SESSION_STORE_H
#define STORE_SESSION_STORE_H

#include <stdint.h>
#include "base/err.h"
#include "store/db.h"

#define SESSION_HASH_LEN 32

struct session_row {
    int64_t user_id;
    int64_t created_at;
    int64_t expires_at; /* the first millisecond in which it is no longer valid */
};

struct session_store { /* private fields */
    struct db *db;
    struct stmt *insert, *find, *remove, *remove_expired;
};

MUST_CHECK enum err session_store_open(struct session_store *ss, struct db *db);
void session_store_close(struct session_store *ss);

/* ERR_EXISTS: the hash is there already; ERR_NOT_FOUND: no such user. */
MUST_CHECK enum err session_store_insert(struct session_store *ss,
                                         const uint8_t token_hash[SESSION_HASH_LEN],
                                         const struct session_row *session);
/* ERR_NOT_FOUND: no such session, or expired at `now`. */
MUST_CHECK enum err session_store_find(struct session_store *ss,
                                       const uint8_t token_hash[SESSION_HASH_LEN], int64_t now,
                                       struct session_row *out);
/* ERR_NOT_FOUND: there was none. */
MUST_CHECK enum err session_store_delete(struct session_store *ss,
                                         const uint8_t token_hash[SESSION_HASH_LEN]);

typedef void session_fn(void *arg, int64_t user_id, const uint8_t token_hash[SESSION_HASH_LEN]);

/* Removes at most `max_rows` sessions that have expired at `now`, and calls fn(arg, ...) for each;
 * fewer than max_rows means that none is left. What `fn` does is to be undone when this fails. */
MUST_CHECK enum err session_store_delete_expired(struct session_store *ss, int64_t now,
                                                 uint32_t max_rows, session_fn *fn, void *arg);

#endif
