/* ws_handshake.c - the server's half of the opening handshake.
 *
 * What makes a request no handshake at all (400) is looked at before the version (426), so that
 * only a client that does speak WebSocket is told to speak it differently.
 */
#include "proto/ws_handshake.h"

#include <sodium.h>
#include "proto/sha1.h"

#define KEY_LEN 24u /* base64 of 16 bytes: 22 digits and "==" */

void compute_accept(struct bytes key, char accept[WS_ACCEPT_LEN + 1])
{
    struct sha1 s;
    uint8_t digest[SHA1_LEN];

    sha1_init(&s);
    sha1_add(&s, key);
    sha1_add(&s, BYTES("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")); /* RFC 6455 section 1.3 */
    sha1_end(&s, digest);
    sodium_bin2base64(accept, WS_ACCEPT_LEN + 1, digest, sizeof digest,
                      sodium_base64_VARIANT_ORIGINAL);
}

static bool is_base64_digit(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '+' || c == '/';
}

/* The unused bits of the last digit may be anything: the key is never decoded, and RFC 4648
 * section 3.5 leaves it to the decoder. */
static bool is_key(struct bytes key)
{
    if (key.len != KEY_LEN || key.data[KEY_LEN - 2] != '=' || key.data[KEY_LEN - 1] != '=')
        return false;
    for (size_t i = 0; i < KEY_LEN - 2; i++)
        if (!is_base64_digit(key.data[i]))
            return false;
    return true;
}

/* Subprotocol names are compared with case, unlike the tokens of other headers: the browser
 * compares the answer with what it offered byte by byte (RFC 6455 section 4.1). */
static bool offers_v1(const struct http_head *h)
{
    for (unsigned i = 0; i < h->n_headers; i++) {
        if (!bytes_eq_nocase(h->headers[i].name, BYTES("Sec-WebSocket-Protocol")))
            continue;
        struct bytes list = h->headers[i].value;
        while (list.data)
            if (bytes_eq(bytes_trim(bytes_cut(&list, ',')), BYTES("parlor.v1")))
                return true;
    }
    return false;
}

static bool is_upgrade(const struct http_head *h)
{
    return h->method == HTTP_GET && h->minor_version >= 1 && !h->is_chunked &&
           h->content_length == 0 && http_head_has_token(h, "Upgrade", "websocket") &&
           http_head_has_token(h, "Connection", "Upgrade");
}

int ws_handshake_check(const struct http_head *h, struct ws_handshake *out)
{
    struct bytes key = http_head_get(h, "Sec-WebSocket-Key");

    if (!is_upgrade(h))
        return 400;
    if (http_head_count(h, "Sec-WebSocket-Version") != 1 ||
        !bytes_eq(http_head_get(h, "Sec-WebSocket-Version"), BYTES("13")))
        return 426;
    if (http_head_count(h, "Sec-WebSocket-Key") != 1 || !is_key(key))
        return 400;
    compute_accept(key, out->accept);
    out->is_v1 = offers_v1(h);
    return 101;
}
