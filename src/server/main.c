/* Exit status: 0 after --help, --version or a graceful stop; 2 for bad options; 1 for what could
 * not be opened. */
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "server/server.h"

static int run(const struct config *config)
{
    struct server *s = NULL;
    char why[SERVER_WHY_MAX], address[128];
    int status = 1;

    if (server_new(config, &s, why)) {
        fprintf(stderr, "server: %s\n", why);
    } else {
        server_address(s, address, sizeof address);
        printf("listening on %s\n", address);
        fflush(stdout);
        status = server_run(s);
    }
    server_free(s);
    return status;
}

int main(int argc, char **argv)
{
    struct config config;
    char why[CONFIG_WHY_MAX];

    /* Messages of many sizes come and go all the time: memory that was freed a moment ago is wanted
     * again, and giving it back to the kernel in between costs a page fault for each 4 KiB of it.
     * Up to so much stays at the end of the heap, until a sweep gives it back (server.c). */
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of the write, not the end */
    if (sodium_init() < 0) {
        fprintf(stderr, "server: libsodium cannot be initialised\n");
        return 1;
    }
    switch (config_read(&config, argc, argv, why)) {
    case CONFIG_HELP:
        fputs(config_help(), stdout);
        return 0;
    case CONFIG_VERSION:
        printf("parlor %s\n", PARLOR_VERSION);
        return 0;
    case CONFIG_BAD:
        fprintf(stderr, "server: %s (see --help)\n", why);
        return 2;
    case CONFIG_RUN:
        break;
    }
    log_set_level(config.log_level);
    return run(&config);
}
