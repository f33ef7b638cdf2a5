// Memory that a burst has left behind goes back to the kernel. Allocators of sanitizers keep what is freed, so this
// file is for the other builds.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Clock } from './lib/faults.mjs';
import { RawWebSocket, frame } from './lib/rawws.mjs';
import { startServer, until } from './lib/server.mjs';

const CONNECTIONS = 300;

test('what hundreds of half messages needed is given back by the next sweep', async (t) => {
  const clock = new Clock(t);
  const server = await startServer(t, clock.options);
  const before = server.memory().now;
  const clients = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    const client = await RawWebSocket.open(server, { t });
    await client.send(frame('x'.repeat(128 * 1024), { only: 127 * 1024 }));
    clients.push(client);
  }
  await clock.advance(server, 0);
  const during = server.memory().now;
  assert.ok(during - before > 30, `only ${during - before} MiB more`);
  for (const { connection } of clients) connection.destroy();
  await clock.advance(server, 0);
  const kept = server.memory().now;
  assert.ok(kept - before > 20, `only ${kept - before} MiB are kept for the next burst`);
  await clock.advance(server, 600_000);
  // In a quiet moment, which is a few ms after the last answer.
  await until(() => server.memory().now - before < 8, 'the memory to be given back');
});
