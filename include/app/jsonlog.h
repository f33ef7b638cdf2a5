/* jsonlog.h - a JSON array that only grows, kept as the bytes in which it is sent.
 *
 * The board's strokes and the list of all users are sent whole to whoever asks. Instead of building
 * that answer each time, its bytes lie ready in large chunks: an answer is a frame head, the chunks
 * by reference, and the closing text. It costs what sending costs; nothing is serialised, and
 * nothing copied.
 *
 * A chunk is a blob of which a part has been written; what has been written never changes, so
 * queues may hold references to it while it grows behind them.
 *
 * A list that could not grow for want of memory is short of what is stored, and is sent to nobody
 * until it has been read again.
 */
#ifndef APP_JSONLOG_H
#define APP_JSONLOG_H

#include "base/outbox.h"

struct jsonlog {
    struct blob **chunks; /* blob.len: bytes written */
    uint32_t n_chunks, cap_chunks;
    size_t chunk_cap;             /* of the last one */
    size_t total;                 /* bytes in all chunks */
    uint64_t n;                   /* elements */
    bool is_short;                /* one is missing */
    struct blob *prefix, *suffix; /* the message around the array */
};

/* `prefix` and `suffix`: the text before the first element and behind the last one. ERR_NO_MEMORY.
 */
MUST_CHECK enum err jsonlog_init(struct jsonlog *l, struct bytes prefix, struct bytes suffix);
void jsonlog_release(struct jsonlog *l);
/* Appends one element, a JSON value as text. ERR_NO_MEMORY: the list is short from here on. */
MUST_CHECK enum err jsonlog_append(struct jsonlog *l, struct bytes element);
/* A new list for a short one: `read` appends every element to `to`. On failure *l is what it was.
 */
MUST_CHECK enum err jsonlog_mend(struct jsonlog *l, enum err (*read)(void *arg, struct jsonlog *to),
                                 void *arg);
/* Sends the message as it is now, in one WebSocket text frame; a short one is not sent, and the
 * connection ends. */
void jsonlog_send(const struct jsonlog *l, const struct out_sink *sink, slot_id to,
                  enum out_class class);

#endif
