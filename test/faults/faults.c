/* faults.c - makes the Nth call of a chosen kind fail, in the server as it is.
 *
 * build/test/server_faults is the server, linked with --wrap for every function below that can fail, so each
 * call of our own code comes through here first. SQLite gets its memory and its files from here
 * too (a VFS in front of the real one), and so does cJSON its memory. That covers the libraries
 * where their failures become ours, and works under AddressSanitizer, which LD_PRELOAD does not do well.
 *
 * What fails is written into a file that the environment variable PARLOR_FAULTS names: it is mapped by the server
 * and by its password process, so a test can say at any moment what fails from now on, and read how many calls there were. The
 * layout is struct control; test/e2e/lib/faults.mjs has the other side.
 *
 * The same file can stop the clock: the server then lives in the millisecond that stands there, until a test writes
 * another one. What takes 75 seconds or 30 days is tested to the millisecond that way, and at once.
 *
 * Passwords are hashed at libsodium's lowest cost: a sweep registers and logs in thousands of times.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind {
    NOTHING,
    ALLOC,        /* malloc, calloc, realloc of our code */
    SQLITE_ALLOC, /* SQLite's own */
    CJSON_ALLOC,
    ACCEPT,
    EPOLL_CTL,
    EPOLL_WAIT,
    RECV,
    SEND, /* send, sendmsg */
    SENDFILE,
    OPEN, /* open, openat, openat2 */
    FSTAT,
    PREAD,
    SOCKET_CALL, /* setsockopt, getsockname, shutdown, fcntl */
    SOCKETPAIR,
    FORK,
    PWHASH,  /* no memory for Argon2id */
    WORKER,  /* the password process dies at its Nth recv or send */
    START,   /* what is called at the start alone: socket, bind, listen, signalfd, sigprocmask, epoll_create1 */
    DB_WRITE,
    DB_SYNC,
    DB_READ,
    DB_LOCK, /* what another process that writes would hold */
    DB_SHM,  /* the index of the log: map, and its other locks */
    DB_FILE, /* open, truncate, size, delete, access */
    N_KINDS,
};

/* Instead of an errno: */
#define SHORT 100000u    /* one byte is read or written */
#define KILL_NINE 100001u /* the call never returns: kill -9 came at this moment */

#define CLOCK_LOOK_MS 5 /* with a stopped clock, how often a waiting server looks whether it was moved */

struct control {
    uint32_t kind; /* what fails; NOTHING: nothing does */
    uint32_t error;
    uint64_t first, last; /* calls, counted from 1 */
    uint64_t n_failed;
    uint64_t n_calls[N_KINDS];
    uint64_t clock_ms; /* since 1970; 0: the clock runs as it does */
};

static struct control *control;
static pid_t server_pid;
static bool is_tracing; /* PARLOR_FAULTS_TRACE: says on standard error where each fault has hit, for addr2line */

/* 0: the call goes on; else what it fails with. */
static uint32_t fault(enum kind kind)
{
    if (!control)
        return 0;
    uint64_t n = __atomic_add_fetch(&control->n_calls[kind], 1, __ATOMIC_SEQ_CST);
    if (control->kind != (uint32_t)kind || n < control->first || n > control->last)
        return 0;
    __atomic_add_fetch(&control->n_failed, 1, __ATOMIC_SEQ_CST);
    if (is_tracing) {
        void *frames[32];
        backtrace_symbols_fd(frames, backtrace(frames, 32), STDERR_FILENO);
    }
    if (control->error == KILL_NINE)
        kill(getpid(), SIGKILL);
    return control->error;
}

static int fault_errno(enum kind kind)
{
    uint32_t error = fault(kind);
    if (!error)
        return 0;
    errno = (int)error;
    return -1;
}

static bool is_worker(void)
{
    return control && getpid() != server_pid;
}

/* --- time --- */

static uint64_t stopped_clock(void)
{
    return control ? __atomic_load_n(&control->clock_ms, __ATOMIC_SEQ_CST) : 0;
}

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    uint64_t ms = stopped_clock();
    if (!ms)
        return __real_clock_gettime(clock, t);
    *t = (struct timespec){ .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };
    return 0;
}

/* --- memory --- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n)
{
    return fault_errno(ALLOC) ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fault_errno(ALLOC) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n)
{
    return fault_errno(ALLOC) ? NULL : __real_realloc(p, n);
}

static void *cjson_malloc(size_t n)
{
    return fault(CJSON_ALLOC) ? NULL : __real_malloc(n);
}

static sqlite3_mem_methods sqlite_memory;

static void *sqlite_malloc(int n)
{
    return fault(SQLITE_ALLOC) ? NULL : sqlite_memory.xMalloc(n);
}

static void *sqlite_realloc(void *p, int n)
{
    return fault(SQLITE_ALLOC) ? NULL : sqlite_memory.xRealloc(p, n);
}

/* --- sockets --- */

