/* Accounts and sessions.
 *
 * A password never waits in here: it goes to the password process at once, and what is kept
 * meanwhile is who asked for what (a ticket). The answer comes in a later tick; whoever has gone by
 * then is simply not there to be told.
 *
 * One sentence for every failed login, and the same work for a name that nobody has: neither the
 * text nor the time says whether an account exists.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/rate.h"
#include "proto/utf8.h"
#include "svc/services.h"

#define PASSWORD_MIN    8u /* bytes */
#define PASSWORD_MAX    128u
#define SESSION_SECONDS (30 * 24 * 60 * 60)
#define RATE_KEYS       16384u
#define SWEEP_ROWS      1000u

static const char bad_login[] = "The username or the password is wrong.";
static const char bad_name[] =
    "A username has 1 to 32 letters, digits, underscores, dots or hyphens.";
static const char bad_password[] = "A password has 8 to 128 bytes of UTF-8 text.";
static const char no_store[] = "The server cannot store anything right now.";

struct ticket {
    slot_id conn;
    int64_t user_id; /* login of this user; 0: register, or nobody */
    bool is_login;
    char name[HUB_NAME_MAX + 1];
};

struct auth {
    struct rate *rate;
    struct slots tickets;
};

struct credentials {
    char name[HUB_NAME_MAX + 1], password[PASSWORD_MAX];
    size_t name_len, password_len;
    bool name_is_good, password_is_good;
};

enum err auth_open(struct app *app)
{
    struct auth *a = calloc(1, sizeof *a);
    if (!a)
        return ERR_NO_MEMORY;
    app->auth = a;
    slots_init(&a->tickets);
    a->rate = rate_new(app->settings.auth_rate, RATE_KEYS);
    return a->rate ? OK : ERR_NO_MEMORY;
}

void auth_close(struct app *app)
{
    struct auth *a = app->auth;
    if (!a)
        return;
    for (uint32_t i = 0; i < a->tickets.n; i++)
        free(slots_at(&a->tickets, i));
    slots_release(&a->tickets);
    rate_free(a->rate);
    free(a);
    app->auth = NULL;
}

/* --- reading --- */

