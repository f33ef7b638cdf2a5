/* room.js - the page of one call: finds the room, lets one get ready, joins, and stays joined.
 *
 *   media.js    what we send              peer.js    one connection, by perfect negotiation
 *   prejoin.js  before joining            mesh.js    all connections, through outages of the server
 *   stage.js    what is on screen         tiles.js, tile.js, layout.js, speaking.js, stats.js    its parts
 *   controls.js buttons and keys          talk.js, people-panel.js, ring.js    beside the tiles
 *
 * Hooks for tests, all read-only:
 *   #call[data-phase = loading | notice | prejoin | joining | in], #notice[data-kind = guest | unknown | left]
 *   #room-name, #room-people, #call-say (joins and leaves)
 *   before joining: #preview-box[data-video], #pre-microphone, #pre-camera, #problems[data-reason], #try-again,
 *     #camera-select, #microphone-select, #speaker-select, #level[data-level], #join, #prejoin-who
 *   #tiles[data-count][data-focus] > [data-testid=tile][data-username][data-kind = camera | screen][data-self]
 *     [data-state = connecting | connected | reconnecting | lost][data-video = on | off] (a picture, or initials)
 *     [data-microphone, data-camera = on | off | unknown][data-hand][data-speaking][data-pinned][data-main],
 *     with [data-testid=tile-video], .tile__quality[data-level] and buttons titled "Pin" and "Full screen"
 *   #microphone, #camera, #share, #hand, #people-button, #chat-button, #leave: [data-on], and [data-trouble] for a device
 *     that should be on; #more with #menu-settings, #menu-fullscreen, #menu-link, #menu-keys
 *   #sharing, #copy-link, #alone, #blocked, #people, #ringable, #talk, #talk-text, #talk-send, #settings-dialog, #keys-dialog
 *   ?ring=NAME in the address rings that person after joining. */
import { passFocus, toast } from '../dom.js';
import { closeWhenLeft, session } from '../session.js';
import { setTitle } from '../shell.js';
import { socket } from '../socket.js';
import { oneLine } from '../text.js';
import { Controls } from './controls.js';
import { DevicePicker } from './devices.js';
import { iceServers } from './ice.js';
import { LocalMedia } from './media.js';
import { Mesh } from './mesh.js';
import { hideNotice, showNotice } from './notice.js';
import { Panels } from './panels.js';
import { PeoplePanel } from './people-panel.js';
import { Prejoin } from './prejoin.js';
import { OutgoingRings, mountIncoming } from './ring.js';
import { audioContext } from './sound.js';
import { Stage } from './stage.js';
import { Talk } from './talk.js';
import { listed } from './words.js';

const SAY_MS = 5000;
const OWN_ERROR_MS = 3000;
const byId = (id) => document.getElementById(id);
const page = byId('call');
const callId = /^\/video-call\/([0-9a-f]{24})$/i.exec(location.pathname)?.[1].toLowerCase() ?? null;

class Room {
  constructor(username) {
    this._username = username;
    this._name = 'Video call';
    this._hand = false;
    this._isWanted = false;  /* we are in this call, whatever happens to the socket */
    this._isAsked = false;   /* join_call is on its way */
    this._told = '';         /* the last media_state */
    this._sentTracks = [];
    this._askedAt = -Infinity; /* when the user last sent something that the server may refuse */
    this._unread = 0;
    this._online = [];
    this._ringAfterJoin = takeRingWish();
    this._build();
    this._listen();
  }

  _build() {
    this._local = new LocalMedia();
    this._rings = new OutgoingRings(() => this._onRings());
    const panel = new PeoplePanel({
      ring: (name) => this._ring(name),
      cancel: (name) => this._rings.cancel(name),
      ringState: (name) => this._rings.stateOf(name),
    });
    this._panel = panel;
    this._devices = new DevicePicker(byId('devices'), this._local);
    this._prejoin = new Prejoin({ local: this._local, devices: this._devices, username: this._username, callee: this._ringAfterJoin, onJoin: () => this.join() });
    this._stage = new Stage({
      local: this._local, username: this._username, panel,
      say: (text) => this._say(text),
      onBlocked: () => { byId('blocked').hidden = false; },
      onPeople: () => this._showRingable(),
    });
    this._mesh = new Mesh({ send: (type, fields) => socket.send(type, fields), local: this._local, iceServers, hooks: this._stage.hooks });
    this._talk = new Talk({ send: (text) => this._sendOwn('call_message', { text }), onUnread: (count, message) => this._onUnread(count, message) });
    this._panels = new Panels({ onChange: (name) => this._onPanel(name) });
    this._controls = new Controls(this._actions());
    this._devices.onSpeaker((deviceId) => this._stage.tiles.setSpeaker(deviceId));
    closeWhenLeft(byId('more'));
  }

