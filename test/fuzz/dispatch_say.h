/* dispatch_say.h - for fuzz_dispatch.c: makes of the input a message that a client says, and notes
 * who has to hear it. Fields come from small sets, so that messages have to do with each other;
 * texts come from the input, without the marks of tags, so that nobody can forge one. */
#ifndef TEST_FUZZ_DISPATCH_SAY_H
#define TEST_FUZZ_DISPATCH_SAY_H

#include "dispatch_world.h"

static void put(struct world *w, const char *text)
{
    size_t n = strlen(text);

    FUZZ_CHECK(w->n_text + n < TEXT_CAP * 2);
    memcpy(w->text + w->n_text, text, n);
    w->n_text += n;
}

__attribute__((format(printf, 2, 3))) static void putf(struct world *w, const char *format, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, format);
    int n = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    FUZZ_CHECK(n >= 0 && (size_t)n < sizeof text);
    put(w, text);
}

/* Bytes of the input as the inside of a JSON string; what is no UTF-8 becomes "?", and the marks of
 * tags become "-", so that nobody can forge one. False when there is a U+0000 in it. */
static bool put_input(struct world *w, size_t n)
{
    struct bytes b = fuzz_bytes(&w->in, n);
    bool has_nul = false;
    uint32_t value;
    size_t used;

    for (; b.len > 0; b = bytes_from(b, used)) {
        bool is_good = ref_utf8_char(b, &used, &value) == REF_UTF8_WHOLE;
        if (!is_good) {
            used = 1;
            put(w, "?");
        } else if (value < 0x20 || value == '"' || value == '\\' || value > 0x7E) {
            has_nul = has_nul || value == 0;
            if (value < 0x10000 && value % 2)
                putf(w, "\\u%04x", value);
            else if (value < 0x80)
                putf(w, "\\u%04X", value);
            else
                putf(w, "%.*s", (int)used, b.data);
        } else {
            putf(w, "%c", value == '~' || value == '^' ? '-' : (int)value);
        }
    }
    return !has_nul;
}

/* Something behind a tag: nothing, bytes of the input, a long text, one that is too long. True when
 * a text with it may be said. */
static bool put_rest(struct world *w)
{
    unsigned kind = fuzz_byte(&w->in);
    size_t n = kind < 0xF0 ? 0 : kind < 0xFC ? 5000 : 66000;

    if (kind < 0xF0)
        return put_input(w, kind % 24);
    FUZZ_CHECK(w->n_text + n < TEXT_CAP * 2);
    memset(w->text + w->n_text, '<', n);
    w->n_text += n;
    return n < 65536;
}

static const char *pick(struct world *w, const char *const *from, size_t n)
{
    return from[fuzz_byte(&w->in) % n];
}

static int pick_user(struct world *w)
{
    return (int)(fuzz_byte(&w->in) % (USERS + 1));
}

/* `"key":"a name"`, sometimes in another case. Whose it is; GUEST: nobody's. */
static int put_user(struct world *w, const char *key)
{
    unsigned kind = fuzz_byte(&w->in) % 16;
    int user = pick_user(w);

    putf(w, ",\"%s\":", key);
    if (kind == 0)
        put(w, "\"nobody\"");
    else if (kind == 1)
        put(w, "17");
    else if (kind == 2)
        putf(w, "\"%c\\u00%02x%s\"", user_names[user][0] ^ 0x20, user_names[user][1],
             user_names[user] + 2);
    else
        putf(w, "\"%s\"", user_names[user]);
    return kind < 2 ? GUEST : user;
}
static struct sent *tag_new(struct world *w)
{
    struct sent *s = &w->sent[w->n_sent++];

    FUZZ_CHECK(w->n_sent <= SENT_MAX);
    *s = (struct sent){ .tag = ++w->last_tag, .repeats_for = GUEST };
    return s;
}

/* Whom it may reach it must reach, if it is good; and if not, nobody. */
static void expect(struct sent *s, unsigned whom, bool is_good)
{
    s->may = s->must = is_good ? whom : 0;
}

