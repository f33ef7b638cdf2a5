// Direct messages as the base protocol has them: stored, in one order, to every connection of the two, whatever the text.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client } from './lib/client.mjs';
import { login, register } from './lib/http.mjs';
import { file, startServer } from './lib/server.mjs';
import {
  FULL, LIMIT, NO_TEXT, ODD, TOO_LONG, V1, after, answer, assertRefused, assertSilent, dm, escapeHtml, history, people,
  person, rawAfter, select, together,
} from './lib/talk.mjs';

const server = await startServer(file);

// --- everyone who ever registered ---

test('all users are listed once each, whether they are here or not, in both dialects', async (t) => {
  const own = await startServer(t);
  const anna = await person(own, t, 'Anna');
  const clients = [await anna.base(), await anna.v1()];
  for (const client of clients) {
    const raw = await rawAfter(client, { messageType: 'get_all_users' });
    assert.deepEqual(raw, [`{"messageType":"all_users_list","users":[{"username":"${anna.name}"}]}`]);
  }
  const names = [anna.name];
  for (const name of ['zOE', 'a.b-c_D', '0']) {
    await register(own, name);
    names.push(name);
  }
  await login(own, 'ZOE');
  for (const client of clients) {
    const got = await answer(client, { messageType: 'get_all_users' });
    assert.deepEqual(Object.keys(got), ['messageType', 'users']);
    for (const user of got.users) assert.deepEqual(Object.keys(user), ['username']);
    assert.deepEqual(got.users.map((user) => user.username).sort(), [...names].sort());
  }
});

test('all users are still listed after a restart and after kill -9', async (t) => {
  const own = await startServer(t);
  const anna = await person(own, t, 'Anna');
  await register(own, 'berta');
  for (const end of ['stop', 'kill9']) {
    await own[end]();
    await own.startAgain();
    const got = await answer(await anna.base(), { messageType: 'get_all_users' });
    assert.deepEqual(got.users.map((user) => user.username), [anna.name, 'berta']);
  }
});

test('a list of users that was asked for together with everything else is whole', async (t) => {
  const own = await startServer(t);
  const anna = await person(own, t, 'Anna');
  const client = await anna.base();
  const asked = Array.from({ length: 500 }, () => ({ messageType: 'get_all_users' }));
  const got = await after(client, ...asked);
  assert.equal(got.length, 500);
  for (const one of got) assert.deepEqual(one, { messageType: 'all_users_list', users: [{ username: anna.name }] });
});

// --- fields ---

test('in the base dialect a message and a history have exactly the fields of the assignment', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b] = [await anna.base(), await berta.base()];
  assert.deepEqual(await rawAfter(a, select(berta.name)), ['{"messageType":"message_history","messages":[]}']);
  const raw = `{"messageType":"direct_message","fromUser":"${anna.name}","text":"hi"}`;
  assert.deepEqual(await rawAfter(a, dm(berta.name, 'hi')), [raw]);
  assert.deepEqual(await rawAfter(b), [raw]);
  for (const [client, other] of [[a, berta], [b, anna]]) {
    assert.deepEqual(await rawAfter(client, select(other.name)), [`{"messageType":"message_history","messages":[${raw}]}`]);
  }
});

test('v1 adds toUser, id and sentAt to every message, and withUser to a history', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b] = [await anna.v1(), await berta.v1()];
  assert.deepEqual(await answer(a, select(berta.name.toUpperCase())),
    { messageType: 'message_history', withUser: berta.name, messages: [] });
  const sent = await answer(a, dm(berta.name.toLowerCase(), 'hi'));
  const { id, sentAt, ...rest } = sent;
  assert.deepEqual(rest, { messageType: 'direct_message', fromUser: anna.name, toUser: berta.name, text: 'hi' });
  assert.ok(Number.isSafeInteger(id) && id > 0);
  assert.ok(Number.isSafeInteger(sentAt));
  assert.ok(Math.abs(sentAt - Date.now()) < 24 * 3600 * 1000, 'milliseconds since 1970');
  assert.deepEqual(await after(b), [{ ...sent, unread: 1 }]);
  const back = await answer(b, dm(anna.name, 'ho'));
  assert.deepEqual([back.fromUser, back.toUser], [berta.name, anna.name]);
  assert.ok(back.id > id && back.sentAt >= sentAt);
  await after(a);
  for (const [client, other] of [[a, berta], [b, anna]]) {
    assert.deepEqual(await answer(client, select(other.name)),
      { messageType: 'message_history', withUser: other.name, messages: [sent, back] });
  }
});

