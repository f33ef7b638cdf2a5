// A database that another process has locked, or that is damaged. (A full disk: durability, dm_durability, calls. A newer version, no database, a
// folder: command_line. Files without permission and read-only ones, which root does not meet: test/store/test_db.c.)

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import test from 'node:test';
import { Client, stroke } from './lib/client.mjs';
import { PASSWORD, get, newUser, postJson } from './lib/http.mjs';
import { cleanUp, startServer, within } from './lib/server.mjs';
import { V1, dm, entriesAfter, say, select } from './lib/talk.mjs';

// Another process that holds the lock of the writer until it is let go.
async function hold(t, db) {
  const child = spawn(process.env.DB_CHECK, [db, 'hold'], { stdio: ['pipe', 'pipe', 'inherit'] });
  cleanUp(t, () => child.kill('SIGKILL'));
  const [said] = await within(once(child.stdout, 'data'), 'the lock');
  assert.equal(said.toString(), 'held\n');
  return async () => {
    child.stdin.end();
    await within(once(child, 'close'), 'the end of the lock');
  };
}

test('while another process holds the database writers are refused at once, readers go on, and then everything works', async (t) => {
  const server = await startServer(t);
  const cookie = await newUser(server, 'anna');
  const [anna, guest] = [await Client.open(server, { t, cookie, protocol: V1 }), await Client.open(server, { t })];
  anna.send(stroke(1));
  await anna.next('drawing');
  const letGo = await hold(t, server.db);
  // A thousand writers. Were each of them to wait for the lock, nobody could wait for their end.
  for (let i = 0; i < 1000; i++) anna.send(stroke(100 + i));
  const isOver = () => anna.inbox.filter((one) => one.type === 'error').length === 1000;
  await within((async () => {
    while (!isOver()) await guest.fence();
  })(), 'a thousand errors');
  anna.inbox = anna.inbox.filter((one) => one.type !== 'error');
  anna.send(say('not now'));
  await anna.entry((one) => one.type === 'error', 'an error');
  assert.equal((await postJson(server, '/register', { username: 'berta', password: PASSWORD })).status, 503);
  assert.equal((await get(server, '/api/users/@me', { Cookie: cookie })).status, 200);
  assert.deepEqual((await Client.open(server, { t })).strokes.map((one) => one.startX), [1]);
  await letGo();
  anna.send(stroke(2));
  assert.equal((await anna.next('drawing')).startX, 2);
  assert.equal((await postJson(server, '/register', { username: 'berta', password: PASSWORD })).status, 201);
  assert.deepEqual((await guest.all('drawing')).map((one) => one.message.startX), [1, 2]);
});

test('a server that starts while another process holds the database reads what is there', async (t) => {
  const server = await startServer(t);
  const client = await Client.open(server, { t });
  client.send(stroke(1));
  await client.next('drawing');
  await server.stop();
  const letGo = await hold(t, server.db);
  await server.startAgain();
  const late = await Client.open(server, { t });
  assert.equal(late.strokes.length, 1);
  await letGo();
  late.send(stroke(2));
  await late.next('drawing');
});

test('whichever page of the database is damaged: it is refused with one line, or the server serves on', async (t) => {
  const server = await startServer(t);
  const cookies = { anna: await newUser(server, 'anna'), berta: await newUser(server, 'berta') };
  const anna = await Client.open(server, { t, cookie: cookies.anna, protocol: V1 });
  for (let i = 0; i < 60; i++) {
    anna.send(stroke(i, { pad: 'p'.repeat(300) }));
    anna.send(dm('berta', `dm ${i} ${'d'.repeat(300)}`));
    anna.send(say(`chat ${i} ${'c'.repeat(300)}`));
  }
  await anna.fence();
  await anna.close();
  await server.stop();
  const sound = fs.readFileSync(server.db);
  const PAGE = sound.readUInt16BE(16);
  const ends = { refused: 0, served: 0 };
  for (let page = 1; page < sound.length / PAGE; page++) {
    const damaged = Buffer.from(sound);
    for (let i = 0; i < PAGE; i += 3) damaged[page * PAGE + i] ^= 0x5a + page;
    fs.writeFileSync(server.db, damaged);
    for (const log of ['-wal', '-shm']) fs.rmSync(server.db + log, { force: true });
    server.stderr = '';
    try {
      await server.startAgain();
    } catch (error) {
      assert.match(error.message, /^the server ended \(1\)/, `page ${page}`);
      const said = server.stderr.split('\n').filter((line) => line.startsWith('server: '));
      assert.equal(said.length, 1, server.stderr);
      assert.ok(said[0].includes(server.db), said[0]);
      ends.refused += 1;
      continue;
    }
    ends.served += 1;
    const cookie = cookies.anna;
    const guest = await Client.open(server);
    for (const ask of [select('berta'), dm('berta', 'x'), say('x'), stroke(1), { messageType: 'get_calls' }]) {
      // Who comes with a session that cannot be looked up gets 503.
      const client = await Client.open(server, { cookie, protocol: V1 }).catch((error) => assert.match(error.message, /503/));
      if (!client) continue;
      // An answer, an error, or the end of the connection where a history breaks off.
      await entriesAfter(client, [ask]).catch((error) => assert.match(error.message, /^closed with/));
      client.destroy();
    }
    const me = await get(server, '/api/users/@me', { Cookie: cookie });
    assert.ok([200, 401, 503].includes(me.status), String(me.status));
    await get(server, '/chat-history').catch((error) => assert.doesNotMatch(error.message, /^waited/));
    await guest.fence();
    guest.destroy();
    await server.stop();
  }
  t.diagnostic(`${ends.refused} refused, ${ends.served} served`);
  assert.ok(ends.refused > 0 && ends.served > 0);
  fs.writeFileSync(server.db, sound);
  await server.startAgain();
  assert.equal((await Client.open(server, { t })).strokes.length, 60);
});
