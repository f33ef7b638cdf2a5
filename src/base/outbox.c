/* The outbox is a log: entries in the order of staging, bytes beside them.
 *
 * Two arenas hold the bytes. `direct` has what goes to one connection; nobody may keep it past the
 * tick, so it is never allocated twice in the steady state. `shared` has the broadcasts; slow
 * receivers keep a reference, and then the next tick goes on behind what they wait for: an arena of
 * its own for each short message would cost many times what they are owed. While staging, arenas
 * move when they grow: entries hold offsets from where the tick began, and pointers are made during
 * the release.
 */
#include "base/outbox.h"
#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#define ARENA_KEEP  (256u * 1024u) /* an arena that grew beyond this is given back */
#define DIRECT_MOST (16u * 1024u)  /* longer output gets a blob of its own */
#define LOST_MOST   64u            /* connections that can be given up one by one in a tick */
#define EVERYONE    UINT64_MAX

enum kind {
    KIND_DIRECT,
    KIND_BROADCAST,
    KIND_BLOB,
    KIND_FILE,
    KIND_SOURCE,
    KIND_SUBSCRIBE,
    KIND_FINISH,
    KIND_APPLY,
    KIND_OP,
};

struct entry {
    uint8_t kind;
    uint8_t class; /* enum out_class or enum audience */
    bool wrote;    /* belongs to an operation that wrote */
    uint16_t code;
    int fd;
    slot_id to;
    size_t off, len;
    union {
        struct blob *blob;
        struct out_source *source;
        struct {
            out_apply_fn *fn;
            void *ctx;
            uint64_t arg;
        } apply;
    } u;
};

struct arena {
    struct blob *blob;
    size_t cap;
    size_t
        start; /* of this tick's bytes; when it is not 0, others may hold what is in front of it */
};

struct outbox {
    struct entry *v;
    size_t n, cap;
    size_t op; /* place of the open operation's entry plus one; 0: none is open */
    struct arena direct, shared;
    size_t bytes; /* staged since the last release */
    bool is_lost;
    bool is_op_lost; /* an operation is open that has no entry: what it stages is dropped */
    bool all_are_lost;
    uint32_t n_lost;
    slot_id lost[LOST_MOST];
};

struct outbox *outbox_new(void)
{
    return calloc(1, sizeof(struct outbox));
}

static void entry_drop(struct entry *e)
{
    if (e->kind == KIND_BLOB)
        blob_unref(e->u.blob);
    else if (e->kind == KIND_FILE)
        close(e->fd);
    else if (e->kind == KIND_SOURCE)
        e->u.source->free(e->u.source);
}

void outbox_free(struct outbox *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->n; i++)
        entry_drop(&o->v[i]);
    free(o->v);
    blob_unref(o->direct.blob);
    blob_unref(o->shared.blob);
    free(o);
}

static bool op_writes(const struct outbox *o)
{
    return o->op && o->v[o->op - 1].wrote;
}

/* Something for `to` (0: for nobody) cannot be staged. A writer will be told that its commit has
 * failed; nobody else would ever know. */
static void lose(struct outbox *o, slot_id to)
{
    o->is_lost = true;
    if (op_writes(o) || o->is_op_lost)
        return;
    if (to == EVERYONE || (to && o->n_lost == LOST_MOST))
        o->all_are_lost = true;
    else if (to)
        o->lost[o->n_lost++] = to;
}

/* A new last entry. */
static struct entry *entry_add(struct outbox *o, enum kind kind, slot_id to)
{
    if (o->is_op_lost)
        return NULL;
    if (o->n == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 64;
        struct entry *v = realloc(o->v, cap * sizeof *v);
        if (!v) {
            lose(o, to);
            return NULL;
        }
        o->v = v;
        o->cap = cap;
    }
    struct entry *e = &o->v[o->n++];
    e->kind = (uint8_t)kind;
    e->to = to;
    e->wrote = op_writes(o);
    return e;
}

/* Bytes of this tick. */
static size_t arena_used(const struct arena *a)
{
    return a->blob ? a->blob->len - a->start : 0;
}

/* Room for `len` more bytes. What others hold stays where it is, and this tick's bytes move out of
 * it. */
static bool arena_grow(struct arena *a, size_t len)
{
    size_t used = arena_used(a), cap = a->cap ? a->cap : 4096;
    struct blob *b;

    while (cap - used < len)
        cap *= 2;
    if (a->start) {
        b = blob_new(cap);
        if (!b)
            return false;
        memcpy(b->data, a->blob->data + a->start, used);
        blob_unref(a->blob);
    } else {
        b = realloc(a->blob, sizeof *b + cap);
        if (!b)
            return false;
        b->refs = 1;
    }
    b->len = used;
    *a = (struct arena){ b, cap, 0 };
    return true;
}

