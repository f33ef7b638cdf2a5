// The pages around a call: the list of rooms, getting ready, devices that are not there, invitations and
// dead ends; how they look to everybody.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client } from '../e2e/lib/client.mjs';
import { file, startServer } from '../e2e/lib/server.mjs';
import { connected, focusOn, person, visit } from './lib/browser.mjs';
import {
  allSeeEachOther, assertNoViolations, caller, cookieOf, createRoom, enter, isGone, join, keepConnections, launchWithDevices, leave, phaseIs, prejoin,
  refuseDevices, seesPlaying, smallPictures, tileOf,
} from './lib/calls.mjs';

const browser = await launchWithDevices(file);
const shared = await startServer(file);
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const SMALL = { viewport: { width: 800, height: 600 } };

const one = (t, server, username, more = {}) => caller(t, browser, server, username, { ...SMALL, init: [smallPictures, keepConnections], ...more });
const guest = (t, more = {}) => person(t, browser, shared, { ...SMALL, ...more });

async function lobby(context) {
  const page = await visit(context, '/video-call');
  await page.locator('#lobby[data-state="ready"]').waitFor();
  await connected(page);
  return page;
}

const card = (page, id) => page.locator(`#rooms li[data-call-id="${id}"]`);

// ── the list of rooms ──

test('a room is named, listed for everybody, and shows who is in it', async (t) => {
  const [ada, bob] = [await lobby(await one(t, shared, 'ada')), await lobby(await one(t, shared, 'bob'))];
  await ada.fill('#room-name-input', '  <b>Tea & cake</b> at 5  ');
  await ada.click('#create');
  await phaseIs(ada, 'prejoin');
  const id = new URL(ada.url()).pathname.split('/').pop();
  assert.match(id, /^[0-9a-f]{24}$/);
  await ada.waitForFunction(() => document.querySelector('#room-name').textContent === '<b>Tea & cake</b> at 5');
  assert.match(await ada.title(), /^<b>Tea & cake<\/b> at 5 · Parlor$/);
  await card(bob, id).and(bob.locator('[data-people="0"]')).waitFor();
  assert.equal(await card(bob, id).locator('strong').textContent(), '<b>Tea & cake</b> at 5');
  await join(ada);
  await card(bob, id).and(bob.locator('[data-people="1"]')).waitFor();
  assert.equal(await card(bob, id).locator('.room-card__who').textContent(), 'ada');
  await card(bob, id).locator('a').click();
  await phaseIs(bob, 'prejoin');
  await bob.locator('#prejoin-who', { hasText: 'ada is here.' }).waitFor();
  await join(bob);
  await allSeeEachOther({ ada, bob });
  await leave(ada);
  await ada.goto('/video-call');
  await card(ada, id).and(ada.locator('[data-people="1"]')).waitFor();
  await leave(bob);
  await card(ada, id).and(ada.locator('[data-people="0"]')).waitFor();
});

test('a name that cannot be is refused in words, and nothing is lost', async (t) => {
  const page = await lobby(await one(t, shared, 'ada'));
  for (const [name, words] of [['   ', /give the room a name/], ['x'.repeat(101), /at most 100 characters; this one has 101/]]) {
    await page.fill('#room-name-input', name);
    await page.click('#create');
    await page.waitForFunction(() => document.querySelector('#create-error').textContent !== '');
    assert.match(await page.locator('#create-error').textContent(), words);
    assert.equal(await page.locator('#room-name-input').inputValue(), name);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'room-name-input');
    assert.equal(new URL(page.url()).pathname, '/video-call');
  }
  await page.fill('#room-name-input', '😀'.repeat(100)); // code points, not units
  assert.equal(await page.locator('#create-error').textContent(), '');
  await page.click('#create');
  await phaseIs(page, 'prejoin');
});

