/* ref_utf8.h - UTF-8 as RFC 3629 writes it down, one code point at a time, for comparison. */
#ifndef TEST_FUZZ_REF_UTF8_H
#define TEST_FUZZ_REF_UTF8_H

#include "fuzz.h"

enum ref_utf8 { REF_UTF8_WHOLE, REF_UTF8_CUT, REF_UTF8_BAD };

/* The table of section 3, without the surrogates. */
static const struct {
    unsigned len;
    uint32_t low, high;
} ref_utf8_rows[] = {
    { 1, 0x0, 0x7F },      { 2, 0x80, 0x7FF },       { 3, 0x800, 0xD7FF },
    { 3, 0xE000, 0xFFFF }, { 4, 0x10000, 0x10FFFF },
};

/* Length and value bits of a first byte; 0 for one that is none. */
static inline unsigned ref_utf8_lead(uint8_t c, uint32_t *bits)
{
    unsigned len = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;

    *bits = len == 1 ? c : c & (0x7Fu >> len);
    return len;
}

/* One character at the front of `text`, which is not empty: its length, or that of what is there of
 * it, in *used. What may still come makes of it any value from `low` to `high`. */
static inline enum ref_utf8 ref_utf8_char(struct bytes text, size_t *used, uint32_t *value)
{
    uint32_t bits;
    unsigned len = ref_utf8_lead((uint8_t)text.data[0], &bits), n = 1;

    for (; n < len && n < text.len && ((uint8_t)text.data[n] & 0xC0) == 0x80; n++)
        bits = bits << 6 | ((uint8_t)text.data[n] & 0x3F);
    *used = n;
    *value = bits;
    if (len == 0 || (n < len && n < text.len))
        return REF_UTF8_BAD;
    uint32_t low = bits << 6 * (len - n), high = low | ((1u << 6 * (len - n)) - 1);
    for (size_t i = 0; i < sizeof ref_utf8_rows / sizeof *ref_utf8_rows; i++)
        if (ref_utf8_rows[i].len == len && low <= ref_utf8_rows[i].high &&
            high >= ref_utf8_rows[i].low)
            return n < len ? REF_UTF8_CUT : REF_UTF8_WHOLE;
    return REF_UTF8_BAD;
}

/* BAD when no valid text begins with this; CUT when it ends inside a character. */
static inline enum ref_utf8 ref_utf8(struct bytes text, size_t *n_chars)
{
    enum ref_utf8 result = REF_UTF8_WHOLE;
    uint32_t value;
    size_t used;

    for (*n_chars = 0; text.len > 0 && result == REF_UTF8_WHOLE; text = bytes_from(text, used)) {
        result = ref_utf8_char(text, &used, &value);
        ++*n_chars;
    }
    return result;
}

#endif
