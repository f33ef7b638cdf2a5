/* test_dm_store.c - two people, their messages, and what each of them has read. */
#include "store/dm_store.h"
#include "support.h"

static struct db *db;
static struct dm_store ds;
static int64_t ann, bob, cat;

static void set_up(void)
{
    make_folder();
    db = open_db(":memory:");
    ann = add_user(db, "Ann");
    bob = add_user(db, "bob");
    cat = add_user(db, "cat");
    ck_ok(dm_store_open(&ds, db));
    ck_ok(db_begin(db));
}

static void tear_down(void)
{
    ck_ok(db_commit(db, true));
    dm_store_close(&ds);
    db_close(db);
    remove_folder();
}

static enum err try_write(int64_t from, int64_t to, const char *text, int64_t sent_at,
                          const char *client_id, struct stored_as *stored)
{
    struct dm_new dm = {
        .from_id = from,
        .to_id = to,
        .text = bytes_str(text),
        .sent_at = sent_at,
        .client_id = bytes_str(client_id),
    };

    return dm_store_insert(&ds, &dm, stored);
}

static int64_t tell(int64_t from, int64_t to, const char *text)
{
    struct stored_as stored;

    ck_ok(try_write(from, to, text, NOW, NULL, &stored));
    ck_assert(!stored.was_there);
    return stored.id;
}

struct reading {
    char text[1024];
    int n, stop_at;
    int64_t last_id;
};

static enum err read_row(void *arg, const struct dm_row *row)
{
    struct reading *r = arg;

    if (r->stop_at && r->n == r->stop_at)
        return ERR_LIMIT;
    ck_assert_int_gt(row->id, r->last_id);
    r->last_id = row->id;
    r->n++;
    size_t len = strlen(r->text);
    snprintf(r->text + len, sizeof(r->text) - len, "%lld>%lld:%.*s ", (long long)row->from_id,
             (long long)row->to_id, (int)row->text.len, row->text.data);
    return OK;
}

static const char *scan(int64_t user, int64_t peer, int64_t after, int64_t up_to, uint32_t max_rows)
{
    static struct reading r;

    r = (struct reading){ 0 };
    ck_ok(dm_store_scan(&ds, user, peer, after, up_to, max_rows, read_row, &r));
    return r.text;
}

static const char *all_of(int64_t user, int64_t peer)
{
    return scan(user, peer, 0, INT64_MAX, 1000);
}

START_TEST(a_conversation_is_the_same_from_both_ends_and_nobody_elses)
{
    tell(ann, bob, "a");
    tell(bob, ann, "b");
    tell(ann, cat, "c");
    tell(cat, bob, "d");
    tell(ann, ann, "e");
    ck_assert_str_eq(all_of(ann, bob), "1>2:a 2>1:b ");
    ck_assert_str_eq(all_of(bob, ann), "1>2:a 2>1:b ");
    ck_assert_str_eq(all_of(cat, ann), "1>3:c ");
    ck_assert_str_eq(all_of(cat, bob), "3>2:d ");
    ck_assert_str_eq(all_of(bob, bob), "");
    ck_assert_str_eq(all_of(cat, 999), "");
    ck_assert_str_eq(all_of(0, ann), "");
}
END_TEST

START_TEST(a_user_may_write_to_themselves_and_reads_each_message_once)
{
    struct dm_side side;

    int64_t id = tell(ann, ann, "note");
    tell(bob, ann, "other");
    ck_assert_str_eq(all_of(ann, ann), "1>1:note ");
    ck_ok(dm_store_side(&ds, ann, ann, &side));
    ck_assert_int_eq(side.last_id, id);
    ck_assert_int_eq(side.unread, 0);
}
END_TEST

START_TEST(a_scan_goes_from_behind_one_id_to_another_in_pieces)
{
    int64_t id[6];
    char text[16];

    for (int i = 0; i < 6; i++) {
        snprintf(text, sizeof(text), "%d", i);
        id[i] = i % 2 ? tell(bob, ann, text) : tell(ann, bob, text);
        tell(ann, cat, "between");
    }
    ck_assert_str_eq(scan(ann, bob, id[0], id[4], 100), "2>1:1 1>2:2 2>1:3 1>2:4 ");
    ck_assert_str_eq(scan(bob, ann, id[0], id[4], 3), "2>1:1 1>2:2 2>1:3 ");
    ck_assert_str_eq(scan(ann, bob, id[3], id[4], 3), "1>2:4 ");
    ck_assert_str_eq(scan(ann, bob, id[4], id[4], 3), "");
    ck_assert_str_eq(scan(ann, bob, 0, INT64_MAX, 0), "");
}
END_TEST

