/* test_call.c - the whole contract of video calls, without a network. */
#include "base/run_tests.h"
#include "fake.h"

static struct fake f;
static struct tab *ann, *bob, *cat;

static void set_up(void)
{
    fake_open(&f);
}

static void tear_down(void)
{
    fake_close(&f);
}

/* Makes a call; its id is in static storage, four at a time. */
static const char *make_call(const char *name)
{
    static char ids[4][CALL_ID_LEN + 1];
    static int turn;
    char body[512];

    turn = (turn + 1) % 4;
    int n = snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    struct tab *t = fake_request(&f, "maker", "POST", "/api/video-calls", "application/json",
                                 bytes_of(body, (size_t)n));
    fake_tick(&f);
    const char *text = answer(t);
    ck_assert_msg(strncmp(text, "200 {\"id\":\"", 11) == 0 && strlen(text) == 11 + 24 + 2, "%s",
                  text);
    memcpy(ids[turn], text + 11, CALL_ID_LEN);
    return ids[turn];
}

static void join(struct tab *t, const char *call)
{
    say(t, "{'messageType':'join_call','callId':'%s'}", call);
}

/* Joins and forgets the answers, and the others what they are told. */
static void settle(struct tab *t, const char *call)
{
    join(t, call);
    fake_tick(&f);
    fake_wait(&f, 1000);
    for (uint32_t i = 0; i < f.tabs.n; i++)
        hush(slots_at(&f.tabs, i));
}

static void offer(struct tab *from, const struct tab *to)
{
    say(from, "{'messageType':'offer','socketId':'%s','offer':{'x':1.50}}", socket_id(to));
}

#define JOINED "{'messageType':'user_joined','socketId':'%s','username':'%s'}"
#define LEFT   "{'messageType':'user_left','socketId':'%s'}"
#define OFFER  "{'messageType':'offer','socketId':'%s','username':'%s','offer':{'x':1.50}}"
#define INFO   "{'messageType':'call_info','name':'%s'}"
#define NOBODY "{'messageType':'existing_participants','participants':[]}"
#define ONE                                                                                        \
    "{'messageType':'existing_participants','participants':["                                      \
    "{'socketId':'%s','username':'%s'}]}"
#define FAILED "{'messageType':'error','error':'the server cannot store anything right now'}"

static void three_v1_in_one_call(void)
{
    const char *call = make_call("Tea");

    ann = fake_tab(&f, "ann", true);
    bob = fake_tab(&f, "bob", true);
    cat = fake_tab(&f, "cat", true);
    settle(ann, call);
    settle(bob, call);
    settle(cat, call);
}

/* --- joining --- */

START_TEST(the_first_one_gets_the_name_and_nobody)
{
    set_up();
    const char *call = make_call("Tea \\u00e9 \\\"x\\\"");
    ann = fake_tab(&f, "ann", false);
    join(ann, call);
    ck_silent(ann); /* not before the commit */
    fake_tick(&f);
    ck_heard(ann, INFO, "Tea \xc3\xa9 \\'x\\'");
    ck_heard(ann, NOBODY);
    ck_silent(ann);
    tear_down();
}
END_TEST

START_TEST(the_others_are_listed_in_order_and_told)
{
    set_up();
    const char *call = make_call("Tea");
    ann = fake_tab(&f, "ann", true);
    bob = fake_tab(&f, "bob", true);
    cat = fake_tab(&f, "cat", true);
    settle(bob, call);
    settle(ann, call);
    join(cat, call);
    fake_tick(&f);
    ck_heard(cat, INFO, "Tea");
    ck_heard(cat,
             "{'messageType':'existing_participants','participants':["
             "{'socketId':'%s','username':'bob'},{'socketId':'%s','username':'ann'}]}",
             socket_id(bob), socket_id(ann));
    ck_silent(cat);
    ck_heard(ann, JOINED, socket_id(cat), "cat");
    ck_heard(bob, JOINED, socket_id(cat), "cat");
    ck_silent(ann);
    ck_silent(bob);
    tear_down();
}
END_TEST

START_TEST(joining_again_repeats_the_answers_and_tells_nobody)
{
    set_up();
    const char *call = make_call("Tea");
    ann = fake_tab(&f, "ann", true);
    bob = fake_tab(&f, "bob", false);
    settle(ann, call);
    settle(bob, call);
    join(bob, call);
    fake_tick(&f);
    fake_wait(&f, 1000);
    ck_heard(bob, INFO, "Tea");
    ck_heard(bob, ONE, socket_id(ann), "ann");
    ck_silent(bob);
    ck_silent(ann);
    tear_down();
}
END_TEST

START_TEST(joining_another_call_leaves_the_first)
{
    set_up();
    const char *one = make_call("One"), *two = make_call("Two");
    ann = fake_tab(&f, "ann", true);
    bob = fake_tab(&f, "bob", true);
    settle(ann, one);
    settle(bob, one);
    join(ann, two);
    fake_tick(&f);
    ck_heard(ann, INFO, "Two");
    ck_heard(ann, NOBODY);
    ck_heard(bob, LEFT, socket_id(ann));
    offer(bob, ann);
    fake_tick(&f);
    ck_refused(bob);
    ck_silent(ann);
    tear_down();
}
END_TEST

START_TEST(what_is_no_call_is_refused_and_the_call_one_is_in_stays)
{
    static const char *const bad[] = {
        "{'messageType':'join_call'}",
        "{'messageType':'join_call','callId':7}",
        "{'messageType':'join_call','callId':null}",
        "{'messageType':'join_call','callId':''}",
        "{'messageType':'join_call','callId':'000000000000000000000000'}",
        "{'messageType':'join_call','callId':'00000000000000000000000'}",
        "{'messageType':'join_call','callId':'0000000000000000000000000'}",
        "{'messageType':'join_call','callId':'\\u0000'}",
        "{'messageType':'join_call','callId':'zzzzzzzzzzzzzzzzzzzzzzzz'}",
    };

    set_up();
    three_v1_in_one_call();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        say(ann, "%s", bad[i]);
        fake_tick(&f);
        ck_refused(ann);
        ck_silent(bob);
    }
    offer(bob, ann);
    fake_tick(&f);
    ck_heard(ann, OFFER, socket_id(bob), "bob");
    tear_down();
}
END_TEST

START_TEST(guests_can_do_nothing)
{
    static const char *const types[] = { "get_calls", "join_call", "leave_call",  "offer",
                                         "answer",    "ring",      "watch_calls", "media_state" };
    set_up();
    ann = fake_tab(&f, NULL, true);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        say(ann, "{'messageType':'%s'}", types[i]);
        fake_tick(&f);
        ck_heard(ann, "{'messageType':'error','error':'log in to do that'}");
    }
    tear_down();
}
END_TEST

START_TEST(v1_messages_are_unknown_in_the_base_dialect)
{
    static const char *const types[] = { "watch_calls", "media_state", "call_message",
                                         "ring",        "ring_answer", "ring_cancel" };
    set_up();
    ann = fake_tab(&f, "ann", false);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        say(ann, "{'messageType':'%s'}", types[i]);
        fake_tick(&f);
        ck_heard(ann,
                 "{'messageType':'error','error':'messageType is not one that this server knows'}");
    }
    tear_down();
}
END_TEST

START_TEST(a_call_holds_256_connections)
{
    set_up();
    const char *call = make_call("Big");
    for (int i = 0; i < 256; i++)
        join(fake_connect(&f, "ann", true), call);
    fake_tick(&f);
    bob = fake_tab(&f, "bob", true);
    join(bob, call);
    fake_tick(&f);
    ck_refused(bob);
    ck_silent(bob);
    tear_down();
}
END_TEST

