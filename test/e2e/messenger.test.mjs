// What parlor.v1 adds to direct messages: sending without doubt, conversations, pages, what is read, who is typing.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client } from './lib/client.mjs';
import { PASSWORD, postJson, register } from './lib/http.mjs';
import { file, startServer } from './lib/server.mjs';
import {
  FULL, LIMIT, ODD, V1, after, answer, assertRefused, assertSilent, dm, entriesAfter, history, people, person, rawAfter, select,
  together,
} from './lib/talk.mjs';

const server = await startServer(file);

const page = (client, withUser, more = {}) => answer(client, { messageType: 'get_messages', withUser, ...more });
const markRead = (withUser, upToId) => ({ messageType: 'mark_read', withUser, upToId });
const typing = (targetUser, isTyping = true) => ({ messageType: 'typing', targetUser, isTyping });

async function conversations(client) {
  const got = await answer(client, { messageType: 'get_conversations' });
  assert.deepEqual(Object.keys(got), ['messageType', 'conversations']);
  return got.conversations;
}

// --- sending without doubt ---

test('the sender\'s v1 connections get the clientId with the message, and nobody else does', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, tab, aBase, b, bBase] = [await anna.v1(), await anna.v1(), await anna.base(), await berta.v1(), await berta.base()];
  const got = await answer(a, dm(berta.name, 'hi', { clientId: 'aZ_-09' }));
  assert.deepEqual(Object.keys(got).sort(), ['clientId', 'fromUser', 'id', 'messageType', 'sentAt', 'text', 'toUser']);
  assert.equal(got.clientId, 'aZ_-09');
  assert.deepEqual(await after(tab), [got]);
  const { clientId, ...stored } = got;
  assert.deepEqual(await after(b), [{ ...stored, unread: 1 }]);
  for (const client of [aBase, bBase]) {
    assert.deepEqual(await after(client), [{ messageType: 'direct_message', fromUser: anna.name, text: 'hi' }]);
  }
  for (const client of [a, b]) {
    assert.deepEqual((await history(client, client === a ? berta.name : anna.name)), [stored]);
    assert.deepEqual((await page(client, client === a ? berta.name : anna.name)).messages, [stored]);
  }
  // To oneself one is the sender.
  const note = await answer(tab, dm(anna.name, 'note', { clientId: 'note' }));
  assert.equal(note.clientId, 'note');
  assert.deepEqual(await after(a), [note]);
});

test('a clientId is stored once: again, with whatever text, it answers the one who sent it with what was stored', async (t) => {
  const own = await startServer(t);
  const [anna, berta] = await people(own, t, 'Anna', 'Berta');
  const [a, tab, base] = [await anna.v1(), await anna.v1(), await anna.base()];
  const theirs = [await berta.v1(), await berta.base()];
  const first = await answer(a, dm(berta.name, '<first> & "only"', { clientId: 'one' }));
  for (const client of [tab, base, ...theirs]) assert.equal((await after(client)).length, 1);
  for (const text of ['<first> & "only"', 'another text', 'x'.repeat(LIMIT)]) {
    assert.deepEqual(await answer(a, dm(berta.name.toUpperCase(), text, { clientId: 'one' })), first);
    assert.deepEqual(await answer(tab, dm(berta.name, text, { clientId: 'one' })), first);
  }
  await assertSilent(a, tab, base, ...theirs);
  // Another case and another user: other ids.
  const other = await answer(a, dm(berta.name, 'other case', { clientId: 'ONE' }));
  assert.ok(other.id > first.id);
  await after(theirs[0]);
  const hers = await answer(theirs[0], dm(anna.name, 'hers', { clientId: 'one' }));
  assert.deepEqual([hers.text, hers.clientId], ['hers', 'one']);
  for (const end of ['stop', 'kill9']) {
    await own[end]();
    await own.startAgain();
    const again = await anna.v1();
    assert.deepEqual(await answer(again, dm(berta.name, 'after a restart', { clientId: 'one' })), first);
  }
  const late = await berta.v1();
  assert.deepEqual((await history(late, anna.name)).map((message) => message.text), ['<first> & "only"', 'other case', 'hers']);
  assert.equal((await conversations(late))[0].unread, 2, 'not counted again');
});

