// The TURN credentials of /api/ice-servers against a real coturn on loopback: it must believe them, and relay with them.
// The client is a minimum of STUN and TURN (RFC 8489, RFC 8656), so that nothing of ours checks itself.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import dgram from 'node:dgram';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { get, newUser } from './lib/http.mjs';
import { startServer, tempFolder, within } from './lib/server.mjs';

const SECRET = 'a secret that only two servers know';
const REALM = 'parlor.test';
const hasCoturn = spawnSync('turnserver', ['--version']).error === undefined;
const options = hasCoturn ? {} : { skip: 'turnserver is not installed: apt-get install coturn' };

const COOKIE = 0x2112a442;
const ALLOCATE = 0x003;
const CREATE_PERMISSION = 0x008;
const DATA_INDICATION = 0x017;
const SUCCESS = 0x100;
const ERROR = 0x110;
const ATTRIBUTE = {
  username: 0x0006, integrity: 0x0008, error: 0x0009, peer: 0x0012, data: 0x0013, realm: 0x0014, nonce: 0x0015,
  relayed: 0x0016, transport: 0x0019,
};

function udp(t) {
  const socket = dgram.createSocket('udp4');
  t.after(() => socket.close());
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => resolve(socket));
  });
}

function freePort() {
  const socket = dgram.createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

function attribute(type, value) {
  const data = Buffer.from(value);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type);
  head.writeUInt16BE(data.length, 2);
  return Buffer.concat([head, data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
}

function message(type, transaction, attributes, key) {
  const body = Buffer.concat(attributes);
  const head = Buffer.alloc(8);
  head.writeUInt16BE(type);
  head.writeUInt16BE(body.length + (key ? 24 : 0), 2);
  head.writeUInt32BE(COOKIE, 4);
  const signed = Buffer.concat([head, transaction, body]);
  if (!key) return signed;
  return Buffer.concat([signed, attribute(ATTRIBUTE.integrity, crypto.createHmac('sha1', key).update(signed).digest())]);
}

function parse(data) {
  const attributes = {};
  for (let at = 20; at < data.length;) {
    const length = data.readUInt16BE(at + 2);
    attributes[data.readUInt16BE(at)] = data.subarray(at + 4, at + 4 + length);
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  return { type: data.readUInt16BE(), attributes };
}

function xorAddress(value) {
  return { port: value.readUInt16BE(2) ^ (COOKIE >>> 16), address: (value.readUInt32BE(4) ^ COOKIE) >>> 0 };
}

function loopback(port) {
  const value = Buffer.from([0, 1, 0, 0, 0, 0, 0, 0]);
  value.writeUInt16BE(port ^ (COOKIE >>> 16), 2);
  value.writeUInt32BE((0x7f000001 ^ COOKIE) >>> 0, 4);
  return value;
}

class TurnClient {
  constructor(socket, port, { username, credential }) {
    Object.assign(this, { socket, port, username, credential, extra: [] });
  }

  // Asks until it is answered: a datagram may be lost, and coturn may not listen yet.
  async ask(type, attributes, key) {
    const transaction = crypto.randomBytes(12);
    const request = message(type, transaction, attributes, key);
    let timer;
    const answered = new Promise((resolve) => {
      const onMessage = (data) => {
        if (data.length < 20 || !data.subarray(8, 20).equals(transaction)) return;
        this.socket.off('message', onMessage);
        resolve(parse(data));
      };
      this.socket.on('message', onMessage);
      const send = () => this.socket.send(request, this.port, '127.0.0.1', () => {});
      timer = setInterval(send, 200);
      send();
    });
    try {
      return await within(answered, 'an answer of coturn');
    } finally {
      clearInterval(timer);
    }
  }

  async signed(type, attributes) {
    const key = crypto.createHash('md5').update(`${this.username}:${REALM}:${this.credential}`).digest();
    return this.ask(type, [
      ...attributes,
      attribute(ATTRIBUTE.username, this.username),
      attribute(ATTRIBUTE.realm, REALM),
      attribute(ATTRIBUTE.nonce, this.nonce),
    ], key);
  }

  // The relayed port, or the number of the error.
  async allocate() {
    const transport = attribute(ATTRIBUTE.transport, [17, 0, 0, 0]);
    const challenge = await this.ask(ALLOCATE, [transport]);
    assert.equal(challenge.type, ALLOCATE | ERROR);
    this.nonce = challenge.attributes[ATTRIBUTE.nonce];
    const answer = await this.signed(ALLOCATE, [transport]);
    if (answer.type === (ALLOCATE | SUCCESS)) {
      return { port: xorAddress(answer.attributes[ATTRIBUTE.relayed]).port };
    }
    const error = answer.attributes[ATTRIBUTE.error];
    return { error: (error[2] & 7) * 100 + error[3] };
  }
}

async function startCoturn(t) {
  const port = await freePort();
  let child;
  const kill = () => child?.kill('SIGKILL');
  process.on('exit', kill);
  t.after(async () => {
    // Before its folder goes, in which it may be writing.
    const ended = child && new Promise((resolve) => child.once('close', resolve));
    if (kill()) await ended;
  });
  const folder = tempFolder(t);
  const args = ['-n', '--use-auth-secret', `--static-auth-secret=${SECRET}`, `--realm=${REALM}`,
    '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`, '--no-tls', '--no-dtls',
    '--no-cli', '--no-tcp', '--allow-loopback-peers', '--log-file=stdout', '--simple-log',
    `--pidfile=${path.join(folder, 'pid')}`, `--userdb=${path.join(folder, 'db')}`];
  child = spawn('turnserver', args, { cwd: folder, stdio: 'ignore' });
  return port;
}

test('coturn believes the credentials, relays with them, and believes no others', options, async (t) => {
  const port = await startCoturn(t);
  const secretFile = path.join(tempFolder(t), 'secret');
  fs.writeFileSync(secretFile, `${SECRET}\n`);
  const server = await startServer(t, {
    args: ['--ice-server', JSON.stringify({ urls: `turn:127.0.0.1:${port}?transport=udp` }), '--turn-secret-file', secretFile],
  });
  const answer = await get(server, '/api/ice-servers', { Cookie: await newUser(server, 'ann') });
  const [ice] = answer.json().iceServers;

  const client = new TurnClient(await udp(t), port, ice);
  const relayed = await client.allocate();
  assert.ok(relayed.port, `an allocation, not error ${relayed.error}`);
  const peer = await udp(t);
  const permitted = await client.signed(CREATE_PERMISSION, [attribute(ATTRIBUTE.peer, loopback(peer.address().port))]);
  assert.equal(permitted.type, CREATE_PERMISSION | SUCCESS);
  const arrived = new Promise((resolve) => {
    client.socket.on('message', (data) => {
      const { type, attributes } = parse(data);
      if (type === DATA_INDICATION) resolve(attributes[ATTRIBUTE.data].toString());
    });
  });
  const timer = setInterval(() => peer.send('through the relay', relayed.port, '127.0.0.1'), 100);
  try {
    assert.equal(await within(arrived, 'a datagram through the relay'), 'through the relay');
  } finally {
    clearInterval(timer);
  }

  const sign = (username, secret) => crypto.createHmac('sha1', secret).update(username).digest('base64');
  const past = `${Math.floor(Date.now() / 1000) - 60}:ann`;
  for (const wrong of [
    { ...ice, credential: sign(ice.username, 'another secret') },
    { ...ice, username: ice.username.replace('ann', 'bob') },
    { username: past, credential: sign(past, SECRET) },
  ]) {
    assert.deepEqual(await new TurnClient(await udp(t), port, wrong).allocate(), { error: 401 });
  }
});