/* --- leaving --- */

START_TEST(leaving_is_told_to_the_others_and_once)
{
    set_up();
    three_v1_in_one_call();
    say(ann, "{'messageType':'leave_call'}");
    say(ann, "{'messageType':'leave_call'}");
    fake_tick(&f);
    ck_silent(ann);
    ck_heard(bob, LEFT, socket_id(ann));
    ck_heard(cat, LEFT, socket_id(ann));
    ck_silent(bob);
    ck_silent(cat);
    tear_down();
}
END_TEST

START_TEST(a_lost_connection_has_left)
{
    set_up();
    three_v1_in_one_call();
    char id[HUB_SOCKET_ID_LEN + 1];
    strcpy(id, socket_id(ann));
    fake_lose(ann);
    fake_tick(&f);
    ck_heard(bob, LEFT, id);
    ck_heard(cat, LEFT, id);
    ck_silent(bob);
    tear_down();
}
END_TEST

START_TEST(leaving_no_call_does_nothing)
{
    set_up();
    ann = fake_tab(&f, "ann", false);
    say(ann, "{'messageType':'leave_call'}");
    fake_tick(&f);
    ck_silent(ann);
    tear_down();
}
END_TEST

/* --- signalling --- */

START_TEST(signals_are_forwarded_with_the_senders_marks_and_nothing_else_changed)
{
    static const char *const types[] = { "offer", "answer", "ice_candidate" };

    set_up();
    three_v1_in_one_call();
    for (size_t i = 0; i < 3; i++) {
        say(ann,
            "{ 'a' : 1.50 , 'username':'cat', 'messageType':'%s','socketId' : '%s','offer' : {"
            "'socketId': 'x', 'n':[1e2, -0.0]},'b':'\\u00e9'}",
            types[i], socket_id(bob));
        fake_tick(&f);
        ck_heard(bob,
                 "{'messageType':'%s','socketId':'%s','username':'ann','a':1.50,"
                 "'offer':{'socketId': 'x', 'n':[1e2, -0.0]},'b':'\\u00e9'}",
                 types[i], socket_id(ann));
        ck_silent(bob);
        ck_silent(ann);
        ck_silent(cat);
    }
    say(ann, "{'socketId':'%s','messageType':'answer'}", socket_id(bob));
    fake_tick(&f);
    ck_heard(bob, "{'messageType':'answer','socketId':'%s','username':'ann'}", socket_id(ann));
    tear_down();
}
END_TEST

START_TEST(a_long_signal_is_forwarded_whole)
{
    char *sdp = malloc(400001);

    set_up();
    three_v1_in_one_call();
    memset(sdp, 's', 400000);
    sdp[400000] = 0;
    say(ann, "{'messageType':'offer','socketId':'%s','sdp':'%s'}", socket_id(bob), sdp);
    fake_tick(&f);
    const char *text = heard(bob);
    ck_assert_ptr_nonnull(strstr(text, sdp));
    free(sdp);
    tear_down();
}
END_TEST

START_TEST(nobody_outside_the_call_is_reached_or_told_from_nobody)
{
    char nobody[256], outside[256];

    set_up();
    three_v1_in_one_call();
    struct tab *dan = fake_tab(&f, "dan", true), *eve = fake_tab(&f, "eve", false);
    settle(dan, make_call("Other"));
    offer(ann, dan); /* in another call */
    fake_tick(&f);
    strcpy(outside, heard(ann));
    offer(ann, eve); /* in none */
    fake_tick(&f);
    ck_assert_str_eq(heard(ann), outside);
    say(ann, "{'messageType':'offer','socketId':'00000000-0000-4000-8000-000000000000'}");
    fake_tick(&f);
    strcpy(nobody, heard(ann));
    ck_assert_str_eq(nobody, outside);
    ck_assert_ptr_nonnull(strstr(outside, "'error'"));
    offer(eve, ann); /* from none, and from another */
    offer(dan, ann);
    fake_tick(&f);
    ck_refused(eve);
    ck_refused(dan);
    say(eve, "{'messageType':'leave_call'}");
    fake_tick(&f);
    ck_silent(ann);
    ck_silent(bob);
    ck_silent(dan);
    ck_silent(eve);
    tear_down();
}
END_TEST

START_TEST(a_signal_to_oneself_or_to_what_is_no_socket_is_refused)
{
    static const char *const bad[] = { "",
                                       "'socketId':7,",
                                       "'socketId':null,",
                                       "'socketId':'',",
                                       "'socketId':'x',",
                                       "'socketId':'\\ud800',",
                                       "'socketId':['a'],",
                                       "'socketId':'\\u0000',",
                                       "'socketid':'00000000-0000-4000-8000-000000000000'," };
    set_up();
    three_v1_in_one_call();
    offer(ann, ann);
    fake_tick(&f);
    ck_refused(ann);
    ck_silent(ann);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        say(ann, "{%s'messageType':'offer','x':1}", bad[i]);
        fake_tick(&f);
        ck_refused(ann);
    }
    ck_silent(bob);
    tear_down();
}
END_TEST

START_TEST(a_signal_right_behind_the_join_is_forwarded)
{
    set_up();
    const char *call = make_call("Tea");
    ann = fake_tab(&f, "ann", true);
    bob = fake_tab(&f, "bob", true);
    settle(ann, call);
    join(bob, call);
    offer(bob, ann);
    offer(ann, bob);
    fake_tick(&f);
    ck_heard(ann, JOINED, socket_id(bob), "bob");
    ck_heard(ann, OFFER, socket_id(bob), "bob");
    ck_heard(bob, INFO, "Tea");
    ck_heard(bob, ONE, socket_id(ann), "ann");
    ck_heard(bob, OFFER, socket_id(ann), "ann");
    tear_down();
}
END_TEST

/* --- the head start --- */

START_TEST(a_base_member_hears_of_a_newcomer_with_its_first_signal)
{
    set_up();
    const char *call = make_call("Tea");
    ann = fake_tab(&f, "ann", false);
    bob = fake_tab(&f, "bob", false);
    cat = fake_tab(&f, "cat", true);
    settle(ann, call);
    settle(cat, call);
    join(bob, call);
    fake_tick(&f);
    ck_silent(ann);
    ck_heard(cat, JOINED, socket_id(bob), "bob"); /* v1: at once */
    offer(bob, cat);
    fake_tick(&f);
    ck_silent(ann);
    offer(bob, ann);
    offer(bob, ann);
    fake_tick(&f);
    ck_heard(ann, JOINED, socket_id(bob), "bob");
    ck_heard(ann, OFFER, socket_id(bob), "bob");
    ck_heard(ann, OFFER, socket_id(bob), "bob");
    fake_wait(&f, 1000);
    ck_silent(ann);
    tear_down();
}
END_TEST

START_TEST(a_base_member_hears_of_a_newcomer_after_400_ms)
{
    set_up();
    const char *call = make_call("Tea");
    ann = fake_tab(&f, "ann", false);
    bob = fake_tab(&f, "bob", true);
    settle(ann, call);
    join(bob, call);
    fake_tick(&f);
    ck_assert_int_eq(call_wait_ms(&f.app), 400);
    fake_wait(&f, 399);
    ck_silent(ann);
    ck_assert_int_eq(call_wait_ms(&f.app), 1);
    fake_wait(&f, 1);
    ck_heard(ann, JOINED, socket_id(bob), "bob");
    fake_wait(&f, 1000);
    ck_silent(ann);
    tear_down();
}
END_TEST

