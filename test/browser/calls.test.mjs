// What people do in a call: marks, devices, screens, pins, keys, chat, ringing, and what the line may take.

import assert from 'node:assert/strict';
import test from 'node:test';
import { file, startServer } from '../e2e/lib/server.mjs';
import { Client } from '../e2e/lib/client.mjs';
import { connected, visit } from './lib/browser.mjs';
import {
  advances, allSeeEachOther, artificialScreen, caller, connectionsOf, cookieOf, createRoom, enter, fewPictures, isGone, join,
  keepAndDelaySending, keepConnections, launchWithDevices, leave, phaseIs, prejoin, seesPlaying, sentBy, smallPictures, tileOf,
} from './lib/calls.mjs';

const browser = await launchWithDevices(file);
const server = await startServer(file, { args: ['--ice-server', '{"urls":"stun:127.0.0.1:9"}'] });
const INIT = [smallPictures, keepConnections, keepAndDelaySending, artificialScreen];

const one = (t, username, more = {}) => caller(t, browser, server, username, { viewport: { width: 1000, height: 700 }, init: INIT, ...more });

async function call(t, names, more) {
  const id = await createRoom(server, names[0], 'a room');
  const pages = {};
  for (const name of names) pages[name] = await enter(await one(t, name, more), id);
  await allSeeEachOther(pages);
  return { id, ...pages, pages };
}

const has = (page, username, marks, kind) => tileOf(page, username, kind).and(page.locator(marks)).waitFor();
const negotiated = async (page) => [await sentBy(page, 'offer'), await sentBy(page, 'answer')];

test('two people see and hear each other, by name, and oneself in a mirror', async (t) => {
  const { ada, bob } = await call(t, ['ada', 'bob']);
  assert.equal(await tileOf(ada, 'bob').locator('.tile__name').textContent(), 'bob');
  assert.equal(await tileOf(ada, 'ada').locator('.tile__name').textContent(), 'You');
  const transform = (page, name) => tileOf(page, name).locator('video').evaluate((video) => getComputedStyle(video).transform);
  assert.equal(await transform(ada, 'ada'), 'matrix(-1, 0, 0, 1, 0, 0)');
  assert.equal(await transform(ada, 'bob'), 'none');
  // The artificial microphones beep.
  for (const [page, other] of [[ada, 'bob'], [bob, 'ada']]) {
    await has(page, other, '[data-speaking="true"]');
    assert.equal(await tileOf(page, other).locator('video').evaluate((video) => video.muted), false);
  }
  await has(ada, 'ada', '[data-speaking="true"]');
  assert.equal(await tileOf(ada, 'ada').locator('video').evaluate((video) => video.muted), true);
  assert.deepEqual(await ada.evaluate(() => window.connections[0].getConfiguration().iceServers.map(({ urls }) => [urls].flat())), [['stun:127.0.0.1:9']]);
  await ada.locator('.tile__quality[data-level]:not([hidden])').waitFor();
  assert.match(await ada.locator('.tile__quality:not([hidden])').getAttribute('aria-label'), /connection: \d+ ms/);
});

test('who speaks is marked even if the packets say that nobody does', async (t) => {
  // Chromium sends them like that now and then, and cannot be asked to.
  const silent = () => {
    const real = RTCRtpReceiver.prototype.getSynchronizationSources;
    RTCRtpReceiver.prototype.getSynchronizationSources = function sources() {
      return real.call(this).map(({ timestamp, source, rtpTimestamp }) => ({ timestamp, source, rtpTimestamp, audioLevel: 0 }));
    };
  };
  const { ada, bob } = await call(t, ['ada', 'bob'], { init: [...INIT, silent] });
  await has(ada, 'bob', '[data-speaking="true"]');
  await has(bob, 'ada', '[data-speaking="true"]');
  await ada.click('#microphone');
  await has(bob, 'ada', '[data-microphone="off"]');
  await has(bob, 'ada', '[data-speaking="false"]');
  await ada.click('#microphone');
  await has(bob, 'ada', '[data-speaking="true"]');
});

