/* Runs the cases and prints a table: what the server costs as a multiple of the floor, in the same run.
 *
 *     bench SERVER STATIC [--json FILE] [--full] [case ...]
 *
 * Figures are medians of interleaved repetitions (server, floor, server, floor ...). Processor time is what a noisy machine leaves alone;
 * throughput stands beside it.
 */
#include "bench.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "store/stroke_store.h"

#define REPETITIONS 5
#define RUN_NS      700000000 /* one measurement */

struct bench {
    const char *server, *static_dir;
    const char *const *wanted;
    int n_wanted;
    bool is_full;
    char dir[64];
    FILE *json;
    bool has_rows;
};

struct figure {
    double cpu_us; /* of the server, per message (or delivery) */
    double per_s;
};

/* --- helpers --- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return v[n / 2];
}

static bool is_wanted(const struct bench *b, const char *name)
{
    for (int i = 0; i < b->n_wanted; i++)
        if (strstr(name, b->wanted[i]))
            return true;
    return b->n_wanted == 0;
}

static void row(struct bench *b, const char *name, const char *what, double value)
{
    printf("%-44s %-34s %12.2f\n", name, what, value);
    fflush(stdout);
    if (b->json)
        fprintf(b->json, "%s\n  {\"case\":\"%s\",\"figure\":\"%s\",\"value\":%.4f}",
                b->has_rows ? "," : "", name, what, value);
    b->has_rows = true;
}

static struct target fresh_server(struct bench *b, const char *name)
{
    char db[128];
    snprintf(db, sizeof db, "%s/%s.db", b->dir, name);
    return start_server(b->server, b->static_dir, db);
}

static void set_nonblocking(struct load *l)
{
    for (int i = 0; i < l->n; i++)
        fcntl(l->v[i].fd, F_SETFL, O_NONBLOCK);
}

/* --- echo: every connection keeps `in_flight` messages on the way --- */

struct traffic {
    char *out;         /* in_flight frames, one behind the other */
    size_t frame_len;  /* of one frame to the server */
    size_t answer_len; /* of one frame from it */
    int in_flight;
};

static void push(struct load *l, struct load_conn *c, const struct traffic *t)
{
    size_t all = t->frame_len * (size_t)t->in_flight;
    bool is_stuck = false;
    while (c->to_send && !is_stuck) {
        size_t part = all - c->sent_off < c->to_send ? all - c->sent_off : c->to_send;
        ssize_t n = send(c->fd, t->out + c->sent_off, part, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            die("send");
        is_stuck = n < 0;
        if (n > 0) {
            c->to_send -= (size_t)n;
            c->sent_off = (c->sent_off + (size_t)n) % all;
        }
    }
    struct epoll_event ev = { .events = is_stuck ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c };
    if (is_stuck || (c->got & 1))
        epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev);
}

static struct figure run_echo(const struct target *target, struct load *l, const struct traffic *t)
{
    int64_t begin = now_ns(), cpu = cpu_ns(target->pid), end = begin + RUN_NS;
    uint64_t answers = 0, open = 0;
    struct epoll_event ev[256];

    for (int i = 0; i < l->n; i++) {
        l->v[i] = (struct load_conn){ .fd = l->v[i].fd };
        l->v[i].to_send = t->frame_len * (size_t)t->in_flight;
        open += (uint64_t)t->in_flight;
        push(l, &l->v[i], t);
    }
    while (open) {
        int n = epoll_wait(l->epoll_fd, ev, 256, 5000);
        if (n == 0)
            die("no answer for 5 s");
        bool more = now_ns() < end;
        for (int i = 0; i < n; i++) {
            struct load_conn *c = ev[i].data.ptr;
            ssize_t r = ev[i].events & EPOLLIN ? recv(c->fd, l->scratch, 256 * 1024, 0) : 0;
            if (r < 0 && errno != EAGAIN)
                die("recv");
            c->got += r > 0 ? (size_t)r : 0;
            size_t whole = c->got / t->answer_len;
            c->got %= t->answer_len;
            answers += whole;
            if (more)
                c->to_send += whole * t->frame_len;
            else
                open -= whole;
            if (c->to_send)
                push(l, c, t);
        }
    }
    double ns = (double)(now_ns() - begin);
    return (struct figure){ (double)(cpu_ns(target->pid) - cpu) / 1000 / (double)answers,
                            (double)answers / ns * 1e9 };
}

