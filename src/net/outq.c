/* Most queues hold one slice for less than a tick: it lives in `one`, and only a second slice that
 * does not merge with it makes an array. The array goes when the queue is empty, so an idle
 * connection owns nothing here. */
#include "net/outq.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define IOV_BATCH 64

void outq_init(struct outq *q)
{
    memset(q, 0, sizeof *q);
}

static struct slice *slices(struct outq *q)
{
    return q->v ? q->v + q->first : &q->one;
}

static void slice_drop(struct slice *s)
{
    if (s->kind == SLICE_BLOB)
        blob_unref(s->u.blob);
    else if (s->kind == SLICE_FILE)
        close(s->u.fd);
    else
        s->u.source->free(s->u.source);
}

static void array_free(struct outq *q)
{
    free(q->v);
    q->v = NULL;
    q->first = q->n = q->cap = q->n_settled = 0;
}

void outq_release(struct outq *q)
{
    struct slice *s = slices(q);
    for (uint32_t i = 0; i < q->n; i++)
        slice_drop(&s[i]);
    array_free(q);
    q->live_bytes = q->history_bytes = 0;
    q->n_sources = 0;
}

static void count(struct outq *q, const struct slice *s, size_t bytes, bool more)
{
    size_t *total = s->class == OUT_LIVE      ? &q->live_bytes
                    : s->class == OUT_HISTORY ? &q->history_bytes
                                              : NULL;
    if (total)
        *total = more ? *total + bytes : *total - bytes;
}

/* Room for one more slice at the end (or, with `front`, at the beginning). */
static struct slice *slice_room(struct outq *q)
{
    if (q->n == 0 && !q->v)
        return &q->one;
    if (!q->v || q->first + q->n == q->cap) {
        if (q->v && q->first >= q->n) { /* at least half is spent: move up instead of growing */
            memmove(q->v, q->v + q->first, q->n * sizeof *q->v);
            q->first = 0;
            return &q->v[q->n];
        }
        uint32_t cap = q->cap ? q->cap * 2 : 4;
        struct slice *v = realloc(q->v, cap * sizeof *v);
        if (!v)
            return NULL;
        if (!q->v)
            v[0] = q->one;
        q->v = v;
        q->cap = cap;
    }
    return &q->v[q->first + q->n];
}

enum err outq_add(struct outq *q, struct blob *b, size_t off, size_t len, enum out_class class)
{
    if (len == 0)
        return OK;
    if (q->n) {
        struct slice *last = &slices(q)[q->n - 1];
        if (last->kind == SLICE_BLOB && last->u.blob == b && last->class == class &&
            last->off + last->len == off) {
            last->len += len;
            count(q, last, len, true);
            return OK;
        }
    }
    struct slice *s = slice_room(q);
    if (!s)
        return ERR_NO_MEMORY;
    *s = (struct slice){ .u.blob = blob_ref(b), .off = off, .len = len, .kind = SLICE_BLOB };
    s->class = (uint8_t) class;
    q->n++;
    count(q, s, len, true);
    return OK;
}

enum err outq_add_file(struct outq *q, int fd, uint64_t off, uint64_t len)
{
    struct slice *s = len ? slice_room(q) : NULL;
    if (!s) {
        close(fd);
        return len ? ERR_NO_MEMORY : OK;
    }
    *s = (struct slice){ .u.fd = fd, .off = (size_t)off, .len = len, .kind = SLICE_FILE };
    s->class = OUT_SNAPSHOT;
    q->n++;
    return OK;
}

enum err outq_add_source(struct outq *q, struct out_source *source)
{
    struct slice *s = slice_room(q);
    if (!s) {
        source->free(source);
        return ERR_NO_MEMORY;
    }
    *s = (struct slice){ .u.source = source, .kind = SLICE_SOURCE };
    s->class = OUT_HISTORY;
    q->n++;
    q->n_sources++;
    return OK;
}

static void pop(struct outq *q)
{
    struct slice *s = slices(q);
    if (s->kind == SLICE_SOURCE)
        q->n_sources--;
    slice_drop(s);
    q->n--;
    if (q->n_settled)
        q->n_settled--;
    if (q->v)
        q->first++;
    if (q->n == 0)
        array_free(q);
}

