/* session_store.c - the sessions table. An expired session is not found, whether or not it has been
 * swept: delete_expired() is housekeeping, not security, and takes a bounded bite at a time.
 */
#include "store/session_store.h"
#include "store/stmt.h"

enum err session_store_open(struct session_store *ss, struct db *db)
{
    const struct stmt_spec specs[] = {
        { &ss->insert, "INSERT INTO sessions (token_hash, user_id, created_at, expires_at)"
                       " VALUES (?1, ?2, ?3, ?4)" },
        { &ss->find, "SELECT user_id, created_at, expires_at FROM sessions"
                     " WHERE token_hash = ?1 AND expires_at > ?2" },
        { &ss->remove, "DELETE FROM sessions WHERE token_hash = ?1" },
        { &ss->remove_expired, "DELETE FROM sessions WHERE token_hash IN"
                               " (SELECT token_hash FROM sessions WHERE expires_at <= ?1 LIMIT ?2)"
                               " RETURNING user_id, token_hash" },
    };

    ss->db = db;
    return stmt_prepare_all(db, specs, sizeof(specs) / sizeof(specs[0]));
}

void session_store_close(struct session_store *ss)
{
    struct stmt **const all[] = { &ss->insert, &ss->find, &ss->remove, &ss->remove_expired };

    stmt_release_all(all, sizeof(all) / sizeof(all[0]));
}

enum err session_store_insert(struct session_store *ss, const uint8_t token_hash[SESSION_HASH_LEN],
                              const struct session_row *session)
{
    stmt_bind_blob(ss->insert, 1, token_hash, SESSION_HASH_LEN);
    stmt_bind_int(ss->insert, 2, session->user_id);
    stmt_bind_int(ss->insert, 3, session->created_at);
    stmt_bind_int(ss->insert, 4, session->expires_at);
    return stmt_run(ss->insert);
}

enum err session_store_find(struct session_store *ss, const uint8_t token_hash[SESSION_HASH_LEN],
                            int64_t now, struct session_row *out)
{
    stmt_bind_blob(ss->find, 1, token_hash, SESSION_HASH_LEN);
    stmt_bind_int(ss->find, 2, now);
    enum err e = stmt_one(ss->find);
    if (!e) {
        out->user_id = stmt_int(ss->find, 0);
        out->created_at = stmt_int(ss->find, 1);
        out->expires_at = stmt_int(ss->find, 2);
    }
    return stmt_done(ss->find, e);
}

enum err session_store_delete(struct session_store *ss, const uint8_t token_hash[SESSION_HASH_LEN])
{
    stmt_bind_blob(ss->remove, 1, token_hash, SESSION_HASH_LEN);
    enum err e = stmt_run(ss->remove);
    return e || db_changes(ss->db) > 0 ? e : ERR_NOT_FOUND;
}

enum err session_store_delete_expired(struct session_store *ss, int64_t now, uint32_t max_rows,
                                      session_fn *fn, void *arg)
{
    bool has_row;
    enum err e;

    stmt_bind_int(ss->remove_expired, 1, now);
    stmt_bind_int(ss->remove_expired, 2, max_rows);
    while ((e = stmt_step(ss->remove_expired, &has_row)) == OK && has_row) {
        int64_t user_id = stmt_int(ss->remove_expired, 0);
        struct bytes hash = stmt_bytes(ss->remove_expired, 1);
        if ((e = stmt_check(ss->remove_expired)) != OK)
            break;
        if (hash.len == SESSION_HASH_LEN)
            fn(arg, user_id, (const uint8_t *)hash.data);
    }
    return stmt_done(ss->remove_expired, e);
}
