/* schema.h - the numbered steps from an empty file to today's tables. For db_open(), and for tests.
 *
 * The file's number is PRAGMA user_version. A step that has been released is never edited: a change
 * is a new step. `application_id` marks the file as ours, so that a wrong --db harms nobody's data.
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "base/err.h"
#include "store/db.h"

#define SCHEMA_VERSION        3
#define SCHEMA_APPLICATION_ID 0x50524c52 /* "PRLR" */

/* Is this a file that a server with the schema `version` may write to? Reads only. ERR_BAD_INPUT
 * when it is somebody else's or newer, ERR_STORE when it cannot be read. While a database is being
 * opened, the reason goes into the caller's `why`. */
MUST_CHECK enum err schema_check(struct db *db, int version);
/* Takes the file from its number to `version` (1 to SCHEMA_VERSION), all steps in one transaction;
 * on an error it is as it was. */
MUST_CHECK enum err schema_upgrade(struct db *db, int version);
/* db_open() as a server of an earlier schema would do it. */
MUST_CHECK enum err schema_open_at(const char *path, int version, struct db **out,
                                   char why[DB_WHY_MAX]);

#endif
