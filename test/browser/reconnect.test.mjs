// The server is taken away under people who draw, and comes back: pages end in the right picture
// without a reload.

import assert from 'node:assert/strict';
import test from 'node:test';
import { file, startServer } from '../e2e/lib/server.mjs';
import { newUser } from '../e2e/lib/http.mjs';
import { Client, stroke } from '../e2e/lib/client.mjs';
import {
  atRest, colorAt, connected, draw, launch, peopleOn, person, picture, strokesOn, useColor, visit,
} from './lib/browser.mjs';

const browser = await launch(file);
const RED = '#e03131';
const BLUE = '#1971c2';
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

const disconnected = (page) =>
  page.waitForFunction(() => document.querySelector('[data-testid=connection-state]').dataset.state !== 'open');

async function boardOf(t, server, username) {
  const context = await person(t, browser, server, { outage: true, cookie: await newUser(server, username) });
  const page = await visit(context, '/drawing-board');
  await connected(page);
  // A reload would take this away.
  await page.evaluate(() => (window.neverReloaded = true));
  return page;
}

for (const how of ['kill -9', 'a clean stop']) {
  test(`after ${how} and a restart the pages are connected again, and right`, async (t) => {
    const server = await startServer(t);
    const [ada, bob] = [await boardOf(t, server, 'ada'), await boardOf(t, server, 'bob')];
    await useColor(ada, RED);
    await draw(ada, [[100, 100], [400, 100]]);
    await atRest(ada);
    const before = await strokesOn(ada);
    await atRest(bob, before);

    if (how === 'kill -9') await server.kill9();
    else await server.stop();
    for (const page of [ada, bob]) await disconnected(page);
    // What is drawn in the meantime waits for the server.
    await useColor(bob, BLUE);
    await draw(bob, [[100, 300], [400, 300]]);
    await bob.waitForFunction(() => Number(document.querySelector('#board-unsent').dataset.count) > 0);
    await server.startAgain();

    await atRest(bob);
    await bob.waitForFunction((n) => Number(document.querySelector('canvas#board').dataset.strokes) > n, before);
    await atRest(bob);
    const total = await strokesOn(bob);
    await atRest(ada, total);
    for (const page of [ada, bob]) {
      assert.deepEqual(await colorAt(page, 250, 100), rgb(RED));
      assert.deepEqual(await colorAt(page, 250, 300), rgb(BLUE));
      assert.equal(await page.evaluate(() => window.neverReloaded), true);
      await peopleOn(page, ['ada', 'bob']);
    }
    assert.equal(await picture(ada), await picture(bob));

    await draw(ada, [[200, 50], [200, 350]]);
    await ada.waitForFunction((n) => Number(document.querySelector('canvas#board').dataset.strokes) > n, total);
    await atRest(ada);
    await atRest(bob, await strokesOn(ada));
    assert.equal(await picture(ada), await picture(bob));
  });
}

test('what others drew while a page was cut off is there when it is back, and nothing twice', async (t) => {
  const server = await startServer(t);
  const page = await boardOf(t, server, 'ada');
  await draw(page, [[100, 100], [400, 100]]);
  await atRest(page);
  const before = await strokesOn(page);
  await server.kill9();
  await disconnected(page);
  await server.startAgain();
  const other = await Client.open(server, { t });
  for (let i = 0; i < 20; i++) other.send(stroke(i * 10, { color: BLUE }));
  await other.fence();
  await atRest(page, before + 20);
  const fresh = await visit(await person(t, browser, server), '/drawing-board');
  await atRest(fresh, before + 20);
  assert.equal(await picture(page), await picture(fresh));
});

test('a kill in the middle of a line loses nothing that was seen, and draws nothing twice', async (t) => {
  const server = await startServer(t);
  const [ada, bob] = [await boardOf(t, server, 'ada'), await boardOf(t, server, 'bob')];
  await useColor(ada, RED);
  const line = Array.from({ length: 30 }, (_, i) => [50 + i * 20, i % 2 ? 120 : 280]);
  const drawing = draw(ada, line);
  await bob.waitForFunction(() => Number(document.querySelector('canvas#board').dataset.strokes) > 20);
  await server.kill9();
  await drawing;
  await server.startAgain();
  await atRest(ada);
  await atRest(bob, await strokesOn(ada));
  assert.equal(await picture(ada), await picture(bob));
  const late = await Client.open(server, { t });
  const ids = late.strokes.map((each) => JSON.stringify(each));
  assert.equal(new Set(ids).size, ids.length, 'no stroke is stored twice');
  assert.equal(late.strokes.length, await strokesOn(ada));
  const end = line.at(-1);
  assert.deepEqual(await colorAt(bob, ...end), rgb(RED), 'the line ends where the hand ended');
});
