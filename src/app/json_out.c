#include "app/json_out.h"
#include <inttypes.h>
#include <stdio.h>

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
