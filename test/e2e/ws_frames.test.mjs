// Frames: every length form, every cut, fragments and control frames, and everything that RFC 6455
// forbids. Hostile frames are written bit by bit.

import assert from 'node:assert/strict';
import test from 'node:test';
import {
  BINARY, CLOSE, PING, PONG, RawWebSocket, TEXT, closeFrame, echo, frame, json, text,
} from './lib/rawws.mjs';
import { file, startServer } from './lib/server.mjs';

const MAX = 100_000;
const server = await startServer(file, { args: ['--max-message', String(MAX)] });
const open = (t, options = {}) => RawWebSocket.open(server, { t, ...options });

async function withSocket(work) {
  const socket = await RawWebSocket.open(server);
  try {
    await work(socket);
  } finally {
    socket.connection.destroy();
  }
}

// An echo_client message of exactly that many bytes, and its text.
function echoOf(length) {
  const frameless = JSON.stringify({ messageType: 'echo_client', text: '' });
  const value = 'e'.repeat(length - frameless.length);
  return { value, message: JSON.stringify({ messageType: 'echo_client', text: value }) };
}

test('messages of every length form come back, at each boundary', async (t) => {
  const socket = await open(t);
  for (const length of [40, 125, 126, 127, 128, 65534, 65535, 65536, 65537, MAX - 1, MAX]) {
    const { value, message } = echoOf(length);
    assert.equal(message.length, length);
    await socket.send(text(message));
    await socket.assertEchoed(value);
  }
});

test('any mask unmasks, zero too', async (t) => {
  const socket = await open(t);
  for (const mask of [[0, 0, 0, 0], [255, 255, 255, 255], [1, 2, 3, 4], [0x7b, 0x22, 0x6d, 0x65]]) {
    for (const value of ['', 'a', 'ab', 'abc', 'abcd', 'abcde', 'ü'.repeat(33)]) {
      await socket.send(json({ messageType: 'echo_client', text: value }, { mask: Buffer.from(mask) }));
      await socket.assertEchoed(value);
    }
  }
});

test('messages right behind the handshake, in the same segment, are answered', async (t) => {
  const socket = await open(t, { behind: Buffer.concat([echo('one'), echo('two'), frame('x', { opcode: PING })]) });
  await socket.assertEchoed('one');
  await socket.assertEchoed('two');
  await socket.assertPong('x');
});

test('a hundred messages in one segment are all answered, in order', async (t) => {
  const socket = await open(t);
  await socket.send(Buffer.concat(Array.from({ length: 100 }, (_, i) => echo(`message ${i}`))));
  for (let i = 0; i < 100; i++) await socket.assertEchoed(`message ${i}`);
});

test('ten thousand messages in one go are all answered, in order', async (t) => {
  const socket = await open(t);
  socket.send(Buffer.concat(Array.from({ length: 10_000 }, (_, i) => echo(`message ${i}`))));
  for (let i = 0; i < 10_000; i++) await socket.assertEchoed(`message ${i}`);
});

test('messages that arrive byte by byte are answered', async (t) => {
  const socket = await open(t);
  const { value, message } = echoOf(200);
  await socket.connection.sendByteByByte(
    Buffer.concat([echo('ü'), frame('ping', { opcode: PING }), text(message)]),
  );
  await socket.assertEchoed('ü');
  await socket.assertPong('ping');
  await socket.assertEchoed(value);
});

test('a stream of frames cut in two anywhere means the same', async () => {
  const stream = Buffer.concat([
    echo('ünö'),
    frame('a', { opcode: PING }),
    text('{"messageType":"echo_', { fin: 0 }),
    frame('b', { opcode: PING }),
    text('client","text":"😀', { fin: 0, opcode: 0 }),
    text('"}', { opcode: 0 }),
    text(echoOf(130).message),
  ]);
  await Promise.all(
    Array.from({ length: stream.length - 1 }, (_, i) =>
      withSocket(async (socket) => {
        await socket.connection.sendSlices([stream.subarray(0, i + 1), stream.subarray(i + 1)]);
        await socket.assertEchoed('ünö');
        await socket.assertPong('a');
        await socket.assertPong('b');
        await socket.assertEchoed('😀');
        await socket.assertEchoed(echoOf(130).value);
      })),
  );
});

test('a message in fragments is one message, with pings in between answered at once', async (t) => {
  const socket = await open(t);
  await socket.send(text('{"messageType":', { fin: 0 }));
  await socket.send(frame('first', { opcode: PING }));
  await socket.assertPong('first');
  await socket.send(text('"echo_client",', { fin: 0, opcode: 0 }));
  await socket.send(frame('', { opcode: PONG }));
  await socket.send(frame('', { fin: 0, opcode: 0 }));
  await socket.send(frame('second', { opcode: PING }));
  await socket.assertPong('second');
  await socket.send(text('"text":"whole"}', { opcode: 0 }));
  await socket.assertEchoed('whole');
});

