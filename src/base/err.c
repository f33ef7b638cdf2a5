/* err.c - the texts of enum err.
 *
 * A switch without a default, so that the compiler asks for the text of a new error.
 */
#include "base/err.h"

const char *err_text(enum err e)
{
    switch (e) {
    case OK:
        return "ok";
    case ERR_NO_MEMORY:
        return "out of memory";
    case ERR_LIMIT:
        return "limit reached";
    case ERR_SYSTEM:
        return "system call failed";
    case ERR_STORE:
        return "database failed";
    case ERR_EXISTS:
        return "already exists";
    case ERR_NOT_FOUND:
        return "not found";
    case ERR_BAD_INPUT:
        return "bad input";
    case ERR_BUSY:
        return "busy";
    }
    return "unknown error";
}
