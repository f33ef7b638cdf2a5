/* test_buf.c - the byte queue, mostly against an array that is moved at every step. */
#include "base/buf.h"

#include <stdint.h>
#include "run_tests.h"

START_TEST(a_new_buf_is_empty_and_holds_no_memory)
{
    struct buf b;

    buf_init(&b, 100);
    ck_assert_uint_eq(buf_len(&b), 0);
    ck_assert_ptr_null(buf_head(&b));
    ck_assert_uint_eq(b.cap, 0);
    buf_release(&b);
}
END_TEST

START_TEST(bytes_come_out_in_the_order_in_which_they_went_in)
{
    struct buf b;

    buf_init(&b, 100);
    ck_assert_int_eq(buf_append(&b, "hello ", 6), OK);
    ck_assert_int_eq(buf_append(&b, "world", 5), OK);
    ck_assert(bytes_eq(buf_bytes(&b), BYTES("hello world")));
    buf_consume(&b, 6);
    ck_assert(bytes_eq(buf_bytes(&b), BYTES("world")));
    buf_consume(&b, 5);
    ck_assert_uint_eq(buf_len(&b), 0);
    buf_release(&b);
}
END_TEST

START_TEST(the_maximum_fits_and_one_more_does_not)
{
    struct buf b;
    char bytes[1001] = { 0 };

    buf_init(&b, 1000);
    ck_assert_int_eq(buf_append(&b, bytes, 1001), ERR_LIMIT);
    ck_assert_uint_eq(buf_len(&b), 0);
    ck_assert_int_eq(buf_append(&b, bytes, 1000), OK);
    ck_assert_int_eq(buf_append(&b, bytes, 1), ERR_LIMIT);
    ck_assert_uint_eq(buf_len(&b), 1000);
    ck_assert_uint_le(b.cap, 1000);
    buf_release(&b);
}
END_TEST

START_TEST(the_maximum_counts_what_is_held_and_not_what_was_consumed)
{
    struct buf b;
    char bytes[1000] = { 0 };

    buf_init(&b, 1000);
    ck_assert_int_eq(buf_append(&b, bytes, 1000), OK);
    buf_consume(&b, 1);
    ck_assert_int_eq(buf_append(&b, "x", 1), OK);
    ck_assert_int_eq(buf_head(&b)[999], 'x');
    ck_assert_int_eq(buf_append(&b, "x", 1), ERR_LIMIT);
    buf_release(&b);
}
END_TEST

START_TEST(a_refused_append_leaves_the_contents)
{
    struct buf b;

    buf_init(&b, 5);
    ck_assert_int_eq(buf_append(&b, "abc", 3), OK);
    ck_assert_int_eq(buf_append(&b, "def", 3), ERR_LIMIT);
    ck_assert(bytes_eq(buf_bytes(&b), BYTES("abc")));
    char *tail;
    ck_assert_int_eq(buf_reserve(&b, SIZE_MAX, &tail), ERR_LIMIT);
    ck_assert(bytes_eq(buf_bytes(&b), BYTES("abc")));
    buf_release(&b);
}
END_TEST

START_TEST(a_maximum_of_nothing_takes_nothing)
{
    struct buf b;

    buf_init(&b, 0);
    ck_assert_int_eq(buf_append(&b, "x", 1), ERR_LIMIT);
    ck_assert_int_eq(buf_append(&b, NULL, 0), OK);
    ck_assert_uint_eq(buf_len(&b), 0);
    buf_release(&b);
}
END_TEST

START_TEST(reserved_room_counts_only_when_it_is_grown_into)
{
    struct buf b;
    char *tail;

    buf_init(&b, 100);
    ck_assert_int_eq(buf_reserve(&b, 50, &tail), OK);
    ck_assert_uint_eq(buf_len(&b), 0);
    memcpy(tail, "abc", 3);
    buf_grow(&b, 3);
    ck_assert(bytes_eq(buf_bytes(&b), BYTES("abc")));
    ck_assert_int_eq(buf_reserve(&b, 97, &tail), OK);
    ck_assert_int_eq(buf_reserve(&b, 98, &tail), ERR_LIMIT);
    buf_release(&b);
}
END_TEST