test('microphone, camera and hand: by button and by key, marked for everybody, without negotiating', async (t) => {
  const { ada, bob } = await call(t, ['ada', 'bob']);
  const before = await negotiated(ada);
  await ada.click('#microphone');
  await has(bob, 'ada', '[data-microphone="off"]');
  await tileOf(bob, 'ada').locator('[aria-label="microphone off"]').waitFor();
  await has(bob, 'ada', '[data-speaking="false"]');
  assert.equal(await ada.locator('#microphone').getAttribute('aria-label'), 'Unmute microphone');
  await ada.keyboard.press('m');
  await has(bob, 'ada', '[data-microphone="on"]');
  await ada.keyboard.press('v');
  await has(bob, 'ada', '[data-camera="off"][data-video="off"]');
  assert.equal(await tileOf(bob, 'ada').locator('.avatar').isVisible(), true);
  await ada.waitForFunction(() => window.connections[0].getSenders().every(({ track }) => track?.kind !== 'video'));
  await ada.keyboard.press('v');
  await has(bob, 'ada', '[data-camera="on"][data-video="on"]');
  await advances(bob, ['ada']);
  await ada.keyboard.press('h');
  await has(bob, 'ada', '[data-hand="true"]');
  await bob.locator('#call-say', { hasText: 'ada raised a hand' }).waitFor();
  await ada.click('#hand');
  await has(bob, 'ada', '[data-hand="false"]');
  assert.deepEqual(await negotiated(ada), before);
  // Many times in a row: what counts is the last wish.
  for (let i = 0; i < 7; i++) await ada.keyboard.press('v');
  await has(bob, 'ada', '[data-camera="off"][data-video="off"]');
  for (let i = 0; i < 9; i++) await ada.keyboard.press('v');
  await has(bob, 'ada', '[data-camera="on"][data-video="on"]');
  await seesPlaying(bob, ['ada']);
  // Single keys can be switched off, and are none while one writes.
  await ada.click('#chat-button');
  await ada.keyboard.type('mvh');
  assert.equal(await ada.locator('#talk-text').inputValue(), 'mvh');
  await ada.locator('[data-close="chat"]').click();
  await ada.keyboard.press('?');
  await ada.locator('#shortcuts').uncheck();
  await ada.keyboard.press('Escape');
  await ada.keyboard.press('h');
  await ada.click('#microphone');
  await has(bob, 'ada', '[data-microphone="off"][data-hand="false"][data-camera="on"]');
});

test('a camera that is still starting is taken back by a second press, and started by a third', async (t) => {
  const { ada, bob } = await call(t, ['ada', 'bob']);
  await ada.keyboard.press('v');
  await has(bob, 'ada', '[data-camera="off"][data-video="off"]');
  await ada.waitForFunction(() => window.connections[0].getSenders().every(({ track }) => track?.kind !== 'video'));
  await ada.evaluate(() => {
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    window.opened = 0;
    navigator.mediaDevices.getUserMedia = async (constraints) => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const stream = await open(constraints);
      window.opened += 1;
      return stream;
    };
  });
  await ada.keyboard.press('v');
  await ada.keyboard.press('v');
  await ada.waitForFunction(() => window.opened === 1);
  await new Promise((resolve) => setTimeout(resolve, 1000)); // whatever comes of it
  assert.equal(await ada.locator('#camera').getAttribute('aria-label'), 'Start camera');
  await has(bob, 'ada', '[data-camera="off"][data-video="off"]');
  await ada.keyboard.press('v');
  await has(bob, 'ada', '[data-camera="on"][data-video="on"]');
  await seesPlaying(bob, ['ada']);
});

test('a newcomer knows at once who is muted', async (t) => {
  const { id, ada } = await call(t, ['ada', 'bob']);
  await ada.click('#microphone');
  await ada.click('#camera');
  await ada.click('#hand');
  const cy = await enter(await one(t, 'cy'), id);
  await has(cy, 'ada', '[data-state="connected"][data-microphone="off"][data-camera="off"][data-hand="true"][data-video="off"]');
  await seesPlaying(ada, ['bob', 'cy']);
});

