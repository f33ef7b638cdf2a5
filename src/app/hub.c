/* Everything here is about few things at a time: a person's connections, a session's. Broadcasts do
 * not come through here; they go to the outbox, and the connections that are subscribed get them.
 */
#include "app/hub.h"
#include <sodium.h>
#include <stdlib.h>
#include "proto/ws_stage.h"

#define TABLE_MIN 64u
#define SHARE_MIN 4096u /* bytes in all: below, copies are cheaper than a blob */

enum err hub_init(struct hub *h, struct outbox *outbox)
{
    memset(h, 0, sizeof *h);
    h->outbox = outbox;
    list_init(&h->peers);
    list_init(&h->persons);
    h->version = 1;
    h->table_size = TABLE_MIN;
    h->table = calloc(h->table_size, sizeof(*h->table));
    return h->table ? OK : ERR_NO_MEMORY;
}

void hub_release(struct hub *h)
{
    if (!h->table)
        return;
    while (!list_empty(&h->peers))
        hub_leave(h, container_of(h->peers.next, struct peer, in_all));
    free(h->table);
    h->table = NULL;
}

/* Ids are small numbers one after the other: they spread by themselves. */
static struct person **bucket(const struct hub *h, int64_t id)
{
    return &h->table[(uint64_t)id & (h->table_size - 1)];
}

struct person *hub_person(const struct hub *h, int64_t user_id)
{
    struct person *p = *bucket(h, user_id);
    while (p && p->id != user_id)
        p = p->next;
    return p;
}

/* More buckets when there are as many persons; without memory the chains only get longer. */
static void grow(struct hub *h)
{
    struct person **bigger = calloc((size_t)h->table_size * 2, sizeof(*bigger));
    if (!bigger)
        return;
    free(h->table);
    h->table = bigger;
    h->table_size *= 2;
    for (struct link *l = h->persons.next; l != &h->persons; l = l->next) {
        struct person *p = container_of(l, struct person, in_all);
        struct person **b = bucket(h, p->id);
        p->next = *b;
        *b = p;
    }
}

static struct person *person_require(struct hub *h, int64_t id, struct bytes name)
{
    struct person *p = hub_person(h, id);
    if (p)
        return p;
    p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    if (h->n_persons >= h->table_size)
        grow(h);
    p->id = id;
    memcpy(p->name, name.data, name.len < HUB_NAME_MAX ? name.len : HUB_NAME_MAX);
    list_init(&p->peers);
    list_init(&p->in_all);
    list_append(&h->persons, &p->in_all);
    struct person **b = bucket(h, id);
    p->next = *b;
    *b = p;
    h->n_persons++;
    h->version++;
    return p;
}

static void person_drop(struct hub *h, struct person *p)
{
    struct person **at = bucket(h, p->id);
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    list_remove(&p->in_all);
    h->n_persons--;
    h->version++;
    free(p);
}

static void uuid4(uint8_t id[16])
{
    randombytes_buf(id, 16);
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
}

enum err hub_join(struct hub *h, slot_id conn, int64_t user_id, struct bytes name,
                  const uint8_t *session, bool is_v1, struct peer **out)
{
    struct peer *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_NO_MEMORY;
    p->conn = conn;
    p->is_v1 = is_v1;
    list_init(&p->in_all);
    list_init(&p->in_person);
    uuid4(p->socket_id);
    if (user_id) {
        p->person = person_require(h, user_id, name);
        if (!p->person) {
            free(p);
            return ERR_NO_MEMORY;
        }
        memcpy(p->session, session, HUB_SESSION_LEN);
        list_append(&p->person->peers, &p->in_person);
    }
    list_append(&h->peers, &p->in_all);
    *(is_v1 ? &h->n_v1 : &h->n_base) += 1;
    *out = p;
    return OK;
}

void hub_leave(struct hub *h, struct peer *p)
{
    *(p->is_v1 ? &h->n_v1 : &h->n_base) -= 1;
    list_remove(&p->in_all);
    list_remove(&p->in_person);
    if (p->person && list_empty(&p->person->peers))
        person_drop(h, p->person);
    free(p);
}

