#include "bench.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

struct target start_server(const char *path, const char *static_dir, const char *db)
{
    int out[2];
    struct target t = { 0 };

    if (pipe(out) != 0)
        die("pipe");
    t.pid = fork();
    if (t.pid < 0)
        die("fork");
    if (t.pid == 0) {
        pin(0);
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        execl(path, path, "--port", "0", "--db", db, "--static", static_dir, "--auth-rate", "0",
              "--log-level", "error", (char *)NULL);
        die(path);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    unsigned port = 0;
    if (!f || fscanf(f, "listening on http://127.0.0.1:%u", &port) != 1)
        die("the server did not start");
    fclose(f);
    t.port = (uint16_t)port;
    return t;
}

void stop_target(struct target *t)
{
    kill(t->pid, t->is_floor ? SIGKILL : SIGTERM);
    while (waitpid(t->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

int64_t cpu_ns(pid_t pid)
{
    char path[64];
    long long ns = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f || fscanf(f, "%lld", &ns) != 1)
        die(path);
    fclose(f);
    return ns;
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
