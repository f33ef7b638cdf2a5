/* Each test gives up in a child what cannot be had again, tries, and tells by its exit status. */
#include "base/sandbox.h"
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that could not be confined at all, because the kernel or the build has no such thing. */
#define UNCONFINED 77

static char root[64];

static void in_root(char out[128], const char *name)
{
    snprintf(out, 128, "%s/%s", root, name);
}

static void write_file(const char *path)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs("content", f);
    fclose(f);
}

static void setup(void)
{
    char path[128];

    strcpy(root, "/tmp/sandbox-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    for (const char *const *d = (const char *const[]){ "data", "pages", "other", NULL }; *d; d++) {
        in_root(path, *d);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        snprintf(path, sizeof path, "%s/%s/file", root, *d);
        write_file(path);
    }
}

static void teardown(void)
{
    static const char *const names[] = { "data/file", "pages/file", "other/file", "data", "pages", "other" };
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        in_root(path, names[i]);
        ck_assert_int_eq(remove(path), 0);
    }
    ck_assert_int_eq(rmdir(root), 0);
}

/* The wait status of a child that runs `body`, whose result is its exit status. */
static int in_child(int (*body)(void))
{
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(body());
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void assert_ends_well(int (*body)(void))
{
    int status = in_child(body);

    ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
    ck_assert_msg(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == UNCONFINED, "line %d",
                  WEXITSTATUS(status));
}

/* In a child: ends it, and says where. Lines of this file fit into a status. */
#define MUST(condition)                   \
    do {                                  \
        if (!(condition))                 \
            _exit(__LINE__ % 256 ? __LINE__ % 256 : 1); \
    } while (0)

static int open_in_root(const char *name, int flags)
{
    char path[128];
    in_root(path, name);
    return open(path, flags | O_CLOEXEC, 0600);
}

static bool is_absent(void)
{
    return errno == ENOSYS || errno == EOPNOTSUPP || errno == ENOTSUP;
}

static bool confine_files(void)
{
    char data[128], pages[128], none[128];

    in_root(data, "data");
    in_root(pages, "pages");
    in_root(none, "none");
    const struct sandbox_path paths[] = { { data, true }, { pages, false }, { NULL, true }, { none, true } };
    bool ok = sandbox_files(paths, 4);
    MUST(ok || is_absent());
    return ok;
}

static int files(void)
{
    char path[128], text[8];

    if (!confine_files())
        return UNCONFINED;
    int fd = open_in_root("data/new", O_RDWR | O_CREAT);
    MUST(fd >= 0 && write(fd, "x", 1) == 1 && ftruncate(fd, 0) == 0 && close(fd) == 0);
    in_root(path, "data/new");
    MUST(unlink(path) == 0);
    MUST((fd = open_in_root("pages/file", O_RDONLY)) >= 0 && read(fd, text, 7) == 7);
    MUST(open_in_root("pages/file", O_WRONLY) < 0 && errno == EACCES);
    MUST(open_in_root("pages/new", O_WRONLY | O_CREAT) < 0 && errno == EACCES);
    in_root(path, "pages/file");
    MUST(unlink(path) < 0 && errno == EACCES);
    MUST(open_in_root("other/file", O_RDONLY) < 0 && errno == EACCES);
    MUST(open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES);
    in_root(path, "data/folder");
    MUST(mkdir(path, 0700) < 0 && errno == EACCES);
    in_root(path, "data/link");
    MUST(symlink("/etc/passwd", path) < 0 && errno == EACCES);
    return 0;
}

START_TEST(only_the_given_paths_can_be_opened)
{
    assert_ends_well(files);
}
END_TEST

static int files_opened_before(void)
{
    char text[8];
    int fd = open_in_root("other/file", O_RDWR);

    MUST(fd >= 0);
    if (!confine_files())
        return UNCONFINED;
    MUST(read(fd, text, 7) == 7 && write(fd, "x", 1) == 1 && ftruncate(fd, 7) == 0);
    return 0;
}

START_TEST(what_is_open_already_stays_open)
{
    assert_ends_well(files_opened_before);
}
END_TEST

/* Ends a child that was there before, as a server must when it does not answer. */
static int child_from_before(void)
{
    int status;
    pid_t pid = fork();

    MUST(pid >= 0);
    if (pid == 0) {
        pause();
        _exit(0);
    }
    bool is_confined = confine_files();
    is_confined = sandbox_calls(SANDBOX_SERVER) || is_confined;
    MUST(kill(pid, SIGKILL) == 0);
    MUST(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    return is_confined ? 0 : UNCONFINED;
}

START_TEST(a_child_from_before_can_be_ended)
{
    assert_ends_well(child_from_before);
}
END_TEST

static bool confine_calls(enum sandbox_calls kind)
{
    bool ok = sandbox_calls(kind);
    MUST(ok || is_absent());
    return ok;
}

static int server_calls(void)
{
    int pair[2], status;
    char c;

    if (!confine_calls(SANDBOX_SERVER))
        return UNCONFINED;
    MUST(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
    MUST(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM);
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    MUST(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(page != MAP_FAILED);
    MUST(mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0 && errno == EPERM);
    MUST(mprotect(page, 4096, PROT_READ) == 0);
    MUST(syscall(SYS_acct, "/tmp/x") < 0 && errno == EPERM);
    int fd = open_in_root("data/file", O_RDWR);
    MUST(fd >= 0 && fsync(fd) == 0 && read(fd, &c, 1) == 1);
    pid_t pid = fork();
    MUST(pid >= 0);
    if (pid == 0)
        _exit(send(pair[1], "x", 1, 0) == 1 ? 7 : 8);
    MUST(recv(pair[0], &c, 1, 0) == 1);
    MUST(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
    MUST(kill(getppid(), SIGTERM) < 0 && errno == EPERM);
    return 0;
}

START_TEST(a_server_keeps_what_it_needs)
{
    assert_ends_well(server_calls);
}
END_TEST

static int execute(void)
{
    if (!confine_calls(SANDBOX_SERVER))
        return UNCONFINED;
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static int call_out(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    MUST(fd >= 0);
    if (!confine_calls(SANDBOX_SERVER))
        return UNCONFINED;
    (void)!connect(fd, (struct sockaddr *)&to, sizeof to);
    return 1;
}

static void assert_is_ended(int (*body)(void))
{
    int status = in_child(body);

    if (WIFEXITED(status))
        ck_assert_int_eq(WEXITSTATUS(status), UNCONFINED);
    else
        ck_assert_int_eq(WTERMSIG(status), SIGSYS);
}

START_TEST(what_only_an_attacker_does_is_the_end)
{
    assert_is_ended(execute);
    assert_is_ended(call_out);
}
END_TEST

static int compute(void)
{
    int pair[2];
    char text[8], c;

    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    if (!confine_calls(SANDBOX_COMPUTE))
        return UNCONFINED;
    MUST(open_in_root("data/file", O_RDONLY) < 0 && errno == EPERM);
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, (int[2]){ 0, 0 }) < 0 && errno == EPERM);
    MUST(fork() < 0 && errno == EPERM);
    MUST(kill(getppid(), 0) < 0 && errno == EPERM);
    char *memory = malloc(64u << 20);
    MUST(memory);
    memset(memory, 1, 64u << 20);
    free(memory);
    MUST(getrandom(text, sizeof text, 0) == (ssize_t)sizeof text);
    MUST(send(pair[0], "x", 1, 0) == 1 && recv(pair[1], &c, 1, 0) == 1);
    return 0;
}

START_TEST(who_only_computes_keeps_memory_and_messages)
{
    assert_ends_well(compute);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sandbox");
    TCase *c = tcase_create("confined");
    SRunner *r;

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, only_the_given_paths_can_be_opened);
    tcase_add_test(c, what_is_open_already_stays_open);
    tcase_add_test(c, a_child_from_before_can_be_ended);
    tcase_add_test(c, a_server_keeps_what_it_needs);
    tcase_add_test(c, what_only_an_attacker_does_is_the_end);
    tcase_add_test(c, who_only_computes_keeps_memory_and_messages);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
