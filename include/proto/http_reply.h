/* http_reply.h - the head of a response (RFC 9112 section 4), and dates (RFC 9110 section 5.6.7).
 */
#ifndef PROTO_HTTP_REPLY_H
#define PROTO_HTTP_REPLY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include "base/buf.h"

#define HTTP_DATE_LEN 29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* The reason phrase of a status this server uses; "" for any other. */
const char *http_reason(int status);

/* IMF-fixdate in GMT, NUL-terminated. */
void http_date(time_t at, char out[HTTP_DATE_LEN + 1]);

struct http_reply_head {
    int status;
    struct bytes content_type; /* empty: no header */
    bool has_length;
    uint64_t content_length; /* sent when has_length */
    bool is_chunked;         /* Transfer-Encoding: chunked */
    bool keep_alive;
    int minor_version;  /* of the request: HTTP/1.0 with keep-alive needs the header spelled out */
    const char *date;   /* from http_date() */
    struct bytes extra; /* more header lines, each with its CRLF; may be empty */
};

/* Appends the status line, Date, the security headers of every response (X-Content-Type-Options,
 * X-Frame-Options, Referrer-Policy, Permissions-Policy), those above, and the empty line.
 * Errors of buf_append(). */
MUST_CHECK enum err http_reply_write(struct buf *out, const struct http_reply_head *r);

#endif
