// The messenger: days and groups, long conversations, and a scroll position that nobody but the reader moves.

import assert from 'node:assert/strict';
import test from 'node:test';
import { newUser } from '../e2e/lib/http.mjs';
import { file, startServer } from '../e2e/lib/server.mjs';
import { launch } from './lib/browser.mjs';
import { clientOf, conversation, drawn, member, onScreen, tell, unreadOf } from './lib/messages.mjs';

const browser = await launch(file);
const shared = await startServer(file);

// People of one test have names of their own, because all tests share a server.
const someone = (t, server, username, options) => member(t, browser, server, username, options);

test('messages stand under their days, in groups, each with its time, and midnight moves on what is called today', async (t) => {
  const ada = await someone(t, shared, 'ada10', { locale: 'en-GB', timezoneId: 'Europe/Berlin' });
  const bobs = await clientOf(t, shared, await newUser(shared, 'bob10'));
  const adas = await clientOf(t, shared, ada.cookie);
  const script = [
    [bobs, '2025-12-31T23:59:30+01:00', 'last year'],
    [bobs, '2026-01-01T00:00:30+01:00', 'a minute later'],
    [bobs, '2026-03-06T09:05:00+01:00', 'a group'],
    [bobs, '2026-03-06T09:08:00+01:00', 'of two'],
    [adas, '2026-03-06T09:09:00+01:00', 'an answer'],
    [bobs, '2026-03-06T09:10:00+01:00', 'and back'],
    [bobs, '2026-03-06T09:16:00+01:00', 'after a pause'],
    [adas, '2026-03-10T21:04:00+01:00', 'late'],
    [bobs, '2026-03-11T00:05:00+01:00', 'early'],
    [bobs, '2026-03-11T00:06:00+01:00', 'again'],
  ];
  for (const [client, , text] of script) await tell(client, client === bobs ? 'ada10' : 'bob10', text);
  adas.send({ messageType: 'mark_read', withUser: 'bob10', upToId: Number.MAX_SAFE_INTEGER });
  await adas.fence();
  await ada.clock.install({ time: '2026-03-11T12:00:00+01:00' });
  await ada.routeWebSocket(/\/websocket$/, (route) => {
    const server = route.connectToServer();
    server.onMessage((data) => {
      const message = JSON.parse(data);
      if (message.messageType !== 'message_page') return route.send(data);
      message.messages.forEach((one, i) => { one.sentAt = Date.parse(script[i][1]); });
      route.send(JSON.stringify(message));
    });
  });
  const page = await conversation(ada, 'bob10');
  const wanted = (lastButOne, last) => [
    'Wednesday 31 December 2025', '[23:59 last year]', 'Thursday 1 January', '[00:00 a minute later]',
    'Friday', '[09:05 a group', '09:08 of two]', '[09:09 > an answer]', '[09:10 and back]', '[09:16 after a pause]',
    lastButOne, '[21:04 > late]', last, '[00:05 early', '00:06 again]',
  ];
  const shown = () => page.locator('.log__body > *').evaluateAll((nodes) => nodes.map((node) => {
    if (node.dataset.testid === 'day') return node.textContent.replaceAll(',', ''); // editions of the calendar differ
    const part = (css) => node.querySelector(css).textContent;
    const is = (name, mark) => (node.classList.contains(name) ? mark : '');
    const own = node.dataset.own === 'true' ? '> ' : '';
    return `${is('is-first', '[')}${part('time')} ${own}${part('.message__text')}${is('is-last', ']')}`;
  }));
  assert.deepEqual(await shown(), wanted('Yesterday', 'Today'));
  await page.clock.fastForward(12 * 3600 * 1000);
  await page.locator('[data-testid=day]', { hasText: 'Tuesday' }).waitFor();
  assert.deepEqual(await shown(), wanted('Tuesday', 'Yesterday'));
});

// A conversation of `count` messages, now the one, now the other, in this order.
async function longConversation(t, server, left, right, count) {
  const sides = [[await clientOf(t, server, left.cookie), right.name], [await clientOf(t, server, right.cookie), left.name]];
  for (let i = 0; i < count; i++) {
    const [client, targetUser] = sides[(i >> 3) % 2];
    client.send({ messageType: 'direct_message', targetUser, text: `message ${i}` });
    if (i % 8 === 7) await client.fence();
  }
  for (const [client] of sides) await client.fence();
  return sides[1][0];
}

// Where a message is on the screen; null when it is not in the document.
const placeOf = (page, text) =>
  page.evaluate((wanted) => {
    const node = [...document.querySelectorAll('[data-testid=message]')].find((one) => one.querySelector('.message__text').textContent === wanted);
    return node ? node.getBoundingClientRect().top : null;
  }, text);

