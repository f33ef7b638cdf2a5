/* A scanner without a tree and without recursion: the stack is one bit per level (object or array).
 *
 * Strings are skipped 16 bytes at a time up to the next quote, backslash or control character.
 * Whether two keys are the same is asked of what they mean ("\u0061" is "a"), code unit by code
 * unit, so that even keys that no UTF-8 can hold (lone surrogates) compare rightly.
 */
#include "app/json.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>

/* --- skipping --- */

#if defined(__SSE2__)
#include <immintrin.h>

#define WORTH_WIDE 512 /* bytes; for less, choosing costs more than it gains */

/* Steps over blocks of 64 bytes that hold nothing special, in registers twice as wide. */
__attribute__((target("avx2"))) static const char *skip_plain_blocks(const char *p, const char *end)
{
    const __m256i quote = _mm256_set1_epi8('"'), slash = _mm256_set1_epi8('\\');
    const __m256i last_control = _mm256_set1_epi8(0x1f);

    for (; end - p >= 64; p += 64) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
        __m256i controls = _mm256_or_si256(_mm256_cmpeq_epi8(_mm256_min_epu8(a, last_control), a),
                                           _mm256_cmpeq_epi8(_mm256_min_epu8(b, last_control), b));
        __m256i quotes = _mm256_or_si256(_mm256_cmpeq_epi8(a, quote), _mm256_cmpeq_epi8(b, quote));
        __m256i slashes = _mm256_or_si256(_mm256_cmpeq_epi8(a, slash), _mm256_cmpeq_epi8(b, slash));
        __m256i hit = _mm256_or_si256(controls, _mm256_or_si256(quotes, slashes));
        if (!_mm256_testz_si256(hit, hit))
            break;
    }
    return p;
}

static const char *special_near(const char *p, const char *end)
{
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i last_control = _mm_set1_epi8(0x1f);

    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i is_control = _mm_cmpeq_epi8(_mm_min_epu8(v, last_control), v);
        __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
                                   is_control);
        int mask = _mm_movemask_epi8(hit);
        if (mask)
            return p + __builtin_ctz((unsigned)mask);
    }
    for (; p < end; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < 0x20)
            break;
    return p;
}

/* The first byte at or behind `p` that is a quote, a backslash or a control character; `end` if
 * none. */
static const char *string_special(const char *p, const char *end)
{
    if (end - p >= WORTH_WIDE && __builtin_cpu_supports("avx2")) {
        const char *near =
            special_near(p, p + 64); /* most strings end, or have an escape, before long */
        if (near < p + 64)
            return near;
        p = skip_plain_blocks(near, end);
    }
    return special_near(p, end);
}
#else
#define ONES (~(uint64_t)0 / 255)

static bool word_has_special(uint64_t w)
{
    uint64_t quote = w ^ (ONES * '"'), slash = w ^ (ONES * '\\');
    uint64_t zero_quote = (quote - ONES) & ~quote, zero_slash = (slash - ONES) & ~slash;
    uint64_t control = (w - ONES * 0x20) & ~w;
    return ((zero_quote | zero_slash | control) & (ONES * 0x80)) != 0;
}

