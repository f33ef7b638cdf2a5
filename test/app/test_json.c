/* test_json.c - what is JSON and what is not, by a table and by another parser; and every limit of the readers.
 *
 * Texts lie against an unmapped page: reading one byte too far crashes.
 */
#include "app/json.h"

#include <cjson/cJSON.h>
#include <float.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include "app/json_out.h"
#include "../base/run_tests.h"
#include "../proto/guarded.h"

static struct guarded g;
static struct json_object o;

static enum json_result scan_bytes(struct bytes text)
{
    if (!g.region[0])
        guarded_init(&g);
    return json_scan(bytes_of(guarded_copy(&g, text), text.len), &o);
}

static enum json_result scan(const char *text)
{
    return scan_bytes(bytes_str(text));
}

static const char *view(struct bytes b)
{
    static char text[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(text[turn], sizeof text[0], "%.*s", (int)b.len, b.data ? b.data : "");
    return text[turn];
}

/* --- acceptance --- */

static const char *const good[] = {
    "{}", " \t\r\n{ \t\r\n} \t\r\n", "{\"a\":1}", "{\"a\":{}}", "{\"a\":[]}", "{\"a\":[ ]}", "{\"a\":{ }}",
    "{\"a\":[[],{},[{}]]}", "{\"\":0}", "{\"a\":true,\"b\":false,\"c\":null}",
    "{ \"a\" : 1 , \"b\" : [ 1 , 2 ] }", "{\"a\":\"\"}", "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"}",
    "{\"a\":\"\\u0000\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\uDC00\\uD800\"}", "{\"a\":\"\\uaBcD\"}",
    "{\"a\":0}", "{\"a\":-0}", "{\"a\":-1}", "{\"a\":10}", "{\"a\":0.0}", "{\"a\":1.5e3}", "{\"a\":1E+3}", "{\"a\":1e-3}",
    "{\"a\":1e400}", "{\"a\":-0.0e-0}", "{\"a\":123456789012345678901234567890}",
    "{\"a\":\"\x7f\"}", "{\"\xc3\xa9\":\"\xf0\x9f\x98\x80\"}", "{\"a\":{\"x\":1,\"x\":2}}", /* only the outermost counts */
    "{\"a\":1,\"A\":2}", "{\"a\":1,\"a \":2}", "{\"a\":[{\"a\":1}]}",
};

static const char *const bad[] = {
    "", " ", "{", "}", "{]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{,\"a\":1}", "{\"a\":1,,\"b\":2}",
    "{\"a\" 1}", "{\"a\"::1}", "{a:1}", "{'a':1}", "{1:2}", "{\"a\":1}{", "{}x", "{}{}", "{} ,", "{\"a\":1", "{\"a\":[1}",
    "{\"a\":[1,]}", "{\"a\":[,]}", "{\"a\":[,1]}", "{\"a\":[1 2]}", "{\"a\":[1", "{\"a\":{\"b\":1}", "{\"a\":{\"b\"}}",
    "{\"a\":tru}", "{\"a\":truee}", "{\"a\":True}", "{\"a\":nul}", "{\"a\":undefined}", "{\"a\":NaN}", "{\"a\":Infinity}",
    "{\"a\":01}", "{\"a\":+1}", "{\"a\":-}", "{\"a\":.5}", "{\"a\":1.}", "{\"a\":1.e1}", "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":0x1}",
    "{\"a\":1_0}", "{\"a\":--1}", "{\"a\":-01}", "{\"a\":00}", "{\"a\":1 1}",
    "{\"a\":\"}", "{\"a\":\"\\\"}", "{\"a\":\"\\x41\"}", "{\"a\":\"\\u\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u123g\"}",
    "{\"a\":\"\\U0041\"}", "{\"a\":\"\\'\"}", "{\"a\":\"\n\"}", "{\"a\":\"\x01\"}", "{\"a\":\"\x1f\"}", "{\"a\n\":1}",
    "{\"a\":'b'}", "{\"a\":\"b\"\"c\"}", "{/**/}", "{\"a\":1}//", "\xef\xbb\xbf{}", "\v{}", "{\f}", "{\"a\":1}\xc2\xa0",
    "x", "\"", "\"a", "tru", "nulll", "1.", "01", "-", "1 2", "\"a\" \"b\"",
};

static const char *const no_object[] = { "1", " -1.5e3 ", "\"a\"", "\"\\ud800\"", "true", "false", "null", "[]", "[1,2]" };

START_TEST(what_is_json_is_accepted)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(scan(good[i]) == JSON_OK, "%s", good[i]);
}
END_TEST

START_TEST(what_is_not_json_is_refused)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(scan(bad[i]) == JSON_BAD, "%zu: %s: %d", i, bad[i], scan(bad[i]));
}
END_TEST

START_TEST(json_that_is_no_object_is_told_apart)
{
    for (size_t i = 0; i < sizeof no_object / sizeof *no_object; i++)
        ck_assert_msg(scan(no_object[i]) == JSON_NO_OBJECT, "%s", no_object[i]);
}
END_TEST

