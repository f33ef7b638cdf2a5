/* Form bodies, cookies and paths, against readers that first split everything into a list and
 * decode every part of it. */
#include "proto/http_form.h"
#include "proto/http_origin.h"
#include "proto/http_url.h"
#include "fuzz.h"

#define PARTS_MAX 256u
#define FORM_CAP  48u

struct text {
    char data[4096];
    size_t len;
    bool is_broken; /* a "%" without two digits */
};

static bool unhex(char c, unsigned *value)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;

    *value = at ? (unsigned)(at - digits) % 16 : 0;
    return at != NULL;
}

static void decode(struct bytes in, bool plus_is_space, struct text *out)
{
    unsigned high, low;

    out->len = 0;
    out->is_broken = false;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.data[i] == '+' && plus_is_space ? ' ' : in.data[i];
        if (in.data[i] == '%') {
            if (i + 2 >= in.len || !unhex(in.data[i + 1], &high) || !unhex(in.data[i + 2], &low)) {
                out->is_broken = true;
                return;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        FUZZ_CHECK(out->len < sizeof out->data);
        out->data[out->len++] = c;
    }
}

/* All parts between separators; how many there are. */
static size_t split(struct bytes in, char separator, struct bytes parts[PARTS_MAX])
{
    size_t n = 0, from = 0;

    for (size_t i = 0; i <= in.len; i++) {
        if (i < in.len && in.data[i] != separator)
            continue;
        if (n == PARTS_MAX)
            return SIZE_MAX;
        parts[n++] = bytes_of(in.data + from, i - from);
        from = i + 1;
    }
    return n;
}

/* name=value: where the "=" is; SIZE_MAX: there is none. */
static size_t find(struct bytes b, char c)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.data[i] == c)
            return i;
    return SIZE_MAX;
}

static void check_form(struct bytes body, const char *name)
{
    static struct text key, value, found;
    struct bytes parts[PARTS_MAX];
    size_t n = split(body, '&', parts), n_found = 0, len = 0;
    char out[FORM_CAP];
    enum err want = ERR_NOT_FOUND;

    if (n == SIZE_MAX)
        return;
    for (size_t i = 0; i < n; i++) {
        size_t equals = find(parts[i], '=');
        decode(bytes_of(parts[i].data, equals < parts[i].len ? equals : parts[i].len), true, &key);
        struct bytes rest = equals == SIZE_MAX ? BYTES("") : bytes_from(parts[i], equals + 1);
        /* A name beyond 64 bytes is nobody's, and not looked at further. */
        if (key.is_broken && key.len <= 64)
            want = ERR_BAD_INPUT;
        bool is_named = !key.is_broken && bytes_eq(bytes_of(key.data, key.len), bytes_str(name));
        if (is_named && n_found++ > 0)
            want = ERR_EXISTS;
        if (want == ERR_BAD_INPUT || want == ERR_EXISTS)
            break;
        if (is_named) {
            decode(rest, true, &value);
            found = value;
        }
    }
    if (want == ERR_NOT_FOUND && n_found == 1)
        want = found.len > FORM_CAP ? ERR_LIMIT : found.is_broken ? ERR_BAD_INPUT : OK;
    enum err got = http_form_get(body, name, out, sizeof out, &len);
    FUZZ_CHECK(got == want);
    if (got == OK)
        FUZZ_CHECK(bytes_eq(bytes_of(out, len), bytes_of(found.data, found.len)));
}

static struct bytes strip(struct bytes b)
{
    size_t from = 0, to = b.len;

    while (from < to && (b.data[from] == ' ' || b.data[from] == '\t'))
        from++;
    while (to > from && (b.data[to - 1] == ' ' || b.data[to - 1] == '\t'))
        to--;
    return bytes_of(b.data + from, to - from);
}

