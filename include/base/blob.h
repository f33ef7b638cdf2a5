/* blob.h - immutable, reference-counted bytes: one copy for many receivers.
 *
 * A blob is filled once by its maker and never changed after it has been shared. Single-threaded:
 * the count is a plain number.
 */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"

struct blob {
    uint32_t refs;
    size_t len;
    char data[];
};

/* A blob of `len` bytes, not yet written, with one reference. NULL without memory. */
struct blob *blob_new(size_t len);
/* A blob with a copy of `b`. NULL without memory. */
struct blob *blob_copy(struct bytes b);
/* Room for `cap` bytes in a blob that nobody shares, with the bytes that it has (at most `cap`) and
 * its `len`, which the caller sets as it fills it; NULL `b`: a new one, empty. NULL without memory,
 * and then `b` is as it was. */
struct blob *blob_resize(struct blob *b, size_t cap);
/* One more reference; returns `b`. */
struct blob *blob_ref(struct blob *b);
/* One reference less; the last one frees. NULL is allowed. */
void blob_unref(struct blob *b);

static inline struct bytes blob_bytes(const struct blob *b)
{
    return bytes_of(b->data, b->len);
}

#endif
