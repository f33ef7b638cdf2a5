// What anybody was told of a direct or public message is in the database, once, whatever happens to the server.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client } from './lib/client.mjs';
import { get } from './lib/http.mjs';
import { startServer, within } from './lib/server.mjs';
import { V1, after, answer, dm, entriesAfter, escapeHtml, history, people, say, until } from './lib/talk.mjs';

const only = (client, type) => client.inbox.filter((one) => one.type === type).map((one) => one.message);
const texts = (messages) => messages.map((message) => message.text ?? message.comment);
const withoutExtras = ({ unread, clientId, ...rest }) => rest;

for (let round = 1; round <= 4; round++) {
  test(`after kill -9 under load everything that anybody was told is there, once, in that order, round ${round}`, async (t) => {
    const server = await startServer(t);
    const [anna, berta] = await people(server, t, 'Anna', 'Berta');
    let keptDms = [];
    let keptChat = [];
    for (let life = 0; life < 3; life++) {
      const tabs = { a: await anna.v1(), aBase: await anna.base(), b: await berta.v1(), bBase: await berta.base() };
      const guest = await Client.open(server, { t, protocol: V1 });
      const all = [...Object.values(tabs), guest];
      let lastRead = (await answer(tabs.b, { messageType: 'get_messages', withUser: anna.name, limit: 1 })).readUpTo;
      const enough = 100 + Math.floor(Math.random() * 1500);
      let told = 0;
      const killed = new Promise((resolve, reject) => {
        tabs.b.socket.on('message', (data) => {
          if (!data.includes('"direct_message"') || ++told !== enough) return;
          server.kill9().then(resolve, reject);
        });
      });
      const pending = { dms: [], chat: [] };
      let n = 0;
      let isOver = false;
      // Always some messages on their way, so that the kill comes in the middle of work.
      const work = () => {
        if (isOver) return;
        for (let i = 0; i < 8; i++) {
          const id = `${life}-${n++}`;
          const dms = dm(berta.name, `a ${id} <&> ${'é'.repeat(n % 300)}`, { clientId: id });
          pending.dms.push(dms);
          tabs.a.send(dms);
          tabs.bBase.send(dm(anna.name, `b ${id}`));
          const chat = say(`chat ${id} "'`, { clientId: id });
          pending.chat.push(chat);
          tabs.a.send(chat);
          tabs.aBase.send(say(`base ${id}`));
        }
        const latest = only(tabs.b, 'direct_message').at(-1);
        if (latest) tabs.b.send({ messageType: 'mark_read', withUser: anna.name, upToId: latest.id - 3 });
        setImmediate(work);
      };
      work();
      await within(killed, 'the kill', 60_000);
      isOver = true;
      for (const client of all) await within(client.closed, 'the end');
      const seen = all.map((client) => ({
        isV1: Boolean(client.hello),
        dms: only(client, 'direct_message'),
        chat: only(client, 'chatMessage'),
      }));
      for (const state of only(tabs.b, 'read_state')) lastRead = Math.max(lastRead, state.readUpTo);

      await server.startAgain();
      const [a, b] = [await anna.v1(), await berta.v1()];
      const dms = await history(a, berta.name);
      const chat = (await answer(a, { messageType: 'get_chat_history' })).messages;
      for (const [kept, before, key, field] of [[dms, keptDms, 'dms', 'text'], [chat, keptChat, 'chat', 'comment']]) {
        assert.deepEqual(kept.slice(0, before.length), before, 'what an earlier life has left');
        const fresh = kept.slice(before.length);
        for (const one of seen) {
          const view = one[key];
          if (one.isV1) assert.deepEqual(fresh.slice(0, view.length), view.map(withoutExtras));
          else assert.deepEqual(fresh.slice(0, view.length).map((message) => escapeHtml(message[field])), texts(view));
        }
        assert.equal(new Set(texts(kept)).size, kept.length, 'nothing is there twice');
        assert.equal(new Set(kept.map((message) => message.id)).size, kept.length);
      }
      assert.deepEqual(await history(b, anna.name), dms);
      const page = await get(server, '/chat-history');
      assert.deepEqual(page.json(), chat.map(({ username, comment }) => ({ username, comment: escapeHtml(comment) })));

      // What was told to be read still is, and the number of the others is right.
      const { conversations } = await answer(b, { messageType: 'get_conversations' });
      assert.ok(conversations[0].readUpTo >= lastRead, `${conversations[0].readUpTo} >= ${lastRead}`);
      const unread = dms.filter((message) => message.fromUser === anna.name && message.id > conversations[0].readUpTo);
      assert.equal(conversations[0].unread, unread.length);

      // A page that sends everything again, not knowing what has arrived, doubles nothing and loses nothing.
      for (const message of [...pending.dms, ...pending.chat]) a.send(message);
      const answers = (await entriesAfter(a, [], 60_000)).map((one) => one.message).filter((one) => one.clientId);
      assert.deepEqual(answers.filter((one) => one.text).map((one) => [one.clientId, one.text]), pending.dms.map((one) => [one.clientId, one.text]));
      assert.deepEqual(answers.filter((one) => one.comment).map((one) => [one.clientId, one.comment]), pending.chat.map((one) => [one.clientId, one.comment]));
      keptDms = await history(a, berta.name);
      keptChat = (await answer(a, { messageType: 'get_chat_history' })).messages;
      const count = (list, message) => list.filter((one) => one === (message.text ?? message.comment)).length;
      const [dmTexts, chatTexts] = [texts(keptDms), texts(keptChat)];
      for (const message of pending.dms.slice(-50)) assert.equal(count(dmTexts, message), 1);
      for (const message of pending.chat.slice(-50)) assert.equal(count(chatTexts, message), 1);
      assert.equal(new Set(dmTexts).size, dmTexts.length);
      assert.equal(new Set(chatTexts).size, chatTexts.length);
      for (const client of [a, b]) await client.close();
    }
  });
}

