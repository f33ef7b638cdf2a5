/* ws_decoder.h - WebSocket bytes in, messages out (RFC 6455, the server's side).
 *
 * Pure: no sockets, no clock, no globals.
 *
 *     struct ws_input in = { data, len, NULL };       // mutable: it is unmasked in place
 *     struct ws_event ev;
 *     while ((ev = ws_decoder_next(&d, &in)).type != WS_EVENT_MORE)
 *         on_event(conn, ev);
 *
 * The decoder takes what it needs from the front of `in`; after WS_EVENT_MORE the input is used up
 * and nothing of it need be kept. A message that lies whole in the input, in one frame, is handed
 * out as a view of it and never copied; of anything else the decoder keeps what has come. The
 * caller may stop between two events (a budget) and must then keep the rest of the input itself.
 *
 * Ownership: ev.data points into the input or into the decoder and is valid until the next call;
 * whoever wants it for longer takes a reference to ev.owner instead of a copy. Memory: at most what
 * was announced, and of that only what has arrived is ever touched; address space is taken for
 * WS_AHEAD times what has arrived. None between two messages. Limits: a message above max_message
 * fails with 1009 at the frame head that makes it so. Text fails with 1007 at the first byte that
 * is certain, a bad frame with 1002 at its head, a binary message with 1003 at its head.
 */
#ifndef PROTO_WS_DECODER_H
#define PROTO_WS_DECODER_H

#include "base/blob.h"
#include "proto/utf8.h"
#include "proto/ws_frame.h"

#define WS_AHEAD 64u

enum ws_event_type {
    WS_EVENT_MORE,    /* the input is used up */
    WS_EVENT_MESSAGE, /* data: the whole message; is_text */
    WS_EVENT_PING,    /* data: 0 to 125 bytes to send back */
    WS_EVENT_PONG,
    WS_EVENT_CLOSE, /* the last event. close_code: what the peer said (1005: nothing); data: why */
    WS_EVENT_FAIL,  /* close_code: what to tell the peer. Every later call says so again */
};

struct ws_event {
    enum ws_event_type type;
    bool is_text;
    uint16_t close_code;
    struct bytes data;
    struct blob *owner; /* of a message: the blob that data lies in; NULL: none */
};

struct ws_input {
    char *data;
    size_t len;
    struct blob *owner; /* the blob that data lies in; NULL: none */
};

struct ws_control; /* a control frame of which a part has come; allocated only then */

struct ws_decoder { /* private fields; visible so that a connection can embed it (keep it small) */
    struct blob *message; /* what has come of a message that is not whole yet; NULL: nothing */
    struct ws_control *control;
    uint32_t message_cap;              /* bytes that fit into message */
    uint32_t frame_length, frame_left; /* of the frame that is being read */
    uint32_t max_message;
    utf8_state utf8;
    uint16_t fail_code;
    uint8_t head[WS_MAX_HEAD], head_len; /* the part of a head that has come */
    uint8_t mask[4], opcode;
    bool fin, in_frame, in_message, is_text, allow_binary, is_closed;
};

/* `max_message` in bytes, below 4 GiB. With `allow_binary`, binary messages are events; otherwise
 * they fail with 1003. */
void ws_decoder_init(struct ws_decoder *d, uint32_t max_message, bool allow_binary);
/* Gives the memory back. */
void ws_decoder_release(struct ws_decoder *d);

struct ws_event ws_decoder_next(struct ws_decoder *d, struct ws_input *in);

/* For frames of which much is missing: room of at most `most` bytes, inside the decoder, into which
 * the next bytes of the current frame's payload may be received directly, without a copy; returns
 * how many (0: use an ordinary buffer). Never more than what the frame still lacks: what lies
 * behind it goes to the ordinary buffer, with the same system call. Then ws_decoder_received()
 * takes the count. Its result is an event like that of ws_decoder_next(). */
size_t ws_decoder_room(struct ws_decoder *d, size_t most, char **room);
struct ws_event ws_decoder_received(struct ws_decoder *d, size_t n);

/* True when nothing is half-read: no head, frame or message under way. */
bool ws_decoder_is_idle(const struct ws_decoder *d);

#endif
