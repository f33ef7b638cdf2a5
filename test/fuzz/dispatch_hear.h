/* dispatch_hear.h - for fuzz_dispatch.c: judges each message that a client hears, and notes what it
 * says of the board, the chat, the calls and who is online. */
#ifndef TEST_FUZZ_DISPATCH_HEAR_H
#define TEST_FUZZ_DISPATCH_HEAR_H

#include "dispatch_world.h"

static void remember(struct sequence *s, uint64_t what)
{
    FUZZ_CHECK(s->n < SEQUENCE);
    s->v[s->n++] = what;
}

static uint64_t mix(uint64_t hash, const void *data, size_t n)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * UINT64_C(1099511628211);
    return hash;
}

/* What a stroke says, whatever white space is in it. */
static uint64_t stroke_hash(const struct ref_json *r)
{
    uint64_t hash = 1;

    for (uint32_t i = 0; i < r->n_members; i++) {
        const struct ref_member *m = &r->members[i];
        if (ref_same_string(m->key, BYTES("messageType")))
            continue;
        hash = mix(hash, r->plain + m->plain_from, m->plain_to - m->plain_from);
        hash = mix(hash, "", 1);
    }
    return hash;
}

static uint64_t stroke_hash_of(struct bytes text)
{
    struct ref_json *r = ref_json_read(text);

    FUZZ_CHECK(r->result == JSON_OK);
    uint64_t hash = stroke_hash(r);
    ref_json_free(r);
    return hash;
}

/* The elements of an array, one after the other: false at its end. *at starts at 1. */
static bool next_element(struct bytes array, size_t *at, struct bytes *element)
{
    size_t i = *at, depth = 0;
    bool in_string = false;

    for (; i < array.len; i++) {
        char c = array.data[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']') && depth-- == 0)
            break;
        else if (!in_string && c == ',' && depth == 0)
            break;
    }
    *element = bytes_of(array.data + *at, i - *at);
    *at = i + 1;
    return element->len > 0;
}

static struct bytes member(const struct ref_json *r, const char *key)
{
    const struct ref_member *m = ref_json_find(r, key);

    FUZZ_CHECK(m);
    return m->value;
}

/* The inside of a string that needs no decoding: a name, an id. */
static struct bytes plain_member(const struct ref_json *r, const char *key)
{
    struct bytes b = member(r, key);

    FUZZ_CHECK(b.len >= 2 && b.data[0] == '"');
    return bytes_of(b.data + 1, b.len - 2);
}

