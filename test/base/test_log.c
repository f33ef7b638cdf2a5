/* test_log.c - what a line looks like. Standard error is a datagram socket here: one write, one
 * datagram. */
#include "base/log.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "run_tests.h"

static int ends[2], real_stderr;
static char line[4096];

static void capture(void)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
    real_stderr = dup(STDERR_FILENO);
    dup2(ends[0], STDERR_FILENO);
}

/* The next datagram, with a NUL behind it; -1 when there is none. */
static ssize_t next_line(void)
{
    ssize_t n = recv(ends[1], line, sizeof line - 1, MSG_DONTWAIT);

    line[n > 0 ? n : 0] = '\0';
    return n;
}

static void uncapture(void)
{
    log_set_level(LOG_INFO); /* the default, for the next test of this process */
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(ends[0]);
    close(ends[1]);
}

/* The line without its time, which must be well-formed: "level text\n". */
static const char *logged(void)
{
    regex_t time_and_rest;
    static const char pattern[] =
        "^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z [a-z]+ ";

    ck_assert_int_gt(next_line(), 0);
    ck_assert_int_eq(regcomp(&time_and_rest, pattern, REG_EXTENDED | REG_NOSUB), 0);
    ck_assert_int_eq(regexec(&time_and_rest, line, 0, NULL, 0), 0);
    regfree(&time_and_rest);
    return strchr(line, ' ') + 1;
}

START_TEST(a_line_has_time_level_and_text)
{
    capture();
    log_error("disk %s: %d", "full", 7);
    ck_assert_str_eq(logged(), "error disk full: 7\n");
    log_warn("w");
    ck_assert_str_eq(logged(), "warn w\n");
    log_info("i");
    ck_assert_str_eq(logged(), "info i\n");
    uncapture();
}
END_TEST

START_TEST(what_is_above_the_level_is_not_written)
{
    capture();
    ck_assert(log_enabled(LOG_INFO));
    ck_assert(!log_enabled(LOG_DEBUG));
    log_debug("hidden");
    log_line(LOG_DEBUG, "hidden");
    ck_assert_int_eq(next_line(), -1);
    log_set_level(LOG_DEBUG);
    log_debug("seen");
    ck_assert_str_eq(logged(), "debug seen\n");
    log_set_level(LOG_ERROR);
    log_warn("hidden");
    ck_assert_int_eq(next_line(), -1);
    log_error("seen");
    ck_assert_str_eq(logged(), "error seen\n");
    uncapture();
}
END_TEST

START_TEST(control_characters_cannot_forge_a_line)
{
    capture();
    log_info("%s", "a\nb\r\x1b[31m\x7f\tz");
    ck_assert_str_eq(logged(), "info a\\x0ab\\x0d\\x1b[31m\\x7f\\x09z\n");
    log_info("%s", "c1: \xC2\x9B \xC2\x80 \xC2\x9F \xC2\xA0");
    ck_assert_str_eq(logged(), "info c1: \\xc2\\x9b \\xc2\\x80 \\xc2\\x9f \xC2\xA0\n");
    uncapture();
}
END_TEST

START_TEST(utf8_is_kept_and_other_bytes_are_escaped)
{
    static const char *const cases[][2] = {
        { "Gr\xC3\xBC\xC3\x9F"
          "e \xE2\x82\xAC \xF0\x9F\x98\x80",
          "Gr\xC3\xBC\xC3\x9F"
          "e \xE2\x82\xAC \xF0\x9F\x98\x80" },
        { "\x80", "\\x80" },
        { "\xC3", "\\xc3" },
        { "\xC0\xAF", "\\xc0\\xaf" },
        { "\xC1\xBF", "\\xc1\\xbf" },
        { "\xE0\x80\xAF", "\\xe0\\x80\\xaf" },
        { "\xE0\xA0\x80", "\xE0\xA0\x80" },
        { "\xED\x9F\xBF", "\xED\x9F\xBF" },
        { "\xED\xA0\x80", "\\xed\\xa0\\x80" },
        { "\xF0\x8F\xBF\xBF", "\\xf0\\x8f\\xbf\\xbf" },
        { "\xF0\x90\x80\x80", "\xF0\x90\x80\x80" },
        { "\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF" },
        { "\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
        { "\xF5\x80\x80\x80", "\\xf5\\x80\\x80\\x80" },
        { "\xFF", "\\xff" },
        { "\xE2\x82z", "\\xe2\\x82z" },
        { "\xF0\x9F\x98", "\\xf0\\x9f\\x98" },
    };

    capture();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        log_info("%s", cases[i][0]);
        const char *text = logged() + strlen("info ");
        ck_assert_uint_eq(strlen(text), strlen(cases[i][1]) + 1);
        ck_assert_int_eq(strncmp(text, cases[i][1], strlen(cases[i][1])), 0);
    }
    uncapture();
}
END_TEST

START_TEST(a_long_line_is_cut_at_1024_bytes_between_characters)
{
    char text[5000];

    capture();
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_info("%s", text);
    ck_assert_int_eq(next_line(), 1024);
    ck_assert_int_eq(line[1023], '\n');
    ck_assert_int_eq(line[1022], 'x');
    for (size_t lead = 0; lead < 4; lead++) {
        size_t n = lead;
        memset(text, 'x', lead);
        for (; n + 4 < sizeof text; n += 4)
            memcpy(text + n, "\xF0\x9F\x98\x80", 4);
        text[n] = '\0';
        log_info("%s", text);
        ssize_t len = next_line();
        ck_assert_int_gt(len, 1019);
        ck_assert_int_le(len, 1024);
        ck_assert_int_eq(memcmp(line + len - 5, "\xF0\x9F\x98\x80\n", 5), 0);
        memset(text + lead, '\n', sizeof text - lead - 1);
        log_info("%s", text);
        len = next_line();
        ck_assert_int_gt(len, 1019);
        ck_assert_int_le(len, 1024);
        ck_assert_int_eq(memcmp(line + len - 5, "\\x0a\n", 5), 0);
    }
    uncapture();
}
END_TEST

START_TEST(errno_is_kept_even_when_nothing_can_be_written)
{
    capture();
    errno = EADDRINUSE;
    log_info("x");
    ck_assert_int_eq(errno, EADDRINUSE);
    int kept = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    log_info("lost");
    int seen = errno;
    dup2(kept, STDERR_FILENO);
    close(kept);
    uncapture();
    ck_assert_int_eq(seen, EADDRINUSE);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_line_has_time_level_and_text,
        what_is_above_the_level_is_not_written,
        control_characters_cannot_forge_a_line,
        utf8_is_kept_and_other_bytes_are_escaped,
        a_long_line_is_cut_at_1024_bytes_between_characters,
        errno_is_kept_even_when_nothing_can_be_written,
    };
    return RUN_TESTS("log", tests);
}