test('a message of fragments of one byte, a character cut between them, is one message', async (t) => {
  const socket = await open(t);
  const message = Buffer.from('{"messageType":"echo_client","text":"ü€😀"}');
  const last = message.length - 1;
  await socket.send(
    Buffer.concat(
      Array.from(message, (byte, i) =>
        frame([byte], { opcode: i === 0 ? TEXT : 0, fin: i === last ? 1 : 0 })),
    ),
  );
  await socket.assertEchoed('ü€😀');
});

test('empty fragments at the beginning, in the middle and at the end are no harm', async (t) => {
  const socket = await open(t);
  await socket.send(frame('', { fin: 0 }));
  await socket.send(frame('', { fin: 0, opcode: 0 }));
  await socket.send(text('{"messageType":"echo_client","text":"x"}', { fin: 0, opcode: 0 }));
  await socket.send(frame('', { fin: 1, opcode: 0 }));
  await socket.assertEchoed('x');
});

test('an empty message is a message that is no JSON', async (t) => {
  const socket = await open(t);
  await socket.send(frame(''));
  assert.equal((await socket.message()).messageType, 'error');
  await socket.fence();
});

test('a ping is answered with its own payload, up to 125 bytes', async (t) => {
  const socket = await open(t);
  for (const payload of [Buffer.alloc(0), Buffer.from([0]), Buffer.from([0xff, 0xfe, 0x80]), Buffer.alloc(125, 7)]) {
    await socket.send(frame(payload, { opcode: PING }));
    await socket.assertPong(payload);
  }
});

test('every ping is answered, of thousands in one go', async (t) => {
  const socket = await open(t);
  socket.send(Buffer.concat(Array.from({ length: 5000 }, (_, i) => frame(`ping ${i}`, { opcode: PING }))));
  for (let i = 0; i < 5000; i++) await socket.assertPong(`ping ${i}`);
});

test('a pong that nobody asked for is ignored', async (t) => {
  const socket = await open(t);
  await socket.send(Buffer.concat([frame('', { opcode: PONG }), frame('unasked', { opcode: PONG })]));
  await socket.fence();
});

for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  test(`the reserved opcode ${opcode} fails with 1002`, async () => {
    for (const fin of [0, 1]) {
      await withSocket(async (socket) => {
        await socket.send(frame('x', { opcode, fin }));
        await socket.assertFails(1002);
      });
    }
  });
}

for (const rsv of [1, 2, 3, 4, 5, 6, 7]) {
  test(`the reserved bits ${rsv} fail with 1002`, async () => {
    for (const opcode of [TEXT, 0, PING, PONG, CLOSE]) {
      await withSocket(async (socket) => {
        if (opcode === 0) await socket.send(text('{', { fin: 0 }));
        await socket.send(frame('', { opcode, rsv }));
        await socket.assertFails(1002);
      });
    }
  });
}

test('an unmasked frame fails with 1002, of any kind', async () => {
  for (const opcode of [TEXT, PING, PONG, CLOSE]) {
    await withSocket(async (socket) => {
      await socket.send(frame('', { opcode, mask: null }));
      await socket.assertFails(1002);
    });
  }
});

test('a control frame in fragments fails with 1002', async () => {
  for (const opcode of [PING, PONG, CLOSE]) {
    await withSocket(async (socket) => {
      await socket.send(frame('x', { opcode, fin: 0 }));
      await socket.assertFails(1002);
    });
  }
});

test('a control frame over 125 bytes fails with 1002', async () => {
  for (const opcode of [PING, PONG, CLOSE]) {
    for (const length of [126, 1000, 70_000]) {
      await withSocket(async (socket) => {
        await socket.send(frame(Buffer.alloc(length), { opcode, only: 0 }));
        await socket.assertFails(1002);
      });
    }
  }
});

test('a length in more bytes than it needs fails with 1002', async () => {
  for (const [length, form] of [[0, 16], [1, 16], [125, 16], [0, 64], [125, 64], [126, 64], [65535, 64]]) {
    for (const opcode of [TEXT, PING]) {
      await withSocket(async (socket) => {
        await socket.send(frame(Buffer.alloc(length), { opcode, form, only: 0 }));
        await socket.assertFails(1002);
      });
    }
  }
});

test('a length with its highest bit set fails with 1002', async () => {
  for (const length of [1n << 63n, (1n << 64n) - 1n]) {
    await withSocket(async (socket) => {
      await socket.send(frame('', { length, form: 64 }));
      await socket.assertFails(1002);
    });
  }
});

