/* timers.c - the binary heap.
 *
 * Invariant: heap[i]->place == i + 1, and no timer is due before its parent (i - 1) / 2. The place
 * in the timer is what makes moving and cancelling O(log n) instead of a search.
 */
#include "base/timers.h"

#include <stdlib.h>

#define FIRST_CAP 16u

void timers_init(struct timers *t)
{
    *t = (struct timers){ 0 };
}

void timers_release(struct timers *t)
{
    if (!t)
        return;
    free(t->heap);
    timers_init(t);
}

static void put(struct timers *t, uint32_t i, struct timer *timer)
{
    t->heap[i] = timer;
    timer->place = i + 1;
}

/* Finds the place of `timer`, for which heap[i] is free, towards the root. */
static void sift_up(struct timers *t, uint32_t i, struct timer *timer)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / 2;
        if (t->heap[parent]->due_ms <= timer->due_ms)
            break;
        put(t, i, t->heap[parent]);
        i = parent;
    }
    put(t, i, timer);
}

/* The same towards the leaves. */
static void sift_down(struct timers *t, uint32_t i, struct timer *timer)
{
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= t->n)
            break;
        if (child + 1 < t->n && t->heap[child + 1]->due_ms < t->heap[child]->due_ms)
            child++;
        if (timer->due_ms <= t->heap[child]->due_ms)
            break;
        put(t, i, t->heap[child]);
        i = child;
    }
    put(t, i, timer);
}

static void sift(struct timers *t, uint32_t i, struct timer *timer)
{
    if (i > 0 && timer->due_ms < t->heap[(i - 1) / 2]->due_ms)
        sift_up(t, i, timer);
    else
        sift_down(t, i, timer);
}

static enum err make_room(struct timers *t)
{
    uint32_t cap = t->cap ? t->cap * 2 : FIRST_CAP;

    if (cap > UINT32_MAX / 4)
        return ERR_NO_MEMORY;
    struct timer **heap = realloc(t->heap, cap * sizeof *heap);
    if (!heap)
        return ERR_NO_MEMORY;
    t->heap = heap;
    t->cap = cap;
    return OK;
}

enum err timers_set(struct timers *t, struct timer *timer, int64_t due_ms)
{
    if (timer->place) {
        timer->due_ms = due_ms;
        sift(t, timer->place - 1, timer);
        return OK;
    }
    if (t->n == t->cap) {
        enum err e = make_room(t);
        if (e)
            return e;
    }
    timer->due_ms = due_ms;
    sift_up(t, t->n++, timer);
    return OK;
}

void timers_cancel(struct timers *t, struct timer *timer)
{
    if (!timer->place)
        return;
    uint32_t hole = timer->place - 1;
    struct timer *last = t->heap[--t->n];
    timer->place = 0;
    if (last != timer)
        sift(t, hole, last);
}

struct timer *timers_pop_due(struct timers *t, int64_t now_ms)
{
    if (t->n == 0 || t->heap[0]->due_ms > now_ms)
        return NULL;
    struct timer *due = t->heap[0];
    timers_cancel(t, due);
    return due;
}

int64_t timers_wait_ms(const struct timers *t, int64_t now_ms)
{
    if (t->n == 0)
        return -1;
    int64_t due_ms = t->heap[0]->due_ms;
    return due_ms <= now_ms ? 0 : due_ms - now_ms;
}
