/* http_reply.c - the head of a response, written in one piece.
 *
 * An answer that has no body by definition (1xx, 204, 304: RFC 9112 section 6.3) never gets a
 * length or a coding, whatever the caller asked for, and 101 no Connection header of ours: its own
 * is in `extra`.
 */
#include "proto/http_reply.h"

#include <stdio.h>

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } table[] = {
        { 100, "Continue" },
        { 101, "Switching Protocols" },
        { 200, "OK" },
        { 201, "Created" },
        { 204, "No Content" },
        { 206, "Partial Content" },
        { 302, "Found" },
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 411, "Length Required" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 416, "Range Not Satisfiable" },
        { 426, "Upgrade Required" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
        { 505, "HTTP Version Not Supported" },
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].status == status)
            return table[i].reason;
    return "";
}

void http_date(time_t at, char out[HTTP_DATE_LEN + 1])
{
    /* strftime() would speak the language of the locale. */
    static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    struct tm tm;
    char text[64];

    gmtime_r(&at, &tm);
    snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
             months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(out, text, HTTP_DATE_LEN);
    out[HTTP_DATE_LEN] = '\0';
}

/* What stands in every response. The Permissions-Policy is what the video calls of the server's own
 * pages need, and nothing for anyone else. */
static const struct bytes security_headers = {
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Referrer-Policy: same-origin\r\n"
    "Permissions-Policy: camera=(self), microphone=(self), display-capture=(self)\r\n",
    sizeof "X-Content-Type-Options: nosniff\r\n"
           "X-Frame-Options: DENY\r\n"
           "Referrer-Policy: same-origin\r\n"
           "Permissions-Policy: camera=(self), microphone=(self), display-capture=(self)\r\n" -
        1,
};

#define FIXED_PART                                                                                 \
    256u /* status line, Date, lengths and Connection at their longest, with room left */

static char *put(char *at, struct bytes b)
{
    if (b.len > 0)
        memcpy(at, b.data, b.len);
    return at + b.len;
}

static bool has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static struct bytes connection_line(const struct http_reply_head *r)
{
    if (r->status == 101)
        return BYTES("");
    if (!r->keep_alive)
        return BYTES("Connection: close\r\n");
    return r->minor_version == 0 ? BYTES("Connection: keep-alive\r\n") : BYTES("");
}

enum err http_reply_write(struct buf *out, const struct http_reply_head *r)
{
    char *begin, line[64 + HTTP_DATE_LEN + 64];
    size_t most = FIXED_PART + security_headers.len + r->content_type.len + r->extra.len;
    enum err e = buf_reserve(out, most, &begin);

    if (e)
        return e;
    char *at = begin;
    int n = snprintf(line, sizeof line, "HTTP/1.1 %03d %s\r\nDate: %.*s\r\n", r->status,
                     http_reason(r->status), HTTP_DATE_LEN, r->date);
    at = put(at, bytes_of(line, (size_t)n));
    at = put(at, security_headers);
    if (r->content_type.len > 0) {
        at = put(at, BYTES("Content-Type: "));
        at = put(at, r->content_type);
        at = put(at, BYTES("\r\n"));
    }
    if (r->has_length && has_body(r->status)) {
        n = snprintf(line, sizeof line, "Content-Length: %llu\r\n",
                     (unsigned long long)r->content_length);
        at = put(at, bytes_of(line, (size_t)n));
    }
    if (r->is_chunked && has_body(r->status))
        at = put(at, BYTES("Transfer-Encoding: chunked\r\n"));
    at = put(at, connection_line(r));
    at = put(at, r->extra);
    at = put(at, BYTES("\r\n"));
    buf_grow(out, (size_t)(at - begin));
    return OK;
}
