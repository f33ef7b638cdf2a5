/* shell.js - what every page has around it: title, navigation, theme button, account menu, connection.
 *
 * A page fragment says what it needs on its outermost element:
 *   <div class="page" data-title="Drawing board">          the title
 *   <div class="page" data-title="Log in" data-socket="off">   no connection needed
 *   <div class="page" data-title="Call" data-errors="page">    the page itself says what the server refuses
 *   <div class="page" data-title="Call" data-calls="page">     and what happens when one is called
 *
 * For pages: setTitle('Messages', 3) shows "(3) Messages · Parlor" and a mark on the icon of the tab. */
import { mountIncoming } from './call/ring.js';
import { icon, setIcon, toast } from './dom.js';
import { loginUrl, mountAccount, session } from './session.js';
import { socket } from './socket.js';
import { mountStatus } from './status.js';

const THEMES = [
  { name: 'auto', icon: 'auto', label: 'as the system' },
  { name: 'light', icon: 'sun', label: 'light' },
  { name: 'dark', icon: 'moon', label: 'dark' },
];

export function setTitle(title, count = 0) {
  document.title = `${count ? `(${count > 99 ? '99+' : count}) ` : ''}${title} · Parlor`;
  const link = document.querySelector('link[rel=icon]');
  const href = count ? '/public/favicon-badge.svg' : '/public/favicon.svg';
  if (link.getAttribute('href') !== href) link.setAttribute('href', href);
}

function markPlace() {
  for (const link of document.querySelectorAll('.mainnav a, .footer a')) {
    const path = link.getAttribute('href');
    const here = path === '/' ? location.pathname === '/' : location.pathname === path || location.pathname.startsWith(`${path}/`);
    if (here) link.setAttribute('aria-current', 'page');
  }
}

function mountThemeToggle(button) {
  const picture = icon('auto');
  button.append(picture);
  const show = () => {
    const theme = THEMES.find(({ name }) => name === document.documentElement.dataset.theme) ?? THEMES[0];
    setIcon(picture, theme.icon);
    button.setAttribute('aria-label', `Colours: ${theme.label}`);
    button.title = `Colours: ${theme.label}`;
    return theme;
  };
  button.addEventListener('click', () => {
    const next = THEMES[(THEMES.indexOf(show()) + 1) % THEMES.length];
    if (next.name === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next.name;
    try {
      localStorage.setItem('parlor.theme', next.name); /* theme.js reads it, as plain text */
    } catch { /* it lasts for this page, then */ }
    show();
  });
  show();
}

/* A connection belongs to the session that opened it: when that changes, open another. */
function followSession() {
  socket.on('hello', ({ username }) => {
    session.ready.then(() => { if ((session.user?.username ?? null) !== username) session.refresh(); });
  });
  session.onChange((user) => {
    if (socket.hello && socket.hello.username !== (user?.username ?? null)) socket.restart();
  });
  socket.on('session_ended', async () => {
    await session.refresh();
    if (!session.user) toast('You were logged out.');
  });
}

/* A server that wants a login refuses the handshake, and a page is not told why: guess, and say so once. */
function hintAtLogin() {
  let told = false;
  socket.onState(({ failures, everOpen }) => {
    if (told || everOpen || failures < 2 || session.user) return;
    told = true;
    fetch('/websocket').then(({ status }) => { /* refused like the handshake, but with a reason that can be read */
      if (status !== 401) return;
      toast('This server wants you to log in first.', { ms: 0, action: { label: 'Log in', run: () => { location.href = loginUrl(); } } });
    }, () => {});
  });
}

const page = document.querySelector('.page');
if (page?.dataset.title) setTitle(page.dataset.title);
markPlace();
mountThemeToggle(document.getElementById('theme-toggle'));
mountAccount(document.getElementById('account'));

if (page?.dataset.socket !== 'off') {
  mountStatus(document.getElementById('connection'));
  followSession();
  hintAtLogin();
  if (page?.dataset.errors !== 'page') {
    socket.on('error', ({ error }) => toast(typeof error === 'string' ? error : 'The server refused a message.', { kind: 'error' }));
  }
  if (page?.dataset.calls !== 'page') {
    mountIncoming(document.getElementById('ringings'), { onAccept: (id) => { location.href = `/video-call/${id}`; } });
  }
  /* After DOMContentLoaded every module of the page has run and has its handlers in place. */
  if (document.readyState === 'complete') socket.connect();
  else addEventListener('DOMContentLoaded', () => socket.connect());
}
addEventListener('pageshow', (event) => { if (event.persisted) session.refresh(); });
