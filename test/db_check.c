/* db_check FILE - what SQLite thinks of a database: prints the answer of PRAGMA integrity_check. */
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

int main(int argc, char **argv)
{
    sqlite3 *db = NULL;
    char *error = NULL;

    if (argc != 2 || sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA integrity_check", print_row, NULL, &error) != SQLITE_OK)
        printf("db_check: %s\n", error ? error : db ? sqlite3_errmsg(db) : "usage: db_check FILE");
    sqlite3_free(error);
    return sqlite3_close(db) == SQLITE_OK ? 0 : 1;
}
