/* test_chat.c - the public chat: who is told what in which dialect, and what a failing database leaves of it. */
#include "base/run_tests.h"
#include "fake.h"
#include "app/dm.h"
#include "store/stmt.h"

static struct fake f;
static struct tab *ann, *ann_base, *bob, *guest, *guest_v1;

#define FAILED "{'messageType':'error','error':'the server cannot store anything right now'}"
#define UNREAD "{'messageType':'error','error':'the database cannot be read right now'}"
#define STAMP  "'sentAt':1700000000000"
#define BASE   "{'messageType':'chatMessage','username':'%s','comment':'%s'}"
#define V1     "{'messageType':'chatMessage','username':'%s','comment':'%s','id':%d," STAMP
#define WHOLE  "{'messageType':'chat_history','messages':[%s]}"

static void set_up(void)
{
    fake_open(&f);
    ann = fake_tab(&f, "ann", true);
    ann_base = fake_tab(&f, "ann", false);
    bob = fake_tab(&f, "bob", true);
    guest = fake_tab(&f, NULL, false);
    guest_v1 = fake_tab(&f, NULL, true);
}

/* Nobody has got anything that was not read. */
static void tear_down(void)
{
    for (uint32_t i = 0; i < f.tabs.n; i++)
        ck_silent((struct tab *)slots_at(&f.tabs, i));
    fake_close(&f);
}

static void forget(void)
{
    for (uint32_t i = 0; i < f.tabs.n; i++)
        hush(slots_at(&f.tabs, i));
}

static void comment(struct tab *from, const char *text)
{
    say(from, "{'messageType':'chatMessage','comment':'%s'}", text);
}

static void comment_id(struct tab *from, const char *text, const char *client_id)
{
    say(from, "{'messageType':'chatMessage','comment':'%s','clientId':'%s'}", text, client_id);
}

static void ask(struct tab *t, const char *more)
{
    say(t, "{'messageType':'get_chat_history'%s}", more);
}

/* Everything that /chat-history says, after a tick. */
static void ck_page(const char *wanted)
{
    struct tab *t = fake_request(&f, NULL, "GET", "/chat-history", NULL, BYTES(""));
    fake_tick(&f);
    ck_assert_str_eq(answer(t), wanted);
}

static void failing_tick(void)
{
    f.commit_fails = true;
    fake_tick(&f);
    f.commit_fails = false;
}

static int64_t count(const char *sql)
{
    int64_t n = -1;
    ck_ok(db_query_int(f.app.db, sql, &n));
    return n;
}

static void stop_at_never(const char *how)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "CREATE TEMP TRIGGER stop BEFORE INSERT ON main.chat WHEN NEW.comment = 'never'"
             " BEGIN SELECT RAISE(%s, 'stopped'); END",
             how);
    ck_ok(db_exec(f.app.db, sql));
}

/* --- when things go well --- */

START_TEST(everybody_hears_it_after_the_commit_and_nobody_before)
{
    set_up();
    comment(ann, "<hi>");
    ck_silent(ann);
    ck_silent(guest);
    fake_tick(&f);
    ck_heard(ann, V1 "}", "ann", "<hi>", 1);
    ck_heard(bob, V1 "}", "ann", "<hi>", 1);
    ck_heard(guest_v1, V1 "}", "ann", "<hi>", 1);
    ck_heard(ann_base, BASE, "ann", "&lt;hi&gt;");
    ck_heard(guest, BASE, "ann", "&lt;hi&gt;");
    ck_page("200 [{\"username\":\"ann\",\"comment\":\"&lt;hi&gt;\"}]");
    tear_down();
}
END_TEST

START_TEST(a_history_ends_where_it_was_asked_for)
{
    set_up();
    struct tab *page = fake_request(&f, NULL, "GET", "/chat-history", NULL, BYTES(""));
    comment(ann_base, "1");
    ask(guest_v1, "");
    comment(bob, "2");
    fake_tick(&f);
    ck_heard(guest_v1, V1 "}", "ann", "1", 1);
    ck_heard(guest_v1, WHOLE, "{'messageType':'chatMessage','username':'ann','comment':'1','id':1," STAMP "}");
    ck_heard(guest_v1, V1 "}", "bob", "2", 2);
    ck_assert_str_eq(answer(page), "200 []");
    ck_page("200 [{\"username\":\"ann\",\"comment\":\"1\"},{\"username\":\"bob\",\"comment\":\"2\"}]");
    forget();
    tear_down();
}
END_TEST

