#include "svc/tables.h"
#include "svc/services.h"

const struct message_row message_rows[] = {
    /* messageType     handler           who     max bytes flags */
    { "echo_client", echo_on_echo, ANYONE, 0, UNBOUNDED },
    { "drawing", board_on_drawing, ANYONE, 4096, 0 },
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
    { HTTP_GET, "/healthz", site_on_health, ANYONE, NO_CALLER, NULL },
    { HTTP_GET, "/websocket", site_on_websocket, ANYONE, NO_HEAD | LOGIN_IF_REQUIRED, NULL },
    { HTTP_POST, "/register", auth_on_register, ANYONE, NO_CALLER, NULL },
    { HTTP_POST, "/login", auth_on_login, ANYONE, NO_CALLER, NULL },
    { HTTP_GET, "/logout", auth_on_logout, ANYONE, GUARD_CROSS_SITE | NO_HEAD, NULL },
    { HTTP_POST, "/logout", auth_on_logout, ANYONE, 0, NULL },
    { HTTP_GET, "/api/users/@me", auth_on_me, ANYONE, 0, NULL },
    { HTTP_METHOD_UNKNOWN, NULL, NULL, ANYONE, 0, NULL },
};

/* The order is the order in which a newcomer is told: the board, then who is here. */
const struct peer_hook peer_hooks[] = {
    { board_on_join, NULL },
    { presence_on_join, NULL },
    { NULL, NULL },
};
