// Clients that are as simple as they come, in the base dialect, with our page: they know nothing of perfect
// negotiation, of media states or of screens.

import assert from 'node:assert/strict';
import test from 'node:test';
import { file, startServer } from '../e2e/lib/server.mjs';
import {
  artificialScreen, caller, createRoom, enter, isGone, join, keepAndDelaySending, keepConnections,
  launchWithDevices, leave, phaseIs, seesPlaying, simple, simpleSees, smallPictures,
} from './lib/calls.mjs';

const browser = await launchWithDevices(file);
const server = await startServer(file);
const INIT = [smallPictures, keepConnections, keepAndDelaySending, artificialScreen];
const ROUNDS = 2;

const one = (t, username) => caller(t, browser, server, username, { viewport: { width: 800, height: 600 }, init: INIT });

for (const how of ['gives way', 'stubborn', 'starts over', 'answers only']) {
  test(`a simple client that ${how} is connected, whoever comes first`, async (t) => {
    const id = await createRoom(server, 'ada', how);
    const context = await one(t, 'simon');
    const page = await enter(await one(t, 'ada'), id);
    for (let round = 0; round < ROUNDS; round++) {
      // It comes to us.
      const guest = await simple(context, id, how);
      await Promise.all([seesPlaying(page, ['simon']), simpleSees(guest, 1)]);
      // We come to it.
      await leave(page);
      await guest.waitForFunction(() => Object.keys(window.simple.peers).length === 0);
      await page.click('#join-again');
      await phaseIs(page, 'prejoin');
      await join(page);
      await Promise.all([seesPlaying(page, ['simon']), simpleSees(guest, 1)]);
      const types = await guest.evaluate(() => [...window.simple.types]);
      assert.ok(!types.includes('media_state') && !types.includes('hello'), 'it speaks the base dialect');
      await guest.close();
      await isGone(page, 'simon');
    }
  });
}

test('a screen reaches a simple client in place of the camera, without a word', async (t) => {
  const id = await createRoom(server, 'ada', 'screens');
  const page = await enter(await one(t, 'ada'), id);
  const guest = await simple(await one(t, 'simon'), id, 'gives way');
  await Promise.all([seesPlaying(page, ['simon']), simpleSees(guest, 1)]);
  const width = (wanted) => guest.waitForFunction((w) => Object.values(window.simple.videos)[0].videoWidth === w, wanted);
  await width(320);
  const offers = await page.evaluate(() => window.sent.offer ?? 0);
  await page.click('#share');
  await width(640);
  await page.click('#share');
  await width(320);
  assert.equal(await page.evaluate(() => window.sent.offer ?? 0), offers);
});

test('a simple client among ours: three people, whoever comes when', async (t) => {
  const id = await createRoom(server, 'ada', 'mixed');
  const ada = await enter(await one(t, 'ada'), id);
  const guest = await simple(await one(t, 'simon'), id, 'gives way');
  await Promise.all([seesPlaying(ada, ['simon']), simpleSees(guest, 1)]);
  const bob = await enter(await one(t, 'bob'), id);
  await Promise.all([seesPlaying(ada, ['bob', 'simon']), seesPlaying(bob, ['ada', 'simon']), simpleSees(guest, 2)]);
  await leave(ada);
  await Promise.all([seesPlaying(bob, ['simon']), simpleSees(guest, 1)]);
});

test('a camera that is switched off is dark for a simple client, and comes back', async (t) => {
  const id = await createRoom(server, 'ada', 'dark');
  const ada = await enter(await one(t, 'ada'), id);
  const guest = await simple(await one(t, 'simon'), id, 'gives way');
  await Promise.all([seesPlaying(ada, ['simon']), simpleSees(guest, 1)]);
  const isDark = (wanted) => guest.waitForFunction((dark) => {
    const [video] = Object.values(window.simple.videos);
    const canvas = Object.assign(document.createElement('canvas'), { width: 8, height: 8 });
    const ctx = canvas.getContext('2d');
    ctx.drawImage(video, 0, 0, 8, 8);
    const { data } = ctx.getImageData(0, 0, 8, 8);
    return data.every((value, i) => i % 4 === 3 || value < 24) === dark;
  }, wanted);
  await isDark(false);
  await ada.click('#camera');
  await isDark(true);
  await ada.click('#camera');
  await isDark(false);
});
