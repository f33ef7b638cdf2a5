/* stmt.h - prepared statements, for the files of store and their tests alone: no SQL elsewhere.
 *
 *     stmt_bind_int(st, 1, user_id);
 *     while ((e = stmt_step(st, &has_row)) == OK && has_row)
 *         use(stmt_int(st, 0));
 *     return stmt_done(st, e);
 *
 * Errors stick: a bind or a column that fails (memory, a text that cannot be loaded) makes the next
 * stmt_step() or stmt_done() fail, so that only those two need checking. Parameters count from 1,
 * columns from 0, as in SQLite. Bound bytes are borrowed until stmt_done(); column bytes are valid
 * until the next stmt_step() or stmt_done().
 *
 * A statement serves one run at a time: from the callback of a scan, do not call the same function
 * of the same store.
 */
#ifndef STORE_STMT_H
#define STORE_STMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/err.h"
#include "store/db.h"

struct stmt;

struct stmt_spec {
    struct stmt **out;
    const char *sql;
};

/* Compiles `sql` for many runs. ERR_STORE (logged), ERR_NO_MEMORY. */
MUST_CHECK enum err stmt_prepare(struct db *db, const char *sql, struct stmt **out);
/* Compiles all or none: on an error every *out is NULL. */
MUST_CHECK enum err stmt_prepare_all(struct db *db, const struct stmt_spec *specs, size_t n);
/* NULL is allowed. */
void stmt_release(struct stmt *st);
/* Releases all and sets every *out to NULL. */
void stmt_release_all(struct stmt **const *all, size_t n);

void stmt_bind_int(struct stmt *st, int i, int64_t v);
void stmt_bind_null(struct stmt *st, int i);
/* Empty text is text, not NULL. */
void stmt_bind_text(struct stmt *st, int i, struct bytes text);
void stmt_bind_blob(struct stmt *st, int i, const void *data, size_t len);

/* One row further. ERR_EXISTS for a broken unique rule, ERR_NOT_FOUND for a reference to nothing
 * (both silent), ERR_STORE (logged) or ERR_NO_MEMORY else. */
MUST_CHECK enum err stmt_step(struct stmt *st, bool *has_row);
/* Ends the run and makes the statement ready for the next one; returns `e`, or, if that is OK, what
 * stuck. */
MUST_CHECK enum err stmt_done(struct stmt *st, enum err e);
/* Steps to the end and is done: for writes. */
MUST_CHECK enum err stmt_run(struct stmt *st);
/* For a query of at most one row: ERR_NOT_FOUND when there is none. stmt_done() follows in any
 * case. */
MUST_CHECK enum err stmt_one(struct stmt *st);

/* After the columns of a row have been read, before they are used: has one of them failed? */
MUST_CHECK enum err stmt_check(struct stmt *st);
/* For a query of ids, newest first, limited to max_rows + 1: the id of row number max_rows or the
 * last before it (0: no row), and whether there was one more. Ends the run. */
MUST_CHECK enum err stmt_page_start(struct stmt *st, uint32_t max_rows, int64_t *first,
                                    bool *has_older);

int64_t stmt_int(struct stmt *st, int i);
bool stmt_is_null(struct stmt *st, int i);
/* The bytes of a text or blob, U+0000 included; NULL gives the empty view. */
struct bytes stmt_bytes(struct stmt *st, int i);
/* Copies a text to `to` with a NUL behind; one that does not fit makes the run fail. */
void stmt_text_to(struct stmt *st, int i, char *to, size_t size);
const char *stmt_sql(const struct stmt *st);

/* Rows that the last write changed, and the id of the last insert. */
int64_t db_changes(const struct db *db);
int64_t db_last_id(const struct db *db);
/* Runs one or several statements without parameters or results. ERR_STORE, logged. */
MUST_CHECK enum err db_exec(struct db *db, const char *sql);
/* The first column of the first row of `sql`. ERR_NOT_FOUND without a row. */
MUST_CHECK enum err db_query_int(struct db *db, const char *sql, int64_t *out);

#endif
