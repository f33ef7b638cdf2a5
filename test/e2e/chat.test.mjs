// The public chat: everybody's messages to everybody, in one order, live and in its three histories.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client } from './lib/client.mjs';
import { get, request } from './lib/http.mjs';
import { RawConnection, exchange, exchangeAndEnd } from './lib/raw.mjs';
import { file, startServer } from './lib/server.mjs';
import {
  FULL, LIMIT, NO_TEXT, ODD, TOO_LONG, V1, after, answer, assertRefused, assertSilent, dm, escapeHtml, people, person,
  rawAfter, say, together,
} from './lib/talk.mjs';

const server = await startServer(file);

const chatHistory = (client, more = {}) => answer(client, { messageType: 'get_chat_history', ...more });

async function chatPage(own, headers = {}) {
  const got = await get(own, '/chat-history', headers);
  assert.equal(got.status, 200);
  assert.match(got.headers['content-type'], /^application\/json\b/);
  return got.json();
}

// --- who gets what ---

test('a message goes to everybody, guests and the sender too, in the fields of each dialect', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const clients = [await anna.base(), await anna.v1(), await berta.base(), await berta.v1()];
  for (const protocol of [undefined, V1]) clients.push(await Client.open(server, { t, protocol }));
  for (const from of clients.slice(0, 4)) {
    const name = clients.indexOf(from) < 2 ? anna.name : berta.name;
    const own = await answer(from, say('hello'));
    let whole;
    for (const client of clients) {
      const got = client === from ? [own] : await after(client);
      assert.equal(got.length, 1);
      if (client.hello) {
        whole ??= got[0];
        const { id, sentAt, ...rest } = got[0];
        assert.deepEqual(rest, { messageType: 'chatMessage', username: name, comment: 'hello' });
        assert.ok(Number.isSafeInteger(id) && id > 0);
        assert.ok(Number.isSafeInteger(sentAt) && Math.abs(sentAt - Date.now()) < 24 * 3600 * 1000);
        assert.deepEqual(got[0], whole, 'the same for everybody');
      } else {
        assert.deepEqual(Object.entries(got[0]), [['messageType', 'chatMessage'], ['username', name], ['comment', 'hello']]);
      }
    }
  }
});

test('what many people say at once is in one order, the same for everybody and in every history', async (t) => {
  const own = await startServer(t);
  const [anna, berta, carla] = await people(own, t, 'Anna', 'Berta', 'Carla');
  const speakers = [await anna.base(), await anna.v1(), await berta.base(), await carla.v1()];
  const listeners = [await Client.open(own, { t }), await Client.open(own, { t, protocol: V1 })];
  for (let i = 0; i < 150; i++) for (const [who, client] of speakers.entries()) client.send(say(`${who}:${i}`));
  for (const client of speakers) client.got = await after(client);
  for (const client of [...speakers, ...listeners]) client.got = [...(client.got ?? []), ...(await after(client))];
  const first = listeners[0].got.map((message) => message.comment);
  assert.equal(first.length, 600);
  assert.equal(new Set(first).size, 600);
  for (const who of speakers.keys()) {
    assert.deepEqual(first.filter((one) => one.startsWith(`${who}:`)), Array.from({ length: 150 }, (_, i) => `${who}:${i}`));
  }
  for (const client of [...speakers, ...listeners]) assert.deepEqual(client.got.map((message) => message.comment), first);
  const names = [anna.name, anna.name, berta.name, carla.name];
  const page = await chatPage(own);
  assert.deepEqual(page, first.map((comment) => ({ username: names[Number(comment[0])], comment })));
  for (const client of [speakers[1], listeners[1]]) {
    const { messages } = await chatHistory(client);
    assert.deepEqual(messages, listeners[1].got);
    for (const [i, message] of messages.entries()) {
      assert.ok(i === 0 || (message.id > messages[i - 1].id && message.sentAt >= messages[i - 1].sentAt));
    }
  }
});

test('a history that is asked for between two messages has the first one and not the second', async (t) => {
  const anna = await person(server, t, 'Anna');
  const a = await anna.v1();
  const told = (await chatHistory(a)).messages.map((message) => message.id);
  together(a, () => {
    for (let i = 0; i < 20; i++) {
      a.send(say(`before ${i}`));
      a.send({ messageType: 'get_chat_history' });
    }
  });
  const got = await after(a);
  assert.equal(got.length, 40);
  for (const message of got) {
    if (message.messageType === 'chatMessage') told.push(message.id);
    else assert.deepEqual(message.messages.map((one) => one.id), told);
  }
});

