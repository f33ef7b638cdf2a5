/* test_chat_store.c - one list for everybody, and resending that does no harm. */
#include "support.h"

static struct db *db;
static struct chat_store cs;
static int64_t ann, bob;

static void set_up(void)
{
    make_folder();
    db = open_db(":memory:");
    ann = add_user(db, "Ann");
    bob = add_user(db, "bob");
    ck_ok(chat_store_open(&cs, db));
}

static void tear_down(void)
{
    chat_store_close(&cs);
    db_close(db);
    remove_folder();
}

static struct stored_as say(int64_t who, const char *comment, int64_t sent_at,
                            const char *client_id)
{
    struct chat_new chat = {
        .user_id = who,
        .comment = bytes_str(comment),
        .sent_at = sent_at,
        .client_id = bytes_str(client_id),
    };
    struct stored_as stored;

    ck_ok(chat_store_insert(&cs, &chat, &stored));
    return stored;
}

struct reading {
    char text[512];
    int n, stop_at;
    int64_t first_id, last_id;
};

static enum err read_row(void *arg, const struct chat_row *row)
{
    struct reading *r = arg;

    if (r->stop_at && r->n == r->stop_at)
        return ERR_LIMIT;
    ck_assert_int_gt(row->id, r->last_id);
    if (r->n++ == 0)
        r->first_id = row->id;
    r->last_id = row->id;
    size_t len = strlen(r->text);
    snprintf(r->text + len, sizeof(r->text) - len, "%.*s:%.*s ", (int)row->username.len,
             row->username.data, (int)row->comment.len, row->comment.data);
    return OK;
}

static const char *scan(int64_t after, int64_t up_to, uint32_t max_rows)
{
    static struct reading r;

    r = (struct reading){ 0 };
    ck_ok(chat_store_scan(&cs, after, up_to, max_rows, read_row, &r));
    return r.text;
}

START_TEST(what_was_said_comes_back_in_order_with_the_registered_names)
{
    struct stored_as a = say(ann, "one", NOW, NULL), b = say(bob, "two", NOW + 5, NULL);

    ck_assert_int_gt(b.id, a.id);
    ck_assert_int_eq(b.sent_at, NOW + 5);
    ck_assert(!a.was_there && !b.was_there);
    ck_assert_str_eq(scan(0, INT64_MAX, 100), "Ann:one bob:two ");
}
END_TEST

START_TEST(a_scan_goes_from_behind_one_id_to_another_in_pieces)
{
    struct stored_as s[6];
    char name[16];

    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof(name), "%d", i);
        s[i] = say(ann, name, NOW, NULL);
    }
    ck_assert_str_eq(scan(s[0].id, s[4].id, 100), "Ann:1 Ann:2 Ann:3 Ann:4 ");
    ck_assert_str_eq(scan(s[0].id, s[4].id, 3), "Ann:1 Ann:2 Ann:3 ");
    ck_assert_str_eq(scan(s[3].id, s[4].id, 3), "Ann:4 ");
    ck_assert_str_eq(scan(s[4].id, s[4].id, 3), "");
    ck_assert_str_eq(scan(0, INT64_MAX, 0), "");
}
END_TEST

START_TEST(a_reader_that_stops_ends_the_scan_with_its_error)
{
    struct reading r = { .stop_at = 1 };

    say(ann, "one", NOW, NULL);
    say(ann, "two", NOW, NULL);
    ck_assert_int_eq(chat_store_scan(&cs, 0, INT64_MAX, 9, read_row, &r), ERR_LIMIT);
    ck_assert_str_eq(r.text, "Ann:one ");
    ck_assert_str_eq(scan(0, INT64_MAX, 9), "Ann:one Ann:two ");
}
END_TEST

START_TEST(a_page_before_an_id_holds_the_newest_of_the_older_oldest_first)
{
    struct stored_as s[6];
    struct reading r;
    bool has_older;
    char name[16];

    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof(name), "%d", i);
        s[i] = say(ann, name, NOW, NULL);
    }
    r = (struct reading){ 0 };
    ck_ok(chat_store_page_before(&cs, INT64_MAX, 2, read_row, &r, &has_older));
    ck_assert_str_eq(r.text, "Ann:4 Ann:5 ");
    ck_assert(has_older);
    r = (struct reading){ 0 };
    ck_ok(chat_store_page_before(&cs, s[4].id, 3, read_row, &r, &has_older));
    ck_assert_str_eq(r.text, "Ann:1 Ann:2 Ann:3 ");
    ck_assert(has_older);
    r = (struct reading){ 0 };
    ck_ok(chat_store_page_before(&cs, s[4].id, 4, read_row, &r, &has_older));
    ck_assert_str_eq(r.text, "Ann:0 Ann:1 Ann:2 Ann:3 ");
    ck_assert(!has_older);
    r = (struct reading){ 0 };
    ck_ok(chat_store_page_before(&cs, s[4].id, UINT32_MAX, read_row, &r, &has_older));
    ck_assert_int_eq(r.n, 4);
    r = (struct reading){ 0 };
    ck_ok(chat_store_page_before(&cs, s[0].id, 4, read_row, &r, &has_older));
    ck_assert_int_eq(r.n, 0);
    ck_assert(!has_older);
    ck_ok(chat_store_page_before(&cs, INT64_MIN, 4, read_row, &r, &has_older));
    ck_ok(chat_store_page_before(&cs, INT64_MAX, 0, read_row, &r, &has_older));
    ck_assert_int_eq(r.n, 0);
    ck_assert(has_older);
}
END_TEST

