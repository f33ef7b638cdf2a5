// Registering, logging in and out, cookies, and who is refused.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { Client } from './lib/client.mjs';
import { PASSWORD, authToken, get, login, newUser, postForm, postJson, register, request } from './lib/http.mjs';
import { exchange } from './lib/raw.mjs';
import { file, startServer, within } from './lib/server.mjs';

const server = await startServer(file);
const me = (cookie, on = server) => get(on, '/api/users/@me', cookie ? { Cookie: cookie } : {});

function assertSentence(response) {
  assert.match(response.headers['content-type'], /^text\/plain/);
  assert.match(response.text.trim(), /^[^\n<>{}]{3,200}$/, 'a plain sentence');
}

test('POST /register answers 201 with id and username, as JSON and as a form', async () => {
  const one = await postJson(server, '/register', { username: 'Json.User', password: PASSWORD });
  assert.equal(one.status, 201);
  assert.match(one.headers['content-type'], /^application\/json/);
  assert.deepEqual(Object.keys(one.json()).sort(), ['id', 'username']);
  assert.equal(one.json().username, 'Json.User');
  const two = await postForm(server, '/register', { username: 'Form_User-1', password: PASSWORD });
  assert.equal(two.status, 201);
  assert.equal(two.json().username, 'Form_User-1');
  assert.notEqual(one.json().id, two.json().id);
});

test('POST /login answers 200 with the same id, and a cookie with every flag', async () => {
  const user = await register(server, 'flags');
  const answer = await postJson(server, '/login', { username: 'flags', password: PASSWORD });
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type'], /^application\/json/);
  assert.deepEqual(answer.json(), user);
  const [cookie] = answer.headers['set-cookie'];
  assert.equal(answer.headers['set-cookie'].length, 1);
  const [pair, ...flags] = cookie.split(/ *; */);
  assert.match(pair, /^auth_token=[A-Za-z0-9_=.-]{43,}$/);
  const lower = flags.map((flag) => flag.toLowerCase()).sort();
  assert.deepEqual(lower, ['httponly', `max-age=${30 * 24 * 60 * 60}`, 'path=/', 'samesite=lax']);
});

test('every login gets a token of its own, and both are valid', async () => {
  const first = await newUser(server, 'twice');
  const second = await login(server, 'twice');
  assert.notEqual(first, second);
  assert.equal((await me(first)).status, 200);
  assert.equal((await me(second)).status, 200);
});

test('GET /api/users/@me answers 200 with id and username, or 401 with an empty object', async () => {
  const user = await register(server, 'Me');
  const known = await me(await login(server, 'me'));
  assert.equal(known.status, 200);
  assert.match(known.headers['content-type'], /^application\/json/);
  assert.deepEqual(known.json(), user);
  for (const cookie of [undefined, 'auth_token=', 'auth_token=nonsense', `auth_token=${'A'.repeat(43)}`, 'other=1', `auth_token=${'%00'.repeat(20)}`]) {
    const guest = await me(cookie);
    assert.equal(guest.status, 401);
    assert.deepEqual(guest.json(), {});
  }
});

test('the cookie is found among others, and a name that only looks like it is not taken', async () => {
  const cookie = await newUser(server, 'cookies');
  const token = cookie.split('=')[1];
  for (const good of [`a=1; ${cookie}`, `${cookie}; b=2`, `a=1;${cookie};b="x y"`, `xauth_token=bad; ${cookie}`]) {
    assert.equal((await me(good)).status, 200, good);
  }
  for (const bad of [`xauth_token=${token}`, `auth_tokenx=${token}`, `AUTH_TOKEN=${token}`, `auth_token=${token}x`, `auth_token=${token.slice(0, -1)}`]) {
    assert.equal((await me(bad)).status, 401, bad);
  }
});