test('a history read while others speak has each message once, in it or behind it', async (t) => {
  const own = await startServer(t);
  const anna = await person(own, t, 'Anna');
  const [a, guest] = [await anna.base(), await Client.open(own, { t, protocol: V1 })];
  for (let i = 0; i < 500; i++) {
    a.send(say(`${i}`));
    if (i % 50 === 0) {
      guest.send({ messageType: 'get_chat_history' });
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await after(a);
  const live = [];
  let histories = 0;
  for (const message of await after(guest)) {
    if (message.messageType === 'chatMessage') {
      live.push(message.comment);
    } else {
      histories += 1;
      assert.deepEqual(message.messages.map((one) => one.comment), live);
    }
  }
  assert.equal(histories, 10);
  assert.deepEqual(live, Array.from({ length: 500 }, (_, i) => `${i}`));
});

test('direct messages are nowhere in the chat', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, guest] = [await anna.v1(), await Client.open(server, { t, protocol: V1 })];
  await after(a, dm(berta.name, 'Zq7 private'));
  await assertSilent(guest);
  assert.ok(!(await get(server, '/chat-history')).text.includes('Zq7 private'));
  assert.ok(!JSON.stringify(await chatHistory(guest)).includes('Zq7 private'));
});

// --- texts ---

test('every text comes back as it was written: escaped in the base dialect and over HTTP, as it is in v1', async (t) => {
  const own = await startServer(t);
  const anna = await person(own, t, 'Anna');
  const clients = [await anna.base(), await anna.v1(), await Client.open(own, { t }), await Client.open(own, { t, protocol: V1 })];
  const texts = [...Object.values(ODD), `&<>"' &amp; a=b;c/d\`e{f}`, ...Object.values(FULL)];
  for (const [i, text] of texts.entries()) {
    const from = clients[i % 2];
    const mine = await answer(from, say(text));
    for (const client of clients) {
      const [message] = client === from ? [mine] : await after(client);
      assert.ok(message.comment === (client.hello ? text : escapeHtml(text)), `text ${i}`);
    }
  }
  assert.deepEqual(await chatPage(own), texts.map((text) => ({ username: anna.name, comment: escapeHtml(text) })));
  assert.deepEqual((await chatHistory(clients[3])).messages.map((message) => message.comment), texts);
  const before = (await chatHistory(clients[1])).messages;
  await own.restart();
  assert.deepEqual((await chatHistory(await anna.v1())).messages, before);
  assert.deepEqual(await chatPage(own), texts.map((text) => ({ username: anna.name, comment: escapeHtml(text) })));
});

test('the five characters are escaped by these references and no other, byte for byte', async (t) => {
  const own = await startServer(t);
  const anna = await person(own, t, 'Anna');
  const [a, b] = [await anna.base(), await anna.v1()];
  const escaped = '&amp;&lt;&gt;&quot;&#x27; &amp;amp; a=b;c/d`e{f}';
  assert.deepEqual(await rawAfter(a, say(`&<>"' &amp; a=b;c/d\`e{f}`)),
    [`{"messageType":"chatMessage","username":"${anna.name}","comment":"${escaped}"}`]);
  assert.equal((await get(own, '/chat-history')).text, `[{"username":"${anna.name}","comment":"${escaped}"}]`);
  assert.equal((await after(b))[0].comment, `&<>"' &amp; a=b;c/d\`e{f}`);
});

for (const protocol of [undefined, V1]) {
  test(`what is no text is refused, stored nowhere and told nobody, in ${protocol ? 'v1' : 'the base dialect'}`, async (t) => {
    const anna = await person(server, t, 'Anna');
    const [a, guest] = [await anna.open(protocol), await Client.open(server, { t, protocol: V1 })];
    const before = await chatPage(server);
    const raw = (text) => `{"messageType":"chatMessage","comment":${text}}`;
    for (const text of Object.values(NO_TEXT)) await assertRefused(a, raw(text));
    for (const text of Object.values(TOO_LONG)) await assertRefused(a, say(text));
    await assertRefused(a, { messageType: 'chatMessage' }, { messageType: 'chatMessage', text: 'x' }, raw('"a\u0000b"'), raw('"a\nb"'));
    await assertRefused(a, raw(`"${'\\u0041'.repeat(LIMIT + 1)}"`));
    await assertSilent(guest);
    assert.deepEqual(await chatPage(server), before);
    assert.equal((await answer(a, raw(`"${'\\u0041'.repeat(LIMIT)}"`))).comment.length, LIMIT);
  });
}

