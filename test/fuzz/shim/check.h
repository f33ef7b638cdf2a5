/* check.h - stands in for libcheck's header in fuzz targets, so that they can use test/svc/fake.h:
 * what does not hold ends the program. */
#ifndef TEST_FUZZ_SHIM_CHECK_H
#define TEST_FUZZ_SHIM_CHECK_H

#include "../fuzz.h"

#define ck_assert(condition)          FUZZ_CHECK(condition)
#define ck_assert_msg(condition, ...) FUZZ_CHECK(condition)
#define ck_assert_int_eq(a, b)        FUZZ_CHECK((a) == (b))
#define ck_assert_int_ge(a, b)        FUZZ_CHECK((a) >= (b))
#define ck_assert_int_gt(a, b)        FUZZ_CHECK((a) > (b))
#define ck_assert_ptr_nonnull(p)      FUZZ_CHECK((p) != NULL)
#define ck_assert_str_eq(a, b)        FUZZ_CHECK(strcmp(a, b) == 0)

#endif
