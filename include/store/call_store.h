/* call_store.h - video calls: id, name, and since when nobody has been in it.
 *
 * A call is available from its creation until it has been empty for CALL_EMPTY_MS; it is empty when
 * created. Who is in it is known to the server alone, hence call_store_reset() at start.
 *
 * Errors of every function: ERR_STORE, ERR_NO_MEMORY, and those named at it.
 */
#ifndef STORE_CALL_STORE_H
#define STORE_CALL_STORE_H

#include <stdint.h>
#include "base/bytes.h"
#include "base/err.h"
#include "store/db.h"

#define CALL_ID_LEN   24  /* hex digits */
#define CALL_NAME_MAX 400 /* bytes: 100 code points */
#define CALL_EMPTY_MS (24 * INT64_C(3600000))

struct call_row {
    char id[CALL_ID_LEN + 1];
    char name[CALL_NAME_MAX + 1];
    int64_t creator_id;
    int64_t created_at;
    int64_t empty_since; /* 0: somebody is in it */
};

struct call_store { /* private fields */
    struct db *db;
    struct stmt *insert, *find, *list, *occupy, *vacate, *gone, *remove_gone, *reset;
};

/* Anything but OK ends the scan and becomes its result. `call` is valid until fn returns; fn does
 * not start the scan that it is called from. */
typedef enum err (*call_fn)(void *arg, const struct call_row *call);

MUST_CHECK enum err call_store_open(struct call_store *cs, struct db *db);
void call_store_close(struct call_store *cs);

/* Adds an empty call. ERR_EXISTS: the id is in use. ERR_NOT_FOUND: no such creator. ERR_BAD_INPUT:
 * an id that has not CALL_ID_LEN bytes, a name of 0 or more than CALL_NAME_MAX bytes or with a NUL
 * in it. */
MUST_CHECK enum err call_store_insert(struct call_store *cs, struct bytes id, struct bytes name,
                                      int64_t creator_id, int64_t now);
/* ERR_NOT_FOUND: no such call, or no longer available at `now`. */
MUST_CHECK enum err call_store_find(struct call_store *cs, struct bytes id, int64_t now,
                                    struct call_row *out);
/* Available calls by (created_at, id), at most `max_rows`, behind `after` (only its created_at and
 * id count); NULL starts at the oldest. */
MUST_CHECK enum err call_store_list(struct call_store *cs, int64_t now,
                                    const struct call_row *after, uint32_t max_rows, call_fn fn,
                                    void *arg);
/* Somebody is in it. ERR_NOT_FOUND. */
MUST_CHECK enum err call_store_set_occupied(struct call_store *cs, struct bytes id);
/* The last one has left; a call that is empty already keeps its time. ERR_NOT_FOUND. */
MUST_CHECK enum err call_store_set_empty(struct call_store *cs, struct bytes id, int64_t now);
/* The `max_rows` calls that have been unavailable at `now` for the longest. */
MUST_CHECK enum err call_store_each_gone(struct call_store *cs, int64_t now, uint32_t max_rows,
                                         call_fn fn, void *arg);
/* Removes exactly those; *n says how many. */
MUST_CHECK enum err call_store_delete_gone(struct call_store *cs, int64_t now, uint32_t max_rows,
                                           uint32_t *n);
/* At start: nobody survived the restart, so every occupied call is empty since `now`. */
MUST_CHECK enum err call_store_reset(struct call_store *cs, int64_t now);

#endif
