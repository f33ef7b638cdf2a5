/* The floors meet here: net has the sockets, app the people, and each is handed the other's
 * functions.
 *
 * One tick is one turn of the loop, and its order is the promise of the whole server:
 *
 *     wait, stamp the time, read and handle, timers, COMMIT, release output, flush, free what was
 * closed
 *
 * Nothing that a handler has said leaves before the commit of its tick.
 */
#include "server/server.h"
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include "app/dispatch.h"
#include "base/sandbox.h"
#include "net/conn.h"
#include "net/hash_worker.h"
#include "net/http_conn.h"
#include "net/listener.h"
#include "net/static_files.h"
#include "proto/http_reply.h"
#include "svc/services.h"
#include "svc/tables.h"

#define EARLY_BYTES      16384 /* staged: worth sending before the end of the tick */
#define STOP_MS          3000  /* for the last output after SIGTERM */
#define QUIET_MS         250   /* nothing happened for so long: a good moment for a checkpoint */
#define CHECKPOINT_PAGES 64  /* pages in the write-ahead log that are worth one in a quiet moment  \
                              */
#define CHECKPOINT_MOST 4096 /* pages (16 MiB) at which there is one, quiet or not */
#define SWEEP_MORE_MS   50     /* when there may be more than one look finds */
#define SWEEP_MS        600000 /* between two looks for expired sessions and memory to give back */

struct server {
    struct config config;
    struct net net;
    struct app app;
    struct outbox *outbox;
    struct listener *listener;
    struct static_files *files;
    struct hash_worker *hasher;
    struct source signals;
    uint16_t port;
    int n_ready;        /* sources that were ready in this tick */
    int db_claim;       /* descriptor, or -1 */
    int64_t stop_at_ms; /* 0: running */
    bool must_stop;     /* a signal has come */
    bool must_trim;     /* it is time to give memory back */
    int64_t sweep_at_ms;
    time_t date_at;
    char date[HTTP_DATE_LEN + 1];
    char turn_secret[CONFIG_SECRET_MAX];
    size_t turn_secret_len;
};

/* --- time --- */

static int64_t clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Once per tick: everything that happens in it happens at one time. */
static void stamp(struct server *s)
{
    s->app.now_ms = s->net.now_ms = clock_ms(CLOCK_MONOTONIC);
    s->app.wall_ms = clock_ms(CLOCK_REALTIME);
    time_t second = (time_t)(s->app.wall_ms / 1000);
    if (second != s->date_at) {
        s->date_at = second;
        http_date(second, s->date);
    }
}

/* --- what net asks --- */

static enum http_verdict on_request(void *self, struct http_request *rq)
{
    struct server *s = self;
    return router_run(&s->app, route_rows, rq);
}

/* Always text: binary messages do not come through the decoder. */
static void on_message(void *self, void *peer, const struct ws_event *message)
{
    struct server *s = self;
    dispatch_message(&s->app, message_rows, peer, message->data, message->owner);
}

/* Large output need not wait for the end of the tick when the tick has written nothing: there is no
 * commit that it could be ahead of. */
static void on_turn_end(void *self)
{
    struct server *s = self;
    struct out_sink sink;

    if (outbox_bytes(s->outbox) < EARLY_BYTES || db_in_transaction(s->app.db) ||
        outbox_is_lost(s->outbox))
        return;
    net_sink(&s->net, &sink);
    outbox_release(s->outbox, &sink, true);
    net_flush_early(&s->net);
}

static void on_gone(void *self, void *peer)
{
    struct server *s = self;
    app_leave(&s->app, peer);
}

/* --- what app asks --- */

static void port_reply(void *self, slot_id conn, struct http_reply *r)
{
    struct server *s = self;
    http_conn_reply(&s->net, conn, r);
}

static void port_page(void *self, const struct http_head *head, const char *file,
                      struct http_reply *r)
{
    struct server *s = self;
    static_files_page(s->files, head, file, r);
}

static void port_file(void *self, const struct http_head *head, struct bytes path,
                      struct http_reply *r)
{
    struct server *s = self;
    static_files_get(s->files, head, path, r);
}

