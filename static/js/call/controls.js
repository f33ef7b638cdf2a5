/* controls.js - the buttons of a call and their keys.
 *
 *   const controls = new Controls({ microphone() {}, camera() {}, ... });      what each does; null: not possible here
 *   controls.show('microphone', { on: false })
 *
 * Every button says what it will do, its key is in its tooltip and in the list of keys, and single keys
 * can be switched off. */
import { h, icon, prefs, setIcon } from '../dom.js';

/* icon and words when on, and when off; key; what the list of keys says */
const LOOKS = {
  microphone: { on: ['mic', 'Mute', 'Mute microphone'], off: ['mic-off', 'Unmute', 'Unmute microphone'], key: 'M', help: 'Microphone on or off' },
  camera: { on: ['camera', 'Stop camera', 'Stop camera'], off: ['camera-off', 'Start camera', 'Start camera'], key: 'V', help: 'Camera on or off' },
  share: { on: ['screen-share', 'Stop sharing', 'Stop sharing your screen'], off: ['screen-share', 'Share', 'Share your screen'], key: 'S', help: 'Share the screen, or stop' },
  hand: { on: ['hand', 'Lower hand', 'Lower hand'], off: ['hand', 'Raise hand', 'Raise hand'], key: 'H', help: 'Raise or lower the hand' },
  people: { on: ['users', 'People', 'People'], off: ['users', 'People', 'People'], key: 'P', help: 'Who is here, and ring somebody' },
  chat: { on: ['chat', 'Chat', 'Chat'], off: ['chat', 'Chat', 'Chat'], key: 'C', help: 'Chat' },
  fullscreen: { on: ['fullscreen', 'Leave full screen', 'Leave full screen'], off: ['fullscreen', 'Full screen', 'Full screen'], key: 'F', help: 'Full screen' },
  link: { off: ['link', 'Copy link', 'Copy link'], key: 'L', help: 'Copy the link' },
  settings: { off: ['settings', 'Camera and sound', 'Camera and sound'] },
  keys: { off: ['keyboard', 'Keyboard shortcuts', 'Keyboard shortcuts'], key: '?', help: 'This list' },
};

export class Controls {
  constructor(actions) {
    this._actions = actions;
    this._state = {};
    this._useKeys = prefs.get('call.shortcuts', true);
    for (const button of document.querySelectorAll('[data-do]')) this._mount(button);
    this._mountMore();
    this._mountKeys();
    addEventListener('keydown', (event) => this._onKey(event));
  }

  /* on: what it is now; trouble: it should be on and cannot; badge: a number on it */
  show(name, { on = false, trouble = false, badge = 0 } = {}) {
    this._state[name] = { on, trouble, badge };
    for (const button of document.querySelectorAll(`[data-do="${name}"]`)) this._dress(button, name);
  }

  _mount(button) {
    const name = button.dataset.do;
    const look = LOOKS[name];
    button.hidden = this._actions[name] === null;
    button.addEventListener('click', () => this._run(name, button));
    if (!look) return;
    button.append(icon(look.off[0]), h('span', { class: 'bar__words' }));
    if (button.classList.contains('bar__btn')) button.append(h('span', { class: 'bar__badge', 'aria-hidden': 'true', hidden: true }));
    else if (look.key) button.append(h('kbd', { 'aria-hidden': 'true' }, look.key));
    this._dress(button, name);
  }

  _dress(button, name) {
    const look = LOOKS[name];
    const { on = false, trouble = false, badge = 0 } = this._state[name] ?? {};
    const [picture, words, label] = look[on ? 'on' : 'off'] ?? look.off;
    setIcon(button.querySelector('.icon'), picture);
    button.querySelector('.bar__words').textContent = words;
    button.dataset.on = String(on);
    button.dataset.trouble = String(trouble);
    button.setAttribute('aria-label', badge ? `${label}, ${badge} new` : label);
    if (button.hasAttribute('aria-expanded')) button.setAttribute('aria-expanded', String(on));
    const mark = button.querySelector('.bar__badge');
    if (mark) {
      mark.hidden = !badge;
      mark.textContent = badge > 99 ? '99+' : badge;
    }
    button.dataset.tip = look.key ? `${label}  (${look.key})` : label; /* shown by the stylesheet */
  }

  _run(name, button) {
    const more = document.getElementById('more');
    if (more.open && more.contains(button)) {
      more.open = false;
      more.querySelector('summary').focus();
    }
    this._actions[name]?.();
  }

  _mountMore() {
    const summary = document.getElementById('more-button');
    summary.append(icon('more'), h('span', { class: 'bar__words' }, 'More'));
  }

  _mountKeys() {
    const list = document.getElementById('keys');
    for (const [name, { key, help }] of Object.entries(LOOKS)) {
      if (key && this._actions[name] !== null) list.append(h('dt', {}, h('kbd', {}, key)), h('dd', {}, help));
    }
    const box = document.getElementById('shortcuts');
    box.checked = this._useKeys;
    box.addEventListener('change', () => {
      this._useKeys = box.checked;
      prefs.set('call.shortcuts', box.checked);
    });
  }

  _onKey(event) {
    if (!this._useKeys || event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
    if (event.target.closest?.('input, textarea, select, [contenteditable], dialog')) return;
    const found = Object.entries(LOOKS).find(([, { key }]) => key?.toLowerCase() === event.key.toLowerCase());
    if (!found || !this._actions[found[0]] || this._actions.canUse?.(found[0]) === false) return;
    event.preventDefault();
    this._actions[found[0]]();
  }
}
