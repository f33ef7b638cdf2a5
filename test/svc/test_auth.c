/* test_auth.c - accounts and sessions, with a password process that answers when the test says so. */
#include "../app/requests.h"
#include "../base/run_tests.h"

static struct fake f;

/* What was asked of the password process and has no answer yet. */
static struct {
    uint64_t ticket;
    bool is_hash, is_nobody;
    char password[160], text[160];
} job;
static int n_jobs;
static bool is_busy;

static enum err ask_hash(void *self, uint64_t ticket, struct bytes password)
{
    (void)self;
    if (is_busy)
        return ERR_BUSY;
    n_jobs++;
    job.ticket = ticket;
    job.is_hash = true;
    snprintf(job.password, sizeof job.password, "%.*s", (int)password.len, password.data);
    return OK;
}

static enum err ask_verify(void *self, uint64_t ticket, struct bytes password, const char *text)
{
    enum err e = ask_hash(self, ticket, password);
    job.is_hash = false;
    job.is_nobody = !text;
    snprintf(job.text, sizeof job.text, "%s", text ? text : "");
    return e;
}

static void open_auth(uint32_t rate)
{
    memset(&f, 0, sizeof f);
    f.app.settings.auth_rate = rate;
    fake_open_at(&f, ":memory:");
    f.app.ports.reply = requests_reply;
    f.app.ports.hash = ask_hash;
    f.app.ports.verify = ask_verify;
    n_jobs = 0;
    is_busy = false;
}

#define FORM "application/x-www-form-urlencoded"
#define JSON "application/json"

static struct tab *post(const char *path, const char *type, const char *body)
{
    char head[1024];
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\nContent-Type: %s\r\n\r\n", path, strlen(body), type);
    return ask(&f, route_rows, head, body);
}

static const char *told(struct tab *t)
{
    fake_tick(&f);
    return answer(t);
}

/* The password process answers: the hash, or whether it matches. */
static void answer_job(bool matches)
{
    auth_on_hashed(&f.app, job.ticket, false, matches, job.is_hash ? "$argon2id$hash" : "");
}

static const char *registered(const char *name)
{
    char body[128];
    snprintf(body, sizeof body, "username=%s&password=password1", name);
    int before = n_jobs;
    struct tab *t = post("/register", FORM, body);
    if (n_jobs > before)
        answer_job(true);
    return told(t);
}

static void log_in(const char *name, char cookie[160])
{
    char body[128];
    snprintf(body, sizeof body, "{\"username\":\"%s\",\"password\":\"password1\"}", name);
    struct tab *t = post("/login", JSON, body);
    answer_job(true);
    const char *text = told(t);
    ck_assert_int_eq(atoi(text), 200);
    const char *token = strstr(text, "auth_token=") + 11;
    snprintf(cookie, 160, "Cookie: auth_token=%.*s\r\n", (int)strcspn(token, ";"), token);
}

static const char *me(const char *cookie)
{
    char head[512];
    snprintf(head, sizeof head, "GET /api/users/@me HTTP/1.1\r\nHost: h\r\n%s\r\n", cookie);
    return asked(&f, route_rows, head, "");
}

/* --- registering --- */

START_TEST(a_user_registers_and_is_told_when_it_is_stored)
{
    open_auth(0);
    struct tab *t = post("/register", FORM, "username=Ann&password=correct+horse%21");
    ck_assert_int_eq(last_verdict, HTTP_LATER);
    ck_assert_int_eq(n_jobs, 1);
    ck_assert(job.is_hash);
    ck_assert_str_eq(job.password, "correct horse!");
    ck_assert_str_eq(told(t), "");
    answer_job(true);
    ck_assert_str_eq(told(t), "201 [Cache-Control: no-store] {\"id\":1,\"username\":\"Ann\"}");
    struct user_row user;
    char text[PASSWORD_HASH_MAX + 1];
    ck_ok(user_store_by_name(&f.app.users, BYTES("ann"), &user, text));
    ck_assert_str_eq(text, "$argon2id$hash");
    fake_close(&f);
}
END_TEST