/* How the newcomer goes before the head start is over. */
static void never_heard_of(void (*go)(struct tab *t))
{
    set_up();
    const char *call = make_call("Tea");
    ann = fake_tab(&f, "ann", false);
    bob = fake_tab(&f, "bob", true);
    cat = fake_tab(&f, "cat", true);
    settle(ann, call);
    settle(cat, call);
    join(bob, call);
    fake_tick(&f);
    go(bob);
    fake_tick(&f);
    fake_wait(&f, 1000);
    ck_silent(ann);
    ck_assert_ptr_nonnull(strstr(heard(cat), "user_joined"));
    ck_assert_ptr_nonnull(strstr(heard(cat), "user_left"));
    tear_down();
}

static void leave(struct tab *t)
{
    say(t, "{'messageType':'leave_call'}");
}

static void join_another(struct tab *t)
{
    join(t, make_call("Other"));
}

START_TEST(who_leaves_during_the_head_start_was_never_there)
{
    never_heard_of(leave);
    never_heard_of(fake_lose);
    never_heard_of(join_another);
}
END_TEST

START_TEST(who_leaves_during_anothers_head_start_hears_nothing_of_it_later)
{
    set_up();
    const char *call = make_call("Tea");
    ann = fake_tab(&f, "ann", false);
    bob = fake_tab(&f, "bob", true);
    settle(ann, call);
    join(bob, call);
    leave(ann);
    join(ann, call);
    fake_tick(&f);
    ck_heard(ann, INFO, "Tea");
    ck_heard(ann, ONE, socket_id(bob), "bob");
    fake_wait(&f, 1000);
    ck_silent(ann);
    tear_down();
}
END_TEST

START_TEST(joining_again_during_anothers_head_start_tells_of_it_first)
{
    set_up();
    const char *call = make_call("Tea");
    ann = fake_tab(&f, "ann", false);
    bob = fake_tab(&f, "bob", true);
    settle(ann, call);
    join(bob, call);
    fake_tick(&f);
    join(ann, call);
    fake_tick(&f);
    ck_heard(ann, JOINED, socket_id(bob), "bob");
    ck_heard(ann, INFO, "Tea");
    ck_heard(ann, ONE, socket_id(bob), "bob");
    fake_wait(&f, 1000);
    ck_silent(ann);
    tear_down();
}
END_TEST

/* --- the list --- */

static const char *list_of(struct tab *t)
{
    say(t, "{'messageType':'get_calls'}");
    fake_tick(&f);
    return heard(t);
}

START_TEST(the_list_has_what_is_available_oldest_first)
{
    char wanted[512];

    set_up();
    ann = fake_tab(&f, "ann", false);
    ck_assert_str_eq(list_of(ann), "{'messageType':'call_list','calls':[]}");
    const char *one = make_call("One");
    f.app.wall_ms++;
    const char *two = make_call("Two");
    snprintf(
        wanted, sizeof wanted,
        "{'messageType':'call_list','calls':[{'id':'%s','name':'One'},{'id':'%s','name':'Two'}]}",
        one, two);
    ck_assert_str_eq(list_of(ann), wanted);
    ck_silent(ann);
    tear_down();
}
END_TEST

START_TEST(in_v1_the_list_has_people_each_once_in_the_order_of_joining)
{
    char wanted[512];

    set_up();
    const char *one = make_call("One");
    f.app.wall_ms++;
    const char *two = make_call("Two");
    ann = fake_tab(&f, "ann", true);
    bob = fake_tab(&f, "bob", false);
    settle(bob, one);
    settle(ann, one);
    settle(fake_tab(&f, "bob", true), one);
    snprintf(
        wanted, sizeof wanted,
        "{'messageType':'call_list','calls':[{'id':'%s','name':'One','participants':['bob','ann']},"
        "{'id':'%s','name':'Two','participants':[]}]}",
        one, two);
    ck_assert_str_eq(list_of(ann), wanted);
    tear_down();
}
END_TEST

START_TEST(a_long_list_comes_whole)
{
    set_up();
    ann = fake_tab(&f, "ann", true);
    ck_ok(app_write_begin(&f.app, 0, WRITE_SYNCED));
    for (int i = 0; i < 3000; i++) {
        char id[CALL_ID_LEN + 1];
        snprintf(id, sizeof id, "%024d", 3000 - i);
        ck_ok(call_store_insert(&f.app.calls, bytes_str(id), BYTES("name"), fake_user(&f, "ann"),
                                FAKE_NOW + i / 7));
    }
    ck_ok(app_write_end(&f.app, WRITE_SYNCED, true));
    fake_tick(&f);
    const char *at = list_of(ann);
    int n = 0, last = 0;
    int64_t last_ms = 0;
    while ((at = strstr(at, "'id':'")) != NULL) {
        at += 6;
        int number = atoi(at), i = 3000 - number;
        int64_t ms = FAKE_NOW + i / 7;
        ck_assert(ms > last_ms || (ms == last_ms && number > last));
        last = number;
        last_ms = ms;
        n++;
    }
    ck_assert_int_eq(n, 3000);
    ck_silent(ann);
    tear_down();
}
END_TEST

#define DAY_MS INT64_C(86400000)

START_TEST(a_call_is_gone_after_a_day_of_nobody)
{
    set_up();
    const char *one = make_call("One"), *two = make_call("Two");
    ann = fake_tab(&f, "ann", false);
    settle(ann, two);
    f.app.wall_ms += DAY_MS - 2000;
    ck_assert_ptr_nonnull(strstr(list_of(ann), "One"));
    f.app.wall_ms += 2000;
    const char *list = list_of(ann);
    ck_assert_ptr_null(strstr(list, "One"));
    ck_assert_ptr_nonnull(strstr(list, "Two")); /* somebody is in it */
    join(ann, one);
    fake_tick(&f);
    ck_refused(ann);
    leave(ann);
    fake_tick(&f);
    f.app.wall_ms += DAY_MS - 1;
    ck_assert_ptr_nonnull(strstr(list_of(ann), "Two"));
    f.app.wall_ms += 1;
    ck_assert_ptr_null(strstr(list_of(ann), "Two"));
    tear_down();
}
END_TEST

START_TEST(those_who_watch_see_calls_come_and_go)
{
    set_up();
    ann = fake_tab(&f, "ann", true);
    bob = fake_tab(&f, "bob", false);
    cat = fake_tab(&f, "cat", true);
    say(ann, "{'messageType':'watch_calls','watch':true}");
    fake_tick(&f);
    ck_heard(ann, "{'messageType':'call_list','calls':[]}");
    const char *call = make_call("Tea");
    ck_heard(ann,
             "{'messageType':'call_changed','call':{'id':'%s','name':'Tea','participants':[]}}",
             call);
    join(bob, call);
    fake_tick(&f);
    ck_heard(
        ann,
        "{'messageType':'call_changed','call':{'id':'%s','name':'Tea','participants':['bob']}}",
        call);
    fake_wait(&f, 1000);
    join(cat, call);
    leave(bob);
    fake_tick(&f);
    ck_heard(
        ann,
        "{'messageType':'call_changed','call':{'id':'%s','name':'Tea','participants':['cat']}}",
        call);
    leave(cat); /* at once after the last change: told a moment later */
    fake_tick(&f);
    ck_silent(ann);
    fake_wait(&f, 1000);
    ck_heard(ann,
             "{'messageType':'call_changed','call':{'id':'%s','name':'Tea','participants':[]}}",
             call);
    fake_wait(&f, DAY_MS + 60000);
    ck_heard(ann, "{'messageType':'call_gone','id':'%s'}", call);
    say(ann, "{'messageType':'watch_calls','watch':false}");
    fake_tick(&f);
    hush(cat);
    make_call("More");
    ck_silent(ann);
    ck_silent(cat);
    tear_down();
}
END_TEST

