/* test_board.c - strokes: what is one, who gets it, and that a newcomer gets each of them once and in everyone's order. */
#include "../base/run_tests.h"
#include "fake.h"

#define STROKE "'startX':1,'startY':2.50,'endX':-3e2,'endY':0,'color':'#aBc'"

static struct fake f;

static int64_t stored(void)
{
    int64_t n = -1;
    ck_ok(stroke_store_count(&f.app.strokes, &n));
    return n;
}

/* A tab whose greeting is not thrown away. */
static struct tab *newcomer(bool is_v1)
{
    struct tab *t = fake_connect(&f, NULL, is_v1);
    fake_tick(&f);
    if (is_v1)
        ck_assert_ptr_nonnull(strstr(heard(t), "'messageType':'hello'"));
    return t;
}

START_TEST(an_empty_board_is_the_first_thing_a_newcomer_gets)
{
    fake_open(&f);
    struct tab *t = newcomer(false);
    ck_heard(t, "{'messageType':'init_strokes','strokes':[]}");
    ck_silent(t);
    struct tab *v1 = newcomer(true);
    ck_heard(v1, "{'messageType':'init_strokes','strokes':[]}");
    struct tab *u = fake_connect(&f, NULL, false);
    u->hears_lists = true;
    fake_tick(&f);
    ck_heard(u, "{'messageType':'init_strokes','strokes':[]}");
    ck_heard(u, "{'messageType':'active_users_list','users':[]}");
    ck_silent(u);
    fake_close(&f);
}
END_TEST

START_TEST(a_stroke_comes_back_to_everyone_byte_for_byte)
{
    fake_open(&f);
    struct tab *a = fake_tab(&f, NULL, false), *b = fake_tab(&f, "ann", true), *c = fake_tab(&f, "bob", false);
    say(a, " {  'messageType' :'drawing'," STROKE ", 'more': [ 1, {'x':'\\ud800\\u0000'} ] } ");
    ck_silent(a); /* not before the commit */
    fake_tick(&f);
    struct tab *all[] = { a, b, c };
    for (int i = 0; i < 3; i++) {
        ck_heard(all[i], " {  'messageType' :'drawing'," STROKE ", 'more': [ 1, {'x':'\\ud800\\u0000'} ] } ");
        ck_silent(all[i]);
    }
    struct tab *d = newcomer(false);
    ck_heard(d, "{'messageType':'init_strokes','strokes':[{" STROKE ",'more':[ 1, {'x':'\\ud800\\u0000'} ]}]}");
    fake_close(&f);
}
END_TEST

START_TEST(numbers_come_back_as_they_were_written)
{
    fake_open(&f);
    struct tab *a = fake_tab(&f, NULL, false);
    say(a, "{'messageType':'drawing','startX':0.1000000000000000055511151231257827,'startY':1E+2,'endX':-0,'endY':5e-324,'color':'red'}");
    fake_tick(&f);
    struct tab *b = newcomer(false);
    ck_heard(b, "{'messageType':'init_strokes','strokes':[{'startX':0.1000000000000000055511151231257827,'startY':1E+2,"
                "'endX':-0,'endY':5e-324,'color':'red'}]}");
    fake_close(&f);
}
END_TEST

START_TEST(colors_are_hex_digits_or_names)
{
    static const char *const good[] = { "#abc", "#ABCD", "#012345", "#01234567", "red", "R", "RebeccaPurple", "abcdefghijklmnopqrstuvwxyzabcdef", "\\u0072ed", "\\u0023fff" };
    static const char *const bad[] = { "", "#", "#ab", "#abcde", "#abcdefa", "#012345678", "#ggg", "#ab ", "red1", "light blue", "rgb(0,0,0)", "red;", "\\u0000",
                                       "abcdefghijklmnopqrstuvwxyzabcdefg", "#\\u0000\\u0000\\u0000", "\xc3\xa9", "-red", "url(x)", "\\ud800", "#abc#", "expression(alert)" };
    fake_open(&f);
    struct tab *a = fake_tab(&f, NULL, false);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        say(a, "{'messageType':'drawing','startX':1,'startY':1,'endX':1,'endY':1,'color':'%s'}", good[i]);
        fake_tick(&f);
        ck_assert_msg(strstr(heard(a), "'messageType':'drawing'") != NULL, "%s", good[i]);
    }
    ck_assert_int_eq(stored(), (int64_t)(sizeof good / sizeof *good));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        say(a, "{'messageType':'drawing','startX':1,'startY':1,'endX':1,'endY':1,'color':'%s'}", bad[i]);
        fake_tick(&f);
        ck_assert_msg(strstr(heard(a), "'messageType':'error'") != NULL, "%s", bad[i]);
    }
    ck_assert_int_eq(stored(), (int64_t)(sizeof good / sizeof *good));
    fake_close(&f);
}
END_TEST

