/* json.h - strict reading of one JSON object (RFC 8259).
 *
 * Reading is in two steps, because no message may cost more memory than a small multiple of its
 * size. json_scan() walks the text once, builds nothing, and proves that it is JSON, an object,
 * within the depth, and without a repeated key; it counts values and remembers where the members
 * are. Fields are then read from where they stand: most need no decoding at all, and a string with
 * escapes is decoded by cJSON.
 *
 * What cJSON does otherwise, the scan has ruled out before: trailing bytes, numbers of more than 63
 * characters, raw control characters, keys that differ in case only, strings cut at U+0000, lone
 * surrogates.
 *
 * The text must be valid UTF-8 (WebSocket text is; HTTP bodies are checked by their reader).
 */
#ifndef APP_JSON_H
#define APP_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include "base/blob.h"

#define JSON_MAX_DEPTH 64 /* levels, the outermost object being the first */
#define JSON_KEPT      16 /* members remembered; more are found by walking again */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_member {
    struct bytes key;   /* as written, between the quotes */
    struct bytes value; /* as written; a string with its quotes */
    uint8_t type;       /* enum json_type */
    bool key_has_escape, value_has_escape;
};

struct json_object {
    struct bytes text;
    struct blob *owner; /* json_scan() sets NULL; else the blob that text lies in: refer to it
                           instead of copying what is long */
    uint32_t n_members;
    uint64_t n_values; /* all values inside, at every level, the object itself not counted */
    struct json_member kept[JSON_KEPT];
};

enum json_result {
    JSON_OK,
    JSON_BAD,       /* not JSON, or bytes behind it */
    JSON_NO_OBJECT, /* JSON, but not an object */
    JSON_TOO_DEEP,
    JSON_REPEATED, /* a key stands twice in the outermost object */
    JSON_NO_MEMORY,
};

/* Views in *o are good as long as `text` is. Linear in the size of the text. */
enum json_result json_scan(struct bytes text, struct json_object *o);

/* The member with exactly this key (escapes in the message's key count as what they mean). False:
 * none. */
bool json_find(const struct json_object *o, const char *key, struct json_member *m);

enum json_text_result {
    JSON_TEXT_OK,
    JSON_TEXT_MISSING,   /* no such member */
    JSON_TEXT_TYPE,      /* not a string */
    JSON_TEXT_LENGTH,    /* decoded, it is shorter or longer than allowed */
    JSON_TEXT_NUL,       /* it has a U+0000 */
    JSON_TEXT_SURROGATE, /* it has a lone surrogate */
    JSON_TEXT_NO_MEMORY,
};

/* A decoded string of min to max bytes of UTF-8. `text` is a view of the message where that is
 * possible; else *owned (which starts NULL) holds it: give it to json_text_free(). */
enum json_text_result json_text(const struct json_object *o, const char *key, size_t min,
                                size_t max, struct bytes *text, char **owned);
void json_text_free(char *owned);

/* True when the member is a number and finite as a double; *n is that double. */
bool json_number(const struct json_object *o, const char *key, double *n);
/* True when the member is true or false. */
bool json_bool(const struct json_object *o, const char *key, bool *value);
/* True when the member is an integer of at most 2^53 in size. */
bool json_int(const struct json_object *o, const char *key, int64_t *n);

/* True when the string as written (with its quotes) means exactly `literal`. */
bool json_string_is(struct bytes raw, struct bytes literal);

/* Walks the members in order, however many: start with *at = 0; false at the end. For objects that
 * json_scan() has accepted. */
bool json_next(const struct json_object *o, size_t *at, struct json_member *m);

/* Writes the object without the members in `skip` (ended by NULL), every other one in order and as
 * written, to `out`, which has room for o->text.len bytes; returns how many it wrote. */
size_t json_copy_without(const struct json_object *o, const char *const *skip, char *out);

#endif
