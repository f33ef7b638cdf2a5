#include "bench.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void pin(unsigned cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set); /* with one processor only, both share it */
}

struct target start_listening(char *const argv[], enum target_kind kind)
{
    int out[2];
    struct target t = { .kind = kind };

    if (pipe(out) != 0)
        die("pipe");
    t.pid = fork();
    if (t.pid < 0)
        die("fork");
    if (t.pid == 0) {
        prctl(PR_SET_PDEATHSIG, kind == TARGET_PEER ? SIGKILL : SIGTERM);
        pin(0);
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        execvp(argv[0], argv);
        fprintf(stderr, "bench: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    unsigned port = 0;
    if (!f || fscanf(f, "listening on http://127.0.0.1:%u", &port) != 1)
        die("a server did not start");
    fclose(f);
    t.port = (uint16_t)port;
    return t;
}

struct target start_server(const char *path, const char *static_dir, const char *db)
{
    const char *const argv[] = { path,       "--port",      "0", "--db",        db,      "--static",
                                 static_dir, "--auth-rate", "0", "--log-level", "error", NULL };
    return start_listening((char *const *)argv, TARGET_SERVER);
}

struct target fresh_server(struct bench *b, const char *name)
{
    static const char *const endings[] = { "", "-wal", "-shm" };
    char db[128], file[160];

    snprintf(db, sizeof db, "%s/%s.db", b->dir, name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(file, sizeof file, "%s%s", db, endings[i]);
        unlink(file);
    }
    return start_server(b->server, b->static_dir, db);
}

void stop_target(struct target *t)
{
    pid_t pid = t->parent ? t->parent : t->pid;
    bool has_nothing_to_keep = t->kind == TARGET_FLOOR || t->kind == TARGET_PEER;
    kill(pid, has_nothing_to_keep ? SIGKILL : SIGTERM);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

int64_t cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        die("the processor time of another process");
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t resident(pid_t pid)
{
    char path[64];
    long long total, pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f || fscanf(f, "%lld %lld", &total, &pages) != 2)
        die(path);
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

pid_t child_of(pid_t pid)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%d", &child) != 1)
        child = 0;
    if (f)
        fclose(f);
    return child;
}

bool has_program(const char *name)
{
    const char *path = getenv("PATH");
    char file[4096];

    while (path && *path) {
        int len = (int)strcspn(path, ":");
        snprintf(file, sizeof file, "%.*s/%s", len, path, name);
        if (access(file, X_OK) == 0)
            return true;
        path += len + (path[len] == ':');
    }
    return false;
}
