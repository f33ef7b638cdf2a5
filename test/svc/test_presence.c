/* test_presence.c - the list of active users: right for everyone in the end, and not sent more often than it need be. */
#include "../base/run_tests.h"
#include "fake.h"

static struct fake f;

/* Hears everything, the greeting too. */
static struct tab *come(const char *name, bool is_v1)
{
    struct tab *t = fake_connect(&f, name, is_v1);
    t->hears_lists = true;
    return t;
}

/* The last list that a tab has got, as names between spaces; how many lists there were. */
static char names[8192];
static int read_lists(struct tab *t)
{
    int n = 0;
    for (const char *m; *(m = heard(t));) {
        if (!strstr(m, "'messageType':'active_users_list'"))
            continue;
        n++;
        names[0] = 0;
        for (const char *p = m; (p = strstr(p, "{'username':'")) != NULL;) {
            p += strlen("{'username':'");
            sprintf(names + strlen(names), "%s%.*s", *names ? " " : "", (int)strcspn(p, "'"), p);
        }
    }
    return n;
}

/* Lets all lists go out that are due. */
static void settle(void)
{
    for (int i = 0; i < 10; i++)
        fake_wait(&f, 250);
}

#define ck_last_list(tab, wanted)                                                                  \
    do {                                                                                           \
        ck_assert_int_gt(read_lists(tab), 0);                                                      \
        ck_assert_str_eq(names, wanted);                                                           \
    } while (0)

START_TEST(a_newcomer_gets_the_list_at_once_and_behind_the_board)
{
    fake_open(&f);
    come("bob", false);
    settle();
    struct tab *ann = come("ann", true);
    fake_tick(&f);
    ck_assert_ptr_nonnull(strstr(heard(ann), "'messageType':'hello'"));
    ck_assert_ptr_nonnull(strstr(heard(ann), "'messageType':'init_strokes'"));
    ck_heard(ann, "{'messageType':'active_users_list','users':[{'username':'ann'},{'username':'bob'}]}");
    ck_silent(ann);
    fake_close(&f);
}
END_TEST

START_TEST(everyone_hears_who_comes_and_goes)
{
    fake_open(&f);
    struct tab *ann = come("ann", false), *guest = come(NULL, true);
    settle();
    ck_last_list(ann, "ann");
    ck_last_list(guest, "ann");
    struct tab *bob = come("bob", true);
    settle();
    ck_last_list(ann, "ann bob");
    ck_last_list(guest, "ann bob");
    ck_last_list(bob, "ann bob");
    fake_lose(ann);
    settle();
    ck_last_list(bob, "bob");
    ck_last_list(guest, "bob");
    fake_close(&f);
}
END_TEST

START_TEST(a_person_is_in_the_list_once_however_many_tabs_there_are)
{
    fake_open(&f);
    struct tab *watcher = come(NULL, false), *one = come("ann", false);
    settle();
    ck_last_list(watcher, "ann");
    struct tab *two = come("ann", true);
    settle();
    ck_assert_int_eq(read_lists(watcher), 0); /* nothing has changed */
    ck_last_list(two, "ann");
    fake_lose(one);
    settle();
    ck_assert_int_eq(read_lists(watcher), 0);
    fake_lose(two);
    settle();
    ck_last_list(watcher, "");
    fake_close(&f);
}
END_TEST

START_TEST(guests_are_not_in_the_list_and_change_nothing)
{
    fake_open(&f);
    struct tab *ann = come("ann", false);
    settle();
    read_lists(ann);
    struct tab *guest = come(NULL, false);
    settle();
    ck_assert_int_eq(read_lists(ann), 0);
    fake_lose(guest);
    settle();
    ck_assert_int_eq(read_lists(ann), 0);
    fake_close(&f);
}
END_TEST

