/* config.h - the command line. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/log.h"

#define CONFIG_LIST_MAX 64 /* values of a repeatable option */
#define CONFIG_WHY_MAX  512

struct config {
    const char *host, *db, *static_dir; /* static_dir NULL: look for it */
    uint16_t port;
    size_t max_message;
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

/* The front-end folder: the one that was given, or the first that exists of "static" beside the executable, "../static" from it,
 * and the installed "../share/parlor/static". False when there is none; `out` then holds what was looked for. */
bool config_static_dir(const struct config *c, char *out, size_t cap);

#endif
