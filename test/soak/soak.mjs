// Everything at once for many minutes (scripts/soak): people who draw, write, register and call, and beside them those who leave halfway, do
// not read, send nonsense or reset. At the end nobody has met an error that they should not, nothing has grown, and no sanitizer has a word to say.

import assert from 'node:assert/strict';
import test from 'node:test';
import { makeCall, join } from '../e2e/lib/calls.mjs';
import { Client, stroke } from '../e2e/lib/client.mjs';
import { get, newUser, request } from '../e2e/lib/http.mjs';
import { RawConnection } from '../e2e/lib/raw.mjs';
import { RawWebSocket, frame } from '../e2e/lib/rawws.mjs';
import { startServer } from '../e2e/lib/server.mjs';
import { V1, dm, say } from '../e2e/lib/talk.mjs';

const MINUTES = Number(process.env.SOAK_MINUTES ?? 10);
const GROWTH = 24; // MiB, of resident memory between the first fifth and the end, beside what is stored

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const pick = (list) => list[Math.floor(Math.random() * list.length)];

test(`everything at once for ${MINUTES} minutes`, { timeout: (MINUTES * 60 + 300) * 1000 }, async (t) => {
  const server = await startServer(t, { env: { ASAN_OPTIONS: 'quarantine_size_mb=8' } });
  const end = Date.now() + MINUTES * 60_000;
  const isOver = () => Date.now() >= end;
  const names = ['anna', 'berta', 'carla', 'dora'];
  const cookies = {};
  for (const name of names) cookies[name] = await newUser(server, name);
  const calls = [await makeCall(server, cookies.anna), await makeCall(server, cookies.berta)];
  const done = {};
  let serial = 0;

  // One actor: `act` again and again, with a rest in between.
  const actor = async (what, restMs, act) => {
    while (!isOver()) {
      await act(++serial);
      done[what] = (done[what] ?? 0) + 1;
      await sleep(Math.random() * 2 * restMs);
    }
  };
  const member = (name = pick(names)) => Client.open(server, { cookie: cookies[name], protocol: Math.random() < 0.5 ? V1 : undefined });

  const drawer = await Client.open(server);
  const writer = await Client.open(server, { cookie: cookies.anna, protocol: V1 });
  const clear = (client) => (client.inbox = client.inbox.filter((one) => one.type === 'error'));
  const actors = [
    actor('draw', 40, async (n) => {
      drawer.send(stroke(n));
      await drawer.entry((one) => one.message.startX === n, 'a stroke');
      clear(drawer);
      drawer.lists.length = 0;
    }),
    actor('write', 40, async (n) => {
      writer.send(dm(pick(names), `dm ${n}`, { clientId: `c${n}` }));
      await writer.entry((one) => one.message.clientId === `c${n}`, 'a message');
      writer.send(say(`chat ${n}`));
      await writer.entry((one) => one.message.comment === `chat ${n}`, 'a chat message');
      clear(writer);
      writer.lists.length = 0;
    }),
    actor('echo', 20, async (n) => {
      writer.send({ messageType: 'echo_client', text: 'e'.repeat(n % 200_000) + n });
      await writer.entry((one) => one.type === 'echo_server' && one.message.text.endsWith(String(n)), 'an echo');
    }),
    actor('come and go', 20, async () => {
      const client = await member();
      await client.fence();
      if (Math.random() < 0.5) client.resetNow();
      else await client.close();
    }),
    actor('read histories', 100, async () => {
      const client = await member('anna');
      client.send({ messageType: 'select_user', targetUser: 'berta' });
      await client.next('message_history');
      await client.close();
    }),
    actor('call', 50, async (n) => {
      const [one, two] = [await member('carla'), await member('dora')];
      const callId = pick(calls);
      await join(one, callId);
      const { others } = await join(two, callId);
      for (const other of others.slice(0, 2)) two.send({ messageType: 'offer', socketId: other.socketId, sdp: `s${n}` });
      await two.fence().catch((error) => assert.match(error.message, /socketId/)); // it has left by now
      if (n % 2) one.resetNow();
      else one.send({ messageType: 'leave_call' });
      await two.close();
      one.destroy();
    }),
    actor('sign up', 2000, (n) => newUser(server, `new${n}`)),
    actor('pages', 30, async () => {
      for (const path of ['/', '/drawing-board', '/public/js/socket.js', '/chat-history']) assert.equal((await get(server, path)).status, 200);
      assert.equal((await request(server, 'GET', '/nowhere')).status, 404);
    }),
    actor('leave halfway', 30, async () => {
      const connection = await RawConnection.open(server);
      await connection.send('GET /websocket HTTP/1.1\r\nHost: x\r\nUpgr');
      await sleep(Math.random() * 50);
      connection.destroy();
    }),
    actor('nonsense', 30, async () => {
      const connection = await RawConnection.open(server);
      await connection.send(Buffer.from(Array.from({ length: 300 }, () => Math.floor(Math.random() * 256))));
      connection.destroy();
      const socket = await RawWebSocket.open(server);
      const bad = frame(Buffer.from('{"messageType":"drawing"}'));
      bad[Math.floor(Math.random() * bad.length)] ^= 1 << Math.floor(Math.random() * 8);
      await socket.send(bad);
      socket.connection.destroy();
    }),
    actor('do not read', 200, async () => {
      const socket = await RawWebSocket.open(server);
      socket.connection.pause();
      for (let i = 0; i < 20; i++) socket.send(frame(JSON.stringify({ messageType: 'echo_client', text: 'x'.repeat(200_000) })));
      await sleep(500);
      socket.connection.destroy();
    }),
  ];
  const samples = [];
  const watcher = (async () => {
    while (!isOver()) {
      await sleep((MINUTES * 60_000) / 20);
      samples.push({ mib: server.memory().now, descriptors: server.descriptors() });
    }
  })();
  await Promise.all([...actors, watcher]);
  t.diagnostic(JSON.stringify(done));
  t.diagnostic(samples.map((one) => `${one.mib.toFixed(0)} MiB ${one.descriptors} fds`).join('; '));
  assert.deepEqual([...drawer.inbox, ...writer.inbox].filter((one) => one.type === 'error').map((one) => one.raw), []);
  await drawer.close();
  await writer.close();
  await sleep(11_000); // what was left halfway ends after 10 s
  const late = samples.slice(-4).map((one) => one.mib);
  const early = samples.slice(3, 5).map((one) => one.mib);
  assert.ok(Math.min(...late) - Math.max(...early) < GROWTH, `it has grown: ${early} to ${late} MiB`);
  assert.ok(server.descriptors() < 25, `${server.descriptors()} descriptors are open`);
  await server.stop(); // a leak or any other finding fails here
});