/* One answer, whole, must be what the protocol says. */
static size_t check_answer(uint16_t port, const char *frame, size_t len, const char *expected)
{
    int fd = connect_to(port, 0);
    char *text;
    websocket_open(fd);
    read_greeting(fd);
    send_all(fd, frame, len);
    size_t n = read_frame(fd, &text);
    if (n != strlen(expected) || memcmp(text, expected, n) != 0)
        die("a wrong answer");
    free(text);
    close(fd);
    return n + (n < 126 ? 2 : n < 65536 ? 4 : 10);
}

static struct traffic traffic_of(const char *request, int in_flight)
{
    size_t len = strlen(request);
    struct traffic t = { .out = malloc((len + 14) * (size_t)in_flight), .in_flight = in_flight };
    for (int i = 0; i < in_flight; i++)
        t.frame_len = client_frame(t.out + t.frame_len * (size_t)i, request, len);
    return t;
}

typedef struct figure run_fn(const struct target *, struct load *, const struct traffic *);

/* Server and floor in turn, on the same bytes. */
static void compare(struct bench *b, const char *name, run_fn *run, const struct target *server,
                    const struct traffic *t, enum floor_kind kind, int n)
{
    struct floor_job job = { kind, t->frame_len, t->answer_len };
    struct target floor = start_floor(job);
    struct load s, f;
    double ratio[REPETITIONS], cpu[REPETITIONS], per_s[REPETITIONS], share[REPETITIONS];

    load_open(&s, server, n);
    load_open(&f, &floor, n);
    usleep(300000);
    set_nonblocking(&s);
    set_nonblocking(&f);
    for (int i = 0; i < n; i++) /* lists of active users and the like */
        while (recv(s.v[i].fd, s.scratch, 256 * 1024, 0) > 0)
            continue;
    for (int i = 0; i < REPETITIONS; i++) {
        struct figure a = run(server, &s, t), z = run(&floor, &f, t);
        ratio[i] = a.cpu_us / z.cpu_us;
        cpu[i] = a.cpu_us;
        per_s[i] = a.per_s;
        share[i] = a.per_s / z.per_s;
    }
    row(b, name, "CPU, multiple of the floor", median(ratio, REPETITIONS));
    row(b, name, "CPU us per message", median(cpu, REPETITIONS));
    row(b, name, "messages per second", median(per_s, REPETITIONS));
    row(b, name, "throughput, share of the floor", median(share, REPETITIONS));
    load_close(&s);
    load_close(&f);
    stop_target(&floor);
}

static void echo_cases(struct bench *b)
{
    static const struct {
        const char *name;
        size_t size;
        int in_flight, conns;
    } cases[] = {
        { "echo 16 B, 1 in flight", 16, 1, 64 },       { "echo 16 B, 16 in flight", 16, 16, 64 },
        { "echo 200 B, 1 in flight", 200, 1, 64 },     { "echo 200 B, 16 in flight", 200, 16, 64 },
        { "echo 60 kB, 1 in flight", 60000, 1, 64 },   { "echo 60 kB, 16 in flight", 60000, 16, 64 },
        { "echo 1 MiB, 1 in flight", 1 << 20, 1, 64 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!is_wanted(b, cases[i].name))
            continue;
        char *request = malloc(cases[i].size + 128), *expected = malloc(cases[i].size + 128);
        char *text = malloc(cases[i].size + 1);
        memset(text, 'e', cases[i].size);
        text[cases[i].size] = 0;
        sprintf(request, "{\"messageType\":\"echo_client\",\"text\":\"%s\"}", text);
        sprintf(expected, "{\"messageType\":\"echo_server\",\"text\":\"%s\"}", text);
        struct target server = fresh_server(b, "echo");
        struct traffic t = traffic_of(request, cases[i].in_flight);
        t.answer_len = check_answer(server.port, t.out, t.frame_len, expected);
        compare(b, cases[i].name, run_echo, &server, &t, FLOOR_ECHO, cases[i].conns);
        stop_target(&server);
        free(t.out);
        free(request);
        free(expected);
        free(text);
    }
}

/* --- broadcast: one sends, everybody receives; every drawing is stored --- */

