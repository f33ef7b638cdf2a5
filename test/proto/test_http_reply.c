/* test_http_reply.c - response heads, byte for byte. */
#include "proto/http_reply.h"

#include <locale.h>
#include <stdio.h>
#include "../base/run_tests.h"

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define SECURITY                                                                                   \
    "X-Content-Type-Options: nosniff\r\n"                                                          \
    "X-Frame-Options: DENY\r\n"                                                                    \
    "Referrer-Policy: same-origin\r\n"                                                             \
    "Permissions-Policy: camera=(self), microphone=(self), display-capture=(self)\r\n"

static char text[4096];

static const char *written(const struct http_reply_head *r)
{
    struct buf b;

    buf_init(&b, sizeof text - 1);
    ck_assert_int_eq(http_reply_write(&b, r), OK);
    memcpy(text, buf_head(&b), buf_len(&b));
    text[buf_len(&b)] = '\0';
    buf_release(&b);
    return text;
}

START_TEST(a_page)
{
    struct http_reply_head r = {
        .status = 200,
        .content_type = BYTES("text/html; charset=utf-8"),
        .has_length = true,
        .content_length = 1234,
        .keep_alive = true,
        .minor_version = 1,
        .date = DATE,
    };

    ck_assert_str_eq(written(&r), "HTTP/1.1 200 OK\r\nDate: " DATE "\r\n" SECURITY
                                  "Content-Type: text/html; charset=utf-8\r\n"
                                  "Content-Length: 1234\r\n\r\n");
}
END_TEST

START_TEST(extra_headers_come_last)
{
    struct http_reply_head r = {
        .status = 302,
        .has_length = true,
        .keep_alive = false,
        .minor_version = 1,
        .date = DATE,
        .extra = BYTES("Location: /\r\nSet-Cookie: a=b\r\n"),
    };

    ck_assert_str_eq(written(&r), "HTTP/1.1 302 Found\r\nDate: " DATE "\r\n" SECURITY
                                  "Content-Length: 0\r\nConnection: close\r\n"
                                  "Location: /\r\nSet-Cookie: a=b\r\n\r\n");
}
END_TEST

START_TEST(a_chunked_answer_has_no_length)
{
    struct http_reply_head r = {
        .status = 200, .is_chunked = true, .keep_alive = true, .minor_version = 1, .date = DATE
    };

    ck_assert_str_eq(written(&r), "HTTP/1.1 200 OK\r\nDate: " DATE "\r\n" SECURITY
                                  "Transfer-Encoding: chunked\r\n\r\n");
}
END_TEST

START_TEST(http_1_0_is_told_that_the_connection_is_kept)
{
    struct http_reply_head r = {
        .status = 200, .has_length = true, .keep_alive = true, .minor_version = 0, .date = DATE
    };

    ck_assert_ptr_nonnull(strstr(written(&r), "\r\nConnection: keep-alive\r\n"));
    r.keep_alive = false;
    ck_assert_ptr_nonnull(strstr(written(&r), "\r\nConnection: close\r\n"));
}
END_TEST

START_TEST(switching_protocols_has_only_its_own_headers)
{
    struct http_reply_head r = {
        .status = 101,
        .has_length = true,
        .is_chunked = true,
        .keep_alive = false,
        .minor_version = 1,
        .date = DATE,
        .extra = BYTES("Upgrade: websocket\r\nConnection: Upgrade\r\n"),
    };

    ck_assert_str_eq(written(&r), "HTTP/1.1 101 Switching Protocols\r\nDate: " DATE "\r\n" SECURITY
                                  "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
}
END_TEST

START_TEST(answers_without_a_body_never_have_a_length)
{
    static const int statuses[] = { 100, 101, 204, 304 };

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct http_reply_head r = {
            .status = statuses[i], .has_length = true, .is_chunked = true, .date = DATE
        };
        written(&r);
        ck_assert_ptr_null(strstr(text, "Content-Length"));
        ck_assert_ptr_null(strstr(text, "Transfer-Encoding"));
        ck_assert_str_eq(text + strlen(text) - 4, "\r\n\r\n");
    }
}
END_TEST