static void check_cookie(struct bytes header, const char *name)
{
    struct bytes parts[PARTS_MAX], want = bytes_of(NULL, 0);
    size_t n = split(header, ';', parts);

    if (n == SIZE_MAX)
        return;
    for (size_t i = n; i > 0; i--) { /* backwards: the first one stays */
        size_t equals = find(parts[i - 1], '=');
        if (equals == SIZE_MAX ||
            !bytes_eq(strip(bytes_of(parts[i - 1].data, equals)), bytes_str(name)))
            continue;
        want = strip(bytes_from(parts[i - 1], equals + 1));
        if (want.len >= 2 && want.data[0] == '"' && want.data[want.len - 1] == '"')
            want = bytes_of(want.data + 1, want.len - 2);
    }
    struct bytes got = http_cookie_get(header, name);
    FUZZ_CHECK(!got.data == !want.data && bytes_eq(got, want));
}

static void check_path(struct bytes path)
{
    static struct text want;
    struct bytes parts[PARTS_MAX];
    char out[600];
    size_t len;

    decode(path, false, &want);
    enum err got = url_decode_path(path, out, sizeof out, &len);
    if (want.len >= sizeof out) {
        FUZZ_CHECK(got == ERR_LIMIT);
        return;
    }
    FUZZ_CHECK((got == ERR_BAD_INPUT) == want.is_broken);
    if (want.is_broken)
        return;
    bool is_bad = memchr(want.data, 0, want.len) || memchr(want.data, '\\', want.len);
    size_t n = split(bytes_of(want.data, want.len), '/', parts);
    for (size_t i = 0; n != SIZE_MAX && i < n; i++)
        is_bad = is_bad || bytes_eq(parts[i], BYTES(".")) || bytes_eq(parts[i], BYTES(".."));
    if (n == SIZE_MAX)
        return;
    FUZZ_CHECK(got == (is_bad ? ERR_NOT_FOUND : OK));
    if (got == OK)
        FUZZ_CHECK(out[len] == 0 && bytes_eq(bytes_of(out, len), bytes_of(want.data, want.len)));
}

/* An origin that is valid is the same as itself, whatever its case, and as a host of its own. */
static void check_origin(struct bytes origin)
{
    char other[256];
    bool is_valid = http_origin_is_valid(origin);

    FUZZ_CHECK(http_origin_eq(origin, origin) == is_valid);
    if (!is_valid || origin.len > sizeof other)
        return;
    for (size_t i = 0; i < origin.len; i++)
        other[i] = ascii_is_alpha(origin.data[i]) ? (char)(origin.data[i] ^ 0x20) : origin.data[i];
    FUZZ_CHECK(http_origin_eq(bytes_of(other, origin.len), origin));
    size_t slashes = find(origin, '/');
    FUZZ_CHECK(slashes != SIZE_MAX && origin.data[slashes + 1] == '/');
    struct bytes host = bytes_from(origin, slashes + 2);
    FUZZ_CHECK(http_host_is_valid(host) && !memchr(host.data, '@', host.len) &&
               !memchr(host.data, '/', host.len));
    bool is_web = bytes_eq_nocase(bytes_of(origin.data, slashes), BYTES("http:")) ||
                  bytes_eq_nocase(bytes_of(origin.data, slashes), BYTES("https:"));
    FUZZ_CHECK(http_origin_is_host(origin, host) == is_web);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "username", "a", "", "a b" };
    struct fuzz_in in = { data, data + size };
    unsigned kind = fuzz_byte(&in);
    struct bytes rest = fuzz_bytes(&in, 4096);
    char *text = fuzz_copy(rest);

    rest.data = text;
    switch (kind % 4) {
    case 0:
        check_form(rest, names[kind / 4 % 4]);
        break;
    case 1:
        check_cookie(rest, names[kind / 4 % 2]);
        break;
    case 2:
        check_path(rest);
        break;
    default:
        check_origin(rest);
        break;
    }
    free(text);
    return 0;
}
