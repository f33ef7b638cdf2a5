// Accounts by the pages: registering, logging in and out, and what the pages say when it is refused.

import assert from 'node:assert/strict';
import test from 'node:test';
import { cleanUp, file, startServer } from '../e2e/lib/server.mjs';
import { newUser } from '../e2e/lib/http.mjs';
import { launch, loginByPage, peopleOn, person, registerByPage, visit } from './lib/browser.mjs';

const browser = await launch(file);
const server = await startServer(file);

test('a person registers, is logged in, logs out, and logs in again', async (t) => {
  const context = await person(t, browser, server);
  const page = await visit(context, '/');
  await page.locator('#account a[href^="/register"]').click();
  await page.waitForURL('**/register');
  await registerByPage(page, 'Ada.L');
  assert.equal(new URL(page.url()).pathname, '/');
  assert.equal(await page.locator('[data-testid=username]').textContent(), 'Ada.L');

  const [cookie] = await context.cookies();
  assert.equal(cookie.name, 'auth_token');
  assert.equal(cookie.httpOnly, true);
  assert.equal(cookie.sameSite, 'Lax');
  assert.equal(await page.evaluate(() => document.cookie), '');
  await peopleOn(page, ['Ada.L']);

  await page.locator('#account-menu summary').click();
  await page.locator('#logout').click();
  await page.locator('#account a[href^="/login"]').waitFor();
  assert.deepEqual(await context.cookies(), []);
  await peopleOn(page, []);

  await loginByPage(page, 'ADA.L');
  assert.equal(await page.locator('[data-testid=username]').textContent(), 'Ada.L');
});

test('logging in leads back to the page that asked for it', async (t) => {
  await newUser(server, 'back');
  const page = await visit(await person(t, browser, server), '/drawing-board');
  const link = page.locator('#account a[href^="/login"]');
  await link.click();
  await page.fill('#login-form input[name=username]', 'back');
  await page.fill('#login-form input[name=password]', 'correct horse battery');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/drawing-board');
  await page.locator('[data-testid=username]').waitFor();
});

// A login page whose own script comes late.
async function slowLogin(t, search = '') {
  const context = await person(t, browser, server);
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await context.route('**/public/js/account.js', async (route) => {
    await held;
    await route.continue();
  });
  const page = await context.newPage();
  await page.goto(`/login${search}`, { waitUntil: 'commit' });
  return { page, release };
}

test('a form that is sent before the page has loaded its script is sent when it has', async (t) => {
  await newUser(server, 'fast');
  const { page, release } = await slowLogin(t, '?next=%2Fdrawing-board');
  await page.fill('input[name=username]', 'fast');
  await page.fill('input[name=password]', 'correct horse battery');
  await page.keyboard.press('Enter');
  await page.locator('#login-form[data-waiting]').waitFor();
  release();
  await page.waitForURL('**/drawing-board');
  await page.locator('[data-testid=username]').waitFor();
});

test('a script that comes late does not take the focus from the field in which one writes', async (t) => {
  const { page, release } = await slowLogin(t);
  await page.locator('input[name=password]').pressSequentially('first');
  release();
  await page.locator('#login-form[data-ready]').waitFor();
  await page.keyboard.type('second');
  assert.equal(await page.inputValue('input[name=password]'), 'firstsecond');
  assert.equal(await page.inputValue('input[name=username]'), '');
});

test('a form whose script never comes is sent as without JavaScript', async (t) => {
  await newUser(server, 'bare');
  for (const sent of ['before it is given up', 'after it is given up']) {
    const context = await browser.newContext({ baseURL: server.url });
    cleanUp(t, () => context.close());
    let giveUp;
    const given = new Promise((resolve) => (giveUp = resolve));
    await context.route('**/public/js/account.js', async (route) => {
      await given;
      await route.abort();
    });
    const page = await context.newPage();
    await page.goto('/login', { waitUntil: 'commit' });
    await page.fill('input[name=username]', 'bare');
    await page.fill('input[name=password]', 'correct horse battery');
    if (sent.startsWith('after')) {
      giveUp();
      await page.waitForLoadState('load');
    }
    await page.keyboard.press('Enter');
    giveUp();
    await page.waitForFunction(() => document.body.textContent.includes('"bare"'));
    assert.equal((await context.cookies())[0].name, 'auth_token', sent);
  }
});

test('?next= leads to no other origin', async (t) => {
  await newUser(server, 'stay');
  for (const next of ['//evil.example/', 'https://evil.example/', '/\\evil.example', 'javascript:alert(1)']) {
    const page = await visit(await person(t, browser, server), `/login?next=${encodeURIComponent(next)}`);
    await page.fill('#login-form input[name=username]', 'stay');
    await page.fill('#login-form input[name=password]', 'correct horse battery');
    await page.keyboard.press('Enter');
    await page.locator('[data-testid=username]').waitFor();
    assert.equal(new URL(page.url()).origin, server.url);
  }
});

