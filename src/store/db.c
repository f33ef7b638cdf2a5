/* db.c - the tick's transaction: one at a time, opened by the first write, closed by the owner of
 * the tick.
 *
 * Invariant: db->tx says what SQLite says. It can change behind our back in one place only, a
 * failing statement, and every failure passes through db_failed(), which looks. The surprising
 * part: after SQLite has dropped the transaction by itself, it is in autocommit mode, and the next
 * INSERT would succeed as a transaction of its own. TX_LOST keeps writes out until the owner of the
 * tick has been told.
 */
#include <stdarg.h>
#include <stdio.h>
#include "base/log.h"
#include "db_private.h"

void db_tell(struct db *db, const char *format, ...)
{
    va_list ap;

    if (!db->why)
        return;
    int n = snprintf(db->why, DB_WHY_MAX, "%s: ", db->path);
    if (n < 0 || n >= DB_WHY_MAX)
        return;
    va_start(ap, format);
    vsnprintf(db->why + n, (size_t)(DB_WHY_MAX - n), format, ap);
    va_end(ap);
}

/* SQLite's text belongs to its last failure, which need not be this one. */
static const char *text_of(struct db *db, int rc)
{
    return sqlite3_extended_errcode(db->raw) == rc ? sqlite3_errmsg(db->raw) : sqlite3_errstr(rc);
}

static void report(struct db *db, int rc)
{
    db->n_failures = rc == db->last_failure ? db->n_failures + 1 : 1;
    db->last_failure = rc;
    if (db->why)
        db_tell(db, "%s", text_of(db, rc));
    else if ((db->n_failures & (db->n_failures - 1)) == 0) /* 1, 2, 4, 8, ... */
        log_error("database: %s (code %d, seen %u times)", text_of(db, rc), rc, db->n_failures);
}

enum err db_failed(struct db *db, int rc)
{
    if (db->tx == TX_OPEN && sqlite3_get_autocommit(db->raw)) {
        db->tx = TX_LOST;
        db->in_savepoint = false;
    }
    switch (rc) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
        return ERR_EXISTS;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return ERR_NOT_FOUND;
    default:
        report(db, rc);
        return (rc & 0xff) == SQLITE_NOMEM ? ERR_NO_MEMORY : ERR_STORE;
    }
}

/* A connection that waited in vain stops waiting: else every writer of a tick would wait in
 * turn. */
static void set_patience(struct db *db, bool is_impatient)
{
    if (db->is_impatient == is_impatient)
        return;
    db->is_impatient = is_impatient;
    sqlite3_busy_timeout(db->raw, is_impatient ? 0 : DB_BUSY_MS);
}

/* Without waiting for other processes. *left: pages that are still in the log alone; untouched when
 * SQLite does not say. */
static int checkpoint(struct db *db, int mode, uint32_t *left)
{
    int in_log = -1, copied = -1;

    sqlite3_busy_timeout(db->raw, 0);
    int rc = sqlite3_wal_checkpoint_v2(db->raw, "main", mode, &in_log, &copied);
    sqlite3_busy_timeout(db->raw, db->is_impatient ? 0 : DB_BUSY_MS);
    if (copied >= 0 && in_log >= copied)
        *left = (uint32_t)(in_log - copied);
    return rc;
}

/* The log has a sync behind it that failed: empty it before anything new goes in (wal_sync.c). */
static enum err mend_log(struct db *db)
{
    if (!db->wal.is_doubtful)
        return OK;
    int rc = checkpoint(db, SQLITE_CHECKPOINT_TRUNCATE, &db->wal_pages);
    if (rc != SQLITE_OK)
        return db_failed(db, rc);
    db->wal.is_doubtful = false;
    return OK;
}

enum err db_begin(struct db *db)
{
    if (db->tx != TX_NONE)
        return db->tx == TX_OPEN ? OK : ERR_STORE;
    enum err e = mend_log(db);
    if (e)
        return ERR_STORE;
    e = stmt_run(db->begin);
    if (!e)
        db->tx = TX_OPEN;
    set_patience(db, e && (db->last_failure & 0xff) == SQLITE_BUSY);
    return e ? ERR_STORE : OK;
}

bool db_in_transaction(const struct db *db)
{
    return db->tx != TX_NONE;
}

bool db_is_lost(const struct db *db)
{
    return db->tx == TX_LOST;
}

/* Whatever the state, SQLite has no transaction open afterwards. */
static void roll_back(struct db *db)
{
    db->in_savepoint = false;
    if (!sqlite3_get_autocommit(db->raw) && stmt_run(db->rollback) != OK)
        log_error("database: the rollback failed");
}

void db_rollback(struct db *db)
{
    if (db->tx == TX_NONE)
        return;
    roll_back(db);
    db->tx = TX_NONE;
}

enum err db_savepoint(struct db *db)
{
    if (db->tx != TX_OPEN || db->in_savepoint)
        return ERR_STORE;
    enum err e = stmt_run(db->savepoint);
    db->in_savepoint = !e;
    return e ? ERR_STORE : OK;
}

/* A savepoint that can be neither kept nor undone leaves the transaction in a state nobody asked
 * for. */
static enum err end_savepoint(struct db *db, bool keep)
{
    if (db->tx != TX_OPEN || !db->in_savepoint)
        return ERR_STORE;
    enum err e = keep ? OK : stmt_run(db->rollback_to);
    if (!e)
        e = stmt_run(db->release);
    db->in_savepoint = false;
    if (!e)
        return OK;
    roll_back(db);
    db->tx = TX_LOST;
    return ERR_STORE;
}

enum err db_savepoint_release(struct db *db)
{
    return end_savepoint(db, true);
}

enum err db_savepoint_rollback(struct db *db)
{
    return end_savepoint(db, false);
}

enum err db_commit(struct db *db, bool durable)
{
    if (db->tx == TX_NONE)
        return OK;
    enum err e = db->tx == TX_LOST ? ERR_STORE : OK;
    if (!e) {
        if (db->is_wal)
            wal_sync_attach(&db->wal, db->raw);
        db->wal.skip = !durable;
        e = stmt_run(db->commit);
        db->wal.skip = false;
    }
    if (e) {
        db_rollback(db);
        return ERR_STORE;
    }
    db->tx = TX_NONE;
    db->in_savepoint = false;
    db->n_commits++;
    db->last_failure = SQLITE_OK;
    return OK;
}

enum err db_checkpoint(struct db *db, bool truncate)
{
    if (db->tx != TX_NONE)
        return ERR_BUSY;
    if (!db->is_wal)
        return OK;
    int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    int rc = checkpoint(db, mode, &db->wal_pages);
    return rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY ? OK : db_failed(db, rc);
}

bool db_folder(const struct db *db, char *out, size_t cap)
{
    const char *file = sqlite3_db_filename(db->raw, "main");
    const char *slash = file ? strrchr(file, '/') : NULL;

    if (!slash)
        return false;
    int len = slash == file ? 1 : (int)(slash - file);
    int n = snprintf(out, cap, "%.*s", len, file);
    return n > 0 && (size_t)n < cap;
}

uint32_t db_wal_pages(const struct db *db)
{
    return db->wal_pages;
}

struct db_counters db_counters(const struct db *db)
{
    return (struct db_counters){
        .commits = db->n_commits,
        .wal_syncs = db->wal.n_synced,
        .wal_syncs_skipped = db->wal.n_skipped,
    };
}
