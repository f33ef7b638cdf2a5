/* server.h - everything wired together; owns the tick. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "base/err.h"
#include "server/config.h"

#define SERVER_WHY_MAX 1024

struct server;

/* Forks the password process, opens the database and the front end, listens. On an error `why` is
 * one line that names what it was. */
MUST_CHECK enum err server_new(const struct config *config, struct server **out,
                               char why[SERVER_WHY_MAX]);
/* The line for standard output: where it listens. */
void server_address(const struct server *s, char *out, size_t cap);
/* Serves until SIGTERM or SIGINT; then ends every connection, commits, and checkpoints. Returns the
 * exit status. */
int server_run(struct server *s);
void server_free(struct server *s);

#endif
