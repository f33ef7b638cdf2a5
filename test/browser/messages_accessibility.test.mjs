// The messenger: nothing that axe-core objects to, nothing too small to touch, nothing too wide for a small phone.

import assert from 'node:assert/strict';
import test from 'node:test';
import { newUser } from '../e2e/lib/http.mjs';
import { file, startServer } from '../e2e/lib/server.mjs';
import { connected, launch, person, visit } from './lib/browser.mjs';
import {
  MARKUP, PHONE, assertNotWide, assertNoViolations, clientOf, conversation, isOpen, member, openPage, row, tell, unreadOf, write,
} from './lib/messages.mjs';

const browser = await launch(file);
const shared = await startServer(file);

// People of one test have names of their own, because all tests share a server.
const someone = (t, server, username, options) => member(t, browser, server, username, options);

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
      const typing = page.waitForFunction(() => document.querySelector('[data-testid=typing]').checkVisibility());
      bobs.send({ messageType: 'typing', targetUser: name, isTyping: true });
      await typing;
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
