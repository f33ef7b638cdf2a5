/* composer.js - the field to write in, below a conversation.
 *
 *   const composer = new Composer(root, { onSend(text) {}, onWriting(isWriting) {} });
 *   composer.open({ label: 'Message to bob', draft: 'what was begun', onDraft(text) {} });
 *
 * Enter sends, Shift+Enter makes a new line; Enter that ends the composition of an input method does neither. The
 * field grows with its text. What the server would refuse cannot be sent, and the hint says why: nothing is cut.
 *
 * Hooks for tests: #message-text, #message-send[aria-disabled], #message-hint[data-kind = keys | near | over | cleaned] */
import { formatNumber, h, icon } from './dom.js';
import { MAX_BYTES, bytesOf, withoutUnsendable } from './text.js';

const NEAR_BYTES = 60000; /* from here on one is told how much is left */
const DRAFT_AFTER_MS = 300;
const WRITING_MS = 5000;  /* without a key one is not writing any more */

const KEYS = 'Enter sends, Shift + Enter starts a new line';

export class Composer {
  constructor(root, { onSend, onWriting = () => {} }) {
    this._onSend = onSend;
    this._onWriting = onWriting;
    this._onDraft = () => {};
    this._isWriting = false;
    this._draftTimer = 0;
    this._build(root);
    this._listen();
  }

  open({ label, draft = '', onDraft = () => {} }) {
    this.close();
    this._onDraft = onDraft;
    this._label.textContent = label;
    this._field.placeholder = label;
    this._field.value = draft;
    this._changed();
  }

  /* Leaves the field as somebody will want to find it. */
  close() {
    this._keepDraft();
    this._setWriting(false);
    this._onDraft = () => {};
  }

  focus() {
    this._field.focus({ preventScroll: true });
  }

  _build(root) {
    this._label = h('label', { class: 'visually-hidden', for: 'message-text' });
    this._field = h('textarea', { class: 'composer__field', id: 'message-text', rows: '1', dir: 'auto', enterkeyhint: 'send', 'aria-describedby': 'message-hint', autocomplete: 'off' });
    this._button = h('button', { class: 'btn btn--primary btn--icon composer__send', id: 'message-send', 'aria-label': 'Send', title: 'Send (Enter)' }, icon('send'));
    this._hint = h('p', { class: 'composer__hint', id: 'message-hint', 'data-kind': 'keys' }, KEYS);
    this._alert = h('p', { class: 'visually-hidden', role: 'status' });
    this._grower = h('div', { class: 'composer__grower' }, this._field);
    this._form = h('form', { class: 'composer__form', novalidate: true }, this._label, this._grower, this._button);
    root.append(this._form, this._hint, this._alert);
  }

  _listen() {
    this._form.addEventListener('submit', (event) => { event.preventDefault(); this._send(); });
    this._field.addEventListener('keydown', (event) => this._key(event));
    this._field.addEventListener('input', (event) => { if (!event.isComposing) this._changed(true); });
    this._field.addEventListener('compositionend', () => this._changed(true));
    this._field.addEventListener('blur', () => { this._keepDraft(); this._setWriting(false); });
    addEventListener('pagehide', () => this._keepDraft());
  }

  /* Some browsers end the composition first and then report its Enter, with the key code 229 as the only sign. */
  _key(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this._send();
  }

  _send() {
    const cleaned = this._clean();
    if (cleaned) return this._showHint(true, cleaned); /* one sees what is left before it goes */
    const text = this._field.value;
    if (!text.trim()) return;
    if (bytesOf(text) > MAX_BYTES) {
      this._showHint(true);
      this._field.focus();
      return;
    }
    this._field.value = '';
    this._changed();
    this._keepDraft();
    this._setWriting(false);
    this._onSend(text);
    if (document.activeElement !== this._field) this._field.focus({ preventScroll: true });
  }

  _changed(byHand = false) {
    const cleaned = this._clean();
    this._grower.dataset.text = this._field.value; /* css/messages.css lets the field grow with it */
    this._showHint(false, cleaned);
    if (!byHand) return;
    clearTimeout(this._draftTimer);
    this._draftTimer = setTimeout(() => this._keepDraft(), DRAFT_AFTER_MS);
    this._setWriting(this._field.value.trim() !== '');
  }

  /* Takes out what cannot be sent, and keeps the caret where it was. Returns how many characters that were. */
  _clean() {
    const { value, selectionStart } = this._field;
    const cleaned = withoutUnsendable(value);
    if (cleaned === value) return 0;
    const caret = withoutUnsendable(value.slice(0, selectionStart)).length;
    this._field.value = cleaned;
    this._field.setSelectionRange(caret, caret);
    return value.length - cleaned.length;
  }

  _showHint(wantsToSend = false, cleaned = 0) {
    const { value } = this._field;
    const bytes = value.length * 3 > NEAR_BYTES ? bytesOf(value) : 0; /* no character has more than three bytes a unit */
    const over = bytes - MAX_BYTES;
    const size = `${formatNumber(bytes)} of ${formatNumber(MAX_BYTES)} bytes`;
    const [kind, words] = over > 0 ? ['over', `Too long by ${formatNumber(over)} bytes: ${size}. Please send it in parts.`]
      : cleaned ? ['cleaned', `${cleaned === 1 ? 'A character' : `${formatNumber(cleaned)} characters`} that cannot be sent ${cleaned === 1 ? 'was' : 'were'} taken out.`]
        : bytes > NEAR_BYTES ? ['near', size] : ['keys', KEYS];
    const isNews = kind !== this._hint.dataset.kind || wantsToSend;
    this._hint.dataset.kind = kind;
    this._hint.textContent = words;
    this._button.setAttribute('aria-disabled', String(over > 0 || !value.trim()));
    this._field.setAttribute('aria-invalid', String(over > 0));
    if (isNews && kind !== 'keys') this._alert.textContent = words;
  }

  _keepDraft() {
    clearTimeout(this._draftTimer);
    this._onDraft(this._field.value);
  }

  _setWriting(on) {
    clearTimeout(this._writingTimer);
    if (on) this._writingTimer = setTimeout(() => this._setWriting(false), WRITING_MS);
    if (on || this._isWriting) this._onWriting(on);
    this._isWriting = on;
  }
}
