/* test_ws_decoder.c - the decoder, proven by slices.
 *
 * A case is a list of frames and the events they must yield, as text. Every case runs whole, byte
 * by byte and cut at every pair of places; each piece lies against an unmapped page, and the piece
 * before it is overwritten. Events must be the same each time, and a failure must come at the very
 * byte that makes it certain.
 */
#include "proto/ws_decoder.h"

#include <stdarg.h>
#include <stdio.h>
#include "../base/run_tests.h"
#include "guarded.h"

#define MAX_MESSAGE 1000u
#define MAX_WIRE    (3u << 20)

/* ---- making wire bytes ---- */

static char wire[MAX_WIRE];
static size_t wire_len;

static void put(const void *data, size_t len)
{
    if (wire_len + len > sizeof wire)
        ck_abort_msg("the wire is too long");
    if (len > 0)
        memcpy(wire + wire_len, data, len);
    wire_len += len;
}

static void start(void)
{
    wire_len = 0;
}

/* A masked frame; `first` is its first byte. */
static void frame(unsigned first, struct bytes payload)
{
    static const uint8_t key[4] = { 0x9d, 0x01, 0x80, 0x7f };
    uint8_t head[WS_MAX_HEAD];
    size_t n = ws_frame_head_write(head, false, WS_CONTINUATION, payload.len);

    head[0] = (uint8_t)first;
    head[1] |= 0x80;
    memcpy(head + n, key, 4);
    put(head, n + 4);
    size_t at = wire_len;
    put(payload.data, payload.len);
    for (size_t i = 0; i < payload.len; i++)
        wire[at + i] = (char)(wire[at + i] ^ (char)key[i % 4]);
}

#define RAW(literal)          put(literal, sizeof(literal) - 1)
#define FRAME(first, literal) frame(first, BYTES(literal))

enum { /* first bytes */
       FIN = 0x80,
       TEXT = 0x01,
       BINARY = 0x02,
       CONTINUED = 0x00,
       CLOSE = 0x88,
       PING = 0x89,
       PONG = 0x8A,
};

/* ---- reading events ---- */

static char events[8192];
static size_t events_len;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(events + events_len, sizeof events - events_len, format, args);
    va_end(args);
    events_len += (size_t)n;
    if (events_len >= sizeof events)
        ck_abort_msg("too many events");
}

/* Long data as its length and a checksum. */
static void say_data(struct bytes data)
{
    uint32_t sum = 2166136261u;

    if (data.len <= 60) {
        for (size_t i = 0; i < data.len; i++) {
            unsigned char c = (unsigned char)data.data[i];
            say(c >= 0x20 && c < 0x7F ? "%c" : "\\%02x", c);
        }
        return;
    }
    for (size_t i = 0; i < data.len; i++)
        sum = (sum ^ (unsigned char)data.data[i]) * 16777619u;
    say("%zu bytes %08x", data.len, sum);
}

static void say_event(struct ws_event ev)
{
    static const char *const names[] = { "more", "", "ping", "pong", "close", "fail" };

    if (ev.type == WS_EVENT_MESSAGE)
        say(ev.is_text ? "text" : "binary");
    else
        say("%s", names[ev.type]);
    if (ev.type == WS_EVENT_CLOSE || ev.type == WS_EVENT_FAIL)
        say(" %u", (unsigned)ev.close_code);
    if (ev.type != WS_EVENT_FAIL) {
        say("(");
        say_data(ev.data);
        say(")");
    }
    say(" ");
}

/* Feeds a piece and writes down its events. False when the decoder has ended. */
static bool feed(struct ws_decoder *d, struct guarded *g, struct bytes piece)
{
    struct ws_input in = { guarded_copy(g, piece), piece.len, NULL };
    struct ws_event ev;

    while ((ev = ws_decoder_next(d, &in)).type != WS_EVENT_MORE) {
        say_event(ev);
        if (ev.type == WS_EVENT_FAIL || ev.type == WS_EVENT_CLOSE)
            return false;
    }
    if (in.len != 0)
        ck_abort_msg("%zu bytes are left", in.len);
    return true;
}

struct setting {
    uint32_t max_message;
    bool allow_binary;
};

static const struct setting usual = { MAX_MESSAGE, false }, binary_too = { MAX_MESSAGE, true };

static const char *events_when_cut(struct guarded *g, struct setting s, size_t a, size_t b)
{
    struct ws_decoder d;

    events_len = 0;
    events[0] = '\0';
    ws_decoder_init(&d, s.max_message, s.allow_binary);
    if (feed(&d, g, bytes_of(wire, a)) && feed(&d, g, bytes_of(wire + a, b - a)))
        feed(&d, g, bytes_of(wire + b, wire_len - b));
    ws_decoder_release(&d);
    return events;
}