START_TEST(who_watches_and_goes_is_forgotten)
{
    set_up();
    ann = fake_tab(&f, "ann", true);
    say(ann, "{'messageType':'watch_calls','watch':true}");
    say(ann, "{'messageType':'watch_calls','watch':true}");
    fake_tick(&f);
    fake_lose(ann);
    make_call("Tea");
    bob = fake_tab(&f, "bob", true);
    say(bob, "{'messageType':'watch_calls'}");
    say(bob, "{'messageType':'watch_calls','watch':1}");
    fake_tick(&f);
    ck_refused(bob);
    ck_refused(bob);
    ck_silent(bob);
    tear_down();
}
END_TEST

/* --- inside a call --- */

#define MEDIA                                                                                      \
    "{'messageType':'media_state','socketId':'%s','microphone':%s,'camera':%s,'screen':%s,'hand':" \
    "%s}"

START_TEST(media_states_go_to_the_others_and_to_newcomers)
{
    set_up();
    three_v1_in_one_call();
    const char *call = make_call("Other");
    struct tab *base = fake_tab(&f, "base", false), *dan = fake_tab(&f, "dan", true);
    settle(ann, call);
    settle(base, call);
    settle(bob, call);
    say(ann, "{'messageType':'media_state','microphone':true,'camera':false,'screen':false,'hand':"
             "true}");
    fake_tick(&f);
    ck_silent(ann);
    ck_silent(base);
    ck_silent(cat); /* in the first call */
    ck_heard(bob, MEDIA, socket_id(ann), "true", "false", "false", "true");
    join(dan, call);
    fake_tick(&f);
    ck_heard(dan, INFO, "Other");
    ck_assert_ptr_nonnull(strstr(heard(dan), "existing_participants"));
    ck_heard(dan, MEDIA, socket_id(ann), "true", "false", "false", "true");
    ck_silent(dan);
    say(dan, "{'messageType':'media_state','microphone':true,'camera':false,'screen':false}");
    say(dan,
        "{'messageType':'media_state','microphone':1,'camera':false,'screen':false,'hand':true}");
    leave(dan);
    say(dan,
        "{'messageType':'media_state','microphone':true,'camera':true,'screen':true,'hand':true}");
    fake_tick(&f);
    for (int i = 0; i < 3; i++)
        ck_refused(dan);
    tear_down();
}
END_TEST

START_TEST(call_messages_go_to_v1_in_the_call_and_nobody_else)
{
    set_up();
    three_v1_in_one_call();
    struct tab *dan = fake_tab(&f, "dan", true);
    say(ann, "{'messageType':'call_message','text':'<b> \\u0001 \xc3\xa9 \\n'}");
    fake_tick(&f);
    struct tab *all[] = { ann, bob, cat };
    for (int i = 0; i < 3; i++)
        ck_heard(all[i],
                 "{'messageType':'call_message','socketId':'%s','username':'ann',"
                 "'text':'<b> \\u0001 \xc3\xa9 \\n','sentAt':%lld}",
                 socket_id(ann), (long long)f.app.wall_ms);
    ck_silent(dan);
    say(dan, "{'messageType':'call_message','text':'x'}");
    say(ann, "{'messageType':'call_message','text':''}");
    say(ann, "{'messageType':'call_message','text':'\\ud800'}");
    say(ann, "{'messageType':'call_message','text':'\\u0000'}");
    say(ann, "{'messageType':'call_message'}");
    fake_tick(&f);
    ck_refused(dan);
    for (int i = 0; i < 4; i++)
        ck_refused(ann);
    ck_silent(bob);
    tear_down();
}
END_TEST

static struct tab *many[60];

static void ck_shared(void)
{
    fake_tick(&f);
    for (int i = 1; i < 60; i++)
        ck_assert_ptr_eq(many[i]->from, many[0]->from);
}

START_TEST(a_short_message_to_many_in_a_call_is_shared_by_its_receivers)
{
    set_up();
    const char *call = make_call("Tea");
    for (int i = 0; i < 60; i++) {
        many[i] = fake_tab(&f, "ann", true);
        join(many[i], call);
        fake_tick(&f);
    }
    say(many[0], "{'messageType':'call_message','text':'short'}");
    ck_shared();
    bob = fake_tab(&f, "bob", true);
    join(bob, call);
    ck_shared();
    leave(bob);
    ck_shared();
    tear_down();
}
END_TEST

START_TEST(what_happens_to_a_call_is_shared_by_many_who_watch)
{
    set_up();
    for (int i = 0; i < 60; i++) {
        many[i] = fake_tab(&f, "ann", true);
        say(many[i], "{'messageType':'watch_calls','watch':true}");
    }
    fake_tick(&f);
    make_call("Tea");
    ck_assert_ptr_nonnull(many[0]->from);
    ck_shared();
    tear_down();
}
END_TEST

START_TEST(a_long_call_message_is_shared_by_its_receivers)
{
    char *text = malloc(65537);

    set_up();
    three_v1_in_one_call();
    memset(text, 't', 65536);
    text[65536] = 0;
    say(ann, "{'messageType':'call_message','text':'%s'}", text);
    fake_tick(&f);
    ck_assert_ptr_nonnull(strstr(heard(ann), text));
    ck_assert_ptr_nonnull(strstr(heard(bob), text));
    say(ann, "{'messageType':'call_message','text':'%sx'}", text);
    fake_tick(&f);
    ck_refused(ann);
    ck_silent(bob);
    free(text);
    tear_down();
}
END_TEST

/* --- making a call --- */

static const char *post(const char *who, const char *type, struct bytes body)
{
    struct tab *t = fake_request(&f, who, "POST", "/api/video-calls", type, body);
    fake_tick(&f);
    return answer(t);
}

START_TEST(a_name_has_1_to_100_code_points)
{
    static const char *const bad[] = {
        "{}",
        "{\"name\":\"\"}",
        "{\"name\":7}",
        "{\"name\":null}",
        "{\"name\":\"a\\u0000b\"}",
        "{\"name\":\"\\ud800\"}",
        "[]",
        "",
        "{\"name\":\"a\"",
        "{\"name\":\"a\",\"name\":\"b\"}",
    };
    char body[1024];

    set_up();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *text = post("ann", "application/json", bytes_str(bad[i]));
        ck_assert_msg(strncmp(text, "400 ", 4) == 0, "%s: %s", bad[i], text);
        ck_assert_uint_gt(strlen(text), 12);
    }
    for (int n = 100; n <= 101; n++) {
        strcpy(body, "{\"name\":\"");
        for (int i = 0; i < n; i++)
            strcat(body, "\xf0\x9f\x98\x80");
        strcat(body, "\"}");
        ck_assert_int_eq(strncmp(post("ann", "application/json", bytes_str(body)), "200", 3) == 0,
                         n == 100);
        memset(body, 0, sizeof body);
        strcpy(body, "name=");
        memset(body + 5, 'a', (size_t)n);
        ck_assert_int_eq(strncmp(post("ann", "application/x-www-form-urlencoded", bytes_str(body)),
                                 "200", 3) == 0,
                         n == 100);
    }
    ck_assert_str_eq(post(NULL, "application/json", BYTES("{\"name\":\"a\"}")), "401 {}");
    ck_assert_int_eq(atoi(post("ann", "text/plain", BYTES("name=a"))), 415);
    ck_assert_int_eq(atoi(post("ann", "application/x-www-form-urlencoded", BYTES("name=%00"))),
                     400);
    ck_assert_int_eq(atoi(post("ann", "application/x-www-form-urlencoded", BYTES("name=%ff"))),
                     400);
    tear_down();
}
END_TEST