test('a name is accepted in any case and answered as it was registered', async (t) => {
  const [anna, berta] = await people(server, t, 'AnNa', 'bErTa');
  const [a, b] = [await anna.base(), await berta.base()];
  for (const name of [berta.name, berta.name.toLowerCase(), berta.name.toUpperCase()]) {
    assert.deepEqual(await answer(a, dm(name, name)), { messageType: 'direct_message', fromUser: anna.name, text: name });
  }
  const own = (await after(b)).map((message) => message.text);
  assert.deepEqual(own, [berta.name, berta.name.toLowerCase(), berta.name.toUpperCase()]);
  for (const name of [anna.name, anna.name.toLowerCase(), anna.name.toUpperCase()]) {
    assert.deepEqual((await history(b, name)).map((message) => message.text), own);
  }
});

test('fields that nobody asked for change nothing, in both dialects', async (t) => {
  const [anna, berta, carla] = await people(server, t, 'Anna', 'Berta', 'Carla');
  const more = {
    fromUser: carla.name, username: carla.name, toUser: carla.name, id: 1, sentAt: 0, unread: 99, withUser: carla.name,
    socketId: 'x', user: { id: 3 }, TargetUser: carla.name, Text: 'no', '': null, __proto__: { text: 'no' }, deep: [[[{}]]],
  };
  for (const protocol of [undefined, V1]) {
    const [a, b, c] = [await anna.open(protocol), await berta.open(protocol), await carla.open(protocol)];
    const got = await answer(a, dm(berta.name, 'yes', more));
    assert.equal(got.fromUser, anna.name);
    assert.equal(got.text, 'yes');
    assert.equal((await after(b))[0].fromUser, anna.name);
    if (protocol) assert.equal(got.toUser, berta.name);
    await assertSilent(c);
    const all = await history(a, berta.name);
    assert.deepEqual(all.at(-1), got);
    for (const client of [a, b, c]) await client.close();
  }
});

test('the base dialect knows no clientId: whatever it is, the message is sent each time', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b, other] = [await anna.base(), await berta.v1(), await anna.v1()];
  const ids = ['same', 'same', 5, null, '', 'x'.repeat(1000), 'ä', { a: 1 }];
  const raw = `{"messageType":"direct_message","fromUser":"${anna.name}","text":"hi"}`;
  for (const clientId of ids) assert.deepEqual(await rawAfter(a, dm(berta.name, 'hi', { clientId })), [raw]);
  for (const client of [b, other]) {
    const got = await after(client);
    assert.equal(got.length, ids.length);
    for (const one of got) assert.ok(!('clientId' in one));
  }
});

// --- who gets it, how often, in what order ---

test('every connection of both gets every message once, in one order, and so has the history', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const tabs = [];
  for (const who of [anna, berta]) {
    for (const protocol of [undefined, V1, undefined, V1]) tabs.push(await who.open(protocol));
  }
  const sent = [];
  // All write at once, without waiting for anything.
  for (let i = 0; i < 100; i++) {
    for (const [who, client] of tabs.entries()) {
      const text = `${who}:${i}`;
      sent.push(text);
      client.send(dm(who < 4 ? berta.name : anna.name, text));
    }
  }
  for (const client of tabs) client.got = await after(client);
  // What others wrote behind the first answers.
  for (const client of tabs) client.got.push(...(await after(client)));
  const first = tabs[0].got.map((message) => message.text);
  assert.equal(first.length, sent.length);
  assert.deepEqual([...first].sort(), [...sent].sort());
  for (const client of tabs) assert.deepEqual(client.got.map((message) => message.text), first);
  for (const client of tabs) {
    for (const message of client.got) {
      const who = Number(message.text.split(':')[0]);
      assert.equal(message.fromUser, who < 4 ? anna.name : berta.name);
    }
  }
  for (const who of tabs.keys()) {
    const own = first.filter((text) => text.startsWith(`${who}:`));
    assert.deepEqual(own, Array.from({ length: 100 }, (_, i) => `${who}:${i}`), 'each sender\'s own order');
  }
  for (const [who, client] of tabs.entries()) {
    const all = await history(client, who < 4 ? berta.name : anna.name);
    assert.deepEqual(all.map((message) => message.text), first);
    const ids = all.map((message) => message.id);
    if (client.hello) assert.deepEqual(ids, [...ids].sort((x, y) => x - y));
  }
});

