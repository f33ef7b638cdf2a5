/* direct-messaging.js - the messenger: wires the connection, the people and the conversation together.
 *
 *   messenger/directory.js      everybody, and what is unread     messenger/people-list.js    the list on the left
 *   messenger/conversation.js   what is on screen                 messenger/typing.js         who is writing
 *   outgoing.js                 what is not confirmed yet         message-list.js, composer.js   shared with the chat
 *
 * The address says whose conversation is open (/direct-messaging#bob), so the browser's back button, a reload and a
 * link in a new tab do what one expects. On a phone the list and the conversation are two screens.
 *
 * Hooks for tests (those of the list of messages and of the composer are in message-list.js and composer.js):
 *   #messenger[data-screen = guest | list | conversation][data-open = username]
 *   #people [data-testid=person][data-username][data-unread], in it a[href="#name"][aria-current], .face[data-online],
 *     [data-testid=unread]; #people-search, #people-more, #people-empty, #notify
 *   #guest, #guest-login, #nobody, #unknown
 *   #peer-name, #peer-status[data-state = online | offline | unknown | typing | self], #back, #call
 *   #unsent[data-count] */
import { toast } from './dom.js';
import { drafts } from './drafts.js';
import { Outgoing } from './outgoing.js';
import { avatar } from './people.js';
import { mountNotifyButton } from './notify.js';
import { loginUrl, session } from './session.js';
import { setTitle } from './shell.js';
import { socket } from './socket.js';
import { fromDirectMessage } from './thread.js';
import { mountUnsent } from './unsent.js';
import { onNewDay } from './when.js';
import { Conversation } from './messenger/conversation.js';
import { Directory } from './messenger/directory.js';
import { PeopleList } from './messenger/people-list.js';
import { TypingIn } from './messenger/typing.js';

const byId = (id) => document.getElementById(id);
const page = byId('messenger');
const isPhone = matchMedia('(max-width: 47.49rem)');
const hasMouse = matchMedia('(hover: hover) and (pointer: fine)');

const outgoing = new Outgoing(socket, { onError: (sentence) => toast(sentence, { kind: 'error' }) });
let me = null;
let directory = null;
let people = null;
let conversation = null;
let typing = null;
let online = null;           /* the last list of who is here */
let before = wantedName();

/* ── coming in ── */

function showGuest() {
  page.dataset.screen = 'guest';
  byId('guest').hidden = false;
  byId('panes').hidden = true;
  byId('guest-login').href = loginUrl() + encodeURIComponent(location.hash);
  byId('guest-register').href = loginUrl('/register') + encodeURIComponent(location.hash);
  setTitle('Messages');
}

/* Somebody left, or another one came: nothing of the first one's may stay in this page. */
function leave() {
  conversation.close();
  directory = new Directory(() => {}); /* for whatever the connection of a guest still brings */
  outgoing.start(null);
  page.querySelector('.roster').replaceChildren();
  showGuest();
}

function start(user) {
  me = user.username;
  directory = new Directory(changed);
  typing = new TypingIn((name, on) => {
    directory.setTyping(name, on);
    if (conversation.person?.username === name) conversation.setTyping(on);
  });
  people = new PeopleList(
    { root: byId('people'), search: byId('people-search'), more: byId('people-more'), empty: byId('people-empty') },
    { me, directory, draftOf: (name) => drafts.get(me, name), failedOf: hasFailed },
  );
  outgoing.start(me);
  mountUnsent(byId('unsent-place'), socket, outgoing);
  conversation = new Conversation(
    { logRoot: byId('log'), composerRoot: byId('composer') },
    { me, socket, outgoing, directory, onOpen: (name) => { location.hash = name; } },
  );
  mountNotifyButton(byId('notify'));
  outgoing.onChange(() => people.update());
  onNewDay(() => people.update());
  byId('guest').hidden = true;
  byId('panes').hidden = false;
  listen();
  route();
  if (socket.hello) connected();
}

const hasFailed = (name) => outgoing.list(({ state, messageType, fields }) => state === 'failed' && messageType === 'direct_message' && fields.targetUser === name).length > 0;

/* ── the server ── */

function listen() {
  socket.on('hello', connected);
  socket.on('active_users_list', ({ users }) => { online = users; directory.setOnline(users); });
  socket.on('all_users_list', ({ users }) => {
    directory.setEverybody(users);
    if (online) directory.setOnline(online);
    route();
  });
  socket.on('user_added', ({ username }) => { directory.add(username); route(); });
  socket.on('conversation_list', ({ conversations }) => directory.setConversations(conversations));
  socket.on('read_state', ({ withUser, unread, readUpTo }) => directory.setUnread(withUser, unread, readUpTo));
  socket.on('typing', ({ fromUser, isTyping }) => typing.set(fromUser, isTyping === true));
  socket.on('direct_message', came);
  socket.onState(({ name }) => { if (name !== 'open') disconnected(); });
}

function disconnected() {
  online = null;
  typing.clear();
  directory.forgetOnline();
}

