/* fake.h - a whole server without a network: every service on a database in memory, and tabs that
 * say and hear messages.
 *
 *     struct fake f;
 *     fake_open(&f);
 *     struct tab *ann = fake_tab(&f, "ann", true);  // a WebSocket; NULL for a guest
 *     hush(ann);                                    // forgets what she has heard
 *     say(ann, "{'messageType':'echo_client','text':'hi'}");
 *     fake_tick(&f);
 *     ck_assert_str_eq(heard(ann), "{'messageType':'echo_server','text':'hi'}");
 *     ck_assert_str_eq(heard(ann), "");             // and nothing more
 *     fake_close(&f);
 *
 * In messages to and from tabs, ' stands for ". A tick is the one of the real server: what is due
 * by time, the commit, the release. Until it, nobody hears anything. With f.commit_fails, it fails
 * as on a full disk. Time stands still unless fake_wait() moves it.
 */
#ifndef TEST_SVC_FAKE_H
#define TEST_SVC_FAKE_H

#include <check.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/app.h"
#include "app/dispatch.h"
#include "app/router.h"
#include "base/buf.h"
#include "base/log.h"
#include "proto/ws_frame.h"
#include "svc/services.h"
#include "svc/tables.h"

#define ck_ok(expression) ck_assert_int_eq(expression, OK)

#define FAKE_NOW INT64_C(1700000000000)

struct fake;

struct tab { /* a connection, as its client sees it */
    struct fake *f;
    slot_id conn;
    struct peer *peer; /* NULL: HTTP, or it has gone */
    struct buf wire;   /* what has come and was not read yet */
    const char *from;  /* where the last of it was sent from */
    char *text;        /* the last message that heard() gave */
    bool is_subscribed, is_http, is_v1;
    bool hears_lists; /* of active users, which may come at any time: heard() leaves them out */
    int finish_code;  /* -1: open */
};

struct fake {
    struct app app;
    struct slots tabs;
    bool commit_fails;
};

/* --- what the app asks of the server --- */

static void fake_reply(void *self, slot_id conn, struct http_reply *r)
{
    struct fake *f = self;
    char status[16];
    int n = snprintf(status, sizeof status, "%d ", r->status);
    struct bytes body = r->blob ? bytes_of(r->blob->data + r->off, (size_t)r->len) : r->body;
    char *room = outbox_to(f->app.outbox, conn, (size_t)n + body.len);

    ck_assert_ptr_nonnull(room);
    memcpy(room, status, (size_t)n);
    if (body.len)
        memcpy(room + n, body.data, body.len);
    if (r->source)
        outbox_source(f->app.outbox, conn, r->source);
    blob_unref(r->blob);
    if (r->fd >= 0)
        close(r->fd);
}

static void fake_page(void *self, const struct http_head *head, const char *file,
                      struct http_reply *r)
{
    (void)self;
    (void)head;
    *r = (struct http_reply){ .status = 200, .body = bytes_str(file), .fd = -1 };
}

static void fake_file(void *self, const struct http_head *head, struct bytes path,
                      struct http_reply *r)
{
    (void)self;
    (void)head;
    *r = (struct http_reply){ .status = 200, .body = path, .fd = -1 };
}

static struct peer *fake_peer(void *self, slot_id conn)
{
    struct tab *t = slots_find(&((struct fake *)self)->tabs, conn);
    return t ? t->peer : NULL;
}

static enum err fake_hash(void *self, uint64_t ticket, struct bytes password)
{
    (void)self;
    (void)ticket;
    (void)password;
    return ERR_BUSY;
}

static enum err fake_verify(void *self, uint64_t ticket, struct bytes password, const char *text)
{
    (void)text;
    return fake_hash(self, ticket, password);
}

/* --- where output goes --- */

static void fake_take(struct tab *t, const char *data, size_t len)
{
    if (t && t->finish_code < 0)
        ck_ok(buf_append(&t->wire, data, len));
}

static void fake_send(void *self, slot_id to, struct blob *b, size_t off, size_t len,
                      enum out_class class)
{
    struct tab *t = slots_find(&((struct fake *)self)->tabs, to);
    (void)class;
    if (t)
        t->from = b->data + off;
    fake_take(t, b->data + off, len);
}

