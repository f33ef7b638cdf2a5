/* test_stmt.c - statements: errors that stick, bytes that stay, reads that fail loudly. */
#include "fault_vfs.h"
#include "store/stroke_store.h"

START_TEST(a_bind_that_fails_makes_the_step_fail_and_the_next_run_work)
{
    struct db *db = open_db(":memory:");
    struct stmt *st;
    bool has_row;

    ck_ok(stmt_prepare(db, "SELECT ?1", &st));
    stmt_bind_int(st, 2, 7); /* there is no second one */
    stmt_bind_int(st, 1, 7);
    ck_assert_int_eq(stmt_step(st, &has_row), ERR_STORE);
    ck_assert(!has_row);
    ck_assert_int_eq(stmt_done(st, ERR_STORE), ERR_STORE);
    stmt_bind_int(st, 1, 7);
    ck_ok(stmt_one(st));
    ck_assert_int_eq(stmt_int(st, 0), 7);
    ck_ok(stmt_done(st, OK));
    stmt_release(st);
    db_close(db);
}
END_TEST

START_TEST(a_text_that_does_not_fit_is_an_error_and_never_cut)
{
    struct db *db = open_db(":memory:");
    struct stmt *st;
    char small[4] = "xyz";

    ck_ok(stmt_prepare(db, "SELECT 'abcd', 'abc'", &st));
    ck_ok(stmt_one(st));
    stmt_text_to(st, 1, small, sizeof(small));
    ck_assert_str_eq(small, "abc");
    ck_ok(stmt_check(st));
    stmt_text_to(st, 0, small, sizeof(small));
    ck_assert_str_eq(small, "");
    ck_assert_int_eq(stmt_done(st, OK), ERR_STORE);
    stmt_release(st);
    db_close(db);
}
END_TEST

START_TEST(bytes_come_back_as_they_went_in)
{
    static const struct bytes texts[] = {
        { "", 0 },         { "a\0b", 3 },         { "\0", 1 },
        { "\xff\xfe", 2 }, { "\xed\xa0\x80", 3 }, { "{\"u\":1e400}", 11 },
    };
    struct db *db = open_db(":memory:");
    struct stmt *st;

    ck_ok(stmt_prepare(db, "SELECT ?1, typeof(?1), ?2, ?2 IS NULL", &st));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        stmt_bind_text(st, 1, texts[i]);
        stmt_bind_null(st, 2);
        ck_ok(stmt_one(st));
        ck_assert(bytes_eq(stmt_bytes(st, 0), texts[i]));
        ck_assert(bytes_eq(stmt_bytes(st, 1), BYTES("text")));
        ck_assert(stmt_is_null(st, 2));
        ck_assert_uint_eq(stmt_bytes(st, 2).len, 0);
        ck_ok(stmt_done(st, OK));
    }
    stmt_bind_text(st, 1, (struct bytes){ NULL, 0 });
    ck_ok(stmt_one(st));
    ck_assert(!stmt_is_null(st, 0)); /* an empty text is no NULL */
    ck_ok(stmt_done(st, OK));
    stmt_release(st);
    db_close(db);
}
END_TEST

START_TEST(what_was_bound_is_forgotten_after_the_run)
{
    struct db *db = open_db(":memory:");
    struct stmt *st;

    ck_ok(stmt_prepare(db, "SELECT ?1", &st));
    stmt_bind_text(st, 1, BYTES("secret"));
    ck_ok(stmt_run(st));
    ck_ok(stmt_one(st));
    ck_assert(stmt_is_null(st, 0));
    ck_ok(stmt_done(st, OK));
    stmt_release(st);
    db_close(db);
}
END_TEST

START_TEST(preparing_all_is_all_or_none)
{
    struct db *db = open_db(":memory:");
    struct stmt *a = (struct stmt *)db, *b = (struct stmt *)db;
    const struct stmt_spec specs[] = { { &a, "SELECT 1" }, { &b, "SELECT nonsense" } };

    ck_assert_int_eq(stmt_prepare_all(db, specs, 2), ERR_STORE);
    ck_assert_ptr_null(a);
    ck_assert_ptr_null(b);
    ck_ok(stmt_prepare_all(db, specs, 1));
    struct stmt **const all[] = { &a, &b };
    stmt_release_all(all, 2);
    ck_assert_ptr_null(a);
    db_close(db);
}
END_TEST

START_TEST(a_query_without_a_row_is_not_found)
{
    struct db *db = open_db(":memory:");
    int64_t n = 5;

    ck_assert_int_eq(db_query_int(db, "SELECT 1 WHERE 0", &n), ERR_NOT_FOUND);
    ck_assert_int_eq(n, 5);
    db_close(db);
}
END_TEST