int __real_accept4(int fd, struct sockaddr *a, socklen_t *len, int flags);
int __real_epoll_ctl(int epoll, int op, int fd, struct epoll_event *ev);
int __real_epoll_wait(int epoll, struct epoll_event *ev, int n, int timeout);
ssize_t __real_recv(int fd, void *data, size_t len, int flags);
ssize_t __real_readv(int fd, const struct iovec *v, int n);
ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __real_sendfile(int fd, int from, off_t *off, size_t len);

int __wrap_accept4(int fd, struct sockaddr *a, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *a, socklen_t *len, int flags)
{
    return fault_errno(ACCEPT) ? -1 : __real_accept4(fd, a, len, flags);
}

int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *ev);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *ev)
{
    /* Removing does not fail for a descriptor that is there. */
    return op != EPOLL_CTL_DEL && fault_errno(EPOLL_CTL) ? -1 : __real_epoll_ctl(epoll, op, fd, ev);
}

int __wrap_epoll_wait(int epoll, struct epoll_event *ev, int n, int timeout);
int __wrap_epoll_wait(int epoll, struct epoll_event *ev, int n, int timeout)
{
    if (stopped_clock() && (timeout < 0 || timeout > CLOCK_LOOK_MS))
        timeout = CLOCK_LOOK_MS;
    return fault_errno(EPOLL_WAIT) ? -1 : __real_epoll_wait(epoll, ev, n, timeout);
}

/* How many bytes a call may move; 0: it fails with errno. */
static size_t allowed(enum kind kind, size_t len)
{
    uint32_t error = fault(kind);
    if (error == SHORT)
        return len < 1 ? len : 1;
    errno = (int)error;
    return error ? 0 : len;
}

static void worker_may_die(void)
{
    if (fault(WORKER))
        raise(SIGKILL);
}

ssize_t __wrap_recv(int fd, void *data, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t len, int flags)
{
    if (is_worker()) {
        worker_may_die();
        return __real_recv(fd, data, len, flags);
    }
    size_t most = allowed(RECV, len);
    return most || !len ? __real_recv(fd, data, most, flags) : -1;
}

/* Two places at most: a large frame's, and the scratch behind it. */
ssize_t __wrap_readv(int fd, const struct iovec *v, int n);
ssize_t __wrap_readv(int fd, const struct iovec *v, int n)
{
    size_t first = v[0].iov_len, most = allowed(RECV, first);

    if (most == first)
        return __real_readv(fd, v, n);
    return most ? __real_recv(fd, v[0].iov_base, most, 0) : -1;
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
    if (is_worker()) {
        worker_may_die();
        return __real_send(fd, data, len, flags);
    }
    size_t most = allowed(SEND, len);
    return most || !len ? __real_send(fd, data, most, flags) : -1;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
    size_t first = m->msg_iov[0].iov_len, most = allowed(SEND, first);
    if (most == first)
        return __real_sendmsg(fd, m, flags);
    return most ? __real_send(fd, m->msg_iov[0].iov_base, most, flags) : -1;
}

ssize_t __wrap_sendfile(int fd, int from, off_t *off, size_t len);
ssize_t __wrap_sendfile(int fd, int from, off_t *off, size_t len)
{
    size_t most = allowed(SENDFILE, len);
    return most ? __real_sendfile(fd, from, off, most) : -1;
}

int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    return fault_errno(SOCKET_CALL) ? -1 : __real_setsockopt(fd, level, name, value, len);
}

int __real_getsockname(int fd, struct sockaddr *a, socklen_t *len);
int __wrap_getsockname(int fd, struct sockaddr *a, socklen_t *len);
int __wrap_getsockname(int fd, struct sockaddr *a, socklen_t *len)
{
    return fault_errno(SOCKET_CALL) ? -1 : __real_getsockname(fd, a, len);
}

int __real_shutdown(int fd, int how);
int __wrap_shutdown(int fd, int how);
int __wrap_shutdown(int fd, int how)
{
    return fault_errno(SOCKET_CALL) ? -1 : __real_shutdown(fd, how);
}

int __real_fcntl(int fd, int op, ...);
int __wrap_fcntl(int fd, int op, ...);
int __wrap_fcntl(int fd, int op, ...)
{
    va_list ap;
    va_start(ap, op);
    long arg = va_arg(ap, long);
    va_end(ap);
    return fault_errno(SOCKET_CALL) ? -1 : __real_fcntl(fd, op, arg);
}

/* --- files of the front end --- */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return fault_errno(OPEN) ? -1 : __real_open(path, flags, mode);
}