START_TEST(a_call_that_cannot_be_stored_is_not_made)
{
    set_up();
    ann = fake_tab(&f, "ann", true);
    say(ann, "{'messageType':'watch_calls','watch':true}");
    fake_tick(&f);
    hush(ann);
    f.commit_fails = true;
    ck_assert_str_eq(post("ann", "application/json", BYTES("{\"name\":\"a\"}")), "503 ");
    ck_silent(ann);
    f.commit_fails = false;
    ck_assert_str_eq(list_of(ann), "{'messageType':'call_list','calls':[]}");
    tear_down();
}
END_TEST

/* --- when the commit fails --- */

START_TEST(a_join_that_cannot_be_stored_was_never_made)
{
    set_up();
    const char *call = make_call("Tea");
    ann = fake_tab(&f, "ann", true);
    bob = fake_tab(&f, "bob", true);
    f.commit_fails = true;
    join(ann, call);
    join(bob, call); /* in the same tick: it found ann */
    offer(bob, ann);
    say(ann, "{'messageType':'call_message','text':'hi'}");
    fake_tick(&f);
    ck_heard(ann, FAILED);
    ck_heard(ann, FAILED);
    ck_silent(ann);
    ck_heard(bob, FAILED);
    ck_heard(bob, FAILED);
    ck_silent(bob);
    f.commit_fails = false;
    offer(bob, ann);
    fake_tick(&f);
    ck_refused(bob);
    join(bob, call);
    fake_tick(&f);
    ck_heard(bob, INFO, "Tea");
    ck_heard(bob, NOBODY);
    ck_silent(bob);
    ck_silent(ann);
    tear_down();
}
END_TEST

START_TEST(a_move_that_cannot_be_stored_leaves_everybody_where_they_were)
{
    set_up();
    three_v1_in_one_call();
    const char *other = make_call("Other");
    say(ann,
        "{'messageType':'media_state','microphone':true,'camera':true,'screen':true,'hand':true}");
    fake_tick(&f);
    hush(bob);
    hush(cat);
    f.commit_fails = true;
    join(ann, other);
    offer(cat, bob); /* has nothing to do with it */
    fake_tick(&f);
    ck_heard(ann, FAILED);
    ck_silent(ann);
    ck_heard(bob, OFFER, socket_id(cat), "cat");
    ck_silent(bob);
    ck_silent(cat);
    f.commit_fails = false;
    offer(bob, ann);
    join(bob, other);
    fake_tick(&f);
    ck_heard(ann, OFFER, socket_id(bob), "bob");
    ck_heard(ann, LEFT, socket_id(bob));
    ck_heard(cat, LEFT, socket_id(bob));
    ck_heard(bob, INFO, "Other");
    ck_heard(bob, NOBODY);
    tear_down();
}
END_TEST

START_TEST(whoever_disconnects_while_a_move_is_in_doubt_is_gone_for_all)
{
    char id[HUB_SOCKET_ID_LEN + 1];

    for (int fails = 0; fails <= 1; fails++) {
        set_up();
        three_v1_in_one_call();
        const char *other = make_call("Other");
        f.commit_fails = fails;
        join(ann, other);
        strcpy(id, socket_id(bob));
        fake_lose(bob);
        fake_tick(&f);
        if (fails) {
            ck_heard(ann, FAILED);
            ck_heard(ann, LEFT, id); /* she is back in the first call */
        } else {
            ck_heard(ann, INFO, "Other");
            ck_heard(ann, NOBODY);
            ck_heard(cat, LEFT, socket_id(ann));
        }
        ck_silent(ann);
        ck_heard(cat, LEFT, id);
        ck_silent(cat);
        f.commit_fails = false;
        tear_down();
    }
}
END_TEST

START_TEST(who_moves_and_disconnects_before_the_commit_has_left_the_first_call)
{
    char id[HUB_SOCKET_ID_LEN + 1];

    for (int fails = 0; fails <= 1; fails++) {
        set_up();
        three_v1_in_one_call();
        const char *other = make_call("Other");
        f.commit_fails = fails;
        join(ann, other);
        strcpy(id, socket_id(ann));
        fake_lose(ann);
        fake_tick(&f);
        ck_heard(bob, LEFT, id);
        ck_silent(bob);
        ck_heard(cat, LEFT, id);
        ck_silent(cat);
        f.commit_fails = false;
        fake_wait(&f, 2000);
        tear_down();
    }
}
END_TEST

START_TEST(many_moves_in_one_failed_tick_are_all_undone)
{
    set_up();
    three_v1_in_one_call();
    const char *one = make_call("One"), *two = make_call("Two");
    f.commit_fails = true;
    join(ann, one);
    join(bob, one);
    join(ann, two);
    leave(ann);
    join(ann, one);
    leave(bob);
    leave(cat);
    fake_tick(&f);
    f.commit_fails = false;
    hush(ann);
    hush(bob);
    hush(cat);
    offer(ann, bob);
    offer(bob, cat);
    offer(cat, ann);
    fake_tick(&f);
    ck_heard(bob, OFFER, socket_id(ann), "ann");
    ck_heard(cat, OFFER, socket_id(bob), "bob");
    ck_heard(ann, OFFER, socket_id(cat), "cat");
    struct tab *dan = fake_tab(&f, "dan", true);
    join(dan, one);
    fake_tick(&f);
    ck_heard(dan, INFO, "One");
    ck_heard(dan, NOBODY);
    tear_down();
}
END_TEST

START_TEST(a_head_start_survives_a_move_that_failed)
{
    set_up();
    const char *call = make_call("Tea"), *other = make_call("Other");
    ann = fake_tab(&f, "ann", false);
    bob = fake_tab(&f, "bob", true);
    settle(ann, call);
    join(bob, call);
    fake_tick(&f);
    f.commit_fails = true;
    join(bob, other);
    fake_tick(&f);
    f.commit_fails = false;
    ck_silent(ann);
    fake_wait(&f, 400);
    ck_heard(ann, JOINED, socket_id(bob), "bob");
    ck_silent(ann);
    tear_down();
}
END_TEST

START_TEST(what_is_empty_is_written_when_the_database_takes_it)
{
    struct call_row row;

    set_up();
    const char *call = make_call("Tea");
    ann = fake_tab(&f, "ann", true);
    settle(ann, call);
    ck_ok(call_store_find(&f.app.calls, bytes_str(call), f.app.wall_ms, &row));
    ck_assert_int_eq(row.empty_since, 0);
    int64_t left_at = f.app.wall_ms;
    fake_lose(ann);
    f.commit_fails = true;
    fake_tick(&f);
    ck_assert_int_gt(call_wait_ms(&f.app), 0); /* not at once again */
    fake_wait(&f, 5000);
    ck_ok(call_store_find(&f.app.calls, bytes_str(call), f.app.wall_ms, &row));
    ck_assert_int_eq(row.empty_since, 0);
    f.commit_fails = false;
    fake_wait(&f, 5000);
    ck_ok(call_store_find(&f.app.calls, bytes_str(call), f.app.wall_ms, &row));
    ck_assert_int_eq(row.empty_since, left_at);
    tear_down();
}
END_TEST

