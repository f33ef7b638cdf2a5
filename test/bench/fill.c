/* Databases with something in them, made through the server's own stores. */
#include "app/caller.h"
#include "bench.h"
#include "store/dm_store.h"
#include "store/session_store.h"
#include "store/stroke_store.h"
#include "store/user_store.h"

void fill_board(const char *path, int n)
{
    struct db *db;
    struct stroke_store ss;
    char why[DB_WHY_MAX], body[160];
    int64_t id;

    if (db_open(path, &db, why) || stroke_store_open(&ss, db) || db_begin(db))
        die("filling the board");
    for (int i = 0; i < n; i++) {
        int len = snprintf(body, sizeof body,
                           "{\"startX\":%d.25,\"startY\":%d.5,\"endX\":%d.75,\"endY\":%d,"
                           "\"color\":\"#1d4ed8\",\"width\":5}",
                           i % 720, i % 400, (i + 5) % 720, (i + 3) % 400);
        if (stroke_store_insert(&ss, (struct bytes){ body, (size_t)len }, 0, i, &id))
            die("filling the board");
    }
    if (db_commit(db, false))
        die("filling the board");
    stroke_store_close(&ss);
    db_close(db);
}

void member_token(int member, char out[65])
{
    snprintf(out, 65, "%064x", (unsigned)member);
}

void fill_members(const char *path, int n)
{
    struct db *db;
    struct user_store users;
    struct session_store sessions;
    char why[DB_WHY_MAX], name[32], token[65];

    if (db_open(path, &db, why) || user_store_open(&users, db) ||
        session_store_open(&sessions, db) || db_begin(db))
        die("filling in members");
    for (int i = 0; i < n; i++) {
        struct session_row session = { 0, 0, INT64_MAX };
        uint8_t hash[SESSION_HASH_LEN];
        int len = snprintf(name, sizeof name, "u%04d", i);
        member_token(i, token);
        if (!caller_token_hash(bytes_str(token), hash) ||
            user_store_insert(&users, bytes_of(name, (size_t)len), BYTES("none"), 0,
                              &session.user_id) ||
            session_store_insert(&sessions, hash, &session))
            die("filling in members");
    }
    if (db_commit(db, false))
        die("filling in members");
    session_store_close(&sessions);
    user_store_close(&users);
    db_close(db);
}

void fill_conversation(const char *path, int n)
{
    struct db *db;
    struct user_store users;
    struct dm_store dms;
    struct user_row a, b;
    struct stored_as as;
    char why[DB_WHY_MAX], text[128];

    fill_members(path, 2);
    if (db_open(path, &db, why) || user_store_open(&users, db) || dm_store_open(&dms, db) ||
        user_store_by_name(&users, BYTES("u0000"), &a, NULL) ||
        user_store_by_name(&users, BYTES("u0001"), &b, NULL) || db_begin(db))
        die("filling a conversation");
    for (int i = 0; i < n; i++) {
        int len =
            snprintf(text, sizeof text, "message %d of many, about as long as people write", i);
        struct dm_new dm = {
            .from_id = i % 2 ? a.id : b.id,
            .to_id = i % 2 ? b.id : a.id,
            .text = bytes_of(text, (size_t)len),
            .sent_at = i,
            .client_id = BYTES(""),
        };
        if (dm_store_insert(&dms, &dm, &as))
            die("filling a conversation");
    }
    if (db_commit(db, false))
        die("filling a conversation");
    dm_store_close(&dms);
    user_store_close(&users);
    db_close(db);
}