/* Room for `len` bytes at the end of an arena; their offset is arena_used() before. */
static char *arena_add(struct outbox *o, struct arena *a, size_t len, slot_id to)
{
    if ((!a->blob || a->cap - a->blob->len < len) && !arena_grow(a, len)) {
        lose(o, to);
        return NULL;
    }
    char *room = a->blob->data + a->blob->len;
    a->blob->len += len;
    o->bytes += len;
    return room;
}

void outbox_op_begin(struct outbox *o, slot_id conn)
{
    struct entry *e = entry_add(o, KIND_OP, conn);
    if (!e) {
        o->is_op_lost = true;
        return;
    }
    e->wrote = false;
    e->len = 0;
    o->op = o->n;
}

void outbox_op_wrote(struct outbox *o)
{
    if (!o->op)
        return;
    for (size_t i = o->op - 1; i < o->n; i++)
        o->v[i].wrote = true;
}

char *outbox_op_if_failed(struct outbox *o, size_t len)
{
    if (!o->op)
        return NULL;
    struct entry *op = &o->v[o->op - 1];
    size_t off = arena_used(&o->direct);
    bool wrote = op->wrote;
    op->wrote = false; /* without these bytes, being told of the failure is not enough */
    char *room = arena_add(o, &o->direct, len, op->to);
    op->wrote = wrote;
    if (room) {
        op->off = off;
        op->len = len;
    }
    return room;
}

void outbox_op_end(struct outbox *o)
{
    /* An operation that wrote nothing needs no entry of its own when it staged nothing after it. */
    if (o->op && o->op == o->n && !o->v[o->op - 1].wrote)
        o->n--;
    o->op = 0;
    o->is_op_lost = false;
}

void outbox_op_cancel(struct outbox *o)
{
    if (!o->op)
        return;
    while (o->n > o->op)
        entry_drop(&o->v[--o->n]);
    o->v[o->op - 1].wrote = false;
}

char *outbox_to(struct outbox *o, slot_id to, size_t len)
{
    if (len > DIRECT_MOST) {
        struct blob *b = blob_new(len);
        if (!b) {
            lose(o, to);
            return NULL;
        }
        outbox_blob(o, to, b, 0, len, OUT_LIVE);
        bool kept = b->refs > 1;
        blob_unref(b);
        return kept ? b->data : NULL;
    }
    size_t off = arena_used(&o->direct);
    char *room = arena_add(o, &o->direct, len, to);
    struct entry *e = room ? entry_add(o, KIND_DIRECT, to) : NULL;
    if (!e)
        return NULL;
    e->off = off;
    e->len = len;
    return room;
}

char *outbox_broadcast(struct outbox *o, enum audience who, size_t len)
{
    size_t off = arena_used(&o->shared);
    char *room = arena_add(o, &o->shared, len, EVERYONE);
    struct entry *e = room ? entry_add(o, KIND_BROADCAST, EVERYONE) : NULL;
    if (!e)
        return NULL;
    e->class = (uint8_t)who;
    e->off = off;
    e->len = len;
    return room;
}

void outbox_blob(struct outbox *o, slot_id to, struct blob *blob, size_t off, size_t len,
                 enum out_class class)
{
    struct entry *e = entry_add(o, KIND_BLOB, to);
    if (!e)
        return;
    e->class = (uint8_t) class;
    e->off = off;
    e->len = len;
    e->u.blob = blob_ref(blob);
    o->bytes += len;
}

void outbox_file(struct outbox *o, slot_id to, int fd, uint64_t off, uint64_t len)
{
    struct entry *e = entry_add(o, KIND_FILE, to);
    if (!e) {
        close(fd);
        return;
    }
    e->fd = fd;
    e->off = (size_t)off;
    e->len = (size_t)len;
}

void outbox_source(struct outbox *o, slot_id to, struct out_source *s)
{
    struct entry *e = entry_add(o, KIND_SOURCE, to);
    if (!e) {
        s->free(s);
        return;
    }
    e->u.source = s;
}

void outbox_subscribe(struct outbox *o, slot_id to)
{
    entry_add(o, KIND_SUBSCRIBE, to);
}

void outbox_finish(struct outbox *o, slot_id to, uint16_t code)
{
    struct entry *e = entry_add(o, KIND_FINISH, to);
    if (e)
        e->code = code;
}

