/* log.c - one event, one line, one write(2).
 *
 * The text of a line may hold what a stranger sent (a path, a name), so nothing in it may end the
 * line early or talk to a terminal: control characters, C1 controls included, and bytes that are no
 * UTF-8 are written as \xNN. One write for the whole line keeps lines of several processes apart.
 * The level is the only mutable global of the program: see the header.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_LINE 1024u /* with the newline */

static enum log_level level_now = LOG_INFO;

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void log_set_level(enum log_level level)
{
    level_now = level;
}

bool log_enabled(enum log_level level)
{
    return level <= level_now;
}

/* "2026-11-22T00:00:00.123Z warn " */
static size_t write_prefix(char *out, size_t cap, enum log_level level)
{
    struct timespec now;
    struct tm tm;
    char date[32];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    int n =
        snprintf(out, cap, "%s.%03dZ %s ", date, (int)(now.tv_nsec / 1000000), level_names[level]);
    return n > 0 ? (size_t)n : 0;
}

/* Length of the well-formed, harmless character at s (NUL-terminated), 0 when there is none. The
 * bounds of the second byte are those of RFC 3629, and U+0080 to U+009F are controls. */
static size_t plain_length(const unsigned char *s)
{
    unsigned char lo = 0x80, hi = 0xBF;
    size_t n;

    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7F;
    if (s[0] >= 0xC2 && s[0] <= 0xDF) {
        n = 2;
        lo = s[0] == 0xC2 ? 0xA0 : lo;
    } else if (s[0] >= 0xE0 && s[0] <= 0xEF) {
        n = 3;
        lo = s[0] == 0xE0 ? 0xA0 : lo;
        hi = s[0] == 0xED ? 0x9F : hi;
    } else if (s[0] >= 0xF0 && s[0] <= 0xF4) {
        n = 4;
        lo = s[0] == 0xF0 ? 0x90 : lo;
        hi = s[0] == 0xF4 ? 0x8F : hi;
    } else {
        return 0;
    }
    if (s[1] < lo || s[1] > hi)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xC0) != 0x80) /* the closing NUL ends this in time */
            return 0;
    return n;
}

/* Whole characters and whole escapes only, as many as fit. */
static size_t write_escaped(char *out, size_t cap, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *s = (const unsigned char *)text;
    size_t used = 0;

    while (*s) {
        size_t plain = plain_length(s);
        if ((plain ? plain : 4) > cap - used)
            break;
        if (plain) {
            memcpy(out + used, s, plain);
            used += plain;
            s += plain;
        } else {
            const char escaped[4] = { '\\', 'x', hex[*s >> 4], hex[*s & 15] };
            memcpy(out + used, escaped, sizeof escaped);
            used += sizeof escaped;
            s++;
        }
    }
    return used;
}

void log_line(enum log_level level, const char *format, ...)
{
    int kept = errno;
    char text[MAX_LINE], line[MAX_LINE];
    va_list args;

    if (!log_enabled(level))
        return;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);
    size_t n = write_prefix(line, sizeof line, level);
    n += write_escaped(line + n, sizeof line - 1 - n, text);
    line[n++] = '\n';
    /* A log that cannot be written has nowhere to say so. */
    ssize_t ignored = write(STDERR_FILENO, line, n);
    (void)ignored;
    errno = kept;
}
