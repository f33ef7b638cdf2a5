/* http_head.c - the head of a request, line by line.
 *
 * Lines are found by looking for the first byte that cannot stand in them, eight bytes at a time:
 * that byte must be the CR of a CRLF, and if it is anything else the head is bad at once, complete
 * or not. So what is no HTTP (a TLS hello, say) is refused at its first byte.
 *
 * Invariant: scan->line is where the first unfinished line begins; every line before it has been
 * judged and is good. scan->seen is how far that line holds nothing but allowed bytes. Limits are
 * offsets at which a line's CR may stand at most, and nothing beyond is looked at, so the answer to
 * given bytes does not depend on how they were cut.
 *
 * The surprising part: the caller's bytes may move between two calls, so what was filled in earlier
 * is worthless then. A head that came in pieces is read once more, in one go, when its end is
 * there.
 */
#include "proto/http_head.h"

#define BAD_REQUEST    (-400)
#define URI_TOO_LONG   (-414)
#define FIELDS_TOO_BIG (-431)
#define BAD_VERSION    (-505)

#define REPEATED(byte) (0x0101010101010101u * (byte))
#define HIGH_BITS      REPEATED(0x80u)

/* Table of tchar (RFC 9110 section 5.6.2): the bytes of tokens. */
const bool http_is_tchar[256] = {
    ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true, ['\''] = true,
    ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true, ['^'] = true, ['_'] = true,
    ['`'] = true, ['|'] = true, ['~'] = true, ['0'] = true, ['1'] = true, ['2'] = true,
    ['3'] = true, ['4'] = true, ['5'] = true, ['6'] = true, ['7'] = true, ['8'] = true,
    ['9'] = true, ['A'] = true, ['B'] = true, ['C'] = true, ['D'] = true, ['E'] = true,
    ['F'] = true, ['G'] = true, ['H'] = true, ['I'] = true, ['J'] = true, ['K'] = true,
    ['L'] = true, ['M'] = true, ['N'] = true, ['O'] = true, ['P'] = true, ['Q'] = true,
    ['R'] = true, ['S'] = true, ['T'] = true, ['U'] = true, ['V'] = true, ['W'] = true,
    ['X'] = true, ['Y'] = true, ['Z'] = true, ['a'] = true, ['b'] = true, ['c'] = true,
    ['d'] = true, ['e'] = true, ['f'] = true, ['g'] = true, ['h'] = true, ['i'] = true,
    ['j'] = true, ['k'] = true, ['l'] = true, ['m'] = true, ['n'] = true, ['o'] = true,
    ['p'] = true, ['q'] = true, ['r'] = true, ['s'] = true, ['t'] = true, ['u'] = true,
    ['v'] = true, ['w'] = true, ['x'] = true, ['y'] = true, ['z'] = true,
};

static bool is_tchar(char c)
{
    return http_is_tchar[(unsigned char)c];
}

static bool has_name(const struct http_header *header, struct bytes name)
{
    return bytes_eq_nocase(header->name, name);
}

struct bytes http_head_get(const struct http_head *h, const char *name)
{
    struct bytes wanted = bytes_str(name);

    for (unsigned i = 0; i < h->n_headers; i++)
        if (has_name(&h->headers[i], wanted))
            return h->headers[i].value;
    return bytes_of(NULL, 0);
}

unsigned http_head_count(const struct http_head *h, const char *name)
{
    struct bytes wanted = bytes_str(name);
    unsigned n = 0;

    for (unsigned i = 0; i < h->n_headers; i++)
        n += has_name(&h->headers[i], wanted);
    return n;
}

bool http_head_has_token(const struct http_head *h, const char *name, const char *token)
{
    struct bytes wanted = bytes_str(name), wanted_token = bytes_str(token);

    for (unsigned i = 0; i < h->n_headers; i++) {
        if (!has_name(&h->headers[i], wanted))
            continue;
        struct bytes list = h->headers[i].value;
        while (list.data)
            if (bytes_eq_nocase(bytes_trim(bytes_cut(&list, ',')), wanted_token))
                return true;
    }
    return false;
}

