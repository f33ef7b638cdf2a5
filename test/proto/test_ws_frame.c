/* test_ws_frame.c - one frame in, one frame out, and masking against the formula of the RFC. */
#include "proto/ws_frame.h"

#include "../base/run_tests.h"
#include "guarded.h"

#define BIG 70000u

static const uint8_t key[4] = { 0x37, 0xfa, 0x21, 0x3d }; /* of RFC 6455 section 5.7 */

/* What the lengths of the three forms look like around their limits. */
static const uint64_t lengths[] = { 0,   1,   2,   7,    8,     124,   125,   126, 127,
                                    128, 255, 256, 1000, 65534, 65535, 65536, BIG, 131072 };
#define N_LENGTHS (sizeof lengths / sizeof *lengths)

/* A client's frame by the book; the payload is masked here byte by byte. */
static size_t client_frame(char *out, unsigned first, const uint8_t mask[4], struct bytes payload)
{
    size_t n = 0;

    out[n++] = (char)first;
    if (payload.len < 126) {
        out[n++] = (char)(0x80 | payload.len);
    } else if (payload.len < 65536) {
        out[n++] = (char)(0x80 | 126);
        for (int shift = 8; shift >= 0; shift -= 8)
            out[n++] = (char)(payload.len >> shift);
    } else {
        out[n++] = (char)(0x80 | 127);
        for (int shift = 56; shift >= 0; shift -= 8)
            out[n++] = (char)((uint64_t)payload.len >> shift);
    }
    memcpy(out + n, mask, 4);
    n += 4;
    for (size_t i = 0; i < payload.len; i++)
        out[n + i] = (char)(payload.data[i] ^ (char)mask[i % 4]);
    return n + payload.len;
}

static void fill(char *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(i * 7 + i / 256);
}

START_TEST(the_examples_of_rfc_6455_section_5_7_are_read)
{
    char unmasked[] = "\x81\x05Hello";
    char masked[] = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    char part_1[] = "\x01\x03Hel", part_2[] = "\x80\x02lo";
    char ping[] = "\x89\x05Hello";
    char pong[] = "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    struct ws_frame f;

    ck_assert_int_eq(parse_ws_frame(unmasked, 7, &f), 7);
    ck_assert(f.fin_bit == 1 && f.rsv == 0 && f.opcode == WS_TEXT && !f.is_masked);
    ck_assert_uint_eq(f.payload_length, 5);
    ck_assert(bytes_eq(f.payload, BYTES("Hello")));
    ck_assert_int_eq(parse_ws_frame(masked, 11, &f), 11);
    ck_assert(f.fin_bit == 1 && f.opcode == WS_TEXT && f.is_masked);
    ck_assert_mem_eq(f.mask, key, 4);
    ck_assert(bytes_eq(f.payload, BYTES("Hello")));
    ck_assert_int_eq(parse_ws_frame(part_1, 5, &f), 5);
    ck_assert(f.fin_bit == 0 && f.opcode == WS_TEXT && bytes_eq(f.payload, BYTES("Hel")));
    ck_assert_int_eq(parse_ws_frame(part_2, 4, &f), 4);
    ck_assert(f.fin_bit == 1 && f.opcode == WS_CONTINUATION && bytes_eq(f.payload, BYTES("lo")));
    ck_assert_int_eq(parse_ws_frame(ping, 7, &f), 7);
    ck_assert(f.opcode == WS_PING && bytes_eq(f.payload, BYTES("Hello")));
    ck_assert_int_eq(parse_ws_frame(pong, 11, &f), 11);
    ck_assert(f.opcode == WS_PONG && bytes_eq(f.payload, BYTES("Hello")));
}
END_TEST

START_TEST(the_length_examples_of_rfc_6455_section_5_7)
{
    static const char k256[] = "\x82\x7E\x01\x00", k64k[] = "\x82\x7F\0\0\0\0\0\1\0\0";
    struct ws_frame f;

    ck_assert_int_eq(ws_frame_head_parse(&f, bytes_of(k256, 4)), 4);
    ck_assert_uint_eq(f.payload_length, 256);
    ck_assert_int_eq(ws_frame_head_parse(&f, bytes_of(k64k, 10)), 10);
    ck_assert_uint_eq(f.payload_length, 65536);
    ck_assert_uint_eq(f.payload.len, 0);
}
END_TEST

