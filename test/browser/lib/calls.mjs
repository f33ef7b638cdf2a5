// Calls: Chromium with an artificial camera and microphone, people in rooms, and what they see there.

import assert from 'node:assert/strict';
import axe from 'axe-core';
import { chromium } from 'playwright-core';
import { newUser, postJson } from '../../e2e/lib/http.mjs';
import { cleanUp } from '../../e2e/lib/server.mjs';
import { person, visit } from './browser.mjs';

const EXECUTABLE = process.env.CHROMIUM || '/usr/bin/chromium';
const ARGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--use-fake-ui-for-media-stream',
];

// devices: how many artificial cameras and microphones there are; 0 is a machine without any. The second camera
// measures depths and shows nothing, so a test that wants another one takes the third.
export async function launchWithDevices(t, { devices = 3, args = [] } = {}) {
  const fake = devices ? [`--use-fake-device-for-media-stream=device-count=${devices}`] : [];
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: [...ARGS, ...fake, ...args] });
  cleanUp(t, () => browser.close());
  return browser;
}

const cookies = new Map();

export async function cookieOf(server, username) {
  const key = `${server.url} ${username}`;
  if (!cookies.has(key)) cookies.set(key, await newUser(server, username));
  return cookies.get(key);
}

export async function createRoom(server, username, name) {
  const cookie = await cookieOf(server, username);
  const response = await postJson(server, '/api/video-calls', { name }, { Cookie: cookie });
  assert.equal(response.status, 200, response.text);
  return response.json().id;
}

// A browser profile of somebody who is logged in. init: functions that run in every page before its own scripts.
export async function caller(t, browser, server, username, { init = [], ...options } = {}) {
  const context = await person(t, browser, server, options);
  const [name, value] = (await cookieOf(server, username)).split('=');
  await context.addCookies([{ name, value, url: server.url }]);
  for (const each of init) await context.addInitScript(each);
  return context;
}

export const phaseIs = (page, phase) => page.locator(`#call[data-phase="${phase}"]`).waitFor();

// Opens the room and stops before joining.
export async function prejoin(context, id, search = '') {
  const page = await visit(context, `/video-call/${id}${search}`);
  await phaseIs(page, 'prejoin');
  return page;
}

export async function join(page) {
  await page.click('#join');
  await phaseIs(page, 'in');
}

export async function enter(context, id, search = '') {
  const page = await prejoin(context, id, search);
  await join(page);
  return page;
}

export async function leave(page) {
  await page.click('#leave');
  await page.locator('#notice[data-kind="left"]').waitFor();
}

export const tileOf = (page, username, kind = 'camera') =>
  page.locator(`[data-testid=tile][data-username="${username}"][data-kind="${kind}"]`);

// Exactly these others are there, and the picture of each of them is moving.
export async function seesPlaying(page, names, kind = 'camera') {
  await page.waitForFunction(([wanted, which]) => {
    const tiles = [...document.querySelectorAll(`[data-testid=tile][data-kind="${which}"][data-self="false"]`)];
    const shown = tiles.map((tile) => tile.dataset.username).sort();
    return JSON.stringify(shown) === JSON.stringify([...wanted].sort())
      && tiles.every((tile) => tile.dataset.video === 'on' && tile.querySelector('video').videoWidth > 0);
  }, [names, kind]);
  await advances(page, names, kind);
}

// Pictures go on from where they are now.
export async function advances(page, names, kind = 'camera') {
  const video = (name) => `[data-testid=tile][data-username="${name}"][data-kind="${kind}"] video`;
  const selectors = names.map(video);
  const starts = await page.evaluate((all) => all.map((css) => [...document.querySelectorAll(css)].map((node) => {
    node.framesBefore = node.getVideoPlaybackQuality().totalVideoFrames;
    return node.currentTime;
  })), selectors);
  try {
    await page.waitForFunction(([all, times]) => all.every((css, i) => [...document.querySelectorAll(css)].every((node, j) =>
      node.currentTime > times[i][j] && node.getVideoPlaybackQuality().totalVideoFrames > node.framesBefore)), [selectors, starts]);
  } catch (error) {
    error.message += `\n${JSON.stringify(await page.evaluate(stateOfMedia), null, 1)}`;
    throw error;
  }
}

