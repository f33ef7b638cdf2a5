/* config.h - the command line. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/log.h"

#define CONFIG_LIST_MAX   64 /* values of a repeatable option */
#define CONFIG_WHY_MAX    512
#define CONFIG_SECRET_MAX 256 /* bytes of the secret that is shared with a TURN server */

struct config {
    const char *host, *db, *static_dir; /* static_dir NULL: look for it */
    const char *turn_secret_file;       /* NULL: none */
    uint16_t port;
    bool no_sandbox;
    uint32_t max_message;
    uint32_t auth_rate;
    const char *origins[CONFIG_LIST_MAX + 1];     /* ended by NULL */
    const char *ice_servers[CONFIG_LIST_MAX + 1]; /* ended by NULL */
    bool require_login, secure_cookies, trust_proxy;
    enum log_level log_level;
};

enum config_result {
    CONFIG_RUN,
    CONFIG_HELP,    /* --help: print config_help() and exit 0 */
    CONFIG_VERSION, /* --version: print it and exit 0 */
    CONFIG_BAD,     /* `why` names the option; exit 2 */
};

/* Reads the arguments into *c; texts stay argv's. */
enum config_result config_read(struct config *c, int argc, char *const *argv,
                               char why[CONFIG_WHY_MAX]);
const char *config_help(void);

/* The first line of --turn-secret-file without the white space at its end; *len 0 when the option
 * was not given. The caller wipes it. False: the file cannot be read, or that line is empty or too
 * long; `why` names the option and the file. */
bool config_turn_secret(const struct config *c, char secret[CONFIG_SECRET_MAX], size_t *len,
                        char why[CONFIG_WHY_MAX]);

/* The front-end folder: the one that was given, or the first that exists of "static" beside the
 * executable, "../static" from it, and the installed "../share/parlor/static". False when there is
 * none; `out` then holds what was looked for. */
bool config_static_dir(const struct config *c, char *out, size_t cap);

#endif
