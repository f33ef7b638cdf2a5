/* ws_stage.h - stages a whole WebSocket message for one connection (RFC 6455 section 5.2). */
#ifndef PROTO_WS_STAGE_H
#define PROTO_WS_STAGE_H

#include "base/outbox.h"
#include "proto/ws_frame.h"

/* Stages the head of an unfragmented frame and returns room for its `len` payload bytes, which the
 * caller fills at once. NULL without memory (the outbox is then lost, and the tick with it). */
static inline char *ws_stage(struct outbox *o, slot_id to, enum ws_opcode opcode, size_t len)
{
    size_t head = ws_frame_head_len(len);
    char *room = outbox_to(o, to, head + len);
    if (!room)
        return NULL;
    ws_frame_head_write((uint8_t *)room, true, opcode, len);
    return room + head;
}

/* Stages a whole frame with a copy of `payload`. */
static inline void ws_stage_bytes(struct outbox *o, slot_id to, enum ws_opcode opcode,
                                  struct bytes payload)
{
    char *room = ws_stage(o, to, opcode, payload.len);
    if (room && payload.len)
        memcpy(room, payload.data, payload.len);
}

/* Stages a text message of three parts for one connection; `middle`, which lies in `owner`, is
 * shared and not copied. */
static inline void ws_stage_shared(struct outbox *o, slot_id to, struct bytes head,
                                   struct blob *owner, struct bytes middle, struct bytes tail)
{
    size_t len = head.len + middle.len + tail.len, frame_head = ws_frame_head_len(len);
    char *room = outbox_to(o, to, frame_head + head.len);

    if (!room)
        return;
    ws_frame_head_write((uint8_t *)room, true, WS_TEXT, len);
    memcpy(room + frame_head, head.data, head.len);
    outbox_blob(o, to, owner, (size_t)(middle.data - owner->data), middle.len, OUT_LIVE);
    room = outbox_to(o, to, tail.len);
    if (room)
        memcpy(room, tail.data, tail.len);
}

/* Stages a text message for everyone in the audience. */
static inline void ws_stage_broadcast(struct outbox *o, enum audience who, struct bytes payload)
{
    size_t head = ws_frame_head_len(payload.len);
    char *room = outbox_broadcast(o, who, head + payload.len);
    if (!room)
        return;
    ws_frame_head_write((uint8_t *)room, true, WS_TEXT, payload.len);
    if (payload.len)
        memcpy(room + head, payload.data, payload.len);
}

#endif
