/* json_key.h - for the files of app/json alone: comparing the keys of an object (RFC 8259
 * section 8.3).
 *
 * A key is the text between the quotes, as written, of a string that json_skip_string() has
 * accepted.
 */
#ifndef APP_JSON_KEY_H
#define APP_JSON_KEY_H

#include <sodium.h>
#include "app/json.h"

/* True when both mean the same string. */
bool json_key_eq(struct bytes a, bool a_has_escape, struct bytes b, bool b_has_escape);
/* The same for two of which either may have escapes. */
bool json_means_same(struct bytes a, struct bytes b);

/* A set of keys, for objects with many: a hash table of their places in the text, keyed so that
 * nobody can choose collisions. The hash is kept beside the place, so that other keys, which are
 * somewhere in the memory of a text of megabytes, are looked at only when they are the same. Eight
 * bytes per slot, from three eighths to three quarters full: a small multiple of the text. Starts
 * zeroed. */
struct json_key_slot {
    uint32_t hash;
    uint32_t place; /* offset of the key, behind its quote; 0: free */
};

struct json_key_table {
    struct json_key_slot *slots;
    uint32_t size, used;
    uint8_t secret[crypto_shorthash_KEYBYTES];
};

/* Adds a key, which lies in `text`. JSON_OK, JSON_REPEATED when it is there already,
 * JSON_NO_MEMORY. */
enum json_result json_key_table_add(struct json_key_table *t, struct bytes text, struct bytes key,
                                    bool has_escape);
void json_key_table_release(struct json_key_table *t);

#endif
