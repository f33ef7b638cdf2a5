// HTTP/1.1: what is well-formed is answered, wherever it is cut; what is not is refused and closed.

import assert from 'node:assert/strict';
import test from 'node:test';
import { RawConnection, exchange, exchangeAndEnd, get } from './lib/raw.mjs';
import { file, startServer } from './lib/server.mjs';

const server = await startServer(file);
const HOST = `Host: ${server.authority}\r\n`;
const HEALTH = `GET /healthz HTTP/1.1\r\n${HOST}\r\n`;

function postLogin(headers, body) {
  return `POST /login HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n${headers}\r\n${body}`;
}
const NOBODY = '{"username":"nobody","password":"no such password"}';

function assertSentence(response) {
  assert.match(response.headers['content-type'] ?? '', /^text\/plain/);
  assert.match(response.bodyText.trim(), /^[^\n]{3,200}$/, 'a short sentence');
}

const MALFORMED = {
  'a request line with nothing but a method': `GET\r\n${HOST}\r\n`,
  'a request line without a version': `GET /\r\n${HOST}\r\n`,
  'a request line without a method': ` / HTTP/1.1\r\n${HOST}\r\n`,
  'a request line without a target': `GET  HTTP/1.1\r\n${HOST}\r\n`,
  'two spaces before the version': `GET /  HTTP/1.1\r\n${HOST}\r\n`,
  'two spaces after the method': `GET  / HTTP/1.1\r\n${HOST}\r\n`,
  'a tab for a space': `GET\t/ HTTP/1.1\r\n${HOST}\r\n`,
  'a space after the version': `GET / HTTP/1.1 \r\n${HOST}\r\n`,
  'a fourth word': `GET / x HTTP/1.1\r\n${HOST}\r\n`,
  'a target that is no path': `GET healthz HTTP/1.1\r\n${HOST}\r\n`,
  'a method with a forbidden character': `G@T / HTTP/1.1\r\n${HOST}\r\n`,
  'a version in small letters': `GET / http/1.1\r\n${HOST}\r\n`,
  'a version with letters behind': `GET / HTTP/1.1x\r\n${HOST}\r\n`,
  'a version of one number': `GET / HTTP/1\r\n${HOST}\r\n`,
  'another protocol': `GET / HTTPS/1.1\r\n${HOST}\r\n`,
  'a control character in the target': `GET /\x01 HTTP/1.1\r\n${HOST}\r\n`,
  'a bare CR in the request line': `GET /\rx HTTP/1.1\r\n${HOST}\r\n`,
  'binary garbage': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
  'a header without a colon': `GET / HTTP/1.1\r\n${HOST}NoColon\r\n\r\n`,
  'a header without a name': `GET / HTTP/1.1\r\n${HOST}: value\r\n\r\n`,
  'a space before the colon': `GET / HTTP/1.1\r\n${HOST}Accept : */*\r\n\r\n`,
  'a tab before the colon': `GET / HTTP/1.1\r\n${HOST}Accept\t: */*\r\n\r\n`,
  'a space in a header name': `GET / HTTP/1.1\r\n${HOST}Ac cept: */*\r\n\r\n`,
  'a folded header': `GET / HTTP/1.1\r\n${HOST}Accept: a,\r\n b\r\n\r\n`,
  'a header folded with a tab': `GET / HTTP/1.1\r\n${HOST}Accept: a,\r\n\tb\r\n\r\n`,
  'a space before the first header': `GET / HTTP/1.1\r\n ${HOST}\r\n`,
  'a forbidden character in a header name': `GET / HTTP/1.1\r\n${HOST}Acc(ept: x\r\n\r\n`,
  'a byte above 127 in a header name': `GET / HTTP/1.1\r\n${HOST}Acc\xe9pt: x\r\n\r\n`,
  'a NUL in a header value': `GET / HTTP/1.1\r\n${HOST}Accept: a\0b\r\n\r\n`,
  'a bare CR in a header value': `GET / HTTP/1.1\r\n${HOST}Accept: a\rb\r\n\r\n`,
  'a control character in a header value': `GET / HTTP/1.1\r\n${HOST}Accept: a\x01b\r\n\r\n`,
  'no Host': 'GET / HTTP/1.1\r\nAccept: */*\r\n\r\n',
  'two Hosts': `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`,
  'two Hosts that differ': `GET / HTTP/1.1\r\n${HOST}Host: other\r\n\r\n`,
  'two Hosts in different case': `GET / HTTP/1.1\r\n${HOST}HOST: ${server.authority}\r\n\r\n`,
  'a Host with a space': 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n',
  'a Host with a path': 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n',
  'a Host with user information': 'GET / HTTP/1.1\r\nHost: user@a\r\n\r\n',
  'a Host with a port of letters': 'GET / HTTP/1.1\r\nHost: a:b\r\n\r\n',
  'a Host with a port too large': 'GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n',
  'a Host with a list': 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n',
  'a Host with an open bracket': 'GET / HTTP/1.1\r\nHost: [::1\r\n\r\n',
};
for (const [name, bytes] of Object.entries(MALFORMED)) {
  test(`${name} is 400, and the connection ends`, async () => {
    const response = await exchangeAndEnd(server, bytes);
    assert.equal(response.status, 400);
    assertSentence(response);
  });
}

