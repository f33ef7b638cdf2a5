/* fault_vfs.h - a file system that fails when told to, and that remembers what has been synced.
 *
 * It is a VFS of SQLite that opens files through the real one and then takes the place of their
 * write, truncate and sync functions. Once installed it is the default of the process.
 *
 * For power cuts each file has a shadow: its bytes at the last sync, and what was written since. A
 * power cut leaves the synced bytes and any choice of the writes after them: shadow_cut() writes
 * such a file.
 */
#ifndef TEST_STORE_FAULT_VFS_H
#define TEST_STORE_FAULT_VFS_H

#include <sqlite3.h>
#include "support.h"

enum file_kind { MAIN_FILE, LOG_FILE };

struct change { /* since the last sync */
    size_t offset, len;
    char *data; /* NULL: cut to `offset` bytes */
};

struct shadow {
    char *image;
    size_t len;
    struct change *changes;
    size_t n;
    bool is_on;
};

struct fault {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    sqlite3_io_methods methods[2];
    const sqlite3_io_methods *real_methods[2];
    struct shadow shadow[2];
    int writes_fail; /* SQLite's code for every write, 0: they work */
    int syncs_fail;
    int reads_fail;
    unsigned n_syncs[2];
};

static struct fault fault;

static void shadow_apply(struct shadow *s, const struct change *c)
{
    size_t end = c->offset + c->len;

    if (!c->data) {
        s->len = c->offset < s->len ? c->offset : s->len;
        return;
    }
    if (end > s->len) {
        s->image = realloc(s->image, end);
        ck_assert_ptr_nonnull(s->image);
        if (c->offset > s->len)
            memset(s->image + s->len, 0, c->offset - s->len);
        s->len = end;
    }
    memcpy(s->image + c->offset, c->data, c->len);
}

static void shadow_forget(struct shadow *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->changes[i].data);
    free(s->changes);
    s->changes = NULL;
    s->n = 0;
}

static void shadow_record(struct shadow *s, const void *data, size_t offset, size_t len)
{
    if (!s->is_on)
        return;
    s->changes = realloc(s->changes, (s->n + 1) * sizeof(*s->changes));
    ck_assert_ptr_nonnull(s->changes);
    struct change *c = &s->changes[s->n++];
    *c = (struct change){ .offset = offset, .len = len };
    if (data) {
        c->data = malloc(len);
        ck_assert_ptr_nonnull(c->data);
        memcpy(c->data, data, len);
    }
}

static int read_from(enum file_kind kind, sqlite3_file *file, void *data, int len,
                     sqlite3_int64 offset)
{
    if (fault.reads_fail)
        return fault.reads_fail;
    return fault.real_methods[kind]->xRead(file, data, len, offset);
}

static int write_to(enum file_kind kind, sqlite3_file *file, const void *data, int len,
                    sqlite3_int64 offset)
{
    if (fault.writes_fail)
        return fault.writes_fail;
    shadow_record(&fault.shadow[kind], data, (size_t)offset, (size_t)len);
    return fault.real_methods[kind]->xWrite(file, data, len, offset);
}

static int truncate_it(enum file_kind kind, sqlite3_file *file, sqlite3_int64 size)
{
    if (fault.writes_fail)
        return fault.writes_fail;
    shadow_record(&fault.shadow[kind], NULL, (size_t)size, 0);
    return fault.real_methods[kind]->xTruncate(file, size);
}

static int sync_it(enum file_kind kind, sqlite3_file *file, int flags)
{
    struct shadow *s = &fault.shadow[kind];

    if (fault.syncs_fail)
        return fault.syncs_fail;
    fault.n_syncs[kind]++;
    for (size_t i = 0; i < s->n; i++)
        shadow_apply(s, &s->changes[i]);
    shadow_forget(s);
    return fault.real_methods[kind]->xSync(file, flags);
}