test('another camera and microphone in the middle of the call: nothing drops, nothing is negotiated', async (t) => {
  const { ada, bob } = await call(t, ['ada', 'bob']);
  const before = await negotiated(ada);
  await ada.click('#more-button');
  await ada.click('#menu-settings');
  for (const kind of ['camera', 'microphone']) {
    const select = ada.locator(`#${kind}-select`);
    const current = await select.inputValue();
    const other = (await select.locator('option').evaluateAll((options) => options.map(({ value }) => value))).at(-1);
    assert.notEqual(other, current);
    await select.selectOption(other);
    await ada.waitForFunction(([media, wanted]) => window.connections[0].getSenders().some(({ track }) => track?.kind === media && track.getSettings().deviceId === wanted),
      [kind === 'camera' ? 'video' : 'audio', other]);
    await advances(bob, ['ada']);
  }
  await ada.keyboard.press('Escape');
  await has(bob, 'ada', '[data-microphone="on"][data-speaking="true"]');
  assert.deepEqual(await negotiated(ada), before);
  assert.equal(await connectionsOf(ada), 1);
  // What was plugged in or out is noticed.
  await ada.evaluate(() => {
    const real = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
    navigator.mediaDevices.enumerateDevices = async () => [...await real(), { kind: 'videoinput', deviceId: 'new', label: 'A new camera', groupId: '' }];
    navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
  });
  await ada.locator('#camera-select option', { hasText: 'A new camera' }).waitFor({ state: 'attached' });
});

test('a camera that is unplugged is replaced by the next one', async (t) => {
  const { ada, bob } = await call(t, ['ada', 'bob']);
  await ada.evaluate(() => {
    const { track } = window.connections[0].getSenders().find((sender) => sender.track?.kind === 'video');
    window.unplugged = track;
    track.stop();
    track.dispatchEvent(new Event('ended'));
  });
  await ada.waitForFunction(() => {
    const track = window.connections[0].getSenders().find((sender) => sender.track?.kind === 'video')?.track;
    return track && track !== window.unplugged && track.readyState === 'live';
  });
  await has(bob, 'ada', '[data-camera="on"]');
  await advances(bob, ['ada']);
});

test('a screen beside the camera: large for the others, told to who comes later, gone when it stops', async (t) => {
  const { id, ada, bob } = await call(t, ['ada', 'bob']);
  await ada.click('#share');
  await ada.locator('#sharing').waitFor();
  await seesPlaying(bob, ['ada'], 'screen');
  await has(bob, 'ada', '[data-main="true"]', 'screen');
  await seesPlaying(bob, ['ada']);
  assert.equal(await tileOf(bob, 'ada', 'screen').locator('.tile__name').textContent(), 'ada’s screen');
  assert.equal(await tileOf(bob, 'ada', 'screen').locator('video').evaluate((video) => video.videoWidth), 640);
  const cy = await enter(await one(t, 'cy'), id);
  await seesPlaying(cy, ['ada'], 'screen');
  await seesPlaying(cy, ['ada', 'bob']);
  await ada.click('#sharing');
  for (const page of [bob, cy]) await isGone(page, 'ada', 'screen');
  await seesPlaying(bob, ['ada', 'cy']);
  // The second time there is nothing left to negotiate.
  const before = await negotiated(ada);
  await ada.click('#share');
  for (const page of [bob, cy]) await seesPlaying(page, ['ada'], 'screen');
  assert.deepEqual(await negotiated(ada), before);
  // The browser's own button ends it, too.
  await ada.evaluate(() => {
    const tracks = window.connections.flatMap((pc) => pc.getSenders()).map(({ track }) => track).filter((track) => track?.getSettings().width === 640);
    tracks[0].dispatchEvent(new Event('ended'));
  });
  for (const page of [bob, cy]) await isGone(page, 'ada', 'screen');
  await ada.locator('#share[data-on="false"]').waitFor();
  for (const page of [ada, bob, cy]) assert.equal(await connectionsOf(page), 2);
});

test('pinning makes somebody large, and full screen fills the window', async (t) => {
  const { ada } = await call(t, ['ada', 'bob', 'cy']);
  const width = (name) => tileOf(ada, name).evaluate((tile) => tile.getBoundingClientRect().width);
  await tileOf(ada, 'bob').hover();
  await tileOf(ada, 'bob').locator('[aria-label="Pin bob"]').click();
  await has(ada, 'bob', '[data-pinned="true"][data-main="true"]');
  assert.equal(await tileOf(ada, 'bob').locator('[aria-label="Pin bob"]').getAttribute('aria-pressed'), 'true');
  await ada.waitForFunction(() => document.querySelector('[data-username="bob"]').getBoundingClientRect().width > 2 * document.querySelector('[data-username="cy"]').getBoundingClientRect().width);
  await tileOf(ada, 'cy').dblclick();
  await has(ada, 'cy', '[data-main="true"]');
  await has(ada, 'bob', '[data-main="false"]');
  await tileOf(ada, 'cy').dblclick();
  await has(ada, 'cy', '[data-main="false"]');
  assert.equal(await width('bob'), await width('cy'));
  await ada.keyboard.press('f');
  await ada.waitForFunction(() => document.fullscreenElement?.id === 'call');
  await ada.keyboard.press('f');
  await ada.waitForFunction(() => document.fullscreenElement === null);
  await advances(ada, ['bob', 'cy']);
});