START_TEST(every_beginning_of_a_good_text_is_bad)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t len = strlen(good[i]);
        while (good[i][len - 1] != '}')
            len--;
        for (size_t n = 0; n < len; n++)
            ck_assert_msg(scan_bytes(bytes_of(good[i], n)) == JSON_BAD, "%.*s", (int)n, good[i]);
    }
}
END_TEST

START_TEST(a_NUL_is_no_white_space)
{
    ck_assert_int_eq(scan_bytes(bytes_of("{}\0", 3)), JSON_BAD);
    ck_assert_int_eq(scan_bytes(bytes_of("\0{}", 3)), JSON_BAD);
    ck_assert_int_eq(scan_bytes(bytes_of("{\"a\":\"\0\"}", 9)), JSON_BAD);
    ck_assert_int_eq(scan_bytes(bytes_of("{\"a\":\"\\\0\"}", 10)), JSON_BAD); /* a NUL is no escape, either */
}
END_TEST

/* A control character, quote or backslash at every place of a string: the fast path must see it. */
START_TEST(what_ends_a_string_is_seen_at_every_place)
{
    char text[128];
    for (int len = 0; len < 70; len++)
        for (int at = 0; at <= len; at++) {
            int n = snprintf(text, sizeof text, "{\"a\":\"%.*s\"}", len,
                             "\xc3\xa9 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef012345");
            ck_assert_int_eq(scan_bytes(bytes_of(text, (size_t)n)), JSON_OK);
            if (at == len)
                continue;
            char was = text[6 + at];
            for (int c = 0; c < 0x20; c++) {
                text[6 + at] = (char)c;
                ck_assert_int_eq(scan_bytes(bytes_of(text, (size_t)n)), JSON_BAD);
            }
            text[6 + at] = '"';
            ck_assert_int_eq(scan_bytes(bytes_of(text, (size_t)n)), JSON_BAD);
            text[6 + at] = (char)was;
        }
}
END_TEST

/* --- the same verdict as another parser --- */

static unsigned long seed = 1;
static unsigned rnd(unsigned n)
{
    seed = seed * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(seed >> 33) % n;
}

/* Where cJSON is no judge: it takes numbers like 01 and 1., keeps control characters, stops at U+0000 and refuses lone
 * surrogates. Those texts are left to the table above. */
static bool cjson_can_judge(const char *t)
{
    for (const char *p = t; *p; p++)
        if ((unsigned char)*p < 0x20)
            return false;
    if (strstr(t, "\\u"))
        return false;
    for (const char *p = t; *p; p++) /* a number: only whole ones in their usual form */
        if ((ascii_is_digit(*p) || strchr("+-.eE", *p)) && !strchr("123", *p) && *p != 'e')
            return false;
    return true;
}

START_TEST(random_texts_are_judged_as_cJSON_does)
{
    static const char *const parts[] = { "{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "\"\\n\"", "\"c", "1", "23",
                                         "true", "false", "null", " ", "\"", "\\", "e", "\"d\":", "\"e\":{", "\"f\":[", "]}" };
    char text[256];
    int n_good = 0, n_bad = 0;
    for (int i = 0; i < 400000; i++) {
        strcpy(text, rnd(4) ? "{" : "");
        for (unsigned n = rnd(12); n > 0; n--)
            strcat(text, parts[rnd(sizeof parts / sizeof *parts)]);
        if (rnd(2))
            strcat(text, "}");
        if (!cjson_can_judge(text))
            continue;
        cJSON *tree = cJSON_ParseWithOpts(text, NULL, true);
        enum json_result r = scan(text);
        if (r == JSON_REPEATED)
            ck_assert_ptr_nonnull(strchr(text, '"'));
        else if (*text && text[strspn(text, " ")] == '[')
            ck_assert_int_eq(r, JSON_NO_OBJECT); /* what is inside is not looked at */
        else if (r == JSON_OK)
            ck_assert_msg(tree && cJSON_IsObject(tree), "accepted: %s", text);
        else if (r == JSON_BAD)
            ck_assert_msg(!tree, "refused: %s", text);
        else
            ck_assert_msg(tree && !cJSON_IsObject(tree), "%d: %s", r, text);
        n_good += r == JSON_OK;
        n_bad += r == JSON_BAD;
        cJSON_Delete(tree);
    }
    ck_assert_int_gt(n_good, 500);
    ck_assert_int_gt(n_bad, 500);
}
END_TEST

/* A random tree, printed by cJSON: its members, types and values are what the scan says. */
static cJSON *random_value(int depth)
{
    switch (rnd(depth > 4 ? 4 : 6)) {
    case 0:
        return cJSON_CreateNumber((double)rnd(1000000) / 64 - 5000);
    case 1: {
        char text[40];
        unsigned n = rnd(30);
        for (unsigned i = 0; i < n; i++)
            text[i] = (char)(1 + rnd(127));
        text[n] = 0;
        return cJSON_CreateString(text);
    }
    case 2:
        return cJSON_CreateBool((int)rnd(2));
    case 3:
        return cJSON_CreateNull();
    case 4: {
        cJSON *a = cJSON_CreateArray();
        for (unsigned n = rnd(5); n > 0; n--)
            cJSON_AddItemToArray(a, random_value(depth + 1));
        return a;
    }
    default: {
        cJSON *a = cJSON_CreateObject();
        for (unsigned n = rnd(5), i = 0; i < n; i++) {
            char key[16];
            snprintf(key, sizeof key, "%c\t%u", (char)('a' + rnd(20)), i);
            cJSON_AddItemToObject(a, key, random_value(depth + 1));
        }
        return a;
    }
    }
}