test('guests may not speak, and nothing of what they claim helps', async (t) => {
  const anna = await person(server, t, 'Anna');
  const a = await anna.v1();
  const before = await chatPage(server);
  for (const protocol of [undefined, V1]) {
    const guest = await Client.open(server, { t, protocol });
    await assertRefused(guest, say('hi'), say('hi', { username: anna.name, fromUser: anna.name, user_id: 1 }));
  }
  await assertSilent(a);
  assert.deepEqual(await chatPage(server), before);
});

test('fields that nobody asked for change nothing', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const more = { username: berta.name, fromUser: berta.name, id: 1, sentAt: 5, text: 'no', Comment: 'no', targetUser: berta.name, deep: [[{}]] };
  for (const protocol of [undefined, V1]) {
    const a = await anna.open(protocol);
    const got = await answer(a, say('yes', more));
    assert.deepEqual([got.username, got.comment], [anna.name, 'yes']);
    assert.notEqual(got.sentAt, 5);
    assert.deepEqual((await chatPage(server)).at(-1), { username: anna.name, comment: 'yes' });
  }
});

// --- clientId ---

test('v1 connections get the clientId with the message, base connections and histories do not', async (t) => {
  const anna = await person(server, t, 'Anna');
  const clients = [await anna.v1(), await anna.v1(), await Client.open(server, { t, protocol: V1 })];
  const base = [await anna.base(), await Client.open(server, { t })];
  const got = await answer(clients[0], say('hi', { clientId: 'aZ_-09' }));
  assert.deepEqual(Object.keys(got).sort(), ['clientId', 'comment', 'id', 'messageType', 'sentAt', 'username']);
  assert.equal(got.clientId, 'aZ_-09');
  for (const client of clients.slice(1)) assert.deepEqual(await after(client), [got]);
  for (const client of base) {
    assert.deepEqual(await after(client), [{ messageType: 'chatMessage', username: anna.name, comment: 'hi' }]);
  }
  const { clientId, ...stored } = got;
  assert.deepEqual((await chatHistory(clients[1])).messages.at(-1), stored);
});

test('a clientId is stored once: again, with whatever text, it answers the one who sent it with what was stored', async (t) => {
  const own = await startServer(t);
  const [anna, berta] = await people(own, t, 'Anna', 'Berta');
  const [a, tab, b, guest] = [await anna.v1(), await anna.v1(), await berta.v1(), await Client.open(own, { t })];
  const first = await answer(a, say(`<first> & "only"`, { clientId: 'one' }));
  for (const client of [tab, b, guest]) assert.equal((await after(client)).length, 1);
  assert.deepEqual(await answer(a, say(`<first> & "only"`, { clientId: 'one' })), first);
  assert.deepEqual(await answer(tab, say('another text', { clientId: 'one' })), first);
  await assertSilent(a, tab, b, guest);
  // Bad texts are refused as always; other cases and other users are other ids.
  const refused = await after(a, say('', { clientId: 'one' }));
  assert.deepEqual(refused.map((one) => one.messageType), ['not_sent', 'error']);
  const other = await answer(a, say('other case', { clientId: 'ONE' }));
  assert.ok(other.id > first.id);
  await after(b);
  const hers = await answer(b, say('hers', { clientId: 'one' }));
  assert.deepEqual([hers.username, hers.comment, hers.clientId], [berta.name, 'hers', 'one']);
  await own.restart();
  const again = await anna.v1();
  assert.deepEqual(await answer(again, say('after a restart', { clientId: 'one' })), first);
  assert.deepEqual((await chatPage(own)).map((one) => one.comment), [escapeHtml(`<first> & "only"`), 'other case', 'hers']);
});

test('the same clientId twice in one turn is stored once', async (t) => {
  const anna = await person(server, t, 'Anna');
  const [a, guest] = [await anna.v1(), await Client.open(server, { t, protocol: V1 })];
  together(a, () => {
    for (let i = 0; i < 5; i++) a.send(say(`try ${i}`, { clientId: 'twice' }));
  });
  const got = await after(a);
  assert.equal(got.length, 5);
  for (const one of got) assert.deepEqual(one, got[0]);
  assert.equal(got[0].comment, 'try 0');
  assert.equal((await after(guest)).length, 1);
});