START_TEST(a_reader_that_stops_ends_the_scan_with_its_error)
{
    struct reading r = { .stop_at = 1 };

    tell(ann, bob, "a");
    tell(ann, bob, "b");
    ck_assert_int_eq(dm_store_scan(&ds, ann, bob, 0, INT64_MAX, 9, read_row, &r), ERR_LIMIT);
    ck_assert_str_eq(all_of(ann, bob), "1>2:a 1>2:b ");
}
END_TEST

START_TEST(a_page_before_an_id_holds_the_newest_of_the_older_oldest_first)
{
    int64_t id[6];
    struct reading r;
    bool has_older;
    char text[16];

    for (int i = 0; i < 6; i++) {
        snprintf(text, sizeof(text), "%d", i);
        id[i] = tell(ann, bob, text);
        tell(cat, bob, "between");
    }
    r = (struct reading){ 0 };
    ck_ok(dm_store_page_before(&ds, bob, ann, INT64_MAX, 2, read_row, &r, &has_older));
    ck_assert_str_eq(r.text, "1>2:4 1>2:5 ");
    ck_assert(has_older);
    r = (struct reading){ 0 };
    ck_ok(dm_store_page_before(&ds, ann, bob, id[4], 4, read_row, &r, &has_older));
    ck_assert_str_eq(r.text, "1>2:0 1>2:1 1>2:2 1>2:3 ");
    ck_assert(!has_older);
    r = (struct reading){ 0 };
    ck_ok(dm_store_page_before(&ds, ann, bob, id[4], 3, read_row, &r, &has_older));
    ck_assert_str_eq(r.text, "1>2:1 1>2:2 1>2:3 ");
    ck_assert(has_older);
    r = (struct reading){ 0 };
    ck_ok(dm_store_page_before(&ds, ann, bob, id[0], 3, read_row, &r, &has_older));
    ck_ok(dm_store_page_before(&ds, ann, bob, INT64_MIN, 3, read_row, &r, &has_older));
    ck_ok(dm_store_page_before(&ds, ann, cat, INT64_MAX, 3, read_row, &r, &has_older));
    ck_assert_int_eq(r.n, 0);
    ck_assert(!has_older);
}
END_TEST

START_TEST(the_newest_id_of_a_conversation_is_known)
{
    int64_t id = -1;

    ck_ok(dm_store_max_id(&ds, ann, bob, &id));
    ck_assert_int_eq(id, 0);
    tell(ann, bob, "a");
    int64_t last = tell(bob, ann, "b");
    tell(ann, cat, "c");
    ck_ok(dm_store_max_id(&ds, ann, bob, &id));
    ck_assert_int_eq(id, last);
    ck_ok(dm_store_max_id(&ds, bob, ann, &id));
    ck_assert_int_eq(id, last);
    ck_ok(dm_store_max_id(&ds, bob, cat, &id));
    ck_assert_int_eq(id, 0);
}
END_TEST

/* --- resending --- */

START_TEST(a_message_sent_again_is_stored_once_and_counted_once)
{
    struct stored_as first, again;
    struct dm_side side;

    ck_ok(try_write(ann, bob, "first", NOW, "k", &first));
    ck_ok(try_write(ann, bob, "second", NOW + 9, "k", &again));
    ck_assert(!first.was_there && again.was_there);
    ck_assert_int_eq(again.id, first.id);
    ck_assert_int_eq(again.sent_at, NOW);
    ck_assert_str_eq(all_of(ann, bob), "1>2:first ");
    ck_ok(dm_store_side(&ds, bob, ann, &side));
    ck_assert_int_eq(side.unread, 1);
}
END_TEST

START_TEST(a_client_id_of_another_conversation_is_refused_and_tells_nothing)
{
    struct stored_as stored = { .id = -1 };

    ck_ok(try_write(ann, bob, "a", NOW, "k", &stored));
    stored.id = -1;
    ck_assert_int_eq(try_write(ann, cat, "b", NOW, "k", &stored), ERR_EXISTS);
    ck_assert_int_eq(stored.id, -1);
    ck_assert_str_eq(all_of(ann, cat), "");
    ck_ok(try_write(bob, ann, "c", NOW, "k", &stored)); /* another user's k is another k */
    ck_assert(!stored.was_there);
    ck_assert_str_eq(all_of(ann, bob), "1>2:a 2>1:c ");
}
END_TEST