static uint64_t count(const cJSON *v)
{
    uint64_t n = 0;
    for (const cJSON *c = v->child; c; c = c->next)
        n += 1 + count(c);
    return n;
}

static int type_of(const cJSON *v)
{
    return cJSON_IsNull(v)     ? JSON_NULL
           : cJSON_IsBool(v)   ? JSON_BOOL
           : cJSON_IsNumber(v) ? JSON_NUMBER
           : cJSON_IsString(v) ? JSON_STRING
           : cJSON_IsArray(v)  ? JSON_ARRAY
                               : JSON_OBJECT;
}

static void check_member(const cJSON *c)
{
    struct json_member m;
    double d;
    struct bytes text;
    char *owned = NULL;

    ck_assert(json_find(&o, c->string, &m));
    ck_assert_int_eq(m.type, type_of(c));
    cJSON *again = cJSON_ParseWithLength(m.value.data, m.value.len);
    ck_assert(cJSON_Compare(again, c, true));
    cJSON_Delete(again);
    ck_assert_int_eq(json_number(&o, c->string, &d), cJSON_IsNumber(c));
    if (cJSON_IsNumber(c))
        ck_assert_double_eq(d, c->valuedouble);
    enum json_text_result r = json_text(&o, c->string, 0, 1000, &text, &owned);
    ck_assert_int_eq(r, cJSON_IsString(c) ? JSON_TEXT_OK : JSON_TEXT_TYPE);
    if (r == JSON_TEXT_OK)
        ck_assert_str_eq(view(text), c->valuestring);
    json_text_free(owned);
}

START_TEST(random_objects_are_read_as_cJSON_reads_them)
{
    for (int i = 0; i < 3000; i++) {
        cJSON *tree = cJSON_CreateObject();
        char key[32];
        for (unsigned n = rnd(40), k = 0; k < n; k++) { /* often more than are kept */
            snprintf(key, sizeof key, "key%s%u", rnd(3) ? "" : "\"\n", k);
            cJSON_AddItemToObject(tree, key, random_value(2));
        }
        char *text = rnd(2) ? cJSON_Print(tree) : cJSON_PrintUnformatted(tree);
        ck_assert_msg(scan(text) == JSON_OK, "%s", text);
        ck_assert_uint_eq(o.n_members, (unsigned)cJSON_GetArraySize(tree));
        ck_assert_uint_eq(o.n_values, count(tree));
        size_t at = 0;
        struct json_member m;
        for (const cJSON *c = tree->child; c; c = c->next) {
            check_member(c);
            ck_assert(json_next(&o, &at, &m));
            ck_assert_int_eq(m.type, type_of(c));
        }
        ck_assert(!json_next(&o, &at, &m));
        cJSON_free(text);
        cJSON_Delete(tree);
    }
}
END_TEST

/* --- limits of the scan --- */

static char *nested(int levels, bool objects)
{
    static char text[4096];
    char *p = text;
    for (int i = 0; i < levels; i++)
        p += sprintf(p, "%s", i == 0 || objects ? "{\"a\":" : "[");
    p += sprintf(p, "1");
    for (int i = levels - 1; i >= 0; i--)
        *p++ = i == 0 || objects ? '}' : ']';
    *p = 0;
    return text;
}

START_TEST(sixty_four_levels_are_taken_and_sixty_five_are_not)
{
    for (int objects = 0; objects < 2; objects++) {
        ck_assert_int_eq(scan(nested(64, objects)), JSON_OK);
        ck_assert_int_eq(scan(nested(65, objects)), JSON_TOO_DEEP);
        ck_assert_int_eq(scan(nested(200, objects)), JSON_TOO_DEEP);
    }
    /* closed levels do not count */
    char *text = malloc(100000), *p = text;
    p += sprintf(p, "{\"a\":[0");
    for (int i = 0; i < 1000; i++)
        p += sprintf(p, ",[[{\"b\":[]}]]");
    strcpy(p, "]}");
    ck_assert_int_eq(scan(text), JSON_OK);
    free(text);
    /* an object in an array in an object closes with its own bracket */
    ck_assert_int_eq(scan("{\"a\":[{\"b\":[{\"c\":1}]}]}"), JSON_OK);
    ck_assert_int_eq(scan("{\"a\":[{\"b\":[{\"c\":1]}]}]}"), JSON_BAD);
}
END_TEST

