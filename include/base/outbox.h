/* outbox.h - the output of one tick, staged in order until what it reports is in the database.
 *
 * Handlers never write to a socket. They stage bytes here, addressed to a connection or to an
 * audience; after the tick's commit, outbox_release() hands everything to a sink in the order in
 * which it was staged. What a failed commit takes back is left out, and its writers are told so
 * instead.
 *
 *     outbox_op_begin(o, conn);                  // one message or request that may write
 *     memcpy(outbox_to(o, conn, len), ...);
 *     outbox_op_end(o);                          // or outbox_op_cancel(o): as if it had not been
 *     ...
 *     outbox_release(o, sink, commit_succeeded);
 *
 * Where the bytes live: small ones for one connection behind each other in one arena that is used
 * again every tick; the sink must copy what it cannot send within the tick (see outbox_arena).
 * Large ones in a blob of their own. Everything for an audience in one blob per tick, so that a
 * receiver of many broadcasts gets one slice.
 *
 * Without memory the outbox is `lost`: the tick must then not be committed (outbox_is_lost). Nobody
 * is left waiting for what could not be staged: a writer is told of the failed commit, and any
 * other connection that would have got it is given up (sink.lost): its client sees the end, and not
 * a gap.
 */
#ifndef BASE_OUTBOX_H
#define BASE_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>
#include "base/blob.h"
#include "base/slots.h"

struct outbox;

enum out_class {
    OUT_LIVE,     /* counts toward both limits on slow readers */
    OUT_HISTORY,  /* an answer as long as what is stored: not a live message */
    OUT_SNAPSHOT, /* shared with everyone (the board): counts toward none */
};

enum audience { TO_ALL, TO_BASE, TO_V1 };

/* Output that is made while it is being sent, because it is long: a history read from the database.
 * Owned by whoever holds it; next() is called when there is room for more. */
struct out_source {
    /* The next piece with one reference for the caller, or NULL: *done says whether it has ended
     * (true) or failed (false). */
    struct blob *(*next)(struct out_source *s, bool *done);
    void (*free)(struct out_source *s);
};

/* Where released output goes. `blob` stays the outbox's: take a reference to keep it, unless it is
 * the arena. */
struct out_sink {
    void *self;
    void (*send)(void *self, slot_id to, struct blob *blob, size_t off, size_t len,
                 enum out_class class);
    void (*send_file)(void *self, slot_id to, int fd, uint64_t off, uint64_t len); /* owns fd */
    void (*send_source)(void *self, slot_id to, struct out_source *s);             /* owns s */
    void (*broadcast)(void *self, enum audience who, struct blob *blob, size_t off, size_t len);
    void (*subscribe)(void *self, slot_id to);
    /* No more output for it: close when all is sent. `code` 0 for HTTP, else a WebSocket close code
     * of which the close frame has been staged already. */
    void (*finish)(void *self, slot_id to, uint16_t code);
    /* The tick's writes are gone; tell the connection whose message or request this was. */
    void (*failed)(void *self, slot_id to);
    /* Something for it could not be staged: drop it without a word. `to` 0: that goes for everyone.
     * What was lost while staging is told before everything else of the release. */
    void (*lost)(void *self, slot_id to);
};

/* Runs at its place in the release, only when the commit succeeded (or nothing was written): the
 * moment for memory that mirrors the database. `data` is what was staged with it. */
typedef void out_apply_fn(void *ctx, const struct out_sink *sink, uint64_t arg, struct bytes data);

struct outbox *outbox_new(void);
void outbox_free(struct outbox *o);

/* One operation: a message or request of `conn`. Everything staged until the end belongs to it. */
void outbox_op_begin(struct outbox *o, slot_id conn);
/* The operation writes to the database: a failed commit takes back what it staged. */
void outbox_op_wrote(struct outbox *o);
/* Bytes for the operation's connection that leave only if the commit fails, just before
 * sink.failed. Once per operation. NULL without memory. */
char *outbox_op_if_failed(struct outbox *o, size_t len);
void outbox_op_end(struct outbox *o);
/* Takes back what the operation has staged so far; it stays open. */
void outbox_op_cancel(struct outbox *o);

/* Room for `len` bytes to `to`, which the caller fills at once (the pointer is good until the next
 * call). NULL without memory. */
char *outbox_to(struct outbox *o, slot_id to, size_t len);
/* The same for everyone in the audience who is subscribed when it is released. */
char *outbox_broadcast(struct outbox *o, enum audience who, size_t len);
/* A part of a blob, shared. Takes a reference of its own. */
void outbox_blob(struct outbox *o, slot_id to, struct blob *blob, size_t off, size_t len,
                 enum out_class class);
/* A part of an open file; the outbox owns `fd` from here on. */
void outbox_file(struct outbox *o, slot_id to, int fd, uint64_t off, uint64_t len);
/* A source; the outbox owns `s` from here on. */
void outbox_source(struct outbox *o, slot_id to, struct out_source *s);
/* From here on, broadcasts reach `to`. */
void outbox_subscribe(struct outbox *o, slot_id to);
void outbox_finish(struct outbox *o, slot_id to, uint16_t code);
/* Stages a call of `fn` with a copy of `data`. `to`: the connection that waits for it; 0: nobody,
 * or the operation that it is in writes. */
void outbox_apply(struct outbox *o, slot_id to, out_apply_fn *fn, void *ctx, uint64_t arg,
                  struct bytes data);

/* Bytes staged since the last release. */
size_t outbox_bytes(const struct outbox *o);
/* Memory failed while staging. */
bool outbox_is_lost(const struct outbox *o);
bool outbox_is_empty(const struct outbox *o);
/* Hands everything to the sink, in order, and empties the outbox, except for the arena: call
 * outbox_recycle() when the tick's flush is over. */
void outbox_release(struct outbox *o, const struct out_sink *sink, bool committed);
/* The blob whose memory is used again after outbox_recycle(); NULL when nothing was staged. */
const struct blob *outbox_arena(const struct outbox *o);
void outbox_recycle(struct outbox *o);

#endif
