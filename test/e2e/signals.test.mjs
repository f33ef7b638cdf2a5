// SIGTERM and SIGINT: everybody is told, everything is kept, and the exit is clean.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { Client, stroke } from './lib/client.mjs';
import { get } from './lib/http.mjs';
import { RawConnection } from './lib/raw.mjs';
import { RawWebSocket, closeFrame, echo } from './lib/rawws.mjs';
import { startServer, within } from './lib/server.mjs';

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`${signal} closes every WebSocket with 1001 and exits with 0`, async (t) => {
    const server = await startServer(t);
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => Client.open(server, { t })),
    );
    const ends = clients.map((client) => within(client.closed, 'the close'));
    await server.stop(signal);
    for (const end of await Promise.all(ends)) assert.equal(end.code, 1001);
  });
}

test('a server without any connection exits with 0', async (t) => {
  const server = await startServer(t);
  await server.stop();
});

test('a client that never answers the close frame does not keep the server from its clean exit', async (t) => {
  const server = await startServer(t);
  const silent = await RawWebSocket.open(server, { t });
  const exit = server.stop();
  await silent.assertCloseFrame(1001);
  await exit;
});

test('idle and half-finished HTTP connections do not keep the server from its clean exit', async (t) => {
  const server = await startServer(t);
  await RawConnection.open(server, { t });
  const kept = await RawConnection.open(server, { t });
  kept.send(`GET /healthz HTTP/1.1\r\nHost: ${server.authority}\r\n\r\n`);
  await kept.response();
  const half = await RawConnection.open(server, { t });
  await half.send('GET / HTTP/1.1\r\nHo');
  await get(server, '/healthz');
  await server.stop();
});

// A client that leaves 16 MiB unread keeps the server busy flushing for its three seconds.
async function stuck(server, t) {
  const client = await RawWebSocket.open(server, { t });
  await client.send(echo('x'.repeat(16_000_000)));
  await client.connection.read(2, 'the beginning of the echo');
  client.connection.pause();
  return client;
}

test('while it winds down the server takes no new connection', async (t) => {
  const server = await startServer(t);
  await stuck(server, t);
  const witness = await Client.open(server, { t });
  const exit = server.stop();
  assert.equal((await within(witness.closed, 'the close')).code, 1001);
  await assert.rejects(get(server, '/healthz'), /ECONNREFUSED|ECONNRESET/);
  await exit;
});

test('a second signal ends the server at once, before one that got a single signal earlier', async (t) => {
  const patient = await startServer(t);
  const hurried = await startServer(t);
  const order = [];
  const watch = async (server) => {
    const client = await stuck(server, t);
    const witness = await Client.open(server, { t });
    return { client, witness };
  };
  const first = await watch(patient);
  const second = await watch(hurried);
  const patientEnd = patient.exited.then((how) => order.push('patient') && how);
  const hurriedEnd = hurried.exited.then(() => order.push('hurried'));
  patient.child.kill('SIGTERM');
  await within(first.witness.closed, 'the close');
  hurried.child.kill('SIGTERM');
  await within(second.witness.closed, 'the close');
  hurried.child.kill('SIGTERM');
  await within(hurriedEnd, 'the end of the hurried server');
  const how = await within(patientEnd, 'the end of the patient server');
  assert.deepEqual(order, ['hurried', 'patient']);
  assert.deepEqual(how, { code: 0, signal: null });
});

test('what was sent before the signal is answered before the close frame', async (t) => {
  const server = await startServer(t);
  const client = await RawWebSocket.open(server, { t });
  await client.send(echo('before'));
  await client.assertEchoed('before');
  const exit = server.stop();
  await client.assertCloseFrame(1001);
  await client.send(closeFrame(1001));
  await client.connection.assertEnds();
  await exit;
});

test('the exit leaves a database without a log to replay, and the next start has it all', async (t) => {
  const server = await startServer(t);
  const client = await Client.open(server, { t });
  for (let i = 0; i < 50; i++) client.send(stroke(i));
  await client.fence();
  await server.stop();
  const wal = `${server.db}-wal`;
  assert.ok(!fs.existsSync(wal) || fs.statSync(wal).size === 0, 'the log is checkpointed');
  await server.startAgain();
  const late = await Client.open(server, { t });
  assert.deepEqual(late.strokes.map((one) => one.startX), Array.from({ length: 50 }, (_, i) => i));
});
