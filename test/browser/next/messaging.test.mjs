// The messenger: three people in browser profiles of their own, tabs, outages, long histories, small screens.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client } from '../../e2e/lib/client.mjs';
import { newUser } from '../../e2e/lib/http.mjs';
import { file, startServer } from '../../e2e/lib/server.mjs';
import { connected, launch, person, visit } from '../lib/browser.mjs';
import {
  PHONE, assertNoViolations, assertNotWide, becomes, conversation, fence, hasTitle, iconOf, isOpen, listenIn, member, onScreen,
  openPage, setHidden, shows, watchMessages, write,
} from '../lib/messages.mjs';

const browser = await launch(file);
const shared = await startServer(file);

// People of one test on the server that all tests share have names of their own.
async function someone(t, server, username, options = {}) {
  const context = await member(t, browser, server, username, options);
  await watchMessages(context);
  return context;
}

const clientOf = (t, server, cookie) => Client.open(server, { t, cookie, protocol: 'parlor.v1' });

// Sends from outside of any page, and waits until it is stored.
async function tell(client, targetUser, text) {
  client.send({ messageType: 'direct_message', targetUser, text });
  return client.entry((one) => one.type === 'direct_message' && one.message.text === text, 'the message to come back');
}

const row = (page, name) => page.locator(`#people [data-username="${name}"]`);
const rowSays = (page, name, hasText) => row(page, name).filter({ hasText }).waitFor();
const unreadOf = (page, name, count) => page.locator(`#people [data-username="${name}"][data-unread="${count}"]`).waitFor();

const disconnected = (page) =>
  page.waitForFunction(() => document.querySelector('[data-testid=connection-state]').dataset.state !== 'open');

// Counts what a conversation really holds, by a client that we did not write.
async function stored(t, server, cookie, withUser) {
  const client = await clientOf(t, server, cookie);
  client.send({ messageType: 'select_user', targetUser: withUser });
  return (await client.next('message_history')).messages.map(({ fromUser, text }) => `${fromUser}: ${text}`);
}

test('two people write live, a third one sees nothing of it, and a reload shows the same', async (t) => {
  const [ada, bob, eve] = [await someone(t, shared, 'Ada1'), await someone(t, shared, 'bob1'), await someone(t, shared, 'eve1')];
  const heard = listenIn(eve);
  const outside = await openPage(eve, '/direct-messaging#Ada1');
  const left = await conversation(ada, 'bob1');
  const right = await conversation(bob, 'Ada1');

  await write(left, 'Hello, Bob');
  await shows(right, ['Hello, Bob']);
  await write(right, 'Hello, Ada');
  await write(right, 'How are you?');
  await write(left, 'Fine');
  await shows(left, ['> Hello, Bob', 'Hello, Ada', 'How are you?', '> Fine']);
  await shows(right, ['Hello, Bob', '> Hello, Ada', '> How are you?', 'Fine']);

  await left.reload();
  await isOpen(left, 'bob1');
  await shows(left, ['> Hello, Bob', 'Hello, Ada', 'How are you?', '> Fine']);

  await fence(outside);
  assert.deepEqual(heard.filter((frame) => /Hello|direct_message|"typing"/.test(frame)), []);
  await isOpen(outside, 'Ada1');
  assert.deepEqual(await onScreen(outside), []);
});