static enum http_method method_of(struct bytes token)
{
    static const struct {
        struct bytes name;
        enum http_method method;
    } known[] = {
        { { "GET", 3 }, HTTP_GET },       { { "HEAD", 4 }, HTTP_HEAD },
        { { "POST", 4 }, HTTP_POST },     { { "PUT", 3 }, HTTP_PUT },
        { { "DELETE", 6 }, HTTP_DELETE }, { { "OPTIONS", 7 }, HTTP_OPTIONS },
        { { "PATCH", 5 }, HTTP_PATCH },   { { "CONNECT", 7 }, HTTP_CONNECT },
        { { "TRACE", 5 }, HTTP_TRACE },
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (bytes_eq(token, known[i].name)) /* methods are case-sensitive: RFC 9110 section 9.1 */
            return known[i].method;
    return HTTP_METHOD_UNKNOWN;
}

/* The version of HTTP/1.x, or a negated status. A later minor version is
 * treated as 1 (RFC 9110 section 2.5). */
static int read_version(struct bytes b)
{
    if (b.len != 8 || memcmp(b.data, "HTTP/", 5) != 0 || !ascii_is_digit(b.data[5]) ||
        b.data[6] != '.' || !ascii_is_digit(b.data[7]))
        return BAD_REQUEST;
    if (b.data[5] != '1')
        return BAD_VERSION;
    return b.data[7] == '0' ? 0 : 1;
}

static void split_path(struct http_head *h, struct bytes b)
{
    h->path = bytes_cut(&b, '?');
    h->query = b;
    if (h->path.len == 0)
        h->path = BYTES("/"); /* "http://host" and "http://host?x": RFC 9110 section 4.2.3 */
}

/* http://authority[/path][?query]. The authority stands for Host then (RFC 9112 section 3.2.2). */
static bool read_absolute_form(struct http_head *h)
{
    struct bytes t = h->target;
    size_t scheme = t.len >= 7 && bytes_eq_nocase(bytes_of(t.data, 7), BYTES("http://"))    ? 7
                    : t.len >= 8 && bytes_eq_nocase(bytes_of(t.data, 8), BYTES("https://")) ? 8
                                                                                            : 0;
    size_t n = scheme;

    while (n < t.len && t.data[n] != '/' && t.data[n] != '?')
        n++;
    h->host = bytes_of(t.data + scheme, n - scheme);
    split_path(h, bytes_from(t, n));
    return scheme > 0 && http_host_is_valid(h->host);
}

/* The four forms of RFC 9112 section 3.2. A fragment is never sent: '#' belongs to none of them. */
static bool read_target(struct http_head *h)
{
    struct bytes t = h->target;

    if (t.len == 0 || memchr(t.data, '#', t.len))
        return false;
    if (h->method == HTTP_CONNECT)
        return http_host_is_valid(t);
    if (t.data[0] == '/') {
        split_path(h, t);
        return true;
    }
    if (bytes_eq(t, BYTES("*"))) {
        h->path = t;
        return h->method == HTTP_OPTIONS;
    }
    return read_absolute_form(h);
}

/* method SP request-target SP version: 0, or a negated status. The version is judged before the
 * target, whose forms are those of HTTP/1. */
static int read_request_line(struct http_head *h, struct bytes line)
{
    struct bytes method = bytes_cut(&line, ' ');

    if (method.len == 0)
        return BAD_REQUEST;
    for (size_t i = 0; i < method.len; i++)
        if (!is_tchar(method.data[i]))
            return BAD_REQUEST;
    h->method = method_of(method);
    h->target = bytes_cut(&line, ' ');
    h->path = h->query = h->host = bytes_of(NULL, 0);
    int minor = read_version(line);
    if (minor < 0)
        return minor;
    h->minor_version = minor;
    return read_target(h) ? 0 : BAD_REQUEST;
}

static bool read_header(struct http_header *header, struct bytes line)
{
    size_t n = 0;

    while (n < line.len && is_tchar(line.data[n]))
        n++;
    if (n == 0 || n == line.len || line.data[n] != ':')
        return false; /* obs-fold and white space before the colon end here, too */
    header->name = bytes_of(line.data, n);
    header->value = bytes_trim(bytes_from(line, n + 1));
    return true;
}

/* Digits alone, at most 2^63 - 1. */
static bool read_length(struct bytes b, uint64_t *length)
{
    uint64_t x = 0;

    for (size_t i = 0; i < b.len; i++) {
        if (!ascii_is_digit(b.data[i]))
            return false;
        unsigned digit = (unsigned)(b.data[i] - '0');
        if (x > ((uint64_t)INT64_MAX - digit) / 10)
            return false;
        x = x * 10 + digit;
    }
    *length = x;
    return b.len > 0;
}

/* The headers that say how long the message is and who is meant: the ones that two parsers must
 * never understand differently (RFC 9112 sections 6.3 and 3.2). */
static bool read_framing(struct http_head *h)
{
    unsigned n_hosts = 0, n_lengths = 0, n_codings = 0;

    for (unsigned i = 0; i < h->n_headers; i++) {
        const struct http_header *header = &h->headers[i];
        uint64_t length;
        if (has_name(header, BYTES("Host"))) {
            if (n_hosts++ > 0 || !http_host_is_valid(header->value))
                return false;
            if (!h->host.data)
                h->host = header->value;
        } else if (has_name(header, BYTES("Content-Length"))) {
            if (!read_length(header->value, &length) ||
                (n_lengths++ > 0 && length != h->content_length))
                return false;
            h->content_length = length;
        } else if (has_name(header, BYTES("Transfer-Encoding"))) {
            if (n_codings++ > 0 || !bytes_eq_nocase(header->value, BYTES("chunked")))
                return false;
        }
    }
    if (n_codings > 0 && (n_lengths > 0 || h->minor_version == 0))
        return false; /* HTTP/1.0 knows no chunks */
    h->is_chunked = n_codings > 0;
    h->has_body = n_codings + n_lengths > 0;
    return n_hosts == 1 || h->minor_version == 0;
}

/* What the header lines say together; false for what makes the request bad. */
static bool judge_fields(struct http_head *h)
{
    h->content_length = 0;
    if (!read_framing(h))
        return false;
    h->keep_alive = (h->minor_version > 0 || http_head_has_token(h, "Connection", "keep-alive")) &&
                    !http_head_has_token(h, "Connection", "close");
    h->expect_continue =
        h->minor_version > 0 && bytes_eq_nocase(http_head_get(h, "Expect"), BYTES("100-continue"));
    return true;
}

/* The first byte that cannot stand in a request line (anything but 0x20 to 0x7E), or `end`. A
 * borrow or a carry can mark a byte of a word wrongly, but only above one that is marked rightly,
 * so a marked word is searched byte by byte. */
static const char *skip_visible(const char *p, const char *end)
{
    uint64_t word;

    for (; end - p >= 8; p += 8) {
        memcpy(&word, p, sizeof word);
        if ((word | (word - REPEATED(0x20u)) | (word + REPEATED(1u))) & HIGH_BITS)
            break;
    }
    while (p < end && *p >= 0x20 && *p < 0x7F)
        p++;
    return p;
}

/* The same for a header line: control characters but HTAB. */
static const char *skip_field(const char *p, const char *end)
{
    uint64_t word;

    while (p < end) {
        for (; end - p >= 8; p += 8) {
            memcpy(&word, p, sizeof word);
            uint64_t del = word ^ REPEATED(0x7Fu);
            uint64_t low = (word - REPEATED(0x20u)) & ~word;
            if ((low | ((del - REPEATED(1u)) & ~del)) & HIGH_BITS)
                break;
        }
        const char *stop = end - p > 8 ? p + 8 : end;
        for (; p < stop; p++)
            if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7F)
                return p;
    }
    return p;
}