void outbox_apply(struct outbox *o, slot_id to, out_apply_fn *fn, void *ctx, uint64_t arg,
                  struct bytes data)
{
    size_t off = arena_used(&o->direct);
    char *room = arena_add(o, &o->direct, data.len, to);
    struct entry *e = room ? entry_add(o, KIND_APPLY, to) : NULL;
    if (!e)
        return;
    if (data.len)
        memcpy(room, data.data, data.len);
    e->off = off;
    e->len = data.len;
    e->u.apply.fn = fn;
    e->u.apply.ctx = ctx;
    e->u.apply.arg = arg;
}

bool outbox_is_lost(const struct outbox *o)
{
    return o->is_lost;
}

bool outbox_is_empty(const struct outbox *o)
{
    return o->n == 0;
}

/* Broadcasts that were staged one behind the other lie behind each other, too: one slice. Returns
 * how many entries it has taken. */
static size_t release_broadcasts(struct outbox *o, const struct out_sink *sink, size_t first,
                                 bool committed)
{
    struct entry *e = &o->v[first];
    size_t len = e->len, i = first + 1;

    for (; i < o->n; i++) {
        const struct entry *f = &o->v[i];
        if (f->kind == KIND_OP && !(f->wrote && !committed))
            continue;
        if (f->kind != KIND_BROADCAST || f->class != e->class || f->off != e->off + len ||
            (f->wrote && !committed))
            break;
        len += f->len;
    }
    sink->broadcast(sink->self, (enum audience)e->class, o->shared.blob, o->shared.start + e->off,
                    len);
    return i - first;
}

static void release_entry(struct outbox *o, const struct out_sink *sink, struct entry *e)
{
    switch ((enum kind)e->kind) {
    case KIND_DIRECT:
        sink->send(sink->self, e->to, o->direct.blob, o->direct.start + e->off, e->len, OUT_LIVE);
        break;
    case KIND_BLOB:
        sink->send(sink->self, e->to, e->u.blob, e->off, e->len, (enum out_class)e->class);
        blob_unref(e->u.blob);
        break;
    case KIND_FILE:
        sink->send_file(sink->self, e->to, e->fd, e->off, e->len);
        break;
    case KIND_SOURCE:
        sink->send_source(sink->self, e->to, e->u.source);
        break;
    case KIND_SUBSCRIBE:
        sink->subscribe(sink->self, e->to);
        break;
    case KIND_FINISH:
        sink->finish(sink->self, e->to, e->code);
        break;
    case KIND_APPLY:
        e->u.apply.fn(e->u.apply.ctx, sink, e->u.apply.arg,
                      bytes_of(o->direct.blob->data + o->direct.start + e->off, e->len));
        break;
    case KIND_BROADCAST:
    case KIND_OP:
        break;
    }
}

static void release_lost(struct outbox *o, const struct out_sink *sink)
{
    for (uint32_t i = 0; i < o->n_lost && !o->all_are_lost; i++)
        sink->lost(sink->self, o->lost[i]);
    if (o->all_are_lost)
        sink->lost(sink->self, 0);
    o->n_lost = 0;
    o->all_are_lost = false;
    o->is_lost = false;
}

void outbox_release(struct outbox *o, const struct out_sink *sink, bool committed)
{
    assert(!o->op);
    if (o->is_lost)
        release_lost(o, sink);
    for (size_t i = 0; i < o->n;) {
        struct entry *e = &o->v[i];
        if (e->wrote && !committed) {
            if (e->kind == KIND_OP && e->len)
                sink->send(sink->self, e->to, o->direct.blob, o->direct.start + e->off, e->len,
                           OUT_LIVE);
            if (e->kind == KIND_OP)
                sink->failed(sink->self, e->to);
            entry_drop(e);
            i++;
        } else if (e->kind == KIND_BROADCAST) {
            i += release_broadcasts(o, sink, i, committed);
        } else {
            release_entry(o, sink, e);
            i++;
        }
    }
    o->n = 0;
    o->bytes = 0;
}

size_t outbox_bytes(const struct outbox *o)
{
    return o->bytes;
}

const struct blob *outbox_arena(const struct outbox *o)
{
    return o->direct.blob;
}

static void arena_recycle(struct arena *a)
{
    if (!a->blob)
        return;
    if (a->cap > ARENA_KEEP) {
        blob_unref(a->blob);
        *a = (struct arena){ 0 };
        return;
    }
    if (a->blob->refs == 1)
        a->blob->len = 0;
    a->start = a->blob->len;
}

void outbox_recycle(struct outbox *o)
{
    arena_recycle(&o->direct);
    arena_recycle(&o->shared);
}