static unsigned members_of(const struct world *w, int a, int b)
{
    unsigned whom = 0;

    for (const struct client *c = w->clients; c < w->clients + CLIENTS; c++)
        if (c->tab && c->user != GUEST && (c->user == a || c->user == b))
            whom |= bit(w, c);
    return whom;
}

static void make_direct_message(struct world *w, struct client *c)
{
    struct sent *s = tag_new(w);
    bool has_id = fuzz_byte(&w->in) % 8 == 0;

    put(w, "\"direct_message\"");
    int to = put_user(w, "targetUser");
    putf(w, ",\"text\":\"~%d.%d.%u~", c->user, to, s->tag);
    bool is_good = put_rest(w) && c->user != GUEST && to != GUEST;
    put(w, "\"");
    expect(s, members_of(w, c->user, to), is_good);
    if (has_id) { /* the text of an earlier message may come instead */
        putf(w, ",\"clientId\":\"id-%u\"", fuzz_byte(&w->in) % 3);
        s->must = c->is_v1 ? 0 : s->must;
        s->repeats_for = c->is_v1 && is_good ? c->user : GUEST;
    }
}

static void make_chat(struct world *w)
{
    put(w, "\"chatMessage\",\"comment\":\"");
    put_rest(w);
    put(w, "\"");
    if (fuzz_byte(&w->in) % 8 == 0)
        putf(w, ",\"clientId\":\"id-%u\"", fuzz_byte(&w->in) % 3);
}

static void make_echo(struct world *w, struct client *c)
{
    struct sent *s = tag_new(w);

    putf(w, "\"echo_client\",\"text\":\"^%u^", s->tag);
    put_rest(w); /* any text is good */
    put(w, "\"");
    expect(s, bit(w, c), true);
}

static void make_drawing(struct world *w)
{
    static const char *const numbers[] = { "0", "-1.50", "1e3", "0.1E-2", "1e999", "\"1\"" };
    static const char *const colors[] = { "red", "#abc", "#AABBCCDD", "#ab", "" };
    static const char *const keys[] = { "startX", "startY", "endX", "endY" };

    put(w, "\"drawing\"");
    for (size_t i = 0; i < 4; i++)
        putf(w, ",\"%s\": %s", keys[i], pick(w, numbers, fuzz_byte(&w->in) % 8 ? 4 : 6));
    putf(w, ",\"color\":\"%s\"", pick(w, colors, fuzz_byte(&w->in) % 8 ? 3 : 5));
    putf(w, ",\"n\":[%u, {\"a b\" : \"", ++w->n_strokes);
    put_input(w, fuzz_byte(&w->in) % 16);
    put(w, "\"}]");
}

static void make_page(struct world *w)
{
    unsigned kind = fuzz_byte(&w->in);

    if (kind & 1)
        putf(w, ",\"limit\":%u", fuzz_byte(&w->in) % 5);
    if (kind & 2)
        putf(w, ",\"beforeId\":%u", fuzz_byte(&w->in) % 16);
    if (kind & 4)
        put(w, ",\"beforeId\":null");
}

static const char *put_bool(struct world *w)
{
    static const char *const values[] = {
        "true", "false", "true", "false", "true", "false", "null"
    };

    return pick(w, values, 7);
}

/* --- calls --- */

static int put_call(struct world *w)
{
    unsigned kind = fuzz_byte(&w->in);
    int call = (int)(kind / 16 % CALLS);

    if (kind % 16 == 0) {
        put(w, ",\"callId\":\"000000000000000000000000\"");
        return NOWHERE;
    }
    putf(w, ",\"callId\":\"%s\"", call_ids[call]);
    return call;
}

static void make_join(struct world *w, struct client *c)
{
    put(w, "\"join_call\"");
    int call = put_call(w);
    if (call != NOWHERE && c->user != GUEST)
        c->room = call;
}

static void make_signal(struct world *w, struct client *c)
{
    static const char *const signals[] = { "offer", "answer", "ice_candidate" };
    unsigned kind = fuzz_byte(&w->in);
    const struct client *to = &w->clients[kind % CLIENTS];
    struct sent *s = tag_new(w);

    putf(w, "\"%s\",\"socketId\":\"%s\",\"sdp\":\"^%u^", signals[kind / 8 % 3], to->socket_id,
         s->tag);
    put_rest(w); /* forwarded as it is */
    put(w, "\"");
    expect(s, bit(w, to), to != c && to->tab && c->room != NOWHERE && to->room == c->room);
}

