// Everybody is connected, the first time and every time: people who join at the same moment, and offers
// that meet.

import assert from 'node:assert/strict';
import test from 'node:test';
import { file, startServer } from '../e2e/lib/server.mjs';
import {
  allSeeEachOther, artificialScreen, caller, connectionsOf, createRoom, isGone, isSettled, join, keepAndDelaySending,
  keepConnections, launchWithDevices, leave, phaseIs, prejoin, seesPlaying, sentBy, smallPictures,
} from './lib/calls.mjs';

const browser = await launchWithDevices(file);
const server = await startServer(file);
const NAMES = ['ada', 'bob', 'cy', 'dora'];
const VIEWPORT = { width: 800, height: 600 };
const INIT = [smallPictures, keepConnections, keepAndDelaySending, artificialScreen];

const one = (t, username, more = {}) => caller(t, browser, server, username, { viewport: VIEWPORT, init: INIT, ...more });
const everybody = (pages, act) => Promise.all(Object.values(pages).map(act));

async function waiting(t, count) {
  const id = await createRoom(server, 'ada', `a room for ${count}`);
  const pages = {};
  for (const name of NAMES.slice(0, count)) pages[name] = await prejoin(await one(t, name), id);
  return pages;
}

async function again(page) {
  await leave(page);
  await page.click('#join-again');
  await phaseIs(page, 'prejoin');
}

// Twenty rounds in all.
for (const [count, rounds] of [[2, 8], [3, 7], [4, 5]]) {
  test(`${count} people join at the same moment, ${rounds} times, and everybody sees everybody`, async (t) => {
    const pages = await waiting(t, count);
    for (let round = 1; round <= rounds; round++) {
      await everybody(pages, join);
      await allSeeEachOther(pages);
      for (const page of Object.values(pages)) {
        assert.equal(await connectionsOf(page), round * (count - 1), 'one connection per pair');
        assert.equal(await page.locator('#room-people').textContent(), `${count} people`);
      }
      if (round < rounds) await everybody(pages, again);
    }
  });
}

// Restarting ICE makes both ends offer; delays make the offers meet.
test('offers that meet, 15 times: the connection goes on, and stays the same', async (t) => {
  const pages = await waiting(t, 2);
  await everybody(pages, join);
  await allSeeEachOther(pages);
  await everybody(pages, (page) => page.evaluate(() => { window.sendDelay = 150; }));
  const ufrag = (page) => page.evaluate(() => /ice-ufrag:(\S+)/.exec(window.connections[0].localDescription.sdp)[1]);
  for (let round = 0; round < 15; round++) {
    const before = await Promise.all(Object.values(pages).map(ufrag));
    await everybody(pages, (page) => page.evaluate(() => window.connections[0].restartIce()));
    await Promise.all(Object.values(pages).map((page, i) => page.waitForFunction((old) => {
      const [pc] = window.connections;
      const [, now] = /ice-ufrag:(\S+)/.exec(pc.localDescription.sdp);
      return pc.signalingState === 'stable' && pc.connectionState === 'connected' && now !== old;
    }, before[i])));
  }
  await allSeeEachOther(pages);
  for (const page of Object.values(pages)) assert.equal(await connectionsOf(page), 1);
  const takenBack = await Promise.all(Object.values(pages).map((page) => page.evaluate(() => window.takenBack)));
  assert.ok(Math.max(...takenBack) > 0, 'they did meet');
  assert.equal(Math.min(...takenBack), 0, 'and it was always the same side that gave way');
});

test('candidates that come before the description that they belong to are kept for it', async (t) => {
  const pages = await waiting(t, 2);
  await everybody(pages, (page) => page.evaluate(() => { window.descriptionDelay = 400; }));
  await everybody(pages, join);
  await allSeeEachOther(pages);
  for (const page of Object.values(pages)) assert.equal(await connectionsOf(page), 1);
});

test('a screen that is shared while an offer is on its way is offered after it', async (t) => {
  const { ada, bob } = await waiting(t, 2);
  await join(bob);
  await ada.evaluate(() => { window.descriptionDelay = 3000; });
  await join(ada);
  await ada.waitForFunction(() => window.sent.offer === 1);
  await ada.click('#share');
  await ada.locator('#sharing').waitFor();
  await ada.evaluate(() => { window.descriptionDelay = 0; });
  await seesPlaying(bob, ['ada'], 'screen');
  await allSeeEachOther({ ada, bob });
  assert.equal(await connectionsOf(ada), 1);
});

test('two who begin to share at the same moment see each other\'s screen, every time', async (t) => {
  const pages = await waiting(t, 2);
  for (let round = 1; round <= 4; round++) {
    await everybody(pages, join);
    await allSeeEachOther(pages);
    await everybody(pages, (page) => page.evaluate(() => { window.sendDelay = 120; }));
    await everybody(pages, (page) => page.click('#share'));
    await Promise.all([seesPlaying(pages.ada, ['bob'], 'screen'), seesPlaying(pages.bob, ['ada'], 'screen')]);
    await everybody(pages, (page) => page.evaluate(() => { window.sendDelay = 0; }));
    await everybody(pages, isSettled);
    const offers = await Promise.all(Object.values(pages).map((page) => sentBy(page, 'offer')));
    await everybody(pages, (page) => page.click('#share'));
    await Promise.all([isGone(pages.ada, 'bob', 'screen'), isGone(pages.bob, 'ada', 'screen')]);
    await allSeeEachOther(pages);
    for (const page of Object.values(pages)) assert.equal(await connectionsOf(page), round);
    assert.deepEqual(await Promise.all(Object.values(pages).map((page) => sentBy(page, 'offer'))), offers, 'nobody goes on offering');
    await everybody(pages, again);
  }
});