START_TEST(names_and_passwords_have_their_rules)
{
    static const struct {
        const char *type, *body;
        int status; /* 0: it goes to the password process */
    } cases[] = {
        { FORM, "username=a&password=12345678", 0 },
        { FORM, "username=abcdefghijklmnopqrstuvwxyz_.-AZ0&password=12345678", 0 },
        { FORM, "username=abcdefghijklmnopqrstuvwxyz_.-AZ01&password=12345678", 400 },
        { FORM, "username=&password=12345678", 400 },
        { FORM, "username=a+b&password=12345678", 400 },
        { FORM, "username=a%2Fb&password=12345678", 400 },
        { FORM, "username=%3Cb%3E&password=12345678", 400 },
        { FORM, "username=%C3%A9&password=12345678", 400 },
        { FORM, "username=a%00&password=12345678", 400 },
        { FORM, "username=x1&password=1234567", 400 },
        { FORM, "username=x2&password=%C3%A9%C3%A9%C3%A9%C3%A9", 0 }, /* 8 bytes */
        { FORM, "username=x3&password=1234567%00", 400 },
        { FORM, "username=x4&password=1234567%FF", 400 },
        { FORM, "username=x5", 400 },
        { FORM, "password=12345678", 400 },
        { FORM, "", 400 },
        { FORM, "username=x6&username=x6&password=12345678", 400 },
        { JSON, "{\"username\":\"x7\",\"password\":\"12345678\"}", 0 },
        { JSON, "{\"username\":\"x8\",\"password\":\"1234567\\u0000\"}", 400 },
        { JSON, "{\"username\":\"x9\",\"password\":\"1234567\\ud800\"}", 400 },
        { JSON, "{\"username\":\"xa\",\"password\":12345678}", 400 },
        { JSON, "{\"username\":null,\"password\":\"12345678\"}", 400 },
        { JSON, "{\"username\":\"xb\",\"password\":\"12345678\",\"username\":\"xb\"}", 400 },
        { JSON, "not json", 400 },
        { "text/plain", "username=a&password=12345678", 415 },
    };
    open_auth(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int before = n_jobs;
        struct tab *t = post("/register", cases[i].type, cases[i].body);
        ck_assert_msg((n_jobs > before) == (cases[i].status == 0), "%s", cases[i].body);
        ck_assert_msg(atoi(told(t)) == cases[i].status, "%s: %s", cases[i].body, t->text);
    }
    char body[256] = "username=long&password=";
    memset(body + strlen(body), 'p', 128);
    ck_assert_int_eq(atoi(told(post("/register", FORM, body))), 0);
    strcat(body, "p");
    ck_assert_int_eq(atoi(told(post("/register", FORM, body))), 400);
    fake_close(&f);
}
END_TEST

START_TEST(a_name_is_taken_in_any_case)
{
    open_auth(0);
    ck_assert_int_eq(atoi(registered("Ann")), 201);
    ck_assert_str_eq(registered("aNN"), "409 [] This username is taken.\n");
    ck_assert_int_eq(n_jobs, 1); /* no work is spent on it */
    fake_close(&f);
}
END_TEST

START_TEST(of_two_who_want_a_name_at_once_one_gets_it)
{
    open_auth(0);
    struct tab *a = post("/register", FORM, "username=ann&password=password1");
    uint64_t first = job.ticket;
    struct tab *b = post("/register", FORM, "username=ANN&password=password2");
    answer_job(true); /* the second one's is ready first */
    auth_on_hashed(&f.app, first, false, true, "$argon2id$other");
    fake_tick(&f);
    ck_assert_str_eq(answer(b), "201 [Cache-Control: no-store] {\"id\":1,\"username\":\"ANN\"}");
    ck_assert_str_eq(answer(a), "409 [] This username is taken.\n");
    fake_close(&f);
}
END_TEST

