/* test_dm.c - direct messages: what each connection is told when things go well, and when the database does not. */
#include "base/run_tests.h"
#include "fake.h"
#include "app/dm.h"
#include "store/stmt.h"

static struct fake f;
static struct tab *ann, *ann_base, *bob, *bob_base, *cat, *guest, *guest_v1;

#define FAILED  "{'messageType':'error','error':'the server cannot store anything right now'}"
#define UNREAD  "{'messageType':'error','error':'the database cannot be read right now'}"
#define NO_USER "{'messageType':'error','error':'there is no such user'}"
#define STAMP   "'sentAt':1700000000000"
#define BASE    "{'messageType':'direct_message','fromUser':'%s','text':'%s'}"
#define V1      "{'messageType':'direct_message','fromUser':'%s','toUser':'%s','text':'%s','id':%d," STAMP
#define HISTORY "{'messageType':'message_history','messages':[%s]}"

static void set_up(void)
{
    fake_open(&f);
    ann = fake_tab(&f, "ann", true);
    ann_base = fake_tab(&f, "ann", false);
    bob = fake_tab(&f, "bob", true);
    bob_base = fake_tab(&f, "bob", false);
    cat = fake_tab(&f, "cat", true);
    guest = fake_tab(&f, NULL, false);
    guest_v1 = fake_tab(&f, NULL, true);
}

/* Nobody has got anything that was not read, and those who have no part in it never got anything. */
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

static void send_dm(struct tab *from, const char *to, const char *text)
{
    say(from, "{'messageType':'direct_message','targetUser':'%s','text':'%s'}", to, text);
}

static void send_id(struct tab *from, const char *to, const char *text, const char *client_id)
{
    say(from, "{'messageType':'direct_message','targetUser':'%s','text':'%s','clientId':'%s'}", to,
        text, client_id);
}

static void select_user(struct tab *t, const char *other)
{
    say(t, "{'messageType':'select_user','targetUser':'%s'}", other);
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

/* A rule of the database that stops whatever has this text, in the way that is named. */
static void stop_at(const char *table, const char *when, const char *how)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "CREATE TEMP TRIGGER stop BEFORE INSERT ON main.%s WHEN %s"
             " BEGIN SELECT RAISE(%s, 'stopped'); END",
             table, when, how);
    ck_ok(db_exec(f.app.db, sql));
}

/* --- when things go well --- */

START_TEST(nobody_hears_anything_before_the_commit)
{
    set_up();
    send_dm(ann, "BOB", "hi");
    select_user(bob_base, "ann");
    ck_silent(ann);
    ck_silent(bob);
    ck_silent(bob_base);
    fake_tick(&f);
    ck_heard(ann, V1 "}", "ann", "bob", "hi", 1);
    ck_heard(ann_base, BASE, "ann", "hi");
    ck_heard(bob, V1 ",'unread':1}", "ann", "bob", "hi", 1);
    ck_heard(bob_base, BASE, "ann", "hi");
    ck_heard(bob_base, HISTORY, "{'messageType':'direct_message','fromUser':'ann','text':'hi'}");
    tear_down();
}
END_TEST

START_TEST(to_oneself_once_in_each_tab_and_never_unread)
{
    set_up();
    send_dm(ann, "ann", "note");
    fake_tick(&f);
    ck_heard(ann, V1 "}", "ann", "ann", "note", 1);
    ck_heard(ann_base, BASE, "ann", "note");
    ck_silent(ann);
    select_user(ann, "ann");
    fake_tick(&f);
    ck_heard(ann,
             "{'messageType':'message_history','withUser':'ann','messages':[" V1 "}]}", "ann",
             "ann", "note", 1);
    tear_down();
}
END_TEST

START_TEST(what_two_say_in_one_tick_has_one_order_everywhere)
{
    struct tab *all[4];
    char texts[8][16];

    set_up();
    all[0] = ann, all[1] = ann_base, all[2] = bob, all[3] = bob_base;
    for (int i = 0; i < 8; i++) {
        snprintf(texts[i], sizeof texts[i], "%c%d", "bBaA"[i % 4], i);
        send_dm(all[3 - i % 4], i % 4 < 2 ? "ann" : "bob", texts[i]);
    }
    fake_tick(&f);
    for (int t = 0; t < 4; t++)
        for (int i = 0; i < 8; i++)
            ck_assert_ptr_nonnull(strstr(heard(all[t]), texts[i]));
    select_user(ann_base, "bob");
    fake_tick(&f);
    const char *p = heard(ann_base);
    for (int i = 0; i < 8; i++)
        ck_assert_ptr_nonnull(p = strstr(p, texts[i]));
    tear_down();
}
END_TEST

