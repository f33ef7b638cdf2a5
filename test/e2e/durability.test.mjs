// What anybody has seen is in the database, whatever happens to the server.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client, stroke } from './lib/client.mjs';
import { PASSWORD, get, newUser, postJson, register } from './lib/http.mjs';
import { startServer, within } from './lib/server.mjs';

const name = (strokes) => strokes.map((each) => `${each.who}:${each.startX}`);

for (let round = 1; round <= 4; round++) {
  test(`after kill -9 under load nothing that anybody saw is missing, round ${round}`, async (t) => {
    const server = await startServer(t);
    let seenBefore = [];
    for (let life = 0; life < 3; life++) {
      const witness = await Client.open(server, { t });
      assert.deepEqual(name(witness.strokes).slice(0, seenBefore.length), seenBefore);
      const drawers = await Promise.all(Array.from({ length: 3 }, () => Client.open(server, { t })));
      const enough = 50 + Math.floor(Math.random() * 2000);
      let drawn = 0;
      let seen = 0;
      const killed = new Promise((resolve, reject) => {
        witness.socket.on('message', (data) => {
          if (data.includes('"drawing"') && ++seen === enough) server.kill9().then(resolve, reject);
        });
      });
      // Always some strokes on their way, so that the kill comes in the middle of work.
      const draw = () => {
        if (!server.running) return;
        for (const [who, client] of drawers.entries()) {
          for (let i = 0; i < 20; i++) client.send(stroke(drawn++, { who: `${life}.${who}` }));
        }
        setImmediate(draw);
      };
      draw();
      await within(killed, 'the kill', 60_000);
      for (const client of [witness, ...drawers]) await within(client.closed, 'the end');
      const views = [witness, ...drawers].map((client) => [
        ...name(client.strokes),
        ...name(client.inbox.filter((one) => one.type === 'drawing').map((one) => one.message)),
      ]);
      await server.startAgain();
      const late = await Client.open(server, { t, initMs: 60_000 });
      const kept = name(late.strokes);
      for (const view of views) {
        assert.ok(view.length >= seenBefore.length);
        assert.deepEqual(kept.slice(0, view.length), view);
      }
      assert.equal(new Set(kept).size, kept.length, 'nothing is there twice');
      seenBefore = kept;
      late.destroy();
    }
  });
}

test('an account that was answered with 201 survives kill -9', async (t) => {
  const server = await startServer(t);
  for (let i = 0; i < 3; i++) {
    const user = await register(server, `user${i}`);
    await server.kill9();
    await server.startAgain();
    const answer = await postJson(server, '/login', { username: `user${i}`, password: PASSWORD });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json(), user);
  }
});

test('a server that is killed while it starts does no harm', async (t) => {
  const server = await startServer(t);
  const client = await Client.open(server, { t });
  for (let i = 0; i < 500; i++) client.send(stroke(i));
  await client.fence();
  for (let i = 0; i < 5; i++) {
    await server.kill9();
    await server.startAgain();
  }
  assert.equal((await Client.open(server, { t })).strokes.length, 500);
});

// A limit on the size of files is a full disk that needs no disk.
test('on a full disk writers get an error, nothing is broadcast, and everything else goes on', async (t) => {
  const server = await startServer(t, { limitFileKiB: 600 });
  const cookie = await newUser(server, 'anna');
  const [drawer, witness] = [await Client.open(server, { t }), await Client.open(server, { t })];
  const pad = 'p'.repeat(3000);
  let refused = 0;
  let sent = 0;
  for (; refused === 0 && sent < 2000; sent++) {
    drawer.send(stroke(sent, { pad }));
    const answer = await drawer.entry((one) => ['drawing', 'error'].includes(one.type), 'an answer');
    if (answer.type === 'error') {
      refused += 1;
      assert.ok(!answer.raw.includes(pad));
      assert.deepEqual(Object.keys(answer.message), ['messageType', 'error']);
    } else {
      assert.equal(answer.message.startX, sent);
    }
  }
  assert.equal(refused, 1, 'the disk was full at last');
  const last = sent - 1;
  const seen = (await witness.all('drawing')).map((one) => one.message.startX);
  assert.deepEqual(seen, Array.from({ length: last }, (_, i) => i));

  await drawer.fence();
  assert.equal((await get(server, '/healthz')).status, 200);
  assert.equal((await get(server, '/api/users/@me', { Cookie: cookie })).status, 200);
  assert.equal((await get(server, '/drawing-board')).status, 200);
  const large = { username: 'berta', password: PASSWORD };
  const statuses = new Set();
  // A small row may still fit where a stroke did not: only 503 may come where 201 does not.
  for (let i = 0; i < 5; i++) {
    statuses.add((await postJson(server, '/register', { ...large, username: `berta${i}` }, {}, { ms: 60_000 })).status);
  }
  for (const status of statuses) assert.ok([201, 503].includes(status), String(status));
  const newcomer = await Client.open(server, { t });
  assert.deepEqual(newcomer.strokes.map((each) => each.startX), seen);

  await server.kill9();
  await server.startAgain({ limitFileKiB: 0 });
  const late = await Client.open(server, { t });
  assert.deepEqual(late.strokes.map((each) => each.startX), seen);
  late.send(stroke(last));
  assert.equal((await late.next('drawing')).startX, last);
});

test('an account on a full disk is 503, and the name is still free afterwards', async (t) => {
  const server = await startServer(t);
  const client = await Client.open(server, { t });
  const pad = 'p'.repeat(3500);
  for (let i = 0; i < 300; i++) client.send(stroke(i, { pad }));
  await client.fence();
  await server.stop();
  // The file is larger than the limit already: its log cannot be written back either, so that nothing
  // makes room again once the log is full.
  await server.startAgain({ limitFileKiB: 200 });
  const drawer = await Client.open(server, { t });
  let drawn = 300;
  for (;;) {
    drawer.send(stroke(drawn, { pad }));
    const answer = await drawer.entry((one) => ['drawing', 'error'].includes(one.type), 'an answer');
    if (answer.type === 'error') break;
    drawn += 1;
    assert.ok(drawn < 1000, 'the disk was full at last');
  }
  const answer = await postJson(server, '/register', { username: 'anna', password: PASSWORD }, {}, { ms: 60_000 });
  assert.equal(answer.status, 503);
  assert.match(answer.headers['content-type'], /^text\/plain/);
  assert.equal((await postJson(server, '/login', { username: 'anna', password: PASSWORD }, {}, { ms: 60_000 })).status, 400);
  const late = await Client.open(server, { t });
  assert.equal(late.strokes.length, drawn);
  await late.fence();
  await server.kill9();
  await server.startAgain({ limitFileKiB: 0 });
  assert.equal((await Client.open(server, { t })).strokes.length, drawn);
  await register(server, 'anna');
});
