// A call while things go wrong: tabs that die, a server that is killed, a connection that blinks, strangers
// who send nonsense.

import assert from 'node:assert/strict';
import test from 'node:test';
import { file, startServer } from '../e2e/lib/server.mjs';
import { Client } from '../e2e/lib/client.mjs';
import { connected } from './lib/browser.mjs';
import {
  advances, allSeeEachOther, caller, connectionsOf, cookieOf, createRoom, enter, isGone, join, keepAndDelaySending,
  keepConnections, launchWithDevices, leave, phaseIs, seesPlaying, smallPictures, tileOf,
} from './lib/calls.mjs';

const browser = await launchWithDevices(file);
const shared = await startServer(file);
const INIT = [smallPictures, keepConnections, keepAndDelaySending];

const one = (t, server, username, more = {}) =>
  caller(t, browser, server, username, { viewport: { width: 800, height: 600 }, init: INIT, ...more });

async function call(t, server, names, more) {
  const id = await createRoom(server, names[0], 'a room');
  const pages = {};
  for (const name of names) pages[name] = await enter(await one(t, server, name, more), id);
  await allSeeEachOther(pages);
  return { id, ...pages, pages };
}

const disconnected = (page) =>
  page.waitForFunction(() => document.querySelector('[data-testid=connection-state]').dataset.state !== 'open');

// Marks the tile of somebody, so that another one in its place is noticed; and from here on counts the moments
// in which its picture was away.
const watchTile = (page, name) => tileOf(page, name).evaluate((tile) => {
  tile.isTheSame = true;
  window.gaps = 0;
  new MutationObserver(() => { if (tile.dataset.video !== 'on') window.gaps++; }).observe(tile, { attributes: true });
});
const isTheSame = async (page, name) => {
  assert.equal(await tileOf(page, name).evaluate((tile) => tile.isTheSame === true), true, `the tile of ${name} is the one it was`);
  assert.equal(await page.evaluate(() => window.gaps), 0, `the picture of ${name} never went away`);
};

test('who leaves is gone at once, and can come back', async (t) => {
  const { ada, bob, cy } = await call(t, shared, ['ada', 'bob', 'cy']);
  await leave(cy);
  assert.equal(await cy.locator('#room-people').textContent(), '');
  assert.equal(await cy.locator('#call-say').textContent(), '', 'the others did not leave');
  for (const page of [ada, bob]) {
    await isGone(page, 'cy');
    await page.locator('#call-say', { hasText: 'cy left' }).waitFor();
    assert.equal(await page.locator('#room-people').textContent(), '2 people');
  }
  await advances(ada, ['bob']);
  assert.equal(await cy.evaluate(() => window.connections.every((pc) => pc.connectionState === 'closed')), true);
  await cy.click('#join-again');
  await phaseIs(cy, 'prejoin');
  await join(cy);
  await allSeeEachOther({ ada, bob, cy });
});

test('a tab that is closed is gone', async (t) => {
  const { ada, bob } = await call(t, shared, ['ada', 'bob']);
  await bob.close();
  await isGone(ada, 'bob');
  await ada.locator('#alone').waitFor();
});

async function crash(page) {
  const crashed = page.waitForEvent('crash');
  const session = await page.context().newCDPSession(page);
  session.send('Page.crash').catch(() => {}); // nobody is left to answer
  await crashed;
}

test('a tab that crashes is gone, and the others go on', async (t) => {
  const { ada, bob, cy } = await call(t, shared, ['ada', 'bob', 'cy']);
  await crash(cy);
  for (const page of [ada, bob]) await isGone(page, 'cy');
  await Promise.all([seesPlaying(ada, ['bob']), seesPlaying(bob, ['ada'])]);
});

test('a tab that crashes is gone for somebody who left right after another crash and came back, too', async (t) => {
  const { ada, bob, cy } = await call(t, shared, ['ada', 'bob', 'cy']);
  await crash(cy);
  await isGone(ada, 'cy');
  await leave(ada);
  await ada.click('#join-again');
  await phaseIs(ada, 'prejoin');
  await join(ada);
  await allSeeEachOther({ ada, bob });
  await crash(bob);
  await isGone(ada, 'bob');
});

