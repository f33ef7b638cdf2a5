/* test_hub.c - peers and persons, and who gets what is said to them. */
#include "app/hub.h"

#include <sodium.h>
#include <stdio.h>
#include "proto/ws_frame.h"
#include "../base/run_tests.h"

static struct outbox *o;
static struct hub h;
static char said[65536];
static struct blob *blobs[64];
static size_t offsets[64];
static int n_sent;

static void on_send(void *self, slot_id to, struct blob *b, size_t off, size_t len, enum out_class class)
{
    struct ws_frame f;
    char frame[1 << 17];
    (void)self;
    ck_assert_int_eq(class, OUT_LIVE);
    ck_assert_uint_le(len, sizeof frame);
    memcpy(frame, b->data + off, len);
    while (len) { /* neighbours lie behind each other, but each entry is one frame */
        int64_t n = parse_ws_frame(frame, len, &f);
        ck_assert_int_eq(n, (int64_t)len);
        size_t used = strlen(said);
        snprintf(said + used, sizeof said - used, "%d%s%.*s|", (int)to, f.opcode == WS_TEXT ? ":" : "!",
                 (int)(f.payload.len < 20 ? f.payload.len : 20), f.payload.data);
        len -= (size_t)n;
    }
    blobs[n_sent % 64] = b;
    offsets[n_sent++ % 64] = off;
}

static void on_finish(void *self, slot_id to, uint16_t code)
{
    size_t used = strlen(said);
    (void)self;
    snprintf(said + used, sizeof said - used, "%d finish %d|", (int)to, code);
}

static const struct out_sink sink = { .send = on_send, .finish = on_finish };

static const char *release(void)
{
    said[0] = 0;
    n_sent = 0;
    outbox_release(o, &sink, true);
    outbox_recycle(o);
    return said;
}

static void start(void)
{
    o = outbox_new();
    ck_assert_ptr_nonnull(o);
    ck_assert_int_eq(hub_init(&h, o), OK);
}

static void stop(void)
{
    hub_release(&h);
    hub_release(&h);
    outbox_free(o);
}

static struct peer *join(slot_id conn, int64_t user, const char *name, bool is_v1)
{
    static uint8_t session[HUB_SESSION_LEN];
    struct peer *p;
    session[0] = (uint8_t)conn;
    ck_assert_int_eq(hub_join(&h, conn, user, bytes_str(name), session, is_v1, &p), OK);
    return p;
}

START_TEST(a_person_is_there_from_the_first_to_the_last_connection)
{
    start();
    uint32_t v = h.version;
    ck_assert_ptr_null(hub_person(&h, 5));
    struct peer *a = join(1, 5, "ann", false);
    ck_assert_uint_ne(h.version, v);
    v = h.version;
    struct peer *b = join(2, 5, "ann", true);
    ck_assert_uint_eq(h.version, v); /* the set of persons is the same */
    ck_assert_ptr_eq(a->person, b->person);
    ck_assert_str_eq(hub_person(&h, 5)->name, "ann");
    ck_assert_int_eq(h.n_persons, 1);
    hub_leave(&h, a);
    ck_assert_uint_eq(h.version, v);
    ck_assert_ptr_nonnull(hub_person(&h, 5));
    hub_leave(&h, b);
    ck_assert_uint_ne(h.version, v);
    ck_assert_ptr_null(hub_person(&h, 5));
    ck_assert_int_eq(h.n_persons, 0);
    stop();
}
END_TEST

START_TEST(a_guest_is_a_peer_and_no_person)
{
    start();
    uint32_t v = h.version;
    struct peer *g = join(1, 0, "", false);
    ck_assert(!peer_is_member(g));
    ck_assert_uint_eq(h.version, v);
    ck_assert_int_eq(h.n_persons, 0);
    hub_leave(&h, g);
    ck_assert_uint_eq(h.version, v);
    stop();
}
END_TEST

