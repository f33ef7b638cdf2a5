/* tables.h - what exists: every message type, every route, every service that wants to know of
 * peers. */
#ifndef SVC_TABLES_H
#define SVC_TABLES_H

#include "app/dispatch.h"
#include "app/router.h"

extern const struct message_row message_rows[]; /* ended by a row without a type */
extern const struct route_row route_rows[];     /* ended by a row without a path */
extern const struct peer_hook peer_hooks[];     /* ended by an empty one */

#endif
