/* UTF-8: in pieces and in one, it must be what the table of RFC 3629 says, after every piece. */
#include "proto/utf8.h"
#include "ref_utf8.h"

static void check_pieces(struct bytes text, struct fuzz_cuts cuts)
{
    utf8_state state = UTF8_START;
    size_t n_chars;

    for (size_t at = 0; at < text.len;) {
        size_t n = fuzz_cut(&cuts, text.len - at);
        char *piece = fuzz_copy(bytes_of(text.data + at, n));
        bool is_good = utf8_feed(&state, bytes_of(piece, n));
        free(piece);
        at += n;
        enum ref_utf8 wanted = ref_utf8(bytes_of(text.data, at), &n_chars);
        FUZZ_CHECK(is_good == (wanted != REF_UTF8_BAD));
        if (!is_good)
            return;
        FUZZ_CHECK((state == UTF8_START) == (wanted == REF_UTF8_WHOLE));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = { data, data + size };
    struct fuzz_cuts cuts = fuzz_cuts_read(&in);
    char *text = fuzz_copy(bytes_of((const char *)in.p, (size_t)(in.end - in.p)));
    struct bytes whole = bytes_of(text, (size_t)(in.end - in.p));
    size_t n_chars;
    bool is_valid = ref_utf8(whole, &n_chars) == REF_UTF8_WHOLE;

    FUZZ_CHECK(utf8_is_valid(whole) == is_valid);
    if (is_valid)
        FUZZ_CHECK(utf8_count(whole) == n_chars);
    check_pieces(whole, cuts);
    free(text);
    return 0;
}
