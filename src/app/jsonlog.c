#include "app/jsonlog.h"
#include <stdlib.h>
#include "proto/ws_frame.h"

#define CHUNK_MIN (16u * 1024u)
#define CHUNK_MAX (1024u * 1024u)

enum err jsonlog_init(struct jsonlog *l, struct bytes prefix, struct bytes suffix)
{
    memset(l, 0, sizeof *l);
    l->prefix = blob_copy(prefix);
    l->suffix = blob_copy(suffix);
    return l->prefix && l->suffix ? OK : ERR_NO_MEMORY;
}

void jsonlog_release(struct jsonlog *l)
{
    for (uint32_t i = 0; i < l->n_chunks; i++)
        blob_unref(l->chunks[i]);
    free(l->chunks);
    blob_unref(l->prefix);
    blob_unref(l->suffix);
    memset(l, 0, sizeof *l);
}

/* Chunks grow with the list, so that a small one stays small and a large one has few. */
static enum err add_chunk(struct jsonlog *l, size_t least)
{
    size_t cap = l->total < CHUNK_MIN ? CHUNK_MIN : l->total > CHUNK_MAX ? CHUNK_MAX : l->total;
    if (cap < least)
        cap = least;
    if (l->n_chunks == l->cap_chunks) {
        uint32_t more = l->cap_chunks ? l->cap_chunks * 2 : 8;
        struct blob **v = realloc(l->chunks, more * sizeof(*v));
        if (!v)
            return ERR_NO_MEMORY;
        l->chunks = v;
        l->cap_chunks = more;
    }
    struct blob *b = blob_new(cap);
    if (!b)
        return ERR_NO_MEMORY;
    b->len = 0;
    l->chunks[l->n_chunks++] = b;
    l->chunk_cap = cap;
    return OK;
}

enum err jsonlog_append(struct jsonlog *l, struct bytes element)
{
    size_t need = element.len + (l->n > 0);
    struct blob *b = l->n_chunks ? l->chunks[l->n_chunks - 1] : NULL;

    if (!b || l->chunk_cap - b->len < need) {
        enum err e = add_chunk(l, need);
        if (e) {
            l->is_short = true;
            return e;
        }
        b = l->chunks[l->n_chunks - 1];
    }
    char *p = b->data + b->len;
    if (l->n > 0)
        *p++ = ',';
    memcpy(p, element.data, element.len);
    b->len += need;
    l->total += need;
    l->n++;
    return OK;
}

enum err jsonlog_mend(struct jsonlog *l, enum err (*read)(void *arg, struct jsonlog *to), void *arg)
{
    struct jsonlog whole = { .prefix = blob_ref(l->prefix), .suffix = blob_ref(l->suffix) };
    enum err e = read(arg, &whole);

    if (e) {
        jsonlog_release(&whole);
        return e;
    }
    jsonlog_release(l);
    *l = whole;
    return OK;
}

void jsonlog_send(const struct jsonlog *l, const struct out_sink *sink, slot_id to,
                  enum out_class class)
{
    uint64_t payload = l->prefix->len + l->total + l->suffix->len;
    struct blob *head = l->is_short ? NULL : blob_new(WS_MAX_SERVER_HEAD + l->prefix->len);

    if (!head) { /* without this message a connection is of no use */
        sink->lost(sink->self, to);
        return;
    }
    size_t n = ws_frame_head_write((uint8_t *)head->data, true, WS_TEXT, payload);
    memcpy(head->data + n, l->prefix->data, l->prefix->len);
    sink->send(sink->self, to, head, 0, n + l->prefix->len, class);
    blob_unref(head);
    for (uint32_t i = 0; i < l->n_chunks; i++)
        sink->send(sink->self, to, l->chunks[i], 0, l->chunks[i]->len, class);
    sink->send(sink->self, to, l->suffix, 0, l->suffix->len, class);
}