START_TEST(everyone_who_is_there_hears_of_a_new_user_when_it_is_stored)
{
    open_auth(0);
    struct tab *ann = fake_tab(&f, "ann", true);
    f.commit_fails = true;
    struct tab *t = post("/register", FORM, "username=bob&password=password1");
    answer_job(true);
    ck_assert_int_eq(atoi(told(t)), 503);
    ck_silent(ann);
    say(ann, "{'messageType':'get_all_users'}");
    fake_tick(&f);
    const char *all = heard(ann);
    ck_assert_ptr_null(strstr(all, "bob"));
    f.commit_fails = false;
    ck_assert_int_eq(atoi(registered("bob")), 201); /* the name is still free */
    ck_heard(ann, "{'messageType':'user_added','username':'bob'}");
    say(ann, "{'messageType':'get_all_users'}");
    fake_tick(&f);
    ck_assert_ptr_nonnull(strstr(heard(ann), "{'username':'bob'}"));
    fake_close(&f);
}
END_TEST

START_TEST(a_password_process_that_has_too_much_to_do_is_503)
{
    open_auth(0);
    is_busy = true;
    const char *text = told(post("/register", FORM, "username=ann&password=password1"));
    ck_assert_int_eq(atoi(text), 503);
    ck_assert_ptr_nonnull(strstr(text, "Retry-After: "));
    ck_assert_int_eq(atoi(told(post("/login", FORM, "username=ann&password=password1"))), 503);
    fake_close(&f);
}
END_TEST

START_TEST(a_password_process_that_fails_is_503)
{
    open_auth(0);
    struct tab *t = post("/register", FORM, "username=ann&password=password1");
    auth_on_hashed(&f.app, job.ticket, true, false, "");
    ck_assert_int_eq(atoi(told(t)), 503);
    ck_assert_int_eq(atoi(registered("ann")), 201);
    t = post("/login", FORM, "username=ann&password=password1");
    auth_on_hashed(&f.app, job.ticket, true, true, "");
    ck_assert_int_eq(atoi(told(t)), 503);
    ck_assert_ptr_null(strstr(t->text, "Set-Cookie"));
    fake_close(&f);
}
END_TEST

START_TEST(an_answer_counts_once)
{
    open_auth(0);
    struct tab *t = post("/register", FORM, "username=ann&password=password1");
    answer_job(true);
    ck_assert_int_eq(atoi(told(t)), 201);
    answer_job(true);
    auth_on_hashed(&f.app, 0, false, true, "x");
    auth_on_hashed(&f.app, job.ticket + 1, false, true, "x");
    ck_assert_str_eq(told(t), "");
    fake_close(&f);
}
END_TEST

START_TEST(tickets_that_were_never_answered_are_freed)
{
    open_auth(0);
    for (int i = 0; i < 100; i++)
        post(i % 2 ? "/register" : "/login", FORM, "username=ann&password=password1");
    fake_tick(&f);
    fake_close(&f);
}
END_TEST

/* --- logging in --- */

START_TEST(a_login_gives_a_session)
{
    char cookie[160];
    open_auth(0);
    registered("Ann");
    struct tab *t = post("/login", FORM, "username=aNN&password=password1");
    ck_assert(!job.is_hash && !job.is_nobody);
    ck_assert_str_eq(job.text, "$argon2id$hash");
    ck_assert_str_eq(job.password, "password1");
    answer_job(true);
    const char *text = told(t);
    ck_assert_mem_eq(text, "200 [", 5);
    ck_assert_ptr_nonnull(strstr(text, "{\"id\":1,\"username\":\"Ann\"}")); /* the registered spelling */
    const char *set = strstr(text, "Set-Cookie: auth_token=");
    ck_assert_ptr_nonnull(set);
    ck_assert_uint_eq(strcspn(set + 23, ";"), 64);
    ck_assert_mem_eq(set + 23 + 64, "; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000]", 50);
    snprintf(cookie, sizeof cookie, "Cookie: auth_token=%.64s\r\n", set + 23);
    ck_assert_str_eq(me(cookie), "200 [Cache-Control: no-store] {\"id\":1,\"username\":\"Ann\"}");
    ck_assert_str_eq(me(""), "401 [Cache-Control: no-store] {}");
    f.app.wall_ms += INT64_C(30) * 24 * 3600 * 1000 - 1;
    ck_assert_int_eq(atoi(me(cookie)), 200);
    f.app.wall_ms += 1;
    ck_assert_int_eq(atoi(me(cookie)), 401);
    fake_close(&f);
}
END_TEST

