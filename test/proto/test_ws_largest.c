/* test_ws_largest.c - the largest message of the default limit, 16 MiB: in one frame and in thousands of fragments with
 * pings in between, each in one piece, byte by byte, and in random cuts. */
#include "proto/ws_decoder.h"

#include <stdlib.h>
#include "../base/run_tests.h"
#include "proto/ws_frame.h"

#define LARGEST  (16u << 20)
#define FRAGMENT 4093u /* characters are cut by it */

static char *text, *wire, *fed;
static size_t wire_len;
static unsigned n_pings;

static void put_frame(bool fin, enum ws_opcode opcode, struct bytes payload)
{
    static const uint8_t key[4] = { 0x37, 0xfa, 0x21, 0x3d };
    uint8_t head[WS_MAX_HEAD];
    size_t n = ws_frame_head_write(head, fin, opcode, payload.len);

    head[1] |= 0x80;
    memcpy(wire + wire_len, head, n);
    memcpy(wire + wire_len + n, key, 4);
    wire_len += n + 4;
    for (size_t i = 0; i < payload.len; i++)
        wire[wire_len++] = (char)(payload.data[i] ^ (char)key[i % 4]);
}

static void put_whole(void)
{
    wire_len = 0;
    n_pings = 0;
    put_frame(true, WS_TEXT, bytes_of(text, LARGEST));
}

static void put_fragments(void)
{
    wire_len = 0;
    n_pings = 0;
    for (size_t at = 0; at < LARGEST; at += FRAGMENT) {
        size_t len = LARGEST - at < FRAGMENT ? LARGEST - at : FRAGMENT;
        put_frame(at + len == LARGEST, at ? WS_CONTINUATION : WS_TEXT, bytes_of(text + at, len));
        if (at + len < LARGEST) {
            put_frame(true, WS_PING, BYTES("?"));
            n_pings++;
        }
    }
}

static void check_event(struct ws_event ev, unsigned *messages, unsigned *pings)
{
    if (ev.type == WS_EVENT_PING) {
        ck_assert(bytes_eq(ev.data, BYTES("?")));
        ++*pings;
        return;
    }
    ck_assert_int_eq(ev.type, WS_EVENT_MESSAGE);
    ck_assert(ev.is_text);
    ck_assert_uint_eq(ev.data.len, LARGEST);
    ck_assert_int_eq(memcmp(ev.data.data, text, LARGEST), 0);
    ++*messages;
}

/* `most` 0: all at once; else pieces of 1 to `most` bytes. */
static void feed(size_t most)
{
    struct ws_decoder d;
    unsigned messages = 0, pings = 0, seed = 7;

    memcpy(fed, wire, wire_len); /* it is unmasked in place */
    ws_decoder_init(&d, LARGEST, false);
    for (size_t at = 0; at < wire_len;) {
        size_t n = most ? 1 + (size_t)rand_r(&seed) % most : wire_len;
        n = n < wire_len - at ? n : wire_len - at;
        struct ws_input in = { fed + at, n, NULL };
        struct ws_event ev;
        while ((ev = ws_decoder_next(&d, &in)).type != WS_EVENT_MORE)
            check_event(ev, &messages, &pings);
        at += n;
    }
    ck_assert_uint_eq(messages, 1);
    ck_assert_uint_eq(pings, n_pings);
    ws_decoder_release(&d);
}

START_TEST(in_one_frame_however_it_is_cut)
{
    put_whole();
    feed(0);
    feed(1);
    feed(100);
    feed(100000);
}
END_TEST

START_TEST(in_thousands_of_fragments_however_they_are_cut)
{
    put_fragments();
    ck_assert_uint_gt(n_pings, 4000);
    feed(0);
    feed(1);
    feed(100);
    feed(100000);
}
END_TEST

START_TEST(one_byte_more_is_too_much_in_either)
{
    struct ws_decoder d;

    put_fragments();
    for (int whole = 0; whole < 2; whole++) {
        memcpy(fed, wire, wire_len);
        if (whole) {
            put_whole();
            memcpy(fed, wire, wire_len);
        }
        struct ws_input in = { fed, wire_len, NULL };
        struct ws_event ev;
        ws_decoder_init(&d, LARGEST - 1, false);
        while ((ev = ws_decoder_next(&d, &in)).type == WS_EVENT_PING)
            continue;
        ck_assert_int_eq(ev.type, WS_EVENT_FAIL);
        ck_assert_int_eq(ev.close_code, WS_CLOSE_TOO_BIG);
        ws_decoder_release(&d);
    }
}
END_TEST

int main(void)
{
    static const char *const parts[] = { "abcdefg", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80" };
    const TTest *const tests[] = {
        in_one_frame_however_it_is_cut,
        in_thousands_of_fragments_however_they_are_cut,
        one_byte_more_is_too_much_in_either,
    };
    size_t len = 0, room = LARGEST + (LARGEST / FRAGMENT + 2) * 32;

    text = malloc(LARGEST + 8);
    wire = malloc(room);
    fed = malloc(room);
    if (!text || !wire || !fed)
        return 1;
    for (size_t i = 0; len + 4 < LARGEST; i++) {
        const char *part = parts[(i * i + i / 7) % 4];
        size_t n = strlen(part) < LARGEST - 4 - len ? strlen(part) : 0;
        if (!n)
            break;
        memcpy(text + len, part, n);
        len += n;
    }
    memset(text + len, 'z', LARGEST - len);
    int failed = RUN_TESTS("ws_largest", tests);
    free(text);
    free(wire);
    free(fed);
    return failed;
}
