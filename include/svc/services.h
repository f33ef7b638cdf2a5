/* services.h - the handlers and hooks of every service, in one place because svc/tables.c is the only reader.
 * A service does not include another one; what they share is in app/. */
#ifndef SVC_SERVICES_H
#define SVC_SERVICES_H

#include "app/dispatch.h"
#include "app/router.h"
#include "proto/ws_frame.h"

/* --- echo.c --- */
message_fn echo_on_echo;

/* --- board.c: the drawing board --- */
/* Reads every stroke. ERR_STORE, ERR_NO_MEMORY. */
MUST_CHECK enum err board_open(struct app *app);
void board_close(struct app *app);
message_fn board_on_drawing;
void board_on_join(struct app *app, struct peer *p);

/* --- presence.c: the list of active users --- */
MUST_CHECK enum err presence_open(struct app *app);
void presence_close(struct app *app);
void presence_on_join(struct app *app, struct peer *p);
/* Sends the list to whoever has not got the latest, when it is time; at the end of the release. */
void presence_flush(struct app *app, const struct out_sink *sink);
/* Milliseconds until presence_flush() has something to send; -1: nothing. */
int64_t presence_wait_ms(const struct app *app);

/* --- dm.c: direct messages --- */
message_fn dm_on_get_all_users, dm_on_select_user, dm_on_direct_message;
message_fn dm_on_get_conversations, dm_on_get_messages, dm_on_mark_read, dm_on_typing;

/* --- chat.c: the public chat --- */
message_fn chat_on_message, chat_on_get_history;
route_fn chat_on_http_history;

/* --- auth.c: accounts and sessions --- */
MUST_CHECK enum err auth_open(struct app *app);
void auth_close(struct app *app);
route_fn auth_on_register, auth_on_login, auth_on_logout, auth_on_me;
/* The answer of the password process. `matches` for verify; `text` for hash; `failed`: neither. */
void auth_on_hashed(struct app *app, uint64_t ticket, bool failed, bool matches, const char *text);
/* Forgets some sessions that have expired; now and then. */
void auth_sweep(struct app *app);

/* --- site.c: pages, files, health, the WebSocket handshake --- */
route_fn site_on_page, site_on_file, site_on_health, site_on_websocket;

#endif