static const char *string_special(const char *p, const char *end)
{
    uint64_t w;
    for (; end - p >= 8; p += 8) {
        memcpy(&w, p, 8);
        if (word_has_special(w))
            break;
    }
    for (; p < end; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < 0x20)
            break;
    return p;
}
#endif

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits at `p`; -1 when they are not there. */
static int32_t hex4(const char *p, const char *end)
{
    int32_t v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int d = hex_value(p[i]);
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

/* `p` behind the opening quote. Returns behind the closing one; NULL for a bad string. */
static const char *skip_string(const char *p, const char *end, bool *has_escape)
{
    *has_escape = false;
    for (;;) {
        p = string_special(p, end);
        if (p == end || (unsigned char)*p < 0x20)
            return NULL;
        if (*p == '"')
            return p + 1;
        *has_escape = true;
        if (++p == end)
            return NULL;
        if (*p == 'u') {
            if (hex4(p + 1, end) < 0)
                return NULL;
            p += 5;
        } else if (memchr("\"\\/bfnrt", *p, 8)) {
            p++;
        } else {
            return NULL;
        }
    }
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* RFC 8259 section 6. Returns behind the number; NULL when there is none. */
static const char *skip_number(const char *p, const char *end)
{
    const char *q;

    if (p < end && *p == '-')
        p++;
    q = p < end && *p == '0' ? p + 1 : skip_digits(p, end);
    if (q == p)
        return NULL;
    p = q;
    if (p < end && *p == '.') {
        q = skip_digits(p + 1, end);
        if (q == p + 1)
            return NULL;
        p = q;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        q = skip_digits(p, end);
        if (q == p)
            return NULL;
        p = q;
    }
    return p;
}

static const char *skip_word(const char *p, const char *end, struct bytes word)
{
    if ((size_t)(end - p) < word.len || memcmp(p, word.data, word.len) != 0)
        return NULL;
    return p + word.len;
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* A value that is no container. Returns behind it; NULL when there is none. */
static const char *skip_scalar(const char *p, const char *end, uint8_t *type, bool *has_escape)
{
    *has_escape = false;
    if (p == end)
        return NULL;
    switch (*p) {
    case '"':
        *type = JSON_STRING;
        return skip_string(p + 1, end, has_escape);
    case 't':
        *type = JSON_BOOL;
        return skip_word(p, end, BYTES("true"));
    case 'f':
        *type = JSON_BOOL;
        return skip_word(p, end, BYTES("false"));
    case 'n':
        *type = JSON_NULL;
        return skip_word(p, end, BYTES("null"));
    default:
        *type = JSON_NUMBER;
        return skip_number(p, end);
    }
}

/* --- keys --- */

/* Reads a string as written and gives the bytes of what it means. */
struct key_reader {
    const char *p, *end;
    uint8_t queue[4];
    int n, at;
};

static void put_utf8(struct key_reader *r, uint32_t c)
{
    r->at = r->n = 0;
    if (c < 0x80) {
        r->queue[r->n++] = (uint8_t)c;
    } else if (c < 0x800) {
        r->queue[r->n++] = (uint8_t)(0xc0 | c >> 6);
        r->queue[r->n++] = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) { /* a lone surrogate gets the three bytes that UTF-8 forbids: it equals
                                 only itself */
        r->queue[r->n++] = (uint8_t)(0xe0 | c >> 12);
        r->queue[r->n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        r->queue[r->n++] = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        r->queue[r->n++] = (uint8_t)(0xf0 | c >> 18);
        r->queue[r->n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        r->queue[r->n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        r->queue[r->n++] = (uint8_t)(0x80 | (c & 0x3f));
    }
}

/* An escape (already known to be well-formed) behind its backslash. */
static void read_escape(struct key_reader *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = *r->p++;

    if (c != 'u') {
        put_utf8(r, (uint32_t)(unsigned char)to[strchr(from, c) - from]);
        return;
    }
    uint32_t unit = (uint32_t)hex4(r->p, r->end);
    r->p += 4;
    if (unit >= 0xd800 && unit < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' &&
        r->p[1] == 'u') {
        uint32_t low = (uint32_t)hex4(r->p + 2, r->end);
        if (low >= 0xdc00 && low < 0xe000) {
            r->p += 6;
            unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    put_utf8(r, unit);
}

/* The next byte of what the string means, -1 at its end. */
static int key_byte(struct key_reader *r)
{
    if (r->at < r->n)
        return r->queue[r->at++];
    if (r->p == r->end)
        return -1;
    if (*r->p != '\\')
        return (unsigned char)*r->p++;
    r->p++;
    read_escape(r);
    return r->queue[r->at++];
}

static bool means_same(struct bytes a, struct bytes b)
{
    struct key_reader x = { .p = a.data, .end = a.data + a.len };
    struct key_reader y = { .p = b.data, .end = b.data + b.len };
    int c;

    do {
        c = key_byte(&x);
        if (c != key_byte(&y))
            return false;
    } while (c >= 0);
    return true;
}

static bool key_eq(struct bytes a, bool a_escaped, struct bytes b, bool b_escaped)
{
    return !a_escaped && !b_escaped ? bytes_eq(a, b) : means_same(a, b);
}

/* Keys beyond the kept ones: a hash table of their places, keyed so that nobody can choose
 * collisions. Four bytes per slot, from a quarter to half full: a small multiple of the text, whose
 * every member takes at least five bytes. */
struct key_table {
    uint32_t *place; /* offset of the key, behind its quote; 0: free */
    uint32_t size, used;
    uint8_t secret[crypto_shorthash_KEYBYTES];
};

static struct bytes key_at(struct bytes text, uint32_t place, bool *has_escape)
{
    const char *p = text.data + place;
    const char *end = skip_string(p, text.data + text.len, has_escape);
    return bytes_of(p, (size_t)(end - 1 - p));
}

/* False without memory. A key is hashed by what it means, which is never longer than how it is
 * written. */
static bool key_hash(const struct key_table *t, struct bytes key, bool has_escape, uint32_t *hash)
{
    uint8_t out[crypto_shorthash_BYTES], small[256];
    uint8_t *plain = small;
    struct key_reader r = { .p = key.data, .end = key.data + key.len };
    size_t n = 0;

    if (!has_escape) {
        crypto_shorthash(out, (const uint8_t *)key.data, key.len, t->secret);
        memcpy(hash, out, sizeof *hash);
        return true;
    }
    if (key.len > sizeof small && !(plain = malloc(key.len)))
        return false;
    for (int c; (c = key_byte(&r)) >= 0;)
        plain[n++] = (uint8_t)c;
    crypto_shorthash(out, plain, n, t->secret);
    if (plain != small)
        free(plain);
    memcpy(hash, out, sizeof *hash);
    return true;
}

static bool table_grow(struct key_table *t, struct bytes text)
{
    struct key_table bigger = *t;

    bigger.size = t->size ? t->size * 2 : 64;
    bigger.place = calloc(bigger.size, sizeof *bigger.place);
    if (!bigger.place)
        return false;
    if (!t->size)
        randombytes_buf(bigger.secret, sizeof bigger.secret);
    for (uint32_t i = 0; i < t->size; i++) {
        bool esc;
        if (!t->place[i])
            continue;
        struct bytes key = key_at(text, t->place[i], &esc);
        uint32_t at;
        if (!key_hash(&bigger, key, esc, &at)) {
            free(bigger.place);
            return false;
        }
        for (at &= bigger.size - 1; bigger.place[at];)
            at = (at + 1) & (bigger.size - 1);
        bigger.place[at] = t->place[i];
    }
    free(t->place);
    *t = bigger;
    return true;
}

static enum json_result table_add(struct key_table *t, struct bytes text, struct bytes key,
                                  bool esc)
{
    if (t->used * 2 >= t->size && !table_grow(t, text))
        return JSON_NO_MEMORY;
    uint32_t at;
    if (!key_hash(t, key, esc, &at))
        return JSON_NO_MEMORY;
    for (at &= t->size - 1; t->place[at]; at = (at + 1) & (t->size - 1)) {
        bool other_esc;
        struct bytes other = key_at(text, t->place[at], &other_esc);
        if (key_eq(key, esc, other, other_esc))
            return JSON_REPEATED;
    }
    t->place[at] = (uint32_t)(key.data - text.data);
    t->used++;
    return JSON_OK;
}

/* --- the scan --- */

struct scan {
    const char *p, *end;
    struct json_object *o;
    struct key_table table;
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
            if (key_eq(m->key, m->key_has_escape, o->kept[i].key, o->kept[i].key_has_escape))
                return JSON_REPEATED;
        return JSON_OK;
    }
    if (o->n_members == JSON_KEPT)
        for (uint32_t i = 0; i < JSON_KEPT; i++)
            if (table_add(&s->table, o->text, o->kept[i].key, o->kept[i].key_has_escape) ==
                JSON_NO_MEMORY)
                return JSON_NO_MEMORY;
    return table_add(&s->table, o->text, m->key, m->key_has_escape);
}

/* `"key" :` */
static bool scan_key(struct scan *s)
{
    bool has_escape;

    s->p = skip_space(s->p, s->end);
    if (s->p == s->end || *s->p != '"')
        return fail(s, JSON_BAD);
    const char *key = s->p + 1;
    s->p = skip_string(key, s->end, &has_escape);
    if (!s->p)
        return fail(s, JSON_BAD);
    if (s->depth == 1) {
        s->member.key = bytes_of(key, (size_t)(s->p - 1 - key));
        s->member.key_has_escape = has_escape;
        enum json_result r = check_repeated(s);
        if (r != JSON_OK)
            return fail(s, r);
    }
    s->p = skip_space(s->p, s->end);
    if (s->p == s->end || *s->p != ':')
        return fail(s, JSON_BAD);
    s->p = skip_space(s->p + 1, s->end);
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
    s->p = skip_space(s->p + 1, s->end);
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
        s->p = skip_space(s->p, s->end);
        if (s->p == s->end)
            return fail(s, JSON_BAD);
        bool in_object = s->in_object >> (s->depth - 1) & 1;
        if (*s->p == ',') {
            s->p = skip_space(s->p + 1, s->end);
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
            s->p = skip_scalar(s->p, s->end, &type, &has_escape);
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
    const char *p = skip_space(text.data, end);

    if (p < end && *p == '[')
        return JSON_NO_OBJECT;
    p = skip_scalar(p, end, &type, &has_escape);
    return p && skip_space(p, end) == end ? JSON_NO_OBJECT : JSON_BAD;
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
    s.p = skip_space(s.p, s.end);
    if (s.p == s.end || *s.p != '{')
        return text.len ? scan_other(text) : JSON_BAD;
    if (scan_open(&s, &is_empty)) {
        if (is_empty)
            s.p++;
        else
            scan_values(&s);
    }
    free(s.table.place);
    if (s.result == JSON_OK && skip_space(s.p, s.end) != s.end)
        return JSON_BAD;
    return s.result;
}

/* --- reading fields --- */

/* Behind one value of an accepted text. */
static const char *skip_value(const char *p, const char *end, uint8_t *type, bool *has_escape)
{
    unsigned depth = 0;
    bool inner;

    *type = *p == '{' ? JSON_OBJECT : JSON_ARRAY;
    if (*p != '{' && *p != '[')
        return skip_scalar(p, end, type, has_escape);
    *has_escape = false;
    do {
        char c = *p++;
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        else if (c == '"')
            p = skip_string(p, end, &inner);
    } while (depth);
    return p;
}

bool json_next(const struct json_object *o, size_t *at, struct json_member *m)
{
    const char *end = o->text.data + o->text.len;
    const char *p = skip_space(o->text.data + *at, end);

    if (*p == '{' || *p == ',')
        p = skip_space(p + 1, end);
    if (*p != '"')
        return false;
    const char *key = p + 1;
    p = skip_string(key, end, &m->key_has_escape);
    m->key = bytes_of(key, (size_t)(p - 1 - key));
    p = skip_space(skip_space(p, end) + 1, end); /* the colon */
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
            if (key_eq(m->key, m->key_has_escape, wanted, false))
                return true;
        return false;
    }
    for (uint32_t i = 0; i < o->n_members; i++)
        if (key_eq(o->kept[i].key, o->kept[i].key_has_escape, wanted, false)) {
            *m = o->kept[i];
            return true;
        }
    return false;
}

bool json_string_is(struct bytes raw, struct bytes literal)
{
    if (raw.len < 2 || raw.data[0] != '"')
        return false;
    raw = bytes_of(raw.data + 1, raw.len - 2);
    if (bytes_eq(raw, literal))
        return !memchr(raw.data, '\\', raw.len);
    return memchr(raw.data, '\\', raw.len) && means_same(raw, literal);
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
        int32_t unit = hex4(p + 2, end);
        p += 6;
        if (unit == 0)
            return JSON_TEXT_NUL;
        if (unit < 0xd800 || unit >= 0xe000)
            continue;
        int32_t low =
            unit < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2, end) : -1;
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
            is_skipped = key_eq(m.key, m.key_has_escape, bytes_str(*k), false);
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

/* --- writing --- */

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
