#include "app/history.h"
#include <stdio.h>
#include <stdlib.h>
#include "proto/ws_frame.h"

/* One element may be as long as a whole text, escaped: that much beyond a piece is possible. */
#define TEXT_MAX (HISTORY_PIECE + 8u * 65536u)

static struct blob *frame_piece(struct history *h)
{
    struct bytes text = buf_bytes(&h->text);
    size_t head = h->is_message ? ws_frame_head_len(text.len) : 0;
    struct blob *b = blob_new(head + text.len);

    if (!b)
        return NULL;
    if (h->is_message)
        ws_frame_head_write((uint8_t *)b->data, h->is_done,
                            h->has_begun ? WS_CONTINUATION : WS_TEXT, text.len);
    memcpy(b->data + head, text.data, text.len);
    h->has_begun = true;
    buf_clear(&h->text);
    return b;
}

static struct blob *next(struct out_source *s, bool *done)
{
    struct history *h = container_of(s, struct history, source);

    *done = h->is_done;
    if (h->is_done)
        return NULL;
    if (h->fill(h, &h->is_done))
        return NULL; /* *done is false: it has failed */
    if (h->is_done && buf_append(&h->text, h->suffix, strlen(h->suffix)))
        return NULL;
    return frame_piece(h);
}

static void history_free(struct out_source *s)
{
    struct history *h = container_of(s, struct history, source);
    buf_release(&h->text);
    free(h);
}

struct history *history_new(struct app *app, bool is_message, struct bytes prefix,
                            struct bytes suffix)
{
    struct history *h = calloc(1, sizeof *h);

    if (!h)
        return NULL;
    h->source = (struct out_source){ next, history_free };
    h->app = app;
    h->is_message = is_message;
    buf_init(&h->text, TEXT_MAX);
    if (suffix.len >= sizeof h->suffix || buf_append(&h->text, prefix.data, prefix.len)) {
        history_free(&h->source);
        return NULL;
    }
    memcpy(h->suffix, suffix.data, suffix.len);
    return h;
}

enum err history_comma(struct history *h)
{
    return h->n_elements++ ? buf_append(&h->text, ",", 1) : OK;
}
