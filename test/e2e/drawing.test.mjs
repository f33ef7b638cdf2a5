// The drawing board: what is a stroke, what others get, and what newcomers find.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client, stroke } from './lib/client.mjs';
import { newUser } from './lib/http.mjs';
import { file, startServer } from './lib/server.mjs';

const shared = await startServer(file);

// What init_strokes holds for a drawing: everything but the messageType.
function stored(raw) {
  const { messageType, ...rest } = JSON.parse(raw);
  assert.equal(messageType, 'drawing');
  return rest;
}

test('a drawing goes to everyone, byte for byte, to its sender too', async (t) => {
  const server = await startServer(t);
  const cookie = await newUser(server, 'anna');
  const clients = [
    await Client.open(server, { t }),
    await Client.open(server, { t, cookie }),
    await Client.open(server, { t, cookie, protocol: 'parlor.v1' }),
    await Client.open(server, { t, protocol: 'parlor.v1' }),
  ];
  const drawings = [
    '{"messageType":"drawing","startX":1,"startY":2,"endX":3,"endY":4,"color":"#000000"}',
    '{ "color" : "red" ,\n\t"endY":4,"endX":3,"startY":2,"startX":1,"messageType":"drawing"}',
    '  {"messageType":"drawing","startX":1e2,"startY":0.1000,"endX":-0,"endY":1E+2,"color":"#FFF"}\r\n ',
    '{"messageType":"drawing","startX":0.1,"startY":123456789.123456789,"endX":-1.5e-7,"endY":1e308,"color":"#12345678"}',
    '{"startX":1,"startY":2,"messageType":"drawing","endX":3,"endY":4,"color":"ReBeCcApUrPlE","width":2.50,"id":"\\u00e9\\/é😀","nested":{"a":[1,{"b":null}],"messageType":"x"}}',
    '{"message\\u0054ype":"draw\\u0069ng","startX":1,"st\\u0061rtY":2,"endX":3,"endY":4,"color":"\\u0023abc"}',
    '{"messageType":"drawing","startX":1,"startY":2,"endX":3,"endY":4,"color":"#abc","text":"\\u0000\\ud800<b>&amp;"}',
    '{"messageType":"drawing","startX":9007199254740993,"startY":0.30000000000000004,"endX":5e-324,"endY":1.7976931348623157e308,"color":"#abcd","":1,"__proto__":2}',
  ];
  for (const [i, raw] of drawings.entries()) {
    clients[i % clients.length].send(raw);
    for (const client of clients) assert.equal(await client.nextRaw('drawing'), raw);
  }
  for (const protocol of [undefined, 'parlor.v1']) {
    const late = await Client.open(server, { t, protocol });
    assert.deepEqual(late.strokes, drawings.map(stored));
  }
  await server.restart();
  const afterwards = await Client.open(server, { t });
  assert.deepEqual(afterwards.strokes, drawings.map(stored), 'the same after a restart');
});

test('-0 comes back as -0, and every double as itself', async (t) => {
  const server = await startServer(t);
  const client = await Client.open(server, { t });
  const numbers = [
    '-0', '-0.0', '0.1', '1e-7', '123456789012345680000', '5e-324', '2.2250738585072014e-308',
    '1.7976931348623157e308', '0.1e1', '100E-2', '4.35', '0.000001', '1e21', '9007199254740991',
    '-9007199254740992', '3.141592653589793238462643383279', '1e-400',
  ];
  for (const number of numbers) {
    client.send(JSON.stringify(stroke('N')).replace('"N"', number));
    await client.nextRaw('drawing');
  }
  await server.restart();
  const late = await Client.open(server, { t });
  numbers.forEach((number, i) => {
    assert.ok(Object.is(late.strokes[i].startX, Number(number)), `${number} became ${late.strokes[i].startX}`);
  });
});

test('init_strokes has exactly the fields messageType and strokes', async (t) => {
  const server = await startServer(t);
  const client = await Client.open(server, { t });
  client.send(stroke(1));
  await client.next('drawing');
  const late = await Client.open(server, { t });
  assert.deepEqual(JSON.parse(late.init), {
    messageType: 'init_strokes',
    strokes: [{ startX: 1, startY: 1, endX: 2, endY: 3, color: '#123456' }],
  });
});

const COLORS = {
  good: ['#000', '#abcd', '#ABCDEF', '#12345678', '#aBc', 'r', 'red', 'RED', 'lightgoldenrodyellow', 'x'.repeat(32)],
  bad: [
    '', '#', '#1', '#12', '#12345', '#1234567', '#123456789', '#ggg', '#12 ', ' #123', '##123', '123456', 'x'.repeat(33),
    'rgb(1,2,3)', 'red;', 'red ', ' red', 're d', 'url(x)', 'röt', 'red\0', '#123\n', 'var(--x)', '#１２３', 'a1', '-red',
  ],
};
test('a colour is # with 3, 4, 6 or 8 hex digits, or 1 to 32 letters', async (t) => {
  const client = await Client.open(shared, { t });
  for (const color of COLORS.good) {
    client.send(stroke(1, { color }));
    assert.equal((await client.next('drawing')).color, color);
  }
  for (const color of [...COLORS.bad, 0, null, true, ['red'], { red: 1 }, undefined]) {
    await client.refused(stroke(1, { color }));
  }
  await client.expectNothing('drawing');
});