START_TEST(values_of_every_level_are_counted)
{
    static const struct {
        const char *text;
        uint64_t n;
    } cases[] = { { "{}", 0 }, { "{\"a\":1}", 1 }, { "{\"a\":[]}", 1 }, { "{\"a\":[1,2,[3]]}", 5 }, { "{\"a\":{\"b\":{}},\"c\":\"x\"}", 3 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(scan(cases[i].text), JSON_OK);
        ck_assert_uint_eq(o.n_values, cases[i].n);
    }
}
END_TEST

START_TEST(a_key_that_stands_twice_is_found_however_it_is_written)
{
    static const char *const twice[] = {
        "{\"a\":1,\"a\":1}",
        "{\"a\":1,\"\\u0061\":1}",
        "{\"\\u0061\":1,\"a\":1}",
        "{\"\\u0061\":1,\"\\u0061\":1}",
        "{\"\":1,\"\":1}",
        "{\"/\":1,\"\\/\":1}",
        "{\"\\n\":1,\"\\u000A\":1}",
        "{\"\xc3\xa9\":1,\"\\u00e9\":1}",
        "{\"\xe2\x82\xac\":1,\"\\u20AC\":1}",
        "{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\uDE00\":1}",
        "{\"\\ud800\":1,\"\\uD800\":1}",
        "{\"\\u0000\":1,\"\\u0000\":1}",
        "{\"a\\u0000b\":1,\"a\\u0000\\u0062\":1}",
        "{\"messageType\":\"x\",\"b\":2,\"messageTyp\\u0065\":\"y\"}",
    };
    static const char *const once[] = {
        "{\"a\":1,\"A\":1}",
        "{\"a\":1,\"a\\u0000\":1}",
        "{\"\\ud800\":1,\"\\ud801\":1}",
        "{\"\\ud83d\":1,\"\\ude00\":1,\"\\ud83d\\ude00\":1}",
        "{\"\\\\u0061\":1,\"a\":1}",
        "{\"\\ude00\\ud83d\":1,\"\\ud83d\\ude00\":1}",
        "{\"a\":{\"b\":1,\"b\":2},\"b\":1}",
    };
    for (size_t i = 0; i < sizeof twice / sizeof *twice; i++)
        ck_assert_msg(scan(twice[i]) == JSON_REPEATED, "%s", twice[i]);
    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        ck_assert_msg(scan(once[i]) == JSON_OK, "%s", once[i]);
}
END_TEST

/* `n` members k0 ... ; the last one is the same as number `twin` (-1: as none), written with an escape if asked. */
static char *members(int n, int twin, bool escaped)
{
    char *text = malloc((size_t)n * 32 + 64), *p = text;
    p += sprintf(p, "{");
    for (int i = 0; i < n; i++)
        p += sprintf(p, "%s\"%sk%d\":%d", i ? "," : "", i % 5 == 4 ? "\\u0078" : "x", i, i);
    if (twin >= 0)
        p += sprintf(p, ",\"%sk%d\":-1", escaped ? "\\u0078" : "x", twin);
    strcpy(p, "}");
    return text;
}

START_TEST(a_repeated_key_is_found_among_many)
{
    static const int sizes[] = { 1, 2, 15, 16, 17, 18, 47, 48, 49, 95, 96, 97, 100, 5000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int n = sizes[i];
        char *text = members(n, -1, false);
        ck_assert_int_eq(json_scan(bytes_str(text), &o), JSON_OK);
        ck_assert_uint_eq(o.n_members, (unsigned)n);
        for (int k = 0; k < n; k += n > 100 ? 97 : 1) {
            char key[16];
            int64_t v;
            snprintf(key, sizeof key, "xk%d", k);
            ck_assert(json_int(&o, key, &v));
            ck_assert_int_eq(v, k);
        }
        struct json_member m;
        ck_assert(!json_find(&o, "absent", &m));
        free(text);
        for (int twin = 0; twin < n; twin += n > 100 ? 97 : 1)
            for (int escaped = 0; escaped < 2; escaped++) {
                text = members(n, twin, escaped);
                ck_assert_int_eq(json_scan(bytes_str(text), &o), JSON_REPEATED);
                free(text);
            }
    }
}
END_TEST

/* Of so many, some dozen share the 32 bits of their hash. */
START_TEST(keys_with_the_same_hash_are_told_apart)
{
    const int n = 400000;
    char *text = members(n, -1, false);
    ck_assert_int_eq(json_scan(bytes_str(text), &o), JSON_OK);
    ck_assert_uint_eq(o.n_members, (unsigned)n);
    free(text);
    for (int escaped = 0; escaped < 2; escaped++) {
        text = members(n, n / 2, escaped);
        ck_assert_int_eq(json_scan(bytes_str(text), &o), JSON_REPEATED);
        free(text);
    }
}
END_TEST

START_TEST(long_keys_with_escapes_are_compared_by_what_they_mean)
{
    char *text = malloc(200000), *p = text;
    p += sprintf(p, "{");
    for (int i = 0; i < 20; i++) { /* enough for the table */
        p += sprintf(p, "%s\"", i ? "," : "");
        for (int k = 0; k < 300; k++)
            p += sprintf(p, "\\u%04x", 0x800 + (k == 299 ? i : k));
        p += sprintf(p, "\":1");
    }
    char *end = p;
    strcpy(p, "}");
    ck_assert_int_eq(json_scan(bytes_str(text), &o), JSON_OK);
    p = end + sprintf(end, ",\""); /* the first one again, as bytes */
    for (int k = 0; k < 300; k++) {
        unsigned c = 0x800 + (unsigned)(k == 299 ? 0 : k);
        *p++ = (char)(0xe0 | c >> 12);
        *p++ = (char)(0x80 | (c >> 6 & 0x3f));
        *p++ = (char)(0x80 | (c & 0x3f));
    }
    strcpy(p, "\":1}");
    ck_assert_int_eq(json_scan(bytes_str(text), &o), JSON_REPEATED);
    free(text);
}
END_TEST

START_TEST(a_million_members_cost_a_linear_walk)
{
    enum { N = 1000000 };
    char *text = members(N, -1, false);
    ck_assert_int_eq(json_scan(bytes_str(text), &o), JSON_OK);
    ck_assert_uint_eq(o.n_members, N);
    ck_assert_uint_eq(o.n_values, N);
    free(text);
}
END_TEST

/* --- fields --- */

START_TEST(a_field_is_found_by_exactly_its_key)
{
    struct json_member m;
    ck_assert_int_eq(scan("{\"Key\":1,\"ke\":2,\"keyx\":3,\"\\u006bey\":[4, 5]}"), JSON_OK);
    ck_assert(json_find(&o, "key", &m));
    ck_assert_str_eq(view(m.value), "[4, 5]");
    ck_assert_int_eq(m.type, JSON_ARRAY);
    ck_assert(!json_find(&o, "KEY", &m));
    ck_assert(!json_find(&o, "", &m));
    ck_assert_int_eq(scan("{}"), JSON_OK);
    ck_assert(!json_find(&o, "key", &m));
}
END_TEST

static enum json_text_result text_of(const char *json, size_t min, size_t max, const char *want)
{
    struct bytes text;
    char *owned = NULL;
    ck_assert_msg(scan(json) == JSON_OK, "%s", json);
    enum json_text_result r = json_text(&o, "t", min, max, &text, &owned);
    if (r == JSON_TEXT_OK && want) {
        ck_assert_str_eq(view(text), want);
        ck_assert_uint_eq(text.len, strlen(want));
    }
    json_text_free(owned);
    return r;
}

START_TEST(every_escape_is_decoded)
{
    ck_assert_int_eq(text_of("{\"t\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", 1, 100, "\"\\/\b\f\n\r\t"), JSON_TEXT_OK);
    ck_assert_int_eq(text_of("{\"t\":\"\\u0041\\u00e9\\u20AC\\ud83D\\uDe00!\"}", 1, 100,
                             "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!"), JSON_TEXT_OK);
    ck_assert_int_eq(text_of("{\"t\":\"\\uffff\\udbff\\udfff\\u0001\"}", 1, 100, "\xef\xbf\xbf\xf4\x8f\xbf\xbf\x01"), JSON_TEXT_OK);
    ck_assert_int_eq(text_of("{\"t\":\"plain \xc3\xa9\"}", 1, 100, "plain \xc3\xa9"), JSON_TEXT_OK);
    ck_assert_int_eq(text_of("{\"t\":\"\\\\u0000\"}", 1, 100, "\\u0000"), JSON_TEXT_OK);
}
END_TEST

START_TEST(text_without_escapes_is_not_copied)
{
    struct bytes text;
    char *owned = NULL;
    ck_assert_int_eq(scan("{\"t\":\"abc\"}"), JSON_OK);
    ck_assert_int_eq(json_text(&o, "t", 0, 10, &text, &owned), JSON_TEXT_OK);
    ck_assert_ptr_null(owned);
    ck_assert_ptr_eq(text.data, o.text.data + 6);
}
END_TEST

START_TEST(every_code_point_survives_both_ways)
{
    char json[64], utf8[5];
    for (unsigned c = 1; c < 0x110000; c += c < 0x900 || (c > 0xd700 && c < 0xe100) ? 1 : 61) {
        if (c >= 0xd800 && c < 0xe000)
            continue;
        if (c < 0x10000)
            snprintf(json, sizeof json, "{\"t\":\"\\u%04x\"}", c);
        else
            snprintf(json, sizeof json, "{\"t\":\"\\u%04x\\u%04X\"}", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + (c & 0x3ff));
        int n = 0;
        if (c < 0x80) {
            utf8[n++] = (char)c;
        } else if (c < 0x800) {
            utf8[n++] = (char)(0xc0 | c >> 6);
            utf8[n++] = (char)(0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
            utf8[n++] = (char)(0xe0 | c >> 12);
            utf8[n++] = (char)(0x80 | (c >> 6 & 0x3f));
            utf8[n++] = (char)(0x80 | (c & 0x3f));
        } else {
            utf8[n++] = (char)(0xf0 | c >> 18);
            utf8[n++] = (char)(0x80 | (c >> 12 & 0x3f));
            utf8[n++] = (char)(0x80 | (c >> 6 & 0x3f));
            utf8[n++] = (char)(0x80 | (c & 0x3f));
        }
        utf8[n] = 0;
        ck_assert_int_eq(text_of(json, (size_t)n, (size_t)n, utf8), JSON_TEXT_OK);
    }
}
END_TEST

START_TEST(a_text_has_its_bounds_in_decoded_bytes)
{
    ck_assert_int_eq(text_of("{\"t\":\"abcd\"}", 4, 4, "abcd"), JSON_TEXT_OK);
    ck_assert_int_eq(text_of("{\"t\":\"abcd\"}", 5, 9, NULL), JSON_TEXT_LENGTH);
    ck_assert_int_eq(text_of("{\"t\":\"abcd\"}", 1, 3, NULL), JSON_TEXT_LENGTH);
    ck_assert_int_eq(text_of("{\"t\":\"\"}", 1, 3, NULL), JSON_TEXT_LENGTH);
    ck_assert_int_eq(text_of("{\"t\":\"\"}", 0, 3, ""), JSON_TEXT_OK);
    ck_assert_int_eq(text_of("{\"t\":\"\\u0061\\u0062\\u0063\"}", 3, 3, "abc"), JSON_TEXT_OK);
    ck_assert_int_eq(text_of("{\"t\":\"\\u0061\\u0062\\u0063\"}", 1, 2, NULL), JSON_TEXT_LENGTH);
    ck_assert_int_eq(text_of("{\"t\":\"\\u00e9\"}", 2, 2, "\xc3\xa9"), JSON_TEXT_OK);
    ck_assert_int_eq(text_of("{\"t\":\"\\u00e9\"}", 1, 1, NULL), JSON_TEXT_LENGTH);
    ck_assert_int_eq(text_of("{\"t\":\"\\n\"}", 1, 1, "\n"), JSON_TEXT_OK);
    ck_assert_int_eq(text_of("{\"t\":\"\\n\"}", 2, 9, NULL), JSON_TEXT_LENGTH);
}
END_TEST

START_TEST(a_text_has_no_NUL_and_no_lone_surrogate)
{
    static const char *const nul[] = { "\\u0000", "a\\u0000", "\\u0000a", "\\n\\u0000", "\\\\\\u0000" };
    static const char *const lone[] = { "\\ud800", "\\udbff", "\\udc00", "\\udfff", "\\ud800a", "\\ud800\\n", "\\ud800\\u0041",
                                        "\\ud800\\ud800\\udc00", "\\udc00\\ud800", "\\ud83d\\ude00\\ude00", "a\\uD83D",
                                        "\\ud800\\\\udc00", "\\ud800 \\udc00", "\\ud800\\ue000", "\\ud800\\uffff" };
    char json[64];
    for (size_t i = 0; i < sizeof nul / sizeof *nul; i++) {
        snprintf(json, sizeof json, "{\"t\":\"%s\"}", nul[i]);
        ck_assert_msg(text_of(json, 0, 100, NULL) == JSON_TEXT_NUL, "%s", nul[i]);
    }
    for (size_t i = 0; i < sizeof lone / sizeof *lone; i++) {
        snprintf(json, sizeof json, "{\"t\":\"%s\"}", lone[i]);
        ck_assert_msg(text_of(json, 0, 100, NULL) == JSON_TEXT_SURROGATE, "%s", lone[i]);
    }
}
END_TEST

START_TEST(a_text_must_be_there_and_be_one)
{
    ck_assert_int_eq(text_of("{\"x\":\"a\"}", 0, 9, NULL), JSON_TEXT_MISSING);
    static const char *const others[] = { "1", "true", "null", "[\"a\"]", "{\"t\":\"a\"}" };
    char json[64];
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(json, sizeof json, "{\"t\":%s}", others[i]);
        ck_assert_int_eq(text_of(json, 0, 9, NULL), JSON_TEXT_TYPE);
    }
}
END_TEST

static bool number_of(const char *json_number_text, double *d)
{
    char *json = malloc(strlen(json_number_text) + 16);
    sprintf(json, "{\"n\":%s}", json_number_text);
    ck_assert_int_eq(json_scan(bytes_str(json), &o), JSON_OK);
    bool ok = json_number(&o, "n", d);
    free(json);
    return ok;
}

START_TEST(numbers_are_the_nearest_doubles)
{
    static const char *const texts[] = { "0", "-0", "1", "-1", "0.1", "1e23", "1.7976931348623157e308", "5e-324", "2.2250738585072011e-308",
                                         "9007199254740993", "123456789.123456789", "-0.0e-5", "1E5", "1e+5", "1e-400",
                                         "100000000000000000000000000000000000000000000000000000000000000000000000000000",
                                         "0.00000000000000000000000000000000000000000000000000000000000000000000000000001" };
    double d;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ck_assert(number_of(texts[i], &d));
        ck_assert_double_eq(d, strtod(texts[i], NULL));
        ck_assert_int_eq(signbit(d) != 0, texts[i][0] == '-');
    }
}
END_TEST

