// Many, and hostile ones: bounded in number and time. Memory and descriptors stay under a stated bound and come back.
//
// The bounds on memory hold for the release build; AddressSanitizer keeps what was freed for a while, so there only the rest is looked at.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import test from 'node:test';
import { makeCall } from './lib/calls.mjs';
import { Client, stroke } from './lib/client.mjs';
import { newUser } from './lib/http.mjs';
import { RawConnection } from './lib/raw.mjs';
import { PING, RawWebSocket, frame, json } from './lib/rawws.mjs';
import { SERVER, cleanUp, startServer, until } from './lib/server.mjs';

const MIB = 1 << 20;
const isSanitized = fs.readFileSync(SERVER).includes('__asan_init');
const openFiles = Number(execFileSync('bash', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).replace('unlimited', '1000000'));

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const HANDSHAKE = 'GET /websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
  + 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

// A bare socket that has shaken hands and reads and drops what comes; `reads` false: it never reads.
function bare(server, { say = HANDSHAKE, reads = true } = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, server.host);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.on('error', () => {});
      socket.setNoDelay(true);
      if (!reads) {
        socket.pause();
        socket.write(say);
        resolve(socket);
        return;
      }
      socket.once('data', () => resolve(socket));
      socket.resume();
      socket.write(say);
    });
  });
}

async function many(n, make, atOnce = 100) {
  const all = [];
  while (all.length < n) {
    all.push(...(await Promise.all(Array.from({ length: Math.min(atOnce, n - all.length) }, make))));
  }
  return all;
}

const endAll = (t, sockets) => cleanUp(t, () => sockets.forEach((one) => one.destroy()));

function assertMemory(server, before, most, what) {
  const { now, peak } = server.memory();
  if (!isSanitized) assert.ok(peak - before < most, `${what}: ${(peak - before).toFixed(1)} MiB more at its highest, ${(now - before).toFixed(1)} now`);
  return `${what}: ${(peak - before).toFixed(1)} MiB more at its highest, ${(now - before).toFixed(1)} now`;
}

// The server has let go of everybody: as many descriptors as at the beginning, and people are served.
async function isAsBefore(server, descriptors) {
  await until(() => server.descriptors() <= descriptors, `${descriptors} descriptors, not ${server.descriptors()}`);
  const client = await Client.open(server);
  await client.fence();
  await client.close();
}

test('ten thousand idle connections cost under 2 KiB each, and two hundred active ones do not notice them', async (t) => {
  // Each connection is one descriptor here and one there; some are left for everything else.
  const n = Math.min(10_000, openFiles - 500, isSanitized ? 3000 : Infinity);
  const server = await startServer(t);
  const [before, descriptors] = [server.memory().now, server.descriptors()];
  const idle = await many(n, () => bare(server));
  endAll(t, idle);
  t.diagnostic(assertMemory(server, before, (n * 2048) / MIB + 4, `${n} idle connections`));
  assert.ok(server.descriptors() >= n);

  const active = await many(200, () => Client.open(server, { t }), 20);
  for (let round = 0; round < 5; round++) await Promise.all(active.map((one) => one.fence()));
  active[0].send(stroke(1));
  await Promise.all(active.map((one) => one.next('drawing')));
  for (const one of [...idle, ...active]) one.destroy();
  await isAsBefore(server, descriptors);
});

test('five thousand that come and go one behind the other leave nothing behind', async (t) => {
  const server = await startServer(t);
  const warm = await many(50, () => bare(server));
  warm.forEach((one) => one.destroy());
  await sleep(100);
  const [before, descriptors] = [server.memory().now, server.descriptors()];
  for (let i = 0; i < 5000; i++) {
    const socket = await bare(server);
    if (i % 2) socket.resetAndDestroy();
    else socket.destroy();
  }
  t.diagnostic(assertMemory(server, before, 4, '5000 comings and goings'));
  await isAsBefore(server, descriptors);
});

test('two thousand handshakes that stop in the middle cost under 4 KiB each and end by themselves', async (t) => {
  const server = await startServer(t);
  const [before, descriptors] = [server.memory().now, server.descriptors()];
  const half = await many(2000, () => bare(server, { say: HANDSHAKE.slice(0, -30), reads: false }));
  endAll(t, half);
  const client = await Client.open(server, { t });
  await client.fence();
  t.diagnostic(assertMemory(server, before, (2000 * 4096) / MIB + 2, '2000 half handshakes'));
  half.forEach((one) => one.resume()); // or the 408 would keep the end from being seen
  await until(() => server.descriptors() <= descriptors + 1, 'the end of all half handshakes');
});