test('a history that is asked for between two messages has the first one and not the second', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  for (const protocol of [undefined, V1]) {
    const a = await anna.open(protocol);
    const b = await berta.open(protocol);
    const told = (await history(a, berta.name)).map((message) => message.text);
    together(a, () => {
      for (let i = 0; i < 20; i++) {
        a.send(dm(berta.name, `before ${i}`));
        a.send(select(berta.name));
      }
    });
    const got = await after(a);
    assert.equal(got.length, 40);
    for (const message of got) {
      if (message.messageType === 'direct_message') told.push(message.text);
      else assert.deepEqual(message.messages.map((one) => one.text), told);
    }
    assert.equal((await after(b)).length, 20);
  }
});

test('who opens a conversation while others write in it gets each message once: in the history or behind it', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const writers = [await anna.base(), await berta.v1()];
  const reader = await anna.v1();
  let asked = 0;
  for (let i = 0; i < 300; i++) {
    writers[0].send(dm(berta.name, `a${i}`));
    writers[1].send(dm(anna.name, `b${i}`));
    if (i % 25 === 0) {
      reader.send(select(berta.name));
      asked += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  for (const writer of writers) await after(writer);
  const got = await after(reader);
  let live = [];
  let seen = 0;
  for (const message of got) {
    if (message.messageType === 'direct_message') {
      live.push(message.id);
    } else {
      seen += 1;
      assert.deepEqual(message.messages.map((one) => one.id), live);
    }
  }
  assert.equal(seen, asked);
  assert.equal(live.length, 600);
  assert.equal(new Set(live).size, 600);
});

test('a message to oneself comes once to each of the own connections, and is in the history once', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b, c] = [await anna.base(), await anna.v1(), await berta.v1()];
  assert.deepEqual(await after(a, dm(anna.name, 'note')), [{ messageType: 'direct_message', fromUser: anna.name, text: 'note' }]);
  const [note, ...more] = await after(b);
  assert.deepEqual(more, []);
  assert.deepEqual([note.fromUser, note.toUser, note.text], [anna.name, anna.name, 'note']);
  assert.ok(!note.unread, 'never unread');
  await assertSilent(c);
  assert.deepEqual(await history(a, anna.name.toUpperCase()), [{ messageType: 'direct_message', fromUser: anna.name, text: 'note' }]);
  assert.equal((await history(b, anna.name)).length, 1);
  assert.deepEqual(await history(c, anna.name), []);
  assert.deepEqual(await history(b, berta.name), []);
});

test('conversations do not mix, and each is the same from both ends', async (t) => {
  const all = await people(server, t, 'Anna', 'Berta', 'Carla');
  const clients = [];
  for (const one of all) clients.push(await one.base());
  for (const [i, from] of all.entries()) {
    for (const to of all) await after(clients[i], dm(to.name, `${from.name} to ${to.name}`));
  }
  for (const client of clients) await after(client);
  for (const [i, one] of all.entries()) {
    for (const [j, other] of all.entries()) {
      const texts = (await history(clients[i], other.name)).map((message) => message.text);
      const [first, second] = i <= j ? [one, other] : [other, one];
      const expected = [`${first.name} to ${second.name}`];
      if (i !== j) expected.push(`${second.name} to ${first.name}`);
      assert.deepEqual(texts, expected);
    }
  }
});

