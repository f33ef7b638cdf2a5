/* test_call_store.c - calls, and the day that an empty one lives. */
#include "store/call_store.h"
#include "support.h"

static struct db *db;
static struct call_store cs;
static int64_t ann;

static void set_up(void)
{
    make_folder();
    db = open_db(":memory:");
    ann = add_user(db, "ann");
    ck_ok(call_store_open(&cs, db));
}

static void tear_down(void)
{
    call_store_close(&cs);
    db_close(db);
    remove_folder();
}

#define A BYTES("aaaaaaaaaaaaaaaaaaaaaaaa")
#define B BYTES("bbbbbbbbbbbbbbbbbbbbbbbb")
#define C BYTES("cccccccccccccccccccccccc")

static void add(struct bytes id, const char *name, int64_t now)
{
    ck_ok(call_store_insert(&cs, id, bytes_str(name), ann, now));
}

START_TEST(a_new_call_is_empty_and_can_be_found)
{
    struct call_row call;

    add(A, "Tea \xe2\x98\x95 <b>", NOW);
    ck_ok(call_store_find(&cs, A, NOW, &call));
    ck_assert_str_eq(call.id, A.data);
    ck_assert_str_eq(call.name, "Tea \xe2\x98\x95 <b>");
    ck_assert_int_eq(call.creator_id, ann);
    ck_assert_int_eq(call.created_at, NOW);
    ck_assert_int_eq(call.empty_since, NOW);
    ck_assert_int_eq(call_store_find(&cs, B, NOW, &call), ERR_NOT_FOUND);
    ck_assert_int_eq(call_store_find(&cs, BYTES(""), NOW, &call), ERR_NOT_FOUND);
}
END_TEST

START_TEST(an_empty_call_is_available_for_a_day_to_the_millisecond)
{
    struct call_row call;

    add(A, "x", NOW);
    ck_ok(call_store_find(&cs, A, NOW + CALL_EMPTY_MS - 1, &call));
    ck_assert_int_eq(call_store_find(&cs, A, NOW + CALL_EMPTY_MS, &call), ERR_NOT_FOUND);
}
END_TEST

START_TEST(an_occupied_call_is_available_for_ever_and_its_day_starts_when_it_empties)
{
    struct call_row call;
    int64_t later = NOW + 10 * CALL_EMPTY_MS;

    add(A, "x", NOW);
    ck_ok(call_store_set_occupied(&cs, A));
    ck_ok(call_store_find(&cs, A, later, &call));
    ck_assert_int_eq(call.empty_since, 0);
    ck_ok(call_store_set_empty(&cs, A, later));
    ck_ok(call_store_set_empty(&cs, A, later + 5)); /* empty already: the time stays */
    ck_ok(call_store_find(&cs, A, later + CALL_EMPTY_MS - 1, &call));
    ck_assert_int_eq(call.empty_since, later);
    ck_assert_int_eq(call_store_find(&cs, A, later + CALL_EMPTY_MS, &call), ERR_NOT_FOUND);
}
END_TEST

START_TEST(changing_what_is_not_there_is_an_error)
{
    ck_assert_int_eq(call_store_set_occupied(&cs, A), ERR_NOT_FOUND);
    ck_assert_int_eq(call_store_set_empty(&cs, A, NOW), ERR_NOT_FOUND);
}
END_TEST

struct listing {
    char ids[64];
    int n;
    struct call_row last;
};

static enum err list_call(void *arg, const struct call_row *call)
{
    struct listing *l = arg;

    l->ids[l->n++] = call->id[0];
    l->last = *call;
    return OK;
}

static struct listing list(int64_t now, const struct call_row *after, uint32_t max_rows)
{
    struct listing l = { .n = 0 };

    ck_ok(call_store_list(&cs, now, after, max_rows, list_call, &l));
    return l;
}

START_TEST(the_list_goes_by_age_then_id_and_can_be_read_in_pieces)
{
    add(C, "c", NOW);
    add(B, "b", NOW + 5);
    add(A, "a", NOW + 5);
    ck_assert_str_eq(list(NOW + 5, NULL, 100).ids, "cab");
    struct listing piece = list(NOW + 5, NULL, 2);
    ck_assert_str_eq(piece.ids, "ca");
    piece = list(NOW + 5, &piece.last, 2);
    ck_assert_str_eq(piece.ids, "b");
    ck_assert_str_eq(list(NOW + 5, &piece.last, 2).ids, "");
}
END_TEST

START_TEST(the_list_leaves_out_what_is_no_longer_available)
{
    add(A, "a", NOW);
    add(B, "b", NOW);
    add(C, "c", NOW + 10);
    ck_ok(call_store_set_occupied(&cs, B));
    ck_assert_str_eq(list(NOW + CALL_EMPTY_MS, NULL, 100).ids, "bc");
}
END_TEST

static enum err append_id(void *arg, const struct call_row *call)
{
    char *ids = arg;
    size_t n = strlen(ids);

    ids[n] = call->id[0];
    ids[n + 1] = 0;
    return OK;
}

static const char *gone(int64_t now, uint32_t max_rows)
{
    static char ids[16];

    ids[0] = 0;
    ck_ok(call_store_each_gone(&cs, now, max_rows, append_id, ids));
    return ids;
}