static struct figure run_broadcast(const struct target *target, struct load *l,
                                   const struct traffic *t)
{
    int64_t begin = now_ns(), cpu = cpu_ns(target->pid), end = begin + RUN_NS;
    uint64_t deliveries = 0;
    struct epoll_event ev[256];
    const size_t batch = t->answer_len * (size_t)t->in_flight * (size_t)l->n;

    while (now_ns() < end) {
        size_t got = 0;
        l->v[0].to_send = t->frame_len * (size_t)t->in_flight;
        l->v[0].sent_off = 0;
        push(l, &l->v[0], t);
        while (got < batch) {
            int n = epoll_wait(l->epoll_fd, ev, 256, 5000);
            if (n == 0)
                die("no broadcast for 5 s");
            for (int i = 0; i < n; i++) {
                struct load_conn *c = ev[i].data.ptr;
                ssize_t r = recv(c->fd, l->scratch, 256 * 1024, 0);
                if (r < 0 && errno != EAGAIN)
                    die("recv");
                got += r > 0 ? (size_t)r : 0;
            }
        }
        deliveries += (uint64_t)t->in_flight * (uint64_t)l->n;
    }
    double ns = (double)(now_ns() - begin);
    return (struct figure){ (double)(cpu_ns(target->pid) - cpu) / 1000 / (double)deliveries,
                            (double)deliveries / ns * 1e9 };
}

static void broadcast_cases(struct bench *b)
{
    static const struct {
        const char *name;
        int n, in_flight;
    } cases[] = {
        { "broadcast to 100, 16 in flight, stored", 100, 16 },
        { "broadcast to 1000, 16 in flight, stored", 1000, 16 },
        { "broadcast to 1000, 1 in flight, stored", 1000, 1 },
        { "broadcast to 5000, 1 in flight, stored", 5000, 1 },
    };
    static const char drawing[] = "{\"messageType\":\"drawing\",\"startX\":123.5,\"startY\":45.25,"
                                  "\"endX\":130.75,\"endY\":47,\"color\":\"#1d4ed8\",\"width\":5}";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!is_wanted(b, cases[i].name))
            continue;
        struct target server = fresh_server(b, cases[i].name);
        struct traffic t = traffic_of(drawing, cases[i].in_flight);
        t.answer_len = check_answer(server.port, t.out, t.frame_len, drawing);
        compare(b, cases[i].name, run_broadcast, &server, &t, FLOOR_BROADCAST, cases[i].n);
        stop_target(&server);
        free(t.out);
    }
}

/* --- handshakes --- */

static struct figure run_handshakes(const struct target *target, struct load *l,
                                    const struct traffic *t)
{
    static const char request[] = "GET /websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    int64_t begin = now_ns(), cpu = cpu_ns(target->pid), end = begin + RUN_NS;
    struct linger hard = { 1, 0 }; /* no ports left waiting */
    uint64_t done = 0;
    (void)l;

    while (now_ns() < end) {
        int fd[32];
        for (int i = 0; i < 32; i++) {
            fd[i] = connect_to(target->port, 0);
            send_all(fd[i], request, sizeof request - 1);
        }
        for (int i = 0; i < 32; i++, done++) {
            char in[2048];
            size_t got = 0;
            while (got < t->answer_len) {
                ssize_t n = recv(fd[i], in, sizeof in, 0);
                if (n <= 0)
                    die("handshake");
                got += (size_t)n;
            }
            setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
            close(fd[i]);
        }
    }
    double ns = (double)(now_ns() - begin);
    return (struct figure){ (double)(cpu_ns(target->pid) - cpu) / 1000 / (double)done,
                            (double)done / ns * 1e9 };
}

static void handshake_case(struct bench *b)
{
    if (!is_wanted(b, "handshakes"))
        return;
    struct target server = fresh_server(b, "handshakes");
    int fd = connect_to(server.port, 0);
    static const char request[] = "GET /websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    char in[4096];
    size_t len = 0;
    send_all(fd, request, sizeof request - 1);
    struct pollfd p = { fd, POLLIN, 0 };
    while (poll(&p, 1, 300) > 0) {
        ssize_t n = recv(fd, in, sizeof in, 0);
        if (n <= 0)
            die("handshake");
        len += (size_t)n;
    }
    close(fd);
    struct traffic t = { .frame_len = sizeof request - 1, .answer_len = len };
    compare(b, "handshakes, with the newcomer's lists", run_handshakes, &server, &t,
            FLOOR_HANDSHAKE, 0);
    stop_target(&server);
}

/* --- memory and start --- */

static void idle_case(struct bench *b, int n)
{
    char name[64];
    struct load l;
    snprintf(name, sizeof name, "%d idle connections", n);
    struct rlimit limit;
    if (!is_wanted(b, name))
        return;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)n + 100) {
        printf("%-44s left out: only %llu file descriptors are allowed\n", name,
               (unsigned long long)limit.rlim_cur);
        return;
    }
    struct target server = fresh_server(b, "idle");
    struct load warm;
    load_open(&warm, &server, 10);
    int64_t before = resident(server.pid);
    load_open(&l, &server, n);
    row(b, name, "bytes per connection", (double)(resident(server.pid) - before) / n);
    row(b, name, "resident MiB before", (double)before / 1048576);
    int64_t cpu = cpu_ns(server.pid);
    usleep(2000000);
    row(b, name, "CPU ms in 2 s of silence", (double)(cpu_ns(server.pid) - cpu) / 1e6);
    load_close(&l);
    load_close(&warm);
    stop_target(&server);
}

