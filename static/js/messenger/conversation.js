/* messenger/conversation.js - the conversation on screen: whose it is, its messages, the field to write in.
 *
 * Threads of people whom one has looked at stay in memory, so that going back and forth costs nothing; after a broken
 * connection they are brought up to date when they are shown again.
 *
 * A message counts as read when its beginning has been on screen, in a window that somebody looks at. */
import { h } from '../dom.js';
import { Composer } from '../composer.js';
import { drafts } from '../drafts.js';
import { MessageList } from '../message-list.js';
import { notify, wantsNotice } from '../notify.js';
import { avatar } from '../people.js';
import { oneLine } from '../text.js';
import { Thread, fromDirectMessage } from '../thread.js';
import { ReadMarker } from './read-marker.js';
import { TypingOut } from './typing.js';

const PAGE = 100;
const OLDER = 100;
const MOST = 200;          /* what the server gives at once */
const KEPT_THREADS = 30;
const KEPT_MESSAGES = 200; /* of a thread that nobody looks at */
const NOTIFY_AFTER_MS = 500;

const isLookedAt = () => !document.hidden && document.hasFocus();

export class Conversation {
  constructor({ logRoot, composerRoot }, { me, socket, outgoing, directory, onOpen }) {
    Object.assign(this, { _me: me, _socket: socket, _outgoing: outgoing, _directory: directory, _onOpen: onOpen });
    this._threads = new Map(); /* username -> { thread, newSince, readUpTo } */
    this.person = null;
    this._marker = new ReadMarker(socket);
    this._typing = new TypingOut((isTyping) => this._sayTyping(isTyping));
    this._list = new MessageList(logRoot, {
      label: 'Messages',
      onRetry: (clientId) => outgoing.retry(clientId),
      onDiscard: (clientId) => outgoing.discard(clientId),
      onSeen: (id) => this._seen(id),
    });
    this._composer = new Composer(composerRoot, {
      onSend: (text) => this._send(text),
      onWriting: (on) => { if (this.person) this._typing.set(on); },
    });
    this._listen();
  }

  open(person) {
    if (this.person === person) return;
    this.close();
    this.person = person;
    const { username } = person;
    const kept = this._keptFor(username);
    kept.newSince = person.unread > 0 ? person.readUpTo : null;
    this._show(kept);
    this._composer.open({ label: username === this._me ? 'Note to yourself' : `Message to ${username}`, draft: drafts.get(this._me, username), onDraft: (text) => drafts.set(this._me, username, text) });
    this._list.setTyping(person.typing);
    if (!kept.thread.synced) this._askNewest(username);
  }

  close() {
    if (!this.person) return;
    this._composer.close();
    this._threads.get(this.person.username)?.thread.trim(KEPT_MESSAGES);
    this.person = null;
    this._list.clear();
  }

  focusComposer() {
    this._composer.focus();
  }

  setTyping(on) {
    this._list.setTyping(on);
  }

  /* ── what is on screen ── */

  _show(kept) {
    const { username } = this.person;
    this._list.show({
      me: this._me,
      thread: kept.thread,
      newSince: kept.newSince,
      pending: () => this._pendingFor(username),
      loadOlder: () => this._askOlder(username),
      beginning: username === this._me ? 'These are your notes. Nobody else sees them.' : `This is the beginning of your conversation with ${username}. Nobody else sees it.`,
      picture: () => h('span', { class: 'face' }, avatar(username)),
    }, `Messages with ${username}`);
  }

  _pendingFor(username) {
    return this._outgoing
      .list(({ messageType, fields }) => messageType === 'direct_message' && fields.targetUser === username)
      .map(({ clientId, fields, at, state, reason }) => ({ id: null, clientId, from: this._me, text: fields.text, sentAt: at, state, reason }));
  }

  _keptFor(username) {
    const kept = this._threads.get(username) ?? { thread: new Thread(), newSince: null, readUpTo: 0 };
    this._threads.delete(username); /* and behind all others: the map is in order of use */
    this._threads.set(username, kept);
    if (this._threads.size > KEPT_THREADS) this._threads.delete(this._threads.keys().next().value);
    return kept;
  }

