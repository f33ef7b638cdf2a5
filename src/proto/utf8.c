/* utf8.c - an automaton of nine states, driven by shifts.
 *
 * For each byte value, a 64-bit row holds the next state for every present state. A state is the
 * position of its field in a row, so one step is `state = row[byte] >> state`: a load that does not
 * depend on the state and one shift that does. No branch depends on the text, so text of mixed
 * scripts costs the same as any other. Where characters begin, runs of ASCII are skipped many bytes
 * at a time.
 *
 * The states know the narrower bounds of the second byte after E0, ED, F0 and F4 (RFC 3629 section
 * 4), therefore BAD is reached at the first byte that no valid text can have there. BAD leads to
 * itself, so it is enough to look for it once per group of bytes.
 */
#include "proto/utf8.h"

enum { /* 6 bits apart */
       CHAR_START = UTF8_START,
       BAD = 6,
       NEED_1 = 12, /* so many continuation bytes are to come */
       NEED_2 = 18,
       NEED_3 = 24,
       AFTER_E0 = 30, /* next A0..BF: shorter forms exist for the rest */
       AFTER_ED = 36, /* next 80..9F: the rest are surrogates */
       AFTER_F0 = 42, /* next 90..BF: shorter forms exist */
       AFTER_F4 = 48, /* next 80..8F: the rest is above U+10FFFF */
};

#define STATE_MASK 63u
#define GROUP      16u

#define AT(state, next) ((uint64_t)(next) << (state))
#define ROW(start, need_1, need_2, need_3, e0, ed, f0, f4)                                         \
    (AT(CHAR_START, start) | AT(BAD, BAD) | AT(NEED_1, need_1) | AT(NEED_2, need_2) |              \
     AT(NEED_3, need_3) | AT(AFTER_E0, e0) | AT(AFTER_ED, ed) | AT(AFTER_F0, f0) |                 \
     AT(AFTER_F4, f4))

/* A byte that begins a character, or none at all. */
#define LEAD(next) ROW(next, BAD, BAD, BAD, BAD, BAD, BAD, BAD)
/* A continuation byte; the last four say where it leads after E0, ED, F0 and F4. */
#define CONT(e0, ed, f0, f4) ROW(BAD, CHAR_START, NEED_1, NEED_2, e0, ed, f0, f4)

#define X2(row)  row, row
#define X3(row)  row, row, row
#define X4(row)  X2(row), X2(row)
#define X11(row) X4(row), X4(row), X3(row)
#define X16(row) X4(row), X4(row), X4(row), X4(row)

static const uint64_t rows[256] = {
    /* 00 */ X16(LEAD(CHAR_START)),
    X16(LEAD(CHAR_START)),
    X16(LEAD(CHAR_START)),
    /* 30 */ X16(LEAD(CHAR_START)),
    X16(LEAD(CHAR_START)),
    X16(LEAD(CHAR_START)),
    /* 60 */ X16(LEAD(CHAR_START)),
    X16(LEAD(CHAR_START)),
    /* 80 */ X16(CONT(BAD, NEED_1, BAD, NEED_2)),
    /* 90 */ X16(CONT(BAD, NEED_1, NEED_2, BAD)),
    /* A0 */ X16(CONT(NEED_1, BAD, NEED_2, BAD)),
    X16(CONT(NEED_1, BAD, NEED_2, BAD)),
    /* C0 */ X2(LEAD(BAD)),
    X3(LEAD(NEED_1)),
    X11(LEAD(NEED_1)),
    /* D0 */ X16(LEAD(NEED_1)),
    /* E0 */ LEAD(AFTER_E0),
    X11(LEAD(NEED_2)),
    LEAD(NEED_2),
    LEAD(AFTER_ED),
    X2(LEAD(NEED_2)),
    /* F0 */ LEAD(AFTER_F0),
    X3(LEAD(NEED_3)),
    LEAD(AFTER_F4),
    X11(LEAD(BAD)),
};

static uint64_t load64(const unsigned char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

/* Past whole words of ASCII; stops in front of the first word that is not. */
static const unsigned char *skip_ascii(const unsigned char *p, const unsigned char *end)
{
    const uint64_t high = 0x8080808080808080u;

    while (end - p >= 32 && !((load64(p) | load64(p + 8) | load64(p + 16) | load64(p + 24)) & high))
        p += 32;
    while (end - p >= 8 && !(load64(p) & high))
        p += 8;
    return p;
}

bool utf8_feed(utf8_state *state, struct bytes piece)
{
    uint64_t s = *state;

    if (piece.len == 0)
        return s != BAD;
    const unsigned char *p = (const unsigned char *)piece.data;
    const unsigned char *end = p + piece.len;
    while (p < end) {
        if (s == CHAR_START)
            p = skip_ascii(p, end);
        size_t n = (size_t)(end - p) < GROUP ? (size_t)(end - p) : GROUP;
        for (size_t i = 0; i < n; i++)
            s = rows[p[i]] >> (s & STATE_MASK);
        s &= STATE_MASK;
        if (s == BAD)
            break;
        p += n;
    }
    *state = (utf8_state)s;
    return s != BAD;
}

bool utf8_is_valid(struct bytes text)
{
    utf8_state state = UTF8_START;

    return utf8_feed(&state, text) && state == UTF8_START;
}

size_t utf8_count(struct bytes text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.data[i] & 0xC0) != 0x80; /* every byte but continuations */
    return n;
}
