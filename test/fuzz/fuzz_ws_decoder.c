/* Frames to messages: any cut of the same bytes gives the events that a reader of the whole finds,
 * who judges one frame after the other by RFC 6455. */
#include <stdarg.h>
#include "proto/ws_decoder.h"
#include "ref_utf8.h"

/* --- what was seen, as text that can be compared --- */

struct events {
    char *text;
    size_t len, cap;
};

static void add(struct events *e, const void *data, size_t len)
{
    if (e->len + len > e->cap) {
        e->cap = (e->len + len) * 2;
        e->text = realloc(e->text, e->cap);
        FUZZ_CHECK(e->text);
    }
    if (len)
        memcpy(e->text + e->len, data, len);
    e->len += len;
}

static void add_event(struct events *e, enum ws_event_type type, bool is_text, unsigned code,
                      struct bytes data)
{
    char head[64];

    add(e, head,
        (size_t)snprintf(head, sizeof head, "%d %d %u %zu ", (int)type, is_text, code, data.len));
    add(e, data.data, data.len);
}

static void add_fail(struct events *e, unsigned code)
{
    add_event(e, WS_EVENT_FAIL, false, code, BYTES(""));
}

/* --- the reader of the whole --- */

struct reader {
    const uint8_t *p, *end;
    uint32_t max_message;
    bool allow_binary, in_message, is_text;
    char *message; /* room for everything */
    size_t n_message;
    struct events *events;
};

/* One frame head. `n_there` of its bytes have come. */
struct head {
    bool fin, is_masked;
    unsigned rsv, opcode, short_length, n_length; /* bytes of the longer length */
    uint64_t length;
    const uint8_t *mask;
    size_t size, n_there;
};

static struct head look(const struct reader *r)
{
    struct head h = { .n_there = (size_t)(r->end - r->p), .size = 2 };

    if (h.n_there >= 1) {
        h.fin = r->p[0] & 0x80;
        h.rsv = r->p[0] & 0x70;
        h.opcode = r->p[0] & 0x0F;
    }
    if (h.n_there >= 2) {
        h.is_masked = r->p[1] & 0x80;
        h.short_length = r->p[1] & 0x7F;
        h.n_length = h.short_length == 126 ? 2 : h.short_length == 127 ? 8 : 0;
        h.length = h.n_length ? 0 : h.short_length;
        h.size = 2 + h.n_length + 4;
    }
    for (unsigned i = 0; i < h.n_length && 2 + i < h.n_there; i++)
        h.length = h.length << 8 | r->p[2 + i];
    h.mask = r->p + 2 + h.n_length;
    return h;
}

/* What the bytes of a head that are there prove wrong, in the order in which they come; 0: nothing.
 */
static unsigned judge(const struct reader *r, const struct head *h)
{
    bool is_control = h->opcode & 8;
    unsigned n_length = h->n_there < 2 ? 0 : (unsigned)(h->n_there - 2);

    if (h->n_there == 0)
        return 0;
    if (h->rsv || (h->opcode > 2 && h->opcode < 8) || h->opcode > 10)
        return 1002;
    if (is_control && !h->fin)
        return 1002;
    if (!is_control && (h->opcode == 0) != r->in_message)
        return 1002;
    if (h->n_there == 1)
        return 0;
    if (!h->is_masked || (is_control && h->short_length > 125))
        return 1002;
    if (h->opcode == 8 && h->short_length == 1)
        return 1002;
    if (h->opcode == 2 && !r->allow_binary)
        return 1003;
    if (h->n_length == 2 && n_length >= 2 && h->length < 126)
        return 1002;
    if (h->n_length == 8 && n_length >= 1 && r->p[2] & 0x80)
        return 1002;
    if (h->n_length == 8 && n_length >= 6 && memcmp(r->p + 2, "\0\0\0\0\0\0", 6) == 0)
        return 1002;
    if (!is_control && n_length >= h->n_length && h->length > r->max_message - r->n_message)
        return 1009;
    return 0;
}

static bool close_code_is_good(unsigned code)
{
    return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
           (code >= 3000 && code <= 4999);
}

/* False when it was the last event. */
static bool control(struct reader *r, unsigned opcode, struct bytes data)
{
    size_t n_chars;

    if (opcode != 8) {
        add_event(r->events, opcode == 9 ? WS_EVENT_PING : WS_EVENT_PONG, false, 0, data);
        return true;
    }
    if (data.len == 0) {
        add_event(r->events, WS_EVENT_CLOSE, false, 1005, data);
        return false;
    }
    unsigned code = (unsigned)((uint8_t)data.data[0] << 8 | (uint8_t)data.data[1]);
    data = bytes_from(data, 2);
    if (!close_code_is_good(code))
        add_fail(r->events, 1002);
    else if (ref_utf8(data, &n_chars) != REF_UTF8_WHOLE)
        add_fail(r->events, 1007);
    else
        add_event(r->events, WS_EVENT_CLOSE, false, code, data);
    return false;
}