// Why a picture stands still: what the videos and the connections say of themselves, twice, a second apart.
async function stateOfMedia() {
  const look = async () => ({
    videos: [...document.querySelectorAll('[data-testid=tile] video')].map((node) => ({
      of: node.closest('[data-testid=tile]').dataset.username,
      self: node.closest('[data-testid=tile]').dataset.self,
      at: node.currentTime,
      frames: node.getVideoPlaybackQuality().totalVideoFrames,
      framesBefore: node.framesBefore,
      paused: node.paused,
      readyState: node.readyState,
      tracks: node.srcObject?.getTracks().map(({ kind, muted, enabled, readyState }) => ({ kind, muted, enabled, readyState })),
    })),
    connections: await Promise.all((window.connections ?? []).map(async (pc) => ({
      states: [pc.connectionState, pc.iceConnectionState, pc.signalingState],
      directions: pc.getTransceivers().map(({ mid, currentDirection, sender }) => [mid, currentDirection, sender.track?.readyState, sender.track?.muted]),
      rtp: [...(await pc.getStats()).values()].filter(({ type, kind }) => /bound-rtp$/.test(type) && kind === 'video'),
    }))),
  });
  const first = await look();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return [first, await look()];
}

// Everybody sees everybody else.
export function allSeeEachOther(pages) {
  const names = Object.keys(pages);
  return Promise.all(names.map((name) => seesPlaying(pages[name], names.filter((other) => other !== name))));
}

export const isGone = (page, username, kind = 'camera') => tileOf(page, username, kind).waitFor({ state: 'detached' });

// For tests with many pages: pictures that are cheap to encode, sound that nobody cleans. What is sent is not what
// these are about.
export function smallPictures() {
  const media = navigator.mediaDevices;
  if (!media) return;
  const real = media.getUserMedia.bind(media);
  const picture = { width: 320, height: 240, frameRate: 8 };
  const sound = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  media.getUserMedia = (wish) => real({ ...(wish.video && { video: { ...wish.video, ...picture } }), ...(wish.audio && { audio: { ...wish.audio, ...sound } }) });
}

// As large as they come, but few: for what is decided by size.
export function fewPictures() {
  const media = navigator.mediaDevices;
  if (!media) return;
  const real = media.getUserMedia.bind(media);
  media.getUserMedia = (wish) => real(wish.video ? { ...wish, video: { ...wish.video, frameRate: 3 } } : wish);
}

// Every connection that the page ever made, in window.connections; and how often an offer was taken back.
export function keepConnections() {
  const Real = window.RTCPeerConnection;
  window.connections = [];
  window.takenBack = 0;
  window.RTCPeerConnection = class extends Real {
    constructor(...args) {
      super(...args);
      window.connections.push(this);
    }

    setLocalDescription(...args) {
      if (args[0]?.type === 'rollback') window.takenBack++;
      return super.setLocalDescription(...args);
    }
  };
}

// Every message that the page sends, by its type, in window.sent; and each is held back for up to
// window.sendDelay milliseconds, in order. Descriptions wait for window.descriptionDelay, and are overtaken by all else.
// What is held back now is counted in window.sendsWaiting.
export function keepAndDelaySending() {
  const { send } = WebSocket.prototype;
  let last = Promise.resolve();
  window.sent = {};
  window.sendDelay = 0;
  window.descriptionDelay = 0;
  window.sendsWaiting = 0;
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  WebSocket.prototype.send = function delayed(data) {
    const { messageType } = JSON.parse(data);
    window.sent[messageType] = (window.sent[messageType] ?? 0) + 1;
    const go = () => {
      window.sendsWaiting--;
      if (this.readyState === WebSocket.OPEN) send.call(this, data);
    };
    window.sendsWaiting++;
    if (window.descriptionDelay && (messageType === 'offer' || messageType === 'answer')) pause(window.descriptionDelay).then(go);
    else if (window.sendsWaiting === 1 && !window.sendDelay) go();
    else last = last.then(() => pause(Math.random() * window.sendDelay)).then(go);
  };
}

// Nothing is held back any more, and nothing that has been offered is open.
export const isSettled = (page) => page.waitForFunction(() => window.sendsWaiting === 0
  && window.connections.every((pc) => pc.signalingState === 'stable' || pc.signalingState === 'closed'));

// A screen to share, without the browser's own question.
export function artificialScreen() {
  if (!navigator.mediaDevices) return;
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const ctx = canvas.getContext('2d');
    let n = 0;
    setInterval(() => {
      ctx.fillStyle = n++ % 2 ? '#1971c2' : '#e03131';
      ctx.fillRect(0, 0, 640, 360);
    }, 100);
    return canvas.captureStream(10);
  };
}

// A machine whose user says no, or that has no devices.
export function refuseDevices() {
  if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('Permission denied', 'NotAllowedError'); };
}