/* Byte by byte; *used is how many bytes went in before the decoder ended. */
static const char *events_byte_by_byte(struct guarded *g, struct setting s, size_t *used)
{
    struct ws_decoder d;
    bool goes_on = true;

    events_len = 0;
    events[0] = '\0';
    ws_decoder_init(&d, s.max_message, s.allow_binary);
    for (*used = 0; *used < wire_len && goes_on; ++*used)
        goes_on = feed(&d, g, bytes_of(wire + *used, 1));
    ws_decoder_release(&d);
    return events;
}

/* Places at which a long wire is cut: everywhere near its ends, here and there in between. */
static size_t next_cut(size_t at)
{
    return at < 150 || at + 20 >= wire_len || wire_len < 300 ? at + 1 : at + 61;
}

/* The wire yields `want`, however it is cut. */
static void check_with(struct setting s, const char *want)
{
    struct guarded g;
    size_t used;

    guarded_init(&g);
    ck_assert_str_eq(events_when_cut(&g, s, 0, wire_len), want);
    ck_assert_str_eq(events_byte_by_byte(&g, s, &used), want);
    for (size_t a = 0; a <= wire_len; a = next_cut(a))
        for (size_t b = a; b <= wire_len; b = next_cut(b))
            if (strcmp(events_when_cut(&g, s, a, b), want) != 0)
                ck_abort_msg("cut at %zu and %zu: %s, not %s", a, b, events, want);
    guarded_release(&g);
}

static void check(const char *want)
{
    check_with(usual, want);
}

/* The wire fails with `code`, however it is cut, and at its last byte, not before. */
static void check_fails_with(struct setting s, unsigned code)
{
    char want[16];
    struct guarded g;
    size_t used;

    snprintf(want, sizeof want, "fail %u ", code);
    check_with(s, want);
    guarded_init(&g);
    events_byte_by_byte(&g, s, &used);
    guarded_release(&g);
    ck_assert_uint_eq(used, wire_len);
}

static void check_fails(unsigned code)
{
    check_fails_with(usual, code);
}

static struct bytes repeated(char c, size_t n)
{
    static char text[MAX_WIRE];

    memset(text, c, n);
    return bytes_of(text, n);
}

/* ---- messages ---- */

START_TEST(one_text_message)
{
    start();
    FRAME(FIN | TEXT, "hello");
    check("text(hello) ");
}
END_TEST

START_TEST(an_empty_message_is_a_message)
{
    start();
    FRAME(FIN | TEXT, "");
    FRAME(TEXT, "");
    FRAME(CONTINUED, "");
    FRAME(FIN | CONTINUED, "");
    check("text() text() ");
}
END_TEST

START_TEST(messages_back_to_back)
{
    start();
    FRAME(FIN | TEXT, "one");
    FRAME(FIN | TEXT, "two");
    FRAME(FIN | TEXT, "");
    FRAME(FIN | TEXT, "four");
    check("text(one) text(two) text() text(four) ");
}
END_TEST

START_TEST(the_masked_example_of_the_rfc)
{
    start();
    RAW("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    check("text(Hello) ");
}
END_TEST

START_TEST(fragments_become_one_message)
{
    start();
    FRAME(TEXT, "Hel");
    FRAME(CONTINUED, "");
    FRAME(CONTINUED, "lo, ");
    FRAME(FIN | CONTINUED, "you");
    FRAME(FIN | TEXT, "next");
    check("text(Hello, you) text(next) ");
}
END_TEST

START_TEST(empty_fragments_around_one_full_one)
{
    start();
    FRAME(TEXT, "");
    FRAME(FIN | CONTINUED, "all");
    FRAME(TEXT, "all");
    FRAME(FIN | CONTINUED, "");
    check("text(all) text(all) ");
}
END_TEST

START_TEST(ping_between_fragments_keeps_the_message)
{
    start();
    FRAME(TEXT, "Hel");
    FRAME(PING, "are you there");
    FRAME(CONTINUED, "l");
    FRAME(PONG, "");
    FRAME(PING, "");
    FRAME(FIN | CONTINUED, "o");
    check("ping(are you there) pong() ping() text(Hello) ");
}
END_TEST

START_TEST(a_ping_inside_a_cut_character_keeps_the_validation)
{
    start();
    FRAME(TEXT, "\xE2\x82");
    FRAME(PING, "\xFF\xFE");
    FRAME(FIN | CONTINUED, "\xAC");
    check("ping(\\ff\\fe) text(\\e2\\82\\ac) ");
}
END_TEST

START_TEST(control_frames_of_125_bytes)
{
    start();
    frame(PING, repeated('p', 125));
    frame(PONG, repeated('q', 125));
    check("ping(125 bytes 995e1f9f) pong(125 bytes 06f06be0) ");
}
END_TEST

START_TEST(text_of_every_length_form)
{
    static const size_t lengths[] = { 0, 1, 125, 126, 127, 65535, 65536, 70000, 200000 };
    const struct setting large = { 1u << 20, false };

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct guarded g;
        char want[sizeof events];
        size_t used;
        start();
        frame(FIN | TEXT, repeated('x', lengths[i]));
        FRAME(FIN | TEXT, "end");
        events_len = 0;
        say("text(");
        say_data(repeated('x', lengths[i]));
        say(") text(end) ");
        memcpy(want, events, sizeof want);
        if (lengths[i] < 1000) {
            check_with(large, want);
            continue;
        }
        guarded_init(&g);
        ck_assert_str_eq(events_byte_by_byte(&g, large, &used), want);
        const size_t step = wire_len / 5;
        for (size_t a = 0; a <= wire_len; a += a < 16 || a + 12 > wire_len ? 1 : step)
            for (size_t b = a; b <= wire_len; b += b < 16 || b + 12 > wire_len ? 1 : step)
                if (strcmp(events_when_cut(&g, large, a, b), want) != 0)
                    ck_abort_msg("%zu bytes cut at %zu and %zu: %s", lengths[i], a, b, events);
        guarded_release(&g);
    }
}
END_TEST

