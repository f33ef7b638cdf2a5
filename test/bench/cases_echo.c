#include "bench.h"
#include <stdlib.h>
#include <string.h>

static char *echo_text(const char *type, size_t size)
{
    char *text = malloc(size + 128);
    if (!text)
        die("malloc");
    int n = sprintf(text, "{\"messageType\":\"%s\",\"text\":\"", type);
    memset(text + n, 'e', size);
    strcpy(text + n + size, "\"}");
    return text;
}

static void echo_case(struct bench *b, const char *name, size_t size, int in_flight)
{
    char *request = echo_text("echo_client", size), *expected = echo_text("echo_server", size);
    struct contest c = {
        .bench = b,
        .name = name,
        .unit = "message",
        .units = "messages",
        .run = run_echo,
        .n_conns = 64,
    };
    struct target server = fresh_server(b, "echo");
    struct traffic t = traffic_of(request, in_flight);

    t.answer_len = check_answer(&server, &t, expected);
    contest_add(&c, NULL, server, &t);
    contest_add_peers(&c, request, in_flight, expected);
    contest_run(&c, FLOOR_ECHO);
    stop_target(&server);
    free(request);
    free(expected);
}

void echo_cases(struct bench *b)
{
    static const struct {
        const char *name;
        size_t size;
        int in_flight;
    } cases[] = {
        { "echo 16 B, 1 in flight", 16, 1 },       { "echo 16 B, 16 in flight", 16, 16 },
        { "echo 200 B, 1 in flight", 200, 1 },     { "echo 200 B, 16 in flight", 200, 16 },
        { "echo 60 kB, 1 in flight", 60000, 1 },   { "echo 60 kB, 16 in flight", 60000, 16 },
        { "echo 1 MiB, 1 in flight", 1 << 20, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (is_wanted(b, cases[i].name))
            echo_case(b, cases[i].name, cases[i].size, cases[i].in_flight);
}
