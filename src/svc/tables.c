#include "svc/tables.h"
#include "svc/services.h"

const struct message_row message_rows[] = {
    /* messageType     handler           who     max bytes flags */
    { "echo_client", echo_on_echo, ANYONE, 0, UNBOUNDED },
    { "drawing", board_on_drawing, ANYONE, 4096, 0 },
    { "chatMessage", chat_on_message, MEMBER, 0, CLIENT_ID },
    { "get_chat_history", chat_on_get_history, ANYONE, 4096, V1_ONLY },
    { "get_all_users", dm_on_get_all_users, MEMBER, 0, 0 },
    { "select_user", dm_on_select_user, MEMBER, 0, 0 },
    { "direct_message", dm_on_direct_message, MEMBER, 0, CLIENT_ID },
    { "get_conversations", dm_on_get_conversations, MEMBER, 4096, V1_ONLY },
    { "get_messages", dm_on_get_messages, MEMBER, 4096, V1_ONLY },
    { "mark_read", dm_on_mark_read, MEMBER, 4096, V1_ONLY },
    { "typing", dm_on_typing, MEMBER, 4096, V1_ONLY },
    { "get_calls", call_on_get_calls, MEMBER, 0, 0 },
    { "join_call", call_on_join, MEMBER, 0, 0 },
    { "leave_call", call_on_leave, MEMBER, 0, 0 },
    { "offer", call_on_signal, MEMBER, 0, 0 },
    { "answer", call_on_signal, MEMBER, 0, 0 },
    { "ice_candidate", call_on_signal, MEMBER, 0, 0 },
    { "watch_calls", call_on_watch, MEMBER, 4096, V1_ONLY },
    { "media_state", call_on_media_state, MEMBER, 4096, V1_ONLY },
    { "call_message", call_on_call_message, MEMBER, 0, V1_ONLY },
    { "ring", call_on_ring, MEMBER, 4096, V1_ONLY },
    { "ring_answer", call_on_ring_answer, MEMBER, 4096, V1_ONLY },
    { "ring_cancel", call_on_ring_cancel, MEMBER, 4096, V1_ONLY },
    { NULL, NULL, ANYONE, 0, 0 },
};

const struct route_row route_rows[] = {
    /* method    path                handler           who     flags                 page */
    { HTTP_GET, "/", site_on_page, ANYONE, NO_CALLER, "index.html" },
    { HTTP_GET, "/register", site_on_page, ANYONE, NO_CALLER, "register.html" },
    { HTTP_GET, "/login", site_on_page, ANYONE, NO_CALLER, "login.html" },
    { HTTP_GET, "/test-websocket", site_on_page, ANYONE, NO_CALLER, "test-websocket.html" },
    { HTTP_GET, "/drawing-board", site_on_page, ANYONE, NO_CALLER, "drawing-board.html" },
    { HTTP_GET, "/direct-messaging", site_on_page, ANYONE, NO_CALLER, "direct-messaging.html" },
    { HTTP_GET, "/chat", site_on_page, ANYONE, NO_CALLER, "chat.html" },
    { HTTP_GET, "/video-call", site_on_page, ANYONE, NO_CALLER, "video-call.html" },
    { HTTP_GET, "/video-call/*", site_on_page, ANYONE, NO_CALLER, "video-call-room.html" },
    { HTTP_GET, "/public/*", site_on_file, ANYONE, NO_CALLER, NULL },
    { HTTP_GET, "/chat-history", chat_on_http_history, ANYONE, LOGIN_IF_REQUIRED, NULL },
    { HTTP_GET, "/healthz", site_on_health, ANYONE, NO_CALLER, NULL },
    { HTTP_GET, "/websocket", site_on_websocket, ANYONE, NO_HEAD | LOGIN_IF_REQUIRED, NULL },
    { HTTP_POST, "/register", auth_on_register, ANYONE, NO_CALLER, NULL },
    { HTTP_POST, "/login", auth_on_login, ANYONE, NO_CALLER, NULL },
    { HTTP_GET, "/logout", auth_on_logout, ANYONE, GUARD_CROSS_SITE | NO_HEAD, NULL },
    { HTTP_POST, "/logout", auth_on_logout, ANYONE, 0, NULL },
    { HTTP_GET, "/api/users/@me", auth_on_me, ANYONE, 0, NULL },
    { HTTP_POST, "/api/video-calls", call_on_create, MEMBER, 0, NULL },
    { HTTP_GET, "/api/ice-servers", call_on_ice_servers, MEMBER, 0, NULL },
    { HTTP_METHOD_UNKNOWN, NULL, NULL, ANYONE, 0, NULL },
};

/* The order is the order in which a newcomer is told: the board, then who is here, then who calls.
 */
const struct peer_hook peer_hooks[] = {
    { board_on_join, NULL },
    { presence_on_join, NULL },
    { call_on_arrived, call_on_gone },
    { NULL, NULL },
};
