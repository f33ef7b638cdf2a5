/* The filter is a list of what is allowed, the calls of a message's way first. It looks at the
 * number alone wherever it can: the kernel then knows the answer beforehand and need not run the
 * filter (seccomp's action cache).
 *
 * EPERM, and not the end, is the answer to what is unknown: the next C library may prefer a newer
 * call, and falls back to the older one when it is told so. Calls with which code that has broken
 * in would begin end the process.
 */
#include "base/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

/* --- files --- */

/* The kernel's struct landlock_ruleset_attr, of which an older header knows only the beginning. */
struct ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; /* since ABI 4 */
    uint64_t scoped;             /* since ABI 6 */
};

#define FS_ABI_1     ((UINT64_C(1) << 13) - 1)
#define FS_REFER     (UINT64_C(1) << 13) /* ABI 2 */
#define FS_TRUNCATE  (UINT64_C(1) << 14) /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define NET_ALL      UINT64_C(3)         /* ABI 4: bind and connect */
/* ABI 6: abstract sockets outside. Not signals: the process that hashes passwords was born outside,
 * and must be ended when it does not answer. */
#define SCOPE_SOCKETS UINT64_C(1)
#define READ_ACCESS   (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define CHANGE_ACCESS                                                                              \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                                 \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_TRUNCATE)
#define FILE_ACCESS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

static struct ruleset ruleset_for(long abi)
{
    struct ruleset r = { .handled_access_fs = FS_ABI_1 };

    if (abi >= 2)
        r.handled_access_fs |= FS_REFER;
    if (abi >= 3)
        r.handled_access_fs |= FS_TRUNCATE;
    if (abi >= 5)
        r.handled_access_fs |= FS_IOCTL_DEV;
    if (abi >= 4)
        r.handled_access_net = NET_ALL;
    if (abi >= 6)
        r.scoped = SCOPE_SOCKETS;
    return r;
}

static bool allow_path(int rules, const struct sandbox_path *p, uint64_t handled)
{
    struct landlock_path_beneath_attr beneath = { .parent_fd = -1 };
    struct stat st;

    if (!p->path || (beneath.parent_fd = open(p->path, O_PATH | O_CLOEXEC)) < 0)
        return true;
    uint64_t access = READ_ACCESS | (p->is_writable ? CHANGE_ACCESS : 0);
    if (fstat(beneath.parent_fd, &st) != 0 || !S_ISDIR(st.st_mode))
        access &= FILE_ACCESS;
    beneath.allowed_access = access & handled;
    long failed = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
    close(beneath.parent_fd);
    return failed == 0;
}

bool sandbox_files(const struct sandbox_path *paths, size_t n)
{
    if (HAS_SANITIZER) {
        errno = ENOTSUP;
        return false;
    }
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return false;
    struct ruleset attr = ruleset_for(abi);
    size_t size = abi >= 6   ? sizeof attr
                  : abi >= 4 ? offsetof(struct ruleset, scoped)
                             : offsetof(struct ruleset, handled_access_net);
    long rules = syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (rules < 0)
        return false;
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++)
        ok = allow_path((int)rules, &paths[i], attr.handled_access_fs);
    ok = ok && syscall(SYS_landlock_restrict_self, (int)rules, 0) == 0;
    close((int)rules);
    return ok;
}

/* --- system calls --- */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef ARCH

/* What both kinds need to live and to end. */
static const int common_calls[] = {
    SYS_recvfrom,        SYS_sendto,    SYS_read,         SYS_write,        SYS_close,
    SYS_munmap,          SYS_mremap,    SYS_madvise,      SYS_brk,          SYS_futex,
    SYS_clock_gettime,   SYS_getrandom, SYS_rt_sigreturn, SYS_rt_sigaction, SYS_rt_sigprocmask,
    SYS_restart_syscall, SYS_exit,      SYS_exit_group,   SYS_getpid,       SYS_gettid,
    SYS_tgkill, /* abort() */
};

static const int server_calls[] = {
    SYS_epoll_pwait,
    SYS_epoll_ctl,
    SYS_recvmsg,
    SYS_sendmsg,
    SYS_readv,
    SYS_writev,
    SYS_accept4,
    SYS_setsockopt,
    SYS_getsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_shutdown,
    SYS_sendfile,
    /* files, SQLite's among them */
    SYS_openat,
    SYS_openat2,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_lseek,
    SYS_pread64,
    SYS_pwrite64,
    SYS_fsync,
    SYS_fdatasync,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_unlinkat,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_fcntl,
    SYS_flock,
    SYS_fchmod,
    SYS_fchown,
    SYS_readlinkat,
    SYS_getcwd,
    SYS_dup,
    SYS_dup3,
    SYS_geteuid,
    SYS_getuid,
    SYS_getegid,
    SYS_getgid,
    SYS_umask,
    /* time and limits */
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_getrusage,
    SYS_prlimit64,
    SYS_sysinfo,
    SYS_uname,
    SYS_sched_yield,
    SYS_ppoll,
    SYS_sigaltstack,
    /* the child that hashes passwords: another one when it has ended, and what that does before it
       confines itself */
    SYS_wait4,
    SYS_getppid,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_close_range,
    SYS_getpriority,
    SYS_setpriority,
    SYS_seccomp,
    SYS_set_tid_address,
#ifdef __x86_64__
    SYS_epoll_wait,
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_unlink,
    SYS_readlink,
    SYS_dup2,
    SYS_poll,
    SYS_time,
    SYS_fork,
#endif
};

