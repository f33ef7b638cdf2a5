#include "app/json_out.h"
#include <inttypes.h>
#include <stdio.h>

/* What has to be written instead of a byte; NULL: the byte itself. */
static const char *escape_of(unsigned char c, char unicode[7])
{
    static const char hex[] = "0123456789abcdef";
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        break;
    }
    if (c >= 0x20)
        return NULL;
    memcpy(unicode, "\\u00", 4);
    unicode[4] = hex[c >> 4];
    unicode[5] = hex[c & 15];
    unicode[6] = 0;
    return unicode;
}

static const char *entity_of(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#x27;";
    default:
        return NULL;
    }
}

static enum err write_string(struct buf *out, struct bytes text, bool is_html)
{
    char unicode[7];
    size_t from = 0;
    enum err e = buf_append(out, "\"", 1);

    for (size_t i = 0; i < text.len && !e; i++) {
        unsigned char c = (unsigned char)text.data[i];
        const char *instead = is_html ? entity_of(c) : NULL;
        if (!instead)
            instead = escape_of(c, unicode);
        if (!instead)
            continue;
        e = buf_append(out, text.data + from, i - from);
        if (!e)
            e = buf_append(out, instead, strlen(instead));
        from = i + 1;
    }
    if (!e)
        e = buf_append(out, text.data + from, text.len - from);
    return e ? e : buf_append(out, "\"", 1);
}

enum err json_write_string(struct buf *out, struct bytes text)
{
    return write_string(out, text, false);
}

enum err json_write_html(struct buf *out, struct bytes text)
{
    return write_string(out, text, true);
}

void json_raw_bytes(struct json_out *j, struct bytes text)
{
    if (!j->error)
        j->error = buf_append(j->buf, text.data, text.len);
}

void json_raw(struct json_out *j, const char *text)
{
    json_raw_bytes(j, bytes_str(text));
}

void json_string(struct json_out *j, struct bytes text)
{
    if (!j->error)
        j->error = j->is_html ? json_write_html(j->buf, text) : json_write_string(j->buf, text);
}

void json_plain(struct json_out *j, struct bytes text)
{
    if (!j->error)
        j->error = json_write_string(j->buf, text);
}

void json_int64(struct json_out *j, int64_t n)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRId64, n);
    json_raw_bytes(j, bytes_of(text, (size_t)len));
}
