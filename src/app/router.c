#include "app/router.h"
#include <stdio.h>
#include "proto/http_form.h"
#include "proto/utf8.h"

#define JSON_TYPE BYTES("application/json")

static enum http_verdict send_reply(struct app *app, slot_id conn, int status, struct bytes type,
                                    struct bytes body, struct bytes extra)
{
    struct http_reply r = {
        .status = status,
        .content_type = type,
        .extra = extra,
        .body = body,
        .fd = -1,
    };
    app->ports.reply(app->ports.self, conn, &r);
    return HTTP_ANSWERED;
}

enum http_verdict reply_json_with(struct app *app, slot_id conn, int status, struct bytes json,
                                  struct bytes extra)
{
    char lines[1024];
    int n = snprintf(lines, sizeof lines, "Cache-Control: no-store\r\n%.*s", (int)extra.len,
                     extra.len ? extra.data : "");
    return send_reply(app, conn, status, JSON_TYPE, json, bytes_of(lines, (size_t)n));
}

enum http_verdict reply_json(struct app *app, slot_id conn, int status, struct bytes json)
{
    return reply_json_with(app, conn, status, json, BYTES(""));
}

enum http_verdict reply_sentence_with(struct app *app, slot_id conn, int status,
                                      const char *sentence, struct bytes extra)
{
    char text[512];
    int n = snprintf(text, sizeof text, "%s\n", sentence);
    return send_reply(app, conn, status, BYTES("text/plain; charset=utf-8"),
                      bytes_of(text, (size_t)n), extra);
}

enum http_verdict reply_sentence(struct app *app, slot_id conn, int status, const char *sentence)
{
    return reply_sentence_with(app, conn, status, sentence, BYTES(""));
}

static bool row_has_path(const struct route_row *row, struct bytes path)
{
    size_t len = strlen(row->path);
    if (row->path[len - 1] != '*')
        return bytes_eq(bytes_of(row->path, len), path);
    return path.len > len - 1 && memcmp(path.data, row->path, len - 1) == 0;
}

static bool row_serves(const struct route_row *row, enum http_method method)
{
    if (row->method == method)
        return true;
    return method == HTTP_HEAD && row->method == HTTP_GET && !(row->flags & NO_HEAD);
}

static const struct route_row *find_row(const struct route_row *rows, const struct http_request *rq,
                                        bool *path_is_known)
{
    *path_is_known = false;
    for (; rows->path; rows++) {
        if (!row_has_path(rows, rq->path))
            continue;
        *path_is_known = true;
        if (row_serves(rows, rq->head->method))
            return rows;
    }
    return NULL;
}

static enum http_verdict reply_not_allowed(struct app *app, const struct route_row *rows,
                                           const struct http_request *rq)
{
    char allow[96] = "Allow: ";
    size_t n = strlen(allow), start = n;

    for (; rows->path; rows++) {
        if (!row_has_path(rows, rq->path))
            continue;
        const char *names = rows->method == HTTP_POST ? "POST"
                            : rows->flags & NO_HEAD   ? "GET"
                                                      : "GET, HEAD";
        n += (size_t)snprintf(allow + n, sizeof allow - n, "%s%s", n > start ? ", " : "", names);
    }
    snprintf(allow + n, sizeof allow - n, "\r\n");
    return reply_sentence_with(app, rq->conn, 405, "This path does not answer to that method.",
                               bytes_str(allow));
}

static enum http_verdict reply_no_login(struct app *app, const struct http_request *rq)
{
    bool is_api = rq->path.len > 5 && memcmp(rq->path.data, "/api/", 5) == 0;
    if (is_api)
        return reply_json(app, rq->conn, 401, BYTES("{}"));
    return reply_sentence(app, rq->conn, 401, "Log in to do that.");
}

enum http_verdict router_run(struct app *app, const struct route_row *rows, struct http_request *rq)
{
    bool path_is_known;
    struct caller caller = { 0 };

    if (rq->head->method == HTTP_METHOD_UNKNOWN)
        return reply_sentence(app, rq->conn, 501, "This server does not know that method.");
    const struct route_row *row = find_row(rows, rq, &path_is_known);
    if (!row && path_is_known)
        return reply_not_allowed(app, rows, rq);
    if (!row)
        return reply_sentence(app, rq->conn, 404, "There is nothing here.");
    if ((row->method == HTTP_POST || (row->flags & GUARD_CROSS_SITE)) &&
        caller_is_cross_site(app, rq->head))
        return reply_sentence(app, rq->conn, 403, "Requests from other sites are refused.");
    if (!(row->flags & NO_CALLER) && caller_find(app, rq->head, &caller))
        return reply_sentence(app, rq->conn, 503, "The database cannot be read right now.");
    bool needs_login =
        row->who == MEMBER || ((row->flags & LOGIN_IF_REQUIRED) && app->settings.require_login);
    if (needs_login && !caller.user_id)
        return reply_no_login(app, rq);
    rq->page = row->page;
    return row->handler(app, rq, &caller);
}

/* --- bodies --- */

bool request_body_read(struct app *app, const struct http_request *rq, struct request_body *body)
{
    struct bytes type = http_head_get(rq->head, "Content-Type");

    memset(body, 0, sizeof *body);
    if (http_type_is(type, "application/x-www-form-urlencoded")) {
        body->form = rq->body;
        return true;
    }
    if (!http_type_is(type, "application/json")) {
        reply_sentence(app, rq->conn, 415,
                       "Send the fields as application/x-www-form-urlencoded or application/json.");
        return false;
    }
    body->is_json = true;
    if (!utf8_is_valid(rq->body)) {
        reply_sentence(app, rq->conn, 400, "The body is not valid UTF-8.");
        return false;
    }
    switch (json_scan(rq->body, &body->json)) {
    case JSON_OK:
        break;
    case JSON_REPEATED:
        reply_sentence(app, rq->conn, 400, "The JSON object has the same key twice.");
        return false;
    case JSON_NO_OBJECT:
        reply_sentence(app, rq->conn, 400, "The body must be a JSON object.");
        return false;
    case JSON_TOO_DEEP:
        reply_sentence(app, rq->conn, 400, "The JSON is nested more than 64 levels deep.");
        return false;
    case JSON_BAD:
        reply_sentence(app, rq->conn, 400, "The body is not valid JSON.");
        return false;
    case JSON_NO_MEMORY:
        reply_sentence(app, rq->conn, 503, "The server is out of memory.");
        return false;
    }
    if (body->json.n_values > MESSAGE_MAX_VALUES) {
        reply_sentence(app, rq->conn, 400, "The JSON holds more than 10000 values.");
        return false;
    }
    return true;
}

enum field_result request_field(const struct request_body *body, const char *name, char *out,
                                size_t cap, size_t *len)
{
    struct bytes text;
    char *owned = NULL;

    *len = 0;
    if (!body->is_json) {
        enum err e = http_form_get(body->form, name, out, cap, len);
        return e == OK ? FIELD_OK : e == ERR_NOT_FOUND ? FIELD_MISSING : FIELD_BAD;
    }
    enum json_text_result r = json_text(&body->json, name, 0, cap, &text, &owned);
    if (r == JSON_TEXT_OK) {
        memcpy(out, text.data, text.len);
        *len = text.len;
    }
    json_text_free(owned);
    switch (r) {
    case JSON_TEXT_OK:
        return FIELD_OK;
    case JSON_TEXT_MISSING:
        return FIELD_MISSING;
    case JSON_TEXT_NO_MEMORY:
        return FIELD_NO_MEMORY;
    default:
        return FIELD_BAD;
    }
}
