// The messenger and the chat: people with accounts, what is on screen, and waiting for it.

import assert from 'node:assert/strict';
import axe from 'axe-core';
import { Client } from '../../e2e/lib/client.mjs';
import { newUser } from '../../e2e/lib/http.mjs';
import { connected, person, visit } from './browser.mjs';

export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

// Runs a program wherever it is put in as markup; as text it does nothing.
export const MARKUP = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script><b>bold</b> &amp; {{content}}';

// A person who is logged in. The context has their `name`, and their `cookie` for clients of another make.
export async function member(t, browser, server, username, options = {}) {
  const context = await person(t, browser, server, options);
  await watchMessages(context);
  context.name = username;
  context.cookie = await newUser(server, username);
  await becomes(context, server, context.cookie);
  return context;
}

export async function becomes(context, server, cookie) {
  const [name, value] = cookie.split('=');
  await context.addCookies([{ name, value, url: server.url }]);
}

export async function openPage(context, path) {
  const page = await visit(context, path);
  await connected(page);
  return page;
}

// The conversation with somebody, loaded.
export async function conversation(context, name) {
  const page = await openPage(context, `/direct-messaging#${name}`);
  await isOpen(page, name);
  return page;
}

export async function isOpen(page, name) {
  await page.locator(`#messenger[data-open="${name}"]`).waitFor();
  await page.locator('[data-testid=beginning], [data-testid=loading-older]').waitFor({ state: 'attached' });
}

export const disconnected = (page) =>
  page.waitForFunction(() => document.querySelector('[data-testid=connection-state]').dataset.state !== 'open');

export async function write(page, text) {
  await page.fill('#message-text', text);
  await page.press('#message-text', 'Enter');
}

// Waits until the messages on screen are these: "own text" as `> text`, a state other than sent in front of it.
export async function shows(page, wanted) {
  try {
    await page.waitForFunction((json) => window.messagesOnScreen() === json, JSON.stringify(wanted));
  } catch (error) {
    assert.deepEqual(await onScreen(page), wanted);
    throw error;
  }
}

export async function onScreen(page) {
  return JSON.parse(await page.evaluate(() => window.messagesOnScreen()));
}

// To be called before the first page is opened.
export async function watchMessages(context) {
  await context.addInitScript(() => {
    window.messagesOnScreen = () => JSON.stringify([...document.querySelectorAll('[data-testid=message]')].map((node) => {
      const { own, state } = node.dataset;
      const mark = own === 'true' ? '> ' : '';
      return (state === 'sent' ? '' : `${state} `) + mark + node.querySelector('.message__text').textContent;
    }));
  });
}

// Every message of the server that the pages of a context have got, as text.
export function listenIn(context) {
  const frames = [];
  context.on('page', (page) => page.on('websocket', (socket) => {
    socket.on('framereceived', ({ payload }) => frames.push(payload.toString()));
  }));
  return frames;
}

// A round trip of the page's own connection: what the server had sent before is here after it.
export async function fence(page) {
  await page.evaluate(async () => {
    const { socket } = await import('/public/js/socket.js');
    const text = `fence ${Math.random()}`;
    await new Promise((resolve) => {
      const off = socket.on('echo_server', (message) => { if (message.text === text) { off(); resolve(); } });
      socket.send('echo_client', { text });
    });
  });
}

// Two frames, in which everything that was asked for is drawn.
export const drawn = (page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));

// Nobody looks at this page any more, or somebody does again.
export const setHidden = (page, hidden) =>
  page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { value, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);

export const hasTitle = (page, title) => page.waitForFunction((wanted) => document.title === wanted, title);

export const iconOf = (page) => page.evaluate(() => document.querySelector('link[rel=icon]').getAttribute('href'));

// ── the list of people ──

export const row = (page, name) => page.locator(`#people [data-username="${name}"]`);
export const rowSays = (page, name, hasText) => row(page, name).filter({ hasText }).waitFor();
export const unreadOf = (page, name, count) => page.locator(`#people [data-username="${name}"][data-unread="${count}"]`).waitFor();

// ── from outside of any page ──

export const clientOf = (t, server, cookie) => Client.open(server, { t, cookie, protocol: 'parlor.v1' });

// Sends, and waits until it is stored.
export async function tell(client, targetUser, text) {
  client.send({ messageType: 'direct_message', targetUser, text });
  return client.entry((one) => one.type === 'direct_message' && one.message.text === text, 'the message to come back');
}

// What a conversation really holds.
export async function storedBetween(t, server, cookie, withUser) {
  const client = await clientOf(t, server, cookie);
  client.send({ messageType: 'select_user', targetUser: withUser });
  return (await client.next('message_history')).messages.map(({ fromUser, text }) => `${fromUser}: ${text}`);
}

export async function assertNoViolations(page, what) {
  // Run by the debugger, so that the page's policy stays as it is.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(' ')}`);
  assert.deepEqual(found, [], what);
}

export async function assertNotWide(page, what) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= window, `${what} is ${content} pixels wide in a window of ${window}`);
}
