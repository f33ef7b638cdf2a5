/* What costs while nothing happens: connections that are silent, and the server before the first of
 * them. */
#include "bench.h"
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* `who`: "" for ours, else a name and a colon. */
static void idle(struct bench *b, const char *name, const char *who, const struct target *t, int n)
{
    struct load warm, l;
    char what[96];

    load_open(&warm, t, 10);
    int64_t before = resident(t->pid);
    load_open(&l, t, n);
    snprintf(what, sizeof what, "%sbytes per connection", who);
    row(b, name, what, (double)(resident(t->pid) - before) / n);
    snprintf(what, sizeof what, "%sresident MiB before", who);
    row(b, name, what, (double)before / 1048576);
    int64_t cpu = cpu_ns(t->pid);
    usleep(2000000);
    snprintf(what, sizeof what, "%sCPU ms in 2 s of silence", who);
    row(b, name, what, (double)(cpu_ns(t->pid) - cpu) / 1e6);
    load_close(&l);
    load_close(&warm);
}

static void idle_peers(struct bench *b, const char *name, int n)
{
    for (int i = 0; i < N_PEERS; i++) {
        const char *who;
        char prefix[64];
        struct target t;
        if (!start_peer(i, NULL, &who, &t))
            continue;
        snprintf(prefix, sizeof prefix, "%s: ", who);
        idle(b, name, prefix, &t, n);
        stop_target(&t);
    }
}

static void idle_case(struct bench *b, int n, bool has_peers)
{
    char name[64], why[96];
    struct rlimit limit;
    snprintf(name, sizeof name, "%d idle connections", n);
    if (!is_wanted(b, name))
        return;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)n + 100) {
        snprintf(why, sizeof why, "only %llu file descriptors are allowed",
                 (unsigned long long)limit.rlim_cur);
        left_out(name, why);
        return;
    }
    struct target server = fresh_server(b, "idle");
    idle(b, name, "", &server, n);
    stop_target(&server);
    if (has_peers)
        idle_peers(b, name, n);
}

void idle_cases(struct bench *b)
{
    idle_case(b, 10000, true);
    if (b->is_full)
        idle_case(b, 50000, false);
}

/* --- size --- */

static void binary_rows(struct bench *b, const char *name)
{
    char command[4096], stripped[128];
    struct stat st;

    if (stat(b->server, &st) != 0)
        die(b->server);
    row(b, name, "binary kB", (double)st.st_size / 1000);
    if (!has_program("strip")) {
        left_out(name, "the stripped binary (no strip)");
        return;
    }
    snprintf(stripped, sizeof stripped, "%s/stripped", b->dir);
    snprintf(command, sizeof command, "strip -o '%s' '%s'", stripped, b->server);
    if (system(command) != 0 || stat(stripped, &st) != 0)
        die("strip");
    row(b, name, "stripped binary kB", (double)st.st_size / 1000);
}

/* From fork to the line that says that it listens. */
static double start_ms(struct bench *b, const char *db)
{
    int64_t begin = now_ns();
    struct target t = start_server(b->server, b->static_dir, db);
    double ms = (double)(now_ns() - begin) / 1e6;
    stop_target(&t);
    return ms;
}

void size_case(struct bench *b)
{
    const char *name = "size";
    double ms[REPETITIONS];
    char db[128];

    if (!is_wanted(b, name))
        return;
    binary_rows(b, name);
    struct target server = fresh_server(b, "size");
    usleep(500000);
    pid_t hasher = child_of(server.pid);
    row(b, name, "resident MiB at rest", (double)resident(server.pid) / 1048576);
    if (hasher)
        row(b, name, "resident MiB of the password process", (double)resident(hasher) / 1048576);
    stop_target(&server);
    for (int i = 0; i < REPETITIONS; i++) {
        snprintf(db, sizeof db, "%s/start%d.db", b->dir, i);
        ms[i] = start_ms(b, db);
    }
    row(b, name, "start-up ms, no database yet", median(ms, REPETITIONS));
    for (int i = 0; i < REPETITIONS; i++)
        ms[i] = start_ms(b, db);
    row(b, name, "start-up ms, empty database", median(ms, REPETITIONS));
}
