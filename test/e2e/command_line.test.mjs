// The command line: every option, and how the server refuses what it cannot work with.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Client, stroke } from './lib/client.mjs';
import { get, postJson, request } from './lib/http.mjs';
import { RawConnection } from './lib/raw.mjs';
import { SERVER, STATIC, runServer, startServer, tempFolder, until } from './lib/server.mjs';

const OPTIONS = [
  '--port', '--host', '--db', '--static', '--allow-origin', '--require-login', '--secure-cookies',
  '--max-message', '--ice-server', '--turn-secret-file', '--auth-rate', '--trust-proxy', '--log-level', '--help', '--version',
];

function assertOneLine(text, about) {
  assert.match(text, /^[^\n]+\n$/, `exactly one line, not ${JSON.stringify(text)}`);
  assert.ok(text.includes(about), `${JSON.stringify(text)} must name ${about}`);
}

async function refusal(t, args, code, about) {
  const folder = tempFolder(t);
  const all = args.includes('--db') ? args : [...args, '--db', path.join(folder, 'server.db')];
  const result = await runServer(all, { cwd: folder });
  assert.equal(result.code, code, `${args.join(' ')}: ${result.stderr}`);
  assert.equal(result.stdout, '');
  assertOneLine(result.stderr, about);
}

test('--help names every option on standard output and exits with 0', async () => {
  const { code, stdout, stderr } = await runServer(['--help']);
  assert.equal(code, 0);
  assert.equal(stderr, '');
  for (const option of OPTIONS) assert.ok(stdout.includes(option), `--help must name ${option}`);
});

test('--version prints one line and exits with 0', async () => {
  const { code, stdout, stderr } = await runServer(['--version']);
  assert.equal(code, 0);
  assert.equal(stderr, '');
  assert.match(stdout, /^[^\n]*\d[^\n]*\n$/);
});

const BAD_VALUES = [
  ['--port', ['-1', '65536', '80x', 'x', '', ' 80', '0x50', '1e3', '99999999999999999999']],
  ['--host', ['not an address', 'example.com', '', '1.2.3', '300.1.1.1', '::g', '127.0.0.1:80']],
  ['--db', ['']],
  ['--static', ['']],
  ['--allow-origin', [
    '', 'example.com', 'http://', '://example.com', 'http://example.com/', 'http://example.com/a',
    'http://example.com:x', 'http://example.com:70000', 'http://a b', '*', 'null',
  ]],
  ['--max-message', ['124', '0', '-1', 'x', '', '1k', '99999999999999999999999']],
  ['--ice-server', ['', 'stun:example.com', '{', '[]', '"x"', '{} x']],
  ['--auth-rate', ['-1', 'x', '', '1.5', '99999999999999999999999']],
  ['--log-level', ['loud', '', 'INFOx', '3']],
];
for (const [option, values] of BAD_VALUES) {
  test(`a bad value of ${option} is refused with 2 and one line that names it`, async (t) => {
    await Promise.all(values.map((value) => refusal(t, [option, value], 2, option)));
  });
  test(`${option} without its value is refused with 2 and one line that names it`, (t) =>
    refusal(t, option === '--db' ? ['--db'] : ['--db', 'x.db', option], 2, option));
}

test('an unknown option is refused with 2 and one line that names it', async (t) => {
  await refusal(t, ['--frobnicate'], 2, '--frobnicate');
  await refusal(t, ['-z'], 2, '-z');
});

test('an argument that is no option is refused with 2 and one line that names it', (t) =>
  refusal(t, ['surplus'], 2, 'surplus'));

test('a port in use ends the start with 1 and one line that names it', async (t) => {
  const server = await startServer(t);
  await refusal(t, ['--port', String(server.port), '--static', STATIC], 1, String(server.port));
});

test('a missing static folder ends the start with 1 and one line that names it', async (t) => {
  const missing = path.join(tempFolder(t), 'no-such-folder');
  await refusal(t, ['--port', '0', '--static', missing], 1, missing);
});

test('a static folder that is a file ends the start with 1 and one line that names it', async (t) => {
  const plain = path.join(tempFolder(t), 'plain');
  fs.writeFileSync(plain, '');
  await refusal(t, ['--port', '0', '--static', plain], 1, plain);
});

test('a database in a missing folder ends the start with 1, and the folder is not made', async (t) => {
  const folder = path.join(tempFolder(t), 'nowhere');
  const db = path.join(folder, 'x.db');
  await refusal(t, ['--port', '0', '--static', STATIC, '--db', db], 1, db);
  assert.equal(fs.existsSync(folder), false);
});

test('a database that is none ends the start with 1 and stays as it was', async (t) => {
  const db = path.join(tempFolder(t), 'notes.txt');
  const notes = 'These are my notes and no database at all.\n'.repeat(300);
  fs.writeFileSync(db, notes);
  await refusal(t, ['--port', '0', '--static', STATIC, '--db', db], 1, db);
  assert.equal(fs.readFileSync(db, 'utf8'), notes);
});