static struct peer *port_peer(void *self, slot_id conn)
{
    struct server *s = self;
    return net_peer(&s->net, conn);
}

static enum err port_hash(void *self, uint64_t ticket, struct bytes password)
{
    struct server *s = self;
    return hash_worker_hash(s->hasher, ticket, password);
}

static enum err port_verify(void *self, uint64_t ticket, struct bytes password, const char *text)
{
    struct server *s = self;
    return hash_worker_verify(s->hasher, ticket, password, text);
}

static void on_hashed(void *self, uint64_t ticket, enum hash_outcome outcome, const char *text)
{
    struct server *s = self;
    auth_on_hashed(&s->app, ticket, outcome == HASH_FAILED, outcome == HASH_OK, text);
}

/* --- signals --- */

static void begin_stop(struct server *s)
{
    log_info("stopping: %u connections are open", net_count(&s->net));
    s->stop_at_ms = s->net.now_ms + STOP_MS;
    listener_close(s->listener);
    s->listener = NULL;
    net_stop(&s->net);
}

static void on_signal(struct source *source, uint32_t events)
{
    struct server *s = container_of(source, struct server, signals);
    struct signalfd_siginfo info;
    (void)events;

    while (read(source->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (s->must_stop)
            _exit(1); /* the second one: at once */
        s->must_stop = true;
    }
}

static enum err watch_signals(struct server *s)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return ERR_SYSTEM;
    s->signals = (struct source){
        .on_ready = on_signal,
        .fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
    };
    return s->signals.fd < 0 ? ERR_SYSTEM : OK;
}

/* --- the tick --- */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

static bool needs_mending(const struct server *s)
{
    return s->app.all_users.is_short || board_is_short(&s->app);
}

static int64_t wait_ms(const struct server *s)
{
    int64_t now = s->net.now_ms;
    int64_t wait = net_wait_ms(&s->net);

    wait = sooner(wait, presence_wait_ms(&s->app));
    wait = sooner(wait, call_wait_ms(&s->app));
    wait = sooner(wait, listener_wait_ms(s->listener, now));
    if (needs_mending(s))
        wait = sooner(wait, s->app.mend_at_ms > now ? s->app.mend_at_ms - now : 0);
    wait = sooner(wait, s->sweep_at_ms > now ? s->sweep_at_ms - now : 0);
    if (db_wal_pages(s->app.db) >= CHECKPOINT_PAGES)
        wait = sooner(wait, QUIET_MS);
    if (s->stop_at_ms)
        wait = sooner(wait, s->stop_at_ms > now ? s->stop_at_ms - now : 0);
    return wait;
}

static void on_wake(void *arg)
{
    struct server *s = arg;
    stamp(s);
    net_resume(&s->net);
}

/* What is due by time and belongs to nobody's connection. */
static void housekeeping(struct server *s)
{
    if (listener_wait_ms(s->listener, s->net.now_ms) == 0)
        listener_wake(s->listener);
    if (s->net.now_ms >= s->sweep_at_ms) {
        bool is_more = auth_sweep(&s->app);
        s->must_trim = true;
        s->sweep_at_ms = s->net.now_ms + (is_more ? SWEEP_MORE_MS : SWEEP_MS);
    }
    call_flush(&s->app);
}

/* In a quiet moment, when it delays nobody; or when the log has grown so long that it must be. */
static void maybe_checkpoint(struct server *s)
{
    uint32_t pages = db_wal_pages(s->app.db);

    if (pages >= CHECKPOINT_MOST || (pages >= CHECKPOINT_PAGES && s->n_ready == 0))
        db_checkpoint(s->app.db, false);
}

/* What a burst has left behind (main.c) goes back to the kernel once per sweep, in a quiet moment. */
static void maybe_trim(struct server *s)
{
    if (!s->must_trim || s->n_ready > 0 || net_wait_ms(&s->net) == 0)
        return;
    malloc_trim(0);
    s->must_trim = false;
}

static enum err tick(struct server *s)
{
    struct out_sink sink;