test('many rooms can be searched by name and by person', async (t) => {
  const server = await startServer(t);
  const ids = [];
  for (let i = 0; i < 9; i++) ids.push(await createRoom(server, 'ada', `room ${i}`));
  const page = await lobby(await one(t, server, 'ada'));
  await page.waitForFunction(() => document.querySelectorAll('#rooms li').length === 9);
  assert.equal(await page.locator('#rooms-count').textContent(), '9 rooms');
  const bob = await enter(await one(t, server, 'bob'), ids[3]);
  await card(page, ids[3]).and(page.locator('[data-people="1"]')).waitFor();
  assert.equal(await page.locator('#rooms li').first().getAttribute('data-call-id'), ids[3], 'where somebody is comes first');
  for (const [wish, wanted] of [['ROOM 7', [ids[7]]], ['bob', [ids[3]]], ['nothing', []]]) {
    await page.fill('#rooms-filter', wish);
    await page.waitForFunction((all) => {
      const shown = [...document.querySelectorAll('#rooms li')].map((item) => item.dataset.callId);
      return JSON.stringify(shown) === JSON.stringify(all);
    }, wanted);
  }
  await page.locator('#rooms-none').waitFor();
  await bob.close();
});

test('without a room there is an explanation, and a guest is invited to log in', async (t) => {
  const server = await startServer(t);
  await (await lobby(await one(t, server, 'ada'))).locator('#rooms-empty').waitFor();
  const page = await visit(await guest(t), '/video-call');
  await page.locator('#guest').waitFor();
  assert.equal(await page.locator('#create-form').isVisible(), false);
  assert.equal(await page.locator('#guest-login').getAttribute('href'), '/login?next=%2Fvideo-call');
});

// ── dead ends and invitations ──

test('a guest comes to the room after logging in', async (t) => {
  const id = await createRoom(shared, 'ada', 'invited');
  const page = await visit(await guest(t), `/video-call/${id}`);
  await page.locator('#notice[data-kind="guest"]').waitFor();
  await page.locator('#notice-actions a', { hasText: 'Log in' }).click();
  await page.fill('#login-form input[name=username]', 'ada');
  await page.fill('#login-form input[name=password]', 'correct horse battery');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/video-call/${id}`);
  await phaseIs(page, 'prejoin');
  await page.locator('#room-name', { hasText: 'invited' }).waitFor();
});

test('a room that is not there says so and shows a way back', async (t) => {
  const context = await one(t, shared, 'ada');
  for (const id of ['0123456789abcdef01234567', 'ffffffffffffffffffffffff']) {
    const page = await visit(context, `/video-call/${id}`);
    await page.locator('#notice[data-kind="unknown"]').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), 'notice-title');
    await page.locator('#notice-actions a').click();
    await page.waitForURL('**/video-call');
    await page.close();
  }
});

// ── getting ready ──

test('one sees oneself, hears a level, and joins as one wants; the choice is remembered', async (t) => {
  const context = await one(t, shared, 'ada', { init: [keepConnections] });
  const id = await createRoom(shared, 'ada', 'ready');
  let page = await prejoin(context, id);
  await page.locator('#preview-box[data-video="on"]').waitFor();
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector('#preview')).transform), 'matrix(-1, 0, 0, 1, 0, 0)');
  await page.mouse.click(5, 300); // sound needs a sign of life from the user
  await page.waitForFunction(() => Number(document.querySelector('#level').dataset.level) > 20);
  const cameras = page.locator('#camera-select option');
  assert.ok(await cameras.count() >= 2);
  const second = (await cameras.evaluateAll((options) => options.map((option) => option.value))).at(-1);
  await page.selectOption('#camera-select', second);
  await page.waitForFunction((wanted) => document.querySelector('#preview').srcObject?.getVideoTracks()[0]?.getSettings().deviceId === wanted, second);
  await page.click('#pre-microphone');
  await page.click('#pre-camera');
  await page.locator('#pre-microphone[data-on="false"]').waitFor();
  await page.locator('#preview-box[data-video="off"]').waitFor();
  assert.match(await page.locator('#join-note').textContent(), /neither see nor hear/);
  await join(page);
  await tileOf(page, 'ada').and(page.locator('[data-microphone="off"][data-camera="off"][data-video="off"]')).waitFor();
  await page.close();

  page = await prejoin(context, id);
  await page.locator('#pre-microphone[data-on="false"]').waitFor();
  await page.locator('#pre-camera[data-on="false"]').waitFor();
  await page.click('#pre-camera');
  await page.locator('#preview-box[data-video="on"]').waitFor();
  assert.equal(await page.evaluate(() => document.querySelector('#preview').srcObject.getVideoTracks()[0].getSettings().deviceId), second);
  await page.keyboard.press('v'); // the keys work here, too
  await page.locator('#pre-camera[data-on="false"]').waitFor();
});

test('without a device one sees and hears the others, and is a tile with initials', async (t) => {
  const poor = await launchWithDevices(t, { devices: 0 });
  const id = await createRoom(shared, 'ada', 'poor');
  const ada = await enter(await one(t, shared, 'ada'), id);
  const context = await caller(t, poor, shared, 'bob', { viewport: { width: 800, height: 600 } });
  const bob = await prejoin(context, id);
  await bob.locator('#problems[data-reason="microphone:missing camera:missing"]').waitFor();
  assert.match(await bob.locator('#problems').textContent(), /No camera and no microphone were found/);
  await join(bob);
  await seesPlaying(bob, ['ada']);
  const tile = tileOf(ada, 'bob');
  await tile.and(ada.locator('[data-state="connected"][data-video="off"][data-camera="off"][data-microphone="off"]')).waitFor();
  assert.equal(await tile.locator('.avatar').textContent(), 'B');
});

test('who refuses reads why nothing comes, and joins all the same', async (t) => {
  const id = await createRoom(shared, 'ada', 'refused');
  const ada = await enter(await one(t, shared, 'ada'), id);
  const bob = await prejoin(await one(t, shared, 'bob', { init: [refuseDevices, keepConnections] }), id);
  await bob.locator('#problems[data-reason="microphone:refused camera:refused"]').waitFor();
  assert.match(await bob.locator('#problems').textContent(), /Allow them beside the address/);
  await bob.locator('#try-again').waitFor();
  await join(bob);
  await seesPlaying(bob, ['ada']);
  await tileOf(ada, 'bob').and(ada.locator('[data-state="connected"][data-video="off"]')).waitFor();
  await bob.click('#camera');
  await bob.locator('.toast--error', { hasText: 'may not use your camera' }).waitFor();
});

test('a page that is not secure says so, and joins all the same', async (t) => {
  const name = 'parlor.test';
  const mapped = await launchWithDevices(t, { args: [`--host-resolver-rules=MAP ${name} 127.0.0.1`] });
  const server = { url: `http://${name}:${shared.port}`, authority: `${name}:${shared.port}` };
  const id = await createRoom(shared, 'ada', 'insecure');
  const ada = await enter(await one(t, shared, 'ada'), id);
  const context = await caller(t, mapped, { ...server, host: shared.host, port: shared.port }, 'ivy', { viewport: { width: 800, height: 600 } });
  const ivy = await prejoin(context, id);
  assert.equal(await ivy.evaluate(() => window.isSecureContext), false);
  await ivy.locator('#problems[data-reason="microphone:insecure camera:insecure"]').waitFor();
  assert.match(await ivy.locator('#problems').textContent(), /not secure/);
  await join(ivy);
  await seesPlaying(ivy, ['ada']);
  await tileOf(ada, 'ivy').and(ada.locator('[data-state="connected"]')).waitFor();
});

