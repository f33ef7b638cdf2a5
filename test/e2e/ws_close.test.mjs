// The close handshake: every code, every order, and what comes before and behind it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client } from './lib/client.mjs';
import { PING, RawWebSocket, closeFrame, echo, frame, text } from './lib/rawws.mjs';
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

test('a close frame is answered with its code, and the connection ends', async () => {
  for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]) {
    for (const reason of ['', 'going home', 'r'.repeat(123)]) {
      await withSocket(async (socket) => {
        await socket.send(closeFrame(code, reason));
        await socket.assertCloseFrame(code);
        await socket.connection.assertEnds();
      });
    }
  }
});

test('an empty close frame is answered with a close frame, and the connection ends', async () => {
  await withSocket(async (socket) => {
    await socket.send(closeFrame());
    const got = await socket.frame();
    assert.equal(got.opcode, 8);
    assert.ok(got.payload.length === 0 || got.payload.readUInt16BE() === 1000);
    await socket.connection.assertEnds();
  });
});

test('a bad close code fails with 1002', async () => {
  for (const code of [0, 1, 500, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]) {
    await withSocket(async (socket) => {
      await socket.send(closeFrame(code));
      await socket.assertCloseFrame(1002);
      await socket.connection.assertEnds();
    });
  }
});

test('a close frame with half a code fails with 1002', async () => {
  await withSocket(async (socket) => {
    await socket.send(frame([3], { opcode: 8 }));
    await socket.assertCloseFrame(1002);
  });
});

test('messages that came before the close frame are answered before it is', async () => {
  await withSocket(async (socket) => {
    const many = Array.from({ length: 1000 }, (_, i) => echo(`message ${i}`));
    socket.send(Buffer.concat([...many, frame('p', { opcode: PING }), closeFrame(1000)]));
    for (let i = 0; i < 1000; i++) await socket.assertEchoed(`message ${i}`);
    await socket.assertPong('p');
    await socket.assertCloseFrame(1000);
    await socket.connection.assertEnds();
  });
});

test('a large echo before the close frame arrives whole', async () => {
  await withSocket(async (socket) => {
    const value = 'large '.repeat(500_000);
    socket.send(Buffer.concat([echo(value), closeFrame(1000)]));
    await socket.assertEchoed(value);
    await socket.assertCloseFrame(1000);
    await socket.connection.assertEnds();
  });
});

test('nothing behind a close frame is answered', async () => {
  await withSocket(async (socket) => {
    await socket.send(Buffer.concat([closeFrame(1000), echo('too late'), frame('late', { opcode: PING }), closeFrame(1001)]));
    await socket.assertCloseFrame(1000);
    await socket.connection.assertEnds();
  });
});

test('a close frame in the middle of a fragmented message ends everything', async () => {
  await withSocket(async (socket) => {
    await socket.send(text('{"messageType":', { fin: 0 }));
    await socket.send(closeFrame(1000));
    await socket.assertCloseFrame(1000);
    await socket.connection.assertEnds();
  });
});

test('a close frame that arrives byte by byte is one close frame', async () => {
  await withSocket(async (socket) => {
    await socket.connection.sendByteByByte(closeFrame(1001, 'slowly'));
    await socket.assertCloseFrame(1001);
    await socket.connection.assertEnds();
  });
});

test('after a failure the server sends its close frame once and reads no more messages', async () => {
  await withSocket(async (socket) => {
    await socket.send(Buffer.concat([frame('', { opcode: 3 }), echo('x'), frame('', { opcode: 3 })]));
    await socket.assertCloseFrame(1002);
    await socket.send(Buffer.concat([echo('y'), closeFrame(1002)]));
    await socket.connection.assertEnds();
  });
});

test('a client that closes its sending side behind its close frame gets the answer', async () => {
  await withSocket(async (socket) => {
    await socket.send(Buffer.concat([echo('last words'), closeFrame(1000)]));
    socket.connection.endSending();
    await socket.assertEchoed('last words');
    await socket.assertCloseFrame(1000);
    await socket.connection.assertEnds();
  });
});

test('clients that vanish in every state leave a server that serves', async () => {
  for (const part of [Buffer.alloc(0), Buffer.from([0x81]), frame('x', { length: 1000, only: 1 }), text('{', { fin: 0 }), closeFrame(1000), frame('', { opcode: 3 })]) {
    for (const how of ['destroy', 'resetNow', 'endSending']) {
      await withSocket(async (socket) => {
        await socket.send(part);
        socket.connection[how]();
      });
    }
  }
  await withSocket((socket) => socket.fence());
});

test('the npm client closes cleanly, with code and without', async (t) => {
  const one = await Client.open(server, { t });
  assert.equal((await one.close(1000)).code, 1000);
  const two = await Client.open(server, { t });
  assert.equal((await two.close(4321)).code, 4321);
  const three = await Client.open(server, { t });
  assert.ok([1000, 1005].includes((await three.close(undefined)).code));
});
