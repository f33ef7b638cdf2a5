/* ws_decoder.c - frames to messages and control events.
 *
 * The usual case costs nothing: a whole message in one frame is unmasked where it lies and handed
 * out as a view. Only what is cut, by the network or by its sender, is gathered in `message` (or,
 * for a control frame, in `control`).
 *
 * Invariants: between two calls, in_frame says that a head has been read whose payload is not
 * complete, in_message that a data message has begun and not ended. `message` holds the unmasked,
 * validated bytes of that message. An event may lend out `message` or `control`, so they are given
 * back not with the event but at the beginning of the next call: drop_lent().
 *
 * The surprising part: errors are judged from as much of a head as there is, in an order that does
 * not depend on how the bytes were cut (judge_head), so every cut of the same bytes yields the same
 * events.
 */
#include "proto/ws_decoder.h"

#include <assert.h>
#include <stdlib.h>

#define DIRECT_MIN  4096u /* ws_decoder_room(): less is copied sooner than offered */
#define CAP_MIN     256u  /* less is not worth an allocation */
#define CONTROL_BIT 0x8u

struct ws_control {
    size_t len;
    char data[WS_MAX_CONTROL];
};

void ws_decoder_init(struct ws_decoder *d, uint32_t max_message, bool allow_binary)
{
    *d = (struct ws_decoder){ .max_message = max_message, .allow_binary = allow_binary };
}

/* How much of the message has come, the present frame's share included. */
static uint32_t arrived(const struct ws_decoder *d)
{
    return d->message ? (uint32_t)d->message->len : 0;
}

static struct bytes message_bytes(const struct ws_decoder *d)
{
    return d->message ? blob_bytes(d->message) : bytes_of("", 0);
}

/* Room for `n` more bytes behind what has come, none of it above the limit; NULL without memory.
 * Room for the rest of the frame (the message is then `whole` bytes long) is made at once, so that
 * the bytes of a large frame are not moved again and again while it grows; but an announcement
 * costs nothing: never beyond WS_AHEAD times the bytes that are `here`. */
static char *message_room(struct ws_decoder *d, uint32_t n, uint64_t here, uint64_t whole)
{
    uint64_t need = (uint64_t)arrived(d) + n, cap = whole;

    if (!d->message || need > d->message_cap) {
        if (!d->fin && cap < need * 2)
            cap = need * 2; /* more frames will come */
        if (cap > here * WS_AHEAD)
            cap = here * WS_AHEAD;
        if (cap < CAP_MIN)
            cap = CAP_MIN;
        if (cap > d->max_message)
            cap = d->max_message;
        if (cap < need)
            cap = need;
        struct blob *b = blob_resize(d->message, cap);
        if (!b)
            return NULL;
        d->message = b;
        d->message_cap = (uint32_t)cap;
    }
    return d->message->data + arrived(d);
}

static void drop_message(struct ws_decoder *d)
{
    blob_unref(d->message);
    d->message = NULL;
    d->message_cap = 0;
}

static void drop_control(struct ws_decoder *d)
{
    free(d->control);
    d->control = NULL;
}

void ws_decoder_release(struct ws_decoder *d)
{
    if (!d)
        return;
    drop_message(d);
    drop_control(d);
}

static struct ws_event more(void)
{
    return (struct ws_event){ .type = WS_EVENT_MORE };
}

static struct ws_event fail(struct ws_decoder *d, enum ws_close_code code)
{
    ws_decoder_release(d);
    d->in_frame = d->in_message = false;
    d->head_len = 0;
    d->fail_code = (uint16_t)code;
    return (struct ws_event){ .type = WS_EVENT_FAIL, .close_code = d->fail_code };
}

static void drop_lent(struct ws_decoder *d)
{
    if (d->message && !d->in_message)
        drop_message(d);
    if (d->control && !d->in_frame)
        drop_control(d);
}

static bool is_control(const struct ws_decoder *d)
{
    return d->opcode & CONTROL_BIT;
}

static bool opcode_is_known(uint8_t opcode)
{
    return opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG);
}

/* What the bytes of a head prove wrong: a close code, or 0. `f` is what ws_frame_head_parse() made
 * of `head`, which may be a part of it; a length that has not come yet counts as 0. */
static enum ws_close_code judge_head(const struct ws_decoder *d, const struct ws_frame *f,
                                     struct bytes head)
{
    bool control = f->opcode & CONTROL_BIT;