test('a page that is loaded again finds back', async (t) => {
  const { ada, bob } = await call(t, shared, ['ada', 'bob']);
  await bob.reload();
  await phaseIs(bob, 'prejoin');
  await join(bob);
  await allSeeEachOther({ ada, bob });
});

for (const how of ['kill -9', 'a clean stop']) {
  test(`through ${how} and a restart of the server the pictures go on`, async (t) => {
    const server = await startServer(t);
    const { id, ada, bob, pages } = await call(t, server, ['ada', 'bob'], { outage: true });
    for (const [page, name] of [[ada, 'bob'], [bob, 'ada']]) await watchTile(page, name);
    const offers = await ada.evaluate(() => (window.sent.offer ?? 0) + (window.sent.answer ?? 0));
    if (how === 'kill -9') await server.kill9();
    else await server.stop();
    for (const page of [ada, bob]) await disconnected(page);
    await Promise.all([advances(ada, ['bob']), advances(bob, ['ada'])]);
    // What changes in the meantime is told afterwards.
    await bob.click('#microphone');
    await server.startAgain();
    for (const page of [ada, bob]) await connected(page);
    await tileOf(ada, 'bob').and(ada.locator('[data-microphone="off"]')).waitFor();
    await ada.waitForFunction((before) => (window.sent.offer ?? 0) + (window.sent.answer ?? 0) > before, offers);
    await allSeeEachOther(pages);
    for (const [page, name] of [[ada, 'bob'], [bob, 'ada']]) {
      await isTheSame(page, name);
      assert.equal(await connectionsOf(page), 1, 'the connection is the one it was');
      assert.equal(await page.locator('#room-people').textContent(), '2 people');
    }
    // Signalling works under the new ids: somebody new is connected with both.
    const cy = await enter(await one(t, server, 'cy'), id);
    await allSeeEachOther({ ...pages, cy });
    await leave(cy);
    for (const page of [ada, bob]) await isGone(page, 'cy');
  });
}

test('who leaves while the server is away is gone', async (t) => {
  const server = await startServer(t);
  const { ada, bob, cy } = await call(t, server, ['ada', 'bob', 'cy'], { outage: true });
  await server.kill9();
  for (const page of [ada, bob, cy]) await disconnected(page);
  await cy.click('#leave');
  for (const page of [ada, bob]) await isGone(page, 'cy');
  await server.startAgain();
  for (const page of [ada, bob]) await connected(page);
  await Promise.all([seesPlaying(ada, ['bob']), seesPlaying(bob, ['ada'])]);
});

test('a page that is loaded again while the server is away is connected again', async (t) => {
  const server = await startServer(t);
  const { ada, bob } = await call(t, server, ['ada', 'bob'], { outage: true });
  await server.kill9();
  await disconnected(ada);
  await bob.evaluate(() => window.connections.forEach((pc) => pc.close())); // as a reload would; there is nothing to load
  await server.startAgain();
  await bob.reload();
  await phaseIs(bob, 'prejoin');
  await join(bob);
  await allSeeEachOther({ ada, bob });
});

test('a socket that blinks changes nothing that anybody sees', async (t) => {
  const { ada, bob, pages } = await call(t, shared, ['ada', 'bob']);
  for (const [page, name] of [[ada, 'bob'], [bob, 'ada']]) await watchTile(page, name);
  for (const page of [ada, bob]) {
    await page.waitForFunction(() => document.querySelector('#call-say').textContent === '');
    await page.evaluate(() => {
      const box = document.querySelector('#call-say');
      window.said = [];
      new MutationObserver(() => window.said.push(box.textContent)).observe(box, { childList: true });
    });
  }
  for (const page of [ada, bob, ada]) {
    const before = await page.evaluate(async () => (await import('/public/js/socket.js')).socket.hello.socketId);
    const signals = await page.evaluate(() => (window.sent.offer ?? 0) + (window.sent.answer ?? 0));
    await page.evaluate(async () => (await import('/public/js/socket.js')).socket.restart());
    await page.waitForFunction(async (old) => {
      const id = (await import('/public/js/socket.js')).socket.hello?.socketId;
      return id && id !== old;
    }, before);
    await page.waitForFunction((n) => (window.sent.offer ?? 0) + (window.sent.answer ?? 0) > n, signals);
  }
  await allSeeEachOther(pages);
  for (const [page, name] of [[ada, 'bob'], [bob, 'ada']]) {
    await isTheSame(page, name);
    assert.equal(await connectionsOf(page), 1);
    assert.deepEqual(await page.evaluate(() => window.said), []);
  }
});