test('what was sent again is long, and comes back whole', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const a = await anna.v1();
  for (const [i, text] of Object.values({ ...FULL, ...ODD }).entries()) {
    const got = await answer(a, dm(berta.name, text, { clientId: `id-${i}` }));
    const again = await answer(a, dm(berta.name, 'x', { clientId: `id-${i}` }));
    assert.ok(again.text === text);
    assert.deepEqual(again, got);
  }
});

test('the same clientId twice in one turn, from one connection or from two, is stored once', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, tab, b] = [await anna.v1(), await anna.v1(), await berta.v1()];
  together(a, () => {
    for (let i = 0; i < 5; i++) a.send(dm(berta.name, `try ${i}`, { clientId: 'twice' }));
  });
  const got = await after(a);
  assert.equal(got.length, 5);
  for (const one of got) assert.deepEqual(one, got[0]);
  assert.equal(got[0].text, 'try 0');
  const { clientId, ...stored } = got[0];
  assert.deepEqual(await after(b), [{ ...stored, unread: 1 }]);
  assert.deepEqual(await after(tab), [got[0]]);
  for (const client of [a, tab]) client.send(dm(berta.name, 'both', { clientId: 'both' }));
  const both = [...(await after(a)), ...(await after(tab)), ...(await after(a))];
  // One of the two has it as a new message, and so has the other; the later one has it as an answer, too.
  assert.equal(both.length, 3);
  for (const one of both) assert.deepEqual(one, both[0]);
  assert.equal((await after(b)).length, 1);
});

test('a clientId that was used for somebody else is refused, and changes nothing', async (t) => {
  const [anna, berta, carla] = await people(server, t, 'Anna', 'Berta', 'Carla');
  const [a, tab, b, c] = [await anna.v1(), await anna.v1(), await berta.v1(), await carla.v1()];
  await answer(a, dm(berta.name, 'Zq7 for berta', { clientId: 'one' }));
  for (const client of [tab, b]) await after(client);
  for (const target of [carla.name, anna.name]) {
    const raw = await rawAfter(a, dm(target, 'Zq7 for berta', { clientId: 'one' }));
    assert.equal(raw[0], '{"messageType":"not_sent","clientId":"one"}');
    assert.equal(JSON.parse(raw[1]).messageType, 'error');
    assert.equal(raw.length, 2);
    assert.ok(!raw.join('').includes('Zq7'));
  }
  await assertSilent(tab, b, c);
  assert.deepEqual(await history(a, carla.name), []);
  assert.deepEqual(await history(a, anna.name), []);
  assert.deepEqual((await conversations(a)).map((one) => one.username), [berta.name]);
  // What was refused in the middle of a turn takes nothing else with it.
  together(a, () => {
    a.send(dm(berta.name, 'before'));
    a.send(dm(carla.name, 'no', { clientId: 'one' }));
    a.send(dm(carla.name, 'behind'));
  });
  assert.deepEqual((await after(a)).map((one) => one.text ?? one.messageType), ['before', 'not_sent', 'error', 'behind']);
  assert.deepEqual((await after(c)).map((one) => [one.text, one.unread]), [['behind', 1]]);
});