/* Payload bytes of a data frame, the last of the message or not. False: bad text. */
static bool payload(struct reader *r, const struct head *h, size_t n)
{
    bool is_end = n == h->length && h->fin;
    size_t n_chars;

    for (size_t i = 0; i < n; i++)
        r->message[r->n_message++] = (char)(r->p[h->size + i] ^ h->mask[i % 4]);
    enum ref_utf8 text =
        r->is_text ? ref_utf8(bytes_of(r->message, r->n_message), &n_chars) : REF_UTF8_WHOLE;
    if (text == REF_UTF8_BAD || (text == REF_UTF8_CUT && is_end)) {
        add_fail(r->events, 1007);
        return false;
    }
    if (is_end) {
        add_event(r->events, WS_EVENT_MESSAGE, r->is_text, 0, bytes_of(r->message, r->n_message));
        r->n_message = 0;
        r->in_message = false;
    }
    return true;
}

/* One frame; false when nothing comes behind it. */
static bool frame(struct reader *r)
{
    struct head h = look(r);
    unsigned code = judge(r, &h);
    char data[125];

    if (code)
        add_fail(r->events, code);
    if (code || h.n_there < h.size)
        return false;
    size_t left = h.n_there - h.size, n = h.length < left ? (size_t)h.length : left;
    if (h.opcode & 8) {
        for (size_t i = 0; i < n; i++)
            data[i] = (char)(r->p[h.size + i] ^ h.mask[i % 4]);
        if (n < h.length || !control(r, h.opcode, bytes_of(data, n)))
            return false;
    } else {
        if (h.opcode) {
            r->in_message = true;
            r->is_text = h.opcode == 1;
        }
        if (!payload(r, &h, n) || n < h.length)
            return false;
    }
    r->p += h.size + n;
    return r->p < r->end;
}

/* --- the decoder, in pieces --- */

static void see(struct events *e, const struct ws_event *ev)
{
    add_event(e, ev->type, ev->type == WS_EVENT_MESSAGE && ev->is_text,
              ev->type == WS_EVENT_CLOSE || ev->type == WS_EVENT_FAIL ? ev->close_code : 0,
              ev->data);
}

/* False after the last event. */
static bool feed(struct ws_decoder *d, struct bytes piece, struct events *e)
{
    char *data = fuzz_copy(piece);
    struct ws_input in = { data, piece.len, NULL };
    struct ws_event ev;
    bool is_last = false;

    while (!is_last && (ev = ws_decoder_next(d, &in)).type != WS_EVENT_MORE) {
        see(e, &ev);
        is_last = ev.type == WS_EVENT_CLOSE || ev.type == WS_EVENT_FAIL;
    }
    FUZZ_CHECK(is_last || in.len == 0);
    if (is_last) { /* and nothing comes behind it, except the same failure */
        struct ws_event again = ws_decoder_next(d, &in);
        FUZZ_CHECK(again.type == (ev.type == WS_EVENT_FAIL ? WS_EVENT_FAIL : WS_EVENT_MORE));
        FUZZ_CHECK(again.type == WS_EVENT_MORE || again.close_code == ev.close_code);
    }
    free(data);
    return !is_last;
}

/* Into the room that the decoder offers, as a connection does with large frames. How much was
 * taken; 0: it offers none. */
static size_t receive(struct ws_decoder *d, struct bytes left, size_t most, struct events *e,
                      bool *is_last)
{
    char *room;
    size_t n = ws_decoder_room(d, most, &room);

    if (n > left.len)
        n = left.len;
    if (n == 0)
        return 0;
    memcpy(room, left.data, n);
    struct ws_event ev = ws_decoder_received(d, n);
    if (ev.type != WS_EVENT_MORE)
        see(e, &ev);
    *is_last = ev.type == WS_EVENT_FAIL;
    return n;
}

static void decode(struct bytes wire, struct fuzz_cuts cuts, uint32_t max_message, bool allow_binary,
                   bool use_room, struct events *e)
{
    struct ws_decoder d;
    bool is_last = false;

    ws_decoder_init(&d, max_message, allow_binary);
    for (size_t at = 0; at < wire.len && !is_last;) {
        struct bytes left = bytes_from(wire, at);
        size_t n = use_room ? receive(&d, left, 1 + 64 * fuzz_cut(&cuts, 255), e, &is_last) : 0;
        if (n == 0) {
            n = fuzz_cut(&cuts, left.len);
            is_last = !feed(&d, bytes_of(left.data, n), e);
        }
        at += n;
    }
    ws_decoder_release(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = { data, data + size };
    unsigned flags = fuzz_byte(&in);
    uint32_t max_message = 125u + (uint32_t)fuzz_short(&in) * (flags & 4 ? 64 : 1);
    struct fuzz_cuts cuts = fuzz_cuts_read(&in);
    struct bytes wire = fuzz_message(&in);
    struct events want = { 0 }, got = { 0 };
    struct reader r = {
        .p = (const uint8_t *)wire.data,
        .end = (const uint8_t *)wire.data + wire.len,
        .max_message = max_message,
        .allow_binary = flags & 1,
        .message = fuzz_alloc(wire.len),
        .events = &want,
    };

    while (wire.len > 0 && frame(&r)) {
    }
    decode(wire, cuts, max_message, flags & 1, flags & 2, &got);
    FUZZ_CHECK(got.len == want.len && (got.len == 0 || memcmp(got.text, want.text, got.len) == 0));
    free(r.message);
    free(want.text);
    free(got.text);
    fuzz_message_free(wire);
    return 0;
}