const SMUGGLING = {
  'Transfer-Encoding and Content-Length': ['Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'],
  'Content-Length and Transfer-Encoding': ['Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'],
  'both in strange case': ['CONTENT-LENGTH: 5\r\ntransfer-encoding: CHUNKED\r\n', '0\r\n\r\n'],
  'two lengths that differ': ['Content-Length: 5\r\nContent-Length: 6\r\n', 'abcdef'],
  'a list of lengths that differ': ['Content-Length: 5, 6\r\n', 'abcdef'],
  'a negative length': ['Content-Length: -1\r\n', ''],
  'a length with a plus': ['Content-Length: +5\r\n', 'abcde'],
  'a length in hexadecimal': ['Content-Length: 0x5\r\n', 'abcde'],
  'a length with a space inside': ['Content-Length: 1 1\r\n', 'abcdefghijk'],
  'an empty length': ['Content-Length: \r\n', ''],
  'a length of letters': ['Content-Length: five\r\n', 'abcde'],
  'a length with a fraction': ['Content-Length: 5.0\r\n', 'abcde'],
  'a chunk size of letters': ['Transfer-Encoding: chunked\r\n', 'xyz\r\nabc\r\n0\r\n\r\n'],
  'a chunk size with a sign': ['Transfer-Encoding: chunked\r\n', '+3\r\nabc\r\n0\r\n\r\n'],
  'a chunk size below zero': ['Transfer-Encoding: chunked\r\n', '-3\r\nabc\r\n0\r\n\r\n'],
  'a chunk size with 0x': ['Transfer-Encoding: chunked\r\n', '0x3\r\nabc\r\n0\r\n\r\n'],
  'an empty chunk size': ['Transfer-Encoding: chunked\r\n', '\r\nabc\r\n0\r\n\r\n'],
  'a space before a chunk size': ['Transfer-Encoding: chunked\r\n', ' 3\r\nabc\r\n0\r\n\r\n'],
  'a chunk longer than its size': ['Transfer-Encoding: chunked\r\n', '3\r\nabcd\r\n0\r\n\r\n'],
  'a chunk without its CRLF': ['Transfer-Encoding: chunked\r\n', '3\r\nabc0\r\n\r\n'],
  'a chunk ended by LF alone': ['Transfer-Encoding: chunked\r\n', '3\r\nabc\n0\r\n\r\n'],
  'a chunk size that wraps around 64 bits': ['Transfer-Encoding: chunked\r\n', '10000000000000003\r\nabc\r\n0\r\n\r\n'],
};
for (const [name, [headers, body]] of Object.entries(SMUGGLING)) {
  test(`${name}: refused with 400, and what follows is not read as a request`, async () => {
    const response = await exchangeAndEnd(server, postLogin(headers, body) + HEALTH);
    assert.equal(response.status, 400);
    assertSentence(response);
  });
}

for (const size of ['10000000000000003', '1000000g', '100000 3']) {
  test(`the chunk size ${size} is 400, not 413, wherever it is cut`, async () => {
    const sent = postLogin('Transfer-Encoding: chunked\r\n', `${size}\r\n`);
    await Promise.all(
      Array.from({ length: size.length }, async (_, i) => {
        const connection = await RawConnection.open(server);
        try {
          await connection.sendSlices([sent.slice(0, -2 - i), sent.slice(-2 - i)]);
          assert.equal((await connection.response()).status, 400, `cut before the last ${2 + i} bytes`);
        } finally {
          connection.destroy();
        }
      }),
    );
  });
}

test('a length beyond 64 bits is refused and closes', async () => {
  const response = await exchangeAndEnd(server, postLogin('Content-Length: 18446744073709551617\r\n', '') + HEALTH);
  assert.ok([400, 413].includes(response.status), String(response.status));
});

for (const coding of ['gzip', 'identity', 'chunked, chunked', 'gzip, chunked', 'chunked, gzip', 'xchunked', 'chunkedx', '"chunked"', 'chunked;q=1', '\x0bchunked', '']) {
  test(`Transfer-Encoding: ${JSON.stringify(coding)} is refused, and what follows is not read as a request`, async () => {
    const response = await exchangeAndEnd(
      server,
      postLogin(`Transfer-Encoding: ${coding}\r\n`, '0\r\n\r\n') + HEALTH,
    );
    assert.ok([400, 501].includes(response.status), String(response.status));
    assertSentence(response);
  });
}

