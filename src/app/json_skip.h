/* json_skip.h - for the files of app/json alone: steps over the words of a JSON text (RFC 8259).
 *
 * `p` is where to begin and `end` is behind the text, which need not be terminated. Each returns
 * where what it stepped over has ended, or NULL when it is not there or not as the RFC has it.
 */
#ifndef APP_JSON_SKIP_H
#define APP_JSON_SKIP_H

#include "app/json.h"

/* Section 2: the four that are white space. Never NULL. */
static inline const char *json_skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* Section 7. `p` is behind the opening quote; returns behind the closing one. */
const char *json_skip_string(const char *p, const char *end, bool *has_escape);

/* A value that is no container; *type is an enum json_type, *has_escape that of a string. */
const char *json_skip_scalar(const char *p, const char *end, uint8_t *type, bool *has_escape);

/* The number that four hexadecimal digits at `p` write; -1 when they are not there. */
int32_t json_hex4(const char *p, const char *end);

#endif