test('a bad clientId is an error without not_sent; a good one of a refused message comes back before the error', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b] = [await anna.v1(), await berta.v1()];
  for (const clientId of ['', ' ', 'a b', 'ä', 'a.b', 'a"b', 'x\u0000', 'x'.repeat(65), 5, null, true, [], ['a'], {}]) {
    await assertRefused(a, dm(berta.name, 'hi', { clientId }), dm('nobody', 'hi', { clientId }));
  }
  for (const clientId of ['x', 'x'.repeat(64), '-', '_', '0']) {
    const refused = [dm(berta.name, ''), dm(berta.name, 'x'.repeat(LIMIT + 1)), dm(berta.name, 'a\u0000'), dm(berta.name, 5), dm('nobody', 'x'), dm(null, 'x')];
    for (const message of refused) {
      const [first, second, ...more] = await after(a, { ...message, clientId });
      assert.deepEqual(first, { messageType: 'not_sent', clientId });
      assert.equal(second.messageType, 'error');
      assert.deepEqual(more, []);
    }
    const got = await answer(a, dm(berta.name, 'good', { clientId }));
    assert.deepEqual([got.clientId, got.text], [clientId, 'good']);
  }
  assert.equal((await after(b)).length, 5);
});

test('not_sent comes before the error also when a message is refused before its fields are looked at', async (t) => {
  const anna = await person(server, t, 'Anna');
  const a = await anna.v1();
  const refused = {
    'longer than 512 KiB': { text: 'x'.repeat(512 * 1024) },
    'more than 10 000 values': { text: 'x', more: Array(10_001).fill(0) },
  };
  for (const kind of [{ messageType: 'direct_message', targetUser: anna.name }, { messageType: 'chatMessage', comment: 'x' }]) {
    for (const [name, fields] of Object.entries(refused)) {
      const [first, second] = await after(a, { ...kind, ...fields, clientId: 'large' });
      assert.deepEqual(first, { messageType: 'not_sent', clientId: 'large' }, name);
      assert.equal(second.messageType, 'error');
    }
  }
});

test('not_sent tells a page whose login is over that its message was not taken', async (t) => {
  const anna = await person(server, t, 'Anna');
  const guest = await Client.open(server, { t, protocol: V1 });
  for (const message of [dm(anna.name, 'x'), { messageType: 'chatMessage', comment: 'x' }]) {
    const [first, second, ...more] = await after(guest, { ...message, clientId: 'mine' });
    assert.deepEqual(first, { messageType: 'not_sent', clientId: 'mine' });
    assert.equal(second.messageType, 'error');
    assert.deepEqual(more, []);
  }
});

// --- conversations ---

test('the list of conversations has everyone with whom messages were exchanged, with exactly these fields', async (t) => {
  const [anna, berta, carla, dora] = await people(server, t, 'Anna', 'Berta', 'Carla', 'Dora');
  const [a, b] = [await anna.v1(), await berta.v1()];
  assert.deepEqual(await conversations(a), []);
  const toBerta = await answer(a, dm(berta.name, 'line one\nline <two> & "three"'));
  const toSelf = await answer(a, dm(anna.name, 'note'));
  await after(b);
  const fromBerta = await answer(b, dm(anna.name, 'back'));
  const c = await carla.base();
  await after(c, dm(anna.name, 'from carla'), dm(anna.name, 'again'));
  const [, last] = (await after(a)).slice(-2);
  const list = await conversations(a);
  const byName = (x, y) => (x.username < y.username ? -1 : 1);
  assert.deepEqual(list.sort(byName), [
    { username: anna.name, unread: 0, readUpTo: 0, lastId: toSelf.id, lastAt: toSelf.sentAt, lastFrom: anna.name, preview: 'note' },
    { username: berta.name, unread: 1, readUpTo: 0, lastId: fromBerta.id, lastAt: fromBerta.sentAt, lastFrom: berta.name, preview: 'back' },
    { username: carla.name, unread: 2, readUpTo: 0, lastId: last.id, lastAt: last.sentAt, lastFrom: carla.name, preview: 'again' },
  ].sort(byName));
  assert.deepEqual(await conversations(b), [
    { username: anna.name, unread: 1, readUpTo: 0, lastId: fromBerta.id, lastAt: fromBerta.sentAt, lastFrom: berta.name, preview: 'back' },
  ]);
  assert.ok(toBerta.id < fromBerta.id);
  assert.deepEqual(await conversations(await dora.v1()), []);
});

