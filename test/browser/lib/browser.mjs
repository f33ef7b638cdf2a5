// Chromium, and pages that watch themselves: an error in the console, an exception, a violation of
// the Content-Security-Policy or a request to another origin fails the test that opened the page.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { cleanUp } from '../../e2e/lib/server.mjs';

const EXECUTABLE = process.env.CHROMIUM || '/usr/bin/chromium';
const ARGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

// Generous: a guard against hanging, never a measure.
export const GUARD_MS = 60_000;

export const PAGES = ['/', '/register', '/login', '/test-websocket', '/drawing-board'];

export async function launch(t) {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGS });
  cleanUp(t, () => browser.close());
  return browser;
}

// Chromium reports these as errors, and they are what the contract says.
function isExpected(message, outage) {
  const { url } = message.location();
  const guest = /status of 401/.test(message.text()) && url.endsWith('/api/users/@me');
  const refused = /status of (400|409|429)/.test(message.text()) && /\/(login|register)$/.test(url);
  const asked = outage && /status of 400/.test(message.text()) && url.endsWith('/websocket'); // why no handshake works
  const gone = outage && /WebSocket connection to|ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/.test(message.text());
  return guest || refused || asked || gone;
}

// A person with a browser profile of their own. options: what playwright's newContext takes, `cookie`
// for somebody who is logged in, and `outage` where the test takes the server away.
export async function person(t, browser, server, { outage = false, cookie, ...options } = {}) {
  const context = await browser.newContext({
    viewport: { width: 1000, height: 700 },
    baseURL: server.url,
    reducedMotion: 'reduce',
    ...options,
  });
  context.setDefaultTimeout(GUARD_MS);
  if (cookie) {
    const [name, value] = cookie.split('=');
    await context.addCookies([{ name, value, url: server.url }]);
  }
  const problems = [];
  context.on('page', (page) => {
    page.on('console', (message) => {
      if (message.type() === 'error' && !isExpected(message, outage)) {
        problems.push(`console: ${message.text()} (${message.location().url})`);
      }
    });
    page.on('pageerror', (error) => problems.push(`exception: ${error.stack}`));
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== server.url) {
        problems.push(`request to another origin: ${url}`);
      }
    });
    page.on('websocket', (socket) => {
      const url = new URL(socket.url());
      if (url.host !== server.authority) problems.push(`WebSocket to another host: ${url}`);
    });
  });
  await context.exposeBinding('reportViolation', (_, text) => problems.push(`policy: ${text}`));
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      window.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  cleanUp(t, async () => {
    await context.close();
    assert.deepEqual(problems, []);
  });
  return context;
}

// Handshakes meet a dead end while window.deadEnd is true: a real server that never answers would keep the whole page
// waiting. refuseHandshake() ends the last one.
export async function deadEnds(context) {
  await context.addInitScript(() => {
    const Real = window.WebSocket;
    const sockets = [];
    window.deadEnd = true;
    window.WebSocket = class {
      constructor(...how) {
        if (!window.deadEnd) return new Real(...how);
        sockets.push(this);
      }

      close() { /* it never was open */ }
    };
    window.WebSocket.OPEN = Real.OPEN;
    window.refuseHandshake = () => sockets.at(-1).onclose?.({ code: 1006 });
  });
}

// Long waits come after short ones: until the button is there that ends them.
export async function staysAway(page, afterRefusal = async () => {}) {
  const again = page.getByRole('button', { name: 'Try now' });
  for (let refused = 0; refused < 6 && !(await again.isVisible()); refused++) {
    await page.evaluate(() => window.refuseHandshake());
    await stateIs(page, 'reconnecting');
    await afterRefusal();
    if (!(await again.isVisible())) await page.evaluate(async () => (await import('/public/js/socket.js')).socket.retryNow());
  }
  return again;
}

export const stateIs = (page, name) => page.locator(`[data-testid=connection-state][data-state=${name}]`).waitFor({ state: 'attached' });

export async function visit(context, path) {
  const page = await context.newPage();
  await page.goto(path);
  return page;
}

export async function registerByPage(page, username, password = 'correct horse battery') {
  await page.goto('/register');
  await page.fill('#register-form input[name=username]', username);
  await page.fill('#register-form input[name=password]', password);
  await page.click('#register-form button:not([type=button])');
  await page.locator('[data-testid=username]').waitFor();
}

export async function loginByPage(page, username, password = 'correct horse battery') {
  await page.goto('/login');
  await page.fill('#login-form input[name=username]', username);
  await page.fill('#login-form input[name=password]', password);
  await page.click('#login-form button:not([type=button])');
  await page.locator('[data-testid=username]').waitFor();
}

export const connected = (page) => page.locator('[data-testid=connection-state][data-state=open]').waitFor();

// Playwright focuses what is hidden, too, and nothing happens then.
export async function focusOn(page, target) {
  const found = typeof target === 'string' ? page.locator(target) : target;
  await found.waitFor();
  await found.focus();
}

// Everything is there that a page shows only once the server has answered.
export async function ready(page) {
  await page.locator('#account a, #account details').first().waitFor();
  if (await page.locator('[data-testid=connection-state]').count()) await connected(page);
}

// ── the board ──

// At rest: connected, everything painted, nothing on its way.
export async function atRest(page, strokes) {
  await connected(page);
  await page.waitForFunction((wanted) => {
    const { strokes: shown, pending, working } = document.querySelector('canvas#board').dataset;
    const right = wanted === null ? Number(shown) > 0 : Number(shown) === wanted;
    return right && working === 'false' && (pending ?? '0') === '0';
  }, strokes ?? null);
  // Two frames, so that what was asked for is on the canvas.
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

export const strokesOn = (page) => page.evaluate(() => Number(document.querySelector('canvas#board').dataset.strokes));

// The canvas itself, pixel for pixel.
export const picture = (page) => page.evaluate(() => document.querySelector('canvas#board').toDataURL('image/png'));

// The colour of one point of the board, given in the board's own units.
export const colorAt = (page, x, y) =>
  page.evaluate(([boardX, boardY]) => {
    const canvas = document.querySelector('canvas#board');
    const { scale, x: left, y: top } = canvas.dataset;
    const density = canvas.width / canvas.getBoundingClientRect().width;
    const px = Math.round((boardX * Number(scale) + Number(left)) * density);
    const py = Math.round((boardY * Number(scale) + Number(top)) * density);
    return [...canvas.getContext('2d').getImageData(px, py, 1, 1).data.slice(0, 3)];
  }, [x, y]);

// Draws with the mouse along points of the board.
export async function draw(page, points) {
  const { left, top, scale, x, y } = await page.evaluate(() => {
    const canvas = document.querySelector('canvas#board');
    const box = canvas.getBoundingClientRect();
    const { scale: s, x: dx, y: dy } = canvas.dataset;
    return { left: box.left, top: box.top, scale: Number(s), x: Number(dx), y: Number(dy) };
  });
  const at = ([px, py]) => [left + x + px * scale, top + y + py * scale];
  await page.mouse.move(...at(points[0]));
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...at(point), { steps: 8 });
  await page.mouse.up();
}

export const useColor = (page, color) => page.locator(`#palette label[data-color="${color}"]`).click();

export const peopleOn = (page, names) =>
  page.waitForFunction(
    (wanted) => {
      const shown = [...document.querySelectorAll('#active-users li[data-username]')].map((item) => item.dataset.username);
      return JSON.stringify(shown) === JSON.stringify(wanted);
    },
    names,
  );
