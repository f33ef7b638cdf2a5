/* Messages are whole structs over SOCK_SEQPACKET: never cut, never merged, and both ends are this
 * binary.
 *
 * The child closes every descriptor but its socket, so it holds neither clients nor database, dies
 * with its parent, and ends when the socket does. It ignores SIGINT and SIGTERM: a Ctrl-C goes to
 * the whole foreground group, and the parent decides when the work is over.
 */
#include "net/hash_worker.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/list.h"
#include "base/log.h"
#include "base/sandbox.h"

_Static_assert(HASH_TEXT_MAX >= crypto_pwhash_STRBYTES, "an Argon2id string fits");

enum job_kind { JOB_HASH, JOB_VERIFY, JOB_DUMMY };

struct job {
    uint64_t ticket;
    uint8_t kind, password_len;
    char password[HASH_PASSWORD_MAX];
    char text[HASH_TEXT_MAX];
};

struct answer {
    uint64_t ticket;
    uint8_t outcome;
    char text[HASH_TEXT_MAX];
};

struct hash_worker {
    struct source source;
    struct reactor *reactor;
    hash_done_fn *done;
    void *self;
    pid_t pid;
    bool is_working, is_confined;
    struct job
        queue[HASH_QUEUE_MAX + 1]; /* ring; the first one is with the child while is_working */
    uint32_t first, n;
};

/* --- the child --- */

static void work(const struct job *j, const char *dummy, struct answer *a)
{
    a->ticket = j->ticket;
    a->outcome = HASH_NO_MATCH;
    a->text[0] = 0;
    if (j->kind == JOB_HASH) {
        int failed = crypto_pwhash_str_alg(
            a->text, j->password, j->password_len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
            crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13);
        a->outcome = failed ? HASH_FAILED : HASH_OK;
        return;
    }
    const char *text = j->kind == JOB_DUMMY ? dummy : j->text;
    errno = 0;
    if (crypto_pwhash_str_verify(text, j->password, j->password_len) == 0)
        a->outcome = j->kind == JOB_DUMMY ? HASH_NO_MATCH : HASH_OK;
    else if (errno == ENOMEM)
        a->outcome = HASH_FAILED;
}

static void child_setup(int fd, pid_t parent)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigset_t none;

    prctl(PR_SET_NAME, "parlor-hash");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (getppid() != parent)
        _exit(0); /* it died before the line above */
    sigaction(SIGINT, &ignore, NULL);
    sigaction(SIGTERM, &ignore, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (fd > 3)
        close_range(3, (unsigned)fd - 1, 0);
    close_range((unsigned)fd + 1, ~0u, 0);
    if (nice(5) == -1) {
        /* Only a courtesy to the event loop on a machine with one core. */
    }
}

