/* stmt.c - prepared statements whose errors stick, so that a store function reads like its SQL.
 *
 * Invariant: between two runs a statement is reset and holds no bound pointer. A failure is
 * reported (logged, mapped) exactly once: where it is first returned. The surprising part: text is
 * read with sqlite3_column_blob(). For text it returns the stored bytes as they are, U+0000 and
 * all, and spares the NUL that sqlite3_column_text() would add.
 */
#include <assert.h>
#include <stdlib.h>
#include "db_private.h"

struct stmt {
    struct db *db;
    sqlite3_stmt *raw;
    bool writes;
    int stuck; /* the first failure that has not been reported yet */
};

enum err stmt_prepare(struct db *db, const char *sql, struct stmt **out)
{
    *out = NULL;
    struct stmt *st = calloc(1, sizeof(*st));
    if (!st)
        return ERR_NO_MEMORY;
    int rc = sqlite3_prepare_v3(db->raw, sql, -1, SQLITE_PREPARE_PERSISTENT, &st->raw, NULL);
    if (rc != SQLITE_OK) {
        free(st);
        return db_failed(db, rc);
    }
    st->db = db;
    st->writes = !sqlite3_stmt_readonly(st->raw);
    *out = st;
    return OK;
}

void stmt_release(struct stmt *st)
{
    if (!st)
        return;
    sqlite3_finalize(st->raw);
    free(st);
}

void stmt_release_all(struct stmt **const *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        stmt_release(*all[i]);
        *all[i] = NULL;
    }
}

enum err stmt_prepare_all(struct db *db, const struct stmt_spec *specs, size_t n)
{
    enum err e = OK;

    for (size_t i = 0; i < n; i++)
        *specs[i].out = NULL;
    for (size_t i = 0; i < n && !e; i++)
        e = stmt_prepare(db, specs[i].sql, specs[i].out);
    for (size_t i = 0; i < n && e; i++) {
        stmt_release(*specs[i].out);
        *specs[i].out = NULL;
    }
    return e;
}

static void note(struct stmt *st, int rc)
{
    if (rc != SQLITE_OK && st->stuck == SQLITE_OK)
        st->stuck = rc;
}

void stmt_bind_int(struct stmt *st, int i, int64_t v)
{
    assert(!sqlite3_stmt_busy(st->raw)); /* a callback has started its own scan again */
    note(st, sqlite3_bind_int64(st->raw, i, v));
}

void stmt_bind_null(struct stmt *st, int i)
{
    note(st, sqlite3_bind_null(st->raw, i));
}

void stmt_bind_text(struct stmt *st, int i, struct bytes text)
{
    const char *data = text.data ? text.data : ""; /* SQLite takes a NULL pointer for NULL */

    note(st, sqlite3_bind_text64(st->raw, i, data, text.len, SQLITE_STATIC, SQLITE_UTF8));
}

void stmt_bind_blob(struct stmt *st, int i, const void *data, size_t len)
{
    note(st, sqlite3_bind_blob64(st->raw, i, data, len, SQLITE_STATIC));
}

enum err stmt_check(struct stmt *st)
{
    int rc = st->stuck;

    st->stuck = SQLITE_OK;
    return rc == SQLITE_OK ? OK : db_failed(st->db, rc);
}

enum err stmt_step(struct stmt *st, bool *has_row)
{
    *has_row = false;
    enum err e = stmt_check(st);
    if (e)
        return e;
    if (st->writes && st->db->tx == TX_LOST)
        return ERR_STORE; /* it would be a transaction of its own now */
    int rc = sqlite3_step(st->raw);
    if (rc == SQLITE_DONE)
        return OK;
    if (rc != SQLITE_ROW)
        return db_failed(st->db, rc);
    *has_row = true;
    return OK;
}

enum err stmt_done(struct stmt *st, enum err e)
{
    if (!e)
        e = stmt_check(st);
    st->stuck = SQLITE_OK;
    int rc = sqlite3_reset(st->raw);
    sqlite3_clear_bindings(st->raw);
    /* After a step that failed, reset repeats its code; otherwise it may have one of its own. */
    return e || rc == SQLITE_OK ? e : db_failed(st->db, rc);
}

enum err stmt_run(struct stmt *st)
{
    bool has_row;
    enum err e;

    while ((e = stmt_step(st, &has_row)) == OK && has_row)
        ;
    return stmt_done(st, e);
}

enum err stmt_one(struct stmt *st)
{
    bool has_row;
    enum err e = stmt_step(st, &has_row);

    return e || has_row ? e : ERR_NOT_FOUND;
}

enum err stmt_page_start(struct stmt *st, uint32_t max_rows, int64_t *first, bool *has_older)
{
    bool has_row;
    uint32_t n = 0;
    enum err e;

    *first = 0;
    *has_older = false;
    while ((e = stmt_step(st, &has_row)) == OK && has_row) {
        if (n++ == max_rows) {
            *has_older = true;
            break;
        }
        *first = stmt_int(st, 0);
    }
    return stmt_done(st, e);
}

int64_t stmt_int(struct stmt *st, int i)
{
    return sqlite3_column_int64(st->raw, i);
}

bool stmt_is_null(struct stmt *st, int i)
{
    return sqlite3_column_type(st->raw, i) == SQLITE_NULL;
}

struct bytes stmt_bytes(struct stmt *st, int i)
{
    const char *data = sqlite3_column_blob(st->raw, i);
    size_t len = (size_t)sqlite3_column_bytes(st->raw, i);

    if (!data && len > 0) {
        note(st, SQLITE_NOMEM);
        len = 0;
    }
    return bytes_of(data ? data : "", len);
}

void stmt_text_to(struct stmt *st, int i, char *to, size_t size)
{
    struct bytes text = stmt_bytes(st, i);

    if (text.len >= size) {
        note(st, SQLITE_TOOBIG);
        text.len = 0;
    }
    memcpy(to, text.data, text.len);
    to[text.len] = '\0';
}

const char *stmt_sql(const struct stmt *st)
{
    return sqlite3_sql(st->raw);
}

int64_t db_changes(const struct db *db)
{
    return sqlite3_changes64(db->raw);
}

int64_t db_last_id(const struct db *db)
{
    return sqlite3_last_insert_rowid(db->raw);
}

enum err db_exec(struct db *db, const char *sql)
{
    int rc = sqlite3_exec(db->raw, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? OK : db_failed(db, rc);
}

enum err db_query_int(struct db *db, const char *sql, int64_t *out)
{
    struct stmt *st = NULL;

    enum err e = stmt_prepare(db, sql, &st);
    if (e)
        return e;
    e = stmt_one(st);
    if (!e)
        *out = stmt_int(st, 0);
    e = stmt_done(st, e);
    stmt_release(st);
    return e;
}