    enum err e = reactor_wait(s->net.reactor, wait_ms(s), on_wake, s, &s->n_ready);
    if (e)
        return e;
    if (s->must_stop &&
        !s->stop_at_ms) /* not in the wait, which may still hold the listener's source */
        begin_stop(s);
    net_expire(&s->net);
    housekeeping(s);
    bool committed = app_commit(&s->app);
    call_after_commit(&s->app, committed);
    net_sink(&s->net, &sink);
    outbox_release(s->outbox, &sink, committed);
    presence_flush(&s->app, &sink);
    if (needs_mending(s)) {
        app_mend_users(&s->app);
        board_mend(&s->app);
    }
    net_flush(&s->net);
    maybe_checkpoint(s);
    maybe_trim(s);
    return OK;
}

int server_run(struct server *s)
{
    for (;;) {
        if (tick(s)) {
            log_error("the event loop has failed: %s", strerror(errno));
            return 1;
        }
        if (s->stop_at_ms && (net_count(&s->net) == 0 || s->net.now_ms >= s->stop_at_ms))
            break;
    }
    log_info("stopped");
    return 0;
}

/* --- wiring --- */

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    rlim_t was = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        log_info("file descriptors: limit raised from %llu to %llu", (unsigned long long)was,
                 (unsigned long long)limit.rlim_max);
}

static void plug(struct server *s)
{
    const struct config *c = &s->config;

    s->app.settings = (struct app_settings){
        .require_login = c->require_login,
        .secure_cookies = c->secure_cookies,
        .auth_rate = c->auth_rate,
        .origins = c->origins,
        .ice_servers = c->ice_servers,
        .turn_secret = bytes_of(s->turn_secret, s->turn_secret_len),
        .version = PARLOR_VERSION,
    };
    s->app.ports = (struct app_ports){
        .self = s,
        .reply = port_reply,
        .page = port_page,
        .file = port_file,
        .peer = port_peer,
        .hash = port_hash,
        .verify = port_verify,
    };
    s->app.outbox = s->outbox;
    s->app.hooks = peer_hooks;
}

static enum err open_app(struct server *s, char why[SERVER_WHY_MAX])
{
    char text[DB_WHY_MAX];
    enum err e = db_claim(s->config.db, s->signals.fd, &s->db_claim, text);

    if (!e)
        e = db_open(s->config.db, &s->app.db, text);
    if (e) {
        snprintf(why, SERVER_WHY_MAX, "%s", text);
        return e;
    }
    e = hub_init(&s->app.hub, s->outbox);
    if (!e)
        e = app_open_stores(&s->app);
    if (!e)
        e = auth_open(&s->app);
    if (!e)
        e = board_open(&s->app);
    if (!e)
        e = presence_open(&s->app);
    if (!e)
        e = call_open(&s->app);
    if (e)
        snprintf(why, SERVER_WHY_MAX, "cannot read the database %s: %s", s->config.db, err_text(e));
    return e;
}

/* What somebody is told whose message could not be stored because the commit failed. */
static struct blob *failed_frame(void)
{
    char text[160], frame[WS_MAX_SERVER_HEAD + sizeof text];
    int n = snprintf(text, sizeof text, "{\"messageType\":\"error\",\"error\":\"%s\"}",
                     dispatch_store_failed);
    return blob_copy(bytes_of(frame, generate_ws_frame(WS_TEXT, bytes_of(text, (size_t)n), frame)));
}

static void on_conn_freed(void *self)
{
    struct server *s = self;
    listener_wake(s->listener);
}

static enum err open_net(struct server *s, char why[SERVER_WHY_MAX])
{
    const struct net_events events = { s, on_request, on_message, on_turn_end, on_gone };
    char dir[PATH_MAX];

