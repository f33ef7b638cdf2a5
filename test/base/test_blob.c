/* test_blob.c - shared bytes. That the last reference frees is seen by the leak checkers. */
#include "base/blob.h"

#include "run_tests.h"

START_TEST(a_new_blob_has_one_reference_and_its_length)
{
    struct blob *b = blob_new(5);

    ck_assert_uint_eq(b->refs, 1);
    ck_assert_uint_eq(b->len, 5);
    memcpy(b->data, "hello", 5);
    ck_assert(bytes_eq(blob_bytes(b), BYTES("hello")));
    blob_unref(b);
}
END_TEST

START_TEST(a_copy_is_independent_of_its_source)
{
    char text[] = "hello";
    struct blob *b = blob_copy(bytes_of(text, 5));

    text[0] = 'j';
    ck_assert(bytes_eq(blob_bytes(b), BYTES("hello")));
    blob_unref(b);
}
END_TEST

START_TEST(an_empty_blob_is_a_blob)
{
    struct blob *b = blob_copy(bytes_of(NULL, 0));

    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(blob_bytes(b).len, 0);
    blob_unref(b);
}
END_TEST

START_TEST(each_reference_keeps_the_bytes_alive)
{
    struct blob *b = blob_copy(BYTES("shared"));

    ck_assert_ptr_eq(blob_ref(b), b);
    ck_assert_ptr_eq(blob_ref(b), b);
    ck_assert_uint_eq(b->refs, 3);
    blob_unref(b);
    blob_unref(b);
    ck_assert_uint_eq(b->refs, 1);
    ck_assert(bytes_eq(blob_bytes(b), BYTES("shared")));
    blob_unref(b);
}
END_TEST

START_TEST(unref_of_null_does_nothing)
{
    blob_unref(NULL);
}
END_TEST

START_TEST(a_length_that_overflows_is_no_memory)
{
    ck_assert_ptr_null(blob_new(SIZE_MAX));
    ck_assert_ptr_null(blob_new(SIZE_MAX - sizeof(struct blob) + 1));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_new_blob_has_one_reference_and_its_length,
        a_copy_is_independent_of_its_source,
        an_empty_blob_is_a_blob,
        each_reference_keeps_the_bytes_alive,
        unref_of_null_does_nothing,
        a_length_that_overflows_is_no_memory,
    };
    return RUN_TESTS("blob", tests);
}
