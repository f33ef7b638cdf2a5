// The shorter timeouts, with real waiting. All tests run at once, so that the file takes as long as
// its longest. SLOW=1 adds those of 30 to 75 seconds; the unit tests hold them with a manual clock.
//
// A lower bound is safe on any machine: the client's clock starts before the server's. Upper bounds
// are only the guards.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RawConnection } from './lib/raw.mjs';
import { PING, RawWebSocket, closeFrame, echo, frame, PONG } from './lib/rawws.mjs';
import { cleanUp, file, startServer } from './lib/server.mjs';

const server = await startServer(file);
const HOST = `Host: ${server.authority}\r\n`;
const GUARD = 60_000;
const slow = process.env.SLOW ? {} : { skip: 'set SLOW=1 to wait for it' };

function stopwatch() {
  const start = performance.now();
  // Timers count whole milliseconds, and a tick's clock may be a little old.
  return (seconds) => {
    const passed = (performance.now() - start) / 1000;
    assert.ok(passed > seconds - 0.25, `only ${passed} s, not ${seconds}`);
  };
}

describe('timeouts', { concurrency: true, timeout: 200_000 }, () => {
  test('a new connection that stays silent is closed after 10 s without an answer', async (t) => {
    const assertPassed = stopwatch();
    const connection = await RawConnection.open(server, { t });
    await connection.assertEnds(GUARD);
    assertPassed(10);
  });

  test('a header section that is not complete after 10 s is 408, and the connection ends', async (t) => {
    const assertPassed = stopwatch();
    const connection = await RawConnection.open(server, { t });
    await connection.send(`GET / HTTP/1.1\r\n${HOST}`);
    assert.equal((await connection.response({ ms: GUARD })).status, 408);
    assertPassed(10);
    await connection.assertEnds();
  });

  test('a header section that drips in is 408 all the same', async (t) => {
    const connection = await RawConnection.open(server, { t });
    await connection.send(`GET / HTTP/1.1\r\n${HOST}X: `);
    const drip = setInterval(() => connection.send('y'), 500);
    cleanUp(t, () => clearInterval(drip));
    assert.equal((await connection.response({ ms: GUARD })).status, 408);
  });

  test('the 10 s of a second request begin with its own first byte', async (t) => {
    const connection = await RawConnection.open(server, { t });
    connection.send(`GET /healthz HTTP/1.1\r\n${HOST}\r\n`);
    assert.equal((await connection.response()).status, 200);
    await new Promise((resolve) => setTimeout(resolve, 4000));
    const assertPassed = stopwatch();
    await connection.send('GET /healthz HT');
    assert.equal((await connection.response({ ms: GUARD })).status, 408);
    assertPassed(10);
    await connection.assertEnds();
  });

  test('a peer that never answers the close frame is dropped after 5 s', async (t) => {
    const client = await RawWebSocket.open(server, { t });
    await client.send(frame('x', { opcode: 3 }));
    await client.assertCloseFrame(1002);
    await client.connection.assertEnds(GUARD);
  });

  test('a peer that goes on sending instead of closing is dropped after 5 s', async (t) => {
    const client = await RawWebSocket.open(server, { t });
    await client.send(frame('x', { opcode: 3 }));
    await client.assertCloseFrame(1002);
    const more = setInterval(() => client.send(echo('more')), 300);
    cleanUp(t, () => clearInterval(more));
    await client.connection.assertEnds(GUARD);
  });

  test('a peer that closes but keeps its connection open is dropped', async (t) => {
    const client = await RawWebSocket.open(server, { t });
    await client.send(closeFrame(1000));
    await client.assertCloseFrame(1000);
    await client.connection.assertEnds(GUARD);
  });

  test('a body that is not complete 30 s after the header is 408', slow, async (t) => {
    const assertPassed = stopwatch();
    const connection = await RawConnection.open(server, { t });
    await connection.send(
      `POST /login HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{ `,
    );
    const drip = setInterval(() => connection.send('y'), 1000);
    cleanUp(t, () => clearInterval(drip));
    assert.equal((await connection.response({ ms: GUARD })).status, 408);
    assertPassed(30);
    await connection.assertEnds();
  });

  test('a kept connection that stays idle is closed after 60 s without an answer', slow, async (t) => {
    const connection = await RawConnection.open(server, { t });
    const assertPassed = stopwatch();
    connection.send(`GET /healthz HTTP/1.1\r\n${HOST}\r\n`);
    assert.equal((await connection.response()).status, 200);
    await connection.assertEnds(2 * GUARD);
    assertPassed(60);
  });

  test('a silent WebSocket is pinged after 30 s and dropped after 75 s', slow, async (t) => {
    const assertPassed = stopwatch();
    const client = await RawWebSocket.open(server, { t });
    assert.equal((await client.frame(GUARD)).opcode, PING);
    assertPassed(30);
    await client.connection.untilEnd(2 * GUARD);
    assertPassed(75);
  });

  test('a silent WebSocket that answers its pings is kept', slow, async (t) => {
    const assertPassed = stopwatch();
    const client = await RawWebSocket.open(server, { t });
    for (let i = 0; i < 3; i++) {
      const { opcode, payload } = await client.frame(GUARD);
      assert.equal(opcode, PING);
      await client.send(frame(payload, { opcode: PONG }));
    }
    assertPassed(90);
    await client.fence();
  });
});
