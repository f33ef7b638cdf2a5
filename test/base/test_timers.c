/* test_timers.c - the heap, by hand and against a search through all timers. */
#include "base/timers.h"

#include "run_tests.h"

START_TEST(an_empty_heap_has_nothing_due)
{
    struct timers t;

    timers_init(&t);
    ck_assert_ptr_null(timers_pop_due(&t, INT64_MAX));
    ck_assert_int_eq(timers_wait_ms(&t, 0), -1);
    timers_release(&t);
    timers_release(NULL);
}
END_TEST

START_TEST(a_timer_is_due_at_its_deadline_and_not_before)
{
    struct timers t;
    struct timer a = { 0 };

    timers_init(&t);
    ck_assert_int_eq(timers_set(&t, &a, 100), OK);
    ck_assert_ptr_null(timers_pop_due(&t, 99));
    ck_assert_int_eq(timers_wait_ms(&t, 40), 60);
    ck_assert_int_eq(timers_wait_ms(&t, 100), 0);
    ck_assert_int_eq(timers_wait_ms(&t, 500), 0);
    ck_assert_ptr_eq(timers_pop_due(&t, 100), &a);
    ck_assert_uint_eq(a.place, 0);
    ck_assert_ptr_null(timers_pop_due(&t, 100));
    timers_release(&t);
}
END_TEST

START_TEST(the_earliest_comes_first)
{
    struct timers t;
    struct timer a = { 0 }, b = { 0 }, c = { 0 };

    timers_init(&t);
    ck_assert_int_eq(timers_set(&t, &a, 30), OK);
    ck_assert_int_eq(timers_set(&t, &b, 10), OK);
    ck_assert_int_eq(timers_set(&t, &c, 20), OK);
    ck_assert_int_eq(timers_wait_ms(&t, 0), 10);
    ck_assert_ptr_eq(timers_pop_due(&t, 25), &b);
    ck_assert_ptr_eq(timers_pop_due(&t, 25), &c);
    ck_assert_ptr_null(timers_pop_due(&t, 25));
    ck_assert_ptr_eq(timers_pop_due(&t, 30), &a);
    timers_release(&t);
}
END_TEST

START_TEST(setting_again_moves_the_deadline)
{
    struct timers t;
    struct timer a = { 0 }, b = { 0 };

    timers_init(&t);
    ck_assert_int_eq(timers_set(&t, &a, 10), OK);
    ck_assert_int_eq(timers_set(&t, &b, 20), OK);
    ck_assert_int_eq(timers_set(&t, &a, 30), OK);
    ck_assert_ptr_eq(timers_pop_due(&t, 30), &b);
    ck_assert_int_eq(timers_set(&t, &a, 5), OK);
    ck_assert_ptr_eq(timers_pop_due(&t, 5), &a);
    ck_assert_ptr_null(timers_pop_due(&t, INT64_MAX));
    timers_release(&t);
}
END_TEST

START_TEST(a_cancelled_timer_never_fires)
{
    struct timers t;
    struct timer a = { 0 }, b = { 0 };

    timers_init(&t);
    timers_cancel(&t, &a);
    ck_assert_int_eq(timers_set(&t, &a, 10), OK);
    ck_assert_int_eq(timers_set(&t, &b, 20), OK);
    timers_cancel(&t, &a);
    timers_cancel(&t, &a);
    ck_assert_ptr_eq(timers_pop_due(&t, 100), &b);
    ck_assert_ptr_null(timers_pop_due(&t, 100));
    timers_release(&t);
}
END_TEST

START_TEST(a_popped_timer_can_be_set_again)
{
    struct timers t;
    struct timer a = { 0 };

    timers_init(&t);
    for (int64_t due = 0; due < 100; due++) {
        ck_assert_int_eq(timers_set(&t, &a, due), OK);
        ck_assert_ptr_eq(timers_pop_due(&t, due), &a);
    }
    timers_release(&t);
}
END_TEST

#define N_TIMERS 300

static struct timer *earliest(struct timer *timers)
{
    struct timer *best = NULL;

    for (int i = 0; i < N_TIMERS; i++)
        if (timers[i].place && (!best || timers[i].due_ms < best->due_ms))
            best = &timers[i];
    return best;
}

START_TEST(it_behaves_like_a_search_through_all_timers)
{
    static struct timer timers[N_TIMERS];
    struct timers t;
    uint32_t random = 3;

    timers_init(&t);
    for (int step = 0; step < 50000; step++) {
        random = random * 1664525u + 1013904223u;
        struct timer *timer = &timers[(random >> 8) % N_TIMERS];
        int64_t when = random >> 20;
        if (random % 8 < 5) {
            ck_assert_int_eq(timers_set(&t, timer, when), OK);
        } else if (random % 8 < 6) {
            timers_cancel(&t, timer);
        } else {
            struct timer *best = earliest(timers);
            int64_t due_ms = best ? best->due_ms : 0;
            struct timer *due = timers_pop_due(&t, when);
            if (!best || due_ms > when)
                ck_assert_ptr_null(due);
            else
                ck_assert_int_eq(due->due_ms, due_ms);
        }
        struct timer *best = earliest(timers);
        ck_assert_int_eq(timers_wait_ms(&t, -1), best ? best->due_ms + 1 : -1);
    }
    timers_release(&t);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_empty_heap_has_nothing_due,
        a_timer_is_due_at_its_deadline_and_not_before,
        the_earliest_comes_first,
        setting_again_moves_the_deadline,
        a_cancelled_timer_never_fires,
        a_popped_timer_can_be_set_again,
        it_behaves_like_a_search_through_all_timers,
    };
    return RUN_TESTS("timers", tests);
}
