#include "bench.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void push(struct load *l, struct load_conn *c, const struct traffic *t)
{
    size_t all = t->frame_len * (size_t)t->in_flight;
    const char *out = c->out ? c->out : t->out;
    bool is_stuck = false;
    while (c->to_send && !is_stuck) {
        size_t part = all - c->sent_off < c->to_send ? all - c->sent_off : c->to_send;
        ssize_t n = send(c->fd, out + c->sent_off, part, MSG_NOSIGNAL);
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

struct figure figure_of(const struct target *t, int64_t begin, int64_t cpu, uint64_t done)
{
    double ns = (double)(now_ns() - begin);
    return (struct figure){ (double)(cpu_ns(t->pid) - cpu) / 1000 / (double)done,
                            (double)done / ns * 1e9 };
}

struct figure run_echo(const struct target *target, struct load *l, const struct traffic *t)
{
    int64_t begin = now_ns(), cpu = cpu_ns(target->pid), end = begin + t->run_ns;
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
            ssize_t r = ev[i].events & EPOLLIN ? recv(c->fd, l->scratch, SCRATCH, 0) : 0;
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
    return figure_of(target, begin, cpu, answers);
}

size_t check_answer(const struct target *t, const struct traffic *traffic, const char *expected)
{
    int fd = open_one(t, 0);
    char *text;
    send_all(fd, traffic->out, traffic->frame_len);
    size_t n = read_frame(fd, &text);
    if (n != strlen(expected) || memcmp(text, expected, n) != 0)
        die("a wrong answer");
    free(text);
    close(fd);
    return n + (n < 126 ? 2 : n < 65536 ? 4 : 10);
}

struct traffic traffic_of(const char *request, int in_flight)
{
    size_t len = strlen(request);
    struct traffic t = { .out = malloc((len + 14) * (size_t)in_flight), .in_flight = in_flight };
    if (!t.out)
        die("malloc");
    for (int i = 0; i < in_flight; i++)
        t.frame_len = client_frame(t.out + t.frame_len * (size_t)i, request, len);
    return t;
}

struct traffic traffic_raw(const char *bytes, size_t len, int in_flight)
{
    struct traffic t = { malloc(len * (size_t)in_flight), len, 0, in_flight, 0 };
    if (!t.out)
        die("malloc");
    for (int i = 0; i < in_flight; i++)
        memcpy(t.out + len * (size_t)i, bytes, len);
    return t;
}
