/* app.h - everything that services stand on: one struct, owned by the server, handed to every
 * handler.
 *
 * Handlers run inside one turn of the event loop. They read and write the store, change what they
 * keep in memory through outbox_apply() (so that it changes when the commit has succeeded), and
 * stage output. They never block and never see a socket.
 */
#ifndef APP_APP_H
#define APP_APP_H

#include "app/hub.h"
#include "app/json.h"
#include "app/jsonlog.h"
#include "proto/http_message.h"
#include "store/call_store.h"
#include "store/chat_store.h"
#include "store/db.h"
#include "store/dm_store.h"
#include "store/session_store.h"
#include "store/stroke_store.h"
#include "store/user_store.h"

struct app;
struct auth;
struct board;
struct presence;
struct rooms;

/* A service that wants to know of peers; in the order of the table. */
struct peer_hook {
    /* The peer is in the hub; what it has to be told first is staged here. */
    void (*on_join)(struct app *app, struct peer *p);
    /* It is still in the hub, and will be gone after this. */
    void (*on_leave)(struct app *app, struct peer *p);
};

/* What the app asks of the floor that has sockets, files and processes; plugged in by the server.
 */
struct app_ports {
    void *self;
    /* Answers a request, now or later; takes over what *r owns. */
    void (*reply)(void *self, slot_id conn, struct http_reply *r);
    void (*page)(void *self, const struct http_head *head, const char *file, struct http_reply *r);
    void (*file)(void *self, const struct http_head *head, struct bytes path, struct http_reply *r);
    /* The peer of an open WebSocket; NULL when it has gone. */
    struct peer *(*peer)(void *self, slot_id conn);
    /* Password hashing: the answer comes to auth_on_hashed() with the ticket. ERR_BUSY. */
    enum err (*hash)(void *self, uint64_t ticket, struct bytes password);
    /* `text` NULL: nobody has that name; as much work, and it never matches. */
    enum err (*verify)(void *self, uint64_t ticket, struct bytes password, const char *text);
};

struct app_settings {
    bool require_login, secure_cookies;
    uint32_t auth_rate;             /* attempts per address and minute; 0: no limit */
    const char *const *origins;     /* --allow-origin, ended by NULL */
    const char *const *ice_servers; /* --ice-server, JSON texts, ended by NULL */
    struct bytes turn_secret;       /* --turn-secret-file: what it holds; empty: none was given */
    const char *version;
};

struct app {
    struct app_settings settings;
    struct app_ports ports;
    struct outbox *outbox;
    struct hub hub;
    int64_t now_ms;  /* monotonic, of this tick */
    int64_t wall_ms; /* since 1970, of this tick */

    struct db *db;
    struct user_store users;
    struct session_store sessions;
    struct stroke_store strokes;
    struct chat_store chat;
    struct dm_store dms;
    struct call_store calls;
    bool is_durable; /* this tick wrote something that has to survive a power cut */

    /* Services with a memory of their own. */
    struct auth *auth;
    struct board *board;
    struct presence *presence;
    struct rooms *rooms;           /* video calls */
    struct jsonlog all_users;      /* the message all_users_list */
    const struct peer_hook *hooks; /* ended by an empty one */
    int64_t mend_at_ms;            /* see app_mend() */
};

/* Between two ticks: reads anew a list in memory that lacks something for want of memory, at most
 * once in a while when it fails. `l` and `read` as in jsonlog_mend(). */
void app_mend(struct app *app, struct jsonlog *l, enum err (*read)(void *arg, struct jsonlog *to));
/* The list of all users, when it needs that. */
void app_mend_users(struct app *app);

/* Opens every store over app->db and reads the list of all users. */
MUST_CHECK enum err app_open_stores(struct app *app);
void app_close_stores(struct app *app);

/* A user was registered: the list of all users grows when the commit has succeeded. */
void app_user_added(struct app *app, struct bytes username);
/* A WebSocket is open: makes its peer and stages what it is told first. NULL without memory. */
struct peer *app_join(struct app *app, slot_id conn, int64_t user_id, struct bytes name,
                      const uint8_t *session, bool is_v1);
/* It is gone. */
void app_leave(struct app *app, struct peer *p);

enum write_kind {
    WRITE_SYNCED, /* in a savepoint of its own; the tick's commit is synced to the disk */
    WRITE_LIGHT,  /* one statement, which needs no savepoint; its commit need only survive the
                     process */
};

/* The beginning of something that writes, on behalf of `conn`: opens the tick's transaction. What
 * is staged from here on leaves only if the commit succeeds. ERR_STORE: nothing has begun. */
MUST_CHECK enum err app_write_begin(struct app *app, slot_id conn, enum write_kind kind);
/* Its end: keeps it, or undoes it alone (then what it staged is gone, too). ERR_STORE: it is lost
 * in any case, with everything that the tick has written. */
enum err app_write_end(struct app *app, enum write_kind kind, bool keep);

/* Ends the tick's transaction. False: what was staged by writers must not leave. */
bool app_commit(struct app *app);

#endif