// ── how it looks ──

for (const colorScheme of ['light', 'dark']) {
  test(`no violations in ${colorScheme}: the list, getting ready, the room, its panels and dialogs`, async (t) => {
    const id = await createRoom(shared, 'ada', 'seen by axe');
    const context = await one(t, shared, 'ada', { viewport: { width: 1280, height: 800 }, colorScheme });
    const list = await lobby(context);
    await card(list, id).waitFor();
    await assertNoViolations(list, 'the list');
    await list.close();
    const ada = await prejoin(context, id);
    await ada.locator('#preview-box[data-video="on"]').waitFor();
    await assertNoViolations(ada, 'getting ready');
    await ada.click('#pre-camera');
    await assertNoViolations(ada, 'getting ready without a camera');
    await join(ada);
    await assertNoViolations(ada, 'alone');
    const bob = await enter(await one(t, shared, 'bob', { ...PHONE, colorScheme }), id);
    await seesPlaying(ada, ['bob']);
    await bob.click('#hand');
    await ada.locator('.tile__hand:not([hidden])').waitFor();
    await ada.click('#microphone');
    await assertNoViolations(ada, 'two people');
    await assertNoViolations(bob, 'two people on a phone');
    await ada.click('#people-button');
    await assertNoViolations(ada, 'the people');
    await ada.click('#chat-button');
    await ada.fill('#talk-text', 'see https://example.org/');
    await ada.keyboard.press('Enter');
    await ada.locator('#talk li').waitFor();
    await assertNoViolations(ada, 'the chat');
    await bob.click('#more-button');
    await assertNoViolations(bob, 'the menu');
    await bob.click('#menu-settings');
    await assertNoViolations(bob, 'the settings');
    await bob.keyboard.press('Escape');
    await ada.click('#more-button');
    await ada.click('#menu-keys');
    await assertNoViolations(ada, 'the keys');
    await ada.keyboard.press('Escape');
    await ada.click('#leave');
    await assertNoViolations(ada, 'after leaving');
  });
}

