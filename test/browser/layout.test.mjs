// Every page fits its window, has a name and a structure, keeps the theme that one chose, and works
// without JavaScript where it can.

import assert from 'node:assert/strict';
import test from 'node:test';
import { newUser } from '../e2e/lib/http.mjs';
import { cleanUp, file, startServer } from '../e2e/lib/server.mjs';
import { PAGES, deadEnds, focusOn, launch, person, ready, stateIs, staysAway, visit } from './lib/browser.mjs';

const browser = await launch(file);
const server = await startServer(file);
const LONG_NAME = 'WWWWWWWWWW.WWWWWWWWWW.WWWWWWWWWW';
const cookie = await newUser(server, LONG_NAME);
const CONNECTED = ['/', '/drawing-board', '/chat', '/direct-messaging', '/video-call', '/test-websocket'];

test('on paper a conversation is whole, dark on white, and the picture is alone', async (t) => {
  const context = await someone(t, { colorScheme: 'dark' }, true);
  const page = await visit(context, '/chat');
  await ready(page);
  for (let i = 0; i < 30; i++) {
    await page.fill('#composer textarea', `message ${i}`);
    await page.press('#composer textarea', 'Enter');
  }
  await page.locator('[data-testid=message][data-state=sent]', { hasText: 'message 29' }).waitFor();
  await page.emulateMedia({ media: 'print' });
  const darkness = (css) => page.locator(css).last().evaluate((node) => Math.max(...getComputedStyle(node).color.match(/[\d.]+/g).slice(0, 3).map(Number)));
  assert.ok(await darkness('.message__text') < 100);
  assert.ok(await page.evaluate(() => document.documentElement.scrollHeight) > 1000, 'all of it, not a window');
  assert.equal(await page.locator('.topbar:visible, #composer:visible, .jump:visible').count(), 0);
  await page.goto('/drawing-board');
  await page.waitForFunction(() => document.querySelector('canvas#board').dataset.strokes !== undefined);
  assert.equal(await page.locator('.topbar:visible, #dock:visible, .board__top:visible').count(), 0);
  assert.ok(await page.locator('#stage').evaluate(({ clientHeight, clientWidth }) => clientHeight >= 400 && clientWidth >= 400));
  assert.equal(await page.locator('#board').evaluate((node) => getComputedStyle(node).objectFit), 'contain', 'nothing is stretched');
});

const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.tagName);
const widthOf = (page) => page.evaluate(() => document.documentElement.scrollWidth);
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
      const context = await someone(t, { viewport: { width, height: 640 }, hasTouch: width < 800, isMobile: width < 800 }, loggedIn);
      for (const path of PAGES) {
        const page = await visit(context, path);
        await ready(page);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `${path} is ${wide} pixels wide${loggedIn ? ' for a long name' : ''}`);
        const lines = await page.evaluate(() => document.querySelector('.topbar').offsetHeight / document.querySelector('.brand').offsetHeight);
        assert.ok(lines < 2, `the header of ${path} has one line`);
        await page.close();
      }
    }
  });
}

// The header has least room when it has most to say.
for (const width of [320, 390, 760, 960, 1088, 1200]) {
  test(`no page scrolls sideways at ${width} pixels while there is no connection`, async (t) => {
    for (const loggedIn of [false, true]) {
      const context = await someone(t, { viewport: { width, height: 640 }, outage: true }, loggedIn);
      await deadEnds(context);
      const who = `of ${loggedIn ? 'a long name' : 'a guest'}`;
      for (const path of CONNECTED) {
        const page = await visit(context, path);
        const fits = async (when) => assert.ok(await widthOf(page) <= width, `${path} ${who}, ${when}, is ${await widthOf(page)} pixels wide`);
        await page.locator('#account a, #account details').first().waitFor();
        await stateIs(page, 'connecting');
        await fits('connecting');
        const again = await staysAway(page, () => fits('reconnecting'));
        await again.click({ trial: true });
        const seen = await page.locator('[data-testid=connection-state]').evaluate(({ innerText }) => innerText);
        assert.match(seen, /^Reconnecting(\s*in \d+ s)?$/);
        await context.setOffline(true);
        await page.waitForFunction(() => {
          const { dataset, innerText } = document.querySelector('[data-testid=connection-state]');
          return dataset.state === 'offline' && /^Offline(\s*– retry in \d+ s)?$/.test(innerText);
        });
        await fits('offline');
        await context.setOffline(false);
        await page.close();
      }
    }
  });
}