START_TEST(a_number_must_be_finite)
{
    double d;
    ck_assert(!number_of("1e400", &d));
    ck_assert(!number_of("-1e400", &d));
    ck_assert(!number_of("1e99999999999999999999", &d));
    ck_assert(!number_of("1.8e308", &d));
    char *digits = malloc(100001);
    memset(digits, '9', 100000);
    digits[100000] = 0;
    ck_assert(!number_of(digits, &d));
    digits[1] = '.'; /* the same digits, and finite */
    ck_assert(number_of(digits, &d));
    ck_assert_double_eq(d, 10);
    digits[308] = 0;
    ck_assert(number_of(digits, &d));
    free(digits);
}
END_TEST

START_TEST(numbers_of_every_length_around_the_small_buffer)
{
    char text[100];
    double d;
    for (int n = 55; n < 75; n++) {
        memset(text, '1', (size_t)n);
        text[n] = 0;
        ck_assert(number_of(text, &d));
        ck_assert_double_eq(d, strtod(text, NULL));
    }
}
END_TEST

START_TEST(only_a_number_is_a_number)
{
    double d;
    bool b;
    int64_t n;
    static const char *const others[] = { "\"1\"", "true", "null", "[1]", "{}" };
    char json[64];
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(json, sizeof json, "{\"n\":%s}", others[i]);
        ck_assert_int_eq(scan(json), JSON_OK);
        ck_assert(!json_number(&o, "n", &d));
        ck_assert(!json_int(&o, "n", &n));
    }
    ck_assert_int_eq(scan("{}"), JSON_OK);
    ck_assert(!json_number(&o, "n", &d));
    ck_assert(!json_bool(&o, "n", &b));
}
END_TEST

