/* test_outq.c - slices merge, go out in order, are counted by class, and outlive the tick that made them. */
#include "net/outq.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../base/run_tests.h"

static struct outq q;
static int ours, theirs;
static char *got;
static size_t got_len;
static int freed_sources, pieces;

static void start_with(int room)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    ours = pair[0];
    theirs = pair[1];
    if (room)
        setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    outq_init(&q);
    got = malloc(16 << 20);
    ck_assert_ptr_nonnull(got);
    got_len = 0;
    freed_sources = 0;
    pieces = 1000;
}

static void start(void)
{
    start_with(0);
}

static void stop(void)
{
    outq_release(&q);
    outq_release(&q); /* an empty one, too */
    ck_assert(outq_is_empty(&q));
    close(ours);
    if (theirs >= 0)
        close(theirs);
    free(got);
}

static size_t receive(size_t most)
{
    size_t n = 0;
    while (n < most) {
        ssize_t r = recv(theirs, got + got_len, most - n < 65536 ? most - n : 65536, 0);
        if (r <= 0)
            break;
        got_len += (size_t)r;
        n += (size_t)r;
    }
    return n;
}

static enum outq_result flush(size_t budget)
{
    uint64_t sent = 0;
    return outq_flush(&q, ours, budget, &sent, &pieces);
}

/* Flushes and receives until the queue is empty. */
static void drain(size_t budget)
{
    enum outq_result r;
    do {
        r = flush(budget);
        ck_assert_int_ne(r, OUTQ_FAILED);
        receive(SIZE_MAX);
    } while (r != OUTQ_EMPTY);
    receive(SIZE_MAX);
}

static struct blob *text_blob(const char *text)
{
    struct blob *b = blob_copy(bytes_str(text));
    ck_assert_ptr_nonnull(b);
    return b;
}

static struct blob *pattern_blob(size_t len, unsigned seed)
{
    struct blob *b = blob_new(len);
    ck_assert_ptr_nonnull(b);
    for (size_t i = 0; i < len; i++)
        b->data[i] = (char)((i * 31 + seed) % 251);
    return b;
}

START_TEST(an_empty_queue_is_empty)
{
    start();
    ck_assert(outq_is_empty(&q));
    ck_assert_int_eq(flush(100), OUTQ_EMPTY);
    struct blob *b = text_blob("x");
    ck_assert_int_eq(outq_add(&q, b, 0, 0, OUT_LIVE), OK);
    ck_assert(outq_is_empty(&q));
    ck_assert_uint_eq(b->refs, 1);
    blob_unref(b);
    stop();
}
END_TEST

START_TEST(neighbours_in_one_blob_merge_and_others_do_not)
{
    start();
    struct blob *a = text_blob("0123456789"), *b = text_blob("0123456789");
    ck_assert_int_eq(outq_add(&q, a, 0, 2, OUT_LIVE), OK);
    ck_assert_int_eq(outq_add(&q, a, 2, 3, OUT_LIVE), OK);
    ck_assert_uint_eq(q.n, 1);
    ck_assert_ptr_null(q.v); /* one slice needs no memory */
    ck_assert_int_eq(outq_add(&q, a, 6, 1, OUT_LIVE), OK); /* a gap */
    ck_assert_uint_eq(q.n, 2);
    ck_assert_int_eq(outq_add(&q, a, 7, 1, OUT_HISTORY), OK); /* another class */
    ck_assert_uint_eq(q.n, 3);
    ck_assert_int_eq(outq_add(&q, b, 8, 1, OUT_HISTORY), OK); /* another blob */
    ck_assert_uint_eq(q.n, 4);
    ck_assert_int_eq(outq_add(&q, b, 8, 1, OUT_HISTORY), OK); /* the same place once more */
    ck_assert_uint_eq(q.n, 5);
    ck_assert_uint_eq(a->refs, 4);
    ck_assert_uint_eq(q.live_bytes, 6);
    ck_assert_uint_eq(q.history_bytes, 3);
    drain(1000);
    ck_assert_uint_eq(got_len, 9);
    ck_assert_mem_eq(got, "012346788", 9);
    ck_assert_uint_eq(a->refs, 1);
    ck_assert_uint_eq(b->refs, 1);
    ck_assert_ptr_null(q.v); /* nothing is kept for an empty queue */
    blob_unref(a);
    blob_unref(b);
    stop();
}
END_TEST

