/* One table says what options there are; each row has a function that takes the value or refuses
 * it. */
#include "server/config.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "app/json.h"
#include "net/listener.h"
#include "proto/http_head.h"
#include "proto/utf8.h"

#define MESSAGE_MIN 125u
#define MESSAGE_MAX (1024u * 1024u * 1024u)
#define RATE_MAX    1000000u

struct option {
    const char *name;
    /* NULL: taken; else what is wrong with it. `value` is NULL for a flag. */
    const char *(*take)(struct config *c, const char *value);
    bool has_value;
};

/* Decimal digits only. */
static bool number(const char *text, unsigned long long most, unsigned long long *out)
{
    char *end;

    if (!*text || text[strspn(text, "0123456789")])
        return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *out <= most;
}

static const char *take_port(struct config *c, const char *value)
{
    unsigned long long n;
    if (!number(value, 65535, &n))
        return "must be a number from 0 to 65535";
    c->port = (uint16_t)n;
    return NULL;
}

static const char *take_host(struct config *c, const char *value)
{
    if (!listener_host_is_valid(value))
        return "must be an IPv4 or IPv6 address, or localhost";
    c->host = value;
    return NULL;
}

static const char *take_db(struct config *c, const char *value)
{
    if (!*value)
        return "must name a file";
    c->db = value;
    return NULL;
}

static const char *take_static(struct config *c, const char *value)
{
    if (!*value)
        return "must name a folder";
    c->static_dir = value;
    return NULL;
}

static const char *add(const char **list, const char *value)
{
    size_t n = 0;
    while (list[n])
        n++;
    if (n == CONFIG_LIST_MAX)
        return "is given too often";
    list[n] = value;
    return NULL;
}

static const char *take_origin(struct config *c, const char *value)
{
    if (!http_origin_is_valid(bytes_str(value)))
        return "must be scheme://host[:port]";
    return add(c->origins, value);
}

static bool is_ice_url(const cJSON *url)
{
    static const char *const schemes[] = { "stun:", "stuns:", "turn:", "turns:" };

    if (!cJSON_IsString(url))
        return false;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i]);
        if (strncmp(url->valuestring, schemes[i], len) == 0 && url->valuestring[len])
            return true;
    }
    return false;
}

static bool is_ice_server(const cJSON *server)
{
    const cJSON *urls = cJSON_GetObjectItemCaseSensitive(server, "urls"), *url;
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(server, "username");
    const cJSON *credential = cJSON_GetObjectItemCaseSensitive(server, "credential");

    if ((name && !cJSON_IsString(name)) || (credential && !cJSON_IsString(credential)))
        return false;
    if (!cJSON_IsArray(urls))
        return is_ice_url(urls);
    cJSON_ArrayForEach(url, urls)
    {
        if (!is_ice_url(url))
            return false;
    }
    return cJSON_GetArraySize(urls) > 0;
}

static const char *take_ice_server(struct config *c, const char *value)
{
    struct json_object o;
    bool is_good = utf8_is_valid(bytes_str(value)) && json_scan(bytes_str(value), &o) == JSON_OK;

    if (is_good) {
        cJSON *server = cJSON_Parse(value);
        is_good = server && is_ice_server(server);
        cJSON_Delete(server);
    }
    if (!is_good)
        return "must be a JSON object with \"urls\": one or more stun: or turn: URLs";
    return add(c->ice_servers, value);
}

static const char *take_turn_secret_file(struct config *c, const char *value)
{
    if (!*value)
        return "must name a file";
    c->turn_secret_file = value;
    return NULL;
}

static const char *take_max_message(struct config *c, const char *value)
{
    unsigned long long n;
    if (!number(value, MESSAGE_MAX, &n) || n < MESSAGE_MIN)
        return "must be a number of bytes from 125 to 1073741824";
    c->max_message = (uint32_t)n;
    return NULL;
}

static const char *take_auth_rate(struct config *c, const char *value)
{
    unsigned long long n;
    if (!number(value, RATE_MAX, &n))
        return "must be a number from 0 to 1000000";
    c->auth_rate = (uint32_t)n;
    return NULL;
}

static const char *take_log_level(struct config *c, const char *value)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    for (int i = 0; i < 4; i++)
        if (strcmp(value, names[i]) == 0) {
            c->log_level = (enum log_level)i;
            return NULL;
        }
    return "must be error, warn, info or debug";
}

static const char *take_require_login(struct config *c, const char *value)
{
    (void)value;
    c->require_login = true;
    return NULL;
}

static const char *take_secure_cookies(struct config *c, const char *value)
{
    (void)value;
    c->secure_cookies = true;
    return NULL;
}

static const char *take_trust_proxy(struct config *c, const char *value)
{
    (void)value;
    c->trust_proxy = true;
    return NULL;
}

static const char *take_no_sandbox(struct config *c, const char *value)
{
    (void)value;
    c->no_sandbox = true;
    return NULL;
}

static const struct option options[] = {
    { "--port", take_port, true },
    { "--host", take_host, true },
    { "--db", take_db, true },
    { "--static", take_static, true },
    { "--allow-origin", take_origin, true },
    { "--require-login", take_require_login, false },
    { "--secure-cookies", take_secure_cookies, false },
    { "--max-message", take_max_message, true },
    { "--ice-server", take_ice_server, true },
    { "--turn-secret-file", take_turn_secret_file, true },
    { "--auth-rate", take_auth_rate, true },
    { "--trust-proxy", take_trust_proxy, false },
    { "--log-level", take_log_level, true },
    { "--no-sandbox", take_no_sandbox, false },
};

