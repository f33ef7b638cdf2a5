/* test_echo.c - what comes back, and from whose memory. That every string comes back is in e2e/echo. */
#include "../base/run_tests.h"
#include "fake.h"

static struct fake f;

/* Sends {"messageType":"echo_client","junk":"...","text":"..."} as a message that lies in a blob of its own; hears the answer. Returns how many
 * references to the blob there were while it was staged. */
static uint32_t echo(struct tab *t, size_t junk, size_t text)
{
    static const char head[] = "{\"messageType\":\"echo_client\",\"junk\":\"",
                      middle[] = "\",\"text\":\"", tail[] = "\"}";
    struct blob *b = blob_new(sizeof head + sizeof middle + sizeof tail - 3 + junk + text);
    ck_assert_ptr_nonnull(b);
    char *p = mempcpy(b->data, head, sizeof head - 1);
    p = mempcpy((char *)memset(p, 'j', junk) + junk, middle, sizeof middle - 1);
    p = mempcpy((char *)memset(p, 't', text) + text, tail, sizeof tail - 1);
    ck_assert_ptr_eq(p, b->data + b->len);

    dispatch_message(&f.app, message_rows, t->peer, blob_bytes(b), b);
    uint32_t refs = b->refs;
    fake_tick(&f);
    const char *answer = heard(t);
    static const char begin[] = "{'messageType':'echo_server','text':'";
    ck_assert_uint_eq(strlen(answer), sizeof begin - 1 + text + 2);
    ck_assert_int_eq(strncmp(answer, begin, sizeof begin - 1), 0);
    ck_assert_uint_eq(strspn(answer + sizeof begin - 1, "t"), text);
    ck_assert_str_eq(answer + sizeof begin - 1 + text, "'}");
    ck_assert_uint_eq(b->refs, 1);
    blob_unref(b);
    return refs;
}

START_TEST(a_long_text_is_sent_from_where_it_was_received)
{
    fake_open(&f);
    struct tab *ann = fake_tab(&f, "ann", true);
    ck_assert_uint_eq(echo(ann, 0, 20000), 2);
    ck_assert_uint_eq(echo(ann, 0, 1000000), 2);
    ck_assert_uint_eq(echo(ann, 50000, 20000), 2);
    fake_close(&f);
}
END_TEST

START_TEST(a_short_text_is_copied)
{
    fake_open(&f);
    struct tab *ann = fake_tab(&f, "ann", false);
    ck_assert_uint_eq(echo(ann, 0, 0), 1);
    ck_assert_uint_eq(echo(ann, 0, 16000), 1);
    fake_close(&f);
}
END_TEST

START_TEST(a_small_part_of_a_large_message_does_not_keep_it)
{
    fake_open(&f);
    struct tab *ann = fake_tab(&f, "ann", true);
    ck_assert_uint_eq(echo(ann, 70000, 20000), 1);
    ck_assert_uint_eq(echo(ann, 4000000, 500000), 1);
    fake_close(&f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_long_text_is_sent_from_where_it_was_received,
        a_short_text_is_copied,
        a_small_part_of_a_large_message_does_not_keep_it,
    };
    return RUN_TESTS("echo", tests);
}