START_TEST(every_login_has_a_token_of_its_own)
{
    char a[160], b[160];
    open_auth(0);
    registered("ann");
    log_in("ann", a);
    log_in("ann", b);
    ck_assert_str_ne(a, b);
    ck_assert_int_eq(atoi(me(a)), 200);
    ck_assert_int_eq(atoi(me(b)), 200);
    fake_close(&f);
}
END_TEST

START_TEST(behind_tls_the_cookie_is_secure)
{
    open_auth(0);
    f.app.settings.secure_cookies = true;
    registered("ann");
    struct tab *t = post("/login", FORM, "username=ann&password=password1");
    answer_job(true);
    ck_assert_ptr_nonnull(strstr(told(t), "; Secure"));
    ck_assert_ptr_nonnull(strstr(asked(&f, route_rows, "POST /logout HTTP/1.1\r\nHost: h\r\n\r\n", ""), "Max-Age=0; Secure"));
    fake_close(&f);
}
END_TEST

START_TEST(every_failed_login_has_one_and_the_same_sentence)
{
    char wrong[128];
    open_auth(0);
    registered("ann");
    struct tab *t = post("/login", FORM, "username=ann&password=password2");
    answer_job(false);
    snprintf(wrong, sizeof wrong, "%s", told(t));
    ck_assert_mem_eq(wrong, "400 [] ", 7);
    t = post("/login", FORM, "username=nobody&password=password1");
    ck_assert(job.is_nobody); /* as much work as for somebody */
    answer_job(false);
    ck_assert_str_eq(told(t), wrong);
    t = post("/login", FORM, "username=nobody&password=password1");
    answer_job(true); /* whatever the process says */
    ck_assert_str_eq(told(t), wrong);
    static const char *const impossible[] = { "username=a+b&password=password1", "username=ann&password=short", "username=ann&password=%00%00%00%00%00%00%00%00" };
    for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++)
        ck_assert_str_eq(told(post("/login", FORM, impossible[i])), wrong);
    fake_close(&f);
}
END_TEST

START_TEST(a_session_whose_commit_fails_is_none)
{
    char cookie[160];
    open_auth(0);
    registered("ann");
    f.commit_fails = true;
    struct tab *t = post("/login", FORM, "username=ann&password=password1");
    answer_job(true);
    ck_assert_str_eq(told(t), "503 ");
    f.commit_fails = false;
    log_in("ann", cookie);
    ck_assert_int_eq(atoi(me(cookie)), 200);
    fake_close(&f);
}
END_TEST

/* --- logging out --- */

static const char *log_out(const char *method, const char *cookie)
{
    char head[512];
    snprintf(head, sizeof head, "%s /logout HTTP/1.1\r\nHost: h\r\n%s\r\n", method, cookie);
    return asked(&f, route_rows, head, "");
}

/* An open WebSocket of the session in the cookie. */
static struct tab *socket_of(const char *cookie)
{
    char head[512];
    snprintf(head, sizeof head, "GET /websocket HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", cookie);
    struct tab *t = ask(&f, route_rows, head, "");
    ck_assert_int_eq(last_verdict, HTTP_UPGRADED);
    return t;
}

