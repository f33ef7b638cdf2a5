/* call_store.c - the calls table. "Available" is one condition, written once below: a call whose
 * day is over does not exist for find and list, whether or not it has been removed yet.
 */
#include "store/call_store.h"
#include "store/stmt.h"

#define COLUMNS   "id, name, creator_id, created_at, empty_since"
#define AVAILABLE "(empty_since IS NULL OR empty_since > ?1)" /* ?1: now - CALL_EMPTY_MS */
/* The order makes listing and removing mean the same rows. */
#define GONE "empty_since <= ?1 ORDER BY empty_since, id LIMIT ?2"

enum err call_store_open(struct call_store *cs, struct db *db)
{
    const struct stmt_spec specs[] = {
        { &cs->insert, "INSERT INTO calls (id, name, creator_id, created_at, empty_since)"
                       " VALUES (?1, ?2, ?3, ?4, ?4)" },
        { &cs->find, "SELECT " COLUMNS " FROM calls WHERE id = ?2 AND " AVAILABLE },
        { &cs->list,
          "SELECT " COLUMNS " FROM calls INDEXED BY calls_by_age"
          " WHERE (created_at, id) > (?2, ?3) AND " AVAILABLE " ORDER BY created_at, id LIMIT ?4" },
        { &cs->occupy, "UPDATE calls SET empty_since = NULL WHERE id = ?1" },
        { &cs->vacate, "UPDATE calls SET empty_since = ifnull(empty_since, ?2) WHERE id = ?1" },
        { &cs->gone, "SELECT " COLUMNS " FROM calls WHERE " GONE },
        { &cs->remove_gone, "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE " GONE ")" },
        { &cs->reset, "UPDATE calls SET empty_since = ?1 WHERE empty_since IS NULL" },
    };

    cs->db = db;
    return stmt_prepare_all(db, specs, sizeof(specs) / sizeof(specs[0]));
}

void call_store_close(struct call_store *cs)
{
    struct stmt **const all[] = { &cs->insert, &cs->find, &cs->list,        &cs->occupy,
                                  &cs->vacate, &cs->gone, &cs->remove_gone, &cs->reset };

    stmt_release_all(all, sizeof(all) / sizeof(all[0]));
}

enum err call_store_insert(struct call_store *cs, struct bytes id, struct bytes name,
                           int64_t creator_id, int64_t now)
{
    if (id.len != CALL_ID_LEN || name.len < 1 || name.len > CALL_NAME_MAX ||
        memchr(name.data, '\0', name.len))
        return ERR_BAD_INPUT;
    stmt_bind_text(cs->insert, 1, id);
    stmt_bind_text(cs->insert, 2, name);
    stmt_bind_int(cs->insert, 3, creator_id);
    stmt_bind_int(cs->insert, 4, now);
    return stmt_run(cs->insert);
}

static enum err read_call(struct stmt *st, struct call_row *out)
{
    stmt_text_to(st, 0, out->id, sizeof(out->id));
    stmt_text_to(st, 1, out->name, sizeof(out->name));
    out->creator_id = stmt_int(st, 2);
    out->created_at = stmt_int(st, 3);
    out->empty_since = stmt_int(st, 4); /* NULL reads as 0 */
    return stmt_check(st);
}

enum err call_store_find(struct call_store *cs, struct bytes id, int64_t now, struct call_row *out)
{
    stmt_bind_int(cs->find, 1, now - CALL_EMPTY_MS);
    stmt_bind_text(cs->find, 2, id);
    enum err e = stmt_one(cs->find);
    if (!e)
        e = read_call(cs->find, out);
    return stmt_done(cs->find, e);
}

static enum err each_call(struct stmt *st, call_fn fn, void *arg)
{
    struct call_row call;
    bool has_row;
    enum err e;

    while ((e = stmt_step(st, &has_row)) == OK && has_row) {
        if ((e = read_call(st, &call)) != OK || (e = fn(arg, &call)) != OK)
            break;
    }
    return stmt_done(st, e);
}

enum err call_store_list(struct call_store *cs, int64_t now, const struct call_row *after,
                         uint32_t max_rows, call_fn fn, void *arg)
{
    stmt_bind_int(cs->list, 1, now - CALL_EMPTY_MS);
    stmt_bind_int(cs->list, 2, after ? after->created_at : INT64_MIN);
    stmt_bind_text(cs->list, 3, bytes_str(after ? after->id : NULL));
    stmt_bind_int(cs->list, 4, max_rows);
    return each_call(cs->list, fn, arg);
}

static enum err update_one(struct call_store *cs, struct stmt *st)
{
    enum err e = stmt_run(st);

    return e || db_changes(cs->db) > 0 ? e : ERR_NOT_FOUND;
}

enum err call_store_set_occupied(struct call_store *cs, struct bytes id)
{
    stmt_bind_text(cs->occupy, 1, id);
    return update_one(cs, cs->occupy);
}

enum err call_store_set_empty(struct call_store *cs, struct bytes id, int64_t now)
{
    stmt_bind_text(cs->vacate, 1, id);
    stmt_bind_int(cs->vacate, 2, now);
    return update_one(cs, cs->vacate);
}

enum err call_store_each_gone(struct call_store *cs, int64_t now, uint32_t max_rows, call_fn fn,
                              void *arg)
{
    stmt_bind_int(cs->gone, 1, now - CALL_EMPTY_MS);
    stmt_bind_int(cs->gone, 2, max_rows);
    return each_call(cs->gone, fn, arg);
}

enum err call_store_delete_gone(struct call_store *cs, int64_t now, uint32_t max_rows, uint32_t *n)
{
    stmt_bind_int(cs->remove_gone, 1, now - CALL_EMPTY_MS);
    stmt_bind_int(cs->remove_gone, 2, max_rows);
    enum err e = stmt_run(cs->remove_gone);
    *n = e ? 0 : (uint32_t)db_changes(cs->db);
    return e;
}

enum err call_store_reset(struct call_store *cs, int64_t now)
{
    stmt_bind_int(cs->reset, 1, now);
    return stmt_run(cs->reset);
}