START_TEST(pages_are_the_newest_or_those_before_an_id)
{
    static const struct {
        const char *more, *messages;
    } cases[] = {
        { ",'limit':2", "45+" },           { ",'beforeId':4,'limit':2", "23+" },
        { ",'beforeId':3,'limit':2", "12" }, { ",'beforeId':4,'limit':200", "123" },
        { ",'beforeId':1", "" },           { ",'beforeId':null,'limit':5", "12345" },
        { ",'beforeId':null,'limit':4", "2345+" }, { ",'beforeId':99", "12345" },
    };

    set_up();
    for (int i = 1; i <= 5; i++) {
        char text[2] = { (char)('0' + i), 0 };
        comment(ann, text);
    }
    fake_tick(&f);
    forget();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char wanted[2048] = "{'messageType':'chat_history','messages':[", before[32] = "null";
        const char *c = cases[i].messages;
        for (; *c && *c != '+'; c++)
            snprintf(wanted + strlen(wanted), 200,
                     "%s{'messageType':'chatMessage','username':'ann','comment':'%c','id':%c," STAMP "}",
                     c == cases[i].messages ? "" : ",", *c, *c);
        sscanf(cases[i].more, ",'beforeId':%31[0-9]", before);
        ask(guest_v1, cases[i].more);
        fake_tick(&f);
        ck_heard(guest_v1, "%s],'hasOlder':%s,'beforeId':%s}", wanted, *c ? "true" : "false", before);
    }
    ask(guest_v1, "");
    fake_tick(&f);
    ck_assert_ptr_null(strstr(heard(guest_v1), "hasOlder"));
    tear_down();
}
END_TEST

START_TEST(a_text_of_every_kind_of_length_is_heard_whole)
{
    static const size_t lengths[] = { 1, 125, 126, 4096, 4097, 16384, 16385, 65535, 65536 };
    char *wanted = calloc(1, TEXT_MAX_BYTES + 16);
    char *text = wanted + strlen(strcpy(wanted, "'comment':'"));

    set_up();
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct tab *all[] = { ann, ann_base, bob, guest, guest_v1 };
        memset(text, 'a' + (int)i, lengths[i]);
        text[lengths[i]] = 0;
        comment(ann_base, text);
        fake_tick(&f);
        text[lengths[i]] = '\'';
        text[lengths[i] + 1] = 0;
        for (int t = 0; t < 5; t++) {
            ck_assert_ptr_nonnull(strstr(heard(all[t]), wanted));
            ck_silent(all[t]);
        }
    }
    memset(text, 'x', TEXT_MAX_BYTES + 1);
    text[TEXT_MAX_BYTES + 1] = 0;
    comment(ann, text);
    fake_tick(&f);
    ck_heard(ann, "{'messageType':'error','error':'comment must have 1 to 65536 bytes'}");
    free(wanted);
    tear_down();
}
END_TEST

START_TEST(what_is_refused_has_written_nothing)
{
    static const char *const bad[] = {
        "{'messageType':'chatMessage'}",
        "{'messageType':'chatMessage','comment':''}",
        "{'messageType':'chatMessage','comment':'\\u0000'}",
        "{'messageType':'chatMessage','comment':'\\udc00'}",
        "{'messageType':'chatMessage','comment':['x']}",
        "{'messageType':'chatMessage','comment':'x','clientId':''}",
        "{'messageType':'chatMessage','comment':'x','clientId':5}",
        "{'messageType':'get_chat_history','limit':0}",
        "{'messageType':'get_chat_history','limit':201}",
        "{'messageType':'get_chat_history','limit':null}",
        "{'messageType':'get_chat_history','beforeId':0}",
        "{'messageType':'get_chat_history','beforeId':'1'}",
    };

    set_up();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        say(ann, "%s", bad[i]);
        ck_assert_msg(!db_in_transaction(f.app.db), "%s", bad[i]);
        fake_tick(&f);
        ck_refused(ann);
        ck_silent(ann);
    }
    comment(guest, "x");
    comment(guest_v1, "x");
    ask(guest, "");
    ask(ann_base, "");
    fake_tick(&f);
    ck_refused(guest);
    ck_refused(guest);
    ck_refused(guest_v1);
    ck_refused(ann_base);
    tear_down();
}
END_TEST

