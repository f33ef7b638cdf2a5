// Video calls: the contract of the signalling, against the real server.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { heardOfCalls, join, learn, makeCall, page, V1 } from './lib/calls.mjs';
import { Client, stroke } from './lib/client.mjs';
import { get, newUser, postForm, postJson, request } from './lib/http.mjs';
import { RawWebSocket, json } from './lib/rawws.mjs';
import { file, runServer, startServer, tempFolder } from './lib/server.mjs';

const shared = await startServer(file);
const cookies = {};
const open = (t, name, protocol) => page(shared, t, cookies, name, protocol);
const newCall = async (name) => makeCall(shared, (cookies.maker ??= await newUser(shared, 'maker')), name);

const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

// --- making and listing ---

test('making a call needs a login and a name of 1 to 100 code points', async () => {
  const cookie = (cookies.maker ??= await newUser(shared, 'maker'));
  const post = (body, headers = { Cookie: cookie }) => postJson(shared, '/api/video-calls', body, headers);
  const refused = await post({ name: 'x' }, {});
  assert.equal(refused.status, 401);
  assert.deepEqual(refused.json(), {});
  for (const body of [{}, { name: '' }, { name: 7 }, { name: null }, { name: 'a\0b' }, '{"name":"\\ud800"}',
    { name: 'x'.repeat(101) }, { name: '😀'.repeat(101) }, '', '[]', '{"name":"a"', '{"name":"a","name":"b"}',
    Buffer.from([0x7b, 0x22, 0x6e, 0x61, 0x6d, 0x65, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])]) {
    const answer = await post(body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.match(answer.headers['content-type'], /^text\/plain/);
    assert.match(answer.text, /^[A-Z].*\.\n$/);
  }
  for (const name of ['x', 'x'.repeat(100), '😀'.repeat(100), '<b>&"\'', ' ', '\u0001\n']) {
    await makeCall(shared, cookie, name);
  }
  const form = await postForm(shared, '/api/video-calls', { name: 'Grüße & Küsse' }, { Cookie: cookie });
  assert.equal(form.status, 200);
  assert.match(form.json().id, /^[0-9a-f]{24}$/);
  assert.equal((await post({ name: 'x' }, { Cookie: cookie, 'Content-Type': 'text/plain' })).status, 415);
  assert.equal((await post({ name: 'x' }, { Cookie: cookie, Origin: 'http://evil.example' })).status, 403);
  const other = await request(shared, 'GET', '/api/video-calls', { headers: { Cookie: cookie } });
  assert.equal(other.status, 405);
  assert.equal(other.headers.allow, 'POST');
});

test('the list has every call, oldest first, with its name as written', async (t) => {
  const server = await startServer(t);
  const own = {};
  const ann = await page(server, t, own, 'ann');
  const list = async (client) => {
    client.send({ messageType: 'get_calls' });
    return client.next('call_list');
  };
  assert.deepEqual(await list(ann), { messageType: 'call_list', calls: [] });
  const names = ['One', '<b>Two</b> & "three"', '四 😀', ' '];
  const calls = [];
  for (const name of names) calls.push({ id: await makeCall(server, own.ann, name), name });
  const sorted = (all) => [...all].sort((a, b) => (a.id < b.id ? -1 : 1));
  const got = (await list(ann)).calls;
  assert.deepEqual(sorted(got), sorted(calls));
  // Several in one millisecond have no order that anybody could know.
  assert.equal(got.length, calls.length);
  const bob = await page(server, t, own, 'bob', V1);
  await join(ann, calls[1].id);
  await join(bob, calls[1].id);
  const v1 = (await list(bob)).calls;
  assert.deepEqual(v1.map(({ id, participants }) => [id, participants]),
    got.map(({ id }) => [id, id === calls[1].id ? ['ann', 'bob'] : []]));
  assert.deepEqual((await list(ann)).calls, got);

  // A restart, clean or not, ends the calls and keeps the rooms.
  for (const end of ['stop', 'kill9']) {
    await server[end]();
    await server.startAgain();
    const again = await page(server, t, own, 'ann', V1);
    assert.deepEqual((await list(again)).calls, got.map((call) => ({ ...call, participants: [] })));
    assert.deepEqual((await join(again, calls[1].id)).others, []);
  }
});

test('a list of thousands comes whole while others are served', async (t) => {
  const server = await startServer(t);
  const own = {};
  const ann = await page(server, t, own, 'ann');
  const name = '😀'.repeat(100);
  for (let i = 0; i < 1500; i += 50) {
    await Promise.all(Array.from({ length: 50 }, () => makeCall(server, own.ann, name)));
  }
  ann.send({ messageType: 'get_calls' });
  ann.send({ messageType: 'get_calls' });
  for (let i = 0; i < 2; i++) {
    const { calls } = await ann.next('call_list');
    assert.equal(calls.length, 1500);
    assert.equal(new Set(calls.map((call) => call.id)).size, 1500);
    assert.ok(calls.every((call) => call.name === name));
  }
});

// --- joining and leaving ---

test('a joiner gets the name, then the others; then the others hear of it', async (t) => {
  const callId = await newCall('Tea <b>');
  const ann = await open(t, 'ann', V1);
  const bob = await open(t, 'bob', V1);
  const cat = await open(t, 'cat', V1);
  for (const client of [ann, bob, cat]) assert.match(client.id, UUID4);
  assert.deepEqual(await join(ann, callId), { name: 'Tea <b>', others: [] });
  assert.deepEqual(await join(bob, callId), {
    name: 'Tea <b>', others: [{ socketId: ann.id, username: 'ann' }],
  });
  assert.deepEqual((await join(cat, callId)).others, [
    { socketId: ann.id, username: 'ann' }, { socketId: bob.id, username: 'bob' },
  ]);
  assert.deepEqual((await ann.all('user_joined')).map((one) => one.message), [
    { messageType: 'user_joined', socketId: bob.id, username: 'bob' },
    { messageType: 'user_joined', socketId: cat.id, username: 'cat' },
  ]);
  assert.deepEqual((await bob.all('user_joined')).map((one) => one.message.socketId), [cat.id]);
  await cat.expectNothing('user_joined');

  // The same user in another tab is another participant.
  const ann2 = await open(t, 'ann', V1);
  assert.notEqual(ann2.id, ann.id);
  assert.deepEqual((await join(ann2, callId)).others.map((one) => one.socketId), [ann.id, bob.id, cat.id]);
  assert.equal((await ann.next('user_joined')).socketId, ann2.id);

  // Once more repeats the answers and tells nobody.
  assert.deepEqual((await join(cat, callId)).others.map((one) => one.socketId), [ann.id, bob.id, ann2.id]);
  await bob.all('user_joined');
  for (const client of [ann, bob, ann2]) assert.deepEqual(await heardOfCalls(client), []);
});

test('what is no call is an error and changes nothing', async (t) => {
  const callId = await newCall();
  const ann = await open(t, 'ann', V1);
  const bob = await open(t, 'bob', V1);
  await join(ann, callId);
  await join(bob, callId);
  for (const wrong of [undefined, null, 7, '', 'x', callId.slice(1), `${callId}0`, callId.toUpperCase() + 'X',
    '0'.repeat(24), '\0', '\ud800', [callId], { callId }]) {
    await bob.refused({ messageType: 'join_call', callId: wrong });
  }
  bob.send({ messageType: 'offer', socketId: ann.id, still: 'here' });
  assert.equal((await ann.next('offer')).still, 'here');
  await ann.expectNothing('user_left');
});

// Every way in which somebody can go. Each gives the client's answer to what it did, if any.
const WAYS = {
  'leave_call': (client) => client.send({ messageType: 'leave_call' }),
  'a close frame': (client) => client.close(),
  'the end of the TCP connection': (client) => client.socket._socket.end(),
  'a reset': (client) => client.resetNow(),
  'another call': async (client) => join(client, await newCall('Elsewhere')),
};
for (const [way, go] of Object.entries(WAYS)) {
  test(`by ${way} one leaves, the others are told once`, async (t) => {
    const callId = await newCall();
    const ann = await open(t, 'ann', V1);
    const bob = await open(t, 'bob', V1);
    const old = await open(t, 'old');
    await join(old, callId);
    await join(ann, callId);
    await join(bob, callId);
    assert.equal((await old.next('user_joined')).socketId, ann.id);
    assert.equal((await old.next('user_joined')).socketId, bob.id);
    await go(bob);
    for (const client of [ann, old]) {
      assert.deepEqual(await client.next('user_left'), { messageType: 'user_left', socketId: bob.id });
      await client.expectNothing('user_left');
    }
    await ann.refused({ messageType: 'offer', socketId: bob.id });
    assert.deepEqual((await join(await open(t, 'cat', V1), callId)).others.map((one) => one.username), ['old', 'ann']);
  });
}

test('leaving no call does nothing, and leaving twice tells once', async (t) => {
  const callId = await newCall();
  const ann = await open(t, 'ann', V1);
  const bob = await open(t, 'bob', V1);
  bob.send({ messageType: 'leave_call' });
  await join(ann, callId);
  await join(bob, callId);
  bob.send({ messageType: 'leave_call' });
  bob.send({ messageType: 'leave_call' });
  assert.equal((await ann.next('user_left')).socketId, bob.id);
  assert.deepEqual(await heardOfCalls(bob), []);
  assert.equal(bob.inbox.filter((one) => one.type === 'error').length, 0);
  await ann.expectNothing('user_left');
});

test('logging out takes the session\'s connections out of the call', async (t) => {
  const callId = await newCall();
  const ann = await open(t, 'ann', V1);
  const cookie = await newUser(shared, 'brief');
  const brief = await Client.open(shared, { t, cookie, protocol: V1 });
  await join(ann, callId);
  await join(brief, callId);
  assert.equal((await request(shared, 'POST', '/logout', { headers: { Cookie: cookie } })).status, 302);
  assert.equal((await ann.next('user_left')).socketId, brief.hello.socketId);
});

test('guests are refused, and see and reach nothing', async (t) => {
  const callId = await newCall();
  const ann = await open(t, 'ann', V1);
  await join(ann, callId);
  const guest = await Client.open(shared, { t, protocol: V1 });
  for (const message of [{ messageType: 'get_calls' }, { messageType: 'join_call', callId },
    { messageType: 'leave_call' }, { messageType: 'offer', socketId: ann.id }, { messageType: 'watch_calls', watch: true },
    { messageType: 'call_message', text: 'x' }]) {
    await guest.refused(message);
  }
  assert.deepEqual(await heardOfCalls(ann), []);
});

// --- signalling ---

const PAYLOADS = [
  '"offer":{"type":"offer","sdp":"v=0\\r\\no=- 46117 2 IN IP4 127.0.0.1\\r\\n"}',
  '"candidate":{"candidate":"candidate:1 1 udp 2122260223 10.0.0.1 5000 typ host","sdpMLineIndex":0}',
  '"a":1.50,"b":-0,"c":1e400,"d":123456789012345678901234567890,"e":0.1000',
  '"x":"\\u0000\\ud800\\/é😀<b>","":[],"socketID":"x","__proto__":{"socketId":"y"},"userName":null',
  '"deep":[[[[{"socketId":"inner","username":"inner"}]]]],"true":true,"messagetype":"x"',
];
test('offer, answer and ice_candidate arrive unchanged, with the sender\'s marks', async (t) => {
  const callId = await newCall();
  const ann = await open(t, 'ann', V1);
  const bob = await open(t, 'bob');
  const cat = await open(t, 'cat', V1);
  for (const client of [ann, cat]) await join(client, callId);
  await join(bob, callId);
  await learn(bob, cat);
  for (const type of ['offer', 'answer', 'ice_candidate']) {
    for (const payload of PAYLOADS) {
      for (const claim of ['', `"username":"cat",`, '"username":{"x":1},']) {
        ann.send(`{${claim}"socketId":"${bob.id}",${payload} , "messageType" : "${type}"}`);
        const raw = await bob.nextRaw(type);
        assert.ok(raw.includes(payload), raw);
        const { messageType, socketId, username, ...rest } = JSON.parse(raw);
        assert.deepEqual({ messageType, socketId, username }, { messageType: type, socketId: ann.id, username: 'ann' });
        assert.deepEqual(rest, JSON.parse(`{${payload}}`));
      }
    }
  }
  bob.send({ messageType: 'answer', socketId: ann.id, sdp: 'x' });
  assert.deepEqual(await ann.next('answer'), { messageType: 'answer', socketId: bob.id, username: 'bob', sdp: 'x' });
  const long = 's'.repeat(500_000);
  ann.send({ messageType: 'offer', socketId: bob.id, long });
  assert.equal((await bob.next('offer')).long, long);
  await cat.all('user_joined');
  assert.deepEqual(await heardOfCalls(cat), []);
});

test('signals keep their order between two', async (t) => {
  const callId = await newCall();
  const ann = await open(t, 'ann', V1);
  const bob = await open(t, 'bob', V1);
  await join(ann, callId);
  await join(bob, callId);
  for (let i = 0; i < 500; i++) ann.send({ messageType: i % 3 ? 'ice_candidate' : 'offer', socketId: bob.id, i });
  for (let i = 0; i < 500; i++) {
    const one = await bob.entry((each) => ['offer', 'ice_candidate'].includes(each.type), 'a signal');
    assert.equal(one.message.i, i);
  }
});

test('nobody outside a call is reached from it, and nobody reaches in', async (t) => {
  const [one, two] = [await newCall('One'), await newCall('Two')];
  const ann = await open(t, 'ann', V1);
  const bob = await open(t, 'bob', V1);
  const dan = await open(t, 'dan', V1);
  const eve = await open(t, 'eve', V1);
  await join(ann, one);
  await join(bob, one);
  await ann.next('user_joined');
  await join(dan, two);
  const sentences = new Set();
  for (const type of ['offer', 'answer', 'ice_candidate']) {
    for (const target of [dan.id, eve.id, crypto.randomUUID()]) {
      sentences.add(await ann.refused({ messageType: type, socketId: target, callId: two }));
    }
    for (const target of [ann.id, bob.id]) {
      await dan.refused({ messageType: type, socketId: target, callId: one });
      await eve.refused({ messageType: type, socketId: target, callId: one, username: 'ann' });
    }
    await ann.refused({ messageType: type, socketId: ann.id });
    for (const wrong of [undefined, null, 7, [ann.id], {}, '', 'x', bob.id.toUpperCase() + ' ', `${bob.id}\0`]) {
      await ann.refused({ messageType: type, socketId: wrong });
    }
  }
  assert.equal(sentences.size, 1, 'whether a connection exists somewhere else is nobody\'s business');
  await eve.refused({ messageType: 'call_message', text: 'x', callId: one });
  await eve.refused({ messageType: 'media_state', microphone: true, camera: true, screen: true, hand: true });
  await eve.refused({ messageType: 'ring', targetUser: 'ann', callId: one });
  dan.send({ messageType: 'call_message', text: 'among us' });
  assert.equal((await dan.next('call_message')).text, 'among us');
  dan.send({ messageType: 'leave_call', socketId: ann.id, callId: one });
  await dan.fence();
  for (const client of [ann, bob, dan, eve]) assert.deepEqual(await heardOfCalls(client), []);

  // Who has left is outside.
  bob.send({ messageType: 'leave_call' });
  await bob.refused({ messageType: 'offer', socketId: ann.id });
  await ann.next('user_left');
  await ann.refused({ messageType: 'offer', socketId: bob.id });
  assert.deepEqual(await heardOfCalls(bob), []);
});

test('an offer right behind the join, in the same segment, is forwarded', async (t) => {
  const callId = await newCall();
  const ann = await open(t, 'ann', V1);
  const old = await open(t, 'old');
  await join(ann, callId);
  await join(old, callId);
  await learn(old, ann);
  const raw = await RawWebSocket.open(shared, { t, headers: { Cookie: cookies.maker } });
  await raw.send(Buffer.concat([
    json({ messageType: 'join_call', callId }),
    json({ messageType: 'offer', socketId: ann.id, n: 1 }),
    json({ messageType: 'offer', socketId: old.id, n: 2 }),
  ]));
  for (const client of [ann, old]) {
    const isNews = (one) => ['user_joined', 'offer'].includes(one.type);
    assert.equal((await client.entry(isNews, 'user_joined')).type, 'user_joined');
    assert.equal((await client.entry(isNews, 'offer')).message.username, 'maker');
    await client.expectNothing('user_joined');
  }
});

// --- the head start ---

test('a base member hears of a newcomer before its first signal, or without one, and once', async (t) => {
  const callId = await newCall();
  const old = await open(t, 'old');
  const quiet = await open(t, 'quiet');
  const ann = await open(t, 'ann', V1);
  const watcher = await open(t, 'watcher', V1);
  const isNews = (one) => ['user_joined', 'offer', 'ice_candidate'].includes(one.type);
  await join(watcher, callId);
  await join(old, callId);
  await learn(old, watcher);
  await join(quiet, callId);
  await learn(quiet, watcher);
  assert.equal((await old.next('user_joined')).socketId, quiet.id);
  await join(ann, callId);
  assert.equal((await watcher.next('user_joined')).socketId, ann.id, 'v1: without waiting for a signal');
  ann.send({ messageType: 'ice_candidate', socketId: old.id });
  ann.send({ messageType: 'offer', socketId: old.id });
  const news = [];
  for (let i = 0; i < 3; i++) news.push((await old.entry(isNews, 'news')).type);
  assert.deepEqual(news, ['user_joined', 'ice_candidate', 'offer']);
  assert.equal((await quiet.next('user_joined')).socketId, ann.id);
  await old.expectNothing('user_joined');
});

test('a base member never hears of one who was gone before the head start was over', async (t) => {
  const callId = await newCall();
  const old = await open(t, 'old');
  const watcher = await open(t, 'watcher', V1);
  await join(watcher, callId);
  await join(old, callId);
  await learn(old, watcher);
  const raw = await RawWebSocket.open(shared, { t, headers: { Cookie: cookies.maker } });
  await raw.send(Buffer.concat([json({ messageType: 'join_call', callId }), json({ messageType: 'leave_call' })]));
  assert.equal((await watcher.next('user_joined')).username, 'maker');
  await watcher.next('user_left');
  // Who comes later has a later head start: when its end is there, the first one's would have been.
  const ann = await open(t, 'ann', V1);
  await join(ann, callId);
  assert.equal((await old.next('user_joined')).socketId, ann.id);
  assert.deepEqual(await heardOfCalls(old), []);
});

// --- v1 ---

test('media states reach the other v1 members, and newcomers behind existing_participants', async (t) => {
  const callId = await newCall();
  const ann = await open(t, 'ann', V1);
  const bob = await open(t, 'bob', V1);
  const old = await open(t, 'old');
  for (const client of [ann, bob, old]) await join(client, callId);
  const state = { messageType: 'media_state', microphone: true, camera: false, screen: false, hand: true };
  ann.send({ ...state, socketId: bob.id, extra: 1 });
  const expected = { ...state, socketId: ann.id };
  assert.deepEqual(await bob.next('media_state'), expected);
  const cat = await open(t, 'cat', V1);
  await join(cat, callId);
  assert.deepEqual(await cat.next('media_state'), expected);
  await ann.expectNothing('media_state');
  await old.expectNothing('media_state');
  for (const key of ['microphone', 'camera', 'screen', 'hand']) {
    for (const wrong of [undefined, null, 1, 'true']) await ann.refused({ ...state, [key]: wrong });
  }
  await old.refused(state);
  ann.send({ messageType: 'leave_call' });
  await ann.refused(state);
  await cat.expectNothing('media_state');
});

test('the text chat of a call reaches its v1 members, as it was written', async (t) => {
  const callId = await newCall();
  const ann = await open(t, 'ann', V1);
  const bob = await open(t, 'bob', V1);
  const old = await open(t, 'old');
  const eve = await open(t, 'eve', V1);
  for (const client of [ann, bob, old]) await join(client, callId);
  for (const text of ['hi', '<b>&"\'</b>', '😀\n\u0001"\\', 'x'.repeat(65536)]) {
    const before = Date.now();
    ann.send({ messageType: 'call_message', text });
    for (const client of [ann, bob]) {
      const { sentAt, ...rest } = await client.next('call_message');
      assert.deepEqual(rest, { messageType: 'call_message', socketId: ann.id, username: 'ann', text });
      assert.ok(Number.isInteger(sentAt) && Math.abs(sentAt - before) < 60_000);
    }
  }
  for (const text of [undefined, '', 7, 'x'.repeat(65537), '\0', '\ud800']) {
    await ann.refused({ messageType: 'call_message', text });
  }
  for (const client of [old, eve, bob]) await client.expectNothing('call_message');
});

test('who watches the list sees calls made, filled and emptied', async (t) => {
  const ann = await open(t, 'ann', V1);
  const bob = await open(t, 'bob', V1);
  const old = await open(t, 'old');
  await old.refused({ messageType: 'watch_calls', watch: true });
  await ann.refused({ messageType: 'watch_calls', watch: 'yes' });
  ann.send({ messageType: 'watch_calls', watch: true });
  assert.ok((await ann.next('call_list')).calls.every((call) => Array.isArray(call.participants)));
  const id = await newCall('Seen');
  const changed = async (names) => {
    for (;;) {
      const { call } = await ann.next('call_changed');
      if (call.id !== id) continue;
      assert.deepEqual(Object.keys(call).sort(), ['id', 'name', 'participants']);
      assert.equal(call.name, 'Seen');
      if (JSON.stringify(call.participants) === JSON.stringify(names)) return;
    }
  };
  await changed([]);
  await join(old, id);
  await changed(['old']);
  await join(bob, id);
  await changed(['old', 'bob']);
  await old.close();
  await changed(['bob']);
  bob.send({ messageType: 'leave_call' });
  await changed([]);
  ann.send({ messageType: 'watch_calls', watch: false });
  await ann.fence();
  await newCall('Unseen');
  await ann.expectNothing('call_changed');
  await bob.expectNothing('call_changed');
});

async function ringing(t, prefix) {
  const callId = await newCall('Ring <b>');
  const ann = await open(t, `${prefix}-ann`, V1);
  const bob = await open(t, `${prefix}-bob`, V1);
  const bob2 = await open(t, `${prefix}-bob`, V1);
  const old = await open(t, `${prefix}-bob`);
  await join(ann, callId);
  ann.send({ messageType: 'ring', targetUser: `${prefix}-BOB`, callId });
  const { ringId, ...rest } = await ann.next('ring_state');
  assert.deepEqual(rest, { messageType: 'ring_state', targetUser: `${prefix}-bob`, state: 'ringing' });
  for (const client of [bob, bob2]) {
    assert.deepEqual(await client.next('incoming_call'), {
      messageType: 'incoming_call', ringId, callId, name: 'Ring <b>', fromUser: `${prefix}-ann`,
    });
  }
  const over = async (state) => {
    assert.deepEqual(await ann.next('ring_state'), {
      messageType: 'ring_state', ringId, targetUser: `${prefix}-bob`, state,
    });
    for (const client of [bob, bob2]) {
      assert.deepEqual(await client.next('ring_over'), { messageType: 'ring_over', ringId });
    }
    assert.deepEqual(await heardOfCalls(old), []);
  };
  const noted = async () => {
    for (const client of [ann, bob, bob2, old]) {
      const note = await client.next('direct_message');
      assert.equal(note.fromUser, `${prefix}-ann`);
      const name = client === old ? 'Ring &lt;b&gt;' : 'Ring <b>';
      assert.equal(note.text, `Missed call: ${name}\n/video-call/${callId}`);
    }
  };
  return { callId, ann, bob, bob2, old, ringId, over, noted };
}

test('a ring is accepted or declined in any tab, once, and by nobody else', async (t) => {
  for (const accept of [true, false]) {
    const { ann, bob, bob2, ringId, over } = await ringing(t, `answer-${accept}`);
    const eve = await open(t, 'eve', V1);
    await eve.refused({ messageType: 'ring_answer', ringId, accept });
    await eve.refused({ messageType: 'ring_cancel', ringId });
    await ann.refused({ messageType: 'ring_answer', ringId, accept });
    await bob.refused({ messageType: 'ring_cancel', ringId });
    await bob.refused({ messageType: 'ring_answer', ringId, accept: 1 });
    bob2.send({ messageType: 'ring_answer', ringId, accept });
    await over(accept ? 'accepted' : 'declined');
    await bob.refused({ messageType: 'ring_answer', ringId, accept });
    await ann.refused({ messageType: 'ring_cancel', ringId });
    for (const client of [ann, bob]) await client.expectNothing('direct_message');
  }
});

test('a ring that was cancelled, or whose caller left or vanished, is noted', async (t) => {
  const cancelled = await ringing(t, 'cancel');
  cancelled.ann.send({ messageType: 'ring_cancel', ringId: cancelled.ringId });
  await cancelled.over('cancelled');
  await cancelled.noted();
  const left = await ringing(t, 'left');
  left.ann.send({ messageType: 'leave_call' });
  await left.over('missed');
  await left.noted();
  const vanished = await ringing(t, 'vanish');
  vanished.ann.destroy();
  assert.equal((await vanished.bob.next('ring_over')).ringId, vanished.ringId);
  assert.match((await vanished.bob.next('direct_message')).text, /^Missed call: Ring <b>\n\/video-call\//);
});

test('a ring of somebody who is not there is missed at once', async (t) => {
  const callId = await newCall('Alone');
  const ann = await open(t, 'ann', V1);
  const away = await open(t, 'away');
  await join(ann, callId);
  ann.send({ messageType: 'ring', targetUser: 'away', callId });
  const first = await ann.next('ring_state');
  const second = await ann.next('ring_state');
  assert.deepEqual([first.state, second.state], ['ringing', 'missed']);
  assert.equal(first.ringId, second.ringId);
  assert.equal((await away.next('direct_message')).text, `Missed call: Alone\n/video-call/${callId}`);
  for (const message of [{ targetUser: 'nobody-at-all', callId }, { callId }, { targetUser: 'ann', callId },
    { targetUser: 'away' }, { targetUser: 'away', callId: await newCall() }, { targetUser: 7, callId }]) {
    await ann.refused({ messageType: 'ring', ...message });
  }
});

// --- a full disk ---

test('on a full disk nobody gets into an empty call, and whoever is in one goes on', async (t) => {
  const server = await startServer(t);
  const own = {};
  const drawer = await Client.open(server, { t });
  const pad = 'p'.repeat(3500);
  let drawn = 0;
  for (; drawn < 300; drawn++) drawer.send(stroke(drawn, { pad }));
  await drawer.fence();
  const first = await page(server, t, own, 'ann', V1);
  await newUser(server, 'bob').then((cookie) => (own.bob = cookie));
  const [full, empty] = [await makeCall(server, own.ann, 'Full'), await makeCall(server, own.ann, 'Empty')];
  await first.fence();
  await server.stop();
  await server.startAgain({ limitFileKiB: 200 });
  const ann = await page(server, t, own, 'ann', V1);
  const bob = await page(server, t, own, 'bob', V1);
  await join(ann, full);
  const painter = await Client.open(server, { t });
  for (const more of [{ pad }, {}]) { // until not even one page fits
    for (;;) {
      painter.send(stroke(drawn++, more));
      const answer = await painter.entry((one) => ['drawing', 'error'].includes(one.type), 'an answer');
      if (answer.type === 'error') break;
      assert.ok(drawn < 1000, 'the disk was full at last');
    }
  }
  await bob.refused({ messageType: 'join_call', callId: empty });
  assert.deepEqual((await join(bob, full)).others.map((one) => one.username), ['ann']);
  await ann.next('user_joined');
  await bob.refused({ messageType: 'join_call', callId: empty });
  bob.send({ messageType: 'offer', socketId: ann.id, still: 'in' });
  assert.equal((await ann.next('offer')).still, 'in');
  await ann.expectNothing('user_left');
  const answer = await postJson(server, '/api/video-calls', { name: 'No' }, { Cookie: own.ann });
  assert.equal(answer.status, 503);
  bob.send({ messageType: 'get_calls' });
  assert.deepEqual((await bob.next('call_list')).calls.map(({ name, participants }) => [name, participants]).sort(),
    [['Empty', []], ['Full', ['ann', 'bob']]]);
  await bob.close();
  assert.equal((await ann.next('user_left')).socketId, bob.id);

  // With what the crash left as occupied, a server starts on a full disk, too.
  await server.kill9();
  await server.startAgain();
  const again = await page(server, t, own, 'ann', V1);
  await again.refused({ messageType: 'join_call', callId: full });
  await server.kill9();
  await server.startAgain({ limitFileKiB: 0 });
  assert.deepEqual((await join(await page(server, t, own, 'ann', V1), full)).others, []);
});

// --- STUN and TURN ---

const ice = async (server, cookie) => {
  const answer = await get(server, '/api/ice-servers', { Cookie: cookie });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.deepEqual(Object.keys(answer.json()), ['iceServers']);
  return answer.json().iceServers;
};

test('ice servers are for members, and as configured', async (t) => {
  assert.deepEqual(await ice(shared, (cookies.maker ??= await newUser(shared, 'maker'))), []);
  const refused = await get(shared, '/api/ice-servers');
  assert.equal(refused.status, 401);
  assert.deepEqual(refused.json(), {});
  const servers = [
    { urls: 'stun:stun.example.com' },
    { urls: ['turn:turn.example.com:3478?transport=udp', 'turns:turn.example.com'], username: 'u', credential: 'p' },
  ];
  const server = await startServer(t, { args: servers.flatMap((one) => ['--ice-server', JSON.stringify(one)]) });
  assert.deepEqual(await ice(server, await newUser(server, 'ann')), servers);
});

test('TURN servers get credentials for half a day from the shared secret', async (t) => {
  const secret = 'n0rth of the wall é';
  const secretFile = path.join(tempFolder(t), 'secret');
  fs.writeFileSync(secretFile, `${secret} \t\r\nsecond line\n`);
  const own = { urls: 'turn:own.example.com', username: 'u', credential: 'p' };
  const servers = [
    { urls: 'stun:a.example.com' },
    { urls: 'turn:b.example.com', note: 1 },
    { urls: ['stun:c.example.com', 'turns:c.example.com?transport=tcp'], username: 'replaced' },
    own,
  ];
  const server = await startServer(t, {
    args: [...servers.flatMap((one) => ['--ice-server', JSON.stringify(one)]), '--turn-secret-file', secretFile],
  });
  for (const name of ['ann', 'Bob_the.2nd-']) {
    const before = Math.floor(Date.now() / 1000);
    const got = await ice(server, await newUser(server, name));
    const after = Math.floor(Date.now() / 1000);
    assert.deepEqual([got[0], got[3]], [servers[0], own]);
    for (const i of [1, 2]) {
      const { username, credential, ...rest } = got[i];
      const { username: _, ...configured } = servers[i];
      assert.deepEqual(rest, configured);
      const [, until, who] = /^(\d+):(.*)$/.exec(username);
      assert.equal(who, name);
      assert.ok(Number(until) >= before + 12 * 3600 && Number(until) <= after + 12 * 3600);
      assert.equal(credential, crypto.createHmac('sha1', secret).update(username).digest('base64'));
    }
  }
  assert.ok(!server.stderr.includes(secret));
});

test('a secret that cannot be read or is none keeps the server from starting', async (t) => {
  const folder = tempFolder(t);
  const write = (name, content) => {
    fs.writeFileSync(path.join(folder, name), content);
    return path.join(folder, name);
  };
  const cases = [
    [['--turn-secret-file', ''], 2], [['--turn-secret-file'], 2],
    ...[path.join(folder, 'missing'), folder, write('empty', ''), write('blank', ' \t\r\nsecret\n'),
      write('long', 'x'.repeat(5000))].map((name) => [['--turn-secret-file', name], 1]),
  ];
  for (const [args, code] of cases) {
    const result = await runServer(['--port', '0', '--db', path.join(folder, 'db'), ...args]);
    assert.equal(result.code, code, args.join(' '));
    assert.match(result.stderr, /^[^\n]*--turn-secret-file[^\n]*\n$/);
    assert.equal(result.stdout, '');
    assert.doesNotMatch(result.stderr, /xxxx/);
  }
});