test('unread messages are counted on the server: in every tab, after a reload and after a restart', async (t) => {
  const server = await startServer(t);
  const ada = await someone(t, server, 'ada', { outage: true });
  const bobs = await clientOf(t, server, await newUser(server, 'bob'));
  const [one, two] = [await openPage(ada, '/direct-messaging'), await openPage(ada, '/direct-messaging')];
  await row(one, 'bob').waitFor();
  assert.equal(await iconOf(one), '/public/favicon.svg');
  for (const text of ['one', 'two', 'three']) await tell(bobs, 'ada', text);
  for (const page of [one, two]) {
    await unreadOf(page, 'bob', 3);
    await hasTitle(page, '(3) Messages · Parlor');
    assert.equal(await iconOf(page), '/public/favicon-badge.svg');
    await rowSays(page, 'bob', /three/);
  }
  await two.reload();
  await unreadOf(two, 'bob', 3);

  await server.kill9();
  for (const page of [one, two]) await disconnected(page);
  await server.startAgain();
  for (const page of [one, two]) {
    await connected(page);
    await unreadOf(page, 'bob', 3);
  }

  await row(one, 'bob').locator('a').click();
  await shows(one, ['one', 'two', 'three']);
  assert.equal(await one.locator('[data-testid=new-line]').count(), 1);
  for (const page of [one, two]) await unreadOf(page, 'bob', 0);
  await hasTitle(one, 'bob · Messages · Parlor');
  await hasTitle(two, 'Messages · Parlor');
  assert.equal(await iconOf(two), '/public/favicon.svg');
});

test('what comes while nobody looks stays unread until somebody does', async (t) => {
  const ada = await someone(t, shared, 'ada2');
  const bobs = await clientOf(t, shared, await newUser(shared, 'bob2'));
  const page = await conversation(ada, 'bob2');
  await tell(bobs, 'ada2', 'seen');
  await shows(page, ['seen']);
  await unreadOf(page, 'bob2', 0);

  await setHidden(page, true);
  await tell(bobs, 'ada2', 'not seen yet');
  await unreadOf(page, 'bob2', 1);
  await hasTitle(page, '(1) bob2 · Messages · Parlor');
  await shows(page, ['seen', 'not seen yet']);
  assert.equal(await page.locator('[data-testid=new-line] + [data-testid=message]').getAttribute('data-state'), 'sent');
  await setHidden(page, false);
  await unreadOf(page, 'bob2', 0);
  await hasTitle(page, 'bob2 · Messages · Parlor');
});

test('typing is shown, and is over with the message or with the text', async (t) => {
  const [ada, bob] = [await someone(t, shared, 'ada3'), await someone(t, shared, 'bob3')];
  const left = await conversation(ada, 'bob3');
  const right = await conversation(bob, 'ada3');
  const state = (value) => left.locator(`#peer-status[data-state=${value}]`).waitFor();
  await state('online');
  await right.locator('#message-text').pressSequentially('Hm');
  await state('typing');
  await left.locator('[data-testid=typing]').waitFor();
  await rowSays(left, 'bob3', /typing/);
  await right.fill('#message-text', '');
  await state('online');
  await left.locator('[data-testid=typing]').waitFor({ state: 'hidden' });
  await right.locator('#message-text').pressSequentially('Yes');
  await state('typing');
  await right.press('#message-text', 'Enter');
  await state('online');
  await shows(left, ['Yes']);
});

test('both tabs of a person show what one of them sends, once', async (t) => {
  const [ada, bob] = [await someone(t, shared, 'ada4'), await someone(t, shared, 'bob4')];
  const [one, two] = [await conversation(ada, 'bob4'), await conversation(ada, 'bob4')];
  const other = await conversation(bob, 'ada4');
  await write(one, 'from the first');
  await write(two, 'from the second');
  for (const page of [one, two]) await shows(page, ['> from the first', '> from the second']);
  await shows(other, ['from the first', 'from the second']);
});

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
  assert.deepEqual([...await stored(t, server, ada.cookie, 'bob')].sort(), ['ada: before', 'ada: one', 'ada: three', 'ada: two', 'bob: me too']);
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
  assert.deepEqual(await stored(t, shared, ada.cookie, 'bob5'), ['ada5: once']);
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
  assert.deepEqual(await stored(t, server, evesCookie, 'bob'), []);

  // The chat page sends it, too: it belongs to the person, not to the page.
  await becomes(ada, server, ada.cookie);
  const chat = await openPage(ada, '/chat');
  await chat.waitForFunction(() => Object.keys(localStorage).every((key) => !key.startsWith('parlor.out:')));
  assert.deepEqual(await stored(t, server, ada.cookie, 'bob'), ['ada: kept']);
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

const MARKUP = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script><b>bold</b> &amp; {{content}}';