START_TEST(a_client_id_is_stored_once_for_each_user)
{
    set_up();
    comment_id(ann, "first", "one");
    comment_id(ann, "second", "one");
    comment_id(ann_base, "third", "one"); /* the base dialect has none */
    comment_id(bob, "fourth", "one");
    fake_tick(&f); /* ids grow, not always by one: what was there already has used one up */
    ck_heard(ann, V1 ",'clientId':'one'}", "ann", "first", 1);
    ck_heard(ann, V1 ",'clientId':'one'}", "ann", "first", 1);
    ck_heard(ann, V1 "}", "ann", "third", 3);
    ck_heard(ann, V1 ",'clientId':'one'}", "bob", "fourth", 4);
    ck_heard(guest_v1, V1 ",'clientId':'one'}", "ann", "first", 1);
    ck_heard(guest_v1, V1 "}", "ann", "third", 3);
    ck_heard(guest_v1, V1 ",'clientId':'one'}", "bob", "fourth", 4);
    ck_heard(guest, BASE, "ann", "first");
    ck_heard(guest, BASE, "ann", "third");
    ck_heard(guest, BASE, "bob", "fourth");
    ck_silent(guest);
    forget();
    comment_id(ann, "\\u0000", "two");
    fake_tick(&f);
    ck_heard(ann, "{'messageType':'not_sent','clientId':'two'}");
    ck_heard(ann, "{'messageType':'error','error':'comment must not contain U+0000'}");
    tear_down();
}
END_TEST

START_TEST(over_http_it_needs_a_login_only_where_everything_does)
{
    set_up();
    f.app.settings.require_login = true;
    struct tab *nobody = fake_request(&f, NULL, "GET", "/chat-history", NULL, BYTES(""));
    struct tab *cat = fake_request(&f, "cat", "GET", "/chat-history", NULL, BYTES(""));
    fake_tick(&f);
    ck_assert_int_eq(strncmp(answer(nobody), "401 ", 4), 0);
    ck_assert_str_eq(answer(cat), "200 []");
    tear_down();
}
END_TEST

/* --- when the commit fails --- */

START_TEST(a_failed_commit_reaches_writers_as_errors_and_nobody_else)
{
    set_up();
    comment(ann_base, "lost");
    say(guest, "{'messageType':'echo_client','text':'still here'}");
    comment(ann_base, "lost, too");
    failing_tick();
    ck_heard(ann_base, FAILED);
    ck_heard(ann_base, FAILED);
    ck_heard(guest, "{'messageType':'echo_server','text':'still here'}");
    ck_silent(ann);
    ck_silent(bob);
    ck_silent(guest_v1);
    ck_page("200 []");
    comment(ann_base, "again");
    fake_tick(&f);
    ck_heard(guest_v1, V1 "}", "ann", "again", 1);
    ck_page("200 [{\"username\":\"ann\",\"comment\":\"again\"}]");
    forget();
    tear_down();
}
END_TEST

START_TEST(a_failed_commit_uses_up_no_client_id_and_says_not_sent)
{
    set_up();
    comment_id(ann, "lost", "one");
    failing_tick();
    ck_heard(ann, "{'messageType':'not_sent','clientId':'one'}");
    ck_heard(ann, FAILED);
    comment_id(ann, "again", "one");
    fake_tick(&f);
    ck_heard(ann, V1 ",'clientId':'one'}", "ann", "again", 1);
    forget();
    tear_down();
}
END_TEST

/* An answer may report only what is in the database (section 5 of the contract). */
START_TEST(who_reads_in_a_failed_tick_is_told_nothing_of_what_was_lost)
{
    set_up();
    comment(ann, "stored");
    fake_tick(&f);
    forget();
    comment(ann_base, "lost");
    ask(guest_v1, "");
    ask(guest_v1, ",'limit':1");
    struct tab *page = fake_request(&f, NULL, "GET", "/chat-history", NULL, BYTES(""));
    failing_tick();
    ck_heard(ann_base, FAILED);
    ck_assert_str_eq(answer(page), "200 [{\"username\":\"ann\",\"comment\":\"stored\"}]");
    ck_heard(guest_v1, WHOLE, "{'messageType':'chatMessage','username':'ann','comment':'stored','id':1," STAMP "}");
    ck_heard(guest_v1,
             "{'messageType':'chat_history','messages':[" V1 "}],'hasOlder':false,'beforeId':null}",
             "ann", "stored", 1);
    tear_down();
}
END_TEST