test('no violations for guests and in a room that is not there', async (t) => {
  const context = await guest(t);
  for (const path of ['/video-call', '/video-call/0123456789abcdef01234567']) {
    const page = await visit(context, path);
    await page.locator('#account a').first().waitFor();
    await assertNoViolations(page, path);
  }
  const page = await visit(await one(t, shared, 'ada'), '/video-call/0123456789abcdef01234567');
  await page.locator('#notice[data-kind="unknown"]').waitFor();
  await assertNoViolations(page, 'unknown');
});

// Everything that can be pressed lies inside the window, and nothing scrolls sideways.
const isInside = (page, selector) => page.evaluate((css) => [...document.querySelectorAll(css)].every((node) => {
  if (!node.offsetParent) return true;
  const { left, right, top, bottom } = node.getBoundingClientRect();
  return left >= -0.5 && top >= -0.5 && right <= innerWidth + 0.5 && bottom <= innerHeight + 0.5;
}), selector);

test('1 to 9 people fit without scrolling in windows of all sizes, with and without a screen', async (t) => {
  const id = await createRoom(shared, 'ada', 'fits');
  const page = await enter(await one(t, shared, 'ada'), id);
  for (const [width, height] of [[1280, 800], [800, 600], [390, 844], [320, 568], [844, 390], [2000, 700]]) {
    await page.setViewportSize({ width, height });
    for (let people = 1; people <= 9; people++) {
      for (const hasScreen of [false, true]) {
        const fits = await page.evaluate(async ([count, screen]) => {
          const { focus, grid } = await import('/public/js/call/layout.js');
          const { clientWidth: w, clientHeight: h } = document.querySelector('#tiles');
          const places = screen ? focus(count + 1, w, h) : grid(count, w, h);
          const inside = places.every((p) => p.x >= -0.5 && p.y >= -0.5 && p.x + p.width <= w + 0.5 && p.y + p.height <= h + 0.5);
          const apart = places.every((a, i) => places.every((b, j) => i >= j
            || a.x + a.width <= b.x + 0.5 || b.x + b.width <= a.x + 0.5 || a.y + a.height <= b.y + 0.5 || b.y + b.height <= a.y + 0.5));
          return inside && apart && places.length === count + Number(screen) && places.every((p) => p.width > 40 && p.height > 30);
        }, [people, hasScreen]);
        assert.ok(fits, `${people} people${hasScreen ? ' and a screen' : ''} in ${width} x ${height}`);
      }
    }
    await page.waitForFunction(() => document.querySelector('.tile').getBoundingClientRect().right <= innerWidth);
    assert.ok(await isInside(page, '.bar button, .bar summary, .call__head a, .call__head button, .tile'), `the buttons in ${width} x ${height}`);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight));
  }
});

test('nothing scrolls sideways at 320 pixels', async (t) => {
  const id = await createRoom(shared, 'ada', 'A room with a name that is a good deal longer than the window of a small phone is wide');
  const context = await one(t, shared, 'WWWWWWWWWW.WWWWWWWWWW.WWWWWWWWWW', { viewport: { width: 320, height: 568 } });
  const list = await lobby(context);
  await card(list, id).waitFor();
  const page = await prejoin(context, id);
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(await list.evaluate(() => document.documentElement.scrollWidth) <= 320, 'the list');
  assert.ok(await wide() <= 320, 'getting ready');
  await join(page);
  for (const open of ['#chat-button', '#more-button']) {
    await page.click(open);
    assert.ok(await wide() <= 320, open);
    assert.ok(await isInside(page, '.bar button, .bar summary, .side, .side button, .call__head *'), open);
    await page.click(open);
  }
  await leave(page);
  assert.ok(await wide() <= 320, 'after leaving');
});

// Somebody of whom only the name matters here.
async function inRoom(t, username, callId) {
  const client = await Client.open(shared, { t, cookie: await cookieOf(shared, username), protocol: 'parlor.v1' });
  client.send({ messageType: 'join_call', callId });
  await client.next('existing_participants');
  return client;
}

