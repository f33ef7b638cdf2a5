/* buf.c - the byte queue.
 *
 * Invariant: head <= tail <= cap <= max, and data is NULL exactly when cap is 0. An empty buf has
 * head == tail == 0, so draining it gives the whole capacity back without moving anything.
 *
 * The surprising part is when held bytes move to the front. Moving whenever that makes room costs
 * O(n) for each appended byte when a nearly full queue is consumed a byte at a time; so they move
 * only when at least half of the memory is consumed bytes (each move is then paid for by as many
 * consumed bytes), or when the maximum leaves nothing else.
 */
#include "base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#define FIRST_CAP 128u /* less is not worth an allocation */

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

void buf_release(struct buf *b)
{
    if (!b)
        return;
    free(b->data);
    buf_init(b, b->max);
}

static void move_to_front(struct buf *b)
{
    size_t len = buf_len(b);

    memmove(b->data, b->data + b->head, len);
    b->head = 0;
    b->tail = len;
}

/* Twice the size, or what is needed when that is more, and never above the maximum. */
static size_t next_cap(const struct buf *b, size_t need)
{
    size_t cap = b->cap > b->max / 2 ? b->max : b->cap * 2;

    if (cap < FIRST_CAP)
        cap = FIRST_CAP;
    if (cap < need)
        cap = need;
    return cap < b->max ? cap : b->max;
}

static enum err grow_to(struct buf *b, size_t cap)
{
    if (b->head == 0) {
        char *data = realloc(b->data, cap); /* large blocks are remapped, not copied */
        if (!data)
            return ERR_NO_MEMORY;
        b->data = data;
    } else {
        size_t len = buf_len(b);
        char *data = malloc(cap);
        if (!data)
            return ERR_NO_MEMORY;
        memcpy(data, b->data + b->head, len);
        free(b->data);
        b->data = data;
        b->head = 0;
        b->tail = len;
    }
    b->cap = cap;
    return OK;
}

enum err buf_reserve(struct buf *b, size_t n, char **tail)
{
    size_t len = buf_len(b);

    if (n > b->max - len)
        return ERR_LIMIT;
    if (n > b->cap - b->tail) {
        bool fits = n <= b->cap - len;
        if (fits && (b->head >= b->cap / 2 || b->cap == b->max)) {
            move_to_front(b);
        } else {
            enum err e = grow_to(b, next_cap(b, len + n));
            if (e)
                return e;
        }
    }
    *tail = b->data ? b->data + b->tail : NULL;
    return OK;
}

void buf_grow(struct buf *b, size_t n)
{
    assert(n <= b->cap - b->tail);
    b->tail += n;
}

enum err buf_append(struct buf *b, const void *data, size_t len)
{
    char *tail;
    enum err e = buf_reserve(b, len, &tail);

    if (e || len == 0)
        return e;
    memcpy(tail, data, len);
    b->tail += len;
    return OK;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= buf_len(b))
        buf_clear(b);
    else
        b->head += n;
}

void buf_clear(struct buf *b)
{
    b->head = b->tail = 0;
}
