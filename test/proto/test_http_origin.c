/* test_http_origin.c - who is meant and who asks. */
#include "proto/http_origin.h"

#include "../base/run_tests.h"
#include "guarded.h"

static struct guarded guarded;

static void check_hosts(const char *const *hosts, size_t n, bool expected)
{
    guarded_init(&guarded);
    for (size_t i = 0; i < n; i++) {
        struct bytes host = bytes_str(hosts[i]);
        host.data = guarded_copy(&guarded, host);
        if (http_host_is_valid(host) != expected)
            ck_abort_msg("host \"%s\"", hosts[i]);
    }
    guarded_release(&guarded);
}

START_TEST(valid_hosts)
{
    static const char *const hosts[] = {
        "localhost",
        "localhost:8080",
        "example.com",
        "EXAMPLE.com.",
        "a-b_c~d",
        "127.0.0.1",
        "127.0.0.1:1",
        "a:65535",
        "a:",
        "%41%7a",
        "[::1]",
        "[::1]:8080",
        "[::]:",
        "[2001:DB8::ff00:42]",
        "a!$&'()*+,;=b",
        "[::ffff:1.2.3.4]:80",
    };

    check_hosts(hosts, sizeof hosts / sizeof *hosts, true);
}
END_TEST

START_TEST(invalid_hosts)
{
    static const char *const hosts[] = {
        "",
        ":",
        ":80",
        "a b",
        "a:0",
        "a:65536",
        "a:99999",
        "a:123456",
        "a:080",
        "a:+80",
        "a: 80",
        "a:80 ",
        "a:8a",
        "a::80",
        "a:80:80",
        "u@a",
        "u:p@a",
        "a/b",
        "/",
        "a?b",
        "a#b",
        "a\\b",
        "<a>",
        "\"a\"",
        "[::1",
        "::1]",
        "[]",
        "[::1]80",
        "[::1]a:8",
        "[::1]:x",
        "[g::1]",
        "[::1%25lo]",
        "::1",
        "[1.2.3.4]",
        "[v1.x]",
        "[a]",
        "%",
        "%4",
        "%4g",
        "a\x80",
        "a\tb",
        "[::1]:0",
        "[[::1]]",
        "a[::1]",
        "http://a",
        "a,b c",
        "a|b",
        "a^b",
        "[1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222:3333]",
    };

    check_hosts(hosts, sizeof hosts / sizeof *hosts, false);
    ck_assert(!http_host_is_valid(bytes_of("a\0b", 3)));
    ck_assert(!http_host_is_valid(bytes_of("[::1\0]", 6)));
    ck_assert(!http_host_is_valid(bytes_of(NULL, 0)));
}
END_TEST

START_TEST(valid_origins)
{
    static const char *const origins[] = {
        "http://localhost",  "https://example.com:8443",  "HTTP://A",
        "http://[::1]:8080", "chrome-extension://abcdef", "x+y.z-1://h:65535",
    };

    for (size_t i = 0; i < sizeof origins / sizeof *origins; i++)
        ck_assert_msg(http_origin_is_valid(bytes_str(origins[i])), "%s", origins[i]);
}
END_TEST

START_TEST(invalid_origins)
{
    static const char *const origins[] = {
        "",
        "null",
        "localhost",
        "localhost:80",
        "http:",
        "http://",
        "http:/a",
        "http//a",
        "://a",
        "1http://a",
        "http://a/",
        "http://a/p",
        "http://a?q",
        "http://a#f",
        "http://u@a",
        "http://u:p@a",
        "http://a:",
        "http://a:0",
        "http://a:65536",
        "http://a:x",
        "http://a:080",
        "http://a:80:80",
        "http://a b",
        " http://a",
        "http://a ",
        "http://a,http://b",
        "http://a http://b",
        "ht tp://a",
        "h_t://a",
        "http://[::1]:",
        "http://:80",
        "file://",
        "+http://a",
        "http://a\\b",
    };

    guarded_init(&guarded);
    for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
        struct bytes origin = bytes_str(origins[i]);
        origin.data = guarded_copy(&guarded, origin);
        if (http_origin_is_valid(origin))
            ck_abort_msg("origin \"%s\"", origins[i]);
        ck_assert(!http_origin_is_host(origin, BYTES("a")));
        ck_assert(!http_origin_eq(origin, origin));
    }
    guarded_release(&guarded);
    ck_assert(!http_origin_is_valid(bytes_of(NULL, 0)));
}
END_TEST