test('a preview is the first 120 code points of the last message, as they were written', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const a = await anna.v1();
  const texts = [
    'x'.repeat(119), 'x'.repeat(120), 'x'.repeat(121), 'é'.repeat(121), '€'.repeat(121), '😀'.repeat(120), '😀'.repeat(121),
    `${'x'.repeat(119)}😀y`, `${'x'.repeat(120)}😀`, `<b>&"'\n\r\n\t\u0001${'ä'.repeat(200)}`, `${'e\u0301'.repeat(100)}`, '👩‍👩‍👧‍👦'.repeat(40),
    ...Object.values(FULL), ...Object.values(ODD),
  ];
  for (const text of texts) {
    await after(a, dm(berta.name, text));
    const [one] = await conversations(a);
    assert.equal(one.preview, [...text].slice(0, 120).join(''));
  }
});

test('many conversations with long last messages come in one whole list', async (t) => {
  const own = await startServer(t);
  const all = [];
  for (let i = 0; i < 24; i++) all.push(await register(own, `other${i}`));
  const anna = await person(own, t, 'Anna');
  const a = await anna.v1();
  const text = `${'\u0001'.repeat(120)}${'x'.repeat(60_000)}`;
  for (const { username } of all) a.send(dm(username, text));
  assert.equal((await after(a)).length, 24);
  const list = await conversations(a);
  assert.deepEqual(list.map((one) => one.username).sort(), all.map((one) => one.username).sort());
  for (const one of list) assert.equal(one.preview, text.slice(0, 120));
});

// --- pages ---

test('a conversation comes in pages: the newest, or those before an id', async (t) => {
  const [anna, berta, carla] = await people(server, t, 'Anna', 'Berta', 'Carla');
  const [a, b, c] = [await anna.v1(), await berta.v1(), await carla.v1()];
  assert.deepEqual(await page(a, berta.name.toLowerCase()), {
    messageType: 'message_page', withUser: berta.name, beforeId: null, messages: [], hasOlder: false, readUpTo: 0, unread: 0,
  });
  // Between any two there are messages of others, so ids are not next to each other.
  for (let i = 0; i < 115; i++) {
    a.send(dm(berta.name, `a${i}`));
    c.send(dm(anna.name, `c${i}`));
    b.send(dm(anna.name, `b${i}`));
  }
  for (const client of [a, b, c]) await after(client);
  await after(a);
  const all = await history(a, berta.name);
  assert.equal(all.length, 230);
  const check = async (more, messages, hasOlder) => {
    for (const [client, other, unread] of [[a, berta.name, 115], [b, anna.name, 115]]) {
      assert.deepEqual(await page(client, other, more), {
        messageType: 'message_page', withUser: other, beforeId: more.beforeId ?? null, messages, hasOlder, readUpTo: 0, unread,
      });
    }
  };
  await after(b);
  await check({}, all.slice(-50), true);
  await check({ beforeId: null }, all.slice(-50), true);
  await check({ limit: 1 }, all.slice(-1), true);
  await check({ limit: 200 }, all.slice(-200), true);
  await check({ beforeId: all[30].id, limit: 200 }, all.slice(0, 30), false);
  await check({ beforeId: all[50].id }, all.slice(0, 50), false);
  await check({ beforeId: all[51].id }, all.slice(1, 51), true);
  await check({ beforeId: all[0].id }, [], false);
  await check({ beforeId: 1 }, [], false);
  await check({ beforeId: all.at(-1).id, limit: 1 }, all.slice(-2, -1), true);
  await check({ beforeId: all.at(-1).id + 1, limit: 2 }, all.slice(-2), true);
  await check({ beforeId: 2 ** 53 - 1, limit: 2 }, all.slice(-2), true);
  // An id of another conversation is a place in time, and nothing else.
  const others = await history(a, carla.name);
  const middle = others[57].id;
  await check({ beforeId: middle, limit: 200 }, all.filter((one) => one.id < middle).slice(-200), all.filter((one) => one.id < middle).length > 200);
  const walked = [];
  let beforeId = null;
  for (let hasOlder = true; hasOlder;) {
    const got = await page(a, berta.name, { beforeId, limit: 9 });
    walked.unshift(...got.messages);
    ({ hasOlder } = got);
    beforeId = got.messages[0].id;
  }
  assert.deepEqual(walked, all);
});