START_TEST(names_are_sorted_by_their_lowercased_bytes)
{
    static const char *const people[] = { "bob", "Ann", "_x", "zed", "B.c", "ann2", "Bo", "0", "a-b", "a.b", "a_b", "AB" };
    fake_open(&f);
    for (size_t i = 0; i < sizeof people / sizeof *people; i++)
        come(people[i], false);
    struct tab *t = come(NULL, false);
    settle();
    ck_last_list(t, "0 _x a-b a.b a_b AB Ann ann2 B.c Bo bob zed");
    fake_close(&f);
}
END_TEST

START_TEST(the_last_list_is_right_within_250_ms)
{
    fake_open(&f);
    struct tab *watcher = come(NULL, false);
    settle();
    for (int round = 0; round < 40; round++) { /* again and again, right behind the list before */
        struct tab *t = come("ann", false);
        fake_tick(&f);
        if (round % 2)
            fake_lose(t);
        int64_t wait, waited = 0;
        while ((wait = presence_wait_ms(&f.app)) >= 0) {
            fake_wait(&f, wait > 0 ? wait : 1);
            waited += wait > 0 ? wait : 1;
            ck_assert_int_le(waited, 250);
        }
        if (read_lists(watcher))
            ck_assert_str_eq(names, hub_person(&f.app.hub, fake_user(&f, "ann")) ? "ann" : "");
        if (!t->peer)
            continue;
        fake_lose(t);
        settle();
        ck_last_list(watcher, "");
    }
    fake_close(&f);
}
END_TEST

START_TEST(a_storm_is_merged_into_few_lists)
{
    enum { N = 300 };
    struct tab *t[N];
    char name[32];
    fake_open(&f);
    struct tab *watcher = come(NULL, false);
    settle();
    read_lists(watcher);
    for (int i = 0; i < N; i++) { /* one each millisecond */
        snprintf(name, sizeof name, "user%03d", i);
        t[i] = come(name, i % 2);
        fake_wait(&f, 1);
    }
    settle();
    int lists = read_lists(watcher);
    ck_assert_int_ge(lists, 1);
    ck_assert_int_le(lists, N / 5);
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "user%03d", i);
        ck_assert_ptr_nonnull(strstr(names, name));
    }
    for (int i = 0; i < N; i++)
        fake_lose(t[i]);
    settle();
    ck_last_list(watcher, "");
    ck_assert_int_eq(presence_wait_ms(&f.app), -1);
    fake_close(&f);
}
END_TEST

START_TEST(one_who_comes_and_goes_in_one_tick_disturbs_nobody)
{
    fake_open(&f);
    struct tab *watcher = come(NULL, false);
    settle();
    read_lists(watcher);
    fake_lose(come("ann", false));
    settle();
    read_lists(watcher);
    ck_assert_str_eq(names, "");
    struct tab *ann = come("ann", false);
    fake_tick(&f);
    fake_lose(ann);
    ann = come("ann", false); /* a reload */
    settle();
    ck_last_list(watcher, "ann");
    ck_last_list(ann, "ann");
    fake_close(&f);
}
END_TEST

START_TEST(a_failed_commit_of_others_does_not_keep_the_list_back)
{
    fake_open(&f);
    struct tab *watcher = come(NULL, false), *ann = come("ann", false);
    settle();
    read_lists(watcher);
    f.commit_fails = true;
    say(ann, "{'messageType':'chatMessage','comment':'lost'}");
    struct tab *bob = come("bob", false);
    fake_tick(&f);
    ck_last_list(bob, "ann bob");
    settle();
    ck_last_list(watcher, "ann bob");
    fake_close(&f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_newcomer_gets_the_list_at_once_and_behind_the_board,
        everyone_hears_who_comes_and_goes,
        a_person_is_in_the_list_once_however_many_tabs_there_are,
        guests_are_not_in_the_list_and_change_nothing,
        names_are_sorted_by_their_lowercased_bytes,
        the_last_list_is_right_within_250_ms,
        a_storm_is_merged_into_few_lists,
        one_who_comes_and_goes_in_one_tick_disturbs_nobody,
        a_failed_commit_of_others_does_not_keep_the_list_back,
    };
    return RUN_TESTS("presence", tests);
}