START_TEST(an_integer_has_no_fraction_and_is_exact)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t n;
    } cases[] = {
        { "0", true, 0 }, { "-0", true, 0 }, { "1.0", true, 1 }, { "1e3", true, 1000 }, { "0.5", false, 0 }, { "-7", true, -7 },
        { "9007199254740992", true, INT64_C(9007199254740992) }, { "-9007199254740992", true, INT64_C(-9007199254740992) },
        { "9007199254740994", false, 0 }, { "-9007199254740994", false, 0 }, { "1e300", false, 0 }, { "1e400", false, 0 },
    };
    char json[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t n = 0;
        snprintf(json, sizeof json, "{\"n\":%s}", cases[i].text);
        ck_assert_int_eq(scan(json), JSON_OK);
        ck_assert_msg(json_int(&o, "n", &n) == cases[i].ok, "%s", cases[i].text);
        ck_assert_int_eq(n, cases[i].n);
    }
}
END_TEST

START_TEST(true_and_false_are_read)
{
    bool b = false;
    ck_assert_int_eq(scan("{\"t\":true,\"f\":false,\"n\":null,\"s\":\"true\"}"), JSON_OK);
    ck_assert(json_bool(&o, "t", &b) && b);
    ck_assert(json_bool(&o, "f", &b) && !b);
    ck_assert(!json_bool(&o, "n", &b));
    ck_assert(!json_bool(&o, "s", &b));
}
END_TEST

