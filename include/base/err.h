/* err.h - what can go wrong, as one small enum.
 *
 * Zero is success, failures are negative. Expected outcomes of a protocol (more bytes needed, a
 * close code, an HTTP status) are not errors: the modules that produce them have types of their
 * own.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
    OK = 0,
    ERR_NO_MEMORY = -1, /* an allocation failed */
    ERR_LIMIT = -2,     /* a stated maximum would be exceeded */
    ERR_SYSTEM = -3,    /* a system call failed; errno says how */
    ERR_STORE = -4,     /* SQLite failed; the store has logged its text */
    ERR_EXISTS = -5,    /* a unique value is already there */
    ERR_NOT_FOUND = -6, /* nothing by that name, id or key */
    ERR_BAD_INPUT = -7, /* bytes that break the rules of the function they were given to */
    ERR_BUSY = -8,      /* a bounded queue is full; trying again later is right */
};

/* Marks a function whose result decides what the caller must do next. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* A short English text, never NULL, for logs. Static storage. */
const char *err_text(enum err e);

#endif
