/* http_url.c - percent-decoding, once and strictly.
 *
 * Paths are judged after decoding, so that no encoding of a dot, a slash or a NUL gets past the
 * rule; and they are decoded exactly once, so "%252e" is the three characters "%2e" of a name and
 * nothing else.
 */
#include "proto/http_url.h"

static enum err decode(struct bytes in, bool plus_is_space, char *out, size_t cap, size_t *len)
{
    size_t used = 0;

    for (size_t i = 0; i < in.len; i++) {
        char c = in.data[i];
        if (c == '%') {
            int high = in.len - i > 2 ? ascii_hex_value(in.data[i + 1]) : -1;
            int low = high >= 0 ? ascii_hex_value(in.data[i + 2]) : -1;
            if (low < 0)
                return ERR_BAD_INPUT;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (used == cap)
            return ERR_LIMIT;
        out[used++] = c;
    }
    *len = used;
    return OK;
}

static bool is_dot_segment(struct bytes s)
{
    return bytes_eq(s, BYTES(".")) || bytes_eq(s, BYTES(".."));
}

/* No NUL, no backslash (a separator on other systems), no "." or ".." between slashes. */
static bool is_plain(struct bytes path)
{
    size_t begin = 0;

    for (size_t i = 0; i <= path.len; i++) {
        if (i < path.len && (path.data[i] == '\0' || path.data[i] == '\\'))
            return false;
        if (i < path.len && path.data[i] != '/')
            continue;
        if (is_dot_segment(bytes_of(path.data + begin, i - begin)))
            return false;
        begin = i + 1;
    }
    return true;
}

enum err url_decode_path(struct bytes path, char *out, size_t cap, size_t *len)
{
    if (cap == 0)
        return ERR_LIMIT;
    enum err e = decode(path, false, out, cap - 1, len);
    if (e)
        return e;
    out[*len] = '\0';
    return is_plain(bytes_of(out, *len)) ? OK : ERR_NOT_FOUND;
}

enum err url_decode_form(struct bytes field, char *out, size_t cap, size_t *len)
{
    return decode(field, true, out, cap, len);
}
