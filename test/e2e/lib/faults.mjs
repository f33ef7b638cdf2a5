// The other side of test/faults/faults.c: says what fails in a running build/test/server_faults, and counts.
//
//     const faults = new Faults(t);
//     const server = await startServer(t, { executable: FAULTS, env: faults.env });
//     faults.arm('recv', ECONNRESET, 3);        the third recv() from now on fails, once
//     faults.arm('alloc', ENOMEM, 3, Infinity); and every one behind it
//     faults.disarm();                          gives { calls, failed } since then

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { get } from './http.mjs';
import { tempFolder } from './server.mjs';

export const FAULTS = process.env.FAULTS;

export const KINDS = [
  'nothing', 'alloc', 'sqlite_alloc', 'cjson_alloc', 'accept4', 'epoll_ctl', 'epoll_wait', 'recv', 'send', 'sendfile',
  'open', 'fstat', 'pread', 'socket_call', 'socketpair', 'fork', 'pwhash', 'worker', 'start', 'db_write', 'db_sync',
  'db_read', 'db_lock', 'db_shm', 'db_file',
];

const { errno } = os.constants;
const SQLITE = {
  SQLITE_BUSY: 5,
  SQLITE_FULL: 13,
  SQLITE_CANTOPEN: 14,
  SQLITE_IOERR_READ: 10 | (1 << 8),
  SQLITE_IOERR_WRITE: 10 | (3 << 8),
  SQLITE_IOERR_FSYNC: 10 | (4 << 8),
  SQLITE_IOERR_FSTAT: 10 | (7 << 8),
  SQLITE_IOERR_LOCK: 10 | (15 << 8),
  SQLITE_IOERR_SHMMAP: 10 | (21 << 8),
};
const ERRORS = { ...errno, ...SQLITE, SHORT: 100_000, KILL_9: 100_001, DEATH: 1 };

const SIZE = 32 + 8 * KINDS.length;
const CLOCK_AT = SIZE;

export class Faults {
  constructor(t) {
    this.path = path.join(tempFolder(t), 'faults');
    fs.writeFileSync(this.path, Buffer.alloc(SIZE + 8));
    this.fd = fs.openSync(this.path, 'r+');
    t.after(() => fs.closeSync(this.fd));
    this.env = { PARLOR_FAULTS: this.path };
  }

  arm(kind, error, first, times = 1) {
    const control = Buffer.alloc(SIZE);
    if (!KINDS.includes(kind) || !(error in ERRORS)) throw new Error(`unknown: ${kind} ${error}`);
    fs.writeSync(this.fd, control, 0, SIZE, 0);
    this.kind = KINDS.indexOf(kind);
    control.writeUInt32LE(ERRORS[error], 4);
    control.writeBigUInt64LE(BigInt(first), 8);
    control.writeBigUInt64LE(times === Infinity ? 2n ** 63n : BigInt(first + times - 1), 16);
    fs.writeSync(this.fd, control, 4, 20, 4);
    control.writeUInt32LE(this.kind, 0);
    fs.writeSync(this.fd, control, 0, 4, 0);
  }

  disarm() {
    const control = Buffer.alloc(SIZE);
    fs.writeSync(this.fd, control, 0, 4, 0);
    fs.readSync(this.fd, control, 0, SIZE, 0);
    return {
      failed: Number(control.readBigUInt64LE(24)),
      calls: Number(control.readBigUInt64LE(32 + 8 * this.kind)),
    };
  }
}

// A server whose clock stands still until a test moves it:
//
//     const clock = new Clock(t);
//     const server = await startServer(t, clock.options);
//     await clock.advance(server, 9_999);
//
// When advance() resolves, everything has happened that was due until then, ends of connections included.
export class Clock {
  constructor(t) {
    this.faults = new Faults(t);
    this.now = Date.now();
    this.options = { executable: FAULTS, env: this.faults.env };
    this.#write();
  }

  #write() {
    const ms = Buffer.alloc(8);
    ms.writeBigUInt64LE(BigInt(this.now));
    fs.writeSync(this.faults.fd, ms, 0, 8, CLOCK_AT);
  }

  async advance(server, ms) {
    const fence = async () => assert.equal((await get(server, '/healthz')).status, 200);
    await fence(); // what was sent before belongs to the time before
    this.now += ms;
    this.#write();
    // The first answer comes from a tick that knows the new time, the next one from behind the ends of that tick.
    for (let i = 0; i < 3; i++) await fence();
  }
}
