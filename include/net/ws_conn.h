/* ws_conn.h - WebSocket on a connection: messages up, pongs, the close handshake, idle pings (RFC
 * 6455 sections 5 and 7). */
#ifndef NET_WS_CONN_H
#define NET_WS_CONN_H

#include "net/conn.h"

/* Makes `c` (HTTP until now, with a staged 101) speak WebSocket; `peer` goes along with its
 * messages. */
void ws_conn_start(struct conn *c, void *peer, bool is_v1);
/* Stages a close frame with `code` and ends the connection behind it. */
void ws_conn_shut(struct conn *c, enum ws_close_code code);

#endif