/* What a chat message says, the same for both dialects. */
static uint64_t chat_hash(const struct ref_json *r, bool is_html)
{
    static const char *const entities[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#x27;" };
    struct bytes raw = plain_member(r, "comment"), name = plain_member(r, "username");
    uint16_t *units = fuzz_alloc(raw.len * 2);
    size_t n = ref_units(raw, units);
    uint64_t hash = mix(2, name.data, name.len);

    for (size_t i = 0; i < n; i++) {
        uint16_t unit = units[i];
        for (size_t k = 0; is_html && unit == '&' && k < 5; k++) {
            size_t len = strlen(entities[k]), j = 0;
            while (j < len && i + j < n && units[i + j] == (uint8_t)entities[k][j])
                j++;
            if (j == len) {
                unit = (uint16_t) "&<>\"'"[k];
                i += len - 1;
                break;
            }
        }
        hash = mix(hash, &unit, sizeof unit);
    }
    free(units);
    return hash;
}

static size_t find_seen(const struct client *c, struct bytes id)
{
    size_t i = 0;

    while (i < c->n_seen && !bytes_eq(bytes_str(c->seen[i]), id))
        i++;
    return i;
}

static void see(struct client *c, const struct ref_json *person)
{
    struct bytes id = plain_member(person, "socketId");

    FUZZ_CHECK(id.len == HUB_SOCKET_ID_LEN && c->n_seen < CLIENTS);
    FUZZ_CHECK(find_seen(c, id) == c->n_seen); /* nobody joins twice */
    FUZZ_CHECK(!bytes_eq(id, bytes_str(c->socket_id)));
    memcpy(c->seen[c->n_seen], id.data, id.len);
    c->seen[c->n_seen++][id.len] = 0;
}

static void unsee(struct client *c, const struct ref_json *r)
{
    size_t at = find_seen(c, plain_member(r, "socketId"));

    FUZZ_CHECK(at < c->n_seen); /* nobody leaves who was not there */
    memmove(c->seen[at], c->seen[c->n_seen - 1], sizeof c->seen[at]);
    c->n_seen--;
}

static void hear_participants(struct client *c, const struct ref_json *r)
{
    struct bytes list = member(r, "participants"), element;

    c->n_seen = 0;
    for (size_t at = 1; next_element(list, &at, &element);) {
        struct ref_json *person = ref_json_read(element);
        FUZZ_CHECK(person->result == JSON_OK);
        see(c, person);
        ref_json_free(person);
    }
}

static void hear_users(struct client *c, const struct ref_json *r)
{
    struct bytes list = member(r, "users"), element;

    c->users = 0;
    for (size_t at = 1; next_element(list, &at, &element);) {
        int user = 0;
        char wanted[64];
        for (; user < USERS; user++) {
            snprintf(wanted, sizeof wanted, "{\"username\":\"%s\"}", user_names[user]);
            if (bytes_eq(element, bytes_str(wanted)))
                break;
        }
        FUZZ_CHECK(user < USERS);
        FUZZ_CHECK(c->users >> user == 0); /* each once, in the order of the alphabet */
        c->users |= 1u << user;
    }
}

static void hear_strokes(struct client *c, const struct ref_json *r)
{
    struct bytes list = member(r, "strokes"), element;

    FUZZ_CHECK(c->is_new && c->strokes.n == 0);
    for (size_t at = 1; next_element(list, &at, &element);)
        remember(&c->strokes, stroke_hash_of(element));
}

static void hear_chat(struct client *c, const struct ref_json *r)
{
    if (c->is_v1) {
        int64_t id = strtoll(member(r, "id").data, NULL, 10);
        if (id <= c->last_chat) { /* what was sent before, again, to its sender alone */
            FUZZ_CHECK(ref_json_find(r, "clientId") && c->user != GUEST);
            FUZZ_CHECK(bytes_eq(plain_member(r, "username"), bytes_str(user_names[c->user])));
            return;
        }
        c->last_chat = id;
    }
    remember(&c->broadcasts, chat_hash(r, !c->is_v1));
}

static void hear_direct(const struct client *c, const struct ref_json *r)
{
    struct bytes from = plain_member(r, "fromUser");

    if (c->is_v1)
        FUZZ_CHECK(bytes_eq(from, bytes_str(user_names[c->user])) ||
                   bytes_eq(plain_member(r, "toUser"), bytes_str(user_names[c->user])));
}

static void hear_ring(struct world *w, const struct ref_json *r)
{
    struct bytes id = plain_member(r, "ringId");

    FUZZ_CHECK(id.len < sizeof w->rings[0]);
    memset(w->rings[w->n_rings % RINGS_KNOWN], 0, sizeof w->rings[0]);
    memcpy(w->rings[w->n_rings++ % RINGS_KNOWN], id.data, id.len);
}

/* A tag of this tick: only who may hear it does, and only once. */
static void hear_tag(struct world *w, const struct client *c, unsigned tag)
{
    struct sent *s = w->sent;

    while (s < w->sent + w->n_sent && s->tag != tag)
        s++;
    FUZZ_CHECK(s < w->sent + w->n_sent);
    bool is_again = c->is_v1 && c->user != GUEST && c->user == s->repeats_for;
    FUZZ_CHECK(is_again || s->may & bit(w, c));
    FUZZ_CHECK(is_again || !(s->heard & bit(w, c)));
    s->heard |= bit(w, c);
}

/* Tags wherever they stand: "~from.to.number~" in what is stored, "^number^" in what is not. */
static void hear_tags(struct world *w, const struct client *c, struct bytes text, bool is_live)
{
    char *copy = strndup(text.data, text.len), *p = copy;
    int from, to;
    unsigned tag;

    FUZZ_CHECK(copy);
    for (; (p = strpbrk(p, "~^")) != NULL; p = strchr(p + 1, *p) + 1) {
        if (*p == '^') {
            FUZZ_CHECK(sscanf(p, "^%u^", &tag) == 1);
            hear_tag(w, c, tag);
            continue;
        }
        FUZZ_CHECK(sscanf(p, "~%d.%d.%u~", &from, &to, &tag) == 3);
        FUZZ_CHECK(c->user != GUEST && (c->user == from || c->user == to));
        if (is_live && tag >= w->sent[0].tag && w->n_sent)
            hear_tag(w, c, tag);
    }
    free(copy);
}

enum { FOR_BASE = 1, FOR_GUESTS = 2, FOR_ALL = 3, HAS_RAW = 4 };

/* Every type that the server may say: to whom besides v1 members; and whether what a client wrote
 * is in it as it was written, lone surrogates and all. */
static const struct {
    const char *type;
    unsigned whom;
} types[] = {
    { "hello", FOR_GUESTS },
    { "init_strokes", FOR_ALL | HAS_RAW },
    { "active_users_list", FOR_ALL },
    { "error", FOR_ALL },
    { "not_sent", FOR_GUESTS },
    { "echo_server", FOR_ALL | HAS_RAW },
    { "drawing", FOR_ALL | HAS_RAW },
    { "chatMessage", FOR_ALL },
    { "chat_history", FOR_GUESTS },
    { "all_users_list", FOR_BASE },
    { "message_history", FOR_BASE },
    { "direct_message", FOR_BASE },
    { "call_list", FOR_BASE },
    { "call_info", FOR_BASE },
    { "existing_participants", FOR_BASE },
    { "user_joined", FOR_BASE },
    { "user_left", FOR_BASE },
    { "offer", FOR_BASE | HAS_RAW },
    { "answer", FOR_BASE | HAS_RAW },
    { "ice_candidate", FOR_BASE | HAS_RAW },
    { "conversation_list", 0 },
    { "message_page", 0 },
    { "read_state", 0 },
    { "typing", 0 },
    { "user_added", 0 },
    { "call_changed", 0 },
    { "call_gone", 0 },
    { "media_state", 0 },
    { "call_message", 0 },
    { "ring_state", 0 },
    { "incoming_call", 0 },
    { "ring_over", 0 },
};

static void check_type(const struct client *c, const struct ref_json *r, struct bytes type)
{
    size_t i = 0;

    while (i < sizeof types / sizeof *types && !bytes_eq(bytes_str(types[i].type), type))
        i++;
    FUZZ_CHECK(i < sizeof types / sizeof *types);
    FUZZ_CHECK(c->is_v1 || types[i].whom & FOR_BASE);
    FUZZ_CHECK(c->user != GUEST || types[i].whom & FOR_GUESTS);
    FUZZ_CHECK(!r->has_bad_unicode || types[i].whom & HAS_RAW);
}

static void hear_message(struct world *w, struct client *c, struct bytes text)
{
    struct ref_json *r = ref_json_read(text);
    size_t n_chars;

    trace(c, "hears %.*s", text.len < 400 ? (int)text.len : 400, text.data);
    FUZZ_CHECK(ref_utf8(text, &n_chars) == REF_UTF8_WHOLE);
    FUZZ_CHECK(r->result == JSON_OK);
    struct bytes type = plain_member(r, "messageType");
    check_type(c, r, type);
    hear_tags(w, c, text, bytes_eq(type, BYTES("direct_message")));
    if (bytes_eq(type, BYTES("init_strokes"))) {
        hear_strokes(c, r);
    } else if (bytes_eq(type, BYTES("drawing"))) {
        remember(&c->strokes, stroke_hash(r));
        remember(&c->broadcasts, stroke_hash(r));
    } else if (bytes_eq(type, BYTES("chatMessage"))) {
        hear_chat(c, r);
    } else if (bytes_eq(type, BYTES("direct_message"))) {
        hear_direct(c, r);
    } else if (bytes_eq(type, BYTES("active_users_list"))) {
        hear_users(c, r);
    } else if (bytes_eq(type, BYTES("existing_participants"))) {
        hear_participants(c, r);
    } else if (bytes_eq(type, BYTES("user_joined"))) {
        see(c, r);
    } else if (bytes_eq(type, BYTES("user_left"))) {
        unsee(c, r);
    } else if (bytes_eq(type, BYTES("incoming_call")) || bytes_eq(type, BYTES("ring_state"))) {
        hear_ring(w, r);
    }
    ref_json_free(r);
}

/* Everything that has come for one client: whole frames, text, fragments in order. */
static void hear(struct world *w, struct client *c)
{
    struct buf *wire = &c->tab->wire;
    struct ws_frame frame;
    size_t len = 0;
    char *text = fuzz_alloc(buf_len(wire));

    while (buf_len(wire)) {
        int64_t n = parse_ws_frame(buf_head(wire), buf_len(wire), &frame);
        FUZZ_CHECK(n > 0 && !frame.is_masked && !frame.rsv);
        FUZZ_CHECK(frame.opcode == (len ? WS_CONTINUATION : WS_TEXT));
        memcpy(text + len, frame.payload.data, frame.payload.len);
        len += frame.payload.len;
        buf_consume(wire, (size_t)n);
        if (frame.fin_bit) {
            hear_message(w, c, bytes_of(text, len));
            len = 0;
        }
    }
    FUZZ_CHECK(len == 0);
    free(text);
}

#endif
