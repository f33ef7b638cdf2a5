// What the tests of video calls share: rooms and the people in them.

import assert from 'node:assert/strict';
import { Client } from './client.mjs';
import { newUser, postJson } from './http.mjs';

export const V1 = 'parlor.v1';

export async function makeCall(server, cookie, name = 'Tea') {
  const answer = await postJson(server, '/api/video-calls', { name }, { Cookie: cookie });
  assert.equal(answer.status, 200, answer.text);
  const { id, ...rest } = answer.json();
  assert.match(id, /^[0-9a-f]{24}$/);
  assert.deepEqual(rest, {});
  return id;
}

// One page of a user: `name` is registered when `cookies` has no session of it yet.
export async function page(server, t, cookies, name, protocol) {
  cookies[name] ??= await newUser(server, name);
  const client = await Client.open(server, { t, cookie: cookies[name], protocol });
  client.name = name;
  client.id = client.hello?.socketId;
  return client;
}

// Joins and gives the two answers, which must come in their order.
export async function join(client, callId) {
  client.send({ messageType: 'join_call', callId });
  const isAnswer = (one) => ['call_info', 'existing_participants'].includes(one.type);
  const first = await client.entry(isAnswer, 'call_info');
  const second = await client.entry(isAnswer, 'existing_participants');
  assert.deepEqual([first.type, second.type], ['call_info', 'existing_participants']);
  assert.deepEqual(Object.keys(first.message).sort(), ['messageType', 'name']);
  assert.deepEqual(Object.keys(second.message).sort(), ['messageType', 'participants']);
  return { name: first.message.name, others: second.message.participants };
}

// Learns the socketIds of base-dialect clients, who are not told theirs: from what others hear.
export async function learn(client, witness) {
  const joined = await witness.next('user_joined');
  assert.deepEqual(Object.keys(joined).sort(), ['messageType', 'socketId', 'username']);
  assert.equal(joined.username, client.name);
  client.id = joined.socketId;
  return joined;
}

const CALL_TYPES = [
  'call_info', 'existing_participants', 'user_joined', 'user_left', 'offer', 'answer', 'ice_candidate',
  'media_state', 'call_message', 'ring_state', 'ring_over', 'incoming_call', 'call_list', 'call_changed', 'call_gone',
];

// After a fence: whatever of calls came to this client and was not read.
export async function heardOfCalls(client) {
  await client.fence();
  return client.inbox.filter((one) => CALL_TYPES.includes(one.type)).map((one) => one.raw);
}
