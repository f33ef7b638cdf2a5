// Text that is not UTF-8 fails with 1007, at the first byte that makes it certain.

import assert from 'node:assert/strict';
import test from 'node:test';
import { PING, RawWebSocket, closeFrame, echo, frame } from './lib/rawws.mjs';
import { file, startServer } from './lib/server.mjs';

const server = await startServer(file);

async function withSocket(work) {
  const socket = await RawWebSocket.open(server);
  try {
    await work(socket);
  } finally {
    socket.connection.destroy();
  }
}

// Each is certain to be wrong with its last byte, and not before.
const WRONG = {
  'a continuation byte without a beginning': [0x80],
  'the last continuation byte without a beginning': [0xbf],
  'an overlong slash': [0xc0],
  'an overlong DEL': [0xc1],
  'a byte beyond Unicode': [0xf5],
  'the byte FE': [0xfe],
  'the byte FF': [0xff],
  'two bytes cut short by ASCII': [0xc3, 0x28],
  'two bytes cut short by a new beginning': [0xc3, 0xc3],
  'three overlong bytes': [0xe0, 0x80],
  'three overlong bytes, the largest': [0xe0, 0x9f],
  'three bytes cut short at the third': [0xe2, 0x82, 0x28],
  'the first surrogate': [0xed, 0xa0],
  'the last surrogate': [0xed, 0xbf],
  'four overlong bytes': [0xf0, 0x80],
  'four overlong bytes, the largest': [0xf0, 0x8f],
  'the first code point beyond Unicode': [0xf4, 0x90],
  'four bytes cut short at the second': [0xf1, 0x28],
  'four bytes cut short at the third': [0xf1, 0x80, 0x28],
  'four bytes cut short at the fourth': [0xf1, 0x80, 0x80, 0x28],
};
const START = Buffer.from('{"messageType":"echo_client","text":"');
for (const [name, bytes] of Object.entries(WRONG)) {
  test(`${name} fails with 1007 before the rest of the frame has come`, async () => {
    const payload = Buffer.concat([START, Buffer.from(bytes), Buffer.alloc(500, 0x61)]);
    const certain = START.length + bytes.length;
    await withSocket(async (socket) => {
      await socket.send(frame(payload, { only: certain }));
      await socket.assertCloseFrame(1007);
    });
    // One byte less is not certain yet, when it is the beginning of a character at all.
    await withSocket(async (socket) => {
      const whole = frame(payload);
      const cut = whole.length - payload.length + certain - 1;
      await socket.send(whole.subarray(0, cut));
      await socket.send(whole.subarray(cut));
      await socket.assertCloseFrame(1007);
    });
    await withSocket(async (socket) => {
      await socket.send(frame(START, { fin: 0 }));
      for (const byte of bytes) await socket.send(frame([byte], { fin: 0, opcode: 0 }));
      await socket.assertFails(1007);
    });
  });
}

test('what may still become a character does not fail yet', async (t) => {
  for (const beginning of [[0xc3], [0xe2, 0x82], [0xed, 0x9f], [0xee], [0xf0, 0x9f, 0x98], [0xf4, 0x8f, 0xbf]]) {
    const socket = await RawWebSocket.open(server, { t });
    await socket.send(frame(Buffer.concat([START, Buffer.from(beginning)]), { fin: 0 }));
    await socket.send(frame('still here', { opcode: PING }));
    await socket.assertPong('still here');
    await socket.send(frame([0xbf], { fin: 0, opcode: 0 }));
    if (beginning[0] === 0xee) await socket.send(frame([0xbf], { fin: 0, opcode: 0 }));
    await socket.send(frame('"}', { opcode: 0 }));
    const missing = { 0xee: [0xbf, 0xbf] }[beginning[0]] ?? [0xbf];
    await socket.assertEchoed(Buffer.from([...beginning, ...missing]).toString('utf8'));
  }
});

test('a message that ends inside of a character fails with 1007', async () => {
  for (const unfinished of [[0xc3], [0xe2], [0xe2, 0x82], [0xf0], [0xf0, 0x9f], [0xf0, 0x9f, 0x98]]) {
    await withSocket(async (socket) => {
      await socket.send(frame(unfinished));
      await socket.assertFails(1007);
    });
    await withSocket(async (socket) => {
      await socket.send(frame(unfinished, { fin: 0 }));
      await socket.send(frame('', { opcode: 0 }));
      await socket.assertFails(1007);
    });
  }
});

test('the boundaries of every length of UTF-8 are text', async (t) => {
  const socket = await RawWebSocket.open(server, { t });
  for (const point of [0x20, 0x7e, 0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xcfff, 0xd7ff, 0xe000, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x3ffff, 0x40000, 0xfffff, 0x100000, 0x10ffff]) {
    const value = String.fromCodePoint(point);
    await socket.send(echo(value));
    await socket.assertEchoed(value);
  }
});

test('an error deep in a long message is found wherever it lies', async () => {
  for (const at of [0, 1, 7, 8, 15, 16, 17, 31, 32, 63, 64, 65, 1000, 4095, 4096, 65535, 65536]) {
    const payload = Buffer.alloc(70_000, 0x61);
    payload[at] = 0xff;
    await withSocket(async (socket) => {
      await socket.send(frame(payload));
      await socket.assertCloseFrame(1007);
    });
  }
});

test('a character lies across every boundary of a vector', async (t) => {
  const socket = await RawWebSocket.open(server, { t });
  for (let shift = 0; shift < 70; shift++) {
    const value = `${'x'.repeat(shift)}ü€😀${'y'.repeat(40)}`;
    await socket.send(echo(value));
    await socket.assertEchoed(value);
  }
});

test('the reason of a close frame must be UTF-8, too', async () => {
  for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80]]) {
    await withSocket(async (socket) => {
      await socket.send(closeFrame(1000, Buffer.from(bytes)));
      await socket.assertCloseFrame(1007);
    });
  }
});

test('the payload of a ping need not be text', async () => {
  await withSocket(async (socket) => {
    await socket.send(frame([0xff, 0xc0, 0x80], { opcode: PING }));
    await socket.assertPong([0xff, 0xc0, 0x80]);
    await socket.fence();
    assert.equal(socket.connection.ended, false);
  });
});
