/* chat_store.c - the chat table, read along its primary key.
 *
 * The surprising part: the unique rule on (user_id, client_id) does the work of a resend. The
 * INSERT says DO NOTHING for this one rule, and a statement that changed no row means that it is
 * there.
 */
#include "store/chat_store.h"
#include "store/stmt.h"

enum err chat_store_open(struct chat_store *cs, struct db *db)
{
    const struct stmt_spec specs[] = {
        { &cs->insert,
          "INSERT INTO chat (user_id, comment, sent_at, client_id) VALUES (?1, ?2, ?3, ?4)"
          " ON CONFLICT (user_id, client_id) WHERE client_id IS NOT NULL DO NOTHING" },
        { &cs->find, "SELECT id, sent_at FROM chat WHERE user_id = ?1 AND client_id = ?2" },
        { &cs->scan, "SELECT c.id, c.user_id, u.username, c.comment, c.sent_at"
                     " FROM chat c CROSS JOIN users u ON u.id = c.user_id"
                     " WHERE c.id > ?1 AND c.id <= ?2 ORDER BY c.id LIMIT ?3" },
        { &cs->ids_before, "SELECT id FROM chat WHERE id < ?1 ORDER BY id DESC LIMIT ?2" },
        { &cs->max_id, "SELECT ifnull(max(id), 0) FROM chat" },
    };

    cs->db = db;
    return stmt_prepare_all(db, specs, sizeof(specs) / sizeof(specs[0]));
}

void chat_store_close(struct chat_store *cs)
{
    struct stmt **const all[] = { &cs->insert, &cs->find, &cs->scan, &cs->ids_before, &cs->max_id };

    stmt_release_all(all, sizeof(all) / sizeof(all[0]));
}

static enum err find_stored(struct chat_store *cs, const struct chat_new *chat,
                            struct stored_as *out)
{
    stmt_bind_int(cs->find, 1, chat->user_id);
    stmt_bind_text(cs->find, 2, chat->client_id);
    enum err e = stmt_one(cs->find);
    if (!e)
        *out = (struct stored_as){ stmt_int(cs->find, 0), stmt_int(cs->find, 1), true };
    return stmt_done(cs->find, e);
}

enum err chat_store_insert(struct chat_store *cs, const struct chat_new *chat,
                           struct stored_as *out)
{
    if (chat->client_id.len > CLIENT_ID_MAX)
        return ERR_BAD_INPUT;
    stmt_bind_int(cs->insert, 1, chat->user_id);
    stmt_bind_text(cs->insert, 2, chat->comment);
    stmt_bind_int(cs->insert, 3, chat->sent_at);
    if (chat->client_id.len > 0) /* else it stays NULL */
        stmt_bind_text(cs->insert, 4, chat->client_id);
    enum err e = stmt_run(cs->insert);
    if (e)
        return e;
    if (db_changes(cs->db) == 0)
        return find_stored(cs, chat, out);
    *out = (struct stored_as){ db_last_id(cs->db), chat->sent_at, false };
    return OK;
}

enum err chat_store_scan(struct chat_store *cs, int64_t after_id, int64_t up_to_id,
                         uint32_t max_rows, chat_fn fn, void *arg)
{
    struct chat_row row;
    bool has_row;
    enum err e;

    stmt_bind_int(cs->scan, 1, after_id);
    stmt_bind_int(cs->scan, 2, up_to_id);
    stmt_bind_int(cs->scan, 3, max_rows);
    while ((e = stmt_step(cs->scan, &has_row)) == OK && has_row) {
        row.id = stmt_int(cs->scan, 0);
        row.user_id = stmt_int(cs->scan, 1);
        row.username = stmt_bytes(cs->scan, 2);
        row.comment = stmt_bytes(cs->scan, 3);
        row.sent_at = stmt_int(cs->scan, 4);
        if ((e = stmt_check(cs->scan)) != OK || (e = fn(arg, &row)) != OK)
            break;
    }
    return stmt_done(cs->scan, e);
}

enum err chat_store_page_start(struct chat_store *cs, int64_t before_id, uint32_t max_rows,
                               int64_t *first, bool *has_older)
{
    stmt_bind_int(cs->ids_before, 1, before_id);
    stmt_bind_int(cs->ids_before, 2, (int64_t)max_rows + 1);
    return stmt_page_start(cs->ids_before, max_rows, first, has_older);
}

enum err chat_store_page_before(struct chat_store *cs, int64_t before_id, uint32_t max_rows,
                                chat_fn fn, void *arg, bool *has_older)
{
    int64_t first;

    enum err e = chat_store_page_start(cs, before_id, max_rows, &first, has_older);
    if (e || first == 0)
        return e;
    return chat_store_scan(cs, first - 1, before_id - 1, max_rows, fn, arg);
}

enum err chat_store_max_id(struct chat_store *cs, int64_t *id)
{
    enum err e = stmt_one(cs->max_id);
    if (!e)
        *id = stmt_int(cs->max_id, 0);
    return stmt_done(cs->max_id, e);
}