    if (f->rsv || !opcode_is_known(f->opcode))
        return WS_CLOSE_PROTOCOL_ERROR;
    if (control ? !f->fin_bit : (f->opcode == WS_CONTINUATION) != d->in_message)
        return WS_CLOSE_PROTOCOL_ERROR; /* sections 5.5 and 5.4 */
    if (head.len < 2)
        return 0;
    unsigned short_length = (uint8_t)head.data[1] & 0x7F;
    if (!f->is_masked || (control && short_length > WS_MAX_CONTROL))
        return WS_CLOSE_PROTOCOL_ERROR; /* sections 5.1 and 5.5 */
    if (f->opcode == WS_CLOSE && short_length == 1)
        return WS_CLOSE_PROTOCOL_ERROR; /* section 5.5.1: half a code */
    if (f->opcode == WS_BINARY && !d->allow_binary)
        return WS_CLOSE_UNSUPPORTED;
    if (!control && f->payload_length > d->max_message - arrived(d))
        return WS_CLOSE_TOO_BIG;
    return 0;
}

static void begin_frame(struct ws_decoder *d, const struct ws_frame *f)
{
    d->head_len = 0;
    d->in_frame = true;
    d->fin = f->fin_bit;
    d->opcode = f->opcode;
    d->frame_length = d->frame_left =
        (uint32_t)f->payload_length; /* judge_head() has seen to the limit */
    memcpy(d->mask, f->mask, sizeof d->mask);
    if (f->opcode == WS_TEXT || f->opcode == WS_BINARY) {
        d->in_message = true;
        d->is_text = f->opcode == WS_TEXT;
        d->utf8 = UTF8_START;
    }
}

/* Reads a head, from `in` alone or together with what has come of it before. True when a frame has
 * begun; otherwise the input is used up, or *code says what is wrong. */
static bool take_head(struct ws_decoder *d, struct ws_input *in, enum ws_close_code *code)
{
    struct bytes head = bytes_of(in->data, in->len);
    size_t before = d->head_len;
    struct ws_frame f;

    if (before > 0) {
        size_t n = in->len < WS_MAX_HEAD - before ? in->len : WS_MAX_HEAD - before;
        memcpy(d->head + before, in->data, n);
        head = bytes_of((const char *)d->head, before + n);
    }
    int len = ws_frame_head_parse(&f, head);
    *code = judge_head(d, &f, head);
    if (len < 0 && *code == 0)
        *code = WS_CLOSE_PROTOCOL_ERROR;
    if (*code)
        return false;
    size_t used = len > 0 ? (size_t)len - before : in->len;
    if (len > 0) {
        begin_frame(d, &f);
    } else {
        memcpy(d->head + before, in->data, used);
        d->head_len = (uint8_t)(before + used);
    }
    in->data += used;
    in->len -= used;
    return len > 0;
}

/* Unmasks the next piece of the frame, and of a text also validates it: false for bad UTF-8. */
static bool accept_piece(struct ws_decoder *d, char *piece, size_t n)
{
    bool ascii = ws_unmask(piece, n, d->mask, d->frame_length - d->frame_left);

    d->frame_left -= (uint32_t)n;
    if (!d->is_text || is_control(d) || (ascii && d->utf8 == UTF8_START))
        return true;
    return utf8_feed(&d->utf8, bytes_of(piece, n));
}

/* After the last byte of a data frame. `data` is the message so far, in `owner`. */
static struct ws_event end_data_frame(struct ws_decoder *d, struct bytes data, struct blob *owner)
{
    d->in_frame = false;
    if (!d->fin)
        return more();
    if (d->is_text && d->utf8 != UTF8_START)
        return fail(d, WS_CLOSE_BAD_DATA); /* ends inside a character */
    d->in_message = false;
    return (struct ws_event){
        .type = WS_EVENT_MESSAGE, .is_text = d->is_text, .data = data, .owner = owner
    };
}

/* The front of the input, as far as it belongs to the present frame. */
static struct bytes take_piece(struct ws_decoder *d, struct ws_input *in)
{
    size_t n = in->len < d->frame_left ? in->len : (size_t)d->frame_left;
    struct bytes piece = bytes_of(in->data, n);

    in->data += n;
    in->len -= n;
    return piece;
}

static struct ws_event take_data(struct ws_decoder *d, struct ws_input *in)
{
    char *data = in->data;
    struct bytes piece = take_piece(d, in);

