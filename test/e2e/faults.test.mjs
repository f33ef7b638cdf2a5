// Every allocation and every system call fails in turn, while people do everything that can be done. Whatever fails: the server goes
// on, everybody whose request was touched gets an answer, an error or the end of the connection, and whoever was
// told something can rely on it. The server is build/test/server_faults (test/faults/faults.c).
//
// PARLOR_FULL=1 lets every single call fail; otherwise a sample of them, spread evenly, which is other calls every day. To look at one
// place: --test-name-pattern, PARLOR_PLACE=17, and PARLOR_FAULTS_TRACE=1 to see on standard error where it is.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Client, stroke } from './lib/client.mjs';
import { FAULTS, Faults } from './lib/faults.mjs';
import { LAYOUT, fixture } from './lib/fixture.mjs';
import { PASSWORD, authToken, newUser, request } from './lib/http.mjs';
import { RawConnection } from './lib/raw.mjs';
import { closeFrame, echo, handshake } from './lib/rawws.mjs';
import { startServer, within } from './lib/server.mjs';
import { V1, answer, dm, history, say } from './lib/talk.mjs';

const FULL = process.env.PARLOR_FULL === '1';
const SAMPLE = 4; // places of one kind of fault in a short run
const LARGE = 3 << 20; // bytes of a file that goes out through sendfile()
const ANSWER_MS = 15_000; // guards against an answer that never comes

const today = Math.floor(Date.now() / 86_400_000);

// What was told, and what was said to have failed, over all rounds of one server.
class Book {
  told = { strokes: new Set(), chat: new Set(), dms: new Set(), users: new Set(), calls: new Set() };
  refused = { strokes: new Set(), chat: new Set(), dms: new Set(), users: new Set() };
}

// A client that may meet a fault at any step. `ask` gives the answer, the word 'refused', or 'gone'.
class Person {
  static async open(server, book, options) {
    try {
      const person = new Person(book);
      person.client = await Client.open(server, { ...options, greeting: false });
      person.listen();
      return person;
    } catch (error) {
      if (/^waited/.test(error.message)) throw error;
      return null;
    }
  }

  constructor(book) {
    this.book = book;
    this.errors = 0;
  }

  listen() {
    const { told } = this.book;
    const note = ({ message }) => {
      if (message.messageType === 'drawing') told.strokes.add(message.startX);
      if (message.messageType === 'chatMessage') told.chat.add(message.comment);
      if (message.messageType === 'direct_message') told.dms.add(message.text);
    };
    this.client.inbox.forEach(note);
    const push = this.client.inbox.push.bind(this.client.inbox);
    this.client.inbox.push = (entry) => {
      note(entry);
      return push(entry);
    };
  }

  send(message) {
    if (this.client.socket.readyState === 1) this.client.send(message);
  }

  // Waits for what `wanted` describes, or an error, or the end.
  async wait(wanted, what) {
    const deadline = Date.now() + ANSWER_MS;
    const { client } = this;
    for (;;) {
      const at = client.inbox.findIndex((one) => one.type === 'error' || wanted(one.message));
      if (at >= 0) {
        const [one] = client.inbox.splice(at, 1);
        return one.type === 'error' ? 'refused' : one.message;
      }
      if (client.closing) return 'gone';
      const left = Math.max(1, deadline - Date.now());
      await within(new Promise((resolve) => client.waiting.push(resolve)), `${what}: neither answer, error nor end`, left);
    }
  }

  async ask(message, wanted) {
    this.send(message);
    return this.wait(wanted, JSON.stringify(message).slice(0, 80));
  }

  async askType(message, type) {
    return this.ask(message, (one) => one.messageType === type);
  }
}

// The answer, or null when the connection ended without one.
async function http(server, method, target, { json, cookie } = {}) {
  try {
    return await request(server, method, target, {
      ms: ANSWER_MS,
      headers: { ...(cookie ? { Cookie: cookie } : {}), ...(json ? { 'Content-Type': 'application/json' } : {}) },
      ...(json ? { body: JSON.stringify(json) } : {}),
    });
  } catch (error) {
    if (/^waited/.test(error.message)) throw error;
    return null;
  }
}

async function signUp(server, book, username) {
  const made = await http(server, 'POST', '/register', { json: { username, password: PASSWORD } });
  if (made) assert.ok([201, 409, 500, 503].includes(made.status), `register: ${made.status} ${made.text}`);
  if (made?.status === 201) book.told.users.add(username);
  if (made?.status === 503) book.refused.users.add(username);
  const got = await http(server, 'POST', '/login', { json: { username, password: PASSWORD } });
  if (!got) return null;
  // 400 is a wrong name: only where nobody was told that it is there.
  if (got.status === 400) assert.ok(!book.told.users.has(username), 'an account that was told is there');
  else assert.ok([200, 500, 503].includes(got.status), `login: ${got.status} ${got.text}`);
  return got.status === 200 ? `auth_token=${authToken(got)}` : null;
}