START_TEST(limits_and_strangers)
{
    char long_id[CLIENT_ID_MAX + 2];
    struct stored_as stored;

    memset(long_id, 'k', sizeof(long_id));
    long_id[CLIENT_ID_MAX + 1] = '\0';
    ck_assert_int_eq(try_write(ann, bob, "x", NOW, long_id, &stored), ERR_BAD_INPUT);
    long_id[CLIENT_ID_MAX] = '\0';
    ck_ok(try_write(ann, bob, "x", NOW, long_id, &stored));
    ck_assert_int_eq(try_write(ann, 999, "x", NOW, NULL, &stored), ERR_NOT_FOUND);
    ck_assert_int_eq(try_write(999, ann, "x", NOW, NULL, &stored), ERR_NOT_FOUND);
    ck_assert_int_eq(query(db, "SELECT count(*) FROM dms"), 1);
    ck_assert_int_eq(query(db, "SELECT count(*) FROM dm_sides"), 2);
}
END_TEST

/* --- reading --- */

static void mark(int64_t user, int64_t peer, int64_t up_to, bool want_changed, int64_t want_read,
                 int64_t want_unread)
{
    struct dm_side side, stored;
    bool changed;

    ck_ok(dm_store_mark_read(&ds, user, peer, up_to, &side, &changed));
    ck_assert_int_eq(changed, want_changed);
    ck_assert_int_eq(side.read_up_to, want_read);
    ck_assert_int_eq(side.unread, want_unread);
    ck_ok(dm_store_side(&ds, user, peer, &stored));
    ck_assert_int_eq(stored.read_up_to, want_read);
    ck_assert_int_eq(stored.unread, want_unread);
    ck_assert_int_eq(stored.last_id, side.last_id);
}

START_TEST(reading_goes_forward_only_and_not_beyond_the_last_message)
{
    int64_t a = tell(bob, ann, "a"), b = tell(ann, bob, "b"), c = tell(bob, ann, "c");

    mark(ann, bob, a, true, a, 1);
    mark(ann, bob, a, false, a, 1);
    mark(ann, bob, b, true, b, 1);
    mark(ann, bob, a, false, b, 1); /* not backwards */
    mark(ann, bob, INT64_MAX, true, c, 0);
    mark(ann, bob, c + 1000, false, c, 0);
    mark(ann, bob, INT64_MIN, false, c, 0);
    int64_t d = tell(bob, ann, "d"); /* not read in advance */
    mark(ann, bob, c, false, c, 1);
    mark(ann, bob, d, true, d, 0);
    mark(bob, ann, a, true, a, 1); /* the other side is another matter */
    mark(bob, ann, b, true, b, 0);
}
END_TEST

START_TEST(where_nobody_wrote_nothing_can_be_read)
{
    mark(ann, bob, 5, false, 0, 0);
    mark(ann, 999, 5, false, 0, 0);
    ck_assert_int_eq(query(db, "SELECT count(*) FROM dm_sides"), 0);
}
END_TEST

START_TEST(messages_to_oneself_are_never_unread)
{
    int64_t a = tell(ann, ann, "a"), b = tell(ann, ann, "b");

    mark(ann, ann, a, true, a, 0);
    mark(ann, ann, b, true, b, 0);
}
END_TEST

START_TEST(the_unread_number_is_what_a_count_says_after_any_history)
{
    int64_t people[] = { ann, bob, cat };
    unsigned seed = 4711;
    int64_t last = 0;

    for (int i = 0; i < 3000; i++) {
        int64_t a = people[(rand_r(&seed) >> 4) % 3], b = people[(rand_r(&seed) >> 4) % 3];
        struct dm_side side;
        bool changed;
        if ((rand_r(&seed) >> 4) % 3) {
            last = tell(a, b, "x");
        } else {
            int64_t up_to = last + 5 - (rand_r(&seed) >> 4) % 40;
            ck_ok(dm_store_mark_read(&ds, a, b, up_to, &side, &changed));
        }
    }
    ck_assert_int_eq(query(db, "SELECT count(*) FROM dm_sides"), 9);
    ck_assert_int_gt(query(db, "SELECT sum(unread) FROM dm_sides"), 0);
    ck_assert_int_eq(
        query(db, "SELECT count(*) FROM dm_sides s WHERE s.user_id <> s.peer_id AND s.unread <>"
                  " (SELECT count(*) FROM dms m WHERE m.from_id = s.peer_id AND"
                  " m.to_id = s.user_id AND m.id > s.read_up_to)"),
        0);
    ck_assert_int_eq(query(db, "SELECT count(*) FROM dm_sides WHERE user_id = peer_id"
                               " AND unread <> 0"),
                     0);
    ck_assert_int_eq(query(db, "SELECT count(*) FROM dm_sides s WHERE s.last_id <>"
                               " (SELECT max(id) FROM dms m WHERE (m.from_id, m.to_id) IN"
                               " (VALUES (s.user_id, s.peer_id), (s.peer_id, s.user_id)))"),
                     0);
}
END_TEST

