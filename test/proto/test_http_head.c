/* test_http_head.c - request heads, proven by slices.
 *
 * Every head is parsed whole, byte by byte and cut at every pair of places. Each time the bytes so
 * far lie somewhere else, against an unmapped page, and where they lay before is overwritten: a
 * view into an earlier place is found out. All ways must give the same length or status and the
 * same fields.
 */
#include "proto/http_head.h"

#include <stdarg.h>
#include <stdio.h>
#include "../base/run_tests.h"
#include "guarded.h"

#define HOST "Host: a\r\n"

static struct http_head head;

/* The same fields, wherever they lie. */
static bool same_head(const struct http_head *a, const struct http_head *b)
{
    bool same = a->method == b->method && bytes_eq(a->target, b->target) &&
                bytes_eq(a->path, b->path) && bytes_eq(a->query, b->query) &&
                a->minor_version == b->minor_version && bytes_eq(a->host, b->host) &&
                a->has_body == b->has_body && a->is_chunked == b->is_chunked &&
                a->content_length == b->content_length && a->keep_alive == b->keep_alive &&
                a->expect_continue == b->expect_continue && a->n_headers == b->n_headers;

    for (unsigned i = 0; same && i < a->n_headers; i++)
        same = bytes_eq(a->headers[i].name, b->headers[i].name) &&
               bytes_eq(a->headers[i].value, b->headers[i].value);
    return same;
}

/* Parses what has come at each of the given times; *used is how much had come when there was an
 * answer. The struct is filled with rubbish before each call: nothing may rest in it. */
static int parse_at(struct guarded *g, struct bytes in, const size_t *ends, size_t n, size_t *used)
{
    struct http_scan scan = { 0 };
    int result = 0;

    for (size_t i = 0; i < n && result == 0; i++) {
        memset(&head, 0xA5, sizeof head);
        *used = ends[i];
        result = http_head_parse(&head, &scan,
                                 bytes_of(guarded_copy(g, bytes_of(in.data, ends[i])), ends[i]));
    }
    if (result != 0 && scan.seen + scan.line + scan.request_line + scan.n_headers != 0)
        ck_abort_msg("progress is left behind");
    return result;
}

static int parse_byte_by_byte(struct guarded *g, struct bytes in, size_t *used)
{
    static size_t ends[40000];

    ck_assert_uint_le(in.len, 40000);
    for (size_t i = 0; i < in.len; i++)
        ends[i] = i + 1;
    return parse_at(g, in, ends, in.len, used);
}

static int parse_whole(struct bytes in)
{
    struct http_scan scan = { 0 };

    return http_head_parse(&head, &scan, in);
}

/* The answer to `in`, the same for every cut. `head` is that of the whole. *used: see parse_at. */
static int parse_all_ways(struct bytes in, size_t *used)
{
    static struct http_head want;
    struct guarded g;
    int result = parse_whole(in);

    want = head; /* its views are of `in` itself, which stays */
    guarded_init(&g);
    ck_assert_int_eq(parse_byte_by_byte(&g, in, used), result);
    ck_assert(result <= 0 || same_head(&head, &want));
    size_t step = in.len < 400 ? 1 : 1 + in.len / 40, ignored;
    for (size_t a = 0; a <= in.len; a += step)
        for (size_t b = a; b <= in.len; b += step) {
            size_t ends[] = { a, b, in.len };
            int again = parse_at(&g, in, ends, 3, &ignored);
            if (again != result || (result > 0 && !same_head(&head, &want)))
                ck_abort_msg("cut at %zu and %zu: %d, not %d", a, b, again, result);
        }
    guarded_release(&g);
    head = want;
    return result;
}

static void good(struct bytes in)
{
    size_t used;

    ck_assert_int_eq(parse_all_ways(in, &used), (int)in.len);
    ck_assert_uint_eq(used, in.len);
}

#define GOOD(literal) good(BYTES(literal))

static void refused(struct bytes in, int status)
{
    size_t used;
    int result = parse_all_ways(in, &used);

    if (result != -status)
        ck_abort_msg("%d, not %d, for: %.*s", result, -status, (int)in.len, in.data);
}

#define REFUSED(status, literal) refused(BYTES(literal), status)

/* Refused at its last byte, and not before. */
static void refused_at_last_byte(struct bytes in, int status)
{
    size_t used;

    ck_assert_int_eq(parse_all_ways(in, &used), -status);
    ck_assert_uint_eq(used, in.len);
}

