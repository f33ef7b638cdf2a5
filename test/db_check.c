/* db_check FILE       prints the answer of PRAGMA integrity_check.
 * db_check FILE hold  takes the lock of the writer, prints "held", and keeps it until its standard input ends. */
#include <sqlite3.h>
#include <stdio.h>

static int print_row(void *arg, int n, char **values, char **names)
{
    (void)arg;
    (void)n;
    (void)names;
    puts(values[0] ? values[0] : "");
    return 0;
}

static int hold(sqlite3 *db, char **error)
{
    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, error) != SQLITE_OK)
        return SQLITE_ERROR;
    puts("held");
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    return sqlite3_exec(db, "ROLLBACK", NULL, NULL, error);
}

int main(int argc, char **argv)
{
    sqlite3 *db = NULL;
    char *error = NULL;

    if (argc < 2 || sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        (argc > 2 ? hold(db, &error)
                  : sqlite3_exec(db, "PRAGMA integrity_check", print_row, NULL, &error)) != SQLITE_OK)
        printf("db_check: %s\n", error ? error : db ? sqlite3_errmsg(db) : "usage: db_check FILE [hold]");
    sqlite3_free(error);
    return sqlite3_close(db) == SQLITE_OK ? 0 : 1;
}