START_TEST(generated_frames_are_those_of_the_rfc)
{
    char out[32];

    ck_assert_uint_eq(generate_ws_frame(WS_TEXT, BYTES("Hello"), out), 7);
    ck_assert_mem_eq(out, "\x81\x05Hello", 7);
    ck_assert_uint_eq(generate_ws_frame(WS_PONG, BYTES("Hello"), out), 7);
    ck_assert_mem_eq(out, "\x8a\x05Hello", 7);
    ck_assert_uint_eq(generate_ws_frame(WS_CLOSE, bytes_of(NULL, 0), out), 2);
    ck_assert_mem_eq(out, "\x88\x00", 2);
}
END_TEST

START_TEST(every_length_is_generated_in_its_shortest_form)
{
    static char payload[131072], out[131072 + WS_MAX_SERVER_HEAD];

    fill(payload, sizeof payload);
    for (size_t i = 0; i < N_LENGTHS; i++) {
        size_t len = (size_t)lengths[i];
        size_t head = len < 126 ? 2 : len < 65536 ? 4 : 10;
        uint64_t said = 0;
        ck_assert_uint_eq(ws_frame_head_len(len), head);
        ck_assert_uint_eq(generate_ws_frame(WS_BINARY, bytes_of(payload, len), out), head + len);
        ck_assert_int_eq(out[0], (char)0x82);
        ck_assert_int_eq(out[1], head == 2 ? (char)len : head == 4 ? 126 : 127);
        for (size_t k = 2; k < head; k++)
            said = said << 8 | (uint8_t)out[k];
        if (head > 2)
            ck_assert_uint_eq(said, len);
        ck_assert_mem_eq(out + head, payload, len);
    }
    ck_assert_uint_eq(ws_frame_head_len(UINT64_MAX), 10);
}
END_TEST

START_TEST(a_head_without_fin_leaves_the_bit_clear)
{
    uint8_t out[WS_MAX_SERVER_HEAD];

    ck_assert_uint_eq(ws_frame_head_write(out, false, WS_TEXT, 5), 2);
    ck_assert_uint_eq(out[0], 0x01);
    ck_assert_uint_eq(ws_frame_head_write(out, true, WS_CONTINUATION, 126), 4);
    ck_assert_uint_eq(out[0], 0x80);
    ck_assert_mem_eq(out + 1, "\x7E\x00\x7E", 3);
}
END_TEST

START_TEST(every_length_is_read_back_masked_and_unmasked)
{
    static char payload[131072], wire[131072 + WS_MAX_HEAD];
    struct guarded g;

    guarded_init(&g);
    fill(payload, sizeof payload);
    for (size_t i = 0; i < N_LENGTHS; i++) {
        struct bytes sent = bytes_of(payload, (size_t)lengths[i]);
        struct ws_frame f;
        size_t n = client_frame(wire, 0x82, key, sent);
        ck_assert_int_eq(parse_ws_frame(guarded_copy(&g, bytes_of(wire, n)), n, &f), (int64_t)n);
        ck_assert_uint_eq(f.payload_length, sent.len);
        ck_assert(bytes_eq(f.payload, sent));
        n = generate_ws_frame(WS_BINARY, sent, wire);
        ck_assert_int_eq(parse_ws_frame(guarded_copy(&g, bytes_of(wire, n)), n, &f), (int64_t)n);
        ck_assert(bytes_eq(f.payload, sent));
        ck_assert(!f.is_masked);
    }
    guarded_release(&g);
}
END_TEST

START_TEST(an_incomplete_frame_changes_nothing)
{
    static char payload[BIG], wire[BIG + WS_MAX_HEAD];
    struct guarded g;

    guarded_init(&g);
    fill(payload, sizeof payload);
    for (size_t i = 0; i < N_LENGTHS && lengths[i] <= BIG; i++) {
        size_t n = client_frame(wire, 0x81, key, bytes_of(payload, (size_t)lengths[i]));
        for (size_t cut = 0; cut < n; cut += cut < 300 || cut + 300 > n ? 1 : 997) {
            struct ws_frame f;
            char *copy = guarded_copy(&g, bytes_of(wire, cut));
            ck_assert_int_eq(parse_ws_frame(copy, cut, &f), 0);
            ck_assert_mem_eq(copy, wire, cut);
        }
    }
    guarded_release(&g);
}
END_TEST

START_TEST(only_the_first_frame_is_read)
{
    char wire[] = "\x81\x02hi\x81\x03you";
    struct ws_frame f;

    ck_assert_int_eq(parse_ws_frame(wire, 9, &f), 4);
    ck_assert(bytes_eq(f.payload, BYTES("hi")));
    ck_assert_int_eq(parse_ws_frame(wire + 4, 5, &f), 5);
    ck_assert(bytes_eq(f.payload, BYTES("you")));
}
END_TEST