START_TEST(every_class_is_counted_by_itself)
{
    start();
    struct blob *b = pattern_blob(1000, 0);
    ck_assert_int_eq(outq_add(&q, b, 0, 100, OUT_LIVE), OK);
    ck_assert_int_eq(outq_add(&q, b, 0, 200, OUT_HISTORY), OK);
    ck_assert_int_eq(outq_add(&q, b, 0, 300, OUT_SNAPSHOT), OK);
    ck_assert_uint_eq(q.live_bytes, 100);
    ck_assert_uint_eq(q.history_bytes, 200);
    ck_assert_int_eq(flush(60), OUTQ_BUDGET);
    ck_assert_uint_eq(q.live_bytes, 40);
    ck_assert_int_eq(flush(140), OUTQ_BUDGET);
    ck_assert_uint_eq(q.live_bytes, 0);
    ck_assert_uint_eq(q.history_bytes, 100);
    drain(1000);
    ck_assert_uint_eq(q.history_bytes, 0);
    ck_assert_uint_eq(got_len, 600);
    blob_unref(b);
    stop();
}
END_TEST

/* Queues of many shapes, sent in steps of many sizes to one who reads in steps of many sizes: the same bytes. */
START_TEST(any_mixture_goes_out_as_it_was_queued)
{
    unsigned seed = 1;
    for (int round = 0; round < 60; round++) {
        start_with(round % 3 ? 4608 : 0);
        char *want = malloc(8 << 20);
        size_t want_len = 0;
        for (int i = 0; i < 150; i++) {
            seed = seed * 1103515245 + 12345;
            size_t len = (seed >> 8) % (round % 2 ? 200 : 9000) + 1, off = (seed >> 4) % len;
            struct blob *b = pattern_blob(len, seed);
            ck_assert_int_eq(outq_add(&q, b, off, len - off, (enum out_class)(seed % 3)), OK);
            memcpy(want + want_len, b->data + off, len - off);
            want_len += len - off;
            blob_unref(b);
            if (seed % 5 == 0) {
                ck_assert_int_ne(flush(seed % 7000 + 1), OUTQ_FAILED);
                receive(seed % 5000);
            }
        }
        drain(seed % 3000 + 1);
        ck_assert_uint_eq(got_len, want_len);
        ck_assert_mem_eq(got, want, want_len);
        ck_assert_uint_eq(q.live_bytes + q.history_bytes, 0);
        free(want);
        stop();
    }
}
END_TEST

START_TEST(a_full_socket_says_again_and_a_spent_budget_says_so)
{
    start_with(4608);
    struct blob *b = pattern_blob(1000000, 3);
    ck_assert_int_eq(outq_add(&q, b, 0, b->len, OUT_LIVE), OK);
    ck_assert_int_eq(flush(100), OUTQ_BUDGET);
    ck_assert_uint_eq(receive(SIZE_MAX), 100);
    ck_assert_int_eq(flush(1000000), OUTQ_AGAIN);
    ck_assert_int_eq(flush(1000000), OUTQ_AGAIN);
    receive(SIZE_MAX);
    ck_assert_uint_eq(q.live_bytes, b->len - got_len);
    drain(1 << 20);
    ck_assert_mem_eq(got, b->data, b->len);
    blob_unref(b);
    stop();
}
END_TEST

