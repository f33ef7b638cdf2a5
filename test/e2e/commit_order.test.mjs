// Stored first, told then: kill -9 hits the server at every write to its database in turn, and at the calls that
// make a commit outlive a power cut. Nobody was told anything that is not there afterwards.
// The server is build/test/server_faults (test/faults/faults.c).

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client, stroke } from './lib/client.mjs';
import { FAULTS, Faults } from './lib/faults.mjs';
import { PASSWORD, newUser, postJson } from './lib/http.mjs';
import { startServer, within } from './lib/server.mjs';
import { V1, answer, dm, history, say, together, until } from './lib/talk.mjs';

const MOST_WRITES = 1000; // guards against a server that never stops writing

// Anna and Berta, in both dialects, and a server that dies when it is told to.
async function scene(t) {
  const faults = new Faults(t);
  const server = await startServer(t, { executable: FAULTS, env: faults.env });
  const cookies = { anna: await newUser(server, 'anna'), berta: await newUser(server, 'berta') };
  const open = async () => {
    const tabs = {};
    for (const name of ['anna', 'berta']) {
      tabs[name] = await Client.open(server, { t, cookie: cookies[name], protocol: V1 });
      tabs[`${name}'s base tab`] = await Client.open(server, { t, cookie: cookies[name] });
    }
    for (const tab of Object.values(tabs)) await tab.usersBecome(['anna', 'berta']);
    for (const tab of Object.values(tabs)) await tab.fence();
    for (const tab of Object.values(tabs)) tab.inbox.length = 0;
    return tabs;
  };
  return { server, faults, cookies, open };
}

// A request whose answer may never come.
const asked = (request) => request.then((response) => response.status, () => 'no answer');

const DEEDS = {
  'a stroke': ({ anna }) => anna.send(stroke(7)),
  'a public message': ({ anna }) => anna.send(say('hello')),
  'a public message with a clientId': ({ anna }) => anna.send(say('hello', { clientId: 'c1' })),
  'a direct message': ({ anna }) => anna.send(dm('berta', 'hello')),
  'a direct message with a clientId': ({ anna }) => anna.send(dm('berta', 'hello', { clientId: 'c2' })),
  'an account': (tabs, { server }) => asked(postJson(server, '/register', { username: 'carla', password: PASSWORD })),
  'a login': (tabs, { server }) => asked(postJson(server, '/login', { username: 'anna', password: PASSWORD })),
  'a logout': (tabs, { server, cookies }) => asked(postJson(server, '/logout', {}, { Cookie: cookies.anna })),
  'a call': (tabs, { server, cookies }) => asked(postJson(server, '/api/video-calls', { name: 'x' }, { Cookie: cookies.anna })),
};

// All but a stroke must outlive a power cut.
const SYNCED = Object.keys(DEEDS).filter((name) => name !== 'a stroke');

async function tellsNobody(t, deed, kind) {
  const all = await scene(t);
  const tabs = await all.open();
  all.faults.arm(kind, 'KILL_9', 1);
  const request = DEEDS[deed](tabs, all);
  const end = await within(all.server.exited, `the end at ${kind}`);
  assert.deepEqual(end, { code: null, signal: 'SIGKILL' });
  for (const [name, tab] of Object.entries(tabs)) {
    await within(tab.closed, 'the end of a connection');
    assert.deepEqual(tab.inbox.map((one) => one.raw), [], `${name} was told nothing`);
  }
  assert.ok([undefined, 'no answer'].includes(await request), 'the request was not answered');
  all.faults.disarm();
  await all.server.startAgain();
}

for (const deed of Object.keys(DEEDS)) {
  test(`${deed} is told to nobody before it is written`, (t) => tellsNobody(t, deed, 'db_write'));
}
for (const deed of SYNCED) {
  test(`${deed} is told to nobody before it is synced`, (t) => tellsNobody(t, deed, 'db_sync'));
}

// Each message on its own, then several of all kinds that come together. Gives what of it was told to anybody, up
// to the end or up to its end.
async function play(tabs) {
  const { anna, berta } = tabs;
  const told = { strokes: new Set(), chat: new Set(), dms: new Set() };
  const alone = [[stroke(1), 'drawing'], [say('say 1'), 'chatMessage'], [dm('berta', 'dm 1'), 'direct_message']];
  const crowd = [2, 3, 4].flatMap((n) => [stroke(n), say(`say ${n}`), dm('berta', `dm ${n}`)]);
  try {
    for (const [message, type] of alone) {
      anna.send(message);
      for (const tab of [anna, berta]) await until(tab, (one) => one.type === type, type);
    }
    together(anna, () => crowd.forEach((message) => anna.send(message)));
    await until(berta, (one) => one.message.text === 'dm 4', 'the last one');
  } catch (error) {
    if (!/^closed with/.test(error.message)) throw error;
  }
  for (const { message } of Object.values(tabs).flatMap((tab) => tab.inbox)) {
    if (message.messageType === 'drawing') told.strokes.add(message.startX);
    if (message.messageType === 'chatMessage') told.chat.add(message.comment);
    if (message.messageType === 'direct_message') told.dms.add(message.text);
  }
  return told;
}

async function kept(server, cookies) {
  const client = await Client.open(server, { cookie: cookies.berta, protocol: V1 });
  const found = {
    strokes: client.strokes.map((one) => one.startX),
    chat: (await answer(client, { messageType: 'get_chat_history' })).messages.map((one) => one.comment),
    dms: (await history(client, 'anna')).map((one) => one.text),
  };
  await client.close();
  return found;
}

test('killed at any of its writes, the server has told nobody what is not there', async (t) => {
  let deaths = 0;
  let told = 0;
  for (let n = 1; ; n++) {
    assert.ok(n <= MOST_WRITES, 'one day everything is written');
    const { server, faults, cookies, open } = await scene(t);
    const tabs = await open();
    faults.arm('db_write', 'KILL_9', n);
    const heard = await play(tabs);
    const isAlive = faults.disarm().failed === 0;
    if (!isAlive) {
      await within(server.exited, 'the end');
      await server.startAgain();
      deaths++;
    }
    const found = await kept(server, cookies);
    for (const [what, list] of Object.entries(found)) {
      assert.equal(new Set(list).size, list.length, `write ${n}: no ${what} twice`);
      assert.deepEqual([...heard[what]].filter((one) => !list.includes(one)), [], `write ${n}: all ${what} that were told`);
      told += heard[what].size;
    }
    for (const tab of Object.values(tabs)) tab.destroy();
    await server.stop();
    if (isAlive) break;
  }
  t.diagnostic(`${deaths} deaths, ${told} things told`);
  assert.ok(deaths > 10 && told > deaths, 'it was killed early and late');
});
