#include "bench.h"
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char request[] = "GET /websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

static struct figure run_handshakes(const struct target *target, struct load *l,
                                    const struct traffic *t)
{
    int64_t begin = now_ns(), cpu = cpu_ns(target->pid), end = begin + t->run_ns;
    struct linger hard = { 1, 0 }; /* no ports left waiting */
    uint64_t done = 0;
    (void)l;

    while (now_ns() < end) {
        int fd[32];
        for (int i = 0; i < 32; i++) {
            fd[i] = connect_to(target->port, 0);
            send_all(fd[i], t->out, t->frame_len);
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
    return figure_of(target, begin, cpu, done);
}

/* Bytes that a newcomer gets: until nothing comes for a while. */
static size_t length_of_answer(uint16_t port)
{
    char in[4096];
    size_t len = 0;
    int fd = connect_to(port, 0);
    struct pollfd p = { fd, POLLIN, 0 };

    send_all(fd, request, sizeof request - 1);
    while (poll(&p, 1, 300) > 0) {
        ssize_t n = recv(fd, in, sizeof in, 0);
        if (n <= 0)
            die("handshake");
        len += (size_t)n;
    }
    close(fd);
    return len;
}

void handshake_case(struct bench *b)
{
    struct contest c = {
        .bench = b,
        .name = "handshakes, with the newcomer's lists",
        .unit = "handshake",
        .units = "handshakes",
        .run = run_handshakes,
    };
    if (!is_wanted(b, c.name))
        return;
    struct target server = fresh_server(b, "handshakes");
    struct traffic t = traffic_raw(request, sizeof request - 1, 1);
    t.answer_len = length_of_answer(server.port);
    contest_add(&c, NULL, server, &t);
    contest_run(&c, FLOOR_HANDSHAKE);
    stop_target(&server);
}