START_TEST(what_was_sent_is_counted)
{
    start();
    uint64_t sent = 5;
    struct blob *b = text_blob("0123456789");
    ck_assert_int_eq(outq_add(&q, b, 0, 10, OUT_LIVE), OK);
    ck_assert_int_eq(outq_flush(&q, ours, 7, &sent, &pieces), OUTQ_BUDGET);
    ck_assert_uint_eq(sent, 12);
    ck_assert_int_eq(outq_flush(&q, ours, 7, &sent, &pieces), OUTQ_EMPTY);
    ck_assert_uint_eq(sent, 15);
    blob_unref(b);
    stop();
}
END_TEST

START_TEST(a_peer_that_has_gone_is_a_failure_and_not_a_signal)
{
    start();
    struct blob *b = text_blob("0123456789");
    ck_assert_int_eq(outq_add(&q, b, 0, 10, OUT_LIVE), OK);
    close(theirs);
    theirs = -1;
    ck_assert_int_eq(flush(100), OUTQ_FAILED);
    blob_unref(b);
    stop();
}
END_TEST

/* --- files --- */

static int file_with(struct blob *b)
{
    char name[] = "/tmp/test_outq.XXXXXX";
    int fd = mkstemp(name);
    ck_assert_int_ge(fd, 0);
    unlink(name);
    ck_assert_int_eq(write(fd, b->data, b->len), (ssize_t)b->len);
    return fd;
}

START_TEST(a_part_of_a_file_goes_out_between_blobs)
{
    start_with(4608);
    struct blob *b = pattern_blob(300000, 9), *text = text_blob("<>");
    int fd = file_with(b);
    ck_assert_int_eq(outq_add(&q, text, 0, 1, OUT_LIVE), OK);
    ck_assert_int_eq(outq_add_file(&q, fd, 1000, 200000), OK);
    ck_assert_int_eq(outq_add(&q, text, 1, 1, OUT_LIVE), OK);
    ck_assert_uint_eq(q.live_bytes, 2); /* a file waits on the disk, not in memory */
    drain(70000);
    ck_assert_uint_eq(got_len, 200002);
    ck_assert_int_eq(got[0], '<');
    ck_assert_mem_eq(got + 1, b->data + 1000, 200000);
    ck_assert_int_eq(got[200001], '>');
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    blob_unref(b);
    blob_unref(text);
    stop();
}
END_TEST

START_TEST(an_empty_part_of_a_file_is_closed_at_once)
{
    start();
    struct blob *b = text_blob("");
    int fd = file_with(b);
    ck_assert_int_eq(outq_add_file(&q, fd, 0, 0), OK);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert_int_eq(flush(100), OUTQ_EMPTY);
    blob_unref(b);
    stop();
}
END_TEST

START_TEST(a_file_that_ends_early_is_a_failure)
{
    start();
    struct blob *b = pattern_blob(100, 1);
    ck_assert_int_eq(outq_add_file(&q, file_with(b), 50, 51), OK);
    ck_assert_int_eq(flush(1000), OUTQ_FAILED);
    ck_assert_uint_eq(receive(SIZE_MAX), 50);
    blob_unref(b);
    stop();
}
END_TEST

/* --- sources --- */

struct test_source {
    struct out_source source;
    int left;
    bool fails, gives_empty;
};

static struct blob *next(struct out_source *s, bool *done)
{
    struct test_source *t = (struct test_source *)(void *)s;
    char text[16];

    *done = !t->fails;
    if (t->left == 0)
        return NULL;
    *done = false;
    int n = snprintf(text, sizeof text, "[%d]", t->left--);
    return blob_copy(bytes_of(text, t->gives_empty && t->left % 2 ? 0 : (size_t)n));
}

static void free_source(struct out_source *s)
{
    freed_sources++;
    free(s);
}

static struct out_source *source(int n, bool fails, bool gives_empty)
{
    struct test_source *t = calloc(1, sizeof *t);
    ck_assert_ptr_nonnull(t);
    *t = (struct test_source){ { next, free_source }, n, fails, gives_empty };
    return &t->source;
}