test('a stop under load commits everything that was told', async (t) => {
  const server = await startServer(t);
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b] = [await anna.v1(), await berta.v1()];
  for (let i = 0; i < 2000; i++) a.send(dm(berta.name, `${i}`));
  await until(b, (one) => one.message.text === '500', 'some messages');
  await server.stop();
  for (const client of [a, b]) await within(client.closed, 'the end');
  const told = [a, b].map((client) => texts(only(client, 'direct_message')));
  await server.startAgain();
  const kept = texts(await history(await anna.v1(), berta.name));
  for (const view of told) assert.deepEqual(kept.slice(0, view.length), view);
  assert.equal(new Set(kept).size, kept.length);
});

// Writes until nothing fits any more. Gives the texts that were told and the answer to the last one, which was not.
async function fill(client, make) {
  const told = [];
  for (let i = 0; i < 3000; i++) {
    const got = await after(client, make(i));
    if (got.some((one) => one.messageType === 'error')) return { told, refused: got };
    assert.equal(got.length, 1);
    told.push(got[0]);
  }
  throw new Error('the disk was never full');
}

// A limit on the size of files is a full disk that needs no disk.
test('on a full disk a direct message is refused, told nobody and counted nowhere, and reading goes on', async (t) => {
  const server = await startServer(t, { limitFileKiB: 600 });
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, tab, b] = [await anna.v1(), await anna.base(), await berta.v1()];
  const { told, refused } = await fill(a, (i) => dm(berta.name, `${i} ${'x'.repeat(10_000)}`));
  assert.deepEqual(refused.map((one) => Object.keys(one)), [['messageType', 'error']]);
  assert.deepEqual(texts(await after(tab)), texts(told));
  const received = await after(b);
  assert.deepEqual(received.map(withoutExtras), told);
  assert.equal(received.at(-1).unread, told.length);

  const check = async (reader, other) => {
    assert.deepEqual(await history(reader, other), told);
    const { conversations } = await answer(reader, { messageType: 'get_conversations' });
    assert.equal(conversations[0].lastId, told.at(-1).id);
    assert.equal(conversations[0].unread, reader === a ? 0 : told.length);
  };
  await check(a, berta.name);
  await check(b, anna.name);
  // Typing and echoes need no writing.
  await after(a, { messageType: 'typing', targetUser: berta.name, isTyping: true });
  assert.deepEqual(await after(b), [{ messageType: 'typing', fromUser: anna.name, isTyping: true }]);

  await server.kill9();
  await server.startAgain({ limitFileKiB: 0 });
  const late = await anna.v1();
  assert.deepEqual(await history(late, berta.name), told);
  const next = await answer(late, dm(berta.name, 'next'));
  assert.ok(next.id > told.at(-1).id);
});

test('on a full disk a public message is refused and told nobody, and the histories go on', async (t) => {
  const server = await startServer(t, { limitFileKiB: 600 });
  const [anna] = await people(server, t, 'Anna');
  const [a, guest] = [await anna.v1(), await Client.open(server, { t })];
  const { told, refused } = await fill(a, (i) => say(`${i} ${'<'.repeat(10_000)}`));
  assert.deepEqual(refused.map((one) => Object.keys(one)), [['messageType', 'error']]);
  assert.equal((await after(guest)).length, told.length);
  assert.deepEqual((await answer(a, { messageType: 'get_chat_history' })).messages, told);
  const page = (await get(server, '/chat-history')).json();
  assert.deepEqual(page.map((one) => one.comment), told.map((one) => escapeHtml(one.comment)));
  await server.kill9();
  await server.startAgain({ limitFileKiB: 0 });
  assert.deepEqual((await answer(await anna.v1(), { messageType: 'get_chat_history' })).messages, told);
});

test('a message that a full disk refused comes back as not_sent, and its clientId can be sent again when there is room', async (t) => {
  const server = await startServer(t, { limitFileKiB: 600 });
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const a = await anna.v1();
  const pad = 'x'.repeat(10_000);
  const { told, refused } = await fill(a, (i) => dm(berta.name, `${i} ${pad}`, { clientId: `id-${i}` }));
  const clientId = `id-${told.length}`;
  assert.deepEqual(refused[0], { messageType: 'not_sent', clientId });
  assert.deepEqual(refused.slice(1).map((one) => one.messageType), ['error']);
  await server.kill9();
  await server.startAgain({ limitFileKiB: 0 });
  const late = await anna.v1();
  const got = await answer(late, dm(berta.name, 'there is room', { clientId }));
  assert.equal(got.text, 'there is room');
  assert.equal((await history(late, berta.name)).length, told.length + 1);
});