test('a page that is asked for between two messages has the first one and not the second', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b] = [await anna.v1(), await berta.v1()];
  together(b, () => {
    for (let i = 0; i < 20; i++) {
      b.send(dm(anna.name, `${i}`));
      b.send({ messageType: 'get_messages', withUser: anna.name, limit: 3 });
    }
  });
  const told = [];
  const got = await after(b);
  assert.equal(got.length, 40);
  for (const message of got) {
    if (message.messageType === 'direct_message') {
      told.push(message);
    } else {
      assert.deepEqual(message.messages, told.slice(-3));
      assert.equal(message.hasOlder, told.length > 3);
    }
  }
  assert.deepEqual((await after(a)).map((message) => message.unread), Array.from({ length: 20 }, (_, i) => i + 1));
});

test('a page of 200 of the longest texts is whole', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const a = await anna.v1();
  // Some of them are six times as long in JSON.
  const texts = Array.from({ length: 201 }, (_, i) => (i % 20 ? 'x' : '\u0001').repeat(LIMIT));
  for (const text of texts) a.send(dm(berta.name, text));
  await entriesAfter(a, [], 60_000);
  const [got] = await entriesAfter(a, [{ messageType: 'get_messages', withUser: berta.name, limit: 200 }], 60_000);
  assert.equal(got.message.messages.length, 200);
  assert.ok(got.message.messages.every((message, i) => message.text === texts[i + 1]));
  assert.equal(got.message.hasOlder, true);
});

test('bad pages are refused', async (t) => {
  const anna = await person(server, t, 'Anna');
  const a = await anna.v1();
  const ask = (more) => ({ messageType: 'get_messages', withUser: anna.name, ...more });
  for (const limit of [0, -1, 201, 1.5, 1e300, '5', true, [], {}, null]) await assertRefused(a, ask({ limit }));
  for (const beforeId of [0, -1, 1.5, 1e300, '5', true, [], {}]) await assertRefused(a, ask({ beforeId }));
  for (const withUser of ['nobody', '', 5, null, undefined, ['x']]) await assertRefused(a, ask({ withUser }));
});

// --- read and unread ---

test('each message says how many the receiver has not read, and reading is told to all of the reader\'s v1 connections', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b, tab, base] = [await anna.v1(), await berta.v1(), await berta.v1(), await berta.base()];
  const sent = [];
  for (let i = 1; i <= 5; i++) {
    sent.push(await answer(a, dm(berta.name, `${i}`)));
    for (const client of [b, tab]) assert.deepEqual(await after(client), [{ ...sent.at(-1), unread: i }]);
  }
  await after(base);
  const state = (readUpTo, unread) => ({ messageType: 'read_state', withUser: anna.name, readUpTo, unread });
  const read = async (upToId, readUpTo, unread) => {
    assert.deepEqual(await after(b, markRead(anna.name.toUpperCase(), upToId)), [state(readUpTo, unread)]);
    assert.deepEqual(await after(tab), [state(readUpTo, unread)]);
    const got = await page(tab, anna.name, { limit: 1 });
    assert.deepEqual([got.readUpTo, got.unread], [readUpTo, unread]);
    const [conversation] = await conversations(b);
    assert.deepEqual([conversation.readUpTo, conversation.unread], [readUpTo, unread]);
  };
  await read(0, 0, 5);
  await read(sent[1].id, sent[1].id, 3);
  await read(sent[0].id, sent[1].id, 3); // never backwards
  await read(0, sent[1].id, 3);
  await read(sent[3].id, sent[3].id, 1);
  await read(sent[3].id, sent[3].id, 1);
  await read(2 ** 53 - 1, sent[4].id, 0); // never beyond
  const next = await answer(a, dm(berta.name, 'next'));
  for (const client of [b, tab]) assert.deepEqual(await after(client), [{ ...next, unread: 1 }]);
  await read(next.id, next.id, 0);
  await assertSilent(a);
  assert.deepEqual(await after(base), [{ messageType: 'direct_message', fromUser: anna.name, text: 'next' }], 'nothing of all this in the base dialect');
});

