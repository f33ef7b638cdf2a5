/* db_private.h - what the files of store know about the database, and nobody else. */
#ifndef STORE_DB_PRIVATE_H
#define STORE_DB_PRIVATE_H

#include <sqlite3.h>
#include "store/db.h"
#include "store/stmt.h"
#include "wal_sync.h"

enum tx_state {
    TX_NONE,
    TX_OPEN,
    TX_LOST, /* SQLite has rolled it back by itself, and the owner of the tick does not know yet */
};

struct db {
    sqlite3 *raw;
    struct stmt *begin, *commit, *rollback;
    struct stmt *savepoint, *release, *rollback_to;
    enum tx_state tx;
    bool in_savepoint;
    bool is_wal;       /* false for :memory: */
    bool is_impatient; /* the last db_begin() waited for a lock in vain */
    uint32_t wal_pages;
    uint64_t n_commits;
    struct wal_sync wal;
    int last_failure; /* the extended SQLite code of the last failure, 0 after a commit */
    uint32_t n_failures;
    const char *path; /* while opening: what `why` begins with */
    char *why;        /* while opening: failures are told here instead of being logged */
};

/* Turns a result code into an error: takes note of a lost transaction, logs what deserves it (or
 * tells it in db->why). */
enum err db_failed(struct db *db, int rc);
/* Writes "PATH: text" into db->why. */
__attribute__((format(printf, 2, 3))) void db_tell(struct db *db, const char *format, ...);

#endif
