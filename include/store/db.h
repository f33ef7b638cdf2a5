/* db.h - the one SQLite file: opening it, the tick's transaction, savepoints, checkpoints.
 *
 *     char why[DB_WHY_MAX];
 *     if (db_open("server.db", &db, why)) { fprintf(stderr, "%s\n", why); exit(1); }
 *
 * One tick of a server, all writes of all handlers in one transaction:
 *
 *     if (db_begin(db) == OK && db_savepoint(db) == OK) {          before a handler that writes
 *         if (handler(...) == DONE) db_savepoint_release(db);
 *         else db_savepoint_rollback(db);                          undoes this handler alone
 *     }
 *     if (db_in_transaction(db) && db_commit(db, durable)) ...     at the end: nothing was written
 *
 * Losing a transaction. On some failures (disk full, I/O error, no memory) SQLite drops the whole
 * transaction at once, and not just the statement that failed. From then on db_is_lost() is true,
 * everything written since db_begin() is gone, and db_begin(), the savepoint calls and every write
 * answer ERR_STORE, so that no later handler writes outside a transaction by accident. The caller
 * ends the state with db_commit() (which answers ERR_STORE) or db_rollback(). Reads go on working.
 *
 * Waiting. Another process may hold the write lock (a shell, a backup). db_begin() then waits for
 * at most DB_BUSY_MS, and once that was in vain not at all until it has succeeded again: a tick
 * with many writers is held up once.
 *
 * Errors are logged here, once, with SQLite's words and never with stored text; a failure that
 * repeats is logged the 1st, 2nd, 4th, 8th ... time. Callers pass the code on.
 *
 * A write outside a transaction is a durable transaction of its own. Single-threaded. No clock in
 * here: all times in the stores are milliseconds since 1970 and come from the caller.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define DB_WHY_MAX  512
#define DB_BUSY_MS  100
#define DB_CLAIM_MS 5000

struct db;

struct db_counters {
    uint64_t commits;           /* transactions that db_commit() completed */
    uint64_t wal_syncs;         /* syncs of the write-ahead log that reached the disk */
    uint64_t wal_syncs_skipped; /* those left out for commits that need not survive a power cut */
};

/* Opens the database and brings its schema up to date; a missing file is created, readable by its
 * owner alone; parent folders are not. ":memory:" is a database that dies with its handle. On
 * failure *out is NULL, `why` holds one line that names the file, and the file is as it was (one
 * that was missing may be there now, empty): ERR_BAD_INPUT when it is no database, is damaged,
 * belongs to another program or comes from a newer server; ERR_SYSTEM when it cannot be opened,
 * read or written; ERR_STORE when the upgrade failed (disk full, locked); ERR_NO_MEMORY. */
MUST_CHECK enum err db_open(const char *path, struct db **out, char why[DB_WHY_MAX]);
/* Claims the file for this process, as far as other servers are concerned: what a server keeps in
 * memory (the board, who is in which call) would be wrong if another one wrote. Shells and backups
 * are not kept out. A server that is on its way out is waited for, DB_CLAIM_MS at most, and no
 * longer than until `stop_fd` can be read (-1: nothing ends the wait). Call it before db_open(),
 * and db_unclaim() behind db_close(). *fd is -1 where there is nothing to claim (":memory:") and
 * where the file cannot be opened or its file system has no locks: db_open() says why, or it does
 * not matter. ERR_BUSY with a line in `why` when another server keeps it. */
MUST_CHECK enum err db_claim(const char *path, int stop_fd, int *fd, char why[DB_WHY_MAX]);
void db_unclaim(int fd);
/* Rolls back what is open, checkpoints, closes. The stores must have been closed before. NULL is
 * allowed. */
void db_close(struct db *db);

/* Opens the transaction, unless it is open. ERR_STORE when the file is locked or the transaction is
 * lost. */
MUST_CHECK enum err db_begin(struct db *db);
/* True from db_begin() until db_commit() or db_rollback(), also when the transaction is lost. */
bool db_in_transaction(const struct db *db);
/* True when SQLite has dropped the open transaction with everything in it; see above. */
bool db_is_lost(const struct db *db);

/* One level, inside a transaction. Each savepoint ends with release (keep) or rollback (undo).
 * ERR_STORE from release or rollback means that the whole transaction is lost. */
MUST_CHECK enum err db_savepoint(struct db *db);
MUST_CHECK enum err db_savepoint_release(struct db *db);
MUST_CHECK enum err db_savepoint_rollback(struct db *db);

/* Ends the transaction; OK and nothing done when none is open. A durable commit is on the disk when
 * this returns. Any other is in the file and survives the death of the process, and the next
 * durable commit or checkpoint syncs it, too. On an error nothing of the transaction is stored,
 * none is open, and the handle is usable. */
MUST_CHECK enum err db_commit(struct db *db, bool durable);
/* Undoes everything since db_begin(). Nothing to do when none is open. */
void db_rollback(struct db *db);

/* Moves what the write-ahead log holds into the database file: for quiet moments, outside a
 * transaction (ERR_BUSY inside one). It takes time in proportion to db_wal_pages(), which is the
 * only bound SQLite offers: call it early. Never waits for readers of other processes. `truncate`
 * also cuts the log file to nothing, if nobody reads; without, the next writes reuse its space,
 * which is faster. OK also when another process kept it from finishing. */
enum err db_checkpoint(struct db *db, bool truncate);
/* The absolute path of the folder that the database is in, into `out` with `cap` bytes; false when
 * it is in memory or the path is too long. */
bool db_folder(const struct db *db, char *out, size_t cap);
/* Pages of the write-ahead log that wait for a checkpoint, 4 KiB each. While another process
 * reads, pages may be counted that are copied already. */
uint32_t db_wal_pages(const struct db *db);

struct db_counters db_counters(const struct db *db);

#endif