START_TEST(a_savepoint_takes_the_message_and_both_sides_with_it)
{
    struct dm_side side;
    int64_t a = tell(bob, ann, "a");

    ck_ok(db_savepoint(db));
    tell(bob, ann, "gone");
    ck_ok(db_savepoint_rollback(db));
    ck_ok(dm_store_side(&ds, ann, bob, &side));
    ck_assert_int_eq(side.last_id, a);
    ck_assert_int_eq(side.unread, 1);
    ck_assert_str_eq(all_of(ann, bob), "2>1:a ");
}
END_TEST

/* --- the list of conversations --- */

static enum err list_row(void *arg, const struct dm_conversation *row)
{
    struct reading *r = arg;
    size_t len = strlen(r->text);

    ck_assert_int_eq(row->last.id, row->side.last_id);
    ck_assert_int_gt(row->last.sent_at, 0);
    snprintf(r->text + len, sizeof(r->text) - len, "%lld %.*s %lld>%lld:%.*s %lld, ",
             (long long)row->peer_id, (int)row->peer_name.len, row->peer_name.data,
             (long long)row->last.from_id, (long long)row->last.to_id, (int)row->last.text.len,
             row->last.text.data, (long long)row->side.unread);
    r->n++;
    return r->n == r->stop_at ? ERR_LIMIT : OK;
}

static const char *list(int64_t user, int64_t after, uint32_t max_rows)
{
    static struct reading r;

    r = (struct reading){ 0 };
    ck_ok(dm_store_conversations(&ds, user, after, max_rows, list_row, &r));
    return r.text;
}

START_TEST(a_list_of_conversations_shows_the_last_message_and_what_is_unread)
{
    struct reading stopped = { .stop_at = 1 };
    struct dm_side side;
    bool changed;

    tell(ann, bob, "hi");
    tell(bob, ann, "hello");
    tell(bob, ann, "you?");
    tell(cat, ann, "miau");
    tell(ann, ann, "note");
    ck_assert_str_eq(list(ann, 0, 100), "1 Ann 1>1:note 0, 2 bob 2>1:you? 2, 3 cat 3>1:miau 1, ");
    ck_assert_str_eq(list(bob, 0, 100), "1 Ann 2>1:you? 1, ");
    ck_ok(dm_store_mark_read(&ds, ann, bob, INT64_MAX, &side, &changed));
    ck_assert_str_eq(list(ann, 1, 1), "2 bob 2>1:you? 0, ");
    ck_assert_str_eq(list(ann, 2, 100), "3 cat 3>1:miau 1, ");
    ck_assert_str_eq(list(ann, 3, 100), "");
    ck_assert_str_eq(list(999, 0, 100), "");
    ck_assert_int_eq(dm_store_conversations(&ds, ann, 0, 9, list_row, &stopped), ERR_LIMIT);
}
END_TEST

START_TEST(the_longest_text_comes_back_whole)
{
    static char text[65536 + 1];
    struct reading r = { 0 };

    memset(text, 'z', sizeof(text) - 1);
    tell(ann, bob, text);
    ck_ok(dm_store_scan(&ds, ann, bob, 0, INT64_MAX, 9, read_row, &r));
    ck_assert_int_eq(query(db, "SELECT length(text) FROM dms"), 65536);
    ck_assert_int_eq(r.n, 1);
}
END_TEST

/* --- plans --- */

