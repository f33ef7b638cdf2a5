/* dm.h - storing a direct message and telling its two people: what the messenger and the missed
 * calls share. */
#ifndef APP_DM_H
#define APP_DM_H

#include "app/app.h"

#define TEXT_MAX_BYTES 65536u /* of a chat or direct message */

struct dm_message {
    int64_t from_id, to_id;
    struct bytes from, to; /* registered names */
    struct bytes text;
    struct bytes client_id; /* empty: none */
    int64_t id, sent_at;
    int64_t unread; /* of the receiver in this conversation; -1: not said */
};

struct json_out;

/* Writes one direct_message as a dialect has it. */
void dm_write(struct json_out *j, const struct dm_message *m, bool is_v1);

/* Stores m (whose id and sent_at it sets) and stages it for every connection of both. When the
 * sender's client_id has been stored before, nothing is stored or staged and *was_there is true;
 * m->id and m->sent_at are then those of the stored one. Inside app_write_begin(WRITE_SYNCED); on
 * an error the caller undoes it. ERR_EXISTS: the client id went to somebody else. */
MUST_CHECK enum err app_dm_store(struct app *app, struct dm_message *m, bool *was_there);

/* The same for a message that the server writes in a user's name. */
MUST_CHECK enum err app_dm_send(struct app *app, int64_t from_id, struct bytes from_name,
                                int64_t to_id, struct bytes to_name, struct bytes text);

#endif
