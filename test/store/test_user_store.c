/* test_user_store.c - names, whatever their case. */
#include "support.h"

static struct db *db;
static struct user_store us;

static void set_up(void)
{
    make_folder();
    db = open_db(":memory:");
    ck_ok(user_store_open(&us, db));
}

static void tear_down(void)
{
    user_store_close(&us);
    user_store_close(&us); /* twice is allowed */
    db_close(db);
    remove_folder();
}

START_TEST(a_user_is_found_in_any_case_and_comes_back_as_registered)
{
    char hash[PASSWORD_HASH_MAX + 1];
    struct user_row user;
    int64_t id;

    ck_ok(user_store_insert(&us, BYTES("Ann.Lee_9-"), BYTES("$argon2id$x"), NOW, &id));
    ck_assert_int_gt(id, 0);
    ck_ok(user_store_by_name(&us, BYTES("aNN.lEE_9-"), &user, hash));
    ck_assert_int_eq(user.id, id);
    ck_assert_str_eq(user.username, "Ann.Lee_9-");
    ck_assert_int_eq(user.created_at, NOW);
    ck_assert_str_eq(hash, "$argon2id$x");
    memset(&user, 0, sizeof(user));
    ck_ok(user_store_by_name(&us, BYTES("Ann.Lee_9-"), &user, NULL));
    ck_assert_int_eq(user.id, id);
    ck_ok(user_store_by_id(&us, id, &user));
    ck_assert_str_eq(user.username, "Ann.Lee_9-");
}
END_TEST

START_TEST(a_name_is_given_once_whatever_its_case)
{
    int64_t id, second = -1;

    ck_ok(user_store_insert(&us, BYTES("Ann"), BYTES("x"), NOW, &id));
    ck_assert_int_eq(user_store_insert(&us, BYTES("Ann"), BYTES("x"), NOW, &second), ERR_EXISTS);
    ck_assert_int_eq(user_store_insert(&us, BYTES("aNN"), BYTES("x"), NOW, &second), ERR_EXISTS);
    ck_assert_int_eq(second, -1);
    ck_ok(user_store_insert(&us, BYTES("Anna"), BYTES("x"), NOW, &second));
    ck_assert_int_gt(second, id);
}
END_TEST

START_TEST(only_ascii_letters_have_two_cases)
{
    int64_t id;

    ck_ok(user_store_insert(&us, BYTES("a["), BYTES("x"), NOW, &id)); /* 0x5b, and 0x7b is { */
    ck_ok(user_store_insert(&us, BYTES("a{"), BYTES("x"), NOW, &id));
    ck_ok(user_store_insert(&us, BYTES("\xc3\x84"), BYTES("x"), NOW, &id));
    ck_ok(user_store_insert(&us, BYTES("\xc3\xa4"), BYTES("x"), NOW, &id));
}
END_TEST

START_TEST(nobody_is_not_found)
{
    struct user_row user;
    char longer[USERNAME_MAX + 2];

    memset(longer, 'a', sizeof(longer));
    ck_assert_int_eq(user_store_by_name(&us, BYTES("ann"), &user, NULL), ERR_NOT_FOUND);
    ck_assert_int_eq(user_store_by_name(&us, bytes_str(NULL), &user, NULL), ERR_NOT_FOUND);
    ck_assert_int_eq(user_store_by_name(&us, bytes_of(longer, sizeof(longer)), &user, NULL),
                     ERR_NOT_FOUND);
    ck_assert_int_eq(user_store_by_id(&us, 1, &user), ERR_NOT_FOUND);
    ck_assert_int_eq(user_store_by_id(&us, 0, &user), ERR_NOT_FOUND);
}
END_TEST

