/* schema.c - the steps, in order. A released step is never edited: whoever has it keeps what it
 * made.
 *
 * The idea: the number in the file says how many steps it has seen; all missing ones run in one
 * transaction together with the new number, so that a file is always at exactly one number.
 *
 * The surprising part: the fields of a stroke are columns of a view and not generated columns of
 * the table. Both show the same and store nothing. But SQLite computes VIRTUAL columns at every
 * INSERT, too, and parsing the JSON made a stroke three times as expensive (1.7 us instead of 0.5);
 * and with trusted_schema off, which protects us from what others put into the file, SQLite 3.40
 * refuses json_extract() in a schema. So the view is for shells; our own queries call
 * json_extract() themselves.
 *
 * No row is ever deleted from users, chat and dms today; AUTOINCREMENT makes sure that an id is not
 * given out twice on the day that one is.
 */
#include <stdio.h>
#include "db_private.h"
#include "store/schema.h"

static const char *const steps[SCHEMA_VERSION] = {
    /* 1: people and the drawing board. A stroke's author is not a foreign key, because the check
     * would cost a lookup at every stroke and users stay for ever. */
    "CREATE TABLE users ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " username TEXT NOT NULL COLLATE NOCASE UNIQUE,"
    " password TEXT NOT NULL,"
    " created_at INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE sessions ("
    " token_hash BLOB PRIMARY KEY NOT NULL CHECK (length(token_hash) = 32),"
    " user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
    " created_at INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX sessions_by_user ON sessions (user_id);"
    "CREATE INDEX sessions_by_end ON sessions (expires_at);"
    "CREATE TABLE strokes ("
    " id INTEGER PRIMARY KEY,"
    " body TEXT NOT NULL,"
    " author_id INTEGER,"
    " created_at INTEGER NOT NULL"
    ") STRICT;"
    "CREATE VIEW stroke_columns AS SELECT id, author_id, created_at,"
    " CAST(json_extract(body, '$.startX') AS REAL) AS start_x,"
    " CAST(json_extract(body, '$.startY') AS REAL) AS start_y,"
    " CAST(json_extract(body, '$.endX') AS REAL) AS end_x,"
    " CAST(json_extract(body, '$.endY') AS REAL) AS end_y,"
    " CAST(json_extract(body, '$.color') AS TEXT) AS color,"
    " body FROM strokes;",

    /* 2: what people say. dms_by_pair leads through one conversation in the order of ids; from_id
     * at its end lets unread messages be counted from the index alone. dm_sides: see dm_store.h. */
    "CREATE TABLE chat ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " user_id INTEGER NOT NULL REFERENCES users (id),"
    " comment TEXT NOT NULL,"
    " sent_at INTEGER NOT NULL,"
    " client_id TEXT"
    ") STRICT;"
    "CREATE UNIQUE INDEX chat_by_client ON chat (user_id, client_id) WHERE client_id IS NOT NULL;"
    "CREATE TABLE dms ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " from_id INTEGER NOT NULL REFERENCES users (id),"
    " to_id INTEGER NOT NULL REFERENCES users (id),"
    " low_id INTEGER NOT NULL GENERATED ALWAYS AS (min(from_id, to_id)) VIRTUAL,"
    " high_id INTEGER NOT NULL GENERATED ALWAYS AS (max(from_id, to_id)) VIRTUAL,"
    " text TEXT NOT NULL,"
    " sent_at INTEGER NOT NULL,"
    " client_id TEXT"
    ") STRICT;"
    "CREATE INDEX dms_by_pair ON dms (low_id, high_id, id, from_id);"
    "CREATE UNIQUE INDEX dms_by_client ON dms (from_id, client_id) WHERE client_id IS NOT NULL;"
    "CREATE TABLE dm_sides ("
    " user_id INTEGER NOT NULL,"
    " peer_id INTEGER NOT NULL,"
    " last_id INTEGER NOT NULL,"
    " read_up_to INTEGER NOT NULL DEFAULT 0,"
    " unread INTEGER NOT NULL DEFAULT 0 CHECK (unread >= 0),"
    " PRIMARY KEY (user_id, peer_id)"
    ") STRICT, WITHOUT ROWID;",

    /* 3: video calls. empty_since is NULL while somebody is in the call. */
    "CREATE TABLE calls ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " name TEXT NOT NULL,"
    " creator_id INTEGER NOT NULL REFERENCES users (id),"
    " created_at INTEGER NOT NULL,"
    " empty_since INTEGER"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX calls_by_age ON calls (created_at);"
    "CREATE INDEX calls_by_end ON calls (empty_since);",
};

static enum err check_numbers(struct db *db, int version, int64_t *number)
{
    int64_t application, n_objects;

    enum err e = db_query_int(db, "PRAGMA user_version", number);
    if (!e)
        e = db_query_int(db, "PRAGMA application_id", &application);
    if (!e)
        e = db_query_int(db, "SELECT count(*) FROM sqlite_schema", &n_objects);
    if (e)
        return e;
    if (*number == 0 && application == 0 && n_objects == 0)
        return OK;
    if (application != SCHEMA_APPLICATION_ID || *number < 1) {
        db_tell(db, "this database belongs to another program");
        return ERR_BAD_INPUT;
    }
    if (*number > version) {
        db_tell(db, "written by a newer server (schema %lld, this server knows up to %d)",
                (long long)*number, version);
        return ERR_BAD_INPUT;
    }
    return OK;
}

enum err schema_check(struct db *db, int version)
{
    int64_t number;

    return check_numbers(db, version, &number);
}

static enum err run_steps(struct db *db, int64_t number, int version)
{
    char sql[96];
    enum err e = OK;

    for (int64_t i = number; i < version && !e; i++)
        e = db_exec(db, steps[i]);
    if (e)
        return e;
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
             SCHEMA_APPLICATION_ID, version);
    return db_exec(db, sql);
}

enum err schema_upgrade(struct db *db, int version)
{
    int64_t number;

    enum err e = check_numbers(db, version, &number);
    if (e || number == version)
        return e;
    e = db_begin(db);
    if (!e) /* again, now that nobody else can upgrade it */
        e = check_numbers(db, version, &number);
    if (!e)
        e = run_steps(db, number, version);
    if (!e)
        return db_commit(db, true);
    db_rollback(db);
    return e;
}
