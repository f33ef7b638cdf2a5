/* people-panel.js - who is in the call, how they are, and whom one could ring.
 *
 *   const panel = new PeoplePanel({ ring(username) {}, cancel(username) {}, ringState(username) {} });
 *   panel.showHere([{ username, isSelf, microphone, camera, hand, words }]);
 *   panel.showRingable([username, ...])
 *
 * Hooks for tests: #people li[data-username], #ringable li[data-username] with button[data-ring] */
import { h, icon } from '../dom.js';
import { avatar } from '../people.js';
import { setChildren } from '../keyed.js';

export class PeoplePanel {
  constructor({ ring, cancel, ringState }) {
    this._ring = ring;
    this._cancel = cancel;
    this._ringState = ringState;
    this._here = document.getElementById('people');
    this._ringable = document.getElementById('ringable');
    this._rows = new Map();
  }

  /* Raised hands first: somebody wants to say something. */
  showHere(people) {
    const inOrder = [...people].sort((a, b) => Number(b.hand) - Number(a.hand));
    setChildren(this._here, inOrder.map((person, i) => this._row(`here ${person.username} ${person.id ?? i}`, JSON.stringify(person), () => hereRow(person))));
  }

  showRingable(usernames) {
    const rows = usernames.map((name) => {
      const state = this._ringState(name);
      return this._row(`ring ${name}`, String(state), () => this._ringRow(name, state));
    });
    setChildren(this._ringable, rows.length ? rows : [this._row('nobody', '', () => h('li', { class: 'people__empty' }, 'Nobody else is logged in right now. Send them the link.'))]);
  }

  /* Only rows that say something new are made again: who has the focus on one keeps it. */
  _row(key, state, make) {
    const old = this._rows.get(key);
    if (old?.state === state) return old.element;
    const hadFocus = old?.element.contains(document.activeElement);
    const element = make();
    this._rows.set(key, { state, element });
    if (hadFocus) queueMicrotask(() => element.querySelector('button')?.focus());
    return element;
  }

  _ringRow(name, state) {
    const isRinging = state === 'ringing';
    const button = h('button', {
      type: 'button', class: 'btn btn--sm', 'data-ring': isRinging ? 'cancel' : 'ring', 'aria-label': isRinging ? `Stop ringing ${name}` : `Ring ${name}`,
      onclick: () => (isRinging ? this._cancel(name) : this._ring(name)),
    }, icon(isRinging ? 'close' : 'bell'), isRinging ? 'Ringing…' : 'Ring');
    return h('li', { class: 'person', 'data-username': name }, avatar(name), h('span', { class: 'person__name grow' }, name), button);
  }
}

function hereRow({ username, isSelf, microphone, camera, hand, words }) {
  return h('li', { class: 'person', 'data-username': username, 'data-hand': String(Boolean(hand)) }, avatar(username),
    h('span', { class: 'person__both grow' }, h('span', { class: 'person__name' }, username), words ? h('span', { class: 'small muted' }, words) : null),
    isSelf ? h('span', { class: 'badge' }, 'you') : null,
    hand ? icon('hand', 'hand raised') : null,
    microphone === false ? icon('mic-off', 'microphone off') : null,
    camera === false ? icon('camera-off', 'camera off') : null);
}
