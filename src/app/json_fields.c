/* What the members of an object hold, as C sees it. */
#include <cjson/cJSON.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include "app/json.h"
#include "json_key.h"
#include "json_skip.h"

bool json_string_is(struct bytes raw, struct bytes literal)
{
    if (raw.len < 2 || raw.data[0] != '"')
        return false;
    raw = bytes_of(raw.data + 1, raw.len - 2);
    if (bytes_eq(raw, literal))
        return !memchr(raw.data, '\\', raw.len);
    return memchr(raw.data, '\\', raw.len) && json_means_same(raw, literal);
}

/* What an escaped string holds that cJSON, C strings or UTF-8 cannot: U+0000, lone surrogates. */
static enum json_text_result check_escapes(struct bytes raw)
{
    const char *end = raw.data + raw.len;

    for (const char *p = raw.data; (p = memchr(p, '\\', (size_t)(end - p))) != NULL;) {
        if (p[1] != 'u') {
            p += 2;
            continue;
        }
        int32_t unit = json_hex4(p + 2, end);
        p += 6;
        if (unit == 0)
            return JSON_TEXT_NUL;
        if (unit < 0xd800 || unit >= 0xe000)
            continue;
        int32_t low = unit < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u'
                          ? json_hex4(p + 2, end)
                          : -1;
        if (low < 0xdc00 || low >= 0xe000)
            return JSON_TEXT_SURROGATE;
        p += 6;
    }
    return JSON_TEXT_OK;
}

enum json_text_result json_text(const struct json_object *o, const char *key, size_t min,
                                size_t max, struct bytes *text, char **owned)
{
    struct json_member m;

    *text = BYTES("");
    if (!json_find(o, key, &m))
        return JSON_TEXT_MISSING;
    if (m.type != JSON_STRING)
        return JSON_TEXT_TYPE;
    if (!m.value_has_escape) {
        *text = bytes_of(m.value.data + 1, m.value.len - 2);
    } else {
        enum json_text_result r = check_escapes(bytes_of(m.value.data + 1, m.value.len - 2));
        if (r != JSON_TEXT_OK)
            return r;
        if (m.value.len > 6 * max + 2) /* the longest way to write a byte is six */
            return JSON_TEXT_LENGTH;
        cJSON *node = cJSON_ParseWithLength(m.value.data, m.value.len);
        if (!node)
            return JSON_TEXT_NO_MEMORY;
        *owned = node->valuestring; /* taken out of the node, which is all that is freed */
        node->valuestring = NULL;
        cJSON_Delete(node);
        if (!*owned)
            return JSON_TEXT_NO_MEMORY;
        *text = bytes_str(*owned);
    }
    return text->len < min || text->len > max ? JSON_TEXT_LENGTH : JSON_TEXT_OK;
}

void json_text_free(char *owned)
{
    if (owned)
        sodium_memzero(owned, strlen(owned)); /* it may have been a password */
    cJSON_free(owned);
}

bool json_number(const struct json_object *o, const char *key, double *n)
{
    struct json_member m;
    char small[64], *text = small;

    if (!json_find(o, key, &m) || m.type != JSON_NUMBER)
        return false;
    if (m.value.len >= sizeof small) {
        text = malloc(m.value.len + 1);
        if (!text)
            return false;
    }
    memcpy(text, m.value.data, m.value.len); /* strtod needs an end, and the text has none */
    text[m.value.len] = 0;
    *n = strtod(text, NULL);
    if (text != small)
        free(text);
    return isfinite(*n);
}

bool json_int(const struct json_object *o, const char *key, int64_t *n)
{
    double d;

    if (!json_number(o, key, &d) || d != floor(d) || fabs(d) > 9007199254740992.0)
        return false;
    *n = (int64_t)d;
    return true;
}

bool json_bool(const struct json_object *o, const char *key, bool *value)
{
    struct json_member m;

    if (!json_find(o, key, &m) || m.type != JSON_BOOL)
        return false;
    *value = *m.value.data == 't';
    return true;
}

size_t json_copy_without(const struct json_object *o, const char *const *skip, char *out)
{
    struct json_member m;
    char *p = out;

    *p++ = '{';
    for (size_t at = 0; json_next(o, &at, &m);) {
        bool is_skipped = false;
        for (const char *const *k = skip; *k && !is_skipped; k++)
            is_skipped = json_key_eq(m.key, m.key_has_escape, bytes_str(*k), false);
        if (is_skipped)
            continue;
        if (p != out + 1)
            *p++ = ',';
        *p++ = '"';
        memcpy(p, m.key.data, m.key.len);
        p += m.key.len;
        *p++ = '"';
        *p++ = ':';
        memcpy(p, m.value.data, m.value.len);
        p += m.value.len;
    }
    *p++ = '}';
    return (size_t)(p - out);
}