START_TEST(a_call_joined_again_before_its_emptiness_is_written_stays_occupied)
{
    struct call_row row;

    set_up();
    const char *call = make_call("Tea");
    ann = fake_tab(&f, "ann", true);
    settle(ann, call);
    leave(ann);
    f.commit_fails = true;
    fake_tick(&f);
    join(ann, call); /* writes nothing, so it cannot fail */
    fake_tick(&f);
    ck_heard(ann, INFO, "Tea");
    f.commit_fails = false;
    fake_wait(&f, 5000);
    ck_ok(call_store_find(&f.app.calls, bytes_str(call), f.app.wall_ms, &row));
    ck_assert_int_eq(row.empty_since, 0);
    tear_down();
}
END_TEST

/* --- at random --- */

#define TABS  7
#define ROOMS 3

/* What a client knows: whom it is with, from what it has heard alone. */
struct view {
    struct tab *tab;
    char others[TABS][HUB_SOCKET_ID_LEN + 1]; /* "": free */
    bool leaves;                              /* said so in this tick */
    bool was_refused;
};

static char *view_find(struct view *v, const char *id)
{
    for (int i = 0; i < TABS; i++)
        if (strncmp(v->others[i], id, HUB_SOCKET_ID_LEN) == 0)
            return v->others[i];
    return NULL;
}

static void view_add(struct view *v, const char *text)
{
    const char *id = strstr(text, "'socketId':'") + 12;

    ck_assert_msg(!view_find(v, id), "told twice: %s", text);
    for (int i = 0; i < TABS; i++)
        if (!v->others[i][0]) {
            memcpy(v->others[i], id, HUB_SOCKET_ID_LEN);
            return;
        }
    ck_abort_msg("more people than there are");
}

static void view_take(struct view *v, const char *text)
{
    if (strstr(text, "'messageType':'error'")) {
        v->was_refused = true;
    } else if (strstr(text, "'messageType':'existing_participants'")) {
        memset(v->others, 0, sizeof v->others);
        for (const char *at = text; (at = strstr(at, "{'socketId':'")) != NULL; at++)
            view_add(v, at);
    } else if (strstr(text, "'messageType':'user_joined'")) {
        view_add(v, text);
    } else if (strstr(text, "'messageType':'user_left'")) {
        char *gone = view_find(v, strstr(text, "'socketId':'") + 12);
        ck_assert_msg(gone, "left without having come: %s", text);
        gone[0] = 0;
    }
}

static void view_read(struct view *v)
{
    const char *text;

    while (*(text = heard(v->tab)))
        view_take(v, text);
    if (v->leaves && !v->was_refused)
        memset(v->others, 0, sizeof v->others);
    v->leaves = v->was_refused = false;
}

/* The rooms in which two connections really are: a signal from one to the other arrives, or not. */
static void ck_view(struct view *all, int of)
{
    for (int i = 0; i < TABS; i++) {
        if (i == of)
            continue;
        offer(all[of].tab, all[i].tab);
        fake_tick(&f);
        bool has_arrived = strstr(heard(all[i].tab), "'messageType':'offer'") != NULL;
        bool was_refused = strstr(heard(all[of].tab), "'messageType':'error'") != NULL;
        bool is_known = view_find(&all[of], socket_id(all[i].tab)) != NULL;
        ck_assert_int_eq(has_arrived, !was_refused);
        ck_assert_msg(has_arrived == is_known, "%d and %d: together %d, known %d", of, i,
                      has_arrived, is_known);
    }
}

static void random_deed(struct view *v, const char *const *calls, unsigned *seed)
{
    int deed = (rand_r(seed) >> 4) % 8;

    if (deed == 0) {
        bool is_v1 = v->tab->is_v1;
        const char *name = is_v1 ? "ann" : "bob";
        fake_lose(v->tab);
        memset(v, 0, sizeof *v);
        v->tab = fake_connect(&f, name, is_v1);
    } else if (deed == 1) {
        leave(v->tab);
        v->leaves = true;
    } else {
        join(v->tab, calls[(rand_r(seed) >> 4) % ROOMS]);
    }
}

START_TEST(whatever_happens_everybody_knows_whom_they_are_with)
{
    struct view views[TABS];
    const char *calls[ROOMS];

    for (unsigned round = 1; round <= 25; round++) {
        unsigned seed = round;
        set_up();
        memset(views, 0, sizeof views);
        for (int i = 0; i < ROOMS; i++)
            calls[i] = make_call("Tea");
        for (int i = 0; i < TABS; i++)
            views[i].tab = fake_tab(&f, i % 2 ? "ann" : "bob", i % 2);
        for (int step = 0; step < 60; step++) {
            for (int i = 0; i < TABS; i++)
                if ((rand_r(&seed) >> 4) % 3 == 0)
                    random_deed(&views[i], calls, &seed);
            f.commit_fails = (rand_r(&seed) >> 4) % 3 == 0;
            fake_tick(&f);
            for (int i = 0; i < TABS; i++)
                view_read(&views[i]);
            f.commit_fails = (rand_r(&seed) >> 4) % 3 == 0;
            fake_wait(&f, 400); /* the last head start is over */
            for (int i = 0; i < TABS; i++)
                view_read(&views[i]);
            for (int i = 0; i < TABS; i++)
                ck_view(views, i);
        }
        f.commit_fails = false;
        tear_down();
    }
}
END_TEST

/* --- ringing --- */

#define STATE "{'messageType':'ring_state','ringId':'%s','targetUser':'%s','state':'%s'}"
#define OVER  "{'messageType':'ring_over','ringId':'%s'}"

static char call_id[CALL_ID_LEN + 1], ring_id[32];

/* ann is in a call; bob has two tabs and is in none (cat is his other one). */
static void ann_in_a_call(void)
{
    strcpy(call_id, make_call("Tea"));
    ann = fake_tab(&f, "ann", true);
    settle(ann, call_id);
    bob = fake_tab(&f, "Bob", true);
    cat = fake_tab(&f, "Bob", true);
}

static void ring(const char *target)
{
    say(ann, "{'messageType':'ring','targetUser':'%s','callId':'%s'}", target, call_id);
    fake_tick(&f);
    const char *text = heard(ann), *id = strstr(text, "'ringId':'");
    ck_assert_msg(id != NULL, "%s", text);
    snprintf(ring_id, sizeof ring_id, "%.16s", id + 10);
    char wanted[256];
    snprintf(wanted, sizeof wanted, STATE, ring_id, "Bob", "ringing");
    ck_assert_str_eq(text, wanted);
}

static void bob_is_rung(void)
{
    ann_in_a_call();
    ring("bOB");
    struct tab *both[] = { bob, cat };
    for (int i = 0; i < 2; i++)
        ck_heard(both[i],
                 "{'messageType':'incoming_call','ringId':'%s','callId':'%s','name':'Tea',"
                 "'fromUser':'ann'}",
                 ring_id, call_id);
}

static void ck_missed_note(void)
{
    const char *text = heard(bob);
    char wanted[128];
    snprintf(wanted, sizeof wanted, "'text':'Missed call: Tea\\n/video-call/%s'", call_id);
    ck_assert_ptr_nonnull(strstr(text, "'messageType':'direct_message','fromUser':'ann'"));
    ck_assert_msg(strstr(text, wanted) != NULL, "%s", text);
}