// Whether one has made it larger in the browser, where the widths of css/base.css grow along, or in a style of one's own.
for (const width of [390, 1280]) {
  test(`with text twice as large nothing is beside a window of ${width} pixels`, async (t) => {
    for (const loggedIn of [false, true]) {
      const context = await someone(t, { viewport: { width, height: 844 }, outage: true }, loggedIn);
      await deadEnds(context);
      for (const path of [...CONNECTED, '/login', '/register', '/video-call/0123456789abcdef01234567']) {
        const page = await visit(context, path);
        await page.locator('#account a, #account details').first().waitFor();
        await page.evaluate(() => { document.documentElement.style.fontSize = '32px'; });
        if (await page.locator('[data-testid=connection-state]').count()) await staysAway(page);
        const beside = await page.evaluate(() => [document.documentElement, ...document.querySelectorAll('.topbar *, .mainnav a, main :is(a, button, input, textarea, summary)')]
          .filter((node) => node.checkVisibility() && !node.closest('#palette, .visually-hidden'))
          .filter((node) => node.getBoundingClientRect().right > innerWidth + 0.5 || node.getBoundingClientRect().left < -0.5)
          .map((node) => `${node.id || node.className}: ${node.textContent.trim().slice(0, 30)}`));
        assert.deepEqual(beside, [], `${path} ${loggedIn ? 'of a long name' : 'of a guest'}`);
        assert.ok(await widthOf(page) <= width, `${path} is ${await widthOf(page)} pixels wide`);
        await page.close();
      }
    }
  });
}

for (const [width, height] of [[390, 844], [844, 390]]) {
  test(`everything that one touches is large enough at ${width} x ${height}`, async (t) => {
    for (const loggedIn of [false, true]) {
      const context = await someone(t, { viewport: { width, height }, hasTouch: true, isMobile: true }, loggedIn);
      for (const path of [...PAGES, '/chat', '/direct-messaging', '/video-call']) {
        const page = await visit(context, path);
        await ready(page);
        const small = await page.evaluate(() => [...document.querySelectorAll('a, button, input, select, textarea, summary')]
          .filter((node) => node.checkVisibility() && !node.closest('.skip-link') && getComputedStyle(node).display !== 'inline')
          .map((node) => ({ what: node.id || node.textContent.trim() || node.className, box: (node.closest('label') ?? node).getBoundingClientRect() }))
          .filter(({ box }) => box.height < 43.9 || box.width < 43.9)
          .map(({ what, box }) => `${what}: ${box.width} x ${box.height}`));
        assert.deepEqual(small, [], `${path} ${loggedIn ? 'of somebody' : 'of a guest'}`);
        await page.close();
      }
    }
  });
}

test('on the smallest phone the bars of the board are one line each, and who is here unfolds over the paper', async (t) => {
  const page = await visit(await someone(t, { viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true }, false), '/drawing-board');
  await ready(page);
  await page.locator('#people-count', { hasText: 'Guests only' }).waitFor();
  const boxes = () => page.evaluate(() => [...document.querySelectorAll('.board__people-head, .board__actions, .board__actions button')].map((node) => {
    const { left, top, right, bottom } = node.getBoundingClientRect();
    return [left, top, right, bottom].map(Math.round);
  }));
  const closed = await boxes();
  const [head, , ...buttons] = closed.filter(([left, , right]) => right > left);
  assert.equal(new Set(buttons.map(([, top]) => top)).size, 1, JSON.stringify(buttons));
  assert.ok(head[2] <= buttons[0][0], 'nothing lies over another');
  assert.ok(await page.locator('.board__people-head').evaluate(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth), 'the words are inside');
  await page.tap('#board-people summary');
  await page.locator('#guest-note').waitFor();
  assert.deepEqual(await boxes(), closed, 'nothing moves when the list unfolds');
  await page.locator('#guest-note').click({ trial: true });
});

