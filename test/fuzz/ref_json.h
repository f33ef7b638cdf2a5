/* ref_json.h - JSON as RFC 8259 writes it down: one function per rule, no tricks, for comparison.
 *
 * Reads a text in order and stops at the first thing wrong with it. On the way it writes the text
 * again without the white space between its tokens, and notes the members of the outermost object.
 */
#ifndef TEST_FUZZ_REF_JSON_H
#define TEST_FUZZ_REF_JSON_H

#include "app/json.h"
#include "fuzz.h"

struct ref_member {
    struct bytes key, value;     /* as written, without the quotes of the key */
    size_t plain_from, plain_to; /* of the member in `plain` */
    enum json_type type;
};

struct ref_json {
    const char *p, *end;
    enum json_result result; /* JSON_OK until something is wrong */
    unsigned depth;
    uint64_t n_values;
    bool has_long_number; /* one of more than 63 characters: cJSON refuses it */
    bool has_bad_unicode; /* a lone surrogate anywhere: cJSON refuses it */
    char *plain;          /* as much room as the text takes */
    size_t n_plain;
    uint32_t n_members, cap_members;
    struct ref_member *members;
};

/* --- strings, as the UTF-16 code units that they mean --- */

static inline unsigned ref_hex4(const char *p)
{
    unsigned unit = 0;

    for (int i = 0; i < 4; i++)
        unit = unit * 16 + (unsigned)ascii_hex_value(p[i]);
    return unit;
}

/* The units of a good string without its quotes, of valid UTF-8; `units` has room for raw.len of
 * them. Returns how many. */
static inline size_t ref_units(struct bytes raw, uint16_t *units)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    size_t n = 0;

    for (size_t i = 0; i < raw.len;) {
        uint8_t c = (uint8_t)raw.data[i++];
        if (c == '\\' && raw.data[i] == 'u') {
            units[n++] = (uint16_t)ref_hex4(raw.data + i + 1);
            i += 5;
        } else if (c == '\\') {
            units[n++] = (uint16_t)values[strchr(names, raw.data[i++]) - names];
        } else if (c < 0x80) {
            units[n++] = c;
        } else {
            unsigned more = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
            uint32_t point = c & (0x3Fu >> more);
            for (; more > 0; more--)
                point = point << 6 | ((uint8_t)raw.data[i++] & 0x3F);
            if (point >= 0x10000)
                units[n++] = (uint16_t)(0xD800 + ((point - 0x10000) >> 10));
            units[n++] = (uint16_t)(point < 0x10000 ? point : 0xDC00 + ((point - 0x10000) & 0x3FF));
        }
    }
    return n;
}

/* Where the first unit stands that is half a pair; `n` when there is none. */
static inline size_t ref_lone_surrogate(const uint16_t *units, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (units[i] < 0xD800 || units[i] > 0xDFFF)
            continue;
        if (units[i] > 0xDBFF || i + 1 == n || units[i + 1] < 0xDC00 || units[i + 1] > 0xDFFF)
            return i;
        i++;
    }
    return n;
}

static inline bool ref_same_string(struct bytes a, struct bytes b)
{
    if (!memchr(a.data, '\\', a.len) && !memchr(b.data, '\\', b.len))
        return bytes_eq(a, b);
    uint16_t *x = fuzz_alloc(a.len * 2), *y = fuzz_alloc(b.len * 2);
    size_t n = ref_units(a, x);
    bool is_same = ref_units(b, y) == n && memcmp(x, y, n * 2) == 0;

    free(x);
    free(y);
    return is_same;
}

/* --- the grammar --- */

static inline bool ref_fail(struct ref_json *r, enum json_result why)
{
    r->result = why;
    return false;
}

static inline bool ref_is(const struct ref_json *r, char c)
{
    return r->p < r->end && *r->p == c;
}

static inline void ref_take(struct ref_json *r)
{
    r->plain[r->n_plain++] = *r->p++;
}

static inline void ref_space(struct ref_json *r)
{
    while (ref_is(r, ' ') || ref_is(r, '\t') || ref_is(r, '\n') || ref_is(r, '\r'))
        r->p++;
}

static inline bool ref_char(struct ref_json *r, char c)
{
    if (!ref_is(r, c))
        return ref_fail(r, JSON_BAD);
    ref_take(r);
    return true;
}

static inline bool ref_word(struct ref_json *r, const char *word)
{
    for (; *word; word++)
        if (!ref_char(r, *word))
            return false;
    return true;
}

static inline bool ref_escape(struct ref_json *r)
{
    ref_take(r);
    if (r->p == r->end || !*r->p || !strchr("\"\\/bfnrtu", *r->p))
        return ref_fail(r, JSON_BAD);
    bool is_unicode = *r->p == 'u';
    ref_take(r);
    for (int i = 0; is_unicode && i < 4; i++) {
        if (r->p == r->end || ascii_hex_value(*r->p) < 0)
            return ref_fail(r, JSON_BAD);
        ref_take(r);
    }
    return true;
}

