/* user_store.c - the users table. Its name column is COLLATE NOCASE, so comparing, the unique rule
 * and its index all ignore ASCII case, and nobody has to remember to fold a name.
 */
#include "store/stmt.h"
#include "store/user_store.h"

enum err user_store_open(struct user_store *us, struct db *db)
{
    const struct stmt_spec specs[] = {
        { &us->insert, "INSERT INTO users (username, password, created_at) VALUES (?1, ?2, ?3)" },
        { &us->by_name, "SELECT id, created_at, username, password FROM users"
                        " WHERE username = ?1" },
        { &us->by_id, "SELECT id, created_at, username FROM users WHERE id = ?1" },
        { &us->each, "SELECT id, created_at, username FROM users ORDER BY id" },
    };

    us->db = db;
    return stmt_prepare_all(db, specs, sizeof(specs) / sizeof(specs[0]));
}

void user_store_close(struct user_store *us)
{
    struct stmt **const all[] = { &us->insert, &us->by_name, &us->by_id, &us->each };

    stmt_release_all(all, sizeof(all) / sizeof(all[0]));
}

enum err user_store_insert(struct user_store *us, struct bytes username, struct bytes password_hash,
                           int64_t now, int64_t *id)
{
    if (username.len < 1 || username.len > USERNAME_MAX || password_hash.len < 1 ||
        password_hash.len > PASSWORD_HASH_MAX)
        return ERR_BAD_INPUT;
    stmt_bind_text(us->insert, 1, username);
    stmt_bind_text(us->insert, 2, password_hash);
    stmt_bind_int(us->insert, 3, now);
    enum err e = stmt_run(us->insert);
    if (!e)
        *id = db_last_id(us->db);
    return e;
}

static enum err read_user(struct stmt *st, struct user_row *out)
{
    out->id = stmt_int(st, 0);
    out->created_at = stmt_int(st, 1);
    stmt_text_to(st, 2, out->username, sizeof(out->username));
    return stmt_check(st);
}

enum err user_store_by_name(struct user_store *us, struct bytes username, struct user_row *out,
                            char password_hash[PASSWORD_HASH_MAX + 1])
{
    if (username.len > USERNAME_MAX)
        return ERR_NOT_FOUND;
    stmt_bind_text(us->by_name, 1, username);
    enum err e = stmt_one(us->by_name);
    if (!e)
        e = read_user(us->by_name, out);
    if (!e && password_hash)
        stmt_text_to(us->by_name, 3, password_hash, PASSWORD_HASH_MAX + 1);
    return stmt_done(us->by_name, e);
}

enum err user_store_by_id(struct user_store *us, int64_t id, struct user_row *out)
{
    stmt_bind_int(us->by_id, 1, id);
    enum err e = stmt_one(us->by_id);
    if (!e)
        e = read_user(us->by_id, out);
    return stmt_done(us->by_id, e);
}

enum err user_store_each(struct user_store *us, user_fn fn, void *arg)
{
    struct user_row user;
    bool has_row;
    enum err e;

    while ((e = stmt_step(us->each, &has_row)) == OK && has_row) {
        if ((e = read_user(us->each, &user)) != OK || (e = fn(arg, &user)) != OK)
            break;
    }
    return stmt_done(us->each, e);
}