// The share of the window where a stroke can begin: a point every eight pixels is asked what lies there.
const paper = (page) => page.evaluate(() => {
  const stage = document.getElementById('stage');
  let [taken, all] = [0, 0];
  for (let x = 4; x < innerWidth; x += 8) {
    for (let y = 4; y < innerHeight; y += 8, all++) taken += document.elementFromPoint(x, y) === stage ? 1 : 0;
  }
  return taken / all;
});
const textSize = (page, px) => page.evaluate((size) => { document.documentElement.style.fontSize = `${size}px`; }, px);

// The last one is a window of 1280 x 1024 at 400 %.
for (const [width, height, least] of [[390, 844, 0.65], [844, 390, 0.55], [320, 568, 0.55], [568, 320, 0.5], [768, 1024, 0.5], [1280, 800, 0.65], [320, 256, 0.4]]) {
  const part = (share) => `${Math.round(share * 100)} %`;
  test(`in a window of ${width} x ${height}, ${part(least)} of it or more is paper that takes strokes, whatever the size of text, and all but a corner once the bars are put away`, async (t) => {
    const touch = width < 1000;
    for (const loggedIn of [false, true]) {
      const page = await visit(await someone(t, { viewport: { width, height }, hasTouch: touch, isMobile: touch }, loggedIn), '/drawing-board');
      await ready(page);
      for (const px of [16, 24, 32]) {
        await textSize(page, px);
        const where = `text of ${px} pixels, ${loggedIn ? 'a long name' : 'a guest'}`;
        assert.ok(await paper(page) >= least, `${part(await paper(page))}, ${where}`);
        assert.ok(await widthOf(page) <= width, `${await widthOf(page)} pixels, ${where}`);
        const lost = await page.evaluate(() => [...document.querySelectorAll('.topbar :is(a, button, summary), .board__top :is(button, summary), #dock :is(button, input)')]
          .filter((node) => node.checkVisibility() && !node.closest('#palette, #dock-row'))
          .filter((node) => { const { left, right, top, bottom } = node.getBoundingClientRect(); return left < 0 || top < 0 || right > innerWidth + 0.5 || bottom > innerHeight + 0.5; })
          .map((node) => node.id || node.className));
        assert.deepEqual(lost, [], where);
        const small = touch ? await page.evaluate(() => [...document.querySelectorAll('#dock button, .board__top :is(button, summary), .topbar :is(a, button, summary), .swatch')]
          .filter((node) => node.checkVisibility() && (node.offsetWidth < 43.9 || node.offsetHeight < 43.9)).map((node) => node.id || node.className)) : [];
        assert.deepEqual(small, [], where);
      }
      await page.locator('#stage').focus();
      await page.keyboard.press('f');
      assert.ok(await paper(page) >= 0.9, part(await paper(page)));
      await page.mouse.click(width / 2, 20); // where the header was
      await page.waitForFunction(() => Number(document.querySelector('canvas#board').dataset.strokes) > 0);
      await page.keyboard.press('f');
      assert.ok(await paper(page) < 0.9);
    }
  });
}

test('with text twice as large, messages have a part of the window to be read in, and a field to be written in', async (t) => {
  for (const [width, height] of [[390, 844], [320, 568], [844, 390], [1280, 800]]) {
    const context = await someone(t, { viewport: { width, height }, hasTouch: width < 1000, isMobile: width < 1000 }, true);
    for (const path of ['/chat', `/direct-messaging#${LONG_NAME}`]) {
      const page = await visit(context, path);
      await ready(page);
      await page.locator('.log').waitFor();
      await textSize(page, 32);
      const part = await page.evaluate(() => document.querySelector('.log').getBoundingClientRect().height / innerHeight);
      assert.ok(part >= 0.25, `${Math.round(part * 100)} % of ${width} x ${height}, ${path}`);
      await page.locator('#composer textarea').click({ trial: true });
      await page.close();
    }
  }
});

