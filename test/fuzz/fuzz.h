/* fuzz.h - what the fuzz targets share: their one entry, a check that ends the program, and a
 * message cut into pieces where the input says so.
 *
 * Input of a target that cuts:
 *
 *     n (one byte, below 32), n piece lengths, a padding (six bytes), the message
 *
 * The piece lengths are used in turn. The padding repeats one byte somewhere in the message, so
 * that an input of a few bytes gets past limits of many thousand.
 */
#ifndef TEST_FUZZ_FUZZ_H
#define TEST_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must be there in release builds, too. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: this does not hold: %s\n", __FILE__, __LINE__, #condition);    \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* --- reading the input; behind its end there are zeros --- */

struct fuzz_in {
    const uint8_t *p, *end;
};

static inline bool fuzz_is_empty(const struct fuzz_in *in)
{
    return in->p == in->end;
}

static inline unsigned fuzz_byte(struct fuzz_in *in)
{
    return in->p < in->end ? *in->p++ : 0;
}

static inline unsigned fuzz_short(struct fuzz_in *in)
{
    unsigned low = fuzz_byte(in);

    return low | fuzz_byte(in) << 8;
}

/* The next `n` bytes, or as many as there are; a view of the input. */
static inline struct bytes fuzz_bytes(struct fuzz_in *in, size_t n)
{
    size_t left = (size_t)(in->end - in->p);
    struct bytes b = bytes_of((const char *)in->p, n < left ? n : left);

    in->p += b.len;
    return b;
}

/* --- memory --- */

static inline void *fuzz_alloc(size_t n)
{
    void *p = malloc(n ? n : 1);

    FUZZ_CHECK(p);
    return p;
}

/* A copy in memory of exactly its size, so that AddressSanitizer sees what reads past the end. */
static inline char *fuzz_copy(struct bytes b)
{
    char *p = malloc(b.len);

    FUZZ_CHECK(p || b.len == 0);
    if (b.len)
        memcpy(p, b.data, b.len);
    return p;
}

/* --- a message in pieces --- */

#define FUZZ_MAX_PIECES 300u /* then everything that is left at once */

struct fuzz_cuts {
    struct bytes lengths;
    unsigned n;
};

static inline struct fuzz_cuts fuzz_cuts_read(struct fuzz_in *in)
{
    struct fuzz_cuts c = { .n = 0 };

    c.lengths = fuzz_bytes(in, fuzz_byte(in) % 32);
    return c;
}

/* The length of the next piece of the `left` bytes that are left; may be 0. */
static inline size_t fuzz_cut(struct fuzz_cuts *c, size_t left)
{
    size_t n = left;

    if (c->lengths.len > 0 && c->n < FUZZ_MAX_PIECES)
        n = (uint8_t)c->lengths.data[c->n++ % c->lengths.len];
    return n < left ? n : left;
}

/* The rest of the input with its padding; give it to free(). */
static inline struct bytes fuzz_message(struct fuzz_in *in)
{
    size_t n = fuzz_short(in), at = fuzz_short(in);
    unsigned kind = fuzz_byte(in);
    char byte = (char)fuzz_byte(in);
    struct bytes rest = fuzz_bytes(in, SIZE_MAX);

    n = kind < 160 ? 0 : kind < 208 ? n % 512 : kind < 240 ? n % 32768 : n * 3;
    at = at < rest.len ? at : rest.len;
    char *text = malloc(rest.len + n);
    FUZZ_CHECK(text || rest.len + n == 0);
    if (at)
        memcpy(text, rest.data, at);
    if (n)
        memset(text + at, byte, n);
    if (rest.len > at)
        memcpy(text + at + n, rest.data + at, rest.len - at);
    return bytes_of(text, rest.len + n);
}

static inline void fuzz_message_free(struct bytes message)
{
    free((char *)(uintptr_t)message.data);
}

#endif