test('a bad clientId is an error without not_sent; a good one of a refused message comes back before the error', async (t) => {
  const anna = await person(server, t, 'Anna');
  const [a, guest] = [await anna.v1(), await Client.open(server, { t, protocol: V1 })];
  const before = (await chatPage(server)).length;
  for (const clientId of ['', ' ', 'a b', 'ä', 'a.b', 'a"b', 'x\u0000', 'x'.repeat(65), 5, null, true, [], ['a'], {}]) {
    await assertRefused(a, say('hi', { clientId }));
  }
  await assertSilent(guest);
  for (const clientId of ['x', 'x'.repeat(64), '-', '_', '0']) {
    for (const bad of ['', 'x'.repeat(LIMIT + 1), 'a\u0000', 5, null]) {
      const [first, second, ...more] = await after(a, say(bad, { clientId }));
      assert.deepEqual(first, { messageType: 'not_sent', clientId });
      assert.equal(second.messageType, 'error');
      assert.deepEqual(more, []);
    }
    // So it was not used up.
    const got = await answer(a, say('good', { clientId }));
    assert.deepEqual([got.clientId, got.comment], [clientId, 'good']);
  }
  assert.equal((await after(guest)).length, 5);
  assert.equal((await chatPage(server)).length, before + 5);
});

// --- pages of the history ---

test('the history comes whole without a page, and by pages with beforeId and limit', async (t) => {
  const own = await startServer(t);
  const anna = await person(own, t, 'Anna');
  const [a, guest] = [await anna.v1(), await Client.open(own, { t, protocol: V1 })];
  assert.deepEqual(await chatHistory(guest), { messageType: 'chat_history', messages: [] });
  assert.deepEqual(await chatHistory(guest, { limit: 5 }), { messageType: 'chat_history', messages: [], hasOlder: false, beforeId: null });
  for (let i = 0; i < 230; i++) a.send(say(`${i}`));
  const all = await after(a);
  assert.equal(all.length, 230);
  for (const client of [a, guest]) {
    if (client === guest) await after(guest);
    assert.deepEqual(await chatHistory(client), { messageType: 'chat_history', messages: all });
    const page = (more, messages, hasOlder) => chatHistory(client, more).then((got) => {
      assert.deepEqual(got, { messageType: 'chat_history', messages, hasOlder, beforeId: more.beforeId ?? null });
    });
    await page({ beforeId: null }, all.slice(-50), true);
    await page({ limit: 1 }, all.slice(-1), true);
    await page({ limit: 200 }, all.slice(-200), true);
    await page({ limit: 200, beforeId: null }, all.slice(-200), true);
    await page({ beforeId: all[30].id }, all.slice(0, 30), false);
    await page({ beforeId: all[50].id, limit: 50 }, all.slice(0, 50), false);
    await page({ beforeId: all[51].id, limit: 50 }, all.slice(1, 51), true);
    await page({ beforeId: all[0].id }, [], false);
    await page({ beforeId: 1 }, [], false);
    await page({ beforeId: all.at(-1).id, limit: 1 }, all.slice(-2, -1), true);
    await page({ beforeId: all.at(-1).id + 1, limit: 1 }, all.slice(-1), true);
    await page({ beforeId: 2 ** 53 - 1, limit: 1 }, all.slice(-1), true);
  }
  // Walked backwards in pages, it is the whole.
  const walked = [];
  let beforeId = null;
  for (let hasOlder = true; hasOlder;) {
    const got = await chatHistory(guest, { beforeId, limit: 7 });
    assert.ok(got.messages.length > 0);
    walked.unshift(...got.messages);
    ({ hasOlder } = got);
    beforeId = got.messages[0].id;
  }
  assert.deepEqual(walked, all);
});

test('bad pages are refused', async (t) => {
  const guest = await Client.open(server, { t, protocol: V1 });
  const bad = [0, -1, 201, 1.5, 1e300, '5', true, [], {}];
  for (const limit of [...bad, null]) await assertRefused(guest, { messageType: 'get_chat_history', limit });
  for (const beforeId of [0, -1, 1.5, 1e300, '5', true, [], {}]) {
    await assertRefused(guest, { messageType: 'get_chat_history', beforeId }, { messageType: 'get_chat_history', beforeId, limit: 5 });
  }
});

test('get_chat_history is unknown in the base dialect', async (t) => {
  const anna = await person(server, t, 'Anna');
  for (const client of [await anna.base(), await Client.open(server, { t })]) {
    await assertRefused(client, { messageType: 'get_chat_history' }, { messageType: 'get_chat_history', limit: 1 });
  }
});

// --- over HTTP ---

test('/chat-history is an empty array at first, and needs no login', async (t) => {
  const own = await startServer(t);
  const got = await get(own, '/chat-history');
  assert.equal(got.status, 200);
  assert.equal(got.text, '[]');
});

