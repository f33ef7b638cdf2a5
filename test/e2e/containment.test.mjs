// Nothing outside of the front-end folder is served, however the path is written.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { SECRET, fixture } from './lib/fixture.mjs';
import { exchange, get } from './lib/raw.mjs';
import { file, startServer } from './lib/server.mjs';

const dir = fixture(file);
const server = await startServer(file, { static: dir });
const outside = path.dirname(dir);

const UPWARD = [
  '..', '%2e%2e', '.%2e', '%2e.', '%2E%2E', '%252e%252e', '%%32%65%%32%65', '..%00', '%00..',
  '%c0%ae%c0%ae', '%e0%80%ae%e0%80%ae', '%uff0e%uff0e', '..;', '..%20', '..\\', '....', '.../',
];
const SEPARATORS = ['/', '%2f', '%2F', '\\', '%5c', '//', '/./', '%252f', '%c0%af', '/%2f'];

test('no way of writing .. and / leads out of the folder', async () => {
  for (const up of UPWARD) {
    for (const separator of SEPARATORS) {
      for (const start of ['/public/', '/public/sub/', '/public', '/']) {
        for (const depth of [1, 2, 3]) {
          const target = start + `${up}${separator}`.repeat(depth) + 'secret.txt';
          const answer = await get(server, target);
          assert.ok([400, 404].includes(answer.status), `${target}: ${answer.status}`);
          assert.ok(!answer.bodyText.includes(SECRET), target);
        }
      }
    }
  }
});

test('a path that leaves the folder is 404', async () => {
  for (const target of [
    '/public/../secret.txt',
    '/public/%2e%2e/secret.txt',
    '/public/%2e%2e%2fsecret.txt',
    '/public/..%2fsecret.txt',
    '/public/sub/../../secret.txt',
    '/public/../public-twin/secret.txt',
    `/public/${outside}/secret.txt`,
    `/public//${outside}/secret.txt`,
    `/public/%2f${outside.slice(1)}/secret.txt`,
    '/public/../../../../../../../../../../etc/passwd',
    '/../secret.txt',
    '/video-call/../../secret.txt',
    '/video-call/..%2f..%2fsecret.txt',
  ]) {
    const answer = await get(server, target);
    // A room's page has any name, so only what is served matters below /video-call.
    if (!target.startsWith('/video-call')) assert.equal(answer.status, 404, target);
    assert.ok(!answer.bodyText.includes(SECRET), target);
    assert.doesNotMatch(answer.bodyText, /root:/, target);
  }
});

test('a NUL in a path is 404', async () => {
  for (const target of ['/public/style.css%00', '/public/style.css%00.html', '/%00', '/login%00', '/public/%00/style.css']) {
    assert.equal((await get(server, target)).status, 404, target);
  }
});

test('a raw NUL in the request line is refused', async () => {
  const answer = await exchange(server, 'GET /public/style.css\0 HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.ok([400, 404].includes(answer.status), String(answer.status));
});

test('a symlink to a file outside is 404', async () => {
  fs.symlinkSync(path.join(outside, 'secret.txt'), path.join(dir, 'absolute-link.txt'));
  fs.symlinkSync('../secret.txt', path.join(dir, 'relative-link.txt'));
  for (const target of ['/public/absolute-link.txt', '/public/relative-link.txt']) {
    const answer = await get(server, target);
    assert.equal(answer.status, 404, target);
    assert.ok(!answer.bodyText.includes(SECRET));
  }
});

test('a symlink to a folder outside is 404', async () => {
  fs.symlinkSync('..', path.join(dir, 'up'));
  fs.symlinkSync('/', path.join(dir, 'root'));
  for (const target of ['/public/up/secret.txt', '/public/root/etc/passwd', `/public/root${outside}/secret.txt`]) {
    const answer = await get(server, target);
    assert.equal(answer.status, 404, target);
  }
});

test('a page that is a symlink to a file outside is 404', async (t) => {
  const own = fixture(t);
  fs.rmSync(path.join(own, 'chat.html'));
  fs.symlinkSync('../secret.txt', path.join(own, 'chat.html'));
  const other = await startServer(t, { static: own });
  const answer = await get(other, '/chat');
  assert.equal(answer.status, 404);
  assert.ok(!answer.bodyText.includes(SECRET));
});

test('a named pipe in the folder is 404 and stops nobody', async () => {
  execFileSync('mkfifo', [path.join(dir, 'pipe')]);
  assert.equal((await get(server, '/public/pipe')).status, 404);
  assert.equal((await get(server, '/public/style.css')).status, 200);
});

test('a symlink that leads to itself is 404', async () => {
  fs.symlinkSync('loop', path.join(dir, 'loop'));
  assert.equal((await get(server, '/public/loop')).status, 404);
});

test('a name longer than any file has is 404', async () => {
  assert.equal((await get(server, `/public/${'x'.repeat(300)}`)).status, 404);
  assert.equal((await get(server, `/public/${'x/'.repeat(3000)}y`)).status, 404);
});

test('a broken percent-encoding is refused', async () => {
  for (const target of ['/public/%', '/public/%2', '/public/%zz', '/public/%-1', '/public/style.css%']) {
    const { status } = await get(server, target);
    assert.ok([400, 404].includes(status), `${target}: ${status}`);
  }
});

test('dot segments that stay inside lead nowhere else', async () => {
  for (const target of ['/public/sub/../style.css', '/public/./style.css', '/public/sub/%2e%2e/style.css']) {
    const answer = await get(server, target);
    assert.ok([200, 404].includes(answer.status), target);
    if (answer.status === 200) assert.equal(answer.bodyText, 'body { color: #123; }\n');
  }
});

test('an absolute request target is as contained as any other', async () => {
  const good = await get(server, `http://${server.authority}/public/style.css`);
  assert.equal(good.status, 200);
  for (const rest of ['/public/../secret.txt', '/../secret.txt', '/public/%2e%2e/secret.txt']) {
    const answer = await get(server, `http://${server.authority}${rest}`);
    assert.equal(answer.status, 404, rest);
    assert.ok(!answer.bodyText.includes(SECRET));
  }
});

test('the static folder itself may be reached through a symlink', async (t) => {
  const link = path.join(outside, 'link-to-public');
  fs.symlinkSync(dir, link);
  const other = await startServer(t, { static: link });
  assert.equal((await get(other, '/public/style.css')).status, 200);
  assert.equal((await get(other, '/public/../secret.txt')).status, 404);
});