START_TEST(a_source_makes_its_pieces_between_what_stands_around_it)
{
    start();
    struct blob *text = text_blob("<>");
    ck_assert_int_eq(outq_add(&q, text, 0, 1, OUT_LIVE), OK);
    ck_assert_int_eq(outq_add_source(&q, source(3, false, false)), OK);
    ck_assert_int_eq(outq_add_source(&q, source(2, false, true)), OK);
    ck_assert_int_eq(outq_add(&q, text, 1, 1, OUT_LIVE), OK);
    ck_assert_uint_eq(q.n_sources, 2);
    drain(1000);
    got[got_len] = 0;
    ck_assert_str_eq(got, "<[3][2][1][1]>");
    ck_assert_int_eq(freed_sources, 2);
    ck_assert_uint_eq(q.n_sources, 0);
    ck_assert_uint_eq(q.history_bytes, 0);
    blob_unref(text);
    stop();
}
END_TEST

START_TEST(pieces_are_made_as_long_as_the_tick_has_some)
{
    start();
    pieces = 2;
    ck_assert_int_eq(outq_add_source(&q, source(5, false, false)), OK);
    ck_assert_int_eq(flush(1000), OUTQ_LATER);
    ck_assert_int_eq(pieces, 0);
    ck_assert_uint_eq(receive(SIZE_MAX), 6);
    ck_assert_int_eq(flush(1000), OUTQ_LATER);
    ck_assert_uint_eq(receive(SIZE_MAX), 0);
    pieces = 100;
    ck_assert_int_eq(flush(1000), OUTQ_EMPTY);
    stop();
}
END_TEST

START_TEST(a_source_is_not_asked_while_a_piece_of_it_waits)
{
    start_with(4608);
    struct blob *b = pattern_blob(300000, 2);
    ck_assert_int_eq(outq_add(&q, b, 0, b->len, OUT_LIVE), OK);
    ck_assert_int_eq(outq_add_source(&q, source(5, false, false)), OK);
    pieces = 10;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(flush(1 << 20), OUTQ_AGAIN);
    ck_assert_int_eq(pieces, 10);
    blob_unref(b);
    stop();
    ck_assert_int_eq(freed_sources, 1);
}
END_TEST

START_TEST(a_source_that_fails_is_a_failure)
{
    start();
    ck_assert_int_eq(outq_add_source(&q, source(2, true, false)), OK);
    ck_assert_int_eq(flush(1000), OUTQ_FAILED);
    ck_assert_uint_eq(receive(SIZE_MAX), 6);
    stop();
    ck_assert_int_eq(freed_sources, 1);
}
END_TEST

/* --- the arena --- */

START_TEST(what_waits_leaves_an_arena_that_will_be_used_again)
{
    start();
    struct blob *arena = pattern_blob(1000, 4), *other = text_blob("other");
    char want[200];
    memcpy(want, arena->data + 150, 50);
    memcpy(want + 50, "other", 5);
    memcpy(want + 55, arena->data + 500, 100);
    ck_assert_int_eq(outq_add(&q, arena, 100, 100, OUT_LIVE), OK);
    ck_assert_int_eq(outq_add(&q, other, 0, 5, OUT_LIVE), OK);
    ck_assert_int_eq(outq_add(&q, arena, 500, 100, OUT_HISTORY), OK);
    ck_assert_int_eq(flush(50), OUTQ_BUDGET); /* a part of the first is gone already */
    receive(SIZE_MAX);
    got_len = 0;
    ck_assert_int_eq(outq_leave_arena(&q, arena), OK);
    ck_assert_uint_eq(arena->refs, 1);
    ck_assert_uint_eq(other->refs, 2);
    memset(arena->data, 0, arena->len);
    ck_assert_uint_eq(q.live_bytes, 55);
    drain(1000);
    ck_assert_uint_eq(got_len, 155);
    ck_assert_mem_eq(got, want, 155);
    ck_assert_int_eq(outq_leave_arena(&q, arena), OK);
    ck_assert_int_eq(outq_leave_arena(&q, NULL), OK);
    blob_unref(arena);
    blob_unref(other);
    stop();
}
END_TEST

