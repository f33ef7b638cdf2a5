// The test page: everything comes back identical.

import assert from 'node:assert/strict';
import test from 'node:test';
import { file, startServer } from '../e2e/lib/server.mjs';
import { connected, launch, person, visit } from './lib/browser.mjs';

const browser = await launch(file);
const server = await startServer(file);

async function testPage(t) {
  const page = await visit(await person(t, browser, server), '/test-websocket');
  await connected(page);
  return page;
}

// The rows of the log, oldest first, once there are that many.
async function rows(page, count) {
  await page.waitForFunction((n) => document.querySelectorAll('#echo-log tr').length >= n, count);
  const all = await page.$$eval('#echo-log tr', (found) =>
    found.map(({ dataset }) => ({ size: Number(dataset.size), identical: dataset.identical, ms: Number(dataset.ms) })));
  assert.equal(all.length, count);
  return all.reverse();
}

test('every preset comes back identical, 5 MB included', async (t) => {
  const page = await testPage(t);
  const sizes = await page.$$eval('#echo-sizes button[data-size]', (buttons) => buttons.map((one) => Number(one.dataset.size)));
  assert.deepEqual(sizes, [125, 126, 65_535, 65_536, 200_000, 5_000_000]);
  for (const [i, size] of sizes.entries()) {
    await page.click(`#echo-sizes button[data-size="${size}"]`);
    const last = (await rows(page, i + 1)).at(-1);
    assert.equal(last.size, size);
    assert.equal(last.identical, 'true');
    assert.ok(last.ms > 0);
  }
  assert.match(await page.locator('[data-stat=identical]').textContent(), /^6 \D+6$/);
});

test('every difficult text comes back identical', async (t) => {
  const page = await testPage(t);
  const specials = await page.$$eval('#echo-specials button', (buttons) => buttons.map((one) => one.dataset.special));
  assert.ok(specials.includes('surrogate') && specials.includes('nul'));
  for (const special of specials) await page.click(`#echo-specials button[data-special="${special}"]`);
  for (const row of await rows(page, specials.length)) assert.equal(row.identical, 'true');
});

test('a text that one types comes back identical, and is shown as text', async (t) => {
  const page = await testPage(t);
  await page.fill('#echo-text', '<img src=x onerror=alert(1)> & "ü€😀"');
  await page.click('#echo-send');
  assert.equal((await rows(page, 1))[0].identical, 'true');
  assert.match(await page.locator('#echo-log tr').textContent(), /<img src=x onerror=alert\(1\)>/);
  assert.equal(await page.locator('#echo-log img').count(), 0);
});

test('with the whole message counted the frame has exactly the size of the preset', async (t) => {
  const page = await testPage(t);
  await page.check('#echo-whole');
  const frames = [];
  for (const [i, size] of [125, 126, 65_535, 65_536].entries()) {
    await page.click(`#echo-sizes button[data-size="${size}"]`);
    const last = (await rows(page, i + 1)).at(-1);
    frames.push(last.size);
    assert.equal(last.identical, 'true');
  }
  const overhead = JSON.stringify({ messageType: 'echo_client', text: '' }).length;
  assert.deepEqual(frames, [125, 126, 65_535, 65_536].map((size) => size - overhead));
});

test('a burst of a thousand comes back identical', async (t) => {
  const page = await testPage(t);
  await page.fill('#burst-count', '1000');
  await page.click('#burst-send');
  await page.waitForFunction(() => /1\D?000 messages there and back/.test(document.querySelector('#echo-words').textContent));
  assert.match(await page.locator('#echo-words').textContent(), /all identical/);
});