/* Nothing here ever makes these. */
static const int fatal_calls[] = {
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_bpf,
    SYS_init_module,
    SYS_finit_module,
    SYS_kexec_load,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_setns,
    SYS_unshare,
    SYS_add_key,
    SYS_keyctl,
    SYS_request_key,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_connect,
    SYS_bind,
    SYS_listen,
};

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define FILTER_MAX  512

/* A filter under construction. Each rule decides at once, so that no jump is longer than a rule. */
struct filter {
    struct sock_filter v[FILTER_MAX];
    unsigned short n;
};

static void emit(struct filter *f, struct sock_filter instruction)
{
    if (f->n < FILTER_MAX)
        f->v[f->n++] = instruction;
}

static void load(struct filter *f, size_t field)
{
    emit(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)field));
}

static void decide(struct filter *f, uint32_t action)
{
    emit(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static void rule(struct filter *f, int call, uint32_t action)
{
    emit(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1));
    decide(f, action);
}

static void rules(struct filter *f, const int *calls, size_t n, uint32_t action)
{
    for (size_t i = 0; i < n; i++)
        rule(f, calls[i], action);
}

/* The lower half of an argument. Flags and families that matter lie there on both processors, which
 * are little-endian. */
static size_t low_half(int argument)
{
    return offsetof(struct seccomp_data, args) + (size_t)argument * sizeof(uint64_t);
}

/* `call` is allowed when `test` jumps over the refusal behind it. */
static void rule_if(struct filter *f, int call, int argument, struct sock_filter test)
{
    emit(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 4));
    load(f, low_half(argument));
    emit(f, test);
    decide(f, SECCOMP_RET_ERRNO | EPERM);
    decide(f, SECCOMP_RET_ALLOW);
}

/* `call` is allowed when none of `bits` is in its argument; else it fails with EPERM. */
static void rule_without(struct filter *f, int call, int argument, uint32_t bits)
{
    rule_if(f, call, argument,
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
}

/* `call` is allowed when its argument is `value`; else it fails with EPERM. */
static void rule_with(struct filter *f, int call, int argument, uint32_t value)
{
    rule_if(f, call, argument,
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
}

#define NEW_NAMESPACES                                                                             \
    0x7e020000u /* CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET */

static void build(struct filter *f, enum sandbox_calls kind)
{
    f->n = 0;
    load(f, offsetof(struct seccomp_data, arch));
    emit(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
    decide(f, SECCOMP_RET_KILL_PROCESS); /* a call by the numbers of another processor */
    load(f, offsetof(struct seccomp_data, nr));
    rules(f, common_calls, COUNT(common_calls), SECCOMP_RET_ALLOW);
    if (kind == SANDBOX_SERVER)
        rules(f, server_calls, COUNT(server_calls), SECCOMP_RET_ALLOW);
    rules(f, fatal_calls, COUNT(fatal_calls), SECCOMP_RET_KILL_PROCESS);
    rule_without(f, SYS_mmap, 2, PROT_EXEC);
    rule_without(f, SYS_mprotect, 2, PROT_EXEC);
    if (kind == SANDBOX_SERVER) {
        rule_with(f, SYS_socketpair, 0, AF_UNIX);
        rule_with(f, SYS_kill, 1, SIGKILL);
        rule_without(f, SYS_clone, 0, NEW_NAMESPACES);
        /* Its flags are in memory, where no filter can look: the library falls back to clone(). */
        rule(f, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
        rule(f, SYS_prctl,
             SECCOMP_RET_ALLOW); /* the child names itself and asks to die with its parent */
    }
    decide(f, SECCOMP_RET_ERRNO | EPERM);
}

bool sandbox_calls(enum sandbox_calls kind)
{
    struct filter f;

    if (HAS_SANITIZER) {
        errno = ENOTSUP;
        return false;
    }
    build(&f, kind);
    if (f.n == FILTER_MAX) {
        errno = E2BIG;
        return false;
    }
    struct sock_fprog program = { .len = f.n, .filter = f.v };
    /* What a filter is for here is not speculation, and the defence against it would cost every
     * call. */
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                   &program) == 0;
}

#else

bool sandbox_calls(enum sandbox_calls kind)
{
    (void)kind;
    errno = ENOTSUP;
    return false;
}

#endif
