// A WebSocket client that writes every bit by hand, for what no decent client would send.

import assert from 'node:assert/strict';
import { RawConnection } from './raw.mjs';
import { GUARD_MS } from './server.mjs';

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

// The example key of RFC 6455 and what it must be answered with.
export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
export const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

// One frame. `length` lies about the payload's length, `form` picks 7, 16 or 64 bits for it, and
// `only` cuts the frame after so many bytes of payload.
export function frame(payload, options = {}) {
  const { fin = 1, rsv = 0, opcode = TEXT, mask = MASK, length, form, only } = options;
  const data = Buffer.from(payload);
  const announced = BigInt(length ?? data.length);
  const bits = form ?? (announced < 126n ? 7 : announced < 65536n ? 16 : 64);
  const masked = mask ? 0x80 : 0;
  const first = (fin << 7) | (rsv << 4) | opcode;
  let head;
  if (bits === 7) {
    head = Buffer.from([first, masked | Number(announced)]);
  } else if (bits === 16) {
    head = Buffer.from([first, masked | 126, 0, 0]);
    head.writeUInt16BE(Number(announced), 2);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = masked | 127;
    head.writeBigUInt64BE(BigInt.asUintN(64, announced), 2);
  }
  const body = Buffer.from(only === undefined ? data : data.subarray(0, only));
  if (mask) for (let i = 0; i < body.length; i++) body[i] ^= mask[i & 3];
  return Buffer.concat(mask ? [head, mask, body] : [head, body]);
}

export const text = (value, options = {}) => frame(Buffer.from(value, 'utf8'), options);
export const json = (value, options = {}) => text(JSON.stringify(value), options);
export const echo = (value) => json({ messageType: 'echo_client', text: value });

export function closeFrame(code, reason = '', options = {}) {
  const body = Buffer.alloc(code === undefined ? 0 : 2);
  if (code !== undefined) body.writeUInt16BE(code);
  return frame(Buffer.concat([body, Buffer.from(reason)]), { opcode: CLOSE, ...options });
}

export function handshake(server, { headers = {}, target = '/websocket', method = 'GET' } = {}) {
  const all = {
    Host: server.authority,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': '13',
    ...headers,
  };
  let head = `${method} ${target} HTTP/1.1\r\n`;
  for (const [name, value] of Object.entries(all)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) head += `${name}: ${one}\r\n`;
    }
  }
  return `${head}\r\n`;
}

export class RawWebSocket {
  // Opens, shakes hands, and reads what every newcomer gets; `behind` goes out in the same write
  // as the handshake.
  static async open(server, { t, headers, behind, allowHalfOpen, greeting = true } = {}) {
    const connection = await RawConnection.open(server, { t, allowHalfOpen });
    const socket = new RawWebSocket(connection);
    connection.send(Buffer.concat([Buffer.from(handshake(server, { headers })), behind ?? Buffer.alloc(0)]));
    socket.response = await connection.response();
    assert.equal(socket.response.status, 101, socket.response.text);
    if (greeting) await socket.readGreeting();
    return socket;
  }

  constructor(connection) {
    this.connection = connection;
  }

  async readGreeting() {
    const first = await this.message();
    const second = await this.message();
    assert.equal(first.messageType, 'init_strokes');
    assert.equal(second.messageType, 'active_users_list');
    this.strokes = first.strokes;
    this.users = second.users;
  }

  send(data) {
    return this.connection.send(data);
  }

  // The next frame as it came. What the server sends must be framed as RFC 6455 demands.
  async frame(ms = GUARD_MS) {
    const head = await this.connection.read(2, 'a frame', ms);
    const opcode = head[0] & 15;
    const fin = head[0] >> 7;
    assert.equal(head[0] & 0x70, 0, 'a reserved bit from the server');
    assert.equal(head[1] & 0x80, 0, 'a masked frame from the server');
    let length = head[1] & 0x7f;
    if (length === 126) {
      length = (await this.connection.read(2, 'a 16-bit length', ms)).readUInt16BE();
      assert.ok(length > 125, 'a length in more bytes than it needs');
    } else if (length === 127) {
      length = Number((await this.connection.read(8, 'a 64-bit length', ms)).readBigUInt64BE());
      assert.ok(length > 65535, 'a length in more bytes than it needs');
    }
    if (opcode >= 8) assert.ok(fin && length <= 125, 'a bad control frame from the server');
    const payload = Buffer.from(await this.connection.read(length, 'the payload', ms));
    return { fin, opcode, payload };
  }

  // The next whole message's bytes; a control frame in its place is an error.
  async messageBytes(ms = GUARD_MS) {
    let got = await this.frame(ms);
    assert.equal(got.opcode, TEXT, `a text message, not ${describe(got)}`);
    const parts = [got.payload];
    while (!got.fin) {
      got = await this.frame(ms);
      assert.equal(got.opcode, 0, `a continuation, not ${describe(got)}`);
      parts.push(got.payload);
    }
    return Buffer.concat(parts);
  }

  async message(ms = GUARD_MS) {
    return JSON.parse((await this.messageBytes(ms)).toString('utf8'));
  }

  // The answer to an echo_client, which must come next; lists of users may come at any time.
  async assertEchoed(value) {
    let got;
    do got = await this.message();
    while (got.messageType === 'active_users_list');
    assert.deepEqual(got, { messageType: 'echo_server', text: value });
  }

  async assertPong(payload) {
    const got = await this.frame();
    assert.equal(got.opcode, PONG, describe(got));
    assert.deepEqual(got.payload, Buffer.from(payload));
  }

  // The next frame must be a close frame with this code; gives its reason.
  async assertCloseFrame(code, ms = GUARD_MS) {
    let got;
    do got = await this.frame(ms);
    while (got.opcode === TEXT && /"active_users_list"/.test(got.payload));
    assert.equal(got.opcode, CLOSE, describe(got));
    if (code === undefined) {
      assert.equal(got.payload.length, 0);
      return '';
    }
    assert.ok(got.payload.length >= 2, 'a close frame with a code');
    assert.equal(got.payload.readUInt16BE(), code, `code, with ${got.payload.subarray(2)}`);
    return new TextDecoder('utf-8', { fatal: true }).decode(got.payload.subarray(2));
  }

  // The server fails the connection with this code; answered properly, it ends the connection.
  async assertFails(code, ms = GUARD_MS) {
    await this.assertCloseFrame(code, ms);
    await this.send(closeFrame(code));
    await this.connection.assertEnds();
  }

  // Proves that the connection is alive and that nothing came before.
  async fence() {
    const token = `fence ${Math.random()}`;
    await this.send(echo(token));
    await this.assertEchoed(token);
  }
}

export function describe({ opcode, payload }) {
  return `opcode ${opcode} with ${JSON.stringify(payload.toString('latin1').slice(0, 200))}`;
}
