/* test_router.c - which row a request finds, who may use it, and how bodies are read. */
#include "requests.h"
#include "../base/run_tests.h"

static struct fake f;
static struct caller last_caller;
static const char *last_page;

static enum http_verdict done(struct app *app, struct http_request *rq, const struct caller *caller)
{
    last_caller = *caller;
    last_page = rq->page;
    return reply_sentence(app, rq->conn, 200, "done");
}

/* Reads the field "f", at most 8 bytes. */
static enum http_verdict field(struct app *app, struct http_request *rq, const struct caller *caller)
{
    struct request_body body;
    char out[8], text[64];
    size_t len;
    (void)caller;

    if (!request_body_read(app, rq, &body))
        return HTTP_ANSWERED;
    enum field_result r = request_field(&body, "f", out, sizeof out, &len);
    int n = snprintf(text, sizeof text, "%s:%.*s", r == FIELD_OK ? "ok" : r == FIELD_BAD ? "bad" : "missing", (int)len, out);
    return reply_json(app, rq->conn, 200, bytes_of(text, (size_t)n));
}

static const struct route_row rows[] = {
    { HTTP_GET, "/a", done, ANYONE, 0, "a.html" },
    { HTTP_POST, "/a", done, ANYONE, 0, NULL },
    { HTTP_GET, "/nohead", done, ANYONE, NO_HEAD, NULL },
    { HTTP_GET, "/leave", done, ANYONE, GUARD_CROSS_SITE | NO_HEAD, NULL },
    { HTTP_GET, "/under/*", done, ANYONE, NO_CALLER, NULL },
    { HTTP_GET, "/member", done, MEMBER, 0, NULL },
    { HTTP_GET, "/api/member", done, MEMBER, 0, NULL },
    { HTTP_GET, "/door", done, ANYONE, LOGIN_IF_REQUIRED, NULL },
    { HTTP_POST, "/field", field, ANYONE, NO_CALLER, NULL },
    { HTTP_METHOD_UNKNOWN, NULL, NULL, ANYONE, 0, NULL },
};

/* The answer to a request line and more header lines. */
static const char *ask_for(const char *line, const char *more)
{
    char head[1024];
    snprintf(head, sizeof head, "%s HTTP/1.1\r\nHost: example.org:8080\r\n%s\r\n", line, more);
    return asked(&f, rows, head, "");
}

static int status_for(const char *line, const char *more)
{
    return atoi(ask_for(line, more));
}

START_TEST(a_row_serves_its_method_and_its_path)
{
    requests_open(&f);
    ck_assert_str_eq(ask_for("GET /a", ""), "200 [] done\n");
    ck_assert_str_eq(last_page, "a.html");
    ck_assert_int_eq(status_for("POST /a", ""), 200);
    ck_assert_ptr_null(last_page);
    ck_assert_int_eq(status_for("HEAD /a", ""), 200);
    ck_assert_int_eq(status_for("GET /a?query=1", ""), 200);
    ck_assert_int_eq(status_for("GET /%61", ""), 200);
    fake_close(&f);
}
END_TEST

START_TEST(a_path_is_compared_whole_and_with_case)
{
    static const char *const unknown[] = { "GET /", "GET /A", "GET /a/", "GET /aa", "GET /a%00", "GET /under", "GET /under/", "POST /b", "GET /member/x" };
    requests_open(&f);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        if (strcmp(unknown[i], "GET /a%00") != 0) /* a NUL is refused before */
            ck_assert_msg(status_for(unknown[i], "") == 404, "%s", unknown[i]);
    ck_assert_int_eq(status_for("GET /under/x", ""), 200);
    ck_assert_int_eq(status_for("GET /under/x/y", ""), 200);
    ck_assert_int_eq(status_for("POST /under/x", ""), 405);
    fake_close(&f);
}
END_TEST

START_TEST(a_method_that_a_path_does_not_have_is_405_with_those_that_it_has)
{
    requests_open(&f);
    ck_assert_str_eq(ask_for("PUT /a", ""), "405 [Allow: GET, HEAD, POST] This path does not answer to that method.\n");
    ck_assert_str_eq(ask_for("HEAD /nohead", ""), "405 [Allow: GET] This path does not answer to that method.\n");
    ck_assert_str_eq(ask_for("GET /field", ""), "405 [Allow: POST] This path does not answer to that method.\n");
    static const char *const known[] = { "DELETE", "OPTIONS", "PATCH", "TRACE" };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s /a", known[i]);
        ck_assert_int_eq(status_for(line, ""), 405);
    }
    fake_close(&f);
}
END_TEST

