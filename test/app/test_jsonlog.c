/* test_jsonlog.c - a list that is sent as it was at one moment, while it grows on. */
#include "app/jsonlog.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include "proto/ws_frame.h"
#include "../base/run_tests.h"

static char *wire;
static size_t wire_len, wire_cap;
static int n_sends, n_lost, finished;
static enum out_class last_class;
static struct blob *held[4096]; /* as a queue would */
static struct bytes held_part[4096];

static void on_send(void *self, slot_id to, struct blob *b, size_t off, size_t len, enum out_class class)
{
    (void)self;
    ck_assert_uint_eq(to, 7);
    ck_assert_uint_le(off + len, b->len);
    held[n_sends] = blob_ref(b);
    held_part[n_sends++] = bytes_of(b->data + off, len);
    last_class = class;
}

static void on_finish(void *self, slot_id to, uint16_t code)
{
    (void)self;
    (void)to;
    finished = code;
}

static void on_lost(void *self, slot_id to)
{
    (void)self;
    ck_assert_uint_eq(to, 7);
    n_lost++;
}

static const struct out_sink sink = { .send = on_send, .finish = on_finish, .lost = on_lost };

static void send_now(const struct jsonlog *l)
{
    n_sends = 0;
    jsonlog_send(l, &sink, 7, OUT_SNAPSHOT);
}

/* What the queue holds, as one text message; then it is given back. */
static const char *received(void)
{
    struct ws_frame f;
    wire_len = 0;
    for (int i = 0; i < n_sends; i++) {
        while (wire_cap < wire_len + held_part[i].len + 1) {
            wire_cap = wire_cap ? wire_cap * 2 : 1 << 20;
            wire = realloc(wire, wire_cap);
            ck_assert_ptr_nonnull(wire);
        }
        memcpy(wire + wire_len, held_part[i].data, held_part[i].len);
        wire_len += held_part[i].len;
        blob_unref(held[i]);
    }
    n_sends = 0;
    wire[wire_len] = 0;
    ck_assert_int_eq(parse_ws_frame(wire, wire_len, &f), (int64_t)wire_len); /* one frame, its length right */
    ck_assert(f.fin_bit && f.opcode == WS_TEXT);
    return f.payload.data;
}

static struct jsonlog l;

static void start(void)
{
    ck_assert_int_eq(jsonlog_init(&l, BYTES("{\"list\":["), BYTES("]}")), OK);
}

START_TEST(an_empty_list_is_an_empty_array)
{
    start();
    send_now(&l);
    ck_assert_int_eq(last_class, OUT_SNAPSHOT);
    ck_assert_str_eq(received(), "{\"list\":[]}");
    jsonlog_release(&l);
    jsonlog_release(&l);
}
END_TEST

START_TEST(elements_are_sent_in_order_with_commas)
{
    start();
    ck_assert_int_eq(jsonlog_append(&l, BYTES("1")), OK);
    send_now(&l);
    ck_assert_str_eq(received(), "{\"list\":[1]}");
    ck_assert_int_eq(jsonlog_append(&l, BYTES("{\"a\":2}")), OK);
    ck_assert_int_eq(jsonlog_append(&l, BYTES("3")), OK);
    send_now(&l);
    ck_assert_str_eq(received(), "{\"list\":[1,{\"a\":2},3]}");
    jsonlog_release(&l);
}
END_TEST

START_TEST(what_was_sent_does_not_change_while_the_list_grows)
{
    start();
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(jsonlog_append(&l, BYTES("\"early\"")), OK);
    send_now(&l);
    for (int i = 0; i < 100000; i++)
        ck_assert_int_eq(jsonlog_append(&l, BYTES("\"late\"")), OK);
    const char *text = received();
    ck_assert_ptr_null(strstr(text, "late"));
    cJSON *tree = cJSON_Parse(text);
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "list")), 10);
    cJSON_Delete(tree);
    jsonlog_release(&l);
}
END_TEST