START_TEST(the_newest_id_is_known_and_0_of_an_empty_list)
{
    int64_t id = -1;

    ck_ok(chat_store_max_id(&cs, &id));
    ck_assert_int_eq(id, 0);
    struct stored_as s = say(ann, "x", NOW, NULL);
    ck_ok(chat_store_max_id(&cs, &id));
    ck_assert_int_eq(id, s.id);
}
END_TEST

START_TEST(a_message_sent_again_is_stored_once_and_the_first_text_stands)
{
    struct stored_as a = say(ann, "first", NOW, "k1");
    struct stored_as again = say(ann, "second", NOW + 99, "k1");

    ck_assert(!a.was_there && again.was_there);
    ck_assert_int_eq(again.id, a.id);
    ck_assert_int_eq(again.sent_at, NOW);
    ck_assert_str_eq(scan(again.id - 1, again.id, 1), "Ann:first ");
    ck_assert_str_eq(scan(0, INT64_MAX, 9), "Ann:first ");
}
END_TEST

START_TEST(client_ids_belong_to_their_user_and_to_nobody_else)
{
    struct stored_as a = say(ann, "a", NOW, "k1"), b = say(bob, "b", NOW, "k1");

    ck_assert(!b.was_there);
    ck_assert_int_ne(a.id, b.id);
    ck_assert(!say(ann, "c", NOW, "K1").was_there); /* compared byte by byte */
    ck_assert(!say(ann, "d", NOW, NULL).was_there);
    ck_assert(!say(ann, "d", NOW, NULL).was_there); /* none is never the same */
    ck_assert_int_eq(query(db, "SELECT count(*) FROM chat"), 5);
}
END_TEST

START_TEST(a_message_and_its_client_id_are_gone_with_the_savepoint)
{
    ck_ok(db_begin(db));
    ck_ok(db_savepoint(db));
    say(ann, "gone", NOW, "k1");
    ck_ok(db_savepoint_rollback(db));
    ck_assert(!say(ann, "kept", NOW, "k1").was_there);
    ck_ok(db_commit(db, true));
    ck_assert_str_eq(scan(0, INT64_MAX, 9), "Ann:kept ");
}
END_TEST

START_TEST(limits_and_strangers)
{
    char long_id[CLIENT_ID_MAX + 1];
    struct chat_new chat = { .user_id = ann, .comment = BYTES("x"), .sent_at = NOW };
    struct stored_as s;

    memset(long_id, 'k', sizeof(long_id));
    chat.client_id = bytes_of(long_id, CLIENT_ID_MAX);
    ck_ok(chat_store_insert(&cs, &chat, &s));
    chat.client_id = bytes_of(long_id, CLIENT_ID_MAX + 1);
    ck_assert_int_eq(chat_store_insert(&cs, &chat, &s), ERR_BAD_INPUT);
    chat = (struct chat_new){ .user_id = 999, .comment = BYTES("x"), .sent_at = NOW };
    ck_assert_int_eq(chat_store_insert(&cs, &chat, &s), ERR_NOT_FOUND);
    ck_assert_int_eq(query(db, "SELECT count(*) FROM chat"), 1);
}
END_TEST

static enum err check_big(void *arg, const struct chat_row *row)
{
    struct bytes *want = arg;

    ck_assert(bytes_eq(row->comment, *want));
    return OK;
}

START_TEST(the_longest_text_comes_back_whole)
{
    static char text[65536];
    struct bytes comment = bytes_of(text, sizeof(text));
    struct chat_new chat = { .user_id = ann, .comment = comment, .sent_at = NOW };
    struct stored_as s;

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i % 23);
    ck_ok(chat_store_insert(&cs, &chat, &s));
    ck_ok(chat_store_scan(&cs, 0, INT64_MAX, 9, check_big, &comment));
}
END_TEST

START_TEST(ids_grow_even_if_the_newest_message_goes)
{
    int64_t id = say(ann, "x", NOW, NULL).id;

    ck_ok(db_exec(db, "DELETE FROM chat"));
    ck_assert_int_gt(say(ann, "y", NOW, NULL).id, id);
}
END_TEST

START_TEST(no_query_sorts_or_scans)
{
    ck_assert_str_eq(plan_of(db, cs.scan),
                     "SEARCH c USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)\n"
                     "SEARCH u USING INTEGER PRIMARY KEY (rowid=?)\n");
    ck_assert_str_eq(plan_of(db, cs.ids_before),
                     "SEARCH chat USING INTEGER PRIMARY KEY (rowid<?)\n");
    ck_assert_str_eq(plan_of(db, cs.find),
                     "SEARCH chat USING INDEX chat_by_client (user_id=? AND client_id=?)\n");
    ck_assert_str_eq(plan_of(db, cs.max_id), "SEARCH chat\n"); /* one step to the end */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chat_store");
    TCase *tc = tcase_create("chat_store");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, what_was_said_comes_back_in_order_with_the_registered_names);
    tcase_add_test(tc, a_scan_goes_from_behind_one_id_to_another_in_pieces);
    tcase_add_test(tc, a_reader_that_stops_ends_the_scan_with_its_error);
    tcase_add_test(tc, a_page_before_an_id_holds_the_newest_of_the_older_oldest_first);
    tcase_add_test(tc, the_newest_id_is_known_and_0_of_an_empty_list);
    tcase_add_test(tc, a_message_sent_again_is_stored_once_and_the_first_text_stands);
    tcase_add_test(tc, client_ids_belong_to_their_user_and_to_nobody_else);
    tcase_add_test(tc, a_message_and_its_client_id_are_gone_with_the_savepoint);
    tcase_add_test(tc, limits_and_strangers);
    tcase_add_test(tc, the_longest_text_comes_back_whole);
    tcase_add_test(tc, ids_grow_even_if_the_newest_message_goes);
    tcase_add_test(tc, no_query_sorts_or_scans);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