  /* ── from the page ── */

  _actions() {
    return {
      microphone: () => this._flip('microphone'),
      camera: () => this._flip('camera'),
      share: navigator.mediaDevices?.getDisplayMedia ? () => this._share() : null,
      hand: () => this._setHand(!this._hand),
      people: () => this._panels.toggle('people'),
      chat: () => this._panels.toggle('chat'),
      settings: () => this._openSettings(),
      fullscreen: document.fullscreenEnabled ? () => this._fullscreen() : null,
      link: () => copyLink(),
      keys: () => byId('keys-dialog').showModal(),
      leave: () => this.leave(),
      canUse: (name) => page.dataset.phase === 'in' || (page.dataset.phase === 'prejoin' && ['microphone', 'camera', 'keys', 'link'].includes(name)),
    };
  }

  _listen() {
    this._local.onChange(() => this._onLocal());
    byId('sharing').addEventListener('click', () => this._local.stopScreen());
    byId('copy-link').addEventListener('click', copyLink);
    byId('alone-copy').addEventListener('click', copyLink);
    byId('alone-ring').addEventListener('click', () => this._panels.toggle('people'));
    byId('blocked').addEventListener('click', () => { passFocus(byId('blocked'), byId('tiles')); byId('blocked').hidden = true; this._stage.tiles.playAll(); });
    byId('settings-dialog').addEventListener('close', () => this._devices.hide());
    document.addEventListener('fullscreenchange', () => this._controls.show('fullscreen', { on: document.fullscreenElement === page }));
    addEventListener('pagehide', () => this._leaveQuietly());
    addEventListener('focus', () => { if (this._panels.open === 'chat') this._onUnread(0, null); });

    socket.on('hello', (hello) => this._onHello(hello));
    socket.onState(({ name }) => { if (name !== 'open') this._onLinkDown(); });
    socket.on('call_list', ({ calls }) => this._onCallList(calls));
    socket.on('call_changed', ({ call }) => { if (call.id === callId) this._onCall(call); });
    socket.on('call_gone', ({ id }) => { if (id === callId) this._onUnknown(); });
    socket.on('call_info', ({ name }) => this._onName(name));
    socket.on('existing_participants', ({ participants }) => this._onJoined(participants));
    socket.on('user_joined', (who) => { if (this._mesh.isJoined) this._mesh.arrived(who); });
    socket.on('user_left', ({ socketId }) => this._mesh.left(socketId));
    for (const type of ['offer', 'answer', 'ice_candidate']) socket.on(type, (message) => this._mesh.signal(message));
    socket.on('media_state', (message) => this._mesh.mediaState(message));
    socket.on('call_message', (message) => this._talk.receive(message, message.socketId === socket.hello?.socketId));
    socket.on('active_users_list', ({ users }) => { this._online = users.map(({ username }) => username); this._showRingable(); });
    socket.on('error', ({ error }) => this._onError(error));
  }

  async _flip(kind) {
    const on = await this._local.flip(kind);
    const problem = this._local.problems[kind];
    if (on && problem && page.dataset.phase === 'in') toast(problem.text, { kind: 'error' });
  }

  async _share() {
    if (this._local.screen) {
      this._local.stopScreen();
      return;
    }
    try {
      await this._local.shareScreen();
    } catch (error) {
      /* Closing the browser's own question is an answer, not a fault. */
      if (error.name !== 'NotAllowedError' && error.name !== 'AbortError') toast('The screen cannot be shared from this browser.', { kind: 'error' });
    }
  }

