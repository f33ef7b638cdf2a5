/* Messages about people. Names and socketIds need no escaping: both are made of letters, digits and
 * a few marks. */
#include "call_private.h"

/* Room for this was made when the server started (call_open), so composing cannot fail in the
 * middle of a change. */
static struct json_out compose(struct app *app)
{
    buf_clear(&app->rooms->text);
    return (struct json_out){ .buf = &app->rooms->text };
}

static void stage(struct app *app, const struct peer *to, const struct json_out *j)
{
    if (!j->error)
        hub_to_peer(&app->hub, to, buf_bytes(j->buf));
}

static void write_person(struct json_out *j, const struct seat *s)
{
    json_raw(j, "\"socketId\":\"");
    json_raw(j, s->socket_id);
    json_raw(j, "\",\"username\":\"");
    json_raw(j, s->peer->person->name);
    json_raw(j, "\"");
}

static void tell_name(struct app *app, const struct seat *s)
{
    struct json_out j = compose(app);

    json_raw(&j, "{\"messageType\":\"call_info\",\"name\":");
    json_plain(&j, bytes_str(s->room->name));
    json_raw(&j, "}");
    stage(app, s->peer, &j);
}

static void tell_participants(struct app *app, const struct seat *s)
{
    struct json_out j = compose(app);
    const char *separator = "{";

    json_raw(&j, "{\"messageType\":\"existing_participants\",\"participants\":[");
    for (const struct link *l = s->room->seats.next; l != &s->room->seats; l = l->next) {
        if (seat_of(l) == s)
            continue;
        json_raw(&j, separator);
        write_person(&j, seat_of(l));
        json_raw(&j, "}");
        separator = ",{";
    }
    json_raw(&j, "]}");
    stage(app, s->peer, &j);
}

static void write_flag(struct json_out *j, const char *key, bool is_set)
{
    json_raw(j, key);
    json_raw(j, is_set ? "true" : "false");
}

static void write_media(struct json_out *j, const struct seat *s)
{
    json_raw(j, "{\"messageType\":\"media_state\",\"socketId\":\"");
    json_raw(j, s->socket_id);
    write_flag(j, "\",\"microphone\":", s->media & MEDIA_MICROPHONE);
    write_flag(j, ",\"camera\":", s->media & MEDIA_CAMERA);
    write_flag(j, ",\"screen\":", s->media & MEDIA_SCREEN);
    write_flag(j, ",\"hand\":", s->media & MEDIA_HAND);
    json_raw(j, "}");
}

void tell_media(struct app *app, const struct peer *to, const struct seat *of)
{
    if (!to->is_v1 || !(of->media & MEDIA_SAID))
        return;
    struct json_out j = compose(app);
    write_media(&j, of);
    stage(app, to, &j);
}

void tell_media_all(struct app *app, const struct seat *of)
{
    struct json_out j = compose(app);

    write_media(&j, of);
    if (!j.error)
        tell_v1(app, of->room, of, buf_bytes(j.buf));
}

void tell_answers(struct app *app, const struct seat *s)
{
    tell_name(app, s);
    tell_participants(app, s);
    for (const struct link *l = s->room->seats.next; l != &s->room->seats; l = l->next)
        if (seat_of(l) != s)
            tell_media(app, s->peer, seat_of(l));
}

static struct json_out compose_joined(struct app *app, const struct seat *s)
{
    struct json_out j = compose(app);

    json_raw(&j, "{\"messageType\":\"user_joined\",");
    write_person(&j, s);
    json_raw(&j, "}");
    return j;
}

void tell_joined(struct app *app, const struct seat *s)
{
    const struct json_out j = compose_joined(app, s);
    struct hub_copies copies;

    if (j.error)
        return;
    hub_copies_init(&copies, buf_bytes(j.buf), s->room->n_seats);
    for (const struct link *l = s->room->seats.next; l != &s->room->seats; l = l->next)
        if (seat_of(l) != s && !seat_untold(s, seat_of(l)))
            hub_copies_to(&app->hub, &copies, seat_of(l)->peer);
    hub_copies_release(&copies);
}

static bool is_hearer(const struct seat *to, const struct seat *s, enum hearers who)
{
    if (to == s || seat_untold(s, to))
        return false;
    switch (who) {
    case HEARS_CERTAIN:
        return !to->is_doubtful;
    case HEARS_DOUBTFUL:
        return to->is_doubtful;
    case HEARS_AWAY:
        return to->away_at < s->gone_at;
    case HEARS_ALL:
        break;
    }
    return true;
}

void tell_left(struct app *app, const struct seat *s, enum hearers who)
{
    struct json_out j = compose(app);
    struct hub_copies copies;

    json_raw(&j, "{\"messageType\":\"user_left\",\"socketId\":\"");
    json_raw(&j, s->socket_id);
    json_raw(&j, "\"}");
    if (j.error)
        return;
    hub_copies_init(&copies, buf_bytes(j.buf), s->room->n_seats);
    for (const struct link *l = s->room->seats.next; l != &s->room->seats; l = l->next)
        if (is_hearer(seat_of(l), s, who))
            hub_copies_to(&app->hub, &copies, seat_of(l)->peer);
    hub_copies_release(&copies);
}

void tell_untold(struct app *app, const struct seat *s, struct untold *u)
{
    const struct peer *to = app->ports.peer(app->ports.self, u->conn);
    const struct seat *seat = to ? peer_seat(to) : NULL;

    u->conn = 0;
    if (!seat || seat->no != u->seat_no) /* it has left meanwhile */
        return;
    const struct json_out j = compose_joined(app, s);
    stage(app, to, &j);
}

void tell_late(struct app *app, struct seat *s)
{
    for (uint32_t i = 0; i < s->n_untold; i++)
        if (s->untold[i].conn)
            tell_untold(app, s, &s->untold[i]);
    s->n_untold = 0;
    list_remove(&s->in_late);
}

void tell_v1(struct app *app, const struct room *r, const struct seat *except, struct bytes message)
{
    struct hub_copies copies;

    hub_copies_init(&copies, message, r->n_seats);
    for (const struct link *l = r->seats.next; l != &r->seats; l = l->next)
        if (seat_of(l) != except && seat_of(l)->peer->is_v1)
            hub_copies_to(&app->hub, &copies, seat_of(l)->peer);
    hub_copies_release(&copies);
}

/* Whether the person has no earlier seat in the room: other tabs are not other people. */
static bool is_first_of_person(const struct seat *s)
{
    const struct link *peers = &s->peer->person->peers;

    for (const struct link *l = peers->next; l != peers; l = l->next) {
        const struct seat *other = peer_seat(container_of(l, struct peer, in_person));
        if (other && other->room == s->room && other->no < s->no)
            return false;
    }
    return true;
}

void write_participants(struct json_out *j, const struct room *r)
{
    const char *separator = "\"";

    json_raw(j, ",\"participants\":[");
    for (const struct link *l = r ? r->seats.next : NULL; r && l != &r->seats; l = l->next) {
        if (!is_first_of_person(seat_of(l)))
            continue;
        json_raw(j, separator);
        json_raw(j, seat_of(l)->peer->person->name);
        json_raw(j, "\"");
        separator = ",\"";
    }
    json_raw(j, "]");
}
