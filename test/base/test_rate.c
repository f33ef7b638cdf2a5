/* test_rate.c - token buckets in a table of fixed size. The time is a number here. */
#include "base/rate.h"

#include <stdio.h>
#include "run_tests.h"

static uint32_t wait_s;

static bool allow(struct rate *r, const char *key, int64_t now_ms)
{
    return rate_allow(r, bytes_str(key), now_ms, &wait_s);
}

START_TEST(a_burst_of_the_whole_minute_is_allowed_and_no_more)
{
    struct rate *r = rate_new(60, 10);

    for (int i = 0; i < 60; i++)
        ck_assert(allow(r, "a", 1000));
    ck_assert(!allow(r, "a", 1000));
    ck_assert_uint_eq(wait_s, 1);
    rate_free(r);
    rate_free(NULL);
}
END_TEST

START_TEST(one_attempt_comes_back_after_its_share_of_a_minute)
{
    struct rate *r = rate_new(6, 10);

    for (int i = 0; i < 6; i++)
        ck_assert(allow(r, "a", 0));
    ck_assert(!allow(r, "a", 9999));
    ck_assert_uint_eq(wait_s, 1);
    ck_assert(allow(r, "a", 10000));
    ck_assert(!allow(r, "a", 10000));
    ck_assert_uint_eq(wait_s, 10);
    rate_free(r);
}
END_TEST

START_TEST(retry_after_is_rounded_up_to_a_time_that_works)
{
    for (uint32_t per_minute = 1; per_minute <= 200; per_minute++) {
        struct rate *r = rate_new(per_minute, 4);
        for (uint32_t i = 0; i < per_minute; i++)
            ck_assert(allow(r, "a", 0));
        ck_assert(!allow(r, "a", 0));
        ck_assert_uint_eq(wait_s, (60 + per_minute - 1) / per_minute);
        ck_assert(allow(r, "a", (int64_t)wait_s * 1000));
        rate_free(r);
    }
}
END_TEST

START_TEST(a_refused_attempt_costs_nothing)
{
    struct rate *r = rate_new(1, 10);

    ck_assert(allow(r, "a", 0));
    for (int64_t now = 0; now < 60000; now += 100)
        ck_assert(!allow(r, "a", now));
    ck_assert(allow(r, "a", 60000));
    rate_free(r);
}
END_TEST

START_TEST(no_rate_loses_attempts_to_rounding)
{
    struct rate *r = rate_new(7, 10);
    int allowed = 0;

    for (int64_t now = 0; now <= 600000; now++) /* ten minutes, each millisecond */
        allowed += allow(r, "a", now);
    ck_assert_int_eq(allowed, 7 + 70);
    rate_free(r);
}
END_TEST

START_TEST(a_long_absence_fills_the_bucket_once)
{
    struct rate *r = rate_new(5, 10);

    ck_assert(allow(r, "a", 0));
    for (int i = 0; i < 5; i++)
        ck_assert(allow(r, "a", INT64_MAX / 2));
    ck_assert(!allow(r, "a", INT64_MAX / 2));
    rate_free(r);
}
END_TEST

START_TEST(a_clock_that_goes_back_gives_nothing)
{
    struct rate *r = rate_new(1, 10);

    ck_assert(allow(r, "a", 100000));
    ck_assert(!allow(r, "a", 0));
    ck_assert(!allow(r, "a", 60000));
    ck_assert(allow(r, "a", 160000));
    rate_free(r);
}
END_TEST

START_TEST(keys_do_not_share_a_bucket)
{
    struct rate *r = rate_new(1, 10);

    ck_assert(allow(r, "a", 0));
    ck_assert(allow(r, "b", 0));
    ck_assert(rate_allow(r, bytes_of(NULL, 0), 0, &wait_s));
    ck_assert(!allow(r, "a", 0));
    ck_assert(!allow(r, "b", 0));
    ck_assert(!rate_allow(r, bytes_of(NULL, 0), 0, &wait_s));
    rate_free(r);
}
END_TEST

START_TEST(a_rate_of_zero_allows_everything)
{
    struct rate *r = rate_new(0, 10);

    for (int i = 0; i < 1000; i++)
        ck_assert(allow(r, "a", 0));
    ck_assert_uint_eq(wait_s, 0);
    rate_free(r);
}
END_TEST

START_TEST(a_key_counts_up_to_its_64th_byte)
{
    struct rate *r = rate_new(1, 10);
    char key[66];

    memset(key, 'k', sizeof key);
    key[64] = 'x';
    ck_assert(rate_allow(r, bytes_of(key, 65), 0, &wait_s));
    key[64] = 'y';
    ck_assert(!rate_allow(r, bytes_of(key, 66), 0, &wait_s));
    key[63] = 'z';
    ck_assert(rate_allow(r, bytes_of(key, 65), 0, &wait_s));
    rate_free(r);
}
END_TEST

START_TEST(the_longest_quiet_key_gives_way)
{
    struct rate *r = rate_new(1, 3);

    ck_assert(allow(r, "a", 0));
    ck_assert(allow(r, "b", 1));
    ck_assert(allow(r, "c", 2));
    ck_assert(!allow(r, "a", 3)); /* heard again: "b" is the quiet one now */
    ck_assert(allow(r, "d", 4));
    ck_assert(!allow(r, "a", 5));
    ck_assert(!allow(r, "c", 6));
    ck_assert(!allow(r, "d", 7));
    ck_assert(allow(r, "b", 8)); /* had been forgotten */
    rate_free(r);
}
END_TEST

START_TEST(many_more_keys_than_places_are_served)
{
    struct rate *r = rate_new(1, 64);
    char key[32];

    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        ck_assert(allow(r, key, i));
        ck_assert(!allow(r, key, i));
    }
    for (int i = 20000 - 64; i < 20000; i++) { /* the last 64 are remembered, and nothing else */
        snprintf(key, sizeof key, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        ck_assert(!allow(r, key, 20000));
    }
    ck_assert(allow(r, "10.0.0.0", 20000));
    rate_free(r);
}
END_TEST

START_TEST(a_table_of_one_key_works)
{
    struct rate *r = rate_new(1, 0);

    ck_assert(allow(r, "a", 0));
    ck_assert(!allow(r, "a", 0));
    ck_assert(allow(r, "b", 0));
    ck_assert(allow(r, "a", 0));
    rate_free(r);
}
END_TEST

START_TEST(the_largest_rate_does_not_overflow)
{
    struct rate *r = rate_new(UINT32_MAX, 1);

    for (int64_t now = 0; now < 1000000; now += 1000)
        ck_assert(allow(r, "a", now));
    rate_free(r);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_burst_of_the_whole_minute_is_allowed_and_no_more,
        one_attempt_comes_back_after_its_share_of_a_minute,
        retry_after_is_rounded_up_to_a_time_that_works,
        a_refused_attempt_costs_nothing,
        no_rate_loses_attempts_to_rounding,
        a_long_absence_fills_the_bucket_once,
        a_clock_that_goes_back_gives_nothing,
        keys_do_not_share_a_bucket,
        a_rate_of_zero_allows_everything,
        a_key_counts_up_to_its_64th_byte,
        the_longest_quiet_key_gives_way,
        many_more_keys_than_places_are_served,
        a_table_of_one_key_works,
        the_largest_rate_does_not_overflow,
    };
    return RUN_TESTS("rate", tests);
}
