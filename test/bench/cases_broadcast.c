/* One sends, everybody receives. Ours stores every drawing; the others do not. */
#include "bench.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

const char bench_drawing[] = "{\"messageType\":\"drawing\",\"startX\":123.5,\"startY\":45.25,"
                             "\"endX\":130.75,\"endY\":47,\"color\":\"#1d4ed8\",\"width\":5}";

struct figure run_broadcast(const struct target *target, struct load *l, const struct traffic *t)
{
    int64_t begin = now_ns(), cpu = cpu_ns(target->pid), end = begin + t->run_ns;
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
                ssize_t r = recv(c->fd, l->scratch, SCRATCH, 0);
                if (r < 0 && errno != EAGAIN)
                    die("recv");
                got += r > 0 ? (size_t)r : 0;
            }
        }
        deliveries += (uint64_t)t->in_flight * (uint64_t)l->n;
    }
    return figure_of(target, begin, cpu, deliveries);
}

static void broadcast_case(struct bench *b, const char *name, int n, int in_flight, bool has_peers)
{
    struct contest c = {
        .bench = b,
        .name = name,
        .unit = "delivery",
        .units = "deliveries",
        .run = run_broadcast,
        .n_conns = n,
    };
    struct target server = fresh_server(b, "broadcast");
    struct traffic t = traffic_of(bench_drawing, in_flight);

    t.answer_len = check_answer(&server, &t, bench_drawing);
    contest_add(&c, NULL, server, &t);
    if (has_peers)
        contest_add_peers(&c, bench_drawing, in_flight, bench_drawing);
    contest_run(&c, FLOOR_BROADCAST);
    stop_target(&server);
}

void broadcast_cases(struct bench *b)
{
    static const struct {
        const char *name;
        int n, in_flight;
        bool has_peers;
    } cases[] = {
        { "broadcast to 100, 16 in flight, stored", 100, 16, true },
        { "broadcast to 1000, 16 in flight, stored", 1000, 16, true },
        { "broadcast to 1000, 1 in flight, stored", 1000, 1, true },
        { "broadcast to 5000, 1 in flight, stored", 5000, 1, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (is_wanted(b, cases[i].name))
            broadcast_case(b, cases[i].name, cases[i].n, cases[i].in_flight, cases[i].has_peers);
}
