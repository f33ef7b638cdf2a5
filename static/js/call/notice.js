/* notice.js - what stands in place of a call when there is none: clear words, and a way on.
 *
 *   showNotice('unknown');  hideNotice();
 *
 * Hooks for tests: #notice[data-kind = guest | unknown | left | elsewhere], #notice-actions a, button */
import { h } from '../dom.js';
import { loginUrl } from '../session.js';

const byId = (id) => document.getElementById(id);
const BACK = () => h('a', { class: 'btn btn--lg', href: '/video-call' }, 'All rooms');

const NOTICES = {
  guest: {
    title: 'You are invited to a call',
    text: 'Log in, so that the others see who you are. You come back to this room right away.',
    actions: () => [
      h('a', { class: 'btn btn--primary btn--lg', href: loginUrl('/login') }, 'Log in'),
      h('a', { class: 'btn btn--lg', href: loginUrl('/register') }, 'Create an account'),
    ],
  },
  unknown: {
    title: 'This room is not here',
    text: 'Perhaps its address is not complete, or the room has been empty for a day: then it closes. The list shows the rooms that are open, and you can name a new one.',
    actions: () => [h('a', { class: 'btn btn--primary btn--lg', href: '/video-call' }, 'All rooms')],
  },
  left: {
    title: 'You left the call',
    text: 'Camera and microphone are off.',
    actions: ({ again }) => [h('button', { type: 'button', class: 'btn btn--primary btn--lg', id: 'join-again', onclick: again }, 'Join again'), BACK()],
  },
};

export function showNotice(kind, options = {}) {
  const { title, text, actions } = NOTICES[kind];
  byId('notice').dataset.kind = kind;
  byId('notice-title').textContent = title;
  byId('notice-text').textContent = text;
  byId('notice-actions').replaceChildren(...actions(options));
  byId('notice').hidden = false;
  if (kind !== 'guest') byId('notice-title').focus({ preventScroll: true });
}

export function hideNotice() {
  byId('notice').hidden = true;
}