test('each has read for oneself: answering reads nothing, and one\'s own messages are never unread', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b] = [await anna.v1(), await berta.v1()];
  await answer(a, dm(berta.name, '1'));
  await after(b);
  await answer(b, dm(anna.name, '2'));
  await after(a);
  assert.equal((await conversations(b))[0].unread, 1);
  assert.equal((await conversations(a))[0].unread, 1);
  assert.equal((await conversations(a))[0].readUpTo, 0);
  const [read] = await after(a, markRead(berta.name, 2 ** 40));
  assert.equal(read.unread, 0);
  assert.equal((await conversations(b))[0].unread, 1, 'hers is hers');
  for (let i = 0; i < 3; i++) assert.ok(!(await answer(a, dm(anna.name, `${i}`))).unread);
  const note = (await conversations(a)).find((one) => one.username === anna.name);
  assert.equal(note.unread, 0);
  assert.deepEqual(await after(a, markRead(anna.name, note.lastId)),
    [{ messageType: 'read_state', withUser: anna.name, readUpTo: note.lastId, unread: 0 }]);
});

test('an id between two messages, or of another conversation, reads what is older than it', async (t) => {
  const [anna, berta, carla] = await people(server, t, 'Anna', 'Berta', 'Carla');
  const [a, b, c] = [await anna.v1(), await berta.v1(), await carla.v1()];
  const ids = [];
  for (let i = 0; i < 3; i++) {
    await answer(b, dm(anna.name, `${i}`));
    ids.push((await answer(c, dm(anna.name, `${i}`))).id);
  }
  const got = await after(a);
  assert.equal(got.length, 6);
  const [state] = await after(a, markRead(berta.name, ids[1]));
  assert.equal(state.withUser, berta.name);
  assert.equal(state.unread, 1);
  const byName = Object.fromEntries((await conversations(a)).map((one) => [one.username, one]));
  assert.equal(byName[carla.name].unread, 3, 'the other conversation is as it was');
  assert.equal(byName[carla.name].readUpTo, 0);
  assert.ok(byName[berta.name].readUpTo <= ids[1]);
});

test('reading where nothing was written changes nothing, now and later', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b] = [await anna.v1(), await berta.v1()];
  assert.deepEqual(await after(a, markRead(berta.name, 2 ** 53 - 1)),
    [{ messageType: 'read_state', withUser: berta.name, readUpTo: 0, unread: 0 }]);
  assert.deepEqual(await conversations(a), []);
  await answer(b, dm(anna.name, 'hi'));
  assert.equal((await after(a))[0].unread, 1);
});

test('bad mark_read messages are refused', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b] = [await anna.v1(), await berta.v1()];
  await answer(b, dm(anna.name, 'hi'));
  await after(a);
  for (const upToId of [-1, 1.5, 1e300, '1', true, null, undefined, [], {}]) await assertRefused(a, markRead(berta.name, upToId));
  for (const withUser of ['nobody', '', 5, null, undefined]) await assertRefused(a, markRead(withUser, 1));
  assert.equal((await conversations(a))[0].unread, 1);
});

