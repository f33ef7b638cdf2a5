/* prejoin.js - before joining: how one looks and sounds, and with what one goes in.
 *
 *   const prejoin = new Prejoin({ local, username, callee, onJoin });   prejoin.show(); prejoin.hide();
 *   prejoin.showPeople(usernames)
 *
 * Hooks for tests: #preview-box[data-video = on | off], #pre-microphone[data-on], #pre-camera[data-on],
 * #problems [data-reason], #join */
import { h, icon, passFocus, plural, setIcon } from '../dom.js';
import { avatar, renderFaces } from '../people.js';
import { listed, sayProblems } from './words.js';

const byId = (id) => document.getElementById(id);

export class Prejoin {
  /* callee: who is called once one has joined, or null */
  constructor({ local, devices, username, callee, onJoin }) {
    this.callee = callee;
    this._local = local;
    this._devices = devices;
    this._video = byId('preview');
    this._box = byId('preview-box');
    this._stream = new MediaStream();
    this._off = h('p', {});
    byId('preview-off').append(avatar(username), this._off);
    byId('join').addEventListener('click', onJoin);
    this._toggle('microphone', byId('pre-microphone'));
    this._toggle('camera', byId('pre-camera'));
    this._video.addEventListener('resize', () => this._update());
    local.onChange(() => this._update());
    this._update();
  }

  show() {
    byId('prejoin').hidden = false;
    byId('prejoin-devices').append(byId('devices'));
    this._isShown = true;
    this._devices.show();
    this._update();
  }

  hide() {
    byId('prejoin').hidden = true;
    this._isShown = false;
    this._video.srcObject = null;
    this._devices.hide();
  }

  showPeople(usernames) {
    renderFaces(byId('prejoin-faces'), usernames.map((username) => ({ username })), 5);
    byId('prejoin-who').textContent = whoIsThere(usernames);
  }

  setBusy(isBusy) {
    byId('join').setAttribute('aria-disabled', String(isBusy));
    byId('join').textContent = isBusy ? 'Joining…' : this.callee ? `Join and call ${this.callee}` : 'Join now';
  }

  _toggle(kind, button) {
    button.append(icon('mic'), h('span', { class: 'visually-hidden' }));
    button.addEventListener('click', () => this.flip(kind));
  }

  flip(kind) {
    this._local.flip(kind);
  }

  _update() {
    const { isCameraOn, isMicrophoneOn, camera, problems } = this._local;
    dress(byId('pre-microphone'), isMicrophoneOn, 'mic', ['Mute microphone', 'Unmute microphone'], problems.microphone);
    dress(byId('pre-camera'), isCameraOn, 'camera', ['Stop camera', 'Start camera'], problems.camera);
    this._showCamera(isCameraOn ? camera : null);
    this._showProblems();
    byId('join-note').textContent = note(this._local);
  }

  _showCamera(track) {
    for (const old of this._stream.getTracks()) if (old !== track) this._stream.removeTrack(old);
    if (track && !this._stream.getTracks().length) this._stream.addTrack(track);
    if (this._isShown && track && this._video.srcObject !== this._stream) this._video.srcObject = this._stream;
    if (!track) this._video.srcObject = null;
    this._box.dataset.video = track && this._video.videoWidth ? 'on' : 'off';
    this._off.textContent = track || this._local.isOpening ? 'Your camera is starting…' : 'Your camera is off';
  }

  _showProblems() {
    const { problems } = this._local;
    const reasons = Object.values(problems).filter(Boolean).map(({ kind, reason }) => `${kind}:${reason}`).join(' ');
    const box = byId('problems');
    if (box.dataset.reason === reasons) return;
    box.dataset.reason = reasons;
    passFocus(box, byId('join'));
    box.replaceChildren(...sayProblems(problems).map((text) => h('p', { class: 'alert alert--warn' }, icon('warning'), text)));
    if (/refused|busy|unknown|system/.test(reasons)) box.append(h('button', { type: 'button', class: 'btn', id: 'try-again', onclick: () => this._local.open() }, icon('retry'), 'Try again'));
  }
}

function dress(button, on, picture, words, problem) {
  setIcon(button.querySelector('.icon'), on ? picture : `${picture}-off`);
  button.querySelector('span').textContent = words[on ? 0 : 1];
  button.title = words[on ? 0 : 1];
  button.dataset.on = String(on);
  button.dataset.trouble = String(Boolean(problem));
}

function whoIsThere(usernames) {
  if (!usernames.length) return 'Nobody is here yet.';
  if (usernames.length <= 3) return `${listed(usernames)} ${usernames.length === 1 ? 'is' : 'are'} here.`;
  return `${usernames.slice(0, 2).join(', ')} and ${plural(usernames.length - 2, 'other', 'others')} are here.`;
}

function note({ isCameraOn, isMicrophoneOn }) {
  if (isCameraOn && isMicrophoneOn) return 'The others will see and hear you.';
  if (isCameraOn) return 'The others will see you, but not hear you.';
  if (isMicrophoneOn) return 'The others will hear you, but not see you.';
  return 'The others will neither see nor hear you. You see and hear them.';
}