enum line_result { LINE_MORE, LINE_ENDED, LINE_BAD, LINE_TOO_LONG };

/* Looks for the end of the line that begins at scan->line; its CR may stand at `limit` at most. */
static enum line_result find_line_end(struct http_scan *scan, struct bytes in, size_t limit,
                                      const char *(*skip)(const char *, const char *))
{
    if (scan->seen > limit)
        return LINE_TOO_LONG;
    size_t stop = in.len <= limit ? in.len : limit + 1;
    scan->seen = (size_t)(skip(in.data + scan->seen, in.data + stop) - in.data);
    if (scan->seen == stop)
        return scan->seen > limit ? LINE_TOO_LONG : LINE_MORE;
    if (in.data[scan->seen] != '\r')
        return LINE_BAD;
    if (scan->seen + 1 == in.len)
        return LINE_MORE;
    return in.data[scan->seen + 1] == '\n' ? LINE_ENDED : LINE_BAD;
}

static struct bytes take_line(struct http_scan *scan, struct bytes in)
{
    struct bytes line = bytes_of(in.data + scan->line, scan->seen - scan->line);

    scan->line = scan->seen += 2;
    return line;
}

/* 1 when it has been read, 0 when it is not complete, or a negated status. */
static int take_request_line(struct http_head *h, struct http_scan *scan, struct bytes in)
{
    if (scan->line == 0 && in.len > 0 && in.data[0] == '\r') { /* one empty line is forgiven */
        if (in.len > 1 && in.data[1] != '\n')
            return BAD_REQUEST;
        if (in.len == 1)
            return 0;
        scan->line = scan->seen = 2;
    }
    switch (find_line_end(scan, in, scan->line + HTTP_MAX_REQUEST_LINE, skip_visible)) {
    case LINE_MORE:
        return 0;
    case LINE_BAD:
        return BAD_REQUEST;
    case LINE_TOO_LONG:
        return URI_TOO_LONG;
    case LINE_ENDED:
        break;
    }
    int status = read_request_line(h, take_line(scan, in));
    scan->request_line = scan->line;
    return status ? status : 1;
}

