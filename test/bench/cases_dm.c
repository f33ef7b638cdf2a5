/* Direct messages between pairs, both ends connected: every one is synced to the disk before its
 * sender and its receiver get it. The floor is the disk: how often it can sync one page after the
 * other. */
#include "bench.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Connections 2i send, connections 2i + 1 receive. */
static bool is_sender(const struct load *l, const struct load_conn *c)
{
    return (c - l->v) % 2 == 0;
}

struct progress {
    uint64_t open;     /* sent, and its sender has not got it back yet */
    uint64_t answered; /* back at the sender */
    uint64_t received; /* at the other end */
};

static void take(struct load *l, struct load_conn *c, const struct traffic *t, bool more,
                 struct progress *p)
{
    ssize_t r = recv(c->fd, l->scratch, SCRATCH, 0);
    if (r == 0 || (r < 0 && errno != EAGAIN))
        die("recv");
    c->got += r > 0 ? (size_t)r : 0;
    size_t whole = c->got / t->answer_len;
    c->got %= t->answer_len;
    if (!is_sender(l, c)) {
        p->received += whole;
        return;
    }
    p->answered += whole;
    if (more)
        c->to_send += whole * t->frame_len;
    else
        p->open -= whole;
    if (c->to_send)
        push(l, c, t);
}

static struct figure run_dm(const struct target *target, struct load *l, const struct traffic *t)
{
    int64_t begin = now_ns(), cpu = cpu_ns(target->pid), end = begin + t->run_ns;
    struct progress p = { 0 };
    struct epoll_event ev[256];

    for (int i = 0; i < l->n; i += 2) {
        l->v[i].sent_off = 0;
        l->v[i].to_send = t->frame_len * (size_t)t->in_flight;
        p.open += (uint64_t)t->in_flight;
        push(l, &l->v[i], t);
    }
    while (p.open || p.received < p.answered) {
        int n = epoll_wait(l->epoll_fd, ev, 256, 5000);
        if (n == 0)
            die("no message for 5 s");
        bool more = now_ns() < end;
        for (int i = 0; i < n; i++)
            take(l, ev[i].data.ptr, t, more, &p);
    }
    return figure_of(target, begin, cpu, p.answered);
}

/* Each sender's own frames; all are as long as those in `t`. */
static void address(struct load *l, const struct traffic *t, const char *text)
{
    char message[512];
    for (int i = 0; i < l->n; i += 2) {
        snprintf(message, sizeof message,
                 "{\"messageType\":\"direct_message\",\"targetUser\":\"u%04d\",\"text\":\"%s\"}",
                 i + 1, text);
        struct traffic own = traffic_of(message, t->in_flight);
        if (own.frame_len != t->frame_len)
            die("frames of different lengths");
        l->v[i].out = own.out;
    }
}

/* One message as it must come, at both ends. */
static void check(struct load *l, struct traffic *t, const char *text)
{
    char expected[512], *got;
    snprintf(expected, sizeof expected,
             "{\"messageType\":\"direct_message\",\"fromUser\":\"u0000\",\"text\":\"%s\"}", text);
    for (int i = 0; i < 2; i++)
        fcntl(l->v[i].fd, F_SETFL, 0);
    send_all(l->v[0].fd, l->v[0].out, t->frame_len);
    for (int i = 0; i < 2; i++) {
        size_t len = read_frame(l->v[i].fd, &got);
        if (strcmp(got, expected) != 0)
            die("a wrong direct message");
        t->answer_len = len + (len < 126 ? 2 : 4);
        free(got);
        fcntl(l->v[i].fd, F_SETFL, O_NONBLOCK);
    }
}

/* Pages written and synced one after the other, per second. */
static double syncs_per_s(const struct bench *b)
{
    static const char page[4096];
    char path[128];
    uint64_t done = 0;
    snprintf(path, sizeof path, "%s/sync", b->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        die(path);
    int64_t begin = now_ns();
    for (; now_ns() - begin < b->run_ns; done++)
        if (pwrite(fd, page, sizeof page, (off_t)(done % 1024 * sizeof page)) != sizeof page ||
            fdatasync(fd) != 0)
            die(path);
    double s = (double)(now_ns() - begin) / 1e9;
    close(fd);
    return (double)done / s;
}

static void dm_case(struct bench *b, const char *name, int pairs, int in_flight)
{
    static const char text[] = "about as long as what people write to each other, most of the time";
    double cpu_us[REPETITIONS], per_s[REPETITIONS], syncs[REPETITIONS];
    char db[128], message[512];
    struct load l;

    snprintf(db, sizeof db, "%s/dm%d-%d.db", b->dir, pairs, in_flight);
    fill_members(db, 2 * pairs);
    struct target server = start_server(b->server, b->static_dir, db);
    server.has_members = true;
    snprintf(message, sizeof message,
             "{\"messageType\":\"direct_message\",\"targetUser\":\"u0001\",\"text\":\"%s\"}", text);
    struct traffic t = traffic_of(message, in_flight);
    t.run_ns = b->run_ns;
    load_open(&l, &server, 2 * pairs);
    address(&l, &t, text);
    load_settle(&l);
    check(&l, &t, text);
    for (int i = 0; i < REPETITIONS; i++) {
        struct figure f = run_dm(&server, &l, &t);
        cpu_us[i] = f.cpu_us;
        per_s[i] = f.per_s;
        syncs[i] = syncs_per_s(b);
    }
    row(b, name, "messages per sync that the disk can do", ratio_of(per_s, syncs));
    row(b, name, "CPU us per message", median(cpu_us, REPETITIONS));
    row(b, name, "messages per second", median(per_s, REPETITIONS));
    row(b, name, "syncs per second of the bare disk", median(syncs, REPETITIONS));
    for (int i = 0; i < l.n; i += 2)
        free((char *)l.v[i].out);
    load_close(&l);
    free(t.out);
    stop_target(&server);
}

void dm_cases(struct bench *b)
{
    static const struct {
        const char *name;
        int pairs, in_flight;
    } cases[] = {
        { "direct messages, 1 pair, 1 in flight", 1, 1 },
        { "direct messages, 1 pair, 16 in flight", 1, 16 },
        { "direct messages, 50 pairs, 1 in flight", 50, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (is_wanted(b, cases[i].name))
            dm_case(b, cases[i].name, cases[i].pairs, cases[i].in_flight);
}
