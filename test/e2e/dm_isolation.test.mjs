// Only the two people of a conversation ever get anything of it, whatever anybody else sends.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client } from './lib/client.mjs';
import { get, login, register } from './lib/http.mjs';
import { startServer, within } from './lib/server.mjs';
import { V1, after, answer, dm, entriesAfter, history, people, say, select } from './lib/talk.mjs';

// In every text of the two. Nobody else may ever see it.
const SECRET = 'Zq7secret';

// All that may come to one who is not asked: who is here, who is new, and what the own messages are answered with.
const HARMLESS = ['hello', 'init_strokes', 'active_users_list', 'user_added', 'echo_server'];

const assertNoSecret = (raws) => assert.deepEqual(raws.filter((raw) => raw.includes(SECRET)), []);

// Everything that a connection ever gets is looked at, also what the test itself has read.
function watch(client) {
  client.everything = [];
  client.socket.on('message', (data) => client.everything.push(data.toString()));
  return client;
}

async function talkers(t, own) {
  const [anna, berta] = await people(own, t, 'Anna', 'Berta');
  const tabs = { a: await anna.v1(), aBase: await anna.base(), b: await berta.v1(), bBase: await berta.base() };
  return { anna, berta, ...tabs, all: Object.values(tabs) };
}

async function intruders(t, own) {
  const [carla] = await people(own, t, 'Carla');
  const clients = [
    await carla.base(), await carla.v1(), await carla.v1(), await carla.base(),
    await Client.open(own, { t }), await Client.open(own, { t, protocol: V1 }),
    await Client.open(own, { t, cookie: 'auth_token=nonsense' }),
  ];
  return { carla, clients: clients.map(watch) };
}

test('a third user and guests, with several tabs in both dialects, see nothing of what two people do', async (t) => {
  const own = await startServer(t);
  const { anna, berta, a, aBase, b, bBase, all } = await talkers(t, own);
  const { clients } = await intruders(t, own);
  for (let i = 0; i < 20; i++) {
    for (const [from, to] of [[a, berta], [b, anna], [aBase, berta], [bBase, anna], [a, anna]]) {
      from.send(dm(to.name, `${SECRET} ${i}`, i % 2 ? { clientId: `${SECRET}-${i}` } : {}));
      from.send(select(to.name));
      if (!from.hello) continue;
      from.send({ messageType: 'typing', targetUser: to.name, isTyping: true });
      from.send({ messageType: 'get_messages', withUser: to.name });
      from.send({ messageType: 'get_conversations' });
      from.send({ messageType: 'mark_read', withUser: to.name, upToId: i });
      // Refused ones leave nothing behind either.
      from.send(dm(to.name, `${SECRET}\u0000`, { clientId: `${SECRET}-bad` }));
    }
  }
  for (const client of all) await entriesAfter(client);
  for (const client of clients) {
    for (const one of await entriesAfter(client)) assert.ok(HARMLESS.includes(one.type), one.raw);
    assertNoSecret(client.everything);
    for (const raw of client.everything) assert.ok(HARMLESS.includes(JSON.parse(raw).messageType), raw);
  }
  assert.ok(!(await get(own, '/chat-history')).text.includes(SECRET));
});

// What carla and a guest send, in the hope of something. ANNA and BERTA are the names of the two, ID the id of one of their messages.
const ATTEMPTS = [
  { messageType: 'select_user', targetUser: 'ANNA' },
  { messageType: 'select_user', targetUser: 'BERTA', fromUser: 'ANNA', username: 'ANNA', user: 'ANNA', userId: 1, user_id: 1 },
  { messageType: 'select_user', targetUser: 'berta', withUser: 'anna' },
  { messageType: 'select_user', targetUser: ['ANNA', 'BERTA'] },
  { messageType: 'select_user', targetUser: 'ANNA,BERTA' },
  { messageType: 'select_user', targetUser: 'ANNA', users: ['ANNA', 'BERTA'] },
  { messageType: 'select_user', targetUser: "ANNA' OR '1'='1" },
  { messageType: 'select_user', targetUser: 'ANNA\u0000BERTA' },
  '{"messageType":"select_user","targetUser":"CARLA","targetUser":"ANNA"}',
  { messageType: 'message_history', targetUser: 'ANNA' },
  { messageType: 'get_messages', withUser: 'ANNA' },
  { messageType: 'get_messages', withUser: 'BERTA', fromUser: 'ANNA', username: 'ANNA', beforeId: 'ID', limit: 200 },
  { messageType: 'get_messages', withUser: 'BERTA', toUser: 'ANNA', targetUser: 'ANNA', user: 'ANNA', beforeId: 9007199254740991 },
  { messageType: 'get_messages', withUser: 'berta', beforeId: 1e15, limit: 200, offset: 0, userId: 1 },
  { messageType: 'get_conversations', username: 'ANNA', fromUser: 'ANNA', user: 'ANNA', userId: 1 },
  { messageType: 'get_conversations', withUser: 'ANNA' },
  { messageType: 'mark_read', withUser: 'ANNA', upToId: 'ID', username: 'BERTA', fromUser: 'BERTA' },
  { messageType: 'mark_read', withUser: 'BERTA', upToId: 9007199254740991, username: 'ANNA', user: 'ANNA' },
  { messageType: 'read_state', withUser: 'ANNA', readUpTo: 9007199254740991, unread: 0 },
  { messageType: 'get_chat_history', withUser: 'ANNA', targetUser: 'ANNA' },
  { messageType: 'get_chat_history', beforeId: 'ID', limit: 200 },
  { messageType: 'get_all_users', withUser: 'ANNA' },
];

