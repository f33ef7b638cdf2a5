/* http_form.c - fields by name, without a table: the bodies and headers here have a handful each.
 *
 * A form field that is there twice is an error and not a choice, so that no two readers of one body
 * can disagree about a user name. Cookies are different: a browser sends the most specific one
 * first (RFC 6265 section 5.4), and the first one counts.
 */
#include "proto/http_form.h"

#include "proto/http_url.h"

#define MAX_NAME 64u /* longer names are nobody's */

/* 1 when the encoded `raw` is `name`, 0 when not, or a negative enum err. */
static int is_named(struct bytes raw, struct bytes name)
{
    char decoded[MAX_NAME];
    size_t len;
    enum err e = url_decode_form(raw, decoded, sizeof decoded, &len);

    if (e == ERR_LIMIT)
        return 0;
    return e ? (int)e : bytes_eq(bytes_of(decoded, len), name);
}

enum err http_form_get(struct bytes body, const char *name, char *out, size_t cap, size_t *len)
{
    struct bytes wanted = bytes_str(name), found = { 0 };
    bool is_found = false;

    while (body.data) {
        struct bytes value = bytes_cut(&body, '&');
        int named = is_named(bytes_cut(&value, '='), wanted);
        if (named < 0)
            return (enum err)named;
        if (named && is_found)
            return ERR_EXISTS;
        if (named) {
            found = value;
            is_found = true;
        }
    }
    return is_found ? url_decode_form(found, out, cap, len) : ERR_NOT_FOUND;
}

static struct bytes unquote(struct bytes b)
{
    if (b.len >= 2 && b.data[0] == '"' && b.data[b.len - 1] == '"')
        return bytes_of(b.data + 1, b.len - 2);
    return b;
}

struct bytes http_cookie_get(struct bytes cookie_header, const char *name)
{
    struct bytes wanted = bytes_str(name);

    while (cookie_header.data) {
        struct bytes value = bytes_cut(&cookie_header, ';');
        struct bytes cookie_name = bytes_trim(bytes_cut(&value, '='));
        if (value.data && bytes_eq(cookie_name, wanted))
            return unquote(bytes_trim(value));
    }
    return bytes_of(NULL, 0);
}

bool http_type_is(struct bytes value, const char *type)
{
    return bytes_eq_nocase(bytes_trim(bytes_cut(&value, ';')), bytes_str(type));
}
