// The messenger: what somebody writes, from the field to the bubble on the other side.

import assert from 'node:assert/strict';
import test from 'node:test';
import { newUser } from '../e2e/lib/http.mjs';
import { file, startServer } from '../e2e/lib/server.mjs';
import { launch } from './lib/browser.mjs';
import {
  MARKUP, conversation, fence, isOpen, member, onScreen, openPage, row, rowSays, shows, storedBetween, unreadOf, write,
} from './lib/messages.mjs';

const browser = await launch(file);
const shared = await startServer(file);

// People of one test have names of their own, because all tests share a server.
const someone = (t, server, username, options) => member(t, browser, server, username, options);

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
  assert.deepEqual(await storedBetween(t, shared, ada.cookie, 'bob10'), [`ada10: ${whole}`]);
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
  assert.equal((await storedBetween(t, shared, ada.cookie, 'bob10'))[1], 'ada10: abc\u{1f600}');
});

for (const reducedMotion of ['reduce', 'no-preference']) {
  test(`who opens a conversation can write at once, motion: ${reducedMotion}`, async (t) => {
    const name = `ada30${reducedMotion[0]}`;
    const ada = await someone(t, shared, name, { reducedMotion });
    const page = await conversation(ada, name); // notes to oneself
    await page.keyboard.type('at once');
    assert.equal(await page.inputValue('#message-text'), 'at once');
  });
}

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