function settle(book, what, key, result) {
  if (result === 'refused') book.refused[what].add(key);
}

// One of everything. `n` makes what is said unique.
async function everything(server, book, people, n, error) {
  const cookie = (await signUp(server, book, `new${n}`)) ?? people.anna.cookie;
  const a = await Person.open(server, book, { cookie, protocol: V1 });
  const b = await Person.open(server, book, { cookie: people.berta.cookie });
  const all = [a, b].filter(Boolean);
  await Promise.all(all.map((one) => one.wait((m) => m.messageType === 'active_users_list', 'the first list')));
  if (a) a.socketId = a.client.inbox.find((one) => one.type === 'hello')?.message.socketId;

  // Both at once, so that several writers share a turn of the loop; and a stroke whose words are escaped.
  await Promise.all(all.flatMap((one, i) => [0, 1].map(async (k) => {
    const x = n * 10 + i * 2 + k;
    const text = JSON.stringify(stroke(x)).replace('#', '\\u0023');
    settle(book, 'strokes', x, await one.ask(text, (m) => m.messageType === 'drawing' && m.startX === x));
  })).slice(0, 3));
  if (a) {
    const text = `dm ${n} é ${people.pad}`;
    settle(book, 'dms', text, await a.ask(dm('berta', text, { clientId: `c${n}` }), (m) => m.messageType === 'direct_message' && m.text === text));
    const said = `chat ${n} ${people.pad}`;
    settle(book, 'chat', said, await a.ask(say(said, { clientId: `c${n}` }), (m) => m.messageType === 'chatMessage' && m.comment === said));
    await a.askType({ messageType: 'get_conversations' }, 'conversation_list');
    await a.askType({ messageType: 'get_messages', withUser: 'berta' }, 'message_page');
    await a.askType({ messageType: 'get_chat_history', beforeId: null, limit: 5 }, 'chat_history');
    await a.askType({ messageType: 'watch_calls', watch: true }, 'call_list');
    await a.askType({ messageType: 'echo_client', text: 'x'.repeat(40_000) }, 'echo_server');
  }
  if (b) await b.askType({ messageType: 'get_all_users' }, 'all_users_list');

  const made = await http(server, 'POST', '/api/video-calls', { json: { name: 'T\u00e9a' }, cookie });
  if (made) assert.ok([200, 401, 500, 503].includes(made.status), `call: ${made.status} ${made.text}`);
  if (made?.status === 200) {
    const callId = made.json().id;
    book.told.calls.add(callId);
    for (const one of all) await one.askType({ messageType: 'join_call', callId }, 'existing_participants');
    if (a) await a.ask({ messageType: 'ring', targetUser: 'berta', callId }, (m) => m.messageType === 'ring_state');
    if (a?.socketId && b) {
      b.send({ messageType: 'offer', socketId: a.socketId, sdp: 'x' });
      await b.askType({ messageType: 'echo_client', text: 'behind the offer' }, 'echo_server');
    }
    if (a) await a.ask({ messageType: 'call_message', text: 'hello' }, (m) => m.messageType === 'call_message');
    a?.send({ messageType: 'leave_call' });
  }
  fs.writeFileSync(path.join(people.folder, 'news.txt'), `news ${n}`);
  for (const target of ['/', '/public/style.css', '/public/news.txt', '/public/large.bin', '/chat-history', '/healthz']) {
    const got = await http(server, 'GET', target);
    if (got) assert.ok([200, ...(error === 'EACCES' ? [404] : []), 500, 503].includes(got.status), `${target}: ${got.status}`);
    if (got?.status !== 200) continue;
    if (target === '/public/large.bin') assert.equal(got.body.length, LARGE);
    if (target === '/public/news.txt') assert.equal(got.text, `news ${n}`);
    if (target === '/' && error !== 'EACCES') assert.ok(got.text.includes(LAYOUT[1]), 'the page is whole');
  }
  a?.client.socket.close();
  b?.client.destroy();
  for (const one of all) await within(one.client.closed, 'the end of a connection');
}

const ids = (strokes) => strokes.map((one) => one.startX);

