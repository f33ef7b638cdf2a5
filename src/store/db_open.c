/* db_open.c - from a file name to a database that is ready, and back.
 *
 * The order is the point: nothing is written to the file before we know that it is ours and not
 * newer than we are. Until the end of db_open() failures are told in `why` and not logged, so that
 * a server that cannot start says so in one line.
 *
 * Deliberate: no mmap, because a read that fails would be a SIGBUS and not an error; no exclusive
 * locking mode, because backups and shells should work beside the server.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "db_private.h"
#include "store/schema.h"

static const char pragmas[] = "PRAGMA foreign_keys = ON;"
                              "PRAGMA synchronous = FULL;" /* and see wal_sync.c */
                              "PRAGMA cell_size_check = ON;"
                              "PRAGMA mmap_size = 0;"
                              "PRAGMA cache_size = -16384;" /* KiB */
                              "PRAGMA temp_store = MEMORY;";

/* SQLite would create it readable for everyone; its log files inherit the mode. O_EXCL, so that no
 * descriptor of an existing database is ever closed here: POSIX would drop this process's locks. */
static enum err create_file(struct db *db)
{
    struct stat st;
    int fd = open(db->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0) {
        close(fd);
        return OK;
    }
    if (errno != EEXIST || stat(db->path, &st) != 0) {
        db_tell(db, "%s", strerror(errno));
        return ERR_SYSTEM;
    }
    if (!S_ISREG(st.st_mode)) {
        db_tell(db, "not a regular file");
        return ERR_BAD_INPUT;
    }
    return OK;
}

/* What SQLite's last failure means to somebody who starts a server. */
static enum err start_error(struct db *db, enum err e)
{
    if (e != ERR_STORE)
        return e;
    int code = db->last_failure & 0xff;
    int system_error = sqlite3_system_errno(db->raw);
    if (code == SQLITE_CANTOPEN && system_error != 0) /* SQLite's own words do not say why */
        db_tell(db, "%s", strerror(system_error));
    switch (code) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return ERR_BAD_INPUT;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_IOERR:
        return ERR_SYSTEM;
    default:
        return ERR_STORE;
    }
}

static enum err open_raw(struct db *db)
{
    /* Names that SQLite would not take as plain file names. */
    bool is_special = db->path[0] == ':' || strncmp(db->path, "file:", 5) == 0;
    bool is_memory = strcmp(db->path, ":memory:") == 0;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                SQLITE_OPEN_EXRESCODE;

    enum err e = is_memory ? OK : create_file(db);
    if (e)
        return e;
    char *name = sqlite3_mprintf("%s%s", is_special && !is_memory ? "./" : "", db->path);
    if (!name)
        return ERR_NO_MEMORY;
    int rc = sqlite3_open_v2(name, &db->raw, flags, NULL);
    sqlite3_free(name);
    if (!db->raw)
        return ERR_NO_MEMORY;
    if (rc != SQLITE_OK)
        return db_failed(db, rc);
    if (sqlite3_db_readonly(db->raw, "main")) {
        db_tell(db, "%s", strerror(EACCES));
        return ERR_SYSTEM;
    }
    return OK;
}

static enum err harden(struct db *db)
{
    static const struct {
        int option, value;
    } options[] = {
        { SQLITE_DBCONFIG_DEFENSIVE, 1 },
        { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
        { SQLITE_DBCONFIG_DQS_DML, 0 },
        { SQLITE_DBCONFIG_DQS_DDL, 0 },
    };

    sqlite3_busy_timeout(db->raw, DB_BUSY_MS);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        int rc = sqlite3_db_config(db->raw, options[i].option, options[i].value, (int *)NULL);
        if (rc != SQLITE_OK)
            return db_failed(db, rc);
    }
    return db_exec(db, pragmas);
}

/* Called by SQLite after each commit; it has taken the place of the automatic checkpoint. */
static int on_wal(void *arg, sqlite3 *raw, const char *schema, int n_pages)
{
    struct db *db = arg;

    (void)raw;
    (void)schema;
    db->wal_pages = n_pages > 0 ? (uint32_t)n_pages : 0;
    return SQLITE_OK;
}

static enum err use_wal(struct db *db)
{
    struct stmt *st = NULL;

    if (strcmp(db->path, ":memory:") == 0)
        return OK;
    enum err e = stmt_prepare(db, "PRAGMA journal_mode = WAL", &st);
    if (e)
        return e;
    e = stmt_one(st);
    db->is_wal = !e && bytes_eq(stmt_bytes(st, 0), BYTES("wal"));
    e = stmt_done(st, e);
    stmt_release(st);
    if (!e && !db->is_wal) {
        db_tell(db, "its file system does not allow a write-ahead log");
        e = ERR_SYSTEM;
    }
    sqlite3_wal_hook(db->raw, on_wal, db);
    return e;
}

static enum err prepare_control(struct db *db)
{
    const struct stmt_spec specs[] = {
        { &db->begin, "BEGIN IMMEDIATE" },   { &db->commit, "COMMIT" },
        { &db->rollback, "ROLLBACK" },       { &db->savepoint, "SAVEPOINT handler" },
        { &db->release, "RELEASE handler" }, { &db->rollback_to, "ROLLBACK TO handler" },
    };

    return stmt_prepare_all(db, specs, sizeof(specs) / sizeof(specs[0]));
}

static void free_all(struct db *db)
{
    struct stmt **const control[] = { &db->begin,     &db->commit,  &db->rollback,
                                      &db->savepoint, &db->release, &db->rollback_to };

    stmt_release_all(control, sizeof(control) / sizeof(control[0]));
    if (sqlite3_close(db->raw) != SQLITE_OK)
        log_error("database: closed with statements in use"); /* and not freed: they point to it */
    else
        free(db);
}

enum err schema_open_at(const char *path, int version, struct db **out, char why[DB_WHY_MAX])
{
    *out = NULL;
    why[0] = '\0';
    struct db *db = calloc(1, sizeof(*db));
    if (!db) {
        snprintf(why, DB_WHY_MAX, "%s: %s", path, err_text(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    db->path = path;
    db->why = why;
    enum err e = open_raw(db);
    if (!e)
        e = harden(db);
    if (!e)
        e = schema_check(db, version);
    if (!e)
        e = use_wal(db);
    if (!e)
        e = prepare_control(db);
    if (!e)
        e = schema_upgrade(db, version);
    if (e) {
        e = start_error(db, e);
        if (why[0] == '\0')
            db_tell(db, "%s", err_text(e));
        free_all(db);
        return e;
    }
    db->path = NULL;
    db->why = NULL;
    db_checkpoint(db, true); /* of what the last process left; without it we start all the same */
    *out = db;
    return OK;
}

enum err db_open(const char *path, struct db **out, char why[DB_WHY_MAX])
{
    return schema_open_at(path, SCHEMA_VERSION, out, why);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    db_rollback(db);
    db_checkpoint(db, true);
    free_all(db);
}
