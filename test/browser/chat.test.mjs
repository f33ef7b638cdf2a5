// The public chat: everybody reads, people with an account write, guests are invited.

import assert from 'node:assert/strict';
import test from 'node:test';
import { newUser } from '../e2e/lib/http.mjs';
import { file, startServer } from '../e2e/lib/server.mjs';
import { connected, launch, peopleOn, person } from './lib/browser.mjs';
import {
  PHONE, assertNotWide, assertNoViolations, clientOf, disconnected, fence, hasTitle, iconOf, member, onScreen, openPage, setHidden,
  shows, watchMessages, write,
} from './lib/messages.mjs';

const browser = await launch(file);

const someone = (t, server, username, options) => member(t, browser, server, username, options);

async function guest(t, server, options) {
  const context = await person(t, browser, server, options);
  await watchMessages(context);
  return context;
}

async function openChat(context) {
  const page = await openPage(context, '/chat');
  await page.locator('[data-testid=beginning], [data-testid=loading-older]').waitFor({ state: 'attached' });
  return page;
}

async function say(client, comment) {
  client.send({ messageType: 'chatMessage', comment });
  await client.entry((one) => one.type === 'chatMessage' && one.message.comment === comment, 'the message to come back');
}

async function stored(t, server) {
  const client = await clientOf(t, server);
  client.send({ messageType: 'get_chat_history' });
  return (await client.next('chat_history')).messages.map(({ username, comment }) => `${username}: ${comment}`);
}

const authors = (page) =>
  page.locator('[data-testid=message]').evaluateAll((nodes) => nodes.map((node) => {
    const name = node.querySelector('.message__author');
    return name.classList.contains('visually-hidden') ? '' : name.firstChild.textContent;
  }));

test('three people talk, a guest reads along, and a reload shows the same', async (t) => {
  const server = await startServer(t);
  const people = [await someone(t, server, 'Ada'), await someone(t, server, 'bob'), await someone(t, server, 'carol')];
  const pages = [];
  for (const context of people) pages.push(await openChat(context));
  const [ada, bob, carol] = pages;
  const outsider = await openChat(await guest(t, server));
  for (const page of [...pages, outsider]) await peopleOn(page, ['Ada', 'bob', 'carol']);

  await write(ada, 'Hello');
  await shows(bob, ['Hello']);
  await write(bob, 'Hello, Ada');
  await shows(carol, ['Hello', 'Hello, Ada']);
  await write(carol, 'Hello, both');
  await shows(ada, ['> Hello', 'Hello, Ada', 'Hello, both']);
  await write(carol, 'of you');
  await shows(ada, ['> Hello', 'Hello, Ada', 'Hello, both', 'of you']);
  assert.deepEqual(await authors(ada), ['', 'bob', 'carol', ''], 'a name stands above the first of a group');
  await shows(outsider, ['Hello', 'Hello, Ada', 'Hello, both', 'of you']);
  await ada.reload();
  await shows(ada, ['> Hello', 'Hello, Ada', 'Hello, both', 'of you']);
});

test('a guest is invited to log in, and cannot write', async (t) => {
  const server = await startServer(t);
  await newUser(server, 'later');
  const page = await openChat(await guest(t, server));
  assert.equal(await page.locator('#message-text').count(), 0);
  await page.locator('#chat-guest').waitFor();
  await page.locator('#chat-login').click();
  await page.fill('#login-form input[name=username]', 'later');
  await page.fill('#login-form input[name=password]', 'correct horse battery');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/chat');
  await connected(page);
  await write(page, 'Here I am');
  await shows(page, ['> Here I am']);
  assert.equal(await page.locator('#chat-guest').isVisible(), false);
});

test('logging in and out in another tab changes who writes', async (t) => {
  const server = await startServer(t);
  const ada = await someone(t, server, 'ada');
  const page = await openChat(ada);
  await write(page, 'mine');
  await shows(page, ['> mine']);
  await page.fill('#message-text', 'a draft of Ada');
  const other = await openPage(ada, '/');
  await other.locator('#account-menu summary').click();
  await other.locator('#logout').click();
  await page.locator('#chat-guest').waitFor();
  assert.equal(await page.locator('#message-text').isVisible(), false);
  await shows(page, ['mine']);
  await newUser(server, 'bob');
  await other.goto('/login');
  await other.fill('#login-form input[name=username]', 'bob');
  await other.fill('#login-form input[name=password]', 'correct horse battery');
  await other.keyboard.press('Enter');
  await page.locator('#chat[data-who=user]').waitFor();
  assert.equal(await page.inputValue('#message-text'), '');
  await peopleOn(page, ['bob']);
  await write(page, 'of bob');
  await shows(page, ['mine', '> of bob']);
});