function connected() {
  if (socket.hello?.username !== me) return; /* shell.js will open another one */
  socket.send('get_all_users');
  socket.send('get_conversations');
  conversation.connected();
}

function came(message) {
  const { fromUser, toUser, unread } = message;
  const other = fromUser === me ? toUser : fromUser;
  const entry = fromDirectMessage(message);
  directory.setLast(other, entry);
  const read = conversation.came(other, entry);
  if (fromUser === me) return people.reveal();
  typing.set(fromUser, false);
  if (!read && Number.isInteger(unread)) directory.setUnread(other, unread);
  if (!read) conversation.notifySoon(other, entry);
}

/* ── which conversation ── */

function wantedName() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
}

function route({ byHand = false } = {}) {
  if (!me) return;
  const name = wantedName();
  const person = name ? directory.get(name) : null;
  if (person) openConversation(person, byHand);
  else if (name && !directory.complete) page.dataset.screen = 'conversation'; /* it will be known in a moment */
  else showNobody(name, byHand);
}

function openConversation(person, byHand) {
  const isNew = conversation.person !== person;
  if (!isNew && !byHand) return;
  show({ screen: 'conversation', open: person.username });
  people.setOpen(person.username);
  if (isNew) conversation.open(person); /* it scrolls, so it has to be on screen already */
  if (isNew) byId('peer-avatar').replaceChildren(avatar(person.username));
  changed();
  if (hasMouse.matches) conversation.focusComposer();
  else if (byHand) byId('peer-name').focus({ preventScroll: true });
}

function showNobody(name, byHand) {
  const left = conversation.person?.username;
  const hadFocus = byId('unknown').contains(document.activeElement);
  conversation.close();
  people.setOpen(null);
  show({ screen: name ? 'conversation' : 'list', open: '' });
  byId('nobody').hidden = Boolean(name);
  byId('unknown').hidden = !name;
  byId('unknown-name').textContent = name.slice(0, 64);
  changed();
  if (byHand && (left || hadFocus)) people.focus(left);
}

function show({ screen, open }) {
  page.dataset.screen = screen;
  page.dataset.open = open;
  byId('peer').hidden = !open;
  byId('nobody').hidden = true;
  byId('unknown').hidden = true;
}

/* Back to the list: the way one came, if one came from there. */
function back() {
  if (history.state?.fromList) history.back();
  else {
    history.replaceState(null, '', location.pathname + location.search);
    route({ byHand: true });
  }
}

addEventListener('hashchange', () => {
  const now = wantedName();
  if (!before && now && isPhone.matches && history.state === null) history.replaceState({ fromList: true }, '');
  before = now;
  route({ byHand: true });
});

/* The link to the content would change the address, and with it the conversation. */
document.querySelector('.skip-link').addEventListener('click', (event) => {
  event.preventDefault();
  byId('main').focus();
});

/* ── what one sees ── */

function changed() {
  people?.update();
  showTitle();
  showPeer();
}

function showTitle() {
  const open = conversation?.person?.username;
  setTitle(open ? `${open} · Messages` : 'Messages', directory.totalUnread);
}

function showPeer() {
  const person = conversation?.person;
  if (!person) return;
  const { username, online: isHere, typing: isTyping } = person;
  const state = username === me ? 'self' : isTyping ? 'typing' : isHere ? 'online' : directory.knowsOnline ? 'offline' : 'unknown';
  const status = byId('peer-status');
  byId('peer-name').textContent = username;
  byId('peer-avatar').dataset.online = String(isHere);
  byId('call').hidden = username === me;
  byId('call-name').textContent = ` ${username}`;
  if (status.dataset.state === state) return;
  status.dataset.state = state;
  status.textContent = { self: 'Notes to yourself', typing: 'typing…', online: 'Here now', offline: 'Not here right now', unknown: 'Waiting for the connection' }[state];
}

/* ── buttons and keys ── */

async function call() {
  const { username } = conversation.person;
  const button = byId('call');
  if (button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-disabled', 'true');
  try {
    const response = await fetch('/api/video-calls', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name: `${me} and ${username}` }) });
    if (!response.ok) throw new Error(await response.text());
    const { id } = await response.json();
    location.href = `/video-call/${encodeURIComponent(id)}?ring=${encodeURIComponent(username)}`;
  } catch {
    toast('The call could not be started. Please try again.', { kind: 'error' });
  } finally {
    button.removeAttribute('aria-disabled');
  }
}

byId('call').addEventListener('click', call);
byId('back').addEventListener('click', back);
byId('unknown-back').addEventListener('click', back);
byId('pane').addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.isComposing || event.defaultPrevented) return;
  event.preventDefault();
  if (isPhone.matches) back();
  else people.focus(conversation.person?.username);
});

/* ── who is at this page ── */

session.onChange((user) => {
  const known = me !== null;
  if (known && user?.username !== me) {
    if (user) location.reload();
    else leave();
  } else if (user && !known) start(user);
  else if (!user) showGuest();
});