/* --- when a statement fails --- */

START_TEST(one_message_that_cannot_be_stored_is_undone_alone)
{
    set_up();
    stop_at_never("ABORT");
    comment(ann, "before");
    comment_id(ann, "never", "one");
    comment(bob, "behind");
    fake_tick(&f);
    ck_heard(ann, V1 "}", "ann", "before", 1);
    ck_heard(ann, "{'messageType':'not_sent','clientId':'one'}");
    ck_heard(ann, FAILED);
    ck_assert_ptr_nonnull(strstr(heard(ann), "'comment':'behind'"));
    ck_heard(guest, BASE, "ann", "before");
    ck_heard(guest, BASE, "bob", "behind");
    ck_silent(guest);
    ck_assert_int_eq(count("SELECT count(*) FROM chat"), 2);
    forget();
    tear_down();
}
END_TEST

START_TEST(a_lost_transaction_takes_everything_that_the_tick_wrote)
{
    set_up();
    stop_at_never("ROLLBACK");
    comment(bob, "before");
    comment(ann_base, "never");
    comment(ann, "behind");
    say(guest, "{'messageType':'echo_client','text':'still here'}");
    fake_tick(&f);
    ck_heard(bob, FAILED);
    ck_heard(ann_base, FAILED);
    ck_heard(ann, FAILED);
    ck_heard(guest, "{'messageType':'echo_server','text':'still here'}");
    ck_silent(guest_v1);
    ck_assert_int_eq(count("SELECT count(*) FROM chat"), 0);
    ck_ok(db_exec(f.app.db, "DROP TRIGGER stop"));
    comment(ann, "later");
    fake_tick(&f);
    ck_heard(guest_v1, V1 "}", "ann", "later", 1);
    forget();
    tear_down();
}
END_TEST

START_TEST(what_cannot_be_read_is_an_error_and_the_next_one_works)
{
    set_up();
    comment(ann, "x");
    fake_tick(&f);
    forget();
    ck_ok(db_exec(f.app.db, "ALTER TABLE chat RENAME TO away"));
    ask(guest_v1, "");
    ask(guest_v1, ",'limit':5");
    comment_id(ann, "y", "one");
    struct tab *page = fake_request(&f, NULL, "GET", "/chat-history", NULL, BYTES(""));
    fake_tick(&f);
    ck_heard(guest_v1, UNREAD);
    ck_heard(guest_v1, UNREAD);
    ck_heard(ann, "{'messageType':'not_sent','clientId':'one'}");
    ck_heard(ann, FAILED);
    ck_assert_int_eq(strncmp(answer(page), "503 ", 4), 0);
    ck_silent(guest);
    ck_ok(db_exec(f.app.db, "ALTER TABLE away RENAME TO chat"));
    ck_page("200 [{\"username\":\"ann\",\"comment\":\"x\"}]");
    ask(guest_v1, ",'limit':5");
    fake_tick(&f);
    ck_heard(guest_v1,
             "{'messageType':'chat_history','messages':[" V1 "}],'hasOlder':false,'beforeId':null}",
             "ann", "x", 1);
    tear_down();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        everybody_hears_it_after_the_commit_and_nobody_before,
        a_history_ends_where_it_was_asked_for,
        pages_are_the_newest_or_those_before_an_id,
        a_text_of_every_kind_of_length_is_heard_whole,
        what_is_refused_has_written_nothing,
        a_client_id_is_stored_once_for_each_user,
        over_http_it_needs_a_login_only_where_everything_does,
        a_failed_commit_reaches_writers_as_errors_and_nobody_else,
        a_failed_commit_uses_up_no_client_id_and_says_not_sent,
        who_reads_in_a_failed_tick_is_told_nothing_of_what_was_lost,
        one_message_that_cannot_be_stored_is_undone_alone,
        a_lost_transaction_takes_everything_that_the_tick_wrote,
        what_cannot_be_read_is_an_error_and_the_next_one_works,
    };
    return RUN_TESTS("svc.chat", tests);
}
