// The list of who is here: everybody once, in order, and right after every way to come and go.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client } from './lib/client.mjs';
import { get, login, newUser } from './lib/http.mjs';
import { RawWebSocket, closeFrame, frame } from './lib/rawws.mjs';
import { startServer } from './lib/server.mjs';

const sorted = (names) => [...names].sort((a, b) => Buffer.compare(Buffer.from(a.toLowerCase()), Buffer.from(b.toLowerCase())));

// Every list that anybody got, at any time: no name twice, in order, and no other field.
function assertWellFormed(client) {
  for (const list of client.lists) {
    assert.deepEqual(Object.keys(list).sort(), ['messageType', 'users']);
    for (const user of list.users) assert.deepEqual(Object.keys(user), ['username']);
    const names = list.users.map((user) => user.username);
    assert.deepEqual(names, sorted(new Set(names)));
  }
}

test('users come and go, and everyone is told, in both dialects', async (t) => {
  const server = await startServer(t);
  const guests = [await Client.open(server, { t }), await Client.open(server, { t, protocol: 'parlor.v1' })];
  assert.deepEqual(guests[0].users, []);
  const cookies = {};
  for (const name of ['berta', 'Anna', 'caesar']) cookies[name] = await newUser(server, name);
  const berta = await Client.open(server, { t, cookie: cookies.berta });
  assert.deepEqual(berta.users, ['berta']);
  for (const guest of guests) await guest.usersBecome(['berta']);
  const anna = await Client.open(server, { t, cookie: cookies.Anna, protocol: 'parlor.v1' });
  assert.deepEqual(anna.users, ['Anna', 'berta']);
  for (const client of [...guests, berta]) await client.usersBecome(['Anna', 'berta']);
  const caesar = await Client.open(server, { t, cookie: cookies.caesar });
  for (const client of [...guests, anna, berta]) await client.usersBecome(['Anna', 'berta', 'caesar']);
  await anna.close();
  for (const client of [...guests, berta, caesar]) await client.usersBecome(['berta', 'caesar']);
  await berta.close();
  await caesar.close();
  for (const guest of guests) {
    await guest.usersBecome([]);
    assertWellFormed(guest);
  }
});

test('the list is sorted by the lowercased bytes of the names', async (t) => {
  const server = await startServer(t);
  const names = ['b', 'A', 'a.b', 'a-b', 'a_b', 'Zed', 'zEbra', '0', '9z', '_x', 'ab', 'AC', 'aB1', '.', '-'];
  const guest = await Client.open(server, { t });
  for (const name of names) await Client.open(server, { t, cookie: await newUser(server, name) });
  assert.equal(sorted(names)[0], '-');
  assert.ok(sorted(names).indexOf('_x') < sorted(names).indexOf('A'), 'underscore before letters');
  await guest.usersBecome(sorted(names));
  assertWellFormed(guest);
});

test('guests are not in the list, and change nothing about it', async (t) => {
  const server = await startServer(t);
  const cookie = await newUser(server, 'anna');
  const anna = await Client.open(server, { t, cookie });
  for (let i = 0; i < 5; i++) {
    const guest = await Client.open(server, { t });
    assert.deepEqual(guest.users, ['anna']);
    await guest.close();
  }
  const stale = await Client.open(server, { t, cookie: 'auth_token=nonsense' });
  assert.deepEqual(stale.users, ['anna']);
  await anna.fence();
  for (const list of anna.lists) assert.deepEqual(list.users, [{ username: 'anna' }]);
});

test('a user with several tabs is there once, until the last one goes', async (t) => {
  const server = await startServer(t);
  const guest = await Client.open(server, { t });
  const cookie = await newUser(server, 'anna');
  const elsewhere = await login(server, 'anna');
  const other = await newUser(server, 'berta');
  const tabs = [
    await Client.open(server, { t, cookie }),
    await Client.open(server, { t, cookie }),
    await Client.open(server, { t, cookie: elsewhere }),
  ];
  await guest.usersBecome(['anna']);
  const before = guest.lists.length;
  await tabs[0].close();
  tabs[1].resetNow();
  // Another change behind these two shows that they made no difference.
  await Client.open(server, { t, cookie: other });
  await guest.usersBecome(['anna', 'berta']);
  assertWellFormed(guest);
  for (const list of guest.lists.slice(before)) {
    assert.ok(list.users.some((user) => user.username === 'anna'), 'never gone in between');
  }
  await tabs[2].close();
  await guest.usersBecome(['berta']);
});

const WAYS = {
  'a close frame, while the connection is still open': (socket) => socket.send(closeFrame(1000)),
  'an end of the stream without a close frame': (socket) => socket.connection.endSending(),
  'a reset': (socket) => socket.connection.resetNow(),
  'a violation of the protocol': (socket) => socket.send(frame('', { opcode: 5 })),
  'text that is not UTF-8': (socket) => socket.send(frame([0xff])),
  'a reset in the middle of a frame': async (socket) => {
    await socket.send(frame('half', { length: 1000, only: 3 }));
    socket.connection.resetNow();
  },
};
for (const [name, leave] of Object.entries(WAYS)) {
  test(`a user is gone right after ${name}`, async (t) => {
    const server = await startServer(t);
    const guest = await Client.open(server, { t });
    const cookie = await newUser(server, 'anna');
    const socket = await RawWebSocket.open(server, { t, headers: { Cookie: cookie } });
    await guest.usersBecome(['anna']);
    await leave(socket);
    await guest.usersBecome([]);
  });
}

test('a user who logs out is gone', async (t) => {
  const server = await startServer(t);
  const guest = await Client.open(server, { t });
  const cookie = await newUser(server, 'anna');
  await Client.open(server, { t, cookie });
  await guest.usersBecome(['anna']);
  await get(server, '/logout', { Cookie: cookie });
  await guest.usersBecome([]);
});

test('under a storm of people coming and going the last list is right, for everyone', async (t) => {
  const server = await startServer(t);
  const guests = [await Client.open(server, { t }), await Client.open(server, { t })];
  const names = ['anna', 'berta', 'caesar', 'dora', 'emil'];
  const cookies = [];
  for (const name of names) cookies.push(await newUser(server, name));
  const storms = cookies.map(async (cookie) => {
    for (let i = 0; i < 20; i++) {
      const client = await Client.open(server, { t, cookie });
      if (i % 2) client.resetNow();
      else await client.close();
    }
  });
  await Promise.all(storms);
  const stayers = [];
  for (const cookie of [cookies[1], cookies[3]]) stayers.push(await Client.open(server, { t, cookie }));
  for (const client of [...guests, ...stayers]) {
    await client.usersBecome(['berta', 'dora']);
    assertWellFormed(client);
  }
});

test('after a restart the list begins empty', async (t) => {
  const server = await startServer(t);
  const cookie = await newUser(server, 'anna');
  await Client.open(server, { t, cookie });
  await server.restart();
  const guest = await Client.open(server, { t });
  assert.deepEqual(guest.users, []);
  await Client.open(server, { t, cookie });
  await guest.usersBecome(['anna']);
});