test('the cookie is found when a proxy hands the cookies on in several fields', async () => {
  const cookie = await newUser(server, 'fields');
  const meWith = async (fields) => {
    const lines = fields.map((field) => `Cookie: ${field}\r\n`).join('');
    return (await exchange(server, `GET /api/users/@me HTTP/1.1\r\nHost: x\r\n${lines}\r\n`)).status;
  };
  for (const fields of [['a=1', cookie], [cookie, 'a=1'], ['a=1', 'auth_tokens=2', `b=3; ${cookie}`]]) {
    assert.equal(await meWith(fields), 200, fields.join(' | '));
  }
  assert.equal(await meWith(['auth_token=nonsense', cookie]), 401, 'the first one counts');
});

test('a name that is taken is 409, in any case', async () => {
  await register(server, 'Taken');
  for (const username of ['Taken', 'taken', 'TAKEN', 'tAkEn']) {
    const answer = await postJson(server, '/register', { username, password: PASSWORD });
    assert.equal(answer.status, 409, username);
    assertSentence(answer);
    assert.equal((await postForm(server, '/register', { username, password: PASSWORD })).status, 409);
  }
  assert.equal((await postJson(server, '/login', { username: 'Taken', password: PASSWORD })).status, 200);
});

test('of many who register one name at the same time exactly one gets it', async () => {
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      postJson(server, '/register', { username: i % 2 ? 'Wanted' : 'wanted', password: PASSWORD }, {}, { ms: 60_000 })),
  );
  const statuses = answers.map((answer) => answer.status).sort();
  assert.deepEqual(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
});

test('login takes the name in any case and answers the registered spelling', async () => {
  await register(server, 'CamelCase');
  for (const username of ['camelcase', 'CAMELCASE', 'CamelCase']) {
    const answer = await postForm(server, '/login', { username, password: PASSWORD });
    assert.equal(answer.status, 200);
    assert.equal(answer.json().username, 'CamelCase');
  }
});

test('an unknown name and a wrong password are 400 with one and the same sentence', async () => {
  await register(server, 'known');
  const wrong = await postJson(server, '/login', { username: 'known', password: `${PASSWORD}x` });
  const unknown = await postJson(server, '/login', { username: 'unknown', password: PASSWORD });
  const form = await postForm(server, '/login', { username: 'known', password: 'not this one' });
  for (const answer of [wrong, unknown, form]) {
    assert.equal(answer.status, 400);
    assert.equal(answer.headers['set-cookie'], undefined);
    assertSentence(answer);
    assert.equal(answer.text, wrong.text);
  }
});

test('a password is compared with case, and to its last byte', async () => {
  const password = `${'p'.repeat(127)}!`;
  await register(server, 'exact', password);
  for (const other of [password.toUpperCase(), password.slice(0, -1), `${'p'.repeat(127)}?`, ` ${password.slice(1)}`]) {
    assert.equal((await postJson(server, '/login', { username: 'exact', password: other })).status, 400);
  }
  assert.equal((await postJson(server, '/login', { username: 'exact', password })).status, 200);
});

test('names: 1 to 32 of the allowed characters, and nothing else', async () => {
  for (const username of ['x', 'y'.repeat(32), '...', '-_-', '0', 'A.b_C-9']) {
    const answer = await postJson(server, '/register', { username, password: PASSWORD });
    assert.equal(answer.status, 201, username);
    assert.equal(answer.json().username, username);
  }
  const bad = [
    '', 'z'.repeat(33), 'with space', ' lead', 'trail ', 'ümlaut', 'a@b', 'a/b', 'a+b', '<b>', 'a\0b', 'a\nb',
    'ａ', '\ud800', 'é'.repeat(5), 'a,b', "a'b", 'a"b', 'a\\b', 'a%62',
  ];
  for (const username of bad) {
    const answer = await postJson(server, '/register', { username, password: PASSWORD });
    assert.equal(answer.status, 400, JSON.stringify(username));
    assertSentence(answer);
  }
});

