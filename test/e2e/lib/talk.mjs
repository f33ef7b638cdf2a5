// People who talk: users with connections in both dialects, and what each of these gets.

import assert from 'node:assert/strict';
import { Client } from './client.mjs';
import { newUser } from './http.mjs';
import { GUARD_MS, within } from './server.mjs';

export const V1 = 'parlor.v1';

let born = 0;
let questions = 0;

// A registered user with a name that nobody has had; open(), base() and v1() open connections of theirs.
export async function person(server, t, word = 'Person') {
  const name = `${word}${++born}`;
  const cookie = await newUser(server, name);
  const open = (protocol, options = {}) => Client.open(server, { t, cookie, protocol, ...options });
  return { name, cookie, open, base: (options) => open(undefined, options), v1: (options) => open(V1, options) };
}

export const people = (server, t, ...words) => Promise.all(words.map((word) => person(server, t, word)));

// What may come at any time, because others come and go.
const PASSING = ['active_users_list', 'user_added'];

// Sends messages and an echo behind them, and gives everything that has come up to its answer: what came before, too.
export async function after(client, ...messages) {
  return (await rawAfter(client, ...messages)).map((raw) => JSON.parse(raw));
}

export async function rawAfter(client, ...messages) {
  return (await entriesAfter(client, messages))
    .filter((one) => !PASSING.includes(one.type))
    .map((one) => one.raw);
}

export async function entriesAfter(client, messages = [], ms = GUARD_MS) {
  const token = `question ${++questions}`;
  for (const message of messages) client.send(message);
  client.send({ messageType: 'echo_client', text: token });
  const found = await until(client, (one) => one.type === 'echo_server' && one.message.text === token, 'an echo', ms);
  return client.inbox.splice(0, found + 1).slice(0, -1);
}

// The place in the inbox of what is waited for; errors may come before it.
export async function until(client, wanted, what, ms = GUARD_MS) {
  const deadline = Date.now() + ms;
  for (;;) {
    const at = client.inbox.findIndex(wanted);
    if (at >= 0) return at;
    if (client.closing) throw new Error(`closed with ${client.closing.code} before ${what}`);
    await within(new Promise((resolve) => client.waiting.push(resolve)), what, Math.max(1, deadline - Date.now()));
  }
}

// The one answer to one message.
export async function answer(client, message) {
  const got = await after(client, message);
  assert.equal(got.length, 1, `one answer to ${short(message)}, not ${short(got)}`);
  return got[0];
}

