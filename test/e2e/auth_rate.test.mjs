// --auth-rate, and what a flood of password attempts does to everybody else.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client } from './lib/client.mjs';
import { PASSWORD, get, postForm, postJson, register, request } from './lib/http.mjs';
import { RawConnection } from './lib/raw.mjs';
import { startServer } from './lib/server.mjs';

const attempt = (server, headers = {}) =>
  postJson(server, '/login', { username: 'nobody', password: PASSWORD }, headers);

function assertRefused(response) {
  assert.equal(response.status, 429);
  assert.match(response.headers['retry-after'] ?? '', /^[0-9]+$/);
  const seconds = Number(response.headers['retry-after']);
  assert.ok(seconds >= 1 && seconds <= 60, `Retry-After: ${seconds}`);
  assert.match(response.headers['content-type'], /^text\/plain/);
  assert.notEqual(response.text.trim(), '');
}

test('attempts beyond --auth-rate are 429 with Retry-After', async (t) => {
  const server = await startServer(t, { args: ['--auth-rate', '3'] });
  for (let i = 0; i < 3; i++) assert.equal((await attempt(server)).status, 400, `attempt ${i + 1}`);
  assertRefused(await attempt(server));
  assertRefused(await postForm(server, '/login', { username: 'nobody', password: PASSWORD }));
  assertRefused(await postJson(server, '/register', { username: 'new', password: PASSWORD }));
});

test('successes and both paths are in one count', async (t) => {
  const server = await startServer(t, { args: ['--auth-rate', '3'] });
  await register(server, 'anna');
  assert.equal((await postJson(server, '/login', { username: 'anna', password: PASSWORD })).status, 200);
  assert.equal((await attempt(server)).status, 400);
  assertRefused(await postJson(server, '/login', { username: 'anna', password: PASSWORD }));
});

test('a try that is not well-formed does not count', async (t) => {
  const server = await startServer(t, { args: ['--auth-rate', '1'] });
  for (let i = 0; i < 5; i++) {
    assert.equal((await request(server, 'POST', '/login', { body: 'x' })).status, 415);
    assert.equal((await postJson(server, '/login', '{"username":')).status, 400);
  }
  assert.equal((await attempt(server)).status, 400);
  assertRefused(await attempt(server));
});

test('nothing but password attempts is limited', async (t) => {
  const server = await startServer(t, { args: ['--auth-rate', '1'] });
  await attempt(server);
  assertRefused(await attempt(server));
  for (const target of ['/', '/login', '/healthz']) assert.equal((await get(server, target)).status, 200);
  assert.equal((await get(server, '/logout')).status, 302);
  const client = await Client.open(server, { t });
  await client.fence();
});

test('one address does not use up the attempts of another', async (t) => {
  const server = await startServer(t, { args: ['--auth-rate', '1'] });
  const from = (localAddress) =>
    postJson(server, '/login', { username: 'nobody', password: PASSWORD }, {}, { localAddress });
  assert.equal((await from('127.0.0.1')).status, 400);
  assertRefused(await from('127.0.0.1'));
  assert.equal((await from('127.0.0.5')).status, 400);
  assertRefused(await from('127.0.0.5'));
});

test('with --trust-proxy the last X-Forwarded-For entry is the address', async (t) => {
  const server = await startServer(t, { args: ['--auth-rate', '1', '--trust-proxy'] });
  const as = (value) => attempt(server, { 'X-Forwarded-For': value });
  assert.equal((await as('192.0.2.1')).status, 400);
  assertRefused(await as('192.0.2.1'));
  assert.equal((await as('192.0.2.2')).status, 400, 'another address has its own count');
  assertRefused(await as('192.0.2.99, 192.0.2.1'));
  assertRefused(await as('192.0.2.98,192.0.2.2'));
  assert.equal((await as('192.0.2.1, 192.0.2.3')).status, 400, 'the last entry, not the first');
  assert.equal((await as('2001:db8::1')).status, 400);
  assertRefused(await as('2001:db8::1'));
});

test('without --trust-proxy X-Forwarded-For means nothing', async (t) => {
  const server = await startServer(t, { args: ['--auth-rate', '1'] });
  assert.equal((await attempt(server, { 'X-Forwarded-For': '192.0.2.1' })).status, 400);
  assertRefused(await attempt(server, { 'X-Forwarded-For': '192.0.2.2' }));
});

test('with --auth-rate 0 there is no limit', async (t) => {
  const server = await startServer(t, { args: ['--auth-rate', '0'] });
  for (let i = 0; i < 70; i++) {
    const answer = await postJson(server, '/register', { username: 'bad name', password: PASSWORD });
    assert.equal(answer.status, 400);
  }
});

test('of a hundred logins at once every one is answered, and an echo never waits for them', async (t) => {
  const server = await startServer(t);
  await register(server, 'anna');
  const client = await Client.open(server, { t });
  let answered = 0;
  const logins = Array.from({ length: 100 }, () =>
    postJson(server, '/login', { username: 'anna', password: PASSWORD }, {}, { ms: 120_000 }).then((answer) => {
      answered += 1;
      return answer;
    }));
  // Hashing one password takes longer than many echoes. A loop that hashed itself would answer at
  // least one login between two echoes.
  let hashed = 0;
  logins.forEach((one) => one.then(({ status }) => (hashed += status === 200)));
  for (let i = 0; i < 20; i++) await client.fence();
  assert.ok(hashed < 20, `${hashed} logins were through before 20 echoes`);
  const answers = await Promise.all(logins);
  assert.equal(answered, 100);
  for (const answer of answers) {
    assert.ok([200, 503].includes(answer.status), String(answer.status));
    if (answer.status === 200) assert.equal(answer.json().username, 'anna');
    else assert.match(answer.headers['content-type'], /^text\/plain/);
  }
  assert.ok(answers.some((answer) => answer.status === 200));
  await client.fence();
});

test('those who leave before their login is hashed leave nothing behind', async (t) => {
  const server = await startServer(t);
  await register(server, 'anna');
  const body = JSON.stringify({ username: 'anna', password: PASSWORD });
  for (let i = 0; i < 5; i++) {
    const connection = await RawConnection.open(server);
    await connection.send(
      `POST /login HTTP/1.1\r\nHost: ${server.authority}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    connection.resetNow();
  }
  const answer = await postJson(server, '/login', { username: 'anna', password: PASSWORD }, {}, { ms: 60_000 });
  assert.equal(answer.status, 200);
});
