// Pages, the layout, files below /public, and the headers that every response carries.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { LAYOUT, PAGES, fixture } from './lib/fixture.mjs';
import { get, postJson, request } from './lib/http.mjs';
import { RawConnection, exchange } from './lib/raw.mjs';
import { STATIC, file, startServer } from './lib/server.mjs';

const dir = fixture(file);
const server = await startServer(file, { static: dir });

for (const [route, name] of Object.entries(PAGES)) {
  test(`${route} is ${name} inside the layout`, async () => {
    const page = await get(server, route);
    assert.equal(page.status, 200);
    assert.equal(page.text, LAYOUT.join(`<p>page ${route} ü</p>\n`));
    assert.match(page.headers['content-type'], /^text\/html; *charset=utf-8$/i);
    assert.equal(Number(page.headers['content-length']), page.body.length);
  });
}

test('a query does not change which page is served', async () => {
  assert.equal((await get(server, '/login?next=/chat&x=%00')).text, (await get(server, '/login')).text);
});

test('any room ID below /video-call is the same page', async () => {
  const one = await get(server, '/video-call/abc');
  assert.equal(one.status, 200);
  assert.match(one.text, /page \/video-call\/0123456789abcdef01234567/);
  assert.equal((await get(server, '/video-call/abc/def')).status, 404);
});

test('the content is put into the layout as it is, whatever it looks like', async (t) => {
  const own = fixture(t);
  const content = "$& $1 $$ {{content}} %s \\0 {{ content }}";
  fs.writeFileSync(path.join(own, 'index.html'), content);
  const other = await startServer(t, { static: own });
  assert.equal((await get(other, '/')).text, LAYOUT.join(content));
});

test('without a layout the page file is served alone', async (t) => {
  const other = await startServer(t, { static: fixture(t, { layout: false }) });
  const page = await get(other, '/login');
  assert.equal(page.status, 200);
  assert.equal(page.text, '<p>page /login ü</p>\n');
  assert.match(page.headers['content-type'], /^text\/html; *charset=utf-8$/i);
});

test('a page whose file is missing is 404, and the others are served', async (t) => {
  const own = fixture(t);
  fs.rmSync(path.join(own, 'chat.html'));
  const other = await startServer(t, { static: own });
  assert.equal((await get(other, '/chat')).status, 404);
  assert.equal((await get(other, '/login')).status, 200);
});

test('an unknown path is 404', async () => {
  for (const target of ['/nothing', '/login/', '/login.html', '/index.html', '/public', '/public/nothing', '/publicstyle.css', '/PUBLIC/style.css']) {
    assert.equal((await get(server, target)).status, 404, target);
  }
});

const TYPES = {
  'page.html': /^text\/html; *charset=utf-8$/i,
  'style.css': /^text\/css; *charset=utf-8$/i,
  'app.js': /^(text|application)\/javascript; *charset=utf-8$/i,
  'module.mjs': /^(text|application)\/javascript; *charset=utf-8$/i,
  'notes.txt': /^text\/plain; *charset=utf-8$/i,
  'data.json': /^application\/json(; *charset=utf-8)?$/i,
  'drawing.svg': /^image\/svg\+xml(; *charset=utf-8)?$/i,
  'photo.png': /^image\/png$/i,
  'photo.jpg': /^image\/jpeg$/i,
  'photo.gif': /^image\/gif$/i,
  'photo.webp': /^image\/webp$/i,
  'favicon.ico': /^image\/(x-icon|vnd\.microsoft\.icon)$/i,
  'font.woff2': /^font\/woff2$/i,
  'unknown.zzz': /^application\/octet-stream$/i,
  'without-extension': /^application\/octet-stream$/i,
};
for (const [name, type] of Object.entries(TYPES)) {
  test(`${name} has its type, and its bytes are those of the file`, async () => {
    const content = Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 255));
    fs.mkdirSync(path.join(dir, 'types'), { recursive: true });
    fs.writeFileSync(path.join(dir, 'types', name), content);
    const answer = await get(server, `/public/types/${name}`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers['content-type'], type);
    assert.deepEqual(answer.body, content);
  });
}

