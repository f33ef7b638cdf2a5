/* log.h - one line an event on standard error: time, level, text.
 *
 * Control characters and bytes that are not UTF-8's are escaped, a line is cut at 1 KiB, and no
 * caller passes message bodies, tokens or passwords. The level is the only state and is set once at
 * start.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* What is above `level` is not written. Set once, before anything is logged. Default LOG_INFO. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
/* printf-like; a newline is added. Keeps errno. */
__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *format, ...);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_enabled(LOG_DEBUG))                                                                \
            log_line(LOG_DEBUG, __VA_ARGS__);                                                      \
    } while (0)

#endif
