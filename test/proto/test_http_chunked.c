/* test_http_chunked.c - the chunked coding, proven by slices: whole, byte by byte and cut at every
 * pair of places, against an unmapped page. */
#include "proto/http_chunked.h"

#include <stdio.h>
#include "../base/run_tests.h"
#include "guarded.h"

static struct guarded guarded;
static char body[70000];
static size_t body_len;

/* Reads a piece; appends what it carries to `body`. *rest is what was not read. */
static enum http_chunked_result feed(struct http_chunked *c, struct bytes piece, struct bytes *rest)
{
    struct bytes in = bytes_of(guarded_copy(&guarded, piece), piece.len), data;
    enum http_chunked_result result;

    while ((result = http_chunked_next(c, &in, &data)) == HTTP_CHUNKED_DATA) {
        if (data.len == 0 || body_len + data.len > sizeof body)
            ck_abort_msg("%zu bytes of data after %zu", data.len, body_len);
        memcpy(body + body_len, data.data, data.len);
        body_len += data.len;
    }
    if (result == HTTP_CHUNKED_MORE && in.len != 0)
        ck_abort_msg("%zu bytes are left", in.len);
    *rest = bytes_of(piece.data + piece.len - in.len, in.len);
    return result;
}

/* What the three pieces of `wire` yield; *used is how many bytes were read. */
static enum http_chunked_result result_when_cut(struct bytes wire, size_t a, size_t b, size_t *used)
{
    const size_t ends[] = { a, b, wire.len };
    struct http_chunked c = { 0 };
    enum http_chunked_result result = HTTP_CHUNKED_MORE;
    struct bytes rest = { 0 };
    size_t at = 0;

    body_len = 0;
    for (int i = 0; i < 3 && result == HTTP_CHUNKED_MORE; i++) {
        result = feed(&c, bytes_of(wire.data + at, ends[i] - at), &rest);
        at = ends[i];
    }
    *used = at - rest.len;
    return result;
}

static enum http_chunked_result result_byte_by_byte(struct bytes wire, size_t *used)
{
    struct http_chunked c = { 0 };
    enum http_chunked_result result = HTTP_CHUNKED_MORE;
    struct bytes rest;

    body_len = 0;
    for (*used = 0; *used < wire.len && result == HTTP_CHUNKED_MORE; ++*used)
        result = feed(&c, bytes_of(wire.data + *used, 1), &rest);
    return result;
}

static void check(struct bytes wire, enum http_chunked_result want, struct bytes want_body,
                  size_t want_used)
{
    size_t used, step = wire.len < 300 ? 1 : wire.len / 40;

    guarded_init(&guarded);
    ck_assert_int_eq(result_byte_by_byte(wire, &used), want);
    ck_assert_uint_eq(used, want_used);
    ck_assert(bytes_eq(bytes_of(body, body_len), want_body));
    for (size_t a = 0; a <= wire.len; a += step)
        for (size_t b = a; b <= wire.len; b += step) {
            if (result_when_cut(wire, a, b, &used) != want || used != want_used ||
                !bytes_eq(bytes_of(body, body_len), want_body))
                ck_abort_msg("cut at %zu and %zu: %zu bytes used", a, b, used);
        }
    guarded_release(&guarded);
}

/* Done at the very end, with this body. */
static void good(struct bytes wire, const char *want_body)
{
    check(wire, HTTP_CHUNKED_DONE, bytes_str(want_body), wire.len);
}

/* Bad at its last byte and not before. */
static void bad_at_last_byte(struct bytes wire)
{
    size_t used;

    guarded_init(&guarded);
    enum http_chunked_result result = result_byte_by_byte(wire, &used);
    if (result != HTTP_CHUNKED_BAD || used != wire.len)
        ck_abort_msg("result %d after %zu of: %.100s", result, used, wire.data);
    for (size_t a = 0; a <= wire.len; a++)
        ck_assert_int_eq(result_when_cut(wire, a, wire.len, &used), HTTP_CHUNKED_BAD);
    guarded_release(&guarded);
}

#define GOOD(literal, want) good(BYTES(literal), want)
#define BAD(literal)        bad_at_last_byte(BYTES(literal))

START_TEST(chunks_become_a_body)
{
    GOOD("5\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\n\r\n", "hello, world");
    GOOD("0\r\n\r\n", "");
    GOOD("a\r\n0123456789\r\n0\r\n\r\n", "0123456789");
    GOOD("A\r\n0123456789\r\n000\r\n\r\n", "0123456789");
    GOOD("0000000000000001\r\nx\r\n0\r\n\r\n", "x");
    GOOD("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n");
}
END_TEST

START_TEST(what_follows_the_body_is_left_alone)
{
    check(BYTES("1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n"), HTTP_CHUNKED_DONE, BYTES("x"), 11);
}
END_TEST

