// Clients that do not read: others go on, memory stays bounded, and the limits are kept.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client, stroke } from './lib/client.mjs';
import { get, newUser } from './lib/http.mjs';
import { RawConnection } from './lib/raw.mjs';
import { PING, RawWebSocket, echo, frame } from './lib/rawws.mjs';
import { startServer } from './lib/server.mjs';

const MIB = 1 << 20;

// Sends pieces until the kernel takes no more, because the server has stopped reading.
async function sendUntilStuck(socket, piece, most) {
  let sent = 0;
  while (sent < most) {
    let taken = false;
    const done = socket.send(piece).then(() => (taken = true));
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 500))]);
    if (!taken) return sent;
    sent += piece.length;
  }
  return sent;
}

test('from a client that does not read its echoes the server stops reading, and others go on', async (t) => {
  const server = await startServer(t);
  const greedy = await RawWebSocket.open(server, { t });
  greedy.connection.pause();
  const before = server.memory().now;
  const most = 256 * MIB;
  const sent = await sendUntilStuck(greedy, echo('x'.repeat(MIB)), most);
  assert.ok(sent < most, 'the server took everything');
  const grown = server.memory().peak - before;
  assert.ok(grown < 128, `${grown} MiB more`);
  const other = await Client.open(server, { t });
  other.send(stroke(1));
  await other.next('drawing');
  await other.fence();
  // It was no punishment: once it reads, everything goes on where it stopped.
  greedy.connection.resume();
  let got;
  do got = await greedy.message();
  while (got.messageType !== 'echo_server');
  assert.equal(got.text.length, MIB);
});

test('pings of a client that does not read its pongs do not grow the server', async (t) => {
  const server = await startServer(t);
  const greedy = await RawWebSocket.open(server, { t });
  greedy.connection.pause();
  const before = server.memory().now;
  const pings = Buffer.concat(Array(8000).fill(frame(Buffer.alloc(125), { opcode: PING })));
  const most = 128 * MIB;
  const sent = await sendUntilStuck(greedy, pings, most);
  assert.ok(sent < most, 'the server took everything');
  assert.ok(server.memory().peak - before < 128);
  await (await Client.open(server, { t })).fence();
});

test('pipelined requests of a client that does not read its answers do not grow the server', async (t) => {
  const server = await startServer(t);
  const greedy = await RawConnection.open(server, { t });
  greedy.pause();
  const before = server.memory().now;
  const one = `GET /drawing-board HTTP/1.1\r\nHost: ${server.authority}\r\n\r\n`;
  const most = 64 * MIB;
  const sent = await sendUntilStuck(greedy, Buffer.from(one.repeat(2000)), most);
  assert.ok(sent < most, 'the server took everything');
  assert.ok(server.memory().peak - before < 128);
  assert.equal((await get(server, '/healthz')).status, 200);
});

test('one that sends without pause does not keep others waiting', async (t) => {
  const server = await startServer(t);
  const busy = await RawWebSocket.open(server, { t });
  const batch = Buffer.concat(Array.from({ length: 5000 }, (_, i) => echo(`${i}`)));
  let stop = false;
  const flood = (async () => {
    while (!stop) await busy.send(batch);
  })();
  busy.connection.socket.on('data', () => {
    busy.connection.chunks.length = 0;
    busy.connection.buffered = 0;
  });
  const quiet = await Client.open(server, { t });
  for (let i = 0; i < 50; i++) await quiet.fence();
  assert.equal((await get(server, '/healthz')).status, 200);
  stop = true;
  await flood;
});

test('a client with more than 64 MiB of live messages waiting is dropped, one with a huge board is not', async (t) => {
  const server = await startServer(t);
  const cookie = await newUser(server, 'sleeper');
  const drawer = await Client.open(server, { t });
  const sleeper = await RawWebSocket.open(server, { t, headers: { Cookie: cookie } });
  await drawer.usersBecome(['sleeper']);
  sleeper.connection.pause();

  const bare = JSON.stringify(stroke(0, { pad: '' }));
  const raw = JSON.stringify(stroke(0, { pad: 'p'.repeat(4096 - bare.length) }));
  assert.equal(raw.length, 4096);
  const gone = () => drawer.lists.at(-1).users.length === 0;
  let drawn = 0;
  while (!gone() && drawn * 4096 < 192 * MIB) {
    for (let i = 0; i < 500; i++) drawer.send(raw);
    drawn += 500;
    await drawer.fence(60_000);
    drawer.inbox = drawer.inbox.filter((one) => one.type !== 'drawing');
  }
  assert.ok(gone(), `not dropped after ${(drawn * 4096) / MIB} MiB`);
  assert.ok(drawn * 4096 > 64 * MIB, `dropped after ${(drawn * 4096) / MIB} MiB`);

  // More than 64 MiB of init_strokes wait for this one, and it is not dropped for that.
  const slow = await RawWebSocket.open(server, { t, greeting: false });
  slow.connection.pause();
  for (let i = 0; i < 200; i++) drawer.send(raw);
  await drawer.fence(60_000);
  slow.connection.resume();
  const init = await slow.message(120_000);
  assert.equal(init.messageType, 'init_strokes');
  let strokes = init.strokes.length;
  while (strokes < drawn + 200) {
    const got = await slow.message(60_000);
    if (got.messageType === 'drawing') strokes += 1;
    else assert.equal(got.messageType, 'active_users_list');
  }
  assert.equal(strokes, drawn + 200);
  await slow.fence();
});

test('a hundred newcomers that do not read share one copy of the board', async (t) => {
  const server = await startServer(t);
  const drawer = await Client.open(server, { t });
  const raw = JSON.stringify(stroke(0, { pad: 'p'.repeat(4000) }));
  for (let i = 0; i < 4000; i++) {
    drawer.send(raw);
    if (i % 500 === 499) await drawer.fence(60_000);
  }
  const before = server.memory().now;
  for (let i = 0; i < 100; i++) {
    const one = await RawWebSocket.open(server, { t, greeting: false });
    one.connection.pause();
  }
  await drawer.fence();
  const grown = server.memory().now - before;
  assert.ok(grown < 200, `${grown} MiB more for a board of 16 MiB`);
});