START_TEST(names_and_hashes_have_their_limits)
{
    char text[PASSWORD_HASH_MAX + 1], hash[PASSWORD_HASH_MAX + 1];
    struct user_row user;
    int64_t id;

    memset(text, 'q', sizeof(text));
    struct bytes longest_name = bytes_of(text, USERNAME_MAX);
    struct bytes longest_hash = bytes_of(text, PASSWORD_HASH_MAX);
    ck_assert_int_eq(user_store_insert(&us, bytes_of(text, USERNAME_MAX + 1), BYTES("x"), NOW, &id),
                     ERR_BAD_INPUT);
    ck_assert_int_eq(user_store_insert(&us, BYTES(""), BYTES("x"), NOW, &id), ERR_BAD_INPUT);
    ck_assert_int_eq(user_store_insert(&us, BYTES("a"), BYTES(""), NOW, &id), ERR_BAD_INPUT);
    ck_assert_int_eq(
        user_store_insert(&us, BYTES("a"), bytes_of(text, PASSWORD_HASH_MAX + 1), NOW, &id),
        ERR_BAD_INPUT);
    ck_ok(user_store_insert(&us, longest_name, longest_hash, NOW, &id));
    ck_ok(user_store_by_name(&us, longest_name, &user, hash));
    ck_assert_uint_eq(strlen(user.username), USERNAME_MAX);
    ck_assert_uint_eq(strlen(hash), PASSWORD_HASH_MAX);
}
END_TEST

struct listing {
    int n, stop_at;
    int64_t last_id;
    char names[64];
};

static enum err list_user(void *arg, const struct user_row *user)
{
    struct listing *l = arg;

    if (l->n == l->stop_at)
        return ERR_LIMIT;
    ck_assert_int_gt(user->id, l->last_id);
    l->last_id = user->id;
    l->n++;
    strcat(l->names, user->username);
    return OK;
}

START_TEST(everyone_comes_in_the_order_of_registration_until_the_caller_stops)
{
    struct listing all = { .stop_at = -1 }, two = { .stop_at = 2 };

    add_user(db, "zoe");
    add_user(db, "Ann");
    add_user(db, "mia");
    ck_ok(user_store_each(&us, list_user, &all));
    ck_assert_str_eq(all.names, "zoeAnnmia");
    ck_assert_int_eq(user_store_each(&us, list_user, &two), ERR_LIMIT);
    ck_assert_str_eq(two.names, "zoeAnn");
    all = (struct listing){ .stop_at = -1 };
    ck_ok(user_store_each(&us, list_user, &all)); /* and from the start again */
    ck_assert_int_eq(all.n, 3);
}
END_TEST

START_TEST(an_id_is_not_given_twice_even_if_the_newest_user_goes)
{
    int64_t first = add_user(db, "ann"), second = add_user(db, "bob");

    ck_ok(db_exec(db, "DELETE FROM users WHERE username = 'bob'"));
    ck_assert_int_gt(add_user(db, "cat"), second);
    ck_assert_int_gt(second, first);
}
END_TEST

START_TEST(names_are_looked_up_in_an_index)
{
    ck_assert_str_eq(plan_of(db, us.by_name),
                     "SEARCH users USING INDEX sqlite_autoindex_users_1 (username=?)\n");
    ck_assert_str_eq(plan_of(db, us.by_id), "SEARCH users USING INTEGER PRIMARY KEY (rowid=?)\n");
    ck_assert_str_eq(plan_of(db, us.each), "SCAN users\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("user_store");
    TCase *tc = tcase_create("user_store");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_user_is_found_in_any_case_and_comes_back_as_registered);
    tcase_add_test(tc, a_name_is_given_once_whatever_its_case);
    tcase_add_test(tc, only_ascii_letters_have_two_cases);
    tcase_add_test(tc, nobody_is_not_found);
    tcase_add_test(tc, names_and_hashes_have_their_limits);
    tcase_add_test(tc, everyone_comes_in_the_order_of_registration_until_the_caller_stops);
    tcase_add_test(tc, an_id_is_not_given_twice_even_if_the_newest_user_goes);
    tcase_add_test(tc, names_are_looked_up_in_an_index);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
