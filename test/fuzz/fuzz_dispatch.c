/* The whole of the server above its sockets: up to eight connections of three users and of guests,
 * in both dialects, say what the input tells them to, on a database in memory, and what each of
 * them hears is held against what anybody may hear.
 *
 *   - Every message is JSON, of a type that its hearer's dialect and login know.
 *   - A direct message carries a tag that names its two people. Nobody else ever hears the tag, in
 * no answer either; every connection of the two hears it live, once.
 *   - What is said in a call, and signals, carry a tag, too: those in the call, or the one target.
 *   - Broadcasts come to everyone in the same order.
 *   - The board of every client is that of the database, stroke by stroke.
 *   - Who is in a call, as each client was told, is who is in it; the list of users, too.
 *   - When everybody has gone nothing is left in the hub and in the rooms.
 *
 * Some commits fail, as on a full disk: then nobody may have heard of what was lost.
 *
 * With TRACE=1 in the environment, it prints what is said and heard.
 */
#include "dispatch_hear.h"
#include "dispatch_say.h"
#include "../../src/store/db_private.h"
#include "../../src/svc/call_private.h"

/* --- what must hold after a tick --- */

static int room_of(const struct client *c)
{
    const struct seat *s = peer_seat(c->tab->peer);

    for (int i = 0; s && i < CALLS; i++)
        if (strcmp(s->room->id, call_ids[i]) == 0)
            return i;
    FUZZ_CHECK(!s);
    return NOWHERE;
}

static void check_tags(const struct world *w, bool committed)
{
    for (size_t i = 0; i < w->n_sent && committed; i++)
        for (const struct client *c = w->clients; c < w->clients + CLIENTS; c++)
            if (c->tab && w->sent[i].must & bit(w, c))
                FUZZ_CHECK(w->sent[i].heard & bit(w, c));
}

/* Each has heard the end of what the one has heard who has heard the most; all of it, unless new.
 */
static void check_order(const struct world *w)
{
    const struct sequence *most = &w->clients[0].broadcasts;

    for (const struct client *c = w->clients; c < w->clients + CLIENTS; c++)
        if (c->broadcasts.n > most->n)
            most = &c->broadcasts;
    for (const struct client *c = w->clients; c < w->clients + CLIENTS; c++) {
        const struct sequence *s = &c->broadcasts;
        if (!c->tab)
            continue;
        FUZZ_CHECK(s->n == most->n || c->is_new);
        FUZZ_CHECK(memcmp(s->v, most->v + (most->n - s->n), s->n * sizeof *s->v) == 0);
    }
}

static enum err add_row(void *arg, const struct stroke_row *row)
{
    remember(arg, stroke_hash_of(row->body));
    return OK;
}

static void check_board(struct world *w)
{
    static struct sequence stored;

    stored.n = 0;
    FUZZ_CHECK(stroke_store_each(&w->f.app.strokes, add_row, &stored) == OK);
    for (const struct client *c = w->clients; c < w->clients + CLIENTS; c++)
        if (c->tab)
            FUZZ_CHECK(c->strokes.n == stored.n &&
                       memcmp(c->strokes.v, stored.v, stored.n * sizeof *stored.v) == 0);
}

static void check_call(const struct world *w, const struct client *c)
{
    size_t n = 0;

    for (const struct client *o = w->clients; o < w->clients + CLIENTS; o++) {
        if (!o->tab || o == c || c->room == NOWHERE || o->room != c->room)
            continue;
        FUZZ_CHECK(find_seen(c, bytes_str(o->socket_id)) < c->n_seen);
        n++;
    }
    FUZZ_CHECK(n == c->n_seen);
}

/* Base members may be told late who has joined, and everybody who is online: so when it `is_quiet`.
 */
static void check_rooms(struct world *w, bool committed, bool is_quiet)
{
    unsigned users = 0;

    for (struct client *c = w->clients; c < w->clients + CLIENTS; c++) {
        if (!c->tab)
            continue;
        FUZZ_CHECK(!committed || c->room == room_of(c));
        c->room = room_of(c); /* a failed commit puts people back */
        if (c->room == NOWHERE)
            c->n_seen = 0;
        if (c->user != GUEST)
            users |= 1u << c->user;
    }
    for (struct client *c = w->clients; c < w->clients + CLIENTS; c++) {
        if (c->tab && (is_quiet || c->is_v1))
            check_call(w, c);
        if (c->tab && is_quiet)
            FUZZ_CHECK(c->users == users);
    }
}

/* A failed commit takes back the ids, too: the next message has the first of them. */
static void forget_lost_chat(struct world *w)
{
    int64_t last = last_chat(w);

    for (struct client *c = w->clients; c < w->clients + CLIENTS; c++)
        if (c->last_chat > last)
            c->last_chat = last;
}

static void tick(struct world *w, int64_t ms, bool fails)
{
    bool wrote = db_in_transaction(w->f.app.db);

    trace(NULL, "tick, %d ms%s", (int)ms, fails ? ", fails" : "");
    w->f.commit_fails = fails;
    fake_wait(&w->f, ms);
    w->f.commit_fails = false;
    forget_lost_chat(w);
    for (struct client *c = w->clients; c < w->clients + CLIENTS; c++)
        if (c->tab)
            hear(w, c);
    bool committed = !fails || !wrote;
    check_tags(w, committed);
    check_order(w);
    check_board(w);
    check_rooms(w, committed, ms >= 400 && !fails && w->is_settled);
    w->is_settled = !fails;
    for (struct client *c = w->clients; c < w->clients + CLIENTS; c++) {
        c->broadcasts.n = 0;
        c->is_new = false;
    }
    w->n_sent = 0;
}

/* --- what clients do --- */