START_TEST(a_history_ends_where_it_was_asked_for)
{
    set_up();
    fake_lose(ann);
    fake_lose(bob);
    fake_lose(bob_base);
    send_dm(ann_base, "bob", "1");
    select_user(ann_base, "bob");
    send_dm(ann_base, "bob", "2");
    fake_tick(&f);
    ck_heard(ann_base, BASE, "ann", "1");
    ck_heard(ann_base, HISTORY, "{'messageType':'direct_message','fromUser':'ann','text':'1'}");
    ck_heard(ann_base, BASE, "ann", "2");
    tear_down();
}
END_TEST

/* Long ones are shared by the tabs, and go another way than short ones. */
START_TEST(texts_of_every_length_reach_every_tab_once)
{
    static const size_t lengths[] = { 1, 125, 126, 4000, 4096, 4097, 16000, 16384, 16385, 65535, 65536 };
    char *wanted = calloc(1, TEXT_MAX_BYTES + 16);
    char *text = wanted + strlen(strcpy(wanted, "'text':'"));

    set_up();
    struct tab *more = fake_tab(&f, "bob", true);
    struct tab *more_base = fake_tab(&f, "bob", false);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct tab *all[] = { ann, ann_base, bob, bob_base, more, more_base };
        memset(text, 'a' + (int)i, lengths[i]);
        text[lengths[i]] = 0;
        send_dm(ann, "bob", text);
        fake_tick(&f);
        text[lengths[i]] = '\'';
        text[lengths[i] + 1] = 0;
        for (int t = 0; t < 6; t++) {
            ck_assert_ptr_nonnull(strstr(heard(all[t]), wanted));
            ck_silent(all[t]);
        }
    }
    memset(text, 'x', TEXT_MAX_BYTES + 1);
    text[TEXT_MAX_BYTES + 1] = 0;
    send_dm(ann, "bob", text);
    fake_tick(&f);
    ck_heard(ann, "{'messageType':'error','error':'text must have 1 to 65536 bytes'}");
    free(wanted);
    tear_down();
}
END_TEST

START_TEST(the_base_dialect_is_html_and_v1_is_not)
{
    set_up();
    send_dm(ann, "bob", "<&>\\\"\\u0027");
    fake_tick(&f);
    ck_heard(ann_base, BASE, "ann", "&lt;&amp;&gt;&quot;&#x27;");
    ck_heard(bob_base, BASE, "ann", "&lt;&amp;&gt;&quot;&#x27;");
    ck_heard(bob, V1 ",'unread':1}", "ann", "bob", "<&>\\''", 1);
    hush(ann);
    tear_down();
}
END_TEST

START_TEST(guests_and_the_base_dialect_are_refused_what_is_not_theirs)
{
    static const char *const added[] = {
        "{'messageType':'get_conversations'}",
        "{'messageType':'get_messages','withUser':'ann'}",
        "{'messageType':'mark_read','withUser':'ann','upToId':1}",
        "{'messageType':'typing','targetUser':'ann','isTyping':true}",
    };
    static const char *const all[] = {
        "{'messageType':'get_all_users'}",
        "{'messageType':'select_user','targetUser':'ann'}",
        "{'messageType':'direct_message','targetUser':'ann','text':'x'}",
    };

    set_up();
    for (int i = 0; i < 4; i++) {
        say(bob_base, "%s", added[i]);
        say(guest, "%s", added[i]);
        say(guest_v1, "%s", added[i]);
    }
    for (int i = 0; i < 3; i++) {
        say(guest, "%s", all[i]);
        say(guest_v1, "%s", all[i]);
    }
    ck_assert(!db_in_transaction(f.app.db));
    fake_tick(&f);
    for (int i = 0; i < 4; i++)
        ck_heard(bob_base, "{'messageType':'error','error':'messageType is not one that this server knows'}");
    for (int i = 0; i < 7; i++) {
        ck_refused(guest);
        ck_refused(guest_v1);
    }
    tear_down();
}
END_TEST