test('passwords: 8 to 128 bytes of UTF-8 without U+0000', async () => {
  const good = ['12345678', 'é'.repeat(4), 'x'.repeat(128), 'é'.repeat(64), '😀😀', ' '.repeat(8), '"\\\n\t<&%+='];
  for (const [i, password] of good.entries()) {
    const username = `password${i}`;
    assert.equal((await postJson(server, '/register', { username, password })).status, 201, password);
    assert.equal((await postForm(server, '/login', { username, password })).status, 200, password);
  }
  const bad = ['', '1234567', 'é'.repeat(3), 'x'.repeat(129), 'é'.repeat(65), 'x'.repeat(5000), 'abcd\0efgh', '\ud800abcdefgh'];
  for (const password of bad) {
    const answer = await postJson(server, '/register', { username: 'nopassword', password });
    assert.equal(answer.status, 400, JSON.stringify(password));
    assertSentence(answer);
  }
  for (const password of ['%ff%ff%ff%ff%ff%ff%ff%ff', 'abcd%00efgh', 'abcdefgh%', 'abcdefgh%zz', '%c0%80%c0%80%c0%80%c0%80']) {
    const answer = await postForm(server, '/register', `username=nopassword&password=${password}`);
    assert.equal(answer.status, 400, password);
  }
  assert.equal((await postJson(server, '/login', { username: 'nopassword', password: 'abcd' })).status, 400);
});

test('a form is decoded as forms are', async () => {
  const answer = await postForm(server, '/register', 'extra=1&password=a+b%2Bc%20d%26%3D%C3%A9&username=form%2Eone');
  assert.equal(answer.status, 201);
  assert.equal(answer.json().username, 'form.one');
  assert.equal((await postJson(server, '/login', { username: 'form.one', password: 'a b+c d&=é' })).status, 200);
});

test('a body without a name or a password, or with one that is no string, is 400', async () => {
  for (const value of [
    {}, { username: 'a' }, { password: PASSWORD }, { username: 1, password: PASSWORD },
    { username: 'a', password: 12345678 }, { username: null, password: PASSWORD },
    { username: ['a'], password: PASSWORD }, { Username: 'a', password: PASSWORD }, [], 'text', 1, null,
  ]) {
    for (const target of ['/register', '/login']) {
      const answer = await postJson(server, target, JSON.stringify(value));
      assert.equal(answer.status, 400, `${target} ${JSON.stringify(value)}`);
      assertSentence(answer);
    }
  }
  for (const body of ['', 'username=a', `password=${PASSWORD}`, 'username&password', '&&&', '=']) {
    for (const target of ['/register', '/login']) {
      assert.equal((await postForm(server, target, body)).status, 400, `${target} ${body}`);
    }
  }
});

test('a JSON body follows the rules for messages', async () => {
  const good = `{"username":"strict","password":"${PASSWORD}"}`;
  const bad = {
    'trailing bytes': `${good}x`,
    'a second object': `${good}${good}`,
    'a trailing NUL': `${good}\0`,
    'a repeated key': `{"username":"strict","username":"strict","password":"${PASSWORD}"}`,
    'a key repeated through an escape': `{"username":"strict","user\\u006eame":"strict","password":"${PASSWORD}"}`,
    'a trailing comma': good.replace('}', ',}'),
    'single quotes': good.replaceAll('"', "'"),
    'a comment': `/**/${good}`,
    'a byte order mark': `\ufeff${good}`,
    'a raw control character': good.replace('strict', 'str\tict'),
    'an unclosed object': good.slice(0, -1),
    'nothing': '',
    'levels beyond 64': good.replace('}', `,"x":${'['.repeat(64)}${']'.repeat(64)}}`),
    'bytes that are no UTF-8': Buffer.from(good.replace('}', ',"x":"\xff"}'), 'latin1'),
  };
  for (const [what, body] of Object.entries(bad)) {
    const answer = await postJson(server, '/register', body);
    assert.equal(answer.status, 400, what);
    assertSentence(answer);
  }
  const answer = await postJson(server, '/register', ` \t\r\n${good.replace('}', `,"x":${'['.repeat(63)}${']'.repeat(63)}}`)} \n`);
  assert.equal(answer.status, 201, answer.text);
});

