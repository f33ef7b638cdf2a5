// The messenger: what is written while the server is away, or while its answer is lost, arrives once.

import assert from 'node:assert/strict';
import test from 'node:test';
import { newUser } from '../e2e/lib/http.mjs';
import { file, startServer } from '../e2e/lib/server.mjs';
import { launch } from './lib/browser.mjs';
import {
  becomes, clientOf, conversation, disconnected, fence, member, onScreen, openPage, rowSays, shows, storedBetween, write,
} from './lib/messages.mjs';

const browser = await launch(file);
const shared = await startServer(file);

// People of one test have names of their own, because all tests share a server.
const someone = (t, server, username, options) => member(t, browser, server, username, options);

test('what is written during an outage arrives once, in its order, without a reload', async (t) => {
  const server = await startServer(t);
  const ada = await someone(t, server, 'ada', { outage: true });
  const bob = await someone(t, server, 'bob', { outage: true });
  const left = await conversation(ada, 'bob');
  const second = await conversation(ada, 'bob');
  const right = await conversation(bob, 'ada');
  for (const page of [left, right]) await page.evaluate(() => (window.neverReloaded = true));
  await write(left, 'before');
  await shows(right, ['before']);
  await server.kill9();
  for (const page of [left, second, right]) await disconnected(page);

  const lost = ['one', 'two', 'three'];
  for (const text of lost) await write(left, text);
  await shows(left, ['> before', ...lost.map((text) => `pending > ${text}`)]);
  await shows(second, ['> before', ...lost.map((text) => `pending > ${text}`)]);
  await left.locator('#unsent[data-count="3"]').waitFor();
  await write(right, 'me too');

  await server.startAgain();
  await left.locator('#unsent[data-count="0"]').waitFor({ state: 'attached' });
  await left.waitForFunction(() => document.querySelectorAll('[data-testid=message][data-state=sent]').length === 5);
  await right.waitForFunction(() => document.querySelectorAll('[data-testid=message][data-state=sent]').length === 5);
  const all = await onScreen(left);
  assert.deepEqual(all.filter((text) => text.startsWith('>')), ['> before', '> one', '> two', '> three']);
  assert.deepEqual(all.filter((text) => !text.startsWith('>')), ['me too']);
  await shows(second, all);
  assert.deepEqual([...await storedBetween(t, server, ada.cookie, 'bob')].sort(), ['ada: before', 'ada: one', 'ada: three', 'ada: two', 'bob: me too']);
  for (const page of [left, right]) assert.equal(await page.evaluate(() => window.neverReloaded), true);
});

test('a message whose answer was lost is sent again, and stored once', async (t) => {
  const ada = await someone(t, shared, 'ada5', { outage: true });
  await newUser(shared, 'bob5');
  let swallow = true;
  await ada.routeWebSocket(/\/websocket$/, (route) => {
    const server = route.connectToServer();
    server.onMessage((data) => {
      if (swallow && String(data).includes('"direct_message"')) {
        swallow = false; // it is stored, and the page never hears of it
        server.close();
        route.close();
      } else {
        route.send(data);
      }
    });
  });
  const page = await conversation(ada, 'bob5');
  await write(page, 'once');
  await shows(page, ['> once']);
  assert.equal(swallow, false);
  assert.deepEqual(await storedBetween(t, shared, ada.cookie, 'bob5'), ['ada5: once']);
});

test('what was written during an outage outlives the page, and goes to the right person by the right person', async (t) => {
  const server = await startServer(t);
  const ada = await someone(t, server, 'ada', { outage: true });
  for (const name of ['bob', 'eve']) await newUser(server, name);
  const evesCookie = await newUser(server, 'other');
  const page = await conversation(ada, 'bob');
  await server.kill9();
  await disconnected(page);
  await write(page, 'kept');
  await shows(page, ['pending > kept']);
  await page.close();
  await server.startAgain();

  // Somebody else at the same browser: nothing of Ada's is sent or shown.
  await becomes(ada, server, evesCookie);
  const elses = await conversation(ada, 'bob');
  await fence(elses);
  assert.deepEqual(await onScreen(elses), []);
  await elses.close();
  assert.deepEqual(await storedBetween(t, server, evesCookie, 'bob'), []);

  // The chat page sends it, too: it belongs to the person, not to the page.
  await becomes(ada, server, ada.cookie);
  const chat = await openPage(ada, '/chat');
  await chat.waitForFunction(() => Object.keys(localStorage).every((key) => !key.startsWith('parlor.out:')));
  assert.deepEqual(await storedBetween(t, server, ada.cookie, 'bob'), ['ada: kept']);
  await shows(await conversation(ada, 'bob'), ['> kept']);
});

test('a refused message is marked, says why, can be tried again and deleted', async (t) => {
  const ada = await someone(t, shared, 'ada6');
  await newUser(shared, 'bob6');
  const page = await conversation(ada, 'bob6');
  // The field takes no such text: it is put where messages wait.
  await page.evaluate(() => localStorage.setItem('parlor.out:ada6:refused', JSON.stringify({
    clientId: 'refused', messageType: 'direct_message', fields: { targetUser: 'bob6', text: 'half a pair \ud800' }, at: Date.now(), order: 1, state: 'pending', reason: '',
  })));
  await page.reload();
  const failed = page.locator('[data-testid=message][data-state=failed]');
  await failed.waitFor();
  assert.match(await failed.textContent(), /Not sent: \w/);
  await rowSays(page, 'bob6', /Not sent/);
  await page.reload();
  await failed.waitFor();
  await failed.locator('[data-action=retry]').click();
  await failed.waitFor();
  await write(page, 'this one goes');
  await page.waitForFunction(() => document.querySelectorAll('[data-testid=message][data-state=sent]').length === 1);
  await failed.locator('[data-action=discard]').click();
  await shows(page, ['> this one goes']);
  await page.reload();
  await shows(page, ['> this one goes']);
});

test('a page that was away for longer than it remembers shows the newest messages', async (t) => {
  const server = await startServer(t);
  const left = await someone(t, server, 'ada', { outage: true });
  const cookie = await newUser(server, 'bob');
  const page = await conversation(left, 'bob');
  await write(page, 'the first');
  await shows(page, ['> the first']);
  await server.kill9();
  await disconnected(page);
  await left.setOffline(true); // keeps the page away while the others go on
  await server.startAgain();
  const bobs = await clientOf(t, server, cookie);
  for (let i = 0; i < 250; i++) bobs.send({ messageType: 'direct_message', targetUser: 'ada', text: `message ${i}` });
  await bobs.fence();
  await left.setOffline(false);
  await page.waitForFunction(() => JSON.parse(window.messagesOnScreen()).at(-1) === 'message 249');
  const shown = await onScreen(page);
  const first = Number(/message (\d+)/.exec(shown[0])[1]);
  assert.deepEqual(shown, Array.from({ length: 250 - first }, (_, i) => `message ${first + i}`), 'without a gap');
});
