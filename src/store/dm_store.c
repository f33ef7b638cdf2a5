/* dm_store.c - direct messages and the two sides of each conversation.
 *
 * Invariant: for a conversation of a and b with n messages there are the sides (a, b) and (b, a),
 * one row when a is b; both hold the id of the newest message, and unread is the number of rows of
 * dms from the peer with id > read_up_to. Only insert and mark_read write sides, in the transaction
 * that writes what they count.
 *
 * The surprising part: mark_read subtracts what has newly been read instead of counting what is
 * left, so each message is counted once in its life, however often and in what steps a client
 * reads.
 */
#include <assert.h>
#include "store/dm_store.h"
#include "store/stmt.h"

/* The plan must never depend on statistics: INDEXED BY fails at start rather than scan at work. */
#define OF_THE_PAIR                                                                                \
    " FROM dms INDEXED BY dms_by_pair WHERE low_id = min(?1, ?2) AND high_id = max(?1, ?2)"

enum err dm_store_open(struct dm_store *ds, struct db *db)
{
    const struct stmt_spec specs[] = {
        { &ds->insert,
          "INSERT INTO dms (from_id, to_id, text, sent_at, client_id) VALUES (?1, ?2, ?3, ?4, ?5)"
          " ON CONFLICT (from_id, client_id) WHERE client_id IS NOT NULL DO NOTHING" },
        { &ds->find, "SELECT id, sent_at, to_id FROM dms WHERE from_id = ?1 AND client_id = ?2" },
        { &ds->side_sent,
          "INSERT INTO dm_sides (user_id, peer_id, last_id) VALUES (?1, ?2, ?3)"
          " ON CONFLICT (user_id, peer_id) DO UPDATE SET last_id = excluded.last_id" },
        { &ds->side_got, "INSERT INTO dm_sides (user_id, peer_id, last_id, unread)"
                         " VALUES (?1, ?2, ?3, 1) ON CONFLICT (user_id, peer_id)"
                         " DO UPDATE SET last_id = excluded.last_id, unread = unread + 1" },
        { &ds->scan, "SELECT id, from_id, to_id, sent_at, text" OF_THE_PAIR
                     " AND id > ?3 AND id <= ?4 ORDER BY id LIMIT ?5" },
        { &ds->ids_before, "SELECT id" OF_THE_PAIR " AND id < ?3 ORDER BY id DESC LIMIT ?4" },
        { &ds->side, "SELECT last_id, read_up_to, unread FROM dm_sides"
                     " WHERE user_id = ?1 AND peer_id = ?2" },
        { &ds->count_from,
          "SELECT count(*)" OF_THE_PAIR " AND id > ?3 AND id <= ?4 AND from_id = ?2" },
        { &ds->set_read, "UPDATE dm_sides SET read_up_to = ?3, unread = ?4"
                         " WHERE user_id = ?1 AND peer_id = ?2" },
        { &ds->conversations,
          "SELECT s.last_id, s.read_up_to, s.unread, s.peer_id, u.username,"
          " m.from_id, m.to_id, m.sent_at, m.text"
          " FROM dm_sides s CROSS JOIN users u ON u.id = s.peer_id"
          " CROSS JOIN dms m ON m.id = s.last_id"
          " WHERE s.user_id = ?1 AND s.peer_id > ?2 ORDER BY s.peer_id LIMIT ?3" },
    };

    ds->db = db;
    return stmt_prepare_all(db, specs, sizeof(specs) / sizeof(specs[0]));
}

void dm_store_close(struct dm_store *ds)
{
    struct stmt **const all[] = { &ds->insert,   &ds->find,         &ds->side_sent, &ds->side_got,
                                  &ds->scan,     &ds->ids_before,   &ds->side,      &ds->count_from,
                                  &ds->set_read, &ds->conversations };

    stmt_release_all(all, sizeof(all) / sizeof(all[0]));
}

static void bind_pair(struct stmt *st, int64_t user_id, int64_t peer_id)
{
    stmt_bind_int(st, 1, user_id);
    stmt_bind_int(st, 2, peer_id);
}