START_TEST(many_persons_are_found_and_forgotten)
{
    enum { N = 5000 };
    struct peer *p[N];
    char name[16];
    start();
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "user%d", i);
        p[i] = join((slot_id)i + 1, 1 + (int64_t)i * 64, name, i % 2); /* ids that share a bucket */
    }
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "user%d", i);
        ck_assert_str_eq(hub_person(&h, 1 + (int64_t)i * 64)->name, name);
    }
    for (int i = 0; i < N; i += 2)
        hub_leave(&h, p[i]);
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(hub_person(&h, 1 + (int64_t)i * 64) != NULL, i % 2);
    ck_assert_int_eq(h.n_persons, N / 2);
    ck_assert_uint_eq(h.n_v1, N / 2);
    ck_assert_uint_eq(h.n_base, 0);
    stop(); /* frees the others */
}
END_TEST

START_TEST(a_name_of_32_bytes_is_kept_whole)
{
    start();
    join(1, 1, "abcdefghijklmnopqrstuvwxyz012345", false);
    ck_assert_str_eq(hub_person(&h, 1)->name, "abcdefghijklmnopqrstuvwxyz012345");
    stop();
}
END_TEST

START_TEST(every_connection_has_a_uuid_of_version_4)
{
    char id[HUB_SOCKET_ID_LEN + 1], before[HUB_SOCKET_ID_LEN + 1] = "";
    start();
    for (int i = 0; i < 200; i++) {
        peer_socket_id(join((slot_id)i + 1, 0, "", false), id);
        ck_assert_uint_eq(strlen(id), 36);
        for (int k = 0; k < 36; k++) {
            if (k == 8 || k == 13 || k == 18 || k == 23)
                ck_assert_int_eq(id[k], '-');
            else
                ck_assert(strchr("0123456789abcdef", id[k]) != NULL);
        }
        ck_assert_int_eq(id[14], '4');
        ck_assert(strchr("89ab", id[19]) != NULL);
        ck_assert_str_ne(id, before);
        memcpy(before, id, sizeof id);
    }
    stop();
}
END_TEST

START_TEST(a_message_to_a_user_reaches_each_of_their_connections_of_that_dialect_once)
{
    start();
    join(1, 5, "ann", false);
    join(2, 5, "ann", true);
    join(3, 6, "bob", false);
    join(4, 0, "", false);
    join(5, 5, "ann", false);
    hub_to_user(&h, 5, TO_ALL, BYTES("all"));
    ck_assert_str_eq(release(), "1:all|2:all|5:all|");
    hub_to_user(&h, 5, TO_BASE, BYTES("base"));
    hub_to_user(&h, 5, TO_V1, BYTES("v1"));
    ck_assert_str_eq(release(), "1:base|5:base|2:v1|");
    hub_to_user(&h, 7, TO_ALL, BYTES("nobody"));
    hub_to_user(&h, 6, TO_V1, BYTES("nobody"));
    hub_to_user(&h, 0, TO_ALL, BYTES("guests are nobody"));
    ck_assert_str_eq(release(), "");
    ck_assert(hub_user_has(&h, 5, TO_V1) && hub_user_has(&h, 5, TO_BASE) && hub_user_has(&h, 5, TO_ALL));
    ck_assert(!hub_user_has(&h, 6, TO_V1) && hub_user_has(&h, 6, TO_BASE));
    ck_assert(!hub_user_has(&h, 7, TO_ALL));
    stop();
}
END_TEST

START_TEST(members_get_what_guests_do_not)
{
    start();
    join(1, 5, "ann", false);
    join(2, 0, "", true);
    join(3, 6, "bob", true);
    hub_to_members(&h, TO_V1, BYTES("x"));
    hub_to_members(&h, TO_ALL, BYTES("y"));
    ck_assert_str_eq(release(), "3:x|1:y|3:y|");
    ck_assert(hub_has(&h, TO_V1) && hub_has(&h, TO_BASE) && hub_has(&h, TO_ALL));
    stop();
}
END_TEST