test('a name that needs percent-encoding is served', async () => {
  assert.equal((await get(server, '/public/with%20space.txt')).text, 'space\n');
  assert.equal((await get(server, '/public/a+b.txt')).text, 'plus\n');
  assert.equal((await get(server, '/public/a%2bb.txt')).text, 'plus\n');
  assert.equal((await get(server, '/public/gr%C3%B6%c3%9fe.txt')).text, 'umlaut\n');
  assert.equal((await get(server, '/public/st%79le.css')).status, 200);
  assert.equal((await get(server, '/public/sub/inner.txt')).text, 'inner\n');
});

test('a folder is no file', async () => {
  for (const target of ['/public/', '/public/sub', '/public/sub/', '/public/.', '/public/layout']) {
    assert.equal((await get(server, target)).status, 404, target);
  }
});

test('a file is not a folder', async () => {
  for (const target of ['/public/style.css/', '/public/style.css/x']) {
    assert.equal((await get(server, target)).status, 404, target);
  }
});

test('a file of 20 MiB arrives whole, to several at once', async () => {
  const large = Buffer.alloc(20 << 20);
  for (let i = 0; i < large.length; i += 4) large.writeUInt32LE(i, i);
  fs.writeFileSync(path.join(dir, 'large.bin'), large);
  const answers = await Promise.all(Array.from({ length: 4 }, () => get(server, '/public/large.bin')));
  for (const answer of answers) {
    assert.equal(answer.status, 200);
    assert.equal(Buffer.compare(answer.body, large), 0);
  }
});