START_TEST(a_ring_is_accepted_or_declined_by_any_tab)
{
    for (int accept = 0; accept <= 1; accept++) {
        set_up();
        bob_is_rung();
        say(cat, "{'messageType':'ring_answer','ringId':'%s','accept':%s}", ring_id,
            accept ? "true" : "false");
        fake_tick(&f);
        ck_heard(ann, STATE, ring_id, "Bob", accept ? "accepted" : "declined");
        ck_heard(bob, OVER, ring_id);
        ck_heard(cat, OVER, ring_id);
        say(bob, "{'messageType':'ring_answer','ringId':'%s','accept':true}", ring_id);
        fake_tick(&f);
        ck_refused(bob);
        fake_wait(&f, 60000);
        ck_silent(ann);
        ck_silent(bob);
        tear_down();
    }
}
END_TEST

START_TEST(a_cancelled_ring_is_noted)
{
    set_up();
    bob_is_rung();
    say(ann, "{'messageType':'ring_cancel','ringId':'%s'}", ring_id);
    fake_tick(&f);
    ck_heard(ann, STATE, ring_id, "Bob", "cancelled");
    ck_assert_ptr_nonnull(strstr(heard(ann), "direct_message"));
    ck_heard(bob, OVER, ring_id);
    ck_missed_note();
    ck_silent(bob);
    tear_down();
}
END_TEST

START_TEST(a_ring_is_missed_after_30_seconds)
{
    set_up();
    bob_is_rung();
    fake_wait(&f, 29999);
    ck_silent(ann);
    fake_wait(&f, 1);
    ck_heard(ann, STATE, ring_id, "Bob", "missed");
    ck_heard(bob, OVER, ring_id);
    ck_missed_note();
    tear_down();
}
END_TEST

START_TEST(a_ring_is_missed_when_the_caller_leaves)
{
    for (int how = 0; how < 2; how++) {
        set_up();
        bob_is_rung();
        if (how)
            fake_lose(ann);
        else
            leave(ann);
        fake_tick(&f);
        if (!how)
            ck_heard(ann, STATE, ring_id, "Bob", "missed");
        ck_heard(bob, OVER, ring_id);
        ck_missed_note();
        tear_down();
    }
}
END_TEST

START_TEST(a_ring_of_somebody_without_a_v1_connection_is_missed_at_once)
{
    set_up();
    ann_in_a_call();
    fake_lose(bob);
    fake_lose(cat);
    bob = fake_tab(&f, "Bob", false);
    hush(ann);
    ring("Bob");
    ck_heard(ann, STATE, ring_id, "Bob", "missed");
    ck_missed_note();
    tear_down();
}
END_TEST

START_TEST(a_note_waits_for_the_database)
{
    set_up();
    bob_is_rung();
    f.commit_fails = true;
    say(ann, "{'messageType':'ring_cancel','ringId':'%s'}", ring_id);
    fake_tick(&f);
    ck_heard(ann, STATE, ring_id, "Bob", "cancelled");
    ck_silent(ann);
    ck_heard(bob, OVER, ring_id);
    ck_silent(bob);
    fake_wait(&f, 5000);
    ck_silent(bob);
    f.commit_fails = false;
    fake_wait(&f, 5000);
    ck_missed_note();
    fake_wait(&f, 5000);
    ck_silent(bob);
    tear_down();
}
END_TEST

START_TEST(a_new_tab_is_told_who_calls)
{
    set_up();
    bob_is_rung();
    struct tab *tab = fake_connect(&f, "Bob", true), *base = fake_connect(&f, "Bob", false);
    fake_tick(&f);
    const char *last = "";
    char text[512] = "";
    while (*(last = heard(tab)))
        snprintf(text, sizeof text, "%s", last);
    ck_assert_ptr_nonnull(strstr(text, "incoming_call"));
    while (*(last = heard(base)))
        ck_assert_ptr_null(strstr(last, "incoming_call"));
    tear_down();
}
END_TEST

START_TEST(rings_that_make_no_sense_are_refused)
{
    static const char *const bad[] = {
        "{'messageType':'ring','callId':'%s'}",
        "{'messageType':'ring','targetUser':7,'callId':'%s'}",
        "{'messageType':'ring','targetUser':'nobody','callId':'%s'}",
        "{'messageType':'ring','targetUser':'ann','callId':'%s'}",
        "{'messageType':'ring','targetUser':'bob','x':'%s'}",
        "{'messageType':'ring','targetUser':'bob','callId':7,'x':'%s'}",
        "{'messageType':'ring','targetUser':'bob','callId':'%sx'}",
        "{'messageType':'ring_cancel','ringId':'%s'}",
        "{'messageType':'ring_cancel','x':'%s'}",
        "{'messageType':'ring_answer','ringId':'0000000000000000','accept':true,'x':'%s'}",
        "{'messageType':'ring_answer','ringId':'zzzzzzzzzzzzzzzz','accept':true,'x':'%s'}",
        "{'messageType':'ring_answer','ringId':7,'accept':true,'x':'%s'}",
    };

    set_up();
    ann_in_a_call();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[256], *at = strstr(bad[i], "%s");
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - bad[i]), bad[i], call_id, at + 2);
        say(ann, "%s", text);
        fake_tick(&f);
        ck_refused(ann);
        ck_silent(bob);
    }
    ring("bob");
    hush(bob);
    say(ann, "{'messageType':'ring','targetUser':'bob','callId':'%s'}", call_id);
    say(ann, "{'messageType':'ring_answer','ringId':'%s','accept':true}", ring_id); /* not hers */
    say(bob, "{'messageType':'ring_cancel','ringId':'%s'}", ring_id);               /* not his */
    say(bob, "{'messageType':'ring_answer','ringId':'%s'}", ring_id);
    say(bob, "{'messageType':'ring','targetUser':'ann','callId':'%s'}", call_id); /* not in it */
    fake_tick(&f);
    ck_refused(ann);
    ck_refused(ann);
    ck_refused(bob);
    ck_refused(bob);
    ck_refused(bob);
    ck_silent(bob);
    tear_down();
}
END_TEST

START_TEST(a_person_calls_eight_others_at_most_from_all_tabs_together)
{
    set_up();
    ann_in_a_call();
    struct tab *tabs[] = { ann, fake_tab(&f, "ann", true) };
    settle(tabs[1], call_id);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 9; i++) {
            char name[16];
            snprintf(name, sizeof name, "u%d", i);
            if (round == 0)
                fake_tab(&f, name, true);
            hush(tabs[i % 2]);
            say(tabs[i % 2], "{'messageType':'ring','targetUser':'%s','callId':'%s'}", name,
                call_id);
            fake_tick(&f);
            if (i < 8)
                ck_assert_ptr_nonnull(strstr(heard(tabs[i % 2]), "'state':'ringing'"));
            else
                ck_refused(tabs[i % 2]);
        }
        hush(tabs[1]);
        say(tabs[1], "{'messageType':'ring','targetUser':'u0','callId':'%s'}", call_id);
        fake_tick(&f);
        ck_refused(tabs[1]);
        fake_wait(&f, 31000);
    }
    tear_down();
}
END_TEST

START_TEST(notes_that_cannot_be_written_count_as_calls)
{
    set_up();
    ann_in_a_call();
    f.commit_fails = true;
    for (int i = 0; i < 9; i++) {
        hush(ann);
        say(ann, "{'messageType':'ring','targetUser':'bob','callId':'%s'}", call_id);
        fake_tick(&f);
        if (i == 8) {
            ck_refused(ann);
            break;
        }
        const char *id = strstr(heard(ann), "'ringId':'");
        ck_assert_ptr_nonnull(id);
        say(ann, "{'messageType':'ring_cancel','ringId':'%.16s'}", id + 10);
        fake_tick(&f);
    }
    f.commit_fails = false;
    tear_down();
}
END_TEST