// Someone who stays as long as the server lets them, and sees what everybody sees.
class Witness {
  async look(server) {
    if (!this.client || this.client.closing) {
      this.client = await Client.open(server);
      this.seen = ids(this.client.strokes);
    }
    await this.client.fence();
    this.seen.push(...this.client.inbox.filter((one) => one.type === 'drawing').map((one) => one.message.startX));
    this.client.inbox = this.client.inbox.filter((one) => one.type !== 'drawing');
    return this.seen;
  }
}

// After a fault: newcomers are served, and what they get is what those have who were here before.
async function servesAgain(server, book, people, witness, n) {
  await witness.look(server);
  const carla = await Client.open(server, { cookie: people.carla.cookie, protocol: V1 });
  await carla.fence();
  carla.send(stroke(n * 10 + 9));
  await carla.next('drawing');
  assert.deepEqual(await witness.look(server), [...ids(carla.strokes), n * 10 + 9], 'all see the same board');
  book.told.strokes.add(n * 10 + 9);
  const { users } = await answer(carla, { messageType: 'get_all_users' });
  const names = new Set(users.map((one) => one.username));
  for (const name of book.told.users) assert.ok(names.has(name), `${name} is among all users`);
  for (const name of book.refused.users) assert.ok(!names.has(name), `${name} was refused`);
  const last = [...book.told.calls].at(-1);
  if (last) {
    carla.send({ messageType: 'join_call', callId: last });
    assert.deepEqual((await carla.next('existing_participants')).participants, [], 'nobody is left in the call');
  }
  await carla.close();
  await witness.client.usersBecome([]);
}

// The server has ended; a new one on its database knows everything that was told, and nothing that was refused.
async function isAllThere(server, book, people) {
  const carla = await Client.open(server, { cookie: people.carla.cookie, protocol: V1 });
  const berta = await Client.open(server, { cookie: people.berta.cookie, protocol: V1 });
  const found = {
    strokes: ids(carla.strokes),
    chat: (await answer(carla, { messageType: 'get_chat_history' })).messages.map((one) => one.comment),
    users: (await answer(carla, { messageType: 'get_all_users' })).users.map((one) => one.username),
    calls: (await answer(carla, { messageType: 'get_calls' })).calls.map((one) => one.id),
    dms: [],
  };
  for (const name of found.users) {
    found.dms.push(...(await history(berta, name)).filter((one) => one.fromUser !== 'berta').map((one) => one.text));
  }
  // Missed calls are noted as messages, which nobody of the book has written.
  found.dms = found.dms.filter((text) => !text.startsWith('Missed call'));
  for (const [what, list] of Object.entries(found)) {
    assert.equal(new Set(list).size, list.length, `${what}: nothing is there twice`);
    const missing = [...book.told[what]].filter((one) => !String(one).startsWith('Missed call') && !list.includes(one));
    assert.deepEqual(missing, [], `${what}: what was told is there`);
    const wrong = list.filter((one) => book.refused[what]?.has(one) && !book.told[what].has(one));
    assert.deepEqual(wrong, [], `${what}: what was refused is not there`);
  }
}

async function population(server) {
  const people = {};
  for (const name of ['anna', 'berta', 'carla']) people[name] = { name, cookie: await newUser(server, name) };
  return people;
}

// The calls that fail in this run: all of 1..calls, or some of them.
function places(calls) {
  if (process.env.PARLOR_PLACE) return [Number(process.env.PARLOR_PLACE)];
  if (FULL || calls <= SAMPLE) return Array.from({ length: calls }, (_, i) => i + 1);
  const step = calls / SAMPLE;
  return Array.from({ length: SAMPLE }, (_, i) => 1 + Math.floor(i * step + (today * 0.618) % 1 * step));
}