test('a message to somebody who is not here is there when they come', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const a = await anna.base();
  await after(a, dm(berta.name, 'see you'));
  await a.close();
  const b = await berta.base();
  assert.deepEqual(await history(b, anna.name), [{ messageType: 'direct_message', fromUser: anna.name, text: 'see you' }]);
});

test('messages before a close frame are stored and told', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b] = [await anna.base(), await berta.base()];
  for (let i = 0; i < 50; i++) a.send(dm(berta.name, `${i}`));
  await a.close();
  const texts = (await after(b)).map((message) => message.text);
  assert.deepEqual(texts, Array.from({ length: 50 }, (_, i) => `${i}`));
  assert.deepEqual((await history(b, anna.name)).map((message) => message.text), texts);
});

// --- texts ---

test('every text comes back as it was written: escaped in the base dialect, as it is in v1', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const clients = [await anna.base(), await anna.v1(), await berta.base(), await berta.v1()];
  const texts = Object.values(ODD);
  for (const [i, text] of texts.entries()) {
    const from = clients[i % 4];
    const own = await answer(from, dm(i % 4 < 2 ? berta.name : anna.name, text));
    for (const client of clients) {
      const [message] = client === from ? [own] : await after(client);
      assert.equal(message.text, client.hello ? text : escapeHtml(text));
    }
  }
  for (const [i, client] of clients.entries()) {
    const all = await history(client, i < 2 ? berta.name : anna.name);
    assert.deepEqual(all.map((message) => message.text), client.hello ? texts : texts.map(escapeHtml));
  }
});

test('the five characters are escaped by these references and no other, in live messages and in histories', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b] = [await anna.base(), await berta.v1()];
  const text = `&<>"' &amp; a=b;c/d\`e{f}`;
  const escaped = '&amp;&lt;&gt;&quot;&#x27; &amp;amp; a=b;c/d`e{f}';
  const raw = `{"messageType":"direct_message","fromUser":"${anna.name}","text":"${escaped}"}`;
  assert.deepEqual(await rawAfter(a, dm(berta.name, text)), [raw]);
  assert.deepEqual(await rawAfter(a, select(berta.name)), [`{"messageType":"message_history","messages":[${raw}]}`]);
  assert.equal((await after(b))[0].text, text);
  assert.equal((await history(b, anna.name))[0].text, text);
});

test('a text is the same however its JSON was written', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const [a, b] = [await anna.v1(), await berta.base()];
  const text = 'Aé€😀"\\/\n\u0001\u007f<';
  const hex = Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');
  for (const escaped of [hex, hex.toUpperCase().replaceAll('\\U', '\\u'), JSON.stringify(text).slice(1, -1).replace('/', '\\/')]) {
    const name = escaped === hex ? berta.name : `\\u00${berta.name.charCodeAt(0).toString(16)}${berta.name.slice(1)}`;
    const raw = ` {"te\\u0078t":"${escaped}","messageType":"direct\\u005fmessage" , "targetUser":"${name}"}\n`;
    assert.equal((await answer(a, raw)).text, text);
    assert.equal((await after(b))[0].text, escapeHtml(text));
  }
});

test('a text of 65536 bytes is neither cut nor refused, whatever it is made of', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const clients = [await anna.v1(), await berta.base(), await berta.v1()];
  for (const [name, text] of Object.entries(FULL)) {
    const got = await answer(clients[0], dm(berta.name, text));
    assert.ok(got.text === text, name);
    assert.ok((await after(clients[1]))[0].text === escapeHtml(text), name);
    assert.ok((await after(clients[2]))[0].text === text, name);
  }
  const all = Object.values(FULL);
  for (const client of clients) {
    const kept = await history(client, client === clients[0] ? berta.name : anna.name);
    assert.equal(kept.length, all.length);
    for (const [i, message] of kept.entries()) {
      assert.ok(message.text === (client === clients[1] ? escapeHtml(all[i]) : all[i]), `text ${i}`);
    }
  }
});