test('markup is text everywhere, and nothing of it runs', async (t) => {
  const [ada, bob] = [await someone(t, shared, 'ada7'), await someone(t, shared, 'bob7')];
  const left = await conversation(ada, 'bob7');
  const right = await openPage(bob, '/direct-messaging');
  await write(left, MARKUP);
  await unreadOf(right, 'ada7', 1);
  await rowSays(right, 'ada7', MARKUP.slice(0, 100));
  await row(right, 'ada7').locator('a').click();
  await shows(right, [MARKUP]);
  await right.fill('#message-text', MARKUP);
  await right.locator('#people-search').fill(MARKUP);
  await right.locator('#people-empty', { hasText: '<img src=x' }).waitFor();
  await right.goto(`/direct-messaging#${encodeURIComponent(MARKUP)}`);
  await right.reload();
  await right.locator('#unknown', { hasText: '<img src=x' }).waitFor();
  for (const page of [left, right]) {
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    assert.equal(await page.locator('#messenger :is(img, script, b, iframe)').count(), 0);
  }
});

test('web addresses become links that lead away safely, and nothing else does', async (t) => {
  const ada = await someone(t, shared, 'ada8');
  const page = await conversation(ada, 'ada8');
  const links = async (text) => {
    const before = await page.locator('[data-testid=message]').count();
    await write(page, text);
    const message = page.locator('[data-testid=message]').nth(before);
    await message.waitFor();
    assert.equal(await message.locator('.message__text').textContent(), text, 'the text is as it was written');
    return message.locator('a').evaluateAll((nodes) => nodes.map(({ href, target, rel, textContent }) => ({ href, target, rel, textContent })));
  };
  const link = (textContent, href = textContent) => ({ href, target: '_blank', rel: 'noopener noreferrer', textContent });
  assert.deepEqual(await links('see https://example.org/a_(b)?c=d#e, and (http://example.net/).'), [link('https://example.org/a_(b)?c=d#e'), link('http://example.net/')]);
  assert.deepEqual(await links('HTTPS://EXAMPLE.ORG/Path!'), [link('HTTPS://EXAMPLE.ORG/Path', 'https://example.org/Path')]);
  assert.deepEqual(await links('https://example.org/"onmouseover="alert(1)'), [link('https://example.org/')]);
  for (const text of [
    'javascript:alert(1)', 'data:text/html,<b>x</b>', 'ftp://example.org/', 'file:///etc/passwd', 'https://', 'http://[', '//example.org/',
    'https://bank.example@evil.example/', 'xhttps:/example.org', '/direct-messaging', 'see /video-call/0123456789abcdef01234567',
  ]) assert.deepEqual(await links(text), [], text);
  const call = '/video-call/0123456789abcdef01234567';
  assert.deepEqual(await links(`Missed call: us\n${call}`), [link(call, shared.url + call)]);
});

test('Enter sends, Shift+Enter does not, an input method is left alone, and line breaks are kept', async (t) => {
  const ada = await someone(t, shared, 'ada9');
  const page = await conversation(ada, 'ada9');
  const field = page.locator('#message-text');
  const small = (await field.boundingBox()).height;
  await field.pressSequentially('first');
  await field.press('Shift+Enter');
  await field.pressSequentially('  second');
  await field.press('Shift+Enter');
  await field.press('Shift+Enter');
  await field.pressSequentially('fourth');
  assert.ok((await field.boundingBox()).height > small, 'the field has grown');
  await field.evaluate((node) => {
    node.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }));
    node.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true }));
  });
  assert.equal(await field.inputValue(), 'first\n  second\n\nfourth');
  await field.press('Enter');
  await shows(page, ['> first\n  second\n\nfourth']);
  assert.equal((await field.boundingBox()).height, small);
  const lines = await page.locator('.message__text').evaluate((node) => getComputedStyle(node).whiteSpace);
  assert.match(lines, /pre-wrap/);
  await field.press('Enter');
  await write(page, '  \n ');
  await fence(page);
  assert.equal((await onScreen(page)).length, 1, 'nothing but spaces is nothing');
});

