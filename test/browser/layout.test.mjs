// Every page fits its window, has a name and a structure, keeps the theme that one chose, and works
// without JavaScript where it can.

import assert from 'node:assert/strict';
import test from 'node:test';
import { newUser } from '../e2e/lib/http.mjs';
import { cleanUp, file, startServer } from '../e2e/lib/server.mjs';
import { PAGES, launch, person, ready, visit } from './lib/browser.mjs';

const browser = await launch(file);
const server = await startServer(file);
const LONG_NAME = 'WWWWWWWWWW.WWWWWWWWWW.WWWWWWWWWW';
const cookie = await newUser(server, LONG_NAME);

const someone = (t, options, loggedIn) => person(t, browser, server, { ...options, cookie: loggedIn ? cookie : undefined });

test('the theme button goes through its themes, and the choice lasts', async (t) => {
  const page = await visit(await someone(t, { colorScheme: 'light' }, false), '/');
  const colors = () =>
    page.evaluate(async () => {
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      const { backgroundColor, color } = getComputedStyle(document.documentElement);
      return `${color} on ${backgroundColor}`;
    });
  const light = await colors();
  while ((await page.evaluate(() => document.documentElement.dataset.theme)) !== 'dark') await page.click('#theme-toggle');
  const dark = await colors();
  assert.notEqual(dark, light);
  await page.reload();
  await ready(page);
  assert.equal(await colors(), dark);
});

for (const width of [320, 390, 768, 1280]) {
  test(`no page scrolls sideways at ${width} pixels`, async (t) => {
    for (const loggedIn of [false, true]) {
      const context = await someone(t, { viewport: { width, height: 640 } }, loggedIn);
      for (const path of PAGES) {
        const page = await visit(context, path);
        await ready(page);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `${path} is ${wide} pixels wide${loggedIn ? ' for a long name' : ''}`);
        await page.close();
      }
    }
  });
}

// The header has least room when it has most to say. Every handshake of these pages meets a dead end: a real server
// that never answers it would keep the whole page waiting.
for (const width of [320, 390, 760, 960, 1088, 1200]) {
  test(`no page scrolls sideways at ${width} pixels while there is no connection`, async (t) => {
    for (const loggedIn of [false, true]) {
      const context = await someone(t, { viewport: { width, height: 640 }, outage: true }, loggedIn);
      await context.addInitScript(() => {
        const sockets = [];
        window.WebSocket = class {
          constructor() { sockets.push(this); }
          close() { /* it never was open */ }
        };
        window.refuseHandshake = () => sockets.at(-1).onclose?.({ code: 1006 });
      });
      const who = `of ${loggedIn ? 'a long name' : 'a guest'}`;
      const state = (page, name) => page.locator(`[data-testid=connection-state][data-state=${name}]`).waitFor({ state: 'attached' });
      const widthOf = (page) => page.evaluate(() => document.documentElement.scrollWidth);
      for (const path of ['/', '/drawing-board', '/chat', '/direct-messaging', '/video-call', '/test-websocket']) {
        const page = await visit(context, path);
        await page.locator('#account a, #account details').first().waitFor();
        await state(page, 'connecting');
        assert.ok(await widthOf(page) <= width, `${path} ${who}, connecting, is ${await widthOf(page)} pixels wide`);
        // Long waits come after short ones: until the button is there that ends them.
        const again = page.getByRole('button', { name: 'Try now' });
        for (let refused = 0; refused < 6 && !(await again.isVisible()); refused++) {
          await page.evaluate(() => window.refuseHandshake());
          await state(page, 'reconnecting');
          assert.ok(await widthOf(page) <= width, `${path} ${who}, reconnecting, is ${await widthOf(page)} pixels wide`);
          if (!(await again.isVisible())) await page.evaluate(async () => (await import('/public/js/socket.js')).socket.retryNow());
        }
        await again.click({ trial: true });
        const seen = await page.locator('[data-testid=connection-state]').evaluate(({ innerText }) => innerText);
        assert.match(seen, /^Reconnecting(\s*in \d+ s)?$/);
        await context.setOffline(true);
        await state(page, 'offline');
        assert.ok(await widthOf(page) <= width, `${path} ${who}, offline, is ${await widthOf(page)} pixels wide`);
        await context.setOffline(false);
        await page.close();
      }
    }
  });
}

test('every page has a title of its own, one h1, a language, and landmarks', async (t) => {
  const context = await someone(t, {}, false);
  const titles = [];
  for (const path of PAGES) {
    const page = await visit(context, path);
    await ready(page);
    titles.push(await page.title());
    assert.equal(await page.locator('h1').count(), 1, path);
    assert.equal(await page.locator('main').count(), 1, path);
    assert.equal(await page.getAttribute('html', 'lang'), 'en');
  }
  assert.equal(new Set(titles).size, PAGES.length);
});

test('a page without JavaScript can still register and log in', async (t) => {
  const context = await browser.newContext({ javaScriptEnabled: false, baseURL: server.url });
  cleanUp(t, () => context.close());
  const page = await context.newPage();
  await page.goto('/register');
  await page.fill('input[name=username]', 'noscript');
  await page.fill('input[name=password]', 'still works');
  const [registered] = await Promise.all([
    page.waitForResponse((response) => response.url().endsWith('/register') && response.request().method() === 'POST'),
    page.click('#register-form button:not([type=button])'),
  ]);
  assert.equal(registered.status(), 201);
  await page.goto('/login');
  await page.fill('input[name=username]', 'noscript');
  await page.fill('input[name=password]', 'still works');
  const [loggedIn] = await Promise.all([
    page.waitForResponse((response) => response.url().endsWith('/login') && response.request().method() === 'POST'),
    page.click('#login-form button:not([type=button])'),
  ]);
  assert.equal(loggedIn.status(), 200);
  assert.equal((await context.cookies())[0].name, 'auth_token');
});
