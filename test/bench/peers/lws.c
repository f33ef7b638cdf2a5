/* libwebsockets with the messages of the benchmark: echo, and a drawing for everybody (not stored).
 * With a file: its text for everyone who comes.
 *
 * Written as its examples recommend: output leaves in the writeable callback, a broadcast is one
 * buffer that all receivers share, and a message that came in one piece is read where it lies.
 */
#include <cjson/cJSON.h>
#include <libwebsockets.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>

struct note { /* one message on its way to one or many */
    unsigned refs;
    size_t len;
    unsigned char data[]; /* LWS_PRE bytes, then the message */
};

struct queued {
    struct queued *next;
    struct note *note;
};

struct session {
    struct session *next; /* of all sessions */
    struct lws *wsi;
    struct queued *first, **end;
    size_t greeted; /* pieces of the greeting that have been sent */
    char *in;       /* pieces of a message so far */
    size_t in_len, in_cap;
};

#define PIECE 65536 /* bytes */

struct world { /* one per vhost */
    struct session *all;
    struct note **greeting; /* in pieces, each with its room for a head */
    size_t n_greeting;
};

static struct note *note_new(const char *text, size_t len)
{
    struct note *n = malloc(sizeof *n + LWS_PRE + len);
    if (n) {
        n->refs = 0;
        n->len = len;
        memcpy(n->data + LWS_PRE, text, len);
    }
    return n;
}

static void note_unref(struct note *n)
{
    if (--n->refs == 0)
        free(n);
}

static void queue(struct session *s, struct note *n)
{
    struct queued *q = malloc(sizeof *q);
    if (!q)
        return;
    *q = (struct queued){ NULL, n };
    n->refs++;
    *s->end = q;
    s->end = &q->next;
    lws_callback_on_writable(s->wsi);
}

static struct note *pop(struct session *s)
{
    struct queued *q = s->first;
    struct note *n = q->note;
    s->first = q->next;
    if (!s->first)
        s->end = &s->first;
    free(q);
    return n;
}

static bool is_number(const cJSON *message, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(message, key);
    return cJSON_IsNumber(item) && isfinite(item->valuedouble);
}

static void on_echo(struct session *s, const cJSON *message)
{
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(message, "text");
    cJSON *answer = cJSON_CreateObject();
    char *out = NULL;

    if (cJSON_IsString(text) && cJSON_AddStringToObject(answer, "messageType", "echo_server") &&
        cJSON_AddItemToObject(answer, "text", cJSON_CreateStringReference(text->valuestring)))
        out = cJSON_PrintUnformatted(answer);
    struct note *n = out ? note_new(out, strlen(out)) : NULL;
    if (n)
        queue(s, n);
    cJSON_free(out);
    cJSON_Delete(answer);
}

static void on_drawing(struct world *w, const cJSON *message, const char *text, size_t len)
{
    if (!is_number(message, "startX") || !is_number(message, "startY") ||
        !is_number(message, "endX") || !is_number(message, "endY") ||
        !cJSON_IsString(cJSON_GetObjectItemCaseSensitive(message, "color")))
        return;
    struct note *n = w->all ? note_new(text, len) : NULL;
    for (struct session *s = n ? w->all : NULL; s; s = s->next)
        queue(s, n);
}

static void on_message(struct world *w, struct session *s, const char *text, size_t len)
{
    cJSON *message = cJSON_ParseWithLength(text, len);
    const char *type =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "messageType"));

    if (type && strcmp(type, "echo_client") == 0)
        on_echo(s, message);
    else if (type && strcmp(type, "drawing") == 0)
        on_drawing(w, message, text, len);
    cJSON_Delete(message);
}

/* Pieces are put together; false without memory. */
static bool on_piece(struct world *w, struct session *s, const char *in, size_t len)
{
    bool is_last = lws_is_final_fragment(s->wsi) && !lws_remaining_packet_payload(s->wsi);

    if (is_last && s->in_len == 0) {
        on_message(w, s, in, len);
        return true;
    }
    if (s->in_len + len > s->in_cap) {
        size_t cap = 2 * (s->in_len + len) + lws_remaining_packet_payload(s->wsi);
        char *more = realloc(s->in, cap);
        if (!more)
            return false;
        s->in = more;
        s->in_cap = cap;
    }
    memcpy(s->in + s->in_len, in, len);
    s->in_len += len;
    if (is_last) {
        on_message(w, s, s->in, s->in_len);
        free(s->in);
        s->in = NULL;
        s->in_len = s->in_cap = 0;
    }
    return true;
}

