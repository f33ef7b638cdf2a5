/* test_schema.c - files of every age: new, older, newer, somebody else's. */
#include "store/call_store.h"
#include "store/dm_store.h"
#include "store/schema.h"
#include "store/session_store.h"
#include "store/stroke_store.h"
#include "support.h"

static struct db *open_at(const char *path, int version)
{
    char why[DB_WHY_MAX];
    struct db *db;

    enum err e = schema_open_at(path, version, &db, why);
    ck_assert_msg(e == OK, "%s", why);
    return db;
}

static void refused(const char *path, int version, const char *text)
{
    char why[DB_WHY_MAX];
    struct db *db;

    ck_assert_int_eq(schema_open_at(path, version, &db, why), ERR_BAD_INPUT);
    ck_assert_ptr_null(db);
    ck_assert_msg(strstr(why, path) && strstr(why, text), "%s", why);
}

START_TEST(a_new_file_gets_the_number_of_today_and_our_mark)
{
    struct db *db = open_db(path_to("new.db"));

    ck_assert_int_eq(query(db, "PRAGMA user_version"), SCHEMA_VERSION);
    ck_assert_int_eq(query(db, "PRAGMA application_id"), SCHEMA_APPLICATION_ID);
    db_close(db);
}
END_TEST

START_TEST(an_empty_file_counts_as_new)
{
    FILE *f = fopen(path_to("empty.db"), "w");

    ck_assert_ptr_nonnull(f);
    fclose(f);
    struct db *db = open_db(path_to("empty.db"));
    ck_assert_int_eq(query(db, "PRAGMA user_version"), SCHEMA_VERSION);
    db_close(db);
}
END_TEST

START_TEST(opening_again_writes_nothing)
{
    db_close(open_db(path_to("twice.db")));
    struct db *db = open_db(path_to("twice.db"));
    ck_assert_uint_eq(db_counters(db).commits, 0);
    db_close(db);
}
END_TEST

/* One row in each table of the first schema. */
static void fill_first_schema(struct db *db)
{
    static const uint8_t hash[SESSION_HASH_LEN] = { 7 };
    struct session_row session = { .created_at = NOW, .expires_at = NOW + 1000 };
    struct session_store sessions;
    struct stroke_store strokes;

    session.user_id = add_user(db, "Ann");
    ck_ok(session_store_open(&sessions, db));
    ck_ok(session_store_insert(&sessions, hash, &session));
    session_store_close(&sessions);
    ck_ok(stroke_store_open(&strokes, db));
    ck_ok(stroke_store_insert(&strokes, BYTES("{\"startX\":1}"), session.user_id, NOW, NULL));
    stroke_store_close(&strokes);
}

static void check_first_schema(struct db *db)
{
    static const uint8_t hash[SESSION_HASH_LEN] = { 7 };
    struct session_store sessions;
    struct session_row session;

    ck_ok(session_store_open(&sessions, db));
    ck_ok(session_store_find(&sessions, hash, NOW, &session));
    session_store_close(&sessions);
    ck_assert_int_eq(query(db, "SELECT count(*) FROM users WHERE username = 'ann'"), 1);
    ck_assert_int_eq(query(db, "SELECT count(*) FROM strokes WHERE body = '{\"startX\":1}'"), 1);
}

START_TEST(an_older_file_is_brought_up_to_date_with_its_rows)
{
    struct chat_store chat;
    struct call_store calls;
    struct dm_store dms;

    struct db *db = open_at(path_to("old.db"), 1);
    ck_assert_int_eq(query(db, "PRAGMA user_version"), 1);
    ck_assert_int_eq(chat_store_open(&chat, db), ERR_STORE); /* not there yet */
    fill_first_schema(db);
    db_close(db);

    int from = _i;
    if (from > 1) { /* with a stop on the way */
        db = open_at(path_to("old.db"), from);
        check_first_schema(db);
        db_close(db);
    }
    db = open_db(path_to("old.db"));
    ck_assert_int_eq(query(db, "PRAGMA user_version"), SCHEMA_VERSION);
    ck_assert_uint_eq(db_counters(db).commits, from == SCHEMA_VERSION ? 0 : 1);
    check_first_schema(db);
    ck_ok(chat_store_open(&chat, db));
    ck_ok(dm_store_open(&dms, db));
    ck_ok(call_store_open(&calls, db));
    chat_store_close(&chat);
    dm_store_close(&dms);
    call_store_close(&calls);
    db_close(db);
}
END_TEST