START_TEST(logging_out_ends_the_session_and_its_sockets_and_no_others)
{
    char one[160], two[160];
    static const char bye[] = "302 [Location: /,Set-Cookie: auth_token=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0] ";
    open_auth(0);
    registered("ann");
    log_in("ann", one);
    log_in("ann", two);
    struct tab *a = socket_of(one), *b = socket_of(one), *c = socket_of(two), *guest = socket_of("");
    fake_tick(&f);
    ck_assert_str_eq(log_out("GET", one), bye);
    ck_assert_int_eq(a->finish_code, 1008);
    ck_assert_int_eq(b->finish_code, 1008);
    ck_assert_int_eq(c->finish_code, -1);
    ck_assert_int_eq(guest->finish_code, -1);
    ck_assert_int_eq(atoi(me(one)), 401);
    ck_assert_int_eq(atoi(me(two)), 200);
    ck_assert_str_eq(log_out("POST", two), bye);
    ck_assert_int_eq(c->finish_code, 1008);
    ck_assert_str_eq(log_out("POST", two), bye); /* once more does no harm */
    ck_assert_str_eq(log_out("GET", ""), bye);
    ck_assert_int_eq(guest->finish_code, -1);
    fake_close(&f);
}
END_TEST

START_TEST(a_logout_whose_commit_fails_ends_nothing)
{
    char cookie[160];
    open_auth(0);
    registered("ann");
    log_in("ann", cookie);
    struct tab *t = socket_of(cookie);
    fake_tick(&f);
    f.commit_fails = true;
    ck_assert_str_eq(log_out("POST", cookie), "503 ");
    f.commit_fails = false;
    ck_assert_int_eq(t->finish_code, -1);
    ck_assert_int_eq(atoi(me(cookie)), 200);
    fake_close(&f);
}
END_TEST

START_TEST(a_socket_that_opens_in_the_tick_of_its_logout_is_closed)
{
    char cookie[160], head[512];
    open_auth(0);
    registered("ann");
    log_in("ann", cookie);
    struct tab *t = socket_of(cookie);
    snprintf(head, sizeof head, "POST /logout HTTP/1.1\r\nHost: h\r\n%s\r\n", cookie);
    ask(&f, route_rows, head, "");
    struct tab *late = socket_of(cookie); /* behind the logout: a guest */
    fake_tick(&f);
    ck_assert_int_eq(t->finish_code, 1008);
    ck_assert(!peer_is_member(late->peer));
    ck_assert_int_eq(late->finish_code, -1);
    fake_close(&f);
}
END_TEST

START_TEST(other_sites_cannot_log_anybody_in_or_out)
{
    char cookie[160], head[512];
    open_auth(0);
    registered("ann");
    log_in("ann", cookie);
    static const char *const lines[] = { "GET /logout", "POST /logout", "POST /login", "POST /register" };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(head, sizeof head, "%s HTTP/1.1\r\nHost: h\r\nOrigin: http://evil.example\r\n%s\r\n", lines[i], cookie);
        ck_assert_int_eq(atoi(asked(&f, route_rows, head, "")), 403);
    }
    ck_assert_int_eq(atoi(me(cookie)), 200);
    fake_close(&f);
}
END_TEST

/* --- rate --- */

START_TEST(every_try_counts_and_a_minute_has_so_many)
{
    open_auth(5);
    ck_assert_int_eq(atoi(registered("ann")), 201);
    struct tab *t = post("/login", FORM, "username=ann&password=password1");
    answer_job(true);
    ck_assert_int_eq(atoi(told(t)), 200);
    ck_assert_int_eq(atoi(told(post("/login", FORM, "username=a+b&password=password1"))), 400);
    ck_assert_int_eq(atoi(told(post("/register", FORM, "username=a+b&password=password1"))), 400); /* is not well-formed */
    ck_assert_int_eq(atoi(told(post("/register", FORM, "username=ann"))), 400);
    ck_assert_int_eq(atoi(registered("ann")), 409);
    post("/login", FORM, "username=ann&password=password1");
    int before = n_jobs;
    const char *text = told(post("/login", FORM, "username=ann&password=password1"));
    ck_assert_int_eq(atoi(text), 429);
    ck_assert_int_eq(atoi(strstr(text, "Retry-After: ") + 13), 12);
    ck_assert_int_eq(atoi(told(post("/register", FORM, "username=bob&password=password1"))), 429);
    ck_assert_int_eq(n_jobs, before);
    f.app.now_ms += 12000;
    ck_assert_int_eq(atoi(registered("bob")), 201);
    ck_assert_int_eq(atoi(told(post("/login", FORM, "username=bob&password=password1"))), 429);
    fake_close(&f);
}
END_TEST

