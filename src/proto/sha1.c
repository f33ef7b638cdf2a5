/* sha1.c - SHA-1 as FIPS 180-4 section 6.1 writes it, and HMAC over it (RFC 2104).
 *
 * It runs twice per handshake and never in the message path, so it is plain. Words are assembled
 * from bytes, which makes it right on machines of either byte order.
 */
#include "proto/sha1.h"

#define BLOCK 64u

void sha1_init(struct sha1 *s)
{
    static const uint32_t start[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };

    memcpy(s->h, start, sizeof start);
    s->len = 0;
}

static uint32_t rotl(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be32(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)(x >> 24);
    p[1] = (uint8_t)(x >> 16);
    p[2] = (uint8_t)(x >> 8);
    p[3] = (uint8_t)x;
}

static uint32_t round_function(int t, uint32_t b, uint32_t c, uint32_t d)
{
    if (t < 20)
        return (b & c) ^ (~b & d);
    if (t >= 40 && t < 60)
        return (b & c) ^ (b & d) ^ (c & d);
    return b ^ c ^ d;
}

static void add_block(uint32_t h[5], const uint8_t block[BLOCK])
{
    static const uint32_t k[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
    uint32_t w[80];
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

    for (int t = 0; t < 16; t++)
        w[t] = load_be32(block + 4 * t);
    for (int t = 16; t < 80; t++)
        w[t] = rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    for (int t = 0; t < 80; t++) {
        uint32_t next = rotl(a, 5) + round_function(t, b, c, d) + e + k[t / 20] + w[t];
        e = d;
        d = c;
        c = rotl(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

void sha1_add(struct sha1 *s, struct bytes piece)
{
    while (piece.len > 0) {
        size_t used = s->len % BLOCK;
        size_t n = piece.len < BLOCK - used ? piece.len : BLOCK - used;
        memcpy(s->block + used, piece.data, n);
        s->len += n;
        piece.data += n;
        piece.len -= n;
        if (used + n == BLOCK)
            add_block(s->h, s->block);
    }
}

void sha1_end(struct sha1 *s, uint8_t digest[SHA1_LEN])
{
    uint64_t bits = s->len * 8;
    size_t used = s->len % BLOCK;

    s->block[used++] = 0x80;
    if (used > BLOCK - 8) { /* no room for the length: it goes into a block of its own */
        memset(s->block + used, 0, BLOCK - used);
        add_block(s->h, s->block);
        used = 0;
    }
    memset(s->block + used, 0, BLOCK - used);
    store_be32(s->block + BLOCK - 8, (uint32_t)(bits >> 32));
    store_be32(s->block + BLOCK - 4, (uint32_t)bits);
    add_block(s->h, s->block);
    for (int i = 0; i < 5; i++)
        store_be32(digest + 4 * i, s->h[i]);
}

void sha1(struct bytes data, uint8_t digest[SHA1_LEN])
{
    struct sha1 s;

    sha1_init(&s);
    sha1_add(&s, data);
    sha1_end(&s, digest);
}

static void hash_padded(const uint8_t key[BLOCK], uint8_t pad, struct bytes data,
                        uint8_t digest[SHA1_LEN])
{
    struct sha1 s;
    char padded[BLOCK];

    for (size_t i = 0; i < BLOCK; i++)
        padded[i] = (char)(key[i] ^ pad);
    sha1_init(&s);
    sha1_add(&s, bytes_of(padded, sizeof padded));
    sha1_add(&s, data);
    sha1_end(&s, digest);
}

void hmac_sha1(struct bytes key, struct bytes data, uint8_t digest[SHA1_LEN])
{
    uint8_t k[BLOCK] = { 0 }, inner[SHA1_LEN];

    if (key.len > BLOCK)
        sha1(key, k); /* RFC 2104 section 2: longer keys are hashed first */
    else if (key.len > 0)
        memcpy(k, key.data, key.len);
    hash_padded(k, 0x36, data, inner);
    hash_padded(k, 0x5c, bytes_of((const char *)inner, sizeof inner), digest);
}
