/* ws_handshake.h - is this request a WebSocket opening handshake, and what is its answer
 * (RFC 6455 section 4.2). Pure. */
#ifndef PROTO_WS_HANDSHAKE_H
#define PROTO_WS_HANDSHAKE_H

#include <stdbool.h>
#include "proto/http_head.h"

#define WS_ACCEPT_LEN 28 /* base64 of 20 bytes */

/* Sec-WebSocket-Accept for a Sec-WebSocket-Key: base64(SHA-1(key + GUID)), NUL-terminated. */
void compute_accept(struct bytes key, char accept[WS_ACCEPT_LEN + 1]);

struct ws_handshake {
    char accept[WS_ACCEPT_LEN + 1];
    bool is_v1; /* the subprotocol parlor.v1 was offered */
};

/* 101: *out is the answer. 426: the version is not exactly "13". 400: Upgrade, Connection or key
 * missing, repeated or bad (a key is base64 of 16 bytes), not HTTP/1.1 GET, or with a body. */
int ws_handshake_check(const struct http_head *h, struct ws_handshake *out);

#endif