test('/chat-history is whole in HTTP/1.1 and 1.0, behind and before other requests, and HEAD has its headers alone', async (t) => {
  const own = await startServer(t);
  const anna = await person(own, t, 'Anna');
  const a = await anna.v1();
  const texts = Array.from({ length: 400 }, (_, i) => `${i} ${'<x>'.repeat(i * 5)}`);
  for (const text of texts) a.send(say(text));
  await after(a);
  const expected = texts.map((text) => ({ username: anna.name, comment: escapeHtml(text) }));
  const ask = (target, version = '1.1', method = 'GET', more = '') =>
    `${method} ${target} HTTP/${version}\r\nHost: ${own.authority}\r\n${more}\r\n`;

  const one = await exchange(own, ask('/chat-history'));
  assert.equal(one.status, 200);
  assert.equal(one.headers['transfer-encoding'], 'chunked');
  assert.deepEqual(JSON.parse(one.bodyText), expected);
  for (const name of ['x-content-type-options', 'x-frame-options', 'referrer-policy', 'permissions-policy', 'date']) {
    assert.ok(one.headers[name], name);
  }

  const old = await exchangeAndEnd(own, ask('/chat-history', '1.0'));
  assert.equal(old.status, 200);
  assert.equal(old.headers['transfer-encoding'], undefined);
  assert.deepEqual(JSON.parse(old.bodyText), expected);
  const closed = await exchangeAndEnd(own, ask('/chat-history', '1.1', 'GET', 'Connection: close\r\n'));
  assert.deepEqual(JSON.parse(closed.bodyText), expected);

  const connection = await RawConnection.open(own, { t });
  connection.send([
    ask('/healthz'), ask('/chat-history'), ask('/chat-history', '1.1', 'HEAD'), ask('/chat'), ask('/chat-history'), ask('/healthz'),
    ask('/chat-history', '1.0'), ask('/healthz'),
  ].join(''));
  assert.equal((await connection.response()).bodyText, 'ok');
  assert.deepEqual(JSON.parse((await connection.response()).bodyText), expected);
  const head = await connection.response({ head: true });
  assert.equal(head.status, 200);
  const names = (response) => response.all.map(([name]) => name);
  assert.deepEqual(names(head), names(one));
  assert.equal((await connection.response()).status, 200);
  assert.deepEqual(JSON.parse((await connection.response()).bodyText), expected);
  assert.equal((await connection.response()).bodyText, 'ok');
  assert.deepEqual(JSON.parse((await connection.response()).bodyText), expected);
  await connection.assertEnds();

  const headOnly = await exchangeAndEnd(own, ask('/chat-history', '1.0', 'HEAD'), { head: true });
  assert.equal(headOnly.status, 200);
});

test('a reader of /chat-history that goes away in the middle harms nobody', async (t) => {
  const own = await startServer(t);
  const anna = await person(own, t, 'Anna');
  const a = await anna.base();
  for (let i = 0; i < 200; i++) a.send(say("'".repeat(60_000)));
  await after(a);
  const ask = `GET /chat-history HTTP/1.1\r\nHost: ${own.authority}\r\n\r\n`;
  for (let i = 0; i < 10; i++) {
    const connection = await RawConnection.open(own, { t });
    await connection.send(ask.repeat(3));
    await connection.readThrough('\r\n\r\n', 'a head');
    connection.pause();
    if (i % 2) connection.resetNow();
    else connection.destroy();
  }
  assert.equal((await chatPage(own)).length, 200);
  await assertSilent(a);
});

test('/chat-history knows GET and HEAD only', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const got = await request(server, method, '/chat-history');
    assert.equal(got.status, 405);
    assert.deepEqual(got.headers.allow.split(/, */).sort(), ['GET', 'HEAD']);
  }
});

test('under --require-login /chat-history answers those who are logged in alone', async (t) => {
  const own = await startServer(t, { args: ['--require-login'] });
  const anna = await person(own, t, 'Anna');
  const a = await anna.base();
  await after(a, say('Zq7 members only'));
  for (const headers of [{}, { Cookie: 'auth_token=nonsense' }]) {
    for (const method of ['GET', 'HEAD']) {
      const got = await request(own, method, '/chat-history', { headers });
      assert.equal(got.status, 401);
      assert.ok(!got.text.includes('Zq7'));
    }
  }
  assert.deepEqual(await chatPage(own, { Cookie: anna.cookie }), [{ username: anna.name, comment: 'Zq7 members only' }]);
  const head = await request(own, 'HEAD', '/chat-history', { headers: { Cookie: anna.cookie } });
  assert.equal(head.status, 200);
});
