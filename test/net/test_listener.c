/* test_listener.c - real sockets on loopback: ports, both loopbacks, a budget, and what happens without descriptors. */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "fixture.h"
#include "../base/run_tests.h"

static struct listener *l;

static int connect_to(const char *host, uint16_t port)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    bool is_v6 = strchr(host, ':') != NULL;

    if (is_v6)
        inet_pton(AF_INET6, host, &v6.sin6_addr);
    else
        inet_pton(AF_INET, host, &v4.sin_addr);
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    if (connect(fd, is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4, is_v6 ? sizeof v6 : sizeof v4) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool has_v6(void)
{
    struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static char seen_address[64];

static enum http_verdict note_address(void *self, struct http_request *rq)
{
    (void)self;
    snprintf(seen_address, sizeof seen_address, "%.*s", (int)rq->address.len, rq->address.data);
    http_conn_reply_text(&fx.net, rq->conn, 200, "ok", false);
    return HTTP_ANSWERED;
}

START_TEST(hosts_are_addresses_or_localhost)
{
    static const char *const good[] = { "127.0.0.1", "0.0.0.0", "::1", "::", "localhost", "192.0.2.7", "fe80::1" };
    static const char *const wrong[] = { "", "LOCALHOST", "example.org", "127.0.0.1:80", "[::1]", "256.0.0.1", "127.1", "::1%lo", " 127.0.0.1" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(listener_host_is_valid(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(!listener_host_is_valid(wrong[i]), "%s", wrong[i]);
    fixture_start();
    uint16_t port = 0;
    ck_assert_int_eq(listener_open(&fx.net, "example.org", &port, &l), ERR_BAD_INPUT);
    fixture_stop();
}
END_TEST

START_TEST(a_free_port_is_taken_and_told)
{
    uint16_t port = 0;
    fixture_start();
    fx.net.events.on_request = note_address;
    ck_assert_int_eq(listener_open(&fx.net, "127.0.0.1", &port, &l), OK);
    ck_assert_uint_ne(port, 0);
    struct client c = { .fd = connect_to("127.0.0.1", port) };
    ck_assert_int_ge(c.fd, 0);
    fcntl(c.fd, F_SETFL, O_NONBLOCK);
    client_send(&c, GET("/"));
    while (net_count(&fx.net) == 0 || seen_address[0] == 0)
        turn();
    ck_assert_str_eq(seen_address, "127.0.0.1");
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    client_close(&c);
    listener_close(l);
    listener_close(NULL);
    ck_assert_int_eq(connect_to("127.0.0.1", port), -1);
    fixture_stop();
}
END_TEST

START_TEST(a_port_in_use_is_an_error_and_leaves_nothing)
{
    uint16_t port = 0, same;
    struct listener *second = NULL;
    fixture_start();
    ck_assert_int_eq(listener_open(&fx.net, "127.0.0.1", &port, &l), OK);
    static const char *const hosts[] = { "127.0.0.1", "localhost" };
    for (int i = 0; i < 2; i++) {
        same = port;
        errno = 0;
        ck_assert_int_eq(listener_open(&fx.net, hosts[i], &same, &second), ERR_SYSTEM);
        ck_assert_int_eq(errno, EADDRINUSE);
        ck_assert_ptr_null(second);
    }
    listener_close(l);
    ck_assert_int_eq(listener_open(&fx.net, "127.0.0.1", &port, &l), OK); /* at once again */
    listener_close(l);
    fixture_stop();
}
END_TEST

START_TEST(localhost_is_both_loopbacks_on_one_port)
{
    uint16_t port = 0;
    fixture_start();
    fx.net.events.on_request = note_address;
    ck_assert_int_eq(listener_open(&fx.net, "localhost", &port, &l), OK);
    static const char *const hosts[] = { "127.0.0.1", "::1" };
    for (int i = 0; i < (has_v6() ? 2 : 1); i++) {
        struct client c = { .fd = connect_to(hosts[i], port) };
        ck_assert_msg(c.fd >= 0, "%s", hosts[i]);
        fcntl(c.fd, F_SETFL, O_NONBLOCK);
        client_send(&c, GET("/"));
        seen_address[0] = 0;
        while (seen_address[0] == 0)
            turn();
        ck_assert_str_eq(seen_address, hosts[i]);
        client_close(&c);
    }
    listener_close(l);
    fixture_stop();
}
END_TEST

START_TEST(an_ipv4_client_of_the_ipv6_wildcard_has_an_ipv4_address)
{
    uint16_t port = 0;
    fixture_start();
    fx.net.events.on_request = note_address;
    if (has_v6() && listener_open(&fx.net, "::", &port, &l) == OK) {
        struct client c = { .fd = connect_to("127.0.0.1", port) };
        if (c.fd >= 0) { /* unless the machine keeps the two apart */
            fcntl(c.fd, F_SETFL, O_NONBLOCK);
            client_send(&c, GET("/"));
            seen_address[0] = 0;
            while (seen_address[0] == 0)
                turn();
            ck_assert_str_eq(seen_address, "127.0.0.1");
        }
        client_close(&c);
        listener_close(l);
    }
    fixture_stop();
}
END_TEST

START_TEST(a_tick_accepts_a_bounded_number)
{
    enum { MANY = 150 };
    int fds[MANY];
    uint16_t port = 0;
    fixture_start();
    ck_assert_int_eq(listener_open(&fx.net, "127.0.0.1", &port, &l), OK);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_ge(fds[i] = connect_to("127.0.0.1", port), 0);
    turn();
    ck_assert_uint_eq(net_count(&fx.net), 64);
    while (net_count(&fx.net) < MANY)
        turn();
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    listener_close(l);
    fixture_stop();
}
END_TEST

static void wake(void *self)
{
    (void)self;
    listener_wake(l);
}

START_TEST(without_descriptors_it_rests_and_goes_on_when_there_is_one)
{
    int fds[8], hogs[64], n_hogs = 0;
    uint16_t port = 0;
    struct rlimit limit = { 64, 64 };
    log_set_level(LOG_ERROR);
    fixture_start();
    fx.net.on_conn_freed = wake;
    ck_assert_int_eq(listener_open(&fx.net, "127.0.0.1", &port, &l), OK);
    for (int i = 0; i < 8; i++)
        ck_assert_int_ge(fds[i] = connect_to("127.0.0.1", port), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while ((hogs[n_hogs] = dup(0)) >= 0)
        n_hogs++;
    close(hogs[--n_hogs]);
    close(hogs[--n_hogs]); /* room for two */
    settle();
    ck_assert_uint_eq(net_count(&fx.net), 2);
    ck_assert_int_eq(listener_wait_ms(l, fx.net.now_ms), 1000);
    ck_assert_int_eq(turn(), 0); /* it does not spin */
    /* One leaves, and with both ends of it two descriptors are free: two more are taken at once. */
    close(fds[0]);
    settle();
    ck_assert_uint_eq(net_count(&fx.net), 3);
    /* Descriptors that come back by themselves are noticed when a second is over. */
    close(hogs[--n_hogs]);
    settle();
    ck_assert_uint_eq(net_count(&fx.net), 3);
    fx.net.now_ms += 1000;
    ck_assert_int_eq(listener_wait_ms(l, fx.net.now_ms), 0);
    listener_wake(l);
    settle();
    ck_assert_uint_eq(net_count(&fx.net), 4);
    while (n_hogs > 0)
        close(hogs[--n_hogs]);
    listener_wake(l);
    settle();
    ck_assert_uint_eq(net_count(&fx.net), 7);
    ck_assert_int_eq(listener_wait_ms(l, fx.net.now_ms), -1);
    ck_assert_int_eq(listener_wait_ms(NULL, fx.net.now_ms), -1);
    listener_wake(NULL);
    for (int i = 1; i < 8; i++)
        close(fds[i]);
    listener_close(l);
    l = NULL;
    fixture_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        hosts_are_addresses_or_localhost,
        a_free_port_is_taken_and_told,
        a_port_in_use_is_an_error_and_leaves_nothing,
        localhost_is_both_loopbacks_on_one_port,
        an_ipv4_client_of_the_ipv6_wildcard_has_an_ipv4_address,
        a_tick_accepts_a_bounded_number,
        without_descriptors_it_rests_and_goes_on_when_there_is_one,
    };
    return RUN_TESTS("listener", tests);
}
