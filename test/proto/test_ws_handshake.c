/* test_ws_handshake.c - the opening handshake. */
#include "proto/ws_handshake.h"

#include <stdio.h>
#include "../base/run_tests.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

#define UPGRADE    "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define WITH_KEY   "Sec-WebSocket-Key: " KEY "\r\n"
#define VERSION    "Sec-WebSocket-Version: 13\r\n"

static struct ws_handshake shake;

static int check_request(const char *line, const char *headers)
{
    static struct http_head head;
    struct http_scan scan = { 0 };
    char text[2048];
    int n = snprintf(text, sizeof text, "%s\r\nHost: a\r\n%s\r\n", line, headers);

    ck_assert_int_eq(http_head_parse(&head, &scan, bytes_of(text, (size_t)n)), n);
    return ws_handshake_check(&head, &shake);
}

static int check(const char *headers)
{
    return check_request("GET /websocket HTTP/1.1", headers);
}

START_TEST(the_accept_key_of_the_rfc)
{
    char accept[WS_ACCEPT_LEN + 1];

    compute_accept(BYTES(KEY), accept);
    ck_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
END_TEST

START_TEST(accept_keys_of_other_lengths)
{
    char accept[WS_ACCEPT_LEN + 1], long_key[1000];

    compute_accept(BYTES("x3JJHMbDL1EzLkh9GBhXDw=="), accept);
    ck_assert_str_eq(accept, "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
    compute_accept(bytes_of(NULL, 0), accept);
    ck_assert_str_eq(accept, "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=");
    memset(long_key, 'k', sizeof long_key);
    compute_accept(bytes_of(long_key, sizeof long_key), accept);
    ck_assert_str_eq(accept, "D5UkHUEpPcw/Kmar+sMcS126/cM=");
}
END_TEST

START_TEST(a_browser_s_handshake)
{
    ck_assert_int_eq(check("Connection: keep-alive, Upgrade\r\nPragma: no-cache\r\n" UPGRADE
                           "Origin: http://a\r\n" VERSION WITH_KEY
                           "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
                     101);
    ck_assert_str_eq(shake.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    ck_assert(!shake.is_v1);
}
END_TEST

START_TEST(tokens_are_compared_without_case)
{
    ck_assert_int_eq(check("uPGRADE: WebSocket\r\nconnection: UPGRADE\r\n" VERSION WITH_KEY), 101);
    ck_assert_int_eq(check("Upgrade: h2c, websocket\r\n" CONNECTION VERSION WITH_KEY), 101);
}
END_TEST

START_TEST(a_missing_or_other_upgrade_is_400)
{
    ck_assert_int_eq(check(CONNECTION VERSION WITH_KEY), 400);
    ck_assert_int_eq(check("Upgrade: h2c\r\n" CONNECTION VERSION WITH_KEY), 400);
    ck_assert_int_eq(check("Upgrade: websockets\r\n" CONNECTION VERSION WITH_KEY), 400);
    ck_assert_int_eq(check("Upgrade:\r\n" CONNECTION VERSION WITH_KEY), 400);
    ck_assert_int_eq(check(UPGRADE VERSION WITH_KEY), 400);
    ck_assert_int_eq(check(UPGRADE "Connection: keep-alive\r\n" VERSION WITH_KEY), 400);
    ck_assert_int_eq(check(""), 400); /* a plain GET: no WebSocket was meant */
}
END_TEST

START_TEST(another_version_is_426)
{
    ck_assert_int_eq(check(UPGRADE CONNECTION WITH_KEY), 426);
    ck_assert_int_eq(check(UPGRADE CONNECTION WITH_KEY "Sec-WebSocket-Version: 8\r\n"), 426);
    ck_assert_int_eq(check(UPGRADE CONNECTION WITH_KEY "Sec-WebSocket-Version: 013\r\n"), 426);
    ck_assert_int_eq(check(UPGRADE CONNECTION WITH_KEY "Sec-WebSocket-Version: 13, 8\r\n"), 426);
    ck_assert_int_eq(check(UPGRADE CONNECTION WITH_KEY "Sec-WebSocket-Version:\r\n"), 426);
    ck_assert_int_eq(check(UPGRADE CONNECTION WITH_KEY VERSION VERSION), 426);
}
END_TEST

START_TEST(no_handshake_at_all_is_400_whatever_the_version)
{
    ck_assert_int_eq(check(CONNECTION WITH_KEY "Sec-WebSocket-Version: 8\r\n"), 400);
}
END_TEST

START_TEST(a_missing_repeated_or_bad_key_is_400)
{
    static const char *const keys[] = {
        "",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZQAA",
        "dGhlIHNhbXBsZSBub25jZ===",
        "dGhlIHNhbXBsZSBub25jZ=Q=",
        "dGhlIHNhbXBsZS!ub25jZQ==",
        "dGhlIHNhbXBsZS ub25jZQ==",
        "dGhlIHNhbXBsZS-_b25jZQ==",
        "dGhlIHNhbXBsZSBub25jZSEh",
        "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==",
        "QUJD",
    };

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char headers[512];
        snprintf(headers, sizeof headers, UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: %s\r\n",
                 keys[i]);
        ck_assert_msg(check(headers) == 400, "%s", keys[i]);
    }
    ck_assert_int_eq(check(UPGRADE CONNECTION VERSION), 400);
    ck_assert_int_eq(check(UPGRADE CONNECTION VERSION WITH_KEY WITH_KEY), 400);
    ck_assert_int_eq(
        check(UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: ++++////++++////0123AA==\r\n"), 101);
}
END_TEST

START_TEST(only_a_get_of_http_1_1_without_a_body)
{
    const char *headers = UPGRADE CONNECTION VERSION WITH_KEY;
    char text[512];

    ck_assert_int_eq(check_request("POST /websocket HTTP/1.1", headers), 400);
    ck_assert_int_eq(check_request("HEAD /websocket HTTP/1.1", headers), 400);
    ck_assert_int_eq(check_request("GET /websocket HTTP/1.0", headers), 400);
    snprintf(text, sizeof text, "%sContent-Length: 1\r\n", headers);
    ck_assert_int_eq(check(text), 400);
    snprintf(text, sizeof text, "%sTransfer-Encoding: chunked\r\n", headers);
    ck_assert_int_eq(check(text), 400);
    snprintf(text, sizeof text, "%sContent-Length: 0\r\n", headers);
    ck_assert_int_eq(check(text), 101);
}
END_TEST

static bool offers_v1(const char *protocols)
{
    char text[512];

    snprintf(text, sizeof text, UPGRADE CONNECTION VERSION WITH_KEY "%s", protocols);
    ck_assert_int_eq(check(text), 101);
    return shake.is_v1;
}

START_TEST(parlor_v1_is_found_in_every_list)
{
    ck_assert(offers_v1("Sec-WebSocket-Protocol: parlor.v1\r\n"));
    ck_assert(offers_v1("Sec-WebSocket-Protocol: chat, parlor.v1\r\n"));
    ck_assert(offers_v1("sec-websocket-protocol:parlor.v1 ,chat\r\n"));
    ck_assert(offers_v1("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: parlor.v1\r\n"));
}
END_TEST

START_TEST(no_other_name_is_parlor_v1)
{
    ck_assert(!offers_v1(""));
    ck_assert(!offers_v1("Sec-WebSocket-Protocol:\r\n"));
    ck_assert(!offers_v1("Sec-WebSocket-Protocol: Parlor.V1\r\n"));
    ck_assert(!offers_v1("Sec-WebSocket-Protocol: parlor.v10\r\n"));
    ck_assert(!offers_v1("Sec-WebSocket-Protocol: xparlor.v1\r\n"));
    ck_assert(!offers_v1("Sec-WebSocket-Protocol: parlor, v1\r\n"));
    ck_assert(!offers_v1("Sec-WebSocket-Protocol: parlor.v2 parlor.v1\r\n"));
    ck_assert(!offers_v1("X-Protocol: parlor.v1\r\n"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_accept_key_of_the_rfc,
        accept_keys_of_other_lengths,
        a_browser_s_handshake,
        tokens_are_compared_without_case,
        a_missing_or_other_upgrade_is_400,
        another_version_is_426,
        no_handshake_at_all_is_400_whatever_the_version,
        a_missing_repeated_or_bad_key_is_400,
        only_a_get_of_http_1_1_without_a_body,
        parlor_v1_is_found_in_every_list,
        no_other_name_is_parlor_v1,
    };
    return RUN_TESTS("ws_handshake", tests);
}