test('the more people, the less each of them sends', async (t) => {
  const id = await createRoom(server, 'ada', 'crowd');
  const pages = {};
  const budget = () => pages.ada.evaluate(() => window.connections.filter((pc) => pc.connectionState === 'connected').map((pc) => {
    const sender = pc.getSenders().find(({ track }) => track?.kind === 'video');
    const [encoding] = sender.getParameters().encodings;
    return { scale: encoding.scaleResolutionDownBy, bitrate: encoding.maxBitrate };
  }));
  const seen = [];
  for (const name of ['ada', 'bob', 'cy', 'dora']) {
    pages[name] = await enter(await one(t, name, { init: [fewPictures, keepConnections] }), id);
    if (name === 'ada') continue;
    const peers = Object.keys(pages).length - 1;
    await pages.ada.waitForFunction((count) => window.connections.filter((pc) => pc.connectionState === 'connected').length === count, peers);
    await pages.ada.waitForFunction(() => new Set(window.connections.map((pc) => pc.getSenders().find(({ track }) => track?.kind === 'video')?.getParameters().encodings[0]?.maxBitrate)).size === 1);
    seen.push((await budget())[0]);
  }
  assert.deepEqual(seen.map(({ scale }) => 720 / scale), [720, 540, 360]);
  assert.ok(seen[0].bitrate > seen[1].bitrate && seen[1].bitrate > seen[2].bitrate);
  await leave(pages.dora);
  await leave(pages.cy);
  await isGone(pages.ada, 'cy');
  await isGone(pages.ada, 'dora');
  await pages.ada.waitForFunction((bitrate) => window.connections.some((pc) => pc.connectionState === 'connected'
    && pc.getSenders().find(({ track }) => track?.kind === 'video').getParameters().encodings[0].maxBitrate === bitrate), seen[0].bitrate);
});

test('the chat of the call: for those in it, as it was written, with a number for what one has not read', async (t) => {
  const { id, ada, bob } = await call(t, ['ada', 'bob']);
  const text = '<img src=x onerror=alert(1)> & "so on"\nsecond line, https://example.org/?a=1&b=2';
  await ada.click('#chat-button');
  await ada.fill('#talk-text', text);
  await ada.keyboard.press('Enter');
  await ada.locator('#talk li[data-from="ada"] .talk__text').waitFor();
  await bob.locator('#chat-button .bar__badge', { hasText: '1' }).waitFor();
  await bob.locator('#call-say', { hasText: 'ada: <img src=x' }).waitFor();
  assert.match(await bob.title(), /^\(1\) a room/);
  await bob.keyboard.press('c');
  const item = bob.locator('#talk li[data-from="ada"] .talk__text');
  assert.equal(await item.textContent(), text);
  assert.equal(await item.locator('a').getAttribute('href'), 'https://example.org/?a=1&b=2');
  await bob.locator('#chat-button .bar__badge').waitFor({ state: 'hidden' });
  assert.match(await bob.title(), /^a room/);
  // Too long is said, and stays.
  await bob.fill('#talk-text', 'ä'.repeat(40000));
  await bob.click('#talk-send');
  await bob.locator('#talk-error', { hasText: 'too long' }).waitFor();
  assert.equal((await bob.locator('#talk-text').inputValue()).length, 40000);
  // Nothing is kept for who comes later.
  const cy = await enter(await one(t, 'cy'), id);
  await cy.click('#chat-button');
  assert.equal(await cy.locator('#talk li').count(), 0);
});

test('the link is copied', async (t) => {
  const { id, ada } = await call(t, ['ada', 'bob'], { permissions: ['clipboard-read', 'clipboard-write'] });
  await ada.click('#copy-link');
  await ada.locator('.toast--ok', { hasText: 'link is copied' }).waitFor();
  assert.equal(await ada.evaluate(() => navigator.clipboard.readText()), `${server.url}/video-call/${id}`);
});

// ── calling a person ──