  _setNewSince(kept, id) {
    kept.newSince = id;
    this._list.setNewSince(id);
  }

  /* ── the server ── */

  _listen() {
    this._socket.onState(({ name }) => {
      if (name === 'open') return;
      for (const kept of this._threads.values()) {
        kept.thread.disconnected();
        kept.readUpTo = 0; /* what was on its way may not have arrived */
      }
      this._typing.forget();
      this._marker.disconnected();
    });
    this._socket.on('message_page', (page) => this._page(page));
    this._outgoing.onChange(() => this._list.update());
    const lookAgain = () => { if (isLookedAt()) this._list.lookAgain(); };
    addEventListener('focus', lookAgain);
    document.addEventListener('visibilitychange', lookAgain);
  }

  /* A new connection: what was missed? Behind what outgoing.js sends again, so that nothing is seen twice. */
  connected() {
    if (this.person) this._askNewest(this.person.username);
  }

  _askNewest(withUser) {
    const { thread } = this._threads.get(withUser);
    const unread = this._directory.get(withUser)?.unread ?? 0;
    const limit = thread.loaded ? MOST : Math.min(MOST, Math.max(PAGE, unread + OLDER / 4));
    this._socket.send('get_messages', { withUser, limit });
  }

  _askOlder(withUser) {
    const { thread } = this._threads.get(withUser);
    const beforeId = thread.askOlder();
    if (beforeId !== null) this._socket.send('get_messages', { withUser, beforeId, limit: OLDER });
  }

  _page({ withUser, beforeId, messages, hasOlder, readUpTo, unread }) {
    const kept = this._threads.get(withUser);
    if (!kept) return;
    const isOpen = this.person?.username === withUser;
    kept.thread.addPage({ beforeId, hasOlder, messages: messages.map(fromDirectMessage) });
    if (beforeId == null) {
      kept.readUpTo = readUpTo;
      this._directory.setUnread(withUser, unread, readUpTo);
      if (isOpen && unread > 0 && kept.newSince === null) this._setNewSince(kept, readUpTo);
    }
    if (!isOpen) return;
    this._list.update();
  }

  /* A message with `username`, from either side. Returns true when it has been read already. */
  came(username, message) {
    const kept = this._threads.get(username);
    const isNews = kept?.thread.addLive(message);
    if (this.person?.username !== username) return false;
    if (message.from === this._me) {
      if (isNews) this._setNewSince(kept, null);
      this._list.update();
      return false;
    }
    const read = isLookedAt() && this._list.isAtEnd && kept.thread.synced;
    if (read) this._markRead(kept, message.id);
    else if (kept.newSince === null || kept.readUpTo > kept.newSince) this._setNewSince(kept, message.id - 1);
    this._list.came(message);
    return read;
  }

  _seen(id) {
    const kept = this.person && this._threads.get(this.person.username);
    if (kept && isLookedAt()) this._markRead(kept, id);
  }

  _markRead(kept, id) {
    const { username } = this.person;
    const readUpTo = Math.max(kept.readUpTo, this.person.readUpTo);
    if (id <= readUpTo || username === this._me) return;
    if (!this._socket.isOpen) return;
    kept.readUpTo = id;
    this._marker.mark(username, id);
  }

  _sayTyping(isTyping) {
    const { username } = this.person;
    if (username !== this._me) this._socket.send('typing', { targetUser: username, isTyping });
  }

  _send(text) {
    const { username } = this.person;
    this._setNewSince(this._threads.get(username), null);
    this._outgoing.add('direct_message', { targetUser: username, text });
    this._list.toEnd();
  }

  /* A message that nobody looked at. Another tab may show it at this moment: what is read is not worth a notice. */
  notifySoon(username, message) {
    if (!wantsNotice()) return;
    setTimeout(() => {
      const person = this._directory.get(username);
      if (!person?.unread || person.readUpTo >= message.id) return;
      notify({ title: username, body: oneLine(message.text, 200), tag: `parlor-${username}`, onOpen: () => this._onOpen(username) });
    }, NOTIFY_AFTER_MS);
  }
}