START_TEST(consuming_too_much_empties)
{
    struct buf b;

    buf_init(&b, 100);
    ck_assert_int_eq(buf_append(&b, "abc", 3), OK);
    buf_consume(&b, 100);
    ck_assert_uint_eq(buf_len(&b), 0);
    ck_assert_int_eq(buf_append(&b, "def", 3), OK);
    ck_assert(bytes_eq(buf_bytes(&b), BYTES("def")));
    buf_release(&b);
}
END_TEST

START_TEST(clear_keeps_the_memory_and_release_gives_it_back)
{
    struct buf b;

    buf_init(&b, 100);
    ck_assert_int_eq(buf_append(&b, "abc", 3), OK);
    size_t cap = b.cap;
    buf_clear(&b);
    ck_assert_uint_eq(buf_len(&b), 0);
    ck_assert_uint_eq(b.cap, cap);
    buf_release(&b);
    ck_assert_uint_eq(b.cap, 0);
    ck_assert_ptr_null(b.data);
    ck_assert_uint_eq(b.max, 100);
    ck_assert_int_eq(buf_append(&b, "abc", 3), OK);
    buf_release(&b);
    buf_release(NULL);
}
END_TEST

START_TEST(memory_grows_geometrically_and_with_what_has_come)
{
    struct buf b;
    size_t growths = 0, cap = 0;

    buf_init(&b, 1u << 20);
    for (size_t i = 0; i < 1u << 20; i++) {
        if (buf_append(&b, "x", 1) != OK || b.cap > 2 * buf_len(&b) + 256)
            ck_abort_msg("%zu bytes for %zu", b.cap, buf_len(&b));
        growths += b.cap != cap;
        cap = b.cap;
    }
    ck_assert_uint_le(growths, 16);
    buf_release(&b);
}
END_TEST

START_TEST(a_queue_in_balance_needs_no_growth)
{
    struct buf b;
    char bytes[64] = { 0 };

    buf_init(&b, SIZE_MAX);
    for (int i = 0; i < 100000; i++) {
        if (buf_append(&b, bytes, sizeof bytes) != OK)
            ck_abort_msg("step %d", i);
        if (i >= 10)
            buf_consume(&b, sizeof bytes);
    }
    ck_assert_uint_le(b.cap, 4096);
    buf_release(&b);
}
END_TEST

#define MODEL_MAX 3000u

/* Random appends and consumes; a plain array says what must be held. */
START_TEST(it_behaves_like_an_array)
{
    static char model[MODEL_MAX];
    size_t held = 0;
    uint32_t random = 1;
    struct buf b;

    buf_init(&b, MODEL_MAX);
    for (int i = 0; i < 200000; i++) {
        random = random * 1664525u + 1013904223u;
        size_t n = (random >> 8) % 400;
        if (random >> 31) {
            char piece[400];
            memset(piece, (int)(random >> 20 & 127), n);
            enum err e = buf_append(&b, piece, n);
            if (e != (held + n > MODEL_MAX ? ERR_LIMIT : OK))
                ck_abort_msg("step %d: %s", i, err_text(e));
            if (e == OK) {
                memcpy(model + held, piece, n);
                held += n;
            }
        } else {
            buf_consume(&b, n);
            size_t gone = n < held ? n : held;
            memmove(model, model + gone, held - gone);
            held -= gone;
        }
        if (!bytes_eq(buf_bytes(&b), bytes_of(model, held)) || b.cap > MODEL_MAX)
            ck_abort_msg("step %d", i);
    }
    buf_release(&b);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_new_buf_is_empty_and_holds_no_memory,
        bytes_come_out_in_the_order_in_which_they_went_in,
        the_maximum_fits_and_one_more_does_not,
        the_maximum_counts_what_is_held_and_not_what_was_consumed,
        a_refused_append_leaves_the_contents,
        a_maximum_of_nothing_takes_nothing,
        reserved_room_counts_only_when_it_is_grown_into,
        consuming_too_much_empties,
        clear_keeps_the_memory_and_release_gives_it_back,
        memory_grows_geometrically_and_with_what_has_come,
        a_queue_in_balance_needs_no_growth,
        it_behaves_like_an_array,
    };
    return RUN_TESTS("buf", tests);
}
