// kill -9 while fifty connections do everything at once: whatever anybody was told is there afterwards, once, and the file is sound.
//
// PARLOR_FULL=1 plays 100 rounds instead of 10.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { Client, stroke } from './lib/client.mjs';
import { PASSWORD, newUser, postJson } from './lib/http.mjs';
import { startServer, within } from './lib/server.mjs';
import { V1, answer, dm, history, say } from './lib/talk.mjs';

const BATCHES = process.env.PARLOR_FULL === '1' ? 20 : 2;
const ROUNDS = 5; // kills of one database
const NAMES = ['anna', 'berta', 'carla', 'dora'];

let serial = 0;

const told = () => ({ strokes: new Set(), chat: new Set(), dms: new Set(), users: new Set(NAMES), calls: new Set() });

// One connection that always has one message on its way, of a kind of its own, and writes down all that it hears.
async function worker(server, book, who, cookie, isOver) {
  const client = await Client.open(server, { cookie, protocol: who % 2 ? V1 : undefined });
  client.inbox = {
    push({ message }) {
      if (message.messageType === 'drawing') book.strokes.add(message.startX);
      if (message.messageType === 'chatMessage') book.chat.add(message.comment);
      if (message.messageType === 'direct_message') book.dms.add(message.text);
      next(message);
    },
    find: () => undefined,
  };
  let mine;
  const next = (message) => {
    if (isOver() || client.socket.readyState !== 1) return;
    if (message && message.messageType !== 'error' && ![message.startX, message.comment, message.text].includes(mine)) return;
    const n = ++serial;
    const kind = cookie ? n % 4 : 0;
    mine = kind === 0 ? n : `${kind === 1 ? 'chat' : 'dm'} ${n}`;
    client.send(kind === 0 ? stroke(n) : kind === 1 ? say(mine) : dm(NAMES[n % 4], mine));
  };
  next();
  return client;
}

// Registers, and makes calls, until the server is gone.
async function registrar(server, book, cookie, isOver) {
  while (!isOver()) {
    const username = `new${++serial}`;
    const [user, call] = await Promise.all([
      postJson(server, '/register', { username, password: PASSWORD }).catch(() => null),
      postJson(server, '/api/video-calls', { name: 'x' }, { Cookie: cookie }).catch(() => null),
    ]);
    if (user?.status === 201) book.users.add(username);
    if (call?.status === 200) book.calls.add(call.json().id);
  }
}

async function kept(server, cookies) {
  const client = await Client.open(server, { cookie: cookies.anna, protocol: V1, initMs: 60_000 });
  const dms = [];
  for (const [i, name] of NAMES.entries()) {
    const own = await Client.open(server, { cookie: cookies[name], protocol: V1, initMs: 60_000 });
    for (const other of NAMES.slice(i)) dms.push(...(await history(own, other)).map((one) => one.text));
    await own.close();
  }
  const found = {
    strokes: client.strokes.map((one) => one.startX),
    chat: (await answer(client, { messageType: 'get_chat_history' })).messages.map((one) => one.comment),
    users: (await answer(client, { messageType: 'get_all_users' })).users.map((one) => one.username),
    calls: (await answer(client, { messageType: 'get_calls' })).calls.map((one) => one.id),
    dms,
  };
  await client.close();
  return found;
}

for (let batch = 1; batch <= BATCHES; batch++) {
  test(`after kill -9 with fifty connections at work all that was told is there, once: rounds ${(batch - 1) * ROUNDS + 1} to ${batch * ROUNDS}`, async (t) => {
    const server = await startServer(t);
    const book = told();
    const cookies = {};
    for (const name of NAMES) cookies[name] = await newUser(server, name);
    for (let round = 0; round < ROUNDS; round++) {
      let isOver = false;
      const before = book.strokes.size;
      const opened = Array.from({ length: 50 }, (_, i) =>
        worker(server, book, i, i < 40 ? cookies[NAMES[i % 4]] : undefined, () => isOver));
      const clients = await Promise.all(opened);
      const registrars = [0, 1].map(() => registrar(server, book, cookies.berta, () => isOver));
      await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 400));
      await server.kill9();
      isOver = true;
      await Promise.all([...registrars, ...clients.map((client) => within(client.closed, 'the end'))]);
      assert.ok(book.strokes.size > before, 'something was told before the kill');
      const started = process.hrtime.bigint();
      await server.startAgain();
      const ms = Number(process.hrtime.bigint() - started) / 1e6;
      const found = await kept(server, cookies);
      t.diagnostic(`ready after ${ms.toFixed(0)} ms; ` + Object.entries(found).map(([what, list]) => `${list.length} ${what}`).join(', '));
      for (const [what, list] of Object.entries(found)) {
        assert.equal(new Set(list).size, list.length, `${what}: nothing is there twice`);
        const have = new Set(list);
        assert.deepEqual([...book[what]].filter((one) => !have.has(one)), [], `${what}: all that was told is there`);
      }
      // What nobody was told of any more may be there, too: from now on it was told.
      for (const [what, list] of Object.entries(found)) for (const one of list) book[what].add(one);
    }
    await server.kill9();
    assert.equal(execFileSync(process.env.DB_CHECK, [server.db], { encoding: 'utf8' }), 'ok\n');
    await server.startAgain();
  });
}