export const connectionsOf = (page) => page.evaluate(() => window.connections.length);
export const sentBy = (page, type) => page.evaluate((name) => window.sent[name] ?? 0, type);

export async function assertNoViolations(page, what) {
  await page.evaluate(axe.source); // by the debugger, so that the page's policy stays as it is
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(' ')}`);
  assert.deepEqual(found, [], what);
}

// A client as simple as they come: base dialect, offers to everybody it hears of, from both sides at once.
// how: 'gives way' takes any offer (the browser takes the own one back by itself), 'stubborn' ignores offers while its own is
// out, 'starts over' answers every offer with a new connection, 'answers only' never offers.
export function simpleClient([callId, how]) {
  const peers = {};
  const videos = {};
  const canvas = Object.assign(document.createElement('canvas'), { width: 160, height: 120 });
  const ctx = canvas.getContext('2d');
  let n = 0;
  setInterval(() => { ctx.fillStyle = n++ % 2 ? '#fff' : '#000'; ctx.fillRect(0, 0, 160, 120); }, 100);
  let socket = null; // opened when there is something to show
  const send = (message) => socket.send(JSON.stringify(message));
  const make = (id, stream) => {
    peers[id]?.close();
    const pc = new RTCPeerConnection();
    peers[id] = pc;
    stream.getTracks().forEach((track) => pc.addTrack(track, stream));
    pc.ontrack = ({ streams }) => {
      videos[id] ??= document.body.appendChild(document.createElement('video'));
      Object.assign(videos[id], { srcObject: streams[0], muted: true });
      videos[id].play().catch(() => {});
    };
    pc.onicecandidate = ({ candidate }) => { if (candidate) send({ messageType: 'ice_candidate', socketId: id, candidate }); };
    return pc;
  };
  const offerTo = async (id, stream) => {
    const pc = make(id, stream);
    const offer = await pc.createOffer();
    await pc.setLocalDescription(offer);
    send({ messageType: 'offer', socketId: id, offer });
  };
  const onOffer = async ({ socketId: id, offer }, stream) => {
    let pc = peers[id];
    if (!pc || how === 'starts over') pc = make(id, stream);
    if (how === 'stubborn' && pc.signalingState === 'have-local-offer') return;
    await pc.setRemoteDescription(offer);
    const answer = await pc.createAnswer();
    await pc.setLocalDescription(answer);
    send({ messageType: 'answer', socketId: id, answer });
  };
  return navigator.mediaDevices.getUserMedia({ audio: true }).then((stream) => {
    stream.addTrack(canvas.captureStream(10).getVideoTracks()[0]);
    const handlers = {
      active_users_list: () => { if (!window.simple.asked) { window.simple.asked = true; send({ messageType: 'join_call', callId }); } },
      call_info: () => { window.simple.joined = true; },
      existing_participants: ({ participants }) => { if (how !== 'answers only') for (const { socketId } of participants) offerTo(socketId, stream); },
      user_joined: ({ socketId }) => (how === 'answers only' ? undefined : offerTo(socketId, stream)),
      offer: (message) => onOffer(message, stream),
      answer: ({ socketId, answer }) => peers[socketId].setRemoteDescription(answer),
      ice_candidate: ({ socketId, candidate }) => peers[socketId]?.addIceCandidate(candidate),
      user_left: ({ socketId }) => { peers[socketId]?.close(); videos[socketId]?.remove(); delete peers[socketId]; delete videos[socketId]; },
    };
    window.simple = { asked: false, joined: false, videos, peers, types: new Set(), leave: () => send({ messageType: 'leave_call' }), close: () => socket.close() };
    socket = new WebSocket(`ws://${location.host}/websocket`);
    socket.onmessage = async ({ data }) => {
      const message = JSON.parse(data);
      window.simple.types.add(message.messageType);
      try {
        await handlers[message.messageType]?.(message);
      } catch { /* simple clients do not look */ }
    };
  });
}

export async function simple(context, id, how) {
  await context.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }));
  const page = await visit(context, '/healthz'); // a page without anything of its own
  await page.evaluate(simpleClient, [id, how]);
  await page.waitForFunction(() => window.simple.joined);
  return page;
}

export const simpleSees = (page, count) =>
  page.waitForFunction((wanted) => {
    const videos = Object.values(window.simple.videos);
    window.seen ??= new Map();
    const moving = videos.filter((video) => {
      const frames = video.getVideoPlaybackQuality().totalVideoFrames;
      const before = window.seen.get(video);
      window.seen.set(video, before ?? frames);
      return video.videoWidth > 0 && before !== undefined && frames > before;
    });
    return videos.length === wanted && moving.length === wanted;
  }, count);