static void fake_send_file(void *self, slot_id to, int fd, uint64_t off, uint64_t len)
{
    (void)self;
    (void)to;
    (void)off;
    (void)len;
    close(fd);
}

static void fake_send_source(void *self, slot_id to, struct out_source *s)
{
    struct tab *t = slots_find(&((struct fake *)self)->tabs, to);
    bool done = false;
    struct blob *b;

    while ((b = s->next(s, &done)) != NULL) {
        fake_take(t, b->data, b->len);
        blob_unref(b);
    }
    ck_assert_msg(done, "a source has failed");
    s->free(s);
}

static void fake_broadcast(void *self, enum audience who, struct blob *b, size_t off, size_t len)
{
    struct fake *f = self;

    for (uint32_t i = 0; i < f->tabs.n; i++) {
        struct tab *t = slots_at(&f->tabs, i);
        if (t && t->is_subscribed && (who == TO_ALL || (who == TO_V1) == t->is_v1))
            fake_take(t, b->data + off, len);
    }
}

static void fake_subscribe(void *self, slot_id to)
{
    struct tab *t = slots_find(&((struct fake *)self)->tabs, to);
    if (t)
        t->is_subscribed = true;
}

static void fake_finish(void *self, slot_id to, uint16_t code)
{
    struct tab *t = slots_find(&((struct fake *)self)->tabs, to);
    if (t && t->finish_code < 0)
        t->finish_code = code;
}

static void fake_failed(void *self, slot_id to)
{
    struct tab *t = slots_find(&((struct fake *)self)->tabs, to);
    char text[160], frame[WS_MAX_SERVER_HEAD + sizeof text];

    if (t && t->is_http) {
        fake_take(t, "503 ", 4);
    } else if (t) {
        int n = snprintf(text, sizeof text, "{\"messageType\":\"error\",\"error\":\"%s\"}",
                         dispatch_store_failed);
        size_t len = generate_ws_frame(WS_TEXT, bytes_of(text, (size_t)n), frame);
        fake_take(t, frame, len);
    }
}

static void fake_lost(void *self, slot_id to)
{
    (void)self;
    (void)to;
    ck_assert_msg(false, "memory has failed");
}

/* --- opening, closing, time --- */

/* Opens the services over f->app.db. Set f->app.settings and the times before, or leave them 0. */
static void fake_open_services(struct fake *f)
{
    log_set_level(LOG_ERROR);
    ck_assert_int_ge(sodium_init(), 0);
    slots_init(&f->tabs);
    if (!f->app.wall_ms)
        f->app.wall_ms = FAKE_NOW;
    if (!f->app.now_ms)
        f->app.now_ms = 1000000;
    f->app.settings.version = "test";
    f->app.ports = (struct app_ports){ f,         fake_reply, fake_page,  fake_file,
                                       fake_peer, fake_hash,  fake_verify };
    f->app.outbox = outbox_new();
    f->app.hooks = peer_hooks;
    ck_ok(hub_init(&f->app.hub, f->app.outbox));
    ck_ok(app_open_stores(&f->app));
    ck_ok(auth_open(&f->app));
    ck_ok(board_open(&f->app));
    ck_ok(presence_open(&f->app));
    ck_ok(call_open(&f->app));
}

/* The same over the database at `path`. */
__attribute__((unused)) static void fake_open_at(struct fake *f, const char *path)
{
    char why[DB_WHY_MAX];

    ck_assert_msg(db_open(path, &f->app.db, why) == OK, "%s", why);
    fake_open_services(f);
}

__attribute__((unused)) static void fake_open(struct fake *f)
{
    memset(f, 0, sizeof *f);
    fake_open_at(f, ":memory:");
}

__attribute__((unused)) static void fake_tick(struct fake *f)
{
    const struct out_sink sink = {
        .self = f,
        .send = fake_send,
        .send_file = fake_send_file,
        .send_source = fake_send_source,
        .broadcast = fake_broadcast,
        .subscribe = fake_subscribe,
        .finish = fake_finish,
        .failed = fake_failed,
        .lost = fake_lost,
    };
    bool was_writing, committed;

    call_flush(&f->app);
    was_writing = db_in_transaction(f->app.db);
    if (f->commit_fails && was_writing)
        db_rollback(f->app.db);
    committed = app_commit(&f->app) && !(f->commit_fails && was_writing);
    call_after_commit(&f->app, committed);
    outbox_release(f->app.outbox, &sink, committed);
    presence_flush(&f->app, &sink);
    outbox_recycle(f->app.outbox);
}

