/* outq.h - what one connection is still owed: a queue of slices, sent with as few system calls as
 * there can be.
 *
 * A slice is a part of a shared blob, a part of a file, or a source that makes its bytes when there
 * is room. Neighbours in the same blob merge. Nothing is allocated for an empty queue, nor for one
 * slice.
 */
#ifndef NET_OUTQ_H
#define NET_OUTQ_H

#include <stdbool.h>
#include <stdint.h>
#include "base/outbox.h"

enum slice_kind { SLICE_BLOB, SLICE_FILE, SLICE_SOURCE };

struct slice { /* private */
    union {
        struct blob *blob;
        struct out_source *source;
        int fd;
    } u;
    size_t off;
    uint64_t len;
    uint8_t kind, class;
};

struct outq {         /* private fields; visible so that a connection can embed it */
    struct slice one; /* the slice of a queue that has but one */
    struct slice
        *v; /* a ring is not needed: `first` moves up and the rest follows when it is full */
    uint32_t first, n, cap;
    uint32_t n_settled;   /* slices at the front that outq_leave_arena() has seen */
    size_t live_bytes;    /* owed, OUT_LIVE */
    size_t history_bytes; /* owed, OUT_HISTORY */
    uint32_t n_sources;
};

enum outq_result {
    OUTQ_EMPTY,  /* everything is sent */
    OUTQ_AGAIN,  /* the socket takes no more now: wait for EPOLLOUT */
    OUTQ_BUDGET, /* there may be room, but this tick's share is used */
    OUTQ_LATER,  /* the next bytes are a source's, and this tick's pieces are used up */
    OUTQ_FAILED, /* the connection is broken, or a source failed */
};

void outq_init(struct outq *q);
/* Drops everything. */
void outq_release(struct outq *q);

/* Each takes what it needs: a reference of its own; the descriptor; the source. ERR_NO_MEMORY (the
 * descriptor and the source are then closed and freed). */
MUST_CHECK enum err outq_add(struct outq *q, struct blob *b, size_t off, size_t len,
                             enum out_class class);
MUST_CHECK enum err outq_add_file(struct outq *q, int fd, uint64_t off, uint64_t len);
MUST_CHECK enum err outq_add_source(struct outq *q, struct out_source *s);

static inline bool outq_is_empty(const struct outq *q)
{
    return q->n == 0;
}
/* The class of the next bytes; OUT_LIVE when there are none. */
enum out_class outq_next_class(const struct outq *q);
/* Sends at most about `budget` bytes to the socket; *sent is increased by what went out. *pieces:
 * how many pieces sources may still make in this tick, for all connections together; counted down.
 */
enum outq_result outq_flush(struct outq *q, int fd, size_t budget, uint64_t *sent, int *pieces);
/* Copies what is left of slices in `arena` to blobs of their own, because its memory is used again
 * in the next tick. Looks at each slice once: call it in the tick in which the slices came.
 * ERR_NO_MEMORY. */
MUST_CHECK enum err outq_leave_arena(struct outq *q, const struct blob *arena);

#endif
