/* The list of active users. It changes when the hub's set of persons does; it is encoded at most
 * once per change and sent at most once per change to everyone.
 *
 * A storm of comings and goings would cost people times changes; so after one list the next waits,
 * the longer the more there is to send, and never longer than the protocol allows. What waits is
 * the newest list, so the last one is right.
 */
#include <stdlib.h>
#include "app/json_out.h"
#include "proto/ws_frame.h"
#include "svc/services.h"

#define GAP_MIN_MS 10
#define GAP_MAX_MS 200   /* the last list is right within 250 ms */
#define GAP_WORK   20000 /* persons times peers that may be sent per millisecond of gap */

struct presence {
    struct blob *list;     /* whole frame */
    uint32_t list_version; /* of the hub when it was encoded */
    uint32_t sent_version; /* of the hub when everybody was told */
    int64_t next_ms;       /* not before */
};

enum err presence_open(struct app *app)
{
    app->presence = calloc(1, sizeof *app->presence);
    if (!app->presence)
        return ERR_NO_MEMORY;
    app->presence->sent_version = app->hub.version;
    return OK;
}

void presence_close(struct app *app)
{
    if (!app->presence)
        return;
    blob_unref(app->presence->list);
    free(app->presence);
    app->presence = NULL;
}

static int by_name(const void *a, const void *b)
{
    const unsigned char *x = (const unsigned char *)(*(struct person *const *)a)->name;
    const unsigned char *y = (const unsigned char *)(*(struct person *const *)b)->name;
    while (*x && ascii_lower((char)*x) == ascii_lower((char)*y)) {
        x++;
        y++;
    }
    return (unsigned char)ascii_lower((char)*x) - (unsigned char)ascii_lower((char)*y);
}

static enum err write_list(const struct hub *hub, struct buf *out)
{
    struct person **v = malloc((hub->n_persons + 1) * sizeof(*v));
    uint32_t n = 0;
    if (!v)
        return ERR_NO_MEMORY;
    for (const struct link *l = hub->persons.next; l != &hub->persons; l = l->next)
        v[n++] = container_of(l, struct person, in_all);
    qsort(v, n, sizeof(*v), by_name);
    struct bytes head = BYTES("{\"messageType\":\"active_users_list\",\"users\":[");
    enum err e = buf_append(out, head.data, head.len);
    for (uint32_t i = 0; i < n && !e; i++) {
        struct bytes open = i ? BYTES(",{\"username\":") : BYTES("{\"username\":");
        e = buf_append(out, open.data, open.len);
        if (!e)
            e = json_write_string(out, bytes_str(v[i]->name));
        if (!e)
            e = buf_append(out, "}", 1);
    }
    free(v);
    return e ? e : buf_append(out, "]}", 2);
}

/* The current list as a whole frame; NULL without memory. */
static struct blob *current(struct app *app)
{
    struct presence *pr = app->presence;
    struct buf text;

    if (pr->list && pr->list_version == app->hub.version)
        return pr->list;
    blob_unref(pr->list);
    pr->list = NULL;
    buf_init(&text, SIZE_MAX / 2);
    if (write_list(&app->hub, &text) == OK) {
        pr->list = blob_new(buf_len(&text) + WS_MAX_SERVER_HEAD);
        if (pr->list)
            pr->list->len = generate_ws_frame(WS_TEXT, buf_bytes(&text), pr->list->data);
    }
    buf_release(&text);
    pr->list_version = app->hub.version;
    return pr->list;
}

/* False without memory: everybody who lacks the list gets it a little later. */
static bool send_list(struct app *app, const struct out_sink *sink, struct peer *p)
{
    struct blob *list = current(app);
    if (!list) {
        app->presence->sent_version = app->hub.version - 1;
        app->presence->next_ms = app->now_ms + GAP_MIN_MS;
        return false;
    }
    sink->send(sink->self, p->conn, list, 0, list->len, OUT_LIVE);
    p->list_version = app->hub.version;
    return true;
}

static void apply_first_list(void *ctx, const struct out_sink *sink, uint64_t conn,
                             struct bytes data)
{
    struct app *app = ctx;
    struct peer *p = app->ports.peer(app->ports.self, conn);
    (void)data;
    if (p)
        send_list(app, sink, p);
}

void presence_on_join(struct app *app, struct peer *p)
{
    outbox_apply(app->outbox, p->conn, apply_first_list, app, p->conn, BYTES(""));
}

static int64_t gap_ms(const struct hub *hub)
{
    uint64_t peers = 0;
    for (const struct link *l = hub->peers.next; l != &hub->peers; l = l->next)
        peers++;
    uint64_t gap = GAP_MIN_MS + peers * hub->n_persons / GAP_WORK;
    return gap < GAP_MAX_MS ? (int64_t)gap : GAP_MAX_MS;
}

void presence_flush(struct app *app, const struct out_sink *sink)
{
    struct presence *pr = app->presence;

    if (pr->sent_version == app->hub.version || app->now_ms < pr->next_ms)
        return;
    for (struct link *l = app->hub.peers.next; l != &app->hub.peers; l = l->next) {
        struct peer *p = container_of(l, struct peer, in_all);
        if (p->list_version != app->hub.version && !send_list(app, sink, p))
            return;
    }
    pr->sent_version = app->hub.version;
    pr->next_ms = app->now_ms + gap_ms(&app->hub);
}

int64_t presence_wait_ms(const struct app *app)
{
    const struct presence *pr = app->presence;

    if (pr->sent_version == app->hub.version)
        return -1;
    return pr->next_ms > app->now_ms ? pr->next_ms - app->now_ms : 0;
}