START_TEST(what_is_refused_has_written_nothing)
{
    static const char *const bad[] = {
        "{'messageType':'direct_message','targetUser':'nobody','text':'x'}",
        "{'messageType':'direct_message','targetUser':'bob','text':''}",
        "{'messageType':'direct_message','targetUser':'bob','text':'\\u0000'}",
        "{'messageType':'direct_message','targetUser':'bob','text':'\\ud800'}",
        "{'messageType':'direct_message','targetUser':'bob','text':1}",
        "{'messageType':'direct_message','targetUser':1,'text':'x'}",
        "{'messageType':'direct_message','targetUser':'bob'}",
        "{'messageType':'direct_message','targetUser':'bob','text':'x','clientId':'a b'}",
        "{'messageType':'direct_message','targetUser':'bob','text':'x','clientId':null}",
        "{'messageType':'get_messages','withUser':'bob','limit':0}",
        "{'messageType':'get_messages','withUser':'bob','limit':201}",
        "{'messageType':'get_messages','withUser':'bob','beforeId':0}",
        "{'messageType':'mark_read','withUser':'bob'}",
        "{'messageType':'mark_read','withUser':'bob','upToId':-1}",
        "{'messageType':'typing','targetUser':'bob'}",
        "{'messageType':'typing','targetUser':'bob','isTyping':1}",
        "{'messageType':'select_user'}",
    };

    set_up();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        say(ann, "%s", bad[i]);
        ck_assert_msg(!db_in_transaction(f.app.db), "%s", bad[i]);
        fake_tick(&f);
        ck_refused(ann);
        ck_silent(ann);
    }
    tear_down();
}
END_TEST

/* --- clientId --- */

START_TEST(a_client_id_is_stored_once)
{
    set_up();
    send_id(ann, "bob", "first", "one");
    send_id(ann, "bob", "second", "one");
    fake_tick(&f);
    for (int i = 0; i < 2; i++)
        ck_heard(ann, V1 ",'clientId':'one'}", "ann", "bob", "first", 1);
    ck_heard(ann_base, BASE, "ann", "first");
    ck_heard(bob, V1 ",'unread':1}", "ann", "bob", "first", 1);
    ck_heard(bob_base, BASE, "ann", "first");
    fake_wait(&f, 5000);
    struct tab *other = fake_tab(&f, "ann", true);
    send_id(other, "BOB", "third", "one");
    fake_tick(&f);
    ck_heard(other, V1 ",'clientId':'one'}", "ann", "bob", "first", 1);
    ck_assert_int_eq(count("SELECT count(*) FROM dms"), 1);
    tear_down();
}
END_TEST

START_TEST(a_client_id_belongs_to_its_user_and_target)
{
    set_up();
    send_id(ann, "bob", "x", "one");
    send_id(bob, "ann", "y", "one");
    send_id(ann_base, "bob", "z", "one"); /* the base dialect has none */
    send_id(ann, "cat", "x", "one");
    send_id(ann, "cat", "w", "two");
    fake_tick(&f);
    ck_assert_int_eq(count("SELECT count(*) FROM dms"), 4);
    ck_heard(ann, V1 ",'clientId':'one'}", "ann", "bob", "x", 1);
    ck_heard(ann, V1 ",'unread':1}", "bob", "ann", "y", 2);
    ck_heard(ann, V1 "}", "ann", "bob", "z", 3);
    ck_heard(ann, "{'messageType':'not_sent','clientId':'one'}");
    ck_heard(ann, "{'messageType':'error','error':'this clientId was used for another message'}");
    ck_heard(ann, V1 ",'clientId':'two'}", "ann", "cat", "w", 4);
    ck_heard(cat, V1 ",'unread':1}", "ann", "cat", "w", 4);
    hush(ann_base);
    hush(bob);
    hush(bob_base);
    tear_down();
}
END_TEST

/* --- reading --- */

START_TEST(unread_is_counted_and_read_never_backwards)
{
    static const int steps[][3] = { { 2, 2, 1 }, { 1, 2, 1 }, { 0, 2, 1 }, { 99, 3, 0 } };

    set_up();
    for (int i = 0; i < 3; i++)
        send_dm(ann_base, "bob", "x");
    fake_tick(&f);
    for (int i = 1; i <= 3; i++)
        ck_heard(bob, V1 ",'unread':%d}", "ann", "bob", "x", i, i);
    forget();
    struct tab *other = fake_tab(&f, "bob", true);
    for (int i = 0; i < 4; i++) {
        say(bob, "{'messageType':'mark_read','withUser':'ANN','upToId':%d}", steps[i][0]);
        fake_tick(&f);
        ck_heard(bob, "{'messageType':'read_state','withUser':'ann','readUpTo':%d,'unread':%d}",
                 steps[i][1], steps[i][2]);
        ck_assert_str_eq(heard(other), bob->text);
    }
    say(bob, "{'messageType':'get_messages','withUser':'ann','limit':1}");
    say(bob, "{'messageType':'get_conversations'}");
    fake_tick(&f);
    ck_heard(bob,
             "{'messageType':'message_page','withUser':'ann','beforeId':null,'messages':[" V1
             "}],'hasOlder':true,'readUpTo':3,'unread':0}",
             "ann", "bob", "x", 3);
    ck_heard(bob, "{'messageType':'conversation_list','conversations':[{'username':'ann','unread':0,"
                  "'readUpTo':3,'lastId':3,'lastAt':1700000000000,'lastFrom':'ann','preview':'x'}]}");
    tear_down();
}
END_TEST