/* 1 when a header has been read, 2 when it was the empty line, 0 when more is needed, or a negated
 * status. */
static int take_header(struct http_head *h, struct http_scan *scan, struct bytes in)
{
    size_t left = in.len - scan->line;

    if (left == 0)
        return 0;
    if (in.data[scan->line] == '\r') {
        if (left == 1)
            return 0;
        return in.data[scan->line + 1] == '\n' ? 2 : BAD_REQUEST;
    }
    if (scan->n_headers == HTTP_MAX_HEADERS)
        return FIELDS_TOO_BIG;
    size_t end = scan->request_line + HTTP_MAX_HEADER_SECTION;
    switch (find_line_end(scan, in, end - 2, skip_field)) {
    case LINE_MORE:
        return 0;
    case LINE_BAD:
        return BAD_REQUEST;
    case LINE_TOO_LONG:
        return FIELDS_TOO_BIG;
    case LINE_ENDED:
        break;
    }
    return read_header(&h->headers[scan->n_headers++], take_line(scan, in)) ? 1 : BAD_REQUEST;
}

/* From where `scan` stands to the empty line: the length of the head, 0, or a negated status. Of
 * what an earlier call has put into *h nothing is looked at. */
static int read_lines(struct http_head *h, struct http_scan *scan, struct bytes in)
{
    int result = 1;

    if (scan->request_line == 0)
        result = take_request_line(h, scan, in);
    while (result == 1)
        result = take_header(h, scan, in);
    h->n_headers = scan->n_headers;
    return result > 0 ? (int)scan->line + 2 : result;
}

int http_head_parse(struct http_head *h, struct http_scan *scan, struct bytes in)
{
    bool resumed = scan->line > 0;

    if (in.len == 0)
        return 0;
    int result = read_lines(h, scan, in);
    if (result > 0 && resumed) {
        *scan = (struct http_scan){ 0 };
        result = read_lines(h, scan, in);
    }
    if (result > 0 && !judge_fields(h))
        result = BAD_REQUEST;
    if (result != 0)
        *scan = (struct http_scan){ 0 };
    return result;
}
