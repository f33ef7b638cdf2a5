/* http_form.h - form bodies and cookies. */
#ifndef PROTO_HTTP_FORM_H
#define PROTO_HTTP_FORM_H

#include "base/bytes.h"
#include "base/err.h"

/* Finds field `name` in an application/x-www-form-urlencoded body and decodes it into `out`.
 * ERR_NOT_FOUND; ERR_EXISTS when the field is there twice; ERR_BAD_INPUT for broken
 * percent-encoding; ERR_LIMIT when it is longer than `cap`. Not NUL-terminated. */
MUST_CHECK enum err http_form_get(struct bytes body, const char *name, char *out, size_t cap,
                                  size_t *len);

/* The value of cookie `name` in one Cookie header (RFC 6265 section 4.2.1), quotes taken off; data
 * NULL when it is not there. The first of several wins. */
struct bytes http_cookie_get(struct bytes cookie_header, const char *name);

/* True when `value`, a Content-Type, names `type` (without regard to case or parameters). */
bool http_type_is(struct bytes value, const char *type);

#endif
