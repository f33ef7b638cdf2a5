/* Reading JSON, echoing it and writing it.
 *
 * The scan accepts exactly what the grammar allows, says the same of what it refuses, and finds the
 * same members; what both accept, cJSON accepts, too, and finds the same strings and numbers in it.
 * An echo means the same string, code unit by code unit; what is written can be read again.
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <sodium.h>
#include "app/json.h"
#include "app/json_out.h"
#include "base/outbox.h"
#include "proto/ws_frame.h"
#include "ref_json.h"
#include "ref_utf8.h"
#include "svc/services.h"

#define TEXT_CAP 300u

/* --- one string --- */

/* The UTF-8 of code units without lone surrogates; `out` has room for three times as many bytes. */
static size_t to_utf8(const uint16_t *units, size_t n, char *out)
{
    char *o = out;

    for (size_t i = 0; i < n; i++) {
        uint32_t c = units[i];
        if (c >= 0xD800 && c <= 0xDFFF)
            c = 0x10000 + ((c - 0xD800) << 10) + (units[++i] - 0xDC00u);
        if (c < 0x80) {
            *o++ = (char)c;
            continue;
        }
        unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
        *o++ = (char)((0xFF00u >> (more + 1) & 0xFFu) | c >> 6 * more);
        while (more-- > 0)
            *o++ = (char)(0x80 | (c >> 6 * more & 0x3F));
    }
    return (size_t)(o - out);
}

static void check_text(const struct json_object *o, const char *key, struct bytes raw)
{
    uint16_t *units = fuzz_alloc(raw.len * 2);
    char *utf8 = fuzz_alloc(raw.len * 3), *owned = NULL;
    size_t n = ref_units(raw, units), lone = ref_lone_surrogate(units, n), nul = 0;
    enum json_text_result want = JSON_TEXT_OK;
    struct bytes wanted = { utf8, 0 }, text;

    while (nul < n && units[nul])
        nul++;
    if (nul < n || lone < n)
        want = nul < lone ? JSON_TEXT_NUL : JSON_TEXT_SURROGATE;
    else
        wanted.len = to_utf8(units, n, utf8);
    if (want == JSON_TEXT_OK && (wanted.len < 1 || wanted.len > TEXT_CAP))
        want = JSON_TEXT_LENGTH;
    FUZZ_CHECK(json_text(o, key, 1, TEXT_CAP, &text, &owned) == want);
    if (want == JSON_TEXT_OK)
        FUZZ_CHECK(bytes_eq(text, wanted));
    json_text_free(owned);
    free(utf8);
    free(units);
}

/* --- one member --- */

static double number_of(struct bytes value)
{
    char *text = strndup(value.data, value.len);

    FUZZ_CHECK(text);
    double n = strtod(text, NULL);
    free(text);
    return n;
}

static void check_number(const struct json_object *o, const char *key, const struct ref_member *m)
{
    double got, want = NAN;
    int64_t integer;

    if (m->type == JSON_NUMBER)
        want = number_of(m->value);
    FUZZ_CHECK(json_number(o, key, &got) == (bool)isfinite(want));
    if (isfinite(want))
        FUZZ_CHECK(memcmp(&got, &want, sizeof got) == 0);
    bool is_integer = fabs(want) <= 9007199254740992.0 && want == trunc(want);
    FUZZ_CHECK(json_int(o, key, &integer) == is_integer);
    if (is_integer)
        FUZZ_CHECK((double)integer == want);
}

static void check_member(const struct json_object *o, const struct ref_member *want)
{
    char *key = strndup(want->key.data, want->key.len);
    struct json_member m;
    bool value;

    FUZZ_CHECK(key);
    /* Only a key without escapes can be asked for as it is written. */
    if (!strchr(key, '\\')) {
        FUZZ_CHECK(json_find(o, key, &m));
        FUZZ_CHECK(m.value.data == want->value.data && m.value.len == want->value.len);
        FUZZ_CHECK(m.type == want->type);
        check_number(o, key, want);
        FUZZ_CHECK(json_bool(o, key, &value) == (want->type == JSON_BOOL));
        if (want->type == JSON_BOOL)
            FUZZ_CHECK(value == (want->value.len == 4));
        if (want->type == JSON_STRING)
            check_text(o, key, bytes_of(want->value.data + 1, want->value.len - 2));
    }
    free(key);
}

static void check_walk(const struct json_object *o, const struct ref_json *want)
{
    struct json_member m;
    uint32_t i = 0;

    for (size_t at = 0; json_next(o, &at, &m); i++) {
        FUZZ_CHECK(i < want->n_members);
        FUZZ_CHECK(m.key.data == want->members[i].key.data);
        FUZZ_CHECK(m.key.len == want->members[i].key.len);
        FUZZ_CHECK(m.value.data == want->members[i].value.data);
        FUZZ_CHECK(m.value.len == want->members[i].value.len && m.type == want->members[i].type);
    }
    FUZZ_CHECK(i == want->n_members);
}

