/* test_hash_worker.c - the real child process: hashes and verdicts in order, a bounded queue, and a child that dies.
 *
 * No test asks how long anything takes; they wait for answers.
 */
#include "net/hash_worker.h"

#include <dirent.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "../base/run_tests.h"

static struct reactor *r;
static struct hash_worker *w;
static int n_answers;
static struct {
    uint64_t ticket;
    enum hash_outcome outcome;
    char text[HASH_TEXT_MAX];
} answers[400];
static void (*on_answer)(void); /* once, from inside an answer */

static void done(void *self, uint64_t ticket, enum hash_outcome outcome, const char *text)
{
    ck_assert_ptr_eq(self, &answers);
    answers[n_answers].ticket = ticket;
    answers[n_answers].outcome = outcome;
    snprintf(answers[n_answers].text, HASH_TEXT_MAX, "%s", text);
    n_answers++;
    if (on_answer) {
        void (*once)(void) = on_answer;
        on_answer = NULL;
        once();
    }
}

static void start(void)
{
    log_set_level(LOG_ERROR);
    n_answers = 0;
    r = reactor_new();
    ck_assert_ptr_nonnull(r);
    w = hash_worker_new(done, &answers, true);
    ck_assert_ptr_nonnull(w);
    ck_assert_int_eq(hash_worker_watch(w, r), OK);
}

static void stop(void)
{
    hash_worker_free(w);
    reactor_free(r);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no child is left, not even a dead one */
}

static void wait_for(int n)
{
    int ready;
    while (n_answers < n)
        ck_assert_int_eq(reactor_wait(r, -1, NULL, NULL, &ready), OK);
}

/* The only child of this process that is not gone yet. */
static pid_t child(void)
{
    char path[64];
    int pid = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%d", &pid), 1);
    fclose(f);
    return pid;
}