static void make_call_message(struct world *w, struct client *c)
{
    struct sent *s = tag_new(w);
    unsigned whom = 0;

    putf(w, "\"call_message\",\"text\":\"^%u^", s->tag);
    bool is_good = put_rest(w) && c->is_v1 && c->room != NOWHERE;
    put(w, "\"");
    for (const struct client *o = w->clients; o < w->clients + CLIENTS; o++)
        if (o->tab && o->is_v1 && o->room == c->room)
            whom |= bit(w, o);
    expect(s, whom, is_good);
}

static void make_media(struct world *w)
{
    static const char *const keys[] = { "microphone", "camera", "screen", "hand" };

    put(w, "\"media_state\"");
    for (size_t i = 0; i < 4; i++)
        putf(w, ",\"%s\":%s", keys[i], put_bool(w));
}

static void make_ring_reply(struct world *w, bool is_answer)
{
    putf(w, "\"%s\",\"ringId\":\"%s\"", is_answer ? "ring_answer" : "ring_cancel",
         w->rings[fuzz_byte(&w->in) % RINGS_KNOWN]);
    if (is_answer)
        putf(w, ",\"accept\":%s", put_bool(w));
}

/* Whatever the input says, without escapes and without the marks of tags. */
static void make_raw(struct world *w)
{
    struct bytes b = fuzz_bytes(&w->in, fuzz_byte(&w->in));
    uint32_t value;
    size_t used;

    w->n_text = 0;
    for (; b.len > 0; b = bytes_from(b, used)) {
        if (ref_utf8_char(b, &used, &value) != REF_UTF8_WHOLE || value == 0)
            put(w, (used = 1, "?"));
        else if (value == '~' || value == '^' || value == '\\')
            put(w, "-");
        else
            putf(w, "%.*s", (int)used, b.data);
    }
}

static void make(struct world *w, struct client *c, unsigned kind)
{
    static const char *const plain[] = { "get_all_users", "get_conversations", "get_calls",
                                         "nothing" };

    w->n_text = 0;
    put(w, "{\"messageType\":");
    switch (kind % 24) {
    case 0:
        make_echo(w, c);
        break;
    case 1:
    case 2:
        make_drawing(w);
        break;
    case 3:
        make_chat(w);
        break;
    case 4:
        put(w, "\"get_chat_history\"");
        make_page(w);
        break;
    case 5:
        putf(w, "\"%s\"", pick(w, plain, 4));
        break;
    case 6:
        put(w, "\"select_user\"");
        put_user(w, "targetUser");
        break;
    case 7:
    case 8:
    case 9:
        make_direct_message(w, c);
        break;
    case 10:
        put(w, "\"get_messages\"");
        put_user(w, "withUser");
        make_page(w);
        break;
    case 11:
        put(w, "\"mark_read\"");
        put_user(w, "withUser");
        putf(w, ",\"upToId\":%u", fuzz_byte(&w->in) % 16);
        break;
    case 12:
        put(w, "\"typing\"");
        put_user(w, "targetUser");
        putf(w, ",\"isTyping\":%s", put_bool(w));
        break;
    case 13:
    case 14:
        make_join(w, c);
        break;
    case 15:
        put(w, "\"leave_call\"");
        c->room = NOWHERE;
        break;
    case 16:
    case 17:
        make_signal(w, c);
        break;
    case 18:
        putf(w, "\"watch_calls\",\"watch\":%s", put_bool(w));
        break;
    case 19:
        make_media(w);
        break;
    case 20:
        make_call_message(w, c);
        break;
    case 21:
        put(w, "\"ring\"");
        put_user(w, "targetUser");
        put_call(w);
        break;
    case 22:
        make_ring_reply(w, fuzz_byte(&w->in) % 2);
        break;
    default:
        make_raw(w);
        return;
    }
    put(w, "}");
}

#endif