test('the bars of the board go and come back by a button that keeps the focus, and without them one still learns that there is no connection', async (t) => {
  const context = await someone(t, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, outage: true }, true);
  await deadEnds(context);
  const page = await visit(context, '/drawing-board');
  await stateIs(page, 'connecting');
  const bars = page.getByRole('button', { name: 'Tools and bars' });
  await bars.focus();
  await page.keyboard.press('Enter');
  assert.equal(await bars.getAttribute('aria-expanded'), 'false');
  assert.equal(await focused(page), 'fold');
  assert.equal(await page.locator('.board__top:visible, #dock-row > :visible, .brand:visible, #account-menu:visible').count(), 0);
  const again = await staysAway(page);
  await again.click({ trial: true });
  await bars.tap();
  assert.equal(await bars.getAttribute('aria-expanded'), 'true');
  await page.locator('#help').click({ trial: true });
  // A key puts away what has the focus: it goes to the paper.
  await page.focus('#zoom-in');
  await page.keyboard.press('f');
  assert.equal(await focused(page), 'stage');
});

test('without a finger every colour of the board is in view, however narrow the window is', async (t) => {
  const page = await visit(await someone(t, {}, false), '/drawing-board');
  await ready(page);
  for (const [width, height] of [[390, 600], [640, 400], [800, 600]]) {
    await page.setViewportSize({ width, height });
    const [content, room] = await page.locator('#palette').evaluate(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth]);
    assert.ok(content <= room, `${content} pixels of colours in ${room} of ${width} x ${height}`);
  }
});

test('the button that ends the wait for the connection goes away with it, and the focus goes on to the page', async (t) => {
  const context = await someone(t, { outage: true }, false);
  await deadEnds(context);
  const page = await visit(context, '/chat');
  await stateIs(page, 'connecting');
  const again = await staysAway(page);
  assert.equal(await page.locator('#connection [role=status]').textContent(), 'Reconnecting', 'the seconds are not read out');
  await focusOn(page, again);
  await page.evaluate(() => { window.deadEnd = false; });
  await page.keyboard.press('Enter');
  await again.waitFor({ state: 'hidden' });
  assert.equal(await focused(page), 'main');
});

test('a notice gives the focus back, and stays as long as it has it', async (t) => {
  const page = await visit(await someone(t, {}, false), '/');
  await ready(page);
  const notice = (text, ms) => page.evaluate(async ([words, time]) => { (await import('/public/js/dom.js')).toast(words, { ms: time }); }, [text, ms]);
  await notice('closed by hand', 0);
  await focusOn(page, '#theme-toggle');
  await focusOn(page, '.toast button');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('.toast').count(), 0);
  assert.equal(await focused(page), 'theme-toggle');
  // The timer of the notice has run when one that was set later and takes longer has.
  await page.evaluate(async () => {
    const { toast } = await import('/public/js/dom.js');
    toast('goes by itself', { ms: 20 });
    document.querySelector('.toast button').focus();
    await new Promise((resolve) => setTimeout(resolve, 60));
  });
  assert.equal(await page.locator('.toast').count(), 1);
  await focusOn(page, '#theme-toggle');
  await page.locator('.toast').waitFor({ state: 'detached' });
  assert.equal(await focused(page), 'theme-toggle');
});

test('while it is not known who is here, the home page asks nobody to register', async (t) => {
  const context = await someone(t, {}, true);
  let tell;
  const known = new Promise((resolve) => { tell = resolve; });
  await context.route('**/api/users/@me', async (route) => { await known; await route.continue(); });
  const page = await visit(context, '/');
  const asks = () => page.locator('#hero-register:visible, .account__register:visible').count();
  assert.equal(await asks(), 0);
  tell();
  await page.locator('#hero-note', { hasText: 'Good to see you' }).waitFor();
  assert.equal(await asks(), 0);
});

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
