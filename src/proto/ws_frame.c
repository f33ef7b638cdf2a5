/* ws_frame.c - the frame layout of RFC 6455 section 5.2, and masking.
 *
 * Masking is the one loop that touches every byte that a client sends, so it works in blocks as
 * wide as a vector register and gathers the OR of all results on the way: whether a text is ASCII,
 * and hence needs no UTF-8 validation, is then known without looking at it again. The blocks are
 * GNU C vectors: the compiler makes of them what the machine has. On x86-64 there is a second loop
 * for AVX2, chosen at run time and for long payloads only.
 */
#include "proto/ws_frame.h"

#define LENGTH_16      126u /* values of the 7-bit length that say how many bytes follow */
#define LENGTH_64      127u
#define MASK_BIT       0x80u
#define FIN_BIT        0x80u
#define HIGH_BITS      0x8080808080808080u
#define BLOCKS         64u  /* bytes that one round of the unmasking loops takes */
#define WORTH_DISPATCH 256u /* bytes; below, choosing costs more than it gains */

/* The extended payload length, big-endian, as far as it has come. */
static uint64_t load_be(const uint8_t *p, size_t n)
{
    uint64_t x = 0;

    for (size_t i = 0; i < n; i++)
        x = x << 8 | p[i];
    return x;
}

/* True when `n` of the `size` bytes of an extended length prove that the length is not minimal or
 * has its top bit set. */
static bool length_is_bad(const uint8_t *p, size_t n, size_t size)
{
    uint64_t x = load_be(p, n);

    if (size == 2)
        return n == 2 && x < LENGTH_16;
    /* 64 bits: the first bit must be 0, and the first six bytes may not all be */
    return (n > 0 && p[0] & 0x80) || (n >= 6 && x >> (8 * (n - 6)) == 0);
}

int ws_frame_head_parse(struct ws_frame *f, struct bytes in)
{
    const uint8_t *p = (const uint8_t *)in.data;

    *f = (struct ws_frame){ 0 };
    if (in.len == 0)
        return 0;
    f->fin_bit = p[0] >> 7;
    f->rsv = p[0] >> 4 & 7;
    f->opcode = p[0] & 15;
    if (in.len == 1)
        return 0;
    f->is_masked = p[1] >> 7;
    f->payload_length = p[1] & 127;
    size_t at = 2, mask_size = f->is_masked ? 4 : 0;
    if (f->payload_length >= LENGTH_16) {
        size_t size = f->payload_length == LENGTH_16 ? 2 : 8;
        size_t n = in.len - at < size ? in.len - at : size;
        f->payload_length = 0; /* a bad length is none, so nobody can find it too large */
        if (length_is_bad(p + at, n, size))
            return -WS_CLOSE_PROTOCOL_ERROR;
        if (n == size)
            f->payload_length = load_be(p + at, n);
        at += size;
    }
    if (in.len < at + mask_size)
        return 0;
    if (mask_size)
        memcpy(f->mask, p + at, sizeof f->mask);
    return (int)(at + mask_size);
}

int64_t parse_ws_frame(char *data, size_t len, struct ws_frame *f)
{
    int head = ws_frame_head_parse(f, bytes_of(data, len));

    if (head <= 0)
        return head;
    if (f->payload_length > len - (size_t)head)
        return 0;
    size_t n = (size_t)f->payload_length;
    if (f->is_masked)
        ws_unmask(data + head, n, f->mask, 0);
    f->payload = bytes_of(data + head, n);
    return (int64_t)head + (int64_t)n;
}

size_t ws_frame_head_len(uint64_t payload_length)
{
    return payload_length < LENGTH_16 ? 2 : payload_length <= UINT16_MAX ? 4 : 10;
}

size_t ws_frame_head_write(uint8_t out[WS_MAX_SERVER_HEAD], bool fin, enum ws_opcode opcode,
                           uint64_t payload_length)
{
    size_t head = ws_frame_head_len(payload_length);

    out[0] = (uint8_t)((fin ? FIN_BIT : 0) | opcode);
    if (head == 2) {
        out[1] = (uint8_t)payload_length;
        return head;
    }
    out[1] = head == 4 ? LENGTH_16 : LENGTH_64;
    for (size_t i = head; i > 2; i--) {
        out[i - 1] = (uint8_t)payload_length;
        payload_length >>= 8;
    }
    return head;
}