test('a continuation of nothing fails with 1002', async () => {
  for (const fin of [0, 1]) {
    await withSocket(async (socket) => {
      await socket.send(text('x', { opcode: 0, fin }));
      await socket.assertFails(1002);
    });
    await withSocket(async (socket) => {
      await socket.send(echo('whole'));
      await socket.send(text('x', { opcode: 0, fin }));
      await socket.assertEchoed('whole');
      await socket.assertFails(1002);
    });
  }
});

test('a new message inside of another fails with 1002', async () => {
  for (const opcode of [TEXT, BINARY]) {
    await withSocket(async (socket) => {
      await socket.send(text('{', { fin: 0 }));
      await socket.send(frame('}', { opcode }));
      const got = await socket.frame();
      assert.equal(got.opcode, CLOSE);
      assert.ok([1002, ...(opcode === BINARY ? [1003] : [])].includes(got.payload.readUInt16BE()));
    });
  }
});

test('a binary message is 1003', async () => {
  for (const [payload, fin] of [['', 1], ['x', 1], ['x', 0]]) {
    await withSocket(async (socket) => {
      await socket.send(frame(payload, { opcode: BINARY, fin }));
      await socket.assertFails(1003);
    });
  }
});

test('what the header alone proves wrong fails at the header', async () => {
  const headers = [
    [1003, frame(Buffer.alloc(1000), { opcode: BINARY, only: 0 })],
    [1009, frame('', { length: MAX + 1, only: 0 })],
    [1009, frame('', { length: 1n << 40n, only: 0 })],
    [1009, frame('', { length: (1n << 63n) - 1n, only: 0 })],
    [1002, frame(Buffer.alloc(1000), { opcode: 5, only: 0 })],
    [1002, frame(Buffer.alloc(1000), { rsv: 4, only: 0 })],
    [1002, frame(Buffer.alloc(1000), { mask: null, only: 0 })],
    [1002, frame(Buffer.alloc(1000), { opcode: 0, only: 0 })],
  ];
  for (const [code, bytes] of headers) {
    await withSocket(async (socket) => {
      await socket.send(bytes);
      await socket.assertFails(code);
    });
  }
});

test('the first two bytes are enough where they are enough', async () => {
  for (const bytes of [[0x83, 0x80], [0xc1, 0x80], [0x81, 0x05], [0x09, 0x80], [0x89, 0xfe], [0x80, 0x80]]) {
    await withSocket(async (socket) => {
      await socket.send(Buffer.from(bytes));
      await socket.assertFails(1002);
    });
  }
});

test('a message over --max-message is 1009, in one frame and in fragments', async () => {
  await withSocket(async (socket) => {
    await socket.send(frame(Buffer.alloc(MAX + 1, 0x20)));
    await socket.assertCloseFrame(1009);
  });
  await withSocket(async (socket) => {
    const { value, message } = echoOf(MAX);
    await socket.send(text(message.slice(0, 50_000), { fin: 0 }));
    await socket.send(text(message.slice(50_000), { opcode: 0 }));
    await socket.assertEchoed(value);
    await socket.send(text(message, { fin: 0 }));
    await socket.send(frame('', { opcode: 0, length: 1, only: 0 }));
    await socket.assertFails(1009);
  });
});

test('an empty last fragment completes a message of exactly --max-message', async (t) => {
  const socket = await open(t);
  const { value, message } = echoOf(MAX);
  await socket.send(text(message, { fin: 0 }));
  await socket.send(frame('', { opcode: 0 }));
  await socket.assertEchoed(value);
});

test('thousands of tiny fragments are counted together', async (t) => {
  const socket = await open(t);
  const one = text('          ', { fin: 0, opcode: 0 });
  socket.send(Buffer.concat([text('{', { fin: 0 }), ...Array(MAX / 10 + 1).fill(one)]));
  await socket.assertCloseFrame(1009);
});

test('announced lengths cost nothing before their bytes arrive', async (t) => {
  const big = await startServer(t);
  const sockets = await Promise.all(Array.from({ length: 300 }, () => RawWebSocket.open(big)));
  const before = big.memory().now;
  for (const socket of sockets) await socket.send(frame('{', { length: 16_000_000, only: 1 }));
  const witness = await RawWebSocket.open(big);
  await witness.fence();
  const grown = big.memory().now - before;
  assert.ok(grown < 100, `${grown} MiB more for 300 announcements of 16 MB`);
});

test('a violation after good messages leaves these answered', async (t) => {
  const socket = await open(t);
  await socket.send(Buffer.concat([echo('good'), frame('x', { opcode: 4 }), echo('never read')]));
  await socket.assertEchoed('good');
  await socket.assertCloseFrame(1002);
  await socket.send(closeFrame(1002));
  await socket.connection.assertEnds();
});
