/* test_power_cut.c - what is left after a power cut, and after kill -9.
 *
 * A power cut is played: the fault VFS knows which bytes have been synced, and a database is opened
 * from those bytes plus a random choice of the writes after them, many times over.
 */
#include <signal.h>
#include <sys/wait.h>
#include "fault_vfs.h"
#include "store/stroke_store.h"

struct tally { /* what the server has promised so far */
    int64_t strokes, users;
    int64_t safe_strokes; /* those before the last durable commit */
};

static void open_shadowed(struct db **db)
{
    fault_install();
    *db = open_db(path_to("live.db"));
    shadow_start(MAIN_FILE, path_to("live.db"));
    shadow_start(LOG_FILE, path_to("live.db-wal"));
}

static void commit_strokes(struct db *db, struct stroke_store *ss, int n, struct tally *t)
{
    char body[600];

    ck_ok(db_begin(db));
    for (int i = 0; i < n; i++) {
        int len = snprintf(body, sizeof(body), "{\"startX\":%lld,\"pad\":\"%0500d\"}",
                           (long long)t->strokes, i);
        ck_ok(stroke_store_insert(ss, bytes_of(body, (size_t)len), 0, NOW, NULL));
        t->strokes++;
    }
    ck_ok(db_commit(db, false));
}

static void commit_user(struct db *db, struct tally *t)
{
    char name[32];

    ck_ok(db_begin(db));
    snprintf(name, sizeof(name), "user%lld", (long long)t->users);
    add_user(db, name);
    ck_ok(db_commit(db, true));
    t->users++;
    t->safe_strokes = t->strokes;
}

static void check_after_cut(const struct tally *t, unsigned *seed, int chance)
{
    char path[192];
    struct stmt *st;

    snprintf(path, sizeof(path), "%s", path_to("cut.db"));
    unlink(path_to("cut.db-shm"));
    shadow_cut(MAIN_FILE, path, seed, chance);
    shadow_cut(LOG_FILE, path_to("cut.db-wal"), seed, chance);
    bool was_on = fault.shadow[MAIN_FILE].is_on;
    fault.shadow[MAIN_FILE].is_on = fault.shadow[LOG_FILE].is_on = false;
    sqlite3_vfs_register(fault.real, 1);
    struct db *db = open_db(path);

    int64_t n_strokes = query(db, "SELECT count(*) FROM strokes");
    ck_assert_int_eq(query(db, "SELECT count(*) FROM users"), t->users);
    ck_assert_int_ge(n_strokes, t->safe_strokes);
    ck_assert_int_le(n_strokes, t->strokes);
    /* What is there is the beginning of what was said, without a gap. */
    ck_assert_int_eq(query(db, "SELECT count(*) FROM strokes WHERE"
                               " json_extract(body, '$.startX') = id - 1"),
                     n_strokes);
    ck_assert_int_eq(query(db, "SELECT ifnull(max(id), 0) FROM strokes"), n_strokes);
    ck_ok(stmt_prepare(db, "PRAGMA integrity_check", &st));
    ck_ok(stmt_one(st));
    ck_assert(bytes_eq(stmt_bytes(st, 0), BYTES("ok")));
    ck_ok(stmt_done(st, OK));
    stmt_release(st);

    db_close(db);
    sqlite3_vfs_register(&fault.vfs, 1);
    fault.shadow[MAIN_FILE].is_on = fault.shadow[LOG_FILE].is_on = was_on;
}

START_TEST(a_power_cut_loses_at_most_strokes_and_never_order_or_integrity)
{
    struct tally t = { 0 };
    struct stroke_store ss;
    struct db *db;
    unsigned seed = 12345u + (unsigned)_i;

    open_shadowed(&db);
    ck_ok(stroke_store_open(&ss, db));
    for (int turn = 0; turn < 24; turn++) {
        int dice = (rand_r(&seed) >> 4) % 8;
        if (dice < 5)
            commit_strokes(db, &ss, 1 + (rand_r(&seed) >> 4) % 40, &t);
        else if (dice < 6)
            commit_user(db, &t);
        else
            ck_ok(db_checkpoint(db, dice == 7));
        for (int chance = 0; chance <= 256; chance += 64)
            check_after_cut(&t, &seed, chance);
    }
    stroke_store_close(&ss);
    db_close(db);
    fault_remove();
}
END_TEST

