/* test_slots.c - ids that outlive their objects. */
#include "base/slots.h"

#include "run_tests.h"

static int objects[2000];

START_TEST(an_id_finds_its_object)
{
    struct slots s;
    slot_id a, b;

    slots_init(&s);
    ck_assert_int_eq(slots_add(&s, &objects[0], &a), OK);
    ck_assert_int_eq(slots_add(&s, &objects[1], &b), OK);
    ck_assert_uint_ne(a, b);
    ck_assert_ptr_eq(slots_find(&s, a), &objects[0]);
    ck_assert_ptr_eq(slots_find(&s, b), &objects[1]);
    ck_assert_uint_eq(slots_count(&s), 2);
    slots_release(&s);
}
END_TEST

START_TEST(nothing_is_found_in_an_empty_table)
{
    struct slots s;

    slots_init(&s);
    ck_assert_ptr_null(slots_find(&s, 0));
    ck_assert_ptr_null(slots_find(&s, 1));
    ck_assert_ptr_null(slots_find(&s, UINT64_MAX));
    slots_remove(&s, 0);
    slots_release(&s);
    slots_release(NULL);
}
END_TEST

START_TEST(zero_and_ids_never_given_out_find_nothing)
{
    struct slots s;
    slot_id a;

    slots_init(&s);
    ck_assert_int_eq(slots_add(&s, &objects[0], &a), OK);
    ck_assert_uint_ne(a, 0);
    ck_assert_ptr_null(slots_find(&s, 0));
    ck_assert_ptr_null(slots_find(&s, a + 1));
    ck_assert_ptr_null(slots_find(&s, a + ((slot_id)1 << 32)));
    slots_release(&s);
}
END_TEST

START_TEST(a_stale_id_never_finds_the_next_tenant)
{
    struct slots s;
    slot_id first, second;

    slots_init(&s);
    ck_assert_int_eq(slots_add(&s, &objects[0], &first), OK);
    slots_remove(&s, first);
    ck_assert_ptr_null(slots_find(&s, first));
    ck_assert_int_eq(slots_add(&s, &objects[1], &second), OK);
    ck_assert_uint_eq((uint32_t)first, (uint32_t)second);
    ck_assert_ptr_null(slots_find(&s, first));
    slots_remove(&s, first);
    ck_assert_ptr_eq(slots_find(&s, second), &objects[1]);
    ck_assert_uint_eq(slots_count(&s), 1);
    slots_release(&s);
}
END_TEST

START_TEST(removing_twice_frees_one_place)
{
    struct slots s;
    slot_id a, b, c;

    slots_init(&s);
    ck_assert_int_eq(slots_add(&s, &objects[0], &a), OK);
    slots_remove(&s, a);
    slots_remove(&s, a);
    ck_assert_uint_eq(slots_count(&s), 0);
    ck_assert_int_eq(slots_add(&s, &objects[1], &b), OK);
    ck_assert_int_eq(slots_add(&s, &objects[2], &c), OK);
    ck_assert_ptr_eq(slots_find(&s, b), &objects[1]);
    ck_assert_ptr_eq(slots_find(&s, c), &objects[2]);
    slots_release(&s);
}
END_TEST

START_TEST(freed_places_are_used_again_before_the_table_grows)
{
    struct slots s;
    slot_id ids[100], id;

    slots_init(&s);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(slots_add(&s, &objects[i], &ids[i]), OK);
    for (int i = 0; i < 100; i += 2)
        slots_remove(&s, ids[i]);
    ck_assert_uint_eq(slots_count(&s), 50);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(slots_add(&s, &objects[i], &id), OK);
    ck_assert_uint_eq(s.n, 100);
    for (int i = 1; i < 100; i += 2)
        ck_assert_ptr_eq(slots_find(&s, ids[i]), &objects[i]);
    slots_release(&s);
}
END_TEST

START_TEST(a_generation_that_wraps_skips_zero)
{
    struct slots s;
    slot_id id, next;

    slots_init(&s);
    ck_assert_int_eq(slots_add(&s, &objects[0], &id), OK);
    slots_remove(&s, id);
    s.v[0].generation = UINT32_MAX;
    ck_assert_int_eq(slots_add(&s, &objects[1], &next), OK);
    ck_assert_uint_eq(next >> 32, 1);
    ck_assert_ptr_eq(slots_find(&s, next), &objects[1]);
    ck_assert_ptr_null(slots_find(&s, 0));
    slots_release(&s);
}
END_TEST

START_TEST(thousands_come_and_go_and_each_id_stays_true)
{
    static slot_id ids[2000];
    struct slots s;
    uint32_t random = 7, expected = 0;

    slots_init(&s);
    for (int step = 0; step < 100000; step++) {
        random = random * 1664525u + 1013904223u;
        uint32_t i = (random >> 10) % 2000;
        if (ids[i] == 0) {
            ck_assert_int_eq(slots_add(&s, &objects[i], &ids[i]), OK);
            expected++;
        } else {
            ck_assert_ptr_eq(slots_find(&s, ids[i]), &objects[i]);
            slots_remove(&s, ids[i]);
            ck_assert_ptr_null(slots_find(&s, ids[i]));
            ids[i] = 0;
            expected--;
        }
    }
    ck_assert_uint_eq(slots_count(&s), expected);
    for (int i = 0; i < 2000; i++)
        ck_assert_ptr_eq(slots_find(&s, ids[i]), ids[i] ? &objects[i] : NULL);
    slots_release(&s);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_id_finds_its_object,
        nothing_is_found_in_an_empty_table,
        zero_and_ids_never_given_out_find_nothing,
        a_stale_id_never_finds_the_next_tenant,
        removing_twice_frees_one_place,
        freed_places_are_used_again_before_the_table_grows,
        a_generation_that_wraps_skips_zero,
        thousands_come_and_go_and_each_id_stays_true,
    };
    return RUN_TESTS("slots", tests);
}
