/* bytes.h - a borrowed view: pointer and length. It owns nothing and is passed by value. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct bytes {
    const char *data;
    size_t len;
};

/* A view of a string literal, without its NUL. */
#define BYTES(literal) ((struct bytes){ (literal), sizeof(literal) - 1 })

static inline struct bytes bytes_of(const char *data, size_t len)
{
    return (struct bytes){ data, len };
}

/* A view of a NUL-terminated string; NULL gives the empty view. */
static inline struct bytes bytes_str(const char *s)
{
    return (struct bytes){ s, s ? strlen(s) : 0 };
}

static inline bool bytes_eq(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_alpha(char c)
{
    c = ascii_lower(c);
    return c >= 'a' && c <= 'z';
}

/* The value of a hex digit, or -1. */
static inline int ascii_hex_value(char c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Equal without regard to ASCII case. */
static inline bool bytes_eq_nocase(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
            return false;
    return true;
}

/* What is behind the first `n` bytes, of which there must be as many. */
static inline struct bytes bytes_from(struct bytes b, size_t n)
{
    return bytes_of(b.data + n, b.len - n);
}

/* Without the spaces and tabs at both ends. */
static inline struct bytes bytes_trim(struct bytes b)
{
    while (b.len > 0 && (b.data[0] == ' ' || b.data[0] == '\t'))
        b = bytes_from(b, 1);
    while (b.len > 0 && (b.data[b.len - 1] == ' ' || b.data[b.len - 1] == '\t'))
        b.len--;
    return b;
}

/* Takes the part in front of the first `separator` off *rest, and the separator with it. Without
 * one the part is everything, and rest->data becomes NULL. So a list is read like this:
 *
 *     while (list.data)
 *         use(bytes_trim(bytes_cut(&list, ',')));
 */
static inline struct bytes bytes_cut(struct bytes *rest, char separator)
{
    struct bytes part = *rest;
    const char *at = part.len ? (const char *)memchr(part.data, separator, part.len) : NULL;

    if (!at) {
        *rest = bytes_of(NULL, 0);
        return part;
    }
    part.len = (size_t)(at - part.data);
    *rest = bytes_from(*rest, part.len + 1);
    return part;
}

#endif
