/* rate.h - attempts per key in a sliding minute, in bounded memory. The caller brings the time.
 *
 * Each key (a client's address) may make `per_minute` attempts in a burst, and then one more every
 * 60000 / per_minute milliseconds (a token bucket). The table holds a fixed number of keys; when it
 * is full, the key that has been quiet the longest gives way, so an attacker with many addresses
 * costs no more memory, and a key is forgotten only when its bucket has had the time to refill or
 * when others press.
 */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/err.h"

struct rate;

/* `per_minute` 0 allows everything. `max_keys` bounds the table. NULL without memory. */
struct rate *rate_new(uint32_t per_minute, uint32_t max_keys);
void rate_free(struct rate *r);
/* True when this attempt is within the limit, and counts it. When not, *retry_after_s says in how
 * many whole seconds (at least 1) the next one will be. A key longer than 64 bytes is cut. */
bool rate_allow(struct rate *r, struct bytes key, int64_t now_ms, uint32_t *retry_after_s);

#endif
