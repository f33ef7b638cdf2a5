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

/* ws_decoder_room(): below these, a receive of its own is not worth it. */
#define DIRECT_MIN_LACKING 65536u
#define DIRECT_MIN_ARRIVED 16384u
#define CONTROL_BIT        0x8u

struct ws_control {
    size_t len;
    char data[WS_MAX_CONTROL];
};

void ws_decoder_init(struct ws_decoder *d, size_t max_message, bool allow_binary)
{
    *d = (struct ws_decoder){ .max_message = max_message, .allow_binary = allow_binary };
    buf_init(&d->message, max_message);
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
    buf_release(&d->message);
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
    if (d->message.data && !d->in_message)
        buf_release(&d->message);
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
    if (!control && f->payload_length > d->max_message - buf_len(&d->message))
        return WS_CLOSE_TOO_BIG;
    return 0;
}

static void begin_frame(struct ws_decoder *d, const struct ws_frame *f)
{
    d->head_len = 0;
    d->in_frame = true;
    d->fin = f->fin_bit;
    d->opcode = f->opcode;
    d->frame_length = d->frame_left = f->payload_length;
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

    d->frame_left -= n;
    if (!d->is_text || is_control(d) || (ascii && d->utf8 == UTF8_START))
        return true;
    return utf8_feed(&d->utf8, bytes_of(piece, n));
}

/* After the last byte of a data frame. `data` is the message so far. */
static struct ws_event end_data_frame(struct ws_decoder *d, struct bytes data)
{
    d->in_frame = false;
    if (!d->fin)
        return more();
    if (d->is_text && d->utf8 != UTF8_START)
        return fail(d, WS_CLOSE_BAD_DATA); /* ends inside a character */
    d->in_message = false;
    return (struct ws_event){ .type = WS_EVENT_MESSAGE, .is_text = d->is_text, .data = data };
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
    if (d->fin && d->frame_left == 0 && buf_len(&d->message) == 0)
        return end_data_frame(d, piece); /* nothing came before: it lies whole in the input */
    if (buf_append(&d->message, piece.data, piece.len) != OK)
        return fail(d, WS_CLOSE_INTERNAL); /* no memory: the limit was seen to at the head */
    return d->frame_left ? more() : end_data_frame(d, buf_bytes(&d->message));
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

/* Offers at most as much as has arrived, so that the memory held is a small multiple of that: a
 * peer that announces much and sends little holds little. */
size_t ws_decoder_room(struct ws_decoder *d, size_t most, char **room)
{
    struct buf *b = &d->message;
    size_t arrived = buf_len(b), n = b->cap - b->tail;

    if (!d->in_frame || is_control(d) || d->frame_left < DIRECT_MIN_LACKING ||
        arrived < DIRECT_MIN_ARRIVED)
        return 0;
    if (n < DIRECT_MIN_ARRIVED)
        n = arrived;
    if (n > d->frame_left)
        n = (size_t)d->frame_left;
    if (n > most)
        n = most;
    return buf_reserve(b, n, room) == OK ? n : 0;
}

struct ws_event ws_decoder_received(struct ws_decoder *d, size_t n)
{
    struct ws_event ev;

    drop_lent(d);
    if (has_ended(d, &ev) || n == 0)
        return ev;
    assert(d->in_frame && !is_control(d) && n <= d->frame_left);
    char *piece = buf_head(&d->message) + buf_len(&d->message);
    buf_grow(&d->message, n);
    if (!accept_piece(d, piece, n))
        return fail(d, WS_CLOSE_BAD_DATA);
    return d->frame_left ? more() : end_data_frame(d, buf_bytes(&d->message));
}

bool ws_decoder_is_idle(const struct ws_decoder *d)
{
    return !d->in_frame && !d->in_message && d->head_len == 0;
}
