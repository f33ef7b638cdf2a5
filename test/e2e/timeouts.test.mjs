// Everything that happens because of the time, to the millisecond: the server's clock stands still, and the tests
// move it. Only what it reads from the kernel is not real.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { V1, heardOfCalls, join, makeCall, page } from './lib/calls.mjs';
import { Client } from './lib/client.mjs';
import { Clock } from './lib/faults.mjs';
import { PASSWORD, get, newUser, postJson, register } from './lib/http.mjs';
import { RawConnection } from './lib/raw.mjs';
import { PING, PONG, RawWebSocket, closeFrame, echo, frame } from './lib/rawws.mjs';
import { file, startServer, within } from './lib/server.mjs';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

const clock = new Clock(file);
const server = await startServer(file, clock.options);
const HOST = `Host: ${server.authority}\r\n`;
const INCOMPLETE = `POST /login HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{ `;

// One millisecond before, nothing has come and nothing has ended.
async function assertQuietUntil(connection, ms) {
  await clock.advance(server, ms - 1);
  assert.equal(connection.buffered, 0, `${ms - 1} ms: there was ${connection.rest()}`);
  assert.ok(!connection.ended, `the connection ended before ${ms} ms had passed`);
  await clock.advance(server, 1);
}

async function assertTimedOut(connection) {
  assert.equal((await connection.response()).status, 408);
  await connection.assertEnds();
}

// Whether the server still has its end of the connection: a closed one has no inode.
function isHeld(connection) {
  const port = (address) => parseInt(address.split(':')[1], 16);
  return fs.readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1).some((line) => {
    const [, local, remote, , , , , , , inode] = line.trim().split(/\s+/);
    return port(local) === server.port && port(remote) === connection.socket.localPort && inode !== '0';
  });
}

// ── HTTP ──

test('a new connection that stays silent is closed after 10 s without an answer', async (t) => {
  const connection = await RawConnection.open(server, { t });
  await assertQuietUntil(connection, 10 * SECOND);
  await connection.assertEnds();
});

test('a header section that is not complete 10 s after its first byte is 408, and the connection ends', async (t) => {
  const connection = await RawConnection.open(server, { t });
  await clock.advance(server, 9 * SECOND);
  await connection.send(`GET / HTTP/1.1\r\n${HOST}`);
  await assertQuietUntil(connection, 10 * SECOND);
  await assertTimedOut(connection);
});

test('a header section that drips in is 408 all the same', async (t) => {
  const connection = await RawConnection.open(server, { t });
  await connection.send(`GET / HTTP/1.1\r\n${HOST}X: `);
  for (let i = 0; i < 9; i++) {
    await clock.advance(server, SECOND);
    await connection.send('y');
  }
  await assertQuietUntil(connection, SECOND);
  await assertTimedOut(connection);
});

test('the 10 s of a second request begin with its own first byte', async (t) => {
  const connection = await RawConnection.open(server, { t });
  await connection.send(`GET /healthz HTTP/1.1\r\n${HOST}\r\n`);
  assert.equal((await connection.response()).status, 200);
  await clock.advance(server, 40 * SECOND);
  await connection.send('GET /healthz HT');
  await assertQuietUntil(connection, 10 * SECOND);
  await assertTimedOut(connection);
});

test('a body that is not complete 30 s after the header is 408, dripping or not', async (t) => {
  const silent = await RawConnection.open(server, { t });
  const dripping = await RawConnection.open(server, { t });
  await silent.send(INCOMPLETE);
  await dripping.send(INCOMPLETE);
  for (let i = 0; i < 29; i++) {
    await clock.advance(server, SECOND);
    await dripping.send('y');
  }
  assert.ok(!silent.ended && silent.buffered === 0);
  await assertQuietUntil(dripping, SECOND);
  await assertTimedOut(silent);
  await assertTimedOut(dripping);
});

test('a kept connection that stays idle is closed after 60 s without an answer', async (t) => {
  const connection = await RawConnection.open(server, { t });
  await connection.send(`GET /healthz HTTP/1.1\r\n${HOST}\r\n`);
  assert.equal((await connection.response()).status, 200);
  await assertQuietUntil(connection, 60 * SECOND);
  await connection.assertEnds();
});

