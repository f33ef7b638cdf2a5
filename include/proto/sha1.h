/* sha1.h - SHA-1 (FIPS 180-4), for the WebSocket handshake (RFC 6455 section 4.2.2), which demands
 * it, and for HMAC-SHA1 (RFC 2104), which TURN servers with a shared secret demand. For nothing
 * else: it is no longer a secure hash, and libsodium, which does all other cryptography here,
 * leaves it out. */
#ifndef PROTO_SHA1_H
#define PROTO_SHA1_H

#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"

#define SHA1_LEN 20

void sha1(struct bytes data, uint8_t digest[SHA1_LEN]);
void hmac_sha1(struct bytes key, struct bytes data, uint8_t digest[SHA1_LEN]);

/* The same in pieces: sha1_init(), sha1_add() for each piece, sha1_end() once. */
struct sha1 { /* private fields */
    uint32_t h[5];
    uint64_t len; /* bytes so far */
    uint8_t block[64];
};

void sha1_init(struct sha1 *s);
void sha1_add(struct sha1 *s, struct bytes piece);
void sha1_end(struct sha1 *s, uint8_t digest[SHA1_LEN]);

#endif
