// Histories of a hundred thousand messages: whole and in order, at the reader's speed, and at nobody's cost.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client } from './lib/client.mjs';
import { get } from './lib/http.mjs';
import { RawConnection } from './lib/raw.mjs';
import { RawWebSocket, json } from './lib/rawws.mjs';
import { cleanUp, file, startServer, within } from './lib/server.mjs';
import { V1, answer, dm, entriesAfter, people, say, select, until } from './lib/talk.mjs';

const LONG = 100_000;
const MIB = 1 << 20;
const PATIENCE_MS = 120_000;

// A server built with AddressSanitizer keeps freed memory for a while; where memory is measured, little of it.
const server = await startServer(file, {
  env: { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=1:thread_local_quarantine_size_kb=64` },
});
const [anna, berta] = await people(server, file, 'Anna', 'Berta');

const cookieOf = (who, protocol) => ({ Cookie: who.cookie, ...(protocol ? { 'Sec-WebSocket-Protocol': protocol } : {}) });

// A connection that throws away what comes, and knows when a text has come.
class Sink {
  static async open(t, headers) {
    const sink = new Sink();
    sink.socket = await RawWebSocket.open(server, { t, headers, greeting: false });
    const { connection } = sink.socket;
    sink.got = 0;
    sink.tail = connection.peek();
    connection.socket.on('data', (chunk) => {
      connection.chunks = [];
      connection.buffered = 0;
      sink.got += chunk.length;
      const seen = Buffer.concat([sink.tail, chunk]);
      if (sink.token && seen.includes(sink.token)) sink.found();
      sink.tail = seen.subarray(-100);
    });
    return sink;
  }

  send(data) {
    return this.socket.send(data);
  }

  // Everything that was sent before is answered when the echo of `token` has come.
  async until(token) {
    const come = new Promise((resolve) => (this.found = resolve));
    this.token = token;
    this.send(json({ messageType: 'echo_client', text: token }));
    await within(come, token, PATIENCE_MS);
  }
}

// Says n things as fast as the server takes them.
async function pour(who, n, make) {
  const sink = await Sink.open(undefined, cookieOf(who));
  for (let i = 0; i < n; i += 500) {
    await sink.send(Buffer.concat(Array.from({ length: Math.min(500, n - i) }, (_, k) => json(make(i + k)))));
  }
  await sink.until(`${who.name} is done`);
  sink.socket.connection.destroy();
}

const half = LONG / 2;
await Promise.all([
  pour(anna, half, (i) => dm(berta.name, `a${i}`)),
  pour(berta, half, (i) => dm(anna.name, `b${i}`)),
]);
await pour(anna, LONG, (i) => say(`c${i}`));

function assertConversation(texts) {
  assert.equal(texts.length, LONG);
  const next = { a: 0, b: 0 };
  for (const text of texts) {
    const who = text[0];
    if (text !== `${who}${next[who]}`) assert.fail(`${text} where ${who}${next[who]} belongs`);
    next[who] += 1;
  }
  assert.deepEqual(next, { a: half, b: half });
}

async function whole(client, message) {
  const [got, ...more] = await entriesAfter(client, [message], PATIENCE_MS);
  assert.equal(more.length, 0);
  return got.message;
}

test('a conversation of 100 000 messages opens whole and in order, in both dialects, from both ends', async (t) => {
  const { messages } = await whole(await anna.v1({ t }), select(berta.name));
  assertConversation(messages.map((message) => message.text));
  for (let i = 1; i < LONG; i++) assert.ok(messages[i].id > messages[i - 1].id && messages[i].sentAt >= messages[i - 1].sentAt);
  for (const message of messages) assert.equal(message.fromUser, message.text[0] === 'a' ? anna.name : berta.name);
  for (const [who, other, protocol] of [[anna, berta], [berta, anna], [berta, anna, V1]]) {
    const client = await who.open(protocol, { t });
    const got = await whole(client, select(other.name));
    assert.equal(got.messages.length, LONG);
    assert.ok(messages.every(({ text, fromUser }, i) => got.messages[i].text === text && got.messages[i].fromUser === fromUser));
    client.destroy();
  }
});

test('a public chat of 100 000 messages comes whole and in order, over WebSocket and over HTTP', async (t) => {
  const { messages } = await whole(await Client.open(server, { t, protocol: V1 }), { messageType: 'get_chat_history' });
  assert.equal(messages.length, LONG);
  for (const [i, message] of messages.entries()) if (message.comment !== `c${i}`) assert.fail(`${message.comment} at ${i}`);
  const page = (await get(server, '/chat-history', {}, { ms: PATIENCE_MS })).json();
  assert.equal(page.length, LONG);
  for (const [i, one] of page.entries()) {
    if (one.comment !== `c${i}` || one.username !== anna.name || Object.keys(one).length !== 2) assert.fail(`${JSON.stringify(one)} at ${i}`);
  }
});

test('pages anywhere in a long conversation, and its numbers, are right', async (t) => {
  const b = await berta.v1({ t });
  const { messages } = await whole(b, select(anna.name));
  for (const at of [1, 50, 777, half, LONG - 1]) {
    const got = await answer(b, { messageType: 'get_messages', withUser: anna.name, beforeId: messages[at].id, limit: 200 });
    assert.deepEqual(got.messages, messages.slice(Math.max(0, at - 200), at));
    assert.equal(got.hasOlder, at > 200);
    assert.equal(got.unread, half);
  }
  const middle = messages[half];
  const [state] = (await entriesAfter(b, [{ messageType: 'mark_read', withUser: anna.name, upToId: middle.id }])).map((one) => one.message);
  assert.equal(state.unread, messages.filter((one) => one.fromUser === anna.name && one.id > middle.id).length);
  const [conversation] = (await answer(b, { messageType: 'get_conversations' })).conversations;
  assert.equal(conversation.unread, state.unread);
  assert.equal(conversation.lastId, messages.at(-1).id);
});

test('one who reads a long history slowly, or not at all, stops nobody, and gets it whole in the end', async (t) => {
  const slow = await RawWebSocket.open(server, { t, headers: cookieOf(anna) });
  slow.connection.pause();
  await slow.send(json(select(berta.name)));
  const web = await RawConnection.open(server, { t });
  web.pause();
  await web.send(`GET /chat-history HTTP/1.1\r\nHost: ${server.authority}\r\n\r\n`);
  const other = await Client.open(server, { t });
  for (let i = 0; i < 100; i++) await other.fence();
  // Said while the history waits: behind it, and not in it.
  const b = await berta.base({ t });
  await answer(b, dm(berta.name, 'a note to oneself'));
  await other.fence();
  assert.equal((await get(server, '/healthz')).status, 200);
  slow.connection.resume();
  let message;
  do message = await slow.message(PATIENCE_MS);
  while (message.messageType === 'active_users_list');
  assertConversation(message.messages.map((one) => one.text));
  web.resume();
  const page = JSON.parse((await web.response({ ms: PATIENCE_MS })).bodyText);
  assert.equal(page.length, LONG);
  await slow.fence();
});

test('echoes are answered while long histories are being made for somebody who reads fast', async (t) => {
  const reader = await Sink.open(t, cookieOf(anna, V1));
  for (let i = 0; i < 5; i++) reader.send(json(select(berta.name)));
  let isDone = false;
  const done = reader.until('all five').then(() => (isDone = true));
  const other = await Client.open(server, { t });
  let answered = 0;
  while (!isDone) {
    await other.fence();
    answered += 1;
  }
  await done;
  assert.ok(reader.got > 5 * LONG * 50, `${reader.got} bytes of histories`);
  assert.ok(answered >= 10, `${answered} echoes meanwhile`);
});

test('many who ask for long histories without end do not keep one from getting one', async (t) => {
  const greedy = [];
  for (let i = 0; i < 8; i++) {
    const sink = await Sink.open(t, cookieOf(i % 2 ? anna : berta));
    sink.send(Buffer.concat(Array(50).fill(json(select(i % 2 ? berta.name : anna.name)))));
    greedy.push(sink);
  }
  const modest = await berta.v1({ t });
  assertConversation((await whole(modest, select(anna.name))).messages.map((message) => message.text));
  const page = await get(server, '/chat-history', {}, { ms: PATIENCE_MS });
  assert.equal(page.json().length, LONG);
  // They were far from done.
  assert.ok(greedy.every((sink) => sink.got > 0 && sink.got < 50 * LONG * 40));
  for (const sink of greedy) sink.socket.connection.destroy();
});

test('twenty slow readers who ask again and again do not grow the server', async (t) => {
  const before = server.memory();
  const slow = [];
  const asked = Buffer.concat(Array(2000).fill(json(select(berta.name))));
  for (let i = 0; i < 20; i++) {
    const reader = await RawWebSocket.open(server, { t, headers: cookieOf(anna) });
    reader.connection.pause();
    slow.push(reader);
    cleanUp(t, () => reader.connection.destroy());
    await reader.send(json(select(berta.name)));
    // What the server does not read stays in the kernel, or here.
    reader.send(asked);
  }
  const other = await Client.open(server, { t });
  for (let i = 0; i < 50; i++) await other.fence();
  // A few steps of reading for everyone, so that there is always a next piece to make.
  for (let step = 0; step < 20; step++) {
    for (const reader of slow) {
      const want = reader.connection.buffered + MIB;
      reader.connection.resume();
      while (reader.connection.buffered < want) await reader.connection.more('a part of a history');
      reader.connection.pause();
      reader.connection.chunks = [];
      reader.connection.buffered = 0;
    }
    await other.fence();
  }
  const grown = server.memory().peak - before.now;
  assert.ok(grown < 64, `${grown} MiB more for 20 readers`);
});

test('one that asks a hundred thousand times and reads nothing does not grow the server', async (t) => {
  const before = server.memory();
  const greedy = await RawWebSocket.open(server, { t, headers: cookieOf(anna) });
  greedy.connection.pause();
  const batch = Buffer.concat(Array(5000).fill(json(select(berta.name))));
  for (let i = 0; i < 20; i++) greedy.send(batch);
  const web = await RawConnection.open(server, { t });
  web.pause();
  for (let i = 0; i < 20; i++) web.send(`GET /chat-history HTTP/1.1\r\nHost: ${server.authority}\r\n\r\n`.repeat(2000));
  const other = await Client.open(server, { t });
  for (let i = 0; i < 100; i++) await other.fence();
  const grown = server.memory().peak - before.now;
  assert.ok(grown < 64, `${grown} MiB more`);
});

test('a reader who goes away in the middle of a long history leaves nothing behind', async (t) => {
  const other = await Client.open(server, { t });
  const round = async () => {
    for (let i = 0; i < 20; i++) {
      const reader = await RawWebSocket.open(server, { t, headers: cookieOf(anna, i % 2 ? V1 : undefined), greeting: false });
      await reader.send(json(select(berta.name)));
      await reader.connection.read(100_000);
      reader.connection.pause();
      if (i % 3) reader.connection.resetNow();
      else reader.connection.destroy();
    }
    await other.fence();
    return server.memory().now;
  };
  const first = await round();
  for (let i = 0; i < 4; i++) await round();
  const grown = (await round()) - first;
  assert.ok(grown < 16, `${grown} MiB more`);
});

test('a long history and what is said behind it come in order to one who reads slowly', async (t) => {
  const slow = await RawWebSocket.open(server, { t, headers: cookieOf(anna) });
  slow.connection.pause();
  await slow.send(json({ messageType: 'get_all_users' }));
  await slow.send(json(select(berta.name)));
  const b = await berta.v1({ t });
  // Its request is in the server: the answer to what was sent with it has come to somebody else.
  for (let i = 0; i < 20; i++) await b.fence();
  for (let i = 0; i < 50; i++) await answer(b, dm(berta.name, `a note to oneself ${i}`));
  b.send(dm(anna.name, 'behind the history'));
  await until(b, (one) => one.message.text === 'behind the history', 'the message');
  slow.connection.resume();
  const types = [];
  let kept;
  for (let live = 0; live < 1;) {
    const message = await slow.message(PATIENCE_MS);
    if (message.messageType === 'active_users_list') continue;
    types.push(message.messageType);
    if (message.messageType === 'message_history') kept = message.messages;
    if (message.messageType === 'direct_message') live += 1;
  }
  assert.deepEqual(types, ['all_users_list', 'message_history', 'direct_message']);
  assertConversation(kept.map((message) => message.text));
});
