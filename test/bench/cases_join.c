/* Long answers: the board for a newcomer, a conversation for one of its two people. */
#include "bench.h"
#include <stdlib.h>
#include <unistd.h>

/* How a long answer is asked for; returns the connection on which it comes. */
typedef int ask_fn(const struct target *t);

struct long_answer {
    struct bench *b;
    const char *name;
    struct target server;
    ask_fn *ask;
    size_t len;
};

static int64_t ask_once(struct long_answer *a, double *first_ms, double *whole_ms)
{
    int64_t first, cpu = cpu_ns(a->server.pid);
    int fd = a->ask(&a->server);
    int64_t begin = now_ns();
    a->len = drain_message(fd, a->len / 2, &first);
    *first_ms = (double)(first - begin) / 1e6;
    *whole_ms = (double)(now_ns() - begin) / 1e6;
    close(fd);
    usleep(20000);
    return cpu_ns(a->server.pid) - cpu;
}

static int64_t floor_once(const struct target *floor, size_t len)
{
    int64_t first, cpu = cpu_ns(floor->pid);
    int fd = connect_to(floor->port, 0);
    drain(fd, len, &first);
    close(fd);
    usleep(20000);
    return cpu_ns(floor->pid) - cpu;
}

/* `len`: at least half of what is expected. */
static void measure(struct long_answer *a)
{
    double ratio[REPETITIONS], cpu_ms[REPETITIONS], first_ms[REPETITIONS], whole_ms[REPETITIONS];

    ask_once(a, first_ms, whole_ms); /* how long it is, exactly */
    struct target floor = start_floor((struct floor_job){ FLOOR_STREAM, 1, a->len });
    for (int i = 0; i < REPETITIONS; i++) {
        double used = (double)ask_once(a, &first_ms[i], &whole_ms[i]);
        cpu_ms[i] = used / 1e6;
        ratio[i] = used / (double)floor_once(&floor, a->len);
    }
    row(a->b, a->name, "MB", (double)a->len / 1e6);
    row(a->b, a->name, "CPU, multiple of the floor", median(ratio, REPETITIONS));
    row(a->b, a->name, "CPU ms", median(cpu_ms, REPETITIONS));
    row(a->b, a->name, "first byte ms", median(first_ms, REPETITIONS));
    row(a->b, a->name, "last byte ms", median(whole_ms, REPETITIONS));
    row(a->b, a->name, "resident MiB", (double)resident(a->server.pid) / 1048576);
    stop_target(&floor);
}

static int ask_join(const struct target *t)
{
    int fd = connect_to(t->port, 0);
    websocket_open(fd);
    return fd;
}

static void join_case(struct bench *b, int strokes)
{
    char name[64], db[160];
    snprintf(name, sizeof name, "joining a board of %d", strokes);
    if (!is_wanted(b, name))
        return;
    snprintf(db, sizeof db, "%s/join%d.db", b->dir, strokes);
    fill_board(db, strokes);
    int64_t start = now_ns();
    struct target server = start_server(b->server, b->static_dir, db);
    row(b, name, "start-up ms", (double)(now_ns() - start) / 1e6);
    struct long_answer a = { b, name, server, ask_join, (size_t)strokes * 40 };
    measure(&a);
    stop_target(&server);
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
    struct long_answer a = { b, name, server, ask_conversation, (size_t)messages * 40 };
    measure(&a);
    stop_target(&server);
}

void join_cases(struct bench *b)
{
    join_case(b, 10000);
    join_case(b, 100000);
    if (b->is_full)
        join_case(b, 1000000);
    conversation_case(b, 100000);
}
