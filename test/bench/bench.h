/* bench.h - the parts of the load generator.
 *
 * The server under test runs on one processor and the load on another. Every answer of a case has a known length, so the load
 * counts bytes instead of parsing, and its own cost stays small; one answer per case is parsed and compared first.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* --- process.c: what is measured --- */

struct target {
    pid_t pid;
    uint16_t port;
    bool is_floor;
};

int64_t now_ns(void);
void pin(unsigned cpu);
/* Starts the server on a fresh or given database and waits until it accepts. */
struct target start_server(const char *path, const char *static_dir, const char *db);
void stop_target(struct target *t);
/* Processor time that the process's own thread has used, in nanoseconds. */
int64_t cpu_ns(pid_t pid);
/* Resident memory, in bytes. */
int64_t resident(pid_t pid);
void die(const char *what);

/* --- floor.c: the bare loop --- */

enum floor_kind { FLOOR_ECHO, FLOOR_BROADCAST, FLOOR_HANDSHAKE, FLOOR_STREAM };

struct floor_job {
    enum floor_kind kind;
    size_t in_len, out_len; /* so many bytes in are one message, answered with so many bytes */
};

/* A process that receives and sends the same bytes as the server in a case, with no protocol at all. */
struct target start_floor(struct floor_job job);

/* --- load.c: connections --- */

struct load_conn {
    int fd;
    size_t got;      /* bytes of answers that have come */
    size_t to_send;  /* bytes of the prepared output that are still to go */
    size_t sent_off;
};

struct load {
    int epoll_fd;
    struct load_conn *v;
    int n;
    char *scratch;
};

int connect_to(uint16_t port, int spread);
/* Opens n connections; to a server, with the handshake, and reads what a newcomer gets. */
void load_open(struct load *l, const struct target *t, int n);
void load_close(struct load *l);
/* A masked text frame. Returns its length; `out` has room for len + 14. */
size_t client_frame(char *out, const char *payload, size_t len);
/* Reads one whole unmasked frame from a blocking point of view; returns the payload's length, payload in *payload (malloc'd). */
size_t read_frame(int fd, char **payload);
void send_all(int fd, const char *data, size_t len);
void websocket_open(int fd);
void read_greeting(int fd);

#endif
