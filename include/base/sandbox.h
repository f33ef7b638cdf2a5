/* sandbox.h - what the process gives up when it is set up, so that a mistake in it is worth less to
 * whoever finds one.
 *
 * Two walls, both of the kernel's, both for this process and its children and never to be taken
 * down again: Landlock (landlock(7)) for the file system and TCP, and a seccomp filter (seccomp(2))
 * for the system calls.
 *
 *     sandbox_files(paths, n);            // first: it needs system calls that the filter forbids
 *     sandbox_calls(SANDBOX_SERVER);
 *
 * Each says what it could do: an older kernel, or another processor than x86-64 and AArch64, has
 * one wall or none. Builds with AddressSanitizer have none, because its runtime needs what they
 * forbid.
 */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

struct sandbox_path {
    const char *path; /* a file or a folder with all that is in it; NULL: nothing */
    bool is_writable; /* files in it may be made, written and removed; else only read */
};

enum sandbox_calls {
    SANDBOX_SERVER,  /* an event loop with files that has bound its sockets: no new sockets but the
                        pair to a child of its own, no  program is executed, no memory becomes
                        executable */
    SANDBOX_COMPUTE, /* memory, and messages over descriptors that are open already */
};

/* From here on only the given paths can be opened, and no TCP socket bound or connected. False: the
 * kernel has no Landlock (errno). A path that does not exist is passed over. */
bool sandbox_files(const struct sandbox_path *paths, size_t n);
/* From here on a system call that is not in the list of `kind` fails with EPERM; those that only an
 * attacker makes end the process. False: no filter (errno). */
bool sandbox_calls(enum sandbox_calls kind);

#endif