long __real_syscall(long n, ...);
long __wrap_syscall(long n, ...);
long __wrap_syscall(long n, ...) /* openat2 is the only one that we call by its number */
{
    va_list ap;
    va_start(ap, n);
    long a = va_arg(ap, long), b = va_arg(ap, long), c = va_arg(ap, long), d = va_arg(ap, long);
    va_end(ap);
    return fault_errno(OPEN) ? -1 : __real_syscall(n, a, b, c, d);
}

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st)
{
    return fault_errno(FSTAT) ? -1 : __real_fstat(fd, st);
}

int __real_fstatat(int dir, const char *path, struct stat *st, int flags);
int __wrap_fstatat(int dir, const char *path, struct stat *st, int flags);
int __wrap_fstatat(int dir, const char *path, struct stat *st, int flags)
{
    return fault_errno(FSTAT) ? -1 : __real_fstatat(dir, path, st, flags);
}

ssize_t __real_pread(int fd, void *data, size_t len, off_t off);
ssize_t __wrap_pread(int fd, void *data, size_t len, off_t off);
ssize_t __wrap_pread(int fd, void *data, size_t len, off_t off)
{
    size_t most = allowed(PREAD, len);
    return most || !len ? __real_pread(fd, data, most, off) : -1;
}

/* --- processes --- */

int __real_socketpair(int domain, int type, int protocol, int pair[2]);
int __wrap_socketpair(int domain, int type, int protocol, int pair[2]);
int __wrap_socketpair(int domain, int type, int protocol, int pair[2])
{
    return fault_errno(SOCKETPAIR) ? -1 : __real_socketpair(domain, type, protocol, pair);
}

pid_t __real_fork(void);
pid_t __wrap_fork(void);
pid_t __wrap_fork(void)
{
    return fault_errno(FORK) ? -1 : __real_fork();
}

int __wrap_crypto_pwhash_str(char out[crypto_pwhash_STRBYTES], const char *password,
                             unsigned long long len, unsigned long long ops, size_t memory);
int __real_crypto_pwhash_str(char out[crypto_pwhash_STRBYTES], const char *password,
                             unsigned long long len, unsigned long long ops, size_t memory);
int __wrap_crypto_pwhash_str(char out[crypto_pwhash_STRBYTES], const char *password,
                             unsigned long long len, unsigned long long ops, size_t memory)
{
    (void)ops;
    (void)memory;
    return __real_crypto_pwhash_str(out, password, len, crypto_pwhash_OPSLIMIT_MIN,
                                    crypto_pwhash_MEMLIMIT_MIN);
}

int __wrap_crypto_pwhash_str_alg(char out[crypto_pwhash_STRBYTES], const char *password,
                                 unsigned long long len, unsigned long long ops, size_t memory,
                                 int alg);
int __wrap_crypto_pwhash_str_alg(char out[crypto_pwhash_STRBYTES], const char *password,
                                 unsigned long long len, unsigned long long ops, size_t memory,
                                 int alg)
{
    (void)alg;
    if (fault_errno(PWHASH))
        return -1;
    return __wrap_crypto_pwhash_str(out, password, len, ops, memory);
}

int __real_crypto_pwhash_str_verify(const char *text, const char *password, unsigned long long len);
int __wrap_crypto_pwhash_str_verify(const char *text, const char *password, unsigned long long len);
int __wrap_crypto_pwhash_str_verify(const char *text, const char *password, unsigned long long len)
{
    return fault_errno(PWHASH) ? -1 : __real_crypto_pwhash_str_verify(text, password, len);
}

/* --- at the start --- */

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
    return fault_errno(START) ? -1 : __real_socket(domain, type, protocol);
}

int __real_bind(int fd, const struct sockaddr *a, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *a, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *a, socklen_t len)
{
    return fault_errno(START) ? -1 : __real_bind(fd, a, len);
}

int __real_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog)
{
    return fault_errno(START) ? -1 : __real_listen(fd, backlog);
}

int __real_signalfd(int fd, const sigset_t *set, int flags);
int __wrap_signalfd(int fd, const sigset_t *set, int flags);
int __wrap_signalfd(int fd, const sigset_t *set, int flags)
{
    return fault_errno(START) ? -1 : __real_signalfd(fd, set, flags);
}

int __real_sigprocmask(int how, const sigset_t *set, sigset_t *old);
int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *old);
int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    return fault_errno(START) ? -1 : __real_sigprocmask(how, set, old);
}

int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_create1(int flags)
{
    return fault_errno(START) ? -1 : __real_epoll_create1(flags);
}

/* --- SQLite's files --- */

static sqlite3_vfs vfs, *real_vfs;
static sqlite3_io_methods methods[2];            /* of databases, and of everything else */
static const sqlite3_io_methods *real_methods[2];

