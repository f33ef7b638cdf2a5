/* test_db.c - opening, the tick's transaction, savepoints, losing a transaction, checkpoints. */
#include <sys/wait.h>
#include "fault_vfs.h"
#include "store/stroke_store.h"

/* --- opening --- */

START_TEST(a_new_database_is_made_for_its_owner_alone)
{
    struct stat st;
    mode_t old = umask(0);

    struct db *db = open_db(path_to("new.db"));
    ck_ok(db_begin(db));
    add_user(db, "ann");
    ck_ok(db_commit(db, true));
    ck_assert_int_eq(stat(path_to("new.db"), &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(stat(path_to("new.db-wal"), &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    db_close(db);
    umask(old);
}
END_TEST

START_TEST(an_existing_database_keeps_its_mode)
{
    struct stat st;

    db_close(open_db(path_to("old.db")));
    ck_assert_int_eq(chmod(path_to("old.db"), 0640), 0);
    db_close(open_db(path_to("old.db")));
    ck_assert_int_eq(stat(path_to("old.db"), &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(the_settings_are_those_that_the_design_asks_for)
{
    struct db *db = open_db(path_to("set.db"));
    struct stmt *st;

    ck_ok(stmt_prepare(db, "PRAGMA journal_mode", &st));
    ck_ok(stmt_one(st));
    ck_assert(bytes_eq(stmt_bytes(st, 0), BYTES("wal")));
    ck_ok(stmt_done(st, OK));
    stmt_release(st);
    ck_assert_int_eq(query(db, "PRAGMA synchronous"), 2);
    ck_assert_int_eq(query(db, "PRAGMA foreign_keys"), 1);
    ck_assert_int_eq(query(db, "PRAGMA wal_autocheckpoint"), 0);
    ck_assert_int_eq(query(db, "PRAGMA trusted_schema"), 0);
    ck_assert_int_eq(query(db, "PRAGMA cell_size_check"), 1);
    ck_assert_int_eq(query(db, "PRAGMA temp_store"), 2);
    ck_assert_int_eq(query(db, "PRAGMA busy_timeout"), DB_BUSY_MS);
    db_close(db);
}
END_TEST

/* Opening `path` fails with `want`, and `why` names the file and contains `text`. */
static void refuses(const char *path, enum err want, const char *text)
{
    char why[DB_WHY_MAX] = "";
    struct db *db = (struct db *)why; /* must become NULL */

    ck_assert_int_eq(db_open(path, &db, why), want);
    ck_assert_ptr_null(db);
    ck_assert_msg(strncmp(why, path, strlen(path)) == 0, "%s", why);
    ck_assert_msg(strstr(why, text) != NULL, "%s", why);
    ck_assert_ptr_null(strchr(why, '\n'));
}

static void write_file(const char *path, const char *data, size_t len)
{
    FILE *f = fopen(path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, len, f), len);
    fclose(f);
}

START_TEST(a_missing_folder_is_not_created)
{
    refuses(path_to("no/such.db"), ERR_SYSTEM, "No such file");
    ck_assert_int_ne(access(path_to("no"), F_OK), 0);
}
END_TEST

START_TEST(a_folder_is_no_database)
{
    ck_assert_int_eq(mkdir(path_to("folder"), 0700), 0);
    refuses(path_to("folder"), ERR_BAD_INPUT, "not a regular file");
}
END_TEST

START_TEST(an_empty_name_is_no_database)
{
    refuses("", ERR_SYSTEM, "");
}
END_TEST

START_TEST(a_file_that_is_no_database_is_refused_and_left_alone)
{
    char text[4096], after[4096];

    memset(text, 'x', sizeof(text));
    write_file(path_to("text.db"), text, sizeof(text));
    refuses(path_to("text.db"), ERR_BAD_INPUT, "not a database");
    FILE *f = fopen(path_to("text.db"), "rb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fread(after, 1, sizeof(after), f), sizeof(after));
    fclose(f);
    ck_assert_mem_eq(text, after, sizeof(text));
}
END_TEST

START_TEST(a_damaged_schema_is_refused)
{
    db_close(open_db(path_to("bad.db")));
    FILE *f = fopen(path_to("bad.db"), "r+b");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, 100, SEEK_SET), 0); /* the head of the first b-tree page */
    ck_assert_int_ne(fputs("\xff\xff\xff\xff\xff\xff", f), EOF);
    fclose(f);
    refuses(path_to("bad.db"), ERR_BAD_INPUT, "malformed");
}
END_TEST

START_TEST(a_file_without_permission_is_refused)
{
    db_close(open_db(path_to("mine.db")));
    pid_t child = fork();
    if (child == 0) {
        int status = 0;
        if (geteuid() == 0 &&
            (chmod(base, 0755) != 0 || chmod(folder, 0755) != 0 || setuid(65534) != 0))
            _exit(1);
        if (geteuid() != 65534)
            chmod(path_to("mine.db"), 0);
        char why[DB_WHY_MAX];
        struct db *db;
        if (db_open(path_to("mine.db"), &db, why) != ERR_SYSTEM ||
            !strstr(why, "mine.db: Permission denied"))
            status = 2;
        _exit(status);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_read_only_file_is_refused_at_the_start)
{
    db_close(open_db(path_to("ro.db")));
    ck_assert_int_eq(chmod(path_to("ro.db"), 0444), 0);
    pid_t child = fork();
    if (child == 0) {
        char why[DB_WHY_MAX];
        struct db *db;
        if (geteuid() == 0 &&
            (chmod(base, 0755) != 0 || chmod(folder, 0755) != 0 || setuid(65534) != 0))
            _exit(1);
        _exit(db_open(path_to("ro.db"), &db, why) == ERR_SYSTEM ? 0 : 2);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(names_that_look_like_uris_are_file_names)
{
    ck_assert_int_eq(chdir(folder), 0);
    db_close(open_db("file:x?mode=memory"));
    db_close(open_db(":odd:"));
    ck_assert_int_eq(access(path_to("file:x?mode=memory"), F_OK), 0);
    ck_assert_int_eq(access(path_to(":odd:"), F_OK), 0);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(a_memory_database_leaves_no_file_and_knows_transactions)
{
    ck_assert_int_eq(chdir(folder), 0);
    struct db *db = open_db(":memory:");
    ck_assert_int_ne(access(":memory:", F_OK), 0);
    ck_ok(db_begin(db));
    add_user(db, "ann");
    ck_ok(db_commit(db, false));
    ck_ok(db_begin(db));
    add_user(db, "bob");
    db_rollback(db);
    ck_ok(db_checkpoint(db, true));
    ck_assert_int_eq(query(db, "SELECT count(*) FROM users"), 1);
    ck_assert_uint_eq(db_wal_pages(db), 0);
    db_close(db);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(closing_nothing_is_allowed)
{
    db_close(NULL);
    stmt_release(NULL);
}
END_TEST

/* --- the transaction --- */

static int64_t n_users(struct db *db)
{
    return query(db, "SELECT count(*) FROM users");
}

START_TEST(begin_is_idempotent_and_commit_keeps)
{
    struct db *db = open_db(path_to("t.db"));

    ck_assert(!db_in_transaction(db));
    ck_ok(db_begin(db));
    ck_ok(db_begin(db));
    ck_assert(db_in_transaction(db));
    add_user(db, "ann");
    ck_ok(db_commit(db, true));
    ck_assert(!db_in_transaction(db));
    ck_ok(db_commit(db, true)); /* none open: nothing to do */
    ck_assert_int_eq(n_users(db), 1);
    ck_assert_uint_eq(db_counters(db).commits, 2); /* the schema's and ours */
    db_close(db);
}
END_TEST

START_TEST(rollback_undoes_everything_and_the_next_tick_works)
{
    struct db *db = open_db(path_to("t.db"));

    ck_ok(db_begin(db));
    add_user(db, "ann");
    db_rollback(db);
    db_rollback(db);
    ck_assert(!db_in_transaction(db));
    ck_assert_int_eq(n_users(db), 0);
    ck_ok(db_begin(db));
    add_user(db, "ann");
    ck_ok(db_commit(db, true));
    ck_assert_int_eq(n_users(db), 1);
    db_close(db);
}
END_TEST

START_TEST(closing_rolls_back_what_is_open)
{
    struct db *db = open_db(path_to("t.db"));

    ck_ok(db_begin(db));
    add_user(db, "ann");
    db_close(db);
    db = open_db(path_to("t.db"));
    ck_assert_int_eq(n_users(db), 0);
    db_close(db);
}
END_TEST

START_TEST(a_savepoint_undoes_only_itself)
{
    struct db *db = open_db(path_to("t.db"));

    ck_ok(db_begin(db));
    for (int i = 0; i < 3; i++) {
        char name[] = { (char)('a' + i), '\0' };
        ck_ok(db_savepoint(db));
        add_user(db, name);
        ck_ok(i == 1 ? db_savepoint_rollback(db) : db_savepoint_release(db));
    }
    ck_ok(db_commit(db, true));
    ck_assert_int_eq(n_users(db), 2);
    ck_assert_int_eq(query(db, "SELECT count(*) FROM users WHERE username = 'b'"), 0);
    db_close(db);
}
END_TEST

START_TEST(a_rollback_takes_released_savepoints_with_it)
{
    struct db *db = open_db(path_to("t.db"));

    ck_ok(db_begin(db));
    ck_ok(db_savepoint(db));
    add_user(db, "ann");
    ck_ok(db_savepoint_release(db));
    ck_ok(db_savepoint(db));
    add_user(db, "bob");
    db_rollback(db); /* in the middle of a handler */
    ck_assert_int_eq(n_users(db), 0);
    ck_ok(db_begin(db));
    ck_ok(db_savepoint(db)); /* none is left over */
    ck_ok(db_savepoint_release(db));
    ck_ok(db_commit(db, true));
    db_close(db);
}
END_TEST

START_TEST(savepoints_need_a_transaction_and_do_not_nest)
{
    struct db *db = open_db(path_to("t.db"));

    ck_assert_int_eq(db_savepoint(db), ERR_STORE);
    ck_assert_int_eq(db_savepoint_release(db), ERR_STORE);
    ck_assert_int_eq(db_savepoint_rollback(db), ERR_STORE);
    ck_ok(db_begin(db));
    ck_assert_int_eq(db_savepoint_release(db), ERR_STORE);
    ck_ok(db_savepoint(db));
    ck_assert_int_eq(db_savepoint(db), ERR_STORE);
    ck_ok(db_savepoint_release(db));
    ck_assert(!db_is_lost(db));
    ck_ok(db_commit(db, true));
    db_close(db);
}
END_TEST

START_TEST(an_unknown_reference_or_a_second_name_fails_without_losing_the_transaction)
{
    struct db *db = open_db(path_to("t.db"));
    struct stmt *st;

    ck_ok(db_begin(db));
    add_user(db, "ann");
    ck_assert_int_eq(db_exec(db, "INSERT INTO users (username, password, created_at)"
                                 " VALUES ('ANN', 'x', 1)"),
                     ERR_EXISTS);
    ck_ok(
        stmt_prepare(db, "INSERT INTO chat (user_id, comment, sent_at) VALUES (77, 'x', 1)", &st));
    ck_assert_int_eq(stmt_run(st), ERR_NOT_FOUND);
    stmt_release(st);
    ck_assert(!db_is_lost(db));
    ck_ok(db_commit(db, true));
    ck_assert_int_eq(n_users(db), 1);
    db_close(db);
}
END_TEST

/* --- losing a transaction --- */

/* Fills the database to its page limit inside a transaction: SQLITE_FULL. */
static enum err fill(struct stroke_store *ss)
{
    static const char body[3000] = "{}";
    enum err e = OK;

    for (int i = 0; i < 100 && !e; i++)
        e = stroke_store_insert(ss, bytes_of(body, sizeof(body)), 0, NOW, NULL);
    return e;
}

START_TEST(a_full_database_loses_the_transaction_says_so_and_goes_on)
{
    struct db *db = open_db(path_to("t.db"));
    struct stroke_store ss;

    ck_ok(stroke_store_open(&ss, db));
    ck_ok(db_begin(db));
    add_user(db, "before");
    ck_ok(db_commit(db, true));
    ck_ok(db_exec(db, "PRAGMA max_page_count = 30"));

    ck_ok(db_begin(db));
    ck_ok(db_savepoint(db));
    add_user(db, "gone");
    ck_ok(db_savepoint_release(db));
    ck_ok(db_savepoint(db));
    ck_assert_int_eq(fill(&ss), ERR_STORE);
    ck_assert(db_is_lost(db));
    ck_assert(db_in_transaction(db));
    ck_assert_int_eq(db_savepoint_rollback(db), ERR_STORE);

    /* The rest of the tick: no writer gets in, readers do. */
    ck_assert_int_eq(db_begin(db), ERR_STORE);
    ck_assert_int_eq(db_savepoint(db), ERR_STORE);
    ck_assert_int_eq(stroke_store_insert(&ss, BYTES("{}"), 0, NOW, NULL), ERR_STORE);
    ck_assert_int_eq(n_users(db), 1);
    ck_assert_int_eq(db_commit(db, true), ERR_STORE);
    ck_assert(!db_in_transaction(db));
    ck_assert(!db_is_lost(db));

    /* The next tick works. */
    ck_ok(db_exec(db, "PRAGMA max_page_count = 1000000"));
    ck_ok(db_begin(db));
    add_user(db, "after");
    ck_ok(db_commit(db, true));
    ck_assert_int_eq(n_users(db), 2);
    ck_assert_int_eq(query(db, "SELECT count(*) FROM strokes"), 0);
    stroke_store_close(&ss);
    db_close(db);
}
END_TEST

START_TEST(a_lost_transaction_may_be_ended_by_rollback_and_begun_again_in_the_same_tick)
{
    struct db *db = open_db(path_to("t.db"));
    struct stroke_store ss;

    ck_ok(stroke_store_open(&ss, db));
    ck_ok(db_exec(db, "PRAGMA max_page_count = 30"));
    ck_ok(db_begin(db));
    ck_assert_int_eq(fill(&ss), ERR_STORE);
    db_rollback(db);
    ck_ok(db_begin(db));
    ck_ok(stroke_store_insert(&ss, BYTES("{}"), 0, NOW, NULL));
    ck_ok(db_commit(db, true));
    ck_assert_int_eq(query(db, "SELECT count(*) FROM strokes"), 1);
    stroke_store_close(&ss);
    db_close(db);
}
END_TEST

/* One failing commit of each kind: nothing stored, nothing open, the next one works. */
static void commit_fails(int *knob, int code, bool durable)
{
    fault_install();
    struct db *db = open_db(path_to("t.db"));

    ck_ok(db_begin(db));
    add_user(db, "before");
    ck_ok(db_commit(db, true));
    ck_ok(db_begin(db));
    add_user(db, "gone");
    *knob = code;
    ck_assert_int_eq(db_commit(db, durable), ERR_STORE);
    ck_assert(!db_in_transaction(db));
    ck_assert_int_eq(n_users(db), 1);
    *knob = 0;
    ck_ok(db_begin(db));
    add_user(db, "after");
    ck_ok(db_commit(db, durable));
    db_close(db);
    db = open_db(path_to("t.db"));
    ck_assert_int_eq(n_users(db), 2);
    ck_assert_int_eq(query(db, "SELECT count(*) FROM users WHERE username = 'gone'"), 0);
    db_close(db);
    fault_remove();
}

START_TEST(a_commit_onto_a_full_disk_stores_nothing)
{
    commit_fails(&fault.writes_fail, SQLITE_FULL, _i);
}
END_TEST

START_TEST(a_commit_that_cannot_be_written_stores_nothing)
{
    commit_fails(&fault.writes_fail, SQLITE_IOERR_WRITE, _i);
}
END_TEST

START_TEST(a_durable_commit_that_cannot_be_synced_stores_nothing)
{
    commit_fails(&fault.syncs_fail, SQLITE_IOERR_FSYNC, true);
}
END_TEST

START_TEST(after_a_failed_sync_the_log_is_emptied_before_anything_new_goes_in)
{
    struct stat st;

    fault_install();
    struct db *db = open_db(path_to("t.db"));
    ck_ok(db_begin(db));
    add_user(db, "kept");
    ck_ok(db_commit(db, false));
    ck_ok(db_begin(db));
    add_user(db, "gone");
    fault.syncs_fail = SQLITE_IOERR_FSYNC;
    ck_assert_int_eq(db_commit(db, true), ERR_STORE);
    ck_assert_int_eq(db_begin(db), ERR_STORE); /* still failing: no writes */
    ck_assert_int_eq(n_users(db), 1);          /* but reads */
    fault.syncs_fail = 0;
    ck_ok(db_begin(db));
    ck_assert_int_eq(stat(path_to("t.db-wal"), &st), 0);
    ck_assert_int_eq(st.st_size, 0);
    add_user(db, "after");
    ck_ok(db_commit(db, true));
    ck_assert_int_eq(n_users(db), 2);
    db_close(db);
    fault_remove();
}
END_TEST

START_TEST(a_file_locked_by_another_process_is_waited_for_once_and_then_not)
{
    struct db *db = open_db(path_to("t.db")), *other = open_db(path_to("t.db"));

    ck_ok(db_begin(other));
    ck_assert_int_eq(db_begin(db), ERR_STORE);
    ck_assert(!db_in_transaction(db));
    ck_assert_int_eq(query(db, "PRAGMA busy_timeout"), 0);
    ck_assert_int_eq(db_begin(db), ERR_STORE);
    ck_assert_int_eq(n_users(db), 0);
    db_rollback(other);
    ck_ok(db_begin(db));
    ck_assert_int_eq(query(db, "PRAGMA busy_timeout"), DB_BUSY_MS);
    add_user(db, "ann");
    ck_ok(db_commit(db, true));
    ck_assert_int_eq(n_users(other), 1);
    db_close(other);
    db_close(db);
}
END_TEST

/* --- syncs --- */

START_TEST(only_durable_commits_sync_the_log)
{
    struct db *db = open_db(path_to("t.db"));
    char name[16];

    ck_ok(db_begin(db));
    add_user(db, "first"); /* the log's header, and the commit */
    ck_ok(db_commit(db, true));
    struct db_counters a = db_counters(db);
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "u%d", i);
        ck_ok(db_begin(db));
        add_user(db, name);
        ck_ok(db_commit(db, i % 2 == 0));
    }
    struct db_counters b = db_counters(db);
    ck_assert_uint_eq(b.commits, a.commits + 10);
    ck_assert_uint_eq(b.wal_syncs, a.wal_syncs + 5);
    ck_assert_uint_eq(b.wal_syncs_skipped, a.wal_syncs_skipped + 5);
    db_close(db);
}
END_TEST

START_TEST(the_syncs_counted_are_those_that_reach_the_file)
{
    fault_install();
    struct db *db = open_db(path_to("t.db"));
    uint64_t counted = db_counters(db).wal_syncs;
    unsigned real = fault.n_syncs[LOG_FILE];
    char name[8];

    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "u%d", i);
        ck_ok(db_begin(db));
        add_user(db, name);
        ck_ok(db_commit(db, i % 3 == 0));
        if (i == 5)
            ck_ok(db_checkpoint(db, false)); /* syncs, and starts a new round */
    }
    ck_assert_uint_eq(db_counters(db).wal_syncs - counted, fault.n_syncs[LOG_FILE] - real);
    ck_assert_uint_eq(db_counters(db).wal_syncs_skipped, 6);
    db_close(db);
    fault_remove();
}
END_TEST

START_TEST(a_write_outside_a_transaction_is_durable)
{
    fault_install();
    struct db *db = open_db(path_to("t.db"));

    ck_ok(db_begin(db));
    add_user(db, "ann");
    ck_ok(db_commit(db, false));
    unsigned before = fault.n_syncs[LOG_FILE];
    add_user(db, "bob");
    ck_assert_uint_eq(fault.n_syncs[LOG_FILE], before + 1);
    db_close(db);
    fault_remove();
}
END_TEST

/* --- checkpoints --- */

START_TEST(a_checkpoint_empties_what_waits_and_keeps_the_rows)
{
    struct db *db = open_db(path_to("t.db"));
    struct stat st;

    ck_assert_uint_eq(db_wal_pages(db), 0);
    ck_ok(db_begin(db));
    add_user(db, "ann");
    ck_assert_int_eq(db_checkpoint(db, false), ERR_BUSY);
    ck_ok(db_commit(db, false));
    ck_assert_uint_gt(db_wal_pages(db), 0);
    ck_ok(db_checkpoint(db, false));
    ck_assert_uint_eq(db_wal_pages(db), 0);
    ck_assert_int_eq(stat(path_to("t.db-wal"), &st), 0);
    ck_assert_int_gt(st.st_size, 0);
    ck_ok(db_checkpoint(db, true));
    ck_assert_int_eq(stat(path_to("t.db-wal"), &st), 0);
    ck_assert_int_eq(st.st_size, 0);
    ck_assert_int_eq(n_users(db), 1);
    db_close(db);
    ck_assert_int_ne(access(path_to("t.db-wal"), F_OK), 0);
}
END_TEST

START_TEST(no_commit_ever_checkpoints_by_itself)
{
    struct db *db = open_db(path_to("t.db"));
    struct stroke_store ss;
    static const char body[4000] = "{}";

    ck_ok(stroke_store_open(&ss, db));
    for (int i = 0; i < 40; i++) {
        ck_ok(db_begin(db));
        for (int k = 0; k < 50; k++)
            ck_ok(stroke_store_insert(&ss, bytes_of(body, sizeof(body)), 0, NOW, NULL));
        ck_ok(db_commit(db, false));
    }
    ck_assert_uint_gt(db_wal_pages(db), 2000);
    ck_ok(db_checkpoint(db, false));
    ck_assert_uint_eq(db_wal_pages(db), 0);
    stroke_store_close(&ss);
    db_close(db);
}
END_TEST

START_TEST(a_reader_in_another_process_delays_a_checkpoint_but_does_not_fail_it)
{
    struct db *db = open_db(path_to("t.db")), *reader = open_db(path_to("t.db"));
    struct stmt *st;
    bool has_row;

    ck_ok(db_begin(db));
    add_user(db, "ann");
    ck_ok(db_commit(db, true));
    ck_ok(stmt_prepare(reader, "SELECT id FROM users", &st));
    ck_ok(stmt_step(st, &has_row)); /* holds its view of the file */
    ck_ok(db_begin(db));
    add_user(db, "bob");
    ck_ok(db_commit(db, true));
    ck_ok(db_checkpoint(db, false));
    ck_assert_uint_gt(db_wal_pages(db), 0);
    ck_ok(db_checkpoint(db, true));
    ck_ok(stmt_done(st, OK));
    stmt_release(st);
    ck_ok(db_checkpoint(db, true));
    ck_assert_uint_eq(db_wal_pages(db), 0);
    db_close(reader);
    db_close(db);
}
END_TEST

START_TEST(a_checkpoint_that_fails_says_so_and_loses_nothing)
{
    fault_install();
    struct db *db = open_db(path_to("t.db"));

    ck_ok(db_begin(db));
    add_user(db, "ann");
    ck_ok(db_commit(db, true));
    fault.writes_fail = SQLITE_FULL;
    ck_assert_int_eq(db_checkpoint(db, false), ERR_STORE);
    fault.writes_fail = 0;
    ck_assert_int_eq(n_users(db), 1);
    ck_ok(db_checkpoint(db, false));
    ck_assert_uint_eq(db_wal_pages(db), 0);
    db_close(db);
    fault_remove();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("db");
    TCase *tc = tcase_create("db");

    tcase_add_checked_fixture(tc, make_folder, remove_folder);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_new_database_is_made_for_its_owner_alone);
    tcase_add_test(tc, an_existing_database_keeps_its_mode);
    tcase_add_test(tc, the_settings_are_those_that_the_design_asks_for);
    tcase_add_test(tc, a_missing_folder_is_not_created);
    tcase_add_test(tc, a_folder_is_no_database);
    tcase_add_test(tc, an_empty_name_is_no_database);
    tcase_add_test(tc, a_file_that_is_no_database_is_refused_and_left_alone);
    tcase_add_test(tc, a_damaged_schema_is_refused);
    tcase_add_test(tc, a_file_without_permission_is_refused);
    tcase_add_test(tc, a_read_only_file_is_refused_at_the_start);
    tcase_add_test(tc, names_that_look_like_uris_are_file_names);
    tcase_add_test(tc, a_memory_database_leaves_no_file_and_knows_transactions);
    tcase_add_test(tc, closing_nothing_is_allowed);
    tcase_add_test(tc, begin_is_idempotent_and_commit_keeps);
    tcase_add_test(tc, rollback_undoes_everything_and_the_next_tick_works);
    tcase_add_test(tc, closing_rolls_back_what_is_open);
    tcase_add_test(tc, a_savepoint_undoes_only_itself);
    tcase_add_test(tc, a_rollback_takes_released_savepoints_with_it);
    tcase_add_test(tc, savepoints_need_a_transaction_and_do_not_nest);
    tcase_add_test(tc, an_unknown_reference_or_a_second_name_fails_without_losing_the_transaction);
    tcase_add_test(tc, a_full_database_loses_the_transaction_says_so_and_goes_on);
    tcase_add_test(tc,
                   a_lost_transaction_may_be_ended_by_rollback_and_begun_again_in_the_same_tick);
    tcase_add_loop_test(tc, a_commit_onto_a_full_disk_stores_nothing, 0, 2);
    tcase_add_loop_test(tc, a_commit_that_cannot_be_written_stores_nothing, 0, 2);
    tcase_add_test(tc, a_durable_commit_that_cannot_be_synced_stores_nothing);
    tcase_add_test(tc, after_a_failed_sync_the_log_is_emptied_before_anything_new_goes_in);
    tcase_add_test(tc, a_file_locked_by_another_process_is_waited_for_once_and_then_not);
    tcase_add_test(tc, only_durable_commits_sync_the_log);
    tcase_add_test(tc, the_syncs_counted_are_those_that_reach_the_file);
    tcase_add_test(tc, a_write_outside_a_transaction_is_durable);
    tcase_add_test(tc, a_checkpoint_empties_what_waits_and_keeps_the_rows);
    tcase_add_test(tc, no_commit_ever_checkpoints_by_itself);
    tcase_add_test(tc, a_reader_in_another_process_delays_a_checkpoint_but_does_not_fail_it);
    tcase_add_test(tc, a_checkpoint_that_fails_says_so_and_loses_nothing);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