#define REFUSED_AT_LAST_BYTE(status, literal) refused_at_last_byte(BYTES(literal), status)

static bool is(struct bytes b, const char *text)
{
    return b.data && bytes_eq(b, bytes_str(text));
}

static struct bytes get(const char *name)
{
    return http_head_get(&head, name);
}

/* ---- good heads ---- */

START_TEST(a_browser_s_request)
{
    GOOD("GET /chat?x=1&y=%20 HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: Mozilla/5.0 (X11)\r\n"
         "Accept: text/html,*/*;q=0.8\r\nCookie: auth_token=abc; theme=dark\r\n"
         "Connection: keep-alive\r\n\r\n");
    ck_assert_int_eq(head.method, HTTP_GET);
    ck_assert(is(head.target, "/chat?x=1&y=%20"));
    ck_assert(is(head.path, "/chat"));
    ck_assert(is(head.query, "x=1&y=%20"));
    ck_assert_int_eq(head.minor_version, 1);
    ck_assert(is(head.host, "localhost:8080"));
    ck_assert(!head.has_body && !head.is_chunked && head.keep_alive && !head.expect_continue);
    ck_assert_uint_eq(head.n_headers, 5);
    ck_assert(is(get("user-agent"), "Mozilla/5.0 (X11)"));
    ck_assert(is(get("COOKIE"), "auth_token=abc; theme=dark"));
    ck_assert_ptr_null(get("Origin").data);
}
END_TEST

START_TEST(what_follows_the_head_is_left_alone)
{
    struct bytes in = BYTES("GET / HTTP/1.1\r\n" HOST "\r\nGET /next HTTP/1.1\r\n\x16\0");
    size_t used;

    ck_assert_int_eq(parse_all_ways(in, &used), 27);
    ck_assert_uint_eq(used, 27);
}
END_TEST

START_TEST(every_method_is_known)
{
    static const struct {
        const char *name;
        enum http_method method;
    } cases[] = {
        { "GET", HTTP_GET },
        { "HEAD", HTTP_HEAD },
        { "POST", HTTP_POST },
        { "PUT", HTTP_PUT },
        { "DELETE", HTTP_DELETE },
        { "OPTIONS", HTTP_OPTIONS },
        { "PATCH", HTTP_PATCH },
        { "TRACE", HTTP_TRACE },
        { "get", HTTP_METHOD_UNKNOWN },
        { "GETS", HTTP_METHOD_UNKNOWN },
        { "BREW", HTTP_METHOD_UNKNOWN },
        { "!#$%&'*+-.^_`|~09", HTTP_METHOD_UNKNOWN },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        int n = snprintf(text, sizeof text, "%s / HTTP/1.1\r\n" HOST "\r\n", cases[i].name);
        good(bytes_of(text, (size_t)n));
        ck_assert_int_eq(head.method, cases[i].method);
    }
}
END_TEST

START_TEST(white_space_around_a_value_is_not_part_of_it)
{
    GOOD("GET / HTTP/1.1\r\nHost:a\r\nA: \t b c\t \r\nB:\r\nC: \t \r\nD:\xC3\xA9\xFF\r\n\r\n");
    ck_assert(is(head.host, "a"));
    ck_assert(is(get("A"), "b c"));
    ck_assert(is(get("B"), ""));
    ck_assert(is(get("C"), ""));
    ck_assert(is(get("D"), "\xC3\xA9\xFF"));
}
END_TEST

START_TEST(one_empty_line_before_the_request_is_forgiven)
{
    GOOD("\r\nGET / HTTP/1.1\r\n" HOST "\r\n");
    REFUSED(400, "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n");
    REFUSED_AT_LAST_BYTE(400, "\rG");
    REFUSED_AT_LAST_BYTE(400, "\n");
}
END_TEST

START_TEST(later_minor_versions_are_treated_as_1_1)
{
    GOOD("GET / HTTP/1.2\r\n" HOST "\r\n");
    ck_assert_int_eq(head.minor_version, 1);
    ck_assert(head.keep_alive);
    GOOD("GET / HTTP/1.9\r\n" HOST "\r\n");
    ck_assert_int_eq(head.minor_version, 1);
}
END_TEST

