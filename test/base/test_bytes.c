/* test_bytes.c - views and the small ASCII helpers. */
#include "base/bytes.h"

#include "run_tests.h"

static bool is(struct bytes b, const char *text)
{
    return bytes_eq(b, bytes_str(text));
}

START_TEST(a_view_of_a_literal_has_no_nul)
{
    ck_assert_uint_eq(BYTES("abc").len, 3);
    ck_assert_uint_eq(BYTES("").len, 0);
    ck_assert_uint_eq(BYTES("a\0b").len, 3);
    ck_assert_uint_eq(bytes_str(NULL).len, 0);
}
END_TEST

START_TEST(equality_looks_at_length_and_every_byte)
{
    ck_assert(bytes_eq(BYTES("abc"), BYTES("abc")));
    ck_assert(!bytes_eq(BYTES("abc"), BYTES("abd")));
    ck_assert(!bytes_eq(BYTES("abc"), BYTES("ab")));
    ck_assert(!bytes_eq(BYTES("a\0b"), BYTES("a\0c")));
    ck_assert(bytes_eq(bytes_of(NULL, 0), BYTES("")));
}
END_TEST

START_TEST(equality_without_case_folds_ascii_letters_only)
{
    ck_assert(bytes_eq_nocase(BYTES("Content-LENGTH"), BYTES("content-length")));
    ck_assert(!bytes_eq_nocase(BYTES("abc"), BYTES("abcd")));
    ck_assert(!bytes_eq_nocase(BYTES("@"), BYTES("`")));
    ck_assert(!bytes_eq_nocase(BYTES("["), BYTES("{")));
    ck_assert(!bytes_eq_nocase(BYTES("\xC4"), BYTES("\xE4")));
}
END_TEST

START_TEST(ascii_helpers_agree_with_the_alphabet)
{
    for (int i = 0; i < 256; i++) {
        char c = (char)i;
        const char *hex = i ? strchr("0123456789abcdefABCDEF", i) : NULL;
        bool upper = i >= 'A' && i <= 'Z', lower = i >= 'a' && i <= 'z';
        ck_assert_int_eq(ascii_lower(c), upper ? (char)(i + 32) : c);
        ck_assert_int_eq(ascii_is_alpha(c), upper || lower);
        ck_assert_int_eq(ascii_is_digit(c), i >= '0' && i <= '9');
        ck_assert_int_eq(ascii_hex_value(c), hex ? (int)strtol((char[]){ c, 0 }, NULL, 16) : -1);
    }
}
END_TEST

START_TEST(trim_takes_spaces_and_tabs_off_both_ends_only)
{
    ck_assert(is(bytes_trim(BYTES(" \t a b\t ")), "a b"));
    ck_assert(is(bytes_trim(BYTES("a")), "a"));
    ck_assert(is(bytes_trim(BYTES(" \t ")), ""));
    ck_assert(is(bytes_trim(BYTES("\na\r")), "\na\r"));
    ck_assert(is(bytes_trim(bytes_of(NULL, 0)), ""));
}
END_TEST

START_TEST(cut_reads_a_list_to_its_end)
{
    struct bytes list = BYTES("a,,b,");

    ck_assert(is(bytes_cut(&list, ','), "a"));
    ck_assert(is(bytes_cut(&list, ','), ""));
    ck_assert(is(bytes_cut(&list, ','), "b"));
    ck_assert_ptr_nonnull(list.data);
    ck_assert(is(bytes_cut(&list, ','), ""));
    ck_assert_ptr_null(list.data);
    ck_assert_uint_eq(list.len, 0);
}
END_TEST

START_TEST(cut_without_a_separator_takes_everything)
{
    struct bytes list = BYTES("abc"), nothing = { 0 };

    ck_assert(is(bytes_cut(&list, ','), "abc"));
    ck_assert_ptr_null(list.data);
    ck_assert(is(bytes_cut(&nothing, ','), ""));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_view_of_a_literal_has_no_nul,
        equality_looks_at_length_and_every_byte,
        equality_without_case_folds_ascii_letters_only,
        ascii_helpers_agree_with_the_alphabet,
        trim_takes_spaces_and_tabs_off_both_ends_only,
        cut_reads_a_list_to_its_end,
        cut_without_a_separator_takes_everything,
    };
    return RUN_TESTS("bytes", tests);
}
