#include "app/caller.h"
#include <sodium.h>
#include "proto/http_form.h"

bool caller_token_hash(struct bytes token, uint8_t hash[SESSION_HASH_LEN])
{
    if (token.len != SESSION_TOKEN_LEN)
        return false;
    for (size_t i = 0; i < token.len; i++) {
        char c = token.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    crypto_generichash(hash, SESSION_HASH_LEN, (const uint8_t *)token.data, token.len, NULL, 0);
    return true;
}

/* A proxy that speaks HTTP/2 to the browser may hand its cookies on in several fields, though it
 * should join them (RFC 9113 section 8.2.3). */
static struct bytes find_token(const struct http_head *head)
{
    struct bytes token = { NULL, 0 };

    for (unsigned i = 0; i < head->n_headers && !token.data; i++)
        if (bytes_eq_nocase(head->headers[i].name, BYTES("Cookie")))
            token = http_cookie_get(head->headers[i].value, SESSION_COOKIE);
    return token;
}

enum err caller_find(struct app *app, const struct http_head *head, struct caller *out)
{
    struct session_row session;
    struct user_row user;

    memset(out, 0, sizeof *out);
    struct bytes token = find_token(head);
    if (!token.data || !caller_token_hash(token, out->session))
        return OK;
    out->has_token = true;
    enum err e = session_store_find(&app->sessions, out->session, app->wall_ms, &session);
    if (!e)
        e = user_store_by_id(&app->users, session.user_id, &user);
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    out->user_id = session.user_id;
    memcpy(out->name, user.username, sizeof out->name);
    return OK;
}

static bool is_allowed(const struct app *app, struct bytes origin)
{
    for (const char *const *o = app->settings.origins; o && *o; o++)
        if (http_origin_eq(origin, bytes_str(*o)))
            return true;
    return false;
}

bool caller_origin_is_foreign(const struct app *app, const struct http_head *head)
{
    struct bytes origin = http_head_get(head, "Origin");

    if (!origin.data)
        return false;
    if (http_head_count(head, "Origin") > 1)
        return true;
    return !http_origin_is_host(origin, head->host) && !is_allowed(app, origin);
}

bool caller_is_cross_site(const struct app *app, const struct http_head *head)
{
    struct bytes origin = http_head_get(head, "Origin");

    if (caller_origin_is_foreign(app, head))
        return true;
    if (origin.data && is_allowed(app, origin))
        return false;
    return bytes_eq_nocase(http_head_get(head, "Sec-Fetch-Site"), BYTES("cross-site"));
}
