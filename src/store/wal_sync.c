/* wal_sync.c - the idea: in WAL mode, synchronous=NORMAL and FULL differ in one call, the xSync of
 * the log at the end of a commit. Leaving out that call makes one commit NORMAL.
 *
 * How: the open log file is a sqlite3_file whose first field points to a table of functions. We
 * point it to a copy of the table that is ours; container_of() leads from the table back to our
 * state, so nothing is global. A VFS of our own would do the same through thirty forwarding
 * functions and a process-wide registration. The other simple way, NORMAL plus a sync after COMMIT,
 * is worse: when that sync fails, the transaction is committed already and cannot be taken back.
 *
 * The surprising part: one sync must never be left out. When the log begins anew, SQLite writes the
 * 32 bytes of its header and syncs them before the first frame, under NORMAL, too; without that,
 * frames of the old round could count as part of the new one after a power cut. It is the sync that
 * follows a write at offset 0.
 *
 * A sync that failed is remembered. The kernel may have dropped the pages that it could not write
 * and may report the next sync as a success; then there is a hole in the log, and recovery stops at
 * the hole. So db_begin() first brings everything into the database file and cuts the log to
 * nothing.
 */
#include "base/list.h"
#include "wal_sync.h"

static struct wal_sync *owner(sqlite3_file *file)
{
    return container_of(file->pMethods, struct wal_sync, methods);
}

static int on_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
    struct wal_sync *w = owner(file);

    if (offset == 0)
        w->header_written = true;
    return w->real->xWrite(file, data, len, offset);
}

static int on_sync(sqlite3_file *file, int flags)
{
    struct wal_sync *w = owner(file);

    if (w->skip && !w->header_written) {
        w->n_skipped++;
        return SQLITE_OK;
    }
    int rc = w->real->xSync(file, flags);
    if (rc == SQLITE_OK) {
        w->header_written = false;
        w->n_synced++;
    } else {
        w->is_doubtful = true;
    }
    return rc;
}

void wal_sync_attach(struct wal_sync *w, sqlite3 *raw)
{
    sqlite3_file *log = NULL;

    if (sqlite3_file_control(raw, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK ||
        !log || !log->pMethods || log->pMethods == &w->methods)
        return;
    w->real = log->pMethods;
    w->methods = *log->pMethods;
    w->methods.xWrite = on_write;
    w->methods.xSync = on_sync;
    log->pMethods = &w->methods;
}