test('unread numbers are right after a restart and after kill -9', async (t) => {
  const own = await startServer(t);
  const [anna, berta] = await people(own, t, 'Anna', 'Berta');
  let expected = 0;
  let readUpTo = 0;
  for (const end of ['stop', 'kill9', 'stop']) {
    const [a, b] = [await anna.v1(), await berta.v1()];
    const ids = [];
    for (let i = 0; i < 10; i++) {
      expected += 1;
      const sent = await answer(a, dm(berta.name, 'hi'));
      ids.push(sent.id);
      assert.deepEqual(await after(b), [{ ...sent, unread: expected }]);
    }
    const [state] = await after(b, markRead(anna.name, ids[6]));
    assert.deepEqual([state.readUpTo, state.unread], [ids[6], 3]);
    [expected, readUpTo] = [3, ids[6]];
    await own[end]();
    await own.startAgain();
    for (const client of [await berta.v1(), await berta.v1()]) {
      const [conversation] = await conversations(client);
      assert.deepEqual([conversation.readUpTo, conversation.unread], [readUpTo, 3]);
      const got = await page(client, anna.name);
      assert.deepEqual([got.readUpTo, got.unread], [readUpTo, 3]);
    }
  }
});

test('unread numbers are those of a simple count, whatever two people do', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b] = [await anna.v1(), await berta.v1()];
  let seed = 12345;
  const random = (n) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % n;
  const theirs = [];
  let readUpTo = 0;
  let lastId = 0;
  for (let i = 0; i < 300; i++) {
    const what = random(4);
    if (what === 0) {
      lastId = (await answer(b, dm(anna.name, 'own'))).id;
      await after(a);
    } else if (what === 1 && lastId) {
      const upToId = random(lastId + 5);
      readUpTo = Math.max(readUpTo, Math.min(upToId, lastId));
      const [state] = await after(b, markRead(anna.name, upToId));
      assert.deepEqual([state.readUpTo, state.unread], [readUpTo, theirs.filter((id) => id > readUpTo).length]);
    } else {
      const sent = await answer(a, dm(berta.name, 'theirs'));
      theirs.push((lastId = sent.id));
      const [got] = await after(b);
      assert.equal(got.unread, theirs.filter((id) => id > readUpTo).length);
    }
  }
});

// --- typing ---

test('typing goes to the v1 connections of the other one, and to nobody else', async (t) => {
  const [anna, berta, carla] = await people(server, t, 'Anna', 'Berta', 'Carla');
  const [a, tab] = [await anna.v1(), await anna.v1()];
  const theirs = [await berta.v1(), await berta.v1()];
  const others = [await anna.base(), await berta.base(), await carla.v1(), await Client.open(server, { t, protocol: V1 })];
  for (const isTyping of [true, false, true, true]) {
    await assertSilent(a);
    assert.deepEqual(await after(a, typing(berta.name.toUpperCase(), isTyping)), []);
    for (const client of theirs) {
      assert.deepEqual(await after(client), [{ messageType: 'typing', fromUser: anna.name, isTyping }]);
    }
  }
  await assertSilent(tab, ...others);
  assert.deepEqual(await conversations(a), [], 'nothing is stored');
  // Somebody who is not here misses it.
  for (const client of theirs) await client.close();
  assert.deepEqual(await after(a, typing(berta.name)), []);
  await assertSilent(await berta.v1());
});

test('typing to oneself tells nobody, or the own v1 connections alone', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, base, b] = [await anna.v1(), await anna.base(), await berta.v1()];
  for (const message of await after(a, typing(anna.name))) {
    assert.deepEqual(message, { messageType: 'typing', fromUser: anna.name, isTyping: true });
  }
  await assertSilent(base, b);
});

