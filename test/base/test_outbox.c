/* test_outbox.c - what is staged comes out in order, once, and not at all when its commit has failed. */
#include "base/outbox.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "run_tests.h"

/* --- a sink that writes down what it gets --- */

static char said[1 << 16];
static struct blob *last_blob; /* of the last broadcast or send */
static size_t last_off, last_len;
static int freed_sources;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    size_t n = strlen(said);
    va_list ap;
    va_start(ap, format);
    vsnprintf(said + n, sizeof said - n, format, ap);
    va_end(ap);
}

static void remember(struct blob *b, size_t off, size_t len)
{
    last_blob = b;
    last_off = off;
    last_len = len;
}

static void on_send(void *self, slot_id to, struct blob *b, size_t off, size_t len, enum out_class class)
{
    (void)self;
    remember(b, off, len);
    ck_assert_uint_le(off + len, b->len);
    say("%d%s:%.*s|", (int)to, class == OUT_LIVE ? "" : class == OUT_HISTORY ? "h" : "s",
        (int)(len < 40 ? len : 40), b->data + off);
}

static void on_file(void *self, slot_id to, int fd, uint64_t off, uint64_t len)
{
    (void)self;
    say("%d:file %d+%d|", (int)to, (int)off, (int)len);
    ck_assert_int_eq(close(fd), 0);
}

static void on_source(void *self, slot_id to, struct out_source *s)
{
    (void)self;
    say("%d:source|", (int)to);
    s->free(s);
}

static void on_broadcast(void *self, enum audience who, struct blob *b, size_t off, size_t len)
{
    (void)self;
    remember(b, off, len);
    say("%s:%.*s|", who == TO_ALL ? "all" : who == TO_V1 ? "v1" : "base", (int)len, b->data + off);
}

static void on_subscribe(void *self, slot_id to)
{
    (void)self;
    say("%d:subscribe|", (int)to);
}

static void on_finish(void *self, slot_id to, uint16_t code)
{
    (void)self;
    say("%d:finish %d|", (int)to, code);
}

static void on_failed(void *self, slot_id to)
{
    (void)self;
    say("%d:failed|", (int)to);
}

static void on_lost(void *self, slot_id to)
{
    (void)self;
    say("%d:lost|", (int)to);
}

static const struct out_sink sink = {
    .send = on_send,
    .send_file = on_file,
    .send_source = on_source,
    .broadcast = on_broadcast,
    .subscribe = on_subscribe,
    .finish = on_finish,
    .failed = on_failed,
    .lost = on_lost,
};

static struct outbox *o;

static void start(void)
{
    o = outbox_new();
    ck_assert_ptr_nonnull(o);
    said[0] = 0;
    freed_sources = 0;
}

static const char *release(bool committed)
{
    said[0] = 0;
    outbox_release(o, &sink, committed);
    outbox_recycle(o);
    return said;
}

static void to(slot_id id, const char *text)
{
    char *room = outbox_to(o, id, strlen(text));
    ck_assert_ptr_nonnull(room);
    memcpy(room, text, strlen(text));
}

static void broadcast(enum audience who, const char *text)
{
    char *room = outbox_broadcast(o, who, strlen(text));
    ck_assert_ptr_nonnull(room);
    memcpy(room, text, strlen(text));
}

static void apply(void *ctx, const struct out_sink *s, uint64_t arg, struct bytes data)
{
    ck_assert_ptr_eq(s, &sink);
    say("apply %s %d %.*s|", (const char *)ctx, (int)arg, (int)data.len, data.data);
}

static void free_source(struct out_source *s)
{
    freed_sources++;
    free(s);
}

static struct out_source *new_source(void)
{
    struct out_source *s = calloc(1, sizeof *s);
    ck_assert_ptr_nonnull(s);
    s->free = free_source;
    return s;
}

/* --- */

START_TEST(everything_comes_out_in_the_order_of_staging)
{
    static char ctx[] = "ctx";
    start();
    struct blob *b = blob_copy(BYTES("0123456789"));
    to(1, "one");
    broadcast(TO_V1, "v1 only");
    outbox_blob(o, 2, b, 3, 4, OUT_SNAPSHOT);
    outbox_blob(o, 2, b, 0, 2, OUT_HISTORY);
    outbox_apply(o, 0, apply, ctx, 7, BYTES("data"));
    outbox_subscribe(o, 3);
    outbox_file(o, 4, open("/dev/null", O_RDONLY), 10, 20);
    outbox_source(o, 5, new_source());
    broadcast(TO_BASE, "base only");
    outbox_apply(o, 0, apply, ctx, 8, BYTES(""));
    outbox_finish(o, 6, 1001);
    ck_assert(!outbox_is_empty(o));
    ck_assert_str_eq(release(true),
                     "1:one|v1:v1 only|2s:3456|2h:01|apply ctx 7 data|3:subscribe|4:file 10+20|"
                     "5:source|base:base only|apply ctx 8 |6:finish 1001|");
    ck_assert(outbox_is_empty(o));
    ck_assert_str_eq(release(true), "");
    ck_assert_uint_eq(b->refs, 1);
    ck_assert_int_eq(freed_sources, 1);
    blob_unref(b);
    outbox_free(o);
}
END_TEST

