/* blob.c - one allocation for the count, the length and the bytes.
 *
 * Invariant: refs is at least 1 as long as anyone can reach the blob.
 */
#include "base/blob.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

struct blob *blob_new(size_t len)
{
    if (len > SIZE_MAX - sizeof(struct blob))
        return NULL;
    struct blob *b = malloc(sizeof *b + len);
    if (!b)
        return NULL;
    b->refs = 1;
    b->len = len;
    return b;
}

struct blob *blob_copy(struct bytes b)
{
    struct blob *copy = blob_new(b.len);
    if (copy && b.len > 0)
        memcpy(copy->data, b.data, b.len);
    return copy;
}

struct blob *blob_resize(struct blob *b, size_t cap)
{
    bool is_new = !b;

    assert(!b || (b->refs == 1 && b->len <= cap));
    if (cap > SIZE_MAX - sizeof(struct blob) || !(b = realloc(b, sizeof *b + cap)))
        return NULL;
    if (is_new) {
        b->refs = 1;
        b->len = 0;
    }
    return b;
}

struct blob *blob_ref(struct blob *b)
{
    assert(b->refs > 0 && b->refs < UINT32_MAX);
    b->refs++;
    return b;
}

void blob_unref(struct blob *b)
{
    if (!b)
        return;
    assert(b->refs > 0);
    if (--b->refs == 0)
        free(b);
}