START_TEST(typing_writes_nothing_and_reaches_the_other_one_in_v1_alone)
{
    set_up();
    struct tab *other = fake_tab(&f, "bob", true);
    say(ann, "{'messageType':'typing','targetUser':'Bob','isTyping':true}");
    say(ann, "{'messageType':'typing','targetUser':'cat','isTyping':false}");
    ck_assert(!db_in_transaction(f.app.db));
    fake_tick(&f);
    ck_heard(bob, "{'messageType':'typing','fromUser':'ann','isTyping':true}");
    ck_heard(other, "{'messageType':'typing','fromUser':'ann','isTyping':true}");
    ck_heard(cat, "{'messageType':'typing','fromUser':'ann','isTyping':false}");
    tear_down();
}
END_TEST

START_TEST(a_message_in_a_users_name_is_one_of_theirs)
{
    set_up();
    ck_ok(app_write_begin(&f.app, ann->conn, WRITE_SYNCED));
    ck_ok(app_dm_send(&f.app, fake_user(&f, "ann"), BYTES("ann"), fake_user(&f, "bob"), BYTES("bob"),
                      BYTES("Missed call: Tea\n/video-call/1")));
    ck_ok(app_write_end(&f.app, WRITE_SYNCED, true));
    fake_tick(&f);
    ck_heard(ann, V1 "}", "ann", "bob", "Missed call: Tea\\n/video-call/1", 1);
    ck_heard(ann_base, BASE, "ann", "Missed call: Tea\\n/video-call/1");
    ck_heard(bob, V1 ",'unread':1}", "ann", "bob", "Missed call: Tea\\n/video-call/1", 1);
    ck_heard(bob_base, BASE, "ann", "Missed call: Tea\\n/video-call/1");
    tear_down();
}
END_TEST

/* --- when the commit fails --- */

START_TEST(a_failed_commit_reaches_writers_as_errors_and_nobody_else)
{
    set_up();
    send_dm(ann_base, "bob", "lost");
    say(cat, "{'messageType':'echo_client','text':'still here'}");
    send_dm(bob_base, "ann", "lost, too");
    say(ann, "{'messageType':'typing','targetUser':'cat','isTyping':true}");
    failing_tick();
    ck_heard(ann_base, FAILED);
    ck_heard(bob_base, FAILED);
    ck_heard(cat, "{'messageType':'echo_server','text':'still here'}");
    ck_heard(cat, "{'messageType':'typing','fromUser':'ann','isTyping':true}");
    ck_silent(ann);
    ck_silent(bob);
    ck_assert_int_eq(count("SELECT count(*) FROM dms"), 0);
    ck_assert_int_eq(count("SELECT count(*) FROM dm_sides"), 0);
    send_dm(ann_base, "bob", "again");
    fake_tick(&f);
    ck_heard(bob, V1 ",'unread':1}", "ann", "bob", "again", 1);
    ck_heard(ann_base, BASE, "ann", "again");
    ck_silent(ann_base);
    forget();
    tear_down();
}
END_TEST

START_TEST(a_failed_commit_uses_up_no_client_id_and_says_not_sent)
{
    set_up();
    send_id(ann, "bob", "lost", "one");
    failing_tick();
    ck_heard(ann, "{'messageType':'not_sent','clientId':'one'}");
    ck_heard(ann, FAILED);
    send_id(ann, "bob", "again", "one");
    fake_tick(&f);
    ck_heard(ann, V1 ",'clientId':'one'}", "ann", "bob", "again", 1);
    forget();
    tear_down();
}
END_TEST

