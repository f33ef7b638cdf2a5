/* slots.c - a table of objects with a free list through its empty places.
 *
 * An id is (generation << 32 | index). A place's generation grows when it is given out, so every id
 * of an earlier tenant differs from the present one; it skips 0 when it wraps, which keeps id 0
 * invalid. Invariant: a slot is on the free list exactly when its object is NULL. free_head and
 * next_free hold index + 1, so that a zeroed table is an empty one.
 */
#include "base/slots.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#define FIRST_CAP 16u
#define MAX_SLOTS (UINT32_MAX / 2)

void slots_init(struct slots *s)
{
    *s = (struct slots){ 0 };
}

void slots_release(struct slots *s)
{
    if (!s)
        return;
    free(s->v);
    slots_init(s);
}

static enum err make_room(struct slots *s)
{
    uint32_t cap = s->cap ? s->cap * 2 : FIRST_CAP;

    if (cap > MAX_SLOTS)
        return ERR_NO_MEMORY;
    struct slot *v = realloc(s->v, cap * sizeof *v);
    if (!v)
        return ERR_NO_MEMORY;
    s->v = v;
    s->cap = cap;
    return OK;
}

enum err slots_add(struct slots *s, void *object, slot_id *id)
{
    uint32_t index;

    assert(object);
    if (s->free_head) {
        index = s->free_head - 1;
        s->free_head = s->v[index].next_free;
    } else {
        if (s->n == s->cap) {
            enum err e = make_room(s);
            if (e)
                return e;
        }
        index = s->n++;
        s->v[index] = (struct slot){ 0 };
    }
    struct slot *slot = &s->v[index];
    slot->object = object;
    if (++slot->generation == 0)
        slot->generation = 1;
    s->used++;
    *id = (slot_id)slot->generation << 32 | index;
    return OK;
}

void *slots_find(const struct slots *s, slot_id id)
{
    uint32_t index = (uint32_t)id;

    if (index >= s->n || s->v[index].generation != (uint32_t)(id >> 32))
        return NULL;
    return s->v[index].object;
}

void slots_remove(struct slots *s, slot_id id)
{
    if (!slots_find(s, id))
        return;
    uint32_t index = (uint32_t)id;
    s->v[index].object = NULL;
    s->v[index].next_free = s->free_head;
    s->free_head = index + 1;
    s->used--;
}