async function ringable(t, callee = 'bob') {
  const id = await createRoom(server, 'ada', 'Tea');
  const other = await visit(await one(t, callee), '/video-call');
  await connected(other);
  const ada = await enter(await one(t, 'ada'), id);
  return { id, ada, other };
}

const incoming = (page, from = 'ada') => page.locator(`[data-testid=incoming-call][data-from="${from}"]`);

test('somebody is called, accepts, and comes', async (t) => {
  const { id, ada, other } = await ringable(t);
  await ada.click('#alone-ring');
  await ada.locator('#ringable li[data-username="bob"] [data-ring="ring"]').click();
  await ada.locator('#ringable li[data-username="bob"] [data-ring="cancel"]').waitFor();
  await incoming(other).waitFor();
  assert.match(await incoming(other).textContent(), /ada calls you to Tea/);
  await incoming(other).locator('[data-answer="accept"]').click();
  await ada.locator('.toast--ok', { hasText: 'bob is coming' }).waitFor();
  await phaseIs(other, 'prejoin');
  assert.equal(new URL(other.url()).pathname, `/video-call/${id}`);
  await join(other);
  await allSeeEachOther({ ada, bob: other });
  await ada.locator('#ringable li[data-username="bob"]').waitFor({ state: 'detached' });
});

test('a call is declined, or taken back', async (t) => {
  const { ada, other } = await ringable(t);
  await ada.click('#people-button');
  await ada.locator('#ringable [data-ring="ring"]').click();
  await incoming(other).locator('[data-answer="decline"]').click();
  await ada.locator('.toast', { hasText: 'bob cannot come now' }).waitFor();
  await incoming(other).waitFor({ state: 'detached' });
  await ada.locator('#ringable [data-ring="ring"]').click();
  await incoming(other).waitFor();
  await ada.locator('#ringable [data-ring="cancel"]').click();
  await incoming(other).waitFor({ state: 'detached' });
  await ada.locator('#ringable [data-ring="ring"]').waitFor();
});

test('whatever page somebody looks at, a call is seen there, and can be answered', async (t) => {
  const id = await createRoom(server, 'ada', 'Tea');
  const context = await one(t, 'bob');
  const ada = await enter(await one(t, 'ada'), id);
  await ada.click('#people-button');
  for (const path of ['/', '/drawing-board', '/chat', '/direct-messaging', '/test-websocket']) {
    const page = await visit(context, path);
    await connected(page);
    await ada.locator('#ringable li[data-username="bob"] [data-ring="ring"]').click();
    await incoming(page).waitFor();
    await ada.locator('#alone-title', { hasText: 'Calling bob…' }).waitFor();
    if (path === '/test-websocket') {
      await incoming(page).locator('[data-answer="accept"]').click();
      await phaseIs(page, 'prejoin');
      assert.equal(new URL(page.url()).pathname, `/video-call/${id}`);
    } else {
      await incoming(page).locator('[data-answer="decline"]').click();
      await ada.locator('#alone-title', { hasText: 'Nobody else is here yet' }).waitFor();
      await page.close();
    }
  }
});

test('?ring=NAME calls once joined, and only once', async (t) => {
  const id = await createRoom(server, 'ada', 'Tea');
  const other = await visit(await one(t, 'bob'), '/video-call');
  await connected(other);
  const ada = await prejoin(await one(t, 'ada'), id, '?ring=Bob');
  assert.equal(new URL(ada.url()).search, '');
  assert.equal(await ada.textContent('#join'), 'Join and call Bob');
  assert.equal(await incoming(other).count(), 0);
  await join(ada);
  await incoming(other).waitFor();
  await leave(ada);
  await incoming(other).waitFor({ state: 'detached' });
  await ada.click('#join-again');
  await phaseIs(ada, 'prejoin');
  assert.equal(await ada.textContent('#join'), 'Join now');
  await join(ada);
  assert.equal(await sentBy(ada, 'ring'), 1);
});

test('who cannot be reached is missed at once, and one reads why', async (t) => {
  const away = await Client.open(server, { t, cookie: await cookieOf(server, 'away') }); // base dialect: cannot be called
  const { ada } = await ringable(t);
  await ada.click('#people-button');
  await ada.locator('#ringable li[data-username="away"] [data-ring="ring"]').click();
  await ada.locator('.toast', { hasText: 'away does not answer' }).waitFor();
  away.destroy();
});