START_TEST(a_resend_in_a_failed_tick_is_an_error_and_finds_its_message_later)
{
    set_up();
    send_id(ann, "bob", "stored", "one");
    fake_tick(&f);
    forget();
    send_id(ann, "bob", "again", "one");
    failing_tick();
    while (*heard(ann))
        ck_assert_ptr_null(strstr(ann->text, "stored"));
    send_id(ann, "bob", "again", "one");
    fake_tick(&f);
    ck_heard(ann, V1 ",'clientId':'one'}", "ann", "bob", "stored", 1);
    tear_down();
}
END_TEST

START_TEST(what_was_read_in_a_failed_tick_is_unread_and_told_nobody)
{
    set_up();
    send_dm(ann, "bob", "x");
    fake_tick(&f);
    forget();
    say(bob, "{'messageType':'mark_read','withUser':'ann','upToId':1}");
    failing_tick();
    ck_heard(bob, FAILED);
    say(bob, "{'messageType':'mark_read','withUser':'ann','upToId':0}");
    fake_tick(&f);
    ck_heard(bob, "{'messageType':'read_state','withUser':'ann','readUpTo':0,'unread':1}");
    tear_down();
}
END_TEST

/* An answer may report only what is in the database (section 5 of the contract). */
START_TEST(who_reads_in_a_failed_tick_is_told_nothing_of_what_was_lost)
{
    set_up();
    send_dm(ann, "bob", "stored");
    fake_tick(&f);
    forget();
    send_dm(ann_base, "bob", "lost");
    say(bob, "{'messageType':'get_messages','withUser':'ann','limit':1}");
    say(bob, "{'messageType':'get_conversations'}");
    select_user(bob_base, "ann");
    failing_tick();
    ck_heard(ann_base, FAILED);
    ck_heard(bob,
             "{'messageType':'message_page','withUser':'ann','beforeId':null,'messages':[" V1
             "}],'hasOlder':false,'readUpTo':0,'unread':1}",
             "ann", "bob", "stored", 1);
    ck_assert_ptr_nonnull(strstr(heard(bob), "'unread':1,'readUpTo':0,'lastId':1,"));
    ck_heard(bob_base, HISTORY, "{'messageType':'direct_message','fromUser':'ann','text':'stored'}");
    tear_down();
}
END_TEST

/* --- when a statement fails --- */

START_TEST(one_message_that_cannot_be_stored_is_undone_alone)
{
    set_up();
    /* The message itself is stored by then, and the sender's side, too. */
    stop_at("dm_sides", "NEW.user_id = (SELECT id FROM users WHERE username = 'cat')", "ABORT");
    send_dm(ann, "bob", "before");
    send_id(ann, "cat", "never", "one");
    send_dm(bob, "ann", "behind");
    fake_tick(&f);
    ck_heard(ann, V1 "}", "ann", "bob", "before", 1);
    ck_heard(ann, "{'messageType':'not_sent','clientId':'one'}");
    ck_heard(ann, FAILED);
    const char *behind = heard(ann);
    ck_assert_ptr_nonnull(strstr(behind, "'text':'behind'"));
    ck_assert_int_eq(count("SELECT count(*) FROM dms"), 2);
    ck_assert_int_eq(count("SELECT count(*) FROM dm_sides"), 2);
    ck_assert_int_eq(count("SELECT count(*) FROM dms WHERE text = 'never'"), 0);
    forget();
    ck_ok(db_exec(f.app.db, "DROP TRIGGER stop"));
    send_id(ann, "cat", "now", "one");
    fake_tick(&f);
    ck_assert_ptr_nonnull(strstr(heard(ann), "'text':'now'"));
    ck_assert_ptr_nonnull(strstr(heard(cat), "'text':'now'"));
    ck_assert_ptr_nonnull(strstr(cat->text, "'unread':1}"));
    forget();
    tear_down();
}
END_TEST

START_TEST(a_lost_transaction_takes_everything_that_the_tick_wrote)
{
    set_up();
    stop_at("dms", "NEW.text = 'never'", "ROLLBACK");
    send_dm(bob_base, "ann", "before");
    send_dm(ann_base, "bob", "never");
    send_dm(cat, "ann", "behind");
    say(guest, "{'messageType':'echo_client','text':'still here'}");
    select_user(cat, "ann");
    fake_tick(&f);
    ck_heard(bob_base, FAILED);
    ck_heard(ann_base, FAILED);
    ck_heard(cat, FAILED);
    ck_heard(cat, "{'messageType':'message_history','withUser':'ann','messages':[]}");
    ck_heard(guest, "{'messageType':'echo_server','text':'still here'}");
    ck_silent(ann);
    ck_silent(bob);
    ck_assert_int_eq(count("SELECT count(*) FROM dms"), 0);
    ck_ok(db_exec(f.app.db, "DROP TRIGGER stop"));
    send_dm(cat, "ann", "later");
    fake_tick(&f);
    ck_heard(ann, V1 ",'unread':1}", "cat", "ann", "later", 1);
    forget();
    tear_down();
}
END_TEST