START_TEST(http_1_0_may_lack_host_and_closes_unless_asked)
{
    GOOD("GET / HTTP/1.0\r\n\r\n");
    ck_assert_int_eq(head.minor_version, 0);
    ck_assert_ptr_null(head.host.data);
    ck_assert(!head.keep_alive && !head.has_body);
    GOOD("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    ck_assert(head.keep_alive);
    GOOD("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n");
    ck_assert(!head.keep_alive);
    GOOD("POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\n");
    ck_assert(head.has_body);
    ck_assert_uint_eq(head.content_length, 3);
    GOOD("GET / HTTP/1.0\r\nHost: old\r\nExpect: 100-continue\r\n\r\n");
    ck_assert(is(head.host, "old"));
    ck_assert(!head.expect_continue);
}
END_TEST

START_TEST(connection_close_is_a_token_anywhere_in_the_list)
{
    GOOD("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    ck_assert(!head.keep_alive);
    GOOD("GET / HTTP/1.1\r\n" HOST "Connection: foo , ,CLOSE\t\r\n\r\n");
    ck_assert(!head.keep_alive);
    GOOD("GET / HTTP/1.1\r\n" HOST "Connection: a\r\nX: y\r\nconnection: Close\r\n\r\n");
    ck_assert(!head.keep_alive);
    GOOD("GET / HTTP/1.1\r\n" HOST "Connection: closed, unclose, close-\r\n\r\n");
    ck_assert(head.keep_alive);
}
END_TEST

START_TEST(expect_continue_is_noticed)
{
    GOOD("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n");
    ck_assert(head.expect_continue);
    GOOD("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nExpect: else\r\n\r\n");
    ck_assert(!head.expect_continue);
}
END_TEST

START_TEST(headers_are_counted_and_the_first_is_found)
{
    GOOD("GET / HTTP/1.1\r\n" HOST "X: one\r\nx: two\r\nXX: three\r\n\r\n");
    ck_assert(is(get("X"), "one"));
    ck_assert_uint_eq(http_head_count(&head, "x"), 2);
    ck_assert_uint_eq(http_head_count(&head, "xx"), 1);
    ck_assert_uint_eq(http_head_count(&head, "y"), 0);
    ck_assert(http_head_has_token(&head, "X", "ONE"));
    ck_assert(http_head_has_token(&head, "X", "two"));
    ck_assert(!http_head_has_token(&head, "X", "three"));
    ck_assert(!http_head_has_token(&head, "X", ""));
}
END_TEST

/* ---- targets ---- */

START_TEST(origin_form_is_split_at_the_first_question_mark)
{
    GOOD("GET /a/b?c?d=/e HTTP/1.1\r\n" HOST "\r\n");
    ck_assert(is(head.path, "/a/b"));
    ck_assert(is(head.query, "c?d=/e"));
    GOOD("GET /? HTTP/1.1\r\n" HOST "\r\n");
    ck_assert(is(head.path, "/"));
    ck_assert(is(head.query, ""));
    GOOD("GET //x/../%00%zz\\|\"<> HTTP/1.1\r\n" HOST "\r\n");
    ck_assert(is(head.path, "//x/../%00%zz\\|\"<>"));
    ck_assert_ptr_null(head.query.data);
}
END_TEST

START_TEST(absolute_form_names_the_host)
{
    GOOD("GET http://b:81/p?q HTTP/1.1\r\n" HOST "\r\n");
    ck_assert(is(head.path, "/p"));
    ck_assert(is(head.query, "q"));
    ck_assert(is(head.host, "b:81"));
    GOOD("GET HTTPS://b HTTP/1.1\r\n" HOST "\r\n");
    ck_assert(is(head.path, "/"));
    ck_assert(is(head.host, "b"));
    GOOD("GET http://b?x HTTP/1.1\r\n" HOST "\r\n");
    ck_assert(is(head.path, "/"));
    ck_assert(is(head.query, "x"));
    GOOD("GET http://[::1]:8080/ HTTP/1.0\r\n\r\n");
    ck_assert(is(head.host, "[::1]:8080"));
}
END_TEST

START_TEST(a_bad_absolute_form_is_refused)
{
    REFUSED(400, "GET http:///p HTTP/1.1\r\n" HOST "\r\n");
    REFUSED(400, "GET http:// HTTP/1.1\r\n" HOST "\r\n");
    REFUSED(400, "GET http://user@b/ HTTP/1.1\r\n" HOST "\r\n");
    REFUSED(400, "GET http://b:port/ HTTP/1.1\r\n" HOST "\r\n");
    REFUSED(400, "GET ftp://b/ HTTP/1.1\r\n" HOST "\r\n");
    REFUSED(400, "GET http:/b/ HTTP/1.1\r\n" HOST "\r\n");
    REFUSED(400, "GET http://b/ HTTP/1.1\r\n\r\n"); /* Host is still needed */
    REFUSED(400, "GET http://b/ HTTP/1.1\r\nHost: b/\r\n\r\n");
}
END_TEST

START_TEST(asterisk_form_is_for_options_alone)
{
    GOOD("OPTIONS * HTTP/1.1\r\n" HOST "\r\n");
    ck_assert(is(head.path, "*"));
    REFUSED(400, "GET * HTTP/1.1\r\n" HOST "\r\n");
    REFUSED(400, "OPTIONS ** HTTP/1.1\r\n" HOST "\r\n");
}
END_TEST

START_TEST(authority_form_is_for_connect_alone)
{
    GOOD("CONNECT b:443 HTTP/1.1\r\n" HOST "\r\n");
    ck_assert_int_eq(head.method, HTTP_CONNECT);
    ck_assert_uint_eq(head.path.len, 0);
    REFUSED(400, "CONNECT /p HTTP/1.1\r\n" HOST "\r\n");
    REFUSED(400, "GET b:443 HTTP/1.1\r\n" HOST "\r\n");
}
END_TEST

/* ---- bad request lines ---- */

START_TEST(a_malformed_request_line_is_refused_when_it_has_ended)
{
    static const struct bytes lines[] = {
        { "GET /\r\n", 7 },
        { "GET\r\n", 5 },
        { "\r\n\r\n", 4 },
        { " GET / HTTP/1.1\r\n", 17 },
        { "GET  / HTTP/1.1\r\n", 17 },
        { "GET /  HTTP/1.1\r\n", 17 },
        { "GET / HTTP/1.1 \r\n", 17 },
        { "GET / a HTTP/1.1\r\n", 18 },
        { "GET HTTP/1.1\r\n", 14 },
        { "GET  HTTP/1.1\r\n", 15 },
        { "/ GET HTTP/1.1\r\n", 16 },
        { "G(T / HTTP/1.1\r\n", 16 },
        { "GET: / HTTP/1.1\r\n", 17 },
        { "GET a HTTP/1.1\r\n", 16 },
        { "GET /#f HTTP/1.1\r\n", 18 },
        { "GET / http/1.1\r\n", 16 },
        { "GET / HTTP/1.1.\r\n", 17 },
        { "GET / HTTP/1.10\r\n", 17 },
        { "GET / HTTP/11\r\n", 15 },
        { "GET / HTTP/1\r\n", 14 },
        { "GET / HTTP/1,1\r\n", 16 },
        { "GET / HTTP/x.1\r\n", 16 },
        { "GET / HTTP/1.x\r\n", 16 },
        { "GET / HTTPS/1.1\r\n", 17 },
        { "GET / \r\n", 8 },
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        refused_at_last_byte(lines[i], 400);
}
END_TEST

START_TEST(other_versions_are_505_when_the_line_has_ended)
{
    REFUSED_AT_LAST_BYTE(505, "GET / HTTP/2.0\r\n");
    REFUSED_AT_LAST_BYTE(505, "GET / HTTP/0.9\r\n");
    REFUSED_AT_LAST_BYTE(505, "GET / HTTP/3.1\r\n");
    REFUSED_AT_LAST_BYTE(505, "PRI * HTTP/2.0\r\n"); /* the preface of HTTP/2 */
}
END_TEST

START_TEST(bytes_that_no_request_line_has_are_refused_at_once)
{
    struct guarded g;
    size_t used;

    guarded_init(&g);
    for (int c = 0; c < 256; c++) {
        char line[] = "GET /some/longer/path?x HTTP/1.1";
        for (size_t at = 0; at < sizeof line - 1; at++) {
            char kept = line[at];
            if ((c >= 0x20 && c < 0x7F) || c == '\r')
                continue;
            line[at] = (char)c;
            struct bytes in = bytes_of(line, sizeof line - 1);
            if (parse_byte_by_byte(&g, in, &used) != -400 || used != at + 1 ||
                parse_whole(in) != -400)
                ck_abort_msg("%02x at %zu: after %zu", (unsigned)c, at, used);
            line[at] = kept;
        }
    }
    guarded_release(&g);
}
END_TEST

START_TEST(a_tls_hello_is_refused_at_its_first_byte)
{
    REFUSED(400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    REFUSED_AT_LAST_BYTE(400, "\x16");
}
END_TEST

START_TEST(bare_cr_and_bare_lf_are_refused)
{
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\n");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\rH");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\r");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\nHost: a\n");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\nHost: a\rb");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\nHost: a\r\n\n");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\nHost: a\r\n\rG");
}
END_TEST

/* ---- bad header lines ---- */

START_TEST(a_malformed_header_is_refused_when_its_line_has_ended)
{
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\n" HOST "no colon\r\n");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\n" HOST ": no name\r\n");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\n" HOST "Space : v\r\n");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\n" HOST "Tab\t: v\r\n");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\n" HOST "In side: v\r\n");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\n" HOST "N(me: v\r\n");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\n" HOST "N\xC3\xA9: v\r\n");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\n" HOST "\"N\": v\r\n");
}
END_TEST