START_TEST(every_first_and_second_byte_is_taken_apart)
{
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++) {
            char head[2] = { (char)first, (char)second };
            struct ws_frame f;
            int n = ws_frame_head_parse(&f, bytes_of(head, 2));
            bool is_whole = second < 126; /* no mask, no longer length */
            if (n != (is_whole ? 2 : 0) || f.fin_bit != first >> 7 || f.rsv != (first >> 4 & 7) ||
                f.opcode != (first & 15) || f.is_masked != second >> 7 ||
                f.payload_length != ((second & 127) < 126 ? second & 127 : 0))
                ck_abort_msg("%02x %02x", first, second);
        }
}
END_TEST

START_TEST(what_has_come_of_a_head_is_told)
{
    static const char head[] = "\xC2\xFE\x01\x02\x0A\x0B\x0C\x0D"; /* the length is 258 */
    struct ws_frame f;

    ck_assert_int_eq(ws_frame_head_parse(&f, bytes_of(head, 0)), 0);
    ck_assert_int_eq(ws_frame_head_parse(&f, bytes_of(head, 1)), 0);
    ck_assert(f.fin_bit == 1 && f.rsv == 4 && f.opcode == WS_BINARY && !f.is_masked);
    ck_assert_int_eq(ws_frame_head_parse(&f, bytes_of(head, 3)), 0);
    ck_assert(f.is_masked && f.payload_length == 0);
    ck_assert_int_eq(ws_frame_head_parse(&f, bytes_of(head, 4)), 0);
    ck_assert_uint_eq(f.payload_length, 258);
    ck_assert_int_eq(ws_frame_head_parse(&f, bytes_of(head, 7)), 0);
    ck_assert_int_eq(ws_frame_head_parse(&f, bytes_of(head, 8)), 8);
    ck_assert_mem_eq(f.mask, "\x0A\x0B\x0C\x0D", 4);
}
END_TEST

/* How many bytes of the head are needed to see that it is bad; 0 when it is not. */
static size_t bad_after(const char *head, size_t len)
{
    struct ws_frame f;

    for (size_t n = 0; n <= len; n++) {
        int result = ws_frame_head_parse(&f, bytes_of(head, n));
        if (result < 0) {
            ck_assert_int_eq(result, -WS_CLOSE_PROTOCOL_ERROR);
            return n;
        }
    }
    return 0;
}

START_TEST(a_length_that_could_be_shorter_is_refused_when_that_is_certain)
{
    ck_assert_uint_eq(bad_after("\x81\xFE\x00\x7D", 4), 4);
    ck_assert_uint_eq(bad_after("\x81\xFE\x00\x00", 4), 4);
    ck_assert_uint_eq(bad_after("\x81\xFE\x00\x7E", 4), 0);
    ck_assert_uint_eq(bad_after("\x81\xFE\xFF\xFF", 4), 0);
    ck_assert_uint_eq(bad_after("\x81\xFF\0\0\0\0\0\0\xFF\xFF", 10), 8);
    ck_assert_uint_eq(bad_after("\x81\xFF\0\0\0\0\0\0\0\0", 10), 8);
    ck_assert_uint_eq(bad_after("\x81\xFF\0\0\0\0\0\1\0\0", 10), 0);
    ck_assert_uint_eq(bad_after("\x81\xFF\1\0\0\0\0\0\0\0", 10), 0);
}
END_TEST

