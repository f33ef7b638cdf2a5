// The drawing board as people see it: the same pixels for everyone, now and later.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client, stroke } from '../e2e/lib/client.mjs';
import { file, startServer } from '../e2e/lib/server.mjs';
import {
  atRest, colorAt, connected, draw, launch, peopleOn, person, picture, registerByPage, strokesOn, useColor,
} from './lib/browser.mjs';

const browser = await launch(file);
const RED = '#e03131';
const BLUE = '#1971c2';
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

async function board(t, server, username, options) {
  const context = await person(t, browser, server, options);
  const page = await context.newPage();
  if (username) await registerByPage(page, username);
  await page.goto('/drawing-board');
  await connected(page);
  return page;
}

test('two users draw and see the same pixels, a reload keeps them, and a third who joins late has them', async (t) => {
  const server = await startServer(t);
  const ada = await board(t, server, 'Ada');
  const bob = await board(t, server, 'bob');
  for (const page of [ada, bob]) await peopleOn(page, ['Ada', 'bob']);
  const empty = await picture(ada);

  await useColor(ada, RED);
  await draw(ada, [[100, 100], [300, 100], [300, 300]]);
  await atRest(ada);
  const afterAda = await strokesOn(ada);
  await atRest(bob, afterAda);
  assert.deepEqual(await colorAt(bob, 200, 100), rgb(RED));
  assert.notEqual(await picture(bob), empty);

  await useColor(bob, BLUE);
  await draw(bob, [[50, 200], [400, 200]]);
  await atRest(bob);
  const total = await strokesOn(bob);
  assert.ok(total > afterAda);
  await atRest(ada, total);
  for (const page of [ada, bob]) {
    assert.deepEqual(await colorAt(page, 100, 200), rgb(BLUE));
    assert.deepEqual(await colorAt(page, 300, 150), rgb(RED));
    assert.deepEqual(await colorAt(page, 300, 200), rgb(BLUE), 'the later line lies above');
  }
  const seen = await picture(ada);
  assert.equal(await picture(bob), seen);

  await ada.reload();
  await atRest(ada, total);
  assert.equal(await picture(ada), seen);

  const eve = await board(t, server, 'eve');
  await atRest(eve, total);
  assert.equal(await picture(eve), seen);
  for (const page of [ada, bob, eve]) await peopleOn(page, ['Ada', 'bob', 'eve']);
  await eve.close();
  for (const page of [ada, bob]) await peopleOn(page, ['Ada', 'bob']);
});

test('both draw at the same time, across each other, and end with the same pixels', async (t) => {
  const server = await startServer(t);
  const ada = await board(t, server, null);
  const bob = await board(t, server, null);
  await useColor(ada, RED);
  await useColor(bob, BLUE);
  const zigzag = (shift) => Array.from({ length: 8 }, (_, i) => [40 + i * 80, i % 2 ? 320 - shift : 60 + shift]);
  await Promise.all([draw(ada, zigzag(0)), draw(bob, zigzag(40))]);
  await atRest(ada);
  await atRest(bob);
  const total = Math.max(await strokesOn(ada), await strokesOn(bob));
  await atRest(ada, total);
  await atRest(bob, total);
  assert.equal(await picture(ada), await picture(bob));
});

test('a guest draws, and is in no list', async (t) => {
  const server = await startServer(t);
  const guest = await board(t, server, null);
  const user = await board(t, server, 'user');
  await useColor(guest, RED);
  await draw(guest, [[100, 100], [500, 300]]);
  await atRest(guest);
  await atRest(user, await strokesOn(guest));
  assert.deepEqual(await colorAt(user, 300, 200), rgb(RED));
  assert.equal(await picture(user), await picture(guest));
  for (const page of [guest, user]) await peopleOn(page, ['user']);
});

test('a click leaves a dot', async (t) => {
  const server = await startServer(t);
  const page = await board(t, server, null);
  await useColor(page, BLUE);
  await draw(page, [[360, 200]]);
  await atRest(page);
  assert.deepEqual(await colorAt(page, 360, 200), rgb(BLUE));
});

test('a finger draws, too', async (t) => {
  const server = await startServer(t);
  const phone = await board(t, server, null, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
  const desk = await board(t, server, null);
  await useColor(phone, RED);
  const session = await phone.context().newCDPSession(phone);
  const { x, y } = await phone.evaluate(() => {
    const canvas = document.querySelector('canvas#board');
    const box = canvas.getBoundingClientRect();
    const { scale, x: left, y: top } = canvas.dataset;
    return { x: box.left + Number(left) + 300 * scale, y: box.top + Number(top) + 200 * scale };
  });
  await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x, y }] });
  for (let i = 1; i <= 10; i++) {
    await session.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [{ x: x + i * 8, y }] });
  }
  await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await atRest(phone);
  await atRest(desk, await strokesOn(phone));
  assert.deepEqual(await colorAt(desk, 310, 200), rgb(RED));
});