START_TEST(obs_fold_is_refused)
{
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb: c\r\n");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\n Host: a\r\n");
    REFUSED_AT_LAST_BYTE(400, "GET / HTTP/1.1\r\n" HOST " \r\n");
}
END_TEST

START_TEST(control_characters_in_a_header_are_refused_at_once)
{
    struct guarded g;
    size_t used;

    guarded_init(&g);
    for (int c = 0; c < 256; c++) {
        char text[] = "GET / HTTP/1.1\r\nX-Name: a longer value\twith a tab\r\nHost: a\r\n\r\n";
        const size_t from = 24, to = 49;
        bool bad = (c < 0x20 && c != '\t' && c != '\r') || c == 0x7F;
        for (size_t at = from; at < to && c != '\r'; at++) {
            char kept = text[at];
            text[at] = (char)c;
            struct bytes in = bytes_of(text, sizeof text - 1);
            int result = parse_byte_by_byte(&g, in, &used);
            if (result != (bad ? -400 : (int)in.len) || used != (bad ? at + 1 : in.len) ||
                parse_whole(in) != result)
                ck_abort_msg("%02x at %zu: %d after %zu", (unsigned)c, at, result, used);
            text[at] = kept;
        }
    }
    guarded_release(&g);
}
END_TEST

/* ---- Host ---- */