START_TEST(the_way_through_every_number_ends_at_the_same_tables_as_a_new_file)
{
    struct db *db = NULL, *fresh = open_db(path_to("fresh.db"));
    char sql[256];

    for (int version = 1; version <= SCHEMA_VERSION; version++) {
        db_close(db);
        db = open_at(path_to("steps.db"), version);
    }
    snprintf(sql, sizeof(sql), "ATTACH '%s' AS fresh", path_to("fresh.db"));
    ck_ok(db_exec(db, sql));
    ck_assert_int_eq(query(db,
                           "SELECT count(*) FROM (SELECT type, name, sql FROM main.sqlite_schema"
                           " EXCEPT SELECT type, name, sql FROM fresh.sqlite_schema)"),
                     0);
    ck_assert_int_eq(query(db, "SELECT (SELECT count(*) FROM main.sqlite_schema) ="
                               " (SELECT count(*) FROM fresh.sqlite_schema)"),
                     1);
    db_close(db);
    db_close(fresh);
}
END_TEST

START_TEST(an_older_server_refuses_a_newer_file_and_leaves_it_alone)
{
    struct db *db = open_db(path_to("newer.db"));

    fill_first_schema(db);
    db_close(db);
    for (int version = 1; version < SCHEMA_VERSION; version++)
        refused(path_to("newer.db"), version, "newer server");
    db = open_db(path_to("newer.db"));
    ck_ok(db_exec(db, "PRAGMA user_version = 4"));
    db_close(db);
    refused(path_to("newer.db"), SCHEMA_VERSION, "newer server (schema 4");
    refused(path_to("newer.db"), SCHEMA_VERSION, "newer server (schema 4");
    db = open_at(path_to("newer.db"), 4); /* the newer server goes on with it */
    check_first_schema(db);
    db_close(db);
}
END_TEST

START_TEST(the_database_of_another_program_is_refused)
{
    static const char *const spoil[] = {
        "PRAGMA application_id = 1",
        "PRAGMA application_id = 0",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = -1",
    };

    struct db *db = open_db(path_to("theirs.db"));
    ck_ok(db_exec(db, spoil[_i]));
    db_close(db);
    refused(path_to("theirs.db"), SCHEMA_VERSION, "another program");
}
END_TEST

START_TEST(an_upgrade_that_fails_changes_nothing)
{
    char why[DB_WHY_MAX];
    struct db *db = open_at(path_to("fail.db"), 1);

    ck_ok(db_exec(db, "CREATE TABLE calls (x)")); /* in the way of step 3, after step 2 has run */
    fill_first_schema(db);
    db_close(db);
    ck_assert_int_eq(db_open(path_to("fail.db"), &db, why), ERR_STORE);
    ck_assert_msg(strstr(why, "calls already exists") != NULL, "%s", why);
    db = open_at(path_to("fail.db"), 1);
    ck_assert_int_eq(query(db, "PRAGMA user_version"), 1);
    ck_assert_int_eq(query(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'chat'"), 0);
    check_first_schema(db);
    db_close(db);
}
END_TEST

START_TEST(an_upgrade_waits_for_no_one_for_ever)
{
    char why[DB_WHY_MAX];
    struct db *db, *other = open_at(path_to("busy.db"), 1);

    ck_ok(db_begin(other));
    ck_assert_int_eq(db_open(path_to("busy.db"), &db, why), ERR_STORE);
    ck_assert_msg(strstr(why, "locked") != NULL, "%s", why);
    db_rollback(other);
    db_close(other);
    db_close(open_db(path_to("busy.db")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema");
    TCase *tc = tcase_create("schema");

    tcase_add_checked_fixture(tc, make_folder, remove_folder);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_new_file_gets_the_number_of_today_and_our_mark);
    tcase_add_test(tc, an_empty_file_counts_as_new);
    tcase_add_test(tc, opening_again_writes_nothing);
    tcase_add_loop_test(tc, an_older_file_is_brought_up_to_date_with_its_rows, 1,
                        SCHEMA_VERSION + 1);
    tcase_add_test(tc, the_way_through_every_number_ends_at_the_same_tables_as_a_new_file);
    tcase_add_test(tc, an_older_server_refuses_a_newer_file_and_leaves_it_alone);
    tcase_add_loop_test(tc, the_database_of_another_program_is_refused, 0, 4);
    tcase_add_test(tc, an_upgrade_that_fails_changes_nothing);
    tcase_add_test(tc, an_upgrade_waits_for_no_one_for_ever);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
