/* Long answers: the board for a newcomer, a conversation for one of its two people.
 *
 * On loopback it is chance which of the two ends does the work of the other's acknowledgements, so
 * one answer says little: a figure is the mean of many, in turn with the others'. */
#include "bench.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASKS 10 /* for one measurement */

/* How a long answer is asked for; returns the connection on which it comes. */
typedef int ask_fn(const struct target *t);

struct sender {
    const char *name; /* of somebody else's server */
    struct target target;
    ask_fn *ask;
    double cpu_ms[REPETITIONS], first_ms[REPETITIONS], whole_ms[REPETITIONS]; /* of one answer */
};

struct long_answer {
    struct bench *b;
    const char *name;
    size_t len;         /* bytes, at least half of them while it is not known exactly */
    struct sender v[4]; /* ours first, the floor last */
    int n;
};

static void add(struct long_answer *a, const char *name, struct target t, ask_fn *ask)
{
    a->v[a->n++] = (struct sender){ .name = name, .target = t, .ask = ask };
}

static int ask_floor(const struct target *t)
{
    return connect_to(t->port, 0);
}

static size_t ask_once(const struct long_answer *a, struct sender *s, int repetition)
{
    size_t len = a->len;
    int64_t first;
    int64_t begin = now_ns();
    int fd = s->ask(&s->target);

    if (s->target.kind == TARGET_FLOOR)
        drain(fd, len, &first);
    else
        len = drain_message(fd, a->len / 2, &first);
    s->first_ms[repetition] += (double)(first - begin) / 1e6 / ASKS;
    s->whole_ms[repetition] += (double)(now_ns() - begin) / 1e6 / ASKS;
    close(fd);
    usleep(20000); /* its end belongs to it */
    return len;
}

static void other_rows(const struct long_answer *a, const struct sender *s,
                       const struct sender *floor)
{
    const struct sender *own = &a->v[0];
    char what[96];

    snprintf(what, sizeof what, "%s: CPU, multiple of the floor", s->name);
    row(a->b, a->name, what, ratio_of(s->cpu_ms, floor->cpu_ms));
    snprintf(what, sizeof what, "%s: our throughput is its, times", s->name);
    row(a->b, a->name, what, ratio_of(s->whole_ms, own->whole_ms));
    snprintf(what, sizeof what, "%s: resident MiB", s->name);
    row(a->b, a->name, what, (double)resident(s->target.pid) / 1048576);
}

static void print(struct long_answer *a)
{
    struct sender *own = &a->v[0], *floor = &a->v[a->n - 1];

    row(a->b, a->name, "MB", (double)a->len / 1e6);
    row(a->b, a->name, "CPU, multiple of the floor", ratio_of(own->cpu_ms, floor->cpu_ms));
    row(a->b, a->name, "throughput, share of the floor", ratio_of(floor->whole_ms, own->whole_ms));
    for (struct sender *s = own + 1; s < floor; s++)
        other_rows(a, s, floor);
    row(a->b, a->name, "CPU ms", median(own->cpu_ms, REPETITIONS));
    row(a->b, a->name, "first byte ms", median(own->first_ms, REPETITIONS));
    row(a->b, a->name, "last byte ms", median(own->whole_ms, REPETITIONS));
    row(a->b, a->name, "resident MiB", (double)resident(own->target.pid) / 1048576);
}

/* Measures all in turn, and ends everybody. */
static void measure(struct long_answer *a)
{
    a->len = ask_once(a, &a->v[0], 0); /* how long it is, exactly */
    add(a, "floor", start_floor((struct floor_job){ FLOOR_STREAM, 1, a->len }), ask_floor);
    for (int i = 0; i < a->n; i++) { /* nobody's first one counts */
        ask_once(a, &a->v[i], 0);
        a->v[i].first_ms[0] = a->v[i].whole_ms[0] = 0;
    }
    for (int r = 0; r < REPETITIONS; r++)
        for (int i = 0; i < a->n; i++) {
            int64_t cpu = cpu_ns(a->v[i].target.pid);
            for (int k = 0; k < ASKS; k++)
                ask_once(a, &a->v[i], r);
            a->v[i].cpu_ms[r] = (double)(cpu_ns(a->v[i].target.pid) - cpu) / 1e6 / ASKS;
        }
    print(a);
    for (int i = 0; i < a->n; i++)
        stop_target(&a->v[i].target);
}

static int ask_join(const struct target *t)
{
    int fd = connect_to(t->port, 0);
    websocket_open(fd);
    return fd;
}

/* The board as ours sends it, in a file. */
static void save_board(const struct target *server, const char *path)
{
    char *text;
    int fd = ask_join(server);
    size_t len = read_frame(fd, &text);
    FILE *f = fopen(path, "w");

    if (!f || fwrite(text, 1, len, f) != len || fclose(f) != 0)
        die(path);
    free(text);
    close(fd);
}

static void join_case(struct bench *b, int strokes)
{
    char name[64], db[160], board[160];
    snprintf(name, sizeof name, "joining a board of %d", strokes);
    if (!is_wanted(b, name))
        return;
    snprintf(db, sizeof db, "%s/join%d.db", b->dir, strokes);
    snprintf(board, sizeof board, "%s/join%d.json", b->dir, strokes);
    fill_board(db, strokes);
    int64_t start = now_ns();
    struct target server = start_server(b->server, b->static_dir, db);
    row(b, name, "start-up ms", (double)(now_ns() - start) / 1e6);
    struct long_answer a = { .b = b, .name = name, .len = (size_t)strokes * 40 };
    add(&a, NULL, server, ask_join);
    save_board(&server, board);
    for (int i = 0; i < N_PEERS; i++) {
        const char *who;
        struct target t;
        if (start_peer(i, board, &who, &t))
            add(&a, who, t, ask_join);
    }
    measure(&a);
    unlink(board);
}

static int ask_conversation(const struct target *t)
{
    int fd = open_one(t, 0);
    send_text(fd, "{\"messageType\":\"select_user\",\"targetUser\":\"u0001\"}");
    return fd;
}

static void conversation_case(struct bench *b, int messages)
{
    char name[64], db[160];
    snprintf(name, sizeof name, "opening a conversation of %d", messages);
    if (!is_wanted(b, name))
        return;
    snprintf(db, sizeof db, "%s/conversation%d.db", b->dir, messages);
    fill_conversation(db, messages);
    struct target server = start_server(b->server, b->static_dir, db);
    server.has_members = true;
    struct long_answer a = { .b = b, .name = name, .len = (size_t)messages * 40 };
    add(&a, NULL, server, ask_conversation);
    measure(&a);
}

void join_cases(struct bench *b)
{
    join_case(b, 10000);
    join_case(b, 100000);
    if (b->is_full)
        join_case(b, 1000000);
    conversation_case(b, 100000);
}