/* Without a member, nothing else is lost: the copy and what is expected are the same but for white
 * space. */
static void check_copy(const struct json_object *o, const struct ref_json *want)
{
    static const char *const skip[] = { "text", "b", NULL };
    char *room = fuzz_alloc(o->text.len), *plain = fuzz_alloc(want->n_plain);
    size_t len = json_copy_without(o, skip, room), n = 0;

    FUZZ_CHECK(len <= o->text.len);
    char *copy = fuzz_copy(bytes_of(room, len));
    struct ref_json *again = ref_json_read(bytes_of(copy, len));
    plain[n++] = '{';
    for (uint32_t i = 0; i < want->n_members; i++) {
        const struct ref_member *m = &want->members[i];
        if (ref_same_string(m->key, BYTES("text")) || ref_same_string(m->key, BYTES("b")))
            continue;
        if (n > 1)
            plain[n++] = ',';
        memcpy(plain + n, want->plain + m->plain_from, m->plain_to - m->plain_from);
        n += m->plain_to - m->plain_from;
    }
    plain[n++] = '}';
    FUZZ_CHECK(again->result == JSON_OK);
    FUZZ_CHECK(again->n_plain == n && memcmp(again->plain, plain, n) == 0);
    ref_json_free(again);
    free(copy);
    free(plain);
    free(room);
}

/* --- cJSON --- */

static void check_same_value(const cJSON *node, const struct ref_member *m)
{
    uint16_t *units;
    char *utf8;
    double number;

    switch (m->type) {
    case JSON_NULL:
        FUZZ_CHECK(cJSON_IsNull(node));
        break;
    case JSON_BOOL:
        FUZZ_CHECK(cJSON_IsBool(node) && cJSON_IsTrue(node) == (m->value.len == 4));
        break;
    case JSON_NUMBER:
        FUZZ_CHECK(cJSON_IsNumber(node));
        number = number_of(m->value);
        FUZZ_CHECK(memcmp(&number, &node->valuedouble, sizeof number) == 0);
        break;
    case JSON_ARRAY:
        FUZZ_CHECK(cJSON_IsArray(node));
        break;
    case JSON_OBJECT:
        FUZZ_CHECK(cJSON_IsObject(node));
        break;
    case JSON_STRING:
        FUZZ_CHECK(cJSON_IsString(node));
        units = fuzz_alloc(m->value.len * 2);
        utf8 = fuzz_alloc(m->value.len * 3 + 1);
        size_t n = ref_units(bytes_of(m->value.data + 1, m->value.len - 2), units);
        utf8[to_utf8(units, n, utf8)] = 0;
        FUZZ_CHECK(strcmp(node->valuestring, utf8) == 0); /* up to a U+0000, where cJSON ends it */
        free(utf8);
        free(units);
    }
}

static void check_cjson(struct bytes text, const struct ref_json *want)
{
    cJSON *tree = cJSON_ParseWithLength(text.data, text.len), *node = NULL;
    uint32_t i = 0;

    FUZZ_CHECK(tree && cJSON_IsObject(tree));
    for (node = tree->child; node; node = node->next, i++) {
        FUZZ_CHECK(i < want->n_members);
        check_same_value(node, &want->members[i]);
    }
    FUZZ_CHECK(i == want->n_members);
    cJSON_Delete(tree);
}

/* --- echo --- */

struct heard {
    char *data;
    size_t len;
};

static void hear(void *self, slot_id to, struct blob *blob, size_t off, size_t len,
                 enum out_class class)
{
    struct heard *h = self;
    (void)to;
    (void)class;

    FUZZ_CHECK(!h->data);
    h->data = fuzz_copy(bytes_of(blob->data + off, len));
    h->len = len;
}

static void check_echo(const struct json_object *o, const struct ref_json *want)
{
    struct app app = { .outbox = outbox_new() };
    struct peer caller = { .conn = 1 };
    struct heard heard = { 0 };
    const struct out_sink sink = { .self = &heard, .send = hear };
    const struct ref_member *text = ref_json_find(want, "text");
    bool is_good = text && text->type == JSON_STRING;
    struct ws_frame frame;

    FUZZ_CHECK(app.outbox);
    FUZZ_CHECK((echo_on_echo(&app, &caller, o) == NULL) == is_good);
    outbox_release(app.outbox, &sink, true);
    FUZZ_CHECK(!heard.data == !is_good);
    if (is_good) {
        FUZZ_CHECK(parse_ws_frame(heard.data, heard.len, &frame) == (int64_t)heard.len);
        struct ref_json *answer = ref_json_read(frame.payload);
        FUZZ_CHECK(answer->result == JSON_OK && answer->n_members == 2);
        const struct ref_member *type = ref_json_find(answer, "messageType");
        const struct ref_member *back = ref_json_find(answer, "text");
        FUZZ_CHECK(type && bytes_eq(type->value, BYTES("\"echo_server\"")));
        FUZZ_CHECK(back && back->type == JSON_STRING);
        FUZZ_CHECK(ref_same_string(bytes_of(back->value.data + 1, back->value.len - 2),
                                   bytes_of(text->value.data + 1, text->value.len - 2)));
        ref_json_free(answer);
    }
    free(heard.data);
    outbox_free(app.outbox);
}