START_TEST(what_was_staged_without_an_operation_survives_a_failed_commit)
{
    start();
    to(1, "one");
    broadcast(TO_ALL, "two");
    ck_assert_str_eq(release(false), "1:one|all:two|");
    outbox_free(o);
}
END_TEST

START_TEST(a_failed_commit_takes_back_what_writers_staged_and_tells_them)
{
    static char ctx[] = "ctx";
    start();
    int fd = open("/dev/null", O_RDONLY);
    to(9, "before");
    outbox_op_begin(o, 1);
    to(1, "early"); /* staged before it wrote, and still a part of it */
    outbox_op_wrote(o);
    broadcast(TO_ALL, "all");
    outbox_apply(o, 0, apply, ctx, 0, BYTES("x"));
    outbox_file(o, 1, fd, 0, 1);
    outbox_source(o, 1, new_source());
    outbox_subscribe(o, 1);
    outbox_finish(o, 1, 0);
    outbox_op_end(o);
    outbox_op_begin(o, 2);
    to(2, "did not write");
    outbox_op_end(o);
    outbox_op_begin(o, 3);
    outbox_op_wrote(o);
    outbox_op_end(o);
    to(9, "after");
    ck_assert_str_eq(release(false), "9:before|1:failed|2:did not write|3:failed|9:after|");
    ck_assert_int_eq(freed_sources, 1);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    outbox_free(o);
}
END_TEST

START_TEST(writers_are_heard_when_the_commit_succeeds)
{
    start();
    outbox_op_begin(o, 1);
    outbox_op_wrote(o);
    to(1, "stored");
    broadcast(TO_ALL, "news");
    outbox_op_end(o);
    ck_assert_str_eq(release(true), "1:stored|all:news|");
    outbox_free(o);
}
END_TEST

START_TEST(a_cancelled_operation_leaves_nothing_and_is_not_told_of_a_failure)
{
    start();
    struct blob *b = blob_copy(BYTES("blob"));
    broadcast(TO_ALL, "kept,");
    outbox_op_begin(o, 1);
    outbox_op_wrote(o);
    to(1, "gone");
    broadcast(TO_ALL, "gone");
    outbox_blob(o, 1, b, 0, 4, OUT_LIVE);
    outbox_source(o, 1, new_source());
    outbox_op_cancel(o);
    ck_assert_uint_eq(b->refs, 1);
    ck_assert_int_eq(freed_sources, 1);
    to(1, "error"); /* still inside: the sentence that says why */
    outbox_op_end(o);
    broadcast(TO_ALL, "kept, too");
    ck_assert_str_eq(release(false), "all:kept,|1:error|all:kept, too|");
    blob_unref(b);
    outbox_free(o);
}
END_TEST

START_TEST(broadcasts_behind_each_other_are_one_slice)
{
    start();
    for (int i = 0; i < 100; i++) {
        outbox_op_begin(o, 1);
        outbox_op_wrote(o);
        broadcast(TO_ALL, "abc");
        outbox_op_end(o);
    }
    release(true);
    ck_assert_uint_eq(strlen(said), 4 + 300 + 1);
    ck_assert_uint_eq(last_len, 300);
    broadcast(TO_ALL, "a");
    broadcast(TO_V1, "b");
    broadcast(TO_ALL, "c");
    to(1, "d");
    broadcast(TO_ALL, "e");
    broadcast(TO_ALL, "f");
    ck_assert_str_eq(release(true), "all:a|v1:b|all:c|1:d|all:ef|");
    outbox_free(o);
}
END_TEST

START_TEST(a_lost_writers_broadcast_does_not_hide_between_others)
{
    start();
    broadcast(TO_ALL, "a");
    outbox_op_begin(o, 1);
    outbox_op_wrote(o);
    broadcast(TO_ALL, "b");
    outbox_op_end(o);
    broadcast(TO_ALL, "c");
    ck_assert_str_eq(release(false), "all:a|1:failed|all:c|");
    outbox_free(o);
}
END_TEST

