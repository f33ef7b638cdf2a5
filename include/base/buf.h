/* buf.h - a growable byte queue with a hard maximum.
 *
 * Bytes are appended at the tail and consumed at the head; what is in between is contiguous,
 * because parsers want that. The maximum is given at birth: nothing that a peer sends can grow a
 * buf past it.
 *
 *     struct buf b;
 *     buf_init(&b, 65536);
 *     if (buf_append(&b, data, len) == ERR_LIMIT) ...
 *     use(buf_bytes(&b));
 *     buf_release(&b);
 *
 * Pointers into a buf are valid until the next call that appends, reserves, consumes or releases.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/bytes.h"
#include "base/err.h"

struct buf { /* private fields; visible so that it can be embedded */
    char *data;
    size_t head; /* first byte not consumed yet */
    size_t tail; /* one past the last byte */
    size_t cap;
    size_t max; /* most bytes that may be held at once */
};

/* Empty, no memory yet. `max` in bytes. */
void buf_init(struct buf *b, size_t max);
/* Gives the memory back; the buf is empty and usable again, with the same maximum. */
void buf_release(struct buf *b);

static inline size_t buf_len(const struct buf *b)
{
    return b->tail - b->head;
}

static inline char *buf_head(const struct buf *b)
{
    return b->data ? b->data + b->head : NULL;
}

static inline struct bytes buf_bytes(const struct buf *b)
{
    return bytes_of(buf_head(b), buf_len(b));
}

/* Room for `n` more bytes at the tail, returned in *tail; buf_grow() then says how many were
 * written. ERR_LIMIT beyond the maximum, ERR_NO_MEMORY; the contents stay as they were. */
MUST_CHECK enum err buf_reserve(struct buf *b, size_t n, char **tail);
/* Counts `n` bytes that were written at the tail after buf_reserve(). */
void buf_grow(struct buf *b, size_t n);
/* Copies `len` bytes to the tail. Same errors as buf_reserve(). */
MUST_CHECK enum err buf_append(struct buf *b, const void *data, size_t len);
/* Forgets the first `n` bytes (at most what is held). Keeps the memory. */
void buf_consume(struct buf *b, size_t n);
/* Empty again; keeps the memory. */
void buf_clear(struct buf *b);

#endif
