/* The least that any server can do for the same bytes: wait, receive, send. What a real one costs
 * is told as a multiple of this. */
#include "bench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS         65536
#define STREAM_PART (1u << 20) /* the size of the writes that cost least */

struct floor_loop {
    struct floor_job job;
    int epoll_fd, listen_fd;
    int fds[FDS], n;          /* open connections */
    size_t in[FDS], out[FDS]; /* by descriptor: bytes of a message so far; bytes still to send */
    char *scratch, *answer;   /* a long answer lies there whole, as it does in any server */
    size_t part;              /* most bytes in a write */
    bool is_watching_out[FDS];
};

static void watch(struct floor_loop *f, int fd, bool out)
{
    if (f->is_watching_out[fd] == out)
        return;
    struct epoll_event ev = { .events = out ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.fd = fd };
    epoll_ctl(f->epoll_fd, EPOLL_CTL_MOD, fd, &ev);
    f->is_watching_out[fd] = out;
}

static void flush(struct floor_loop *f, int fd)
{
    while (f->out[fd]) {
        size_t part = f->out[fd] < f->part ? f->out[fd] : f->part;
        const char *from =
            f->job.kind == FLOOR_STREAM ? f->answer + f->job.out_len - f->out[fd] : f->answer;
        ssize_t n = send(fd, from, part, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        f->out[fd] -= (size_t)n;
    }
    watch(f, fd, f->out[fd] > 0);
}

static void accept_all(struct floor_loop *f)
{
    int fd, on = 1;
    while ((fd = accept4(f->listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
        f->in[fd] = f->out[fd] = 0;
        f->is_watching_out[fd] = false;
        f->fds[f->n++] = fd;
        if (f->job.kind == FLOOR_STREAM) {
            f->out[fd] = f->job.out_len;
            flush(f, fd);
        }
    }
}

static void drop(struct floor_loop *f, int fd)
{
    for (int i = 0; i < f->n; i++)
        if (f->fds[i] == fd) {
            f->fds[i] = f->fds[--f->n];
            break;
        }
    close(fd);
}

/* Returns how many whole messages have come. */
static size_t receive(struct floor_loop *f, int fd)
{
    ssize_t n = recv(fd, f->scratch, SCRATCH, 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            drop(f, fd);
        return 0;
    }
    if (f->job.kind == FLOOR_HANDSHAKE)
        return memmem(f->scratch, (size_t)n, "\r\n\r\n", 4) != NULL;
    f->in[fd] += (size_t)n;
    size_t whole = f->in[fd] / f->job.in_len;
    f->in[fd] %= f->job.in_len;
    return whole;
}

static void turn(struct floor_loop *f)
{
    struct epoll_event ev[512];
    size_t to_all = 0;
    int n = epoll_wait(f->epoll_fd, ev, 512, -1);

    for (int i = 0; i < n; i++) {
        int fd = ev[i].data.fd;
        if (fd == f->listen_fd) {
            accept_all(f);
            continue;
        }
        size_t whole = ev[i].events & EPOLLIN ? receive(f, fd) : 0;
        if (f->job.kind == FLOOR_BROADCAST)
            to_all += whole;
        else if (f->job.kind != FLOOR_STREAM)
            f->out[fd] += whole * f->job.out_len;
        if (f->out[fd])
            flush(f, fd);
    }
    for (int i = 0; to_all && i < f->n; i++) {
        f->out[f->fds[i]] += to_all * f->job.out_len;
        flush(f, f->fds[i]);
    }
}

static void run(struct floor_job job, int listen_fd)
{
    struct floor_loop *f = calloc(1, sizeof *f);
    struct epoll_event ev = { .events = EPOLLIN, .data.fd = listen_fd };

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(0);
    f->job = job;
    f->listen_fd = listen_fd;
    f->epoll_fd = epoll_create1(0);
    f->scratch = malloc(SCRATCH);
    f->part = job.kind == FLOOR_STREAM ? STREAM_PART
              : job.out_len > SCRATCH  ? SCRATCH
                                       : job.out_len * (1 + SCRATCH / job.out_len / 4);
    size_t answer_len = job.kind == FLOOR_STREAM ? job.out_len : f->part;
    f->answer = malloc(answer_len);
    memset(f->answer, 'x', answer_len);
    epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, listen_fd, &ev);
    for (;;)
        turn(f);
}

struct target start_floor(struct floor_job job)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    struct target t = { .kind = TARGET_FLOOR };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        die("floor");
    t.port = ntohs(a.sin_port);
    t.pid = fork();
    if (t.pid < 0)
        die("fork");
    if (t.pid == 0)
        run(job, fd);
    close(fd);
    return t;
}