test('a text of 65536 bytes may be written in escapes of six bytes each', async (t) => {
  const [anna, berta] = await people(server, t, 'Anna', 'Berta');
  const a = await anna.v1();
  const raw = (text) => `{"messageType":"direct_message","targetUser":"${berta.name}","text":"${text}"}`;
  assert.ok((await answer(a, raw('\\u0041'.repeat(LIMIT)))).text === 'A'.repeat(LIMIT));
  assert.ok((await answer(a, raw('\\ud83d\\ude00'.repeat(LIMIT / 4)))).text === '😀'.repeat(LIMIT / 4));
  await assertRefused(a, raw('\\u0041'.repeat(LIMIT + 1)), raw(`${'\\ud83d\\ude00'.repeat(LIMIT / 4)}\\u0041`));
});

for (const protocol of [undefined, V1]) {
  const dialect = protocol ? 'v1' : 'the base dialect';
  test(`what is no text is refused, stored nowhere and told nobody, in ${dialect}`, async (t) => {
    const [anna, berta] = await people(server, t, 'Anna', 'Berta');
    const [a, b, c] = [await anna.open(protocol), await berta.open(protocol), await anna.v1()];
    const raw = (text) => `{"messageType":"direct_message","targetUser":"${berta.name}","text":${text}}`;
    for (const text of Object.values(NO_TEXT)) await assertRefused(a, raw(text));
    for (const text of Object.values(TOO_LONG)) await assertRefused(a, raw(JSON.stringify(text)));
    await assertRefused(a, `{"messageType":"direct_message","targetUser":"${berta.name}"}`, raw('"a\u0000b"'), raw('"a\nb"'));
    assert.deepEqual(await history(a, berta.name), []);
    await assertSilent(b, c);
    assert.equal((await answer(a, dm(berta.name, 'after all'))).text, 'after all');
  });

  test(`users who do not exist, and what is no name, are refused in ${dialect}`, async (t) => {
    const anna = await person(server, t, 'Anna');
    const [a, tab] = [await anna.open(protocol), await anna.v1()];
    const names = [
      'nobody', '', ' ', `${anna.name} `, ` ${anna.name}`, `${anna.name}\u0000`, `${anna.name}\n`, 'x'.repeat(32), 'x'.repeat(33),
      'x'.repeat(100_000), 'ä', anna.name.replace('A', 'Ａ'), '😀', '%', '*', '_', "' OR 1=1 --", 'null', 'undefined', '__proto__',
    ];
    for (const name of names) await assertRefused(a, select(name), dm(name, 'hi'));
    for (const value of [undefined, null, 1, true, ['x'], [anna.name], { name: anna.name }]) {
      await assertRefused(a, select(value), dm(value, 'hi'));
    }
    const lone = '{"messageType":"select_user","targetUser":"\\ud800"}';
    await assertRefused(a, lone, lone.replace('select_user', 'direct_message').replace('}', ',"text":"x"}'));
    await assertSilent(tab);
  });
}

test('guests may read and write nothing', async (t) => {
  const anna = await person(server, t, 'Anna');
  const a = await anna.v1();
  for (const protocol of [undefined, V1]) {
    const guest = await Client.open(server, { t, protocol });
    await assertRefused(guest, { messageType: 'get_all_users' }, select(anna.name), dm(anna.name, 'hi'),
      dm(anna.name, 'hi', { fromUser: anna.name }));
  }
  await assertSilent(a);
  assert.deepEqual(await history(a, anna.name), []);
});

test('a conversation is the same after a restart', async (t) => {
  const own = await startServer(t);
  const [anna, berta] = await people(own, t, 'Anna', 'Berta');
  let a = await anna.v1();
  const texts = Object.values(ODD);
  for (const text of texts) a.send(dm(berta.name, text));
  await after(a);
  const before = await history(a, berta.name);
  assert.deepEqual(before.map((message) => message.text), texts);
  await own.restart();
  a = await anna.v1();
  assert.deepEqual(await history(a, berta.name), before);
  const next = await answer(a, dm(berta.name, 'next'));
  assert.ok(next.id > before.at(-1).id);
  assert.deepEqual((await history(await berta.base(), anna.name)).map((message) => message.text), [...texts, 'next'].map(escapeHtml));
});
