// The npm package `ws`, a client that we did not write, with promises around its messages.

import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { GUARD_MS, cleanUp, within } from './server.mjs';

let fences = 0;

export class Client {
  // Opens and waits for what every newcomer gets: hello (v1), init_strokes, active_users_list.
  static async open(server, options = {}) {
    const { t, cookie, protocol, headers = {}, origin, greeting = true } = options;
    const socket = new WebSocket(`ws://${server.authority}/websocket`, protocol ? [protocol] : [], {
      headers: { ...(cookie ? { Cookie: cookie } : {}), ...headers },
      maxPayload: 0,
      ...(origin ? { origin } : {}),
    });
    const client = new Client(socket);
    server.clients.add(client);
    socket.once('close', () => server.clients.delete(client));
    if (t) cleanUp(t, () => client.destroy());
    await within(
      new Promise((resolve, reject) => {
        socket.once('open', resolve);
        socket.once('error', reject);
      }),
      'an open WebSocket',
    );
    if (greeting) {
      if (protocol) client.hello = await client.next('hello');
      client.init = await client.nextRaw('init_strokes', options.initMs);
      client.strokes = JSON.parse(client.init).strokes;
      client.users = (await client.next('active_users_list')).users.map((user) => user.username);
    }
    return client;
  }

  constructor(socket) {
    this.socket = socket;
    this.inbox = [];
    this.lists = [];
    this.waiting = [];
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.closing = { code, reason: reason.toString() };
        resolve(this.closing);
        this.wake();
      });
    });
    socket.on('error', (error) => (this.error = error));
    socket.on('message', (data, isBinary) => {
      const raw = data.toString('utf8');
      const message = isBinary ? { messageType: 'binary' } : JSON.parse(raw);
      if (message.messageType === 'active_users_list') this.lists.push(message);
      this.inbox.push({ type: message.messageType, raw, message });
      this.wake();
    });
  }

  wake() {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  send(message) {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  destroy() {
    this.socket.terminate();
  }

  // Ends the TCP connection with RST, as a machine that lost power and came back would.
  resetNow() {
    this.socket._socket.resetAndDestroy();
  }

  async close(code = 1000) {
    this.socket.close(code);
    return within(this.closed, 'the end of the WebSocket');
  }

  async entry(wanted, what, ms = GUARD_MS) {
    const deadline = Date.now() + ms;
    for (;;) {
      const at = this.inbox.findIndex(wanted);
      if (at >= 0) return this.inbox.splice(at, 1)[0];
      // An answer that says no is worth more in a report than a timeout.
      const refusal = this.inbox.find((one) => one.type === 'error');
      if (refusal) throw new Error(`wanted ${what}, got ${refusal.raw}`);
      if (this.closing) {
        throw new Error(`closed with ${this.closing.code} before ${what}`);
      }
      const left = Math.max(1, deadline - Date.now());
      await within(new Promise((resolve) => this.waiting.push(resolve)), what, left);
    }
  }

  // The oldest unread message of that type. Messages of other types stay unread.
  async next(type, ms) {
    return (await this.entry((one) => one.type === type, type, ms)).message;
  }

  async nextRaw(type, ms) {
    return (await this.entry((one) => one.type === type, type, ms)).raw;
  }

  // A roundtrip: what the server had sent to this client before is here after it.
  async fence(ms) {
    const token = `fence ${++fences}`;
    this.send({ messageType: 'echo_client', text: token });
    await this.entry(
      (one) => one.type === 'echo_server' && one.message.text === token,
      'the answer to a fence',
      ms,
    );
  }

  // Everything unread of one type, after a fence.
  async all(type) {
    await this.fence();
    const found = this.inbox.filter((one) => one.type === type);
    this.inbox = this.inbox.filter((one) => one.type !== type);
    return found;
  }

  async expectNothing(type) {
    assert.deepEqual((await this.all(type)).map((one) => one.raw), [], `no ${type} must come`);
  }

  // Sends what must be refused; gives the error's sentence.
  async refused(message) {
    this.send(message);
    const error = await this.next('error');
    assert.deepEqual(Object.keys(error).sort(), ['error', 'messageType']);
    assert.equal(typeof error.error, 'string');
    assert.notEqual(error.error.trim(), '');
    return error.error;
  }

  // Waits until the last list of users that came is this one. `lists` keeps all that ever came.
  async usersBecome(expected) {
    const latest = () => this.lists.at(-1)?.users.map((user) => user.username);
    const isRight = () => JSON.stringify(latest()) === JSON.stringify(expected);
    while (!isRight()) {
      if (this.closing) throw new Error(`closed with ${this.closing.code} before the users ${expected}`);
      const news = new Promise((resolve) => this.waiting.push(resolve));
      await within(news, `the users ${expected}, after ${latest()}`);
    }
  }
}

export const stroke = (startX, more = {}) => ({
  messageType: 'drawing',
  startX,
  startY: 1,
  endX: 2,
  endY: 3,
  color: '#123456',
  ...more,
});