test('an offer that is lost and taken back does not stop the pictures', async (t) => {
  const { ada, bob, pages } = await call(t, shared, ['ada', 'bob']);
  await bob.evaluate(() => { window.descriptionDelay = 3000; }); // no answer of his arrives before he blinks himself
  await ada.evaluate(async () => (await import('/public/js/socket.js')).socket.restart());
  await ada.waitForFunction(() => window.sent.offer === 1);
  await bob.evaluate(async () => (await import('/public/js/socket.js')).socket.restart());
  await ada.waitForFunction(() => window.takenBack === 1);
  await allSeeEachOther(pages);
  assert.equal(await connectionsOf(ada), 1);
});

test('two tabs of one person in a call, through a restart of the server', async (t) => {
  const server = await startServer(t);
  const id = await createRoom(server, 'ada', 'twice');
  const context = await one(t, server, 'bob', { outage: true });
  const ada = await enter(await one(t, server, 'ada', { outage: true }), id);
  const first = await enter(context, id);
  const second = await enter(context, id);
  await Promise.all([seesPlaying(ada, ['bob', 'bob']), seesPlaying(first, ['ada', 'bob']), seesPlaying(second, ['ada', 'bob'])]);
  await server.kill9();
  for (const page of [ada, first, second]) await disconnected(page);
  await server.startAgain();
  for (const page of [ada, first, second]) await connected(page);
  await Promise.all([seesPlaying(ada, ['bob', 'bob']), seesPlaying(first, ['ada', 'bob']), seesPlaying(second, ['ada', 'bob'])]);
  await leave(second);
  await Promise.all([seesPlaying(ada, ['bob']), seesPlaying(first, ['ada'])]);
});

test('offers of a stranger, nonsense and late signals do no harm', async (t) => {
  const { id, ada, bob } = await call(t, shared, ['ada', 'bob']);
  const mallory = await Client.open(shared, { t, cookie: await cookieOf(shared, 'mallory') });
  mallory.send({ messageType: 'join_call', callId: id });
  const { participants } = await mallory.next('existing_participants');
  for (const { socketId } of participants) {
    for (const message of [
      { messageType: 'offer' }, { messageType: 'offer', offer: 'v=0' }, { messageType: 'offer', offer: { type: 'offer', sdp: 'v=0\r\n' } },
      { messageType: 'answer', answer: { type: 'answer', sdp: 'v=0\r\n' } }, { messageType: 'answer', answer: null },
      { messageType: 'ice_candidate', candidate: { candidate: 'candidate:nonsense', sdpMid: '0' } }, { messageType: 'ice_candidate', candidate: null },
      { messageType: 'ice_candidate', candidate: 7 },
    ]) mallory.send({ ...message, socketId });
  }
  await mallory.fence();
  for (const [page, name] of [[ada, 'bob'], [bob, 'ada']]) {
    await tileOf(page, 'mallory').waitFor();
    await advances(page, [name]);
  }
  mallory.destroy();
  for (const [page, name] of [[ada, 'bob'], [bob, 'ada']]) {
    await isGone(page, 'mallory');
    await seesPlaying(page, [name]);
  }
});

test('logging out ends the call here and for the others', async (t) => {
  const { ada, bob } = await call(t, shared, ['ada', 'bob']);
  await bob.evaluate(() => fetch('/logout', { method: 'POST', redirect: 'manual' }));
  await bob.locator('#notice[data-kind="guest"]').waitFor();
  assert.equal(await bob.evaluate(() => window.connections.every((pc) => pc.connectionState === 'closed')), true);
  await isGone(ada, 'bob');
});
