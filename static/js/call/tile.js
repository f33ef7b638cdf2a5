/* tile.js - one picture in the room: somebody's camera, or somebody's screen.
 *
 *   const tile = new Tile({ username, isSelf, kind: 'camera', onPin, onBlocked });
 *   tile.show(stream);  tile.update({ state, microphone, camera, hand });  tile.place(rectangle)
 *
 * The element moves by style alone: a video that is taken out of the document stops. */
import { h, icon, svg } from '../dom.js';
import { avatar } from '../people.js';

const STATES = {
  connecting: 'Connecting…',
  reconnecting: 'Reconnecting…',
  lost: 'Connection lost. Trying again…',
};

const TOUCHED_MS = 4000;

export class Tile {
  constructor({ username, isSelf = false, kind = 'camera', onPin, onBlocked = () => {} }) {
    this.username = username;
    this.isSelf = isSelf;
    this.kind = kind;
    this._wantsVideo = true;
    this._onBlocked = onBlocked;
    this._build(onPin);
  }

  _build(onPin) {
    const label = this.kind === 'screen' ? `${this.username}’s screen` : this.isSelf ? 'You' : this.username;
    this.video = h('video', { class: 'tile__video', playsinline: true, autoplay: true, 'data-testid': 'tile-video' });
    this.video.muted = this.isSelf || this.kind === 'screen';
    for (const type of ['resize', 'loadeddata', 'emptied']) this.video.addEventListener(type, () => this._showVideo());
    this._state = h('p', { class: 'tile__state', hidden: true });
    this._microphone = mark('mic-off', 'microphone off', 'tile__off');
    this._camera = mark('camera-off', 'camera off', 'tile__off');
    this._hand = h('span', { class: 'tile__hand', hidden: true }, icon('hand', 'hand raised'));
    this._quality = h('span', { class: 'tile__quality', role: 'img', hidden: true }, bars());
    this._pin = h('button', { type: 'button', class: 'tile__tool', 'aria-pressed': 'false', title: 'Pin', 'aria-label': `Pin ${label}`, onclick: () => onPin(this) }, icon('pin'));
    this._full = h('button', { type: 'button', class: 'tile__tool', title: 'Full screen', 'aria-label': `Show ${label} in full screen`, onclick: () => this._fullscreen() }, icon('fullscreen'));
    this._full.hidden = !document.fullscreenEnabled;
    const name = h('span', { class: 'tile__name' }, this.kind === 'screen' ? icon('screen-share') : null, h('span', { class: 'tile__words' }, label));
    this.element = h('li', {
      class: 'tile', 'data-testid': 'tile', 'data-username': this.username, 'data-kind': this.kind, 'data-self': String(this.isSelf),
      'data-state': 'connecting', 'data-video': 'off', 'data-speaking': 'false', 'data-pinned': 'false',
    },
    this.video, h('div', { class: 'tile__face' }, avatar(this.username)), this._state, this._hand,
    h('div', { class: 'tile__label' }, name, this._microphone, this._camera, this._quality),
    h('div', { class: 'tile__tools' }, this._pin, this._full));
    this.element.addEventListener('dblclick', (event) => { if (!event.target.closest('button')) onPin(this); });
    this.element.addEventListener('click', () => this._touch());
  }

  show(stream) {
    if (this.video.srcObject !== stream) this.video.srcObject = stream;
    this.play();
  }

  play() {
    if (!this.video.srcObject?.getTracks().length) return;
    this.video.play().catch((error) => { if (error.name === 'NotAllowedError') this._onBlocked(); });
  }

  /* microphone, camera, hand: true, false, or null where it was never said. */
  update({ state = 'connected', microphone = null, camera = null, hand = false }) {
    const { dataset } = this.element;
    dataset.state = state;
    dataset.microphone = word(microphone);
    dataset.camera = word(camera);
    dataset.hand = String(hand);
    this._state.hidden = !STATES[state];
    this._state.textContent = STATES[state] ?? '';
    this._microphone.toggleAttribute('hidden', microphone !== false);
    this._camera.toggleAttribute('hidden', camera !== false);
    this._hand.hidden = !hand;
    this._wantsVideo = camera !== false;
    this._showVideo();
  }

  setSpeaking(isSpeaking) {
    this.element.dataset.speaking = String(isSpeaking);
  }

  setPinned(isPinned) {
    this.element.dataset.pinned = String(isPinned);
    this._pin.setAttribute('aria-pressed', String(isPinned));
    this._pin.title = isPinned ? 'Unpin' : 'Pin';
  }

  setMirrored(isMirrored) {
    this.element.dataset.mirrored = String(isMirrored);
  }

  /* quality as in stats.js; null: nothing to say */
  setQuality(quality) {
    this._quality.hidden = !quality;
    if (!quality) return;
    const words = [quality.word, quality.detail].filter(Boolean).join(': ');
    this._quality.dataset.level = quality.level;
    this._quality.setAttribute('aria-label', words);
    this._quality.title = words;
  }

  setSpeaker(deviceId) {
    this.video.setSinkId?.(deviceId).catch(() => {}); /* unplugged in the meantime: the usual one will do */
  }

  place({ x, y, width, height }, isMain) {
    const { style } = this.element;
    for (const [name, value] of Object.entries({ x, y, width, height })) style.setProperty(`--${name}`, `${value.toFixed(1)}px`);
    this.element.dataset.main = String(isMain);
    this.element.dataset.small = String(width < 190 || height < 110);
    this.element.dataset.tiny = String(width < 100 || height < 75);
  }

  /* Where nothing hovers, a tap brings the buttons for a while. */
  _touch() {
    this.element.dataset.touched = 'true';
    clearTimeout(this._touched);
    this._touched = setTimeout(() => { this.element.dataset.touched = 'false'; }, TOUCHED_MS);
  }

  remove() {
    clearTimeout(this._touched);
    this.video.srcObject = null;
    this.element.remove();
  }

  _showVideo() {
    this.element.dataset.video = this._wantsVideo && this.video.videoWidth > 0 ? 'on' : 'off';
  }

  _fullscreen() {
    if (document.fullscreenElement === this.element) document.exitFullscreen();
    else this.element.requestFullscreen().catch(() => {});
  }
}

const word = (value) => (value === null ? 'unknown' : value ? 'on' : 'off');

function mark(name, label, className) {
  const node = icon(name, label);
  node.classList.add(className);
  node.setAttribute('hidden', '');
  return node;
}

function bars() {
  const picture = svg('svg', { class: 'bars', viewBox: '0 0 14 12', 'aria-hidden': 'true' });
  [4, 8, 12].forEach((height, i) => picture.append(svg('rect', { x: i * 5, y: 12 - height, width: 3.5, height, rx: 1, 'data-bar': i + 1 })));
  return picture;
}