/* --- writing --- */

/* `text` with every entity replaced by what it stands for; how long it is then. */
static size_t unescape_html(struct bytes text, char *out)
{
    static const char *const entities[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#x27;" };
    size_t n = 0;

    for (size_t i = 0; i < text.len; n++) {
        out[n] = text.data[i];
        size_t step = 1;
        for (size_t k = 0; k < 5; k++) {
            size_t len = strlen(entities[k]);
            if (text.len - i >= len && memcmp(text.data + i, entities[k], len) == 0) {
                out[n] = "&<>\"'"[k];
                step = len;
            }
        }
        FUZZ_CHECK(step > 1 || !strchr("&<>\"'", out[n]) || !out[n]);
        i += step;
    }
    return n;
}

/* What is written is one JSON string that means `text`. */
static void check_write(struct bytes text, bool is_html)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    FUZZ_CHECK((is_html ? json_write_html(&b, text) : json_write_string(&b, text)) == OK);
    char *wrapped = fuzz_alloc(buf_len(&b) + 6);
    memcpy(wrapped, "{\"a\":", 5);
    memcpy(wrapped + 5, buf_head(&b), buf_len(&b));
    wrapped[5 + buf_len(&b)] = '}';
    struct ref_json *r = ref_json_read(bytes_of(wrapped, buf_len(&b) + 6));
    FUZZ_CHECK(r->result == JSON_OK && r->n_members == 1 && r->members[0].type == JSON_STRING);
    struct bytes raw = bytes_of(r->members[0].value.data + 1, r->members[0].value.len - 2);
    uint16_t *units = fuzz_alloc(raw.len * 2);
    char *back = fuzz_alloc(raw.len * 3), *plain = fuzz_alloc(raw.len * 3);
    size_t n = to_utf8(units, ref_units(raw, units), back);
    struct bytes meant = bytes_of(back, n);
    if (is_html)
        meant = bytes_of(plain, unescape_html(meant, plain));
    FUZZ_CHECK(bytes_eq(meant, text));
    free(plain);
    free(back);
    free(units);
    ref_json_free(r);
    free(wrapped);
    buf_release(&b);
}

/* --- everything --- */

static void check_object(struct bytes text)
{
    struct json_object o;
    enum json_result got = json_scan(text, &o);
    struct ref_json *want = ref_json_read(text);

    /* An array is refused at its bracket: nobody asks what is in it. */
    while (text.len > 0 && strchr(" \t\r\n", text.data[0]) && text.data[0])
        text = bytes_from(text, 1);
    bool is_array = text.len > 0 && text.data[0] == '[';
    FUZZ_CHECK(got == (is_array ? JSON_NO_OBJECT : want->result));
    if (got == JSON_OK) {
        FUZZ_CHECK(o.n_members == want->n_members && o.n_values == want->n_values);
        for (uint32_t i = 0; i < want->n_members; i++)
            check_member(&o, &want->members[i]);
        struct json_member m;
        FUZZ_CHECK(json_find(&o, "b", &m) == (ref_json_find(want, "b") != NULL));
        check_walk(&o, want);
        check_copy(&o, want);
        check_echo(&o, want);
        if (!want->has_long_number && !want->has_bad_unicode)
            check_cjson(o.text, want);
    }
    ref_json_free(want);
}

/* The secret of the key table, the same in every run: findings can be repeated. */
static void same_bytes(void *const room, const size_t n)
{
    memset(room, 0x5A, n);
}

static const char *random_name(void)
{
    return "none";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct randombytes_implementation none = { .implementation_name = random_name,
                                                      .buf = same_bytes };
    struct bytes in = bytes_of((const char *)data, size);
    size_t n_chars;

    if (size == 0 || size > 4096 || ref_utf8(in, &n_chars) != REF_UTF8_WHOLE)
        return 0;
    randombytes_set_implementation(&none);
    char *text = fuzz_copy(in);
    check_object(bytes_of(text, size));
    check_write(bytes_of(text, size), false);
    check_write(bytes_of(text, size), true);
    free(text);
    return 0;
}