test('markup is text, and nothing of it runs', async (t) => {
  const server = await startServer(t);
  const ada = await openChat(await someone(t, server, 'ada'));
  const bob = await openChat(await someone(t, server, 'bob'));
  const markup = '<img src=x onerror="window.hacked=1"><svg onload="window.hacked=2"></svg><b>bold</b> &lt;';
  await write(ada, markup);
  await shows(ada, [`> ${markup}`]);
  await shows(bob, [markup]);
  await bob.reload();
  await shows(bob, [markup]);
  for (const page of [ada, bob]) {
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    assert.equal(await page.locator('#log :is(img, b)').count(), 0);
  }
});

test('what is written during an outage arrives once, in its order', async (t) => {
  const server = await startServer(t);
  const ada = await someone(t, server, 'ada', { outage: true });
  const [one, two] = [await openChat(ada), await openChat(ada)];
  const bob = await openChat(await someone(t, server, 'bob', { outage: true }));
  await write(one, 'before');
  for (const page of [two, bob]) await page.waitForFunction(() => window.messagesOnScreen().includes('before'));
  await server.kill9();
  for (const page of [one, two, bob]) await disconnected(page);
  await peopleOn(bob, []); // nobody is said to be here without a connection
  for (const text of ['one', 'two', 'three']) await write(one, text);
  await shows(one, ['> before', 'pending > one', 'pending > two', 'pending > three']);
  await one.locator('#unsent[data-count="3"]').waitFor();
  await server.startAgain();
  for (const page of [one, two]) await shows(page, ['> before', '> one', '> two', '> three']);
  await shows(bob, ['before', 'one', 'two', 'three']);
  await peopleOn(bob, ['ada', 'bob']);
  assert.deepEqual(await stored(t, server), ['ada: before', 'ada: one', 'ada: two', 'ada: three']);
});

test('what others say while a page is cut off is there when it is back', async (t) => {
  const server = await startServer(t);
  const page = await openChat(await guest(t, server, { outage: true }));
  const cookie = await newUser(server, 'bob');
  let bobs = await clientOf(t, server, cookie);
  await say(bobs, 'one');
  await shows(page, ['one']);
  await server.kill9();
  await disconnected(page);
  await server.startAgain();
  bobs = await clientOf(t, server, cookie);
  await say(bobs, 'two');
  await say(bobs, 'three');
  await shows(page, ['one', 'two', 'three']);
});

test('nobody confirms the message of somebody else', async (t) => {
  const server = await startServer(t);
  const ada = await someone(t, server, 'ada', { outage: true });
  const page = await openChat(ada);
  const evesCookie = await newUser(server, 'eve');
  await server.kill9();
  await disconnected(page);
  await write(page, 'really mine');
  await shows(page, ['pending > really mine']);
  const clientId = await page.locator('[data-testid=message]').getAttribute('data-client-id');
  await ada.setOffline(true);
  await server.startAgain();
  const eves = await clientOf(t, server, evesCookie);
  eves.send({ messageType: 'chatMessage', comment: 'not hers', clientId });
  await eves.next('chatMessage');
  await ada.setOffline(false);
  await page.waitForFunction(() => window.messagesOnScreen().includes('> really mine') && !window.messagesOnScreen().includes('pending'));
  assert.deepEqual(await stored(t, server), ['eve: not hers', 'ada: really mine']);
});

test('a long chat loads upwards, and only a part of it is in the document', async (t) => {
  const server = await startServer(t);
  const bobs = await clientOf(t, server, await newUser(server, 'bob'));
  const count = 700;
  for (let i = 0; i < count; i++) {
    bobs.send({ messageType: 'chatMessage', comment: `message ${i}` });
    if (i % 50 === 49) await bobs.fence();
  }
  const page = await openChat(await guest(t, server));
  const log = page.locator('[role=log]');
  assert.equal((await onScreen(page)).at(-1), `message ${count - 1}`);
  await log.focus();
  while ((await onScreen(page))[0] !== 'message 0') {
    assert.ok((await onScreen(page)).length <= 300);
    const before = await log.getAttribute('data-drawn');
    await page.keyboard.press('Home');
    await page.waitForFunction(([drawn]) => document.querySelector('[role=log]').dataset.drawn !== drawn
      || document.querySelector('.message__text').textContent === 'message 0', [before]);
  }
  await page.locator('[data-testid=beginning]').waitFor();
  const shown = await onScreen(page);
  assert.deepEqual(shown, shown.map((_, i) => `message ${i}`), 'in order, without a gap');
  await say(bobs, 'news');
  await page.locator('[data-testid=to-end][data-count="1"]').waitFor();
  await page.keyboard.press('End');
  await page.locator('[role=log][data-at-end=true]').waitFor();
  assert.equal((await onScreen(page)).at(-1), 'news');
});

