// HTTP through node's own client, and the accounts' few calls through that.

import assert from 'node:assert/strict';
import http from 'node:http';
import { GUARD_MS, within } from './server.mjs';

export function request(server, method, target, options = {}) {
  const { headers = {}, body, ms = GUARD_MS, host, localAddress } = options;
  const answered = new Promise((resolve, reject) => {
    const call = http.request({
      host: host ?? server.host,
      port: server.port,
      localAddress,
      method,
      path: target,
      agent: false,
      headers: {
        ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
        ...headers,
      },
    });
    call.on('error', reject);
    call.on('response', (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const whole = Buffer.concat(chunks);
        resolve({
          status: response.statusCode,
          headers: response.headers,
          body: whole,
          text: whole.toString('utf8'),
          json: () => JSON.parse(whole.toString('utf8')),
        });
      });
    });
    call.end(body);
  });
  return within(answered, `the answer to ${method} ${target}`, ms);
}

export const get = (server, target, headers = {}, options = {}) =>
  request(server, 'GET', target, { headers, ...options });

export const postJson = (server, target, value, headers = {}, options = {}) =>
  request(server, 'POST', target, {
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value),
    ...options,
  });

export const postForm = (server, target, value, headers = {}, options = {}) =>
  request(server, 'POST', target, {
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
    body: typeof value === 'string' ? value : new URLSearchParams(value).toString(),
    ...options,
  });

export const PASSWORD = 'correct horse battery';

export async function register(server, username, password = PASSWORD) {
  const response = await postJson(server, '/register', { username, password }, {}, { ms: 60_000 });
  assert.equal(response.status, 201, response.text);
  return response.json();
}

export function authToken(response) {
  const cookies = response.headers['set-cookie'] ?? [];
  const mine = cookies.filter((cookie) => cookie.startsWith('auth_token='));
  assert.equal(mine.length, 1, `one auth_token cookie, not ${JSON.stringify(cookies)}`);
  return mine[0].slice('auth_token='.length).split(';')[0];
}

export async function login(server, username, password = PASSWORD) {
  const response = await postJson(server, '/login', { username, password }, {}, { ms: 60_000 });
  assert.equal(response.status, 200, response.text);
  return `auth_token=${authToken(response)}`;
}

// Registers, logs in, and answers with the Cookie header's value.
export async function newUser(server, username, password = PASSWORD) {
  await register(server, username, password);
  return login(server, username, password);
}