test('older messages come in above without a jump, and only a part of a long conversation is in the document', async (t) => {
  const left = await someone(t, shared, 'ada11');
  const right = { name: 'bob11', cookie: await newUser(shared, 'bob11') };
  const count = 900; // by eights, and the last four by Ada
  const bobs = await longConversation(t, shared, left, right, count);
  const page = await conversation(left, 'bob11');
  const log = page.locator('[role=log]');
  const atTop = () => page.evaluate(() => document.querySelector('[data-testid=message] .message__text').textContent);
  assert.equal((await onScreen(page)).at(-1), `> message ${count - 1}`);
  assert.ok((await onScreen(page)).length < 300);

  // Upwards, step by step: a message that is in view before a step is where the step puts it.
  let jumps = 0;
  while (!(await page.locator('[data-testid=beginning]').count()) || (await atTop()) !== 'message 0') {
    const moved = await log.evaluate(async (node) => {
      const frames = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      const top = node.getBoundingClientRect().top;
      const seen = [...node.querySelectorAll('[data-testid=message]')].find((one) => one.getBoundingClientRect().top >= top);
      const before = seen.getBoundingClientRect().top;
      const step = Math.min(400, node.scrollTop);
      node.scrollTop -= step;
      const at = node.scrollTop;
      await frames();
      await frames();
      return { by: seen.getBoundingClientRect().top - before, step, at };
    });
    if (Math.abs(moved.by - moved.step) > 2) jumps++;
    assert.ok((await onScreen(page)).length <= 300, 'the document stays small');
  }
  assert.equal(jumps, 0);
  assert.equal(await log.getAttribute('data-at-end'), 'false');

  // Whoever reads further up stays there, and is told what came.
  await log.evaluate((node) => { node.scrollTop = 2000; });
  await drawn(page);
  const reading = await log.evaluate((node) => {
    const top = node.getBoundingClientRect().top;
    return [...node.querySelectorAll('[data-testid=message]')].find((one) => one.getBoundingClientRect().top >= top).querySelector('.message__text').textContent;
  });
  const before = await placeOf(page, reading);
  await tell(bobs, 'ada11', 'news');
  await page.locator('[data-testid=to-end][data-count="1"]').waitFor();
  await drawn(page);
  assert.equal(await placeOf(page, reading), before);
  await unreadOf(page, 'bob11', 1);
  await page.locator('[data-testid=to-end]').click();
  await page.locator('[role=log][data-at-end=true]').waitFor();
  assert.equal((await onScreen(page)).at(-1), 'news');
  await unreadOf(page, 'bob11', 0);

  // Whoever is at the end stays at the end.
  await tell(bobs, 'ada11', 'and more\n'.repeat(30));
  await page.waitForFunction(() => window.messagesOnScreen().includes('and more'));
  await drawn(page);
  assert.equal(await log.getAttribute('data-at-end'), 'true');
  const gap = () => log.evaluate(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight);
  assert.ok((await gap()) <= 1, `${await gap()} pixels from the end`);
  // Also while the field below takes more and more of the screen, and gives it back.
  for (const text of ['x\n'.repeat(9), `${'x\n'.repeat(9)}y`, '']) {
    await page.fill('#message-text', text);
    await drawn(page);
    assert.ok((await gap()) <= 1, `${await gap()} pixels from the end`);
    assert.equal(await log.getAttribute('data-at-end'), 'true');
  }
});

test('older messages that come late, to somebody who has reached the top already, push nothing away', async (t) => {
  const ada = await someone(t, shared, 'ada14');
  const adas = await clientOf(t, shared, ada.cookie);
  await newUser(shared, 'bob14');
  for (let i = 0; i < 150; i++) adas.send({ messageType: 'direct_message', targetUser: 'bob14', text: `message ${i}` });
  await adas.fence();
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await ada.routeWebSocket(/\/websocket$/, (route) => {
    const server = route.connectToServer();
    server.onMessage(async (data) => {
      if (/"message_page"/.test(data) && JSON.parse(data).beforeId !== null) await held;
      route.send(data);
    });
  });
  const page = await conversation(ada, 'bob14');
  const isFirst = (text, only = '') => page.waitForFunction(([wanted, atTop]) => {
    const log = document.querySelector('[role=log]');
    if (atTop) log.scrollTop = 0;
    return log.querySelector('.message__text').textContent === wanted && !(atTop && log.scrollTop > 0);
  }, [text, only]);
  await isFirst('message 50', 'at the top');
  await drawn(page);
  const before = await placeOf(page, 'message 50');
  release();
  await isFirst('message 10');
  await drawn(page);
  const moved = (await placeOf(page, 'message 50')) - before;
  assert.ok(Math.abs(moved) <= 1, `moved by ${moved} pixels`);
});

test('after more than fits on the screen one begins to read at the first new message', async (t) => {
  const left = await someone(t, shared, 'ada12');
  const bobs = await clientOf(t, shared, await newUser(shared, 'bob12'));
  for (let i = 0; i < 40; i++) await tell(bobs, 'ada12', `message ${i}`);
  const page = await conversation(left, 'bob12');
  const line = page.locator('[data-testid=new-line]');
  await line.waitFor();
  assert.equal(await page.locator('[data-testid=new-line] + [data-testid=message] .message__text').textContent(), 'message 0');
  const [inside, outside] = await Promise.all([line.boundingBox(), page.locator('[role=log]').boundingBox()]);
  assert.ok(inside.y >= outside.y && inside.y < outside.y + outside.height, 'the line is in view');
  await page.locator('[data-testid=to-end]').click();
  await unreadOf(page, 'bob12', 0);
});

test('whoever unfolds a long message at the end reads on from there, whatever comes', async (t) => {
  const left = await someone(t, shared, 'ada13');
  const bobs = await clientOf(t, shared, await newUser(shared, 'bob13'));
  await tell(bobs, 'ada13', Array.from({ length: 200 }, (_, i) => `line ${i}`).join('\n'));
  const page = await conversation(left, 'bob13');
  const message = page.locator('[data-testid=message]').first();
  assert.doesNotMatch(await message.textContent(), /line 199/);
  await page.locator('[role=log]').press('End');
  await page.locator('[role=log][data-at-end=true]').waitFor();
  const before = (await message.boundingBox()).y;
  await message.locator('[data-action=unfold]').click();
  assert.match(await message.textContent(), /line 199/);
  await page.locator('[role=log][data-at-end=false]').waitFor();
  await tell(bobs, 'ada13', 'news');
  await page.locator('[data-testid=to-end][data-count="1"]').waitFor();
  await drawn(page);
  assert.equal((await message.boundingBox()).y, before);
});
