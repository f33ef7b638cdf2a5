/* The disk is asked at each request, so an edit, a deletion or a new link is seen at once. For a file that is kept and
 * lies in the folder itself, one fstatat() says that it is still the one that was read; it follows no link. A path
 * through other folders is opened again, because one of them may have become a link that leads outside.
 */
#include "net/static_files.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CACHED_FILE_MAX (64u * 1024u) /* longer ones are sent from the file: sendfile() copies nothing */
#define HASHED_FILE_MAX (1024u * 1024u) /* their ETag is of the contents; that of longer ones of the version */
#define CACHE_SLOTS     256u /* files and pages; the next one in a slot takes it over */
#define NAME_MAX_BYTES  255u
#define OPEN_TRIES      16
#define ETAG_LEN        34 /* quotes and 32 hex digits */

struct version { /* of a file on disk */
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime, ctime;
};

struct cached {
    char name[NAME_MAX_BYTES + 1];
    struct version version;        /* of the file, or of the page file */
    struct version layout_version; /* of the layout a page was rendered into */
    struct blob *blob;             /* NULL: the slot is free, or the file is sent from the disk */
    char etag[ETAG_LEN + 1];
    bool is_page;
};

struct static_files {
    int dir_fd;
    bool has_no_openat2;
    struct cached slots[CACHE_SLOTS];
    char extra[512];
};

/* What is being served, found or made. */
struct found {
    int fd;            /* a large file; -1: in blob */
    struct blob *blob; /* borrowed from the cache, or owned by nobody else when is_owned */
    uint64_t size;
    char etag[ETAG_LEN + 1];
};

enum err static_files_open(const char *dir, struct static_files **out)
{
    struct static_files *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NO_MEMORY;
    s->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0) {
        free(s);
        return ERR_SYSTEM;
    }
    *out = s;
    return OK;
}

void static_files_free(struct static_files *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < CACHE_SLOTS; i++)
        blob_unref(s->slots[i].blob);
    close(s->dir_fd);
    free(s);
}

/* --- opening --- */

/* Without openat2: each component by itself, links refused. Dot segments never come here (url_decode_path). */
static int open_walking(int dir_fd, char *path)
{
    int at = dir_fd;
    for (char *part = path;;) {
        char *slash = strchr(part, '/');
        if (slash)
            *slash = 0;
        int flags = slash ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK;
        int fd = *part && strcmp(part, "..") != 0 && strcmp(part, ".") != 0
                     ? openat(at, part, flags | O_NOFOLLOW | O_CLOEXEC)
                     : -1;
        if (at != dir_fd)
            close(at);
        if (fd < 0 || !slash)
            return fd;
        at = fd;
        part = slash + 1;
    }
}

static int open_beneath(struct static_files *s, struct bytes path)
{
    char name[4096];
    if (path.len == 0 || path.len >= sizeof name || memchr(path.data, 0, path.len)) {
        errno = ENOENT;
        return -1;
    }
    memcpy(name, path.data, path.len);
    name[path.len] = 0;
    if (!s->has_no_openat2) {
        struct open_how how = {
            .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
            .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
        };
        long fd;
        int tries = 0;
        do /* EAGAIN: something was renamed in the meantime, and the kernel is not sure */
            fd = syscall(SYS_openat2, s->dir_fd, name, &how, sizeof how);
        while (fd < 0 && (errno == EINTR || errno == EAGAIN) && ++tries < OPEN_TRIES);
        if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
            return (int)fd;
        s->has_no_openat2 = true;
    }
    return open_walking(s->dir_fd, name);
}

static struct version version_of(const struct stat *st)
{
    return (struct version){ st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim };
}

static bool version_eq(const struct version *a, const struct version *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec &&
           a->ctime.tv_sec == b->ctime.tv_sec && a->ctime.tv_nsec == b->ctime.tv_nsec;
}

/* A regular file and its version; -1 for anything else. */
static int open_file(struct static_files *s, struct bytes path, struct version *v)
{
    struct stat st;
    int fd = open_beneath(s, path);

    if (fd < 0)
        return -1;
    int failed = fstat(fd, &st) != 0 ? errno : S_ISREG(st.st_mode) ? 0 : ENOENT;
    if (failed) {
        close(fd);
        errno = failed;
        return -1;
    }
    *v = version_of(&st);
    return fd;
}

/* --- contents --- */

static struct blob *read_whole(int fd, size_t size)
{
    struct blob *b = blob_new(size);
    size_t have = 0;

