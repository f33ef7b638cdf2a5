/* static_files.h - the front-end folder: files, and pages rendered into the layout.
 *
 * Containment is the kernel's: every open is an openat2() below the folder's descriptor with
 * RESOLVE_BENEATH, so no spelling of a path and no symbolic link leads out of it. Where the kernel or a container
 * lacks openat2, the path is walked one component at a time without following links.
 *
 * Small files are kept in memory and served from there for as long as the file on disk is the same one (device,
 * inode, size, mtime, ctime): an edit shows at the next request. Longer ones are sent from the file.
 */
#ifndef NET_STATIC_FILES_H
#define NET_STATIC_FILES_H

#include "base/err.h"
#include "proto/http_message.h"

struct static_files;

/* ERR_SYSTEM: no such folder (errno). */
MUST_CHECK enum err static_files_open(const char *dir, struct static_files **out);
void static_files_free(struct static_files *s);

/* Fills *r for GET or HEAD of file `path` (relative, decoded): 200, 206, 304, 404, 416, or 500 (503 without descriptors).
 * r->extra is good until the next call. What *r owns is the caller's. */
void static_files_get(struct static_files *s, const struct http_head *head, struct bytes path,
                      struct http_reply *r);
/* The same for the page in file `name`, inside layout/layout.html where that exists. */
void static_files_page(struct static_files *s, const struct http_head *head, const char *name,
                       struct http_reply *r);

#endif