// [kind, error, how many fail from the Nth on]
const WHILE_RUNNING = [
  ['alloc', 'ENOMEM', 1],
  ['alloc', 'ENOMEM', 25],
  ['sqlite_alloc', 'ENOMEM', 1],
  ['sqlite_alloc', 'ENOMEM', 25],
  ['cjson_alloc', 'ENOMEM', 1],
  ...['EMFILE', 'ENFILE', 'ENOMEM', 'ECONNABORTED', 'EINTR'].map((error) => ['accept4', error, 1]),
  ['epoll_ctl', 'ENOSPC', 1],
  ['epoll_wait', 'EINTR', 1],
  ...['EINTR', 'EAGAIN', 'ECONNRESET', 'SHORT'].map((error) => ['recv', error, 1]),
  ['recv', 'SHORT', Infinity],
  ...['EINTR', 'EAGAIN', 'ECONNRESET', 'EPIPE', 'SHORT'].map((error) => ['send', error, 1]),
  ['send', 'SHORT', 200],
  ...['EINTR', 'EAGAIN', 'EIO', 'SHORT'].map((error) => ['sendfile', error, 1]),
  ...['EMFILE', 'EACCES', 'EINTR'].map((error) => ['open', error, 1]),
  ['fstat', 'EIO', 1],
  ...['EIO', 'EINTR', 'SHORT'].map((error) => ['pread', error, 1]),
  ['socket_call', 'ENOBUFS', 1],
  ['pwhash', 'ENOMEM', 1],
  ['worker', 'DEATH', 1],
  ['socketpair', 'EMFILE', 1],
  ['fork', 'EAGAIN', 1],
  ['db_write', 'SQLITE_FULL', 1],
  ['db_write', 'SQLITE_IOERR_WRITE', 1],
  ['db_write', 'SQLITE_FULL', Infinity],
  ['db_sync', 'SQLITE_IOERR_FSYNC', 1],
  ['db_read', 'SQLITE_IOERR_READ', 1],
  ['db_read', 'SQLITE_IOERR_READ', Infinity],
  ['db_lock', 'SQLITE_BUSY', 1],
  ['db_lock', 'SQLITE_BUSY', Infinity],
  ['db_shm', 'SQLITE_BUSY', 1],
  ['db_shm', 'SQLITE_BUSY', 3],
  ['db_shm', 'SQLITE_IOERR_SHMMAP', 1],
  ['db_file', 'SQLITE_IOERR_FSTAT', 1],
];

const childOf = (pid) => Number(fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());

describe('while it runs', { concurrency: 4 }, () => {
  for (const [kind, error, times] of WHILE_RUNNING) {
    const what = `${kind} with ${error}${times === 1 ? '' : ` ${times === Infinity ? 'from there on' : `${times} times`}`}`;
    test(`${what}, at every place: nobody is lied to, and the server goes on`, async (t) => {
      const faults = new Faults(t);
      const folder = fixture(t);
      fs.writeFileSync(path.join(folder, 'large.bin'), Buffer.alloc(LARGE, 'large'));
      const server = await startServer(t, { executable: FAULTS, env: faults.env, static: folder });
      const [book, people, witness] = [new Book(), await population(server), new Witness()];
      people.folder = folder;
      // Long enough that every round has a checkpoint.
      people.pad = kind.startsWith('db_') ? 'x'.repeat(65_000) : '';
      let n = 0;
      const round = async (place) => {
        n += 1;
        // A password process must be missing before one can fail to be started.
        if (['socketpair', 'fork'].includes(kind) && place !== Infinity) process.kill(childOf(server.pid), 'SIGKILL');
        faults.arm(kind, error, Math.min(place, 1e9), times);
        try {
          await everything(server, book, people, n, error);
          // In a quiet moment the log is written back into the database.
          if (kind.startsWith('db_')) await new Promise((resolve) => setTimeout(resolve, 350));
        } catch (failure) {
          failure.message = `${what}, place ${place}: ${failure.message}`;
          throw failure;
        } finally {
          round.result = faults.disarm();
        }
        assert.ok(server.running, `place ${place}: the server has ended: ${server.stderr}`);
        try {
          await servesAgain(server, book, people, witness, n);
        } catch (failure) {
          failure.message = `${what}, after place ${place}: ${failure.message}`;
          throw failure;
        }
        return round.result;
      };
      await round(Infinity); // caches fill once
      const { calls } = ['socketpair', 'fork'].includes(kind) ? { calls: 1 } : await round(Infinity);
      let failed = 0;
      for (const place of places(calls)) failed += (await round(place)).failed;
      // Beyond the last one, where a full run has not got to the end yet.
      for (let place = calls + 1; FULL && place < calls + 200; place++) {
        const result = await round(place);
        failed += result.failed;
        if (result.failed === 0) break;
      }
      t.diagnostic(`${what}: ${failed} faults, ${calls} calls in a round`);
      if (calls > 0) assert.ok(failed > 0, 'something has failed');
      await server.stop();
      await server.startAgain();
      await isAllThere(server, book, people);
    });
  }
});