test('a text at the limit goes through whole, one past it is not sent, and what cannot be sent is taken out in sight', async (t) => {
  const ada = await someone(t, shared, 'ada10');
  await newUser(shared, 'bob10');
  const page = await conversation(ada, 'bob10');
  const hint = (kind) => page.locator(`#message-hint[data-kind=${kind}]`).waitFor();
  const whole = 'ä'.repeat(32768); // 65536 bytes
  await page.fill('#message-text', `${whole}x`);
  await hint('over');
  await page.press('#message-text', 'Enter');
  await page.locator('#message-send').click({ force: true });
  assert.equal(await page.inputValue('#message-text'), `${whole}x`, 'nothing is cut');
  assert.deepEqual(await onScreen(page), []);
  await page.fill('#message-text', whole);
  await hint('near');
  await page.press('#message-text', 'Enter');
  await page.locator('[data-testid=message][data-state=sent]').waitFor();
  assert.deepEqual(await stored(t, shared, ada.cookie, 'bob10'), [`ada10: ${whole}`]);
  await page.locator('[data-action=unfold]').click();
  assert.equal(await page.locator('.message__text').textContent(), whole);

  // The driver's own fill() would replace the lone surrogate on its way.
  await page.locator('#message-text').evaluate((field) => {
    field.value = 'a\u0000b\ud800c\u{1f600}';
    field.dispatchEvent(new InputEvent('input', { bubbles: true }));
  });
  await hint('cleaned');
  assert.equal(await page.inputValue('#message-text'), 'abc\u{1f600}');
  await page.press('#message-text', 'Enter');
  await page.waitForFunction(() => document.querySelectorAll('[data-testid=message][data-state=sent]').length === 2);
  assert.equal((await stored(t, shared, ada.cookie, 'bob10'))[1], 'ada10: abc\u{1f600}');
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

// Two frames, in which everything that was asked for is drawn.
const drawn = (page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));

test('older messages come in above without a jump, and only a part of a long conversation is in the document', async (t) => {
  const left = await someone(t, shared, 'ada11');
  left.name = 'ada11';
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

test('drafts stay with their person, over other conversations and a reload', async (t) => {
  const ada = await someone(t, shared, 'ada13');
  for (const name of ['bob13', 'carol13']) await newUser(shared, name);
  const page = await conversation(ada, 'bob13');
  await page.locator('#message-text').pressSequentially('begun for bob');
  await row(page, 'carol13').locator('a').click();
  await isOpen(page, 'carol13');
  assert.equal(await page.inputValue('#message-text'), '');
  await rowSays(page, 'bob13', /Draft: begun for bob/);
  await page.locator('#message-text').pressSequentially('begun for carol');
  await page.reload();
  await isOpen(page, 'carol13');
  assert.equal(await page.inputValue('#message-text'), 'begun for carol');
  await row(page, 'bob13').locator('a').click();
  await isOpen(page, 'bob13');
  assert.equal(await page.inputValue('#message-text'), 'begun for bob');
  await page.press('#message-text', 'Enter');
  await page.reload();
  await isOpen(page, 'bob13');
  assert.equal(await page.inputValue('#message-text'), '');
});

test('the list knows who is here, finds people, and gets to know new ones', async (t) => {
  const server = await startServer(t);
  const ada = await someone(t, server, 'Ada');
  const cookie = await newUser(server, 'bob');
  const page = await openPage(ada, '/direct-messaging');
  const online = (name, value) => page.locator(`#people [data-username="${name}"] .face[data-online=${value}]`).waitFor();
  await online('Ada', true);
  await online('bob', false);
  const client = await clientOf(t, server, cookie);
  await online('bob', true);
  await client.close();
  await online('bob', false);
  await newUser(server, 'Charles_B');
  await row(page, 'Charles_B').waitFor();

  const names = () => page.locator('#people [data-testid=person]').evaluateAll((nodes) => nodes.map((node) => node.dataset.username));
  await page.fill('#people-search', 'CHAR');
  assert.deepEqual(await names(), ['Charles_B']);
  await page.press('#people-search', 'Enter');
  await isOpen(page, 'Charles_B');
  await write(page, 'Hello');
  await shows(page, ['> Hello']);
  await page.press('#people-search', 'Escape');
  assert.deepEqual(await names(), ['Charles_B', 'bob', 'Ada'], 'those one has written with come first, oneself last');
  await page.goto('/direct-messaging#BOB');
  await isOpen(page, 'bob');
});

test('everything can be done with the keyboard', async (t) => {
  const server = await startServer(t);
  const ada = await someone(t, server, 'ada');
  for (const name of ['bob', 'carol', 'dave']) await newUser(server, name);
  const page = await openPage(ada, '/direct-messaging');
  await row(page, 'dave').waitFor();
  const focused = () => page.evaluate(() => document.activeElement.closest('[data-username]')?.dataset.username ?? document.activeElement.id);
  await page.focus('#people-search');
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(), 'bob');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(), 'dave');
  await page.keyboard.press('Home');
  assert.equal(await focused(), 'bob');
  await page.keyboard.press('End');
  assert.equal(await focused(), 'ada');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await isOpen(page, 'carol');
  await page.waitForFunction(() => document.activeElement.id === 'message-text');
  await page.keyboard.type('by hand');
  await page.keyboard.press('Enter');
  await shows(page, ['> by hand']);
  assert.equal(await focused(), 'message-text');
  await page.keyboard.press('Escape');
  assert.equal(await focused(), 'carol');
  await page.keyboard.press('ArrowUp');
  assert.equal(await focused(), 'people-search');
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'carol', 'the list is one stop of the Tab key');
  // The log can be scrolled with the keyboard, so it can have the focus.
  for (let i = 0; i < 8 && (await page.evaluate(() => document.activeElement.getAttribute('role'))) !== 'log'; i++) await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('role')), 'log');
});