START_TEST(a_method_that_nobody_has_is_501_wherever_it_is_sent)
{
    requests_open(&f);
    ck_assert_int_eq(status_for("BREW /a", ""), 501);
    ck_assert_int_eq(status_for("get /a", ""), 501);
    ck_assert_int_eq(status_for("BREW /unknown", ""), 501);
    fake_close(&f);
}
END_TEST

START_TEST(posts_and_guarded_gets_from_other_sites_are_403)
{
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        { "", 200 }, /* no browser */
        { "Origin: http://example.org:8080\r\n", 200 },
        { "Origin: https://example.org:8080\r\n", 200 }, /* behind TLS that ends in front of us */
        { "Origin: http://EXAMPLE.org:8080\r\n", 200 },
        { "Origin: http://example.org\r\n", 403 }, /* another port */
        { "Origin: http://example.org:8081\r\n", 403 },
        { "Origin: http://evil.example\r\n", 403 },
        { "Origin: http://example.org:8080.evil.example\r\n", 403 },
        { "Origin: null\r\n", 403 },
        { "Origin: \r\n", 403 },
        { "Origin: http://example.org:8080\r\nOrigin: http://example.org:8080\r\n", 403 },
        { "Origin: http://friend.example\r\n", 200 }, /* --allow-origin */
        { "Origin: http://friend.example\r\nSec-Fetch-Site: cross-site\r\n", 200 },
        { "Origin: http://friend.example:81\r\n", 403 },
        { "Sec-Fetch-Site: cross-site\r\n", 403 },
        { "Sec-Fetch-Site: CROSS-SITE\r\n", 403 },
        { "Sec-Fetch-Site: same-site\r\n", 200 },
        { "Sec-Fetch-Site: same-origin\r\n", 200 },
        { "Sec-Fetch-Site: none\r\n", 200 },
        { "Origin: http://example.org:8080\r\nSec-Fetch-Site: cross-site\r\n", 403 },
    };
    static const char *const origins[] = { "http://friend.example", NULL };
    requests_open(&f);
    f.app.settings.origins = origins;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(status_for("POST /a", cases[i].headers) == cases[i].status, "POST, %s", cases[i].headers);
        ck_assert_msg(status_for("GET /leave", cases[i].headers) == cases[i].status, "GET, %s", cases[i].headers);
        ck_assert_int_eq(status_for("GET /a", cases[i].headers), 200); /* reading is for everyone */
    }
    fake_close(&f);
}
END_TEST

START_TEST(guests_get_401_where_members_are_served)
{
    char cookie[128];
    requests_open(&f);
    fake_cookie(&f, "ann", cookie);
    ck_assert_str_eq(ask_for("GET /member", ""), "401 [] Log in to do that.\n");
    ck_assert_str_eq(ask_for("GET /api/member", ""), "401 [Cache-Control: no-store] {}");
    ck_assert_int_eq(status_for("GET /member", cookie), 200);
    ck_assert_str_eq(last_caller.name, "ann");
    ck_assert_int_eq(status_for("GET /api/member", cookie), 200);
    ck_assert_int_eq(status_for("GET /door", ""), 200);
    ck_assert_int_eq(last_caller.user_id, 0);
    f.app.settings.require_login = true;
    ck_assert_int_eq(status_for("GET /door", ""), 401);
    ck_assert_int_eq(status_for("GET /door", cookie), 200);
    ck_assert_int_eq(status_for("GET /a", ""), 200);
    fake_close(&f);
}
END_TEST

START_TEST(a_row_that_does_not_ask_who_it_is_is_not_told)
{
    char cookie[128];
    requests_open(&f);
    fake_cookie(&f, "ann", cookie);
    ck_assert_int_eq(status_for("GET /under/x", cookie), 200);
    ck_assert_int_eq(last_caller.user_id, 0);
    fake_close(&f);
}
END_TEST

/* --- bodies --- */

static const char *post(const char *type, const char *body)
{
    char head[512];
    snprintf(head, sizeof head, "POST /field HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n%s%s%s\r\n", strlen(body),
             type ? "Content-Type: " : "", type ? type : "", type ? "\r\n" : "");
    return asked(&f, rows, head, body);
}

#define JSON_ANSWER(text) "200 [Cache-Control: no-store] " text