/* Lets time pass, and what is due happen. */
__attribute__((unused)) static void fake_wait(struct fake *f, int64_t ms)
{
    f->app.now_ms += ms;
    f->app.wall_ms += ms;
    fake_tick(f);
}

/* The connection ends; what it has heard can still be read. */
__attribute__((unused)) static void fake_lose(struct tab *t)
{
    struct peer *p = t->peer;

    t->peer = NULL;
    t->is_subscribed = false;
    t->finish_code = 0;
    if (p)
        app_leave(&t->f->app, p);
}

/* Closes everything but the database. */
static void fake_close_services(struct fake *f)
{
    for (uint32_t i = 0; i < f->tabs.n; i++) {
        struct tab *t = slots_at(&f->tabs, i);
        fake_lose(t);
        buf_release(&t->wire);
        free(t->text);
        free(t);
    }
    slots_release(&f->tabs);
    call_close(&f->app);
    presence_close(&f->app);
    board_close(&f->app);
    auth_close(&f->app);
    hub_release(&f->app.hub);
    app_close_stores(&f->app);
    outbox_free(f->app.outbox);
}

__attribute__((unused)) static void fake_close(struct fake *f)
{
    fake_close_services(f);
    db_close(f->app.db);
}

/* --- people --- */

/* The id of a user, who is registered when there is none by that name. */
__attribute__((unused)) static int64_t fake_user(struct fake *f, const char *name)
{
    struct user_row user;
    int64_t id = 0;

    if (user_store_by_name(&f->app.users, bytes_str(name), &user, NULL) == OK)
        return user.id;
    ck_ok(user_store_insert(&f->app.users, bytes_str(name), BYTES("hash"), FAKE_NOW, &id));
    return id;
}

static struct tab *fake_tab_new(struct fake *f)
{
    struct tab *t = calloc(1, sizeof *t);

    ck_assert_ptr_nonnull(t);
    t->f = f;
    t->finish_code = -1;
    buf_init(&t->wire, SIZE_MAX / 2);
    ck_ok(slots_add(&f->tabs, t, &t->conn));
    return t;
}

/* An open WebSocket of `name` (NULL: a guest); its greeting comes with the next tick. */
__attribute__((unused)) static struct tab *fake_connect(struct fake *f, const char *name,
                                                        bool is_v1)
{
    static const uint8_t session[HUB_SESSION_LEN] = { 1 };
    struct tab *t = fake_tab_new(f);

    t->is_v1 = is_v1;
    t->peer =
        app_join(&f->app, t->conn, name ? fake_user(f, name) : 0, bytes_str(name), session, is_v1);
    ck_assert_ptr_nonnull(t->peer);
    return t;
}

/* Something that was staged is thrown away, as a client would that is not interested. */
__attribute__((unused)) static void hush(struct tab *t)
{
    buf_clear(&t->wire);
}

/* The same, and its greeting has been heard. */
__attribute__((unused)) static struct tab *fake_tab(struct fake *f, const char *name, bool is_v1)
{
    struct tab *t = fake_connect(f, name, is_v1);

    fake_tick(f);
    hush(t);
    return t;
}

static char *fake_swap(char *text, char from, char to)
{
    for (char *p = text; (p = strchr(p, from)) != NULL;)
        *p = to;
    return text;
}

__attribute__((unused, format(printf, 2, 3))) static void say(struct tab *t, const char *format,
                                                              ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, format);
    ck_assert_int_ge(vasprintf(&text, format, ap), 0);
    va_end(ap);
    fake_swap(text, '\'', '"');
    dispatch_message(&t->f->app, message_rows, t->peer, bytes_str(text), NULL);
    free(text);
}

