/* The chunked coding: any cut of a body must give what a reader of the whole text finds, who
 * follows the grammar of RFC 9112 section 7.1 with one function per rule. */
#include "proto/http_chunked.h"
#include "fuzz.h"

/* --- the reader of the whole --- */

enum verdict { MORE, DONE, BAD };

struct reader {
    const char *p, *end, *line; /* `line`: where the count against a limit begins */
    size_t limit;
    enum verdict verdict; /* MORE until it is decided */
    char *body;
    size_t n_body;
};

/* True when the next byte is there and may be looked at. */
static bool has_byte(struct reader *r)
{
    return r->verdict == MORE && r->p < r->end;
}

static bool take(struct reader *r)
{
    r->p++;
    if ((size_t)(r->p - r->line) > r->limit)
        r->verdict = BAD;
    return r->verdict == MORE;
}

static bool refuse(struct reader *r)
{
    if (has_byte(r))
        r->verdict = BAD;
    return false; /* with no byte left it is only cut */
}

static bool expect(struct reader *r, char c)
{
    return has_byte(r) && *r->p == c ? take(r) : refuse(r);
}

static bool peek(struct reader *r, char c)
{
    return has_byte(r) && *r->p == c;
}

static bool is_token_byte(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_text_byte(char c)
{
    return c == '\t' || ((unsigned char)c >= ' ' && c != 0x7F);
}

static bool blanks(struct reader *r)
{
    while (has_byte(r) && (*r->p == ' ' || *r->p == '\t'))
        take(r);
    return has_byte(r);
}

static bool token(struct reader *r)
{
    if (!has_byte(r) || !is_token_byte(*r->p))
        return refuse(r);
    while (has_byte(r) && is_token_byte(*r->p))
        take(r);
    return has_byte(r);
}

static bool quoted(struct reader *r)
{
    if (!expect(r, '"'))
        return false;
    while (has_byte(r) && *r->p != '"') {
        if (*r->p == '\\' && !take(r))
            return false;
        if (!has_byte(r) || !is_text_byte(*r->p))
            return refuse(r);
        take(r);
    }
    return expect(r, '"');
}

/* *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ) CRLF */
static bool extensions(struct reader *r)
{
    while (!peek(r, '\r')) {
        blanks(r);
        if (!expect(r, ';') || !blanks(r) || !token(r))
            return false;
        bool is_blank = peek(r, ' ') || peek(r, '\t');
        blanks(r);
        if (peek(r, '=')) {
            if (!take(r) || !blanks(r) || !(peek(r, '"') ? quoted(r) : token(r)))
                return false;
        } else if (is_blank && !peek(r, ';')) {
            return refuse(r); /* white space stands before ";" and "=" alone */
        }
    }
    return expect(r, '\r') && expect(r, '\n');
}

static bool size_line(struct reader *r, uint64_t *size)
{
    int n = 0;

    *size = 0;
    r->line = r->p;
    r->limit = HTTP_MAX_CHUNK_LINE;
    for (; has_byte(r) && ascii_hex_value(*r->p) >= 0; n++) {
        if (n == 16)
            return refuse(r);
        *size = *size * 16 + (unsigned)ascii_hex_value(*r->p);
        take(r);
    }
    return n > 0 ? extensions(r) : refuse(r);
}

static bool chunk_data(struct reader *r, uint64_t size)
{
    size_t left = (size_t)(r->end - r->p), n = size < left ? (size_t)size : left;

    memcpy(r->body + r->n_body, r->p, n);
    r->n_body += n;
    r->p += n;
    r->line = r->p;
    return n == size && expect(r, '\r') && expect(r, '\n');
}

static void trailers(struct reader *r)
{
    r->line = r->p;
    r->limit = HTTP_MAX_TRAILERS;
    while (!peek(r, '\r')) {
        if (!token(r) || !expect(r, ':'))
            return;
        while (has_byte(r) && is_text_byte(*r->p))
            take(r);
        if (!expect(r, '\r') || !expect(r, '\n'))
            return;
    }
    r->limit = SIZE_MAX; /* the empty line does not count */
    if (expect(r, '\r') && expect(r, '\n'))
        r->verdict = DONE;
}

static void read_whole(struct reader *r)
{
    uint64_t size;

    while (size_line(r, &size)) {
        if (size == 0) {
            trailers(r);
            return;
        }
        if (!chunk_data(r, size))
            return;
    }
}

/* --- the decoder, in pieces --- */

static enum verdict read_pieces(struct bytes text, struct fuzz_cuts cuts, struct reader *r)
{
    struct http_chunked c = { 0 };
    enum http_chunked_result result = HTTP_CHUNKED_MORE;

    for (size_t at = 0; at < text.len && result == HTTP_CHUNKED_MORE;) {
        size_t n = fuzz_cut(&cuts, text.len - at);
        char *piece = fuzz_copy(bytes_of(text.data + at, n));
        struct bytes in = bytes_of(piece, n), data = bytes_of(NULL, 0);
        while ((result = http_chunked_next(&c, &in, &data)) == HTTP_CHUNKED_DATA) {
            FUZZ_CHECK(data.len > 0 && data.data >= piece && data.data + data.len <= piece + n);
            memcpy(r->body + r->n_body, data.data, data.len);
            r->n_body += data.len;
        }
        at += n;
        r->p = text.data + at - in.len;
        FUZZ_CHECK(result != HTTP_CHUNKED_MORE || in.len == 0);
        if (result == HTTP_CHUNKED_BAD) /* and it stays so */
            FUZZ_CHECK(http_chunked_next(&c, &in, &data) == HTTP_CHUNKED_BAD);
        free(piece);
    }
    return result == HTTP_CHUNKED_MORE ? MORE : result == HTTP_CHUNKED_DONE ? DONE : BAD;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = { data, data + size };
    struct fuzz_cuts cuts = fuzz_cuts_read(&in);
    struct bytes text = fuzz_message(&in);
    struct reader want = { .p = text.data, .end = text.data + text.len }, got = want;

    want.body = fuzz_alloc(text.len);
    got.body = fuzz_alloc(text.len);
    read_whole(&want);
    FUZZ_CHECK(read_pieces(text, cuts, &got) == want.verdict);
    FUZZ_CHECK(got.n_body == want.n_body && memcmp(got.body, want.body, want.n_body) == 0);
    if (want.verdict == DONE)
        FUZZ_CHECK(got.p == want.p);
    free(want.body);
    free(got.body);
    fuzz_message_free(text);
    return 0;
}