START_TEST(the_top_bit_of_a_length_is_refused_at_its_byte)
{
    ck_assert_uint_eq(bad_after("\x81\xFF\x80\0\0\0\0\0\0\0", 10), 3);
    ck_assert_uint_eq(bad_after("\x81\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10), 3);
    ck_assert_uint_eq(bad_after("\x81\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10), 0);
    ck_assert_uint_eq(bad_after("\x81\xFE\x80\x00", 4), 0); /* 32768 in 16 bits is a length */
}
END_TEST

START_TEST(the_largest_length_is_only_incomplete)
{
    char wire[] = "\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1\2\3\4more";
    struct ws_frame f;

    ck_assert_int_eq(parse_ws_frame(wire, sizeof wire - 1, &f), 0);
    ck_assert_uint_eq(f.payload_length, INT64_MAX);
}
END_TEST

START_TEST(a_bad_length_is_a_close_code)
{
    char wire[] = "\x81\xFE\x00\x01\1\2\3\4x";
    struct ws_frame f;

    ck_assert_int_eq(parse_ws_frame(wire, sizeof wire - 1, &f), -WS_CLOSE_PROTOCOL_ERROR);
}
END_TEST

START_TEST(unmasking_is_the_formula_at_every_length_and_phase)
{
    char plain[400], copy[400 + 2];

    fill(plain, sizeof plain);
    for (size_t len = 0; len <= sizeof plain; len++)
        for (uint64_t phase = 0; phase < 9; phase++) {
            memset(copy, 0x55, sizeof copy);
            memcpy(copy + 1, plain, len);
            ws_unmask(copy + 1, len, key, phase);
            for (size_t i = 0; i < len; i++)
                if (copy[1 + i] != (char)(plain[i] ^ (char)key[(phase + i) % 4]))
                    ck_abort_msg("byte %zu of %zu, phase %u", i, len, (unsigned)phase);
            ck_assert_int_eq(copy[0], 0x55); /* its neighbours are left alone */
            ck_assert_int_eq(copy[1 + len], 0x55);
        }
}
END_TEST

START_TEST(unmasking_works_up_to_the_end_of_memory)
{
    char plain[1000];
    struct guarded g;

    guarded_init(&g);
    fill(plain, sizeof plain);
    for (size_t len = 0; len <= sizeof plain; len++) {
        char *copy = guarded_copy(&g, bytes_of(plain, len));
        ws_unmask(copy, len, key, len);
        ws_unmask(copy, len, key, len);
        ck_assert_mem_eq(copy, plain, len);
    }
    guarded_release(&g);
}
END_TEST

START_TEST(unmasking_in_pieces_is_unmasking_at_once)
{
    char plain[300], whole[300], parts[300];

    fill(plain, sizeof plain);
    memcpy(whole, plain, sizeof plain);
    ws_unmask(whole, sizeof whole, key, 0);
    for (size_t cut = 0; cut <= sizeof plain; cut++) {
        memcpy(parts, plain, sizeof plain);
        ws_unmask(parts, cut, key, 0);
        ws_unmask(parts + cut, sizeof parts - cut, key, cut);
        ck_assert_mem_eq(parts, whole, sizeof whole);
    }
    memcpy(parts, plain, sizeof plain); /* far into a frame of many gigabytes */
    ws_unmask(parts, sizeof parts, key, UINT64_MAX - 3);
    ck_assert_mem_eq(parts, whole, sizeof whole);
}
END_TEST

START_TEST(one_byte_that_is_not_ascii_is_noticed_wherever_it_is)
{
    char text[400];

    for (size_t len = 1; len <= sizeof text; len++) {
        memset(text, 'a', len);
        ws_unmask(text, len, key, 0);
        ck_assert(ws_unmask(text, len, key, 0));
        for (size_t i = 0; i < len; i++) {
            memset(text, 0x7F, len);
            text[i] = (char)(i % 2 ? 0x80 : 0xFF);
            ws_unmask(text, len, key, 3);
            if (ws_unmask(text, len, key, 3))
                ck_abort_msg("byte %zu of %zu", i, len);
        }
    }
    ck_assert(ws_unmask(text, 0, key, 0));
}
END_TEST

START_TEST(close_codes_that_may_stand_in_a_frame)
{
    for (unsigned code = 0; code < 70000; code++) {
        bool valid = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                     (code >= 3000 && code <= 4999);
        if (ws_close_code_is_valid(code) != valid)
            ck_abort_msg("%u", code);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_examples_of_rfc_6455_section_5_7_are_read,
        the_length_examples_of_rfc_6455_section_5_7,
        generated_frames_are_those_of_the_rfc,
        every_length_is_generated_in_its_shortest_form,
        a_head_without_fin_leaves_the_bit_clear,
        every_length_is_read_back_masked_and_unmasked,
        an_incomplete_frame_changes_nothing,
        only_the_first_frame_is_read,
        every_first_and_second_byte_is_taken_apart,
        what_has_come_of_a_head_is_told,
        a_length_that_could_be_shorter_is_refused_when_that_is_certain,
        the_top_bit_of_a_length_is_refused_at_its_byte,
        the_largest_length_is_only_incomplete,
        a_bad_length_is_a_close_code,
        unmasking_is_the_formula_at_every_length_and_phase,
        unmasking_works_up_to_the_end_of_memory,
        unmasking_in_pieces_is_unmasking_at_once,
        one_byte_that_is_not_ascii_is_noticed_wherever_it_is,
        close_codes_that_may_stand_in_a_frame,
    };
    return RUN_TESTS("ws_frame", tests);
}