test('people with different windows see the same board', async (t) => {
  const server = await startServer(t);
  const client = await Client.open(server, { t });
  client.send(stroke(100, { startY: 100, endX: 600, endY: 100, color: RED, width: 20 }));
  client.send(stroke(360, { startY: 20, endX: 360, endY: 380, color: BLUE, width: 20 }));
  const windows = [
    { viewport: { width: 1600, height: 900 } },
    { viewport: { width: 360, height: 640 }, deviceScaleFactor: 3 },
    { viewport: { width: 800, height: 500 }, deviceScaleFactor: 1.5 },
  ];
  for (const options of windows) {
    const page = await board(t, server, null, options);
    await atRest(page, 2);
    assert.deepEqual(await colorAt(page, 200, 100), rgb(RED));
    assert.deepEqual(await colorAt(page, 360, 300), rgb(BLUE));
    assert.deepEqual(await colorAt(page, 360, 100), rgb(BLUE));
    assert.notDeepEqual(await colorAt(page, 200, 200), rgb(RED));
  }
});

test('strokes of other clients are painted whatever they hold', async (t) => {
  const server = await startServer(t);
  const page = await board(t, server, null);
  const client = await Client.open(server, { t });
  const odd = [
    stroke(10, { color: 'rebeccapurple' }),
    stroke(20, { color: '#abc' }),
    stroke(30, { color: '#abcd' }),
    stroke(40, { color: '#11223344' }),
    stroke(50, { color: 'nosuchcolour' }),
    stroke(60, { width: 'wide' }),
    stroke(70, { width: -5 }),
    stroke(80, { width: 1e300 }),
    stroke(1e308, { endX: -1e308 }),
    stroke(90, { id: { not: 'a string' }, points: null }),
  ];
  for (const one of odd) client.send(one);
  client.send(stroke(100, { startY: 50, endX: 300, endY: 50, color: RED, width: 10 }));
  await atRest(page, odd.length + 1);
  assert.deepEqual(await colorAt(page, 200, 50), rgb(RED));
  await page.reload();
  await atRest(page, odd.length + 1);
  assert.deepEqual(await colorAt(page, 200, 50), rgb(RED));
});

test('the eraser, the palette and the width do what they say', async (t) => {
  const server = await startServer(t);
  const page = await board(t, server, null);
  const paper = await colorAt(page, 300, 200);
  await useColor(page, RED);
  await draw(page, [[100, 200], [500, 200]]);
  await atRest(page);
  assert.deepEqual(await colorAt(page, 300, 200), rgb(RED));
  await page.click('#dock [data-tool=eraser]');
  await draw(page, [[300, 150], [300, 250]]);
  await atRest(page);
  await page.waitForFunction(() => document.querySelector('canvas#board').dataset.working === 'false');
  assert.deepEqual(await colorAt(page, 300, 200), paper);
  await page.click('#dock [data-tool=pen]');
  await page.locator('#width').fill('40');
  await draw(page, [[100, 300], [500, 300]]);
  await atRest(page);
  assert.deepEqual(await colorAt(page, 300, 315), rgb(RED));
});

test('the picture can be saved as a PNG', async (t) => {
  const server = await startServer(t);
  const page = await board(t, server, null);
  await draw(page, [[100, 100], [300, 300]]);
  await atRest(page);
  await page.click('#export');
  const download = page.waitForEvent('download');
  await page.click('#export-save');
  const stream = await (await download).createReadStream();
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const png = Buffer.concat(chunks);
  assert.equal(png.subarray(1, 4).toString(), 'PNG');
  assert.ok(png.readUInt32BE(16) > 0 && png.readUInt32BE(20) > 0);
});

test('a hundred thousand strokes open, and the page answers meanwhile', async (t) => {
  const server = await startServer(t);
  const client = await Client.open(server, { t });
  const total = 100_000;
  for (let i = 0; i < total; i++) {
    const [x, y] = [i % 700, (i * 7) % 390];
    client.send(stroke(x, { startY: y, endX: x + 9, endY: y + 5, color: i % 2 ? RED : BLUE }));
    if (i % 5000 === 4999) {
      await client.fence(60_000);
      client.inbox = [];
    }
  }
  const page = await board(t, server, null);
  await atRest(page, total);
  await draw(page, [[100, 100], [200, 200]]);
  await page.waitForFunction((n) => Number(document.querySelector('canvas#board').dataset.strokes) > n, total);
});