const W = (letter) => letter.repeat(32);

test('the longest names of those who are there widen nothing', async (t) => {
  const id = await createRoom(shared, 'ada', 'wide names');
  const others = [];
  for (const letter of ['M', 'W', 'Q']) others.push(await inRoom(t, W(letter), id));
  const page = await prejoin(await one(t, shared, 'ada', { viewport: { width: 320, height: 568 } }), id);
  const tooWide = (selector) => page.locator(selector).evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
  await page.locator('#prejoin-who', { hasText: 'are here' }).waitFor();
  assert.equal(await tooWide('#prejoin'), 0);
  await join(page);
  await page.click('#chat-button');
  others[0].send({ messageType: 'call_message', text: 'W'.repeat(300) });
  await page.locator('#talk li').waitFor();
  assert.equal(await tooWide('#talk-body'), 0);
});

test('what is said of a connection is on the face, not behind the name, in windows of all sizes', async (t) => {
  const id = await createRoom(shared, 'ada', 'low tiles');
  const names = ['M', 'W', 'Q'].map(W);
  for (const name of names) await inRoom(t, name, id); // never answers: "Connecting..."
  const page = await enter(await one(t, shared, 'ada'), id);
  for (const name of names) await tileOf(page, name).locator('.tile__state', { hasText: 'Connecting' }).waitFor();
  for (const [width, height] of [[1280, 800], [640, 400], [844, 390], [390, 844]]) {
    await page.setViewportSize({ width, height });
    await page.waitForFunction(() => document.querySelector('.tile:last-child').getBoundingClientRect().bottom <= innerHeight);
    const behind = await page.evaluate(() => [...document.querySelectorAll('.tile:not([data-small=true])')]
      .filter((tile) => tile.querySelector('.tile__state').checkVisibility())
      .filter((tile) => tile.querySelector('.tile__state').getBoundingClientRect().bottom > tile.querySelector('.tile__label').getBoundingClientRect().top + 0.5)
      .map(({ dataset, clientWidth, clientHeight }) => `${dataset.username[0]}: ${clientWidth} x ${clientHeight}`));
    assert.deepEqual(behind, [], `${width} x ${height}`);
  }
});

test('a call from the longest name to the longest room leaves the buttons of the present call in reach', async (t) => {
  const [here, there] = [await createRoom(shared, 'ada', 'here'), await createRoom(shared, 'ada', 'W'.repeat(100))];
  const page = await enter(await one(t, shared, 'ada', { ...PHONE, viewport: { width: 844, height: 390 } }), here);
  const ringer = await inRoom(t, W('M'), there);
  ringer.send({ messageType: 'ring', targetUser: 'ada', callId: there });
  const card = page.locator('[data-testid=incoming-call]');
  await card.waitFor();
  assert.ok(await isInside(page, '.ringing, .ringing button'));
  await page.click('#leave', { trial: true });
  await page.click('#microphone', { trial: true });
  await page.setViewportSize({ width: 320, height: 568 });
  assert.ok(await isInside(page, '.ringing, .ringing button'));
  await page.click('#leave', { trial: true });
});

test('with text twice as large every button of a call and of the page before it is in reach, and the pictures have room', async (t) => {
  const id = await createRoom(shared, 'ada', 'large');
  for (const [width, height] of [[390, 844], [320, 568], [844, 390], [768, 1024], [1280, 800]]) {
    const page = await prejoin(await one(t, shared, 'ada', { viewport: { width, height }, hasTouch: width < 1000, isMobile: width < 1000 }), id);
    await page.evaluate(() => { document.documentElement.style.fontSize = '32px'; });
    const outside = (css) => page.evaluate((selector) => [...document.querySelectorAll(selector)].filter((node) => node.checkVisibility())
      .filter((node) => { const { left, right, top, bottom } = node.getBoundingClientRect(); return left < 0 || right > innerWidth || top < 0 || bottom > innerHeight; })
      .map((node) => node.id || node.className), css);
    assert.deepEqual(await outside('.topbar :is(a, summary), .call__head :is(a, button), #join'), [], `${width} x ${height}`);
    await join(page);
    assert.deepEqual(await outside('.bar button, .bar > * > summary, #more-button, .call__head :is(a, button)'), [], `${width} x ${height}`);
    for (const button of ['#microphone', '#camera', '#leave']) await page.click(button, { trial: true });
    await page.click('#more-button');
    assert.deepEqual(await outside('.bar__menu'), [], `${width} x ${height}`);
    const part = await page.evaluate(() => document.querySelector('#tiles').clientHeight / innerHeight);
    assert.ok(part >= 0.4, `${Math.round(part * 100)} % of ${width} x ${height}`);
    await page.close();
  }
});

