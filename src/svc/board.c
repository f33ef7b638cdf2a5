/* The drawing board, and the only file that knows how strokes are kept: in the database as the JSON
 * of their messages, in memory as the bytes of the message that a newcomer gets.
 *
 * Both follow the order of the outbox. A stroke's place in memory, its broadcast and a newcomer's
 * snapshot are entries of one log, so a newcomer gets each stroke once: those applied before its
 * snapshot are in it, those after it arrive live.
 */
#include <stdlib.h>
#include "base/log.h"
#include "proto/ws_stage.h"
#include "svc/services.h"

#define STROKE_MAX 4096u /* bytes as received, the same as in tables.c */

struct board {
    struct jsonlog strokes;
};

static enum err load(void *arg, const struct stroke_row *row)
{
    return jsonlog_append(arg, row->body);
}

enum err board_open(struct app *app)
{
    struct board *b = calloc(1, sizeof *b);
    if (!b)
        return ERR_NO_MEMORY;
    app->board = b;
    enum err e = jsonlog_init(&b->strokes, BYTES("{\"messageType\":\"init_strokes\",\"strokes\":["),
                              BYTES("]}"));
    return e ? e : stroke_store_each(&app->strokes, load, &b->strokes);
}

static enum err read_strokes(void *arg, struct jsonlog *to)
{
    struct app *app = arg;
    return stroke_store_each(&app->strokes, load, to);
}

void board_mend(struct app *app)
{
    if (app->board->strokes.is_short)
        app_mend(app, &app->board->strokes, read_strokes);
}

bool board_is_short(const struct app *app)
{
    return app->board->strokes.is_short;
}

void board_close(struct app *app)
{
    if (!app->board)
        return;
    jsonlog_release(&app->board->strokes);
    free(app->board);
    app->board = NULL;
}

static void apply_snapshot(void *ctx, const struct out_sink *sink, uint64_t conn, struct bytes data)
{
    struct app *app = ctx;
    (void)data;
    jsonlog_send(&app->board->strokes, sink, conn, OUT_SNAPSHOT);
}

void board_on_join(struct app *app, struct peer *p)
{
    outbox_apply(app->outbox, p->conn, apply_snapshot, app, p->conn, BYTES(""));
    outbox_subscribe(app->outbox, p->conn);
}

/* "#" with 3, 4, 6 or 8 hex digits, or 1 to 32 letters. */
static bool is_color(struct bytes c)
{
    if (c.len == 0)
        return false;
    if (c.data[0] == '#') {
        if (c.len != 4 && c.len != 5 && c.len != 7 && c.len != 9)
            return false;
        for (size_t i = 1; i < c.len; i++) {
            char d = ascii_lower(c.data[i]);
            if (!((d >= '0' && d <= '9') || (d >= 'a' && d <= 'f')))
                return false;
        }
        return true;
    }
    for (size_t i = 0; i < c.len; i++)
        if (ascii_lower(c.data[i]) < 'a' || ascii_lower(c.data[i]) > 'z')
            return false;
    return c.len <= 32;
}

static const char *check(const struct json_object *msg)
{
    static const char *const coordinates[] = { "startX", "startY", "endX", "endY" };
    static const char *const errors[] = {
        "startX must be a finite number",
        "startY must be a finite number",
        "endX must be a finite number",
        "endY must be a finite number",
    };
    struct bytes color;
    char *owned = NULL;
    double n;

    for (size_t i = 0; i < 4; i++)
        if (!json_number(msg, coordinates[i], &n))
            return errors[i];
    bool is_good =
        json_text(msg, "color", 1, 32, &color, &owned) == JSON_TEXT_OK && is_color(color);
    json_text_free(owned);
    return is_good ? NULL : "color must be # with 3, 4, 6 or 8 hex digits, or a CSS color name";
}

static void apply_stroke(void *ctx, const struct out_sink *sink, uint64_t arg, struct bytes body)
{
    struct app *app = ctx;
    (void)sink;
    (void)arg;
    if (jsonlog_append(&app->board->strokes, body))
        log_error("out of memory: the board must be read again");
}

const char *board_on_drawing(struct app *app, struct peer *caller, const struct json_object *msg)
{
    static const char *const skip[] = { "messageType", NULL };
    char body[STROKE_MAX];
    int64_t id;
    const char *error = check(msg);

    if (error)
        return error;
    struct bytes stroke = bytes_of(body, json_copy_without(msg, skip, body));
    if (app_write_begin(app, caller->conn, WRITE_LIGHT))
        return dispatch_store_failed;
    enum err e = stroke_store_insert(&app->strokes, stroke, caller->person ? caller->person->id : 0,
                                     app->wall_ms, &id);
    if (!e) {
        outbox_apply(app->outbox, 0, apply_stroke, app, 0, stroke);
        ws_stage_broadcast(app->outbox, TO_ALL, msg->text);
    }
    app_write_end(app, WRITE_LIGHT, e == OK);
    return e ? dispatch_store_failed : NULL;
}