START_TEST(a_ring_from_a_join_that_could_not_be_stored_never_was)
{
    set_up();
    strcpy(call_id, make_call("Tea"));
    ann = fake_tab(&f, "ann", true);
    bob = fake_tab(&f, "Bob", true);
    for (int leaves = 0; leaves <= 1; leaves++) {
        f.commit_fails = true;
        join(ann, call_id);
        say(ann, "{'messageType':'ring','targetUser':'bob','callId':'%s'}", call_id);
        if (leaves)
            fake_lose(ann);
        fake_tick(&f);
        f.commit_fails = false;
        hush(bob);
        fake_wait(&f, 60000);
        ck_silent(bob);
    }
    tear_down();
}
END_TEST

/* --- a restart --- */

START_TEST(a_restart_ends_every_call_and_keeps_the_rooms)
{
    char path[] = "/tmp/parlor-call-XXXXXX";
    const char *list;

    ck_assert_ptr_nonnull(mkdtemp(path));
    char file[64], other[80];
    snprintf(file, sizeof file, "%s/db", path);
    memset(&f, 0, sizeof f);
    fake_open_at(&f, file);
    const char *call = make_call("Tea");
    ann = fake_tab(&f, "ann", false);
    settle(ann, call);
    fake_close(&f);
    memset(&f, 0, sizeof f);
    f.app.wall_ms = FAKE_NOW + 10 * DAY_MS;
    fake_open_at(&f, file);
    ann = fake_tab(&f, "ann", true);
    f.app.wall_ms += DAY_MS - 1;
    list = list_of(ann);
    ck_assert_ptr_nonnull(strstr(list, "'name':'Tea','participants':[]"));
    f.app.wall_ms += 1;
    ck_assert_ptr_null(strstr(list_of(ann), "Tea"));
    tear_down();
    static const char *const ends[] = { "", "-wal", "-shm" };
    for (int i = 0; i < 3; i++) {
        snprintf(other, sizeof other, "%s%s", file, ends[i]);
        unlink(other);
    }
    rmdir(path);
}
END_TEST

/* --- ICE servers --- */

static const char *ice(const char *who)
{
    struct tab *t = fake_request(&f, who, "GET", "/api/ice-servers", NULL, BYTES(""));
    fake_tick(&f);
    return answer(t);
}

START_TEST(ice_servers_are_given_as_configured)
{
    static const char *const servers[] = { "{\"urls\": \"stun:a\"}",
                                           "{\"urls\":[\"turn:b\"],\"x\":1.0}", NULL };
    set_up();
    ck_assert_str_eq(ice("ann"), "200 {\"iceServers\":[]}");
    f.app.settings.ice_servers = servers;
    ck_assert_str_eq(ice("ann"), "200 {\"iceServers\":[{\"urls\": \"stun:a\"},"
                                 "{\"urls\":[\"turn:b\"],\"x\":1.0}]}");
    ck_assert_str_eq(ice(NULL), "401 {}");
    tear_down();
}
END_TEST

START_TEST(turn_servers_without_credential_get_one_for_half_a_day)
{
    static const char *const servers[] = {
        "{\"urls\":\"stun:a\"}",
        "{\"urls\":[\"stun:b\",\"turn:b\"],\"username\":\"old\"}",
        "{\"urls\":\"turns:c\",\"username\":\"u\",\"credential\":\"p\"}",
        NULL,
    };

    memset(&f, 0, sizeof f);
    f.app.settings.ice_servers = servers;
    f.app.settings.turn_secret = BYTES("north");
    fake_open_at(&f, ":memory:");
    /* printf '1700043200:ann' | openssl dgst -sha1 -hmac north -binary | base64 */
    ck_assert_str_eq(
        ice("ann"),
        "200 {\"iceServers\":[{\"urls\":\"stun:a\"},"
        "{\"username\":\"1700043200:ann\",\"credential\":\"Y815wedbqVOoE/qJ5d8csukTVCk=\","
        "\"urls\":[\"stun:b\",\"turn:b\"]},"
        "{\"urls\":\"turns:c\",\"username\":\"u\",\"credential\":\"p\"}]}");
    tear_down();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_first_one_gets_the_name_and_nobody,
        the_others_are_listed_in_order_and_told,
        joining_again_repeats_the_answers_and_tells_nobody,
        joining_another_call_leaves_the_first,
        what_is_no_call_is_refused_and_the_call_one_is_in_stays,
        guests_can_do_nothing,
        v1_messages_are_unknown_in_the_base_dialect,
        a_call_holds_256_connections,
        leaving_is_told_to_the_others_and_once,
        a_lost_connection_has_left,
        leaving_no_call_does_nothing,
        signals_are_forwarded_with_the_senders_marks_and_nothing_else_changed,
        a_long_signal_is_forwarded_whole,
        nobody_outside_the_call_is_reached_or_told_from_nobody,
        a_signal_to_oneself_or_to_what_is_no_socket_is_refused,
        a_signal_right_behind_the_join_is_forwarded,
        a_base_member_hears_of_a_newcomer_with_its_first_signal,
        a_base_member_hears_of_a_newcomer_after_400_ms,
        who_leaves_during_the_head_start_was_never_there,
        who_leaves_during_anothers_head_start_hears_nothing_of_it_later,
        joining_again_during_anothers_head_start_tells_of_it_first,
        the_list_has_what_is_available_oldest_first,
        in_v1_the_list_has_people_each_once_in_the_order_of_joining,
        a_long_list_comes_whole,
        a_call_is_gone_after_a_day_of_nobody,
        those_who_watch_see_calls_come_and_go,
        who_watches_and_goes_is_forgotten,
        media_states_go_to_the_others_and_to_newcomers,
        call_messages_go_to_v1_in_the_call_and_nobody_else,
        a_short_message_to_many_in_a_call_is_shared_by_its_receivers,
        what_happens_to_a_call_is_shared_by_many_who_watch,
        a_long_call_message_is_shared_by_its_receivers,
        a_name_has_1_to_100_code_points,
        a_call_that_cannot_be_stored_is_not_made,
        a_join_that_cannot_be_stored_was_never_made,
        a_move_that_cannot_be_stored_leaves_everybody_where_they_were,
        whoever_disconnects_while_a_move_is_in_doubt_is_gone_for_all,
        who_moves_and_disconnects_before_the_commit_has_left_the_first_call,
        many_moves_in_one_failed_tick_are_all_undone,
        a_head_start_survives_a_move_that_failed,
        what_is_empty_is_written_when_the_database_takes_it,
        a_call_joined_again_before_its_emptiness_is_written_stays_occupied,
        whatever_happens_everybody_knows_whom_they_are_with,
        a_ring_is_accepted_or_declined_by_any_tab,
        a_cancelled_ring_is_noted,
        a_ring_is_missed_after_30_seconds,
        a_ring_is_missed_when_the_caller_leaves,
        a_ring_of_somebody_without_a_v1_connection_is_missed_at_once,
        a_note_waits_for_the_database,
        a_new_tab_is_told_who_calls,
        rings_that_make_no_sense_are_refused,
        a_person_calls_eight_others_at_most_from_all_tabs_together,
        notes_that_cannot_be_written_count_as_calls,
        a_ring_from_a_join_that_could_not_be_stored_never_was,
        a_restart_ends_every_call_and_keeps_the_rooms,
        ice_servers_are_given_as_configured,
        turn_servers_without_credential_get_one_for_half_a_day,
    };

    return RUN_TESTS("call", tests);
}