test('the list keeps the focus where it is when somebody moves to its top', async (t) => {
  const server = await startServer(t);
  const ada = await someone(t, server, 'ada');
  const bobs = await clientOf(t, server, await newUser(server, 'bob'));
  const carols = await clientOf(t, server, await newUser(server, 'carol'));
  const page = await openPage(ada, '/direct-messaging');
  await tell(bobs, 'ada', 'first');
  await unreadOf(page, 'bob', 1);
  await row(page, 'carol').locator('a').focus();
  await tell(carols, 'ada', 'second');
  await unreadOf(page, 'carol', 1);
  await page.waitForFunction(() => document.querySelector('#people [data-testid=person]').dataset.username === 'carol');
  assert.equal(await page.evaluate(() => document.activeElement.closest('[data-username]')?.dataset.username), 'carol');
});

test('on a phone the list and the conversation are two screens, and every way back works', async (t) => {
  const ada = await someone(t, shared, 'ada14', PHONE);
  const bobs = await clientOf(t, shared, await newUser(shared, 'bob14'));
  await tell(bobs, 'ada14', 'Hello');
  const page = await openPage(ada, '/direct-messaging');
  const listIsOn = async () => {
    await page.locator('#messenger[data-screen=list]').waitFor();
    assert.equal(await page.locator('#people').isVisible(), true);
    assert.equal(await page.locator('#peer').isVisible(), false);
  };
  const open = async () => {
    await row(page, 'bob14').locator('a').tap();
    await isOpen(page, 'bob14');
    assert.equal(await page.locator('#people').isVisible(), false);
    await shows(page, ['Hello']);
  };
  await row(page, 'bob14').waitFor();
  await listIsOn();
  const entries = () => page.evaluate(() => history.length);
  await open();
  const length = await entries();
  await page.locator('#back').tap();
  await listIsOn();
  await page.waitForFunction(() => location.hash === '');
  assert.equal(await page.evaluate(() => document.activeElement.closest('[data-username]')?.dataset.username), 'bob14');
  await open();
  assert.equal(await entries(), length, 'going back and forth does not pile up');
  await page.goBack();
  await listIsOn();
  await page.goForward();
  await isOpen(page, 'bob14');
  await page.reload();
  await isOpen(page, 'bob14');
  await page.locator('#back').tap();
  await listIsOn();

  // Straight into a conversation: there is a way to the list, too.
  const direct = await conversation(ada, 'bob14');
  await direct.locator('#back').tap();
  await direct.locator('#messenger[data-screen=list]').waitFor();
  await assertNotWide(direct, 'the list');
});