START_TEST(text_of_all_scripts_in_pieces)
{
    start();
    FRAME(TEXT, "\xD0\x9F\xD1\x80\xD0\xB8 caf\xC3");
    FRAME(CONTINUED, "\xA9 \xF0");
    FRAME(CONTINUED, "\x9F");
    FRAME(FIN | CONTINUED, "\x98\x80 \xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF");
    check("text(\\d0\\9f\\d1\\80\\d0\\b8 caf\\c3\\a9 \\f0\\9f\\98\\80 "
          "\\ed\\9f\\bf\\ee\\80\\80\\f4\\8f\\bf\\bf) ");
}
END_TEST

START_TEST(a_nul_is_text)
{
    start();
    FRAME(FIN | TEXT, "a\0b");
    check("text(a\\00b) ");
}
END_TEST

START_TEST(binary_is_an_event_where_it_is_allowed)
{
    start();
    FRAME(FIN | BINARY, "\xFF\xC0\x80");
    FRAME(BINARY, "\xE2");
    FRAME(FIN | CONTINUED, "(");
    FRAME(FIN | TEXT, "t");
    check_with(binary_too, "binary(\\ff\\c0\\80) binary(\\e2() text(t) ");
}
END_TEST

/* ---- bad heads ---- */

START_TEST(reserved_bits_fail_at_the_first_byte)
{
    for (unsigned rsv = 0x10; rsv <= 0x70; rsv += 0x10) {
        start();
        put(&(char){ (char)(FIN | TEXT | rsv) }, 1);
        check_fails(1002);
        start();
        put(&(char){ (char)(PING | rsv) }, 1);
        check_fails(1002);
    }
}
END_TEST

START_TEST(reserved_opcodes_fail_at_the_first_byte)
{
    for (unsigned opcode = 0; opcode < 16; opcode++) {
        if ((opcode > 2 && opcode < 8) || opcode > 10) {
            start();
            put(&(char){ (char)(FIN | opcode) }, 1);
            check_fails(1002);
        }
    }
}
END_TEST

START_TEST(an_unmasked_frame_fails_at_the_second_byte)
{
    start();
    RAW("\x81\x05");
    check_fails(1002);
    start();
    RAW("\x89\x00");
    check_fails(1002);
    start();
    RAW("\x81\x7E");
    check_fails(1002);
}
END_TEST

START_TEST(a_fragmented_control_frame_fails_at_the_first_byte)
{
    for (unsigned opcode = 8; opcode <= 10; opcode++) {
        start();
        put(&(char){ (char)opcode }, 1);
        check_fails(1002);
    }
}
END_TEST

START_TEST(a_control_frame_over_125_bytes_fails_at_the_second_byte)
{
    for (unsigned opcode = 8; opcode <= 10; opcode++)
        for (unsigned length = 126; length <= 127; length++) {
            start();
            put((char[]){ (char)(FIN | opcode), (char)(0x80 | length) }, 2);
            check_fails(1002);
        }
}
END_TEST

START_TEST(a_continuation_of_nothing_fails)
{
    start();
    put("\x80", 1);
    check_fails(1002);
    start();
    put("\x00", 1);
    check_fails(1002);
}
END_TEST

START_TEST(a_continuation_after_a_whole_message_fails)
{
    start();
    FRAME(TEXT, "a");
    FRAME(FIN | CONTINUED, "b");
    FRAME(FIN | CONTINUED, "c");
    check("text(ab) fail 1002 ");
}
END_TEST

START_TEST(a_new_message_inside_a_message_fails)
{
    start();
    FRAME(TEXT, "a");
    put("\x81", 1);
    check_fails(1002);
    start();
    FRAME(TEXT, "");
    put("\x02", 1);
    check_fails(1002);
}
END_TEST

START_TEST(binary_fails_at_its_head)
{
    start();
    RAW("\x82\x80");
    check_fails(1003);
    start();
    RAW("\x02\xFE");
    check_fails(1003);
    start();
    FRAME(FIN | TEXT, "before");
    FRAME(FIN | BINARY, "x");
    check("text(before) fail 1003 ");
}
END_TEST

START_TEST(an_unmasked_binary_frame_is_first_of_all_unmasked)
{
    start();
    RAW("\x82\x05");
    check_fails(1002);
}
END_TEST