/* The slices that can go out with one system call; blobs only. */
static int gather(struct outq *q, struct iovec iov[IOV_BATCH], size_t budget, size_t *asked)
{
    struct slice *s = slices(q);
    int n = 0;
    size_t total = 0;

    for (uint32_t i = 0; i < q->n && n < IOV_BATCH && total < budget; i++) {
        if (s[i].kind != SLICE_BLOB)
            break;
        size_t len = s[i].len < budget - total ? s[i].len : budget - total;
        iov[n++] = (struct iovec){ s[i].u.blob->data + s[i].off, len };
        total += len;
    }
    *asked = total;
    return n;
}

static void take(struct outq *q, size_t sent)
{
    while (sent) {
        struct slice *s = slices(q);
        size_t part = s->len < sent ? s->len : sent;
        count(q, s, part, false);
        s->off += part;
        s->len -= part;
        sent -= part;
        if (s->len == 0)
            pop(q);
    }
}

static ssize_t send_blobs(struct outq *q, int fd, size_t budget, size_t *asked)
{
    struct iovec iov[IOV_BATCH];
    int n = gather(q, iov, budget, asked), flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    /* A file's head goes into the segment in which the file begins: sendfile() follows at once. */
    if (*asked < budget && (uint32_t)n < q->n && slices(q)[n].kind == SLICE_FILE)
        flags |= MSG_MORE;
    if (n == 1)
        return send(fd, iov[0].iov_base, iov[0].iov_len, flags);
    struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)n };
    return sendmsg(fd, &m, flags);
}

/* A file that has become shorter cannot be sent as announced: the connection fails. */
static ssize_t send_part_of_file(struct slice *s, int fd, size_t budget)
{
    off_t off = (off_t)s->off;
    ssize_t sent = sendfile(fd, s->u.fd, &off, s->len < budget ? s->len : budget);
    if (sent == 0) {
        errno = EIO;
        return -1;
    }
    return sent;
}

/* Asks the source for its next piece and puts it in front of it. */
static enum err source_pull(struct outq *q, bool *failed)
{
    bool done = false;
    struct blob *b = slices(q)->u.source->next(slices(q)->u.source, &done);
    *failed = false;
    if (!b) {
        *failed = !done;
        if (done)
            pop(q);
        return OK;
    }
    if (!slice_room(q)) {
        blob_unref(b);
        return ERR_NO_MEMORY;
    }
    struct slice *s = slices(q);
    memmove(s + 1, s, q->n * sizeof *s);
    *s = (struct slice){ .u.blob = b, .off = 0, .len = b->len, .kind = SLICE_BLOB };
    s->class = OUT_HISTORY;
    q->n++;
    if (q->n_settled)
        q->n_settled++;
    count(q, s, s->len, true);
    if (s->len == 0)
        pop(q);
    return OK;
}

enum out_class outq_next_class(const struct outq *q)
{
    const struct slice *s = q->v ? q->v + q->first : &q->one;
    return q->n ? (enum out_class)s->class : OUT_LIVE;
}

enum outq_result outq_flush(struct outq *q, int fd, size_t budget, uint64_t *total, int *pieces)
{
    while (q->n) {
        struct slice *s = slices(q);
        if (budget == 0)
            return OUTQ_BUDGET;
        if (s->kind == SLICE_SOURCE) {
            bool failed = false;
            if (*pieces <= 0)
                return OUTQ_LATER;
            (*pieces)--;
            if (source_pull(q, &failed) || failed)
                return OUTQ_FAILED;
            continue;
        }
        size_t asked = 0;
        ssize_t sent = s->kind == SLICE_BLOB ? send_blobs(q, fd, budget, &asked)
                                             : send_part_of_file(s, fd, budget);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? OUTQ_AGAIN : OUTQ_FAILED;
        take(q, (size_t)sent);
        *total += (uint64_t)sent;
        budget -= (size_t)sent < budget ? (size_t)sent : budget;
        if ((size_t)sent < asked)
            return OUTQ_AGAIN; /* the socket is full: asking once more would only say so */
    }
    return OUTQ_EMPTY;
}

enum err outq_leave_arena(struct outq *q, const struct blob *arena)
{
    struct slice *s = slices(q);
    for (; q->n_settled < q->n; q->n_settled++) {
        uint32_t i = q->n_settled;
        if (s[i].kind != SLICE_BLOB || s[i].u.blob != arena)
            continue;
        struct blob *own = blob_copy(bytes_of(arena->data + s[i].off, s[i].len));
        if (!own)
            return ERR_NO_MEMORY;
        blob_unref(s[i].u.blob);
        s[i].u.blob = own;
        s[i].off = 0;
    }
    return OK;
}