START_TEST(pointers_into_a_growing_arena_are_made_at_the_end)
{
    static char ctx[] = "";
    char text[16], want[1 << 16] = "";
    start();
    for (int i = 0; i < 1500; i++) { /* far beyond the first size of an arena */
        snprintf(text, sizeof text, "%06d", i);
        to(1, text);
        snprintf(want + strlen(want), 32, "1:%s|", text);
    }
    ck_assert_str_eq(release(true), want);
    for (int i = 0; i < 1000; i++)
        outbox_apply(o, 0, apply, ctx, 0, BYTES("0123456789"));
    release(true);
    ck_assert_uint_eq(strlen(said), 1000 * 20);
    outbox_free(o);
}
END_TEST

START_TEST(long_output_gets_a_blob_of_its_own)
{
    start();
    for (size_t len = 16383; len <= 16385; len++) {
        char *room = outbox_to(o, 1, len);
        ck_assert_ptr_nonnull(room);
        memset(room, 'x', len);
        outbox_release(o, &sink, true);
        ck_assert_uint_eq(last_len, len);
        outbox_recycle(o);
    }
    char *a = outbox_to(o, 1, 20000);
    memset(a, 'a', 20000);
    char *b = outbox_to(o, 1, 20000);
    memset(b, 'b', 20000);
    release(true);
    ck_assert_int_eq(said[2], 'a');
    ck_assert_ptr_nonnull(strstr(said, "|1:b"));
    outbox_free(o);
}
END_TEST

START_TEST(the_arena_is_used_again_and_never_while_somebody_holds_it)
{
    start();
    to(1, "first");
    release(true);
    struct blob *arena = last_blob;
    ck_assert_ptr_eq(outbox_arena(o), arena);
    to(1, "second");
    release(true);
    ck_assert_ptr_eq(last_blob, arena);
    ck_assert_uint_eq(last_off, 0);

    to(1, "held");
    outbox_release(o, &sink, true);
    blob_ref(last_blob); /* by a queue */
    size_t off = last_off;
    outbox_recycle(o);
    for (int i = 0; i < 3000; i++)
        to(1, "other bytes");
    release(true);
    ck_assert_mem_eq(arena->data + off, "held", 4);
    blob_unref(arena);
    outbox_free(o);
}
END_TEST

/* Two hundred ticks, two hundred short broadcasts, each held by somebody: not two hundred arenas. */
START_TEST(short_broadcasts_that_are_held_share_memory)
{
    struct {
        struct blob *b;
        size_t off;
    } held[200];
    char text[32];
    int n_blobs = 0;
    start();
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "broadcast number %5d", i);
        broadcast(TO_ALL, text);
        outbox_release(o, &sink, true);
        held[i].b = blob_ref(last_blob);
        held[i].off = last_off;
        outbox_recycle(o);
    }
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "broadcast number %5d", i);
        ck_assert_mem_eq(held[i].b->data + held[i].off, text, strlen(text));
        n_blobs += i == 0 || held[i].b != held[i - 1].b;
    }
    ck_assert_int_le(n_blobs, 2);
    for (int i = 0; i < 200; i++)
        blob_unref(held[i].b);
    broadcast(TO_ALL, "and on");
    ck_assert_str_eq(release(true), "all:and on|");
    outbox_free(o);
}
END_TEST

START_TEST(what_one_tick_stages_lies_together_although_others_hold_the_arena)
{
    start();
    broadcast(TO_ALL, "held");
    outbox_release(o, &sink, true);
    struct blob *held = blob_ref(last_blob);
    outbox_recycle(o);
    for (int i = 0; i < 2000; i++)
        broadcast(TO_ALL, "0123456789"); /* more than is left of the arena */
    release(true);
    ck_assert_uint_eq(last_len, 20000);
    for (size_t i = 0; i < 20000; i++)
        ck_assert_int_eq(said[4 + i], '0' + (int)(i % 10));
    ck_assert_ptr_ne(last_blob, held);
    ck_assert_mem_eq(held->data, "held", 4);
    blob_unref(held);
    outbox_free(o);
}
END_TEST

START_TEST(the_bytes_of_a_turn_are_counted)
{
    start();
    struct blob *b = blob_copy(BYTES("0123456789"));
    ck_assert_uint_eq(outbox_bytes(o), 0);
    to(1, "abc");
    broadcast(TO_ALL, "de");
    outbox_blob(o, 1, b, 0, 10, OUT_LIVE);
    ck_assert_uint_eq(outbox_bytes(o), 15);
    release(true);
    ck_assert_uint_eq(outbox_bytes(o), 0);
    blob_unref(b);
    outbox_free(o);
}
END_TEST