/* Ends the child and waits until it has ended, but leaves it to be reaped. */
static void kill_child(void)
{
    siginfo_t info;
    pid_t pid = child();
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

START_TEST(a_password_matches_its_hash_and_no_other)
{
    start();
    ck_assert_int_eq(hash_worker_hash(w, 1, BYTES("correct horse")), OK);
    wait_for(1);
    ck_assert_uint_eq(answers[0].ticket, 1);
    ck_assert_int_eq(answers[0].outcome, HASH_OK);
    ck_assert_mem_eq(answers[0].text, "$argon2id$", 10);
    ck_assert_ptr_null(strstr(answers[0].text, "horse"));
    ck_assert_int_eq(crypto_pwhash_str_needs_rehash(answers[0].text, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                                    crypto_pwhash_MEMLIMIT_INTERACTIVE), 0);
    ck_assert_int_eq(hash_worker_verify(w, 2, BYTES("correct horse"), answers[0].text), OK);
    ck_assert_int_eq(hash_worker_verify(w, 3, BYTES("correct horse "), answers[0].text), OK);
    ck_assert_int_eq(hash_worker_verify(w, 4, BYTES(""), answers[0].text), OK);
    wait_for(4);
    ck_assert_int_eq(answers[1].outcome, HASH_OK);
    ck_assert_int_eq(answers[2].outcome, HASH_NO_MATCH);
    ck_assert_int_eq(answers[3].outcome, HASH_NO_MATCH);
    ck_assert_str_eq(answers[1].text, "");
    ck_assert_uint_eq(hash_worker_pending(w), 0);
    stop();
}
END_TEST

START_TEST(passwords_of_every_allowed_length_are_taken_whole)
{
    char password[HASH_PASSWORD_MAX + 1];
    memset(password, 'p', sizeof password);
    start();
    ck_assert_int_eq(hash_worker_hash(w, 1, bytes_of(password, HASH_PASSWORD_MAX)), OK);
    wait_for(1);
    ck_assert_int_eq(hash_worker_verify(w, 2, bytes_of(password, HASH_PASSWORD_MAX), answers[0].text), OK);
    ck_assert_int_eq(hash_worker_verify(w, 3, bytes_of(password, HASH_PASSWORD_MAX - 1), answers[0].text), OK);
    ck_assert_int_ne(hash_worker_hash(w, 4, bytes_of(password, HASH_PASSWORD_MAX + 1)), OK);
    wait_for(3);
    ck_assert_int_eq(answers[1].outcome, HASH_OK);
    ck_assert_int_eq(answers[2].outcome, HASH_NO_MATCH);
    stop();
}
END_TEST

START_TEST(nobodys_password_never_matches)
{
    start();
    ck_assert_int_eq(hash_worker_verify(w, 1, BYTES(""), NULL), OK); /* the dummy is the hash of this one */
    ck_assert_int_eq(hash_worker_verify(w, 2, BYTES("password"), NULL), OK);
    ck_assert_int_eq(hash_worker_verify(w, 3, BYTES("password"), "no hash at all"), OK);
    wait_for(3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(answers[i].outcome, HASH_NO_MATCH);
    stop();
}
END_TEST

START_TEST(jobs_are_answered_in_order)
{
    start();
    for (uint64_t i = 0; i < 12; i++)
        ck_assert_int_eq(hash_worker_verify(w, 100 + i, BYTES("x"), "short"), OK);
    wait_for(12);
    for (uint64_t i = 0; i < 12; i++)
        ck_assert_uint_eq(answers[i].ticket, 100 + i);
    stop();
}
END_TEST

/* HASH_QUEUE_MAX wait while one is being worked on; one more is too many, and room comes back with each answer. */
START_TEST(the_queue_has_its_bound)
{
    start();
    kill(child(), SIGSTOP);
    for (uint64_t i = 0; i < HASH_QUEUE_MAX + 1; i++)
        ck_assert_int_eq(hash_worker_verify(w, i, BYTES("x"), "bad"), OK);
    ck_assert_uint_eq(hash_worker_pending(w), HASH_QUEUE_MAX + 1);
    ck_assert_int_eq(hash_worker_verify(w, 999, BYTES("x"), "bad"), ERR_BUSY);
    ck_assert_int_eq(hash_worker_hash(w, 999, BYTES("x")), ERR_BUSY);
    kill(child(), SIGCONT);
    wait_for(1);
    ck_assert_int_eq(hash_worker_verify(w, 300, BYTES("x"), "bad"), OK);
    wait_for(HASH_QUEUE_MAX + 2);
    ck_assert_uint_eq(answers[HASH_QUEUE_MAX + 1].ticket, 300);
    stop();
}
END_TEST

START_TEST(a_child_that_dies_fails_its_job_and_no_other)
{
    start();
    kill(child(), SIGSTOP);
    for (uint64_t i = 1; i <= 3; i++)
        ck_assert_int_eq(hash_worker_hash(w, i, BYTES("password")), OK);
    kill_child();
    wait_for(3);
    ck_assert_int_eq(answers[0].outcome, HASH_FAILED);
    ck_assert_str_eq(answers[0].text, "");
    ck_assert_int_eq(answers[1].outcome, HASH_OK);
    ck_assert_int_eq(answers[2].outcome, HASH_OK);
    for (uint64_t i = 0; i < 3; i++)
        ck_assert_uint_eq(answers[i].ticket, i + 1);
    stop();
}
END_TEST

START_TEST(a_child_that_dies_idle_is_replaced_at_the_next_job)
{
    int ready;
    start();
    pid_t before = child();
    kill_child();
    ck_assert_int_eq(reactor_wait(r, -1, NULL, NULL, &ready), OK);
    ck_assert_int_eq(n_answers, 0);
    ck_assert_int_eq(hash_worker_hash(w, 1, BYTES("password")), OK);
    wait_for(1);
    ck_assert_int_eq(answers[0].outcome, HASH_OK);
    ck_assert_int_ne(child(), before);
    stop();
}
END_TEST

/* Its end has not been noticed when the job comes: nobody's password was lost with it, so nobody need be told. */
START_TEST(a_child_that_has_died_unnoticed_costs_no_job)
{
    start();
    kill_child();
    ck_assert_int_eq(hash_worker_hash(w, 1, BYTES("password")), OK);
    ck_assert_int_eq(n_answers, 0); /* an answer does not come before the question is taken */
    wait_for(1);
    ck_assert_int_eq(answers[0].outcome, HASH_OK);
    stop();
}
END_TEST

static void ask_again(void)
{
    ck_assert_int_eq(hash_worker_verify(w, 77, BYTES("x"), "bad"), OK);
}

START_TEST(an_answer_may_ask_the_next_question)
{
    start();
    on_answer = ask_again;
    ck_assert_int_eq(hash_worker_verify(w, 1, BYTES("x"), "bad"), OK);
    wait_for(2);
    ck_assert_uint_eq(answers[1].ticket, 77);
    stop();
}
END_TEST

START_TEST(a_worker_is_freed_with_jobs_in_its_queue)
{
    start();
    for (uint64_t i = 0; i < 20; i++)
        ck_assert_int_eq(hash_worker_hash(w, i, BYTES("password")), OK);
    stop();
    ck_assert_int_eq(n_answers, 0);
    hash_worker_free(NULL);
}
END_TEST

/* The child has its three standard descriptors and its socket, whatever was open when it was forked. */
START_TEST(a_child_holds_nothing_of_its_parents)
{
    char path[64];
    int extra[5], n = 0;
    for (int i = 0; i < 5; i++)
        extra[i] = dup(1);
    start();
    for (int i = 0; i < 5; i++)
        close(extra[i]);
    ck_assert_int_eq(hash_worker_verify(w, 1, BYTES("x"), "bad"), OK);
    wait_for(1); /* it has closed them by then */
    if (geteuid() == 0) { /* it is not dumpable: nobody else may look */
        snprintf(path, sizeof path, "/proc/%d/fd", (int)child());
        DIR *d = opendir(path);
        ck_assert_ptr_nonnull(d);
        for (struct dirent *e; (e = readdir(d)) != NULL;)
            n += e->d_name[0] != '.';
        closedir(d);
        ck_assert_int_eq(n, 4);
    }
    stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_password_matches_its_hash_and_no_other,
        passwords_of_every_allowed_length_are_taken_whole,
        nobodys_password_never_matches,
        jobs_are_answered_in_order,
        the_queue_has_its_bound,
        a_child_that_dies_fails_its_job_and_no_other,
        a_child_that_dies_idle_is_replaced_at_the_next_job,
        a_child_that_has_died_unnoticed_costs_no_job,
        an_answer_may_ask_the_next_question,
        a_worker_is_freed_with_jobs_in_its_queue,
        a_child_holds_nothing_of_its_parents,
    };
    return sodium_init() < 0 ? EXIT_FAILURE : RUN_TESTS("hash_worker", tests);
}
