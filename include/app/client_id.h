/* client_id.h - the id that a v1 client gives a message, so that sending it again is harmless. */
#ifndef APP_CLIENT_ID_H
#define APP_CLIENT_ID_H

#include "app/dispatch.h"

struct client_id {
    char text[CLIENT_ID_MAX + 1];
    size_t len; /* 0: none */
};

/* Reads clientId: 1 to 64 of A-Z a-z 0-9 _ -. In the base dialect the field means nothing. NULL, or
 * what is wrong with it. */
const char *client_id_read(const struct peer *caller, const struct json_object *msg,
                           struct client_id *id);
static inline struct bytes client_id_bytes(const struct client_id *id)
{
    return bytes_of(id->text, id->len);
}
/* Behind app_write_begin(): should the commit fail, not_sent goes before the error. */
void client_id_guard(struct app *app, const struct client_id *id);
/* The message with this id (if any) is refused: stages not_sent, which goes before the error. */
void client_id_refused(struct app *app, const struct peer *caller, const struct client_id *id);

#endif