test('two Transfer-Encoding headers are refused and close', async () => {
  const response = await exchangeAndEnd(
    server,
    postLogin('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n') + HEALTH,
  );
  assert.ok([400, 501].includes(response.status), String(response.status));
});

test('header names and the codings are compared without case', async () => {
  for (const headers of [`content-length: ${NOBODY.length}\r\n`, `CONTENT-LENGTH:${NOBODY.length}  \r\n`]) {
    const response = await exchange(server, postLogin(headers, NOBODY));
    assert.equal(response.status, 400);
    assert.match(response.bodyText, /name|password/i);
  }
  const chunked = `${NOBODY.length.toString(16)}\r\n${NOBODY}\r\n0\r\n\r\n`;
  const response = await exchange(server, postLogin('TRANSFER-encoding: ChunkED\r\n', chunked));
  assert.equal(response.status, 400);
  assert.match(response.bodyText, /name|password/i);
});

test('connection: CLOSE ends the connection after the answer', async () => {
  const response = await exchangeAndEnd(server, `GET /healthz HTTP/1.1\r\n${HOST}connection: CLOSE\r\n\r\n${HEALTH}`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.connection.toLowerCase(), 'close');
  const listed = await exchangeAndEnd(server, `GET /healthz HTTP/1.1\r\n${HOST}Connection: x, Close\r\n\r\n`);
  assert.equal(listed.status, 200);
});

test('a malformed request behind a good one is refused after the good one is answered', async (t) => {
  const connection = await RawConnection.open(server, { t });
  connection.send(`${HEALTH}GET / HTTP/1.1\r\nbad header\r\n\r\n${HEALTH}`);
  assert.equal((await connection.response()).status, 200);
  assert.equal((await connection.response()).status, 400);
  await connection.assertEnds();
});

test('an unknown method is 501', async () => {
  for (const method of ['BREW', 'get', 'Get', 'GETX', 'X', 'PROPFIND']) {
    const response = await exchange(server, `${method} /healthz HTTP/1.1\r\n${HOST}\r\n`);
    assert.equal(response.status, 501, method);
    assertSentence(response);
  }
});

test('a known path with another method is 405 with Allow', async () => {
  const cases = [
    ['DELETE', '/healthz', ['GET']],
    ['POST', '/healthz', ['GET']],
    ['PUT', '/login', ['GET', 'POST']],
    ['DELETE', '/register', ['GET', 'POST']],
    ['POST', '/', ['GET']],
    ['PUT', '/logout', ['GET', 'POST']],
    ['POST', '/api/users/@me', ['GET']],
    ['POST', '/websocket', ['GET']],
    ['DELETE', '/drawing-board', ['GET']],
  ];
  for (const [method, target, allowed] of cases) {
    const response = await exchange(server, `${method} ${target} HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`);
    assert.equal(response.status, 405, `${method} ${target}`);
    const allow = (response.headers.allow ?? '').split(/ *, */);
    for (const one of allowed) assert.ok(allow.includes(one), `Allow: ${allow} of ${target}`);
    assert.ok(!allow.includes(method));
  }
});

test('a version other than 1.x is 505', async () => {
  for (const version of ['HTTP/2.0', 'HTTP/0.9', 'HTTP/3.0', 'HTTP/9.9']) {
    const response = await exchange(server, `GET /healthz ${version}\r\n${HOST}\r\n`);
    assert.equal(response.status, 505, version);
  }
});

test('HTTP/1.0 is answered and closed, even if it asks to be kept', async () => {
  for (const extra of ['', 'Connection: keep-alive\r\n']) {
    const response = await exchangeAndEnd(server, `GET /healthz HTTP/1.0\r\n${HOST}${extra}\r\n${HEALTH}`);
    assert.equal(response.status, 200);
    assert.equal(response.bodyText.trim(), 'ok');
    assert.equal(response.headers['transfer-encoding'], undefined);
  }
});

