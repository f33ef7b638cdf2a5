// Each limit of HTTP, at the limit and past it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { PASSWORD, authToken } from './lib/http.mjs';
import { RawConnection, exchange, exchangeAndEnd, get } from './lib/raw.mjs';
import { file, startServer } from './lib/server.mjs';

const server = await startServer(file);
const HOST = `Host: ${server.authority}\r\n`;
const LINE_MAX = 8192;
const HEAD_MAX = 16384;
const BODY_MAX = 65536;

// Whether the limits count the line's own CRLF is the server's choice: the passing case counts it,
// the failing one does not.
const lineOf = (length) => `GET /healthz?${'x'.repeat(length - 'GET /healthz? HTTP/1.1'.length)} HTTP/1.1`;

test('a request line of 8 KiB is answered', async () => {
  const response = await exchange(server, `${lineOf(LINE_MAX - 2)}\r\n${HOST}\r\n`);
  assert.equal(response.status, 200);
});

test('a request line over 8 KiB is 414, and the connection ends', async () => {
  assert.equal((await exchangeAndEnd(server, `${lineOf(LINE_MAX + 1)}\r\n${HOST}\r\n`)).status, 414);
});

test('a request line that never ends is 414 without waiting for its end', async () => {
  assert.equal((await exchangeAndEnd(server, `GET /${'x'.repeat(LINE_MAX + 1)}`)).status, 414);
});

function headOf(total, lines = 1) {
  const start = `GET /healthz HTTP/1.1\r\n${HOST}`;
  let left = total - start.length - 2;
  let head = start;
  for (let i = 0; i < lines; i++) {
    const name = `X-${i}: `;
    const length = i === lines - 1 ? left : Math.floor(total / lines) - 20;
    head += `${name}${'y'.repeat(length - name.length - 2)}\r\n`;
    left -= length;
  }
  return `${head}\r\n`;
}

test('a header section of 16 KiB is answered', async () => {
  for (const lines of [1, 2, 60]) {
    const head = headOf(HEAD_MAX, lines);
    assert.equal(head.length, HEAD_MAX);
    assert.equal((await exchange(server, head)).status, 200, `${lines} lines`);
  }
});

test('a header section over 16 KiB is 431, and the connection ends', async () => {
  const line = 'GET /healthz HTTP/1.1\r\n'.length;
  for (const lines of [1, 2, 60]) {
    assert.equal((await exchangeAndEnd(server, headOf(HEAD_MAX + line + 3, lines))).status, 431, `${lines} lines`);
  }
});

test('a header section that never ends is 431 without waiting for its end', async () => {
  const start = `GET /healthz HTTP/1.1\r\n${HOST}`;
  assert.equal((await exchangeAndEnd(server, `${start}X: ${'y'.repeat(HEAD_MAX)}`)).status, 431);
  assert.equal((await exchangeAndEnd(server, `${start}${'X: y\r\n'.repeat(HEAD_MAX / 6 + 1)}`)).status, 431);
});

const json = (length) => {
  const name = `u${length}${Math.random().toString(36).slice(2, 8)}`;
  return JSON.stringify({ username: name, password: PASSWORD }).padEnd(length, ' ');
};
const post = (headers) => `POST /register HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n${headers}\r\n`;
const chunked = (body, size) => {
  let all = '';
  for (let at = 0; at < body.length; at += size) {
    const chunk = body.slice(at, at + size);
    all += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
  }
  return `${all}0\r\n\r\n`;
};

test('a body of 64 KiB is taken', async () => {
  const body = json(BODY_MAX);
  assert.equal((await exchange(server, post(`Content-Length: ${BODY_MAX}\r\n`) + body)).status, 201);
});

test('a chunked body of 64 KiB is taken, whatever its chunks', async () => {
  for (const size of [BODY_MAX, 4096, 1000]) {
    const sent = post('Transfer-Encoding: chunked\r\n') + chunked(json(BODY_MAX), size);
    assert.equal((await exchange(server, sent)).status, 201, `chunks of ${size}`);
  }
});

test('a body over 64 KiB is 413 before it arrives, and the connection ends', async () => {
  assert.equal((await exchangeAndEnd(server, post(`Content-Length: ${BODY_MAX + 1}\r\n`))).status, 413);
});

test('a body over 64 KiB is 413 also for a client that has sent all of it', async () => {
  const body = json(BODY_MAX + 1);
  const response = await exchangeAndEnd(server, post(`Content-Length: ${body.length}\r\n`) + body);
  assert.equal(response.status, 413);
});

test('a chunked body over 64 KiB is 413, and the connection ends', async () => {
  for (const size of [BODY_MAX + 1, 4096, 1000]) {
    const sent = post('Transfer-Encoding: chunked\r\n') + chunked(json(BODY_MAX + 1), size);
    assert.equal((await exchangeAndEnd(server, sent)).status, 413, `chunks of ${size}`);
  }
});

test('a chunk of announced gigabytes is 413 as soon as 64 KiB of it are over', async () => {
  for (const size of ['10001', 'fffffff0', 'ffffffffffffff']) {
    const sent = `${post('Transfer-Encoding: chunked\r\n')}${size}\r\n${' '.repeat(BODY_MAX + 1)}`;
    assert.equal((await exchangeAndEnd(server, sent)).status, 413, size);
  }
});

test('a chunk extension or a trailer that never ends is refused', async () => {
  const extension = `${post('Transfer-Encoding: chunked\r\n')}5;${'x'.repeat(200_000)}`;
  const one = await exchangeAndEnd(server, extension);
  assert.ok([400, 413, 431].includes(one.status), String(one.status));
  const trailer = `${post('Transfer-Encoding: chunked\r\n')}0\r\n${'X: y\r\n'.repeat(40_000)}`;
  const two = await exchangeAndEnd(server, trailer);
  assert.ok([400, 413, 431].includes(two.status), String(two.status));
});

test('a refused large request does not keep others waiting or grow the server', async () => {
  const connections = await Promise.all(Array.from({ length: 200 }, () => RawConnection.open(server)));
  const before = server.memory().now;
  for (const connection of connections) {
    connection.send(`GET / HTTP/1.1\r\n${HOST}X: ${'y'.repeat(10_000)}`);
  }
  assert.equal((await get(server, '/healthz')).status, 200);
  const after = server.memory().now;
  assert.ok(after - before < 100, `${after - before} MiB more`);
  for (const connection of connections) connection.destroy();
});

test('a login works behind a header section full of cookies', async () => {
  const body = json(200);
  await exchange(server, post(`Content-Length: ${body.length}\r\n`) + body);
  const login = await exchange(
    server,
    `POST /login HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  assert.equal(login.status, 200);
  const token = authToken({ headers: { 'set-cookie': [login.headers['set-cookie']] } });
  const cookies = Array.from({ length: 200 }, (_, i) => `name${i}=${'v'.repeat(40)}`);
  cookies.splice(100, 0, `auth_token=${token}`);
  const me = await get(server, '/api/users/@me', `Cookie: ${cookies.join('; ')}\r\n`);
  assert.equal(me.status, 200);
});
