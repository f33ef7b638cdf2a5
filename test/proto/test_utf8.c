/* test_utf8.c - against a reference that knows nothing but the list of all characters.
 *
 * The reference writes every scalar value in UTF-8 (RFC 3629 section 3) and remembers the encodings
 * and their beginnings; what is no beginning of an encoding is bad at that byte.
 */
#include "proto/utf8.h"

#include "../base/run_tests.h"
#include "guarded.h"

static unsigned char begin_1[256], begin_2[1 << 16], begin_3[1 << 24]; /* beginnings, unfinished */
static unsigned char whole_1[256], whole_2[1 << 16], whole_3[1 << 24];

static size_t encode(uint32_t c, unsigned char out[4])
{
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (unsigned char)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    out[0] = (unsigned char)((n == 2 ? 0xC0 : n == 3 ? 0xE0 : 0xF0) | c);
    return n;
}

static void learn_all_characters(void)
{
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        unsigned char b[4];
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        size_t n = encode(c, b);
        (n == 1 ? whole_1 : begin_1)[b[0]] = 1;
        if (n > 1)
            (n == 2 ? whole_2 : begin_2)[b[0] << 8 | b[1]] = 1;
        if (n > 2)
            (n == 3 ? whole_3 : begin_3)[b[0] << 16 | b[1] << 8 | b[2]] = 1;
    }
}

struct reference {
    uint32_t pending; /* the bytes of an unfinished character */
    int n;
};

/* False when the byte makes the text bad. Four bytes are whole when the first three begin something
 * and the last one is any continuation byte: within a block of 64 all or none are characters. */
static bool reference_feed(struct reference *r, unsigned char byte)
{
    r->pending = r->pending << 8 | byte;
    r->n++;
    bool whole = r->n == 1   ? whole_1[r->pending]
                 : r->n == 2 ? whole_2[r->pending]
                 : r->n == 3 ? whole_3[r->pending]
                             : (byte & 0xC0) == 0x80;
    bool begins = r->n == 1   ? begin_1[r->pending]
                  : r->n == 2 ? begin_2[r->pending]
                  : r->n == 3 ? begin_3[r->pending]
                              : false;
    if (whole)
        *r = (struct reference){ 0 };
    return whole || begins;
}

/* Both agree after every byte, and about the whole; returns the number of good bytes in front. */
static size_t agree(const unsigned char *text, size_t len)
{
    struct reference r = { 0 };
    utf8_state state = UTF8_START;
    bool good = true;
    size_t n = 0;

    while (n < len && good) {
        good = reference_feed(&r, text[n]);
        if (utf8_feed(&state, bytes_of((const char *)text + n, 1)) != good)
            ck_abort_msg("byte %zu of %02x %02x %02x %02x", n, text[0], len > 1 ? text[1] : 0,
                         len > 2 ? text[2] : 0, len > 3 ? text[3] : 0);
        if (good && (state == UTF8_START) != (r.n == 0))
            ck_abort_msg("state after byte %zu of %02x", n, text[0]);
        n += good;
    }
    if (utf8_is_valid(bytes_of((const char *)text, len)) != (good && r.n == 0))
        ck_abort_msg("whole of %02x %02x", text[0], len > 1 ? text[1] : 0);
    return n;
}

START_TEST(every_sequence_of_one_two_and_three_bytes)
{
    unsigned char s[3];

    learn_all_characters();
    for (uint32_t x = 0; x < 256; x++) {
        s[0] = (unsigned char)x;
        agree(s, 1);
    }
    for (uint32_t x = 0; x < 1 << 16; x++) {
        s[0] = (unsigned char)(x >> 8);
        s[1] = (unsigned char)x;
        agree(s, 2);
    }
    for (uint32_t x = 0; x < 1 << 24; x++) {
        s[0] = (unsigned char)(x >> 16);
        s[1] = (unsigned char)(x >> 8);
        s[2] = (unsigned char)x;
        if (begin_1[s[0]] ||
            x % 257 == 0) /* a bad first byte has been seen with everything above */
            agree(s, 3);
    }
}
END_TEST