START_TEST(dialects_are_counted)
{
    start();
    ck_assert(!hub_has(&h, TO_ALL) && !hub_has(&h, TO_BASE) && !hub_has(&h, TO_V1));
    struct peer *v1 = join(1, 0, "", true);
    ck_assert(hub_has(&h, TO_ALL) && !hub_has(&h, TO_BASE) && hub_has(&h, TO_V1));
    join(2, 0, "", false);
    hub_leave(&h, v1);
    ck_assert(hub_has(&h, TO_ALL) && hub_has(&h, TO_BASE) && !hub_has(&h, TO_V1));
    stop();
}
END_TEST

START_TEST(a_long_message_is_framed_once_for_all_connections)
{
    static char text[70000];
    start();
    memset(text, 'x', sizeof text);
    for (slot_id i = 1; i <= 3; i++)
        join(i, 5, "ann", false);
    hub_to_user(&h, 5, TO_ALL, bytes_of(text, sizeof text));
    release();
    ck_assert_int_eq(n_sent, 3);
    ck_assert_ptr_eq(blobs[0], blobs[1]);
    ck_assert_ptr_eq(blobs[0], blobs[2]);
    hub_to_peer(&h, join(4, 6, "bob", false), BYTES(""));
    ck_assert_str_eq(release(), "4:|");
    stop();
}
END_TEST

START_TEST(a_short_message_is_framed_once_for_many_connections)
{
    char text[100];
    start();
    memset(text, 'x', sizeof text);
    for (slot_id i = 1; i <= 60; i++)
        join(i, 5, "ann", i % 6 == 0);
    hub_to_user(&h, 5, TO_BASE, bytes_of(text, sizeof text));
    release();
    ck_assert_int_eq(n_sent, 50);
    for (int i = 1; i < n_sent; i++) {
        ck_assert_ptr_eq(blobs[i], blobs[0]);
        ck_assert_uint_eq(offsets[i], offsets[0]);
    }
    stop();
}
END_TEST

START_TEST(the_connections_of_a_session_are_closed_and_no_others)
{
    uint8_t session[HUB_SESSION_LEN] = { 9 }, none[HUB_SESSION_LEN] = { 0 };
    struct peer *p;
    start();
    join(1, 5, "ann", false);
    ck_assert_int_eq(hub_join(&h, 2, 5, BYTES("ann"), session, true, &p), OK);
    ck_assert_int_eq(hub_join(&h, 3, 5, BYTES("ann"), session, false, &p), OK);
    join(4, 0, "", false); /* a guest, whose session is all zero */
    join(9, 6, "bob", false); /* another user's session that looks the same */
    said[0] = 0;
    hub_close_session(&h, &sink, 5, session, 1008);
    ck_assert_str_eq(said, "2!\x03\xf0|2 finish 1008|3!\x03\xf0|3 finish 1008|");
    said[0] = 0;
    hub_close_session(&h, &sink, 5, none, 1008);
    hub_close_session(&h, &sink, 0, none, 1008);
    hub_close_session(&h, &sink, 7, session, 1008);
    ck_assert_str_eq(said, "");
    stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_person_is_there_from_the_first_to_the_last_connection,
        a_guest_is_a_peer_and_no_person,
        many_persons_are_found_and_forgotten,
        a_name_of_32_bytes_is_kept_whole,
        every_connection_has_a_uuid_of_version_4,
        a_message_to_a_user_reaches_each_of_their_connections_of_that_dialect_once,
        members_get_what_guests_do_not,
        dialects_are_counted,
        a_long_message_is_framed_once_for_all_connections,
        a_short_message_is_framed_once_for_many_connections,
        the_connections_of_a_session_are_closed_and_no_others,
    };
    return sodium_init() < 0 ? EXIT_FAILURE : RUN_TESTS("hub", tests);
}
