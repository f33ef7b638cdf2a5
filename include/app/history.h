/* history.h - an answer that is as long as what is stored, read from the database while it is being
 * sent.
 *
 * A history is an out_source: the connection asks for the next piece when it has room, so a long
 * one costs the memory of one piece, stops nobody, and goes no faster than its reader. Its snapshot
 * is fixed when it is asked for (ids up to a last one), because what is stored only grows; what is
 * said later is queued behind it.
 *
 * Over WebSocket it is one message: a single frame when it fits into one piece, else fragments (RFC
 * 6455 section 5.4).
 */
#ifndef APP_HISTORY_H
#define APP_HISTORY_H

#include "app/app.h"
#include "base/buf.h"

struct history {
    struct out_source source;
    struct app *app;
    /* Appends elements with history_comma() and writers to h->text, at most about `HISTORY_PIECE`
     * bytes, and moves after_id. OK with *done when there are no more. */
    enum err (*fill)(struct history *h, bool *done);
    struct buf text; /* the piece that is being made */
    bool is_message; /* WebSocket frames; else plain bytes (an HTTP body) */
    bool has_begun, is_done;
    uint32_t n_elements;
    bool is_v1;
    char suffix[160];
    int64_t after_id, up_to_id;
    char after_key[CALL_ID_LEN + 1]; /* calls are listed by time and id */
    /* A conversation: whose, with whom. */
    int64_t user_id, peer_id;
    char user_name[HUB_NAME_MAX + 1], peer_name[HUB_NAME_MAX + 1];
};

#define HISTORY_PIECE (64u * 1024u)
#define HISTORY_ROWS  512u /* most rows read for one piece */

/* A history that begins with `prefix` and ends with `suffix`. NULL without memory. The caller fills
 * in the rest and gives &h->source to the outbox or to a reply. */
struct history *history_new(struct app *app, bool is_message, struct bytes prefix,
                            struct bytes suffix);
/* A comma, except before the first element. */
MUST_CHECK enum err history_comma(struct history *h);
/* What fill() makes of a scan: `e` is its result, `before` n_elements before it. OK unless it has
 * failed; then *done says whether the scan has found everything (it was not ended by a full piece,
 * nor by HISTORY_ROWS). */
static inline enum err history_scanned(const struct history *h, enum err e, uint32_t before,
                                       bool *done)
{
    *done = e == OK && h->n_elements - before < HISTORY_ROWS;
    return e == ERR_LIMIT ? OK : e;
}
/* For scan callbacks: ERR_LIMIT when the piece is full, which ends the scan there. */
static inline enum err history_full(const struct history *h)
{
    return buf_len(&h->text) >= HISTORY_PIECE ? ERR_LIMIT : OK;
}

#endif
