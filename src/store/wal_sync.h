/* wal_sync.h - lets a commit leave out the sync of the write-ahead log.
 *
 * Whether a tick needs to survive a power cut is known when it ends, and PRAGMA synchronous cannot
 * be changed inside a transaction. So the pragma stays at FULL, and this stands between SQLite and
 * the log file's xSync.
 */
#ifndef STORE_WAL_SYNC_H
#define STORE_WAL_SYNC_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct wal_sync {
    sqlite3_io_methods methods; /* the log file's, with our xWrite and xSync */
    const sqlite3_io_methods *real;
    bool skip;           /* this commit need not survive a power cut */
    bool header_written; /* since the last sync: the log began anew */
    bool is_doubtful;    /* a sync has failed: see wal_sync.c */
    uint64_t n_synced, n_skipped;
};

/* Takes its place at the log file of `raw`, which must be in WAL mode, unless it is there. */
void wal_sync_attach(struct wal_sync *w, sqlite3 *raw);

#endif
