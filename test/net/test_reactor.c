/* test_reactor.c - the wait, when a signal ends it. */
#include "net/reactor.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include "../base/run_tests.h"

static void on_alarm(int signal)
{
    (void)signal;
}

static void on_wake(void *arg)
{
    *(int *)arg += 1;
    errno = ENOENT; /* whatever is done here makes calls that fail now and then */
}

START_TEST(a_wait_that_a_signal_ends_is_no_failure_whatever_is_done_on_waking)
{
    struct sigaction act = { .sa_handler = on_alarm };
    struct itimerval soon = { .it_value.tv_usec = 20000, .it_interval.tv_usec = 20000 };
    struct itimerval never = { 0 };
    struct reactor *r = reactor_new();
    int n_ready = -1, woken = 0;

    ck_assert_ptr_nonnull(r);
    ck_assert_int_eq(sigaction(SIGALRM, &act, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
    ck_assert_int_eq(reactor_wait(r, 60000, on_wake, &woken, &n_ready), OK);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    ck_assert_int_eq(woken, 1);
    ck_assert_int_eq(n_ready, 0);
    reactor_free(r);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { a_wait_that_a_signal_ends_is_no_failure_whatever_is_done_on_waking };
    return RUN_TESTS("reactor", tests);
}
