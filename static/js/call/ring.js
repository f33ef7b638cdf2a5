/* ring.js - calling a person, and being called.
 *
 *   mountIncoming(root, { onAccept(callId) {} })       cards that appear in root when somebody calls
 *   const rings = new OutgoingRings(() => ...);        rings.ring('bob', callId); rings.stateOf('bob')
 *
 * The server ends a ring by itself after half a minute, and tells both ends.
 *
 * Hooks for tests: [data-testid=incoming-call][data-from], its buttons [data-answer=accept | decline] */
import { comesAndGoes, h, icon, toast } from '../dom.js';
import { notify } from '../notify.js';
import { avatar } from '../people.js';
import { socket } from '../socket.js';
import { ringTone } from './sound.js';

const ANSWER_MS = 1000;

export function mountIncoming(root, { onAccept }) {
  const cards = new Map(); /* ringId -> what takes its card away */
  let silence = null;

  const dismiss = (ringId) => {
    cards.get(ringId)?.();
    cards.delete(ringId);
    if (cards.size) return;
    silence?.();
    silence = null;
  };

  const answer = async (ring, accept) => {
    const over = new Promise((resolve) => {
      const off = socket.on('ring_over', ({ ringId }) => { if (ringId === ring.ringId) { off(); resolve(); } });
      setTimeout(() => { off(); resolve(); }, ANSWER_MS);
    });
    socket.send('ring_answer', { ringId: ring.ringId, accept });
    dismiss(ring.ringId);
    if (!accept) return;
    await over; /* leaving the page at once could leave the answer behind, too */
    onAccept(ring.callId);
  };

  socket.on('incoming_call', (ring) => {
    if (cards.has(ring.ringId)) return;
    const card = incomingCard(ring, (accept) => answer(ring, accept));
    cards.set(ring.ringId, comesAndGoes(card));
    root.append(card);
    silence ??= ringTone();
    notify({ title: `${ring.fromUser} calls you`, body: ring.name, tag: ring.ringId, onOpen() {} });
  });
  socket.on('ring_over', ({ ringId }) => dismiss(ringId));
  socket.onState(({ name }) => { if (name !== 'open') for (const ringId of [...cards.keys()]) dismiss(ringId); });
}

function incomingCard({ fromUser, name }, answer) {
  return h('section', { class: 'ringing', 'aria-label': `Call from ${fromUser}`, 'data-testid': 'incoming-call', 'data-from': fromUser },
    avatar(fromUser),
    h('p', { class: 'ringing__words', role: 'alert' }, h('strong', {}, fromUser), h('span', {}, ` calls you to ${name}`)),
    h('div', { class: 'ringing__actions' },
      h('button', { type: 'button', class: 'btn btn--danger', 'data-answer': 'decline', onclick: () => answer(false) }, icon('hang-up'), 'Decline'),
      h('button', { type: 'button', class: 'btn btn--primary', 'data-answer': 'accept', onclick: () => answer(true) }, icon('phone'), 'Accept')));
}

const OUTCOMES = {
  accepted: (name) => [`${name} is coming.`, 'ok'],
  declined: (name) => [`${name} cannot come now.`, 'info'],
  missed: (name) => [`${name} does not answer. The missed call is noted in your messages.`, 'info'],
};

export class OutgoingRings {
  constructor(onChange) {
    this._onChange = onChange;
    this._rings = new Map(); /* name in lower case -> { ringId, state, name } */
    socket.on('ring_state', (message) => this._onRingState(message));
    socket.onState(({ name }) => { if (name !== 'open') this._forget(); });
  }

  /* The names of those whose bells ring. */
  get ringing() {
    return [...this._rings.values()].map(({ name }) => name);
  }

  /* ringing, or null */
  stateOf(username) {
    return this._rings.get(username.toLowerCase())?.state ?? null;
  }

  ring(username, callId) {
    if (this.stateOf(username)) return;
    if (!socket.send('ring', { targetUser: username, callId })) toast('No connection: nobody was called.', { kind: 'error' });
  }

  cancel(username) {
    const ring = this._rings.get(username.toLowerCase());
    if (ring) socket.send('ring_cancel', { ringId: ring.ringId });
  }

  _onRingState({ ringId, targetUser, state }) {
    const key = targetUser.toLowerCase();
    if (state === 'ringing') {
      this._rings.set(key, { ringId, state, name: targetUser });
    } else {
      this._rings.delete(key);
      const [text, kind] = OUTCOMES[state]?.(targetUser) ?? [];
      if (text) toast(text, { kind });
    }
    this._onChange(targetUser, state);
  }

  _forget() {
    if (!this._rings.size) return;
    this._rings.clear();
    this._onChange(null, null);
  }
}