void peer_socket_id(const struct peer *p, char out[HUB_SOCKET_ID_LEN + 1])
{
    char hex[33];
    sodium_bin2hex(hex, sizeof hex, p->socket_id, sizeof p->socket_id);
    char *o = out;
    for (int i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *o++ = '-';
        *o++ = hex[i];
    }
    *o = 0;
}

void hub_to_peer(struct hub *h, const struct peer *p, struct bytes message)
{
    ws_stage_bytes(h->outbox, p->conn, WS_TEXT, message);
}

void hub_copies_init(struct hub_copies *c, struct bytes text, size_t n_peers)
{
    *c = (struct hub_copies){ .text = text };
    if (text.len * n_peers <= SHARE_MIN)
        return;
    c->frame = blob_new(text.len + WS_MAX_SERVER_HEAD);
    if (c->frame)
        c->frame->len = generate_ws_frame(WS_TEXT, text, c->frame->data);
}

void hub_copies_release(struct hub_copies *c)
{
    blob_unref(c->frame);
}

void hub_copies_to(struct hub *h, const struct hub_copies *c, const struct peer *p)
{
    if (c->frame)
        outbox_blob(h->outbox, p->conn, c->frame, 0, c->frame->len, OUT_LIVE);
    else
        hub_to_peer(h, p, c->text);
}

static bool speaks(const struct peer *p, enum audience who)
{
    return who == TO_ALL || (who == TO_V1) == p->is_v1;
}

static size_t count_speakers(const struct person *person, enum audience who)
{
    size_t n = 0;

    for (struct link *l = person->peers.next; l != &person->peers; l = l->next)
        n += speaks(container_of(l, struct peer, in_person), who);
    return n;
}

static void to_person(struct hub *h, struct person *person, enum audience who, struct bytes message)
{
    struct hub_copies copies;

    hub_copies_init(&copies, message, count_speakers(person, who));
    for (struct link *l = person->peers.next; l != &person->peers; l = l->next) {
        struct peer *p = container_of(l, struct peer, in_person);
        if (speaks(p, who))
            hub_copies_to(h, &copies, p);
    }
    hub_copies_release(&copies);
}

void hub_to_user(struct hub *h, int64_t user_id, enum audience who, struct bytes message)
{
    struct person *person = hub_person(h, user_id);
    if (person)
        to_person(h, person, who, message);
}

bool hub_user_has(const struct hub *h, int64_t user_id, enum audience who)
{
    struct person *person = hub_person(h, user_id);
    if (!person)
        return false;
    for (struct link *l = person->peers.next; l != &person->peers; l = l->next)
        if (speaks(container_of(l, struct peer, in_person), who))
            return true;
    return false;
}

void hub_to_members(struct hub *h, enum audience who, struct bytes message)
{
    for (struct link *l = h->persons.next; l != &h->persons; l = l->next)
        to_person(h, container_of(l, struct person, in_all), who, message);
}

void hub_close_session(struct hub *h, const struct out_sink *sink, int64_t user_id,
                       const uint8_t session[HUB_SESSION_LEN], uint16_t code)
{
    struct person *person = hub_person(h, user_id);
    if (!person)
        return;
    const char payload[2] = { (char)(code >> 8), (char)(code & 0xff) };
    char frame[WS_MAX_SERVER_HEAD + 2];
    size_t len = generate_ws_frame(WS_CLOSE, bytes_of(payload, 2), frame);
    struct blob *b = blob_copy(bytes_of(frame, len));
    struct link *l = person->peers.next, *next;

    for (; l != &person->peers; l = next) {
        struct peer *p = container_of(l, struct peer, in_person);
        next = l->next;
        if (sodium_memcmp(p->session, session, HUB_SESSION_LEN) != 0)
            continue;
        if (b)
            sink->send(sink->self, p->conn, b, 0, b->len, OUT_LIVE);
        sink->finish(sink->self, p->conn, code);
    }
    blob_unref(b);
}
