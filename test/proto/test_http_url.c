/* test_http_url.c - percent-decoding. */
#include "proto/http_url.h"

#include "../base/run_tests.h"
#include "guarded.h"

static char out[256];
static size_t out_len;
static struct guarded guarded;

static enum err decode_path(struct bytes path)
{
    guarded_init(&guarded);
    enum err e = url_decode_path(bytes_of(guarded_copy(&guarded, path), path.len), out, sizeof out,
                                 &out_len);
    guarded_release(&guarded);
    return e;
}

static void path_is(struct bytes path, struct bytes want)
{
    ck_assert_int_eq(decode_path(path), OK);
    ck_assert(bytes_eq(bytes_of(out, out_len), want));
    ck_assert_int_eq(out[out_len], '\0');
}

START_TEST(plain_paths_stay_as_they_are)
{
    path_is(BYTES("/"), BYTES("/"));
    path_is(BYTES(""), BYTES(""));
    path_is(BYTES("/public/js/app.js"), BYTES("/public/js/app.js"));
    path_is(BYTES("/a+b"), BYTES("/a+b"));
    path_is(BYTES("//"), BYTES("//"));
}
END_TEST

START_TEST(percent_is_decoded_in_either_case_and_once)
{
    path_is(BYTES("/%61%7A%7a"), BYTES("/azz"));
    path_is(BYTES("/a%20b%2Fc"), BYTES("/a b/c"));
    path_is(BYTES("/%C3%A9"), BYTES("/\xC3\xA9"));
    path_is(BYTES("/%252e%252e"), BYTES("/%2e%2e"));
    path_is(BYTES("/%25"), BYTES("/%"));
}
END_TEST

START_TEST(broken_percent_encoding_is_bad_input)
{
    static const char *const paths[] = { "/%", "/%2", "/%zz", "/%2g", "/%g2", "/%%41", "/a%" };

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        ck_assert_int_eq(decode_path(bytes_str(paths[i])), ERR_BAD_INPUT);
}
END_TEST

START_TEST(dot_segments_are_nowhere_in_whatever_encoding)
{
    static const char *const paths[] = {
        "/.",          "/..",      "/../",
        "/./a",        "/a/..",    "/a/../b",
        "/a/.",        "..",       ".",
        "../a",        "/%2e%2e/", "/%2E./a",
        "/.%2e",       "/..%2f",   "/%2f..",
        "/a%2f..%2fb", "/%2e",     "/a/%2e%2e%2f%2e%2e",
        "/a//..",      "/%2e%2e",  "/..%2fetc/passwd",
    };

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        ck_assert_msg(decode_path(bytes_str(paths[i])) == ERR_NOT_FOUND, "%s", paths[i]);
}
END_TEST

START_TEST(names_that_begin_or_end_with_dots_are_names)
{
    path_is(BYTES("/..."), BYTES("/..."));
    path_is(BYTES("/.well-known/x"), BYTES("/.well-known/x"));
    path_is(BYTES("/a../..b/a.b"), BYTES("/a../..b/a.b"));
}
END_TEST

START_TEST(nul_and_backslash_are_nowhere)
{
    ck_assert_int_eq(decode_path(BYTES("/%00")), ERR_NOT_FOUND);
    ck_assert_int_eq(decode_path(BYTES("/a%00.html")), ERR_NOT_FOUND);
    ck_assert_int_eq(decode_path(BYTES("/a\0")), ERR_NOT_FOUND);
    ck_assert_int_eq(decode_path(BYTES("/a\\b")), ERR_NOT_FOUND);
    ck_assert_int_eq(decode_path(BYTES("/..%5c..%5C")), ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_path_of_cap_minus_one_fits_and_one_more_does_not)
{
    char small[5] = "....";
    size_t len;

    ck_assert_int_eq(url_decode_path(BYTES("/%61bc"), small, 5, &len), OK);
    ck_assert_str_eq(small, "/abc");
    ck_assert_int_eq(url_decode_path(BYTES("/%61bcd"), small, 5, &len), ERR_LIMIT);
    ck_assert_int_eq(url_decode_path(BYTES("/"), small, 1, &len), ERR_LIMIT);
    ck_assert_int_eq(url_decode_path(BYTES(""), small, 1, &len), OK);
    ck_assert_str_eq(small, "");
    ck_assert_int_eq(url_decode_path(BYTES(""), small, 0, &len), ERR_LIMIT);
}
END_TEST

START_TEST(form_fields_allow_every_byte_and_plus_is_a_space)
{
    ck_assert_int_eq(url_decode_form(BYTES("a+b%2B%00%5C..%ff"), out, sizeof out, &out_len), OK);
    ck_assert(bytes_eq(bytes_of(out, out_len), BYTES("a b+\0\\..\xFF")));
    ck_assert_int_eq(url_decode_form(bytes_of(NULL, 0), out, 0, &out_len), OK);
    ck_assert_uint_eq(out_len, 0);
    ck_assert_int_eq(url_decode_form(BYTES("%4"), out, sizeof out, &out_len), ERR_BAD_INPUT);
    ck_assert_int_eq(url_decode_form(BYTES("a%4"), out, 1, &out_len), ERR_BAD_INPUT);
}
END_TEST

START_TEST(a_form_field_of_cap_fits_and_one_more_does_not)
{
    ck_assert_int_eq(url_decode_form(BYTES("%61bc"), out, 3, &out_len), OK);
    ck_assert_int_eq(url_decode_form(BYTES("%61bcd"), out, 3, &out_len), ERR_LIMIT);
}
END_TEST

START_TEST(every_pair_of_hex_digits_is_its_byte)
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < 256; i++) {
        char text[3] = { '%', digits[i >> 4], digits[i & 15] };
        ck_assert_int_eq(url_decode_form(bytes_of(text, 3), out, 1, &out_len), OK);
        ck_assert_int_eq(out[0], (char)i);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        plain_paths_stay_as_they_are,
        percent_is_decoded_in_either_case_and_once,
        broken_percent_encoding_is_bad_input,
        dot_segments_are_nowhere_in_whatever_encoding,
        names_that_begin_or_end_with_dots_are_names,
        nul_and_backslash_are_nowhere,
        a_path_of_cap_minus_one_fits_and_one_more_does_not,
        form_fields_allow_every_byte_and_plus_is_a_space,
        a_form_field_of_cap_fits_and_one_more_does_not,
        every_pair_of_hex_digits_is_its_byte,
    };
    return RUN_TESTS("http_url", tests);
}