START_TEST(what_cannot_be_read_is_an_error_and_the_next_one_works)
{
    set_up();
    send_dm(ann, "bob", "x");
    fake_tick(&f);
    forget();
    ck_ok(db_exec(f.app.db, "ALTER TABLE dm_sides RENAME TO away"));
    select_user(ann_base, "bob");
    say(ann, "{'messageType':'get_messages','withUser':'bob'}");
    send_id(ann, "bob", "y", "one");
    say(ann, "{'messageType':'mark_read','withUser':'bob','upToId':1}");
    say(ann, "{'messageType':'echo_client','text':'still here'}");
    fake_tick(&f);
    ck_heard(ann_base, UNREAD);
    ck_heard(ann, UNREAD);
    ck_heard(ann, "{'messageType':'not_sent','clientId':'one'}");
    ck_heard(ann, FAILED);
    ck_heard(ann, FAILED);
    ck_heard(ann, "{'messageType':'echo_server','text':'still here'}");
    ck_silent(bob);
    ck_ok(db_exec(f.app.db, "ALTER TABLE away RENAME TO dm_sides"));
    ck_ok(db_exec(f.app.db, "ALTER TABLE users RENAME TO away"));
    select_user(ann_base, "bob");
    say(ann, "{'messageType':'typing','targetUser':'bob','isTyping':true}");
    fake_tick(&f);
    ck_heard(ann_base, UNREAD);
    ck_heard(ann, UNREAD);
    ck_ok(db_exec(f.app.db, "ALTER TABLE away RENAME TO users"));
    select_user(ann_base, "bob");
    select_user(ann_base, "nobody");
    fake_tick(&f);
    ck_heard(ann_base, HISTORY, "{'messageType':'direct_message','fromUser':'ann','text':'x'}");
    ck_heard(ann_base, NO_USER);
    tear_down();
}
END_TEST

/* --- connections that come and go in the same tick --- */

START_TEST(who_leaves_before_the_release_is_not_missed)
{
    set_up();
    send_dm(ann, "bob", "x");
    select_user(bob_base, "ann");
    fake_lose(bob);
    fake_lose(bob_base);
    fake_tick(&f);
    ck_heard(ann, V1 "}", "ann", "bob", "x", 1);
    ck_heard(ann_base, BASE, "ann", "x");
    ck_silent(bob);
    send_dm(ann_base, "bob", "y");
    fake_tick(&f);
    forget();
    struct tab *again = fake_tab(&f, "bob", true);
    say(again, "{'messageType':'get_messages','withUser':'ann'}");
    fake_tick(&f);
    ck_assert_ptr_nonnull(strstr(heard(again), "'hasOlder':false,'readUpTo':0,'unread':2}"));
    tear_down();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        nobody_hears_anything_before_the_commit,
        to_oneself_once_in_each_tab_and_never_unread,
        what_two_say_in_one_tick_has_one_order_everywhere,
        a_history_ends_where_it_was_asked_for,
        texts_of_every_length_reach_every_tab_once,
        the_base_dialect_is_html_and_v1_is_not,
        guests_and_the_base_dialect_are_refused_what_is_not_theirs,
        what_is_refused_has_written_nothing,
        a_client_id_is_stored_once,
        a_client_id_belongs_to_its_user_and_target,
        unread_is_counted_and_read_never_backwards,
        typing_writes_nothing_and_reaches_the_other_one_in_v1_alone,
        a_message_in_a_users_name_is_one_of_theirs,
        a_failed_commit_reaches_writers_as_errors_and_nobody_else,
        a_failed_commit_uses_up_no_client_id_and_says_not_sent,
        a_resend_in_a_failed_tick_is_an_error_and_finds_its_message_later,
        what_was_read_in_a_failed_tick_is_unread_and_told_nobody,
        who_reads_in_a_failed_tick_is_told_nothing_of_what_was_lost,
        one_message_that_cannot_be_stored_is_undone_alone,
        a_lost_transaction_takes_everything_that_the_tick_wrote,
        what_cannot_be_read_is_an_error_and_the_next_one_works,
        who_leaves_before_the_release_is_not_missed,
    };
    return RUN_TESTS("svc.dm", tests);
}