test('a body of another type, or of none, is 415', async () => {
  const body = JSON.stringify({ username: 'type', password: PASSWORD });
  for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/jsonx', 'application/xml', 'json', '', 'text/plain; application/json']) {
    for (const target of ['/register', '/login']) {
      const answer = await request(server, 'POST', target, { headers: { 'Content-Type': type }, body });
      assert.equal(answer.status, 415, `${target} ${type}`);
    }
  }
  assert.equal((await request(server, 'POST', '/login', { body })).status, 415);
  for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/json ;charset="UTF-8"']) {
    const answer = await request(server, 'POST', '/login', { headers: { 'Content-Type': type }, body });
    assert.equal(answer.status, 400, type);
  }
});

for (const method of ['GET', 'POST']) {
  test(`${method} /logout goes home, clears the cookie, and ends the session`, async () => {
    const cookie = await newUser(server, `logout-${method}`);
    const other = await login(server, `logout-${method}`);
    const answer = await request(server, method, '/logout', { headers: { Cookie: cookie } });
    assert.equal(answer.status, 302);
    assert.equal(answer.headers.location, '/');
    assert.equal(authToken(answer), '');
    const cleared = answer.headers['set-cookie'][0];
    assert.match(cleared, /;\s*Max-Age=0\b|;\s*Expires=[^;]*19(70|69)/i);
    assert.match(cleared, /;\s*Path=\/(;|$)/i);
    assert.equal((await me(cookie)).status, 401);
    assert.equal((await me(other)).status, 200, 'another session of the same user lives on');
  });
}

test('logging out without being logged in goes home, too', async () => {
  for (const headers of [{}, { Cookie: 'auth_token=nonsense' }]) {
    const answer = await get(server, '/logout', headers);
    assert.equal(answer.status, 302);
    assert.equal(answer.headers.location, '/');
  }
});

test("logging out closes this session's sockets with 1008, and no other", async (t) => {
  const own = await startServer(t);
  const cookie = await newUser(own, 'anna');
  const elsewhere = await login(own, 'anna');
  const berta = await newUser(own, 'berta');
  const closing = [await Client.open(own, { t, cookie }), await Client.open(own, { t, cookie, protocol: 'parlor.v1' })];
  const staying = [
    await Client.open(own, { t, cookie: elsewhere }),
    await Client.open(own, { t, cookie: berta }),
    await Client.open(own, { t }),
  ];
  assert.equal((await get(own, '/logout', { Cookie: cookie })).status, 302);
  for (const client of closing) {
    assert.equal((await within(client.closed, 'the close')).code, 1008);
  }
  for (const client of staying) await client.fence();
});

test('the user disappears from the list of active users with the last session', async (t) => {
  const own = await startServer(t);
  const guest = await Client.open(own, { t });
  const cookie = await newUser(own, 'anna');
  await Client.open(own, { t, cookie });
  await guest.usersBecome(['anna']);
  await get(own, '/logout', { Cookie: cookie });
  await guest.usersBecome([]);
});

test('a POST or a GET /logout from another site is 403 and changes nothing', async (t) => {
  const own = await startServer(t);
  const cookie = await newUser(own, 'victim');
  const origin = `http://${own.authority}`;
  const foreign = [
    { Origin: 'http://evil.example' },
    { Origin: 'null' },
    { Origin: `${origin}.evil.example` },
    { Origin: `http://${own.host}:1` },
    { Origin: `http://${own.host}` },
    { Origin: '' },
    { 'Sec-Fetch-Site': 'cross-site' },
    { Origin: origin, 'Sec-Fetch-Site': 'cross-site' },
  ];
  for (const headers of foreign) {
    const what = JSON.stringify(headers);
    assert.equal((await get(own, '/logout', { Cookie: cookie, ...headers })).status, 403, what);
    assert.equal((await request(own, 'POST', '/logout', { headers: { Cookie: cookie, ...headers } })).status, 403, what);
    assert.equal((await postForm(own, '/login', { username: 'victim', password: PASSWORD }, headers)).status, 403, what);
    assert.equal((await postForm(own, '/register', { username: 'new', password: PASSWORD }, headers)).status, 403, what);
  }
  assert.equal((await me(cookie, own)).status, 200, 'the session lives');
  assert.equal((await postForm(own, '/login', { username: 'new', password: PASSWORD })).status, 400, 'nobody was registered');
  for (const headers of [{ Origin: origin }, { Origin: origin, 'Sec-Fetch-Site': 'same-origin' }, { 'Sec-Fetch-Site': 'none' }]) {
    assert.equal((await postForm(own, '/login', { username: 'victim', password: PASSWORD }, headers)).status, 200);
  }
  const page = await get(own, '/', { 'Sec-Fetch-Site': 'cross-site', Origin: 'http://evil.example' });
  assert.equal(page.status, 200, 'a link from another site works');
});