export async function assertRefused(client, ...messages) {
  for (const message of messages) {
    const got = await answer(client, message);
    assert.deepEqual(Object.keys(got), ['messageType', 'error'], `to ${short(message)}: ${short(got)}`);
    assert.equal(got.messageType, 'error', short(message));
    assert.match(got.error, /^[^\n{}[\]"]{3,200}$/, 'a plain sentence');
  }
}

export async function assertSilent(...clients) {
  for (const client of clients) assert.deepEqual(await after(client), []);
}

const short = (value) => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 300 ? `${text.slice(0, 300)}...` : text;
};

const REFERENCES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;' };
export const escapeHtml = (text) => text.replace(/[&<>"']/g, (c) => REFERENCES[c]);

export const dm = (targetUser, text, more = {}) => ({ messageType: 'direct_message', targetUser, text, ...more });
export const say = (comment, more = {}) => ({ messageType: 'chatMessage', comment, ...more });
export const select = (targetUser) => ({ messageType: 'select_user', targetUser });

export async function history(client, targetUser) {
  const got = await answer(client, select(targetUser));
  assert.equal(got.messageType, 'message_history');
  return got.messages;
}

// One write for several messages, so that the server finds them in one turn.
export function together(client, send) {
  const socket = client.socket._socket;
  socket.cork();
  send();
  socket.uncork();
}

// Texts at the limits of "Text that other people see". Each is 65536 bytes of UTF-8; one more byte is too much.
export const LIMIT = 65536;
export const FULL = {
  'one byte each': 'x'.repeat(LIMIT),
  'two bytes each': 'é'.repeat(LIMIT / 2),
  'three bytes each, and one': 'x' + '€'.repeat((LIMIT - 1) / 3),
  'four bytes each': '😀'.repeat(LIMIT / 4),
  'two bytes at the edge': 'x'.repeat(LIMIT - 2) + 'é',
  'three bytes at the edge': 'x'.repeat(LIMIT - 3) + '€',
  'four bytes at the edge': 'x'.repeat(LIMIT - 4) + '😀',
  'nothing but apostrophes': "'".repeat(LIMIT),
  'nothing but quotation marks': '"'.repeat(LIMIT),
  'nothing but control characters': '\u0001'.repeat(LIMIT),
  'nothing but backslashes': '\\'.repeat(LIMIT),
};
for (const [name, text] of Object.entries(FULL)) assert.equal(Buffer.byteLength(text), LIMIT, name);

export const TOO_LONG = {
  'one byte too many': 'x'.repeat(LIMIT + 1),
  'a character of two bytes across the edge': 'x'.repeat(LIMIT - 1) + 'é',
  'a character of three bytes across the edge': 'x'.repeat(LIMIT - 2) + '€',
  'a character of four bytes across the edge': 'x'.repeat(LIMIT - 3) + '😀',
  'fewer characters than bytes': 'é'.repeat(LIMIT / 2 + 1),
  'ten times as long as a text may be': 'x'.repeat(LIMIT * 10),
};

// Written as JSON by hand, because JSON.stringify would not write some of these.
export const NO_TEXT = {
  'nothing': '""',
  'U+0000': '"a\\u0000b"',
  'U+0000 alone': '"\\u0000"',
  'U+0000 behind 65536 bytes': `"${'x'.repeat(LIMIT - 1)}\\u0000"`,
  'a high surrogate alone': '"\\ud83d"',
  'a low surrogate alone': '"\\ude00"',
  'a high surrogate at the end': '"abc\\ud83d"',
  'a high surrogate before a letter': '"\\ud83dx"',
  'a high surrogate before an escape': '"\\ud83d\\n"',
  'two high surrogates': '"\\ud83d\\ud83d"',
  'two high surrogates and a low one': '"\\ud83d\\ud83d\\ude00"',
  'surrogates in the wrong order': '"\\ude00\\ud83d"',
  'the last high surrogate and a letter outside': '"\\udbff\\ue000"',
  'the first low surrogate behind a letter': '"x\\udc00"',
  'a number': '5',
  'true': 'true',
  'null': 'null',
  'an array': '["x"]',
  'an object': '{"x":"y"}',
};

// Each is legal, however it looks.
export const ODD = {
  'every control character': Array.from({ length: 31 }, (_, i) => String.fromCharCode(i + 1)).join(''),
  'everything that JSON escapes': '"\\/\b\f\n\r\t"\\"\\\\',
  'what looks like escapes': '\\u0041 \\n \\\\u0000 &amp; &#x27; &lt;',
  'delete and the C1 controls': Array.from({ length: 33 }, (_, i) => String.fromCharCode(i + 127)).join(''),
  'line and paragraph separators': 'a\u2028b\u2029c',
  'noncharacters, the last private ones and a byte order mark': '\ufeff\ufffe\uffff\ue000\uf8ff\ufffd\u{10ffff}\u{1fffe}',
  'astral characters': '\u{10000}😀👩‍👩‍👧‍👦\u{1f1e9}\u{1f1ea}\u{10fffd}',
  'characters beside the surrogates': '\ud7ff\ue000',
  'writing from right to left': '\u202eabc\u202c שלום \u200f',
  'letters with a hundred marks': `a${'\u0301'.repeat(100)}`,
  'spaces alone': ' \t\n ',
  'markup': `<img src=x onerror="alert('1')"> & <b>x</b> &lt; \`\${x}\``,
  'a script\'s end': '</script><!--',
  'JSON': '{"messageType":"direct_message","text":"x"}',
  'SQL': `'; DROP TABLE dms; -- %s %n ?1 :x`,
  'one letter': 'x',
  'a long line': 'line\r\n'.repeat(2000),
};
