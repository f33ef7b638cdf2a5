/* chat.js - the common room: what is said here, everybody reads. Guests read along.
 *
 * The list of messages, the field to write in and the care for messages that are on their way are the messenger's
 * (message-list.js, composer.js, outgoing.js).
 *
 * Hooks for tests (those of the list of messages and of the composer are in message-list.js and composer.js):
 *   #chat[data-who = guest | user], #chat-guest, #active-users li[data-username], #people-count, #people-toggle,
 *   #unsent[data-count] */
import { formatNumber, icon, toast } from './dom.js';
import { Composer } from './composer.js';
import { drafts } from './drafts.js';
import { MessageList } from './message-list.js';
import { Outgoing } from './outgoing.js';
import { renderFaces, renderPeople } from './people.js';
import { loginUrl, session } from './session.js';
import { setTitle } from './shell.js';
import { socket } from './socket.js';
import { Thread, fromChatMessage } from './thread.js';
import { mountUnsent } from './unsent.js';

const PAGE = 100;
const OLDER = 100;
const MOST = 200; /* what the server gives at once */
const PLACE = 'chat';

const byId = (id) => document.getElementById(id);
const isLookedAt = () => !document.hidden && document.hasFocus();

const outgoing = new Outgoing(socket, { onError: (sentence) => toast(sentence, { kind: 'error' }) });
const thread = new Thread();
let me = null;
let users = null;
let missed = 0;      /* messages of others since somebody last looked */
let newSince = null; /* and the id that they came behind */
let composer = null;

const list = new MessageList(byId('log'), {
  label: 'What was said in the chat',
  withNames: true,
  onRetry: (clientId) => outgoing.retry(clientId),
  onDiscard: (clientId) => outgoing.discard(clientId),
});

/* ── messages ── */

const pending = () => outgoing
  .list(({ messageType }) => messageType === 'chatMessage')
  .map(({ clientId, fields, at, state, reason }) => ({ id: null, clientId, from: me, text: fields.comment, sentAt: at, state, reason }));

function show() {
  list.show({ me, thread, pending, newSince, loadOlder: askOlder, beginning: 'This is where the chat begins.', picture: () => icon('chat') });
}

function askNewest() {
  socket.send('get_chat_history', { beforeId: null, limit: thread.loaded ? MOST : PAGE });
}

function askOlder() {
  const beforeId = thread.askOlder();
  if (beforeId !== null) socket.send('get_chat_history', { beforeId, limit: OLDER });
}

function came(chatMessage) {
  const message = fromChatMessage(chatMessage);
  if (!thread.addLive(message)) return;
  if (message.from === me) return list.update();
  if (!isLookedAt()) notLookedAt(message);
  list.came(message);
}

function notLookedAt({ id }) {
  if (missed === 0) setNewSince(id - 1);
  missed++;
  showTitle();
}

function setNewSince(id) {
  newSince = id;
  list.setNewSince(id);
}

function lookedAt() {
  if (!isLookedAt() || missed === 0) return;
  missed = 0;
  showTitle();
}

function send(comment) {
  setNewSince(null);
  outgoing.add('chatMessage', { comment });
  list.toEnd();
}

const showTitle = () => setTitle('Chat', missed);

/* Behind what outgoing.js sends again as soon as it is known who is here, so that nothing is seen twice. */
socket.on('hello', () => session.ready.then(askNewest));
socket.on('chat_history', ({ beforeId = null, messages, hasOlder }) => {
  thread.addPage({ beforeId, hasOlder, messages: messages.map(fromChatMessage) });
  list.update();
});
socket.on('chatMessage', came);
socket.onState(({ name }) => { if (name !== 'open') thread.disconnected(); });
outgoing.onChange(() => list.update());
addEventListener('focus', lookedAt);
document.addEventListener('visibilitychange', lookedAt);

/* ── who is here ── */

/* Without a connection nobody can say who is here. */
function showPeople() {
  const here = users ?? [];
  renderPeople(byId('active-users'), here, { me, empty: users ? 'Nobody is logged in right now.' : 'Waiting for the connection' });
  renderFaces(byId('faces'), here);
  byId('people-count').textContent = !users ? '…' : here.length ? `${formatNumber(here.length)} here` : 'Guests only';
}

socket.on('active_users_list', (message) => { users = message.users; showPeople(); });
socket.onState(({ name }) => {
  if (name === 'open') return;
  users = null;
  showPeople();
});

/* On a wide screen the people are always in view; on a narrow one they unfold below the head. */
const toggle = byId('people-toggle');

function unfold(on) {
  toggle.setAttribute('aria-expanded', String(on));
  byId('chat').dataset.people = on ? 'open' : 'closed';
}

toggle.addEventListener('click', () => unfold(toggle.getAttribute('aria-expanded') !== 'true'));
document.addEventListener('pointerdown', ({ target }) => {
  if (!toggle.contains(target) && !byId('chat-people').contains(target)) unfold(false);
});
document.addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape' || toggle.getAttribute('aria-expanded') !== 'true') return;
  unfold(false);
  toggle.focus();
});

/* ── who one is ── */

function mountComposer() {
  mountUnsent(byId('unsent-place'), socket, outgoing);
  composer = new Composer(byId('composer'), { onSend: send });
}

function openComposer() {
  if (!composer) mountComposer();
  composer.open({ label: 'Message to everybody', draft: drafts.get(me, PLACE), onDraft: (text) => { if (me) drafts.set(me, PLACE, text); } });
}

session.onChange((user) => {
  composer?.close();
  me = user?.username ?? null;
  outgoing.start(me);
  byId('chat').dataset.who = me ? 'user' : 'guest';
  byId('chat-guest').hidden = Boolean(me);
  byId('composer').hidden = !me;
  if (me) openComposer();
  show();
  showPeople();
});
byId('chat-login').href = loginUrl();
byId('chat-register').href = loginUrl('/register');
