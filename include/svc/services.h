/* services.h - the handlers and hooks of every service, in one place because svc/tables.c is the
 * only reader. A service does not include another one; what they share is in app/. */
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
/* Between two ticks: reads the board anew when memory has not sufficed for a stroke. */
void board_mend(struct app *app);
bool board_is_short(const struct app *app);

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

/* --- call*.c: video calls --- */
/* ERR_NO_MEMORY. */
MUST_CHECK enum err call_open(struct app *app);
void call_close(struct app *app);
route_fn call_on_create, call_on_ice_servers;
message_fn call_on_get_calls, call_on_watch, call_on_join, call_on_leave, call_on_signal;
message_fn call_on_media_state, call_on_call_message;
message_fn call_on_ring, call_on_ring_answer, call_on_ring_cancel;
/* A WebSocket has opened, or is gone. */
void call_on_arrived(struct app *app, struct peer *p);
void call_on_gone(struct app *app, struct peer *p);
/* What is due by time; before the commit. */
void call_flush(struct app *app);
/* Milliseconds until call_flush() or call_after_commit() has something to do; -1: nothing. */
int64_t call_wait_ms(const struct app *app);
/* Right after the commit, before the output is released: puts everything back that a failed one has
 * taken away. */
void call_after_commit(struct app *app, bool committed);

/* --- auth.c: accounts and sessions --- */
MUST_CHECK enum err auth_open(struct app *app);
void auth_close(struct app *app);
route_fn auth_on_register, auth_on_login, auth_on_logout, auth_on_me;
/* The answer of the password process. `matches` for verify; `text` for hash; `failed`: neither. */
void auth_on_hashed(struct app *app, uint64_t ticket, bool failed, bool matches, const char *text);
/* Ends some sessions that have expired, and their connections; now and then. True: there may be
 * more of them. */
bool auth_sweep(struct app *app);

/* --- site.c: pages, files, health, the WebSocket handshake --- */
route_fn site_on_page, site_on_file, site_on_health, site_on_websocket;

#endif
