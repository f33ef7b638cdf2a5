/* rate.c - token buckets in a table of fixed size: a hash for finding, a list for giving way.
 *
 * A bucket counts in units of 1/60000 attempt: a millisecond brings `per_minute` of them and an
 * attempt costs 60000, so nothing is ever rounded, whatever the rate. A full bucket needs a minute,
 * which is why no more than a minute of absence is ever counted.
 *
 * Invariant: `recent` holds every entry in use, the longest quiet one first; each is in exactly one
 * chain. Clients choose their addresses, so the hash is keyed with a secret of this table: nobody
 * outside can pile keys up in one chain. Links are index + 1, so that zeroed memory is an empty
 * table, and the entries of a large table cost no memory before they are used.
 */
#include "base/rate.h"

#include <sodium.h>
#include <stdlib.h>
#include "base/list.h"

#define MINUTE_MS 60000
#define COST      60000 /* of one attempt */
#define MAX_KEY   64u

struct entry {
    struct link recent;
    int64_t level; /* what the bucket held ... */
    int64_t at_ms; /* ... at this time */
    uint32_t next; /* in the chain */
    uint8_t key_len;
    char key[MAX_KEY];
};

struct rate {
    uint32_t per_minute, max_keys, n;
    uint32_t chain_mask; /* number of chains, a power of two, minus 1 */
    uint32_t *chains;
    struct entry *entries;
    struct link recent;
    unsigned char secret[crypto_shorthash_KEYBYTES];
};

struct rate *rate_new(uint32_t per_minute, uint32_t max_keys)
{
    struct rate *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->per_minute = per_minute;
    list_init(&r->recent);
    if (per_minute == 0)
        return r;
    size_t n_chains = 1;
    r->max_keys = max_keys ? max_keys : 1;
    while (n_chains < r->max_keys)
        n_chains *= 2;
    r->chain_mask = (uint32_t)(n_chains - 1);
    r->chains = calloc(n_chains, sizeof *r->chains);
    r->entries = calloc(r->max_keys, sizeof *r->entries);
    if (!r->chains || !r->entries) {
        rate_free(r);
        return NULL;
    }
    randombytes_buf(r->secret, sizeof r->secret);
    return r;
}

void rate_free(struct rate *r)
{
    if (!r)
        return;
    free(r->chains);
    free(r->entries);
    free(r);
}

static uint32_t *chain_of(const struct rate *r, struct bytes key)
{
    uint64_t hash;

    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)key.data, key.len, r->secret);
    return &r->chains[hash & r->chain_mask];
}

static struct bytes key_of(const struct entry *e)
{
    return bytes_of(e->key, e->key_len);
}

static struct entry *find(const struct rate *r, const uint32_t *chain, struct bytes key)
{
    for (uint32_t i = *chain; i != 0; i = r->entries[i - 1].next)
        if (bytes_eq(key_of(&r->entries[i - 1]), key))
            return &r->entries[i - 1];
    return NULL;
}

/* Takes the longest quiet entry out of its chain and off the list. */
static struct entry *evict(struct rate *r)
{
    struct entry *e = container_of(r->recent.next, struct entry, recent);
    uint32_t index = (uint32_t)(e - r->entries) + 1;
    uint32_t *at = chain_of(r, key_of(e));

    while (*at != index)
        at = &r->entries[*at - 1].next;
    *at = e->next;
    list_remove(&e->recent);
    return e;
}

/* A new entry with a full bucket. */
static struct entry *enter(struct rate *r, uint32_t *chain, struct bytes key, int64_t now_ms)
{
    struct entry *e = r->n < r->max_keys ? &r->entries[r->n++] : evict(r);

    e->level = (int64_t)r->per_minute * MINUTE_MS;
    e->at_ms = now_ms;
    e->key_len = (uint8_t)key.len;
    if (key.len > 0)
        memcpy(e->key, key.data, key.len);
    e->next = *chain;
    *chain = (uint32_t)(e - r->entries) + 1;
    list_append(&r->recent, &e->recent);
    return e;
}

static void refill(struct entry *e, uint32_t per_minute, int64_t now_ms)
{
    int64_t full = (int64_t)per_minute * MINUTE_MS;
    int64_t absent_ms = now_ms - e->at_ms;

    if (absent_ms <= 0)
        return;
    if (absent_ms > MINUTE_MS)
        absent_ms = MINUTE_MS;
    e->level += absent_ms * per_minute;
    if (e->level > full)
        e->level = full;
    e->at_ms = now_ms;
}

bool rate_allow(struct rate *r, struct bytes key, int64_t now_ms, uint32_t *retry_after_s)
{
    *retry_after_s = 0;
    if (r->per_minute == 0)
        return true;
    if (key.len > MAX_KEY)
        key.len = MAX_KEY;
    uint32_t *chain = chain_of(r, key);
    struct entry *e = find(r, chain, key);
    if (e) {
        list_remove(&e->recent);
        list_append(&r->recent, &e->recent);
        refill(e, r->per_minute, now_ms);
    } else {
        e = enter(r, chain, key, now_ms);
    }
    if (e->level >= COST) {
        e->level -= COST;
        return true;
    }
    int64_t per_second = (int64_t)r->per_minute * 1000;
    *retry_after_s = (uint32_t)((COST - e->level + per_second - 1) / per_second);
    return false;
}
