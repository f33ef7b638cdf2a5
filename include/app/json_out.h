/* json_out.h - writes JSON text piece by piece; the first error sticks and is looked at once, at
 * the end.
 *
 *     struct json_out j = { .buf = &b };
 *     json_raw(&j, "{\"id\":");
 *     json_int64(&j, id);
 *     json_raw(&j, "}");
 *     if (j.error) ...
 */
#ifndef APP_JSON_OUT_H
#define APP_JSON_OUT_H

#include <stdint.h>
#include "base/buf.h"

struct json_out {
    struct buf *buf;
    bool is_html; /* strings are HTML-escaped first */
    enum err error;
};

/* `text` as it is. */
void json_raw(struct json_out *j, const char *text);
void json_raw_bytes(struct json_out *j, struct bytes text);
/* A string with its quotes. */
void json_string(struct json_out *j, struct bytes text);
/* A string that is the same in both dialects: never HTML-escaped. */
void json_plain(struct json_out *j, struct bytes text);
void json_int64(struct json_out *j, int64_t n);

/* What it stands on. */

/* Appends `text` (UTF-8) as a JSON string with its quotes. Errors of buf_append(). */
MUST_CHECK enum err json_write_string(struct buf *out, struct bytes text);
/* The same, HTML-escaped first: & < > " ' as entities, for clients that use innerHTML. */
MUST_CHECK enum err json_write_html(struct buf *out, struct bytes text);

#endif
