/* What one quiet connection feels while something heavy goes on beside it.
 *
 * The heavy side is a child that runs only when the quiet one has nothing to do, so that what is
 * measured is the server and not the load's own processor. A ping leaves every millisecond whether
 * or not the ones before it have been answered: else the worst moments would be asked least.
 */
#include "bench.h"
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PING_NS    1000000
#define MOST_PINGS 100000
#define IN_SIZE    (1u << 20)

struct latency {
    double p50_ms, p99_ms, max_ms;
};

static bool has_ended(pid_t beside, int64_t end)
{
    int status;
    if (!beside)
        return now_ns() > end;
    if (waitpid(beside, &status, WNOHANG) != beside)
        return false;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die("the heavy side has failed");
    return true;
}

struct pings {
    int fd;
    int sent, answered;
    int64_t sent_at[MOST_PINGS];
    double ms[MOST_PINGS];
    size_t have;
    char in[IN_SIZE];
};

/* The bytes of the frame at the front of `in`; 0: not all there. */
static size_t frame_bytes(const char *in, size_t have)
{
    uint64_t len = have < 2 ? 0 : (uint64_t)(in[1] & 0x7f);
    size_t more = len == 126 ? 2 : len == 127 ? 8 : 0;

    if (have < 2 + more)
        return 0;
    if (more)
        len = 0;
    for (size_t i = 0; i < more; i++)
        len = len << 8 | (unsigned char)in[2 + i];
    if (2 + more + len > IN_SIZE)
        die("a frame that is too long for the quiet connection");
    return have < 2 + more + len ? 0 : 2 + more + (size_t)len;
}

/* Answers come in the order of the pings; broadcasts come in between. */
static void take_answers(struct pings *p)
{
    size_t used = 0, len;
    ssize_t n = recv(p->fd, p->in + p->have, IN_SIZE - p->have, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        die("the quiet connection");
    int64_t now = now_ns();
    p->have += n > 0 ? (size_t)n : 0;
    while ((len = frame_bytes(p->in + used, p->have - used)) > 0) {
        if (memmem(p->in + used, len, "echo_server", 11)) {
            p->ms[p->answered] = (double)(now - p->sent_at[p->answered]) / 1e6;
            p->answered++;
        }
        used += len;
    }
    p->have -= used;
    memmove(p->in, p->in + used, p->have);
}

static void wait_until(int fd, int64_t due)
{
    struct pollfd p = { fd, POLLIN, 0 };
    int64_t left = due - now_ns();
    struct timespec t = { left / 1000000000, left % 1000000000 };
    if (left > 0)
        ppoll(&p, 1, &t, NULL);
}

/* Until the child `beside` has ended (or, without one, for a second). */
static struct latency ping(const struct target *t, pid_t beside)
{
    static const char request[] = "{\"messageType\":\"echo_client\",\"text\":\"ping\"}";
    static struct pings p;
    char frame[128];
    size_t len = client_frame(frame, request, sizeof request - 1);

    p.sent = p.answered = 0;
    p.have = 0;
    p.fd = open_one(t, 0);
    int64_t due = now_ns(), end = due + 1000000000;
    for (bool is_over = false; !is_over || p.answered < p.sent;) {
        is_over = is_over || has_ended(beside, end) || p.sent == MOST_PINGS;
        if (!is_over && now_ns() >= due) {
            p.sent_at[p.sent++] = now_ns();
            send_all(p.fd, frame, len);
            due = now_ns() + PING_NS;
        }
        take_answers(&p);
        wait_until(p.fd, is_over ? now_ns() + PING_NS : due);
    }
    close(p.fd);
    if (p.answered == 0)
        die("no ping beside it");
    int n = p.answered;
    struct latency l = { median(p.ms, n), p.ms[n * 99 / 100], p.ms[n - 1] };
    return l;
}

typedef void heavy_fn(const struct target *t, void *arg);

/* Pings alone, then beside `heavy`, which runs in a child. */
static void beside(struct bench *b, const char *name, const struct target *t, heavy_fn *heavy,
                   void *arg)
{
    struct latency alone = ping(t, 0);
    int64_t begin = now_ns();

    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child == 0) {
        struct sched_param p = { 0 };
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sched_setscheduler(0, SCHED_IDLE, &p);
        heavy(t, arg);
        _exit(0);
    }
    struct latency l = ping(t, child);
    row(b, name, "seconds", (double)(now_ns() - begin) / 1e9);
    row(b, name, "alone: p50 ms", alone.p50_ms);
    row(b, name, "alone: p99 ms", alone.p99_ms);
    row(b, name, "p50 ms", l.p50_ms);
    row(b, name, "p99 ms", l.p99_ms);
    row(b, name, "max ms", l.max_ms);
}