test('a kept connection that is used every 59 s is kept', async (t) => {
  const connection = await RawConnection.open(server, { t });
  for (let i = 0; i < 20; i++) {
    await connection.send(`GET /healthz HTTP/1.1\r\n${HOST}\r\n`);
    assert.equal((await connection.response()).status, 200);
    await clock.advance(server, 59 * SECOND);
  }
  assert.ok(!connection.ended);
});

// ── WebSocket ──

test('a silent WebSocket is pinged after 30 s and dropped after 75 s', async (t) => {
  const client = await RawWebSocket.open(server, { t });
  await assertQuietUntil(client.connection, 30 * SECOND);
  assert.equal((await client.frame()).opcode, PING);
  await assertQuietUntil(client.connection, 45 * SECOND);
  await client.connection.assertEnds();
});

test('a silent WebSocket that answers its pings is kept', async (t) => {
  const client = await RawWebSocket.open(server, { t });
  for (let i = 0; i < 20; i++) {
    await assertQuietUntil(client.connection, 30 * SECOND);
    const { opcode, payload } = await client.frame();
    assert.equal(opcode, PING);
    await client.send(frame(payload, { opcode: PONG }));
  }
  await client.fence();
});

test('whatever a WebSocket sends moves its ping away, a part of a frame, too', async (t) => {
  const client = await RawWebSocket.open(server, { t });
  await clock.advance(server, 29 * SECOND);
  await client.fence();
  await assertQuietUntil(client.connection, 29 * SECOND);
  const message = echo('in two pieces');
  await client.send(message.subarray(0, 5));
  await assertQuietUntil(client.connection, 30 * SECOND);
  assert.equal((await client.frame()).opcode, PING);
  await client.send(message.subarray(5));
  await client.assertEchoed('in two pieces');
});

for (const [what, more] of [
  ['never answers the close frame', () => {}],
  ['goes on sending instead of closing', (client) => client.send(echo('more'))],
]) {
  test(`a peer that ${what} is dropped after 5 s`, async (t) => {
    const client = await RawWebSocket.open(server, { t, allowHalfOpen: true });
    await client.send(frame('x', { opcode: 3 }));
    await client.assertCloseFrame(1002);
    await client.connection.assertEnds(); // the server's half; it still waits for the other
    for (let i = 0; i < 4; i++) {
      await clock.advance(server, SECOND);
      await more(client);
    }
    await clock.advance(server, SECOND - 1);
    assert.ok(isHeld(client.connection));
    await clock.advance(server, 1);
    assert.ok(!isHeld(client.connection));
  });
}

test('a peer that closes but keeps its connection open is dropped after 5 s', async (t) => {
  const client = await RawWebSocket.open(server, { t, allowHalfOpen: true });
  await client.send(closeFrame(1000));
  await client.assertCloseFrame(1000);
  await client.connection.assertEnds();
  await clock.advance(server, 5 * SECOND - 1);
  assert.ok(isHeld(client.connection));
  await clock.advance(server, 1);
  assert.ok(!isHeld(client.connection));
});

// ── sessions and passwords ──

test('a session lasts 30 days, across a restart, and takes its WebSockets along', async (t) => {
  const own = new Clock(t);
  const one = await startServer(t, own.options);
  const cookie = await newUser(one, 'ann');
  const me = async () => (await get(one, '/api/users/@me', { Cookie: cookie })).status;
  await own.advance(one, 30 * DAY - 1 * SECOND);
  await one.restart();
  const client = await Client.open(one, { t, cookie, protocol: 'parlor.v1' });
  assert.equal(client.hello.username, 'ann');
  await own.advance(one, SECOND - 1);
  assert.equal(await me(), 200);
  await own.advance(one, 1);
  assert.equal(await me(), 401);
  const guest = await Client.open(one, { t, cookie, protocol: 'parlor.v1' });
  assert.equal(guest.hello.username, null);
  for (let i = 0; i < 20; i++) { // the sweep comes every ten minutes
    client.socket.ping();
    guest.socket.ping();
    await own.advance(one, 30 * SECOND);
  }
  assert.equal((await within(client.closed, 'the end of the WebSocket')).code, 1008);
  assert.equal(guest.closing, undefined);
});