START_TEST(a_string_means_a_literal_however_it_is_written)
{
    ck_assert(json_string_is(BYTES("\"drawing\""), BYTES("drawing")));
    ck_assert(json_string_is(BYTES("\"dr\\u0061wing\""), BYTES("drawing")));
    ck_assert(!json_string_is(BYTES("\"Drawing\""), BYTES("drawing")));
    ck_assert(!json_string_is(BYTES("\"drawing \""), BYTES("drawing")));
    ck_assert(!json_string_is(BYTES("\"drawin\""), BYTES("drawing")));
    ck_assert(!json_string_is(BYTES("\"drawing\\u0000\""), BYTES("drawing")));
    ck_assert(!json_string_is(BYTES("1"), BYTES("")));
    ck_assert(json_string_is(BYTES("\"\""), BYTES("")));
}
END_TEST

/* --- copying --- */

static const char *copied(const char *json)
{
    static const char *const skip[] = { "messageType", "x", NULL };
    static char out[1024];
    ck_assert_msg(scan(json) == JSON_OK, "%s", json);
    size_t n = json_copy_without(&o, skip, out);
    ck_assert_uint_le(n, strlen(json)); /* the room that it asks for */
    out[n] = 0;
    return out;
}

START_TEST(members_are_left_out_and_the_rest_stays_as_written)
{
    ck_assert_str_eq(copied("{}"), "{}");
    ck_assert_str_eq(copied("{\"messageType\":\"a\"}"), "{}");
    ck_assert_str_eq(copied("{\"messageType\":\"a\",\"x\":1}"), "{}");
    ck_assert_str_eq(copied("{\"messageType\":\"a\",\"b\":1}"), "{\"b\":1}");
    ck_assert_str_eq(copied("{\"b\":1,\"messageType\":\"a\"}"), "{\"b\":1}");
    ck_assert_str_eq(copied("{\"b\":1,\"messageType\":\"a\",\"c\":2}"), "{\"b\":1,\"c\":2}");
    ck_assert_str_eq(copied(" { \"b\" : [ 1 , 2 ] , \"c\" : 1.50e+00 } "), "{\"b\":[ 1 , 2 ],\"c\":1.50e+00}");
    ck_assert_str_eq(copied("{\"message\\u0054ype\":\"a\",\"\\u0062\":\"\\ud800\"}"), "{\"\\u0062\":\"\\ud800\"}");
    ck_assert_str_eq(copied("{\"MessageType\":1,\"X\":{\"x\":\"}\\\"\"}}"), "{\"MessageType\":1,\"X\":{\"x\":\"}\\\"\"}}");
}
END_TEST

/* --- writing --- */

