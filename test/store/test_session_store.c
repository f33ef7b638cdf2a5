/* test_session_store.c - sessions and their end. */
#include "store/session_store.h"
#include "support.h"

static struct db *db;
static struct session_store ss;
static int64_t ann;

static void set_up(void)
{
    make_folder();
    db = open_db(":memory:");
    ann = add_user(db, "ann");
    ck_ok(session_store_open(&ss, db));
}

static void tear_down(void)
{
    session_store_close(&ss);
    db_close(db);
    remove_folder();
}

struct hash {
    uint8_t b[SESSION_HASH_LEN];
};

static struct hash hash_no(int n)
{
    struct hash h = { { 0 } };

    h.b[0] = (uint8_t)n;
    h.b[SESSION_HASH_LEN - 1] = (uint8_t)(n >> 8);
    return h;
}

static enum err add(int n, int64_t expires_at)
{
    struct session_row s = { .user_id = ann, .created_at = NOW, .expires_at = expires_at };

    return session_store_insert(&ss, hash_no(n).b, &s);
}

START_TEST(a_session_is_found_until_the_millisecond_of_its_end)
{
    struct session_row s;

    ck_ok(add(1, NOW + 1000));
    ck_ok(session_store_find(&ss, hash_no(1).b, NOW, &s));
    ck_assert_int_eq(s.user_id, ann);
    ck_assert_int_eq(s.created_at, NOW);
    ck_assert_int_eq(s.expires_at, NOW + 1000);
    ck_ok(session_store_find(&ss, hash_no(1).b, NOW + 999, &s));
    ck_assert_int_eq(session_store_find(&ss, hash_no(1).b, NOW + 1000, &s), ERR_NOT_FOUND);
}
END_TEST

START_TEST(hashes_are_compared_whole_zeros_included)
{
    struct session_row s;
    struct hash other = hash_no(0);

    ck_ok(add(0, NOW + 1000)); /* all zero */
    ck_ok(session_store_find(&ss, hash_no(0).b, NOW, &s));
    other.b[SESSION_HASH_LEN - 1] = 1;
    ck_assert_int_eq(session_store_find(&ss, other.b, NOW, &s), ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_hash_is_stored_once)
{
    ck_ok(add(1, NOW + 1000));
    ck_assert_int_eq(add(1, NOW + 2000), ERR_EXISTS);
}
END_TEST

START_TEST(a_session_needs_a_user)
{
    struct session_row s = { .user_id = 999, .created_at = NOW, .expires_at = NOW + 1 };

    ck_assert_int_eq(session_store_insert(&ss, hash_no(1).b, &s), ERR_NOT_FOUND);
    ck_assert_int_eq(session_store_find(&ss, hash_no(1).b, NOW, &s), ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_deleted_session_is_gone_and_the_others_stay)
{
    struct session_row s;

    ck_ok(add(1, NOW + 1000));
    ck_ok(add(2, NOW + 1000));
    ck_ok(session_store_delete(&ss, hash_no(1).b));
    ck_assert_int_eq(session_store_delete(&ss, hash_no(1).b), ERR_NOT_FOUND);
    ck_assert_int_eq(session_store_find(&ss, hash_no(1).b, NOW, &s), ERR_NOT_FOUND);
    ck_ok(session_store_find(&ss, hash_no(2).b, NOW, &s));
}
END_TEST

static void count_removed(void *arg, int64_t user_id, const uint8_t token_hash[SESSION_HASH_LEN])
{
    struct session_row s;

    ck_assert_int_eq(user_id, 1);
    ck_assert_int_eq(session_store_find(&ss, token_hash, NOW - 1, &s), ERR_NOT_FOUND);
    ++*(uint32_t *)arg;
}

START_TEST(expired_sessions_are_removed_in_bites_and_valid_ones_stay)
{
    uint32_t n = 0;

    for (int i = 0; i < 300; i++)
        ck_ok(add(i, NOW + i));
    ck_ok(session_store_delete_expired(&ss, NOW + 199, 150, count_removed, &n));
    ck_assert_uint_eq(n, 150); /* 0 to 199 have expired */
    ck_ok(session_store_delete_expired(&ss, NOW + 199, 150, count_removed, &n));
    ck_assert_uint_eq(n, 200);
    ck_ok(session_store_delete_expired(&ss, NOW + 199, 150, count_removed, &n));
    ck_assert_uint_eq(n, 200);
    ck_assert_int_eq(query(db, "SELECT count(*) FROM sessions"), 100);
}
END_TEST

START_TEST(a_removed_user_takes_its_sessions_along)
{
    ck_ok(add(1, NOW + 1000));
    ck_ok(db_exec(db, "DELETE FROM users"));
    ck_assert_int_eq(query(db, "SELECT count(*) FROM sessions"), 0);
}
END_TEST

START_TEST(nothing_scans_the_table)
{
    const struct stmt *const all[] = { ss.find, ss.remove, ss.remove_expired };

    for (size_t i = 0; i < 3; i++)
        ck_assert_ptr_null(strstr(plan_of(db, all[i]), "SCAN"));
    ck_assert_ptr_nonnull(strstr(plan_of(db, ss.remove_expired), "sessions_by_end"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session_store");
    TCase *tc = tcase_create("session_store");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_session_is_found_until_the_millisecond_of_its_end);
    tcase_add_test(tc, hashes_are_compared_whole_zeros_included);
    tcase_add_test(tc, a_hash_is_stored_once);
    tcase_add_test(tc, a_session_needs_a_user);
    tcase_add_test(tc, a_deleted_session_is_gone_and_the_others_stay);
    tcase_add_test(tc, expired_sessions_are_removed_in_bites_and_valid_ones_stay);
    tcase_add_test(tc, a_removed_user_takes_its_sessions_along);
    tcase_add_test(tc, nothing_scans_the_table);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
