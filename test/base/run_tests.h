/* run_tests.h - a main for one Check suite: a list of tests in, an exit status out.
 *
 * No timeouts: how fast a machine is, is nothing a test should fail for.
 */
#ifndef TEST_BASE_RUN_TESTS_H
#define TEST_BASE_RUN_TESTS_H

#include <check.h>
#include <stdlib.h>

#define RUN_TESTS(name, tests) run_tests(name, tests, sizeof(tests) / sizeof *(tests))

static inline int run_tests(const char *name, const TTest *const *tests, size_t n)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, 0);
    for (size_t i = 0; i < n; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
