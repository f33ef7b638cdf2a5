/* The head of a request: in pieces it must be what it is in one, and both must be what a reader
 * finds who goes through the text line by line, byte by byte. */
#include "proto/http_head.h"
#include "proto/http_url.h"
#include "proto/ws_handshake.h"
#include "fuzz.h"

/* --- the reader of the whole --- */

static bool is_token(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (!ascii_is_alpha(b.data[i]) && !ascii_is_digit(b.data[i]) &&
            (!b.data[i] || !strchr("!#$%&'*+-.^_`|~", b.data[i])))
            return false;
    return b.len > 0;
}

static bool stands_in_request_line(char c)
{
    return c >= ' ' && c <= '~';
}

static bool stands_in_field(char c)
{
    return c == '\t' || ((unsigned char)c >= ' ' && c != 0x7F);
}

/* The line at `at`: 1 and *line, 0 when it is cut, -400, or `too_long` when its CR is not at `last`
 * at the latest. */
static int ref_line(struct bytes in, size_t at, size_t last, bool (*stands)(char), int too_long,
                    struct bytes *line)
{
    size_t i = at;

    for (;; i++) {
        if (i > last)
            return too_long;
        if (i == in.len)
            return 0;
        if (!stands(in.data[i]))
            break;
    }
    if (in.data[i] != '\r')
        return -400;
    if (i + 1 == in.len)
        return 0;
    *line = bytes_of(in.data + at, i - at);
    return in.data[i + 1] == '\n' ? 1 : -400;
}

static bool starts(struct bytes b, const char *with)
{
    return b.len >= strlen(with) &&
           bytes_eq_nocase(bytes_of(b.data, strlen(with)), bytes_str(with));
}

/* The target is one of the four forms (RFC 9112 section 3.2). */
static bool ref_target(struct bytes method, struct bytes target, struct bytes *host)
{
    *host = bytes_of(NULL, 0);
    if (target.len == 0 || memchr(target.data, '#', target.len))
        return false;
    if (bytes_eq(method, BYTES("CONNECT")))
        return http_host_is_valid(target);
    if (target.data[0] == '/')
        return true;
    if (bytes_eq(target, BYTES("*")))
        return bytes_eq(method, BYTES("OPTIONS"));
    size_t skip = starts(target, "http://") ? 7 : starts(target, "https://") ? 8 : 0, n = skip;
    while (n < target.len && target.data[n] != '/' && target.data[n] != '?')
        n++;
    *host = bytes_of(target.data + skip, n - skip);
    return skip > 0 && http_host_is_valid(*host);
}

static int ref_request_line(struct bytes line, struct http_head *h)
{
    const char *first = line.len ? memchr(line.data, ' ', line.len) : NULL;

    if (!first)
        return -400;
    struct bytes method = bytes_of(line.data, (size_t)(first - line.data));
    struct bytes rest = bytes_from(line, method.len + 1);
    if (!is_token(method))
        return -400;
    const char *second = rest.len ? memchr(rest.data, ' ', rest.len) : NULL;
    if (!second)
        return -400;
    h->target = bytes_of(rest.data, (size_t)(second - rest.data));
    rest = bytes_from(rest, h->target.len + 1);
    if (rest.len != 8 || memcmp(rest.data, "HTTP/", 5) != 0 || !ascii_is_digit(rest.data[5]) ||
        rest.data[6] != '.' || !ascii_is_digit(rest.data[7]))
        return -400;
    if (rest.data[5] != '1')
        return -505;
    h->minor_version = rest.data[7] == '0' ? 0 : 1;
    return ref_target(method, h->target, &h->host) ? 1 : -400;
}

static bool ref_field(struct bytes line, struct http_header *field)
{
    const char *colon = memchr(line.data, ':', line.len);

    if (!colon)
        return false;
    field->name = bytes_of(line.data, (size_t)(colon - line.data));
    field->value = bytes_from(line, field->name.len + 1);
    while (field->value.len && strchr(" \t", field->value.data[0]))
        field->value = bytes_from(field->value, 1);
    while (field->value.len && strchr(" \t", field->value.data[field->value.len - 1]))
        field->value.len--;
    return is_token(field->name);
}

/* Content-Length: digits, at most 2^63 - 1; leading zeros do not count. */
static bool ref_length(struct bytes b, uint64_t *n)
{
    char text[32] = "0";

    for (size_t i = 0; i < b.len; i++)
        if (!ascii_is_digit(b.data[i]))
            return false;
    if (b.len == 0)
        return false;
    while (b.len > 0 && b.data[0] == '0')
        b = bytes_from(b, 1);
    if (b.len > 19)
        return false;
    memcpy(text + 1, b.data, b.len);
    text[b.len + 1] = 0;
    *n = strtoull(text, NULL, 10);
    return *n <= INT64_MAX;
}

/* What the fields say of host and body (RFC 9112 sections 3.2 and 6.3), read one question at a
 * time. */
