// What is no proper message is answered with an error that tells nothing of the input, and changes
// nothing.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Client, stroke } from './lib/client.mjs';
import { newUser } from './lib/http.mjs';
import { file, startServer } from './lib/server.mjs';

const server = await startServer(file);
const MARK = 'Zq7marker';

const STROKE = JSON.stringify(stroke(1, { note: MARK }));
const ECHO = `{"messageType":"echo_client","text":"${MARK}"}`;

const BAD = {
  'text that is no JSON': MARK,
  'an empty message': '',
  'spaces': '   ',
  'a string': `"${MARK}"`,
  'a number': '12',
  'true': 'true',
  'null': 'null',
  'an array': `["${MARK}"]`,
  'an array of a message': `[${ECHO}]`,
  'an empty object': '{}',
  'no messageType': `{"text":"${MARK}"}`,
  'a messageType that is a number': '{"messageType":1}',
  'a messageType that is null': '{"messageType":null}',
  'a messageType that is an object': `{"messageType":{"${MARK}":1}}`,
  'a messageType that is an array': '{"messageType":["echo_client"],"text":"x"}',
  'an empty messageType': '{"messageType":""}',
  'an unknown messageType': `{"messageType":"${MARK}"}`,
  'a messageType in another case': `{"messageType":"Echo_Client","text":"${MARK}"}`,
  'a messageType with a space behind': `{"messageType":"echo_client ","text":"${MARK}"}`,
  'a messageType with a NUL behind': `{"messageType":"echo_client\\u0000","text":"${MARK}"}`,
  'a messageType from the server': '{"messageType":"echo_server","text":"x"}',
  'an error': '{"messageType":"error","error":"x"}',
  'the key messageType in another case': `{"MessageType":"echo_client","text":"${MARK}"}`,
  'the key text in another case': `{"messageType":"echo_client","Text":"${MARK}"}`,
  'bytes behind the object': `${ECHO}x`,
  'a second object': ECHO + ECHO,
  'a NUL behind the object': `${ECHO}\0`,
  'a comma behind the object': `${ECHO},`,
  'a vertical tab behind the object': `${ECHO}\v`,
  'a no-break space behind the object': `${ECHO}\u00a0`,
  'a form feed inside': `{\f"messageType":"echo_client","text":"${MARK}"}`,
  'a control character for a space': `{\x01"messageType":"echo_client","text":"${MARK}"}`,
  'a byte order mark': `\ufeff${ECHO}`,
  'a repeated key': `{"messageType":"echo_client","text":"${MARK}","text":"${MARK}"}`,
  'a repeated messageType': `{"messageType":"echo_client","messageType":"drawing","text":"${MARK}"}`,
  'a key repeated through an escape': `{"messageType":"echo_client","text":"${MARK}","te\\u0078t":"${MARK}"}`,
  'a repeated key that nobody asked for': `{"messageType":"echo_client","text":"${MARK}","a":1,"a":2}`,
  'a repeated empty key': `{"messageType":"echo_client","text":"${MARK}","":1,"":2}`,
  'a trailing comma': `{"messageType":"echo_client","text":"${MARK}",}`,
  'a missing comma': `{"messageType":"echo_client" "text":"${MARK}"}`,
  'a missing colon': '{"messageType" "echo_client"}',
  'a key without quotes': `{messageType:"echo_client","text":"${MARK}"}`,
  'single quotes': `{'messageType':'echo_client','text':'${MARK}'}`,
  'a comment': `{/*x*/"messageType":"echo_client","text":"${MARK}"}`,
  'an unclosed object': ECHO.slice(0, -1),
  'an unclosed string': ECHO.slice(0, -2),
  'a raw newline in a string': `{"messageType":"echo_client","text":"${MARK}\n"}`,
  'a raw tab in a string': `{"messageType":"echo_client","text":"${MARK}\t"}`,
  'a raw NUL in a string': `{"messageType":"echo_client","text":"${MARK}\0"}`,
  'an unknown escape': `{"messageType":"echo_client","text":"${MARK}\\x"}`,
  'an escape of three digits': `{"messageType":"echo_client","text":"${MARK}\\u123"}`,
  'an escape with a letter': `{"messageType":"echo_client","text":"${MARK}\\u12g4"}`,
  'an escape with a sign': `{"messageType":"echo_client","text":"${MARK}\\u+123"}`,
  'a number with a leading zero': `{"messageType":"echo_client","text":"${MARK}","n":01}`,
  'a number with a plus': `{"messageType":"echo_client","text":"${MARK}","n":+1}`,
  'a number that begins with a point': `{"messageType":"echo_client","text":"${MARK}","n":.5}`,
  'a number that ends with a point': `{"messageType":"echo_client","text":"${MARK}","n":5.}`,
  'a number with an empty exponent': `{"messageType":"echo_client","text":"${MARK}","n":5e}`,
  'a minus alone': `{"messageType":"echo_client","text":"${MARK}","n":-}`,
  'a hexadecimal number': `{"messageType":"echo_client","text":"${MARK}","n":0x10}`,
  'NaN': `{"messageType":"echo_client","text":"${MARK}","n":NaN}`,
  'Infinity': `{"messageType":"echo_client","text":"${MARK}","n":Infinity}`,
  'True': `{"messageType":"echo_client","text":"${MARK}","n":True}`,
  'truex': `{"messageType":"echo_client","text":"${MARK}","n":truex}`,
  'an echo without text': '{"messageType":"echo_client"}',
  'an echo of a number': '{"messageType":"echo_client","text":5}',
  'an echo of null': '{"messageType":"echo_client","text":null}',
  'an echo of an object': `{"messageType":"echo_client","text":{"${MARK}":1}}`,
  'an echo of an array': `{"messageType":"echo_client","text":["${MARK}"]}`,
  '65 levels': `{"messageType":"echo_client","text":"${MARK}","x":${'['.repeat(64)}${']'.repeat(64)}}`,
  '65 levels of objects': `{"messageType":"echo_client","text":"${MARK}","x":${'{"a":'.repeat(64)}1${'}'.repeat(64)}}`,
  'a hundred thousand levels': `{"messageType":"echo_client","text":"${MARK}","x":${'['.repeat(100_000)}`,
  'nothing but brackets': '['.repeat(1_000_000),
  'an unknown message longer than 512 KiB': `{"messageType":"${MARK}","x":"${'y'.repeat(512 * 1024)}"}`,
  'a drawing longer than 512 KiB': STROKE.replace('}', `,"x":"${'y'.repeat(512 * 1024)}"}`),
  'an unknown message of many values': `{"messageType":"${MARK}","x":[${'0,'.repeat(10_000)}0]}`,
  'a message that hides its type behind 512 KiB': `{"x":"${'y'.repeat(512 * 1024)}","messageType":"${MARK}"}`,
};
for (const [name, message] of Object.entries(BAD)) {
  test(`${name}: an error, and the connection stays open`, async (t) => {
    const client = await Client.open(server, { t });
    const sentence = await client.refused(message);
    assert.ok(!sentence.includes(MARK), `the error holds a part of the input: ${sentence}`);
    assert.match(sentence, /^[^\n{}[\]]{3,200}$/, 'a plain sentence');
    await client.fence();
    await client.expectNothing('error');
    await client.expectNothing('drawing');
  });
}

