/* bench.h - the parts of the load generator.
 *
 * What is measured runs on one processor and the load on another. Every answer of a case has a known length, so the load
 * counts bytes instead of parsing, and its own cost stays small; one answer per case is parsed and compared first.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define REPETITIONS 5

/* --- report.c: what is asked for, and what is found --- */

struct bench {
    const char *server, *static_dir;
    const char *const *wanted;
    int n_wanted;
    int64_t run_ns; /* one measurement */
    bool is_full;
    char dir[64]; /* of this run */
    FILE *json;
    bool has_rows;
};

bool is_wanted(const struct bench *b, const char *name);
void row(struct bench *b, const char *name, const char *what, double value);
void left_out(const char *name, const char *why);
double median(double *v, int n); /* sorts */

/* --- process.c: what is measured --- */

enum target_kind {
    TARGET_SERVER, /* ours: a handshake, then a newcomer's lists */
    TARGET_FLOOR,  /* bytes and no protocol */
    TARGET_PEER,   /* somebody else's WebSocket server: a handshake and no lists */
    TARGET_HTTP,   /* somebody else's HTTP server */
};

struct target {
    pid_t pid;
    pid_t parent; /* the process to end where that is another one; else 0 */
    uint16_t port;
    enum target_kind kind;
    bool has_members; /* connection i of a load is user i of fill_members() */
};

int64_t now_ns(void);
void pin(unsigned cpu);
/* Starts the server on a fresh or given database and waits until it accepts. */
struct target start_server(const char *path, const char *static_dir, const char *db);
struct target fresh_server(struct bench *b, const char *name);
/* Any program that says, as ours does, where it listens. */
struct target start_listening(char *const argv[], enum target_kind kind);
void stop_target(struct target *t);
/* Processor time of a process, all its threads, in nanoseconds. */
int64_t cpu_ns(pid_t pid);
/* Resident memory, in bytes. */
int64_t resident(pid_t pid);
/* The only child of a process; 0 when there is none. */
pid_t child_of(pid_t pid);
/* Is there such a program in $PATH? */
bool has_program(const char *name);
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
    const char *out; /* its own frames where they are not everybody's */
    size_t got;      /* bytes of answers that have come */
    size_t to_send;  /* bytes of the prepared output that are still to go */
    size_t sent_off;
};

struct load {
    int epoll_fd;
    struct load_conn *v;
    int n;
    char *scratch; /* SCRATCH bytes */
};

#define SCRATCH (256u * 1024u)

int connect_to(uint16_t port, int spread);
/* Opens n connections; with the handshake where there is one, and reads what a newcomer gets. */
void load_open(struct load *l, const struct target *t, int n);
/* Waits for late lists of active users and the like, reads them, and goes on without blocking. */
void load_settle(struct load *l);
void load_close(struct load *l);
/* A masked text frame. Returns its length; `out` has room for len + 14. */
size_t client_frame(char *out, const char *payload, size_t len);
/* Sends a text as one frame. */
void send_text(int fd, const char *text);
/* Reads one whole unmasked frame from a blocking point of view; returns the payload's length, payload in *payload (malloc'd). */
size_t read_frame(int fd, char **payload);
void send_all(int fd, const char *data, size_t len);
void recv_exactly(int fd, char *data, size_t len);
void websocket_open(int fd);
/* As user `member` of fill_members(). */
void websocket_open_as(int fd, int member);
void read_greeting(int fd);
/* A new connection to any kind of target, past its handshake and its lists. */
int open_one(const struct target *t, int i);
/* Reads `len` bytes; the time of the first one in *first. */
void drain(int fd, size_t len, int64_t *first);
/* Reads messages, whatever they are cut into, up to the end of one of at least `least` bytes; returns the bytes of its frames. */
size_t drain_message(int fd, size_t least, int64_t *first);

/* --- traffic.c: many connections that ask and are answered --- */

struct traffic {
    char *out;         /* in_flight frames, one behind the other */
    size_t frame_len;  /* of one frame to the server */
    size_t answer_len; /* of one frame from it */
    int in_flight;
    int64_t run_ns;
};

struct figure {
    double cpu_us; /* of the server, per message (or delivery) */
    double per_s;
};

/* One measurement. */
typedef struct figure run_fn(const struct target *, struct load *, const struct traffic *);

struct traffic traffic_of(const char *request, int in_flight);
/* The same for bytes that are no frames. */
struct traffic traffic_raw(const char *bytes, size_t len, int in_flight);
/* Sends what is to be sent, as far as it goes. */
void push(struct load *l, struct load_conn *c, const struct traffic *t);
/* Every connection keeps `in_flight` messages on the way. */
run_fn run_echo;
struct figure figure_of(const struct target *t, int64_t begin, int64_t cpu, uint64_t done);
/* One answer, whole, must be what the protocol says; returns the length of its frame. */
size_t check_answer(const struct target *t, const struct traffic *traffic, const char *expected);

/* --- compare.c: several servers in turn --- */

#define MOST_CONTENDERS 5

struct contender {
    const char *name; /* of somebody else's server */
    struct target target;
    struct traffic traffic;
    struct load load;
    double cpu_us[REPETITIONS], per_s[REPETITIONS];
};

struct contest {
    struct bench *bench;
    const char *name;
    const char *unit, *units; /* "message", "messages" */
    run_fn *run;
    int n_conns;
    int n;
    struct contender v[MOST_CONTENDERS]; /* ours first */
};

void contest_add(struct contest *c, const char *name, struct target t, const struct traffic *traffic);
/* Adds the floor, runs all in turn, prints, and ends everybody but ours. */
void contest_run(struct contest *c, enum floor_kind kind);
/* Median of the ratios of neighbours. */
double ratio_of(const double *a, const double *b);

/* --- peers.c: other people's servers --- */

/* The WebSocket servers that are there, with the same messages. */
void contest_add_peers(struct contest *c, const char *request, int in_flight, const char *expected);
/* One by one: false when there is no such peer (any more, or here: then it says so). It sends the text in the file
 * `greeting` to whoever comes; NULL: nothing. */
bool start_peer(int i, const char *greeting, const char **name, struct target *t);
#define N_PEERS 2
/* nginx with one worker that serves `dir` under /public/; `more` is added to its http block. */
struct target start_nginx(const struct bench *b, const char *dir, const char *more);

/* --- fill.c: databases --- */

void fill_board(const char *path, int n);
/* Users u0000, u0001, ... with open sessions. */
void fill_members(const char *path, int n);
/* Member's session token, 64 hex digits and the end. */
void member_token(int member, char out[65]);
/* n messages between the first two of two members. */
void fill_conversation(const char *path, int n);

/* --- cases --- */

void echo_cases(struct bench *b);
void broadcast_cases(struct bench *b);
void handshake_case(struct bench *b);
void static_cases(struct bench *b);
void idle_cases(struct bench *b);
void join_cases(struct bench *b);
void dm_cases(struct bench *b);
void latency_cases(struct bench *b);
void size_case(struct bench *b);

/* A drawing, as text; and the measurement of sending it to everybody. */
extern const char bench_drawing[];
run_fn run_broadcast;

#endif
