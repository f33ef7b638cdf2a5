/* timers.h - deadlines in a binary min-heap. The caller brings the time; there is no clock in here.
 *
 * A timer is embedded in what it belongs to and is in the heap at most once.
 *
 *     timers_set(&t, &conn->timer, now_ms + 10000);
 *     while ((due = timers_pop_due(&t, now_ms)) != NULL) on_timer(due);
 *
 * A deadline that keeps moving (an idle timeout) need not touch the heap at each move: let the
 * timer fire, look at the deadline that is then true, and set it again. That is what connections
 * do.
 */
#ifndef BASE_TIMERS_H
#define BASE_TIMERS_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct timer {
    int64_t due_ms;
    uint32_t place; /* 1-based place in the heap; 0: not set */
};

struct timers { /* private fields */
    struct timer **heap;
    uint32_t n, cap;
};

void timers_init(struct timers *t);
/* Frees the heap, not the timers. */
void timers_release(struct timers *t);
/* Sets or moves the deadline. ERR_NO_MEMORY only for a timer that was not set. */
MUST_CHECK enum err timers_set(struct timers *t, struct timer *timer, int64_t due_ms);
/* Not set afterwards; a timer that is not set is left alone. */
void timers_cancel(struct timers *t, struct timer *timer);
/* Takes out and returns one timer with due_ms <= now_ms, earliest first; NULL when there is none.
 */
struct timer *timers_pop_due(struct timers *t, int64_t now_ms);
/* Milliseconds until the earliest deadline, 0 when it has passed, -1 when there is none. */
int64_t timers_wait_ms(const struct timers *t, int64_t now_ms);

#endif
