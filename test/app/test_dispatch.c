/* test_dispatch.c - every guard of a message, at its limit and one past it; and the real table. */
#include "../svc/fake.h"
#include "../base/run_tests.h"

static int n_calls;
static const char *to_return;

static const char *handler(struct app *app, struct peer *caller, const struct json_object *msg)
{
    (void)app;
    (void)caller;
    (void)msg;
    n_calls++;
    return to_return;
}

static const struct message_row rows[] = {
    { "plain", handler, ANYONE, 0, 0 },
    { "short", handler, ANYONE, 100, 0 },
    { "free", handler, ANYONE, 0, UNBOUNDED },
    { "member", handler, MEMBER, 0, 0 },
    { "new", handler, ANYONE, 0, V1_ONLY },
    { "new_member", handler, MEMBER, 100, V1_ONLY },
    { NULL, NULL, ANYONE, 0, 0 },
};

static struct fake f;

static struct tab *start(const char *name, bool is_v1)
{
    fake_open(&f);
    n_calls = 0;
    to_return = NULL;
    return fake_tab(&f, name, is_v1);
}

/* What the sender gets for a message; "" for nothing. */
static const char *told(struct tab *t, struct bytes message)
{
    dispatch_message(&f.app, rows, t->peer, message, NULL);
    fake_tick(&f);
    return heard(t);
}

#define ERROR(sentence) "{'messageType':'error','error':'" sentence "'}"
#define UNKNOWN         ERROR("messageType is not one that this server knows")

START_TEST(a_good_message_reaches_its_handler)
{
    struct tab *t = start(NULL, false);
    ck_assert_str_eq(told(t, BYTES("{\"messageType\":\"plain\"}")), "");
    ck_assert_str_eq(told(t, BYTES(" {\"x\":[1], \"message\\u0054ype\" : \"pl\\u0061in\"} ")), "");
    ck_assert_int_eq(n_calls, 2);
    fake_close(&f);
}
END_TEST

START_TEST(what_is_no_message_is_an_error_that_repeats_nothing_of_it)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        { "", ERROR("the message is not valid JSON") },
        { "secret", ERROR("the message is not valid JSON") },
        { "{\"messageType\":\"plain\"}x", ERROR("the message is not valid JSON") },
        { "{\"messageType\":\"plain\"", ERROR("the message is not valid JSON") },
        { "\"plain\"", ERROR("the message must be a JSON object") },
        { "[]", ERROR("the message must be a JSON object") },
        { "null", ERROR("the message must be a JSON object") },
        { "{\"messageType\":\"plain\",\"a\":1,\"a\":1}", ERROR("the message has the same key twice") },
        { "{}", ERROR("messageType must be a string") },
        { "{\"messageType\":1}", ERROR("messageType must be a string") },
        { "{\"messageType\":null}", ERROR("messageType must be a string") },
        { "{\"messagetype\":\"plain\"}", ERROR("messageType must be a string") },
        { "{\"messageType\":\"secret\"}", UNKNOWN },
        { "{\"messageType\":\"\"}", UNKNOWN },
        { "{\"messageType\":\"Plain\"}", UNKNOWN },
        { "{\"messageType\":\"plain\\u0000\"}", UNKNOWN },
        { "{\"messageType\":\"new\"}", UNKNOWN },        /* as if it did not exist in the base dialect */
        { "{\"messageType\":\"new_member\"}", UNKNOWN }, /* and not: log in */
        { "{\"messageType\":\"member\"}", ERROR("log in to do that") },
    };
    struct tab *t = start(NULL, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *error = told(t, bytes_str(cases[i].text));
        ck_assert_str_eq(error, cases[i].error);
        ck_assert_ptr_null(strstr(error, "secret"));
        ck_assert_str_eq(heard(t), "");
    }
    ck_assert_int_eq(n_calls, 0);
    ck_assert_int_eq(t->finish_code, -1); /* it stays open */
    fake_close(&f);
}
END_TEST

START_TEST(members_and_speakers_of_v1_may_do_more)
{
    struct tab *member = start("ann", false), *v1 = fake_tab(&f, NULL, true), *both = fake_tab(&f, "bob", true);
    ck_assert_str_eq(told(member, BYTES("{\"messageType\":\"member\"}")), "");
    ck_assert_str_eq(told(member, BYTES("{\"messageType\":\"new_member\"}")), UNKNOWN);
    ck_assert_str_eq(told(v1, BYTES("{\"messageType\":\"new\"}")), "");
    ck_assert_str_eq(told(v1, BYTES("{\"messageType\":\"new_member\"}")), ERROR("log in to do that"));
    ck_assert_str_eq(told(both, BYTES("{\"messageType\":\"new_member\"}")), "");
    ck_assert_int_eq(n_calls, 3);
    fake_close(&f);
}
END_TEST