/* *raw: what is between the quotes. */
static inline bool ref_string(struct ref_json *r, struct bytes *raw)
{
    if (!ref_char(r, '"'))
        return false;
    *raw = bytes_of(r->p, 0);
    while (!ref_is(r, '"')) {
        if (r->p == r->end || (uint8_t)*r->p < 0x20)
            return ref_fail(r, JSON_BAD);
        if (*r->p != '\\')
            ref_take(r);
        else if (!ref_escape(r))
            return false;
    }
    raw->len = (size_t)(r->p - raw->data);
    uint16_t *units = fuzz_alloc(raw->len * 2);
    size_t n = ref_units(*raw, units);
    if (ref_lone_surrogate(units, n) < n)
        r->has_bad_unicode = true;
    free(units);
    return ref_char(r, '"');
}

static inline bool ref_digits(struct ref_json *r)
{
    if (r->p == r->end || !ascii_is_digit(*r->p))
        return ref_fail(r, JSON_BAD);
    while (r->p < r->end && ascii_is_digit(*r->p))
        ref_take(r);
    return true;
}

static inline bool ref_number(struct ref_json *r)
{
    const char *from = r->p;

    if (ref_is(r, '-'))
        ref_take(r);
    if (ref_is(r, '0'))
        ref_take(r);
    else if (!ref_digits(r))
        return false;
    if (ref_is(r, '.')) {
        ref_take(r);
        if (!ref_digits(r))
            return false;
    }
    if (ref_is(r, 'e') || ref_is(r, 'E')) {
        ref_take(r);
        if (ref_is(r, '+') || ref_is(r, '-'))
            ref_take(r);
        if (!ref_digits(r))
            return false;
    }
    if (r->p - from > 63)
        r->has_long_number = true;
    return true;
}

static inline bool ref_value(struct ref_json *r, enum json_type *type);

static inline bool ref_member_name(struct ref_json *r, struct bytes *key)
{
    if (!ref_string(r, key))
        return false;
    for (uint32_t i = 0; r->depth == 1 && i < r->n_members; i++)
        if (ref_same_string(r->members[i].key, *key))
            return ref_fail(r, JSON_REPEATED);
    ref_space(r);
    if (!ref_char(r, ':'))
        return false;
    ref_space(r);
    return true;
}

static inline bool ref_member(struct ref_json *r)
{
    struct ref_member m = { .plain_from = r->n_plain };

    if (!ref_member_name(r, &m.key))
        return false;
    const char *from = r->p;
    if (!ref_value(r, &m.type))
        return false;
    m.value = bytes_of(from, (size_t)(r->p - from));
    m.plain_to = r->n_plain;
    if (r->depth > 1)
        return true;
    if (r->n_members == r->cap_members) {
        r->cap_members = r->cap_members * 2 + 8;
        r->members = realloc(r->members, r->cap_members * sizeof *r->members);
        FUZZ_CHECK(r->members);
    }
    r->members[r->n_members++] = m;
    return true;
}

static inline bool ref_container(struct ref_json *r, char close)
{
    enum json_type type;

    if (r->depth == JSON_MAX_DEPTH)
        return ref_fail(r, JSON_TOO_DEEP);
    r->depth++;
    ref_take(r);
    ref_space(r);
    while (!ref_is(r, close)) {
        if (!(close == '}' ? ref_member(r) : ref_value(r, &type)))
            return false;
        ref_space(r);
        if (ref_is(r, close))
            break;
        if (!ref_char(r, ','))
            return false;
        ref_space(r);
        if (ref_is(r, close))
            return ref_fail(r, JSON_BAD); /* a comma with nothing behind it */
    }
    ref_take(r);
    r->depth--;
    return true;
}

static inline bool ref_value(struct ref_json *r, enum json_type *type)
{
    struct bytes raw;

    r->n_values++;
    switch (r->p < r->end ? *r->p : 0) {
    case '{':
        *type = JSON_OBJECT;
        return ref_container(r, '}');
    case '[':
        *type = JSON_ARRAY;
        return ref_container(r, ']');
    case '"':
        *type = JSON_STRING;
        return ref_string(r, &raw);
    case 't':
        *type = JSON_BOOL;
        return ref_word(r, "true");
    case 'f':
        *type = JSON_BOOL;
        return ref_word(r, "false");
    case 'n':
        *type = JSON_NULL;
        return ref_word(r, "null");
    default:
        *type = JSON_NUMBER;
        return ref_number(r);
    }
}

/* `text` is valid UTF-8. Release with ref_json_free(). */
static inline struct ref_json *ref_json_read(struct bytes text)
{
    struct ref_json *r = fuzz_alloc(sizeof *r);
    enum json_type type = JSON_OBJECT;

    *r = (struct ref_json){ .p = text.data, .end = text.data + text.len };
    r->plain = fuzz_alloc(text.len);
    ref_space(r);
    if (ref_value(r, &type)) {
        r->n_values--; /* the outermost one does not count */
        ref_space(r);
        r->result = r->p != r->end ? JSON_BAD : type != JSON_OBJECT ? JSON_NO_OBJECT : JSON_OK;
    }
    return r;
}

static inline void ref_json_free(struct ref_json *r)
{
    free(r->members);
    free(r->plain);
    free(r);
}

/* The member with that key (which needs no escape), or NULL. */
static inline const struct ref_member *ref_json_find(const struct ref_json *r, const char *key)
{
    for (uint32_t i = 0; i < r->n_members; i++)
        if (ref_same_string(r->members[i].key, bytes_str(key)))
            return &r->members[i];
    return NULL;
}

#endif