START_TEST(an_outbox_that_is_freed_gives_everything_back)
{
    start();
    struct blob *b = blob_copy(BYTES("x"));
    int fd = open("/dev/null", O_RDONLY);
    to(1, "text");
    outbox_blob(o, 1, b, 0, 1, OUT_LIVE);
    outbox_file(o, 1, fd, 0, 1);
    outbox_source(o, 1, new_source());
    outbox_free(o);
    ck_assert_uint_eq(b->refs, 1);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert_int_eq(freed_sources, 1);
    blob_unref(b);
    outbox_free(NULL);
}
END_TEST

#define TOO_LONG (SIZE_MAX - 8) /* no blob is that long */

START_TEST(who_lacks_something_for_want_of_memory_is_given_up_and_the_others_are_not)
{
    start();
    to(1, "before");
    to(2, "before");
    ck_assert(!outbox_is_lost(o));
    ck_assert_ptr_null(outbox_to(o, 1, TOO_LONG));
    ck_assert(outbox_is_lost(o));
    to(3, "behind");
    ck_assert_str_eq(release(false), "1:lost|1:before|2:before|3:behind|");
    ck_assert(!outbox_is_lost(o));
    to(1, "after");
    ck_assert_str_eq(release(true), "1:after|");
    outbox_free(o);
}
END_TEST

START_TEST(a_writer_whose_output_is_lost_is_told_of_the_failure_and_kept)
{
    start();
    outbox_op_begin(o, 1);
    outbox_op_wrote(o);
    to(2, "what 1 says");
    ck_assert_ptr_null(outbox_to(o, 2, TOO_LONG));
    outbox_op_end(o);
    ck_assert(outbox_is_lost(o));
    ck_assert_str_eq(release(false), "1:failed|");
    outbox_free(o);
}
END_TEST

START_TEST(when_too_many_lack_something_all_are_given_up)
{
    start();
    for (slot_id id = 1; id <= 64; id++)
        ck_assert_ptr_null(outbox_to(o, id, TOO_LONG));
    release(false);
    ck_assert_ptr_nonnull(strstr(said, "1:lost|2:lost|"));
    ck_assert_ptr_nonnull(strstr(said, "64:lost|"));
    for (slot_id id = 1; id <= 65; id++)
        ck_assert_ptr_null(outbox_to(o, id, TOO_LONG));
    ck_assert_str_eq(release(false), "0:lost|");
    ck_assert_str_eq(release(true), "");
    outbox_free(o);
}
END_TEST

START_TEST(what_a_writer_says_when_it_fails_is_found_wherever_the_arena_is)
{
    for (int moves = 0; moves < 2; moves++) {
        start();
        /* Somebody holds what was sent before, so this tick's bytes begin in the middle of the arena. */
        to(1, "held by a connection that was closed with something to send");
        outbox_release(o, &sink, true);
        struct blob *held = blob_ref(last_blob);
        outbox_recycle(o);
        to(1, "a");
        outbox_op_begin(o, 2);
        outbox_op_wrote(o);
        memcpy(outbox_op_if_failed(o, 8), "not sent", 8);
        outbox_op_end(o);
        if (moves) /* out of it, with all that is behind what is held */
            memset(outbox_to(o, 3, 16000), 'x', 16000);
        release(false);
        ck_assert_ptr_eq(strstr(said, "1:a|2:not sent|2:failed|"), said);
        blob_unref(held);
        outbox_free(o);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        everything_comes_out_in_the_order_of_staging,
        what_was_staged_without_an_operation_survives_a_failed_commit,
        a_failed_commit_takes_back_what_writers_staged_and_tells_them,
        writers_are_heard_when_the_commit_succeeds,
        a_cancelled_operation_leaves_nothing_and_is_not_told_of_a_failure,
        broadcasts_behind_each_other_are_one_slice,
        a_lost_writers_broadcast_does_not_hide_between_others,
        pointers_into_a_growing_arena_are_made_at_the_end,
        long_output_gets_a_blob_of_its_own,
        the_arena_is_used_again_and_never_while_somebody_holds_it,
        short_broadcasts_that_are_held_share_memory,
        what_one_tick_stages_lies_together_although_others_hold_the_arena,
        the_bytes_of_a_turn_are_counted,
        an_outbox_that_is_freed_gives_everything_back,
        who_lacks_something_for_want_of_memory_is_given_up_and_the_others_are_not,
        a_writer_whose_output_is_lost_is_told_of_the_failure_and_kept,
        when_too_many_lack_something_all_are_given_up,
        what_a_writer_says_when_it_fails_is_found_wherever_the_arena_is,
    };
    return RUN_TESTS("outbox", tests);
}