// ── the focus ──

const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.tagName);

test('the focus is somewhere when what had it goes away: the question alone, a tile, an incoming call', async (t) => {
  const [id, other] = [await createRoom(shared, 'ada', 'focus'), await createRoom(shared, 'ada', 'elsewhere')];
  const page = await enter(await one(t, shared, 'ada'), id);
  await focusOn(page, '#alone-copy');
  const bob = await inRoom(t, 'bob', id);
  await page.locator('#alone').waitFor({ state: 'hidden' });
  assert.equal(await focused(page), 'tiles');
  await focusOn(page, tileOf(page, 'bob').locator('.tile__tool').first());
  bob.send({ messageType: 'leave_call' });
  await isGone(page, 'bob');
  assert.equal(await focused(page), 'tiles');
  await focusOn(page, '#hand');
  bob.send({ messageType: 'join_call', callId: other });
  bob.send({ messageType: 'ring', targetUser: 'ada', callId: other });
  await focusOn(page, '[data-answer=decline]');
  await page.keyboard.press('Enter');
  await page.locator('[data-testid=incoming-call]').waitFor({ state: 'detached' });
  assert.equal(await focused(page), 'hand');
  await focusOn(page, '#leave');
  await page.keyboard.press('Enter');
  await focusOn(page, '#join-again');
  await page.keyboard.press('Enter');
  await phaseIs(page, 'prejoin');
  assert.equal(await focused(page), 'join');
});

test('a button that asks for the camera again hands the focus on once there is one', async (t) => {
  const id = await createRoom(shared, 'ada', 'asks again');
  const page = await prejoin(await one(t, shared, 'ada', { init: [smallPictures, () => {
    const media = navigator.mediaDevices;
    if (!media) return;
    const real = media.getUserMedia.bind(media);
    media.getUserMedia = async (wish) => {
      if (!window.allowed) throw new DOMException('Permission denied', 'NotAllowedError');
      return real(wish);
    };
  }] }), id);
  await focusOn(page, '#try-again');
  await page.evaluate(() => { window.allowed = true; });
  await page.keyboard.press('Enter');
  await page.locator('#try-again').waitFor({ state: 'detached' });
  assert.equal(await focused(page), 'join');
});

test('a panel that covers the tiles keeps the Tab key out of them, and does not outlive the call', async (t) => {
  const id = await createRoom(shared, 'ada', 'covered');
  const page = await enter(await one(t, shared, 'ada', PHONE), id);
  const reaches = async () => {
    const ids = [];
    await focusOn(page, '#copy-link');
    for (let i = 0; i < 60 && ids.at(-1) !== 'microphone'; i++) {
      await page.keyboard.press('Tab');
      ids.push(await focused(page));
    }
    assert.equal(ids.at(-1), 'microphone');
    return ids;
  };
  assert.ok((await reaches()).includes('alone-copy'));
  await page.click('#chat-button');
  assert.ok(!(await reaches()).includes('alone-copy'));
  await leave(page);
  await page.click('#join-again');
  await phaseIs(page, 'prejoin');
  await join(page);
  assert.equal(await page.getAttribute('#chat-button', 'aria-expanded'), 'false');
  assert.ok((await reaches()).includes('alone-copy'));
});

test('the button that joins stays in view, and does not lie over what has the focus', async (t) => {
  const id = await createRoom(shared, 'ada', 'sticks');
  const page = await prejoin(await one(t, shared, 'ada', { viewport: { width: 640, height: 400 } }), id);
  await page.locator('#speaker-select').waitFor();
  await focusOn(page, '#pre-camera');
  for (const name of ['camera-select', 'microphone-select', 'speaker-select']) {
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), name);
    const over = await page.evaluate(() => {
      const { left, right, bottom } = document.activeElement.getBoundingClientRect();
      return document.elementFromPoint((left + right) / 2, bottom - 2)?.id;
    });
    assert.equal(over, name);
  }
});