test('bad typing messages are refused, and a forged sender helps nobody', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b] = [await anna.v1(), await berta.v1()];
  for (const isTyping of [undefined, null, 0, 1, 'true', [], {}]) {
    await assertRefused(a, { messageType: 'typing', targetUser: berta.name, isTyping });
  }
  for (const target of ['nobody', '', 5, null, undefined]) await assertRefused(a, typing(target));
  await assertSilent(b);
  await after(a, { ...typing(berta.name), fromUser: berta.name, username: berta.name });
  assert.deepEqual(await after(b), [{ messageType: 'typing', fromUser: anna.name, isTyping: true }]);
});

// --- user_added ---

test('user_added goes to every logged-in v1 connection, once, when somebody registers', async (t) => {
  const own = await startServer(t);
  const [anna, berta] = await people(own, t, 'Anna', 'Berta');
  const told = [await anna.v1(), await anna.v1(), await berta.v1()];
  const others = [await anna.base(), await Client.open(own, { t }), await Client.open(own, { t, protocol: V1 })];
  await register(own, 'New.One-_');
  for (const client of told) {
    assert.deepEqual((await entriesAfter(client)).map((one) => one.raw).filter((raw) => !raw.includes('active_users_list')),
      ['{"messageType":"user_added","username":"New.One-_"}']);
    // The list knows the name already.
    const { users } = await answer(client, { messageType: 'get_all_users' });
    assert.ok(users.some((user) => user.username === 'New.One-_'));
  }
  for (const name of ['new.one-_', 'x'.repeat(33), 'ä']) {
    const answered = await postJson(own, '/register', { username: name, password: PASSWORD }, {}, { ms: 60_000 });
    assert.notEqual(answered.status, 201);
  }
  for (const client of [...told, ...others]) {
    for (const one of await entriesAfter(client)) assert.equal(one.type, 'active_users_list', one.raw);
  }
});

// --- who may ask ---

const ADDED = [
  { messageType: 'get_conversations' },
  { messageType: 'get_messages', withUser: 'SOMEBODY' },
  { messageType: 'mark_read', withUser: 'SOMEBODY', upToId: 1 },
  { messageType: 'typing', targetUser: 'SOMEBODY', isTyping: true },
];

test('what v1 adds is unknown in the base dialect, and changes nothing', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [base, a, b] = [await anna.base(), await anna.v1(), await berta.v1()];
  await answer(b, dm(anna.name, 'hi'));
  await after(base);
  await after(a);
  const unknown = await answer(base, { messageType: 'no_such_thing' });
  for (const message of ADDED) {
    const asked = JSON.parse(JSON.stringify(message).replace('SOMEBODY', berta.name));
    assert.deepEqual(await answer(base, asked), unknown, 'as unknown as any other');
  }
  await assertSilent(a, b);
  assert.equal((await conversations(a))[0].unread, 1);
});

test('what v1 adds is refused for guests', async (t) => {
  const anna = await person(server, t, 'Anna');
  const a = await anna.v1();
  const guest = await Client.open(server, { t, protocol: V1 });
  for (const message of ADDED) {
    await assertRefused(guest, JSON.parse(JSON.stringify(message).replace('SOMEBODY', anna.name)));
  }
  await assertSilent(a);
});

test('select_user gives v1 the same messages as its pages', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b] = [await anna.v1(), await berta.v1()];
  for (let i = 0; i < 20; i++) {
    await answer(a, dm(berta.name, `${i}`, i % 2 ? { clientId: `c${i}` } : {}));
    await after(b);
  }
  const whole = await answer(b, select(anna.name));
  assert.deepEqual(Object.keys(whole).sort(), ['messageType', 'messages', 'withUser']);
  assert.deepEqual((await page(b, anna.name)).messages, whole.messages);
  for (const message of whole.messages) {
    assert.deepEqual(Object.keys(message).sort(), ['fromUser', 'id', 'messageType', 'sentAt', 'text', 'toUser']);
  }
});