START_TEST(lengths_that_could_be_shorter_fail)
{
    start();
    RAW("\x81\xFE\x00\x7D");
    check_fails(1002);
    start();
    RAW("\x81\xFF\0\0\0\0\0\0");
    check_fails(1002);
    start();
    RAW("\x81\xFF\x80");
    check_fails(1002);
}
END_TEST

/* ---- limits ---- */

START_TEST(a_message_at_the_limit_passes_and_one_byte_more_fails_before_its_mask)
{
    start();
    frame(FIN | TEXT, repeated('x', MAX_MESSAGE));
    check("text(1000 bytes 07d18165) ");
    start();
    RAW("\x81\xFE\x03\xE9");
    check_fails(1009);
}
END_TEST

START_TEST(fragments_are_counted_together)
{
    start();
    frame(TEXT, repeated('x', MAX_MESSAGE - 1));
    FRAME(CONTINUED, "x");
    FRAME(FIN | CONTINUED, "");
    check("text(1000 bytes 07d18165) ");
    start();
    frame(TEXT, repeated('x', MAX_MESSAGE - 1));
    FRAME(CONTINUED, "x");
    RAW("\x80\x81");
    check_fails(1009);
}
END_TEST

START_TEST(control_frames_do_not_count_toward_the_limit)
{
    start();
    frame(TEXT, repeated('x', MAX_MESSAGE));
    FRAME(PING, "ping");
    FRAME(FIN | CONTINUED, "");
    check("ping(ping) text(1000 bytes 07d18165) ");
}
END_TEST

