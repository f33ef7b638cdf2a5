/* support.h - what the suites of store share: a folder that goes away, and databases in it. */
#ifndef TEST_STORE_SUPPORT_H
#define TEST_STORE_SUPPORT_H

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/bytes.h"
#include "base/log.h"
#include "store/chat_store.h"
#include "store/db.h"
#include "store/stmt.h"
#include "store/user_store.h"

#define ck_ok(expression) ck_assert_int_eq(expression, OK)

#define NOW INT64_C(1700000000000)

static char base[64];   /* of this suite; goes away with it, also when a test fails */
static char folder[96]; /* of this test, in base */

/* The path of a file in the folder of this test. Static storage, two at a time. */
__attribute__((unused)) static const char *path_to(const char *name)
{
    static char paths[2][192];
    static int turn;

    turn = !turn;
    snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", folder, name);
    return paths[turn];
}

static void remove_tree(const char *path)
{
    char inner[512];
    struct dirent *entry;
    DIR *dir = opendir(path);

    while (dir && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0)
            remove_tree(inner);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

__attribute__((unused)) static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "%s/XXXXXX", base);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    log_set_level(LOG_ERROR);
}

__attribute__((unused)) static void remove_folder(void)
{
    remove_tree(folder);
}

__attribute__((unused)) static struct db *open_db(const char *path)
{
    char why[DB_WHY_MAX];
    struct db *db;

    enum err e = db_open(path, &db, why);
    ck_assert_msg(e == OK, "%s", why);
    return db;
}

/* The result of a one-number query. */
__attribute__((unused)) static int64_t query(struct db *db, const char *sql)
{
    int64_t n = -1;

    ck_ok(db_query_int(db, sql, &n));
    return n;
}

__attribute__((unused)) static int64_t add_user(struct db *db, const char *name)
{
    struct user_store us;
    int64_t id = 0;

    ck_ok(user_store_open(&us, db));
    ck_ok(user_store_insert(&us, bytes_str(name), BYTES("hash"), NOW, &id));
    user_store_close(&us);
    return id;
}

/* The lines of the plan of `st`, each with a newline. Static storage. */
__attribute__((unused)) static const char *plan_of(struct db *db, const struct stmt *st)
{
    static char plan[2048];
    char sql[2048];
    struct stmt *explain;
    size_t len = 0;
    bool has_row;

    snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", stmt_sql(st));
    ck_ok(stmt_prepare(db, sql, &explain));
    plan[0] = '\0';
    while (stmt_step(explain, &has_row) == OK && has_row) {
        struct bytes line = stmt_bytes(explain, 3);
        len += (size_t)snprintf(plan + len, sizeof(plan) - len, "%.*s\n", (int)line.len, line.data);
        ck_assert_uint_lt(len, sizeof(plan));
    }
    ck_ok(stmt_done(explain, OK));
    stmt_release(explain);
    return plan;
}

__attribute__((unused)) static int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);

    snprintf(base, sizeof(base), "/tmp/parlor-store-XXXXXX");
    if (!mkdtemp(base))
        return EXIT_FAILURE;
    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    remove_tree(base);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