START_TEST(every_sequence_of_four_bytes_that_matters)
{
    static const unsigned char edges[] = { 0x00, 0x41, 0x7F, 0x80, 0x81, 0x8F, 0x90, 0x9F,
                                           0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xF0, 0xF4, 0xFF };

    learn_all_characters();
    for (uint32_t first = 0xE0; first < 0x100; first++)
        for (uint32_t second = 0; second < 0x100; second++)
            for (size_t third = 0; third < sizeof edges; third++)
                for (size_t fourth = 0; fourth < sizeof edges; fourth++) {
                    unsigned char s[4] = { (unsigned char)first, (unsigned char)second,
                                           edges[third], edges[fourth] };
                    agree(s, 4);
                }
}
END_TEST

START_TEST(every_character_is_valid_and_counts_as_one)
{
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        unsigned char b[4];
        bool surrogate = c >= 0xD800 && c <= 0xDFFF;
        struct bytes text = bytes_of((const char *)b, encode(c, b));
        if (utf8_is_valid(text) == surrogate || utf8_count(text) != 1)
            ck_abort_msg("U+%04X", c);
    }
}
END_TEST

START_TEST(certain_errors_are_seen_at_their_first_byte)
{
    static const struct {
        const char *text;
        size_t good; /* bytes before the one that is certainly wrong */
    } cases[] = {
        { "\x80", 0 },         { "\xBF", 0 },         { "\xC0", 0 },
        { "\xC1", 0 },         { "\xF5", 0 },         { "\xFF", 0 },
        { "\xE0\x9F", 1 },     { "\xED\xA0", 1 },     { "\xED\xBF", 1 },
        { "\xF0\x8F", 1 },     { "\xF4\x90", 1 },     { "\xC2\x41", 1 },
        { "\xE1\x80\x41", 2 }, { "\xE1\xC3", 1 },     { "\xF1\x80\x80\x41", 3 },
        { "abc\xC3(", 4 },     { "\xF4\x8F\xC0", 2 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        utf8_state state = UTF8_START;
        ck_assert(utf8_feed(&state, bytes_of(cases[i].text, cases[i].good)));
        ck_assert(!utf8_feed(&state, bytes_of(cases[i].text + cases[i].good, 1)));
        state = UTF8_START; /* and the same in one piece */
        ck_assert(!utf8_feed(&state, bytes_of(cases[i].text, cases[i].good + 1)));
    }
}
END_TEST

START_TEST(a_run_of_ascii_inside_a_character_is_not_skipped)
{
    static const struct bytes beginnings[] = { { "\xC3", 1 },
                                               { "\xE2\x82", 2 },
                                               { "\xF0\x9F\x98", 3 } };
    static const char ascii[] =
        "sixty-four bytes and more of text that is nothing but plain ASCII, "
        "and a little more of it";

    for (size_t i = 0; i < 3; i++)
        for (size_t n = 1; n < sizeof ascii; n++) {
            utf8_state state = UTF8_START;
            ck_assert(utf8_feed(&state, beginnings[i]));
            ck_assert(!utf8_feed(&state, bytes_of(ascii, n)));
        }
    for (size_t before = 0; before < 40; before++) { /* wherever the groups of the loop end */
        char text[sizeof ascii + 41];
        memset(text, 'x', before);
        text[before] = (char)0xC3;
        memcpy(text + before + 1, ascii, sizeof ascii - 1);
        ck_assert(!utf8_is_valid(bytes_of(text, before + sizeof ascii)));
    }
}
END_TEST

START_TEST(a_text_that_ends_inside_a_character_is_not_valid)
{
    utf8_state state = UTF8_START;

    ck_assert(!utf8_is_valid(BYTES("caf\xC3")));
    ck_assert(!utf8_is_valid(BYTES("\xF0\x9F\x98")));
    ck_assert(utf8_feed(&state, BYTES("\xF0\x9F\x98")));
    ck_assert_uint_ne(state, UTF8_START);
    ck_assert(utf8_feed(&state, BYTES("\x80")));
    ck_assert_uint_eq(state, UTF8_START);
}
END_TEST

START_TEST(nothing_is_valid_and_changes_no_state)
{
    utf8_state state = UTF8_START;

    ck_assert(utf8_is_valid(bytes_of(NULL, 0)));
    ck_assert(utf8_is_valid(BYTES("")));
    ck_assert_uint_eq(utf8_count(bytes_of(NULL, 0)), 0);
    ck_assert(utf8_feed(&state, BYTES("\xE2\x82")));
    utf8_state before = state;
    ck_assert(utf8_feed(&state, bytes_of(NULL, 0)));
    ck_assert_uint_eq(state, before);
    ck_assert(utf8_feed(&state, BYTES("\xAC")));
    ck_assert_uint_eq(state, UTF8_START);
}
END_TEST

START_TEST(a_failed_state_stays_failed)
{
    utf8_state state = UTF8_START;

    ck_assert(!utf8_feed(&state, BYTES("ok\xFF")));
    ck_assert(!utf8_feed(&state, BYTES("and so on, for many bytes of good text")));
    ck_assert(!utf8_feed(&state, BYTES("")));
}
END_TEST

#define MIXED                                                                                      \
    "plain text of more than thirty-two bytes, then \xC3\xA9\xE2\x82\xAC and \xF0\x9F\x98\x80 "    \
    "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82 \xE4\xBD\xA0\xE5\xA5\xBD "                   \
    "and once more a long run of nothing but ASCII \xF4\x8F\xBF\xBF"

START_TEST(mixed_text_at_every_offset_length_and_alignment)
{
    struct bytes text = BYTES(MIXED);
    struct guarded g;

    learn_all_characters();
    guarded_init(&g);
    for (size_t from = 0; from < text.len; from++)
        for (size_t to = from; to <= text.len; to++)
            agree((unsigned char *)guarded_copy(&g, bytes_of(text.data + from, to - from)),
                  to - from);
    guarded_release(&g);
}
END_TEST

START_TEST(one_wrong_byte_anywhere_is_found)
{
    struct bytes text = BYTES(MIXED);
    struct guarded g;

    guarded_init(&g);
    for (size_t i = 0; i < text.len; i++) {
        char *copy = guarded_copy(&g, text);
        copy[i] = (char)0xFF;
        ck_assert(!utf8_is_valid(bytes_of(copy, text.len)));
    }
    ck_assert(utf8_is_valid(text));
    guarded_release(&g);
}
END_TEST

START_TEST(every_cut_gives_the_same_answer)
{
    static const struct bytes texts[] = {
        { MIXED, sizeof MIXED - 1 },
        { MIXED "\xED\xA0\x80", sizeof MIXED + 2 },
        { MIXED "\xF4\x90" MIXED, 2 * sizeof MIXED },
    };

    for (size_t t = 0; t < 3; t++)
        for (size_t a = 0; a <= texts[t].len; a++)
            for (size_t b = a; b <= texts[t].len; b++) {
                utf8_state state = UTF8_START;
                struct bytes x = texts[t];
                bool good = utf8_feed(&state, bytes_of(x.data, a)) &&
                            utf8_feed(&state, bytes_of(x.data + a, b - a)) &&
                            utf8_feed(&state, bytes_of(x.data + b, x.len - b));
                if ((good && state == UTF8_START) != (t == 0))
                    ck_abort_msg("text %zu cut at %zu and %zu", t, a, b);
            }
}
END_TEST

START_TEST(count_is_the_number_of_code_points)
{
    ck_assert_uint_eq(utf8_count(BYTES("abc")), 3);
    ck_assert_uint_eq(utf8_count(BYTES("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")), 3);
    ck_assert_uint_eq(utf8_count(BYTES("e\xCC\x81")), 2);
    ck_assert_uint_eq(utf8_count(BYTES("a\0b")), 3);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_sequence_of_one_two_and_three_bytes,
        every_sequence_of_four_bytes_that_matters,
        every_character_is_valid_and_counts_as_one,
        certain_errors_are_seen_at_their_first_byte,
        a_run_of_ascii_inside_a_character_is_not_skipped,
        a_text_that_ends_inside_a_character_is_not_valid,
        nothing_is_valid_and_changes_no_state,
        a_failed_state_stays_failed,
        mixed_text_at_every_offset_length_and_alignment,
        one_wrong_byte_anywhere_is_found,
        every_cut_gives_the_same_answer,
        count_is_the_number_of_code_points,
    };
    return RUN_TESTS("utf8", tests);
}