static bool is_host(const char *origin, const char *host)
{
    return http_origin_is_host(bytes_str(origin), bytes_str(host));
}

START_TEST(an_origin_is_its_own_host)
{
    ck_assert(is_host("http://localhost:8080", "localhost:8080"));
    ck_assert(is_host("http://LocalHost:8080", "localHOST:8080"));
    ck_assert(is_host("http://example.com", "example.com"));
    ck_assert(is_host("https://example.com", "example.com"));
    ck_assert(is_host("http://[::1]:8080", "[::1]:8080"));
    ck_assert(is_host("http://[::AB]", "[::ab]"));
}
END_TEST

START_TEST(default_ports_are_those_of_the_origin_s_scheme)
{
    ck_assert(is_host("http://a", "a:80"));
    ck_assert(is_host("http://a:80", "a"));
    ck_assert(is_host("HTTPS://a", "a:443"));
    ck_assert(is_host("https://a:443", "a"));
    ck_assert(is_host("https://a:443", "a:"));
    ck_assert(!is_host("http://a", "a:443"));
    ck_assert(!is_host("https://a", "a:80"));
    ck_assert(!is_host("https://a:80", "a"));
}
END_TEST

START_TEST(another_origin_is_not_the_host)
{
    ck_assert(!is_host("http://a:8080", "a:8081"));
    ck_assert(!is_host("http://a:8080", "a"));
    ck_assert(!is_host("http://b", "a"));
    ck_assert(!is_host("http://a.b", "a"));
    ck_assert(!is_host("http://a", "a.b"));
    ck_assert(!is_host("http://aa", "a"));
    ck_assert(!is_host("http://evil@a", "a"));
    ck_assert(!is_host("http://a@evil", "a"));
    ck_assert(!is_host("http://evil/a", "a"));
    ck_assert(!is_host("http://evil#a", "a"));
    ck_assert(!is_host("http://evil?a", "a"));
    ck_assert(!is_host("null", "null"));
    ck_assert(!is_host("", ""));
    ck_assert(!is_host("http://a", ""));
    ck_assert(!is_host("http://a", "a/"));
    ck_assert(!is_host("chrome-extension://a", "a"));
    ck_assert(!is_host("ftp://a:8080", "a:8080"));
    ck_assert(!http_origin_is_host(BYTES("http://a"), bytes_of(NULL, 0)));
}
END_TEST

static bool same(const char *a, const char *b)
{
    bool result = http_origin_eq(bytes_str(a), bytes_str(b));

    ck_assert_int_eq(http_origin_eq(bytes_str(b), bytes_str(a)), result);
    return result;
}

START_TEST(origins_are_the_same_without_case_and_with_default_ports)
{
    ck_assert(same("http://a", "HTTP://A"));
    ck_assert(same("http://a:80", "http://a"));
    ck_assert(same("https://a", "https://a:443"));
    ck_assert(same("app://a", "APP://a"));
    ck_assert(same("app://a:1", "app://a:1"));
    ck_assert(!same("http://a", "https://a"));
    ck_assert(!same("http://a:443", "https://a:443"));
    ck_assert(!same("http://a", "http://a:443"));
    ck_assert(!same("http://a", "http://b"));
    ck_assert(!same("app://a", "app://a:80"));
    ck_assert(!same("null", "null"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        valid_hosts,
        invalid_hosts,
        valid_origins,
        invalid_origins,
        an_origin_is_its_own_host,
        default_ports_are_those_of_the_origin_s_scheme,
        another_origin_is_not_the_host,
        origins_are_the_same_without_case_and_with_default_ports,
    };
    return RUN_TESTS("http_origin", tests);
}
