#include "app/page.h"

const char *page_read(const struct json_object *msg, struct page *page)
{
    struct json_member m;
    int64_t limit = PAGE_DEFAULT;

    page->before_id = INT64_MAX;
    page->has_before = json_find(msg, "beforeId", &m) && m.type != JSON_NULL;
    if (page->has_before && (!json_int(msg, "beforeId", &page->before_id) || page->before_id < 1))
        return "beforeId must be the id of a message";
    if (json_find(msg, "limit", &m) &&
        (!json_int(msg, "limit", &limit) || limit < 1 || limit > PAGE_MAX))
        return "limit must be a number from 1 to 200";
    page->limit = (uint32_t)limit;
    return NULL;
}

void page_write_before(struct json_out *j, const struct page *page)
{
    json_raw(j, ",\"beforeId\":");
    if (page->has_before)
        json_int64(j, page->before_id);
    else
        json_raw(j, "null");
}
