/* router.h - one HTTP request: find its row, guard, call. */
#ifndef APP_ROUTER_H
#define APP_ROUTER_H

#include "app/app.h"
#include "app/caller.h"
#include "app/dispatch.h"

typedef enum http_verdict route_fn(struct app *app, struct http_request *rq,
                                   const struct caller *caller);

enum route_flags {
    GUARD_CROSS_SITE =
        1,         /* refused (403) when a browser marks it as cross-site, although it is a GET */
    NO_HEAD = 2,   /* a GET that HEAD must not stand in for */
    NO_CALLER = 4, /* does not ask who it is: no look-up in the database */
    LOGIN_IF_REQUIRED = 8, /* guests get 401 under --require-login */
};

struct route_row {
    enum http_method method; /* GET serves HEAD, too */
    const char *path;        /* whole path; ending in '*': everything that begins so and has more */
    route_fn *handler;
    enum who who; /* MEMBER: 401 for guests */
    unsigned flags;
    const char *page; /* file of the page, for handlers of pages */
};

/* Handles a request. `rows` ends with a row without a path. 404, 405 with Allow, 501, 403, 401 and
 * 503 are answered here. */
enum http_verdict router_run(struct app *app, const struct route_row *rows,
                             struct http_request *rq);

/* --- for handlers: answers --- */

enum http_verdict reply_json(struct app *app, slot_id conn, int status, struct bytes json);
/* `extra`: header lines with their CRLFs. */
enum http_verdict reply_json_with(struct app *app, slot_id conn, int status, struct bytes json,
                                  struct bytes extra);
/* A plain sentence that a page can show. */
enum http_verdict reply_sentence(struct app *app, slot_id conn, int status, const char *sentence);
enum http_verdict reply_sentence_with(struct app *app, slot_id conn, int status,
                                      const char *sentence, struct bytes extra);

/* --- for handlers: bodies --- */

enum field_result { FIELD_OK, FIELD_MISSING, FIELD_BAD, FIELD_NO_MEMORY };

struct request_body {
    bool is_json;
    struct bytes form;
    struct json_object json;
};

/* Reads the body as its Content-Type says. False: it cannot be read, and that was answered (415,
 * 400 or 503). */
bool request_body_read(struct app *app, const struct http_request *rq, struct request_body *body);
/* The decoded string of field `name`, at most `cap` bytes, copied to `out`. FIELD_BAD: there, but
 * no string, too long, U+0000 in JSON, repeated, or broken. */
enum field_result request_field(const struct request_body *body, const char *name, char *out,
                                size_t cap, size_t *len);

#endif