// What must reach somebody, as the sender's own.
const FORGERIES = [
  { messageType: 'direct_message', targetUser: 'BERTA', text: 'forged', fromUser: 'ANNA', username: 'ANNA', user_id: 1, id: 1, clientId: 'used-by-anna' },
  { messageType: 'direct_message', targetUser: 'anna', text: 'forged', fromUser: 'BERTA', toUser: 'BERTA', clientId: 'used-by-anna' },
];

const filled = (attempt, { anna, berta, id }) => {
  const text = typeof attempt === 'string' ? attempt : JSON.stringify(attempt);
  return text.replaceAll('"ID"', String(id)).replaceAll('ANNA', anna.name).replaceAll('BERTA', berta.name)
    .replaceAll('"anna"', `"${anna.name.toLowerCase()}"`).replaceAll('"berta"', `"${berta.name.toLowerCase()}"`);
};

test('whatever a third user and guests send, they get nothing of the two, and the two get nothing forged', async (t) => {
  const own = await startServer(t, { args: ['--log-level', 'debug'] });
  const { anna, berta, a, aBase, b, bBase, all } = await talkers(t, own);
  const { carla, clients } = await intruders(t, own);
  const first = await answer(a, dm(berta.name, `${SECRET} 1`, { clientId: 'used-by-anna' }));
  await after(b);
  const second = await answer(b, dm(anna.name, `${SECRET} 2`));
  await after(a);
  await answer(a, dm(anna.name, `${SECRET} 3`));
  for (const client of all) await entriesAfter(client);
  const look = async () => ({
    anna: await history(a, berta.name),
    own: await history(a, anna.name),
    berta: await history(b, anna.name),
    annas: await answer(a, { messageType: 'get_conversations' }),
    bertas: await answer(b, { messageType: 'get_conversations' }),
  });
  const before = await look();
  assert.equal(before.anna.length, 2);
  assert.equal(before.own.length, 1);

  for (const client of clients) {
    for (const attempt of ATTEMPTS) {
      for (const id of [first.id, second.id, second.id + 100]) {
        const got = await after(client, filled(attempt, { anna, berta, id }));
        for (const one of got) {
          if (one.messages) assert.deepEqual(one.messages, [], JSON.stringify(attempt));
          if (one.conversations) assert.deepEqual(one.conversations, [], JSON.stringify(attempt));
        }
      }
    }
  }
  // Reading for others: only carla's own empty conversations were touched, in her own tabs.
  for (const client of all) assert.deepEqual(await after(client), []);
  assert.deepEqual(await look(), before);

  for (const [i, client] of clients.entries()) {
    const isCarla = i < 4;
    for (const forgery of FORGERIES) {
      const got = await after(client, filled(forgery, { anna, berta, id: first.id }));
      for (const one of got) {
        if (one.messageType === 'direct_message') assert.deepEqual([one.fromUser, one.text], [carla.name, 'forged']);
      }
      if (!isCarla) {
        const refused = client.hello && forgery.clientId ? ['not_sent', 'error'] : ['error'];
        assert.deepEqual(got.map((one) => one.messageType), refused);
      }
    }
  }
  const toAnna = [...(await after(a)), ...(await after(aBase))];
  const toBerta = [...(await after(b)), ...(await after(bBase))];
  for (const one of [...toAnna, ...toBerta]) assert.deepEqual([one.fromUser, one.text], [carla.name, 'forged']);
  for (const tab of [toAnna, toBerta]) assert.ok(tab.length > 0);
  const later = await look();
  assert.deepEqual([later.anna, later.own, later.berta], [before.anna, before.own, before.berta]);

  for (const client of clients) {
    await after(client);
    assertNoSecret(client.everything);
  }
  // What is written to the log are events.
  assertNoSecret([own.stderr]);
  assert.ok(!own.stderr.includes('forged'));
});

