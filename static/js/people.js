/* people.js - how people look: a round avatar with initials, a list of who is here.
 *
 *   avatar('ada')                                  <span class="avatar avatar--3">A</span>
 *   renderPeople(ul, users, { me, empty })         fills a list; users as in active_users_list
 *
 * The colour follows from the name, so that somebody has the same one everywhere. */
import { h } from './dom.js';

const COLOURS = 8;

export function avatar(username) {
  return h('span', { class: `avatar avatar--${colourOf(username)}`, 'aria-hidden': 'true' }, initials(username));
}

function colourOf(username) {
  let sum = 7;
  for (const char of username.toLowerCase()) sum = (sum * 31 + char.codePointAt(0)) >>> 0;
  return (sum % COLOURS) + 1;
}

function initials(username) {
  const words = username.split(/[._-]+/).filter(Boolean);
  const letters = words.length > 1 ? words[0][0] + words[1][0] : (words[0] ?? username).slice(0, 1);
  return letters.toUpperCase();
}

/* Changes only what changed, so that a long list does not flicker and a screen reader keeps its place. */
export function renderPeople(list, users, { me = null, empty = 'Nobody is logged in right now.' } = {}) {
  const old = new Map([...list.children].map((item) => [item.dataset.key, item]));
  const items = users.length ? users.map(({ username }) => keep(old, username, me)) : [h('li', { class: 'people__empty' }, empty)];
  list.replaceChildren(...items);
}

function keep(old, username, me) {
  const mine = me === username;
  const key = `${username} ${mine}`;
  return old.get(key) ?? h('li', { class: 'person', 'data-key': key, 'data-username': username },
    avatar(username), h('span', { class: 'person__name' }, username), mine && h('span', { class: 'badge' }, 'you'));
}

/* A short row of overlapping avatars with "+3" at the end. */
export function renderFaces(root, users, limit = 4) {
  const faces = users.slice(0, limit).map(({ username }) => avatar(username));
  const rest = users.length - faces.length;
  root.replaceChildren(...faces, ...(rest > 0 ? [h('span', { class: 'avatar avatar--rest', 'aria-hidden': 'true' }, `+${rest}`)] : []));
}