    snprintf(why, SERVER_WHY_MAX, "out of memory");
    if (!config_static_dir(&s->config, dir, sizeof dir) || static_files_open(dir, &s->files)) {
        snprintf(why, SERVER_WHY_MAX, "there is no front-end folder %.900s", dir);
        return ERR_SYSTEM;
    }
    if (net_init(&s->net, s->outbox, &events))
        return ERR_SYSTEM;
    s->net.max_message = s->config.max_message;
    s->net.trust_proxy = s->config.trust_proxy;
    s->net.date = s->date;
    s->net.failed = failed_frame();
    s->net.on_conn_freed = on_conn_freed;
    s->net.on_conn_freed_self = s;
    stamp(s);
    if (!s->net.failed || watch_signals(s) || reactor_add(s->net.reactor, &s->signals, EPOLLIN) ||
        hash_worker_watch(s->hasher, s->net.reactor))
        return ERR_SYSTEM;
    s->port = s->config.port;
    errno = 0;
    enum err e = listener_open(&s->net, s->config.host, &s->port, &s->listener);
    if (e)
        snprintf(why, SERVER_WHY_MAX, "cannot listen on %s port %u: %s", s->config.host,
                 s->config.port, errno ? strerror(errno) : err_text(e));
    return e;
}

/* Everything is open: from here on the server needs its database's folder and its front end, and
 * nothing else. */
static void confine(struct server *s)
{
    char folder[PATH_MAX], front_end[PATH_MAX];
    const struct sandbox_path paths[] = {
        { db_folder(s->app.db, folder, sizeof folder) ? folder : NULL, true },
        { config_static_dir(&s->config, front_end, sizeof front_end) ? front_end : NULL, false },
        { "/dev/urandom", false }, /* SQLite's source of chance */
    };
    bool files = sandbox_files(paths, sizeof paths / sizeof *paths);
    int why_not = errno;
    bool calls = sandbox_calls(SANDBOX_SERVER);

    if (files && calls)
        log_info("sandbox: files and system calls are confined");
    else
        log_info("sandbox: files are %s, system calls are %s (%s)", files ? "confined" : "free",
                 calls ? "confined" : "free", strerror(files ? errno : why_not));
}

enum err server_new(const struct config *config, struct server **out, char why[SERVER_WHY_MAX])
{
    struct server *s = calloc(1, sizeof *s);

    *out = s;
    snprintf(why, SERVER_WHY_MAX, "out of memory");
    if (!s)
        return ERR_NO_MEMORY;
    s->config = *config;
    s->signals.fd = -1;
    s->db_claim = -1;
    s->outbox = outbox_new();
    raise_descriptor_limit();
    s->hasher =
        hash_worker_new(on_hashed, s, !config->no_sandbox); /* before anything else is open */
    if (!s->outbox || !s->hasher) {
        snprintf(why, SERVER_WHY_MAX, "cannot start the password process: %s", strerror(errno));
        return ERR_SYSTEM;
    }
    if (!config_turn_secret(config, s->turn_secret, &s->turn_secret_len, why))
        return ERR_BAD_INPUT;
    plug(s);
    enum err e = open_net(s, why);
    if (!e)
        e = open_app(s, why);
    if (!e && !config->no_sandbox)
        confine(s);
    s->sweep_at_ms = s->net.now_ms;
    return e;
}

void server_address(const struct server *s, char *out, size_t cap)
{
    bool is_v6 = strchr(s->config.host, ':') != NULL;
    snprintf(out, cap, is_v6 ? "http://[%s]:%u" : "http://%s:%u", s->config.host, s->port);
}

void server_free(struct server *s)
{
    if (!s)
        return;
    listener_close(s->listener);
    s->listener = NULL;          /* each connection that is freed would wake it */
    hash_worker_free(s->hasher); /* leaves the reactor, which goes with net */
    if (s->net.reactor)
        net_release(&s->net);
    call_close(&s->app);
    presence_close(&s->app);
    board_close(&s->app);
    auth_close(&s->app);
    hub_release(&s->app.hub);
    app_close_stores(&s->app);
    db_close(s->app.db);
    db_unclaim(s->db_claim);
    static_files_free(s->files);
    outbox_free(s->outbox);
    if (s->signals.fd >= 0)
        close(s->signals.fd);
    sodium_memzero(s->turn_secret, sizeof s->turn_secret);
    free(s);
}
