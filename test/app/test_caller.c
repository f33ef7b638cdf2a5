/* test_caller.c - who makes a request, and from where. */
#include "app/caller.h"

#include "../svc/fake.h"
#include "../base/run_tests.h"

static struct fake f;
static struct caller c;
static char head_text[4096];
static struct http_head head;

static void read_head(const char *headers)
{
    struct http_scan scan = { 0 };
    int n = snprintf(head_text, sizeof head_text, "GET / HTTP/1.1\r\nHost: example.org\r\n%s\r\n", headers);
    ck_assert_int_eq(http_head_parse(&head, &scan, bytes_of(head_text, (size_t)n)), n);
}

static int64_t user_of(const char *headers)
{
    read_head(headers);
    ck_assert_int_eq(caller_find(&f.app, &head, &c), OK);
    return c.user_id;
}

/* A session of `name`; its token. */
static const char *session_of(const char *name)
{
    static char line[128];
    fake_cookie(&f, name, line);
    line[strcspn(line, "\r")] = 0;
    return strchr(line, '=') + 1;
}

START_TEST(a_session_makes_a_caller)
{
    char line[256];
    fake_open(&f);
    const char *token = session_of("Ann");
    snprintf(line, sizeof line, "Cookie: auth_token=%s\r\n", token);
    ck_assert_int_eq(user_of(line), fake_user(&f, "ann"));
    ck_assert_str_eq(c.name, "Ann");
    ck_assert(c.has_token);
    snprintf(line, sizeof line, "Cookie: a=1; auth_token=%s; b=2\r\n", token);
    ck_assert_int_eq(user_of(line), fake_user(&f, "ann"));
    fake_close(&f);
}
END_TEST

START_TEST(anything_else_makes_a_guest)
{
    char line[256], token[65];
    fake_open(&f);
    snprintf(token, sizeof token, "%s", session_of("ann"));
    ck_assert_int_eq(user_of(""), 0);
    ck_assert(!c.has_token);
    ck_assert_int_eq(user_of("Cookie: \r\n"), 0);
    ck_assert_int_eq(user_of("Cookie: auth_token=\r\n"), 0);
    ck_assert_int_eq(user_of("Cookie: auth_token=short\r\n"), 0);
    ck_assert(!c.has_token);
    snprintf(line, sizeof line, "Cookie: auth_tokens=%s\r\n", token);
    ck_assert_int_eq(user_of(line), 0);
    snprintf(line, sizeof line, "Cookie: Auth_Token=%s\r\n", token);
    ck_assert_int_eq(user_of(line), 0);
    snprintf(line, sizeof line, "Cookie: auth_token=%s0\r\n", token);
    ck_assert_int_eq(user_of(line), 0);
    snprintf(line, sizeof line, "Cookie: auth_token=%.63s\r\n", token);
    ck_assert_int_eq(user_of(line), 0);
    token[10] = token[10] == 'a' ? 'b' : 'a';
    snprintf(line, sizeof line, "Cookie: auth_token=%s\r\n", token);
    ck_assert_int_eq(user_of(line), 0);
    ck_assert(c.has_token); /* well-formed, but nobody's */
    ck_assert_int_eq(c.name[0], 0);
    for (char *p = token; *p; p++)
        *p = (char)(*p >= 'a' ? *p - 32 : *p);
    snprintf(line, sizeof line, "Cookie: auth_token=%s\r\n", token); /* capital digits are not ours */
    ck_assert_int_eq(user_of(line), 0);
    ck_assert(!c.has_token);
    fake_close(&f);
}
END_TEST

START_TEST(a_session_ends_in_its_last_millisecond)
{
    char line[256];
    fake_open(&f);
    snprintf(line, sizeof line, "Cookie: auth_token=%s\r\n", session_of("ann"));
    f.app.wall_ms += 1000000000 - 1;
    ck_assert_int_ne(user_of(line), 0);
    f.app.wall_ms += 1;
    ck_assert_int_eq(user_of(line), 0);
    fake_close(&f);
}
END_TEST

START_TEST(the_hash_of_a_token_is_not_the_token)
{
    char token[65];
    uint8_t a[SESSION_HASH_LEN], b[SESSION_HASH_LEN];
    memset(token, 'a', 64);
    ck_assert(caller_token_hash(bytes_of(token, 64), a));
    ck_assert(memcmp(a, token, sizeof a) != 0);
    token[63] = 'b';
    ck_assert(caller_token_hash(bytes_of(token, 64), b));
    ck_assert_mem_ne(a, b, sizeof a);
    ck_assert(!caller_token_hash(bytes_of(token, 63), b));
    token[5] = 'g';
    ck_assert(!caller_token_hash(bytes_of(token, 64), b));
}
END_TEST

START_TEST(an_origin_is_own_or_allowed_or_foreign)
{
    static const char *const origins[] = { "https://a.example", "http://b.example:8000", NULL };
    static const struct {
        const char *headers;
        bool foreign, cross_site;
    } cases[] = {
        { "", false, false },
        { "Origin: http://example.org\r\n", false, false },
        { "Origin: HTTP://EXAMPLE.ORG:80\r\n", false, false },
        { "Origin: http://example.org:81\r\n", true, true },
        { "Origin: http://sub.example.org\r\n", true, true },
        { "Origin: https://a.example\r\n", false, false },
        { "Origin: http://a.example\r\n", true, true }, /* another scheme */
        { "Origin: http://b.example:8000\r\n", false, false },
        { "Origin: null\r\n", true, true },
        { "Sec-Fetch-Site: cross-site\r\n", false, true },
        { "Origin: https://a.example\r\nSec-Fetch-Site: cross-site\r\n", false, false },
        { "Origin: http://example.org\r\nSec-Fetch-Site: same-origin\r\n", false, false },
        { "Origin: http://example.org\r\nOrigin: http://evil\r\n", true, true },
        { "Origin: https://a.example\r\nOrigin: https://a.example\r\n", true, true },
    };
    fake_open(&f);
    f.app.settings.origins = origins;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        read_head(cases[i].headers);
        ck_assert_msg(caller_origin_is_foreign(&f.app, &head) == cases[i].foreign, "%s", cases[i].headers);
        ck_assert_msg(caller_is_cross_site(&f.app, &head) == cases[i].cross_site, "%s", cases[i].headers);
    }
    fake_close(&f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_session_makes_a_caller,
        anything_else_makes_a_guest,
        a_session_ends_in_its_last_millisecond,
        the_hash_of_a_token_is_not_the_token,
        an_origin_is_own_or_allowed_or_foreign,
    };
    return RUN_TESTS("caller", tests);
}