test('--allow-origin lets other origins POST, each that is named', async (t) => {
  const own = await startServer(t, {
    args: ['--allow-origin', 'https://one.example', '--allow-origin', 'http://two.example:8080'],
  });
  await register(own, 'anna');
  const attempt = (headers) => postForm(own, '/login', { username: 'anna', password: PASSWORD }, headers);
  for (const origin of ['https://one.example', 'http://two.example:8080', 'https://ONE.example']) {
    assert.equal((await attempt({ Origin: origin })).status, 200, origin);
    assert.equal((await attempt({ Origin: origin, 'Sec-Fetch-Site': 'cross-site' })).status, 200, `${origin} as browsers send it`);
  }
  for (const origin of ['http://one.example', 'https://one.example:8080', 'http://two.example', 'https://three.example']) {
    assert.equal((await attempt({ Origin: origin })).status, 403, origin);
  }
});

test('accounts and sessions survive a restart and a kill', async (t) => {
  const own = await startServer(t);
  const cookie = await newUser(own, 'Durable');
  const before = (await me(cookie, own)).json();
  await own.restart();
  assert.deepEqual((await me(cookie, own)).json(), before);
  await own.kill9();
  await own.startAgain();
  assert.deepEqual((await me(cookie, own)).json(), before);
  assert.equal((await postJson(own, '/register', { username: 'durable', password: PASSWORD })).status, 409);
  await login(own, 'durable');
});

test('a logout survives a kill', async (t) => {
  const own = await startServer(t);
  const cookie = await newUser(own, 'gone');
  await get(own, '/logout', { Cookie: cookie });
  await own.kill9();
  await own.startAgain();
  assert.equal((await me(cookie, own)).status, 401);
});

test('the database holds neither passwords nor tokens', async (t) => {
  const own = await startServer(t);
  const password = 'Zq7 very secret indeed';
  const cookie = await newUser(own, 'private', password);
  const token = cookie.split('=')[1];
  const inFiles = () =>
    fs.readdirSync(own.folder).map((name) => fs.readFileSync(`${own.folder}/${name}`, 'latin1')).join('');
  for (const state of ['running', 'stopped']) {
    if (state === 'stopped') await own.stop();
    const content = inFiles();
    assert.ok(content.includes('private'), `the account is in the files, ${state}`);
    assert.ok(content.includes('$argon2id$'), `as an Argon2id string, ${state}`);
    assert.ok(!content.includes(password), `no password, ${state}`);
    assert.ok(!content.includes(token), `no token, ${state}`);
    for (const coding of ['hex', 'base64', 'base64url']) {
      const secret = Buffer.from(token, coding);
      if (secret.length === 32) assert.ok(!content.includes(secret.toString('latin1')), `no ${coding} token, ${state}`);
    }
  }
});

test('every token is new: 32 random bytes', async () => {
  await register(server, 'random');
  const tokens = [];
  for (let i = 0; i < 5; i++) tokens.push((await login(server, 'random')).split('=')[1]);
  assert.equal(new Set(tokens).size, 5);
  const coding = /^[0-9a-f]{64}$/.test(tokens[0]) ? 'hex' : 'base64url';
  for (const token of tokens) {
    assert.equal(Buffer.from(token, coding).length, 32);
  }
});