START_TEST(a_large_chunk_is_handed_out_in_views)
{
    static char wire[66000], text[65536];

    memset(text, 'x', sizeof text);
    int n = snprintf(wire, sizeof wire, "10000\r\n");
    memcpy(wire + n, text, sizeof text);
    memcpy(wire + n + sizeof text, "\r\n0\r\n\r\n", 7);
    size_t len = (size_t)n + sizeof text + 7, used;
    struct bytes whole = bytes_of(wire, len), data;
    struct http_chunked c = { 0 };
    guarded_init(&guarded);
    ck_assert_int_eq(result_when_cut(whole, 1000, 60000, &used), HTTP_CHUNKED_DONE);
    ck_assert(bytes_eq(bytes_of(body, body_len), bytes_of(text, sizeof text)));
    guarded_release(&guarded);
    ck_assert_int_eq(http_chunked_next(&c, &whole, &data), HTTP_CHUNKED_DATA);
    ck_assert_ptr_eq(data.data, wire + n);
    ck_assert_uint_eq(data.len, sizeof text);
}
END_TEST

START_TEST(sizes_are_hex_digits_alone)
{
    BAD("\r");
    BAD("\n");
    BAD(" ");
    BAD("+");
    BAD("-");
    BAD("0x");
    BAD("g");
    BAD(";");
    BAD("5g");
    BAD("5,");
    BAD("5 5");
    BAD("5\n");
    BAD("5\r\r");
    BAD("5\r5");
    BAD("5\0");
    BAD("5 \r");
    BAD("\xC2");
}
END_TEST

START_TEST(sixteen_digits_pass_and_seventeen_do_not)
{
    struct http_chunked c = { 0 };
    struct bytes in = BYTES("FFFFFFFFFFFFFFFF\r\nx"), data;

    ck_assert_int_eq(http_chunked_next(&c, &in, &data), HTTP_CHUNKED_DATA);
    ck_assert_uint_eq(c.left, UINT64_MAX - 1);
    BAD("00000000000000000");
    BAD("FFFFFFFFFFFFFFFFF");
}
END_TEST

START_TEST(a_chunk_is_announced_when_the_line_with_its_size_is_whole)
{
    static const char line[] = "fffff ;x=y\r\n";
    struct http_chunked c = { 0 };
    struct bytes rest;

    guarded_init(&guarded);
    for (size_t i = 0; i < sizeof line - 1; i++) {
        ck_assert_uint_eq(http_chunked_announced(&c), 0);
        ck_assert_int_eq(feed(&c, bytes_of(line + i, 1), &rest), HTTP_CHUNKED_MORE);
    }
    ck_assert_uint_eq(http_chunked_announced(&c), 0xfffff);
    body_len = 0;
    ck_assert_int_eq(feed(&c, BYTES("abc"), &rest), HTTP_CHUNKED_MORE);
    ck_assert_uint_eq(http_chunked_announced(&c), 0xfffff - 3);
    guarded_release(&guarded);
}
END_TEST

START_TEST(data_ends_in_crlf)
{
    BAD("1\r\nxy");
    BAD("1\r\nx\n");
    BAD("1\r\nx\r1");
    BAD("1\r\nx\r\r");
    BAD("1\r\nx\r\n\r");
}
END_TEST

START_TEST(extensions_are_ignored)
{
    GOOD("1;a\r\nx\r\n0;b\r\n\r\n", "x");
    GOOD("1;a=b;c=\"d\"\r\nx\r\n0\r\n\r\n", "x");
    GOOD("1 ; a = b\t; c = \"\\\"; \\\\d\xC3\"\t;e\r\nx\r\n0 ;z\r\n\r\n", "x");
    GOOD("1;a=\"\"\r\nx\r\n0\r\n\r\n", "x");
    GOOD("1;a =b ;c\r\nx\r\n0\r\n\r\n", "x");
}
END_TEST

START_TEST(malformed_extensions_are_bad)
{
    BAD("1;\r");
    BAD("1;;");
    BAD("1;=");
    BAD("1;a\n");
    BAD("1;a b");
    BAD("1;a \r");
    BAD("1;a=b \r");
    BAD("1;a=\"b\" \r");
    BAD("1;a=\r");
    BAD("1;a=;");
    BAD("1;a=b c");
    BAD("1;a=b=");
    BAD("1;a=\"b\n");
    BAD("1;a=\"b\r");
    BAD("1;a=\"b\\\r");
    BAD("1;a=\"b\x7f");
    BAD("1;a=\"b\"c");
    BAD("1;a\x01");
    BAD("1 a");
    BAD("1\ta");
}
END_TEST

START_TEST(trailers_are_ignored)
{
    GOOD("1\r\nx\r\n0\r\nExpires: never\r\nX:\r\nY:\t\xFF \r\n\r\n", "x");
}
END_TEST