/* A message of that type, `len` bytes long. */
static struct bytes of_length(const char *type, size_t len)
{
    static char *text;
    text = realloc(text, len + 100);
    int n = sprintf(text, "{\"messageType\":\"%s\",\"x\":\"", type);
    ck_assert_uint_lt((size_t)n + 2, len);
    memset(text + n, 'x', len - (size_t)n - 2);
    memcpy(text + len - 2, "\"}", 2);
    return bytes_of(text, len);
}

START_TEST(a_message_has_its_length_and_one_byte_more_is_too_long)
{
    static const char too_long[] = ERROR("the message is too long");
    struct tab *t = start(NULL, false);
    ck_assert_str_eq(told(t, of_length("short", 100)), "");
    ck_assert_str_eq(told(t, of_length("short", 101)), too_long);
    ck_assert_str_eq(told(t, of_length("plain", 512 * 1024)), "");
    ck_assert_str_eq(told(t, of_length("plain", 512 * 1024 + 1)), too_long);
    ck_assert_str_eq(told(t, of_length("free", 4 << 20)), "");
    ck_assert_int_eq(n_calls, 3);
    fake_close(&f);
}
END_TEST

/* A message of that type with so many values, its type among them. */
static struct bytes of_values(const char *type, int values)
{
    static char text[200000];
    char *p = text + sprintf(text, "{\"messageType\":\"%s\",\"x\":[", type);
    for (int i = 2; i < values; i++)
        p += sprintf(p, "%s1", i > 2 ? "," : "");
    p += sprintf(p, "]}");
    return bytes_of(text, (size_t)(p - text));
}

START_TEST(a_message_holds_10000_values_and_one_more_is_too_many)
{
    struct tab *t = start(NULL, false);
    ck_assert_str_eq(told(t, of_values("plain", 10000)), "");
    ck_assert_str_eq(told(t, of_values("plain", 10001)), ERROR("the message holds more than 10000 values"));
    ck_assert_str_eq(told(t, of_values("free", 20000)), "");
    ck_assert_int_eq(n_calls, 2);
    fake_close(&f);
}
END_TEST

START_TEST(a_message_is_nested_64_levels_deep_and_not_65)
{
    char text[1024];
    struct tab *t = start(NULL, false);
    for (int levels = 64; levels <= 65; levels++) {
        char *p = text + sprintf(text, "{\"messageType\":\"plain\",\"x\":");
        for (int i = 1; i < levels; i++)
            *p++ = '[';
        for (int i = 1; i < levels; i++)
            *p++ = ']';
        *p++ = '}';
        const char *want = levels == 64 ? "" : ERROR("the message is nested more than 64 levels deep");
        ck_assert_str_eq(told(t, bytes_of(text, (size_t)(p - text))), want);
    }
    ck_assert_int_eq(n_calls, 1);
    fake_close(&f);
}
END_TEST

START_TEST(what_a_handler_says_goes_to_the_sender_alone)
{
    struct tab *t = start(NULL, false), *other = fake_tab(&f, NULL, false);
    to_return = "no, thank you";
    ck_assert_str_eq(told(t, BYTES("{\"messageType\":\"plain\"}")), ERROR("no, thank you"));
    ck_silent(other);
    fake_close(&f);
}
END_TEST

START_TEST(every_way_a_text_can_be_wrong_has_its_sentence)
{
    const struct text_sentences *s = TEXT_SENTENCES("field", "1 to 2 bytes");
    ck_assert_ptr_null(dispatch_text_error(JSON_TEXT_OK, s));
    ck_assert_str_eq(dispatch_text_error(JSON_TEXT_MISSING, s), "field must be a string");
    ck_assert_str_eq(dispatch_text_error(JSON_TEXT_TYPE, s), "field must be a string");
    ck_assert_str_eq(dispatch_text_error(JSON_TEXT_LENGTH, s), "field must have 1 to 2 bytes");
    ck_assert_str_eq(dispatch_text_error(JSON_TEXT_NUL, s), "field must not contain U+0000");
    ck_assert_str_eq(dispatch_text_error(JSON_TEXT_SURROGATE, s), "field must not contain a lone surrogate");
    ck_assert_str_eq(dispatch_text_error(JSON_TEXT_NO_MEMORY, s), "the server is out of memory");
}
END_TEST

