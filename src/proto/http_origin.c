/* http_origin.c - authorities, read strictly: what is not understood is not the same as anything.
 *
 * Invariant: a host, a port and a scheme are compared only after all of their text has been
 * accepted by the grammar, so nothing (user information, a path, a second port) can hide behind the
 * part compared.
 */
#include "proto/http_origin.h"

#include <arpa/inet.h>

/* 1 to 65535, without leading zeros; 0 for anything else. */
static unsigned read_port(struct bytes b)
{
    unsigned port = 0;

    if (b.len == 0 || b.len > 5 || b.data[0] == '0')
        return 0;
    for (size_t i = 0; i < b.len; i++) {
        if (!ascii_is_digit(b.data[i]))
            return 0;
        port = port * 10 + (unsigned)(b.data[i] - '0');
    }
    return port <= 65535 ? port : 0;
}

/* reg-name of RFC 3986 section 3.2.2, which includes IPv4 addresses; not empty (RFC 9110 4.2.1). */
static bool is_reg_name(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        char c = b.data[i];
        if (c == '%') {
            if (b.len - i < 3 || ascii_hex_value(b.data[i + 1]) < 0 ||
                ascii_hex_value(b.data[i + 2]) < 0)
                return false;
            i += 2;
        } else if (!ascii_is_alpha(c) && !ascii_is_digit(c) &&
                   (c == '\0' || !strchr("-._~!$&'()*+,;=", c))) {
            return false;
        }
    }
    return b.len > 0;
}

static bool is_ipv6(struct bytes b)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr parsed;

    if (b.len == 0 || b.len >= sizeof text || memchr(b.data, '\0', b.len))
        return false;
    memcpy(text, b.data, b.len);
    text[b.len] = '\0';
    return inet_pton(AF_INET6, text, &parsed) == 1;
}

struct authority {
    struct bytes host; /* with the brackets of an IPv6 address */
    bool has_port;     /* a colon and at least one digit */
    unsigned port;
};

/* host[:port]; user information is not allowed. */
static bool read_authority(struct bytes b, struct authority *a)
{
    size_t n = 0;

    if (b.len > 0 && b.data[0] == '[') {
        const char *end = memchr(b.data, ']', b.len);
        if (!end || !is_ipv6(bytes_of(b.data + 1, (size_t)(end - b.data) - 1)))
            return false;
        n = (size_t)(end - b.data) + 1;
    } else {
        while (n < b.len && b.data[n] != ':')
            n++;
        if (!is_reg_name(bytes_of(b.data, n)))
            return false;
    }
    *a = (struct authority){ .host = bytes_of(b.data, n) };
    if (n == b.len)
        return true;
    if (b.data[n] != ':')
        return false;
    a->has_port = b.len > n + 1;
    a->port = a->has_port ? read_port(bytes_from(b, n + 1)) : 0;
    return a->port > 0 || !a->has_port; /* "host:" is allowed: RFC 3986 section 3.2.3 */
}

bool http_host_is_valid(struct bytes value)
{
    struct authority a;

    return read_authority(value, &a);
}

struct origin {
    struct bytes scheme;
    struct authority authority;
    unsigned default_port; /* 0: none known */
};

/* scheme "://" host [":" port], as RFC 6454 section 6.2 serialises it: no path, no empty port. */
static bool read_origin(struct bytes b, struct origin *o)
{
    size_t n = 0;

    while (n < b.len && (ascii_is_alpha(b.data[n]) || ascii_is_digit(b.data[n]) ||
                         b.data[n] == '+' || b.data[n] == '-' || b.data[n] == '.'))
        n++;
    if (n == 0 || !ascii_is_alpha(b.data[0]) || b.len - n < 3 || memcmp(b.data + n, "://", 3) != 0)
        return false;
    o->scheme = bytes_of(b.data, n);
    if (!read_authority(bytes_from(b, n + 3), &o->authority))
        return false;
    o->default_port = bytes_eq_nocase(o->scheme, BYTES("http"))    ? 80
                      : bytes_eq_nocase(o->scheme, BYTES("https")) ? 443
                                                                   : 0;
    return o->authority.has_port || b.data[b.len - 1] != ':';
}

static bool same_authority(const struct authority *a, const struct authority *b,
                           unsigned default_port)
{
    unsigned a_port = a->has_port ? a->port : default_port;
    unsigned b_port = b->has_port ? b->port : default_port;

    return a_port == b_port && bytes_eq_nocase(a->host, b->host);
}

bool http_origin_is_valid(struct bytes origin)
{
    struct origin o;

    return read_origin(origin, &o);
}

bool http_origin_is_host(struct bytes origin, struct bytes host)
{
    struct origin o;
    struct authority a;

    /* A page of another scheme (an extension, a file) was never served by this host. */
    return read_origin(origin, &o) && o.default_port > 0 && read_authority(host, &a) &&
           same_authority(&o.authority, &a, o.default_port);
}

bool http_origin_eq(struct bytes a, struct bytes b)
{
    struct origin oa, ob;

    return read_origin(a, &oa) && read_origin(b, &ob) && bytes_eq_nocase(oa.scheme, ob.scheme) &&
           same_authority(&oa.authority, &ob.authority, oa.default_port);
}
