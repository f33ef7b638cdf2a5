/* Other people's servers, started and ended like ours, on the same processor. */
#include "bench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

bool start_peer(int i, const char *greeting, const char **name, struct target *t)
{
    if (i == 0) {
        *name = "libwebsockets";
#ifdef BENCH_LWS
        char *const argv[] = { (char *)BENCH_LWS, (char *)greeting, NULL };
        if (access(BENCH_LWS, X_OK) == 0) {
            *t = start_listening(argv, TARGET_PEER);
            return true;
        }
#endif
        left_out(*name, "libwebsockets-dev was not there when this was built");
        return false;
    }
    *name = "ws";
    if (!has_program("node") || access(BENCH_PEERS "/../../node_modules/ws", F_OK) != 0) {
        left_out(*name, "node or its package ws is not there (scripts/npm-packages)");
        return false;
    }
    char *const argv[] = { (char *)"node", (char *)BENCH_PEERS "/ws.mjs", (char *)greeting, NULL };
    *t = start_listening(argv, TARGET_PEER);
    return true;
}

void contest_add_peers(struct contest *c, const char *request, int in_flight, const char *expected)
{
    for (int i = 0; i < N_PEERS; i++) {
        const char *name;
        struct target t;
        if (!start_peer(i, NULL, &name, &t))
            continue;
        struct traffic traffic = traffic_of(request, in_flight);
        traffic.answer_len = check_answer(&t, &traffic, expected);
        contest_add(c, name, t, &traffic);
    }
}

/* --- nginx --- */

static uint16_t free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        die("a free port");
    close(fd);
    return ntohs(a.sin_port);
}

static void write_config(const char *root, uint16_t port, const char *dir, const char *more)
{
    char path[256];
    snprintf(path, sizeof path, "%s/nginx.conf", root);
    FILE *f = fopen(path, "w");
    if (!f)
        die(path);
    fprintf(f,
            "daemon off; worker_processes 1; pid %s/pid; error_log stderr crit;\n%s"
            "events { worker_connections 4096; multi_accept on; }\n"
            "http {\n"
            "  client_body_temp_path %s; proxy_temp_path %s; fastcgi_temp_path %s;\n"
            "  uwsgi_temp_path %s; scgi_temp_path %s;\n"
            "  types { text/css css; text/javascript js; }\n"
            "  access_log off; sendfile on; tcp_nopush on;\n"
            "  keepalive_requests 1000000000; keepalive_timeout 600s; %s\n"
            "  server { listen 127.0.0.1:%u; location /public/ { alias %s/; } }\n"
            "}\n",
            root, geteuid() == 0 ? "user root;\n" : "", root, root, root, root, root, more, port,
            dir);
    if (fclose(f) != 0)
        die(path);
}

/* The worker is there, and somebody listens. */
static pid_t wait_for_worker(const struct target *t)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(t->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    for (int i = 0; i < 1000; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        bool is_up = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
        pid_t worker = child_of(t->parent);
        close(fd);
        if (is_up && worker)
            return worker;
        if (waitpid(t->parent, NULL, WNOHANG) == t->parent)
            break;
        usleep(10000);
    }
    die("nginx did not start");
    return 0;
}

struct target start_nginx(const struct bench *b, const char *dir, const char *more)
{
    struct target t = { .kind = TARGET_HTTP, .port = free_port() };
    char root[128], config[160];

    snprintf(root, sizeof root, "%s/nginx-%u", b->dir, t.port);
    snprintf(config, sizeof config, "%s/nginx.conf", root);
    if (mkdir(root, 0700) != 0)
        die(root);
    write_config(root, t.port, dir, more);
    t.parent = fork();
    if (t.parent < 0)
        die("fork");
    if (t.parent == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        pin(0);
        execlp("nginx", "nginx", "-p", root, "-c", config, "-e", "stderr", (char *)NULL);
        fprintf(stderr, "bench: nginx: %s\n", strerror(errno));
        _exit(127);
    }
    t.pid = wait_for_worker(&t);
    return t;
}