static void child_run(int fd, pid_t parent, bool confined)
{
    struct job j;
    struct answer a;
    char dummy[crypto_pwhash_STRBYTES];

    child_setup(fd, parent);
    if (confined)
        (void)sandbox_calls(
            SANDBOX_COMPUTE); /* where the kernel can; the server has said so of itself */
    /* A real string of the same cost, so that an unknown name cannot be told by the time it takes.
     */
    if (crypto_pwhash_str(dummy, "", 0, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
        _exit(1);
    for (;;) {
        ssize_t n = recv(fd, &j, sizeof j, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof j)
            _exit(n == 0 ? 0 : 1);
        memset(&a, 0, sizeof a);
        work(&j, dummy, &a);
        sodium_memzero(&j, sizeof j);
        if (send(fd, &a, sizeof a, MSG_NOSIGNAL) != (ssize_t)sizeof a)
            _exit(1);
        sodium_memzero(&a, sizeof a);
    }
}

/* --- the parent --- */

static enum err spawn(struct hash_worker *w)
{
    int pair[2];
    pid_t parent = getpid();

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return ERR_SYSTEM;
    pid_t pid = fork();
    if (pid == 0)
        child_run(pair[1], parent, w->is_confined);
    close(pair[1]);
    if (pid < 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0) {
        close(pair[0]);
        return ERR_SYSTEM;
    }
    w->pid = pid;
    w->source.fd = pair[0];
    return OK;
}

static void reap(struct hash_worker *w)
{
    if (w->source.fd >= 0) {
        if (w->reactor)
            reactor_remove(w->reactor, &w->source);
        close(w->source.fd);
        w->source.fd = -1;
    }
    if (w->pid > 0) {
        kill(w->pid, SIGKILL);
        while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        w->pid = 0;
    }
}

static void restart(struct hash_worker *w)
{
    reap(w);
    if (spawn(w) || (w->reactor && reactor_add(w->reactor, &w->source, EPOLLIN))) {
        log_error("cannot start a password process");
        reap(w);
    }
}

static void pop(struct hash_worker *w)
{
    sodium_memzero(&w->queue[w->first], sizeof w->queue[w->first]);
    w->first = (w->first + 1) % (HASH_QUEUE_MAX + 1);
    w->n--;
}

static void send_next(struct hash_worker *w);

/* The first job has its answer (or never will). */
static void finish(struct hash_worker *w, uint64_t ticket, enum hash_outcome outcome,
                   const char *text)
{
    w->is_working = false;
    pop(w);
    w->done(w->self, ticket, outcome, text);
    send_next(w);
}

/* The child is gone: its job failed. The next job starts another, so a child that cannot live is
 * started once per password, not in a loop. */
static void child_lost(struct hash_worker *w)
{
    bool had_job = w->is_working;
    log_warn("the password process has ended");
    reap(w);
    if (had_job)
        finish(w, w->queue[w->first].ticket, HASH_FAILED, "");
}

static void send_next(struct hash_worker *w)
{
    if (w->n == 0 || w->is_working)
        return;
    struct job *j = &w->queue[w->first];
    bool is_sent = false;
    w->is_working = true;
    for (int tries = 0; tries < 2 && !is_sent; tries++) {
        if (w->source.fd < 0)
            restart(w);
        if (w->source.fd < 0)
            break;
        is_sent =
            send(w->source.fd, j, sizeof *j, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof *j;
        if (!is_sent)
            reap(w); /* it had ended, and nobody had noticed: this job starts another */
    }
    if (is_sent)
        sodium_memzero(j->password, sizeof j->password);
    else
        finish(w, j->ticket, HASH_FAILED, "");
}

static void on_ready(struct source *s, uint32_t events)
{
    struct hash_worker *w = container_of(s, struct hash_worker, source);
    struct answer a;
    (void)events;

    ssize_t n = recv(s->fd, &a, sizeof a, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != (ssize_t)sizeof a || !w->is_working || a.ticket != w->queue[w->first].ticket) {
        child_lost(w);
        return;
    }
    a.text[HASH_TEXT_MAX - 1] = 0;
    finish(w, a.ticket, (enum hash_outcome)a.outcome, a.text);
    sodium_memzero(&a, sizeof a);
}

struct hash_worker *hash_worker_new(hash_done_fn *done, void *self, bool confined)
{
    struct hash_worker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->done = done;
    w->self = self;
    w->is_confined = confined;
    w->source = (struct source){ .on_ready = on_ready, .fd = -1 };
    if (spawn(w)) {
        free(w);
        return NULL;
    }
    return w;
}

enum err hash_worker_watch(struct hash_worker *w, struct reactor *r)
{
    w->reactor = r;
    return reactor_add(r, &w->source, EPOLLIN);
}

void hash_worker_free(struct hash_worker *w)
{
    if (!w)
        return;
    reap(w);
    sodium_memzero(w, sizeof *w);
    free(w);
}

static enum err submit(struct hash_worker *w, uint64_t ticket, enum job_kind kind,
                       struct bytes password, const char *text)
{
    if (w->n > HASH_QUEUE_MAX || password.len > HASH_PASSWORD_MAX)
        return ERR_BUSY;
    struct job *j = &w->queue[(w->first + w->n) % (HASH_QUEUE_MAX + 1)];
    j->ticket = ticket;
    j->kind = (uint8_t)kind;
    j->password_len = (uint8_t)password.len;
    memcpy(j->password, password.data, password.len);
    if (text) {
        size_t len = strnlen(text, HASH_TEXT_MAX - 1);
        memcpy(j->text, text, len);
        j->text[len] = 0;
    }
    w->n++;
    send_next(w);
    return OK;
}

enum err hash_worker_hash(struct hash_worker *w, uint64_t ticket, struct bytes password)
{
    return submit(w, ticket, JOB_HASH, password, NULL);
}

enum err hash_worker_verify(struct hash_worker *w, uint64_t ticket, struct bytes password,
                            const char *text)
{
    return submit(w, ticket, text ? JOB_VERIFY : JOB_DUMMY, password, text);
}

uint32_t hash_worker_pending(const struct hash_worker *w)
{
    return w->n;
}