    while (b && have < size) {
        ssize_t n = pread(fd, b->data + have, size - have, (off_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            blob_unref(b);
            return NULL;
        }
        have += (size_t)n;
    }
    return b;
}

static void etag_of(struct bytes content, char etag[ETAG_LEN + 1])
{
    uint8_t hash[16];
    etag[0] = '"';
    crypto_generichash(hash, sizeof hash, (const uint8_t *)content.data, content.len, NULL, 0);
    sodium_bin2hex(etag + 1, ETAG_LEN, hash, sizeof hash);
    etag[ETAG_LEN - 1] = '"';
    etag[ETAG_LEN] = 0;
}

static struct cached *slot_of(struct static_files *s, struct bytes name, bool is_page)
{
    uint32_t h = is_page ? 2166136261u : 84696351u;
    for (size_t i = 0; i < name.len; i++)
        h = (h ^ (uint8_t)name.data[i]) * 16777619u;
    return &s->slots[h % CACHE_SLOTS];
}

static bool slot_holds(const struct cached *c, struct bytes name, bool is_page)
{
    return c->name[0] && c->is_page == is_page && bytes_eq(bytes_str(c->name), name);
}

static void slot_take(struct cached *c, struct bytes name, bool is_page, const struct version *v,
                      struct blob *blob)
{
    blob_unref(c->blob);
    memset(c, 0, sizeof *c);
    memcpy(c->name, name.data, name.len);
    c->is_page = is_page;
    c->version = *v;
    c->blob = blob;
    etag_of(blob_bytes(blob), c->etag);
}

/* The status for a file that cannot be opened: that it is not there is only said where it is so. */
static int status_of(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case EINTR:
        return 503;
    case EIO:
        return 500;
    default:
        return 404;
    }
}