test('what belongs to users alone is an error for guests', async (t) => {
  const client = await Client.open(server, { t });
  for (const message of [
    { messageType: 'chatMessage', comment: MARK },
    { messageType: 'get_all_users' },
    { messageType: 'select_user', targetUser: MARK },
    { messageType: 'direct_message', targetUser: MARK, text: MARK },
    { messageType: 'get_calls' },
    { messageType: 'join_call', callId: '0'.repeat(24) },
  ]) {
    assert.ok(!(await client.refused(message)).includes(MARK));
  }
  await client.fence();
});

test('errors have exactly two fields in both dialects', async (t) => {
  for (const protocol of [undefined, 'parlor.v1']) {
    const client = await Client.open(server, { t, protocol });
    client.send('nonsense');
    const error = await client.next('error');
    assert.deepEqual(Object.keys(error), ['messageType', 'error']);
  }
});

test('64 levels, the message object being the first, are fine', async (t) => {
  const client = await Client.open(server, { t });
  client.send(`{"messageType":"echo_client","text":"deep","x":${'['.repeat(63)}${']'.repeat(63)}}`);
  assert.equal((await client.next('echo_server')).text, 'deep');
  client.send(`{"messageType":"echo_client","text":"deep","x":${'{"a":'.repeat(63)}1${'}'.repeat(63)}}`);
  assert.equal((await client.next('echo_server')).text, 'deep');
});

test('brackets inside of strings are no levels, and keys inside of values are no keys of the message', async (t) => {
  const client = await Client.open(server, { t });
  const text = '[{'.repeat(200);
  client.send({ messageType: 'echo_client', text, x: { text: 1, messageType: 2, deeper: { text: 3 } } });
  assert.equal((await client.next('echo_server')).text, text);
});

test('whitespace of JSON is welcome everywhere', async (t) => {
  const client = await Client.open(server, { t });
  client.send(' \t\r\n{ \n"text" \t:\r"x" , "messageType"\n:\n"echo_client" } \r\n\t ');
  assert.equal((await client.next('echo_server')).text, 'x');
});

test('escapes in keys and in messageType are read as what they mean', async (t) => {
  const client = await Client.open(server, { t });
  client.send('{"m\\u0065ssageType":"echo\\u005fclient","t\\u0065xt":"\\u0078"}');
  assert.equal((await client.next('echo_server')).text, 'x');
});

test('fields that nobody knows are ignored', async (t) => {
  const client = await Client.open(server, { t });
  client.send({ messageType: 'echo_client', text: 'x', TEXT: 'y', extra: [1, { a: null }], __proto__x: true });
  assert.deepEqual(await client.next('echo_server'), { messageType: 'echo_server', text: 'x' });
});

test('an error goes to its sender alone', async (t) => {
  const [one, two] = [await Client.open(server, { t }), await Client.open(server, { t })];
  for (const message of ['nonsense', '{"messageType":"drawing"}', '{"messageType":"echo_client","text":1}']) {
    await one.refused(message);
  }
  await two.expectNothing('error');
});

test('a thousand bad messages in a row are a thousand errors, and the logs do not grow with each', async (t) => {
  const own = await startServer(t);
  const client = await Client.open(own, { t });
  for (let i = 0; i < 1000; i++) client.send(`nonsense ${MARK} ${i}`);
  for (let i = 0; i < 1000; i++) {
    await client.entry((one) => one.type === 'error', 'an error');
  }
  await client.fence();
  assert.ok(!own.stderr.includes(MARK), 'the log holds the text of a message');
  assert.ok(own.stderr.split('\n').length < 1000);
});

test('users get the same errors as guests', async (t) => {
  const cookie = await newUser(server, 'anna');
  const client = await Client.open(server, { t, cookie });
  assert.ok(!(await client.refused(`{"messageType":"${MARK}"}`)).includes(MARK));
  await client.refused('{');
  await client.fence();
});
