// Out of file descriptors: those who are here notice nothing, nothing spins, and newcomers are served as soon as one is free.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client, stroke } from './lib/client.mjs';
import { get } from './lib/http.mjs';
import { RawConnection } from './lib/raw.mjs';
import { startServer, until, within } from './lib/server.mjs';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function everyone(drawer, witness, x) {
  drawer.send(stroke(x));
  assert.equal((await drawer.next('drawing')).startX, x);
  assert.equal((await witness.next('drawing')).startX, x);
}

// Connections that the kernel has taken for the server, whether it has descriptors for them or not.
async function crowd(server, t, n) {
  const all = [];
  for (let i = 0; i < n; i++) all.push(await RawConnection.open(server, { t }));
  return all;
}

const warnings = (server) => server.stderr.split('out of file descriptors').length - 1;

test('the soft limit is raised to the hard one, and the log says so', async (t) => {
  const server = await startServer(t, { limitFiles: { soft: 40, hard: 200 } });
  await until(() => /file descriptors: limit raised from 40 to 200\n/.test(server.stderr), 'the line in the log');
  const all = await Promise.all(Array.from({ length: 150 }, () => Client.open(server, { t })));
  for (const one of all) await one.fence();
});

test('without descriptors the people who are here go on, the server does not spin, and newcomers are served later', async (t) => {
  const server = await startServer(t, { limitFiles: { soft: 100, hard: 100 } });
  const [drawer, witness] = [await Client.open(server, { t }), await Client.open(server, { t })];
  const idle = await crowd(server, t, 130);
  await until(() => server.descriptors() >= 100, 'the last descriptor');
  await everyone(drawer, witness, 1);

  // For three seconds there is somebody at the door all the time.
  const before = server.cpuMs();
  await sleep(3000);
  const used = server.cpuMs() - before;
  assert.ok(used < 100, `${used} ms of processor time in 3 s of waiting`);
  await everyone(drawer, witness, 2);

  // Those at the door come in as others leave, without a word from anybody.
  for (const one of idle.slice(0, 60)) one.destroy();
  const newcomer = await Client.open(server, { t });
  assert.equal(newcomer.strokes.length, 2);
  await everyone(drawer, witness, 3);
  for (const one of idle) one.destroy();
  assert.equal((await get(server, '/')).status, 200);
  await until(() => server.descriptors() < 30, 'the descriptors of those who have gone');
});

test('coming and going at the last descriptor does not fill the log', async (t) => {
  const server = await startServer(t, { limitFiles: { soft: 60, hard: 60 } });
  const [drawer, witness] = [await Client.open(server, { t }), await Client.open(server, { t })];
  const idle = await crowd(server, t, 100);
  await until(() => server.descriptors() >= 60, 'the last descriptor');
  // Each that goes lets one in, and the next one finds none again.
  for (let i = 0; i < 300; i++) {
    idle.shift().destroy();
    idle.push(await RawConnection.open(server, { t }));
    if (i % 100 === 0) await everyone(drawer, witness, i);
  }
  assert.equal(warnings(server), 1);
});

test('a page that cannot be opened for want of a descriptor is 503, and 200 a moment later', async (t) => {
  const server = await startServer(t, { limitFiles: { soft: 60, hard: 60 } });
  const kept = await RawConnection.open(server, { t });
  const ask = async () => {
    await kept.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    return within(kept.response(), 'an answer');
  };
  assert.equal((await ask()).status, 200);
  const idle = await crowd(server, t, 70);
  await until(() => server.descriptors() >= 60, 'the last descriptor');
  assert.equal((await ask()).status, 503);
  for (const one of idle) one.destroy();
  await until(() => server.descriptors() < 40, 'free descriptors');
  assert.equal((await ask()).status, 200);
});