/* --- reads that fail --- */

static void write_strokes(const char *path, int n)
{
    struct db *db = open_db(path);
    struct stroke_store ss;
    char body[1000];

    memset(body, ' ', sizeof(body));
    memcpy(body, "{}", 2);
    ck_ok(stroke_store_open(&ss, db));
    ck_ok(db_begin(db));
    for (int i = 0; i < n; i++)
        ck_ok(stroke_store_insert(&ss, bytes_of(body, sizeof(body)), 0, NOW, NULL));
    ck_ok(db_commit(db, true));
    stroke_store_close(&ss);
    db_close(db);
}

static enum err count_row(void *arg, const struct stroke_row *row)
{
    (void)row;
    ++*(int *)arg;
    return OK;
}

START_TEST(a_damaged_page_is_an_error_and_not_the_end_of_the_list)
{
    struct stroke_store ss;
    char junk[4096];
    int n = 0;

    write_strokes(path_to("torn.db"), 400);
    memset(junk, 0x5a, sizeof(junk));
    FILE *f = fopen(path_to("torn.db"), "r+b");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, 60 * 4096, SEEK_SET), 0); /* in the middle of the strokes */
    ck_assert_uint_eq(fwrite(junk, 1, sizeof(junk), f), sizeof(junk));
    fclose(f);

    struct db *db = open_db(path_to("torn.db"));
    ck_ok(stroke_store_open(&ss, db));
    ck_assert_int_eq(stroke_store_each(&ss, count_row, &n), ERR_STORE);
    ck_assert_int_lt(n, 400);
    stroke_store_close(&ss);
    db_close(db);
}
END_TEST

START_TEST(a_failing_disk_is_an_error_and_not_an_empty_list)
{
    struct stroke_store ss;
    int64_t count = -1;
    int n = 0;

    fault_install();
    write_strokes(path_to("dead.db"), 100);
    struct db *db = open_db(path_to("dead.db"));
    ck_ok(stroke_store_open(&ss, db));
    fault.reads_fail = SQLITE_IOERR_READ;
    ck_assert_int_eq(stroke_store_each(&ss, count_row, &n), ERR_STORE);
    ck_assert_int_eq(stroke_store_count(&ss, &count), ERR_STORE);
    ck_assert_int_eq(n, 0);
    fault.reads_fail = 0;
    ck_ok(stroke_store_each(&ss, count_row, &n));
    ck_assert_int_eq(n, 100);
    stroke_store_close(&ss);
    db_close(db);
    fault_remove();
}
END_TEST

/* --- the log --- */

START_TEST(a_failure_that_repeats_is_logged_ever_more_rarely_and_without_stored_text)
{
    char text[8192] = "";
    struct stmt *st;

    struct db *db = open_db(":memory:");
    ck_ok(stmt_prepare(db,
                       "INSERT INTO sessions (token_hash, user_id, created_at, expires_at)"
                       " VALUES (?1, 1, 1, 1)",
                       &st));
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    ck_assert_ptr_nonnull(freopen(path_to("log"), "w", stderr));
    for (int i = 0; i < 100; i++) {
        stmt_bind_blob(st, 1, "verysecret", 10); /* too short: the CHECK refuses it */
        ck_assert_int_eq(stmt_run(st), ERR_STORE);
    }
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    FILE *f = fopen(path_to("log"), "r");
    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    int n_lines = 0;
    for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
        n_lines++;
    ck_assert_int_eq(n_lines, 7); /* 1, 2, 4, 8, 16, 32, 64 */
    ck_assert_ptr_null(strstr(text, "verysecret"));
    stmt_release(st);
    db_close(db);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stmt");
    TCase *tc = tcase_create("stmt");

    tcase_add_checked_fixture(tc, make_folder, remove_folder);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_bind_that_fails_makes_the_step_fail_and_the_next_run_work);
    tcase_add_test(tc, a_text_that_does_not_fit_is_an_error_and_never_cut);
    tcase_add_test(tc, bytes_come_back_as_they_went_in);
    tcase_add_test(tc, what_was_bound_is_forgotten_after_the_run);
    tcase_add_test(tc, preparing_all_is_all_or_none);
    tcase_add_test(tc, a_query_without_a_row_is_not_found);
    tcase_add_test(tc, a_damaged_page_is_an_error_and_not_the_end_of_the_list);
    tcase_add_test(tc, a_failing_disk_is_an_error_and_not_an_empty_list);
    tcase_add_test(tc, a_failure_that_repeats_is_logged_ever_more_rarely_and_without_stored_text);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