/* A reader that is far behind has very many slices: each is looked at once, not once in every tick. */
START_TEST(a_slice_that_has_left_the_arena_is_not_looked_at_again)
{
    start();
    struct blob *arena = text_blob("0123456789"), *piece = text_blob("x");
    ck_assert_int_eq(outq_add(&q, piece, 0, 1, OUT_LIVE), OK);
    ck_assert_int_eq(outq_add(&q, arena, 0, 3, OUT_LIVE), OK);
    ck_assert_int_eq(outq_leave_arena(&q, arena), OK);
    ck_assert_int_eq(outq_leave_arena(&q, piece), OK); /* it was not the arena when it came */
    ck_assert_uint_eq(piece->refs, 2);
    ck_assert_int_eq(outq_add_source(&q, source(2, false, false)), OK);
    ck_assert_int_eq(outq_leave_arena(&q, arena), OK);
    pieces = 1;
    ck_assert_int_eq(flush(4), OUTQ_BUDGET); /* up to the source */
    ck_assert_int_eq(flush(1), OUTQ_BUDGET); /* into its first piece */
    ck_assert_int_eq(outq_add(&q, arena, 5, 5, OUT_LIVE), OK);
    ck_assert_int_eq(outq_leave_arena(&q, arena), OK);
    ck_assert_uint_eq(arena->refs, 1);
    memset(arena->data, 0, arena->len);
    pieces = 10;
    drain(1000);
    got[got_len] = 0;
    ck_assert_str_eq(got, "x012[2][1]56789");
    blob_unref(arena);
    blob_unref(piece);
    stop();
}
END_TEST

START_TEST(a_queue_that_is_dropped_gives_everything_back)
{
    start();
    struct blob *a = text_blob("a"), *b = text_blob("b");
    int fd = file_with(a);
    ck_assert_int_eq(outq_add(&q, a, 0, 1, OUT_LIVE), OK);
    ck_assert_int_eq(outq_add_file(&q, fd, 0, 1), OK);
    ck_assert_int_eq(outq_add_source(&q, source(1, false, false)), OK);
    ck_assert_int_eq(outq_add(&q, b, 0, 1, OUT_HISTORY), OK);
    outq_release(&q);
    ck_assert_uint_eq(a->refs, 1);
    ck_assert_uint_eq(b->refs, 1);
    ck_assert_int_eq(freed_sources, 1);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert_uint_eq(q.live_bytes + q.history_bytes + q.n_sources, 0);
    blob_unref(a);
    blob_unref(b);
    stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_empty_queue_is_empty,
        neighbours_in_one_blob_merge_and_others_do_not,
        every_class_is_counted_by_itself,
        any_mixture_goes_out_as_it_was_queued,
        a_full_socket_says_again_and_a_spent_budget_says_so,
        what_was_sent_is_counted,
        a_peer_that_has_gone_is_a_failure_and_not_a_signal,
        a_part_of_a_file_goes_out_between_blobs,
        an_empty_part_of_a_file_is_closed_at_once,
        a_file_that_ends_early_is_a_failure,
        a_source_makes_its_pieces_between_what_stands_around_it,
        pieces_are_made_as_long_as_the_tick_has_some,
        a_source_is_not_asked_while_a_piece_of_it_waits,
        a_source_that_fails_is_a_failure,
        what_waits_leaves_an_arena_that_will_be_used_again,
        a_slice_that_has_left_the_arena_is_not_looked_at_again,
        a_queue_that_is_dropped_gives_everything_back,
    };
    return RUN_TESTS("outq", tests);
}
