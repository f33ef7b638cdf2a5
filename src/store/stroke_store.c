/* stroke_store.c - the strokes table: the hottest INSERT of the server and the longest SELECT of
 * its start. Hence no index, no foreign key, no JSON function on the way in, and nothing copied on
 * the way out (schema.c says why the typed columns live in a view).
 */
#include "store/stmt.h"
#include "store/stroke_store.h"

enum err stroke_store_open(struct stroke_store *ss, struct db *db)
{
    const struct stmt_spec specs[] = {
        { &ss->insert, "INSERT INTO strokes (body, author_id, created_at) VALUES (?1, ?2, ?3)" },
        { &ss->each, "SELECT id, author_id, created_at, body FROM strokes ORDER BY id" },
        { &ss->count, "SELECT count(*) FROM strokes" },
    };

    ss->db = db;
    return stmt_prepare_all(db, specs, sizeof(specs) / sizeof(specs[0]));
}

void stroke_store_close(struct stroke_store *ss)
{
    struct stmt **const all[] = { &ss->insert, &ss->each, &ss->count };

    stmt_release_all(all, sizeof(all) / sizeof(all[0]));
}

enum err stroke_store_insert(struct stroke_store *ss, struct bytes body, int64_t author_id,
                             int64_t now, int64_t *id)
{
    stmt_bind_text(ss->insert, 1, body);
    if (author_id != 0) /* else it stays NULL */
        stmt_bind_int(ss->insert, 2, author_id);
    stmt_bind_int(ss->insert, 3, now);
    enum err e = stmt_run(ss->insert);
    if (!e && id)
        *id = db_last_id(ss->db);
    return e;
}

enum err stroke_store_each(struct stroke_store *ss, stroke_fn fn, void *arg)
{
    struct stroke_row row;
    bool has_row;
    enum err e;

    while ((e = stmt_step(ss->each, &has_row)) == OK && has_row) {
        row.id = stmt_int(ss->each, 0);
        row.author_id = stmt_int(ss->each, 1); /* NULL reads as 0 */
        row.created_at = stmt_int(ss->each, 2);
        row.body = stmt_bytes(ss->each, 3);
        if ((e = stmt_check(ss->each)) != OK || (e = fn(arg, &row)) != OK)
            break;
    }
    return stmt_done(ss->each, e);
}

enum err stroke_store_count(struct stroke_store *ss, int64_t *n)
{
    enum err e = stmt_one(ss->count);
    if (!e)
        *n = stmt_int(ss->count, 0);
    return stmt_done(ss->count, e);
}