test('what two people do at full speed does not leak into what a third asks for at the same time', async (t) => {
  const own = await startServer(t);
  const { anna, berta, a, b } = await talkers(t, own);
  const { carla, clients } = await intruders(t, own);
  for (let i = 0; i < 200; i++) {
    a.send(dm(berta.name, `${SECRET} ${i}`));
    b.send(dm(anna.name, `${SECRET} ${i} ${'x'.repeat(i * 20)}`));
    for (const [n, client] of clients.entries()) {
      client.send(select(i % 2 ? anna.name : berta.name));
      if (n < 4 && i % 20 === 0) client.send(dm(anna.name, `from carla ${n} ${i}`));
      if (i % 20 === 0) client.send(n < 4 ? say('in public') : { messageType: 'get_all_users' });
    }
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  // The second time for what others wrote behind the first answers.
  for (let i = 0; i < 2; i++) for (const client of [a, b, ...clients]) await entriesAfter(client);
  for (const client of clients) assertNoSecret(client.everything);
  const hers = await history(clients[0], anna.name);
  assert.equal(hers.length, 40);
  for (const message of hers) assert.deepEqual([message.fromUser, message.text.startsWith('from carla')], [carla.name, true]);
  assert.deepEqual(await history(clients[0], berta.name), []);
  assert.equal((await history(a, berta.name)).length, 400);
});

test('the pairs of a dozen users are different conversations, however their ids look behind one another', async (t) => {
  const own = await startServer(t);
  const names = Array.from({ length: 12 }, (_, i) => `user${i + 1}`);
  await Promise.all(names.slice(0, 6).map((name) => register(own, name)));
  await Promise.all(names.slice(6).map((name) => register(own, name)));
  const cookies = await Promise.all(names.map((name) => login(own, name)));
  const clients = [];
  for (const cookie of cookies) clients.push(await Client.open(own, { t, cookie, protocol: V1 }));
  for (const [i, from] of clients.entries()) for (const to of names) from.send(dm(to, `${names[i]} to ${to}`));
  for (const client of clients) await after(client);
  for (const [i, client] of clients.entries()) {
    await after(client);
    for (const [j, other] of names.entries()) {
      const texts = (await history(client, other)).map((message) => message.text).sort();
      const expected = i === j ? [`${other} to ${other}`] : [`${names[i]} to ${other}`, `${other} to ${names[i]}`];
      assert.deepEqual(texts, expected.sort());
    }
    const { conversations } = await answer(client, { messageType: 'get_conversations' });
    assert.deepEqual(conversations.map((one) => one.username).sort(), [...names].sort());
    for (const one of conversations) assert.equal(one.unread, one.username === names[i] ? 0 : 1);
  }
});

test('a connection that was logged out gets nothing any more, and those of other sessions do', async (t) => {
  const own = await startServer(t);
  const { anna, berta, a, b } = await talkers(t, own);
  const elsewhere = await login(own, anna.name);
  const there = watch(await Client.open(own, { t, cookie: elsewhere, protocol: V1 }));
  await get(own, '/logout', { Cookie: elsewhere });
  assert.equal((await within(there.closed, 'the end of the session')).code, 1008);
  await answer(b, dm(anna.name, SECRET));
  assert.equal((await after(a))[0].text, SECRET);
  assertNoSecret(there.everything);
  // The old cookie makes a guest.
  const guest = watch(await Client.open(own, { t, cookie: elsewhere, protocol: V1 }));
  assert.equal(guest.hello.username, null);
  assert.equal((await answer(guest, select(berta.name))).messageType, 'error');
  await answer(b, dm(anna.name, SECRET));
  await after(guest);
  assertNoSecret(guest.everything);
});

test('a connection slot that is used again by somebody else gets nothing that was meant for the one before', async (t) => {
  const own = await startServer(t);
  const { anna, b, bBase } = await talkers(t, own);
  const { clients } = await intruders(t, own);
  const [carla] = await people(own, t, 'Carla');
  for (let i = 0; i < 60; i++) {
    const tab = await anna.v1();
    // The end of the connection and the messages to it may come in one turn.
    b.send(dm(anna.name, `${SECRET} ${i}`));
    bBase.send(dm(anna.name, `${SECRET} ${i} ${'x'.repeat(20_000)}`));
    if (i % 2) tab.resetNow();
    else tab.destroy();
    const next = watch(await carla.v1());
    for (const one of await entriesAfter(next)) assert.ok(HARMLESS.includes(one.type), one.raw.slice(0, 200));
    assertNoSecret(next.everything);
    await next.close();
  }
  for (const client of clients) {
    await after(client);
    assertNoSecret(client.everything);
  }
});