START_TEST(every_status_has_its_reason)
{
    static const int statuses[] = { 100, 101, 200, 201, 204, 206, 302, 304, 400,
                                    401, 403, 404, 405, 408, 409, 411, 413, 414,
                                    415, 416, 426, 429, 431, 500, 501, 503, 505 };

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct http_reply_head r = { .status = statuses[i], .date = DATE, .has_length = true };
        char line[128];
        ck_assert_uint_gt(strlen(http_reason(statuses[i])), 1);
        snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\nDate: ", statuses[i],
                 http_reason(statuses[i]));
        ck_assert_int_eq(strncmp(written(&r), line, strlen(line)), 0);
    }
    ck_assert_str_eq(http_reason(404), "Not Found");
    ck_assert_str_eq(http_reason(418), "");
}
END_TEST

START_TEST(the_longest_head_fits_its_reservation)
{
    struct http_reply_head r = {
        .status = 431, /* the longest reason */
        .content_type = BYTES("application/x-www-form-urlencoded; charset=utf-8"),
        .has_length = true,
        .content_length = UINT64_MAX,
        .is_chunked = true,
        .keep_alive = true,
        .minor_version = 0,
        .date = DATE,
        .extra = BYTES("X: y\r\n"),
    };

    ck_assert_ptr_nonnull(strstr(written(&r), "Content-Length: 18446744073709551615\r\n"));
    r.status = INT32_MIN; /* no status at all: still nothing but a strange line */
    written(&r);
}
END_TEST

START_TEST(a_full_buffer_is_left_as_it_was)
{
    struct http_reply_head r = { .status = 200, .date = DATE };
    struct buf b;

    buf_init(&b, 100);
    ck_assert_int_eq(buf_append(&b, "kept", 4), OK);
    ck_assert_int_eq(http_reply_write(&b, &r), ERR_LIMIT);
    ck_assert(bytes_eq(buf_bytes(&b), BYTES("kept")));
    buf_release(&b);
}
END_TEST

START_TEST(a_head_is_appended)
{
    struct http_reply_head r = { .status = 200, .date = DATE };
    struct buf b;

    buf_init(&b, 10000);
    ck_assert_int_eq(http_reply_write(&b, &r), OK);
    size_t len = buf_len(&b);
    ck_assert_int_eq(http_reply_write(&b, &r), OK);
    ck_assert_uint_eq(buf_len(&b), 2 * len);
    ck_assert_mem_eq(buf_head(&b), buf_head(&b) + len, len);
    buf_release(&b);
}
END_TEST

START_TEST(dates_are_imf_fixdate)
{
    static const struct {
        time_t at;
        const char *text;
    } cases[] = {
        { 784111777, DATE }, /* the example of RFC 9110 */
        { 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
        { 951782400, "Tue, 29 Feb 2000 00:00:00 GMT" },
        { 1798761599, "Thu, 31 Dec 2026 23:59:59 GMT" },
        { 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" },
    };
    char date[HTTP_DATE_LEN + 1];

    setlocale(LC_ALL, "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        http_date(cases[i].at, date);
        ck_assert_str_eq(date, cases[i].text);
    }
}
END_TEST

START_TEST(every_month_and_day_has_its_name)
{
    static const char *const days[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    char date[HTTP_DATE_LEN + 1];

    for (int day = 0; day < 365; day++) {
        http_date((time_t)day * 86400, date);
        ck_assert_int_eq(strncmp(date, days[day % 7], 3), 0);
    }
    for (int month = 0; month < 12; month++) {
        http_date((time_t)month * 30 * 86400 + 15 * 86400, date); /* mid-month, more or less */
        ck_assert_int_eq(strncmp(date + 8, months[month], 3), 0);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_page,
        extra_headers_come_last,
        a_chunked_answer_has_no_length,
        http_1_0_is_told_that_the_connection_is_kept,
        switching_protocols_has_only_its_own_headers,
        answers_without_a_body_never_have_a_length,
        every_status_has_its_reason,
        the_longest_head_fits_its_reservation,
        a_full_buffer_is_left_as_it_was,
        a_head_is_appended,
        dates_are_imf_fixdate,
        every_month_and_day_has_its_name,
    };
    return RUN_TESTS("http_reply", tests);
}