test('Host may be a name, an address or an IPv6 address, with and without port', async () => {
  for (const host of ['example.com', 'example.com:80', 'a-b.c_d', '127.0.0.1', '[::1]', '[::1]:8080', 'EXAMPLE.com']) {
    assert.equal((await exchange(server, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status, 200, host);
  }
});

test('a whole URL as target is answered like its path', async () => {
  assert.equal((await get(server, `http://${server.authority}/healthz`)).status, 200);
  assert.equal((await get(server, `http://${server.authority}`)).status, 200);
});

test('a thousand pipelined requests are answered in order', async (t) => {
  const connection = await RawConnection.open(server, { t });
  const targets = Array.from({ length: 1000 }, (_, i) => (i % 3 ? '/healthz' : `/nothing-${i}`));
  connection.send(targets.map((target) => `GET ${target} HTTP/1.1\r\n${HOST}\r\n`).join(''));
  for (const target of targets) {
    const response = await connection.response();
    assert.equal(response.status, target === '/healthz' ? 200 : 404);
  }
});

test('pipelined requests of every kind keep their order, slow ones too', async (t) => {
  const connection = await RawConnection.open(server, { t });
  connection.send(
    HEALTH +
      postLogin(`Content-Length: ${NOBODY.length}\r\n`, NOBODY) +
      `HEAD /login HTTP/1.1\r\n${HOST}\r\n` +
      postLogin('Transfer-Encoding: chunked\r\n', `a\r\n${NOBODY.slice(0, 10)}\r\n${(NOBODY.length - 10).toString(16)};x=y\r\n${NOBODY.slice(10)}\r\n0\r\nTrailer: x\r\n\r\n`) +
      `DELETE /healthz HTTP/1.1\r\n${HOST}\r\n` +
      HEALTH,
  );
  assert.equal((await connection.response()).bodyText.trim(), 'ok');
  const first = await connection.response();
  assert.equal(first.status, 400);
  assert.equal((await connection.response({ head: true })).status, 200);
  const second = await connection.response();
  assert.equal(second.status, 400);
  assert.equal(second.bodyText, first.bodyText);
  assert.equal((await connection.response()).status, 405);
  assert.equal((await connection.response()).bodyText.trim(), 'ok');
});

test('requests that arrive byte by byte are answered', async (t) => {
  const connection = await RawConnection.open(server, { t });
  await connection.sendByteByByte(
    HEALTH +
      postLogin(`Content-Length: ${NOBODY.length}\r\n`, NOBODY) +
      postLogin('Transfer-Encoding: chunked\r\n', `${NOBODY.length.toString(16)}\r\n${NOBODY}\r\n0\r\n\r\n`) +
      HEALTH,
  );
  assert.equal((await connection.response()).status, 200);
  assert.equal((await connection.response()).status, 400);
  assert.equal((await connection.response()).status, 400);
  assert.equal((await connection.response()).status, 200);
});

test('a request cut in two anywhere is answered', async () => {
  const whole = `POST /healthz HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n4;ext="a"\r\nabcd\r\n0\r\nT: x\r\n\r\n${HEALTH}`;
  await Promise.all(
    Array.from({ length: whole.length - 1 }, async (_, i) => {
      const connection = await RawConnection.open(server);
      try {
        await connection.sendSlices([whole.slice(0, i + 1), whole.slice(i + 1)]);
        assert.equal((await connection.response()).status, 405, `cut at ${i + 1}`);
        assert.equal((await connection.response()).status, 200, `cut at ${i + 1}`);
      } finally {
        connection.destroy();
      }
    }),
  );
});

test('a body in many small chunks is one body', async (t) => {
  const connection = await RawConnection.open(server, { t });
  const chunks = Array.from(NOBODY, (one) => `1\r\n${one}\r\n`).join('');
  connection.send(postLogin('Transfer-Encoding: chunked\r\n', `${chunks}000\r\n\r\n`) + HEALTH);
  const response = await connection.response();
  assert.equal(response.status, 400);
  assert.match(response.bodyText, /name|password/i);
  assert.equal((await connection.response()).status, 200);
});

test('a client that asks before it sends its body is told to go on', async (t) => {
  const connection = await RawConnection.open(server, { t });
  connection.send(postLogin(`Expect: 100-continue\r\nContent-Length: ${NOBODY.length}\r\n`, ''));
  assert.equal((await connection.response()).status, 100);
  connection.send(NOBODY + HEALTH);
  assert.equal((await connection.response()).status, 400);
  assert.equal((await connection.response()).status, 200);
});

test('a client that only closes its sending side gets its answers', async (t) => {
  const connection = await RawConnection.open(server, { t });
  connection.send(HEALTH + HEALTH);
  connection.endSending();
  assert.equal((await connection.response()).status, 200);
  assert.equal((await connection.response()).status, 200);
  await connection.assertEnds();
});

test('a client that leaves in the middle of a request leaves nothing behind', async () => {
  for (const part of ['', 'GE', 'GET / HTTP/1.1\r\nHo', postLogin('Content-Length: 100\r\n', 'abc')]) {
    const connection = await RawConnection.open(server);
    await connection.send(part);
    connection.resetNow();
  }
  assert.equal((await get(server, '/healthz')).status, 200);
});
