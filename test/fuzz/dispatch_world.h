/* dispatch_world.h - for fuzz_dispatch.c: the server, its clients, and what they should have heard.
 */
#ifndef TEST_FUZZ_DISPATCH_WORLD_H
#define TEST_FUZZ_DISPATCH_WORLD_H

#include "ref_json.h"
#include "ref_utf8.h"
#include "../svc/fake.h"

#define CLIENTS     8
#define USERS       3 /* who connect; one more is only written to */
#define CALLS       2
#define GUEST       (-1)
#define NOWHERE     (-1)
#define ACTIONS     150
#define SENT_MAX    ACTIONS
#define TEXT_CAP    (70u * 1024u)
#define SEQUENCE    (ACTIONS + 1)
#define RINGS_KNOWN 4

static const char *const user_names[USERS + 1] = { "ann", "Bob", "cy_3", "dee" };
static const char *const call_ids[CALLS] = { "0000000000000000000000c0",
                                             "0000000000000000000000c1" };
static const char *const call_names[CALLS] = { "call 0", "call \"1\" \xC3\xA9" };

struct sequence {
    uint64_t v[SEQUENCE];
    size_t n;
};

struct client {
    struct tab *tab;    /* NULL: closed */
    int user;           /* GUEST */
    bool is_v1, is_new; /* it has been opened in this tick */
    int room;           /* as it should be */
    char socket_id[HUB_SOCKET_ID_LEN + 1];
    char seen[CLIENTS][HUB_SOCKET_ID_LEN + 1]; /* in its call, as it was told */
    size_t n_seen;
    unsigned users;             /* active ones, as it was told: a bit each */
    int64_t last_chat;          /* the newest message when it came, or that it has heard */
    struct sequence broadcasts; /* of this tick */
    struct sequence strokes;    /* all */
};

struct sent { /* a tagged message of this tick */
    unsigned tag;
    unsigned may, must; /* hear it: a bit for each client */
    unsigned heard;
    int repeats_for; /* it has a clientId: this user, sending it again on whichever connection of
                        v1, hears it again; or GUEST: nobody */
};

struct world {
    struct fake f;
    struct fuzz_in in;
    struct client clients[CLIENTS];
    struct sent sent[SENT_MAX];
    size_t n_sent;
    unsigned last_tag, n_strokes;
    bool is_settled; /* nobody has done anything since the last commit */
    char rings[RINGS_KNOWN][24];
    unsigned n_rings;
    char *text; /* the message that is being made */
    size_t n_text;
};

__attribute__((format(printf, 2, 3))) static void trace(const struct client *c, const char *format,
                                                        ...)
{
    va_list ap;

    if (!getenv("TRACE"))
        return;
    if (c)
        fprintf(stderr, "%.4s %s (%s) ", c->socket_id, c->is_v1 ? "v1" : "base",
                c->user == GUEST ? "guest" : user_names[c->user]);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
}

static int64_t last_chat(struct world *w)
{
    int64_t id;

    FUZZ_CHECK(chat_store_max_id(&w->f.app.chat, &id) == OK);
    return id;
}

static inline unsigned bit(const struct world *w, const struct client *c)
{
    return 1u << (c - w->clients);
}

#endif
