/* The words of RFC 8259: where a string, a number or a name ends.
 *
 * Strings are skipped 16 bytes at a time, long ones 64, up to the next quote, backslash or control
 * character.
 */
#include "json_skip.h"

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

int32_t json_hex4(const char *p, const char *end)
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

const char *json_skip_string(const char *p, const char *end, bool *has_escape)
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
            if (json_hex4(p + 1, end) < 0)
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

const char *json_skip_scalar(const char *p, const char *end, uint8_t *type, bool *has_escape)
{
    *has_escape = false;
    if (p == end)
        return NULL;
    switch (*p) {
    case '"':
        *type = JSON_STRING;
        return json_skip_string(p + 1, end, has_escape);
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