static bool ref_framing(struct http_head *h)
{
    unsigned n_hosts = 0, n_lengths = 0, n_codings = 0;
    uint64_t length;

    for (unsigned i = 0; i < h->n_headers; i++) {
        const struct http_header *f = &h->headers[i];
        if (bytes_eq_nocase(f->name, BYTES("host"))) {
            if (!http_host_is_valid(f->value))
                return false;
            if (!h->host.data)
                h->host = f->value;
            n_hosts++;
        }
        if (bytes_eq_nocase(f->name, BYTES("content-length"))) {
            if (!ref_length(f->value, &length) || (n_lengths && length != h->content_length))
                return false;
            h->content_length = length;
            n_lengths++;
        }
        if (bytes_eq_nocase(f->name, BYTES("transfer-encoding"))) {
            if (!bytes_eq_nocase(f->value, BYTES("chunked")))
                return false;
            n_codings++;
        }
    }
    h->is_chunked = n_codings == 1;
    h->has_body = n_codings || n_lengths;
    return n_hosts <= 1 && n_codings <= 1 && !(n_codings && n_lengths) &&
           !(n_codings && h->minor_version == 0) && !(n_hosts == 0 && h->minor_version > 0);
}

/* The same result as http_head_parse(), and the fields that decide what the request is. */
static int ref_head(struct bytes in, struct http_head *h)
{
    size_t at = 0;
    struct bytes line;

    *h = (struct http_head){ 0 };
    if (in.len > 0 && in.data[0] == '\r') {
        if (in.len == 1)
            return 0;
        if (in.data[1] != '\n')
            return -400;
        at = 2;
    }
    int r = ref_line(in, at, at + HTTP_MAX_REQUEST_LINE, stands_in_request_line, -414, &line);
    if (r == 1)
        r = ref_request_line(line, h);
    if (r != 1)
        return r;
    at += line.len + 2;
    size_t last = at + HTTP_MAX_HEADER_SECTION - 2;
    for (;;) {
        if (at < in.len && in.data[at] == '\r') {
            if (at + 1 == in.len)
                return 0;
            if (in.data[at + 1] != '\n')
                return -400;
            return ref_framing(h) ? (int)at + 2 : -400;
        }
        if (at < in.len && h->n_headers == HTTP_MAX_HEADERS)
            return -431;
        r = at < in.len ? ref_line(in, at, last, stands_in_field, -431, &line) : 0;
        if (r != 1)
            return r;
        if (!ref_field(line, &h->headers[h->n_headers++]))
            return -400;
        at += line.len + 2;
    }
}

/* --- comparing --- */

static bool same(struct bytes a, struct bytes b)
{
    return bytes_eq(a, b) && !a.data == !b.data;
}

static void check_same(const struct http_head *got, const struct http_head *want)
{
    FUZZ_CHECK(same(got->target, want->target));
    FUZZ_CHECK(got->minor_version == want->minor_version);
    FUZZ_CHECK(same(got->host, want->host));
    FUZZ_CHECK(got->has_body == want->has_body && got->is_chunked == want->is_chunked);
    FUZZ_CHECK(got->content_length == want->content_length);
    FUZZ_CHECK(got->n_headers == want->n_headers);
    for (unsigned i = 0; i < got->n_headers; i++) {
        FUZZ_CHECK(same(got->headers[i].name, want->headers[i].name));
        FUZZ_CHECK(bytes_eq(got->headers[i].value, want->headers[i].value));
    }
}

/* What is read off an accepted head must hold for anything. */
static void check_use(const struct http_head *h)
{
    char path[4096];
    size_t len;
    struct ws_handshake shake;

    if (url_decode_path(h->path, path, sizeof path, &len) == OK) {
        FUZZ_CHECK(strlen(path) == len && !strstr(path, "/../"));
        FUZZ_CHECK(len < 3 || strcmp(path + len - 3, "/..") != 0);
    }
    int status = ws_handshake_check(h, &shake);
    FUZZ_CHECK(status == 101 || status == 426 || status == 400);
    if (status == 101) {
        FUZZ_CHECK(h->method == HTTP_GET && h->minor_version == 1 && !h->is_chunked);
        FUZZ_CHECK(bytes_eq(http_head_get(h, "sec-websocket-version"), BYTES("13")));
        FUZZ_CHECK(strlen(shake.accept) == WS_ACCEPT_LEN);
    }
    http_origin_is_host(http_head_get(h, "Origin"), h->host);
}

/* Each call gets the same beginning and more behind it, somewhere else in memory. */
static int parse_pieces(struct bytes in, struct fuzz_cuts cuts, struct http_head *h, char **memory)
{
    struct http_scan scan = { 0 };
    int r = 0;

    *memory = NULL;
    for (size_t n = 0; r == 0 && n < in.len;) {
        n += fuzz_cut(&cuts, in.len - n);
        char *moved = fuzz_copy(bytes_of(in.data, n));
        free(*memory);
        *memory = moved;
        r = http_head_parse(h, &scan, bytes_of(moved, n));
    }
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_head want, whole, pieces;
    struct fuzz_in in = { data, data + size };
    struct fuzz_cuts cuts = fuzz_cuts_read(&in);
    struct bytes text = fuzz_message(&in);
    struct http_scan scan = { 0 };
    char *memory;

    int r = ref_head(text, &want);
    FUZZ_CHECK(http_head_parse(&whole, &scan, text) == r);
    FUZZ_CHECK(parse_pieces(text, cuts, &pieces, &memory) == r);
    if (r > 0) {
        check_same(&whole, &want);
        check_same(&pieces, &want);
        FUZZ_CHECK(whole.method == pieces.method && whole.keep_alive == pieces.keep_alive);
        FUZZ_CHECK(whole.expect_continue == pieces.expect_continue);
        FUZZ_CHECK(same(whole.path, pieces.path) && same(whole.query, pieces.query));
        check_use(&pieces);
    }
    free(memory);
    fuzz_message_free(text);
    return 0;
}