static bool is_name(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i], l = ascii_lower(c);
        if (!((l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-'))
            return false;
    }
    return name.len >= 1 && name.len <= HUB_NAME_MAX;
}

static bool is_password(struct bytes p)
{
    return p.len >= PASSWORD_MIN && p.len <= PASSWORD_MAX && !memchr(p.data, 0, p.len) &&
           utf8_is_valid(p);
}

/* The two fields. False: it was answered. Fields that are there but break the rules are only
 * marked. */
static bool read_credentials(struct app *app, const struct http_request *rq, struct credentials *c)
{
    struct request_body body;

    memset(c, 0, sizeof *c);
    if (!request_body_read(app, rq, &body))
        return false;
    enum field_result name = request_field(&body, "username", c->name, HUB_NAME_MAX, &c->name_len);
    enum field_result password =
        request_field(&body, "password", c->password, sizeof c->password, &c->password_len);
    if (name == FIELD_NO_MEMORY || password == FIELD_NO_MEMORY) {
        reply_sentence(app, rq->conn, 503, "The server is out of memory.");
        return false;
    }
    if (name == FIELD_MISSING || password == FIELD_MISSING) {
        reply_sentence(app, rq->conn, 400, "Send a username and a password.");
        return false;
    }
    c->name_is_good = name == FIELD_OK && is_name(bytes_of(c->name, c->name_len));
    c->password_is_good =
        password == FIELD_OK && is_password(bytes_of(c->password, c->password_len));
    return true;
}

static bool rate_refuses(struct app *app, const struct http_request *rq)
{
    uint32_t wait_s = 0;
    char line[64];

    if (rate_allow(app->auth->rate, rq->address, app->now_ms, &wait_s))
        return false;
    int n = snprintf(line, sizeof line, "Retry-After: %u\r\n", wait_s);
    reply_sentence_with(app, rq->conn, 429, "Too many attempts. Please wait a little.",
                        bytes_of(line, (size_t)n));
    return true;
}

/* --- asking the password process --- */

static struct ticket *ticket_new(struct auth *a, slot_id conn, const struct credentials *c,
                                 slot_id *id)
{
    struct ticket *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->conn = conn;
    memcpy(t->name, c->name, c->name_len);
    if (slots_add(&a->tickets, t, id)) {
        free(t);
        return NULL;
    }
    return t;
}

static void ticket_drop(struct auth *a, slot_id id)
{
    free(slots_find(&a->tickets, id));
    slots_remove(&a->tickets, id);
}

static enum http_verdict reply_busy(struct app *app, slot_id conn)
{
    return reply_sentence_with(app, conn, 503, "Too many people are logging in. Please try again.",
                               BYTES("Retry-After: 10\r\n"));
}

static enum http_verdict submit_register(struct app *app, const struct http_request *rq,
                                         const struct credentials *c)
{
    slot_id id;
    struct ticket *t = ticket_new(app->auth, rq->conn, c, &id);

    if (!t)
        return reply_busy(app, rq->conn);
    if (app->ports.hash(app->ports.self, id, bytes_of(c->password, c->password_len)) == OK)
        return HTTP_LATER;
    ticket_drop(app->auth, id);
    return reply_busy(app, rq->conn);
}

enum http_verdict auth_on_register(struct app *app, struct http_request *rq,
                                   const struct caller *caller)
{
    struct credentials c;
    struct user_row user;
    enum http_verdict verdict = HTTP_ANSWERED;
    (void)caller;

    if (!read_credentials(app, rq, &c))
        goto out;
    if (!c.name_is_good || !c.password_is_good) {
        reply_sentence(app, rq->conn, 400, c.name_is_good ? bad_password : bad_name);
        goto out;
    }
    if (rate_refuses(app, rq))
        goto out;
    enum err e = user_store_by_name(&app->users, bytes_of(c.name, c.name_len), &user, NULL);
    if (e == OK)
        reply_sentence(app, rq->conn, 409, "This username is taken.");
    else if (e != ERR_NOT_FOUND)
        reply_sentence(app, rq->conn, 503, no_store);
    else
        verdict = submit_register(app, rq, &c);
out:
    sodium_memzero(&c, sizeof c);
    return verdict;
}

static enum http_verdict submit_login(struct app *app, const struct http_request *rq,
                                      const struct credentials *c)
{
    struct user_row user;
    char text[PASSWORD_HASH_MAX + 1];
    slot_id id;

    enum err e = user_store_by_name(&app->users, bytes_of(c->name, c->name_len), &user, text);
    if (e && e != ERR_NOT_FOUND)
        return reply_sentence(app, rq->conn, 503, "The database cannot be read right now.");
    struct ticket *t = ticket_new(app->auth, rq->conn, c, &id);
    if (!t)
        return reply_busy(app, rq->conn);
    t->is_login = true;
    if (!e) {
        t->user_id = user.id;
        memcpy(t->name, user.username, sizeof t->name); /* the registered spelling */
    }
    e = app->ports.verify(app->ports.self, id, bytes_of(c->password, c->password_len),
                          e ? NULL : text);
    sodium_memzero(text, sizeof text);
    if (e == OK)
        return HTTP_LATER;
    ticket_drop(app->auth, id);
    return reply_busy(app, rq->conn);
}

enum http_verdict auth_on_login(struct app *app, struct http_request *rq,
                                const struct caller *caller)
{
    struct credentials c;
    enum http_verdict verdict = HTTP_ANSWERED;
    (void)caller;

    if (!read_credentials(app, rq, &c) || rate_refuses(app, rq))
        goto out;
    if (!c.name_is_good || !c.password_is_good) /* no account can have these: nothing to compare */
        reply_sentence(app, rq->conn, 400, bad_login);
    else
        verdict = submit_login(app, rq, &c);
out:
    sodium_memzero(&c, sizeof c);
    return verdict;
}

/* --- its answers --- */

static void reply_user(struct app *app, slot_id conn, int status, int64_t id, const char *name,
                       struct bytes extra)
{
    char json[128];
    int n = snprintf(json, sizeof json, "{\"id\":%lld,\"username\":\"%s\"}", (long long)id, name);
    reply_json_with(app, conn, status, bytes_of(json, (size_t)n), extra);
}

static void finish_register(struct app *app, const struct ticket *t, const char *text)
{
    struct bytes name = bytes_str(t->name);
    int64_t id = 0;

    if (app_write_begin(app, t->conn, WRITE_SYNCED)) {
        reply_sentence(app, t->conn, 503, no_store);
        return;
    }
    enum err e = user_store_insert(&app->users, name, bytes_str(text), app->wall_ms, &id);
    if (!e) {
        app_user_added(app, name);
        reply_user(app, t->conn, 201, id, t->name, BYTES(""));
    }
    if (app_write_end(app, WRITE_SYNCED, e == OK))
        e = e ? e : ERR_STORE;
    if (e == ERR_EXISTS) /* somebody else was faster */
        reply_sentence(app, t->conn, 409, "This username is taken.");
    else if (e)
        reply_sentence(app, t->conn, 503, no_store);
}

static enum err start_session(struct app *app, const struct ticket *t, char cookie[256])
{
    uint8_t random[SESSION_TOKEN_LEN / 2];
    char token[SESSION_TOKEN_LEN + 1];
    uint8_t hash[SESSION_HASH_LEN];
    struct session_row session = {
        .user_id = t->user_id,
        .created_at = app->wall_ms,
        .expires_at = app->wall_ms + SESSION_SECONDS * INT64_C(1000),
    };

    randombytes_buf(random, sizeof random);
    sodium_bin2hex(token, sizeof token, random, sizeof random);
    if (!caller_token_hash(bytes_of(token, SESSION_TOKEN_LEN), hash))
        return ERR_BAD_INPUT;
    snprintf(cookie, 256,
             "Set-Cookie: " SESSION_COOKIE "=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%d%s\r\n",
             token, SESSION_SECONDS, app->settings.secure_cookies ? "; Secure" : "");
    enum err e = session_store_insert(&app->sessions, hash, &session);
    sodium_memzero(random, sizeof random);
    sodium_memzero(token, sizeof token);
    return e;
}

static void finish_login(struct app *app, const struct ticket *t)
{
    char cookie[256];

    if (app_write_begin(app, t->conn, WRITE_SYNCED)) {
        reply_sentence(app, t->conn, 503, no_store);
        return;
    }
    enum err e = start_session(app, t, cookie);
    if (!e)
        reply_user(app, t->conn, 200, t->user_id, t->name, bytes_str(cookie));
    sodium_memzero(cookie, sizeof cookie);
    if (app_write_end(app, WRITE_SYNCED, e == OK) || e)
        reply_sentence(app, t->conn, 503, no_store);
}

void auth_on_hashed(struct app *app, uint64_t ticket, bool failed, bool matches, const char *text)
{
    struct ticket *t = slots_find(&app->auth->tickets, ticket);

    if (!t)
        return;
    if (failed)
        reply_sentence(app, t->conn, 503, "Passwords cannot be checked right now.");
    else if (!t->is_login)
        finish_register(app, t, text);
    else if (matches && t->user_id)
        finish_login(app, t);
    else
        reply_sentence(app, t->conn, 400, bad_login);
    ticket_drop(app->auth, ticket);
}

/* --- sessions --- */

enum http_verdict auth_on_me(struct app *app, struct http_request *rq, const struct caller *caller)
{
    if (!caller->user_id)
        return reply_json(app, rq->conn, 401, BYTES("{}"));
    reply_user(app, rq->conn, 200, caller->user_id, caller->name, BYTES(""));
    return HTTP_ANSWERED;
}

static void apply_end(void *ctx, const struct out_sink *sink, uint64_t user_id,
                      struct bytes session)
{
    struct app *app = ctx;
    hub_close_session(&app->hub, sink, (int64_t)user_id, (const uint8_t *)session.data,
                      WS_CLOSE_POLICY);
}

/* When the session's end is in the database, its connections end, too. */
static void end_session(struct app *app, int64_t user_id, const uint8_t hash[SESSION_HASH_LEN])
{
    outbox_apply(app->outbox, 0, apply_end, app, (uint64_t)user_id,
                 bytes_of((const char *)hash, HUB_SESSION_LEN));
}

static void reply_logged_out(struct app *app, slot_id conn)
{
    char lines[256];
    int n = snprintf(lines, sizeof lines,
                     "Location: /\r\nSet-Cookie: " SESSION_COOKIE
                     "=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0%s\r\n",
                     app->settings.secure_cookies ? "; Secure" : "");
    struct http_reply r = {
        .status = 302,
        .content_type = BYTES("text/plain; charset=utf-8"),
        .extra = bytes_of(lines, (size_t)n),
        .fd = -1,
    };
    app->ports.reply(app->ports.self, conn, &r);
}

enum http_verdict auth_on_logout(struct app *app, struct http_request *rq,
                                 const struct caller *caller)
{
    if (!caller->user_id) {
        reply_logged_out(app, rq->conn);
        return HTTP_ANSWERED;
    }
    if (app_write_begin(app, rq->conn, WRITE_SYNCED))
        return reply_sentence(app, rq->conn, 503, no_store);
    enum err e = session_store_delete(&app->sessions, caller->session);
    if (e == ERR_NOT_FOUND)
        e = OK;
    if (!e) {
        end_session(app, caller->user_id, caller->session);
        reply_logged_out(app, rq->conn);
    }
    if (app_write_end(app, WRITE_SYNCED, e == OK) || e)
        return reply_sentence(app, rq->conn, 503, no_store);
    return HTTP_ANSWERED;
}

struct sweep {
    struct app *app;
    uint32_t n;
};

static void on_expired(void *arg, int64_t user_id, const uint8_t hash[SESSION_HASH_LEN])
{
    struct sweep *sweep = arg;
    end_session(sweep->app, user_id, hash);
    sweep->n++;
}

bool auth_sweep(struct app *app)
{
    struct sweep sweep = { app, 0 };

    if (app_write_begin(app, 0, WRITE_SYNCED))
        return false;
    enum err e =
        session_store_delete_expired(&app->sessions, app->wall_ms, SWEEP_ROWS, on_expired, &sweep);
    return !app_write_end(app, WRITE_SYNCED, e == OK) && !e && sweep.n == SWEEP_ROWS;
}