static bool greet(const struct world *w, struct session *s)
{
    while (s->greeted < w->n_greeting && !lws_send_pipe_choked(s->wsi)) {
        bool is_first = s->greeted == 0, is_last = s->greeted + 1 == w->n_greeting;
        struct note *n = w->greeting[s->greeted++];
        int flags = lws_write_ws_flags(LWS_WRITE_TEXT, is_first, is_last);
        if (lws_write(s->wsi, n->data + LWS_PRE, n->len, (enum lws_write_protocol)flags) < 0)
            return false;
    }
    return true;
}

static int on_writeable(const struct world *w, struct session *s)
{
    if (!greet(w, s))
        return -1;
    while (s->greeted == w->n_greeting && s->first && !lws_send_pipe_choked(s->wsi)) {
        struct note *n = pop(s);
        int sent = lws_write(s->wsi, n->data + LWS_PRE, n->len, LWS_WRITE_TEXT);
        note_unref(n);
        if (sent < 0)
            return -1;
    }
    if (s->first || s->greeted < w->n_greeting)
        lws_callback_on_writable(s->wsi);
    return 0;
}

static void on_closed(struct world *w, struct session *s)
{
    for (struct session **at = &w->all; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            break;
        }
    while (s->first)
        note_unref(pop(s));
    free(s->in);
}

/* NULL: there is none. */
static bool read_greeting(struct world *w, const char *path)
{
    static char piece[PIECE];
    FILE *f = path ? fopen(path, "r") : NULL;
    size_t len;

    if (!f)
        return !path;
    while ((len = fread(piece, 1, sizeof piece, f)) > 0) {
        struct note **more = realloc(w->greeting, (w->n_greeting + 1) * sizeof(*more));
        if (more)
            w->greeting = more;
        if (!more || !(more[w->n_greeting++] = note_new(piece, len)))
            return false;
    }
    return fclose(f) == 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct session *s = user;
    struct world *w = lws_protocol_vh_priv_get(lws_get_vhost(wsi), lws_get_protocol(wsi));

    switch (reason) {
    case LWS_CALLBACK_PROTOCOL_INIT:
        w = lws_protocol_vh_priv_zalloc(lws_get_vhost(wsi), lws_get_protocol(wsi), sizeof *w);
        return w && read_greeting(w, lws_context_user(lws_get_context(wsi))) ? 0 : -1;
    case LWS_CALLBACK_ESTABLISHED:
        *s = (struct session){ .wsi = wsi, .next = w->all };
        s->end = &s->first;
        w->all = s;
        if (w->n_greeting)
            lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return on_piece(w, s, in, len) ? 0 : -1;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writeable(w, s);
    case LWS_CALLBACK_CLOSED:
        on_closed(w, s);
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
}

int main(int argc, char **argv)
{
    static const struct lws_protocols protocols[] = {
        { .name = "bench",
          .callback = callback,
          .per_session_data_size = sizeof(struct session),
          .rx_buffer_size = 65536 },
        { .name = NULL },
    };
    struct lws_context_creation_info info = {
        .port = 0,
        .iface = "127.0.0.1",
        .protocols = protocols,
        .pt_serv_buf_size = 65536,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .vhost_name = "localhost",
        .user = argc > 1 ? argv[1] : NULL,
    };
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* libuv would only stop its loop */
    lws_set_log_level(0, NULL);
    info.options |=
        LWS_SERVER_OPTION_LIBUV; /* its own loop is poll(), slow with many connections */
    struct lws_context *context = lws_create_context(&info);
    if (!context) {
        fputs("bench_lws: without libuv (libwebsockets-evlib-uv)\n", stderr);
        info.options &= ~(uint64_t)LWS_SERVER_OPTION_LIBUV;
        context = lws_create_context(&info);
    }
    struct lws_vhost *vhost = context ? lws_create_vhost(context, &info) : NULL;
    if (!vhost)
        return 1;
    printf("listening on http://127.0.0.1:%d\n", lws_get_vhost_listen_port(vhost));
    fflush(stdout);
    while (lws_service(context, 0) >= 0)
        continue;
    lws_context_destroy(context);
    return 1;
}
