/* test_stroke_store.c - strokes come back byte for byte and in order. */
#include <sqlite3.h>
#include "store/stroke_store.h"
#include "support.h"

static struct db *db;
static struct stroke_store ss;

static void set_up(void)
{
    make_folder();
    db = open_db(":memory:");
    ck_ok(stroke_store_open(&ss, db));
}

static void tear_down(void)
{
    stroke_store_close(&ss);
    db_close(db);
    remove_folder();
}

static const struct bytes bodies[] = {
    { "{}", 2 },
    { "{\"startX\":1e400,\"n\":123456789012345678901234567890}", 50 },
    { "{ \"a\" : \"\\u0000\\ud800\" }", 25 },
    { "{\"startX\":-0.0,\"startY\":5e-324,\"color\":\"#fff\"}", 47 },
    { "{\"t\":\"\xf0\x9f\x98\x80\"}", 12 },
};
#define N_BODIES (sizeof(bodies) / sizeof(bodies[0]))

struct reading {
    size_t n;
    size_t stop_at;
    int64_t last_id;
};

static enum err compare(void *arg, const struct stroke_row *row)
{
    struct reading *r = arg;

    if (r->n == r->stop_at)
        return ERR_NO_MEMORY;
    ck_assert(bytes_eq(row->body, bodies[r->n]));
    ck_assert_int_eq(row->author_id, (int64_t)r->n);
    ck_assert_int_eq(row->created_at, NOW + (int64_t)r->n);
    ck_assert_int_gt(row->id, r->last_id);
    r->last_id = row->id;
    r->n++;
    return OK;
}

static void insert_all(void)
{
    int64_t id = 0, last = 0;

    for (size_t i = 0; i < N_BODIES; i++, last = id) {
        ck_ok(stroke_store_insert(&ss, bodies[i], (int64_t)i, NOW + (int64_t)i, &id));
        ck_assert_int_gt(id, last);
    }
}

START_TEST(every_body_comes_back_byte_for_byte_oldest_first)
{
    struct reading r = { .stop_at = SIZE_MAX };

    insert_all();
    ck_ok(stroke_store_each(&ss, compare, &r));
    ck_assert_uint_eq(r.n, N_BODIES);
}
END_TEST

START_TEST(the_reader_may_stop_and_start_again)
{
    struct reading r = { .stop_at = 2 };

    insert_all();
    ck_assert_int_eq(stroke_store_each(&ss, compare, &r), ERR_NO_MEMORY);
    ck_assert_uint_eq(r.n, 2);
    r = (struct reading){ .stop_at = SIZE_MAX };
    ck_ok(stroke_store_each(&ss, compare, &r));
    ck_assert_uint_eq(r.n, N_BODIES);
}
END_TEST

START_TEST(a_guest_has_no_author)
{
    ck_ok(stroke_store_insert(&ss, BYTES("{}"), 7, NOW, NULL));
    ck_ok(stroke_store_insert(&ss, BYTES("{}"), 0, NOW, NULL)); /* and not the one before */
    ck_assert_int_eq(query(db, "SELECT count(*) FROM strokes WHERE author_id IS NULL"), 1);
}
END_TEST

START_TEST(counting_counts)
{
    int64_t n = -1;

    ck_ok(stroke_store_count(&ss, &n));
    ck_assert_int_eq(n, 0);
    insert_all();
    ck_ok(stroke_store_count(&ss, &n));
    ck_assert_int_eq(n, (int64_t)N_BODIES);
}
END_TEST

/* A shell trusts the schema, which our own connection does not (schema.c). */
static int ask_like_a_shell(const char *path, const char *sql)
{
    sqlite3_stmt *st = NULL;
    sqlite3 *shell;

    ck_assert_int_eq(sqlite3_open(path, &shell), SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(shell, sql, -1, &st, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(shell));
    ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
    int answer = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(shell);
    return answer;
}

START_TEST(a_shell_can_ask_for_the_fields_as_typed_columns)
{
    const char *path = path_to("shell.db");
    struct stroke_store store;

    struct db *file = open_db(path);
    ck_ok(stroke_store_open(&store, file));
    ck_ok(stroke_store_insert(&store,
                              BYTES("{\"startX\":1.5,\"startY\":2,\"endX\":3e2,\"endY\":-4,"
                                    "\"color\":\"#ff0000\",\"width\":3}"),
                              0, NOW, NULL));
    ck_assert_int_eq(ask_like_a_shell(path, "SELECT start_x = 1.5 AND start_y = 2.0 AND"
                                            " end_x = 300.0 AND end_y = -4.0 AND"
                                            " color = '#ff0000' FROM stroke_columns"),
                     1);
    ck_assert_int_eq(ask_like_a_shell(path, "SELECT typeof(start_y) = 'real' AND"
                                            " typeof(color) = 'text' FROM stroke_columns"),
                     1);
    stroke_store_close(&store);
    db_close(file);
}
END_TEST

START_TEST(a_body_of_the_largest_message_is_no_special_case)
{
    static char body[4096];
    struct stmt *st;

    memset(body, ' ', sizeof(body));
    body[0] = '{';
    body[sizeof(body) - 1] = '}';
    ck_ok(stroke_store_insert(&ss, bytes_of(body, sizeof(body)), 0, NOW, NULL));
    ck_ok(stmt_prepare(db, "SELECT body FROM strokes", &st));
    ck_ok(stmt_one(st));
    ck_assert(bytes_eq(stmt_bytes(st, 0), bytes_of(body, sizeof(body))));
    ck_ok(stmt_done(st, OK));
    stmt_release(st);
}
END_TEST

START_TEST(reading_follows_the_table_without_sorting)
{
    ck_assert_str_eq(plan_of(db, ss.each), "SCAN strokes\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stroke_store");
    TCase *tc = tcase_create("stroke_store");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, every_body_comes_back_byte_for_byte_oldest_first);
    tcase_add_test(tc, the_reader_may_stop_and_start_again);
    tcase_add_test(tc, a_guest_has_no_author);
    tcase_add_test(tc, counting_counts);
    tcase_add_test(tc, a_shell_can_ask_for_the_fields_as_typed_columns);
    tcase_add_test(tc, a_body_of_the_largest_message_is_no_special_case);
    tcase_add_test(tc, reading_follows_the_table_without_sorting);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