START_TEST(a_new_round_of_the_log_is_synced_before_its_first_frame_even_for_strokes)
{
    struct tally t = { 0 };
    struct stroke_store ss;
    struct db *db;
    unsigned seed = 1;

    open_shadowed(&db);
    ck_ok(stroke_store_open(&ss, db));
    commit_strokes(db, &ss, 40, &t);
    ck_ok(db_checkpoint(db, false));
    t.safe_strokes = t.strokes;
    unsigned before = fault.n_syncs[LOG_FILE];
    commit_strokes(db, &ss, 1, &t); /* the log begins anew, over frames of the old round */
    ck_assert_uint_eq(fault.n_syncs[LOG_FILE], before + 1);
    commit_strokes(db, &ss, 1, &t);
    ck_assert_uint_eq(fault.n_syncs[LOG_FILE], before + 1);
    for (int round = 0; round < 200; round++)
        check_after_cut(&t, &seed, 32 + round);
    stroke_store_close(&ss);
    db_close(db);
    fault_remove();
}
END_TEST

/* The child: says over `fd` how many transactions are committed, until it is killed. */
static void commit_until_killed(int fd)
{
    struct stroke_store ss;
    struct tally t = { 0 };
    struct db *db = open_db(path_to("killed.db"));

    ck_ok(stroke_store_open(&ss, db));
    t.strokes = query(db, "SELECT count(*) FROM strokes");
    t.users = query(db, "SELECT count(*) FROM users");
    for (int turn = 0;; turn++) {
        if (turn % 8 == 7)
            commit_user(db, &t);
        else
            commit_strokes(db, &ss, 3, &t);
        if (turn % 32 == 31)
            ck_ok(db_checkpoint(db, turn % 64 == 63));
        if (write(fd, &t, sizeof(t)) != (ssize_t)sizeof(t))
            _exit(1);
    }
}

START_TEST(what_was_committed_is_there_after_kill_9_at_any_moment)
{
    struct tally said = { 0 };
    unsigned seed = 99;

    for (int round = 0; round < 12; round++) {
        int ends[2];
        int n_reports = 1 + (rand_r(&seed) >> 4) % 80;
        ck_assert_int_eq(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            commit_until_killed(ends[1]);
        close(ends[1]);
        while (n_reports-- > 0)
            ck_assert_int_eq(read(ends[0], &said, sizeof(said)), (ssize_t)sizeof(said));
        kill(child, SIGKILL);
        while (read(ends[0], &said, sizeof(said)) == (ssize_t)sizeof(said))
            ;
        close(ends[0]);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);

        struct db *db = open_db(path_to("killed.db"));
        int64_t n_strokes = query(db, "SELECT count(*) FROM strokes");
        ck_assert_int_ge(n_strokes, said.strokes);
        ck_assert_int_le(n_strokes, said.strokes + 3); /* one that it could not report */
        ck_assert_int_ge(query(db, "SELECT count(*) FROM users"), said.users);
        db_close(db);
    }
}
END_TEST

START_TEST(a_child_that_exits_without_closing_leaves_everything_and_nothing_half_done)
{
    pid_t child = fork();

    if (child == 0) {
        struct db *db = open_db(path_to("left.db"));
        ck_ok(db_begin(db));
        add_user(db, "committed");
        ck_ok(db_commit(db, false));
        ck_ok(db_begin(db));
        add_user(db, "open");
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    struct db *db = open_db(path_to("left.db"));
    ck_assert_int_eq(query(db, "SELECT count(*) FROM users"), 1);
    ck_assert_int_eq(query(db, "SELECT count(*) FROM users WHERE username = 'committed'"), 1);
    db_close(db);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("power_cut");
    TCase *tc = tcase_create("power_cut");

    tcase_add_checked_fixture(tc, make_folder, remove_folder);
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, a_power_cut_loses_at_most_strokes_and_never_order_or_integrity, 0, 6);
    tcase_add_test(tc, a_new_round_of_the_log_is_synced_before_its_first_frame_even_for_strokes);
    tcase_add_test(tc, what_was_committed_is_there_after_kill_9_at_any_moment);
    tcase_add_test(tc, a_child_that_exits_without_closing_leaves_everything_and_nothing_half_done);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
