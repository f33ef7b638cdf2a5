/* ws_frame.h - one WebSocket frame (RFC 6455 section 5.2), in and out. Pure.
 *
 *     struct ws_frame f;
 *     int64_t n = parse_ws_frame(data, len, &f);    // f.payload is a view of data, unmasked
 *     size_t m = generate_ws_frame(WS_TEXT, payload, out);
 */
#ifndef PROTO_WS_FRAME_H
#define PROTO_WS_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"

enum ws_opcode {
    WS_CONTINUATION = 0x0,
    WS_TEXT = 0x1,
    WS_BINARY = 0x2,
    WS_CLOSE = 0x8,
    WS_PING = 0x9,
    WS_PONG = 0xA,
};

enum ws_close_code { /* RFC 6455 section 7.4.1 */
                     WS_CLOSE_NORMAL = 1000,
                     WS_CLOSE_GOING_AWAY = 1001,
                     WS_CLOSE_PROTOCOL_ERROR = 1002,
                     WS_CLOSE_UNSUPPORTED = 1003,
                     WS_CLOSE_NO_STATUS = 1005, /* never on the wire */
                     WS_CLOSE_BAD_DATA = 1007,
                     WS_CLOSE_POLICY = 1008,
                     WS_CLOSE_TOO_BIG = 1009,
                     WS_CLOSE_INTERNAL = 1011,
                     WS_CLOSE_TRY_LATER = 1013,
};

#define WS_MAX_HEAD        14u /* client to server: 2 + 8 + 4 */
#define WS_MAX_SERVER_HEAD 10u
#define WS_MAX_CONTROL     125u

struct ws_frame {
    uint8_t fin_bit; /* 0 or 1 */
    uint8_t rsv;     /* the three reserved bits, 0 to 7 */
    uint8_t opcode;
    bool is_masked;
    uint8_t mask[4];
    uint64_t payload_length;
    struct bytes payload; /* parse_ws_frame(): a view of its input */
};

/* Reads a frame head from the front of `in`, without judging masking, opcode or reserved bits.
 * > 0: its length in bytes (2 to 14). 0: more bytes are needed; the fields whose bytes have all
 * come are set (a long payload_length before the mask), the others are 0. -WS_CLOSE_PROTOCOL_ERROR:
 * a length that is not minimal or has its top bit set (seen as soon as it is certain);
 * payload_length is 0 then. payload stays empty. */
int ws_frame_head_parse(struct ws_frame *f, struct bytes in);

/* One whole frame from the front of `data`, unmasked in place (masked or not: clients' and servers'
 * frames are both read). > 0: bytes used. 0: the frame is not complete; nothing was changed.
 * < 0: a negated close code. */
int64_t parse_ws_frame(char *data, size_t len, struct ws_frame *f);

/* Writes the head of a server's (unmasked) frame; returns its length: 2, 4 or 10. */
size_t ws_frame_head_write(uint8_t out[WS_MAX_SERVER_HEAD], bool fin, enum ws_opcode opcode,
                           uint64_t payload_length);
/* The head length for a payload of that length. */
size_t ws_frame_head_len(uint64_t payload_length);

/* Writes a whole unfragmented server frame to `out`, which has room for payload.len +
 * WS_MAX_SERVER_HEAD bytes; returns how many were written. */
size_t generate_ws_frame(enum ws_opcode opcode, struct bytes payload, char *out);

/* XORs `len` bytes with the mask, of which the first `phase` bytes (any number) are already used
 * (RFC 6455 section 5.3). Returns true when every resulting byte is ASCII. */
bool ws_unmask(char *data, size_t len, const uint8_t mask[4], uint64_t phase);

/* True for a close code that may stand in a close frame (RFC 6455 section 7.4). */
bool ws_close_code_is_valid(unsigned code);

#endif
