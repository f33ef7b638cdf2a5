/* Files over kept connections: ours, nginx with one worker, and nginx that does not look at the
 * files again for a minute. */
#include "bench.h"
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGEST 100000

struct answer {
    int status;
    size_t head_len, body_len;
    char etag[128];
    char bytes[4096 + LARGEST];
};

/* The value of a header line, as a string of at most `cap` bytes; "" when it is not there. */
static void header(const struct answer *a, const char *name, char *out, size_t cap)
{
    const char *at = strstr(a->bytes, name), *end = at ? strstr(at, "\r\n") : NULL;
    *out = 0;
    if (end)
        snprintf(out, cap, "%.*s", (int)(end - at - (long)strlen(name)), at + strlen(name));
}

/* One request and its whole answer. */
static void fetch(const struct target *t, const char *request, struct answer *a)
{
    int fd = connect_to(t->port, 0);
    char length[32];

    memset(a, 0, sizeof *a);
    send_all(fd, request, strlen(request));
    while (a->head_len < 4 || memcmp(a->bytes + a->head_len - 4, "\r\n\r\n", 4) != 0) {
        if (a->head_len == 4095)
            die("a long head");
        recv_exactly(fd, a->bytes + a->head_len++, 1);
    }
    a->status = atoi(a->bytes + 9);
    header(a, "\nETag: ", a->etag, sizeof a->etag);
    header(a, "\nContent-Length: ", length, sizeof length);
    a->body_len = a->status == 304 ? 0 : (size_t)atol(length);
    if (a->body_len > LARGEST)
        die("a long body");
    recv_exactly(fd, a->bytes + a->head_len, a->body_len);
    close(fd);
}

struct file {
    const char *name; /* of the file */
    size_t size;
    bool is_known; /* the client has it already */
};

static void make_file(const char *dir, const char *name, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    for (size_t i = 0; f && i < size; i++)
        fputc(i % 64 == 63 ? '\n' : (int)('a' + i % 23), f);
    if (!f || fclose(f) != 0)
        die(path);
}

/* What a browser would send, near enough, for one contender; its answer is looked at once. */
static struct traffic traffic_for(const struct target *t, const struct file *file)
{
    static struct answer a;
    static const char line[] = "GET /public/%s HTTP/1.1\r\nHost: localhost\r\n"
                               "Accept: text/css,*/*;q=0.1\r\nUser-Agent: bench\r\n%s%s%s\r\n";
    char request[512];

    snprintf(request, sizeof request, line, file->name, "", "", "");
    fetch(t, request, &a);
    if (a.status != 200 || a.body_len != file->size)
        die("a wrong answer for a file");
    for (size_t i = 0; i < file->size; i++)
        if (a.bytes[a.head_len + i] != (char)(i % 64 == 63 ? '\n' : 'a' + i % 23))
            die("wrong bytes in a file");
    if (file->is_known) {
        snprintf(request, sizeof request, line, file->name, "If-None-Match: ", a.etag, "\r\n");
        fetch(t, request, &a);
        if (a.status != 304)
            die("a wrong answer for a file that is known");
    }
    struct traffic traffic = traffic_raw(request, strlen(request), 1);
    traffic.answer_len = a.head_len + a.body_len;
    return traffic;
}

static void add(struct contest *c, const char *name, struct target t, const struct file *file)
{
    struct traffic traffic = traffic_for(&t, file);
    contest_add(c, name, t, &traffic);
}

static void static_case(struct bench *b, const char *name, const struct file *file)
{
    struct contest c = {
        .bench = b,
        .name = name,
        .unit = "request",
        .units = "requests",
        .run = run_echo,
        .n_conns = 64,
    };
    char dir[128], db[128];

    snprintf(dir, sizeof dir, "%s/static", b->dir);
    snprintf(db, sizeof db, "%s/static.db", b->dir);
    mkdir(dir, 0755);
    make_file(dir, file->name, file->size);
    struct target server = start_server(b->server, dir, db);
    server.kind = TARGET_HTTP;
    add(&c, NULL, server, file);
    if (has_program("nginx")) {
        add(&c, "nginx", start_nginx(b, dir, ""), file);
        add(&c, "nginx, open_file_cache",
            start_nginx(b, dir, "open_file_cache max=1000; open_file_cache_valid 60s;"), file);
    } else {
        left_out(name, "nginx, which is not installed");
    }
    contest_run(&c, FLOOR_ECHO);
    stop_target(&server);
}

void static_cases(struct bench *b)
{
    static const struct {
        const char *name;
        struct file file;
    } cases[] = {
        { "static file 10 kB", { "small.css", 10000, false } },
        { "static file 100 kB", { "large.js", LARGEST, false } },
        { "static file 10 kB, not modified", { "small.css", 10000, true } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (is_wanted(b, cases[i].name))
            static_case(b, cases[i].name, &cases[i].file);
}
