/* caller.h - who makes a request: the session cookie, and whether a browser marks the request as
 * somebody else's. */
#ifndef APP_CALLER_H
#define APP_CALLER_H

#include "app/app.h"

#define SESSION_COOKIE    "auth_token"
#define SESSION_TOKEN_LEN 64 /* hex digits of 32 random bytes */

struct caller {
    int64_t user_id; /* 0: a guest */
    char name[HUB_NAME_MAX + 1];
    uint8_t session[SESSION_HASH_LEN]; /* hash of the token that was sent, when it is well-formed */
    bool has_token;
};

/* The hash under which a token is stored; false when `token` is not one of ours by its form. */
bool caller_token_hash(struct bytes token, uint8_t hash[SESSION_HASH_LEN]);

/* Reads the cookie and finds its session. ERR_STORE when the database fails: then nobody can be
 * said to be logged in or not. */
MUST_CHECK enum err caller_find(struct app *app, const struct http_head *head, struct caller *out);

/* True when an Origin header is there and is neither the page's own (host and port of Host) nor an
 * allowed one. */
bool caller_origin_is_foreign(const struct app *app, const struct http_head *head);
/* True when a browser marks the request as cross-site: a foreign Origin, or Sec-Fetch-Site:
 * cross-site without an allowed one. */
bool caller_is_cross_site(const struct app *app, const struct http_head *head);

#endif
