/* devices.js - the choice of camera, microphone and speaker, with the level of the microphone below it.
 *
 *   const devices = new DevicePicker(element, local);
 *   devices.onSpeaker((deviceId) => ...)
 *   devices.show() while it is on screen, devices.hide() else
 *
 * Hooks for tests: #camera-select, #microphone-select, #speaker-select, #level[data-level] (0 to 100), #test-sound */
import { h, icon } from '../dom.js';
import { Meter, chime, loudness } from './sound.js';

const NAMES = { camera: 'Camera', microphone: 'Microphone', speaker: 'Speaker' };
const ICONS = { camera: 'camera', microphone: 'mic', speaker: 'speaker' };
const canChooseSpeaker = () => 'setSinkId' in HTMLMediaElement.prototype;

export class DevicePicker {
  constructor(root, local) {
    this._local = local;
    this._selects = {};
    this._meter = null;
    this._track = null;
    this._timer = 0;
    this._onSpeaker = () => {};
    this._build(root);
    local.onChange(() => this._update());
    this._update();
  }

  onSpeaker(listener) {
    this._onSpeaker = listener;
    if (this._local.chosen.speaker) listener(this._local.chosen.speaker);
  }

  show() {
    clearInterval(this._timer);
    this._timer = setInterval(() => this._measure(), 80);
  }

  hide() {
    clearInterval(this._timer);
    this._meter?.close();
    this._meter = this._track = null;
  }

  _build(root) {
    this._bar = h('div', { class: 'level__bar' });
    this._level = h('div', { class: 'level', id: 'level', 'data-level': '0', 'aria-hidden': 'true' }, this._bar);
    for (const kind of ['camera', 'microphone', 'speaker']) {
      if (kind === 'speaker' && !canChooseSpeaker()) continue;
      const id = `${kind}-select`;
      this._selects[kind] = h('select', { class: 'input', id, onchange: (event) => this._choose(kind, event.target.value) });
      const row = h('div', { class: 'device__row' }, this._selects[kind]);
      if (kind === 'speaker') row.append(h('button', { type: 'button', class: 'btn', id: 'test-sound', onclick: () => chime(this._local.chosen.speaker) }, 'Test'));
      root.append(h('div', { class: 'field device' },
        h('label', { class: 'field__label', for: id }, icon(ICONS[kind]), NAMES[kind]), row, kind === 'microphone' ? this._level : null));
    }
  }

  _choose(kind, deviceId) {
    this._local.choose(kind, deviceId);
    if (kind === 'speaker') this._onSpeaker(deviceId);
  }

  _update() {
    for (const [kind, select] of Object.entries(this._selects)) this._fill(kind, select);
  }

  _fill(kind, select) {
    const devices = this._local.devices[kind];
    const options = devices.map(({ deviceId, label }, i) => ({ value: deviceId, text: label || `${NAMES[kind]} ${i + 1}` }));
    if (!options.length) options.push({ value: '', text: kind === 'speaker' ? 'The usual one' : this._local.problems[kind]?.reason === 'missing' ? 'None found' : 'The usual one' });
    const key = JSON.stringify(options);
    if (select.dataset.key !== key) {
      select.dataset.key = key;
      select.replaceChildren(...options.map(({ value, text }) => h('option', { value }, text)));
    }
    select.disabled = !devices.length;
    const inUse = kind === 'speaker' ? null : this._local[kind]?.getSettings().deviceId;
    const value = inUse ?? this._local.chosen[kind];
    if (options.some((option) => option.value === value)) select.value = value;
  }

  _measure() {
    const track = this._local.isMicrophoneOn ? this._local.microphone : null;
    if (track !== this._track) {
      this._meter?.close();
      this._track = track;
      this._meter = track ? new Meter(track) : null;
    }
    const level = this._meter ? loudness(this._meter.read()) : 0;
    this._level.dataset.level = Math.round(level * 100);
    this._bar.style.transform = `scaleX(${level.toFixed(3)})`;
  }
}