static enum err find_stored(struct dm_store *ds, const struct dm_new *dm, struct stored_as *out)
{
    stmt_bind_int(ds->find, 1, dm->from_id);
    stmt_bind_text(ds->find, 2, dm->client_id);
    enum err e = stmt_one(ds->find);
    if (!e && stmt_int(ds->find, 2) != dm->to_id)
        e = ERR_EXISTS;
    if (!e)
        *out = (struct stored_as){ stmt_int(ds->find, 0), stmt_int(ds->find, 1), true };
    return stmt_done(ds->find, e);
}

static enum err write_side(struct stmt *st, int64_t user_id, int64_t peer_id, int64_t last_id)
{
    bind_pair(st, user_id, peer_id);
    stmt_bind_int(st, 3, last_id);
    return stmt_run(st);
}

enum err dm_store_insert(struct dm_store *ds, const struct dm_new *dm, struct stored_as *out)
{
    assert(db_in_transaction(ds->db)); /* three rows, all or none */
    if (dm->client_id.len > CLIENT_ID_MAX)
        return ERR_BAD_INPUT;
    bind_pair(ds->insert, dm->from_id, dm->to_id);
    stmt_bind_text(ds->insert, 3, dm->text);
    stmt_bind_int(ds->insert, 4, dm->sent_at);
    if (dm->client_id.len > 0) /* else it stays NULL */
        stmt_bind_text(ds->insert, 5, dm->client_id);
    enum err e = stmt_run(ds->insert);
    if (e)
        return e;
    if (db_changes(ds->db) == 0)
        return find_stored(ds, dm, out);
    int64_t id = db_last_id(ds->db);
    e = write_side(ds->side_sent, dm->from_id, dm->to_id, id);
    if (!e && dm->to_id != dm->from_id)
        e = write_side(ds->side_got, dm->to_id, dm->from_id, id);
    if (!e)
        *out = (struct stored_as){ id, dm->sent_at, false };
    return e;
}

enum err dm_store_scan(struct dm_store *ds, int64_t user_id, int64_t peer_id, int64_t after_id,
                       int64_t up_to_id, uint32_t max_rows, dm_fn fn, void *arg)
{
    struct dm_row row;
    bool has_row;
    enum err e;

    bind_pair(ds->scan, user_id, peer_id);
    stmt_bind_int(ds->scan, 3, after_id);
    stmt_bind_int(ds->scan, 4, up_to_id);
    stmt_bind_int(ds->scan, 5, max_rows);
    while ((e = stmt_step(ds->scan, &has_row)) == OK && has_row) {
        row.id = stmt_int(ds->scan, 0);
        row.from_id = stmt_int(ds->scan, 1);
        row.to_id = stmt_int(ds->scan, 2);
        row.sent_at = stmt_int(ds->scan, 3);
        row.text = stmt_bytes(ds->scan, 4);
        if ((e = stmt_check(ds->scan)) != OK || (e = fn(arg, &row)) != OK)
            break;
    }
    return stmt_done(ds->scan, e);
}

enum err dm_store_page_start(struct dm_store *ds, int64_t user_id, int64_t peer_id,
                             int64_t before_id, uint32_t max_rows, int64_t *first, bool *has_older)
{
    bind_pair(ds->ids_before, user_id, peer_id);
    stmt_bind_int(ds->ids_before, 3, before_id);
    stmt_bind_int(ds->ids_before, 4, (int64_t)max_rows + 1);
    return stmt_page_start(ds->ids_before, max_rows, first, has_older);
}

enum err dm_store_page_before(struct dm_store *ds, int64_t user_id, int64_t peer_id,
                              int64_t before_id, uint32_t max_rows, dm_fn fn, void *arg,
                              bool *has_older)
{
    int64_t first;

    enum err e = dm_store_page_start(ds, user_id, peer_id, before_id, max_rows, &first, has_older);
    if (e || first == 0)
        return e;
    return dm_store_scan(ds, user_id, peer_id, first - 1, before_id - 1, max_rows, fn, arg);
}