/* --- the tables --- */

START_TEST(every_message_row_is_complete_and_none_is_there_twice)
{
    size_t n = 0;
    for (const struct message_row *r = message_rows; r->type; r++, n++) {
        ck_assert_msg(r->handler != NULL, "%s has no handler", r->type);
        ck_assert_msg(r->who == ANYONE || r->who == MEMBER, "%s", r->type);
        ck_assert_msg((r->flags & ~(unsigned)(UNBOUNDED | V1_ONLY | CLIENT_ID)) == 0, "%s", r->type);
        ck_assert_msg(!(r->flags & UNBOUNDED) || strcmp(r->type, "echo_client") == 0, "%s has no limit", r->type);
        ck_assert_msg(r->max_bytes <= MESSAGE_MAX, "%s may be longer than any message", r->type);
        ck_assert_uint_le(strlen(r->type), 40);
        for (const struct message_row *s = r + 1; s->type; s++)
            ck_assert_str_ne(r->type, s->type);
    }
    ck_assert_uint_gt(n, 10);
}
END_TEST

START_TEST(every_message_of_the_assignment_is_in_the_table)
{
    static const struct {
        const char *type;
        enum who who;
    } base[] = {
        { "echo_client", ANYONE }, { "drawing", ANYONE }, { "chatMessage", MEMBER }, { "get_all_users", MEMBER },
        { "select_user", MEMBER }, { "direct_message", MEMBER }, { "get_calls", MEMBER }, { "join_call", MEMBER },
        { "offer", MEMBER }, { "answer", MEMBER }, { "ice_candidate", MEMBER }, { "leave_call", MEMBER },
    };
    for (size_t i = 0; i < sizeof base / sizeof *base; i++) {
        const struct message_row *r = message_rows;
        while (r->type && strcmp(r->type, base[i].type) != 0)
            r++;
        ck_assert_msg(r->type != NULL, "%s", base[i].type);
        ck_assert_msg(r->who == base[i].who && !(r->flags & V1_ONLY), "%s", base[i].type);
    }
}
END_TEST

START_TEST(every_route_row_is_complete_and_none_hides_another)
{
    size_t n = 0;
    for (const struct route_row *r = route_rows; r->path; r++, n++) {
        ck_assert_msg(r->handler != NULL, "%s has no handler", r->path);
        ck_assert_msg(r->method == HTTP_GET || r->method == HTTP_POST, "%s", r->path);
        ck_assert_int_eq(r->path[0], '/');
        ck_assert_msg(r->who != MEMBER || !(r->flags & NO_CALLER), "%s cannot know who asks", r->path);
        ck_assert_msg(!(r->flags & LOGIN_IF_REQUIRED) || !(r->flags & NO_CALLER), "%s", r->path);
        for (const struct route_row *s = r + 1; s->path; s++)
            ck_assert_msg(r->method != s->method || strcmp(r->path, s->path) != 0, "%s", r->path);
    }
    ck_assert_uint_gt(n, 15);
}
END_TEST

/* Every row, with nothing but its type: an answer or an error, and no crash; as a guest and as a member, in both dialects. */
START_TEST(every_message_may_be_sent_without_its_fields)
{
    for (int who = 0; who < 4; who++) {
        struct tab *t = start(who & 1 ? "ann" : NULL, who & 2);
        for (const struct message_row *r = message_rows; r->type; r++) {
            say(t, "{'messageType':'%s'}", r->type);
            fake_tick(&f);
            if (r->who == MEMBER && !(who & 1) && (!(r->flags & V1_ONLY) || (who & 2)))
                ck_assert_str_eq(heard(t), ERROR("log in to do that"));
            while (*heard(t))
                continue;
        }
        fake_close(&f);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_good_message_reaches_its_handler,
        what_is_no_message_is_an_error_that_repeats_nothing_of_it,
        members_and_speakers_of_v1_may_do_more,
        a_message_has_its_length_and_one_byte_more_is_too_long,
        a_message_holds_10000_values_and_one_more_is_too_many,
        a_message_is_nested_64_levels_deep_and_not_65,
        what_a_handler_says_goes_to_the_sender_alone,
        every_way_a_text_can_be_wrong_has_its_sentence,
        every_message_row_is_complete_and_none_is_there_twice,
        every_message_of_the_assignment_is_in_the_table,
        every_route_row_is_complete_and_none_hides_another,
        every_message_may_be_sent_without_its_fields,
    };
    return RUN_TESTS("dispatch", tests);
}
