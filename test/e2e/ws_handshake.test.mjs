// GET /websocket: what is accepted, what is selected, and what is refused with which status.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client } from './lib/client.mjs';
import { newUser } from './lib/http.mjs';
import { RawConnection, exchange } from './lib/raw.mjs';
import { ACCEPT, KEY, RawWebSocket, echo, handshake } from './lib/rawws.mjs';
import { file, startServer } from './lib/server.mjs';

const server = await startServer(file);

const attempt = (headers, { on = server, ...options } = {}) =>
  exchange(on, handshake(on, { headers, ...options }));

test('the handshake is answered with 101, the accept key of RFC 6455, and no extension', async () => {
  const response = await attempt({ 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits, x-foo' });
  assert.equal(response.status, 101);
  assert.equal(response.headers['sec-websocket-accept'], ACCEPT);
  assert.equal(response.headers.upgrade.toLowerCase(), 'websocket');
  assert.equal(response.headers.connection.toLowerCase(), 'upgrade');
  assert.equal(response.headers['sec-websocket-extensions'], undefined);
  assert.equal(response.headers['sec-websocket-protocol'], undefined);
  assert.equal(response.headers['content-length'], undefined);
  assert.equal(response.headers['transfer-encoding'], undefined);
  assert.ok(response.headers.date);
});

test('names and tokens are compared without case, and lists are lists', async () => {
  for (const headers of [
    { Upgrade: 'WebSocket' },
    { Upgrade: 'WEBSOCKET' },
    { Connection: 'keep-alive, Upgrade' },
    { Connection: 'upgrade' },
    { Connection: 'keep-alive,UPGRADE , x' },
    { Connection: ['keep-alive', 'Upgrade'] },
    { 'Sec-WebSocket-Key': undefined, 'sec-websocket-key': KEY },
    { 'Sec-WebSocket-Version': undefined, 'SEC-WEBSOCKET-VERSION': '13' },
    { 'Sec-WebSocket-Key': ` ${KEY}\t` },
  ]) {
    const response = await attempt(headers);
    assert.equal(response.status, 101, JSON.stringify(headers));
    assert.equal(response.headers['sec-websocket-accept'], ACCEPT);
  }
});

test('a query does not matter', async () => {
  assert.equal((await attempt({}, { target: '/websocket?room=1' })).status, 101);
});

test('another version is 426 and says which one is spoken', async () => {
  for (const version of ['12', '14', '8', '0', '013', '13.0', '+13', '13, 8', '8, 13', 'x', '130', '1 3']) {
    const response = await attempt({ 'Sec-WebSocket-Version': version });
    assert.equal(response.status, 426, version);
    assert.equal(response.headers['sec-websocket-version'], '13');
    assert.equal(response.headers.upgrade.toLowerCase(), 'websocket');
  }
});

test('a missing or bad Upgrade, Connection or key is 400', async () => {
  const bad = [
    { Upgrade: undefined },
    { Upgrade: 'h2c' },
    { Upgrade: 'websockets' },
    { Upgrade: '' },
    { Connection: undefined },
    { Connection: 'keep-alive' },
    { Connection: 'close' },
    { Connection: 'upgraded' },
    { Connection: '' },
    { 'Sec-WebSocket-Key': undefined },
    { 'Sec-WebSocket-Key': '' },
    { 'Sec-WebSocket-Key': 'short' },
    { 'Sec-WebSocket-Key': KEY.slice(0, -2) },
    { 'Sec-WebSocket-Key': `${KEY}AAAA` },
    { 'Sec-WebSocket-Key': `x${KEY.slice(1, -3)}!==` },
    { 'Sec-WebSocket-Key': KEY.replace('=', 'A') },
    { 'Sec-WebSocket-Key': KEY.replace('==', '') },
    { 'Sec-WebSocket-Key': Buffer.alloc(15).toString('base64') },
    { 'Sec-WebSocket-Key': Buffer.alloc(17).toString('base64') },
    { 'Sec-WebSocket-Key': Buffer.alloc(18).toString('base64') },
    { 'Sec-WebSocket-Key': [KEY, KEY] },
  ];
  for (const headers of bad) {
    const response = await attempt(headers);
    assert.equal(response.status, 400, JSON.stringify(headers));
    assert.equal(response.headers['sec-websocket-accept'], undefined);
  }
});

test('a handshake without a version is refused', async () => {
  assert.ok([400, 426].includes((await attempt({ 'Sec-WebSocket-Version': undefined })).status));
});

test('a handshake by another method or over HTTP/1.0 opens nothing', async () => {
  assert.equal((await attempt({ 'Content-Length': '0' }, { method: 'POST' })).status, 405);
  const old = await exchange(server, handshake(server).replace('HTTP/1.1', 'HTTP/1.0'));
  assert.ok([400, 426, 505].includes(old.status), String(old.status));
});

test('a refused handshake leaves the connection to HTTP', async (t) => {
  const connection = await RawConnection.open(server, { t });
  connection.send(handshake(server, { headers: { 'Sec-WebSocket-Version': '12' } }));
  assert.equal((await connection.response()).status, 426);
  connection.send(handshake(server));
  assert.equal((await connection.response()).status, 101);
});

test('a handshake behind pipelined requests is answered after them', async (t) => {
  const connection = await RawConnection.open(server, { t });
  connection.send(
    Buffer.concat([
      Buffer.from(`GET /healthz HTTP/1.1\r\nHost: ${server.authority}\r\n\r\n${handshake(server)}`),
      echo('behind'),
    ]),
  );
  assert.equal((await connection.response()).status, 200);
  assert.equal((await connection.response()).status, 101);
  const socket = new RawWebSocket(connection);
  await socket.readGreeting();
  await socket.assertEchoed('behind');
});

test('the own origin and no origin are allowed, every other is 403', async () => {
  const own = `http://${server.authority}`;
  for (const headers of [
    {},
    { Origin: own },
    { Host: 'Example.test', Origin: 'http://example.test' },
    { Host: 'example.test', Origin: 'https://example.test' },
    { Host: 'example.test:8443', Origin: 'https://example.test:8443' },
    { Host: '[::1]:8080', Origin: 'http://[::1]:8080' },
  ]) {
    assert.equal((await attempt(headers)).status, 101, JSON.stringify(headers));
  }
  for (const origin of [
    'http://evil.example', 'null', '', 'nonsense', own.replace(String(server.port), '1'), 'http://127.0.0.1',
    `${own}.evil.example`, `http://evil.example/${server.authority}`, `http://${server.authority}@evil.example`,
    `http://evil.example#${server.authority}`, `${own}/`, `${own} http://evil.example`,
  ]) {
    assert.equal((await attempt({ Origin: origin })).status, 403, origin);
  }
});

test('--allow-origin lets a page of another origin in', async (t) => {
  const own = await startServer(t, { args: ['--allow-origin', 'https://app.example'] });
  assert.equal((await attempt({ Origin: 'https://app.example' }, { on: own })).status, 101);
  assert.equal((await attempt({ Origin: `http://${own.authority}` }, { on: own })).status, 101);
  assert.equal((await attempt({ Origin: 'http://app.example' }, { on: own })).status, 403);
  assert.equal((await attempt({ Origin: 'https://app.example:444' }, { on: own })).status, 403);
});

test('--require-login refuses guests with 401 and lets users in', async (t) => {
  const own = await startServer(t, { args: ['--require-login'] });
  assert.equal((await attempt({}, { on: own })).status, 401);
  assert.equal((await attempt({ Cookie: 'auth_token=nonsense' }, { on: own })).status, 401);
  const cookie = await newUser(own, 'anna');
  assert.equal((await attempt({ Cookie: cookie }, { on: own })).status, 101);
  const client = await Client.open(own, { t, cookie });
  await client.fence();
});

test('parlor.v1 is selected wherever it is offered, and no other name ever', async () => {
  for (const offer of ['parlor.v1', 'chat, parlor.v1', 'parlor.v1,chat', ['chat', 'parlor.v1'], ' parlor.v1 ']) {
    const response = await attempt({ 'Sec-WebSocket-Protocol': offer });
    assert.equal(response.status, 101);
    assert.equal(response.headers['sec-websocket-protocol'], 'parlor.v1', JSON.stringify(offer));
  }
  for (const offer of ['chat', 'parlor', 'parlor.v2', 'parlor.v11', 'xparlor.v1', 'Parlor.V1', '"parlor.v1"', 'parlor.v1x, x']) {
    const response = await attempt({ 'Sec-WebSocket-Protocol': offer });
    assert.equal(response.status, 101);
    assert.equal(response.headers['sec-websocket-protocol'], undefined, offer);
  }
});

test('a client that offers another name speaks the base dialect', async (t) => {
  const socket = await RawWebSocket.open(server, { t, headers: { 'Sec-WebSocket-Protocol': 'chat' } });
  await socket.fence();
});

const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('a v1 client is greeted with hello, init_strokes and active_users_list, in this order', async (t) => {
  const socket = await RawWebSocket.open(server, {
    t,
    headers: { 'Sec-WebSocket-Protocol': 'parlor.v1' },
    greeting: false,
  });
  const hello = await socket.message();
  assert.deepEqual(Object.keys(hello).sort(), ['messageType', 'socketId', 'username', 'version']);
  assert.equal(hello.messageType, 'hello');
  assert.match(hello.socketId, UUID4);
  assert.equal(hello.username, null);
  assert.equal(typeof hello.version, 'string');
  assert.notEqual(hello.version, '');
  await socket.readGreeting();
  await socket.fence();
});

test('a base client is greeted with init_strokes and active_users_list alone, of exactly their fields', async (t) => {
  const socket = await RawWebSocket.open(server, { t, greeting: false });
  assert.deepEqual(await socket.message(), { messageType: 'init_strokes', strokes: [] });
  assert.deepEqual(await socket.message(), { messageType: 'active_users_list', users: [] });
  await socket.fence();
});

test('hello gives a user the registered spelling of their name, and every connection an id of its own', async (t) => {
  const own = await startServer(t);
  const cookie = await newUser(own, 'Anna.B');
  const clients = await Promise.all(
    Array.from({ length: 10 }, () => Client.open(own, { t, cookie, protocol: 'parlor.v1' })),
  );
  for (const { hello, socket } of clients) {
    assert.equal(socket.protocol, 'parlor.v1');
    assert.equal(hello.username, 'Anna.B');
    assert.match(hello.socketId, UUID4);
  }
  assert.equal(new Set(clients.map((client) => client.hello.socketId)).size, 10);
});

test('a client with compression to offer is served without', async (t) => {
  const client = await Client.open(server, { t });
  assert.equal(client.socket.extensions, '');
  await client.fence();
});

test('a handshake cut anywhere, with a message behind it, is one handshake', async () => {
  const whole = Buffer.concat([Buffer.from(handshake(server)), echo('cut')]);
  await Promise.all(
    Array.from({ length: whole.length - 1 }, async (_, i) => {
      const connection = await RawConnection.open(server);
      try {
        await connection.sendSlices([whole.subarray(0, i + 1), whole.subarray(i + 1)]);
        const response = await connection.response();
        assert.equal(response.status, 101, `cut at ${i + 1}`);
        const socket = new RawWebSocket(connection);
        await socket.readGreeting();
        await socket.assertEchoed('cut');
      } finally {
        connection.destroy();
      }
    }),
  );
});
