// A TCP client that sends exactly the bytes it is told to, and reads HTTP responses by the book.

import assert from 'node:assert/strict';
import net from 'node:net';
import { GUARD_MS, cleanUp, within } from './server.mjs';

export const bytes = (value) => (typeof value === 'string' ? Buffer.from(value, 'latin1') : value);

export class RawConnection {
  static async open(server, { t, host, allowHalfOpen = false } = {}) {
    const socket = net.connect({ port: server.port, host: host ?? server.host, allowHalfOpen });
    const connection = new RawConnection(socket);
    server.clients.add(connection);
    socket.once('close', () => server.clients.delete(connection));
    if (t) cleanUp(t, () => connection.destroy());
    await within(
      new Promise((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', reject);
      }),
      'a connection',
    );
    return connection;
  }

  constructor(socket) {
    this.socket = socket;
    this.chunks = [];
    this.buffered = 0;
    this.ended = false;
    this.reset = false;
    this.wake = () => {};
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.chunks.push(chunk);
      this.buffered += chunk.length;
      this.wake();
    });
    socket.on('error', (error) => {
      this.error = error;
      this.reset = error.code === 'ECONNRESET';
    });
    const end = () => {
      this.ended = true;
      this.wake();
    };
    socket.on('end', end);
    socket.on('close', end);
  }

  // Resolves when the kernel has taken the bytes, or the connection is gone.
  send(data) {
    return new Promise((resolve) => this.socket.write(bytes(data), () => resolve()));
  }

  // Each slice is a write of its own, with a turn of the event loop after it.
  async sendSlices(slices) {
    for (const slice of slices) {
      await this.send(slice);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  sendByteByByte(data) {
    const all = bytes(data);
    return this.sendSlices(Array.from(all, (_, i) => all.subarray(i, i + 1)));
  }

  pause() {
    this.socket.pause();
  }

  resume() {
    this.socket.resume();
  }

  endSending() {
    this.socket.end();
  }

  destroy() {
    this.socket.destroy();
  }

  resetNow() {
    this.socket.resetAndDestroy();
  }

  more(what, ms) {
    return within(new Promise((resolve) => (this.wake = resolve)), what, ms);
  }

  peek() {
    if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0] ?? Buffer.alloc(0);
  }

  take(n) {
    const all = this.peek();
    this.chunks = n < all.length ? [all.subarray(n)] : [];
    this.buffered -= n;
    return all.subarray(0, n);
  }

  async read(n, what = `${n} bytes`, ms = GUARD_MS) {
    while (this.buffered < n) {
      if (this.ended) {
        throw new Error(`the connection ended before ${what}; there was ${this.rest()}`);
      }
      await this.more(what, ms);
    }
    return this.take(n);
  }

  async readThrough(mark, what, ms = GUARD_MS) {
    for (;;) {
      const at = this.peek().indexOf(mark);
      if (at >= 0) return this.take(at + mark.length).toString('latin1');
      if (this.ended) {
        throw new Error(`the connection ended before ${what}; there was ${this.rest()}`);
      }
      await this.more(what, ms);
    }
  }

  rest() {
    return JSON.stringify(this.peek().toString('latin1').slice(0, 500));
  }

  // Everything up to the other side's end.
  async untilEnd(ms = GUARD_MS) {
    while (!this.ended) await this.more('the end of the connection', ms);
    return this.take(this.buffered);
  }

  // Nothing but the end may come.
  async assertEnds(ms = GUARD_MS) {
    const left = await this.untilEnd(ms);
    assert.equal(left.toString('latin1'), '', 'bytes before the end of the connection');
  }

  // The next response. `head` says that it answers a HEAD request.
  async response({ head = false, ms = GUARD_MS } = {}) {
    const text = await this.readThrough('\r\n\r\n', 'the head of a response', ms);
    const [statusLine, ...lines] = text.slice(0, -4).split('\r\n');
    const start = /^HTTP\/1\.1 (\d{3}) [ -~]*$/.exec(statusLine);
    assert.ok(start, `bad status line: ${JSON.stringify(statusLine)}`);
    const response = { status: Number(start[1]), headers: {}, all: [], text };
    for (const line of lines) {
      const header = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~\x80-\xff]*)$/.exec(line);
      assert.ok(header, `bad header line: ${JSON.stringify(line)}`);
      const name = header[1].toLowerCase();
      response.all.push([name, header[2]]);
      response.headers[name] = header[2];
    }
    const lengths = response.all.filter(([name]) => name === 'content-length');
    const codings = response.all.filter(([name]) => name === 'transfer-encoding');
    assert.ok(lengths.length + codings.length <= 1, `two framings: ${text}`);
    response.body = await this.#body(response, head, ms);
    response.bodyText = response.body.toString('utf8');
    return response;
  }

  async #body({ status, headers }, head, ms) {
    if (head || status < 200 || status === 204 || status === 304) return Buffer.alloc(0);
    if (headers['content-length'] !== undefined) {
      assert.match(headers['content-length'], /^\d+$/);
      return this.read(Number(headers['content-length']), 'the whole body', ms);
    }
    if (headers['transfer-encoding'] !== undefined) {
      assert.equal(headers['transfer-encoding'].toLowerCase(), 'chunked');
      const parts = [];
      for (;;) {
        const size = await this.readThrough('\r\n', 'a chunk size', ms);
        assert.match(size, /^[0-9a-fA-F]+(;.*)?\r\n$/);
        const n = parseInt(size, 16);
        if (n === 0) break;
        parts.push(await this.read(n, 'a chunk', ms));
        assert.equal((await this.read(2, 'the end of a chunk', ms)).toString(), '\r\n');
      }
      while ((await this.readThrough('\r\n', 'the trailer', ms)) !== '\r\n');
      return Buffer.concat(parts);
    }
    return this.untilEnd(ms);
  }
}

// One request on a connection of its own; `head` is given as the request's own bytes.
export async function exchange(server, request, options = {}) {
  const connection = await RawConnection.open(server);
  try {
    connection.send(request);
    return await connection.response(options);
  } finally {
    connection.destroy();
  }
}

// As exchange(), and the server must end the connection after its answer.
export async function exchangeAndEnd(server, request, options = {}) {
  const connection = await RawConnection.open(server);
  try {
    connection.send(request);
    const response = await connection.response(options);
    await connection.assertEnds();
    return response;
  } finally {
    connection.destroy();
  }
}

export const get = (server, target, headers = '') =>
  exchange(server, `GET ${target} HTTP/1.1\r\nHost: ${server.authority}\r\n${headers}\r\n`);
