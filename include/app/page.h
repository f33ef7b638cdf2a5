/* page.h - which part of a long list a v1 client asks for: the newest `limit` entries, or those
 * before an id. */
#ifndef APP_PAGE_H
#define APP_PAGE_H

#include "app/app.h"
#include "app/json_out.h"

#define PAGE_DEFAULT 50
#define PAGE_MAX     200

struct page {
    int64_t before_id; /* INT64_MAX when none was given */
    bool has_before;
    uint32_t limit;
};

/* Reads beforeId (may be missing or null) and limit. NULL, or what is wrong with them. */
const char *page_read(const struct json_object *msg, struct page *page);
/* Writes `,"beforeId":` and the id as asked, or null. */
void page_write_before(struct json_out *j, const struct page *page);

#endif