/* Does the program of `st` fetch columns from the table, and not from the index alone? */
static bool reads_the_table(const struct stmt *st)
{
    char sql[1024];
    struct stmt *explain;
    bool has_row, found = false;

    snprintf(sql, sizeof(sql), "EXPLAIN %s", stmt_sql(st));
    ck_ok(stmt_prepare(db, sql, &explain));
    while (stmt_step(explain, &has_row) == OK && has_row) /* cursor 0 is the table's */
        if (bytes_eq(stmt_bytes(explain, 1), BYTES("Column")) && stmt_int(explain, 2) == 0)
            found = true;
    ck_ok(stmt_done(explain, OK));
    stmt_release(explain);
    return found;
}

START_TEST(every_query_follows_an_index_and_none_sorts)
{
    ck_assert_str_eq(plan_of(db, ds.scan), "SEARCH dms USING INDEX dms_by_pair"
                                           " (low_id=? AND high_id=? AND id>? AND id<?)\n");
    ck_assert_str_eq(plan_of(db, ds.count_from), "SEARCH dms USING INDEX dms_by_pair"
                                                 " (low_id=? AND high_id=? AND id>? AND id<?)\n");
    ck_assert_str_eq(plan_of(db, ds.ids_before), "SEARCH dms USING INDEX dms_by_pair"
                                                 " (low_id=? AND high_id=? AND id<?)\n");
    ck_assert_str_eq(plan_of(db, ds.find),
                     "SEARCH dms USING INDEX dms_by_client (from_id=? AND client_id=?)\n");
    ck_assert_str_eq(plan_of(db, ds.side),
                     "SEARCH dm_sides USING PRIMARY KEY (user_id=? AND peer_id=?)\n");
    ck_assert_str_eq(plan_of(db, ds.conversations),
                     "SEARCH s USING PRIMARY KEY (user_id=? AND peer_id>?)\n"
                     "SEARCH u USING INTEGER PRIMARY KEY (rowid=?)\n"
                     "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)\n");
}
END_TEST

START_TEST(counting_and_paging_read_the_index_alone)
{
    ck_assert(reads_the_table(ds.scan));
    ck_assert(!reads_the_table(ds.count_from));
    ck_assert(!reads_the_table(ds.ids_before));
}
END_TEST

START_TEST(the_plans_do_not_change_with_statistics)
{
    char before[1024];

    for (int i = 0; i < 200; i++)
        tell(i % 2 ? ann : bob, cat, "x");
    snprintf(before, sizeof(before), "%s", plan_of(db, ds.scan));
    ck_ok(db_exec(db, "ANALYZE"));
    ck_assert_str_eq(plan_of(db, ds.scan), before);
    ck_assert_str_eq(plan_of(db, ds.side),
                     "SEARCH dm_sides USING PRIMARY KEY (user_id=? AND peer_id=?)\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dm_store");
    TCase *tc = tcase_create("dm_store");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_conversation_is_the_same_from_both_ends_and_nobody_elses);
    tcase_add_test(tc, a_user_may_write_to_themselves_and_reads_each_message_once);
    tcase_add_test(tc, a_scan_goes_from_behind_one_id_to_another_in_pieces);
    tcase_add_test(tc, a_reader_that_stops_ends_the_scan_with_its_error);
    tcase_add_test(tc, a_page_before_an_id_holds_the_newest_of_the_older_oldest_first);
    tcase_add_test(tc, the_newest_id_of_a_conversation_is_known);
    tcase_add_test(tc, a_message_sent_again_is_stored_once_and_counted_once);
    tcase_add_test(tc, a_client_id_of_another_conversation_is_refused_and_tells_nothing);
    tcase_add_test(tc, limits_and_strangers);
    tcase_add_test(tc, reading_goes_forward_only_and_not_beyond_the_last_message);
    tcase_add_test(tc, where_nobody_wrote_nothing_can_be_read);
    tcase_add_test(tc, messages_to_oneself_are_never_unread);
    tcase_add_test(tc, the_unread_number_is_what_a_count_says_after_any_history);
    tcase_add_test(tc, a_savepoint_takes_the_message_and_both_sides_with_it);
    tcase_add_test(tc, a_list_of_conversations_shows_the_last_message_and_what_is_unread);
    tcase_add_test(tc, the_longest_text_comes_back_whole);
    tcase_add_test(tc, every_query_follows_an_index_and_none_sorts);
    tcase_add_test(tc, counting_and_paging_read_the_index_alone);
    tcase_add_test(tc, the_plans_do_not_change_with_statistics);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