const SECURITY = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
};
function assertCommonHeaders(response, what) {
  for (const [name, value] of Object.entries(SECURITY)) {
    assert.equal(response.headers[name], value, `${name} of ${what}`);
  }
  const policy = response.headers['permissions-policy'] ?? '';
  for (const feature of ['camera', 'microphone', 'display-capture']) {
    assert.match(policy, new RegExp(`(^|,) *${feature}=\\(self\\)`), `${feature} in ${what}`);
  }
  assert.match(response.headers.date ?? '', /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
  assert.ok(Math.abs(Date.parse(response.headers.date) - Date.now()) < 60 * 60 * 1000, 'the date is today');
}

test('every response carries the security headers and a date', async () => {
  const all = {
    page: await get(server, '/'),
    file: await get(server, '/public/style.css'),
    health: await get(server, '/healthz'),
    'not found': await get(server, '/nothing'),
    'wrong method': await request(server, 'DELETE', '/login'),
    'not logged in': await get(server, '/api/users/@me'),
    'bad login': await postJson(server, '/login', {}),
    logout: await get(server, '/logout'),
    'no upgrade': await get(server, '/websocket'),
  };
  for (const [what, response] of Object.entries(all)) assertCommonHeaders(response, what);
  for (const [what, bytes] of [
    ['a malformed request', 'GET\r\n\r\n'],
    ['a version', 'GET / HTTP/9.0\r\nHost: x\r\n\r\n'],
    ['a method', 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a long line', `GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ]) {
    assertCommonHeaders(await exchange(server, bytes), what);
  }
});

test('everything with a body says what type it is', async () => {
  for (const target of ['/healthz', '/nothing', '/websocket', '/api/users/@me', '/public/']) {
    const answer = await get(server, target);
    assert.ok(answer.body.length > 0, target);
    assert.match(answer.headers['content-type'] ?? '', /^(text\/plain; *charset=utf-8|application\/json(; *charset=utf-8)?)$/i, target);
  }
});

test('an ETag answers If-None-Match with 304, without a body and without Content-Length', async (t) => {
  const { etag } = (await get(server, '/public/style.css')).headers;
  assert.match(etag, /^(W\/)?"[\x21\x23-\x7e]+"$/);
  const weak = etag.startsWith('W/') ? etag : `W/${etag}`;
  for (const value of [etag, weak, `"other", ${etag}`, `"other",${etag},"more"`, '*']) {
    const connection = await RawConnection.open(server, { t });
    connection.send(
      `GET /public/style.css HTTP/1.1\r\nHost: x\r\nIf-None-Match: ${value}\r\n\r\n` +
        'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    const first = await connection.response();
    assert.equal(first.status, 304, value);
    assert.equal(first.headers['content-length'], undefined);
    assert.equal(first.headers['transfer-encoding'], undefined);
    assert.equal(first.headers.etag, etag);
    assertCommonHeaders(first, '304');
    const second = await connection.response();
    assert.equal(second.status, 200);
    assert.equal(second.bodyText.trim(), 'ok');
    await connection.assertEnds();
  }
});

test('another ETag is answered with the whole file', async () => {
  const { etag } = (await get(server, '/public/style.css')).headers;
  for (const value of ['"other"', `"${etag.replaceAll('"', '')}x"`, 'W/"other", "more"']) {
    const answer = await get(server, '/public/style.css', { 'If-None-Match': value });
    assert.equal(answer.status, 200, value);
    assert.equal(answer.text, 'body { color: #123; }\n');
  }
});

test('a file that changes gets another ETag, even at the same size, and its new bytes are served', async () => {
  const changing = path.join(dir, 'changing.txt');
  fs.writeFileSync(changing, 'one');
  const before = await get(server, '/public/changing.txt');
  fs.writeFileSync(changing, 'two');
  fs.utimesSync(changing, new Date(), new Date(Date.now() - 5000));
  const after = await get(server, '/public/changing.txt', { 'If-None-Match': before.headers.etag });
  assert.equal(after.status, 200);
  assert.equal(after.text, 'two');
  assert.notEqual(after.headers.etag, before.headers.etag);
});

test('a page whose file or whose layout changes is served anew to those who have the old one', async (t) => {
  const own = fixture(t);
  const other = await startServer(t, { static: own });
  let { etag } = (await get(other, '/login')).headers;
  if (etag) {
    assert.equal((await get(other, '/login', { 'If-None-Match': etag })).status, 304);
  }
  for (const [name, content] of [['login.html', '<p>changed</p>'], ['layout/layout.html', '<b>{{content}}</b>']]) {
    fs.writeFileSync(path.join(own, name), content);
    const answer = await get(other, '/login', etag ? { 'If-None-Match': etag } : {});
    assert.equal(answer.status, 200, `${name} has changed`);
    assert.ok(answer.text.includes(content.replace('{{content}}', '<p>changed</p>')));
    etag = answer.headers.etag;
  }
});

test('HEAD has the headers of GET and no body', async (t) => {
  for (const target of ['/', '/public/style.css', '/public/digits.txt', '/public/nothing', '/healthz']) {
    const connection = await RawConnection.open(server, { t });
    const ask = (method) =>
      connection.send(`${method} ${target} HTTP/1.1\r\nHost: ${server.authority}\r\n\r\n`);
    ask('GET');
    const full = await connection.response();
    ask('HEAD');
    const head = await connection.response({ head: true });
    const comparable = ({ headers }) => ({ ...headers, date: '' });
    assert.equal(head.status, full.status, target);
    assert.deepEqual(comparable(head), comparable(full), target);
    assert.equal(Number(head.headers['content-length']), full.body.length);
    ask('GET');
    assert.deepEqual((await connection.response()).body, full.body, 'nothing lay between');
  }
});

test('If-None-Match works on HEAD, too', async (t) => {
  const { etag } = (await get(server, '/public/style.css')).headers;
  const connection = await RawConnection.open(server, { t });
  connection.send(`HEAD /public/style.css HTTP/1.1\r\nHost: x\r\nIf-None-Match: ${etag}\r\n\r\n`);
  const answer = await connection.response({ head: true });
  assert.equal(answer.status, 304);
  assert.equal(answer.headers['content-length'], undefined);
});

const RANGES = [
  ['bytes=0-0', '0', 'bytes 0-0/10'],
  ['bytes=2-4', '234', 'bytes 2-4/10'],
  ['bytes=5-', '56789', 'bytes 5-9/10'],
  ['bytes=9-', '9', 'bytes 9-9/10'],
  ['bytes=0-9', '0123456789', 'bytes 0-9/10'],
  ['bytes=0-99999999999', '0123456789', 'bytes 0-9/10'],
  ['bytes=7-99999999999999999999999', '789', 'bytes 7-9/10'],
  ['bytes=-99999999999999999999999', '0123456789', 'bytes 0-9/10'],
  ['bytes=-3', '789', 'bytes 7-9/10'],
  ['bytes=-10', '0123456789', 'bytes 0-9/10'],
  ['bytes=-99', '0123456789', 'bytes 0-9/10'],
];
for (const [range, content, contentRange] of RANGES) {
  test(`Range: ${range} is answered with 206 and ${JSON.stringify(content)}`, async () => {
    const answer = await get(server, '/public/digits.txt', { Range: range });
    assert.equal(answer.status, 206);
    assert.equal(answer.text, content);
    assert.equal(answer.headers['content-range'], contentRange);
    assert.equal(answer.headers['content-length'], String(content.length));
    assert.match(answer.headers['content-type'], /^text\/plain/);
  });
}

for (const range of ['bytes=10-', 'bytes=10-20', 'bytes=99-100', 'bytes=-0', 'bytes=18446744073709551616-', 'bytes=99999999999999999999999-99999999999999999999999']) {
  test(`Range: ${range} of ten bytes is answered with 416`, async () => {
    const answer = await get(server, '/public/digits.txt', { Range: range });
    assert.equal(answer.status, 416);
    assert.equal(answer.headers['content-range'], 'bytes */10');
    assert.ok(!answer.text.includes('0123456789'));
  });
}

for (const range of ['bytes=4-2', 'bytes=a-b', 'bytes=', 'bytes', 'lines=1-2', 'bytes=1--2', 'bytes=-', 'bytes=0x1-2']) {
  test(`Range: ${range} means nothing and is ignored`, async () => {
    const answer = await get(server, '/public/digits.txt', { Range: range });
    assert.equal(answer.status, 200);
    assert.equal(answer.text, '0123456789');
  });
}

test('Range is ignored on HEAD', async (t) => {
  for (const range of ['bytes=2-4', 'bytes=99-']) {
    const connection = await RawConnection.open(server, { t });
    connection.send(`HEAD /public/digits.txt HTTP/1.1\r\nHost: x\r\nRange: ${range}\r\n\r\n`);
    const answer = await connection.response({ head: true });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-length'], '10');
    assert.equal(answer.headers['content-range'], undefined);
  }
});

test('If-None-Match wins over Range', async () => {
  const { etag } = (await get(server, '/public/digits.txt')).headers;
  const answer = await get(server, '/public/digits.txt', { Range: 'bytes=2-4', 'If-None-Match': etag });
  assert.equal(answer.status, 304);
});

test('If-Range with another ETag asks for the whole file', async () => {
  const answer = await get(server, '/public/digits.txt', { Range: 'bytes=2-4', 'If-Range': '"other"' });
  assert.equal(answer.status, 200);
  assert.equal(answer.text, '0123456789');
});

test('an empty file is served empty', async () => {
  const answer = await get(server, '/public/empty.txt');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-length'], '0');
  assert.equal(answer.body.length, 0);
});

test("the project's own pages are served with a strict policy, without inline script", async (t) => {
  const own = await startServer(t, { static: STATIC });
  for (const route of ['/', '/register', '/login', '/test-websocket', '/drawing-board']) {
    const page = await get(own, route);
    assert.equal(page.status, 200, route);
    const policy = /<meta http-equiv="Content-Security-Policy"\s+content="([^"]+)"/i.exec(page.text);
    assert.ok(policy, `a policy in ${route}`);
    assert.doesNotMatch(policy[1], /unsafe-inline|unsafe-eval|\*|https?:/);
    assert.match(policy[1], /default-src 'self'|default-src 'none'/);
    for (const [tag] of page.text.matchAll(/<script\b[^>]*>/gi)) assert.match(tag, /\bsrc="\/public\//);
    assert.doesNotMatch(page.text, /\son[a-z]+="/i, `inline handler in ${route}`);
    for (const [, link] of page.text.matchAll(/\s(?:src|href)="(\/public\/[^"#?]+)/g)) {
      assert.equal((await get(own, link)).status, 200, `${link} of ${route}`);
    }
  }
});