/* --- what is heavy --- */

static void logins(const struct target *t, void *arg)
{
    static const char body[] = "username=nobody&password=not-the-password";
    char request[256], in[2048];
    int fd[100], len = snprintf(request, sizeof request,
                                "POST /login HTTP/1.1\r\nHost: localhost\r\n"
                                "Content-Type: application/x-www-form-urlencoded\r\n"
                                "Content-Length: %zu\r\n\r\n%s",
                                sizeof body - 1, body);
    (void)arg;
    for (int i = 0; i < 100; i++) {
        fd[i] = connect_to(t->port, 0);
        send_all(fd[i], request, (size_t)len);
    }
    for (int i = 0; i < 100; i++) {
        ssize_t n = recv(fd[i], in, sizeof in, 0);
        if (n < 12 || (memcmp(in + 9, "400", 3) != 0 && memcmp(in + 9, "503", 3) != 0))
            die("a login without an answer");
    }
}

#define TIMES 10

static void joins(const struct target *t, void *least)
{
    int64_t first;
    for (int i = 0; i < TIMES; i++) {
        int fd = connect_to(t->port, 0);
        websocket_open(fd);
        drain_message(fd, *(size_t *)least, &first);
        close(fd);
    }
}

static void conversations(const struct target *t, void *least)
{
    int64_t first;
    for (int i = 0; i < TIMES; i++) {
        int fd = open_one(t, 0);
        send_text(fd, "{\"messageType\":\"select_user\",\"targetUser\":\"u0001\"}");
        drain_message(fd, *(size_t *)least, &first);
        close(fd);
    }
}

struct crowd {
    struct load load;
    struct traffic traffic;
};

static void broadcasts(const struct target *t, void *arg)
{
    struct crowd *c = arg;
    run_broadcast(t, &c->load, &c->traffic);
}

/* --- cases --- */

static void beside_logins(struct bench *b)
{
    const char *name = "echo beside 100 logins at once";
    if (!is_wanted(b, name))
        return;
    struct target server = fresh_server(b, "login");
    beside(b, name, &server, logins, NULL);
    stop_target(&server);
}

static void beside_joins(struct bench *b, int strokes)
{
    char name[64], db[160];
    size_t least = (size_t)strokes * 40;
    snprintf(name, sizeof name, "echo beside %d joins of %d strokes", TIMES, strokes);
    if (!is_wanted(b, name))
        return;
    snprintf(db, sizeof db, "%s/beside%d.db", b->dir, strokes);
    fill_board(db, strokes);
    struct target server = start_server(b->server, b->static_dir, db);
    beside(b, name, &server, joins, &least);
    stop_target(&server);
}

static void beside_conversations(struct bench *b, int messages)
{
    char name[64], db[160];
    size_t least = (size_t)messages * 40;
    snprintf(name, sizeof name, "echo beside %d openings of %d messages", TIMES, messages);
    if (!is_wanted(b, name))
        return;
    snprintf(db, sizeof db, "%s/beside-messages.db", b->dir);
    fill_conversation(db, messages);
    struct target server = start_server(b->server, b->static_dir, db);
    server.has_members = true;
    beside(b, name, &server, conversations, &least);
    stop_target(&server);
}

static void beside_broadcasts(struct bench *b, int n)
{
    char name[64];
    struct crowd c;
    snprintf(name, sizeof name, "echo beside broadcasts to %d", n);
    if (!is_wanted(b, name))
        return;
    struct target server = fresh_server(b, "crowd");
    c.traffic = traffic_of(bench_drawing, 1);
    c.traffic.answer_len = check_answer(&server, &c.traffic, bench_drawing);
    c.traffic.run_ns = 2 * b->run_ns;
    load_open(&c.load, &server, n);
    load_settle(&c.load);
    beside(b, name, &server, broadcasts, &c);
    load_close(&c.load);
    free(c.traffic.out);
    stop_target(&server);
}

void latency_cases(struct bench *b)
{
    beside_logins(b);
    beside_joins(b, b->is_full ? 1000000 : 100000);
    beside_conversations(b, 100000);
    beside_broadcasts(b, 5000);
}
