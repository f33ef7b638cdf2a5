/* test_err.c - every error has a text of its own. */
#include "base/err.h"

#include <string.h>
#include "run_tests.h"

START_TEST(every_error_has_a_text_of_its_own)
{
    for (int a = OK; a >= ERR_BUSY; a--) {
        const char *text = err_text((enum err)a);
        ck_assert_ptr_nonnull(text);
        ck_assert_uint_gt(strlen(text), 0);
        for (int b = a - 1; b >= ERR_BUSY; b--)
            ck_assert_str_ne(text, err_text((enum err)b));
    }
}
END_TEST

START_TEST(an_unknown_number_has_a_text_too)
{
    ck_assert_str_eq(err_text((enum err)(-1000)), "unknown error");
    ck_assert_str_ne(err_text(ERR_BUSY), "unknown error");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_error_has_a_text_of_its_own,
        an_unknown_number_has_a_text_too,
    };
    return RUN_TESTS("err", tests);
}
