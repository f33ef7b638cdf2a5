// The echo: T comes back as exactly the same JavaScript string, to its sender alone.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client } from './lib/client.mjs';
import { newUser } from './lib/http.mjs';
import { RawWebSocket, text } from './lib/rawws.mjs';
import { file, startServer, within } from './lib/server.mjs';

const server = await startServer(file);

async function assertExact(client, value) {
  client.send({ messageType: 'echo_client', text: value });
  const answer = await client.next('echo_server', 60_000);
  assert.deepEqual(Object.keys(answer).sort(), ['messageType', 'text']);
  assert.equal(typeof answer.text, 'string');
  assert.equal(answer.text.length, value.length);
  assert.ok(answer.text === value, `${JSON.stringify(value.slice(0, 50))} came back different`);
}

const STRINGS = {
  'nothing': '',
  'a word': 'hello',
  'HTML, which is not escaped': '<script>alert("x")</script> & \'quotes\' &amp;',
  'quotes and backslashes': '"\\"\\\\"/\\/',
  'every control character': Array.from({ length: 32 }, (_, i) => String.fromCharCode(i)).join(''),
  'U+0000 alone': '\0',
  'U+0000 in the middle': 'before\0after\0\0end',
  'DEL and C1': '\x7f\x80\x9f',
  'a high surrogate alone': '\ud800',
  'the last high surrogate alone': 'x\udbffy',
  'a low surrogate alone': '\udc00',
  'the last low surrogate alone': 'x\udfffy',
  'surrogates in the wrong order': '\udc00\ud800',
  'two high surrogates and a low one': '\ud83d\ud83d\ude00',
  'a pair, and a lone one behind': '\ud83d\ude00\ude00',
  'emoji and marks': '👩‍👩‍👧‍👦 e\u0301 \u200b\u200f\ufeff\ufffd\uffff',
  'line separators': '\u2028\u2029',
  'what looks like an escape': '\\u0041 \\n \\ud800',
  'what looks like a message': '{"messageType":"echo_client","text":"x"}',
  'spaces at both ends': '  \t x \n ',
};
for (const [name, value] of Object.entries(STRINGS)) {
  test(`${name} comes back exactly`, async (t) => {
    for (const protocol of [undefined, 'parlor.v1']) {
      const client = await Client.open(server, { t, protocol });
      await assertExact(client, value);
      await assertExact(client, `${value}${value}x`);
    }
  });
}

test('long echoes that their receivers read late are what was sent, whatever the server has read since', async (t) => {
  const late = [], rounds = 120;
  for (let i = 0; i < 4; i++) late.push(await Client.open(server, { t }));
  for (const client of late) client.socket.pause();
  const textOf = (i, n) => `${i}:${n}:`.repeat(15_000).slice(0, 16_000 + (n * 7919 + i * 13) % 45_000);
  const other = await Client.open(server, { t });
  for (let n = 0; n < rounds; n++) {
    for (const [i, client] of late.entries()) client.send({ messageType: 'echo_client', text: textOf(i, n) });
    // The server goes on reading from others meanwhile.
    await assertExact(other, `other ${n} `.repeat(5_000));
  }
  for (const client of late) client.socket.resume();
  for (const [i, client] of late.entries()) {
    for (let n = 0; n < rounds; n++) {
      const { text: got } = await client.next('echo_server', 60_000);
      assert.ok(got === textOf(i, n), `echo ${n} of receiver ${i} came back different`);
    }
  }
});

test('every UTF-16 code unit comes back, all in one string', async (t) => {
  const client = await Client.open(server, { t });
  const units = Array.from({ length: 65536 }, (_, i) => String.fromCharCode(i));
  await assertExact(client, units.join(''));
  await assertExact(client, units.reverse().join(''));
  await assertExact(client, units.join('x'));
});