START_TEST(a_stroke_that_lacks_something_changes_nothing)
{
    static const char *const bad[] = {
        "'startY':1,'endX':1,'endY':1,'color':'red'", "'startX':1,'endX':1,'endY':1,'color':'red'", "'startX':1,'startY':1,'endY':1,'color':'red'",
        "'startX':1,'startY':1,'endX':1,'color':'red'", "'startX':1,'startY':1,'endX':1,'endY':1", "'startX':'1','startY':1,'endX':1,'endY':1,'color':'red'",
        "'startX':1,'startY':null,'endX':1,'endY':1,'color':'red'", "'startX':1,'startY':1,'endX':[1],'endY':1,'color':'red'",
        "'startX':1,'startY':1,'endX':1,'endY':1e400,'color':'red'", "'startX':1,'startY':1,'endX':1,'endY':true,'color':'red'",
        "'startX':1,'startY':1,'endX':1,'endY':1,'color':7", "'startX':1,'startY':1,'endX':1,'endY':1,'color':null",
        "'startX':1,'startX':1,'startY':1,'endX':1,'endY':1,'color':'red'",
    };
    fake_open(&f);
    struct tab *a = fake_tab(&f, NULL, false), *b = fake_tab(&f, NULL, false);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        say(a, "{'messageType':'drawing',%s}", bad[i]);
        fake_tick(&f);
        ck_assert_msg(strstr(heard(a), "'messageType':'error'") != NULL, "%s", bad[i]);
        ck_silent(a);
        ck_silent(b);
    }
    ck_assert_int_eq(stored(), 0);
    struct tab *c = newcomer(false);
    ck_heard(c, "{'messageType':'init_strokes','strokes':[]}");
    fake_close(&f);
}
END_TEST

START_TEST(a_stroke_has_4096_bytes_and_not_one_more)
{
    char pad[4200];
    fake_open(&f);
    struct tab *a = fake_tab(&f, NULL, false);
    int base = snprintf(NULL, 0, "{'messageType':'drawing'," STROKE ",'pad':''}");
    for (int len = 4095; len <= 4097; len++) {
        memset(pad, 'p', sizeof pad);
        pad[len - base] = 0;
        say(a, "{'messageType':'drawing'," STROKE ",'pad':'%s'}", pad);
        fake_tick(&f);
        ck_assert_int_eq(strstr(heard(a), "'messageType':'error'") != NULL, len > 4096);
    }
    ck_assert_int_eq(stored(), 2);
    fake_close(&f);
}
END_TEST

START_TEST(guests_and_members_draw_in_their_own_name)
{
    fake_open(&f);
    struct tab *guest = fake_tab(&f, NULL, false), *ann = fake_tab(&f, "ann", false);
    say(guest, "{'messageType':'drawing'," STROKE "}");
    say(ann, "{'messageType':'drawing'," STROKE "}");
    fake_tick(&f);
    ck_assert_int_eq(stored(), 2);
    fake_close(&f);
}
END_TEST

/* Strokes and newcomers in one tick, in every order: each stroke once, as part of the board or live. */
START_TEST(who_comes_while_others_draw_gets_each_stroke_once)
{
    for (unsigned order = 0; order < 64; order++) {
        struct tab *late[6];
        int n_late = 0, n_strokes = 0, before[6];
        fake_open(&f);
        struct tab *a = fake_tab(&f, NULL, false);
        for (int i = 0; i < 6; i++) {
            if (order >> i & 1) {
                before[n_late] = n_strokes;
                late[n_late++] = fake_connect(&f, NULL, false);
            } else {
                say(a, "{'messageType':'drawing','startX':%d,'startY':0,'endX':0,'endY':0,'color':'red'}", n_strokes++);
            }
        }
        fake_tick(&f);
        for (int i = 0; i < n_late; i++) {
            char want[1024] = "{'messageType':'init_strokes','strokes':[";
            for (int s = 0; s < before[i]; s++)
                sprintf(want + strlen(want), "%s{'startX':%d,'startY':0,'endX':0,'endY':0,'color':'red'}", s ? "," : "", s);
            strcat(want, "]}");
            ck_assert_str_eq(heard(late[i]), want);
            for (int s = before[i]; s < n_strokes; s++)
                ck_heard(late[i], "{'messageType':'drawing','startX':%d,'startY':0,'endX':0,'endY':0,'color':'red'}", s);
            ck_silent(late[i]);
        }
        fake_close(&f);
    }
}
END_TEST