const char *config_help(void)
{
    return "usage: server [option ...]\n"
           "\n"
           "  --port N               TCP port; 0 takes a free one and prints it (8080)\n"
           "  --host ADDR            IPv4 or IPv6 address to bind, or localhost (127.0.0.1)\n"
           "  --db FILE              SQLite database, created on first start (server.db)\n"
           "  --static DIR           the front end (static beside the executable, or as "
           "installed)\n"
           "  --allow-origin ORIGIN  another origin that browsers may connect and post from;\n"
           "                         repeatable\n"
           "  --require-login        refuse guests at the WebSocket handshake\n"
           "  --secure-cookies       add Secure to cookies (behind TLS)\n"
           "  --max-message BYTES    largest WebSocket message (16777216)\n"
           "  --ice-server JSON      an RTCIceServer object for video calls; repeatable\n"
           "  --turn-secret-file FILE\n"
           "                         its first line is the secret shared with the TURN servers "
           "among\n"
           "                         them (static-auth-secret of coturn)\n"
           "  --auth-rate N          password attempts per address and minute; 0: no limit (60)\n"
           "  --trust-proxy          take the client's address from X-Forwarded-For\n"
           "  --log-level LEVEL      error, warn, info or debug (info)\n"
           "  --no-sandbox           keep every system call and file of the user, for debugging\n"
           "  --help, --version      print and exit\n";
}

static const struct option *find(const char *arg, size_t len)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strlen(options[i].name) == len && memcmp(options[i].name, arg, len) == 0)
            return &options[i];
    return NULL;
}

static void defaults(struct config *c)
{
    memset(c, 0, sizeof *c);
    c->host = "127.0.0.1";
    c->port = 8080;
    c->db = "server.db";
    c->max_message = 16u * 1024u * 1024u;
    c->auth_rate = 60;
    c->log_level = LOG_INFO;
}

/* One option at argv[*i], as "--name value" or "--name=value". NULL: taken. */
static const char *take_one(struct config *c, int argc, char *const *argv, int *i,
                            const char **name)
{
    const char *arg = argv[*i];
    const char *equals = strchr(arg, '=');
    const struct option *o = find(arg, equals ? (size_t)(equals - arg) : strlen(arg));

    *name = o ? o->name : arg;
    if (!o)
        return arg[0] == '-' && arg[1] ? "is not an option of this server"
                                       : "is not an option: all options begin with --";
    if (!o->has_value)
        return equals ? "takes no value" : o->take(c, NULL);
    if (equals)
        return o->take(c, equals + 1);
    if (*i + 1 >= argc)
        return "needs a value";
    return o->take(c, argv[++*i]);
}

enum config_result config_read(struct config *c, int argc, char *const *argv,
                               char why[CONFIG_WHY_MAX])
{
    defaults(c);
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0)
            return CONFIG_HELP;
        else if (strcmp(argv[i], "--version") == 0)
            return CONFIG_VERSION;
    for (int i = 1; i < argc; i++) {
        const char *name, *error = take_one(c, argc, argv, &i, &name);
        if (error) {
            snprintf(why, CONFIG_WHY_MAX, "%.200s %s", name, error);
            return CONFIG_BAD;
        }
    }
    return CONFIG_RUN;
}

/* The first line of `f`, not more than fits. */
static const char *read_line(FILE *f, char *line, size_t cap, size_t *len)
{
    bool is_too_long = false;
    int c;

    *len = 0;
    while ((c = getc(f)) != EOF && c != '\n') {
        is_too_long |= *len == cap;
        if (*len < cap)
            line[(*len)++] = (char)c;
    }
    if (ferror(f))
        return strerror(errno);
    while (*len && strchr(" \t\r\v\f", line[*len - 1]))
        --*len;
    if (is_too_long)
        return "its first line is too long to be a secret";
    return *len ? NULL : "its first line is empty";
}

bool config_turn_secret(const struct config *c, char secret[CONFIG_SECRET_MAX], size_t *len,
                        char why[CONFIG_WHY_MAX])
{
    char buffer[512];

    *len = 0;
    if (!c->turn_secret_file)
        return true;
    FILE *f = fopen(c->turn_secret_file, "re");
    if (f)
        setvbuf(f, buffer, _IOFBF, sizeof buffer); /* ours, so that it can be wiped */
    const char *error = f ? read_line(f, secret, CONFIG_SECRET_MAX, len) : strerror(errno);
    if (error)
        snprintf(why, CONFIG_WHY_MAX, "--turn-secret-file %.300s: %s", c->turn_secret_file, error);
    if (f)
        fclose(f);
    sodium_memzero(buffer, sizeof buffer);
    return error == NULL;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool config_static_dir(const struct config *c, char *out, size_t cap)
{
    static const char *const places[] = { "static", "../static", "../share/parlor/static" };
    char exe[PATH_MAX];

    if (c->static_dir) {
        snprintf(out, cap, "%s", c->static_dir);
        return is_folder(out);
    }
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = 0;
    char *slash = strrchr(exe, '/');
    if (slash)
        *slash = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int len = snprintf(out, cap, "%s/%s", exe, places[i]);
        if (len > 0 && (size_t)len < cap && is_folder(out))
            return true;
    }
    return false;
}