START_TEST(what_was_sent_outlives_the_list)
{
    start();
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(jsonlog_append(&l, BYTES("1")), OK);
    send_now(&l);
    jsonlog_release(&l);
    ck_assert_str_eq(received(), "{\"list\":[1,1,1,1,1,1,1,1,1,1]}");
}
END_TEST

START_TEST(a_long_list_comes_in_few_chunks_and_whole)
{
    enum { N = 200000 };
    char element[64];
    start();
    for (int i = 0; i < N; i++) {
        int n = snprintf(element, sizeof element, "{\"n\":%d}", i);
        ck_assert_int_eq(jsonlog_append(&l, bytes_of(element, (size_t)n)), OK);
    }
    send_now(&l);
    ck_assert_int_lt(n_sends, 20);
    cJSON *tree = cJSON_Parse(received());
    ck_assert_ptr_nonnull(tree);
    int i = 0;
    const cJSON *e;
    cJSON_ArrayForEach(e, cJSON_GetObjectItem(tree, "list"))
        ck_assert_int_eq(cJSON_GetObjectItem(e, "n")->valueint, i++);
    ck_assert_int_eq(i, N);
    cJSON_Delete(tree);
    jsonlog_release(&l);
}
END_TEST

/* Elements around the size of a chunk, each size once: none is cut, and no comma is lost between two chunks. */
START_TEST(elements_of_every_size_around_a_chunk)
{
    char *element = malloc(3u << 20);
    for (size_t first = 16384 - 3; first <= 16384 + 3; first++) {
        start();
        size_t sizes[] = { first, 1, 16380, 16384, 16390, 2u << 20, 5 };
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            memset(element, '0' + (int)i + 1, sizes[i]);
            ck_assert_int_eq(jsonlog_append(&l, bytes_of(element, sizes[i])), OK);
        }
        send_now(&l);
        const char *p = received() + strlen("{\"list\":[");
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            memset(element, '0' + (int)i + 1, sizes[i]);
            ck_assert_mem_eq(p, element, sizes[i]);
            p += sizes[i];
            ck_assert_int_eq(*p++, i + 1 < sizeof sizes / sizeof *sizes ? ',' : ']');
        }
        ck_assert_str_eq(p, "}");
        jsonlog_release(&l);
    }
    free(element);
}
END_TEST

static enum err read_two(void *arg, struct jsonlog *to)
{
    enum err e = jsonlog_append(to, BYTES("1"));
    return e ? e : *(bool *)arg ? jsonlog_append(to, BYTES("2")) : ERR_STORE;
}

START_TEST(a_list_that_lacks_something_is_sent_to_nobody_until_it_was_read_again)
{
    struct jsonlog two;
    bool works = false;

    ck_assert_int_eq(jsonlog_init(&two, BYTES("["), BYTES("]")), OK);
    ck_assert_int_eq(jsonlog_append(&two, BYTES("1")), OK);
    two.is_short = true; /* as after an append without memory */
    n_lost = 0;
    send_now(&two);
    ck_assert_int_eq(n_lost, 1);
    ck_assert_int_eq(n_sends, 0);
    ck_assert_int_eq(jsonlog_mend(&two, read_two, &works), ERR_STORE);
    ck_assert(two.is_short);
    works = true;
    ck_assert_int_eq(jsonlog_mend(&two, read_two, &works), OK);
    ck_assert(!two.is_short);
    send_now(&two);
    ck_assert_int_eq(n_lost, 1);
    ck_assert(bytes_eq(bytes_of(received(), 5), BYTES("[1,2]")));
    jsonlog_release(&two);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_empty_list_is_an_empty_array,
        elements_are_sent_in_order_with_commas,
        what_was_sent_does_not_change_while_the_list_grows,
        what_was_sent_outlives_the_list,
        a_long_list_comes_in_few_chunks_and_whole,
        elements_of_every_size_around_a_chunk,
        a_list_that_lacks_something_is_sent_to_nobody_until_it_was_read_again,
    };
    int failed = RUN_TESTS("jsonlog", tests);
    free(wire);
    return failed;
}