static int main_read(sqlite3_file *file, void *data, int len, sqlite3_int64 offset)
{
    return read_from(MAIN_FILE, file, data, len, offset);
}

static int log_read(sqlite3_file *file, void *data, int len, sqlite3_int64 offset)
{
    return read_from(LOG_FILE, file, data, len, offset);
}

static int main_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
    return write_to(MAIN_FILE, file, data, len, offset);
}

static int log_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
    return write_to(LOG_FILE, file, data, len, offset);
}

static int main_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return truncate_it(MAIN_FILE, file, size);
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return truncate_it(LOG_FILE, file, size);
}

static int main_sync(sqlite3_file *file, int flags)
{
    return sync_it(MAIN_FILE, file, flags);
}

static int log_sync(sqlite3_file *file, int flags)
{
    return sync_it(LOG_FILE, file, flags);
}

static int fault_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                      int *out_flags)
{
    (void)vfs;
    int rc = fault.real->xOpen(fault.real, name, file, flags, out_flags);
    if (rc != SQLITE_OK || !(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
        return rc;
    bool is_log = (flags & SQLITE_OPEN_WAL) != 0;
    enum file_kind kind = is_log ? LOG_FILE : MAIN_FILE;
    sqlite3_io_methods *m = &fault.methods[kind];
    fault.real_methods[kind] = file->pMethods;
    *m = *file->pMethods;
    m->xRead = is_log ? log_read : main_read;
    m->xWrite = is_log ? log_write : main_write;
    m->xTruncate = is_log ? log_truncate : main_truncate;
    m->xSync = is_log ? log_sync : main_sync;
    file->pMethods = m;
    return rc;
}

__attribute__((unused)) static void fault_install(void)
{
    memset(&fault, 0, sizeof(fault));
    fault.real = sqlite3_vfs_find(NULL);
    fault.vfs = *fault.real;
    fault.vfs.zName = "fault";
    fault.vfs.pNext = NULL;
    fault.vfs.xOpen = fault_open;
    ck_assert_int_eq(sqlite3_vfs_register(&fault.vfs, 1), SQLITE_OK);
}

__attribute__((unused)) static void fault_remove(void)
{
    sqlite3_vfs_unregister(&fault.vfs);
    for (int kind = MAIN_FILE; kind <= LOG_FILE; kind++) {
        shadow_forget(&fault.shadow[kind]);
        free(fault.shadow[kind].image);
    }
}

/* From now on: the bytes of the file at `path` count as synced, and what follows is remembered. */
__attribute__((unused)) static void shadow_start(enum file_kind kind, const char *path)
{
    struct shadow *s = &fault.shadow[kind];
    FILE *f = fopen(path, "rb");
    struct stat st;

    s->is_on = true;
    if (!f)
        return;
    ck_assert_int_eq(fstat(fileno(f), &st), 0);
    s->len = (size_t)st.st_size;
    s->image = malloc(s->len + 1);
    ck_assert_ptr_nonnull(s->image);
    ck_assert_uint_eq(fread(s->image, 1, s->len, f), s->len);
    fclose(f);
}

/* Writes to `path` what a power cut at this moment might leave; `chance` of 256 is how likely a
 * write since the last sync has reached the disk. */
__attribute__((unused)) static void shadow_cut(enum file_kind kind, const char *path,
                                               unsigned *seed, int chance)
{
    const struct shadow *s = &fault.shadow[kind];
    struct shadow cut = { .image = malloc(s->len + 1), .len = s->len };

    ck_assert_ptr_nonnull(cut.image);
    if (s->len > 0)
        memcpy(cut.image, s->image, s->len);
    for (size_t i = 0; i < s->n; i++)
        if ((rand_r(seed) >> 4) % 256 < chance)
            shadow_apply(&cut, &s->changes[i]);
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(cut.image, 1, cut.len, f), cut.len);
    fclose(f);
    free(cut.image);
}

#endif
