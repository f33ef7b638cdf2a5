/* talk.js - the text chat of a call. Nothing of it is stored: it lives as long as the page.
 *
 *   const talk = new Talk({ send(text) {}, onUnread(count, message) {} });
 *   talk.receive({ socketId, username, text, sentAt }, isOwn);   talk.setOpen(true)
 *
 * Hooks for tests: #talk li[data-from], #talk-text, #talk-send, #talk-error */
import { h } from '../dom.js';
import { linkify } from '../linkify.js';
import { avatar } from '../people.js';
import { MAX_BYTES, bytesOf, withoutUnsendable } from '../text.js';
import { timeOf } from '../when.js';

const MESSAGES_KEPT = 500;
const SAME_BREATH_MS = 120000;

export class Talk {
  constructor({ send, onUnread }) {
    this._send = send;
    this._onUnread = onUnread;
    this._list = document.getElementById('talk');
    this._body = document.getElementById('talk-body');
    this._field = document.getElementById('talk-text');
    this._error = document.getElementById('talk-error');
    this._isOpen = false;
    this._unread = 0;
    this._last = null;
    this._listen();
  }

  setOpen(isOpen) {
    this._isOpen = isOpen;
    if (!isOpen) return;
    this._unread = 0;
    this._onUnread(0, null);
    this._toEnd();
    this._field.focus({ preventScroll: true });
  }

  receive(message, isOwn) {
    const { username, text, sentAt } = message;
    const isAtEnd = this._body.scrollHeight - this._body.scrollTop - this._body.clientHeight < 60;
    const goesOn = this._last?.username === username && sentAt - this._last.sentAt < SAME_BREATH_MS;
    this._last = message;
    this._list.append(h('li', { class: `talk__item${isOwn ? ' talk__item--own' : ''}`, 'data-from': username },
      goesOn ? null : h('p', { class: 'talk__from' }, isOwn ? null : avatar(username), h('strong', {}, isOwn ? 'You' : username), h('span', { class: 'muted nums' }, timeOf(sentAt))),
      h('p', { class: 'talk__text', dir: 'auto' }, ...linkify(text))));
    while (this._list.children.length > MESSAGES_KEPT) this._list.firstChild.remove();
    if (isAtEnd || isOwn) this._toEnd();
    if (!isOwn && !(this._isOpen && document.hasFocus())) this._onUnread(this._isOpen ? 0 : ++this._unread, message);
  }

  _listen() {
    document.getElementById('talk-form').addEventListener('submit', (event) => { event.preventDefault(); this._submit(); });
    this._field.addEventListener('input', () => { this._grow(); this._say(''); });
    this._field.addEventListener('keydown', (event) => {
      /* 229: the Enter that ends the composition of an input method */
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this._submit();
    });
  }

  /* What was not taken stays in the field. */
  _submit() {
    const text = withoutUnsendable(this._field.value);
    if (!text.trim()) return;
    if (bytesOf(text) > MAX_BYTES) this._say('This is too long for one message. Please send it in parts.');
    else if (!this._send(text)) this._say('Not sent: there is no connection to the server right now.');
    else {
      this._field.value = '';
      this._say('');
      this._grow();
    }
    this._field.focus({ preventScroll: true });
  }

  _say(text) {
    this._error.textContent = text;
  }

  _grow() {
    this._field.style.height = 'auto';
    this._field.style.height = `${this._field.scrollHeight + 2}px`; /* css/call.css has the upper limit */
  }

  _toEnd() {
    this._body.scrollTop = this._body.scrollHeight;
  }
}
