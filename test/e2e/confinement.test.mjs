// What the server gives up when it has started: see /proc/PID/status. Everything else here is tested while it is confined.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { newUser } from './lib/http.mjs';
import { startServer } from './lib/server.mjs';

const CONFINED = / info sandbox: files and system calls are confined\n/;

function status(pid) {
  const text = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name) => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(text)?.[1];
  return { name: field('Name'), seccomp: field('Seccomp'), noNewPrivileges: field('NoNewPrivs') };
}

const children = (pid) => fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).map(Number);

function assertConfined(server) {
  // Kernels differ in what they have, and builds with sanitizers have neither wall; the log says what there is.
  assert.match(server.stderr, / info sandbox: /);
  const filtered = CONFINED.test(server.stderr) || / system calls are confined /.test(server.stderr) ? '2' : '0';
  assert.equal(status(server.pid).seccomp, filtered);
  const [worker] = children(server.pid);
  assert.deepEqual(status(worker), { name: 'parlor-hash', seccomp: filtered, noNewPrivileges: '1' });
  return worker;
}

test('the server and its password process are confined, and the log says how', async (t) => {
  const server = await startServer(t);
  assertConfined(server);
});

test('a password process that was killed is replaced by one that is confined, too', async (t) => {
  const server = await startServer(t);
  const worker = assertConfined(server);
  process.kill(worker, 'SIGKILL');
  await newUser(server, 'somebody'); // hashed by the next one
  assert.notEqual(assertConfined(server), worker);
});

test('--no-sandbox keeps everything', async (t) => {
  const server = await startServer(t, { args: ['--no-sandbox'] });
  await newUser(server, 'somebody');
  assert.doesNotMatch(server.stderr, /sandbox/);
  assert.equal(status(server.pid).seccomp, '0');
  assert.equal(status(children(server.pid)[0]).seccomp, '0');
});