START_TEST(the_sum_of_lengths_does_not_overflow)
{
    const struct setting endless = { UINT32_MAX, false };

    start();
    RAW("\x81\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
    check_fails(1009);
    start();
    FRAME(TEXT, "x");
    RAW("\x80\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
    check_fails(1009);
    start();
    FRAME(TEXT, "x");
    RAW("\x80\xFF\0\0\0\0\xFF\xFF\xFF\xFE\0\0\0\0abc");
    check_with(endless, "");
    start();
    FRAME(TEXT, "x");
    RAW("\x80\xFF\0\0\0\0\xFF\xFF\xFF\xFF\0\0\0\0abc");
    check_with(endless, "fail 1009 ");
}
END_TEST

START_TEST(the_largest_control_frame_passes_a_small_limit)
{
    const struct setting small = { 125, false };

    start();
    frame(PING, repeated('p', 125));
    frame(FIN | TEXT, repeated('t', 125));
    check_with(small, "ping(125 bytes 995e1f9f) text(125 bytes 9eac9a43) ");
    start();
    RAW("\x81\xFE\x00\x7E");
    check_fails_with(small, 1009);
}
END_TEST

START_TEST(a_bad_length_is_a_protocol_error_even_where_nothing_fits_any_more)
{
    start();
    frame(TEXT, repeated('x', MAX_MESSAGE));
    RAW("\x80\xFE\x00\x7D");
    check_fails(1002);
    start();
    frame(TEXT, repeated('x', MAX_MESSAGE));
    RAW("\x80\xFF\0\0\0\0\0\0");
    check_fails(1002);
    start();
    frame(TEXT, repeated('x', MAX_MESSAGE));
    RAW("\x80\xFF\x80");
    check_fails(1002);
}
END_TEST

/* ---- text that is not UTF-8 ---- */

/* A head that announces 20 bytes, and the first of them: the rest never comes. */
static void begin_of_20(struct bytes payload)
{
    RAW("\x81\x94\0\0\0\0");
    put(payload.data, payload.len);
}

START_TEST(bad_text_fails_at_the_first_certain_byte_of_an_incomplete_frame)
{
    static const struct bytes texts[] = {
        { "ok\x80", 3 },
        { "\xC0", 1 },
        { "\xC1", 1 },
        { "\xF5", 1 },
        { "a\xE0\x9F", 3 },
        { "\xED\xA0", 2 },
        { "\xF0\x8F", 2 },
        { "\xF4\x90", 2 },
        { "\xE2\x82(", 3 },
        { "\xC3\xC3", 2 },
        { "\xF1\x80\x80(", 4 },
        { "\xFF", 1 },
        { "0123456789abcdefgh\xFE", 19 },
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        start();
        begin_of_20(texts[i]);
        check_fails(1007);
    }
}
END_TEST

START_TEST(bad_text_fails_across_fragments)
{
    start();
    FRAME(TEXT, "ok \xED");
    FRAME(PING, "");
    RAW("\x00\x85\0\0\0\0\xA0");
    check("ping() fail 1007 ");
    start();
    FRAME(TEXT, "\xF0\x9F");
    RAW("\x80\x81\0\0\0\0z");
    check_fails(1007);
}
END_TEST

START_TEST(text_that_ends_inside_a_character_fails_at_its_end)
{
    start();
    FRAME(FIN | TEXT, "caf\xC3");
    check_fails(1007);
    start();
    FRAME(TEXT, "\xE2\x82");
    FRAME(FIN | CONTINUED, "");
    check("fail 1007 ");
}
END_TEST

START_TEST(a_new_text_starts_a_new_validation)
{
    start();
    FRAME(FIN | TEXT, "\xC3\xA9");
    FRAME(FIN | TEXT, "\xA9");
    check("text(\\c3\\a9) fail 1007 ");
}
END_TEST

/* ---- close ---- */

START_TEST(a_close_frame_ends_everything)
{
    start();
    FRAME(FIN | TEXT, "before");
    FRAME(CLOSE, "\x03\xE8"
                 "bye");
    FRAME(FIN | TEXT, "after");
    RAW("\xFF\xFF\xFF");
    check("text(before) close 1000(bye) ");
}
END_TEST

START_TEST(a_close_frame_without_a_code_says_1005)
{
    start();
    FRAME(CLOSE, "");
    check("close 1005() ");
}
END_TEST

START_TEST(a_close_frame_may_interrupt_a_message)
{
    start();
    FRAME(TEXT, "never ended");
    FRAME(CLOSE, "\x03\xE9");
    check("close 1001() ");
}
END_TEST

START_TEST(half_a_close_code_fails_at_its_head)
{
    start();
    RAW("\x88\x81");
    check_fails(1002);
}
END_TEST

START_TEST(every_close_code_is_judged)
{
    struct guarded g;

    guarded_init(&g);
    for (unsigned code = 0; code < 65536; code++) {
        char payload[2] = { (char)(code >> 8), (char)code }, want[32];
        snprintf(want, sizeof want, ws_close_code_is_valid(code) ? "close %u() " : "fail 1002 ",
                 code);
        start();
        frame(CLOSE, bytes_of(payload, 2));
        if (strcmp(events_when_cut(&g, usual, wire_len, wire_len), want) != 0)
            ck_abort_msg("%u: %s", code, events);
    }
    guarded_release(&g);
}
END_TEST

START_TEST(bad_close_codes_fail_however_they_are_cut)
{
    start();
    FRAME(CLOSE, "\x03\xED"); /* 1005 */
    check("fail 1002 ");
    start();
    FRAME(CLOSE, "\x00\x00"
                 "reason");
    check("fail 1002 ");
}
END_TEST

START_TEST(a_close_reason_must_be_utf8)
{
    start();
    FRAME(CLOSE, "\x03\xE8\xC3\xA9");
    check("close 1000(\\c3\\a9) ");
    start();
    FRAME(CLOSE, "\x03\xE8\xC3");
    check("fail 1007 ");
    start();
    FRAME(CLOSE, "\x03\xE8\xED\xA0\x80");
    check("fail 1007 ");
}
END_TEST

START_TEST(the_longest_close_reason)
{
    char payload[125] = "\x03\xE8";

    memset(payload + 2, 'r', 123);
    start();
    frame(CLOSE, bytes_of(payload, 125));
    check("close 1000(123 bytes 35b5bb75) ");
}
END_TEST

START_TEST(after_close_the_input_is_swallowed)
{
    struct ws_decoder d;
    struct ws_input in = { wire, 0, NULL };

    start();
    FRAME(CLOSE, "");
    FRAME(FIN | TEXT, "after");
    in.len = wire_len;
    ws_decoder_init(&d, MAX_MESSAGE, false);
    ck_assert_int_eq(ws_decoder_next(&d, &in).type, WS_EVENT_CLOSE);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(ws_decoder_next(&d, &in).type, WS_EVENT_MORE);
        ck_assert_uint_eq(in.len, 0);
    }
    ws_decoder_release(&d);
}
END_TEST

START_TEST(after_a_failure_every_call_fails_again)
{
    struct ws_decoder d;
    struct ws_input in = { wire, 0, NULL };

    start();
    RAW("\xFF");
    FRAME(FIN | TEXT, "after");
    in.len = wire_len;
    ws_decoder_init(&d, MAX_MESSAGE, false);
    for (int i = 0; i < 4; i++) {
        struct ws_event ev = i < 3 ? ws_decoder_next(&d, &in) : ws_decoder_received(&d, 0);
        ck_assert_int_eq(ev.type, WS_EVENT_FAIL);
        ck_assert_uint_eq(ev.close_code, 1002);
    }
    ck_assert_ptr_null(d.message);
    ws_decoder_release(&d);
}
END_TEST

/* ---- memory and ownership ---- */

START_TEST(a_decoder_is_small)
{
    ck_assert_uint_le(sizeof(struct ws_decoder), 120);
}
END_TEST

START_TEST(a_whole_message_is_a_view_of_the_input)
{
    struct ws_decoder d;
    struct ws_input in = { wire, 0, NULL };

    start();
    FRAME(FIN | TEXT, "one");
    FRAME(PING, "two");
    in.len = wire_len;
    ws_decoder_init(&d, MAX_MESSAGE, false);
    struct ws_event ev = ws_decoder_next(&d, &in);
    ck_assert_ptr_eq(ev.data.data, wire + 6);
    ck_assert_ptr_eq(in.data, wire + 9);
    ev = ws_decoder_next(&d, &in);
    ck_assert_ptr_eq(ev.data.data, wire + 15);
    ck_assert_ptr_null(d.message);
    ck_assert_ptr_null(d.control);
    ck_assert_uint_eq(in.len, 0);
    ws_decoder_release(&d);
}
END_TEST

START_TEST(a_whole_payload_after_a_cut_head_is_a_view_too)
{
    struct ws_decoder d;

    start();
    FRAME(FIN | TEXT, "one");
    ws_decoder_init(&d, MAX_MESSAGE, false);
    struct ws_input first = { wire, 4, NULL }, second = { wire + 4, wire_len - 4, NULL };
    ck_assert_int_eq(ws_decoder_next(&d, &first).type, WS_EVENT_MORE);
    ck_assert(!ws_decoder_is_idle(&d));
    ck_assert_ptr_eq(ws_decoder_next(&d, &second).data.data, wire + 6);
    ck_assert(ws_decoder_is_idle(&d));
    ws_decoder_release(&d);
}
END_TEST

START_TEST(nothing_is_held_between_messages)
{
    struct ws_decoder d;
    struct guarded g;

    guarded_init(&g);
    start();
    FRAME(TEXT, "part");
    FRAME(PING, "control");
    FRAME(FIN | CONTINUED, "end");
    ws_decoder_init(&d, MAX_MESSAGE, false);
    ck_assert(ws_decoder_is_idle(&d));
    events_len = 0;
    for (size_t i = 0; i < wire_len; i++) {
        ck_assert_int_eq(ws_decoder_is_idle(&d), i == 0);
        ck_assert(feed(&d, &g, bytes_of(wire + i, 1)));
    }
    ck_assert_str_eq(events, "ping(control) text(partend) ");
    ck_assert(ws_decoder_is_idle(&d));
    ck_assert_ptr_null(d.message);
    ck_assert_ptr_null(d.control);
    ws_decoder_release(&d);
    ws_decoder_release(NULL);
    guarded_release(&g);
}
END_TEST

START_TEST(release_in_the_middle_gives_everything_back)
{
    struct guarded g;

    guarded_init(&g);
    start();
    FRAME(TEXT, "part");
    FRAME(PING, "control");
    for (size_t cut = 0; cut <= wire_len; cut++) { /* the leak checkers look at this */
        struct ws_decoder d;
        ws_decoder_init(&d, MAX_MESSAGE, false);
        feed(&d, &g, bytes_of(wire, cut / 2));
        feed(&d, &g, bytes_of(wire + cut / 2, cut - cut / 2));
        ws_decoder_release(&d);
    }
    guarded_release(&g);
}
END_TEST

START_TEST(an_announced_length_allocates_nothing)
{
    const struct setting large = { 1u << 30, false };
    struct ws_decoder d;
    struct guarded g;

    guarded_init(&g);
    start();
    RAW("\x81\xFF\0\0\0\0\x3F\0\0\0\1\2\3\4");
    ws_decoder_init(&d, large.max_message, false);
    ck_assert(feed(&d, &g, bytes_of(wire, wire_len)));
    ck_assert_ptr_null(d.message);
    size_t sent = 0;
    for (size_t n = 1; n < 100000; n = n * 3 / 2 + 1) {
        char *room;
        ck_assert(feed(&d, &g, bytes_of(&"\1\2\3\4"[sent % 4], 1)));
        sent++;
        ck_assert_uint_le(d.message_cap, WS_AHEAD * sent + 256);
        ck_assert_uint_eq(ws_decoder_room(&d, SIZE_MAX, &room), 0);
    }
    ws_decoder_release(&d);
    guarded_release(&g);
}
END_TEST

START_TEST(the_caller_may_stop_between_two_events)
{
    struct ws_decoder d;
    struct ws_input in = { wire, 0, NULL };
    struct ws_event ev;

    start();
    FRAME(FIN | TEXT, "one");
    FRAME(FIN | TEXT, "two");
    in.len = wire_len;
    ws_decoder_init(&d, MAX_MESSAGE, false);
    ev = ws_decoder_next(&d, &in);
    ck_assert(bytes_eq(ev.data, BYTES("one")));
    char kept[64];
    memcpy(kept, in.data, in.len);
    struct ws_input rest = { kept, in.len, NULL };
    memset(wire, 0, wire_len);
    ev = ws_decoder_next(&d, &rest);
    ck_assert(bytes_eq(ev.data, BYTES("two")));
    ck_assert_int_eq(ws_decoder_next(&d, &rest).type, WS_EVENT_MORE);
    ws_decoder_release(&d);
}
END_TEST

START_TEST(empty_input_is_no_event)
{
    struct ws_decoder d;
    struct ws_input in = { NULL, 0, NULL };

    ws_decoder_init(&d, MAX_MESSAGE, false);
    ck_assert_int_eq(ws_decoder_next(&d, &in).type, WS_EVENT_MORE);
    ck_assert(ws_decoder_is_idle(&d));
    ws_decoder_release(&d);
}
END_TEST

/* ---- receiving directly ---- */

/* Feeds the wire like a connection does: `scratch` bytes at most into a buffer, and what
 * ws_decoder_room() offers directly. Returns the number of bytes that came that way. */
static size_t feed_directly(struct setting s, size_t scratch, size_t most)
{
    struct ws_decoder d;
    size_t at = 0, direct = 0;
    static char buffer[MAX_WIRE];

    events_len = 0;
    events[0] = '\0';
    ws_decoder_init(&d, s.max_message, s.allow_binary);
    while (at < wire_len) {
        char *room;
        size_t arrived = d.message ? d.message->len : 0;
        size_t n = ws_decoder_room(&d, most, &room);
        if (n > 0) {
            if (n > most || n > d.frame_left || d.message_cap > WS_AHEAD * arrived)
                ck_abort_msg("%zu of %zu bytes offered, %u held", n, most, d.message_cap);
            n = n < wire_len - at ? n : wire_len - at;
            memcpy(room, wire + at, n);
            struct ws_event ev = ws_decoder_received(&d, n);
            if (ev.type != WS_EVENT_MORE)
                say_event(ev);
            at += n;
            direct += n;
            if (ev.type == WS_EVENT_FAIL)
                break;
            continue;
        }
        n = scratch < wire_len - at ? scratch : wire_len - at;
        memcpy(buffer, wire + at, n);
        at += n;
        struct ws_input in = { buffer, n, NULL };
        struct ws_event ev;
        while ((ev = ws_decoder_next(&d, &in)).type != WS_EVENT_MORE) {
            say_event(ev);
            if (ev.type == WS_EVENT_FAIL || ev.type == WS_EVENT_CLOSE)
                at = wire_len;
            if (at == wire_len && ev.type >= WS_EVENT_CLOSE)
                break;
        }
    }
    ws_decoder_release(&d);
    return direct;
}

/* Letters and, in between, characters of two to four bytes that fall on every kind of boundary. */
static struct bytes long_text(size_t n)
{
    static const struct bytes parts[] = {
        { "abcdefg", 7 }, { "\xC3\xA9", 2 }, { "\xE2\x82\xAC", 3 }, { "\xF0\x9F\x98\x80", 4 }
    };
    static char text[MAX_WIRE];
    size_t len = 0;

    for (size_t i = 0; len + 8 < n; i++) {
        struct bytes part = parts[(i * i + i / 7) % 4];
        memcpy(text + len, part.data, part.len);
        len += part.len;
    }
    memset(text + len, 'z', n - len);
    return bytes_of(text, n);
}

START_TEST(direct_receiving_yields_the_same_events)
{
    const struct setting large = { 2u << 20, false };
    char want[sizeof events];

    start();
    FRAME(FIN | TEXT, "before");
    frame(FIN | TEXT, long_text(1000000));
    FRAME(PING, "between");
    frame(TEXT, long_text(300000));
    FRAME(PING, "inside");
    frame(CONTINUED, long_text(400001));
    frame(FIN | CONTINUED, long_text(70000));
    FRAME(FIN | TEXT, "after");
    FRAME(CLOSE, "\x03\xE8");
    feed_directly(large, sizeof wire, 0);
    memcpy(want, events, sizeof want);
    ck_assert_ptr_nonnull(strstr(want, "ping(between) ping(inside) text(770001 bytes"));
    ck_assert_ptr_nonnull(strstr(want, "text(after) close 1000() "));
    for (size_t scratch = 16384; scratch <= 400000; scratch = scratch * 2 + 17)
        for (size_t most = 1; most < 2000000; most = most * 9 + 1) {
            if (most < 100 && scratch > 16384)
                continue; /* many steps, nothing new */
            ck_assert_uint_gt(feed_directly(large, scratch, most), 100000);
            ck_assert_str_eq(events, want);
        }
}
END_TEST

START_TEST(direct_receiving_sees_bad_text_too)
{
    const struct setting large = { 2u << 20, false };
    static const size_t places[] = { 100000, 300000, 499999 };

    for (size_t i = 0; i < 3; i++) {
        start();
        frame(FIN | TEXT, repeated('x', 500000));
        wire[wire_len - 500000 + places[i]] ^= (char)0x80; /* a lone continuation byte, or worse */
        ck_assert_uint_gt(feed_directly(large, 32768, 65536), 0);
        ck_assert_str_eq(events, "fail 1007 ");
    }
}
END_TEST

START_TEST(direct_receiving_ends_inside_a_character)
{
    const struct setting large = { 2u << 20, false };

    start();
    char *text = (char *)(uintptr_t)repeated('x', 500000).data;
    text[499999] = (char)0xC3;
    frame(FIN | TEXT, bytes_of(text, 500000));
    ck_assert_uint_gt(feed_directly(large, 32768, SIZE_MAX), 0);
    ck_assert_str_eq(events, "fail 1007 ");
}
END_TEST

START_TEST(there_is_no_room_for_what_is_small_or_control_or_over)
{
    struct ws_decoder d;
    struct ws_input in;
    char *room;

    ws_decoder_init(&d, 1u << 20, false);
    ck_assert_uint_eq(ws_decoder_room(&d, SIZE_MAX, &room), 0);
    start();
    frame(TEXT, repeated('x', 80000));
    in = (struct ws_input){ wire, 79000, NULL };
    ck_assert_int_eq(ws_decoder_next(&d, &in).type, WS_EVENT_MORE);
    ck_assert_uint_eq(ws_decoder_room(&d, SIZE_MAX, &room), 0); /* the little rest: not worth it */
    in = (struct ws_input){ wire + 79000, wire_len - 79000, NULL };
    ck_assert_int_eq(ws_decoder_next(&d, &in).type, WS_EVENT_MORE);
    ck_assert_uint_eq(ws_decoder_room(&d, SIZE_MAX, &room), 0); /* between two frames */
    start();
    FRAME(PING, "ping");
    in = (struct ws_input){ wire, 8, NULL };
    ck_assert_int_eq(ws_decoder_next(&d, &in).type, WS_EVENT_MORE);
    ck_assert_uint_eq(ws_decoder_room(&d, SIZE_MAX, &room), 0); /* inside a control frame */
    ws_decoder_release(&d);
}
END_TEST

START_TEST(after_a_failure_there_is_no_room)
{
    struct ws_decoder d;
    struct ws_input in = { wire, 0, NULL };
    char *room;

    start();
    frame(FIN | TEXT, repeated('x', 200000));
    wire[50000] ^= (char)0x80;
    in.len = 30000;
    ws_decoder_init(&d, 1u << 20, false);
    ck_assert_int_eq(ws_decoder_next(&d, &in).type, WS_EVENT_MORE);
    ck_assert_uint_gt(ws_decoder_room(&d, SIZE_MAX, &room), 0);
    in = (struct ws_input){ wire + 30000, 30000, NULL };
    ck_assert_int_eq(ws_decoder_next(&d, &in).type, WS_EVENT_FAIL);
    ck_assert_uint_eq(ws_decoder_room(&d, SIZE_MAX, &room), 0);
    ck_assert_ptr_null(d.message);
    ws_decoder_release(&d);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        one_text_message,
        an_empty_message_is_a_message,
        messages_back_to_back,
        the_masked_example_of_the_rfc,
        fragments_become_one_message,
        empty_fragments_around_one_full_one,
        ping_between_fragments_keeps_the_message,
        a_ping_inside_a_cut_character_keeps_the_validation,
        control_frames_of_125_bytes,
        text_of_every_length_form,
        text_of_all_scripts_in_pieces,
        a_nul_is_text,
        binary_is_an_event_where_it_is_allowed,
        reserved_bits_fail_at_the_first_byte,
        reserved_opcodes_fail_at_the_first_byte,
        an_unmasked_frame_fails_at_the_second_byte,
        a_fragmented_control_frame_fails_at_the_first_byte,
        a_control_frame_over_125_bytes_fails_at_the_second_byte,
        a_continuation_of_nothing_fails,
        a_continuation_after_a_whole_message_fails,
        a_new_message_inside_a_message_fails,
        binary_fails_at_its_head,
        an_unmasked_binary_frame_is_first_of_all_unmasked,
        lengths_that_could_be_shorter_fail,
        a_message_at_the_limit_passes_and_one_byte_more_fails_before_its_mask,
        fragments_are_counted_together,
        control_frames_do_not_count_toward_the_limit,
        the_sum_of_lengths_does_not_overflow,
        the_largest_control_frame_passes_a_small_limit,
        a_bad_length_is_a_protocol_error_even_where_nothing_fits_any_more,
        bad_text_fails_at_the_first_certain_byte_of_an_incomplete_frame,
        bad_text_fails_across_fragments,
        text_that_ends_inside_a_character_fails_at_its_end,
        a_new_text_starts_a_new_validation,
        a_close_frame_ends_everything,
        a_close_frame_without_a_code_says_1005,
        a_close_frame_may_interrupt_a_message,
        half_a_close_code_fails_at_its_head,
        every_close_code_is_judged,
        bad_close_codes_fail_however_they_are_cut,
        a_close_reason_must_be_utf8,
        the_longest_close_reason,
        after_close_the_input_is_swallowed,
        after_a_failure_every_call_fails_again,
        a_decoder_is_small,
        a_whole_message_is_a_view_of_the_input,
        a_whole_payload_after_a_cut_head_is_a_view_too,
        nothing_is_held_between_messages,
        release_in_the_middle_gives_everything_back,
        an_announced_length_allocates_nothing,
        the_caller_may_stop_between_two_events,
        empty_input_is_no_event,
        direct_receiving_yields_the_same_events,
        direct_receiving_sees_bad_text_too,
        direct_receiving_ends_inside_a_character,
        there_is_no_room_for_what_is_small_or_control_or_over,
        after_a_failure_there_is_no_room,
    };
    return RUN_TESTS("ws_decoder", tests);
}
