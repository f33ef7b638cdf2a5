/* flock() and not the locks of POSIX: those are SQLite's, and belong to the whole process. The two
 * kinds do not see each other, but closing this descriptor would end SQLite's locks, too: so it
 * outlives the database handle. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include "store/db.h"

#define STEP_MS 20

enum err db_claim(const char *path, int *fd, char why[DB_WHY_MAX])
{
    const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };

    *fd = -1;
    if (strcmp(path, ":memory:") == 0)
        return OK;
    *fd = open(path, O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
    if (*fd < 0)
        return OK;
    for (int waited = 0; flock(*fd, LOCK_EX | LOCK_NB) != 0; waited += STEP_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return OK;
        if (waited >= DB_CLAIM_MS) {
            snprintf(why, DB_WHY_MAX, "%s: another server is using this database", path);
            db_unclaim(*fd);
            *fd = -1;
            return ERR_BUSY;
        }
        nanosleep(&step, NULL);
    }
    return OK;
}

void db_unclaim(int fd)
{
    if (fd >= 0)
        close(fd);
}