enum err dm_store_side(struct dm_store *ds, int64_t user_id, int64_t peer_id, struct dm_side *out)
{
    *out = (struct dm_side){ 0 };
    bind_pair(ds->side, user_id, peer_id);
    enum err e = stmt_one(ds->side);
    if (!e) {
        out->last_id = stmt_int(ds->side, 0);
        out->read_up_to = stmt_int(ds->side, 1);
        out->unread = stmt_int(ds->side, 2);
    }
    return stmt_done(ds->side, e == ERR_NOT_FOUND ? OK : e);
}

enum err dm_store_max_id(struct dm_store *ds, int64_t user_id, int64_t peer_id, int64_t *id)
{
    struct dm_side side;

    enum err e = dm_store_side(ds, user_id, peer_id, &side);
    if (!e)
        *id = side.last_id;
    return e;
}

/* How many messages of the peer have after_id < id <= up_to_id. */
static enum err count_from_peer(struct dm_store *ds, int64_t user_id, int64_t peer_id,
                                int64_t after_id, int64_t up_to_id, int64_t *n)
{
    bind_pair(ds->count_from, user_id, peer_id);
    stmt_bind_int(ds->count_from, 3, after_id);
    stmt_bind_int(ds->count_from, 4, up_to_id);
    enum err e = stmt_one(ds->count_from);
    if (!e)
        *n = stmt_int(ds->count_from, 0);
    return stmt_done(ds->count_from, e);
}

enum err dm_store_mark_read(struct dm_store *ds, int64_t user_id, int64_t peer_id, int64_t up_to_id,
                            struct dm_side *out, bool *changed)
{
    struct dm_side side;
    int64_t n_read;

    *changed = false;
    enum err e = dm_store_side(ds, user_id, peer_id, &side);
    if (e)
        return e;
    *out = side;
    if (up_to_id > side.last_id)
        up_to_id = side.last_id;
    if (up_to_id <= side.read_up_to)
        return OK;
    n_read = side.unread; /* everything, or nothing with oneself: no need to count */
    if (up_to_id < side.last_id && side.unread > 0)
        e = count_from_peer(ds, user_id, peer_id, side.read_up_to, up_to_id, &n_read);
    if (e)
        return e;
    side.read_up_to = up_to_id;
    side.unread -= n_read;
    bind_pair(ds->set_read, user_id, peer_id);
    stmt_bind_int(ds->set_read, 3, side.read_up_to);
    stmt_bind_int(ds->set_read, 4, side.unread);
    e = stmt_run(ds->set_read);
    if (e)
        return e;
    *out = side;
    *changed = true;
    return OK;
}

static void read_conversation(struct stmt *st, struct dm_conversation *out)
{
    out->side.last_id = out->last.id = stmt_int(st, 0);
    out->side.read_up_to = stmt_int(st, 1);
    out->side.unread = stmt_int(st, 2);
    out->peer_id = stmt_int(st, 3);
    out->peer_name = stmt_bytes(st, 4);
    out->last.from_id = stmt_int(st, 5);
    out->last.to_id = stmt_int(st, 6);
    out->last.sent_at = stmt_int(st, 7);
    out->last.text = stmt_bytes(st, 8);
}

enum err dm_store_conversations(struct dm_store *ds, int64_t user_id, int64_t after_peer_id,
                                uint32_t max_rows, dm_conversation_fn fn, void *arg)
{
    struct dm_conversation row;
    bool has_row;
    enum err e;

    bind_pair(ds->conversations, user_id, after_peer_id);
    stmt_bind_int(ds->conversations, 3, max_rows);
    while ((e = stmt_step(ds->conversations, &has_row)) == OK && has_row) {
        read_conversation(ds->conversations, &row);
        if ((e = stmt_check(ds->conversations)) != OK || (e = fn(arg, &row)) != OK)
            break;
    }
    return stmt_done(ds->conversations, e);
}
