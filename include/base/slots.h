/* slots.h - objects by id. An id outlives its object: a stale one finds NULL, never another object.
 *
 * An id is an index and a generation in 64 bits; 0 is never a valid id. Lookup is an array access.
 */
#ifndef BASE_SLOTS_H
#define BASE_SLOTS_H

#include <stdint.h>
#include "base/err.h"

typedef uint64_t slot_id;

struct slot {
    void *object;        /* NULL when free */
    uint32_t generation; /* grows each time the slot is given out */
    uint32_t next_free;
};

struct slots { /* private fields */
    struct slot *v;
    uint32_t n, cap, free_head, used;
};

void slots_init(struct slots *s);
/* Frees the table, not the objects. */
void slots_release(struct slots *s);
/* Puts `object` (not NULL) in and gives its id. ERR_NO_MEMORY. */
MUST_CHECK enum err slots_add(struct slots *s, void *object, slot_id *id);
/* The object, or NULL when it has been removed or never was. */
void *slots_find(const struct slots *s, slot_id id);
/* Forgets the object; a stale id does nothing. */
void slots_remove(struct slots *s, slot_id id);
/* For walks over all: the object at place `i` (from 0 to s->n - 1), or NULL. */
static inline void *slots_at(const struct slots *s, uint32_t i)
{
    return s->v[i].object;
}
static inline uint32_t slots_count(const struct slots *s)
{
    return s->used;
}

#endif
