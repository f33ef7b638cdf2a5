/* guarded.h - input that ends where readable memory ends: reading one byte too far crashes.
 *
 * Each piece is placed in the other one of two regions, and the region before is filled with
 * rubbish, so that a decoder that keeps a pointer into an earlier piece is found out, too.
 */
#ifndef TEST_PROTO_GUARDED_H
#define TEST_PROTO_GUARDED_H

#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include "base/bytes.h"

#define GUARDED_SIZE (1u << 20)
#define GUARD_SIZE   65536u

struct guarded {
    char *region[2];
    size_t used[2];
    int now;
};

static inline void guarded_init(struct guarded *g)
{
    *g = (struct guarded){ 0 };
    for (int i = 0; i < 2; i++) {
        char *p = mmap(NULL, GUARDED_SIZE + GUARD_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(p, MAP_FAILED);
        ck_assert_int_eq(mprotect(p + GUARDED_SIZE, GUARD_SIZE, PROT_NONE), 0);
        g->region[i] = p;
    }
}

static inline void guarded_release(struct guarded *g)
{
    for (int i = 0; i < 2; i++)
        munmap(g->region[i], GUARDED_SIZE + GUARD_SIZE);
}

/* A copy of `b` (up to GUARDED_SIZE bytes) whose end is the end of readable memory. */
static inline char *guarded_copy(struct guarded *g, struct bytes b)
{
    int old = g->now, now = g->now ^= 1;

    if (b.len > GUARDED_SIZE) /* not ck_assert(): it costs a write each time, and this is hot */
        ck_abort_msg("%zu bytes", b.len);
    memset(g->region[old] + GUARDED_SIZE - g->used[old], 0xA5, g->used[old]);
    g->used[now] = b.len;
    char *at = g->region[now] + GUARDED_SIZE - b.len;
    if (b.len > 0)
        memcpy(at, b.data, b.len);
    return at;
}

#endif
