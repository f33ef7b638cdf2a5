/* http_message.h - a whole request and its answer, as they pass between the connection and what
 * serves it. Plain data: no sockets, no allocation of its own. */
#ifndef PROTO_HTTP_MESSAGE_H
#define PROTO_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/blob.h"
#include "base/outbox.h"
#include "base/slots.h"
#include "proto/http_head.h"

struct http_request {
    slot_id conn;
    const struct http_head *head;
    struct bytes path; /* decoded */
    struct bytes body;
    struct bytes address; /* of the client, as text; behind a trusted proxy what it says */
    const char *page;     /* file of the page that the route names; set by the router */
    /* Set by whoever answers HTTP_UPGRADED: */
    void *peer; /* what messages of the WebSocket will be handed over with */
    bool is_v1; /* it speaks the parlor.v1 dialect */
};

enum http_verdict {
    HTTP_ANSWERED, /* an answer was staged */
    HTTP_LATER,    /* it will be staged in a later tick: http_conn_answered() then goes on */
    HTTP_UPGRADED, /* 101 was staged: the connection speaks WebSocket from the next byte on */
    HTTP_CLOSING,  /* an answer was staged with Connection: close */
};

struct http_reply {
    int status;
    struct bytes content_type;
    struct bytes extra; /* header lines with CRLFs; borrowed until the reply is staged */
    struct bytes body;  /* borrowed; or: */
    struct blob *blob; /* a shared body, one reference owned by the reply; [off, off + len) of it */
    struct out_source *source; /* or a body made while it is sent (chunked); owned */
    int fd;                    /* or a part of a file, owned; -1: none */
    uint64_t off, len;
    bool is_head; /* HEAD: the headers of GET, no body */
    bool close;   /* the connection closes after it */
};

#endif
