/* stroke_store.h - the drawing board: every stroke as the JSON text of its message without
 * messageType.
 *
 * The text is kept byte for byte. For people with an SQL shell, the view stroke_columns shows
 * startX, startY, endX, endY and color as typed columns start_x ... color; they are computed from
 * the text when they are asked for, and stored nowhere.
 *
 * Errors of every function: ERR_STORE, ERR_NO_MEMORY.
 */
#ifndef STORE_STROKE_STORE_H
#define STORE_STROKE_STORE_H

#include <stdint.h>
#include "base/bytes.h"
#include "base/err.h"
#include "store/db.h"

struct stroke_row {
    int64_t id;        /* grows */
    int64_t author_id; /* 0: a guest */
    int64_t created_at;
    struct bytes body; /* JSON, as it was given to insert */
};

struct stroke_store { /* private fields */
    struct db *db;
    struct stmt *insert, *each, *count;
};

/* Anything but OK ends the scan and becomes its result. `row` and its views are valid until fn
 * returns; fn does not start the scan that it is called from. */
typedef enum err (*stroke_fn)(void *arg, const struct stroke_row *row);

MUST_CHECK enum err stroke_store_open(struct stroke_store *ss, struct db *db);
void stroke_store_close(struct stroke_store *ss);

/* Appends a stroke. `author_id` 0 for a guest. Neither is looked at: the caller has made sure that
 * the body is a JSON object and that the author exists. `id` may be NULL. */
MUST_CHECK enum err stroke_store_insert(struct stroke_store *ss, struct bytes body,
                                        int64_t author_id, int64_t now, int64_t *id);
/* Every stroke, oldest first: once, at start. */
MUST_CHECK enum err stroke_store_each(struct stroke_store *ss, stroke_fn fn, void *arg);
/* How many there are. Walks the table: for start and for tests. */
MUST_CHECK enum err stroke_store_count(struct stroke_store *ss, int64_t *n);

#endif