test('everything that one touches is large enough', async (t) => {
  const ada = await someone(t, shared, 'ada15', PHONE);
  const bobs = await clientOf(t, shared, await newUser(shared, 'bob15'));
  await tell(bobs, 'ada15', 'word '.repeat(1000));
  const page = await conversation(ada, 'bob15');
  const small = () => page.evaluate(() => [...document.querySelectorAll('#messenger :is(a, button, input, textarea)')]
    .filter((node) => node.checkVisibility() && !node.closest('.message__text'))
    .map((node) => ({ what: node.id || node.className, box: node.getBoundingClientRect() }))
    .filter(({ box }) => box.height < 44 || box.width < 44)
    .map(({ what, box }) => `${what}: ${box.width} x ${box.height}`));
  assert.deepEqual(await small(), []);
  await page.locator('#back').tap();
  await page.locator('#messenger[data-screen=list]').waitFor();
  assert.deepEqual(await small(), []);
});

test('a guest is invited, and comes back to the conversation after logging in', async (t) => {
  await newUser(shared, 'host16');
  await newUser(shared, 'guest16');
  const page = await visit(await person(t, browser, shared), '/direct-messaging#host16');
  await page.locator('#guest').waitFor();
  assert.equal(await page.locator('#panes').isVisible(), false);
  await page.locator('#guest-login').click();
  await page.fill('#login-form input[name=username]', 'guest16');
  await page.fill('#login-form input[name=password]', 'correct horse battery');
  await page.keyboard.press('Enter');
  await isOpen(page, 'host16');
  assert.equal(new URL(page.url()).hash, '#host16');
});

test('logging out in another tab takes the conversation off the screen', async (t) => {
  const ada = await someone(t, shared, 'ada17');
  await newUser(shared, 'bob17');
  const page = await conversation(ada, 'bob17');
  await write(page, 'private');
  await shows(page, ['> private']);
  const other = await openPage(ada, '/');
  await other.locator('#account-menu summary').click();
  await other.locator('#logout').click();
  await page.locator('#guest').waitFor();
  assert.equal((await page.content()).includes('private'), false);
});

test('a notification comes when nobody looks, if it was allowed by a click', async (t) => {
  const ada = await someone(t, shared, 'ada18');
  await ada.addInitScript(() => {
    window.notices = [];
    window.asked = 0;
    window.Notification = class {
      static permission = 'default';
      static async requestPermission() { window.asked++; return (this.permission = 'granted'); }
      constructor(title, options) { Object.assign(this, options, { title }); window.notices.push(this); }
      close() {}
    };
  });
  const bobs = await clientOf(t, shared, await newUser(shared, 'bob18'));
  const page = await openPage(ada, '/direct-messaging');
  await setHidden(page, true);
  await tell(bobs, 'ada18', 'before it was allowed');
  await unreadOf(page, 'bob18', 1);
  await setHidden(page, false);
  assert.equal(await page.evaluate(() => window.asked), 0, 'nobody is asked without a click');
  await page.locator('#notify').click();
  await page.locator('#notify[aria-pressed=true]').waitFor();
  await setHidden(page, true);
  await tell(bobs, 'ada18', '<b>Hello</b>');
  await page.waitForFunction(() => window.notices.length > 0);
  const [notice] = await page.evaluate(() => window.notices.map(({ title, body }) => ({ title, body })));
  assert.deepEqual(notice, { title: 'bob18', body: '<b>Hello</b>' });
  await page.evaluate(() => window.notices[0].onclick());
  await isOpen(page, 'bob18');
});