test('a thousand who do not read share what they are owed', async (t) => {
  const server = await startServer(t);
  const drawer = await Client.open(server, { t });
  const descriptors = server.descriptors();
  const slow = await many(1000, () => bare(server, { reads: false }));
  endAll(t, slow);
  await drawer.fence();
  const before = server.memory().now;
  // 20 MiB of broadcasts for each of them, far beyond what the kernel takes.
  const pad = 'p'.repeat(3900);
  for (let i = 0; i < 5400; i++) {
    drawer.send(stroke(i, { pad }));
    if (i % 100 === 99) await drawer.fence();
  }
  await drawer.fence();
  const client = await Client.open(server, { t, initMs: 60_000 });
  assert.equal(client.strokes.length, 5400);
  // The board itself is 21 MiB, and the broadcasts that all of them wait for once as much, in arenas; and a slice list for each.
  t.diagnostic(assertMemory(server, before, 160, 'a thousand who do not read'));
  slow.forEach((one) => one.destroy());
  await client.close();
  await isAsBefore(server, descriptors);
});

test('a hundred connections of one person that write to that person in one moment share every message', async (t) => {
  const server = await startServer(t);
  const descriptors = server.descriptors();
  const cookie = await newUser(server, 'Echo');
  const others = await many(100, () => bare(server, { say: HANDSHAKE.replace('\r\n\r\n', `\r\nCookie: ${cookie}\r\n\r\n`) }));
  endAll(t, others);
  const reader = await RawWebSocket.open(server, { t, headers: { Cookie: cookie } });
  const { now: before } = server.memory();
  // While it stands still, everything comes to lie in front of it: then it is one tick's.
  process.kill(server.pid, 'SIGSTOP');
  const one = json({ messageType: 'direct_message', targetUser: 'echo', text: 'x'.repeat(3800) });
  const each = 16;
  const all = Buffer.concat(Array(each).fill(one));
  await Promise.all(others.map((socket) => new Promise((resolve) => socket.write(all, resolve)))); // the kernel has it
  process.kill(server.pid, 'SIGCONT');
  for (let got = 0; got < each * others.length; ) {
    if ((await reader.message()).messageType === 'direct_message') got += 1;
  }
  t.diagnostic(assertMemory(server, before, 150, 'a hundred who write to themselves'));
  others.forEach((socket) => socket.destroy());
  reader.connection.destroy();
  await isAsBefore(server, descriptors);
});

test('two hundred who announce 16 MiB and send one byte cost next to nothing', async (t) => {
  const server = await startServer(t);
  const [before, descriptors] = [server.memory().now, server.descriptors()];
  const head = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4, 0x41 ^ 1]);
  const all = await many(200, () => bare(server));
  endAll(t, all);
  for (const one of all) one.write(head);
  const client = await Client.open(server, { t });
  await client.fence();
  t.diagnostic(assertMemory(server, before, 200 * 0.05 + 2, '200 announced messages of 16 MiB'));
  all.forEach((one) => one.destroy());
  await client.close();
  await isAsBefore(server, descriptors);
});

test('a message of 16 MiB that stops one byte before its end costs its own size, and that only while it is there', async (t) => {
  const server = await startServer(t);
  const before = server.memory().now;
  const hostile = await RawWebSocket.open(server, { t });
  await hostile.send(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]));
  await hostile.send(Buffer.alloc(16 * MIB - 1, 'x'));
  const other = await Client.open(server, { t });
  await other.fence();
  t.diagnostic(assertMemory(server, before, 40, 'one message of 16 MiB'));
  hostile.connection.destroy();
  await until(() => isSanitized || server.memory().now - before < 20, 'the memory of the message');
});

test('one that only pings gets every pong and costs nothing', async (t) => {
  const server = await startServer(t);
  const pinger = await RawWebSocket.open(server, { t });
  const before = server.memory().now;
  const pings = Buffer.concat(Array(500).fill(frame(Buffer.alloc(20, 'p'), { opcode: PING })));
  for (let i = 0; i < 40; i++) {
    await pinger.send(pings);
    for (let k = 0; k < 500; k++) await pinger.assertPong(Buffer.alloc(20, 'p'));
  }
  t.diagnostic(assertMemory(server, before, 4, '20 000 pings'));
});

test('one that opens, joins a call and resets, again and again, leaves nobody in the call', async (t) => {
  const server = await startServer(t);
  const cookie = await newUser(server, 'anna');
  const callId = await makeCall(server, cookie);
  const [other, descriptors] = [await newUser(server, 'berta'), server.descriptors()];
  let before;
  for (let i = 0; i < 1000; i++) {
    if (i === 100) before = server.memory().now;
    const client = await Client.open(server, { cookie, greeting: false });
    client.send({ messageType: 'join_call', callId });
    if (i % 2) await client.next('existing_participants');
    client.resetNow();
  }
  const berta = await Client.open(server, { t, cookie: other, protocol: 'parlor.v1' });
  await berta.usersBecome(['berta']);
  berta.send({ messageType: 'join_call', callId });
  assert.deepEqual((await berta.next('existing_participants')).participants, []);
  t.diagnostic(assertMemory(server, before, 4, '1000 joins and resets'));
  await berta.close();
  await isAsBefore(server, descriptors);
});