START_TEST(what_is_gone_is_removed_in_bites_and_nothing_else)
{
    uint32_t n;

    add(A, "a", NOW);
    add(B, "b", NOW);
    add(C, "c", NOW + 1);
    ck_ok(call_store_set_occupied(&cs, B));
    ck_assert_str_eq(gone(NOW + CALL_EMPTY_MS - 1, 100), "");
    ck_ok(call_store_delete_gone(&cs, NOW + CALL_EMPTY_MS - 1, 100, &n));
    ck_assert_uint_eq(n, 0);
    ck_assert_str_eq(gone(NOW + CALL_EMPTY_MS + 1, 100), "ac");
    ck_assert_str_eq(gone(NOW + CALL_EMPTY_MS + 1, 1), "a");
    ck_ok(call_store_delete_gone(&cs, NOW + CALL_EMPTY_MS + 1, 1, &n));
    ck_assert_uint_eq(n, 1);
    ck_assert_str_eq(gone(NOW + CALL_EMPTY_MS + 1, 100), "c");
    ck_ok(call_store_delete_gone(&cs, NOW + CALL_EMPTY_MS + 1, 100, &n));
    ck_assert_uint_eq(n, 1);
    ck_assert_str_eq(list(NOW, NULL, 100).ids, "b");
}
END_TEST

START_TEST(after_a_restart_nobody_is_in_any_call_and_older_times_stay)
{
    struct call_row call;

    add(A, "a", NOW);
    add(B, "b", NOW);
    ck_ok(call_store_set_occupied(&cs, B));
    ck_ok(call_store_reset(&cs, NOW + 500));
    ck_ok(call_store_find(&cs, A, NOW + 500, &call));
    ck_assert_int_eq(call.empty_since, NOW);
    ck_ok(call_store_find(&cs, B, NOW + 500, &call));
    ck_assert_int_eq(call.empty_since, NOW + 500);
    ck_ok(call_store_reset(&cs, NOW + 900));
    ck_ok(call_store_find(&cs, B, NOW + 900, &call));
    ck_assert_int_eq(call.empty_since, NOW + 500);
}
END_TEST

START_TEST(ids_and_names_have_their_limits)
{
    char name[CALL_NAME_MAX + 1];
    struct call_row call;

    memset(name, 'n', sizeof(name));
    struct bytes longest = bytes_of(name, CALL_NAME_MAX);
    struct bytes too_long = bytes_of(name, CALL_NAME_MAX + 1);
    ck_assert_int_eq(call_store_insert(&cs, A, too_long, ann, NOW), ERR_BAD_INPUT);
    ck_assert_int_eq(call_store_insert(&cs, A, BYTES(""), ann, NOW), ERR_BAD_INPUT);
    ck_assert_int_eq(call_store_insert(&cs, A, BYTES("a\0b"), ann, NOW), ERR_BAD_INPUT);
    ck_assert_int_eq(call_store_insert(&cs, bytes_of(A.data, 23), longest, ann, NOW),
                     ERR_BAD_INPUT);
    ck_assert_int_eq(call_store_insert(&cs, BYTES("aaaaaaaaaaaaaaaaaaaaaaaaa"), longest, ann, NOW),
                     ERR_BAD_INPUT);
    ck_assert_int_eq(call_store_insert(&cs, A, longest, 999, NOW), ERR_NOT_FOUND);
    ck_ok(call_store_insert(&cs, A, longest, ann, NOW));
    ck_assert_int_eq(call_store_insert(&cs, A, longest, ann, NOW), ERR_EXISTS);
    ck_ok(call_store_find(&cs, A, NOW, &call));
    ck_assert_uint_eq(strlen(call.name), CALL_NAME_MAX);
}
END_TEST

START_TEST(nothing_sorts_and_only_the_list_and_the_restart_walk)
{
    ck_assert_str_eq(plan_of(db, cs.find), "SEARCH calls USING PRIMARY KEY (id=?)\n");
    ck_assert_str_eq(plan_of(db, cs.list),
                     "SEARCH calls USING INDEX calls_by_age ((created_at,id)>(?,?))\n");
    ck_assert_ptr_nonnull(strstr(plan_of(db, cs.remove_gone), "calls_by_end (empty_since<?)"));
    ck_assert_ptr_nonnull(strstr(plan_of(db, cs.gone), "calls_by_end (empty_since<?)"));
    ck_assert_ptr_null(strstr(plan_of(db, cs.gone), "SORT"));
    ck_assert_ptr_null(strstr(plan_of(db, cs.gone), "B-TREE"));
    ck_assert_ptr_nonnull(strstr(plan_of(db, cs.reset), "calls_by_end (empty_since=?)"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("call_store");
    TCase *tc = tcase_create("call_store");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_new_call_is_empty_and_can_be_found);
    tcase_add_test(tc, an_empty_call_is_available_for_a_day_to_the_millisecond);
    tcase_add_test(tc, an_occupied_call_is_available_for_ever_and_its_day_starts_when_it_empties);
    tcase_add_test(tc, changing_what_is_not_there_is_an_error);
    tcase_add_test(tc, the_list_goes_by_age_then_id_and_can_be_read_in_pieces);
    tcase_add_test(tc, the_list_leaves_out_what_is_no_longer_available);
    tcase_add_test(tc, what_is_gone_is_removed_in_bites_and_nothing_else);
    tcase_add_test(tc, after_a_restart_nobody_is_in_any_call_and_older_times_stay);
    tcase_add_test(tc, ids_and_names_have_their_limits);
    tcase_add_test(tc, nothing_sorts_and_only_the_list_and_the_restart_walk);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
