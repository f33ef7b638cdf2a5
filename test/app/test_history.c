/* test_history.c - an answer in pieces: one frame when it is short, fragments when it is long, and an end when it fails. */
#include "app/history.h"

#include <stdio.h>
#include "proto/ws_frame.h"
#include "../base/run_tests.h"

/* Writes the elements after_id + 1 to up_to_id, each `width` bytes long; fails at `fail_at`. */
static int width, n_fills;
static int64_t fail_at;

static enum err scan(struct history *h)
{
    char element[HISTORY_PIECE];

    for (uint32_t rows = 0; h->after_id < h->up_to_id && rows < HISTORY_ROWS; rows++) {
        if (h->after_id + 1 == fail_at)
            return ERR_STORE;
        enum err e = history_comma(h);
        memset(element, ' ', (size_t)width);
        int n = snprintf(element, 24, "%d", (int)h->after_id + 1);
        element[n] = ' ';
        if (!e)
            e = buf_append(&h->text, element, (size_t)width);
        if (e)
            return e;
        h->after_id++;
        if (history_full(h))
            return ERR_LIMIT;
    }
    return OK;
}

static enum err fill(struct history *h, bool *done)
{
    uint32_t before = h->n_elements;
    n_fills++;
    return history_scanned(h, scan(h), before, done);
}

static struct history *of(int64_t n, int element_width, bool is_message)
{
    struct history *h = history_new(NULL, is_message, BYTES("{\"list\":["), BYTES("]}"));
    ck_assert_ptr_nonnull(h);
    h->fill = fill;
    h->up_to_id = n;
    width = element_width;
    fail_at = -1;
    n_fills = 0;
    return h;
}

static char *text;
static size_t text_len;

/* Takes all pieces; returns how many there were, or -1 when it has failed. Frames are taken apart. */
static int take(struct history *h)
{
    bool done = false;
    struct blob *b;
    int n = 0;

    text = realloc(text, 64u << 20);
    text_len = 0;
    while ((b = h->source.next(&h->source, &done)) != NULL) {
        struct bytes payload = blob_bytes(b);
        if (h->is_message) {
            struct ws_frame f;
            ck_assert_int_eq(parse_ws_frame(b->data, b->len, &f), (int64_t)b->len);
            ck_assert_int_eq(f.opcode, n ? WS_CONTINUATION : WS_TEXT);
            ck_assert_int_eq(f.fin_bit, h->is_done);
            payload = f.payload;
        }
        ck_assert_uint_lt(payload.len, HISTORY_PIECE + HISTORY_PIECE + 100);
        memcpy(text + text_len, payload.data, payload.len);
        text_len += payload.len;
        blob_unref(b);
        n++;
    }
    text[text_len] = 0;
    if (done) /* it has ended, and says so again */
        ck_assert(!h->source.next(&h->source, &done) && done);
    return done ? n : -1;
}

static void expect_elements(int64_t n)
{
    const char *p = text + strlen("{\"list\":[");
    ck_assert_mem_eq(text, "{\"list\":[", 9);
    for (int64_t i = 1; i <= n; i++) {
        ck_assert_int_eq(strtol(p, NULL, 10), i);
        p += width;
        if (i < n)
            ck_assert_int_eq(*p++, ',');
    }
    ck_assert_str_eq(p, "]}");
}

START_TEST(a_short_history_is_one_whole_frame)
{
    for (int64_t n = 0; n < 5; n++) {
        struct history *h = of(n, 3, true);
        ck_assert_int_eq(take(h), 1);
        expect_elements(n);
        h->source.free(&h->source);
    }
}
END_TEST

START_TEST(a_long_history_is_one_message_in_fragments)
{
    struct history *h = of(100000, 30, true);
    ck_assert_int_gt(take(h), 40);
    expect_elements(100000);
    h->source.free(&h->source);
}
END_TEST

START_TEST(over_http_it_is_plain_bytes)
{
    struct history *h = of(20000, 30, false);
    ck_assert_int_gt(take(h), 5);
    expect_elements(20000);
    h->source.free(&h->source);
}
END_TEST

/* Exactly as many rows as one look reads, and one less and one more; exactly a full piece. */
START_TEST(histories_of_every_size_around_a_look_and_a_piece)
{
    for (int64_t n = HISTORY_ROWS - 2; n <= HISTORY_ROWS + 2; n++) {
        struct history *h = of(n, 5, true);
        ck_assert_int_ge(take(h), 1);
        expect_elements(n);
        ck_assert_int_le(n_fills, 2);
        h->source.free(&h->source);
    }
    for (int64_t n = 2 * HISTORY_ROWS - 1; n <= 2 * HISTORY_ROWS + 1; n++) {
        struct history *h = of(n, 5, false);
        take(h);
        expect_elements(n);
        h->source.free(&h->source);
    }
    for (int w = (int)HISTORY_PIECE / 4 - 5; w <= (int)HISTORY_PIECE / 4 + 5; w++) {
        struct history *h = of(9, w, true);
        ck_assert_int_ge(take(h), 2);
        expect_elements(9);
        h->source.free(&h->source);
    }
}
END_TEST

START_TEST(no_piece_is_empty)
{
    for (int64_t n = 0; n < 3 * (int64_t)HISTORY_ROWS; n += 511) {
        struct history *h = of(n, 3, false);
        bool done;
        struct blob *b;
        while ((b = h->source.next(&h->source, &done)) != NULL) {
            ck_assert_uint_gt(b->len, 0); /* in the chunked coding an empty chunk is the end */
            blob_unref(b);
        }
        h->source.free(&h->source);
    }
}
END_TEST

START_TEST(a_history_that_cannot_be_read_fails_and_does_not_end)
{
    struct history *h = of(100000, 30, true);
    fail_at = 50000;
    ck_assert_int_eq(take(h), -1);
    ck_assert_uint_gt(text_len, 0);
    h->source.free(&h->source);
    h = of(10, 30, true);
    fail_at = 1;
    ck_assert_int_eq(take(h), -1);
    ck_assert_uint_eq(text_len, 0);
    h->source.free(&h->source);
}
END_TEST

START_TEST(one_may_be_freed_before_it_has_begun_or_ended)
{
    bool done;
    struct history *h = of(100000, 30, true);
    h->source.free(&h->source);
    h = of(100000, 30, true);
    blob_unref(h->source.next(&h->source, &done));
    h->source.free(&h->source);
}
END_TEST

START_TEST(a_suffix_has_its_limit)
{
    char suffix[200];
    memset(suffix, ' ', sizeof suffix);
    struct history *h = history_new(NULL, true, BYTES("["), bytes_of(suffix, sizeof h->suffix - 1));
    ck_assert_ptr_nonnull(h);
    h->source.free(&h->source);
    ck_assert_ptr_null(history_new(NULL, true, BYTES("["), bytes_of(suffix, sizeof h->suffix)));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_short_history_is_one_whole_frame,
        a_long_history_is_one_message_in_fragments,
        over_http_it_is_plain_bytes,
        histories_of_every_size_around_a_look_and_a_piece,
        no_piece_is_empty,
        a_history_that_cannot_be_read_fails_and_does_not_end,
        one_may_be_freed_before_it_has_begun_or_ended,
        a_suffix_has_its_limit,
    };
    return RUN_TESTS("history", tests);
}
