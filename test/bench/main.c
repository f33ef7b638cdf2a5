/* Runs the cases and prints a table: what the server costs as a multiple of the floor, in the same
 * run.
 *
 *     bench SERVER STATIC [--json FILE] [--full | --quick] [case ...]
 *
 * Figures are medians of interleaved repetitions (server, floor, server, floor ...). Processor time
 * is what a noisy machine leaves alone; throughput stands beside it.
 */
#include "bench.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_NS   700000000
#define QUICK_NS 100000000

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

static void run_cases(struct bench *b)
{
    size_case(b);
    echo_cases(b);
    broadcast_cases(b);
    handshake_case(b);
    static_cases(b);
    idle_cases(b);
    join_cases(b);
    dm_cases(b);
    latency_cases(b);
}

/* False: the command line makes no sense. */
static bool read_arguments(struct bench *b, int argc, char **argv, const char **json)
{
    static const char *wanted[64];

    b->run_ns = RUN_NS;
    b->wanted = wanted;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
            *json = argv[++i];
        else if (strcmp(argv[i], "--full") == 0)
            b->is_full = true;
        else if (strcmp(argv[i], "--quick") == 0)
            b->run_ns = QUICK_NS;
        else if (!b->server)
            b->server = argv[i];
        else if (!b->static_dir)
            b->static_dir = argv[i];
        else if (b->n_wanted < 64)
            wanted[b->n_wanted++] = argv[i];
    return b->static_dir != NULL;
}

static void run(struct bench *b, const char *json)
{
    if (json && !(b->json = fopen(json, "w")))
        die(json);
    if (b->json)
        fputs("[", b->json);
    raise_limit();
    pin(1);
    run_cases(b);
    if (b->json) {
        fputs("\n]\n", b->json);
        fclose(b->json);
    }
}

/* Until the child has ended; what is meant to end this process ends the child. Its exit status. */
static int wait_for(pid_t child, const sigset_t *signals)
{
    int status;
    while (waitpid(child, &status, WNOHANG) != child)
        if (sigwaitinfo(signals, NULL) != SIGCHLD)
            kill(child, SIGTERM);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* The cases run in a child, so that their folder goes away however they end. */
int main(int argc, char **argv)
{
    struct bench b = { 0 };
    const char *json = NULL;
    sigset_t signals, before;

    if (!read_arguments(&b, argc, argv, &json)) {
        fprintf(stderr, "usage: bench SERVER STATIC [--json FILE] [--full | --quick] [case ...]\n");
        return 2;
    }
    strcpy(b.dir, "/tmp/parlor-bench-XXXXXX");
    if (!mkdtemp(b.dir))
        die("mkdtemp");
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, &before);
    pid_t child = fork();
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        run(&b, json);
        exit(0);
    }
    int status = child < 0 ? 1 : wait_for(child, &signals);
    remove_dir(b.dir);
    return status;
}
