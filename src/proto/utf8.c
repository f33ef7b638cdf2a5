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
#define GROUP      16

#define AT(state, next) ((uint64_t)(next) << (state))
#define ROW(start, need_1, need_2, need_3, e0, ed, f0, f4)                                         \
    (AT(CHAR_START, start) | AT(BAD, BAD) | AT(NEED_1, need_1) | AT(NEED_2, need_2) |              \
     AT(NEED_3, need_3) | AT(AFTER_E0, e0) | AT(AFTER_ED, ed) | AT(AFTER_F0, f0) |                 \
     AT(AFTER_F4, f4))

/* A byte that begins a character, or none at all. */
#define LEAD(next) ROW(next, BAD, BAD, BAD, BAD, BAD, BAD, BAD)
/* A continuation byte; the last four say where it leads after E0, ED, F0 and F4. */
#define CONT(e0, ed, f0, f4) ROW(BAD, CHAR_START, NEED_1, NEED_2, e0, ed, f0, f4)

#define X2(row)   row, row
#define X3(row)   X2(row), row
#define X4(row)   X2(row), X2(row)
#define X11(row)  X4(row), X4(row), X3(row)
#define X12(row)  X4(row), X4(row), X4(row)
#define X16(row)  X12(row), X4(row)
#define X30(row)  X16(row), X11(row), X3(row)
#define X32(row)  X16(row), X16(row)
#define X128(row) X32(row), X32(row), X32(row), X32(row)

static const uint64_t rows[256] = {
    X128(LEAD(CHAR_START)),              /* 00 to 7F */
    X16(CONT(BAD, NEED_1, BAD, NEED_2)), /* 80 to 8F */
    X16(CONT(BAD, NEED_1, NEED_2, BAD)), /* 90 to 9F */
    X32(CONT(NEED_1, BAD, NEED_2, BAD)), /* A0 to BF */
    X2(LEAD(BAD)),                       /* C0 and C1: ASCII in two bytes */
    X30(LEAD(NEED_1)),                   /* C2 to DF */
    LEAD(AFTER_E0),                      /* E0 */
    X12(LEAD(NEED_2)),                   /* E1 to EC */
    LEAD(AFTER_ED),                      /* ED */
    X2(LEAD(NEED_2)),                    /* EE and EF */
    LEAD(AFTER_F0),                      /* F0 */
    X3(LEAD(NEED_3)),                    /* F1 to F3 */
    LEAD(AFTER_F4),                      /* F4 */
    X11(LEAD(BAD)),                      /* F5 to FF */
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

static uint64_t step(uint64_t state, unsigned char byte)
{
    return rows[byte] >> (state & STATE_MASK);
}

bool utf8_feed(utf8_state *state, struct bytes piece)
{
    uint64_t s = *state;

    if (piece.len == 0)
        return s != BAD;
    const unsigned char *p = (const unsigned char *)piece.data;
    const unsigned char *end = p + piece.len;
    for (;;) {
        if (s == CHAR_START)
            p = skip_ascii(p, end);
        if (s == BAD || end - p < GROUP)
            break;
#pragma GCC unroll 16
        for (int i = 0; i < GROUP; i++)
            s = step(s, p[i]);
        s &= STATE_MASK;
        p += GROUP;
    }
    for (; p < end && s != BAD; p++)
        s = step(s, *p) & STATE_MASK;
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