START_TEST(malformed_trailers_are_bad)
{
    BAD("0\r\n:");
    BAD("0\r\nA\r");
    BAD("0\r\nA ");
    BAD("0\r\nA\t");
    BAD("0\r\n ");
    BAD("0\r\n\t");
    BAD("0\r\n\n");
    BAD("0\r\nA: b\n");
    BAD("0\r\nA: b\r\r");
    BAD("0\r\nA: \0");
    BAD("0\r\nA: b\r\n ");
    BAD("0\r\n\r\r");
    BAD("0\r\n\rX");
}
END_TEST

static char wire[20000];

/* "1;xxx...\r\n" of `len` bytes, and the rest of a body. */
static struct bytes with_chunk_line(size_t len)
{
    memset(wire, 'x', len);
    memcpy(wire, "1;", 2);
    memcpy(wire + len - 2, "\r\nx\r\n0\r\n\r\n", 10);
    return bytes_of(wire, len + 8);
}

START_TEST(a_chunk_line_of_4096_bytes_passes_and_one_more_does_not)
{
    good(with_chunk_line(HTTP_MAX_CHUNK_LINE), "x");
    struct bytes longer = with_chunk_line(HTTP_MAX_CHUNK_LINE + 1);
    bad_at_last_byte(bytes_of(longer.data, HTTP_MAX_CHUNK_LINE + 1));
}
END_TEST

START_TEST(each_chunk_line_has_the_limit_to_itself)
{
    static char two[20000];
    struct bytes line = with_chunk_line(HTTP_MAX_CHUNK_LINE);
    size_t n = 0;

    for (int i = 0; i < 3; i++) {
        memcpy(two + n, line.data, HTTP_MAX_CHUNK_LINE + 3);
        n += HTTP_MAX_CHUNK_LINE + 3;
    }
    memcpy(two + n, "0\r\n\r\n", 5);
    good(bytes_of(two, n + 5), "xxx");
}
END_TEST

/* "0\r\n", trailer lines of `len` bytes altogether, "\r\n". */
static struct bytes with_trailers(size_t len)
{
    size_t n = 3, end = 3 + len;

    memcpy(wire, "0\r\n", 3);
    for (; end - n > 2000; n += 1000) {
        memset(wire + n, 'v', 1000);
        memcpy(wire + n, "N:", 2);
        memcpy(wire + n + 998, "\r\n", 2);
    }
    memset(wire + n, 'v', end - n);
    memcpy(wire + n, "N:", 2);
    memcpy(wire + end - 2, "\r\n\r\n", 4);
    return bytes_of(wire, end + 2);
}

START_TEST(trailers_of_8192_bytes_pass_and_one_more_does_not)
{
    good(with_trailers(HTTP_MAX_TRAILERS), "");
    struct bytes longer = with_trailers(HTTP_MAX_TRAILERS + 1);
    bad_at_last_byte(bytes_of(longer.data, 3 + HTTP_MAX_TRAILERS + 1));
}
END_TEST

START_TEST(done_and_bad_stay_so)
{
    struct http_chunked done = { 0 }, bad = { 0 };
    struct bytes a = BYTES("0\r\n\r\nrest"), b = BYTES("x0\r\n\r\n"), data;

    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(http_chunked_next(&done, &a, &data), HTTP_CHUNKED_DONE);
        ck_assert(bytes_eq(a, BYTES("rest")));
        ck_assert_int_eq(http_chunked_next(&bad, &b, &data), HTTP_CHUNKED_BAD);
    }
}
END_TEST

START_TEST(an_unfinished_body_wants_more)
{
    static const char *const wires[] = { "",      "5",       "5\r",
                                         "5\r\n", "5\r\nhe", "5\r\nhello\r\n",
                                         "0\r\n", "0\r\n\r", "0\r\nA: b\r\n" };

    guarded_init(&guarded);
    for (size_t i = 0; i < sizeof wires / sizeof *wires; i++) {
        size_t used;
        ck_assert_int_eq(result_when_cut(bytes_str(wires[i]), 0, 0, &used), HTTP_CHUNKED_MORE);
    }
    guarded_release(&guarded);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        chunks_become_a_body,
        what_follows_the_body_is_left_alone,
        a_large_chunk_is_handed_out_in_views,
        sizes_are_hex_digits_alone,
        sixteen_digits_pass_and_seventeen_do_not,
        a_chunk_is_announced_when_the_line_with_its_size_is_whole,
        data_ends_in_crlf,
        extensions_are_ignored,
        malformed_extensions_are_bad,
        trailers_are_ignored,
        malformed_trailers_are_bad,
        a_chunk_line_of_4096_bytes_passes_and_one_more_does_not,
        each_chunk_line_has_the_limit_to_itself,
        trailers_of_8192_bytes_pass_and_one_more_does_not,
        done_and_bad_stay_so,
        an_unfinished_body_wants_more,
    };
    return RUN_TESTS("http_chunked", tests);
}
