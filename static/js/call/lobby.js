/* lobby.js - the page of all rooms: name a new one, see who is where, and be called.
 *
 * Hooks for tests: #lobby[data-state = loading | guest | ready], #create-form, #room-name-input, #create, #create-error,
 * #rooms li[data-call-id][data-people] with a.room-card, #rooms-count, #rooms-empty, #rooms-filter */
import { formatNumber, h, icon, plural } from '../dom.js';
import { setChildren } from '../keyed.js';
import { renderFaces } from '../people.js';
import { loginUrl, session } from '../session.js';
import { socket } from '../socket.js';

const NAME_LIMIT = 100;      /* code points */
const SHOWN = 100;
const FILTER_FROM = 8;
const byId = (id) => document.getElementById(id);

let calls = null; /* id -> { id, name, participants }; null: the server has not said yet */
const cards = new Map();
let isPending = false;

/* ── the list ── */

/* Where somebody is comes first, then what is newest. */
function inOrder() {
  const all = [...calls.values()].reverse();
  return all.sort((a, b) => Number(b.participants.length > 0) - Number(a.participants.length > 0));
}

function matches({ name, participants }, wish) {
  return !wish || [name, ...participants].some((text) => text.toLowerCase().includes(wish));
}

function showRooms() {
  if (!calls) return;
  const wish = byId('rooms-filter').value.trim().toLowerCase();
  const found = inOrder().filter((call) => matches(call, wish));
  const shown = found.slice(0, SHOWN);
  setChildren(byId('rooms'), shown.map(cardOf));
  for (const id of [...cards.keys()]) if (!calls.has(id)) cards.delete(id);
  byId('rooms-count').hidden = !calls.size;
  byId('rooms-count').textContent = plural(calls.size, 'room', 'rooms');
  byId('rooms-filter').hidden = calls.size < FILTER_FROM && !wish;
  byId('rooms-empty').hidden = calls.size > 0;
  byId('rooms-none').hidden = !calls.size || found.length > 0;
  byId('rooms-more').hidden = found.length <= SHOWN;
  byId('rooms-more').textContent = `${formatNumber(found.length - SHOWN)} more: find them by name.`;
}

/* Many rooms may change in one moment. */
function showRoomsSoon() {
  if (isPending) return;
  isPending = true;
  requestAnimationFrame(() => { isPending = false; showRooms(); });
}

function cardOf(call) {
  const state = JSON.stringify(call);
  const old = cards.get(call.id);
  if (old?.state === state) return old.element;
  const element = old?.element ?? newCard(call);
  fillCard(element, call);
  cards.set(call.id, { state, element });
  return element;
}

function newCard({ id }) {
  return h('li', { 'data-call-id': id }, h('a', { class: 'room-card', href: `/video-call/${id}` },
    h('span', { class: 'room-card__icon' }, icon('call')),
    h('span', { class: 'room-card__text' }, h('strong', { dir: 'auto' }), h('span', { class: 'room-card__who' })),
    h('span', { class: 'faces' }), h('span', { class: 'room-card__go' }, 'Join', icon('forward'))));
}

function fillCard(element, { name, participants }) {
  element.dataset.people = participants.length;
  element.querySelector('strong').textContent = name;
  element.querySelector('.room-card__who').textContent = whoIsIn(participants);
  renderFaces(element.querySelector('.faces'), participants.map((username) => ({ username })));
}

function whoIsIn(names) {
  if (!names.length) return 'Empty';
  if (names.length <= 3) return names.join(', ');
  return `${names.slice(0, 2).join(', ')} and ${plural(names.length - 2, 'other', 'others')}`;
}

/* ── naming a room ── */

function sayError(text) {
  byId('create-error').textContent = text;
  byId('room-name-input').toggleAttribute('aria-invalid', Boolean(text));
  if (!text) return;
  byId('room-name-input').setAttribute('aria-invalid', 'true');
  byId('room-name-input').focus();
}

function mistakeIn(name) {
  if (!name) return 'Please give the room a name.';
  if ([...name].length > NAME_LIMIT) return `A name has at most ${NAME_LIMIT} characters; this one has ${[...name].length}.`;
  return null;
}

async function create(event) {
  event.preventDefault();
  const name = byId('room-name-input').value.trim();
  const mistake = mistakeIn(name);
  if (mistake) return sayError(mistake);
  sayError('');
  byId('create').setAttribute('aria-disabled', 'true');
  const answer = await ask(name);
  byId('create').removeAttribute('aria-disabled');
  if (answer.id) location.href = `/video-call/${answer.id}`;
  else sayError(answer.error);
}

async function ask(name) {
  try {
    const response = await fetch('/api/video-calls', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name }) });
    if (response.ok) return await response.json();
    if (response.status === 401) session.refresh();
    return { error: await response.text() || 'The server did not open the room.' };
  } catch {
    return { error: 'The server cannot be reached right now. Please try again in a moment.' };
  }
}

/* ── who is here ── */

function showAccount(user) {
  byId('lobby').dataset.state = user ? 'ready' : 'guest';
  byId('guest').hidden = Boolean(user);
  byId('create-form').hidden = byId('rooms-section').hidden = !user;
}

socket.on('hello', ({ username }) => { if (username) socket.send('watch_calls', { watch: true }); });
socket.on('call_list', (message) => {
  calls = new Map(message.calls.map((call) => [call.id, { participants: [], ...call }]));
  showRoomsSoon();
});
socket.on('call_changed', ({ call }) => { calls?.set(call.id, call); showRoomsSoon(); });
socket.on('call_gone', ({ id }) => { calls?.delete(id); showRoomsSoon(); });
session.onChange(showAccount);

byId('guest-login').href = loginUrl('/login');
byId('guest-register').href = loginUrl('/register');
byId('create-form').noValidate = true;
byId('create-form').addEventListener('submit', create);
byId('room-name-input').addEventListener('input', () => { if (byId('create-error').textContent) sayError(''); });
byId('rooms-filter').addEventListener('input', showRoomsSoon);