test('the call button makes a call and rings', async (t) => {
  const ada = await someone(t, shared, 'ada19');
  await newUser(shared, 'bob19');
  const asked = [];
  await ada.route('**/api/video-calls', (route) => {
    asked.push(route.request().postDataJSON());
    return route.fulfill({ json: { id: '0123456789abcdef01234567' } });
  });
  await ada.route('**/video-call/**', (route) => route.fulfill({ contentType: 'text/html', body: '<title>the call</title>' }));
  const page = await conversation(ada, 'bob19');
  await page.locator('#call').click();
  await page.waitForURL('**/video-call/0123456789abcdef01234567?ring=bob19');
  assert.deepEqual(asked, [{ name: 'ada19 and bob19' }]);
});

for (const colorScheme of ['light', 'dark']) {
  for (const [screen, options] of Object.entries({ desktop: { viewport: { width: 1280, height: 800 } }, phone: PHONE })) {
    test(`no violations in ${colorScheme} on a ${screen}`, async (t) => {
      const name = `ada20${colorScheme[0]}${screen[0]}`;
      const peer = name.replace('ada', 'bob');
      const ada = await someone(t, shared, name, { ...options, colorScheme });
      const bobs = await clientOf(t, shared, await newUser(shared, peer));
      for (const text of ['Hello', 'https://example.org/', MARKUP, 'x'.repeat(4000), 'W'.repeat(200)]) await tell(bobs, name, text);
      const page = await openPage(ada, '/direct-messaging');
      await unreadOf(page, peer, 5);
      await assertNoViolations(page, 'the list with unread messages');
      await row(page, peer).locator('a').click();
      await isOpen(page, peer);
      await write(page, 'mine');
      await page.locator('[data-testid=message][data-own=true][data-state=sent]').waitFor();
      bobs.send({ messageType: 'typing', targetUser: name, isTyping: true });
      await page.locator('[data-testid=typing]').waitFor();
      await assertNoViolations(page, 'a conversation');

      await page.evaluate(([me, targetUser]) => localStorage.setItem(`parlor.out:${me}:refused`, JSON.stringify({
        clientId: 'refused', messageType: 'direct_message', fields: { targetUser, text: '\ud800' }, at: Date.now(), order: 1, state: 'failed', reason: 'the reason',
      })), [name, peer]);
      await page.reload();
      await page.locator('[data-testid=message][data-state=failed]').waitFor();
      await page.fill('#message-text', 'x'.repeat(65537));
      await page.locator('#message-hint[data-kind=over]').waitFor();
      await assertNoViolations(page, 'a message that failed and a text that is too long');
      await page.goto('/direct-messaging#nobody.is.called.this');
      await page.locator('#unknown').waitFor();
      await assertNoViolations(page, 'a name that nobody has');
      const guest = await visit(await person(t, browser, shared, { ...options, colorScheme }), '/direct-messaging');
      await guest.locator('#guest').waitFor();
      await connected(guest);
      await assertNoViolations(guest, 'a guest');
    });
  }
}

test('nothing scrolls sideways at 320 pixels', async (t) => {
  const name = 'W'.repeat(30) + '21';
  const peer = 'M'.repeat(30) + '21';
  const ada = await someone(t, shared, name, { viewport: { width: 320, height: 568 } });
  const bobs = await clientOf(t, shared, await newUser(shared, peer));
  for (const text of ['W'.repeat(400), `https://example.org/${'w'.repeat(400)}`, MARKUP]) await tell(bobs, name, text);
  const page = await openPage(ada, '/direct-messaging');
  await unreadOf(page, peer, 3);
  await assertNotWide(page, 'the list');
  await row(page, peer).locator('a').click();
  await isOpen(page, peer);
  await write(page, 'W'.repeat(400));
  await page.locator('[data-testid=message][data-own=true][data-state=sent]').waitFor();
  await assertNotWide(page, 'a conversation');
  const log = await page.locator('[role=log]').evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
  assert.equal(log, 0, 'nor does the conversation itself');
  const guest = await visit(await person(t, browser, shared, { viewport: { width: 320, height: 568 } }), '/direct-messaging');
  await guest.locator('#guest').waitFor();
  await assertNotWide(guest, 'the invitation');
});
