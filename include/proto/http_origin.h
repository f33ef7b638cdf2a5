/* http_origin.h - who is meant (Host, RFC 9110 section 7.2) and who asks (Origin, RFC 6454). Pure.
 */
#ifndef PROTO_HTTP_ORIGIN_H
#define PROTO_HTTP_ORIGIN_H

#include <stdbool.h>
#include "base/bytes.h"

/* True when `value` is a valid Host: reg-name, IPv4 or [IPv6], with an optional port. */
bool http_host_is_valid(struct bytes value);

/* True when an Origin header names the same scheme-independent authority as a Host header: host
 * compared without case, default ports (80 for http, 443 for https) filled in by the origin's
 * scheme. "null" and malformed origins are never the same. */
bool http_origin_is_host(struct bytes origin, struct bytes host);
/* True when `origin` is scheme://host[:port], with nothing behind it. */
bool http_origin_is_valid(struct bytes origin);
/* True when both name the same origin: scheme and host without case, default ports filled in. */
bool http_origin_eq(struct bytes a, struct bytes b);

#endif
