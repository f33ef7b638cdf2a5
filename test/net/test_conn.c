/* test_conn.c - HTTP and WebSocket on connections: order, budgets, limits, and every time that a client may take. */
#include "fixture.h"

#include <sys/ioctl.h>
#include "../base/run_tests.h"

#define BIG 3000000 /* more than a socketpair takes at once, and more than the soft limit */

/* --- requests --- */

START_TEST(pipelined_requests_are_answered_in_order)
{
    char body[64];
    fixture_start();
    struct client c = client_open();
    client_send(&c, GET("/hello") POST("/echo", "3") "abc" GET("/write") GET("/hello"));
    ck_assert_int_eq(client_response(&c, body, sizeof body), 200);
    ck_assert_str_eq(body, "hello");
    ck_assert_int_eq(client_response(&c, body, sizeof body), 200);
    ck_assert_str_eq(body, "abc");
    ck_assert_int_eq(client_response(&c, body, sizeof body), 200);
    ck_assert_str_eq(body, "stored");
    ck_assert_int_eq(client_response(&c, body, sizeof body), 200);
    ck_assert_str_eq(body, "hello");
    ck_assert_uint_eq(c.len, 0);
    ck_assert(!c.has_eof);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(requests_that_come_byte_by_byte_are_answered_the_same)
{
    static const char wire[] = GET("/hello") POST("/echo", "3") "abc" POST_CHUNKED("/echo")
        "2\r\nxy\r\n1;e=1\r\nz\r\n0\r\nTrailer: t\r\n\r\n" GET("/hello");
    struct client whole, bytes;
    fixture_start();
    whole = client_open();
    client_send(&whole, wire);
    client_read(&whole);
    bytes = client_open();
    for (size_t i = 0; i < sizeof wire - 1; i++) {
        client_send_bytes(&bytes, wire + i, 1);
        settle();
    }
    client_read(&bytes);
    ck_assert_uint_gt(whole.len, 0);
    ck_assert_uint_eq(whole.len, bytes.len);
    ck_assert_mem_eq(whole.data, bytes.data, whole.len);
    ck_assert_int_eq(fx.n_requests, 8);
    client_close(&whole);
    client_close(&bytes);
    fixture_stop();
}
END_TEST

START_TEST(more_pipelined_requests_than_a_tick_takes_are_all_answered)
{
    fixture_start();
    struct client c = client_open();
    for (int i = 0; i < 500; i++)
        client_send(&c, GET("/hello"));
    turn();
    ck_assert_int_eq(fx.n_requests, 32);
    ck_assert_int_eq(net_wait_ms(&fx.net), 0); /* it does not forget to come back */
    for (int i = 0; i < 500; i++)
        ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    ck_assert_int_eq(fx.n_requests, 500);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(pipelined_requests_with_large_answers_are_handled_in_several_ticks)
{
    fixture_start();
    struct client c = client_open();
    for (int i = 0; i < 10; i++)
        client_send(&c, GET("/blob/400000"));
    turn();
    ck_assert_int_eq(fx.n_requests, 3); /* 1 MiB, and what the last one is beyond it */
    ck_assert_int_eq(net_wait_ms(&fx.net), 0);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_body_of_64_KiB_is_taken_and_one_byte_more_is_413)
{
    static char body[65536];
    memset(body, 'x', sizeof body);
    fixture_start();
    struct client c = client_open();
    client_send(&c, POST("/echo", "65536"));
    client_send_bytes(&c, body, sizeof body);
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    client_send(&c, POST("/echo", "65537"));
    ck_assert_int_eq(client_response(&c, NULL, 0), 413);
    client_read(&c);
    ck_assert(c.has_eof);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_chunked_body_of_64_KiB_is_taken_and_one_byte_more_is_413)
{
    static char body[65536];
    memset(body, 'x', sizeof body);
    fixture_start();
    struct client c = client_open();
    client_send(&c, POST_CHUNKED("/echo") "ffff\r\n");
    client_send_bytes(&c, body, 65535);
    client_send(&c, "\r\n1\r\ny\r\n0\r\n\r\n");
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    client_send(&c, POST_CHUNKED("/echo") "8000\r\n");
    client_send_bytes(&c, body, 32768);
    client_send(&c, "\r\n8001\r\n"); /* before any of it comes */
    ck_assert_int_eq(client_response(&c, NULL, 0), 413);
    client_read(&c);
    ck_assert(c.has_eof);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_bad_chunk_is_400_and_the_end)
{
    fixture_start();
    struct client c = client_open();
    client_send(&c, POST_CHUNKED("/echo") "zz\r\n" GET("/hello"));
    ck_assert_int_eq(client_response(&c, NULL, 0), 400);
    client_read(&c);
    ck_assert_uint_eq(c.len, 0);
    ck_assert(c.has_eof);
    ck_assert_int_eq(fx.n_requests, 0);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(after_a_malformed_request_nothing_is_read)
{
    fixture_start();
    struct client c = client_open();
    client_send(&c, GET("/hello") "GET / HTTP/1.1\r\nHost : x\r\n\r\n" GET("/hello"));
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    ck_assert_int_eq(client_response(&c, NULL, 0), 400);
    client_read(&c);
    ck_assert(c.has_eof);
    ck_assert_uint_eq(c.len, 0);
    ck_assert_int_eq(fx.n_requests, 1);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(HEAD_has_the_length_and_no_body)
{
    fixture_start();
    struct client c = client_open();
    client_send(&c, "HEAD /blob/1000 HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read(&c);
    ck_assert_ptr_nonnull(strstr(c.data, "Content-Length: 1000\r\n"));
    ck_assert_mem_eq(c.data + c.len - 4, "\r\n\r\n", 4);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(an_expected_100_comes_before_the_body_is_sent)
{
    fixture_start();
    struct client c = client_open();
    client_send(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    client_read(&c);
    ck_assert_str_eq(c.data, "HTTP/1.1 100 Continue\r\n\r\n");
    client_forget(&c, c.len);
    client_send(&c, "ok");
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(http_1_0_is_answered_and_closed)
{
    fixture_start();
    struct client c = client_open();
    client_send(&c, "GET /hello HTTP/1.0\r\n\r\n");
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    client_read(&c);
    ck_assert(c.has_eof);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_long_answer_to_http_1_0_is_neither_cut_nor_coded)
{
    fixture_start();
    struct client c = client_open();
    client_send(&c, "GET /source/40 HTTP/1.0\r\n\r\n");
    client_read(&c);
    char *end = memmem(c.data, c.len, "\r\n\r\n", 4);
    ck_assert_ptr_nonnull(end);
    ck_assert_uint_eq(c.len - (size_t)(end + 4 - c.data), 40u * PIECE);
    ck_assert(c.has_eof);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_long_answer_is_chunked_and_the_next_one_follows)
{
    fixture_start();
    struct client c = client_open();
    client_send(&c, GET("/source/40") GET("/hello"));
    client_read(&c);
    ck_assert_ptr_nonnull(strstr(c.data, "Transfer-Encoding: chunked\r\n"));
    char *last = memmem(c.data, c.len, "\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n", 24);
    ck_assert_ptr_nonnull(last);
    ck_assert_uint_eq((size_t)(last - strstr(c.data, "\r\n\r\n") - 4), 40 * (PIECE + 9) - 2);
    ck_assert_int_eq(fx.n_sources, 0);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_half_closed_client_gets_its_answers)
{
    fixture_start();
    struct client c = client_open();
    client_send(&c, GET("/hello") GET("/blob/3000000") "GET /inc");
    shutdown(c.fd, SHUT_WR);
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    client_read(&c);
    ck_assert_uint_eq(c.len, 0);
    ck_assert(c.has_eof);
    ck_assert(!client_is_open(&c));
    client_close(&c);
    fixture_stop();
}
END_TEST

/* --- answers that come later --- */

START_TEST(what_is_pipelined_behind_a_later_answer_waits_for_it)
{
    char body[64];
    fixture_start();
    struct client c = client_open();
    client_send(&c, GET("/later") GET("/hello"));
    client_read(&c);
    ck_assert_uint_eq(c.len, 0);
    ck_assert_int_eq(fx.n_requests, 1);
    client_send(&c, GET("/hello")); /* not read now */
    client_read(&c);
    ck_assert_int_eq(fx.n_requests, 1);
    answer_later();
    ck_assert_int_eq(client_response(&c, body, sizeof body), 200);
    ck_assert_str_eq(body, "later");
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_later_answer_for_someone_who_left_finds_nobody)
{
    fixture_start();
    struct client c = client_open(), d;
    client_send(&c, GET("/later"));
    settle();
    client_close(&c);
    settle();
    sleep_ms(70000);
    d = client_open(); /* in the same slot, perhaps */
    answer_later();
    client_read(&d);
    ck_assert_uint_eq(d.len, 0);
    client_close(&d);
    fixture_stop();
}
END_TEST

static enum http_verdict later_at_once(void *self, struct http_request *rq)
{
    (void)self;
    fx.n_requests++;
    http_conn_reply_text(&fx.net, rq->conn, 503, "the password process has died", false);
    return HTTP_LATER;
}

/* The kernel may have no memory for what it is asked to watch: here it no longer knows the socket. */
START_TEST(one_that_cannot_be_watched_when_its_answer_is_there_is_closed)
{
    fixture_start();
    struct client c = client_open();
    client_send(&c, GET("/later") GET("/hello"));
    settle();
    struct conn *conn = slots_find(&fx.net.conns, c.id);
    reactor_remove(fx.net.reactor, &conn->source);
    answer_later();
    ck_assert(list_empty(&fx.net.ready));
    client_read(&c);
    ck_assert(c.has_eof);
    ck_assert(!client_is_open(&c));
    client_close(&c);
    fixture_stop();
}
END_TEST

/* A password process that is dead when a job is sent answers before the handler has returned. */
START_TEST(an_answer_that_comes_before_HTTP_LATER_does_not_hold_the_connection)
{
    fixture_start();
    fx.net.events.on_request = later_at_once;
    struct client c = client_open();
    client_send(&c, GET("/x"));
    ck_assert_int_eq(client_response(&c, NULL, 0), 503);
    client_send(&c, GET("/x"));
    ck_assert_int_eq(client_response(&c, NULL, 0), 503);
    ck_assert_int_eq(fx.n_requests, 2);
    client_close(&c);
    fixture_stop();
}
END_TEST

/* --- times, HTTP --- */

/* Open until just before `ms` from now, gone (without an answer) at it. */
static void expect_silent_end_after(struct client *c, int64_t ms)
{
    int64_t begun = fx.net.now_ms;
    sleep_until(begun + ms - 1);
    ck_assert(client_is_open(c));
    sleep_until(begun + ms);
    client_read(c);
    ck_assert_uint_eq(c->len, 0);
    ck_assert(c->has_eof);
    ck_assert(!client_is_open(c));
}

/* No answer until just before `ms` from now, 408 and the end at it. */
static void expect_408_after(struct client *c, int64_t ms)
{
    int64_t begun = fx.net.now_ms;
    sleep_until(begun + ms - 1);
    client_read(c);
    ck_assert_uint_eq(c->len, 0);
    sleep_until(begun + ms);
    ck_assert_int_eq(client_response(c, NULL, 0), 408);
    client_read(c);
    ck_assert(c->has_eof);
}

START_TEST(a_new_connection_that_is_silent_for_10_s_is_closed_without_an_answer)
{
    fixture_start();
    struct client c = client_open();
    expect_silent_end_after(&c, 10000);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_kept_connection_that_is_idle_for_60_s_is_closed_without_an_answer)
{
    fixture_start();
    struct client c = client_open();
    for (int i = 0; i < 3; i++) { /* each answer begins the time anew */
        sleep_ms(i ? 59000 : 9000);
        client_send(&c, GET("/hello"));
        ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    }
    expect_silent_end_after(&c, 60000);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_head_may_take_10_s_from_its_first_byte)
{
    fixture_start();
    struct client c = client_open();
    sleep_ms(9000);
    client_send(&c, "G");
    settle();
    expect_408_after(&c, 10000);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(bytes_that_trickle_do_not_lengthen_the_time_for_a_head)
{
    fixture_start();
    struct client c = client_open();
    client_send(&c, "GET /hello HTTP/1.1\r\nX: ");
    settle();
    for (int i = 0; i < 9; i++) {
        sleep_ms(1000);
        client_send(&c, "x");
        settle();
    }
    expect_408_after(&c, 1000);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_second_head_has_10_s_of_its_own)
{
    fixture_start();
    struct client c = client_open();
    client_send(&c, GET("/hello"));
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    sleep_ms(55000);
    client_send(&c, "GET /hel");
    settle();
    expect_408_after(&c, 10000);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_body_may_take_30_s_from_its_head)
{
    fixture_start();
    struct client c = client_open();
    sleep_ms(2000);
    client_send(&c, POST("/echo", "10") "abc");
    settle();
    sleep_ms(15000);
    client_send(&c, "def");
    settle();
    expect_408_after(&c, 15000);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_chunked_body_may_take_30_s_from_its_head)
{
    fixture_start();
    struct client c = client_open();
    client_send(&c, POST_CHUNKED("/echo") "5\r\nab");
    settle();
    expect_408_after(&c, 30000);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_request_whose_answer_takes_long_is_not_closed)
{
    fixture_start();
    struct client c = client_open();
    client_send(&c, GET("/later"));
    settle();
    sleep_ms(600000);
    ck_assert(client_is_open(&c));
    answer_later();
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    expect_silent_end_after(&c, 60000);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(an_answer_of_which_nothing_is_taken_for_60_s_ends_the_connection)
{
    fixture_start();
    struct client c = client_open_with(4096);
    client_send(&c, GET("/blob/3000000"));
    settle();
    for (int i = 0; i < 5; i++) { /* slowly, but it reads */
        sleep_ms(50000);
        ck_assert(client_is_open(&c));
        client_read_some(&c, 50000);
        settle();
    }
    int64_t begun = fx.net.now_ms;
    sleep_until(begun + 59999);
    ck_assert(client_is_open(&c));
    sleep_until(begun + 60000);
    ck_assert(!client_is_open(&c));
    client_close(&c);
    fixture_stop();
}
END_TEST

/* The timer was set for a stalled answer, 60 s away; when that has gone out, the head's 10 s count again. */
START_TEST(a_head_begun_behind_a_stalled_answer_still_has_10_s)
{
    fixture_start();
    struct client c = client_open_with(4096);
    client_send(&c, GET("/blob/900000")); /* below the soft limit: input is read on */
    settle();
    sleep_ms(60001); /* every earlier timer has fired */
    ck_assert(!client_is_open(&c));
    client_close(&c);

    c = client_open_with(4096);
    client_send(&c, GET("/blob/900000"));
    settle();
    sleep_ms(59000);
    client_read_some(&c, 50000);
    settle();
    sleep_ms(5000); /* the timer is set for the stall now */
    client_send(&c, "GET /hel");
    settle();
    ck_assert_int_eq(client_response(&c, NULL, 0), 200); /* all of it is read */
    expect_408_after(&c, 10000);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_client_that_does_not_close_after_the_last_answer_is_dropped_within_5_s)
{
    fixture_start();
    struct client c = client_open();
    client_send(&c, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    client_read(&c);
    ck_assert(c.has_eof);
    ck_assert(client_is_open(&c)); /* lingers: late bytes must not be answered with a reset */
    client_send(&c, "late");
    settle();
    sleep_ms(4999);
    ck_assert(client_is_open(&c));
    sleep_ms(1);
    ck_assert(!client_is_open(&c));
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(the_last_answer_of_a_connection_is_not_cut_while_the_client_reads)
{
    fixture_start();
    struct client c = client_open_with(4096);
    client_send(&c, "GET /blob/3000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    settle();
    for (int i = 0; i < 10; i++) {
        sleep_ms(i < 5 ? 4000 : 40000);
        ck_assert(client_is_open(&c));
        client_read_some(&c, 50000);
        settle();
    }
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    client_read(&c);
    ck_assert(c.has_eof);
    expect_silent_end_after(&c, 5000); /* and from there on, the client's 5 s */
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_last_answer_of_which_nothing_is_taken_does_not_stay_for_ever)
{
    fixture_start();
    struct client c = client_open_with(4096);
    client_send(&c, "GET /blob/3000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    settle();
    sleep_ms(60000);
    ck_assert(!client_is_open(&c));
    client_close(&c);
    fixture_stop();
}
END_TEST

/* --- files --- */

static void file_of(size_t len)
{
    char name[] = "/tmp/test_conn.XXXXXX";
    fx.file_fd = mkstemp(name);
    ck_assert_int_ge(fx.file_fd, 0);
    unlink(name);
    ck_assert_int_eq(ftruncate(fx.file_fd, (off_t)len), 0);
    fx.file_off = 0;
    fx.file_len = len;
}

static int open_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

START_TEST(many_files_in_a_row_are_sent_with_one_descriptor_at_a_time)
{
    fixture_start();
    file_of(BIG);
    struct client c = client_open_with(4096);
    int before = open_descriptors();
    for (int i = 0; i < 100; i++)
        client_send(&c, GET("/file"));
    settle();
    ck_assert_int_eq(open_descriptors(), before + 1);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    ck_assert_int_eq(fx.n_requests, 100);
    ck_assert_int_eq(open_descriptors(), before);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(an_empty_part_of_a_file_is_an_empty_body)
{
    fixture_start();
    file_of(0);
    struct client c = client_open();
    client_send(&c, GET("/file") GET("/hello"));
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_file_that_has_become_shorter_ends_the_connection)
{
    fixture_start();
    file_of(BIG);
    fx.file_len = BIG + 1;
    struct client c = client_open();
    client_send(&c, GET("/file") GET("/hello"));
    client_read(&c);
    ck_assert(c.has_eof);
    ck_assert_int_eq(fx.n_requests, 1);
    client_close(&c);
    fixture_stop();
}
END_TEST

/* --- WebSocket --- */

START_TEST(frames_behind_the_handshake_are_handled)
{
    char wire[1024];
    size_t n = sizeof HANDSHAKE - 1;
    fixture_start();
    struct client c = client_open();
    memcpy(wire, HANDSHAKE, n);
    n += (size_t)snprintf(wire + n, 3, "\r\n");
    n += ws_client_frame(wire + n, true, WS_TEXT, BYTES("echo 1"));
    n += ws_client_frame(wire + n, true, WS_PING, BYTES("now"));
    n += ws_client_frame(wire + n, false, WS_TEXT, BYTES("echo "));
    n += ws_client_frame(wire + n, true, WS_CONTINUATION, BYTES("2"));
    client_send_bytes(&c, wire, n);
    ck_assert_int_eq(client_response(&c, NULL, 0), 101);
    ck_assert_str_eq(ws_next_frame(&c), "T:echo 1");
    ck_assert_str_eq(ws_next_frame(&c), "p:now");
    ck_assert_str_eq(ws_next_frame(&c), "T:echo 2");
    ck_assert_str_eq(ws_next_frame(&c), "");
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_handshake_and_frames_may_be_cut_anywhere)
{
    char wire[1024];
    fixture_start();
    size_t n = sizeof HANDSHAKE - 1;
    memcpy(wire, HANDSHAKE, n);
    n += (size_t)snprintf(wire + n, 3, "\r\n");
    n += ws_client_frame(wire + n, true, WS_TEXT, BYTES("echo one"));
    n += ws_client_frame(wire + n, true, WS_TEXT, BYTES("echo two"));
    for (size_t cut = 1; cut < n; cut++) {
        struct client c = client_open();
        client_send_bytes(&c, wire, cut);
        settle();
        client_send_bytes(&c, wire + cut, n - cut);
        ck_assert_int_eq(client_response(&c, NULL, 0), 101);
        ck_assert_str_eq(ws_next_frame(&c), "T:echo one");
        ck_assert_str_eq(ws_next_frame(&c), "T:echo two");
        ck_assert_str_eq(ws_next_frame(&c), "");
        client_close(&c);
        settle();
    }
    ck_assert_int_eq(fx.n_gone, (int)n - 1);
    ck_assert_uint_eq(net_count(&fx.net), 0);
    fixture_stop();
}
END_TEST

START_TEST(a_large_message_comes_back_whole)
{
    static char text[4000000];
    fixture_start();
    struct client c = ws_client_open(false);
    memset(text, 'x', sizeof text);
    memcpy(text, "echo", 4);
    ws_send(&c, WS_TEXT, bytes_of(text, sizeof text));
    client_read(&c);
    ck_assert_uint_eq(fx.last_len, sizeof text);
    ck_assert_uint_eq(c.len, sizeof text + 10);
    ck_assert_mem_eq(c.data + 10, text, sizeof text);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(nothing_is_kept_of_a_large_message_that_was_handled)
{
    static char text[4000000];
    fixture_start();
    struct client c = ws_client_open(false);
    memset(text, 'x', sizeof text);
    ws_send(&c, WS_TEXT, bytes_of(text, sizeof text));
    settle();
    ck_assert_int_eq(fx.n_messages, 1);
    struct conn *conn = slots_find(&fx.net.conns, c.id);
    ck_assert_ptr_null(conn->u.ws.message);
    ck_assert_ptr_null(conn->pending);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(many_messages_in_one_read_are_handled_in_several_ticks)
{
    char wire[64 * 1024];
    size_t n = 0;
    fixture_start();
    struct client c = ws_client_open(false);
    int sent = 0;
    while (n + 32 < sizeof wire) {
        n += ws_client_frame(wire + n, true, WS_TEXT, BYTES("hello"));
        sent++;
    }
    client_send_bytes(&c, wire, n);
    turn();
    ck_assert_int_eq(fx.n_messages, 64);
    ck_assert_int_eq(net_wait_ms(&fx.net), 0);
    settle();
    ck_assert_int_eq(fx.n_messages, sent);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(messages_with_large_answers_are_handled_in_several_ticks)
{
    fixture_start();
    struct client c = ws_client_open(false);
    for (int i = 0; i < 10; i++)
        ws_send_text(&c, "blob 400000");
    turn();
    ck_assert_int_eq(fx.n_messages, 3); /* 1 MiB, and what the last one is beyond it */
    ck_assert_int_eq(net_wait_ms(&fx.net), 0);
    client_read(&c);
    ck_assert_uint_eq(c.len, 10 * 400000);
    ck_assert_int_eq(fx.n_messages, 10);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(messages_before_a_close_frame_are_answered_before_the_close)
{
    char wire[256];
    size_t n = 0;
    fixture_start();
    struct client c = ws_client_open(false);
    n += ws_client_frame(wire + n, true, WS_TEXT, BYTES("echo 1"));
    n += ws_client_frame(wire + n, true, WS_CLOSE, BYTES("\x03\xe8 bye"));
    n += ws_client_frame(wire + n, true, WS_TEXT, BYTES("echo 2"));
    client_send_bytes(&c, wire, n);
    ck_assert_str_eq(ws_next_frame(&c), "T:echo 1");
    ck_assert_str_eq(ws_next_frame(&c), "C:1000");
    ck_assert_str_eq(ws_next_frame(&c), "");
    ck_assert(c.has_eof);
    ck_assert_int_eq(fx.n_gone, 1);
    ck_assert_int_eq(fx.n_messages, 1);
    client_close(&c);
    settle();
    ck_assert_uint_eq(net_count(&fx.net), 0);
    fixture_stop();
}
END_TEST

START_TEST(the_answers_before_a_close_may_be_more_than_a_tick_sends)
{
    fixture_start();
    struct client c = ws_client_open(false);
    ws_send_text(&c, "blob 3000000");
    settle();
    ws_send_close(&c, 1000);
    settle();
    client_read(&c);
    ck_assert_uint_eq(c.len, 3000000 + 4);
    ck_assert_mem_eq(c.data + c.len - 4, "\x88\x02\x03\xe8", 4);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(what_breaks_the_rules_is_closed_with_its_code)
{
    static const struct {
        const char *wire;
        size_t len;
        const char *close;
    } cases[] = {
        { "\x81\x02hi", 4, "C:1002" },                         /* not masked */
        { "\xc1\x80\0\0\0\0", 6, "C:1002" },                   /* a reserved bit */
        { "\x83\x80\0\0\0\0", 6, "C:1002" },                   /* a reserved opcode */
        { "\x09\x80\0\0\0\0", 6, "C:1002" },                   /* a ping in fragments */
        { "\x89\xfe\0\x7e\0\0\0\0", 8, "C:1002" },             /* a ping of 126 bytes */
        { "\x81\xfe\0\x01\0\0\0\0a", 9, "C:1002" },            /* a length that could be shorter */
        { "\x88\x82\0\0\0\0\x03\xec", 8, "C:1002" },           /* code 1004 */
        { "\x81\x81\0\0\0\0\xff", 7, "C:1007" },               /* not UTF-8 */
        { "\x82\x80\0\0\0\0", 6, "C:1003" },                   /* binary */
        { "\x81\xff\0\0\0\0\x01\0\0\x01\0\0\0\0", 14, "C:1009" }, /* 16 MiB and one byte */
        { "\x88\x80\0\0\0\0", 6, "C:1005" },                   /* no code: none comes back */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture_start();
        struct client c = ws_client_open(false);
        ws_send_text(&c, "echo before");
        client_send_bytes(&c, cases[i].wire, cases[i].len);
        ck_assert_str_eq(ws_next_frame(&c), "T:echo before");
        ck_assert_str_eq(ws_next_frame(&c), cases[i].close);
        ck_assert_str_eq(ws_next_frame(&c), "");
        ck_assert(c.has_eof);
        ck_assert_int_eq(fx.n_gone, 1);
        client_close(&c);
        fixture_stop();
        ck_assert_int_eq(fx.n_gone, 1); /* told once */
    }
}
END_TEST

START_TEST(a_dropped_connection_is_told_once)
{
    fixture_start();
    struct client c = ws_client_open(false), d = ws_client_open(true);
    ck_assert_ptr_nonnull(net_peer(&fx.net, c.id));
    client_close(&c);
    settle();
    ck_assert_int_eq(fx.n_gone, 1);
    ck_assert_uint_eq(net_count(&fx.net), 1);
    ck_assert_ptr_null(net_peer(&fx.net, c.id));
    ws_send_text(&d, "all still here");
    ck_assert_str_eq(ws_next_frame(&d), "T:all still here");
    client_close(&d);
    fixture_stop();
    ck_assert_int_eq(fx.n_gone, 2);
}
END_TEST

/* --- times, WebSocket --- */

START_TEST(a_silent_websocket_is_asked_after_30_s_and_dropped_after_75)
{
    fixture_start();
    struct client c = ws_client_open(false);
    int64_t begun = fx.net.now_ms;
    sleep_until(begun + 29999);
    ck_assert_str_eq(ws_next_frame(&c), "");
    sleep_until(begun + 30000);
    ck_assert_str_eq(ws_next_frame(&c), "P:");
    sleep_until(begun + 74999);
    ck_assert_str_eq(ws_next_frame(&c), ""); /* asked once */
    ck_assert(client_is_open(&c));
    ck_assert_int_eq(fx.n_gone, 0);
    sleep_until(begun + 75000);
    ck_assert(!client_is_open(&c));
    ck_assert_int_eq(fx.n_gone, 1);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_websocket_that_answers_pings_stays_and_is_asked_every_30_s)
{
    fixture_start();
    struct client c = ws_client_open(false);
    for (int i = 0; i < 20; i++) {
        sleep_ms(29999);
        ck_assert_str_eq(ws_next_frame(&c), "");
        sleep_ms(1);
        ck_assert_str_eq(ws_next_frame(&c), "P:");
        ws_send(&c, WS_PONG, BYTES(""));
        settle();
    }
    ck_assert(client_is_open(&c));
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(any_byte_from_the_client_counts_as_a_sign_of_life)
{
    fixture_start();
    struct client c = ws_client_open(false);
    sleep_ms(20000);
    client_send_bytes(&c, "\x81", 1);
    settle();
    int64_t begun = fx.net.now_ms;
    sleep_until(begun + 29999);
    ck_assert_str_eq(ws_next_frame(&c), "");
    sleep_until(begun + 30000);
    ck_assert_str_eq(ws_next_frame(&c), "P:");
    client_close(&c);
    fixture_stop();
}
END_TEST

/* It had output waiting when the ping was due; then it took everything at once. */
START_TEST(a_websocket_that_stalled_and_recovered_is_asked_before_it_is_dropped)
{
    fixture_start();
    struct client c = client_open_with(4096);
    ws_client_shake(&c, false);
    struct conn *conn = slots_find(&fx.net.conns, c.id);
    size_t owed = 0;
    for (; outq_is_empty(&conn->out); owed += 1000) {
        ws_send_text(&c, "blob 1000");
        settle();
    }
    sleep_ms(40000);
    client_read(&c); /* what had waited goes out in one piece */
    ck_assert_uint_eq(c.len, owed); /* no ping yet: it would have stood behind this */
    client_forget(&c, c.len);
    int64_t recovered = fx.net.now_ms; /* that it has read is a sign of life */
    sleep_until(recovered + 29999);
    ck_assert_str_eq(ws_next_frame(&c), "");
    sleep_until(recovered + 30000);
    ck_assert_str_eq(ws_next_frame(&c), "P:");
    sleep_until(recovered + 74999);
    ck_assert(client_is_open(&c));
    sleep_until(recovered + 75000);
    ck_assert(!client_is_open(&c));
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_websocket_that_takes_nothing_is_dropped_after_75_s)
{
    fixture_start();
    struct client c = client_open_with(4096);
    ws_client_shake(&c, false);
    ws_send_text(&c, "blob 3000000");
    settle();
    sleep_ms(74999);
    ck_assert(client_is_open(&c));
    sleep_ms(1);
    ck_assert(!client_is_open(&c));
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_close_frame_that_is_not_answered_ends_in_5_s)
{
    fixture_start();
    struct client c = ws_client_open(false);
    client_send_bytes(&c, "\x83\x80\0\0\0\0", 6);
    ck_assert_str_eq(ws_next_frame(&c), "C:1002");
    sleep_ms(4999);
    ck_assert(client_is_open(&c));
    sleep_ms(1);
    ck_assert(!client_is_open(&c));
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_close_that_cannot_be_sent_ends_in_5_s)
{
    fixture_start();
    struct client c = client_open_with(4096);
    ws_client_shake(&c, false);
    ws_send_text(&c, "blob 3000000");
    settle();
    ws_conn_shut(slots_find(&fx.net.conns, c.id), WS_CLOSE_POLICY);
    ck_assert_int_eq(fx.n_gone, 1); /* at once, and not when its last byte is sent */
    settle();
    ck_assert_int_eq(fx.n_gone, 1);
    sleep_ms(4999);
    ck_assert(client_is_open(&c));
    sleep_ms(1);
    ck_assert(!client_is_open(&c));
    client_close(&c);
    fixture_stop();
}
END_TEST

/* --- those who read slowly --- */

START_TEST(reading_stops_above_the_soft_limit_and_goes_on_below_it)
{
    fixture_start();
    struct client c = client_open_with(4096);
    ws_client_shake(&c, false);
    ws_send_text(&c, "blob 1200000");
    settle();
    for (int i = 0; i < 100; i++)
        ws_send_text(&c, "hello");
    settle();
    ck_assert_int_eq(fx.n_messages, 1);
    ck_assert_int_eq(net_wait_ms(&fx.net) == 0, 0);
    client_read(&c);
    ck_assert_uint_eq(c.len, 1200000);
    ck_assert_int_eq(fx.n_messages, 101);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_held_connection_takes_everything_in_order_when_it_goes_on)
{
    char want[64];
    fixture_start();
    struct client c = client_open_with(4096);
    ws_client_shake(&c, false);
    for (int round = 0; round < 4; round++) {
        ws_send_text(&c, "blob 2000000");
        for (int i = 0; i < 300; i++) {
            snprintf(want, sizeof want, "echo %d.%d", round, i);
            ws_send_text(&c, want);
        }
    }
    for (int round = 0; round < 4; round++) {
        client_read(&c);
        ck_assert_uint_ge(c.len, 2000000);
        client_forget(&c, 2000000);
        for (int i = 0; i < 300; i++) {
            snprintf(want, sizeof want, "T:echo %d.%d", round, i);
            ck_assert_str_eq(ws_next_frame(&c), want);
        }
    }
    ck_assert_uint_eq(c.len, 0);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_client_that_is_owed_more_than_64_MiB_of_live_messages_is_dropped)
{
    fixture_start();
    struct client slow = ws_client_open(false), quick = ws_client_open(true);
    static char text[1 << 20];
    memset(text, 'x', sizeof text);
    memcpy(text, "all", 3);
    int n = 0;
    for (; n < 63; n++) {
        ws_send(&quick, WS_TEXT, bytes_of(text, sizeof text));
        client_read(&quick);
        quick.len = 0;
    }
    ck_assert(client_is_open(&slow));
    for (; n < 66; n++) {
        ws_send(&quick, WS_TEXT, bytes_of(text, sizeof text));
        client_read(&quick);
        quick.len = 0;
    }
    ck_assert(!client_is_open(&slow));
    ck_assert(client_is_open(&quick));
    ck_assert_int_eq(fx.n_gone, 1);
    client_close(&slow);
    client_close(&quick);
    fixture_stop();
}
END_TEST

START_TEST(a_snapshot_counts_toward_no_limit)
{
    fixture_start();
    struct client c = client_open_with(4096);
    ws_client_shake(&c, false);
    struct blob *b = filled_blob(80u << 20, 's');
    outbox_blob(fx.outbox, c.id, b, 0, b->len, OUT_SNAPSHOT);
    blob_unref(b);
    settle();
    ck_assert(client_is_open(&c));
    ws_send_text(&c, "hello");
    settle();
    ck_assert_int_eq(fx.n_messages, 1);
    client_close(&c);
    fixture_stop();
}
END_TEST

#define LONG_ONES 6

static uint32_t readable(const struct client *c)
{
    int n = 0;
    ck_assert_int_eq(ioctl(c->fd, FIONREAD, &n), 0);
    return (uint32_t)n;
}

/* What one turn sends to each of a few when all are owed 2 MiB of `class`. */
static void owed_much(enum out_class class, uint32_t got[LONG_ONES])
{
    fixture_start();
    struct client c[LONG_ONES];
    uint32_t again = 0;
    struct blob *b = filled_blob(2u << 20, 's');
    for (int i = 0; i < LONG_ONES; i++) {
        c[i] = client_open_with(4 << 20);
        ws_client_shake(&c[i], false);
        ck_assert_uint_eq(readable(&c[i]), 0);
    }
    for (int i = 0; i < LONG_ONES; i++)
        outbox_blob(fx.outbox, c[i].id, b, 0, b->len, class);
    blob_unref(b);
    turn();
    for (int i = 0; i < LONG_ONES; i++)
        got[i] = readable(&c[i]);
    for (int i = 0; i < LONG_ONES; i++)
        ck_assert_uint_eq(client_read_some(&c[i], got[i]), got[i]);
    turn(); /* has as much to share */
    for (int i = 0; i < LONG_ONES; i++)
        again = readable(&c[i]) > again ? readable(&c[i]) : again;
    ck_assert_uint_eq(again, got[0]);
    for (int i = 0; i < LONG_ONES; i++) {
        client_read(&c[i]);
        ck_assert_uint_eq(c[i].len, 2u << 20);
        client_close(&c[i]);
    }
    fixture_stop();
}

START_TEST(of_long_answers_the_first_ones_share_more_and_everyone_gets_some)
{
    uint32_t got[LONG_ONES], most;
    owed_much(OUT_SNAPSHOT, got);
    most = got[0];
    ck_assert_uint_gt(most, CONN_FLUSH); /* how much more is the kernel's buffer */
    ck_assert_uint_le(most, CONN_FLUSH_LONG);
    uint32_t left = CONN_FLUSH_LONG;
    for (int i = 0; i < LONG_ONES; i++) {
        uint32_t due = left > CONN_FLUSH ? left : CONN_FLUSH;
        ck_assert_uint_eq(got[i], due < most ? due : most);
        left -= got[i] < left ? got[i] : left;
    }
    ck_assert_uint_eq(got[LONG_ONES - 1], CONN_FLUSH);
}
END_TEST

START_TEST(of_live_messages_everyone_gets_the_same_share)
{
    uint32_t got[LONG_ONES];
    owed_much(OUT_LIVE, got);
    for (int i = 0; i < LONG_ONES; i++)
        ck_assert_uint_eq(got[i], CONN_FLUSH);
}
END_TEST

START_TEST(a_source_is_asked_only_when_there_is_room)
{
    fixture_start();
    struct client c = client_open_with(4096);
    ws_client_shake(&c, false);
    ws_send_text(&c, "source 1000");
    settle();
    ck_assert_int_lt(fx.n_pieces, 20);
    ws_send_text(&c, "hello");
    settle();
    ck_assert_int_eq(fx.n_messages, 1); /* held until the long answer is out */
    client_read(&c);
    ck_assert_uint_eq(c.len, 1000u * PIECE);
    ck_assert_int_eq(fx.n_messages, 2);
    ck_assert_int_eq(fx.n_sources, 0);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_source_whose_reader_has_gone_is_freed)
{
    fixture_start();
    struct client c = client_open_with(4096);
    ws_client_shake(&c, false);
    ws_send_text(&c, "source 1000");
    settle();
    ck_assert_int_eq(fx.n_sources, 1);
    client_close(&c);
    settle();
    ck_assert_int_eq(fx.n_sources, 0);
    fixture_stop();
}
END_TEST

START_TEST(a_source_that_fails_ends_its_connection)
{
    fixture_start();
    struct client c = ws_client_open(false);
    outbox_source(fx.outbox, c.id, test_source(3, true));
    settle();
    client_read(&c);
    ck_assert_uint_eq(c.len, 3 * PIECE);
    ck_assert(c.has_eof);
    ck_assert_int_eq(fx.n_gone, 1);
    client_close(&c);
    fixture_stop();
}
END_TEST

/* Everybody who waits for pieces of a long answer gets some, whoever else asks for more all the time. */
START_TEST(long_answers_to_some_do_not_starve_those_to_others)
{
    enum { GREEDY = 8, PATIENT = 4 };
    struct client greedy[GREEDY], patient[PATIENT];
    fixture_start();
    for (int i = 0; i < PATIENT; i++) /* half of them before the greedy ones, half behind: no order helps */
        if (i % 2)
            patient[i] = ws_client_open(false);
    for (int i = 0; i < GREEDY; i++)
        greedy[i] = ws_client_open(false);
    for (int i = 0; i < PATIENT; i += 2)
        patient[i] = ws_client_open(false);
    for (int i = 0; i < GREEDY; i++)
        ws_send_text(&greedy[i], "source 1000000");
    turn();
    for (int i = 0; i < PATIENT; i++)
        ws_send_text(&patient[i], "source 10");
    for (int t = 0; t < 2000; t++) {
        turn();
        for (int i = 0; i < GREEDY; i++) {
            client_read_some(&greedy[i], SIZE_MAX);
            greedy[i].len = 0;
        }
        for (int i = 0; i < PATIENT; i++)
            client_read_some(&patient[i], SIZE_MAX);
    }
    for (int i = 0; i < PATIENT; i++) {
        ck_assert_uint_eq(patient[i].len, 10 * PIECE);
        client_close(&patient[i]);
    }
    for (int i = 0; i < GREEDY; i++)
        client_close(&greedy[i]);
    settle();
    fixture_stop();
}
END_TEST

/* The same for those who ask anew as soon as they have been answered. */
START_TEST(short_answers_asked_for_all_the_time_do_not_starve_a_long_one)
{
    enum { GREEDY = 4 };
    struct client greedy[GREEDY], patient;
    fixture_start();
    patient = ws_client_open(false);
    for (int i = 0; i < GREEDY; i++)
        greedy[i] = ws_client_open(false);
    ws_send_text(&patient, "source 40");
    for (int t = 0; t < 3000; t++) {
        for (int i = 0; i < GREEDY; i++) {
            ws_send_text(&greedy[i], "source 4");
            client_read_some(&greedy[i], SIZE_MAX);
            greedy[i].len = 0;
        }
        turn();
        client_read_some(&patient, SIZE_MAX);
    }
    ck_assert_uint_eq(patient.len, 40u * PIECE);
    for (int i = 0; i < GREEDY; i++)
        client_close(&greedy[i]);
    client_close(&patient);
    settle();
    fixture_stop();
}
END_TEST

/* --- broadcasts --- */

/* Whatever is released early, a tick makes no more pieces than one. */
START_TEST(a_tick_makes_a_bounded_number_of_pieces)
{
    enum { MANY = 30 };
    struct client c[MANY];
    fixture_start();
    for (int i = 0; i < MANY; i++)
        c[i] = ws_client_open(false);
    for (int i = 0; i < MANY; i++)
        ws_send_text(&c[i], "source 3");
    turn();
    ck_assert_int_le(fx.n_pieces, CONN_PIECES);
    for (int i = 0; i < MANY; i++) {
        client_read(&c[i]);
        ck_assert_uint_eq(c[i].len, 3 * PIECE);
        client_close(&c[i]);
    }
    settle();
    fixture_stop();
}
END_TEST

START_TEST(broadcasts_reach_everyone_in_one_order)
{
    struct client c[5];
    char text[32];
    fixture_start();
    for (int i = 0; i < 5; i++)
        c[i] = ws_client_open(i % 2);
    for (int n = 0; n < 50; n++) {
        snprintf(text, sizeof text, "all %d", n);
        ws_send_text(&c[n % 5], text);
        if (n % 3)
            turn();
    }
    struct client first = c[0];
    client_read(&first);
    c[0] = first;
    for (int i = 1; i < 5; i++) {
        client_read(&c[i]);
        ck_assert_uint_eq(c[i].len, c[0].len);
        ck_assert_mem_eq(c[i].data, c[0].data, c[0].len);
    }
    int seen = 0;
    while (*ws_next_frame(&c[0]))
        seen++;
    ck_assert_int_eq(seen, 50);
    for (int i = 0; i < 5; i++)
        client_close(&c[i]);
    fixture_stop();
}
END_TEST

#define CROWD (2 * (int)CONN_CROWD + 20)

static struct client *crowd_open(int n)
{
    struct client *c = calloc((size_t)n, sizeof *c);
    ck_assert_ptr_nonnull(c);
    for (int i = 0; i < n; i++)
        c[i] = ws_client_open(false);
    return c;
}

static void crowd_close(struct client *c, int n)
{
    for (int i = 0; i < n; i++)
        if (c[i].fd >= 0)
            client_close(&c[i]);
    free(c);
}

static bool has_input(const struct client *c)
{
    char byte;
    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static int how_many_have_input(const struct client *c, int n)
{
    int have = 0;
    for (int i = 0; i < n; i++)
        have += has_input(&c[i]);
    return have;
}

START_TEST(a_broadcast_to_a_crowd_is_sent_in_parts_and_an_answer_is_not_behind_it)
{
    fixture_start();
    struct client *c = crowd_open(CROWD), *last = &c[CROWD - 1];
    ws_send_text(&c[0], "all of you");
    turn();
    ck_assert_int_eq(how_many_have_input(c, CROWD), (int)CONN_CROWD);
    ck_assert(!has_input(last));
    ck_assert_int_eq(net_wait_ms(&fx.net), 0);
    ws_send_text(last, "echo");
    turn();
    ck_assert_int_eq(how_many_have_input(c, CROWD), 2 * (int)CONN_CROWD + 1);
    ck_assert(has_input(last));
    settle();
    for (int i = 0; i < CROWD; i++) {
        ck_assert_str_eq(ws_next_frame(&c[i]), "T:all of you");
        if (&c[i] == last)
            ck_assert_str_eq(ws_next_frame(&c[i]), "T:echo");
        ck_assert_str_eq(ws_next_frame(&c[i]), "");
    }
    crowd_close(c, CROWD);
    fixture_stop();
}
END_TEST

START_TEST(broadcasts_that_come_while_a_crowd_is_served_reach_everyone_in_order)
{
    char text[32], want[32];
    fixture_start();
    struct client *c = crowd_open(CROWD);
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof text, "all %d", i);
        ws_send_text(&c[i * 13], text);
        turn();
    }
    settle();
    for (int i = 0; i < CROWD; i++) {
        for (int k = 0; k < 20; k++) {
            snprintf(want, sizeof want, "T:all %d", k);
            ck_assert_str_eq(ws_next_frame(&c[i]), want);
        }
        ck_assert_str_eq(ws_next_frame(&c[i]), "");
    }
    crowd_close(c, CROWD);
    fixture_stop();
}
END_TEST

/* Else who sends would outrun those who listen. */
START_TEST(a_crowd_that_is_owed_much_is_served_at_once)
{
    static char text[CONN_CROWD_OWED + 1];
    fixture_start();
    struct client *c = crowd_open(CROWD);
    memset(text, 'x', sizeof text);
    memcpy(text, "all", 3);
    ws_stage_broadcast(fx.outbox, TO_ALL, bytes_of(text, sizeof text));
    turn();
    ck_assert_int_eq(how_many_have_input(c, CROWD), CROWD);
    crowd_close(c, CROWD);
    fixture_stop();
}
END_TEST

START_TEST(who_leaves_a_crowd_before_its_turn_is_not_missed)
{
    fixture_start();
    struct client *c = crowd_open(CROWD);
    ws_send_text(&c[0], "all of you");
    turn();
    for (int i = (int)CONN_CROWD; i < CROWD; i += 2)
        client_close(&c[i]);
    settle();
    ck_assert_int_eq(how_many_have_input(c, (int)CONN_CROWD), (int)CONN_CROWD);
    for (int i = (int)CONN_CROWD; i < CROWD; i++) {
        if (c[i].fd >= 0)
            ck_assert_str_eq(ws_next_frame(&c[i]), "T:all of you");
    }
    ck_assert_uint_eq(net_count(&fx.net), CROWD - (CROWD - CONN_CROWD + 1) / 2);
    crowd_close(c, CROWD);
    fixture_stop();
}
END_TEST

static struct client *crowd;

static void first_one_vanishes(struct fixture *f)
{
    (void)f;
    client_close(&crowd[0]);
}

START_TEST(one_who_vanishes_while_a_crowd_is_served_is_told_of_in_the_next_tick)
{
    fixture_start();
    crowd = crowd_open(3);
    ws_send_text(&crowd[1], "all of you");
    fx.before_commit = first_one_vanishes;
    turn();
    ck_assert_int_eq(fx.n_gone, 0);
    ck_assert_int_eq(net_wait_ms(&fx.net), 0);
    turn();
    ck_assert_int_eq(fx.n_gone, 1);
    crowd_close(crowd, 3);
    fixture_stop();
}
END_TEST

START_TEST(a_net_that_is_released_while_a_crowd_is_served_leaves_nothing)
{
    fixture_start();
    struct client *c = crowd_open(CROWD);
    ws_send_text(&c[0], "all of you");
    turn();
    fixture_stop();
    for (int i = 0; i < CROWD; i++) {
        close(c[i].fd);
        free(c[i].data);
    }
    free(c);
}
END_TEST

static void joiner_takes_all_and_hears_of_something(struct fixture *f)
{
    while (client_read_some(&crowd[0], 1u << 20) > 0)
        continue;
    ws_stage_broadcast(f->outbox, TO_ALL, BYTES("news"));
}

/* Else the boards of a few would use up what a tick sends to the crowd. */
START_TEST(a_joiner_in_a_crowd_gets_the_share_of_everybody)
{
    fixture_start();
    struct client joiner = client_open_with(4 << 20);
    ws_client_shake(&joiner, false);
    crowd = &joiner;
    struct blob *b = filled_blob(32u << 20, 's');
    outbox_blob(fx.outbox, joiner.id, b, 0, b->len, OUT_SNAPSHOT);
    blob_unref(b);
    turn();
    settle(); /* until the kernel takes no more */
    fx.before_commit = joiner_takes_all_and_hears_of_something;
    turn();
    ck_assert_uint_eq(readable(&joiner), CONN_FLUSH);
    client_close(&joiner);
    fixture_stop();
}
END_TEST

static void stage_for_dialects(struct fixture *f)
{
    ws_stage_broadcast(f->outbox, TO_BASE, BYTES("base"));
    ws_stage_broadcast(f->outbox, TO_V1, BYTES("v1"));
    ws_stage_broadcast(f->outbox, TO_ALL, BYTES("both"));
}

START_TEST(a_broadcast_to_one_dialect_reaches_that_one)
{
    fixture_start();
    struct client base = ws_client_open(false), v1 = ws_client_open(true);
    fx.before_commit = stage_for_dialects;
    settle();
    ck_assert_str_eq(ws_next_frame(&base), "T:base");
    ck_assert_str_eq(ws_next_frame(&base), "T:both");
    ck_assert_str_eq(ws_next_frame(&v1), "T:v1");
    ck_assert_str_eq(ws_next_frame(&v1), "T:both");
    client_close(&base);
    client_close(&v1);
    fixture_stop();
}
END_TEST

/* A reader that is behind holds references to what it is owed: not to a page for each short message. */
START_TEST(what_a_slow_reader_is_owed_costs_a_small_multiple_of_it)
{
    fixture_start();
    struct client slow = client_open_with(4096), quick;
    ws_client_shake(&slow, false);
    quick = ws_client_open(false);
    struct conn *conn = slots_find(&fx.net.conns, slow.id);
    size_t held = 0;
    for (int i = 0; i < 3000; i++) {
        ws_send_text(&quick, "all of forty bytes, one in each tick .....");
        settle();
        client_read_some(&quick, SIZE_MAX);
        quick.len = 0;
    }
    const struct blob *last = NULL;
    const struct slice *s = conn->out.v ? conn->out.v + conn->out.first : &conn->out.one;
    for (uint32_t i = 0; i < conn->out.n; i++) {
        held += sizeof *s;
        if (s[i].u.blob != last)
            held += malloc_usable_size(s[i].u.blob);
        last = s[i].u.blob;
    }
    ck_assert_uint_gt(conn->out.live_bytes, 100000);
    ck_assert_msg(held < 8 * conn->out.live_bytes, "%zu bytes are held for %zu that are owed", held,
                  conn->out.live_bytes);
    client_close(&slow);
    client_close(&quick);
    fixture_stop();
}
END_TEST

/* --- failed commits --- */

START_TEST(a_failed_commit_is_503_and_the_end_of_that_connection)
{
    char body[128];
    fixture_start();
    struct client writer = client_open(), reader = client_open();
    fx.commit_fails = true;
    client_send(&writer, GET("/hello") GET("/write") GET("/hello"));
    client_send(&reader, GET("/hello"));
    ck_assert_int_eq(client_response(&writer, NULL, 0), 200);
    ck_assert_int_eq(client_response(&writer, body, sizeof body), 503);
    ck_assert_ptr_null(strstr(body, "stored"));
    client_read(&writer);
    ck_assert_uint_eq(writer.len, 0);
    ck_assert(writer.has_eof);
    ck_assert_int_eq(client_response(&reader, NULL, 0), 200);
    ck_assert(client_is_open(&reader));
    client_close(&writer);
    client_close(&reader);
    fixture_stop();
}
END_TEST

START_TEST(a_failed_commit_is_503_for_one_who_asked_for_the_last_time_too)
{
    fixture_start();
    struct client c = client_open();
    fx.commit_fails = true;
    client_send(&c, "GET /write HTTP/1.0\r\n\r\n");
    ck_assert_int_eq(client_response(&c, NULL, 0), 503);
    client_read(&c);
    ck_assert(c.has_eof);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_failed_commit_is_503_for_one_who_has_shaken_hands_behind_it)
{
    fixture_start();
    struct client c = client_open();
    fx.commit_fails = true;
    client_send(&c, GET("/hello") GET("/write") HANDSHAKE "\r\n");
    ck_assert_int_eq(client_response(&c, NULL, 0), 200);
    ck_assert_int_eq(client_response(&c, NULL, 0), 503);
    client_read(&c);
    ck_assert_uint_eq(c.len, 0);
    ck_assert(c.has_eof);
    ck_assert_int_eq(fx.n_gone, 1);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_failed_commit_is_an_error_to_every_writer_and_nothing_to_the_others)
{
    fixture_start();
    struct client a = ws_client_open(false), b = ws_client_open(true), c = ws_client_open(false);
    fx.commit_fails = true;
    ws_send_text(&a, "write 1");
    ws_send_text(&a, "echo 2");
    ws_send_text(&a, "write 3");
    ws_send_text(&b, "write 4");
    ws_send_text(&b, "all 5");
    ck_assert_str_eq(ws_next_frame(&a), "T:" FAILED_TEXT);
    ck_assert_str_eq(ws_next_frame(&a), "T:echo 2");
    ck_assert_str_eq(ws_next_frame(&a), "T:" FAILED_TEXT);
    ck_assert_str_eq(ws_next_frame(&a), "T:all 5");
    ck_assert_str_eq(ws_next_frame(&b), "T:" FAILED_TEXT);
    ck_assert_str_eq(ws_next_frame(&b), "T:all 5");
    ck_assert_str_eq(ws_next_frame(&c), "T:all 5");
    ck_assert_str_eq(ws_next_frame(&c), "");
    fx.commit_fails = false;
    ws_send_text(&a, "write 6");
    ck_assert_str_eq(ws_next_frame(&c), "T:write 6");
    client_close(&a);
    client_close(&b);
    client_close(&c);
    fixture_stop();
}
END_TEST

START_TEST(a_writer_who_has_left_when_the_commit_fails_is_not_missed)
{
    fixture_start();
    struct client c = ws_client_open(false);
    fx.commit_fails = true;
    ws_send_text(&c, "write 1");
    ws_send_close(&c, 1000);
    client_close(&c);
    settle();
    ck_assert_int_eq(fx.n_gone, 1);
    fixture_stop();
}
END_TEST

/* --- ends while output is released --- */

static slot_id finish_id;

static void apply_finish(void *ctx, const struct out_sink *sink, uint64_t arg, struct bytes data)
{
    (void)ctx;
    (void)data;
    sink->finish(sink->self, arg, WS_CLOSE_POLICY);
}

static void stage_finish(struct fixture *f)
{
    outbox_apply(f->outbox, 0, apply_finish, NULL, finish_id, BYTES(""));
    ws_stage_broadcast(f->outbox, TO_ALL, BYTES("for those who stay"));
}

START_TEST(one_whose_session_ends_is_told_of_in_the_next_tick)
{
    fixture_start();
    struct client c = ws_client_open(false), d = ws_client_open(false);
    finish_id = c.id;
    fx.before_commit = stage_finish;
    turn();
    ck_assert_int_eq(fx.n_gone, 0);
    ck_assert_int_eq(net_wait_ms(&fx.net), 0);
    turn();
    ck_assert_int_eq(fx.n_gone, 1);
    ck_assert_str_eq(ws_next_frame(&d), "T:for those who stay");
    ck_assert_str_eq(ws_next_frame(&c), "");
    ck_assert(c.has_eof);
    client_close(&c);
    client_close(&d);
    fixture_stop();
    ck_assert_int_eq(fx.n_gone, 2);
}
END_TEST

START_TEST(one_who_vanishes_while_it_is_being_ended_is_freed_once)
{
    fixture_start();
    for (int i = 0; i < 20; i++) {
        struct client c = ws_client_open(false);
        finish_id = c.id;
        fx.before_commit = stage_finish;
        if (i % 2)
            ws_send_text(&c, "echo late");
        shutdown(c.fd, i % 3 ? SHUT_RDWR : SHUT_RD);
        if (i % 3)
            client_close(&c);
        turn();
        turn();
        client_close(&c);
        settle();
    }
    sleep_ms(6000);
    ck_assert_int_eq(fx.n_gone, 20);
    ck_assert_uint_eq(net_count(&fx.net), 0);
    fixture_stop();
}
END_TEST

/* --- stopping --- */

START_TEST(stopping_closes_websockets_with_1001_and_idle_connections_at_once)
{
    fixture_start();
    struct client ws = ws_client_open(false), idle = client_open(), fresh = client_open(),
                  busy = client_open();
    client_send(&idle, GET("/hello"));
    ck_assert_int_eq(client_response(&idle, NULL, 0), 200);
    client_send(&busy, GET("/later"));
    settle();
    ws_send_text(&ws, "echo 1");
    settle();
    net_stop(&fx.net);
    ck_assert_str_eq(ws_next_frame(&ws), "T:echo 1");
    ck_assert_str_eq(ws_next_frame(&ws), "C:1001");
    client_read(&idle);
    ck_assert(idle.has_eof);
    client_read(&fresh);
    ck_assert(fresh.has_eof);
    ck_assert(client_is_open(&busy));
    answer_later();
    ck_assert_int_eq(client_response(&busy, NULL, 0), 200);
    client_read(&busy);
    ck_assert(busy.has_eof);
    client_close(&busy);
    client_close(&ws);
    settle();
    ck_assert_uint_eq(net_count(&fx.net), 0);
    client_close(&idle);
    client_close(&fresh);
    fixture_stop();
}
END_TEST

START_TEST(a_net_that_is_released_in_the_middle_of_everything_leaves_nothing)
{
    fixture_start();
    file_of(BIG);
    struct client a = client_open_with(4096), b = client_open_with(4096), c = client_open(),
                  d = client_open();
    ws_client_shake(&a, false);
    ws_send_text(&a, "source 50");
    client_send(&b, GET("/file"));
    client_send(&c, POST("/echo", "10") "abc");
    client_send(&d, GET("/later") GET("/hello"));
    settle();
    fixture_stop();
    ck_assert_int_eq(fx.n_gone, 1);
    client_close(&a);
    client_close(&b);
    client_close(&c);
    client_close(&d);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        pipelined_requests_are_answered_in_order,
        requests_that_come_byte_by_byte_are_answered_the_same,
        more_pipelined_requests_than_a_tick_takes_are_all_answered,
        pipelined_requests_with_large_answers_are_handled_in_several_ticks,
        a_body_of_64_KiB_is_taken_and_one_byte_more_is_413,
        a_chunked_body_of_64_KiB_is_taken_and_one_byte_more_is_413,
        a_bad_chunk_is_400_and_the_end,
        after_a_malformed_request_nothing_is_read,
        HEAD_has_the_length_and_no_body,
        an_expected_100_comes_before_the_body_is_sent,
        http_1_0_is_answered_and_closed,
        a_long_answer_to_http_1_0_is_neither_cut_nor_coded,
        a_long_answer_is_chunked_and_the_next_one_follows,
        a_half_closed_client_gets_its_answers,
        what_is_pipelined_behind_a_later_answer_waits_for_it,
        a_later_answer_for_someone_who_left_finds_nobody,
        one_that_cannot_be_watched_when_its_answer_is_there_is_closed,
        an_answer_that_comes_before_HTTP_LATER_does_not_hold_the_connection,
        a_new_connection_that_is_silent_for_10_s_is_closed_without_an_answer,
        a_kept_connection_that_is_idle_for_60_s_is_closed_without_an_answer,
        a_head_may_take_10_s_from_its_first_byte,
        bytes_that_trickle_do_not_lengthen_the_time_for_a_head,
        a_second_head_has_10_s_of_its_own,
        a_body_may_take_30_s_from_its_head,
        a_chunked_body_may_take_30_s_from_its_head,
        a_request_whose_answer_takes_long_is_not_closed,
        an_answer_of_which_nothing_is_taken_for_60_s_ends_the_connection,
        a_head_begun_behind_a_stalled_answer_still_has_10_s,
        a_client_that_does_not_close_after_the_last_answer_is_dropped_within_5_s,
        the_last_answer_of_a_connection_is_not_cut_while_the_client_reads,
        a_last_answer_of_which_nothing_is_taken_does_not_stay_for_ever,
        many_files_in_a_row_are_sent_with_one_descriptor_at_a_time,
        an_empty_part_of_a_file_is_an_empty_body,
        a_file_that_has_become_shorter_ends_the_connection,
        frames_behind_the_handshake_are_handled,
        a_handshake_and_frames_may_be_cut_anywhere,
        a_large_message_comes_back_whole,
        nothing_is_kept_of_a_large_message_that_was_handled,
        many_messages_in_one_read_are_handled_in_several_ticks,
        messages_with_large_answers_are_handled_in_several_ticks,
        messages_before_a_close_frame_are_answered_before_the_close,
        the_answers_before_a_close_may_be_more_than_a_tick_sends,
        what_breaks_the_rules_is_closed_with_its_code,
        a_dropped_connection_is_told_once,
        a_silent_websocket_is_asked_after_30_s_and_dropped_after_75,
        a_websocket_that_answers_pings_stays_and_is_asked_every_30_s,
        any_byte_from_the_client_counts_as_a_sign_of_life,
        a_websocket_that_stalled_and_recovered_is_asked_before_it_is_dropped,
        a_websocket_that_takes_nothing_is_dropped_after_75_s,
        a_close_frame_that_is_not_answered_ends_in_5_s,
        a_close_that_cannot_be_sent_ends_in_5_s,
        reading_stops_above_the_soft_limit_and_goes_on_below_it,
        a_held_connection_takes_everything_in_order_when_it_goes_on,
        a_client_that_is_owed_more_than_64_MiB_of_live_messages_is_dropped,
        a_snapshot_counts_toward_no_limit,
        of_long_answers_the_first_ones_share_more_and_everyone_gets_some,
        of_live_messages_everyone_gets_the_same_share,
        a_source_is_asked_only_when_there_is_room,
        a_source_whose_reader_has_gone_is_freed,
        a_source_that_fails_ends_its_connection,
        long_answers_to_some_do_not_starve_those_to_others,
        short_answers_asked_for_all_the_time_do_not_starve_a_long_one,
        a_tick_makes_a_bounded_number_of_pieces,
        broadcasts_reach_everyone_in_one_order,
        a_broadcast_to_a_crowd_is_sent_in_parts_and_an_answer_is_not_behind_it,
        broadcasts_that_come_while_a_crowd_is_served_reach_everyone_in_order,
        a_crowd_that_is_owed_much_is_served_at_once,
        who_leaves_a_crowd_before_its_turn_is_not_missed,
        one_who_vanishes_while_a_crowd_is_served_is_told_of_in_the_next_tick,
        a_net_that_is_released_while_a_crowd_is_served_leaves_nothing,
        a_joiner_in_a_crowd_gets_the_share_of_everybody,
        a_broadcast_to_one_dialect_reaches_that_one,
        what_a_slow_reader_is_owed_costs_a_small_multiple_of_it,
        a_failed_commit_is_503_and_the_end_of_that_connection,
        a_failed_commit_is_503_for_one_who_asked_for_the_last_time_too,
        a_failed_commit_is_503_for_one_who_has_shaken_hands_behind_it,
        a_failed_commit_is_an_error_to_every_writer_and_nothing_to_the_others,
        a_writer_who_has_left_when_the_commit_fails_is_not_missed,
        one_whose_session_ends_is_told_of_in_the_next_tick,
        one_who_vanishes_while_it_is_being_ended_is_freed_once,
        stopping_closes_websockets_with_1001_and_idle_connections_at_once,
        a_net_that_is_released_in_the_middle_of_everything_leaves_nothing,
    };
    int failed = RUN_TESTS("conn", tests);
    sends_early = true;
    return RUN_TESTS("conn, early", tests) || failed;
}