// More at once than a tick takes from one connection: the rest is kept, or the connection ends.
describe('while it holds back', { concurrency: 4 }, () => {
  for (const [kind, error] of [['alloc', 'ENOMEM'], ['epoll_ctl', 'ENOSPC']]) {
    test(`${kind} with ${error} at every place while input is held back: the server goes on`, async (t) => {
      const faults = new Faults(t);
      const server = await startServer(t, { executable: FAULTS, env: faults.env });
      const cookie = await newUser(server, 'anna');
      const login = JSON.stringify({ username: 'anna', password: PASSWORD });
      const get = `GET /healthz HTTP/1.1\r\nHost: ${server.authority}\r\n\r\n`;
      const requests = `POST /login HTTP/1.1\r\nHost: ${server.authority}\r\nContent-Type: application/json\r\n`
        + `Content-Length: ${login.length}\r\n\r\n${login}${get.repeat(100)}GET / HTTP/1.0\r\n\r\n`;
      const messages = Buffer.concat([Buffer.from(handshake(server, { headers: { Cookie: cookie } })), ...Array(200).fill(echo('x')), closeFrame(1000)]);
      const round = async (place) => {
        faults.arm(kind, error, Math.min(place, 1e9));
        await Promise.all([requests, messages].map(async (bytes) => {
          const connection = await RawConnection.open(server);
          connection.send(bytes);
          await connection.untilEnd();
          connection.destroy();
        }));
        return faults.disarm();
      };
      const { calls } = await round(Infinity);
      let failed = 0;
      for (let place = 1; place <= calls; place++) {
        failed += (await round(place)).failed;
        assert.ok(server.running, `place ${place}: the server has ended: ${server.stderr}`);
        await (await Client.open(server)).close();
      }
      t.diagnostic(`${failed} faults, ${calls} calls in a round`);
      assert.ok(failed > 0, 'something has failed');
    });
  }
});

// [kind, error]; each call of the start fails alone.
const AT_THE_START = [
  ['alloc', 'ENOMEM'],
  ['sqlite_alloc', 'ENOMEM'],
  ['start', 'EMFILE'],
  ['epoll_ctl', 'ENOSPC'],
  ['socket_call', 'ENOBUFS'],
  ['socketpair', 'EMFILE'],
  ['fork', 'EAGAIN'],
  ['worker', 'DEATH'],
  ['open', 'EMFILE'],
  ['db_write', 'SQLITE_FULL'],
  ['db_write', 'SQLITE_IOERR_WRITE'],
  ['db_sync', 'SQLITE_IOERR_FSYNC'],
  ['db_read', 'SQLITE_IOERR_READ'],
  ['db_lock', 'SQLITE_BUSY'],
  ['db_shm', 'SQLITE_IOERR_SHMMAP'],
  ['db_file', 'SQLITE_CANTOPEN'],
];

// Starts on a new database. 'serves', or 'refuses' with one line that says why.
async function start(t, faults, folder, n) {
  const db = path.join(folder, `start${n}.db`);
  let server;
  try {
    server = await startServer(t, { executable: FAULTS, env: faults.env, static: folder, db });
  } catch (error) {
    // A line each, with no word of a sanitizer; how it ended is in the message.
    const lines = /^the server ended \(1\): ([^]*)$/.exec(error.message)?.[1].trim().split('\n') ?? [];
    const said = lines.filter((line) => line.startsWith('server: '));
    assert.equal(said.length, 1, error.message);
    assert.doesNotMatch(error.message, /Sanitizer|runtime error/);
    return { ...faults.disarm(), how: 'refuses', db };
  }
  const result = { ...faults.disarm(), how: 'serves', db };
  const client = await Client.open(server);
  client.send(stroke(1));
  await client.next('drawing');
  await client.close();
  await server.stop();
  return result;
}

describe('at the start', { concurrency: 4 }, () => {
  for (const [kind, error] of AT_THE_START) {
    const what = `${kind} with ${error}`;
    test(`${what} at the start: the server says in one line why it cannot start, or it serves`, async (t) => {
      const faults = new Faults(t);
      const folder = fixture(t);
      let n = 0;
      const tryAt = async (place) => {
        faults.arm(kind, error, Math.min(place, 1e9));
        return start(t, faults, folder, n++).catch((failure) => {
          failure.message = `${what}, place ${place}: ${failure.message}`;
          throw failure;
        });
      };
      const { calls } = await tryAt(Infinity);
      const seen = { serves: 0, refuses: 0 };
      let failed = 0;
      for (const place of places(calls)) {
        const result = await tryAt(place);
        seen[result.how] += 1;
        failed += result.failed;
        // Nothing half-made is left behind: the next start, without a fault, works.
        const server = await startServer(t, { executable: FAULTS, static: folder, db: result.db });
        await (await Client.open(server)).close();
        await server.stop();
      }
      t.diagnostic(`${what} at the start: ${failed} faults, ${calls} calls, ${seen.refuses} refused to start`);
      if (calls > 0) assert.ok(failed > 0, 'something has failed');
    });
  }
});