size_t generate_ws_frame(enum ws_opcode opcode, struct bytes payload, char *out)
{
    size_t head = ws_frame_head_write((uint8_t *)out, true, opcode, payload.len);

    if (payload.len > 0)
        memcpy(out + head, payload.data, payload.len);
    return head + payload.len;
}

/* Vectors that may lie anywhere and stand for any bytes. */
typedef uint64_t block __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t wide_block __attribute__((vector_size(32), aligned(1), may_alias));

/* Unmasks `len` bytes, a multiple of BLOCKS; returns the OR of the results. */
static uint64_t unmask_blocks(char *data, size_t len, uint64_t mask)
{
    const block m = { mask, mask };
    block seen_0 = { 0 }, seen_1 = { 0 };

    for (char *end = data + len; data < end; data += BLOCKS) {
        block *v = (block *)data;
        seen_0 |= (v[0] ^= m);
        seen_1 |= (v[1] ^= m);
        seen_0 |= (v[2] ^= m);
        seen_1 |= (v[3] ^= m);
    }
    seen_0 |= seen_1;
    return seen_0[0] | seen_0[1];
}

#if defined(__x86_64__)
/* The same in registers twice as wide, for machines that have them. */
__attribute__((target("avx2"))) static uint64_t unmask_wide_blocks(char *data, size_t len,
                                                                   uint64_t mask)
{
    const wide_block m = { mask, mask, mask, mask };
    wide_block seen = { 0 };

    for (char *end = data + len; data < end; data += BLOCKS) {
        wide_block *v = (wide_block *)data;
        seen |= (v[0] ^= m);
        seen |= (v[1] ^= m);
    }
    return seen[0] | seen[1] | seen[2] | seen[3];
}
#endif

/* Unmasks the fewer than BLOCKS bytes that are left; returns the OR of the results. */
static uint64_t unmask_rest(char *data, size_t len, uint64_t mask)
{
    uint64_t seen = 0, word;
    uint32_t half;
    uint8_t m[8];

    for (; len >= sizeof word; data += sizeof word, len -= sizeof word) {
        memcpy(&word, data, sizeof word);
        word ^= mask;
        memcpy(data, &word, sizeof word);
        seen |= word;
    }
    memcpy(m, &mask, sizeof m);
    if (len >= sizeof half) {
        memcpy(&half, data, sizeof half);
        half ^= (uint32_t)mask; /* both halves are the same */
        memcpy(data, &half, sizeof half);
        seen |= half;
        data += sizeof half;
        len -= sizeof half;
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)data[i] ^ m[i];
        data[i] = (char)c;
        seen |= c;
    }
    return seen;
}

/* The mask, turned so that its first byte is the one due at `phase`, twice in a word. */
static uint64_t turned_mask(const uint8_t mask[4], uint64_t phase)
{
    unsigned turn = (unsigned)(phase % 4) * 8;
    uint32_t x;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    turn = (32 - turn) % 32;
#endif
    memcpy(&x, mask, sizeof x);
    x = x >> turn | x << ((32 - turn) % 32);
    return (uint64_t)x << 32 | x;
}

bool ws_unmask(char *data, size_t len, const uint8_t mask[4], uint64_t phase)
{
    uint64_t m = turned_mask(mask, phase), seen = 0;
    size_t n = len - len % BLOCKS; /* a multiple of 4: `m` fits what is behind it, too */

#if defined(__x86_64__)
    if (n >= WORTH_DISPATCH && __builtin_cpu_supports("avx2"))
        seen = unmask_wide_blocks(data, n, m);
    else
#endif
        if (n > 0)
        seen = unmask_blocks(data, n, m);
    if (n < len)
        seen |= unmask_rest(data + n, len - n, m);
    return !(seen & HIGH_BITS);
}

bool ws_close_code_is_valid(unsigned code)
{
    /* 1004 is reserved; 1005, 1006 and 1015 are never sent; 1012 to 1014 are registered with IANA;
     * 3000 to 4999 belong to libraries and applications (section 7.4.2). */
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}
