// The messenger: two people write, a third one does not see it; unread messages, typing, tabs, notifications.

import assert from 'node:assert/strict';
import test from 'node:test';
import { newUser } from '../e2e/lib/http.mjs';
import { file, startServer } from '../e2e/lib/server.mjs';
import { connected, launch } from './lib/browser.mjs';
import {
  clientOf, conversation, disconnected, fence, hasTitle, iconOf, isOpen, listenIn, member, onScreen, openPage, row, rowSays,
  setHidden, shows, tell, unreadOf, write,
} from './lib/messages.mjs';

const browser = await launch(file);
const shared = await startServer(file);

// People of one test have names of their own, because all tests share a server.
const someone = (t, server, username, options) => member(t, browser, server, username, options);

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
  await shows(left, ['> Hello, Bob', 'Hello, Ada', 'How are you?']); // what two write at a time has no order
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

test('both tabs of a person show what one of them sends, once', async (t) => {
  const [ada, bob] = [await someone(t, shared, 'ada4'), await someone(t, shared, 'bob4')];
  const [one, two] = [await conversation(ada, 'bob4'), await conversation(ada, 'bob4')];
  const other = await conversation(bob, 'ada4');
  await write(one, 'from the first');
  await shows(two, ['> from the first']);
  await write(two, 'from the second');
  for (const page of [one, two]) await shows(page, ['> from the first', '> from the second']);
  await shows(other, ['from the first', 'from the second']);
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
  const field = right.locator('#message-text');
  // In the head, in the list and in the conversation. It is over by itself after a while: looked for from before it begins.
  const is = (state) => left.waitForFunction((wanted) => {
    const typing = wanted === 'typing';
    return document.getElementById('peer-status').dataset.state === wanted
      && document.querySelector('#people [data-username=bob3]').textContent.includes('typing') === typing
      && document.querySelector('[data-testid=typing]').checkVisibility() === typing;
  }, state);
  const types = (text) => Promise.all([is('typing'), field.pressSequentially(text)]);
  await is('online');
  await types('Hm');
  await field.fill('');
  await is('online');
  await types('Yes');
  await field.press('Enter');
  await is('online');
  await shows(left, ['Yes']);
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
