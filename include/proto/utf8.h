/* utf8.h - incremental UTF-8 validation (RFC 3629: no overlong forms, no surrogates, nothing above
 * U+10FFFF), failing at the first byte with which no valid text can begin (RFC 6455 section 8.1).
 */
#ifndef PROTO_UTF8_H
#define PROTO_UTF8_H

#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"

/* Where a validation stands between two pieces; UTF8_START between two characters. */
typedef uint32_t utf8_state;
#define UTF8_START 0u

/* Continues with `piece`. False as soon as the text so far cannot be the beginning of valid UTF-8;
 * the state is then spent. ASCII is checked many bytes at a time. */
bool utf8_feed(utf8_state *state, struct bytes piece);
/* Whole text in one call: valid, and not cut inside a character. */
bool utf8_is_valid(struct bytes text);
/* Number of code points of valid UTF-8. */
size_t utf8_count(struct bytes text);

#endif