static void fill_board(const char *path, int n)
{
    struct db *db;
    struct stroke_store ss;
    char why[DB_WHY_MAX], body[160];
    int64_t id;

    if (db_open(path, &db, why) || stroke_store_open(&ss, db) || db_begin(db))
        die("filling the board");
    for (int i = 0; i < n; i++) {
        int len = snprintf(body, sizeof body,
                           "{\"startX\":%d.25,\"startY\":%d.5,\"endX\":%d.75,\"endY\":%d,"
                           "\"color\":\"#1d4ed8\",\"width\":5}",
                           i % 720, i % 400, (i + 5) % 720, (i + 3) % 400);
        if (stroke_store_insert(&ss, (struct bytes){ body, (size_t)len }, 0, i, &id))
            die("filling the board");
    }
    if (db_commit(db, false))
        die("filling the board");
    stroke_store_close(&ss);
    db_close(db);
}

/* Reads `len` bytes; the time of the first one in *first. */
static void drain(int fd, size_t len, int64_t *first)
{
    static char in[1 << 20];
    *first = 0;
    while (len) {
        ssize_t n = recv(fd, in, sizeof in, 0);
        if (n <= 0)
            die("join");
        if (!*first)
            *first = now_ns();
        len -= (size_t)n < len ? (size_t)n : len;
    }
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
    int fd = connect_to(server.port, 0);
    char *text;
    websocket_open(fd);
    size_t len = read_frame(fd, &text) + 10;
    free(text);
    close(fd);
    struct target floor = start_floor((struct floor_job){ FLOOR_STREAM, 1, len });
    double ratio[REPETITIONS], first_ms[REPETITIONS], whole_ms[REPETITIONS];
    for (int i = 0; i < REPETITIONS; i++) {
        int64_t first, cpu = cpu_ns(server.pid), floor_cpu = cpu_ns(floor.pid);
        fd = connect_to(server.port, 0);
        websocket_open(fd);
        int64_t begin = now_ns();
        drain(fd, len, &first);
        first_ms[i] = (double)(first - begin) / 1e6;
        whole_ms[i] = (double)(now_ns() - begin) / 1e6;
        close(fd);
        usleep(20000);
        double used = (double)(cpu_ns(server.pid) - cpu);
        fd = connect_to(floor.port, 0);
        drain(fd, len, &first);
        close(fd);
        usleep(20000);
        ratio[i] = used / (double)(cpu_ns(floor.pid) - floor_cpu);
    }
    row(b, name, "MB", (double)len / 1e6);
    row(b, name, "CPU, multiple of the floor", median(ratio, REPETITIONS));
    row(b, name, "first byte ms", median(first_ms, REPETITIONS));
    row(b, name, "last byte ms", median(whole_ms, REPETITIONS));
    row(b, name, "resident MiB", (double)resident(server.pid) / 1048576);
    stop_target(&floor);
    stop_target(&server);
}

/* --- latency of an echo on a quiet connection beside something heavy --- */

struct latency {
    double p50_ms, p99_ms, max_ms;
};

/* Pings every millisecond until the child `beside` has ended (or, without one, for a second). */
static struct latency ping(uint16_t port, pid_t beside)
{
    static double ms[100000];
    static const char request[] = "{\"messageType\":\"echo_client\",\"text\":\"ping\"}";
    char frame[128];
    size_t len = client_frame(frame, request, sizeof request - 1);
    int n = 0, fd = connect_to(port, 0);
    int64_t end = now_ns() + 1000000000;

    websocket_open(fd);
    read_greeting(fd);
    for (;;) {
        char *text;
        int64_t begin = now_ns();
        send_all(fd, frame, len);
        do {
            read_frame(fd, &text);
            bool is_echo = strstr(text, "echo_server") != NULL;
            free(text);
            if (is_echo)
                break;
        } while (true);
        if (n < 100000)
            ms[n++] = (double)(now_ns() - begin) / 1e6;
        if (beside ? waitpid(beside, NULL, WNOHANG) == beside : now_ns() > end)
            break;
        usleep(1000);
    }
    close(fd);
    struct latency l = { median(ms, n), ms[n * 99 / 100], ms[n - 1] };
    return l;
}

