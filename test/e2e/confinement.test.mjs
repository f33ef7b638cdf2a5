// What the server gives up when it has started: see /proc/PID/status. Everything else here is tested while it is confined.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { newUser } from './lib/http.mjs';
import { GUARD_MS, startServer } from './lib/server.mjs';

const CONFINED = / info sandbox: files and system calls are confined\n/;

function status(pid) {
  const text = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name) => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(text)?.[1];
  return { name: field('Name'), seccomp: field('Seccomp'), noNewPrivileges: field('NoNewPrivs') };
}

const children = (pid) => fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).map(Number);

async function until(holds) {
  for (const end = Date.now() + GUARD_MS; !holds() && Date.now() < end; ) await sleep(10);
}

// The child confines itself while the server goes on.
async function childIs(server, wanted) {
  const worker = () => children(server.pid)[0];
  await until(() => isDeepStrictEqual(status(worker()), wanted));
  assert.deepEqual(status(worker()), wanted);
  return worker();
}

async function assertConfined(server) {
  // Kernels differ in what they have, and builds with sanitizers have neither wall; the log says what there is,
  // and that something is missing may have no other reason.
  await until(() => / info sandbox: .*\n/.test(server.stderr));
  assert.match(server.stderr, / info sandbox: /);
  if (!CONFINED.test(server.stderr)) {
    assert.match(server.stderr, / info sandbox: .* \((Function not implemented|Operation not supported)\)\n/);
  }
  const filtered = CONFINED.test(server.stderr) || / system calls are confined /.test(server.stderr) ? '2' : '0';
  assert.equal(status(server.pid).seccomp, filtered);
  return childIs(server, { name: 'parlor-hash', seccomp: filtered, noNewPrivileges: '1' });
}

test('the server and its password process are confined, and the log says how', async (t) => {
  const server = await startServer(t);
  await assertConfined(server);
});

test('a password process that was killed is replaced by one that is confined, too', async (t) => {
  const server = await startServer(t);
  const worker = await assertConfined(server);
  process.kill(worker, 'SIGKILL');
  await until(() => !children(server.pid).includes(worker));
  await newUser(server, 'somebody'); // hashed by the next one
  assert.notEqual(await assertConfined(server), worker);
});

test('a password process that does not answer holds up no end', async (t) => {
  const server = await startServer(t);
  const worker = await assertConfined(server);
  process.kill(worker, 'SIGSTOP');
  try {
    await server.stop();
    await until(() => !fs.existsSync(`/proc/${worker}`));
    assert.ok(!fs.existsSync(`/proc/${worker}`));
  } finally {
    if (fs.existsSync(`/proc/${worker}`)) process.kill(worker, 'SIGKILL');
  }
});

test('--no-sandbox keeps everything', async (t) => {
  const server = await startServer(t, { args: ['--no-sandbox'] });
  await newUser(server, 'somebody');
  assert.doesNotMatch(server.stderr, /sandbox/);
  assert.equal(status(server.pid).seccomp, '0');
  await childIs(server, { name: 'parlor-hash', seccomp: '0', noNewPrivileges: '1' });
});