test('what comes while nobody looks is counted in the title', async (t) => {
  const server = await startServer(t);
  const page = await openChat(await guest(t, server));
  const bobs = await clientOf(t, server, await newUser(server, 'bob'));
  await say(bobs, 'seen');
  await shows(page, ['seen']);
  await hasTitle(page, 'Chat · Parlor');
  await setHidden(page, true);
  await say(bobs, 'one');
  await say(bobs, 'two');
  await hasTitle(page, '(2) Chat · Parlor');
  assert.equal(await iconOf(page), '/public/favicon-badge.svg');
  assert.equal(await page.locator('[data-testid=new-line] + [data-testid=message] .message__text').textContent(), 'one');
  await setHidden(page, false);
  await hasTitle(page, 'Chat · Parlor');
});

test('a draft outlives a reload', async (t) => {
  const server = await startServer(t);
  const page = await openChat(await someone(t, server, 'ada'));
  await page.locator('#message-text').pressSequentially('begun');
  await page.reload();
  await page.locator('#message-text').waitFor();
  assert.equal(await page.inputValue('#message-text'), 'begun');
  await page.press('#message-text', 'Enter');
  await shows(page, ['> begun']);
  await fence(page);
  await page.reload();
  await shows(page, ['> begun']);
  assert.equal(await page.inputValue('#message-text'), '');
});

for (const colorScheme of ['light', 'dark']) {
  for (const [screen, options] of Object.entries({ desktop: { viewport: { width: 1280, height: 800 } }, phone: PHONE })) {
    test(`no violations in ${colorScheme} on a ${screen}`, async (t) => {
      const server = await startServer(t);
      const bobs = await clientOf(t, server, await newUser(server, 'bob'));
      const empty = await openChat(await guest(t, server, { ...options, colorScheme }));
      await assertNoViolations(empty, 'an empty chat, as a guest');
      for (const comment of ['Hello', 'https://example.org/', 'x'.repeat(4000), '<b>bold</b>']) await say(bobs, comment);
      const page = await openChat(await someone(t, server, 'ada', { ...options, colorScheme }));
      await write(page, 'mine');
      await page.locator('[data-testid=message][data-own=true][data-state=sent]').waitFor();
      if (screen === 'phone') {
        await page.locator('#people-toggle').tap();
        await page.locator('#chat-people').waitFor();
      }
      await assertNoViolations(page, 'a chat with its people');
    });
  }
}

test('nothing scrolls sideways at 320 pixels', async (t) => {
  const server = await startServer(t);
  const bobs = await clientOf(t, server, await newUser(server, 'M'.repeat(32)));
  for (const comment of ['W'.repeat(400), `https://example.org/${'w'.repeat(400)}`]) await say(bobs, comment);
  const page = await openChat(await someone(t, server, 'W'.repeat(32), { viewport: { width: 320, height: 568 } }));
  await write(page, 'W'.repeat(400));
  await page.locator('[data-testid=message][data-own=true][data-state=sent]').waitFor();
  await assertNotWide(page, 'the chat');
  await page.locator('#people-toggle').click();
  await page.locator('#chat-people').waitFor();
  await assertNotWide(page, 'the chat with its people');
  const log = await page.locator('[role=log]').evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
  assert.equal(log, 0);
  await page.keyboard.press('Escape');
  await page.locator('#chat-people').waitFor({ state: 'hidden' });
  await assertNotWide(await openChat(await guest(t, server, { viewport: { width: 320, height: 568 } })), 'the chat of a guest');
});

test('whoever is at the end stays there, though the page scrolls itself while further messages come', async (t) => {
  const server = await startServer(t);
  const page = await openChat(await guest(t, server));
  const log = page.locator('[role=log]');
  await page.evaluate(async () => {
    // The event of the last scrolling is heard when the next message is here, and not drawn yet.
    const { socket } = await import('/public/js/socket.js');
    socket.on('chatMessage', () => document.querySelector('[role=log]').dispatchEvent(new Event('scroll')));
  });
  const client = await clientOf(t, server, await newUser(server, 'ada'));
  for (let i = 0; i < 60; i++) client.send({ messageType: 'chatMessage', comment: `message ${i}` });
  await page.locator('[data-testid=message]', { hasText: 'message 59' }).waitFor();
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  assert.equal(await log.getAttribute('data-at-end'), 'true');
  assert.ok(await log.evaluate(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight <= 1));
});
