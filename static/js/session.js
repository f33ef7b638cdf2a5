/* session.js - who is logged in here, and the account menu in the header.
 *
 *   import { session } from './session.js';
 *   await session.ready;            the first answer of the server
 *   session.user                    { id, username }, or null for a guest
 *   session.onChange((user) => ..)  called at every change, and at once when it is known
 *   loginUrl()                      /login that comes back to this page
 *
 * Tabs of one browser share a cookie, so a login or logout in one of them is told to the others. */
import { h, icon } from './dom.js';
import { avatar } from './people.js';

const channel = 'BroadcastChannel' in window ? new BroadcastChannel('parlor.session') : null;
const listeners = new Set();

export const session = {
  user: undefined,
  ready: null,

  onChange(listener) {
    listeners.add(listener);
    if (session.user !== undefined) listener(session.user);
    return () => listeners.delete(listener);
  },

  /* Asks the server. When it cannot be reached, what was known stays. */
  async refresh() {
    try {
      const response = await fetch('/api/users/@me', { headers: { Accept: 'application/json' }, cache: 'no-store' });
      if (response.ok) setUser(await response.json());
      else if (response.status === 401) setUser(null);
    } catch { /* no connection; the next refresh will tell */ }
    if (session.user === undefined) setUser(null);
    return session.user;
  },

  /* To be called after a login or registration went through. */
  announce() {
    channel?.postMessage('changed');
  },

  async logout() {
    await fetch('/logout', { method: 'POST', redirect: 'manual' });
    session.announce();
    location.href = '/';
  },
};

export function loginUrl(page = '/login') {
  const here = location.pathname + location.search;
  if (here === '/' || here.startsWith('/login') || here.startsWith('/register')) return page + location.search;
  return `${page}?next=${encodeURIComponent(here)}`;
}

/* Where to go after a login: a path of this origin, whatever the address says. */
export function nextPath() {
  const wish = new URLSearchParams(location.search).get('next') ?? '/';
  try {
    const url = new URL(wish, location.origin);
    if (wish.startsWith('/') && url.origin === location.origin) return url.pathname + url.search + url.hash;
  } catch { /* not an address at all */ }
  return '/';
}

function setUser(user) {
  if (session.user !== undefined && session.user?.username === user?.username) return;
  session.user = user;
  for (const listener of [...listeners]) listener(user);
}

/* The corner of the header: two links for a guest, a menu for somebody who is logged in. */
export function mountAccount(root) {
  session.onChange((user) => {
    const hadFocus = root.contains(document.activeElement);
    root.dataset.state = user ? 'user' : 'guest';
    root.replaceChildren(...(user ? [menu(user)] : guestLinks()));
    if (hadFocus) root.querySelector('a, summary').focus();
  });
}

function guestLinks() {
  return [
    h('a', { class: 'btn btn--quiet account__login', href: loginUrl('/login') }, 'Log in'),
    h('a', { class: 'btn btn--primary account__register', href: loginUrl('/register') }, 'Register'),
  ];
}

function menu(user) {
  const button = h('button', { type: 'submit', class: 'menu__item', id: 'logout' }, icon('logout'), 'Log out');
  const form = h('form', { method: 'post', action: '/logout', onsubmit: (event) => { event.preventDefault(); session.logout(); } }, button);
  const details = h('details', { class: 'menu', id: 'account-menu' },
    h('summary', { class: 'btn btn--quiet account__me' }, avatar(user.username),
      h('span', { class: 'account__name', 'data-testid': 'username' }, user.username), icon('chevron-down')),
    h('div', { class: 'menu__list' },
      h('p', { class: 'menu__note' }, 'Logged in as ', h('strong', {}, user.username)), form));
  closeWhenLeft(details);
  return details;
}

/* A <details> that behaves like a menu: Escape, a click elsewhere and moving on close it. */
export function closeWhenLeft(details) {
  details.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !details.open) return;
    details.open = false;
    details.querySelector('summary').focus();
    event.stopPropagation();
  });
  details.addEventListener('focusout', (event) => {
    if (event.relatedTarget && !details.contains(event.relatedTarget)) details.open = false;
  });
  document.addEventListener('pointerdown', (event) => {
    if (!details.contains(event.target)) details.open = false;
  });
}

if (channel) channel.onmessage = () => session.refresh();
session.ready = session.refresh();
