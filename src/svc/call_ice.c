/* STUN and TURN servers, as the command line names them.
 *
 * With a secret that is shared with a TURN server (coturn's use-auth-secret), everybody gets a name
 * and a password of their own that are good for half a day: the name says until when, the password
 * proves that the name comes from us. Nobody learns the secret, and who leaks a password leaks
 * their own name with it.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "proto/sha1.h"
#include "call_private.h"
#include "svc/services.h"

#define CREDENTIAL_S (12 * 60 * 60)
#define SERVERS_MAX  (256u * 1024u) /* bytes of the answer; a command line is shorter */

static bool is_turn_url(const cJSON *url)
{
    const char *text = cJSON_GetStringValue(url);
    return text && (strncmp(text, "turn:", 5) == 0 || strncmp(text, "turns:", 6) == 0);
}

static bool wants_credential(const char *text)
{
    cJSON *server = cJSON_Parse(text);
    const cJSON *urls = cJSON_GetObjectItemCaseSensitive(server, "urls"), *url;
    bool is_turn = is_turn_url(urls);

    if (cJSON_IsArray(urls))
        cJSON_ArrayForEach(url, urls)
        {
            is_turn |= is_turn_url(url);
        }
    is_turn = is_turn && !cJSON_GetObjectItemCaseSensitive(server, "credential");
    cJSON_Delete(server);
    return is_turn;
}

void ice_open(struct app *app)
{
    const char *const *servers = app->settings.ice_servers;

    if (!app->settings.turn_secret.len)
        return;
    for (size_t i = 0; servers && servers[i] && i < 64; i++)
        if (wants_credential(servers[i]))
            app->rooms->has_turn |= UINT64_C(1) << i;
}

/* {"username":...,"credential":...} of a caller, and the server's other fields behind them. */
static void write_turn(struct app *app, struct json_out *j, struct bytes text, const char *user)
{
    static const char *const skip[] = { "username", "credential", NULL };
    char name[HUB_NAME_MAX + 32], password[sodium_base64_ENCODED_LEN(SHA1_LEN, 1)];
    uint8_t mac[SHA1_LEN];
    struct json_object server;
    char *room;

    int n = snprintf(name, sizeof name, "%" PRId64 ":%s", app->wall_ms / 1000 + CREDENTIAL_S, user);
    hmac_sha1(app->settings.turn_secret, bytes_of(name, (size_t)n), mac);
    sodium_bin2base64(password, sizeof password, mac, sizeof mac, sodium_base64_VARIANT_ORIGINAL);
    json_raw(j, "{\"username\":\"");
    json_raw(j, name);
    json_raw(j, "\",\"credential\":\"");
    json_raw(j, password);
    json_raw(j, "\"");
    if (!j->error && json_scan(text, &server) != JSON_OK)
        j->error = ERR_BAD_INPUT; /* the command line was checked: it cannot be */
    if (!j->error)
        j->error = buf_reserve(j->buf, text.len, &room);
    if (j->error)
        return;
    size_t len = json_copy_without(&server, skip, room);
    room[0] = ','; /* where its own bracket opens: there is always "urls" */
    buf_grow(j->buf, len);
}

enum http_verdict call_on_ice_servers(struct app *app, struct http_request *rq,
                                      const struct caller *caller)
{
    const char *const *servers = app->settings.ice_servers;
    struct buf text;

    buf_init(&text, SERVERS_MAX);
    struct json_out j = { .buf = &text };
    json_raw(&j, "{\"iceServers\":[");
    for (size_t i = 0; servers && servers[i]; i++) {
        json_raw(&j, i ? "," : "");
        if (app->rooms->has_turn >> i & 1)
            write_turn(app, &j, bytes_str(servers[i]), caller->name);
        else
            json_raw(&j, servers[i]);
    }
    json_raw(&j, "]}");
    enum http_verdict verdict =
        j.error ? reply_sentence(app, rq->conn, 503, "The server is out of memory.")
                : reply_json(app, rq->conn, 200, buf_bytes(&text));
    buf_release(&text);
    return verdict;
}