/* --- sweeping --- */

START_TEST(expired_sessions_are_swept_and_others_stay)
{
    char cookie[160];
    uint8_t hash[SESSION_HASH_LEN] = { 1 };
    struct session_row row;
    open_auth(0);
    registered("ann");
    log_in("ann", cookie);
    const struct session_row old = { 1, FAKE_NOW - 10, FAKE_NOW };
    ck_ok(session_store_insert(&f.app.sessions, hash, &old));
    ck_ok(session_store_find(&f.app.sessions, hash, FAKE_NOW - 1, &row));
    auth_sweep(&f.app);
    fake_tick(&f);
    ck_assert_int_eq(session_store_find(&f.app.sessions, hash, FAKE_NOW - 1, &row), ERR_NOT_FOUND);
    ck_assert_int_eq(atoi(me(cookie)), 200);
    f.commit_fails = true; /* nobody is told when a sweep fails */
    auth_sweep(&f.app);
    fake_tick(&f);
    fake_close(&f);
}
END_TEST

START_TEST(a_sweep_says_when_there_may_be_more)
{
    uint8_t hash[SESSION_HASH_LEN] = { 0 };
    const struct session_row old = { 1, FAKE_NOW - 10, FAKE_NOW };
    open_auth(0);
    registered("ann");
    for (int i = 0; i < 1001; i++) {
        memcpy(hash, &i, sizeof i);
        ck_ok(session_store_insert(&f.app.sessions, hash, &old));
    }
    ck_assert(auth_sweep(&f.app));
    fake_tick(&f);
    ck_assert(!auth_sweep(&f.app));
    fake_tick(&f);
    ck_assert(!auth_sweep(&f.app));
    fake_tick(&f);
    fake_close(&f);
}
END_TEST

START_TEST(a_session_that_expires_takes_its_sockets_along)
{
    char old[160], fresh[160];
    open_auth(0);
    registered("ann");
    log_in("ann", old);
    f.app.wall_ms += 1;
    log_in("ann", fresh);
    struct tab *ends = socket_of(old), *stays = socket_of(fresh);
    fake_tick(&f);
    f.app.wall_ms += 30 * INT64_C(86400000) - 1; /* the first millisecond without the older one */
    f.commit_fails = true;
    auth_sweep(&f.app);
    fake_tick(&f);
    ck_assert_int_eq(ends->finish_code, -1); /* it is still in the database */
    f.commit_fails = false;
    auth_sweep(&f.app);
    fake_tick(&f);
    ck_assert_int_eq(ends->finish_code, 1008);
    ck_assert_int_eq(stays->finish_code, -1);
    ck_assert_int_eq(atoi(me(fresh)), 200);
    fake_close(&f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_user_registers_and_is_told_when_it_is_stored,
        names_and_passwords_have_their_rules,
        a_name_is_taken_in_any_case,
        of_two_who_want_a_name_at_once_one_gets_it,
        everyone_who_is_there_hears_of_a_new_user_when_it_is_stored,
        a_password_process_that_has_too_much_to_do_is_503,
        a_password_process_that_fails_is_503,
        an_answer_counts_once,
        tickets_that_were_never_answered_are_freed,
        a_login_gives_a_session,
        every_login_has_a_token_of_its_own,
        behind_tls_the_cookie_is_secure,
        every_failed_login_has_one_and_the_same_sentence,
        a_session_whose_commit_fails_is_none,
        logging_out_ends_the_session_and_its_sockets_and_no_others,
        a_logout_whose_commit_fails_ends_nothing,
        a_socket_that_opens_in_the_tick_of_its_logout_is_closed,
        other_sites_cannot_log_anybody_in_or_out,
        every_try_counts_and_a_minute_has_so_many,
        expired_sessions_are_swept_and_others_stay,
        a_sweep_says_when_there_may_be_more,
        a_session_that_expires_takes_its_sockets_along,
    };
    return RUN_TESTS("auth", tests);
}
