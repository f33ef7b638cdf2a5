/* dispatch.h - one WebSocket message: read once, find its row, guard, call, answer.
 *
 * The table of rows is the documentation of what a client may send: its name, who may send it, how
 * long it may be. A handler that writes checks its fields first, and then writes between
 * app_write_begin() and app_write_end().
 */
#ifndef APP_DISPATCH_H
#define APP_DISPATCH_H

#include "app/app.h"

#define MESSAGE_MAX        (512u * 1024u) /* bytes, unless the row is UNBOUNDED */
#define MESSAGE_MAX_VALUES 10000u         /* JSON values, unless the row is UNBOUNDED */

enum message_flags {
    UNBOUNDED = 1, /* --max-message is its only limit */
    V1_ONLY = 2,   /* unknown in the base dialect */
    CLIENT_ID = 4, /* may carry clientId: not_sent goes before the error when it is refused (v1) */
};

enum who { ANYONE, MEMBER };

/* NULL: done. A sentence (static, plain ASCII without quotes, no part of the input): rejected,
 * nothing was changed or staged, and the sender gets the sentence as an error. */
typedef const char *message_fn(struct app *app, struct peer *caller, const struct json_object *msg);

struct message_row {
    const char *type; /* messageType */
    message_fn *handler;
    enum who who;
    uint32_t max_bytes; /* as received; 0: MESSAGE_MAX */
    unsigned flags;
};

/* The sentence for a store that cannot take a write. */
extern const char dispatch_store_failed[];
/* And for one that cannot be read. */
extern const char dispatch_cannot_read[];

/* Handles one text message of `caller`. `rows` ends with a row without a type. `owner`: the blob
 * that `text` lies in, or NULL. */
void dispatch_message(struct app *app, const struct message_row *rows, struct peer *caller,
                      struct bytes text, struct blob *owner);

/* Stages {"messageType":"error","error":sentence}. */
void dispatch_error(struct app *app, const struct peer *to, const char *sentence);

/* The registered user whom the string member `key` names, in any case of its letters, into *out.
 * NULL: found; else what to say, which is `missing` when there is no such string. */
const char *dispatch_find_user(struct app *app, const struct json_object *msg, const char *key,
                               const char *missing, struct user_row *out);

/* The same as dispatch_error() at once, while output is released. */
void dispatch_error_now(const struct out_sink *sink, slot_id to, const char *sentence);

/* What is wrong with a text field, as a sentence; NULL for JSON_TEXT_OK. `sentences` names the
 * field: missing or no string, wrong length, U+0000, lone surrogate. */
struct text_sentences {
    const char *missing, *length, *nul, *surrogate;
};
#define TEXT_SENTENCES(field, bounds)                                                              \
    (&(const struct text_sentences){                                                               \
        field " must be a string",                                                                 \
        field " must have " bounds,                                                                \
        field " must not contain U+0000",                                                          \
        field " must not contain a lone surrogate",                                                \
    })
const char *dispatch_text_error(enum json_text_result r, const struct text_sentences *sentences);

#endif