  _setHand(isUp) {
    this._hand = isUp;
    this._controls.show('hand', { on: isUp });
    this._stage.updateOwn(isUp);
    this._tellState();
  }

  _openSettings() {
    byId('settings-devices').append(byId('devices'));
    this._local.listDevices();
    this._devices.show();
    byId('settings-dialog').showModal();
  }

  _fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else page.requestFullscreen().catch(() => {});
  }

  _onPanel(name) {
    this._controls.show('people', { on: name === 'people' });
    this._talk.setOpen(name === 'chat');
    this._controls.show('chat', { on: name === 'chat', badge: this._unread });
  }

  _onUnread(count, message) {
    this._unread = count;
    this._controls.show('chat', { on: this._panels.open === 'chat', badge: count });
    setTitle(this._name, count);
    if (message) this._say(`${message.username}: ${oneLine(message.text, 80)}`);
  }

  /* ── getting ready ── */

  ready() {
    setPhase('prejoin');
    hideNotice();
    byId('copy-link').hidden = false;
    this._local.open();
    this._prejoin.setBusy(false);
    this._prejoin.show();
    if (socket.hello) this._watch(true);
  }

  _watch(watch) {
    socket.send('watch_calls', { watch });
  }

  _onCallList(calls) {
    const call = calls.find(({ id }) => id === callId);
    if (call) this._onCall(call);
    else this._onUnknown();
  }

  _onCall({ name, participants }) {
    this._onName(name);
    if (page.dataset.phase === 'prejoin') this._prejoin.showPeople(participants);
  }

  _onName(name) {
    this._name = name;
    byId('room-name').textContent = name;
    setTitle(name, this._unread);
  }

  _onUnknown() {
    this._stop();
    showInstead('unknown');
  }

  /* ── joining, and joining again ── */

  async join() {
    if (page.dataset.phase !== 'prejoin') return;
    setPhase('joining');
    this._prejoin.setBusy(true);
    audioContext()?.resume().catch(() => {}); /* while a click vouches for it */
    await this._mesh.prepare();
    if (page.dataset.phase !== 'joining') return;
    this._isWanted = true;
    if (socket.hello) this._askToJoin();
  }

  _onHello({ username, socketId }) {
    this._mesh.iAm(socketId);
    if (username !== this._username) return;
    if (this._isWanted) this._askToJoin();
    else if (page.dataset.phase === 'prejoin') this._watch(true);
  }

  _askToJoin() {
    this._mesh.iAm(socket.hello.socketId);
    this._isAsked = socket.send('join_call', { callId });
  }

  _onJoined(participants) {
    if (!this._isWanted) return;
    this._isAsked = false;
    this._told = '';
    if (page.dataset.phase === 'joining') this._enter();
    this._tellState(); /* before the first offer, so that everybody knows what we understand */
    this._mesh.roster(participants);
    const name = this._ringAfterJoin;
    this._ringAfterJoin = null;
    this._prejoin.callee = null;
    if (name) this._ring(name);
  }

  _enter() {
    this._watch(false);
    setPhase('in');
    this._prejoin.hide();
    byId('room').hidden = byId('bar').hidden = false;
    this._stage.enter();
    this._onLocal();
    byId('tiles').focus({ preventScroll: true });
  }

  _onLinkDown() {
    this._isAsked = false;
    this._mesh.linkDown();
  }

  leave() {
    socket.send('leave_call');
    this._stop();
    showInstead('left', { again: () => { this.ready(); byId('join').focus({ preventScroll: true }); } });
  }

  _leaveQuietly() {
    if (this._isWanted) this.leave();
    else this._local.close();
  }

  _stop() {
    this._isWanted = this._isAsked = false;
    if (page.dataset.phase === 'in') this._stage.leave();
    this._mesh.close();
    this._say('');
    this._local.close();
    this._prejoin.hide();
    this._panels.reset();
    this._setHandSilently(false);
    byId('room').hidden = byId('bar').hidden = byId('copy-link').hidden = true;
    if (document.fullscreenElement) document.exitFullscreen();
    byId('room-people').textContent = '';
  }

  /* The session ended: nobody is in a call without a name. */
  end() {
    this._stop();
  }

  _setHandSilently(isUp) {
    this._hand = isUp;
    this._controls.show('hand', { on: isUp });
  }

  /* ── while we are in it ── */

  _onLocal() {
    const { isMicrophoneOn, isCameraOn, screen, problems, wantsMicrophone, wantsCamera } = this._local;
    this._controls.show('microphone', { on: isMicrophoneOn, trouble: wantsMicrophone && Boolean(problems.microphone) });
    this._controls.show('camera', { on: isCameraOn, trouble: wantsCamera && Boolean(problems.camera) });
    this._controls.show('share', { on: Boolean(screen) });
    if (!screen) passFocus(byId('sharing'), byId('share'));
    byId('sharing').hidden = !screen;
    if (page.dataset.phase !== 'in') return;
    this._stage.updateOwn(this._hand);
    this._tellState();
    const tracks = Object.values(this._local.sending(true));
    if (tracks.some((track, i) => track !== this._sentTracks[i])) this._mesh.refresh();
    this._sentTracks = tracks;
  }

  _tellState() {
    if (!this._isWanted || !socket.isOpen || page.dataset.phase !== 'in' || this._isAsked) return;
    const state = { microphone: this._local.isMicrophoneOn, camera: this._local.isCameraOn, screen: Boolean(this._local.screen), hand: this._hand };
    const told = JSON.stringify(state);
    if (told === this._told) return;
    if (socket.send('media_state', state)) this._told = told;
  }

  _ring(name) {
    this._askedAt = performance.now();
    this._rings.ring(name, callId);
  }

  /* Who has just called somebody reads that it rings there, panel or no panel. */
  _onRings() {
    this._showRingable();
    const names = this._rings.ringing;
    byId('alone-title').textContent = names.length ? `Calling ${listed(names)}…` : 'Nobody else is here yet';
    if (names.length) this._say(`Calling ${listed(names)}…`);
  }

  _sendOwn(type, fields) {
    this._askedAt = performance.now();
    return this._mesh.isJoined && socket.send(type, fields);
  }

  _showRingable() {
    const here = new Set(this._stage.usernames.map((name) => name.toLowerCase()));
    this._panel.showRingable(this._online.filter((name) => !here.has(name.toLowerCase())));
  }

  /* Signals to somebody who has just left come back as errors: nobody needs to know. What the user did does matter. */
  _onError(error) {
    if (this._isAsked) {
      this._isAsked = false;
      this._watch(true); /* is the room still there? */
      if (page.dataset.phase === 'joining') this.ready();
    }
    if (performance.now() - this._askedAt < OWN_ERROR_MS) toast(error, { kind: 'error' });
  }

  _say(text) {
    const box = byId('call-say');
    box.textContent = text;
    clearTimeout(this._sayTimer);
    this._sayTimer = setTimeout(() => { box.textContent = ''; }, SAY_MS);
  }
}

function setPhase(phase) {
  page.dataset.phase = phase;
}

function showInstead(kind, options) {
  setPhase('notice');
  showNotice(kind, options);
}

/* ?ring=bob is done once: a reload does not call again. */
function takeRingWish() {
  const url = new URL(location.href);
  const name = url.searchParams.get('ring');
  if (name === null) return null;
  url.searchParams.delete('ring');
  history.replaceState(history.state, '', url);
  return name || null;
}

async function copyLink() {
  const link = location.origin + location.pathname;
  try {
    await navigator.clipboard.writeText(link);
    toast('The link is copied. Whoever opens it can join.', { kind: 'ok' });
  } catch {
    prompt('The address of this room:', link); /* no clipboard on an address that is not secure */
  }
}

let room = null;
session.onChange((user) => {
  if (!callId) return showInstead('unknown');
  room?.end();
  if (!user) return showInstead('guest');
  if (room) return location.reload(); /* somebody else now: nothing of the first one stays */
  room = new Room(user.username);
  return room.ready();
});
mountIncoming(byId('ringings'), {
  onAccept: (id) => { if (id !== callId || page.dataset.phase !== 'in') location.href = `/video-call/${id}`; },
});