test('the attempts of a minute come back one by one, when Retry-After says so', async (t) => {
  const own = new Clock(t);
  const one = await startServer(t, { ...own.options, args: ['--auth-rate', '4'] });
  await register(one, 'ann');
  const attempt = (password) => postJson(one, '/login', { username: 'ann', password });
  for (let i = 0; i < 3; i++) assert.equal((await attempt('not the password')).status, 400);
  const refused = await attempt(PASSWORD);
  assert.equal(refused.status, 429);
  const seconds = Number(refused.headers['retry-after']);
  assert.equal(seconds, 15);
  await own.advance(one, seconds * SECOND - 1);
  assert.equal((await attempt(PASSWORD)).status, 429);
  await own.advance(one, 1);
  assert.equal((await attempt(PASSWORD)).status, 200);
  assert.equal((await attempt(PASSWORD)).status, 429);
});

// ── calls ──

test('a call is there until it has been empty for 24 hours, restarts included', async (t) => {
  const own = new Clock(t);
  const one = await startServer(t, own.options);
  const cookie = await newUser(one, 'ann');
  const open = () => Client.open(one, { t, cookie, protocol: 'parlor.v1' });
  const ids = async () => {
    const client = await open();
    client.send({ messageType: 'get_calls' });
    const { calls } = await client.next('call_list');
    client.destroy();
    return calls.map(({ id }) => id);
  };
  const left = await makeCall(one, cookie, 'left');
  await own.advance(one, 1);
  const never = await makeCall(one, cookie, 'never entered');
  await own.advance(one, 12 * HOUR);
  const visitor = await open();
  visitor.send({ messageType: 'join_call', callId: left });
  await visitor.next('existing_participants');
  visitor.send({ messageType: 'leave_call' });
  await visitor.fence();
  visitor.destroy();
  await own.advance(one, 12 * HOUR - 1);
  await one.restart();
  assert.deepEqual(await ids(), [left, never]);
  await own.advance(one, 1);
  assert.deepEqual(await ids(), [left]);
  await own.advance(one, 12 * HOUR - 1);
  assert.deepEqual(await ids(), [left]);
  await own.advance(one, 1);
  assert.deepEqual(await ids(), []);
  const late = await open();
  late.send({ messageType: 'join_call', callId: left });
  assert.match((await late.next('error')).error, /./);
});

test('a ring is missed after 30 s, and noted', async (t) => {
  const cookies = {};
  const ann = await page(server, t, cookies, 'ring-ann', V1);
  const bob = await page(server, t, cookies, 'ring-bob', V1);
  const callId = await makeCall(server, cookies['ring-ann']);
  await join(ann, callId);
  ann.send({ messageType: 'ring', targetUser: 'ring-bob', callId });
  const { ringId } = await ann.next('ring_state');
  assert.equal((await bob.next('incoming_call')).ringId, ringId);
  await clock.advance(server, 30 * SECOND - 1);
  assert.deepEqual((await heardOfCalls(ann)).concat(await heardOfCalls(bob)), []);
  await clock.advance(server, 1);
  const { state } = await ann.next('ring_state');
  assert.equal(state, 'missed');
  assert.equal((await bob.next('ring_over')).ringId, ringId);
  const { text } = await bob.next('direct_message');
  assert.match(text, new RegExp(`^Missed call: .*\\n/video-call/${callId}$`));
});

test('in the base dialect a member hears of a joiner after 400 ms at the latest, in v1 at once', async (t) => {
  const cookies = {};
  const [old, v1, joiner] = [
    await page(server, t, cookies, 'late-old'), await page(server, t, cookies, 'late-v1', V1), await page(server, t, cookies, 'late-joiner'),
  ];
  const callId = await makeCall(server, cookies['late-old']);
  await join(old, callId);
  await join(v1, callId);
  await clock.advance(server, SECOND);
  assert.equal((await old.next('user_joined')).username, 'late-v1');
  await join(joiner, callId);
  assert.equal((await v1.next('user_joined')).username, 'late-joiner');
  await clock.advance(server, 399);
  assert.deepEqual(await heardOfCalls(old), []);
  await clock.advance(server, 1);
  assert.equal((await old.next('user_joined')).username, 'late-joiner');
});
