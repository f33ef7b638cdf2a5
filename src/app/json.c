/* A scanner without a tree and without recursion: the stack is one bit per level (object or array).
 */
#include "app/json.h"
#include "json_key.h"
#include "json_skip.h"

struct scan {
    const char *p, *end;
    struct json_object *o;
    struct json_key_table table;
    uint64_t in_object; /* a bit per level: set where it is an object */
    unsigned depth;
    struct json_member member; /* the outermost one that is being read */
    enum json_result result;
};

static bool fail(struct scan *s, enum json_result why)
{
    s->result = why;
    return false;
}

static enum json_result check_repeated(struct scan *s)
{
    struct json_object *o = s->o;
    const struct json_member *m = &s->member;

    if (o->n_members < JSON_KEPT) {
        for (uint32_t i = 0; i < o->n_members; i++)
            if (json_key_eq(m->key, m->key_has_escape, o->kept[i].key, o->kept[i].key_has_escape))
                return JSON_REPEATED;
        return JSON_OK;
    }
    if (o->n_members == JSON_KEPT)
        for (uint32_t i = 0; i < JSON_KEPT; i++)
            if (json_key_table_add(&s->table, o->text, o->kept[i].key, o->kept[i].key_has_escape) ==
                JSON_NO_MEMORY)
                return JSON_NO_MEMORY;
    return json_key_table_add(&s->table, o->text, m->key, m->key_has_escape);
}

/* `"key" :` */
static bool scan_key(struct scan *s)
{
    bool has_escape;

    s->p = json_skip_space(s->p, s->end);
    if (s->p == s->end || *s->p != '"')
        return fail(s, JSON_BAD);
    const char *key = s->p + 1;
    s->p = json_skip_string(key, s->end, &has_escape);
    if (!s->p)
        return fail(s, JSON_BAD);
    if (s->depth == 1) {
        s->member.key = bytes_of(key, (size_t)(s->p - 1 - key));
        s->member.key_has_escape = has_escape;
        enum json_result r = check_repeated(s);
        if (r != JSON_OK)
            return fail(s, r);
    }
    s->p = json_skip_space(s->p, s->end);
    if (s->p == s->end || *s->p != ':')
        return fail(s, JSON_BAD);
    s->p = json_skip_space(s->p + 1, s->end);
    return true;
}

static void member_done(struct scan *s)
{
    struct json_object *o = s->o;
    s->member.value.len = (size_t)(s->p - s->member.value.data);
    if (o->n_members < JSON_KEPT)
        o->kept[o->n_members] = s->member;
    o->n_members++;
}

/* Opens a container; *is_empty when it closes at once. */
static bool scan_open(struct scan *s, bool *is_empty)
{
    bool is_object = *s->p == '{';

    if (s->depth == JSON_MAX_DEPTH)
        return fail(s, JSON_TOO_DEEP);
    s->in_object = is_object ? s->in_object | UINT64_C(1) << s->depth
                             : s->in_object & ~(UINT64_C(1) << s->depth);
    s->depth++;
    s->p = json_skip_space(s->p + 1, s->end);
    *is_empty = s->p < s->end && *s->p == (is_object ? '}' : ']');
    if (*is_empty)
        return true;
    return is_object ? scan_key(s) : true;
}

/* Behind a value: closes what closes, up to the next value's beginning. False at the end of
 * everything or on failure. */
static bool scan_next(struct scan *s)
{
    for (;;) {
        if (s->depth == 1)
            member_done(s);
        s->p = json_skip_space(s->p, s->end);
        if (s->p == s->end)
            return fail(s, JSON_BAD);
        bool in_object = s->in_object >> (s->depth - 1) & 1;
        if (*s->p == ',') {
            s->p = json_skip_space(s->p + 1, s->end);
            return in_object ? scan_key(s) : true;
        }
        if (*s->p != (in_object ? '}' : ']'))
            return fail(s, JSON_BAD);
        s->p++;
        if (--s->depth == 0)
            return false;
    }
}

