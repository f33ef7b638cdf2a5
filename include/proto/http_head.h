/* http_head.h - the head of an HTTP/1.x request: bytes in, fields out (RFC 9112, RFC 9110).
 *
 * Pure and without allocation: everything in struct http_head is a view of the caller's bytes.
 * Strict where leniency has been used for smuggling: no obs-fold, no space before the colon, no
 * bare CR, LF or NUL, exactly one valid Host, never Content-Length beside Transfer-Encoding, no
 * list or sign or space in Content-Length, Transfer-Encoding exactly "chunked". Lines end in CRLF.
 */
#ifndef PROTO_HTTP_HEAD_H
#define PROTO_HTTP_HEAD_H

#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "proto/http_origin.h"

#define HTTP_MAX_REQUEST_LINE   8192u  /* beyond: 414 */
#define HTTP_MAX_HEADER_SECTION 16384u /* header lines with their CRLFs; beyond: 431 */
#define HTTP_MAX_HEADERS        128u   /* beyond: 431 */

struct http_header {
    struct bytes name, value; /* value without the white space around it */
};

/* The methods of RFC 9110 section 9 and PATCH; any other token is unknown. */
enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_PATCH,
    HTTP_CONNECT,
    HTTP_TRACE,
    HTTP_METHOD_UNKNOWN,
};

struct http_head {
    enum http_method method;
    struct bytes target;       /* request-target as sent */
    struct bytes path, query;  /* parts of it (origin-form or absolute-form), still encoded */
    int minor_version;         /* of HTTP/1.x */
    struct bytes host;         /* the one Host value, or the authority of an absolute-form target,
                                  which goes before it; in HTTP/1.0 it may be missing: data NULL */
    bool has_body, is_chunked; /* has_body: Content-Length is there (0 too) or chunked */
    uint64_t content_length;
    bool keep_alive;      /* RFC 9112 section 9.3 */
    bool expect_continue; /* Expect: 100-continue on HTTP/1.1 */
    unsigned n_headers;
    struct http_header headers[HTTP_MAX_HEADERS];
};

/* Progress of one head, so that bytes that come one at a time are looked at once. Zero to start;
 * http_head_parse() makes it zero again when it has answered anything but 0. */
struct http_scan {       /* private fields */
    size_t seen;         /* bytes that hold no end of the head */
    size_t request_line; /* where the header lines begin, once that is known */
    size_t line;         /* where the first unfinished line begins */
    unsigned n_headers;  /* finished header lines */
};

/* > 0: the head is complete and this long (with the empty line); *h is filled.
 *   0: more bytes are needed; call again with the same beginning and more behind it.
 * < 0: the negated status to answer (400, 414, 431, 505); the connection cannot be trusted
 * afterwards. Limits and everything that is certain are reported before the head is complete (a bad
 * request line as soon as it has ended; a request line that is too long as soon as it is). At most
 * one empty line before the request line is skipped (RFC 9112 section 2.2). An unknown method token
 * is no error here: see http_head.method. A Transfer-Encoding other than chunked, or on HTTP/1.0,
 * is 400. */
int http_head_parse(struct http_head *h, struct http_scan *scan, struct bytes in);

/* The first header by that name (ASCII case ignored); data NULL when there is none. */
struct bytes http_head_get(const struct http_head *h, const char *name);
/* How many headers have that name. */
unsigned http_head_count(const struct http_head *h, const char *name);
/* True when a comma-separated list header, over all its lines, has `token` (ASCII case ignored). */
bool http_head_has_token(const struct http_head *h, const char *name, const char *token);

/* True for the bytes of which tokens are made (RFC 9110 section 5.6.2). */
extern const bool http_is_tchar[256];

#endif