START_TEST(a_stroke_whose_commit_fails_was_never_there)
{
    fake_open(&f);
    struct tab *a = fake_tab(&f, NULL, false), *b = fake_tab(&f, NULL, false);
    say(a, "{'messageType':'drawing'," STROKE ",'n':1}");
    fake_tick(&f);
    hush(a);
    hush(b);
    f.commit_fails = true;
    say(a, "{'messageType':'drawing'," STROKE ",'n':2}");
    struct tab *c = fake_connect(&f, NULL, false); /* in the very same tick */
    say(b, "{'messageType':'drawing'," STROKE ",'n':3}");
    say(b, "{'messageType':'echo_client','text':'still served'}");
    fake_tick(&f);
    ck_heard(a, "{'messageType':'error','error':'the server cannot store anything right now'}");
    ck_silent(a);
    ck_heard(b, "{'messageType':'error','error':'the server cannot store anything right now'}");
    ck_heard(b, "{'messageType':'echo_server','text':'still served'}");
    ck_silent(b);
    ck_heard(c, "{'messageType':'init_strokes','strokes':[{" STROKE ",'n':1}]}");
    ck_silent(c);
    f.commit_fails = false;
    say(a, "{'messageType':'drawing'," STROKE ",'n':4}");
    fake_tick(&f);
    ck_heard(c, "{'messageType':'drawing'," STROKE ",'n':4}");
    struct tab *d = newcomer(false);
    ck_heard(d, "{'messageType':'init_strokes','strokes':[{" STROKE ",'n':1},{" STROKE ",'n':4}]}");
    ck_assert_int_eq(stored(), 2);
    fake_close(&f);
}
END_TEST

START_TEST(a_board_is_the_same_after_a_restart)
{
    char path[] = "/tmp/test_board.XXXXXX", name[64], before[8192];
    static const char *const files[] = { "", "-wal", "-shm" };
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    unlink(path);
    memset(&f, 0, sizeof f);
    fake_open_at(&f, path);
    struct tab *a = fake_tab(&f, NULL, false);
    for (int i = 0; i < 50; i++) {
        say(a, "{'messageType':'drawing'," STROKE ",'n':%d}", i);
        if (i % 7 == 0)
            fake_tick(&f);
    }
    fake_tick(&f);
    snprintf(before, sizeof before, "%s", heard(newcomer(false)));
    ck_assert_ptr_nonnull(strstr(before, "'n':49}]}"));
    fake_close(&f);
    memset(&f, 0, sizeof f);
    fake_open_at(&f, path);
    ck_assert_str_eq(heard(newcomer(false)), before);
    fake_close(&f);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, files[i]);
        unlink(name);
    }
}
END_TEST

START_TEST(a_service_may_be_closed_before_it_was_opened)
{
    memset(&f, 0, sizeof f);
    board_close(&f.app);
    presence_close(&f.app);
    auth_close(&f.app);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_empty_board_is_the_first_thing_a_newcomer_gets,
        a_stroke_comes_back_to_everyone_byte_for_byte,
        numbers_come_back_as_they_were_written,
        colors_are_hex_digits_or_names,
        a_stroke_that_lacks_something_changes_nothing,
        a_stroke_has_4096_bytes_and_not_one_more,
        guests_and_members_draw_in_their_own_name,
        who_comes_while_others_draw_gets_each_stroke_once,
        a_stroke_whose_commit_fails_was_never_there,
        a_board_is_the_same_after_a_restart,
        a_service_may_be_closed_before_it_was_opened,
    };
    return RUN_TESTS("board", tests);
}