/* wal_sync.c puts a table of its own in front of ours, and never in a database's file. */
static const sqlite3_io_methods *real_of(sqlite3_file *f)
{
    return f->pMethods == &methods[0] ? real_methods[0] : real_methods[1];
}

static int db_read(sqlite3_file *f, void *data, int len, sqlite3_int64 off)
{
    uint32_t error = fault(DB_READ);
    return error ? (int)error : real_of(f)->xRead(f, data, len, off);
}

static int db_write(sqlite3_file *f, const void *data, int len, sqlite3_int64 off)
{
    uint32_t error = fault(DB_WRITE);
    return error ? (int)error : real_of(f)->xWrite(f, data, len, off);
}

static int db_sync(sqlite3_file *f, int flags)
{
    uint32_t error = fault(DB_SYNC);
    return error ? (int)error : real_of(f)->xSync(f, flags);
}

static int db_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    uint32_t error = fault(DB_FILE);
    return error ? (int)error : real_of(f)->xTruncate(f, size);
}

static int db_size(sqlite3_file *f, sqlite3_int64 *size)
{
    uint32_t error = fault(DB_FILE);
    return error ? (int)error : real_of(f)->xFileSize(f, size);
}

static int db_lock(sqlite3_file *f, int level)
{
    uint32_t error = fault(DB_LOCK);
    return error ? (int)error : real_of(f)->xLock(f, level);
}

static int db_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    uint32_t error = fault(DB_SHM);
    return error ? (int)error : real_of(f)->xShmMap(f, page, size, extend, out);
}

static int db_shm_lock(sqlite3_file *f, int off, int n, int flags)
{
    /* Giving a lock back does not fail. Lock 0 is the one of the writer. */
    uint32_t error = flags & SQLITE_SHM_UNLOCK ? 0 : fault(off == 0 ? DB_LOCK : DB_SHM);
    return error ? (int)error : real_of(f)->xShmLock(f, off, n, flags);
}

static int db_open(sqlite3_vfs *v, sqlite3_filename name, sqlite3_file *f, int flags, int *out)
{
    (void)v;
    uint32_t error = fault(DB_FILE);
    f->pMethods = NULL;
    int rc = error ? (int)error : real_vfs->xOpen(real_vfs, name, f, flags, out);
    if (rc != SQLITE_OK)
        return rc;
    int i = flags & SQLITE_OPEN_MAIN_DB ? 0 : 1;
    real_methods[i] = f->pMethods;
    methods[i] = *f->pMethods;
    methods[i].xRead = db_read;
    methods[i].xWrite = db_write;
    methods[i].xSync = db_sync;
    methods[i].xTruncate = db_truncate;
    methods[i].xFileSize = db_size;
    methods[i].xLock = db_lock;
    if (methods[i].xShmMap)
        methods[i].xShmMap = db_shm_map;
    if (methods[i].xShmLock)
        methods[i].xShmLock = db_shm_lock;
    f->pMethods = &methods[i];
    return rc;
}

static int db_delete(sqlite3_vfs *v, const char *name, int sync)
{
    (void)v;
    uint32_t error = fault(DB_FILE);
    return error ? (int)error : real_vfs->xDelete(real_vfs, name, sync);
}

static int db_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
    (void)v;
    uint32_t error = fault(DB_FILE);
    return error ? (int)error : real_vfs->xAccess(real_vfs, name, flags, out);
}

static void wrap_sqlite(void)
{
    sqlite3_mem_methods m;

    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory) != SQLITE_OK)
        abort();
    m = sqlite_memory;
    m.xMalloc = sqlite_malloc;
    m.xRealloc = sqlite_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &m) != SQLITE_OK)
        abort();
    real_vfs = sqlite3_vfs_find(NULL);
    if (!real_vfs)
        abort();
    vfs = *real_vfs;
    vfs.zName = "faults";
    vfs.pNext = NULL;
    vfs.xOpen = db_open;
    vfs.xDelete = db_delete;
    vfs.xAccess = db_access;
    if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
        abort();
}

__attribute__((constructor)) static void begin(void)
{
    static cJSON_Hooks hooks = { cjson_malloc, free };
    const char *path = getenv("PARLOR_FAULTS");
    int fd = path ? __real_open(path, O_RDWR | O_CLOEXEC) : -1;
    void *p = MAP_FAILED;

    cJSON_InitHooks(&hooks);
    wrap_sqlite();
    if (!path)
        return;
    if (fd >= 0 && ftruncate(fd, sizeof *control) == 0)
        p = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) {
        fprintf(stderr, "server_faults: cannot map %s\n", path);
        exit(3);
    }
    close(fd);
    server_pid = getpid();
    is_tracing = getenv("PARLOR_FAULTS_TRACE") != NULL;
    control = p;
}
