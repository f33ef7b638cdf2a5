/* http_url.h - percent-decoding of paths and form fields (RFC 3986 section 2.1). */
#ifndef PROTO_HTTP_URL_H
#define PROTO_HTTP_URL_H

#include "base/bytes.h"
#include "base/err.h"

/* Decodes a path into `out` (`cap` bytes; NUL-terminated; *len without the NUL).
 * ERR_BAD_INPUT: a '%' without two hex digits. ERR_NOT_FOUND: a NUL, a backslash, or a "." or ".."
 * segment, in whatever encoding: no file or page has such a path. ERR_LIMIT: longer than cap - 1.
 */
MUST_CHECK enum err url_decode_path(struct bytes path, char *out, size_t cap, size_t *len);

/* Decodes application/x-www-form-urlencoded bytes ('+' is a space). Same results, except that every
 * byte is allowed, U+0000 too. Not NUL-terminated. */
MUST_CHECK enum err url_decode_form(struct bytes field, char *out, size_t cap, size_t *len);

#endif