static void open_client(struct world *w, struct client *c)
{
    unsigned kind = fuzz_byte(&w->in);

    *c = (struct client){ .user = (int)(kind % (USERS + 1)), .is_v1 = kind & 0x80 };
    c->user = c->user == USERS ? GUEST : c->user;
    c->is_new = true;
    c->last_chat = last_chat(w);
    c->room = NOWHERE;
    c->tab = fake_connect(&w->f, c->user == GUEST ? NULL : user_names[c->user], c->is_v1);
    peer_socket_id(c->tab->peer, c->socket_id);
    trace(c, "comes, %s", c->socket_id);
}

static void close_client(struct world *w, struct client *c)
{
    for (size_t i = 0; i < w->n_sent; i++) { /* the next one in its place is somebody else */
        w->sent[i].may &= ~bit(w, c);
        w->sent[i].must &= ~bit(w, c);
    }
    trace(c, "goes, %s", c->socket_id);
    fake_lose(c->tab);
    c->tab = NULL;
}

/* The chat over HTTP: a list, and nothing private in it. */
static void get_history(struct world *w)
{
    struct tab *t = fake_request(&w->f, NULL, "GET", "/chat-history", NULL, BYTES(""));

    tick(w, 0, false);
    struct bytes text = bytes_str(answer(t));
    FUZZ_CHECK(text.len > 4 && memcmp(text.data, "200 [", 5) == 0);
    text = bytes_from(text, 4);
    FUZZ_CHECK(!memchr(text.data, '~', text.len) && !memchr(text.data, '^', text.len));
    struct ref_json *r = ref_json_read(text);
    FUZZ_CHECK(r->result == JSON_NO_OBJECT);
    ref_json_free(r);
}

/* The first byte of an action: three bits for the client, the rest for what it does. */
static void act(struct world *w)
{
    static const int64_t waits[] = { 0, 20, 100, 400, 500, 31000 };
    unsigned kind = fuzz_byte(&w->in), what = kind / CLIENTS;
    struct client *c = &w->clients[kind % CLIENTS];

    w->is_settled = w->is_settled && what >= 26;
    if (what < 24 && !c->tab) {
        open_client(w, c);
    } else if (what < 24) {
        make(w, c, what);
        trace(c, "says %.*s", w->n_text < 400 ? (int)w->n_text : 400, w->text);
        char *text = fuzz_copy(bytes_of(w->text, w->n_text));
        dispatch_message(&w->f.app, message_rows, c->tab->peer, bytes_of(text, w->n_text), NULL);
        free(text);
    } else if (what < 26 && c->tab) {
        close_client(w, c);
    } else if (what == 26) {
        tick(w, waits[kind % CLIENTS % 6], true);
    } else if (what == 27 && kind % CLIENTS == 0) {
        get_history(w);
    } else {
        tick(w, waits[kind % CLIENTS % 6], false);
    }
}

static void check_empty(struct world *w)
{
    const struct hub *hub = &w->f.app.hub;
    const struct rooms *rooms = w->f.app.rooms;

    for (struct client *c = w->clients; c < w->clients + CLIENTS; c++)
        if (c->tab)
            close_client(w, c);
    for (int i = 0; i < 3; i++)
        tick(w, 500, false);
    FUZZ_CHECK(hub->n_base == 0 && hub->n_v1 == 0 && hub->n_persons == 0);
    FUZZ_CHECK(list_empty(&hub->peers) && list_empty(&hub->persons));
    FUZZ_CHECK(rooms->n_rooms == 0 && rooms->n_notes == 0 && slots_count(&rooms->rings) == 0);
    FUZZ_CHECK(list_empty(&rooms->moved) && list_empty(&rooms->watchers));
}

/* --- a world --- */

static uint64_t seed;

/* The same random bytes in every run: findings can be repeated. */
static void next_bytes(void *const room, const size_t n)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        ((uint8_t *)room)[i] = (uint8_t)(seed >> 56);
    }
}

static const char *random_name(void)
{
    return "counter";
}

/* One database for all runs, emptied before each: making its tables costs more than most inputs. */
static struct db *empty_database(void)
{
    static struct db *db;
    char why[DB_WHY_MAX];

    if (!db)
        FUZZ_CHECK(db_open(":memory:", &db, why) == OK);
    FUZZ_CHECK(db_exec(db, "DELETE FROM sessions; DELETE FROM strokes; DELETE FROM chat;"
                           "DELETE FROM dms; DELETE FROM dm_sides; DELETE FROM calls;"
                           "DELETE FROM users; DELETE FROM sqlite_sequence") == OK);
    return db;
}

static void world_open(struct world *w)
{
    static struct randombytes_implementation counter = { .implementation_name = random_name,
                                                         .buf = next_bytes };

    seed = 1;
    randombytes_set_implementation(&counter);
    w->f.app.db = empty_database();
    fake_open_services(&w->f);
    for (int i = 0; i <= USERS; i++)
        FUZZ_CHECK(fake_user(&w->f, user_names[i]) == i + 1);
    for (int i = 0; i < CALLS; i++)
        FUZZ_CHECK(call_store_insert(&w->f.app.calls, bytes_str(call_ids[i]),
                                     bytes_str(call_names[i]), 1, FAKE_NOW) == OK);
    w->text = fuzz_alloc(TEXT_CAP * 2);
    w->last_tag = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;

    memset(&w, 0, sizeof w);
    w.in = (struct fuzz_in){ data, data + size };
    world_open(&w);
    for (int i = 0; i < ACTIONS && !fuzz_is_empty(&w.in); i++)
        act(&w);
    tick(&w, 500, false);
    tick(&w, 500, false);
    check_empty(&w);
    free(w.text);
    fake_close_services(&w.f);
    return 0;
}