/* Values one after the other; the result stays JSON_OK when the outermost object is closed. */
static void scan_values(struct scan *s)
{
    for (;;) {
        bool is_empty = false;
        s->o->n_values++;
        if (s->depth == 1) {
            s->member.value = bytes_of(s->p, 0);
            s->member.value_has_escape = false;
        }
        if (s->p < s->end && (*s->p == '{' || *s->p == '[')) {
            if (s->depth == 1)
                s->member.type = *s->p == '{' ? JSON_OBJECT : JSON_ARRAY;
            if (!scan_open(s, &is_empty))
                return;
            if (!is_empty)
                continue;
            s->p++;
            s->depth--;
        } else {
            uint8_t type;
            bool has_escape;
            s->p = json_skip_scalar(s->p, s->end, &type, &has_escape);
            if (!s->p) {
                fail(s, JSON_BAD);
                return;
            }
            if (s->depth == 1) {
                s->member.type = type;
                s->member.value_has_escape = has_escape;
            }
        }
        if (!scan_next(s))
            return;
    }
}

/* JSON that is no object is told from what is no JSON at all: the sender learns which. */
static enum json_result scan_other(struct bytes text)
{
    uint8_t type;
    bool has_escape;
    const char *end = text.data + text.len;
    const char *p = json_skip_space(text.data, end);

    if (p < end && *p == '[')
        return JSON_NO_OBJECT;
    p = json_skip_scalar(p, end, &type, &has_escape);
    return p && json_skip_space(p, end) == end ? JSON_NO_OBJECT : JSON_BAD;
}

enum json_result json_scan(struct bytes text, struct json_object *o)
{
    struct scan s = { .p = text.data, .end = text.data + text.len, .o = o };
    bool is_empty = false;

    o->text = text;
    o->n_members = 0;
    o->n_values = 0;
    if (text.len >= UINT32_MAX)
        return JSON_BAD;
    s.p = json_skip_space(s.p, s.end);
    if (s.p == s.end || *s.p != '{')
        return text.len ? scan_other(text) : JSON_BAD;
    if (scan_open(&s, &is_empty)) {
        if (is_empty)
            s.p++;
        else
            scan_values(&s);
    }
    json_key_table_release(&s.table);
    if (s.result == JSON_OK && json_skip_space(s.p, s.end) != s.end)
        return JSON_BAD;
    return s.result;
}

/* --- walking over an accepted text --- */

/* Behind one value of an accepted text. */
static const char *skip_value(const char *p, const char *end, uint8_t *type, bool *has_escape)
{
    unsigned depth = 0;
    bool inner;

    *type = *p == '{' ? JSON_OBJECT : JSON_ARRAY;
    if (*p != '{' && *p != '[')
        return json_skip_scalar(p, end, type, has_escape);
    *has_escape = false;
    do {
        char c = *p++;
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        else if (c == '"')
            p = json_skip_string(p, end, &inner);
    } while (depth);
    return p;
}

bool json_next(const struct json_object *o, size_t *at, struct json_member *m)
{
    const char *end = o->text.data + o->text.len;
    const char *p = json_skip_space(o->text.data + *at, end);

    if (*p == '{' || *p == ',')
        p = json_skip_space(p + 1, end);
    if (*p != '"')
        return false;
    const char *key = p + 1;
    p = json_skip_string(key, end, &m->key_has_escape);
    m->key = bytes_of(key, (size_t)(p - 1 - key));
    p = json_skip_space(json_skip_space(p, end) + 1, end); /* the colon */
    const char *value = p;
    p = skip_value(p, end, &m->type, &m->value_has_escape);
    m->value = bytes_of(value, (size_t)(p - value));
    *at = (size_t)(p - o->text.data);
    return true;
}

bool json_find(const struct json_object *o, const char *key, struct json_member *m)
{
    struct bytes wanted = bytes_str(key);

    if (o->n_members > JSON_KEPT) {
        for (size_t at = 0; json_next(o, &at, m);)
            if (json_key_eq(m->key, m->key_has_escape, wanted, false))
                return true;
        return false;
    }
    for (uint32_t i = 0; i < o->n_members; i++)
        if (json_key_eq(o->kept[i].key, o->kept[i].key_has_escape, wanted, false)) {
            *m = o->kept[i];
            return true;
        }
    return false;
}