/* True when the contents are kept and are those of the file on the disk; false: open it and see. */
static bool is_current(const struct static_files *s, const struct cached *c)
{
    struct stat st;

    if (!c->blob || strchr(c->name, '/') ||
        fstatat(s->dir_fd, c->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    struct version v = version_of(&st);
    return S_ISREG(st.st_mode) && version_eq(&c->version, &v);
}

static void find_kept(const struct cached *c, struct found *f)
{
    f->blob = c->blob;
    f->size = (uint64_t)c->version.size;
    memcpy(f->etag, c->etag, sizeof f->etag);
}

/* Reads a file into its slot. */
static bool keep(struct cached *c, int fd, struct bytes path, const struct version *v)
{
    struct blob *b = read_whole(fd, (size_t)v->size);
    if (!b)
        return false;
    slot_take(c, path, false, v, b);
    if (b->len > CACHED_FILE_MAX) { /* of this one, the ETag is all that is kept */
        blob_unref(b);
        c->blob = NULL;
    }
    return true;
}

/* The file's contents through the cache; for a longer one its open descriptor. 0, or the status to answer. */
static int find_file(struct static_files *s, struct bytes path, struct version *v, struct found *f)
{
    struct cached *c = slot_of(s, path, false);
    bool is_kept = slot_holds(c, path, false);

    *f = (struct found){ .fd = -1 };
    if (is_kept && is_current(s, c)) {
        *v = c->version;
        find_kept(c, f);
        return 0;
    }
    int fd = open_file(s, path, v);
    if (fd < 0)
        return status_of(errno);
    if (v->size > (off_t)HASHED_FILE_MAX || path.len > NAME_MAX_BYTES) {
        snprintf(f->etag, sizeof f->etag, "\"%08" PRIx32 "%08" PRIx32 "%016" PRIx64 "\"",
                 (uint32_t)v->ino, (uint32_t)v->mtime.tv_sec,
                 (uint64_t)v->size ^ ((uint64_t)v->mtime.tv_nsec << 32));
        f->size = (uint64_t)v->size;
        f->fd = fd;
        return 0;
    }
    if (!(is_kept && version_eq(&c->version, v)) && !keep(c, fd, path, v)) {
        close(fd);
        return 500;
    }
    find_kept(c, f);
    if (f->blob)
        close(fd);
    else
        f->fd = fd;
    return 0;
}

/* --- pages --- */

/* The layout with each {{content}} replaced; without one, the page alone. */
static struct blob *render(struct bytes layout, struct bytes page)
{
    static const char mark[] = "{{content}}";
    const size_t mark_len = sizeof mark - 1;
    size_t marks = 0;

    for (const char *p = layout.data; (p = memmem(p, (size_t)(layout.data + layout.len - p), mark,
                                                  mark_len)) != NULL;
         p += mark_len)
        marks++;
    struct blob *b = blob_new(layout.len + marks * page.len - marks * mark_len);
    if (!b)
        return NULL;
    char *out = b->data;
    const char *from = layout.data, *end = layout.data + layout.len;
    while (marks--) {
        const char *at = memmem(from, (size_t)(end - from), mark, mark_len);
        memcpy(out, from, (size_t)(at - from));
        out += at - from;
        if (page.len)
            memcpy(out, page.data, page.len);
        out += page.len;
        from = at + mark_len;
    }
    memcpy(out, from, (size_t)(end - from));
    return b;
}

/* The contents of `f` in memory, whatever its size, with a reference for the caller. */
static struct blob *take_whole(struct found *f)
{
    if (f->fd < 0)
        return blob_ref(f->blob);
    struct blob *b = read_whole(f->fd, (size_t)f->size);
    close(f->fd);
    f->fd = -1;
    return b;
}

static int find_page(struct static_files *s, const char *name, struct found *f)
{
    struct version page_version, layout_version;
    struct found page, layout;
    struct bytes key = bytes_str(name);

    int status = find_file(s, key, &page_version, &page);
    if (status)
        return status;
    struct blob *body = take_whole(&page); /* its slot may be taken over by the layout below */
    if (!body)
        return 500;
    *f = (struct found){ .fd = -1 };
    status = find_file(s, BYTES("layout/layout.html"), &layout_version, &layout);
    if (status && status != 404) { /* the page without its layout would be another page */
        blob_unref(body);
        return status;
    }
    if (status) {
        memset(&layout_version, 0, sizeof layout_version);
        layout = (struct found){ .fd = -1 };
    }
    bool has_layout = !status;
    struct cached *c = slot_of(s, key, true);
    if (!slot_holds(c, key, true) || !version_eq(&c->version, &page_version) ||
        !version_eq(&c->layout_version, &layout_version)) {
        struct blob *frame = has_layout ? take_whole(&layout) : NULL;
        struct blob *whole = frame        ? render(blob_bytes(frame), blob_bytes(body))
                             : has_layout ? NULL
                                          : blob_ref(body);
        blob_unref(frame);
        if (!whole) {
            blob_unref(body);
            return 500;
        }
        slot_take(c, key, true, &page_version, whole);
        c->layout_version = layout_version;
    }
    if (layout.fd >= 0)
        close(layout.fd);
    blob_unref(body);
    f->blob = c->blob;
    f->size = c->blob->len;
    memcpy(f->etag, c->etag, sizeof f->etag);
    return 0;
}

/* --- answers --- */

static struct bytes type_of(struct bytes path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        { "html", "text/html; charset=utf-8" },
        { "htm", "text/html; charset=utf-8" },
        { "css", "text/css; charset=utf-8" },
        { "js", "text/javascript; charset=utf-8" },
        { "mjs", "text/javascript; charset=utf-8" },
        { "txt", "text/plain; charset=utf-8" },
        { "md", "text/markdown; charset=utf-8" },
        { "csv", "text/csv; charset=utf-8" },
        { "json", "application/json" },
        { "map", "application/json" },
        { "webmanifest", "application/manifest+json" },
        { "xml", "application/xml" },
        { "svg", "image/svg+xml" },
        { "png", "image/png" },
        { "jpg", "image/jpeg" },
        { "jpeg", "image/jpeg" },
        { "gif", "image/gif" },
        { "webp", "image/webp" },
        { "avif", "image/avif" },
        { "ico", "image/x-icon" },
        { "woff", "font/woff" },
        { "woff2", "font/woff2" },
        { "ttf", "font/ttf" },
        { "mp3", "audio/mpeg" },
        { "wav", "audio/wav" },
        { "ogg", "audio/ogg" },
        { "mp4", "video/mp4" },
        { "webm", "video/webm" },
        { "pdf", "application/pdf" },
        { "wasm", "application/wasm" },
    };
    size_t dot = path.len;
    while (dot > 0 && path.data[dot - 1] != '.' && path.data[dot - 1] != '/')
        dot--;
    if (dot > 0 && path.data[dot - 1] == '.') {
        struct bytes ending = bytes_of(path.data + dot, path.len - dot);
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            if (bytes_eq_nocase(ending, bytes_str(types[i].ending)))
                return bytes_str(types[i].type);
    }
    return BYTES("application/octet-stream");
}

/* RFC 9110 section 13.1.2: "*", or a list in which the tag stands; a weak one matches, too. */
static bool none_match_fails(struct bytes value, const char *etag)
{
    struct bytes tag = bytes_str(etag);

    if (!value.data)
        return false;
    if (bytes_eq(value, BYTES("*")))
        return true;
    for (size_t i = 0; i + tag.len <= value.len; i++)
        if (bytes_eq(bytes_of(value.data + i, tag.len), tag))
            return true;
    return false;
}

/* Digits up to `stop`; false for anything else. What is beyond every file's size stays beyond it. */
static bool number(struct bytes *in, char stop, uint64_t *out)
{
    size_t i = 0;
    uint64_t n = 0;

    for (; i < in->len && in->data[i] >= '0' && in->data[i] <= '9'; i++)
        n = n > (UINT64_MAX - 9) / 10 ? UINT64_MAX : n * 10 + (uint64_t)(in->data[i] - '0');
    bool is_end = stop ? i < in->len && in->data[i] == stop : i == in->len;
    if (i == 0 || !is_end)
        return false;
    i += stop != 0;
    *in = bytes_of(in->data + i, in->len - i);
    *out = n;
    return true;
}

enum range_result { RANGE_NONE, RANGE_PART, RANGE_UNSATISFIABLE };

/* RFC 9110 section 14.2, one range. What is not understood is ignored, as it asks; so are several. */
static enum range_result range_of(struct bytes value, uint64_t size, uint64_t *off, uint64_t *len)
{
    uint64_t first, last;

    if (value.len < 7 || !bytes_eq_nocase(bytes_of(value.data, 6), BYTES("bytes=")))
        return RANGE_NONE;
    value = bytes_of(value.data + 6, value.len - 6);
    if (*value.data == '-') { /* the last so many */
        value = bytes_of(value.data + 1, value.len - 1);
        if (!number(&value, 0, &last))
            return RANGE_NONE;
        *len = last < size ? last : size;
        *off = size - *len;
        return *len ? RANGE_PART : RANGE_UNSATISFIABLE;
    }
    if (!number(&value, '-', &first))
        return RANGE_NONE;
    last = size ? size - 1 : 0;
    if (value.len) {
        if (!number(&value, 0, &last) || last < first)
            return RANGE_NONE;
    }
    if (first >= size)
        return RANGE_UNSATISFIABLE;
    *off = first;
    *len = (last < size ? last : size - 1) - first + 1;
    return RANGE_PART;
}

static void reply_text(struct http_reply *r, int status)
{
    r->status = status;
    r->content_type = BYTES("text/plain; charset=utf-8");
    r->body = status == 404   ? BYTES("There is nothing here.\n")
              : status == 416 ? BYTES("The file has no such range.\n")
              : status == 503 ? BYTES("The server is too busy right now.\n")
                              : BYTES("The file cannot be read.\n");
}

static void reply_found(struct static_files *s, const struct http_head *head, struct found *f,
                        struct bytes type, struct http_reply *r)
{
    struct bytes if_range = http_head_get(head, "If-Range");
    bool may_range = head->method == HTTP_GET &&
                     (!if_range.data || bytes_eq(if_range, bytes_str(f->etag)));
    char content_range[96] = "";

    r->status = 200;
    r->off = 0;
    r->len = f->size;
    if (none_match_fails(http_head_get(head, "If-None-Match"), f->etag)) {
        r->status = 304;
    } else if (may_range) {
        switch (range_of(http_head_get(head, "Range"), f->size, &r->off, &r->len)) {
        case RANGE_PART:
            r->status = 206;
            snprintf(content_range, sizeof content_range,
                     "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", r->off,
                     r->off + r->len - 1, f->size);
            break;
        case RANGE_UNSATISFIABLE:
            snprintf(content_range, sizeof content_range, "Content-Range: bytes */%" PRIu64 "\r\n",
                     f->size);
            reply_text(r, 416);
            break;
        case RANGE_NONE:
            break;
        }
    }
    int n = snprintf(s->extra, sizeof s->extra,
                     "ETag: %s\r\nCache-Control: no-cache\r\nAccept-Ranges: bytes\r\n%s", f->etag,
                     content_range);
    r->extra = bytes_of(s->extra, (size_t)n);
    if (r->status == 304)
        r->content_type = type;
    if (r->status == 416 || r->status == 304) {
        if (f->fd >= 0)
            close(f->fd);
        return;
    }
    r->content_type = type;
    r->fd = f->fd;
    r->blob = f->fd < 0 ? blob_ref(f->blob) : NULL;
}

void static_files_get(struct static_files *s, const struct http_head *head, struct bytes path,
                      struct http_reply *r)
{
    struct version v;
    struct found f;
    int status = find_file(s, path, &v, &f);

    *r = (struct http_reply){ .fd = -1 };
    if (status)
        reply_text(r, status);
    else
        reply_found(s, head, &f, type_of(path), r);
}

void static_files_page(struct static_files *s, const struct http_head *head, const char *name,
                       struct http_reply *r)
{
    struct found f;
    int status = find_page(s, name, &f);

    *r = (struct http_reply){ .fd = -1 };
    if (status)
        reply_text(r, status);
    else
        reply_found(s, head, &f, BYTES("text/html; charset=utf-8"), r);
}