    if (piece.len > 0 && !accept_piece(d, data, piece.len))
        return fail(d, WS_CLOSE_BAD_DATA);
    if (d->fin && d->frame_left == 0 && arrived(d) == 0)
        return end_data_frame(d, piece,
                              in->owner); /* nothing came before: it lies whole in the input */
    if (piece.len > 0) {
        uint64_t here = (uint64_t)arrived(d) + piece.len;
        char *room = message_room(d, (uint32_t)piece.len, here, here + d->frame_left);
        if (!room)
            return fail(d, WS_CLOSE_INTERNAL);
        memcpy(room, piece.data, piece.len);
        d->message->len += piece.len;
    }
    return d->frame_left ? more() : end_data_frame(d, message_bytes(d), d->message);
}

static struct ws_event close_event(struct ws_decoder *d, struct bytes data)
{
    unsigned code = WS_CLOSE_NO_STATUS;

    if (data.len >= 2) { /* judge_head() has refused a length of 1 */
        code = (unsigned)((uint8_t)data.data[0] << 8 | (uint8_t)data.data[1]);
        if (!ws_close_code_is_valid(code))
            return fail(d, WS_CLOSE_PROTOCOL_ERROR);
        data = bytes_of(data.data + 2, data.len - 2);
        if (!utf8_is_valid(data))
            return fail(d, WS_CLOSE_BAD_DATA);
    }
    d->in_message = false; /* what has come of a message will never be whole */
    d->is_closed = true;
    return (struct ws_event){ .type = WS_EVENT_CLOSE, .close_code = (uint16_t)code, .data = data };
}

static struct ws_event take_control(struct ws_decoder *d, struct ws_input *in)
{
    char *data = in->data;
    struct bytes piece = take_piece(d, in);

    if (piece.len > 0)
        accept_piece(d, data, piece.len);
    if (d->control || d->frame_left > 0) { /* it is in more than one piece */
        if (piece.len == 0)
            return more();
        if (!d->control && !(d->control = calloc(1, sizeof *d->control)))
            return fail(d, WS_CLOSE_INTERNAL);
        memcpy(d->control->data + d->control->len, piece.data, piece.len);
        d->control->len += piece.len;
        if (d->frame_left > 0)
            return more();
        piece = bytes_of(d->control->data, d->control->len);
    }
    d->in_frame = false;
    if (d->opcode == WS_CLOSE)
        return close_event(d, piece);
    return (struct ws_event){ .type = d->opcode == WS_PING ? WS_EVENT_PING : WS_EVENT_PONG,
                              .data = piece };
}

/* The answer of a decoder that has ended; true when it has. */
static bool has_ended(struct ws_decoder *d, struct ws_event *ev)
{
    *ev = more();
    if (d->fail_code)
        *ev = (struct ws_event){ .type = WS_EVENT_FAIL, .close_code = d->fail_code };
    return d->fail_code || d->is_closed;
}

struct ws_event ws_decoder_next(struct ws_decoder *d, struct ws_input *in)
{
    struct ws_event ev;
    enum ws_close_code code = 0;

    drop_lent(d);
    if (has_ended(d, &ev)) {
        in->len = 0;
        return ev;
    }
    if (in->len == 0)
        return ev;
    for (;;) {
        if (!d->in_frame && (in->len == 0 || !take_head(d, in, &code)))
            return code ? fail(d, code) : more();
        ev = is_control(d) ? take_control(d, in) : take_data(d, in);
        if (ev.type != WS_EVENT_MORE || d->in_frame)
            return ev;
    }
}

size_t ws_decoder_room(struct ws_decoder *d, size_t most, char **room)
{
    uint64_t here = arrived(d), n = d->frame_left < most ? d->frame_left : most;

    if (!d->in_frame || is_control(d) || d->frame_left < DIRECT_MIN || here < DIRECT_MIN)
        return 0;
    if (n > d->message_cap - here && d->message_cap - here >= DIRECT_MIN)
        n = d->message_cap - here;
    if (n > here * (WS_AHEAD - 1))
        n = here * (WS_AHEAD - 1);
    *room = message_room(d, (uint32_t)n, here, here + d->frame_left);
    return *room ? (size_t)n : 0;
}

struct ws_event ws_decoder_received(struct ws_decoder *d, size_t n)
{
    struct ws_event ev;

    drop_lent(d);
    if (has_ended(d, &ev) || n == 0)
        return ev;
    assert(d->in_frame && !is_control(d) && n <= d->message_cap - arrived(d));
    char *piece = d->message->data + arrived(d);
    d->message->len += n;
    if (!accept_piece(d, piece, n))
        return fail(d, WS_CLOSE_BAD_DATA);
    return d->frame_left ? more() : end_data_frame(d, message_bytes(d), d->message);
}

bool ws_decoder_is_idle(const struct ws_decoder *d)
{
    return !d->in_frame && !d->in_message && d->head_len == 0;
}