test('a database that is a folder ends the start with 1 and one line that names it', async (t) => {
  const db = tempFolder(t);
  await refusal(t, ['--port', '0', '--static', STATIC, '--db', db], 1, db);
});

test('a database that another server uses is refused with 1 and one line that names it', async (t) => {
  const server = await startServer(t);
  await refusal(t, ['--port', '0', '--static', STATIC, '--db', server.db], 1, server.db);
});

function hasOpen(pid, name) {
  const folder = `/proc/${pid}/fd`;
  return fs.readdirSync(folder).some((fd) => {
    try {
      return fs.readlinkSync(path.join(folder, fd)) === name;
    } catch (error) {
      if (error.code === 'ENOENT') return false; // closed in the meantime
      throw error;
    }
  });
}

test('a server that waits for another one stops when it is told to', async (t) => {
  const server = await startServer(t);
  const name = fs.realpathSync(server.db);
  const result = await runServer(['--port', '0', '--static', STATIC, '--db', server.db], {
    meanwhile: async (child) => {
      await until(() => hasOpen(child.pid, name), 'the second server to ask for the database');
      child.kill('SIGTERM');
    },
  });
  assert.equal(result.code, 1);
  assertOneLine(result.stderr, `${server.db}: stopped while`);
});

test('a server waits for its predecessor, which is still closing its connections', async (t) => {
  const server = await startServer(t);
  const peer = await Client.open(server, { t });
  peer.send(stroke(1));
  await peer.next('drawing');
  const silent = await RawConnection.open(server, { t }); // it never closes: the end takes the whole time that it may
  silent.send(`GET /websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
  assert.equal((await silent.response()).status, 101);
  const ended = server.stop();
  const next = await startServer(t, { db: server.db });
  await ended;
  assert.equal((await Client.open(next, { t })).strokes.length, 1);
});

test('a database of a newer server is refused with 1 and stays as it was', async (t) => {
  const server = await startServer(t);
  await server.stop();
  // SQLite keeps user_version in bytes 60 to 63 of the file.
  const content = fs.readFileSync(server.db);
  assert.ok(content.readUInt32BE(60) > 0, 'the database carries a schema version');
  content.writeUInt32BE(1_000_000, 60);
  fs.writeFileSync(server.db, content);
  await refusal(t, ['--port', '0', '--static', STATIC, '--db', server.db], 1, server.db);
  assert.equal(fs.readFileSync(server.db).readUInt32BE(60), 1_000_000);
});

test('--port 0 takes a free port, prints it alone on standard output, and serves there', async (t) => {
  const server = await startServer(t);
  assert.notEqual(server.port, 0);
  assert.equal(server.stdout, `listening on http://127.0.0.1:${server.port}\n`);
  const health = await get(server, '/healthz');
  assert.equal(health.status, 200);
  assert.equal(health.text.trim(), 'ok');
});

test('--port takes the port that it is given', async (t) => {
  const first = await startServer(t);
  await first.stop();
  const second = await startServer(t, { port: first.port });
  assert.equal(second.port, first.port);
  assert.equal((await get(second, '/healthz')).status, 200);
});

test('--host localhost binds both loopbacks on one port', async (t) => {
  const server = await startServer(t, { host: 'localhost' });
  assert.equal((await get(server, '/healthz', {}, { host: '127.0.0.1' })).status, 200);
  const hasIpv6 = fs.existsSync('/proc/net/if_inet6') &&
    fs.readFileSync('/proc/net/if_inet6', 'utf8').startsWith('00000000000000000000000000000001');
  if (hasIpv6) assert.equal((await get(server, '/healthz', {}, { host: '::1' })).status, 200);
});

test('--host takes an IPv6 address', async (t) => {
  if (!fs.existsSync('/proc/net/if_inet6') || !fs.readFileSync('/proc/net/if_inet6', 'utf8')) {
    t.skip('no IPv6 here');
    return;
  }
  const server = await startServer(t, { host: '::1' });
  assert.equal(server.url, `http://[::1]:${server.port}`);
  assert.equal((await get(server, '/healthz')).status, 200);
  await assert.rejects(get(server, '/healthz', {}, { host: '127.0.0.1' }), /ECONNREFUSED/);
});

test('the default host is not reachable on another address of this machine', async (t) => {
  const server = await startServer(t);
  await assert.rejects(get(server, '/healthz', {}, { host: '127.0.0.2' }), /ECONNREFUSED/);
});

test('--host 127.0.0.2 binds that address alone', async (t) => {
  const server = await startServer(t, { host: '127.0.0.2' });
  assert.equal((await get(server, '/healthz')).status, 200);
  await assert.rejects(get(server, '/healthz', {}, { host: '127.0.0.1' }), /ECONNREFUSED/);
});

test('the database is created in the current folder when nothing is said', async (t) => {
  const folder = tempFolder(t);
  const server = await startServer(t, { cwd: folder, omitDb: true });
  assert.ok(fs.existsSync(path.join(folder, 'server.db')));
  await server.stop();
});

// Where the front end may lie, seen from the executable.
const PLACES = [
  ['static beside the executable', 'server', 'static'],
  ['../static from the executable', 'build/server', 'static'],
  ['../share/parlor/static from the executable', 'bin/server', 'share/parlor/static'],
];
for (const [name, executable, front] of PLACES) {
  test(`without --static the front end is found in ${name}, from any folder`, async (t) => {
    const folder = tempFolder(t);
    const copy = path.join(folder, executable);
    fs.mkdirSync(path.dirname(copy), { recursive: true });
    fs.copyFileSync(SERVER, copy);
    fs.chmodSync(copy, 0o755);
    fs.mkdirSync(path.join(folder, front), { recursive: true });
    fs.writeFileSync(path.join(folder, front, 'index.html'), `<p>${name}</p>`);
    const server = await startServer(t, { executable: copy, static: null, cwd: '/' });
    const home = await get(server, '/');
    assert.equal(home.status, 200);
    assert.ok(home.text.includes(`<p>${name}</p>`));
  });
}

test('of several front ends the one beside the executable is taken', async (t) => {
  const folder = tempFolder(t);
  fs.mkdirSync(path.join(folder, 'bin/static'), { recursive: true });
  fs.mkdirSync(path.join(folder, 'static'));
  fs.mkdirSync(path.join(folder, 'share/parlor/static'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'bin/static/index.html'), 'beside');
  fs.writeFileSync(path.join(folder, 'static/index.html'), 'above');
  fs.writeFileSync(path.join(folder, 'share/parlor/static/index.html'), 'installed');
  const copy = path.join(folder, 'bin/server');
  fs.copyFileSync(SERVER, copy);
  fs.chmodSync(copy, 0o755);
  const server = await startServer(t, { executable: copy, static: null, cwd: '/' });
  assert.equal((await get(server, '/')).text, 'beside');
});

test('--secure-cookies adds Secure to the cookie, and without it there is none', async (t) => {
  for (const [args, secure] of [[['--secure-cookies'], true], [[], false]]) {
    const server = await startServer(t, { args });
    await postJson(server, '/register', { username: 'anna', password: 'long enough' });
    const { headers } = await postJson(server, '/login', { username: 'anna', password: 'long enough' });
    assert.equal(/;\s*Secure\b/i.test(headers['set-cookie'][0]), secure);
  }
});

test('--max-message takes its smallest value, 125, and --auth-rate takes 0', async (t) => {
  const server = await startServer(t, { args: ['--max-message', '125', '--auth-rate', '0'] });
  assert.equal((await get(server, '/healthz')).status, 200);
});

test('--ice-server takes RTCIceServer objects, more than once', async (t) => {
  const server = await startServer(t, {
    args: [
      '--ice-server', '{"urls":"stun:stun.example.com"}',
      '--ice-server', '{"urls":["turn:turn.example.com"],"username":"u","credential":"c"}',
    ],
  });
  assert.equal((await get(server, '/healthz')).status, 200);
});

test('--log-level takes its four levels', async (t) => {
  for (const level of ['error', 'warn', 'info', 'debug']) {
    const server = await startServer(t, { args: ['--log-level', level] });
    assert.equal((await get(server, '/healthz')).status, 200);
    await server.stop();
    if (level === 'error') assert.equal(server.stderr, '');
  }
});

test('the log escapes control characters, and holds no password and no token', async (t) => {
  const server = await startServer(t, { args: ['--log-level', 'debug'] });
  const secret = 'Zq7-secret-password';
  await postJson(server, '/register', { username: 'anna', password: secret });
  const answer = await postJson(server, '/login', { username: 'anna', password: secret });
  const token = /auth_token=([^;]+)/.exec(answer.headers['set-cookie'][0])[1];
  await postJson(server, '/login', { username: 'a\nfaked: line', password: `${secret}2` });
  await get(server, '/api/users/@me', { Cookie: `auth_token=${token}` });
  await get(server, '/%1b[31mred%0d%0afaked:%20line', { 'User-Agent': 'x\ty' });
  await request(server, 'BREW', '/%07');
  await server.stop();
  assert.doesNotMatch(server.stderr, /[\x00-\x09\x0b-\x1f\x7f]/);
  assert.doesNotMatch(server.stderr, /^faked: line/m);
  assert.ok(!server.stderr.includes(secret), 'the password is in the log');
  assert.ok(!server.stderr.includes(token), 'the token is in the log');
});