static void heard_any(struct tab *t)
{
    struct ws_frame frame = { 0 };
    size_t len = 0;

    free(t->text);
    t->text = calloc(1, buf_len(&t->wire) + 1);
    ck_assert_ptr_nonnull(t->text);
    while (buf_len(&t->wire) && !frame.fin_bit) {
        int64_t n = parse_ws_frame(buf_head(&t->wire), buf_len(&t->wire), &frame);
        ck_assert_int_gt(n, 0);
        ck_assert_int_eq(frame.opcode, len ? WS_CONTINUATION : WS_TEXT);
        memcpy(t->text + len, frame.payload.data, frame.payload.len);
        len += frame.payload.len;
        buf_consume(&t->wire, (size_t)n);
    }
    ck_assert(frame.fin_bit || len == 0);
    fake_swap(t->text, '"', '\'');
}

/* The oldest unread message; "" when there is none. Good until the next call for that tab. */
__attribute__((unused)) static const char *heard(struct tab *t)
{
    do
        heard_any(t);
    while (!t->hears_lists && strstr(t->text, "'messageType':'active_users_list'"));
    return t->text;
}

/* The next message must be this one. */
#define ck_heard(tab, ...)                                                                         \
    do {                                                                                           \
        char wanted_[4096];                                                                        \
        snprintf(wanted_, sizeof wanted_, __VA_ARGS__);                                            \
        ck_assert_str_eq(heard(tab), wanted_);                                                     \
    } while (0)
#define ck_silent(tab) ck_assert_str_eq(heard(tab), "")
/* The next message must be an error. */
#define ck_refused(tab) ck_assert_ptr_nonnull(strstr(heard(tab), "'messageType':'error'"))

/* The tab's socketId. Static storage, four at a time. */
__attribute__((unused)) static const char *socket_id(const struct tab *t)
{
    static char ids[4][HUB_SOCKET_ID_LEN + 1];
    static int turn;

    turn = (turn + 1) % 4;
    peer_socket_id(t->peer, ids[turn]);
    return ids[turn];
}

/* --- HTTP --- */

/* A session of `name`, as a Cookie header's line. */
static void fake_cookie(struct fake *f, const char *name, char line[128])
{
    char token[SESSION_TOKEN_LEN + 1];
    uint8_t random[SESSION_TOKEN_LEN / 2], hash[SESSION_HASH_LEN];
    const struct session_row session = {
        .user_id = fake_user(f, name),
        .created_at = f->app.wall_ms,
        .expires_at = f->app.wall_ms + 1000000000,
    };

    randombytes_buf(random, sizeof random);
    sodium_bin2hex(token, sizeof token, random, sizeof random);
    ck_assert(caller_token_hash(bytes_of(token, SESSION_TOKEN_LEN), hash));
    ck_ok(session_store_insert(&f->app.sessions, hash, &session));
    snprintf(line, 128, "Cookie: " SESSION_COOKIE "=%s\r\n", token);
}

/* A request of `name` (NULL: nobody). Its answer is heard with answer() after the next tick. `type`
 * NULL: no body. */
__attribute__((unused)) static struct tab *fake_request(struct fake *f, const char *name,
                                                        const char *method, const char *path,
                                                        const char *type, struct bytes body)
{
    struct tab *t = fake_tab_new(f);
    struct http_scan scan = { 0 };
    struct http_head head;
    char text[1024], cookie[128] = "";

    t->is_http = true;
    if (name)
        fake_cookie(f, name, cookie);
    int n =
        snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: fake\r\n%s%s%s%s\r\n", method, path,
                 cookie, type ? "Content-Type: " : "", type ? type : "", type ? "\r\n" : "");
    ck_assert_int_gt(http_head_parse(&head, &scan, bytes_of(text, (size_t)n)), 0);
    struct http_request rq = {
        .conn = t->conn,
        .head = &head,
        .path = head.path,
        .body = body,
        .address = BYTES("192.0.2.1"),
    };
    router_run(&f->app, route_rows, &rq);
    return t;
}

/* What an HTTP connection has got: the status, a space, the body. */
__attribute__((unused)) static const char *answer(struct tab *t)
{
    free(t->text);
    t->text = strndup(buf_len(&t->wire) ? buf_head(&t->wire) : "", buf_len(&t->wire));
    buf_clear(&t->wire);
    return t->text;
}

#endif
