/* http_conn.h - HTTP/1.1 on a connection, the server's side (RFC 9112): head, body, one request at a time,
 * keep-alive and pipelining, timeouts, and the step to WebSocket. */
#ifndef NET_HTTP_CONN_H
#define NET_HTTP_CONN_H

#include "net/conn.h"

/* Stages the answer to the request that is open on `conn`, and gives back what the reply owns. A
 * connection that has gone meanwhile gets nothing. After HTTP_LATER the connection goes on by itself. */
void http_conn_reply(struct net *net, slot_id conn, struct http_reply *reply);

/* A short text/plain answer. `close`: the connection ends behind it. */
void http_conn_reply_text(struct net *net, slot_id conn, int status, const char *text, bool close);

/* --- for the files of net/ --- */

/* Makes `c` speak HTTP. `address` is the peer's, as text. ERR_NO_MEMORY. */
MUST_CHECK enum err http_conn_start(struct conn *c, const char *address);
int64_t http_conn_deadline(const struct conn *c, int64_t now_ms);
/* The writes of the request were lost: 503 instead of its answer, at once, and close. */
void http_conn_failed(struct conn *c);
/* The server stops: an open request is still answered. */
void http_conn_stop(struct conn *c);

#endif
