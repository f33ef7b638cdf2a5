/* test_sha1.c - the vectors of FIPS 180 and RFC 2202. */
#include "proto/sha1.h"

#include <stdio.h>
#include "../base/run_tests.h"

static const char *hex(const uint8_t digest[SHA1_LEN])
{
    static char text[2 * SHA1_LEN + 1];

    for (int i = 0; i < SHA1_LEN; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

static const char *sha1_hex(struct bytes data)
{
    uint8_t digest[SHA1_LEN];

    sha1(data, digest);
    return hex(digest);
}

static const char *hmac_hex(struct bytes key, struct bytes data)
{
    uint8_t digest[SHA1_LEN];

    hmac_sha1(key, data, digest);
    return hex(digest);
}

START_TEST(the_vectors_of_fips_180)
{
    ck_assert_str_eq(sha1_hex(BYTES("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
    ck_assert_str_eq(sha1_hex(BYTES("")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    ck_assert_str_eq(sha1_hex(bytes_of(NULL, 0)), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    ck_assert_str_eq(sha1_hex(BYTES("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
                     "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    ck_assert_str_eq(sha1_hex(BYTES("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                                    "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu")),
                     "a49b2446a02c645bf419f995b67091253a04a259");
}
END_TEST

START_TEST(a_million_bytes_in_pieces_of_every_kind)
{
    static const size_t sizes[] = { 1, 7, 63, 64, 65, 1000 };
    char a[1000];

    memset(a, 'a', sizeof a);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct sha1 s;
        uint8_t digest[SHA1_LEN];
        size_t left = 1000000;
        sha1_init(&s);
        while (left > 0) {
            size_t n = left < sizes[i] ? left : sizes[i];
            sha1_add(&s, bytes_of(a, n));
            left -= n;
        }
        sha1_end(&s, digest);
        ck_assert_str_eq(hex(digest), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    }
}
END_TEST

START_TEST(padding_is_right_around_block_boundaries)
{
    static const struct {
        size_t len;
        const char *digest;
    } cases[] = {
        { 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a" },
        { 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699" },
        { 57, "f08f24908d682555111be7ff6f004e78283d989a" },
        { 63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5" },
        { 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d" },
        { 65, "11655326c708d70319be2610e8a57d9a5b959d3b" },
        { 119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56" },
        { 120, "f34c1488385346a55709ba056ddd08280dd4c6d6" },
        { 127, "89d95fa32ed44a7c610b7ee38517ddf57e0bb975" },
        { 128, "ad5b3fdbcb526778c2839d2f151ea753995e26a0" },
        { 129, "d96debf1bdcbc896e6c134ea76e8141f40d78536" },
        { 1000, "291e9a6c66994949b57ba5e650361e98fc36b1ba" },
    };
    char a[1000];

    memset(a, 'a', sizeof a);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_str_eq(sha1_hex(bytes_of(a, cases[i].len)), cases[i].digest);
}
END_TEST

static struct bytes repeated(char *out, int byte, size_t n)
{
    memset(out, byte, n);
    return bytes_of(out, n);
}

START_TEST(the_vectors_of_rfc_2202)
{
    char k[100], d[100];

    ck_assert_str_eq(hmac_hex(repeated(k, 0x0b, 20), BYTES("Hi There")),
                     "b617318655057264e28bc0b6fb378c8ef146be00");
    ck_assert_str_eq(hmac_hex(BYTES("Jefe"), BYTES("what do ya want for nothing?")),
                     "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    ck_assert_str_eq(hmac_hex(repeated(k, 0xaa, 20), repeated(d, 0xdd, 50)),
                     "125d7342b9ac11cd91a39af48aa17b4f63f175d3");
    for (int i = 0; i < 25; i++)
        k[i] = (char)(i + 1);
    ck_assert_str_eq(hmac_hex(bytes_of(k, 25), repeated(d, 0xcd, 50)),
                     "4c9007f4026250c6bc8414f9bf50c86c2d7235da");
    ck_assert_str_eq(hmac_hex(repeated(k, 0x0c, 20), BYTES("Test With Truncation")),
                     "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04");
    ck_assert_str_eq(hmac_hex(repeated(k, 0xaa, 80),
                              BYTES("Test Using Larger Than Block-Size Key - Hash Key First")),
                     "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    ck_assert_str_eq(hmac_hex(repeated(k, 0xaa, 80),
                              BYTES("Test Using Larger Than Block-Size Key and Larger Than One "
                                    "Block-Size Data")),
                     "e8e99d0f45237d786d6bbaa7965c7808bbff1a91");
}
END_TEST

START_TEST(an_empty_key_and_empty_data_have_an_hmac)
{
    ck_assert_str_eq(hmac_hex(bytes_of(NULL, 0), bytes_of(NULL, 0)),
                     "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_vectors_of_fips_180,
        a_million_bytes_in_pieces_of_every_kind,
        padding_is_right_around_block_boundaries,
        the_vectors_of_rfc_2202,
        an_empty_key_and_empty_data_have_an_hmac,
    };
    return RUN_TESTS("sha1", tests);
}
