/* http_chunked.h - the chunked transfer coding, incrementally (RFC 9112 section 7.1).
 *
 * Pure. Chunk extensions and trailer fields are checked for form and ignored. Chunk sizes are 1 to
 * 16 hex digits; lines end in CRLF; anything else is bad at the first byte that is certain.
 */
#ifndef PROTO_HTTP_CHUNKED_H
#define PROTO_HTTP_CHUNKED_H

#include <stdint.h>
#include "base/bytes.h"

#define HTTP_MAX_CHUNK_LINE 4096u /* size, extensions and CRLF */
#define HTTP_MAX_TRAILERS   8192u /* all trailer lines */

struct http_chunked { /* private fields; zero to start */
    uint64_t left;    /* bytes of the current chunk that are still to come */
    uint32_t line;    /* bytes of the current line or trailer section so far */
    uint8_t state, digits;
};

enum http_chunked_result {
    HTTP_CHUNKED_MORE, /* `in` is used up */
    HTTP_CHUNKED_DATA, /* *data is a piece of the body, a view of `in` */
    HTTP_CHUNKED_DONE, /* the last chunk and the trailers are read */
    HTTP_CHUNKED_BAD,  /* answer 400 and close; stays so */
};

/* Reads from the front of *in and moves it past what was read. Call until it is not DATA. */
enum http_chunked_result http_chunked_next(struct http_chunked *c, struct bytes *in,
                                           struct bytes *data);

/* Bytes of the current chunk that are still to come; 0 while the line with its size is not whole,
 * because that may still turn out to be bad. */
uint64_t http_chunked_announced(const struct http_chunked *c);

#endif
