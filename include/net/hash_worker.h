/* hash_worker.h - password hashing in a child process, so that a tenth of a second and 64 MiB per
 * password never stop the event loop.
 *
 * The parent sends one job at a time over a socketpair and queues the rest, in order, up to a
 * bound. A child that dies is replaced; the job it had is answered as failed. Secrets are wiped on
 * both sides as soon as they are used. Argon2id at libsodium's interactive limits. */
#ifndef NET_HASH_WORKER_H
#define NET_HASH_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/err.h"
#include "net/reactor.h"

#define HASH_PASSWORD_MAX 128 /* bytes */
#define HASH_TEXT_MAX     128 /* crypto_pwhash_STRBYTES, with its NUL */
#define HASH_QUEUE_MAX    256 /* jobs that wait */

struct hash_worker;

enum hash_outcome { HASH_OK, HASH_NO_MATCH, HASH_FAILED };

/* `text`: the new hash (after hash_worker_hash), else "". */
typedef void hash_done_fn(void *self, uint64_t ticket, enum hash_outcome outcome, const char *text);

/* Forks the child: call before anything is opened that it should not have. `confined`: it gives up
 * every system call that computing does not need. NULL: errno. */
struct hash_worker *hash_worker_new(hash_done_fn *done, void *self, bool confined);
/* Begins to watch the answers. */
MUST_CHECK enum err hash_worker_watch(struct hash_worker *w, struct reactor *r);
/* Ends the child, waits for it. NULL is allowed. */
void hash_worker_free(struct hash_worker *w);

/* Asks for the Argon2id string of a password. ERR_BUSY when too many wait. */
MUST_CHECK enum err hash_worker_hash(struct hash_worker *w, uint64_t ticket, struct bytes password);
/* Asks whether a password matches a string. With `text` NULL the work is done all the same and the
 * outcome is HASH_NO_MATCH: an unknown name takes as long as a wrong password. ERR_BUSY. */
MUST_CHECK enum err hash_worker_verify(struct hash_worker *w, uint64_t ticket,
                                       struct bytes password, const char *text);
/* Jobs that have no answer yet. */
uint32_t hash_worker_pending(const struct hash_worker *w);

#endif
