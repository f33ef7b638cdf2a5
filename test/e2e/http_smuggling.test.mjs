// Requests that two parsers might cut differently: what this server takes for a request is one, or the connection ends.
// What http_requests has already (lengths and codings, one by one) is not repeated here; these are the spellings around them.

import assert from 'node:assert/strict';
import test from 'node:test';
import { RawConnection } from './lib/raw.mjs';
import { file, startServer } from './lib/server.mjs';

const server = await startServer(file);

// A second request that must only be seen where the first one really ended before it.
const SMUGGLED = 'GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n';
const post = (headers, body, version = '1.1') => `POST /login HTTP/${version}\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n${body}`;
const get = (target, headers = '') => `GET ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;

// Everything that comes back, as a list of statuses, and whether the server has ended the connection.
async function statuses(bytes) {
  const connection = await RawConnection.open(server);
  await connection.send(bytes);
  connection.endSending();
  const text = (await connection.untilEnd()).toString('latin1');
  connection.destroy();
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

// [what, bytes before the smuggled request]: exactly one answer, a refusal.
const REFUSED = {
  'Transfer-Encoding with a space before its colon': post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'),
  'Transfer-Encoding behind a bare LF': post('X: y\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  'Transfer-Encoding behind a bare CR': post('X: y\rTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  'Transfer-Encoding in a folded line': post('X: y\r\n Transfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  'a coding in a folded line': post('Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n'),
  'a coding with a NUL': post('Transfer-Encoding: chunked\0\r\n', '0\r\n\r\n'),
  'a coding with a vertical tab': post('Transfer-Encoding: chunked\x0b\r\n', '0\r\n\r\n'),
  'a coding with a no-break space': post('Transfer-Encoding: chunked\xa0\r\n', '0\r\n\r\n'),
  'a list with an empty place': post('Transfer-Encoding: , chunked\r\n', '0\r\n\r\n'),
  'chunked in an HTTP/1.0 request': post('Transfer-Encoding: chunked\r\n', '0\r\n\r\n', '1.0'),
  'a length and a coding, the coding twice': post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'),
  'a length with a NUL': post('Content-Length: 2\0\r\n', '{}'),
  'a length in quotes': post('Content-Length: "2"\r\n', '{}'),
  'a length with a comma behind': post('Content-Length: 2,\r\n', '{}'),
  'a length with an exponent': post('Content-Length: 2e0\r\n', '{}'),
  'a length with an underscore': post('Content-Length: 1_0\r\n', '{}        '),
  'a length in other digits': post('Content-Length: \xb2\r\n', '{}'),
  'a length below a bare LF': post('X: y\nContent-Length: 2\r\n', '{}'),
  'a header section ended by bare LFs': 'GET /healthz HTTP/1.1\nHost: x\n\n',
  'a header section ended by LF CRLF': 'GET /healthz HTTP/1.1\r\nHost: x\n\r\n',
  'a chunk size with an underscore': post('Transfer-Encoding: chunked\r\n', '1_0\r\n0123456789abcdef\r\n0\r\n\r\n'),
  'a chunk size line ended by LF': post('Transfer-Encoding: chunked\r\n', '2\n{}\r\n0\r\n\r\n'),
  'a chunk size line ended by CR': post('Transfer-Encoding: chunked\r\n', '2\r{}\r\n0\r\n\r\n'),
  'a chunk extension with a bare LF': post('Transfer-Encoding: chunked\r\n', '2;x\ny\r\n{}\r\n0\r\n\r\n'),
  'a chunk extension with a bare CR': post('Transfer-Encoding: chunked\r\n', '2;x\ry\r\n{}\r\n0\r\n\r\n'),
  'a chunk extension with a NUL': post('Transfer-Encoding: chunked\r\n', '2;x=\0\r\n{}\r\n0\r\n\r\n'),
  'chunk data that runs into the next size': post('Transfer-Encoding: chunked\r\n', '1\r\n{}\r\n0\r\n\r\n'),
  'a last chunk ended by LF': post('Transfer-Encoding: chunked\r\n', '2\r\n{}\r\n0\n\n'),
  'a trailer with a bare LF': post('Transfer-Encoding: chunked\r\n', '2\r\n{}\r\n0\r\nA: b\nC: d\r\n\r\n'),
  'a trailer without a colon': post('Transfer-Encoding: chunked\r\n', '2\r\n{}\r\n0\r\nnonsense\r\n\r\n'),
  'Host smuggled behind a bare CR': 'GET /healthz HTTP/1.1\r\nX: y\rHost: x\r\nHost: x\r\n\r\n',
  'two requests in one line': 'GET /healthz HTTP/1.1 GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n',
  'a line break in the target': 'GET /health\r\nz HTTP/1.1\r\nHost: x\r\n\r\n',
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a TLS hello': '\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03\r\n\r\n',
  'the beginning of SSH': 'SSH-2.0-OpenSSH_9.2\r\n\r\n',
  'the PROXY line of a load balancer': `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n${get('/healthz')}`,
};
for (const [what, bytes] of Object.entries(REFUSED)) {
  test(`${what}: refused, and what follows is no request`, async () => {
    const got = await statuses(bytes + SMUGGLED);
    assert.equal(got.length, 1, `one answer, not ${got}`);
    assert.ok([400, 501, 505].includes(got[0]), String(got[0]));
  });
}

// [what, bytes, answers with the one behind]: the request ends where RFC 9112 says, and the next one is the next one.
const FRAMED = {
  'the same length in a list': [post('Content-Length: 2, 2\r\n', '{}'), [[400, 200], [400]]],
  'the same length twice': [post('Content-Length: 2\r\nContent-Length: 2\r\n', '{}'), [[400, 200], [400]]],
  'a length with zeros in front': [post('Content-Length: 0002\r\n', '{}'), [[400, 200], [400]]],
  'names that only look like a length or a coding': [post('Content_Length: 99\r\nTransfer_Encoding: chunked\r\nX-Content-Length: 99\r\nContent-Length: 2\r\n', '{}'), [[400, 200]]],
  'a body on a GET': [`GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`, [[200, 200]]],
  'a chunked body on a GET': [`GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`, [[200, 200]]],
  'a body on a HEAD': [`HEAD /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`, [[200, 200]]],
  'a chunk size with zeros in front': [post('Transfer-Encoding: chunked\r\n', '0002\r\n{}\r\n000\r\n\r\n'), [[400, 200]]],
  'chunk extensions': [post('Transfer-Encoding: chunked\r\n', '2;a=b;c="d;e"\r\n{}\r\n0;f\r\n\r\n'), [[400, 200]]],
  'trailers that look like framing': [post('Transfer-Encoding: chunked\r\n', '2\r\n{}\r\n0\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\nHost: y\r\n\r\n'), [[400, 200]]],
  'an unfinished WebSocket handshake with a body': [`GET /websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`, [[400, 200], [426, 200]]],
  'an upgrade to something else': [get('/healthz', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n'), [[200, 200]]],
  'a whole URL with another host': ['GET http://evil.example/healthz HTTP/1.1\r\nHost: x\r\n\r\n', [[200, 200]]],
};
for (const [what, [bytes, allowed]] of Object.entries(FRAMED)) {
  test(`${what}: the next request is the one behind it`, async () => {
    const got = await statuses(bytes + SMUGGLED);
    assert.ok(allowed.some((one) => JSON.stringify(one) === JSON.stringify(got)), JSON.stringify(got));
  });
}

// What a client writes never becomes a line of an answer's header section.
for (const text of ['%0d%0aSet-Cookie:%20evil=1', '%0aSet-Cookie:evil=1', '%0d', '%E5%98%8A%E5%98%8DSet-Cookie:evil=1', '%00', '?x=%0d%0aSet-Cookie:%20evil=1']) {
  for (const target of ['/', '/public/', '/logout', '/video-call/', '/login']) {
    test(`${target}${text} puts no line into the answer`, async () => {
      const connection = await RawConnection.open(server);
      await connection.send(get(target + text, 'Connection: close\r\n'));
      const head = (await connection.untilEnd()).toString('latin1').split('\r\n\r\n')[0];
      assert.match(head, /^HTTP\/1\.1 (200|302|400|404|405) /);
      assert.doesNotMatch(head, /evil/i);
    });
  }
}

test('every way to end half of a connection: what was whole before it is answered', async () => {
  assert.deepEqual(await statuses(SMUGGLED), [200]);
  assert.deepEqual(await statuses(SMUGGLED + SMUGGLED), [200, 200]);
  assert.deepEqual(await statuses(SMUGGLED.slice(0, -1)), []);
  assert.deepEqual(await statuses(SMUGGLED + post('Content-Length: 3\r\n', '{}')), [200]);
  assert.deepEqual(await statuses(post('Transfer-Encoding: chunked\r\n', '2\r\n{}\r\n0\r\n')), []);
  assert.deepEqual(await statuses(''), []);
});
