/* user_store.h - who has registered.
 *
 * Names are unique without regard to ASCII case and come back in the spelling of the registration.
 * The store takes the password as an opaque string (Argon2id) and never looks into it.
 *
 * Errors of every function: ERR_STORE, ERR_NO_MEMORY, and those named at it.
 */
#ifndef STORE_USER_STORE_H
#define STORE_USER_STORE_H

#include <stdint.h>
#include "base/bytes.h"
#include "base/err.h"
#include "store/db.h"

#define USERNAME_MAX      32
#define PASSWORD_HASH_MAX 128

struct user_row {
    int64_t id; /* > 0, never given to anybody else */
    int64_t created_at;
    char username[USERNAME_MAX + 1];
};

struct user_store { /* private fields */
    struct db *db;
    struct stmt *insert, *by_name, *by_id, *each;
};

/* Anything but OK ends the scan and becomes its result. `user` is valid until fn returns; fn
 * does not start the scan that it is called from. */
typedef enum err (*user_fn)(void *arg, const struct user_row *user);

/* `db` outlives the store. On an error there is nothing to close. */
MUST_CHECK enum err user_store_open(struct user_store *us, struct db *db);
/* An empty (zeroed) store is allowed. */
void user_store_close(struct user_store *us);

/* Adds a user; *id when OK. ERR_EXISTS: the name is taken, in any case. ERR_BAD_INPUT: a name of 0
 * or more than USERNAME_MAX bytes, a hash of 0 or more than PASSWORD_HASH_MAX; which characters a
 * name may hold is for the caller. */
MUST_CHECK enum err user_store_insert(struct user_store *us, struct bytes username,
                                      struct bytes password_hash, int64_t now, int64_t *id);
/* The user of this name in any case. `password_hash` may be NULL; else it gets the string with its
 * NUL. ERR_NOT_FOUND. */
MUST_CHECK enum err user_store_by_name(struct user_store *us, struct bytes username,
                                       struct user_row *out,
                                       char password_hash[PASSWORD_HASH_MAX + 1]);
/* ERR_NOT_FOUND. */
MUST_CHECK enum err user_store_by_id(struct user_store *us, int64_t id, struct user_row *out);
/* Everyone, by growing id: for filling a directory once, at start. */
MUST_CHECK enum err user_store_each(struct user_store *us, user_fn fn, void *arg);

#endif
