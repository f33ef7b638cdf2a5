/* test_http_form.c - form fields, cookies and content types. */
#include "proto/http_form.h"

#include "../base/run_tests.h"

static char out[64];
static size_t out_len;

static enum err get(const char *body, const char *name)
{
    return http_form_get(bytes_str(body), name, out, sizeof out, &out_len);
}

static bool got(const char *want)
{
    return bytes_eq(bytes_of(out, out_len), bytes_str(want));
}

START_TEST(fields_are_found_by_name_and_decoded)
{
    const char *body = "username=ann&password=p%40ss+w%C3%B6rd&empty=&bare";

    ck_assert_int_eq(get(body, "username"), OK);
    ck_assert(got("ann"));
    ck_assert_int_eq(get(body, "password"), OK);
    ck_assert(got("p@ss w\xC3\xB6rd"));
    ck_assert_int_eq(get(body, "empty"), OK);
    ck_assert(got(""));
    ck_assert_int_eq(get(body, "bare"), OK);
    ck_assert(got(""));
}
END_TEST

START_TEST(a_field_that_is_not_there_is_not_found)
{
    ck_assert_int_eq(get("username=ann", "user"), ERR_NOT_FOUND);
    ck_assert_int_eq(get("username=ann", "usernames"), ERR_NOT_FOUND);
    ck_assert_int_eq(get("username=ann", "Username"), ERR_NOT_FOUND);
    ck_assert_int_eq(get("x=username", "username"), ERR_NOT_FOUND);
    ck_assert_int_eq(get("", "username"), ERR_NOT_FOUND);
    ck_assert_int_eq(get(NULL, "username"), ERR_NOT_FOUND);
    ck_assert_int_eq(get("&&&", "username"), ERR_NOT_FOUND);
}
END_TEST

START_TEST(names_are_encoded_too)
{
    ck_assert_int_eq(get("%75ser%6Eame=ann", "username"), OK);
    ck_assert(got("ann"));
    ck_assert_int_eq(get("user+name=ann", "user name"), OK);
}
END_TEST

START_TEST(a_value_may_hold_equal_signs)
{
    ck_assert_int_eq(get("a==b=c&d", "a"), OK);
    ck_assert(got("=b=c"));
}
END_TEST

START_TEST(a_field_that_is_there_twice_is_an_error)
{
    ck_assert_int_eq(get("a=1&a=1", "a"), ERR_EXISTS);
    ck_assert_int_eq(get("a=1&b=2&%61=3", "a"), ERR_EXISTS);
    ck_assert_int_eq(get("a&a", "a"), ERR_EXISTS);
    ck_assert_int_eq(get("a=1&b=2&b=3", "a"), OK);
    ck_assert(got("1"));
}
END_TEST

START_TEST(broken_encoding_is_bad_input)
{
    ck_assert_int_eq(get("a=%", "a"), ERR_BAD_INPUT);
    ck_assert_int_eq(get("a=%4&b=1", "a"), ERR_BAD_INPUT);
    ck_assert_int_eq(get("a=1&%zz=2", "a"), ERR_BAD_INPUT); /* a name nobody can read */
    ck_assert_int_eq(get("a=1&b=%zz", "a"), OK);            /* somebody else's value */
}
END_TEST

START_TEST(a_value_of_cap_fits_and_one_more_does_not)
{
    char small[3];

    ck_assert_int_eq(http_form_get(BYTES("a=x%79z"), "a", small, 3, &out_len), OK);
    ck_assert_uint_eq(out_len, 3);
    ck_assert_int_eq(http_form_get(BYTES("a=xyzz"), "a", small, 3, &out_len), ERR_LIMIT);
}
END_TEST

START_TEST(a_very_long_name_is_nobody_s)
{
    char body[300];

    memset(body, 'n', 200);
    strcpy(body + 200, "=1&a=2");
    ck_assert_int_eq(get(body, "a"), OK);
    ck_assert(got("2"));
}
END_TEST

static bool cookie_is(const char *header, const char *name, const char *want)
{
    struct bytes value = http_cookie_get(bytes_str(header), name);

    return want ? value.data && bytes_eq(value, bytes_str(want)) : !value.data;
}

START_TEST(cookies_are_found_by_name)
{
    const char *header = "theme=dark; auth_token=abc123; x=";

    ck_assert(cookie_is(header, "auth_token", "abc123"));
    ck_assert(cookie_is(header, "theme", "dark"));
    ck_assert(cookie_is(header, "x", ""));
    ck_assert(cookie_is(header, "auth", NULL));
    ck_assert(cookie_is(header, "token", NULL));
    ck_assert(cookie_is(header, "Theme", NULL));
    ck_assert(cookie_is("", "x", NULL));
    ck_assert(cookie_is(NULL, "x", NULL));
}
END_TEST

START_TEST(the_first_of_several_cookies_wins)
{
    ck_assert(cookie_is("a=1; a=2", "a", "1"));
    ck_assert(cookie_is("aa=0;a=1;a=2", "a", "1"));
}
END_TEST

START_TEST(quotes_and_white_space_are_taken_off)
{
    ck_assert(cookie_is("a=\"1 2\"", "a", "1 2"));
    ck_assert(cookie_is(" a = 1 ;b=2", "a", "1"));
    ck_assert(cookie_is("a=\"", "a", "\""));
    ck_assert(cookie_is("a=\"\"", "a", ""));
    ck_assert(cookie_is("a=\"1", "a", "\"1"));
}
END_TEST

START_TEST(a_cookie_without_a_name_or_equal_sign_is_skipped)
{
    ck_assert(cookie_is("a; =1; a=2", "a", "2"));
    ck_assert(cookie_is(";;;a=2;", "a", "2"));
    ck_assert(cookie_is("a=b=c", "a", "b=c"));
}
END_TEST

START_TEST(types_are_compared_without_case_and_parameters)
{
    ck_assert(http_type_is(BYTES("application/json"), "application/json"));
    ck_assert(http_type_is(BYTES("Application/JSON; charset=utf-8"), "application/json"));
    ck_assert(http_type_is(BYTES("application/json ;x"), "application/json"));
    ck_assert(!http_type_is(BYTES("application/jsonp"), "application/json"));
    ck_assert(!http_type_is(BYTES("text/plain; application/json"), "application/json"));
    ck_assert(!http_type_is(BYTES(""), "application/json"));
    ck_assert(!http_type_is(bytes_of(NULL, 0), "application/json"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        fields_are_found_by_name_and_decoded,
        a_field_that_is_not_there_is_not_found,
        names_are_encoded_too,
        a_value_may_hold_equal_signs,
        a_field_that_is_there_twice_is_an_error,
        broken_encoding_is_bad_input,
        a_value_of_cap_fits_and_one_more_does_not,
        a_very_long_name_is_nobody_s,
        cookies_are_found_by_name,
        the_first_of_several_cookies_wins,
        quotes_and_white_space_are_taken_off,
        a_cookie_without_a_name_or_equal_sign_is_skipped,
        types_are_compared_without_case_and_parameters,
    };
    return RUN_TESTS("http_form", tests);
}
