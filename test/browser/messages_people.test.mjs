// The messenger: the list of people, the keyboard, the phone, guests and calls.

import assert from 'node:assert/strict';
import test from 'node:test';
import { newUser } from '../e2e/lib/http.mjs';
import { file, startServer } from '../e2e/lib/server.mjs';
import { focusOn, launch, person, visit } from './lib/browser.mjs';
import {
  PHONE, assertNotWide, clientOf, conversation, disconnected, isOpen, member, openPage, row, shows, tell, unreadOf, write,
} from './lib/messages.mjs';

const browser = await launch(file);
const shared = await startServer(file);

// People of one test have names of their own, because all tests share a server.
const someone = (t, server, username, options) => member(t, browser, server, username, options);

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

test('without a connection nobody is said to be here', async (t) => {
  const server = await startServer(t);
  const ada = await someone(t, server, 'ada', { outage: true });
  const cookie = await newUser(server, 'bob');
  await clientOf(t, server, cookie);
  const page = await conversation(ada, 'bob');
  const says = (state) => page.locator(`#peer-status[data-state=${state}]`).waitFor();
  const online = (value) => row(page, 'bob').locator(`.face[data-online=${value}]`).waitFor();
  await says('online');
  await online(true);
  await server.kill9();
  await disconnected(page);
  await says('unknown');
  await online(false);
  await server.startAgain();
  await says('offline');
  await clientOf(t, server, cookie);
  await says('online');
  await online(true);
});

test('everything can be done with the keyboard', async (t) => {
  const server = await startServer(t);
  const ada = await someone(t, server, 'ada');
  for (const name of ['bob', 'carol', 'dave']) await newUser(server, name);
  const page = await openPage(ada, '/direct-messaging');
  await row(page, 'dave').waitFor();
  const focused = () => page.evaluate(() => document.activeElement.closest('[data-username]')?.dataset.username ?? document.activeElement.id);
  await focusOn(page, '#people-search');
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

test('the focus is somewhere when the button that had it goes away', async (t) => {
  const server = await startServer(t);
  const ada = await someone(t, server, 'ada');
  const bob = await clientOf(t, server, await newUser(server, 'bob'));
  for (let i = 1; i <= 40; i++) await tell(bob, 'ada', `message ${i}`);
  const page = await openPage(ada, '/direct-messaging#nobody');
  const isFocused = (selector) => page.waitForFunction((css) => document.activeElement.matches(css), selector);
  await focusOn(page, '#unknown-back');
  await page.keyboard.press('Enter');
  await isFocused('.contact__link');
  await row(page, 'bob').locator('a').click();
  await isOpen(page, 'bob');
  await focusOn(page, '[data-testid=to-end]');
  await page.evaluate(() => { document.querySelector('[role=log]').scrollTop = 1e6; });
  await page.locator('[data-testid=to-end]').waitFor({ state: 'hidden' });
  await isFocused('[role=log]');
});

test('the list keeps the focus where it is when somebody moves to its top', async (t) => {
  const server = await startServer(t);
  const ada = await someone(t, server, 'ada');
  const bobs = await clientOf(t, server, await newUser(server, 'bob'));
  const carols = await clientOf(t, server, await newUser(server, 'carol'));
  const page = await openPage(ada, '/direct-messaging');
  await tell(bobs, 'ada', 'first');
  await unreadOf(page, 'bob', 1);
  await focusOn(page, row(page, 'carol').locator('a'));
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