START_TEST(host_is_needed_exactly_once)
{
    REFUSED(400, "GET / HTTP/1.1\r\n\r\n");
    REFUSED(400, "GET / HTTP/1.1\r\nX: y\r\n\r\n");
    REFUSED(400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n");
    REFUSED(400, "GET / HTTP/1.1\r\n" HOST "X: y\r\nhOsT: b\r\n\r\n");
    REFUSED(400, "GET / HTTP/1.0\r\n" HOST HOST "\r\n");
    GOOD("GET / HTTP/1.1\r\nhOST: a\r\n\r\n");
}
END_TEST

START_TEST(host_must_be_valid)
{
    REFUSED(400, "GET / HTTP/1.1\r\nHost:\r\n\r\n");
    REFUSED(400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
    REFUSED(400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n");
    REFUSED(400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n");
    REFUSED(400, "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n");
    REFUSED(400, "GET / HTTP/1.0\r\nHost: a:65536\r\n\r\n");
}
END_TEST

/* ---- framing, as smugglers would have it ---- */

START_TEST(content_length_is_digits_alone)
{
    GOOD("POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n");
    ck_assert(head.has_body && head.content_length == 0);
    GOOD("POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775807\r\n\r\n");
    ck_assert_uint_eq(head.content_length, INT64_MAX);
    GOOD("POST / HTTP/1.1\r\n" HOST "Content-Length: 000000000000000000000000042\r\n\r\n");
    ck_assert_uint_eq(head.content_length, 42);
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551621\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5,\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5.0\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: \"5\"\r\n\r\n");
}
END_TEST

START_TEST(repeated_lengths_must_be_the_same)
{
    GOOD("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\ncontent-length: 5\r\n\r\n");
    ck_assert_uint_eq(head.content_length, 5);
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 6\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length:\r\n\r\n");
}
END_TEST

START_TEST(transfer_encoding_is_chunked_and_nothing_else)
{
    GOOD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    ck_assert(head.has_body && head.is_chunked);
    GOOD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\tChUnKeD \r\n\r\n");
    ck_assert(head.is_chunked);
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked,\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \x0b"
                 "chunked\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked;q=1\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST
                 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST
                 "Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
}
END_TEST

START_TEST(a_length_beside_a_coding_is_refused)
{
    REFUSED(400,
            "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
    REFUSED(400,
            "POST / HTTP/1.1\r\n" HOST "transfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n");
    REFUSED(400,
            "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n");
    REFUSED(400,
            "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding : chunked\r\n\r\n");
    REFUSED(400, "POST / HTTP/1.1\r\n" HOST
                 "Content-Length: 5\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n");
}
END_TEST

/* ---- limits ---- */

static char big[40000];
static size_t big_len;

__attribute__((format(printf, 1, 2))) static void add(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    big_len += (size_t)vsnprintf(big + big_len, sizeof big - big_len, format, args);
    va_end(args);
    ck_assert_uint_lt(big_len, sizeof big);
}

static void add_x(size_t n)
{
    memset(big + big_len, 'x', n);
    big_len += n;
}

static struct bytes all_of_big(void)
{
    return bytes_of(big, big_len);
}

START_TEST(a_request_line_of_8192_bytes_passes)
{
    big_len = 0;
    add("GET /");
    add_x(8192 - strlen("GET / HTTP/1.1"));
    add(" HTTP/1.1\r\n" HOST "\r\n");
    good(all_of_big());
    big_len = 0;
    add("\r\nGET /");
    add_x(8192 - strlen("GET / HTTP/1.1"));
    add(" HTTP/1.1\r\n" HOST "\r\n");
    good(all_of_big());
}
END_TEST

START_TEST(a_request_line_of_8193_bytes_is_414_as_soon_as_it_is_that_long)
{
    big_len = 0;
    add("GET /");
    add_x(8193 - strlen("GET /"));
    refused_at_last_byte(all_of_big(), 414);
    big_len = 0;
    add("GET /");
    add_x(8193 - strlen("GET / HTTP/1.1"));
    add(" HTTP/1.1\r\n" HOST "\r\n");
    refused(all_of_big(), 414);
    big_len = 0;
    add_x(30000); /* no request at all */
    refused(all_of_big(), 414);
}
END_TEST

START_TEST(a_bad_byte_behind_the_limit_is_not_looked_at)
{
    big_len = 0;
    add_x(9000);
    add("\n");
    refused(all_of_big(), 414);
    big_len = 0;
    add_x(8192);
    add("\n");
    refused_at_last_byte(all_of_big(), 400);
}
END_TEST

/* A request whose header lines are `section` bytes long. */
static void request_with_section(size_t section)
{
    big_len = 0;
    add("GET / HTTP/1.1\r\n" HOST "X: ");
    add_x(section - strlen(HOST "X: \r\n"));
    add("\r\n");
}

START_TEST(a_header_section_of_16384_bytes_passes)
{
    request_with_section(16384);
    add("\r\n");
    good(all_of_big());
    big_len = 0; /* and of many lines */
    add("GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 100; i++) {
        add("Name-%d: ", i);
        add_x(150);
        add("\r\n");
    }
    add("Last: ");
    add_x(16384 + strlen("GET / HTTP/1.1\r\n") - big_len - 2);
    add("\r\n\r\n");
    good(all_of_big());
    ck_assert_uint_eq(head.n_headers, 102);
}
END_TEST

START_TEST(a_header_section_over_16384_bytes_is_431_as_soon_as_it_is_certain)
{
    request_with_section(16384);
    add("Y");
    refused_at_last_byte(all_of_big(), 431);
    request_with_section(16383); /* its CR would be the last byte inside, its LF outside */
    add("Y");
    refused_at_last_byte(all_of_big(), 431);
    big_len = 0;
    add("GET / HTTP/1.1\r\nX: ");
    add_x(16383 - strlen("X: "));
    refused_at_last_byte(all_of_big(), 431);
    request_with_section(16385);
    add("\r\n");
    refused(all_of_big(), 431);
}
END_TEST

START_TEST(a_long_request_line_leaves_the_header_section_its_own_limit)
{
    big_len = 0;
    add("GET /");
    add_x(8192 - strlen("GET / HTTP/1.1"));
    add(" HTTP/1.1\r\n" HOST "X: ");
    add_x(16384 - strlen(HOST "X: \r\n"));
    add("\r\n\r\n");
    good(all_of_big());
}
END_TEST

START_TEST(headers_128_pass_and_the_129th_is_431_at_its_first_byte)
{
    big_len = 0;
    add("GET / HTTP/1.1\r\n" HOST);
    for (int i = 1; i < 128; i++)
        add("X-%d: v\r\n", i);
    add("\r\n");
    good(all_of_big());
    ck_assert_uint_eq(head.n_headers, 128);
    ck_assert(is(get("X-127"), "v"));
    big_len -= 2;
    add("Y");
    refused_at_last_byte(all_of_big(), 431);
}
END_TEST

/* ---- progress ---- */

START_TEST(bytes_are_looked_at_once)
{
    struct http_scan scan = { 0 };

    big_len = 0;
    add("GET / HTTP/1.1\r\n" HOST "X: ");
    add_x(10000);
    for (size_t n = 1; n <= big_len; n++) {
        ck_assert_int_eq(http_head_parse(&head, &scan, bytes_of(big, n)), 0);
        ck_assert_uint_ge(scan.seen + 1, n); /* all but a CR whose LF may be to come */
        ck_assert_uint_ge(scan.seen, scan.line);
    }
    ck_assert_uint_eq(scan.request_line, 16);
    ck_assert_uint_eq(scan.line, 25);
}
END_TEST

START_TEST(no_bytes_are_no_answer)
{
    struct http_scan scan = { 0 };

    ck_assert_int_eq(http_head_parse(&head, &scan, bytes_of(NULL, 0)), 0);
    ck_assert_int_eq(http_head_parse(&head, &scan, BYTES("")), 0);
}
END_TEST

START_TEST(token_characters_are_those_of_rfc_9110)
{
    for (int c = 0; c < 256; c++) {
        bool expected = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                        (c >= 'a' && c <= 'z') || (c != 0 && strchr("!#$%&'*+-.^_`|~", c));
        ck_assert_int_eq(http_is_tchar[c], expected);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_browser_s_request,
        what_follows_the_head_is_left_alone,
        every_method_is_known,
        white_space_around_a_value_is_not_part_of_it,
        one_empty_line_before_the_request_is_forgiven,
        later_minor_versions_are_treated_as_1_1,
        http_1_0_may_lack_host_and_closes_unless_asked,
        connection_close_is_a_token_anywhere_in_the_list,
        expect_continue_is_noticed,
        headers_are_counted_and_the_first_is_found,
        origin_form_is_split_at_the_first_question_mark,
        absolute_form_names_the_host,
        a_bad_absolute_form_is_refused,
        asterisk_form_is_for_options_alone,
        authority_form_is_for_connect_alone,
        a_malformed_request_line_is_refused_when_it_has_ended,
        other_versions_are_505_when_the_line_has_ended,
        bytes_that_no_request_line_has_are_refused_at_once,
        a_tls_hello_is_refused_at_its_first_byte,
        bare_cr_and_bare_lf_are_refused,
        a_malformed_header_is_refused_when_its_line_has_ended,
        obs_fold_is_refused,
        control_characters_in_a_header_are_refused_at_once,
        host_is_needed_exactly_once,
        host_must_be_valid,
        content_length_is_digits_alone,
        repeated_lengths_must_be_the_same,
        transfer_encoding_is_chunked_and_nothing_else,
        a_length_beside_a_coding_is_refused,
        a_request_line_of_8192_bytes_passes,
        a_request_line_of_8193_bytes_is_414_as_soon_as_it_is_that_long,
        a_bad_byte_behind_the_limit_is_not_looked_at,
        a_header_section_of_16384_bytes_passes,
        a_header_section_over_16384_bytes_is_431_as_soon_as_it_is_certain,
        a_long_request_line_leaves_the_header_section_its_own_limit,
        headers_128_pass_and_the_129th_is_431_at_its_first_byte,
        bytes_are_looked_at_once,
        no_bytes_are_no_answer,
        token_characters_are_those_of_rfc_9110,
    };
    return RUN_TESTS("http_head", tests);
}