test('every spelling of one string means that string', async (t) => {
  const client = await Client.open(server, { t });
  const spellings = [
    ['"\\u0041\\u00e9\\u20ac"', 'Aé€'],
    ['"\\uD83D\\uDE00"', '😀'],
    ['"\\ud83d\\uDE00"', '😀'],
    ['"😀"', '😀'],
    ['"\\ud83d😀"', '\ud83d😀'],
    ['"\\/\\b\\f\\n\\r\\t\\"\\\\"', '/\b\f\n\r\t"\\'],
    ['"\\u0000"', '\0'],
    ['"\\u0022\\u005c"', '"\\'],
    ['"\\uDEAD\\uDEAD"', '\udead\udead'],
    ['"\\uD800\\u0041"', '\ud800A'],
  ];
  for (const [json, value] of spellings) {
    client.send(`{"messageType":"echo_client","text":${json}}`);
    assert.equal((await client.next('echo_server')).text, value, json);
  }
});

test('the sizes of the test page come back: 125, 126, 65535, 65536, 200000 and 5 MB', async (t) => {
  const client = await Client.open(server, { t });
  for (const size of [125, 126, 65_535, 65_536, 200_000, 5_000_000, 5 << 20]) {
    await assertExact(client, Array.from({ length: Math.ceil(size / 10) }, (_, i) => `${i}`.padStart(10, '.')).join('').slice(0, size));
  }
});

test('a message of exactly the default --max-message comes back, one byte more is 1009', async (t) => {
  const client = await Client.open(server, { t });
  const empty = JSON.stringify({ messageType: 'echo_client', text: '' });
  const value = 'm'.repeat(16_777_216 - empty.length);
  await assertExact(client, value);
  client.send({ messageType: 'echo_client', text: `${value}m` });
  assert.equal((await within(client.closed, 'the close')).code, 1009);
});

test('5 MB of characters that need escapes come back', async (t) => {
  const client = await Client.open(server, { t });
  await assertExact(client, '\u0001"\\\n'.repeat(600_000));
  await assertExact(client, '€'.repeat(1_700_000));
});

test('an echo may hold more than 10000 values beside its text', async (t) => {
  const client = await Client.open(server, { t });
  client.send({ messageType: 'echo_client', text: 'x', extra: Array(20_000).fill(0) });
  assert.equal((await client.next('echo_server')).text, 'x');
});

test('an echo goes to its sender alone, not even to the same user elsewhere', async (t) => {
  const cookie = await newUser(server, 'anna');
  const one = await Client.open(server, { t, cookie });
  const two = await Client.open(server, { t, cookie });
  const guest = await Client.open(server, { t });
  await assertExact(one, 'private');
  await two.expectNothing('echo_server');
  await guest.expectNothing('echo_server');
});

test('echoes come back in the order of their questions', async (t) => {
  const client = await Client.open(server, { t });
  for (let i = 0; i < 500; i++) {
    client.send({ messageType: 'echo_client', text: `${i} ${'x'.repeat((i * 37) % 3000)}` });
  }
  for (let i = 0; i < 500; i++) {
    assert.ok((await client.next('echo_server')).text.startsWith(`${i} `));
  }
});

test('the answer is text that is UTF-8, even for lone surrogates', async (t) => {
  const socket = await RawWebSocket.open(server, { t });
  await socket.send(text('{"messageType":"echo_client","text":"a\\ud800b"}'));
  const payload = await socket.messageBytes();
  const decoded = new TextDecoder('utf-8', { fatal: true }).decode(payload);
  assert.equal(JSON.parse(decoded).text, 'a\ud800b');
});

test('with a small --max-message an echo up to it comes back', async (t) => {
  const own = await startServer(t, { args: ['--max-message', '125'] });
  const client = await Client.open(own, { t });
  const empty = JSON.stringify({ messageType: 'echo_client', text: '' });
  await assertExact(client, 's'.repeat(125 - empty.length));
  client.send({ messageType: 'echo_client', text: 's'.repeat(126 - empty.length) });
  assert.equal((await within(client.closed, 'the close')).code, 1009);
});