for (const field of ['startX', 'startY', 'endX', 'endY']) {
  test(`${field} is a finite number`, async (t) => {
    const client = await Client.open(shared, { t });
    for (const value of ['0', '-1', '1e308', '-1.7976931348623157e308', '1e-400', '0.5', '1E5']) {
      client.send(JSON.stringify(stroke(1, { [field]: 'N' })).replace('"N"', value));
      await client.next('drawing');
    }
    for (const value of ['1e309', '-1e309', '1e99999999999', '"1"', 'null', 'true', '[1]', '{}', 'NaN', 'Infinity', '01', '']) {
      await client.refused(JSON.stringify(stroke(1, { [field]: 'N' })).replace('"N"', value));
    }
    const { [field]: missing, ...rest } = stroke(1);
    assert.notEqual(missing, undefined);
    await client.refused(rest);
    await client.refused({ ...rest, [field.toLowerCase()]: 1 });
    await client.expectNothing('drawing');
  });
}

test('a drawing of 4096 bytes as received is taken, of 4097 is an error', async (t) => {
  const client = await Client.open(shared, { t });
  const bare = JSON.stringify(stroke(1, { pad: '' }));
  const fits = JSON.stringify(stroke(1, { pad: 'p'.repeat(4096 - bare.length) }));
  assert.equal(fits.length, 4096);
  client.send(fits);
  assert.equal(await client.nextRaw('drawing'), fits);
  await client.refused(fits.replace('ppp', 'pppp'));
  await client.refused(`${fits} `);
  const umlauts = JSON.stringify(stroke(1, { pad: 'ü'.repeat((4096 - bare.length) >> 1) }));
  assert.ok(Buffer.byteLength(umlauts) <= 4096);
  client.send(umlauts);
  assert.equal(await client.nextRaw('drawing'), umlauts);
  await client.refused(umlauts.replace('ü', 'üü'));
  await client.expectNothing('drawing');
});

test('a refused drawing is neither broadcast nor stored', async (t) => {
  const server = await startServer(t);
  const [one, two] = [await Client.open(server, { t }), await Client.open(server, { t })];
  await one.refused({ messageType: 'drawing' });
  await one.refused(stroke(1, { color: 'no colour' }));
  await one.refused('{"messageType":"drawing","startX":1,"startX":1,"startY":1,"endX":2,"endY":3,"color":"red"}');
  await two.expectNothing('drawing');
  assert.deepEqual((await Client.open(server, { t })).strokes, []);
});

test('a bad message among good ones undoes only itself', async (t) => {
  const server = await startServer(t);
  const [one, two] = [await Client.open(server, { t }), await Client.open(server, { t })];
  for (let i = 0; i < 100; i++) one.send(i % 10 === 5 ? '{"messageType":"drawing"}' : stroke(i));
  const wanted = Array.from({ length: 100 }, (_, i) => i).filter((i) => i % 10 !== 5);
  for (const i of wanted) assert.equal((await two.next('drawing')).startX, i);
  for (let i = 0; i < 10; i++) await one.entry((message) => message.type === 'error', 'an error');
  assert.deepEqual((await Client.open(server, { t })).strokes.map((each) => each.startX), wanted);
});

test('everyone sees all drawings in one order, whoever draws', async (t) => {
  const server = await startServer(t);
  const clients = await Promise.all(Array.from({ length: 6 }, () => Client.open(server, { t })));
  clients.forEach((client, who) => {
    for (let i = 0; i < 200; i++) client.send(stroke(i, { who }));
  });
  const orders = [];
  for (const client of clients) {
    const order = [];
    for (let i = 0; i < 1200; i++) order.push(await client.nextRaw('drawing'));
    orders.push(order);
  }
  for (const order of orders) assert.deepEqual(order, orders[0]);
  for (let who = 0; who < 6; who++) {
    const own = orders[0].map((raw) => JSON.parse(raw)).filter((each) => each.who === who);
    assert.deepEqual(own.map((each) => each.startX), Array.from({ length: 200 }, (_, i) => i));
  }
  const late = await Client.open(server, { t });
  assert.deepEqual(late.strokes, orders[0].map(stored));
});

test('newcomers in the middle of drawing get every stroke once, in the one order', async (t) => {
  const server = await startServer(t);
  const witness = await Client.open(server, { t });
  const drawers = await Promise.all(Array.from({ length: 3 }, () => Client.open(server, { t })));
  const total = 3000;
  const newcomers = [];
  for (let i = 0; i < total / 3; i++) {
    drawers.forEach((client, who) => client.send(stroke(i, { who })));
    if (i % 25 === 0) newcomers.push(Client.open(server, { t }));
    if (i % 50 === 0) await drawers[i % 3].fence();
  }
  const order = [];
  for (let i = 0; i < total; i++) order.push(stored(await witness.nextRaw('drawing')));
  let joinedInBetween = 0;
  for (const newcomer of await Promise.all(newcomers)) {
    const seen = [...newcomer.strokes];
    while (seen.length < total) seen.push(stored(await newcomer.nextRaw('drawing')));
    assert.deepEqual(seen, order);
    await newcomer.expectNothing('drawing');
    if (newcomer.strokes.length > 0 && newcomer.strokes.length < total) joinedInBetween += 1;
  }
  assert.ok(joinedInBetween > 0, 'somebody did join while others drew');
});

test('twenty thousand strokes are all in init_strokes, oldest first, also after a restart', async (t) => {
  const server = await startServer(t);
  const client = await Client.open(server, { t });
  const total = 20_000;
  for (let i = 0; i < total; i++) {
    client.send(stroke(i));
    if (i % 1000 === 999) await client.fence(60_000);
  }
  for (const restart of [false, true]) {
    if (restart) await server.restart();
    const late = await Client.open(server, { t, initMs: 60_000 });
    assert.equal(late.strokes.length, total);
    late.strokes.forEach((each, i) => assert.equal(each.startX, i));
    await late.fence();
  }
});