START_TEST(a_body_is_read_as_its_type_says)
{
    static const char form[] = "application/x-www-form-urlencoded", json[] = "application/json";
    requests_open(&f);
    ck_assert_str_eq(post(form, "f=a+b%21"), JSON_ANSWER("ok:a b!"));
    ck_assert_str_eq(post("Application/X-WWW-Form-Urlencoded; charset=UTF-8", "f=x"), JSON_ANSWER("ok:x"));
    ck_assert_str_eq(post(json, "{\"f\":\"a\\u0020b\"}"), JSON_ANSWER("ok:a b"));
    ck_assert_str_eq(post("application/JSON;charset=utf-8", "{\"f\":\"x\"}"), JSON_ANSWER("ok:x"));
    ck_assert_int_eq(atoi(post(NULL, "f=x")), 415);
    ck_assert_int_eq(atoi(post("text/plain", "f=x")), 415);
    ck_assert_int_eq(atoi(post("application/jsonp", "{}")), 415);
    ck_assert_int_eq(atoi(post("multipart/form-data; boundary=x", "f=x")), 415);
    ck_assert_str_eq(post(form, "{\"f\":\"x\"}"), JSON_ANSWER("missing:"));
    fake_close(&f);
}
END_TEST

START_TEST(a_json_body_follows_the_rules_of_messages)
{
    static const char json[] = "application/json";
    char deep[256] = "{\"f\":\"x\",\"d\":";
    requests_open(&f);
    static const char *const bad[] = { "", "x", "[]", "\"f\"", "{\"f\":\"x\"}{}", "{\"f\":\"x\",\"f\":\"x\"}", "{\"f\":\"\xff\"}", "{'f':'x'}" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(atoi(post(json, bad[i])) == 400, "%s", bad[i]);
    for (int levels = 63; levels <= 64; levels++) {
        deep[13] = 0;
        for (int i = 0; i < levels; i++)
            strcat(deep, "[");
        for (int i = 0; i < levels; i++)
            strcat(deep, "]");
        strcat(deep, "}");
        ck_assert_int_eq(atoi(post(json, deep)), levels == 63 ? 200 : 400);
    }
    static char many[30000];
    for (int values = 10000; values <= 10001; values++) {
        char *p = many + sprintf(many, "{\"f\":\"x\",\"d\":[");
        for (int i = 2; i < values; i++)
            p += sprintf(p, "%s1", i > 2 ? "," : "");
        strcpy(p, "]}");
        ck_assert_int_eq(atoi(post(json, many)), values == 10000 ? 200 : 400);
    }
    fake_close(&f);
}
END_TEST

START_TEST(a_field_is_ok_or_missing_or_bad)
{
    static const char form[] = "application/x-www-form-urlencoded", json[] = "application/json";
    static const struct {
        const char *type, *body, *answer;
    } cases[] = {
        { form, "f=12345678", JSON_ANSWER("ok:12345678") },
        { form, "f=123456789", JSON_ANSWER("bad:") },
        { form, "g=1", JSON_ANSWER("missing:") },
        { form, "", JSON_ANSWER("missing:") },
        { form, "f=", JSON_ANSWER("ok:") },
        { form, "f=1&f=2", JSON_ANSWER("bad:") },
        { form, "f=%zz", JSON_ANSWER("bad:") },
        { json, "{\"f\":\"12345678\"}", JSON_ANSWER("ok:12345678") },
        { json, "{\"f\":\"123456789\"}", JSON_ANSWER("bad:") },
        { json, "{\"f\":\"\\u0031\\u0032\\u0033\\u0034\\u0035\\u0036\\u0037\\u0038\"}", JSON_ANSWER("ok:12345678") },
        { json, "{\"f\":\"a\\u0000\"}", JSON_ANSWER("bad:") },
        { json, "{\"f\":\"\\ud800\"}", JSON_ANSWER("bad:") },
        { json, "{\"f\":1}", JSON_ANSWER("bad:") },
        { json, "{\"f\":null}", JSON_ANSWER("bad:") },
        { json, "{\"F\":\"x\"}", JSON_ANSWER("missing:") },
        { json, "{\"f\":\"\"}", JSON_ANSWER("ok:") },
    };
    requests_open(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(strcmp(post(cases[i].type, cases[i].body), cases[i].answer) == 0, "%s: %s", cases[i].body,
                      post(cases[i].type, cases[i].body));
    fake_close(&f);
}
END_TEST

/* --- the real table --- */

START_TEST(pages_and_files_are_where_the_assignment_wants_them)
{
    static const struct {
        const char *path, *page;
    } pages[] = {
        { "/", "index.html" }, { "/register", "register.html" }, { "/login", "login.html" }, { "/test-websocket", "test-websocket.html" },
        { "/drawing-board", "drawing-board.html" }, { "/direct-messaging", "direct-messaging.html" }, { "/chat", "chat.html" },
        { "/video-call", "video-call.html" }, { "/video-call/0123456789abcdef01234567", "video-call-room.html" },
        { "/public/js/x.js", "js/x.js" }, { "/healthz", "ok" },
    };
    char head[256], want[256];
    requests_open(&f);
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", pages[i].path);
        snprintf(want, sizeof want, "] %s", pages[i].page);
        const char *got = asked(&f, route_rows, head, "");
        ck_assert_int_eq(atoi(got), 200);
        ck_assert_str_eq(strchr(got, ']'), want);
    }
    ck_assert_int_eq(atoi(asked(&f, route_rows, "GET /video-call/a/b HTTP/1.1\r\nHost: h\r\n\r\n", "")), 404);
    ck_assert_int_eq(atoi(asked(&f, route_rows, "GET /public/ HTTP/1.1\r\nHost: h\r\n\r\n", "")), 404);
    fake_close(&f);
}
END_TEST

#define SHAKE "GET /websocket HTTP/1.1\r\nHost: h:1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

START_TEST(the_door_to_the_websocket)
{
    char cookie[128], head[512];
    requests_open(&f);
    fake_cookie(&f, "ann", cookie);
    ck_assert_str_eq(asked(&f, route_rows, SHAKE "Sec-WebSocket-Version: 12\r\n\r\n", ""),
                     "426 [Sec-WebSocket-Version: 13,Upgrade: websocket,Connection: Upgrade] This server speaks WebSocket version 13.\n");
    ck_assert_int_eq(atoi(asked(&f, route_rows, "GET /websocket HTTP/1.1\r\nHost: h\r\n\r\n", "")), 400);
    ck_assert_int_eq(atoi(asked(&f, route_rows, SHAKE "Sec-WebSocket-Version: 13\r\nOrigin: http://evil\r\n\r\n", "")), 403);
    ck_assert_int_eq(atoi(asked(&f, route_rows, SHAKE "Sec-WebSocket-Version: 13\r\nSec-Fetch-Site: cross-site\r\n\r\n", "")), 101);
    struct tab *t = ask(&f, route_rows, SHAKE "Sec-WebSocket-Version: 13\r\nOrigin: http://h:1\r\nSec-WebSocket-Protocol: x, parlor.v1\r\n\r\n", "");
    ck_assert_int_eq(last_verdict, HTTP_UPGRADED);
    ck_assert(t->is_v1 && !peer_is_member(t->peer));
    f.app.settings.require_login = true;
    ck_assert_int_eq(atoi(asked(&f, route_rows, SHAKE "Sec-WebSocket-Version: 13\r\n\r\n", "")), 401);
    snprintf(head, sizeof head, SHAKE "Sec-WebSocket-Version: 13\r\n%s\r\n", cookie);
    t = ask(&f, route_rows, head, "");
    ck_assert_int_eq(last_verdict, HTTP_UPGRADED);
    ck_assert(!t->is_v1);
    ck_assert_str_eq(t->peer->person->name, "ann");
    ck_assert_int_eq(atoi(asked(&f, route_rows, "HEAD /websocket HTTP/1.1\r\nHost: h\r\n\r\n", "")), 405);
    fake_close(&f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_row_serves_its_method_and_its_path,
        a_path_is_compared_whole_and_with_case,
        a_method_that_a_path_does_not_have_is_405_with_those_that_it_has,
        a_method_that_nobody_has_is_501_wherever_it_is_sent,
        posts_and_guarded_gets_from_other_sites_are_403,
        guests_get_401_where_members_are_served,
        a_row_that_does_not_ask_who_it_is_is_not_told,
        a_body_is_read_as_its_type_says,
        a_json_body_follows_the_rules_of_messages,
        a_field_is_ok_or_missing_or_bad,
        pages_and_files_are_where_the_assignment_wants_them,
        the_door_to_the_websocket,
    };
    return RUN_TESTS("router", tests);
}
