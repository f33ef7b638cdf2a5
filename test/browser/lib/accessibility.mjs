// Every page, on a desktop and on a phone, for guests and users: no violation that axe-core knows of.
// Each colour scheme is a test file of its own, so that they run side by side.

import assert from 'node:assert/strict';
import axe from 'axe-core';
import test from 'node:test';
import { file, startServer } from '../../e2e/lib/server.mjs';
import { newUser } from '../../e2e/lib/http.mjs';
import { PAGES, draw, launch, person, ready, visit } from './browser.mjs';

const SCREENS = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
};

async function assertNoViolations(page, what) {
  // Run by the debugger, so that the page's policy stays as it is.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(' ')}`);
  assert.deepEqual(found, [], what);
}

export async function checkEveryPage(colorScheme) {
  const browser = await launch(file);
  const server = await startServer(file);
  const cookie = await newUser(server, 'Ada.Lovelace');
  const someone = (t, options, loggedIn) => person(t, browser, server, { ...options, cookie: loggedIn ? cookie : undefined });

  for (const [screen, options] of Object.entries(SCREENS)) {
    for (const loggedIn of [false, true]) {
      test(`no violations in ${colorScheme}, on a ${screen}, ${loggedIn ? 'logged in' : 'as a guest'}`, async (t) => {
        const context = await someone(t, { ...options, colorScheme }, loggedIn);
        for (const path of PAGES) {
          const page = await visit(context, path);
          await ready(page);
          await assertNoViolations(page, path);
          await page.close();
        }
      });
    }
  }

  test(`no violations in ${colorScheme} with dialogs, menus, errors and results on screen`, async (t) => {
    const context = await someone(t, { colorScheme }, true);
    const board = await visit(context, '/drawing-board');
    await ready(board);
    await draw(board, [[100, 100], [300, 200]]);
    await board.click('#board-people summary');
    await assertNoViolations(board, 'the people on the board');
    await board.keyboard.press('Escape');
    for (const name of ['help', 'export']) {
      await board.click(`#${name}`);
      await board.locator(`#${name}-dialog[open]`).waitFor();
      await assertNoViolations(board, `the dialog ${name}`);
      await board.keyboard.press('Escape');
      await board.locator(`#${name}-dialog:not([open])`).waitFor({ state: 'attached' });
    }
    await board.click('#account-menu summary');
    await assertNoViolations(board, 'the menu of the account');

    const echo = await visit(context, '/test-websocket');
    await ready(echo);
    await echo.click('#echo-sizes button[data-size="125"]');
    await echo.click('#echo-specials button[data-special="controls"]');
    await echo.waitForFunction(() => document.querySelectorAll('#echo-log tr').length === 2);
    await assertNoViolations(echo, 'results of the echo');

    const guest = await someone(t, { colorScheme }, false);
    const form = await visit(guest, '/register');
    await form.fill('input[name=username]', 'not a name');
    await form.fill('input[name=password]', 'x');
    await form.keyboard.press('Enter');
    await form.waitForFunction(() => document.querySelector('#register-form [role=alert]').textContent.trim() !== '');
    await assertNoViolations(form, 'an error of the form');
  });
}
