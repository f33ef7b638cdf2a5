/* http_chunked.c - one byte, one step; chunk data is handed out in views.
 *
 * The states follow the grammar of RFC 9112 section 7.1 and 7.1.1. A byte for which a state has no
 * next one is bad at once: bare LF, white space where none is allowed, a sign or "0x" before the
 * size and whatever else two parsers could read differently.
 *
 * `line` counts the bytes of a chunk's line, and after the last chunk those of all trailer lines,
 * so that nobody can send lines for ever.
 */
#include "proto/http_chunked.h"
#include "proto/http_head.h"

#define MAX_DIGITS 16

enum state {
    SIZE,         /* hex digits; 0, so that a zeroed struct starts here */
    SEMICOLON,    /* white space, which may only lead to ';' */
    EXT_NAME_0,   /* white space behind ';', then the first byte of a name */
    EXT_NAME,     /* the rest of it */
    AFTER_NAME,   /* white space; '=' or ';' comes */
    EXT_VALUE_0,  /* white space behind '=', then the first byte of a value */
    EXT_VALUE,    /* the rest of a token */
    QUOTED,       /* inside a quoted-string */
    QUOTED_PAIR,  /* behind a backslash in it */
    AFTER_QUOTED, /* behind the quotation mark that ends it */
    SIZE_LF,      /* LF at the end of a chunk's line */
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_0,     /* the beginning of a trailer line, or the CR of the empty line */
    TRAILER_NAME,  /* up to ':' */
    TRAILER_VALUE, /* up to CR */
    TRAILER_LF,
    LAST_LF,
    DONE,
    BAD,
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_tchar(char c)
{
    return http_is_tchar[(unsigned char)c];
}

/* What field values and quoted strings are made of: no controls but HTAB. */
static bool is_text(char c)
{
    return c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7F);
}

/* Where a size or an extension may end. */
static enum state at_end(char c)
{
    return c == '\r' ? SIZE_LF : c == ';' ? EXT_NAME_0 : is_blank(c) ? SEMICOLON : BAD;
}

static enum state in_size(struct http_chunked *c, char byte)
{
    int digit = ascii_hex_value(byte);

    if (digit < 0)
        return c->digits == 0 ? BAD : at_end(byte);
    if (c->digits == MAX_DIGITS)
        return BAD;
    c->digits++;
    c->left = c->left << 4 | (unsigned)digit;
    return SIZE;
}

/* The part of a chunk's line behind its size. */
static enum state in_extension(enum state state, char c)
{
    switch (state) {
    case SEMICOLON:
        return c == ';' ? EXT_NAME_0 : is_blank(c) ? SEMICOLON : BAD;
    case EXT_NAME_0:
        return is_tchar(c) ? EXT_NAME : is_blank(c) ? EXT_NAME_0 : BAD;
    case EXT_NAME:
        return is_tchar(c)   ? EXT_NAME
               : c == '='    ? EXT_VALUE_0
               : is_blank(c) ? AFTER_NAME
                             : at_end(c);
    case AFTER_NAME:
        return c == '=' ? EXT_VALUE_0 : c == ';' ? EXT_NAME_0 : is_blank(c) ? AFTER_NAME : BAD;
    case EXT_VALUE_0:
        return c == '"' ? QUOTED : is_tchar(c) ? EXT_VALUE : is_blank(c) ? EXT_VALUE_0 : BAD;
    case EXT_VALUE:
        return is_tchar(c) ? EXT_VALUE : at_end(c);
    case QUOTED:
        return c == '"' ? AFTER_QUOTED : c == '\\' ? QUOTED_PAIR : is_text(c) ? QUOTED : BAD;
    case QUOTED_PAIR:
        return is_text(c) ? QUOTED : BAD;
    default: /* AFTER_QUOTED */
        return at_end(c);
    }
}

/* The end of a chunk's line: the size is known, and 0 is the last chunk. */
static enum state end_size_line(struct http_chunked *c, char byte)
{
    if (byte != '\n' || c->line > HTTP_MAX_CHUNK_LINE)
        return BAD;
    c->line = 0;
    c->digits = 0;
    return c->left > 0 ? DATA : TRAILER_0;
}

/* The state after one byte that is not chunk data. */
static enum state step(struct http_chunked *c, char byte)
{
    switch ((enum state)c->state) {
    case SIZE:
        return in_size(c, byte);
    case SIZE_LF:
        return end_size_line(c, byte);
    case DATA_CR:
        return byte == '\r' ? DATA_LF : BAD;
    case DATA_LF:
        c->line = 0;
        return byte == '\n' ? SIZE : BAD;
    case TRAILER_0:
        return byte == '\r' ? LAST_LF : is_tchar(byte) ? TRAILER_NAME : BAD;
    case TRAILER_NAME:
        return byte == ':' ? TRAILER_VALUE : is_tchar(byte) ? TRAILER_NAME : BAD;
    case TRAILER_VALUE:
        return byte == '\r' ? TRAILER_LF : is_text(byte) ? TRAILER_VALUE : BAD;
    case TRAILER_LF:
        return byte == '\n' ? TRAILER_0 : BAD;
    case LAST_LF:
        return byte == '\n' ? DONE : BAD;
    case DATA:
    case DONE:
    case BAD:
        return BAD;
    default:
        return in_extension((enum state)c->state, byte);
    }
}

static bool is_too_long(const struct http_chunked *c)
{
    if (c->state >= TRAILER_0)
        return c->state < LAST_LF && c->line > HTTP_MAX_TRAILERS;
    return c->line > HTTP_MAX_CHUNK_LINE;
}

static struct bytes take_data(struct http_chunked *c, struct bytes *in)
{
    size_t n = in->len < c->left ? in->len : (size_t)c->left;
    struct bytes data = bytes_of(in->data, n);

    in->data += n;
    in->len -= n;
    c->left -= n;
    if (c->left == 0)
        c->state = DATA_CR;
    return data;
}

enum http_chunked_result http_chunked_next(struct http_chunked *c, struct bytes *in,
                                           struct bytes *data)
{
    while (c->state != DONE && c->state != BAD) {
        if (in->len == 0)
            return HTTP_CHUNKED_MORE;
        if (c->state == DATA) {
            *data = take_data(c, in);
            return HTTP_CHUNKED_DATA;
        }
        c->line++;
        c->state = (uint8_t)step(c, *in->data);
        if (is_too_long(c))
            c->state = BAD;
        in->data++;
        in->len--;
    }
    return c->state == DONE ? HTTP_CHUNKED_DONE : HTTP_CHUNKED_BAD;
}

uint64_t http_chunked_announced(const struct http_chunked *c)
{
    return c->state == DATA ? c->left : 0;
}