static const char *written(struct bytes text, bool is_html)
{
    static char out[4096];
    struct buf b;
    buf_init(&b, sizeof out - 1);
    ck_assert_int_eq(is_html ? json_write_html(&b, text) : json_write_string(&b, text), OK);
    memcpy(out, buf_head(&b), buf_len(&b));
    out[buf_len(&b)] = 0;
    buf_release(&b);
    return out;
}

START_TEST(strings_are_written_so_that_they_read_the_same)
{
    char text[2] = "";
    for (int c = 0; c < 128; c++) {
        text[0] = (char)c;
        const char *json = written(bytes_of(text, 1), false);
        for (const char *p = json; *p; p++)
            ck_assert_int_ge((unsigned char)*p, 0x20);
        cJSON *v = c ? cJSON_Parse(json) : NULL;
        if (c)
            ck_assert_str_eq(v->valuestring, text);
        else
            ck_assert_str_eq(json, "\"\\u0000\"");
        cJSON_Delete(v);
    }
    ck_assert_str_eq(written(BYTES("a\"b\\c\nd\re\tf\x01g\x1fh<&>'/\x7f\xc3\xa9"), false),
                     "\"a\\\"b\\\\c\\nd\\re\\tf\\u0001g\\u001fh<&>'/\x7f\xc3\xa9\"");
    ck_assert_str_eq(written(BYTES(""), false), "\"\"");
}
END_TEST

START_TEST(html_is_escaped_once)
{
    ck_assert_str_eq(written(BYTES("<b a=\"1\" c='2'>&amp;\n"), true),
                     "\"&lt;b a=&quot;1&quot; c=&#x27;2&#x27;&gt;&amp;amp;\\n\"");
    ck_assert_str_eq(written(BYTES("\\plain/"), true), "\"\\\\plain/\"");
}
END_TEST

START_TEST(a_full_buffer_is_an_error_and_it_sticks)
{
    struct buf b;
    for (size_t max = 0; max < 12; max++) {
        buf_init(&b, max);
        enum err e = json_write_string(&b, BYTES("ab\ncd<")); /* "ab\ncd<" with quotes: 9 bytes */
        ck_assert_int_eq(e, max < 9 ? ERR_LIMIT : OK);
        ck_assert_uint_le(buf_len(&b), max);
        buf_release(&b);
    }
    buf_init(&b, 8);
    struct json_out j = { .buf = &b };
    json_raw(&j, "12345");
    json_int64(&j, -1000);
    ck_assert_int_eq(j.error, ERR_LIMIT);
    json_raw(&j, "6");
    json_string(&j, BYTES(""));
    json_plain(&j, BYTES(""));
    ck_assert_uint_eq(buf_len(&b), 5); /* nothing behind a gap */
    buf_release(&b);
}
END_TEST

START_TEST(pieces_make_a_text)
{
    struct buf b;
    buf_init(&b, 1000);
    struct json_out j = { .buf = &b, .is_html = true };
    json_raw(&j, "{\"a\":");
    json_string(&j, BYTES("<"));
    json_raw_bytes(&j, BYTES(",\"b\":"));
    json_plain(&j, BYTES("<"));
    json_raw(&j, ",\"c\":");
    json_int64(&j, INT64_MIN);
    json_raw(&j, "}");
    ck_assert_int_eq(j.error, OK);
    ck_assert_str_eq(view(buf_bytes(&b)), "{\"a\":\"&lt;\",\"b\":\"<\",\"c\":-9223372036854775808}");
    buf_release(&b);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_json_is_accepted,
        what_is_not_json_is_refused,
        json_that_is_no_object_is_told_apart,
        every_beginning_of_a_good_text_is_bad,
        a_NUL_is_no_white_space,
        what_ends_a_string_is_seen_at_every_place,
        random_texts_are_judged_as_cJSON_does,
        random_objects_are_read_as_cJSON_reads_them,
        sixty_four_levels_are_taken_and_sixty_five_are_not,
        values_of_every_level_are_counted,
        a_key_that_stands_twice_is_found_however_it_is_written,
        a_repeated_key_is_found_among_many,
        keys_with_the_same_hash_are_told_apart,
        long_keys_with_escapes_are_compared_by_what_they_mean,
        a_million_members_cost_a_linear_walk,
        a_field_is_found_by_exactly_its_key,
        every_escape_is_decoded,
        text_without_escapes_is_not_copied,
        every_code_point_survives_both_ways,
        a_text_has_its_bounds_in_decoded_bytes,
        a_text_has_no_NUL_and_no_lone_surrogate,
        a_text_must_be_there_and_be_one,
        numbers_are_the_nearest_doubles,
        a_number_must_be_finite,
        numbers_of_every_length_around_the_small_buffer,
        only_a_number_is_a_number,
        an_integer_has_no_fraction_and_is_exact,
        true_and_false_are_read,
        a_string_means_a_literal_however_it_is_written,
        members_are_left_out_and_the_rest_stays_as_written,
        strings_are_written_so_that_they_read_the_same,
        html_is_escaped_once,
        a_full_buffer_is_an_error_and_it_sticks,
        pieces_make_a_text,
    };
    return sodium_init() < 0 ? EXIT_FAILURE : RUN_TESTS("json", tests);
}
