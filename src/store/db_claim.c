/* flock() and not the locks of POSIX: those are SQLite's, and belong to the whole process. The two
 * kinds do not see each other, but closing this descriptor would end SQLite's locks, too: so it
 * outlives the database handle. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "store/db.h"

#define STEP_MS 20

static enum err refuse(const char *path, int *fd, const char *text, char why[DB_WHY_MAX])
{
    snprintf(why, DB_WHY_MAX, "%s: %s", path, text);
    db_unclaim(*fd);
    *fd = -1;
    return ERR_BUSY;
}

enum err db_claim(const char *path, int stop_fd, int *fd, char why[DB_WHY_MAX])
{
    struct pollfd stop = { .fd = stop_fd, .events = POLLIN };

    *fd = -1;
    if (strcmp(path, ":memory:") == 0)
        return OK;
    *fd = open(path, O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
    if (*fd < 0)
        return OK;
    for (int waited = 0; flock(*fd, LOCK_EX | LOCK_NB) != 0; waited += STEP_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return OK;
        if (waited >= DB_CLAIM_MS)
            return refuse(path, fd, "another server is using this database", why);
        if (poll(&stop, 1, STEP_MS) > 0)
            return refuse(path, fd, "stopped while another server used this database", why);
    }
    return OK;
}

void db_unclaim(int fd)
{
    if (fd >= 0)
        close(fd);
}
