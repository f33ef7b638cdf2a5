/* Whether two keys are the same is asked of what they mean ("\u0061" is "a"), byte by byte, so that
 * even keys that no UTF-8 can hold (lone surrogates) compare rightly. */
#include "json_key.h"
#include <stdlib.h>
#include "json_skip.h"

/* Reads a string as written and gives the bytes of what it means. */
struct key_reader {
    const char *p, *end;
    uint8_t queue[4];
    int n, at;
};

static void put_utf8(struct key_reader *r, uint32_t c)
{
    r->at = r->n = 0;
    if (c < 0x80) {
        r->queue[r->n++] = (uint8_t)c;
    } else if (c < 0x800) {
        r->queue[r->n++] = (uint8_t)(0xc0 | c >> 6);
        r->queue[r->n++] = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) { /* a lone surrogate gets the three bytes that UTF-8 forbids: it equals
                                 only itself */
        r->queue[r->n++] = (uint8_t)(0xe0 | c >> 12);
        r->queue[r->n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        r->queue[r->n++] = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        r->queue[r->n++] = (uint8_t)(0xf0 | c >> 18);
        r->queue[r->n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        r->queue[r->n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        r->queue[r->n++] = (uint8_t)(0x80 | (c & 0x3f));
    }
}

/* An escape (already known to be well-formed) behind its backslash. */
static void read_escape(struct key_reader *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = *r->p++;

    if (c != 'u') {
        put_utf8(r, (uint32_t)(unsigned char)to[strchr(from, c) - from]);
        return;
    }
    uint32_t unit = (uint32_t)json_hex4(r->p, r->end);
    r->p += 4;
    if (unit >= 0xd800 && unit < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' &&
        r->p[1] == 'u') {
        uint32_t low = (uint32_t)json_hex4(r->p + 2, r->end);
        if (low >= 0xdc00 && low < 0xe000) {
            r->p += 6;
            unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    put_utf8(r, unit);
}

/* The next byte of what the string means, -1 at its end. */
static int key_byte(struct key_reader *r)
{
    if (r->at < r->n)
        return r->queue[r->at++];
    if (r->p == r->end)
        return -1;
    if (*r->p != '\\')
        return (unsigned char)*r->p++;
    r->p++;
    read_escape(r);
    return r->queue[r->at++];
}

bool json_means_same(struct bytes a, struct bytes b)
{
    struct key_reader x = { .p = a.data, .end = a.data + a.len };
    struct key_reader y = { .p = b.data, .end = b.data + b.len };
    int c;

    do {
        c = key_byte(&x);
        if (c != key_byte(&y))
            return false;
    } while (c >= 0);
    return true;
}

bool json_key_eq(struct bytes a, bool a_escaped, struct bytes b, bool b_escaped)
{
    return !a_escaped && !b_escaped ? bytes_eq(a, b) : json_means_same(a, b);
}

static struct bytes key_at(struct bytes text, uint32_t place, bool *has_escape)
{
    const char *p = text.data + place;
    const char *end = json_skip_string(p, text.data + text.len, has_escape);
    return bytes_of(p, (size_t)(end - 1 - p));
}

/* False without memory. A key is hashed by what it means, which is never longer than how it is
 * written. */
static bool key_hash(const struct json_key_table *t, struct bytes key, bool has_escape,
                     uint32_t *hash)
{
    uint8_t out[crypto_shorthash_BYTES], small[256];
    uint8_t *plain = small;
    struct key_reader r = { .p = key.data, .end = key.data + key.len };
    size_t n = 0;

    if (!has_escape) {
        crypto_shorthash(out, (const uint8_t *)key.data, key.len, t->secret);
        memcpy(hash, out, sizeof *hash);
        return true;
    }
    if (key.len > sizeof small && !(plain = malloc(key.len)))
        return false;
    for (int c; (c = key_byte(&r)) >= 0;)
        plain[n++] = (uint8_t)c;
    crypto_shorthash(out, plain, n, t->secret);
    if (plain != small)
        free(plain);
    memcpy(hash, out, sizeof *hash);
    return true;
}

/* Slots lie in the order of their hashes, so growing reads and writes memory from front to back. */
static uint32_t slot_of(const struct json_key_table *t, uint32_t hash)
{
    return (uint32_t)((uint64_t)hash * t->size >> 32);
}

/* The first free slot for the hash, or the first from *at on that has the same one. */
static struct json_key_slot *probe(const struct json_key_table *t, uint32_t hash, uint32_t *at)
{
    while (t->slots[*at].place && t->slots[*at].hash != hash)
        *at = (*at + 1) & (t->size - 1);
    return &t->slots[*at];
}

static bool table_grow(struct json_key_table *t)
{
    struct json_key_table bigger = *t;

    bigger.size = t->size ? t->size * 2 : 64;
    bigger.slots = calloc(bigger.size, sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    if (!t->size)
        randombytes_buf(bigger.secret, sizeof bigger.secret);
    for (uint32_t i = 0; i < t->size; i++) {
        if (!t->slots[i].place)
            continue;
        uint32_t at = slot_of(&bigger, t->slots[i].hash);
        while (bigger.slots[at].place)
            at = (at + 1) & (bigger.size - 1);
        bigger.slots[at] = t->slots[i];
    }
    free(t->slots);
    *t = bigger;
    return true;
}

enum json_result json_key_table_add(struct json_key_table *t, struct bytes text, struct bytes key,
                                    bool esc)
{
    struct json_key_slot *slot;
    uint32_t hash;

    if (t->used >= t->size / 4 * 3 && !table_grow(t))
        return JSON_NO_MEMORY;
    if (!key_hash(t, key, esc, &hash))
        return JSON_NO_MEMORY;
    uint32_t at = slot_of(t, hash);
    while ((slot = probe(t, hash, &at))->place) {
        bool other_esc;
        struct bytes other = key_at(text, slot->place, &other_esc);
        if (json_key_eq(key, esc, other, other_esc))
            return JSON_REPEATED;
        at = (at + 1) & (t->size - 1);
    }
    *slot = (struct json_key_slot){ hash, (uint32_t)(key.data - text.data) };
    t->used++;
    return JSON_OK;
}

void json_key_table_release(struct json_key_table *t)
{
    free(t->slots);
}