static void latency_rows(struct bench *b, const char *name, struct latency l)
{
    row(b, name, "echo p50 ms", l.p50_ms);
    row(b, name, "echo p99 ms", l.p99_ms);
    row(b, name, "echo max ms", l.max_ms);
}

/* 100 logins at once, each on its own connection; exits with 0 when every one was answered. */
static void login_flood(uint16_t port, int answered_fd)
{
    static const char body[] = "username=nobody&password=not-the-password";
    char request[256];
    int fd[100], answered = 0, len = snprintf(request, sizeof request,
                                              "POST /login HTTP/1.1\r\nHost: localhost\r\n"
                                              "Content-Type: application/x-www-form-urlencoded\r\n"
                                              "Content-Length: %zu\r\n\r\n%s",
                                              sizeof body - 1, body);
    for (int i = 0; i < 100; i++) {
        fd[i] = connect_to(port, 0);
        send_all(fd[i], request, (size_t)len);
    }
    for (int i = 0; i < 100; i++) {
        char in[2048];
        ssize_t n = recv(fd[i], in, sizeof in - 1, 0);
        if (n > 12 && (memcmp(in + 9, "400", 3) == 0 || memcmp(in + 9, "503", 3) == 0))
            answered++;
    }
    if (write(answered_fd, &answered, sizeof answered) != sizeof answered)
        _exit(1);
    _exit(0);
}

static void login_case(struct bench *b)
{
    const char *name = "100 logins at once";
    int pipes[2], answered = 0;
    if (!is_wanted(b, name))
        return;
    struct target server = fresh_server(b, "login");
    latency_rows(b, "beside nothing", ping(server.port, 0));
    if (pipe(pipes) != 0)
        die("pipe");
    int64_t begin = now_ns();
    pid_t child = fork();
    if (child == 0)
        login_flood(server.port, pipes[1]);
    latency_rows(b, name, ping(server.port, child));
    if (read(pipes[0], &answered, sizeof answered) != sizeof answered)
        die("the flood failed");
    row(b, name, "answered", answered);
    row(b, name, "seconds", (double)(now_ns() - begin) / 1e9);
    close(pipes[0]);
    close(pipes[1]);
    stop_target(&server);
}

static void join_latency_case(struct bench *b, int strokes)
{
    char name[64], db[160];
    snprintf(name, sizeof name, "beside joins of %d strokes", strokes);
    if (!is_wanted(b, name))
        return;
    snprintf(db, sizeof db, "%s/beside%d.db", b->dir, strokes);
    fill_board(db, strokes);
    struct target server = start_server(b->server, b->static_dir, db);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 10; i++) {
            int fd = connect_to(server.port, 0);
            char *text;
            websocket_open(fd);
            read_frame(fd, &text);
            free(text);
            close(fd);
        }
        _exit(0);
    }
    latency_rows(b, name, ping(server.port, child));
    stop_target(&server);
}

/* --- main --- */

static void raise_limit(void)
{
    struct rlimit l;
    getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
}

static void remove_dir(const char *dir)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    if (system(command) != 0)
        fprintf(stderr, "bench: cannot remove %s\n", dir);
}

int main(int argc, char **argv)
{
    struct bench b = { 0 };
    static const char *wanted[64];
    const char *json = NULL;

    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
            json = argv[++i];
        else if (strcmp(argv[i], "--full") == 0)
            b.is_full = true;
        else if (!b.server)
            b.server = argv[i];
        else if (!b.static_dir)
            b.static_dir = argv[i];
        else if (b.n_wanted < 64)
            wanted[b.n_wanted++] = argv[i];
    if (!b.static_dir) {
        fprintf(stderr, "usage: bench SERVER STATIC [--json FILE] [--full] [case ...]\n");
        return 2;
    }
    b.wanted = wanted;
    strcpy(b.dir, "/tmp/parlor-bench-XXXXXX");
    if (!mkdtemp(b.dir))
        die("mkdtemp");
    if (json && !(b.json = fopen(json, "w")))
        die(json);
    if (b.json)
        fputs("[", b.json);
    raise_limit();
    pin(1);
    echo_cases(&b);
    broadcast_cases(&b);
    handshake_case(&b);
    idle_case(&b, 10000);
    if (b.is_full)
        idle_case(&b, 50000);
    join_case(&b, 10000);
    join_case(&b, 100000);
    if (b.is_full)
        join_case(&b, 1000000);
    login_case(&b);
    join_latency_case(&b, b.is_full ? 1000000 : 100000);
    if (b.json) {
        fputs("\n]\n", b.json);
        fclose(b.json);
    }
    remove_dir(b.dir);
    return 0;
}