test('what the server refuses is said in an alert, and the field has the focus', async (t) => {
  await newUser(server, 'taken');
  const page = await visit(await person(t, browser, server), '/register');
  const alert = page.locator('#register-form [role=alert]');
  await page.fill('input[name=username]', 'Taken');
  await page.fill('input[name=password]', 'long enough');
  await page.keyboard.press('Enter');
  await alert.filter({ hasText: /taken|exists|name/i }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.name), 'username');
  assert.equal(await page.locator('input[name=username]').getAttribute('aria-invalid'), 'true');

  await page.goto('/login');
  await page.fill('input[name=username]', 'taken');
  await page.fill('input[name=password]', 'not the password');
  await page.keyboard.press('Enter');
  const refused = page.locator('#login-form [role=alert]');
  await page.waitForFunction(() => document.querySelector('#login-form [role=alert]').textContent.trim() !== '');
  assert.match(await refused.textContent(), /\w/);
  assert.equal(new URL(page.url()).pathname, '/login');
});

test('on a small phone neither the alert nor the field that it is about is behind a bar', async (t) => {
  await newUser(server, 'occupied');
  const page = await visit(await person(t, browser, server, { viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true }), '/register');
  await page.fill('input[name=username]', 'occupied');
  await page.fill('input[name=password]', 'long enough');
  await page.tap('#submit');
  await page.locator('input[name=username][aria-invalid=true]').waitFor();
  const [top, bottom, ...parts] = await page.evaluate(() => [
    document.querySelector('.topbar').getBoundingClientRect().bottom, document.querySelector('.mainnav').getBoundingClientRect().top,
    ...['#form-error', 'input[name=username]'].map((css) => document.querySelector(css).getBoundingClientRect().toJSON()),
  ]);
  for (const part of parts) assert.ok(part.top >= top && part.bottom <= bottom, JSON.stringify({ top, bottom, parts }));
});

test('what the page itself can see is said before anything is sent', async (t) => {
  const page = await visit(await person(t, browser, server), '/register');
  const posts = [];
  page.on('request', (request) => request.method() === 'POST' && posts.push(request.url()));
  const mistakes = [['', 'long enough'], ['a name', 'long enough'], ['x'.repeat(33), 'long enough'], ['fine', ''], ['fine', 'short'], ['fine', 'x'.repeat(129)]];
  for (const [username, password] of mistakes) {
    await page.fill('input[name=username]', username);
    await page.fill('input[name=password]', password);
    await page.click('#register-form button:not([type=button])');
    await page.waitForFunction(() => document.querySelector('#register-form [role=alert]').textContent.trim() !== '');
  }
  assert.deepEqual(posts, []);
});

test('the password can be shown and hidden', async (t) => {
  const page = await visit(await person(t, browser, server), '/login');
  const field = page.locator('input[name=password]');
  await field.fill('something');
  await page.click('#show-password');
  assert.equal(await field.getAttribute('type'), 'text');
  await page.click('#show-password');
  assert.equal(await field.getAttribute('type'), 'password');
});

test('somebody registers with the keyboard alone, from the home page', async (t) => {
  const page = await visit(await person(t, browser, server), '/');
  await page.locator('#account a[href^="/register"]').waitFor();
  const tabTo = async (selector) => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('Tab');
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
    }
    assert.fail(`60 tabs do not lead to ${selector}`);
  };
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip-link', 'first of all one may skip');
  await tabTo('#account a[href^="/register"]');
  const outline = await page.evaluate(() => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
    return (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
  });
  assert.ok(outline, 'the focus can be seen');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/register');
  if (!(await page.evaluate(() => document.activeElement.name === 'username'))) await tabTo('input[name=username]');
  await page.keyboard.type('keys.only');
  await tabTo('input[name=password]');
  await page.keyboard.type('typed by hand');
  await page.keyboard.press('Enter');
  await page.locator('[data-testid=username]').waitFor();
  assert.equal(await page.locator('[data-testid=username]').textContent(), 'keys.only');
});

test('tabs of one person learn of a login and a logout', async (t) => {
  const context = await person(t, browser, server);
  const first = await visit(context, '/drawing-board');
  const second = await visit(context, '/register');
  await registerByPage(second, 'two.tabs');
  await first.locator('[data-testid=username]').waitFor();
  await peopleOn(first, ['two.tabs']);
  await second.locator('#account-menu summary').click();
  await second.locator('#logout').click();
  await first.locator('#account a[href^="/login"]').waitFor();
  await peopleOn(first, []);
});
