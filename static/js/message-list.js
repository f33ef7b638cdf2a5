/* message-list.js - a conversation on screen: day lines, groups, own and other side, states, and scrolling.
 *
 *   const list = new MessageList(document.getElementById('log'), { label, withNames, onRetry, onDiscard, onSeen });
 *   list.show({ me, thread, pending: () => [...], loadOlder() {}, beginning: 'The beginning ...', picture: () => node, newSince: null });
 *   list.update()              something in the thread or in pending changed
 *   list.came(message)         a live message of somebody else: counted and read out
 *
 * However long a conversation is, at most MAX_ROWS messages are in the document: a window that moves with the scroll
 * position. The messages themselves stay in the thread. The newest message is kept in view for somebody who is at the
 * end, and for nobody else: whoever reads further up stays exactly there, whatever is added on either side.
 *
 * The log is not a live region itself, because moving the window would be read out; what comes in is said by a
 * status line of its own.
 *
 * Hooks for tests:
 *   [role=log]                      data-at-end, data-drawn (counts how often it was drawn)
 *   [data-testid=message]           data-id, data-client-id, data-from, data-own, data-state = sent | pending | failed
 *     .message__text, time, [data-action=retry], [data-action=discard], [data-action=unfold]
 *   [data-testid=day], [data-testid=new-line], [data-testid=typing], [data-testid=beginning], [data-testid=loading-older]
 *   [data-testid=to-end]            the button that leads to the newest message, data-count = what came meanwhile */
import { h, icon, passFocus, plural } from './dom.js';
import { setChildren } from './keyed.js';
import { linkify } from './linkify.js';
import { avatar } from './people.js';
import { beginningOf, oneLine } from './text.js';
import { dayName, dayOf, fullWhen, onNewDay, timeOf } from './when.js';

const MAX_ROWS = 300;
const FIRST_ROWS = 60;
const STEP = 40;
const THREAD_MAX = 5000;
const THREAD_KEEPS = 1000;
const AT_END_PX = 48;
const LOOK_AHEAD_PX = 1200;
const GROUP_MS = 5 * 60000;
const SAY_AFTER_MS = 700;  /* messages that come in a burst are said together */
const SAY_ONE_BY_ONE = 3;

const STATES = {
  pending: ['clock', 'Sending'],
  sent: ['check', 'Sent'],
  failed: ['warning', 'Not sent'],
};

const EMPTY = { me: null, thread: null, pending: () => [], loadOlder() {}, beginning: '', picture: () => null, newSince: null };

export class MessageList {
  constructor(root, { label, withNames = false, onRetry, onDiscard, onSeen = () => {} }) {
    this._withNames = withNames;
    this._act = { retry: onRetry, discard: onDiscard };
    this._onSeen = onSeen;
    this._source = EMPTY;
    this._pending = [];
    this._rows = new Map(); /* key -> row */
    this._atEnd = true;
    this._missed = 0;
    this._asked = 0;
    this._unsaid = [];
    this._build(root, label);
    this._listen();
  }

  /* Another conversation, from its end or from its first new message. */
  show(source, label) {
    this._source = source;
    this._rows.clear();
    this._body.replaceChildren();
    this._unsaid = [];
    this.setTyping(false);
    if (label) this._log.setAttribute('aria-label', label);
    this._startOver();
    this._draw();
  }

  clear() {
    this.show(EMPTY);
  }

  update() {
    if (!this._asked) this._asked = requestAnimationFrame(() => this._draw());
  }

  /* To the newest message, as after sending one. */
  toEnd() {
    this._atEnd = true;
    this._from = Math.max(this._from, this._end - FIRST_ROWS);
    this._to = this._end;
    this._draw();
  }

  get isAtEnd() {
    return this._atEnd;
  }

  came(message) {
    if (!this._atEnd) this._missed++;
    this._say(message);
    this.update();
  }

  /* Messages of somebody else behind this id are new to the reader; null: none is. */
  setNewSince(id) {
    this._source.newSince = id;
    this.update();
  }

  setTyping(on) {
    this._typing.hidden = !on;
    this.update();
  }

  /* Tells again what can be seen: the reader has come back to the page. */
  lookAgain() {
    this._reportSeen();
  }

  focus() {
    this._log.focus({ preventScroll: true });
  }

  /* ── building ── */

  _build(root, label) {
    this._top = h('div', { class: 'log__top' });
    this._body = h('div', { class: 'log__body' });
    this._typing = h('div', { class: 'message message--typing', 'data-testid': 'typing', hidden: true, 'aria-hidden': 'true' },
      h('div', { class: 'message__bubble dots' }, h('span'), h('span'), h('span')));
    this._inner = h('div', { class: 'log__inner' }, this._top, this._body, this._typing);
    this._log = h('div', { class: 'log', role: 'log', 'aria-live': 'off', 'aria-label': label, tabindex: '0' }, this._inner);
    this._jumpWords = h('span');
    this._jump = h('button', { type: 'button', class: 'btn jump', 'data-testid': 'to-end', title: 'To the newest (End)', hidden: true, onclick: () => this._jumpToEnd() },
      this._jumpWords, icon('chevron-down'));
    this._saying = h('p', { class: 'visually-hidden', role: 'status' });
    root.append(this._log, this._jump, this._saying);
  }

  _listen() {
    this._log.addEventListener('scroll', () => this._scrolled(), { passive: true });
    this._log.addEventListener('click', (event) => this._clicked(event));
    this._log.addEventListener('keydown', (event) => {
      if (event.key === 'End' && event.target === this._log) { event.preventDefault(); this.toEnd(); }
    });
    /* A keyboard that slides in, a composer that grows: the end stays in view. */
    new ResizeObserver(() => this._resized()).observe(this._log);
    onNewDay(() => { for (const row of this._rows.values()) row.day = null; this.update(); });
  }

  _clicked(event) {
    const button = event.target.closest('[data-action]');
    if (!button) return;
    const { clientId } = button.closest('.message').dataset;
    if (button.dataset.action === 'unfold') return this._unfold(button.closest('.message'));
    this._act[button.dataset.action](clientId);
    this.focus(); /* the button is gone */
  }

  _unfold(node) {
    const row = this._rows.get(node.dataset.key);
    node.querySelector('.message__text').replaceChildren(...linkify(row.message.text));
    node.querySelector('.message__unfold').remove();
    this._scrolled(); /* whoever was at the end reads on from here, and is not there any more */
    this.focus();
  }

  /* ── the window: positions count from the thread's first page, so that older ones are negative ── */

  get _begin() {
    return this._source.thread ? -this._source.thread.prepended : 0;
  }

  get _end() {
    const { thread } = this._source;
    return thread ? thread.messages.length - thread.prepended + this._pending.length : 0;
  }

  _at(position) {
    const { thread } = this._source;
    const index = position + thread.prepended;
    return thread.messages[index] ?? this._pending[index - thread.messages.length];
  }

  _startOver() {
    this._pending = this._source.pending();
    this._generation = this._source.thread?.generation;
    this._atEnd = true;
    this._missed = 0;
    this._placed = false;
    this._to = this._end;
    this._from = Math.max(this._begin, this._to - MAX_ROWS, Math.min(this._to - FIRST_ROWS, this._firstNewPosition() - 5));
  }

  /* An open page collects messages for weeks: somebody at the end needs only the newest ones. */
  _letGo() {
    const { thread } = this._source;
    if (!this._atEnd || !thread || thread.messages.length <= THREAD_MAX) return;
    thread.trim(THREAD_KEEPS);
    this._generation = thread.generation;
    this._from = this._end - FIRST_ROWS;
  }

  /* What came in front shows at once: the ornaments of the first message go, and above it something has to take their
   * place, or there is nothing to scroll by. */
  _showOlder() {
    const cameInFront = this._from === this._lastBegin && this._begin < this._from;
    this._lastBegin = this._begin;
    if (cameInFront) this._moveUp();
  }

  _moveUp() {
    this._from = Math.max(this._begin, this._from - STEP);
    if (!this._atEnd) this._to = Math.min(this._to, this._from + MAX_ROWS);
  }

  _moveDown() {
    this._to = Math.min(this._end, this._to + STEP);
    this._from = Math.max(this._from, this._to - MAX_ROWS);
  }

  _fitWindow() {
    const oldEnd = this._lastEnd ?? this._end;
    this._pending = this._source.pending();
    if (this._generation !== this._source.thread?.generation) this._startOver();
    this._letGo();
    this._showOlder();
    const followed = this._to >= oldEnd && this._end - this._from <= MAX_ROWS;
    if (this._atEnd || followed) this._to = this._end;
    this._to = Math.min(this._to, this._end);
    this._from = Math.max(this._begin, this._from, this._to - MAX_ROWS);
    if (this._from >= this._to) this._from = Math.max(this._begin, this._to - FIRST_ROWS);
    this._lastEnd = this._end;
  }

  /* ── drawing ── */

  _draw() {
    cancelAnimationFrame(this._asked);
    this._asked = 0;
    const anchor = this._atEnd ? null : this._anchor();
    this._fitWindow();
    setChildren(this._body, this._nodes());
    this._showTop();
    this._place(anchor);
    this._log.dataset.drawn = Number(this._log.dataset.drawn ?? 0) + 1;
    this._settle();
  }

  _nodes() {
    const nodes = [];
    const old = this._rows;
    this._rows = new Map();
    this._firstNew = this._findFirstNew();
    for (let position = this._from; position < this._to; position++) {
      const place = this._placeOf(position);
      const row = this._row(old, place.message);
      if (place.newDay) nodes.push(row.day ??= dayLine(place.message.sentAt));
      if (place.newLine) nodes.push(this._newLine ??= newLine());
      this._dress(row, place);
      nodes.push(row.node);
    }
    return nodes;
  }

  /* How a message stands to its neighbours. */
  _placeOf(position) {
    const message = this._at(position);
    const before = position > this._begin ? this._at(position - 1) : null;
    const after = position + 1 < this._end ? this._at(position + 1) : null;
    const isFirstNew = (one) => Boolean(one) && one === this._firstNew;
    return {
      message,
      newDay: !before || dayOf(before.sentAt) < dayOf(message.sentAt), /* one that failed yesterday stands below today's */
      newLine: isFirstNew(message),
      first: isFirstNew(message) || !isTogether(before, message),
      last: isFirstNew(after) || !isTogether(message, after),
    };
  }

  /* The line "New messages" stands above the first message of somebody else that came after newSince. While that
   * one is further up than what has been loaded, there is no line. */
  _findFirstNew() {
    const { newSince, me, thread } = this._source;
    if (newSince === null || !thread?.loaded || (thread.hasOlder && thread.first.id > newSince)) return null;
    let found = null;
    for (let i = thread.messages.length - 1; i >= 0 && thread.messages[i].id > newSince; i--) {
      if (thread.messages[i].from !== me) found = thread.messages[i];
    }
    return found;
  }

  _firstNewPosition() {
    const first = this._findFirstNew();
    return first ? this._source.thread.messages.indexOf(first) + this._begin : Infinity;
  }

  _row(old, message) {
    const key = message.clientId ? `c${message.clientId}` : `m${message.id}`;
    const row = old.get(key) ?? this._newRow(key, message);
    row.message = message;
    this._rows.set(key, row);
    return row;
  }

  _newRow(key, message) {
    const own = message.from === this._source.me;
    const node = h('article', { class: `message ${own ? 'message--own' : ''}`, 'data-testid': 'message', 'data-key': key, 'data-own': String(own), 'data-from': message.from });
    const author = h('span', { class: 'message__author' }, own ? 'You' : message.from, h('span', { class: 'visually-hidden' }, ': '));
    const meta = h('span', { class: 'message__meta' });
    const bubble = h('div', { class: 'message__bubble' }, author, textNode(message.text), meta);
    const below = h('div', { class: 'message__below' });
    if (this._withNames && !own) node.append(avatar(message.from));
    node.append(h('div', { class: 'message__column' }, bubble, below));
    return { node, author, meta, below, own, dressedAs: '', day: null };
  }

  /* What of a message can change. Only what did change is touched. */
  _dress(row, { message, first, last }) {
    const { id, clientId, state = 'sent', reason = '', sentAt } = message;
    const { node } = row;
    const withName = this._withNames && first && !row.own;
    node.classList.toggle('is-first', first);
    node.classList.toggle('is-last', last);
    row.author.classList.toggle('visually-hidden', !withName);
    const dressedAs = `${id} ${state} ${sentAt} ${reason}`;
    if (row.dressedAs === dressedAs) return;
    row.dressedAs = dressedAs;
    node.dataset.state = state;
    if (id) node.dataset.id = id;
    if (clientId) node.dataset.clientId = clientId;
    row.meta.replaceChildren(...meta(row.own, state, sentAt));
    row.below.replaceChildren(...(state === 'failed' ? failure(reason) : []));
  }

  _showTop() {
    const { thread, beginning, picture } = this._source;
    const look = !thread?.loaded ? 'waiting' : thread.hasOlder ? 'older' : 'beginning';
    if (this._top.dataset.look === look && this._topWords === beginning) return;
    this._top.dataset.look = look;
    this._topWords = beginning;
    const spinner = (words, hook) => h('p', { class: 'log__loading', 'data-testid': hook }, icon('retry'), words);
    this._top.replaceChildren(...{
      waiting: () => (thread ? [spinner('Opening the conversation', 'opening')] : []),
      older: () => [spinner('Older messages', 'loading-older')],
      beginning: () => [h('p', { class: 'log__beginning', 'data-testid': 'beginning' }, picture(), beginning)],
    }[look]());
  }

  /* ── scrolling ── */

  get _toEndPx() {
    const { scrollHeight, scrollTop, clientHeight } = this._log;
    return scrollHeight - scrollTop - clientHeight;
  }

  _scrollToEnd() {
    this._log.scrollTop = this._log.scrollHeight;
  }

  /* The first message in view, and where it is. */
  _anchor() {
    const top = this._log.getBoundingClientRect().top;
    for (const node of this._body.children) {
      if (!node.dataset.key) continue;
      const box = node.getBoundingClientRect();
      if (box.bottom > top) return { node, top: box.top };
    }
    return null;
  }

  _place(anchor) {
    if (this._atEnd) {
      this._scrollToEnd();
      if (!this._placed && this._source.thread?.loaded) this._placeAtNews();
    } else if (anchor?.node.isConnected) {
      this._log.scrollTop += anchor.node.getBoundingClientRect().top - anchor.top;
    }
  }

  /* Unread messages that do not fit on the screen are read from the first one on. */
  _placeAtNews() {
    this._placed = true;
    const line = this._newLine?.isConnected ? this._newLine : null;
    if (!line) return;
    const above = line.getBoundingClientRect().top - this._log.getBoundingClientRect().top;
    if (above >= 0) return;
    this._log.scrollTop += above - this._log.clientHeight / 5;
    this._atEnd = this._toEndPx <= AT_END_PX;
    if (!this._atEnd) this._missed = this._countAfter(this._source.newSince);
  }

  _countAfter(id) {
    const { thread, me } = this._source;
    return thread.messages.filter((message) => message.id > id && message.from !== me).length;
  }

  /* The first thing that is heard of another size may be a scroll event, and nobody has scrolled. Messages that came and
   * are not drawn yet do not count: whoever is at the end of what there is to see follows them. */
  _scrolled() {
    if (this._size !== sizeOf(this._log)) return this._resized();
    this._atEnd = this._to >= (this._lastEnd ?? this._end) && this._toEndPx <= AT_END_PX;
    this._settle();
  }

  _resized() {
    this._size = sizeOf(this._log);
    if (this._atEnd) this._scrollToEnd();
    else this._settle();
  }

  _jumpToEnd() {
    this.toEnd();
    this.focus();
  }

  /* After drawing and after scrolling: what is told, and what comes next. */
  _settle() {
    if (this._atEnd) this._missed = 0;
    this._log.dataset.atEnd = String(this._atEnd);
    const isJumpNeeded = !this._atEnd && Boolean(this._source.thread);
    if (!isJumpNeeded) passFocus(this._jump, this._log);
    this._jump.hidden = !isJumpNeeded;
    this._jump.dataset.count = this._missed;
    const words = this._missed ? plural(this._missed, 'new message', 'new messages') : 'To the newest';
    if (this._jumpWords.textContent !== words) this._jumpWords.textContent = words;
    this._reportSeen();
    this._reachOut();
  }

  /* Shows more, and asks for more, before the reader gets to the edge. */
  _reachOut() {
    const { thread } = this._source;
    if (!thread?.loaded) return;
    const margin = Math.min(this._log.clientHeight, LOOK_AHEAD_PX);
    const { _from, _to } = this;
    if (this._log.scrollTop < margin) {
      if (_from > this._begin) this._moveUp();
      else if (thread.hasOlder) this._source.loadOlder();
    }
    if (_from === this._from && this._toEndPx < margin && _to < this._end) this._moveDown();
    if (_from !== this._from || _to !== this._to) this.update();
  }

  /* The newest message of somebody else whose beginning has been on screen. */
  _reportSeen() {
    const bottom = this._log.getBoundingClientRect().bottom;
    const nodes = this._body.children;
    for (let i = nodes.length - 1; i >= 0; i--) {
      const { id, own } = nodes[i].dataset;
      if (!id || own === 'true') continue;
      if (nodes[i].getBoundingClientRect().top < bottom) return this._onSeen(Number(id));
    }
  }

  /* ── for screen readers ── */

  _say(message) {
    this._unsaid.push(message);
    if (this._unsaid.length > 1) return;
    setTimeout(() => {
      const news = this._unsaid.splice(0);
      if (!news.length) return;
      this._saying.textContent = news.length > SAY_ONE_BY_ONE
        ? plural(news.length, 'new message', 'new messages')
        : news.map(({ from, text }) => `${from}: ${oneLine(text)}`).join('\n');
    }, SAY_AFTER_MS);
  }
}

const sizeOf = ({ clientWidth, clientHeight }) => `${clientWidth} ${clientHeight}`;

function isTogether(a, b) {
  return Boolean(a && b) && a.from === b.from && b.sentAt - a.sentAt < GROUP_MS && dayOf(a.sentAt) === dayOf(b.sentAt);
}

function dayLine(ms) {
  return h('h3', { class: 'day', 'data-testid': 'day' }, h('span', {}, dayName(ms)));
}

function newLine() {
  return h('p', { class: 'new-line', 'data-testid': 'new-line' }, h('span', {}, 'New messages'));
}

function textNode(text) {
  const beginning = beginningOf(text);
  const node = h('div', { class: 'message__text', dir: 'auto' }, linkify(beginning ?? text), beginning !== null && '…');
  if (beginning === null) return node;
  return h('div', {}, node, h('button', { type: 'button', class: 'message__unfold', 'data-action': 'unfold' },
    `Show all of it (${plural(text.length, 'character', 'characters')})`));
}

function meta(own, state, sentAt) {
  const [picture, words] = STATES[state];
  const time = h('time', { datetime: new Date(sentAt).toISOString(), title: fullWhen(sentAt) }, timeOf(sentAt));
  return own ? [time, icon(picture), h('span', { class: 'visually-hidden' }, words)] : [time];
}

function failure(reason) {
  return [
    h('span', { class: 'message__failure' }, icon('warning'), reason ? `Not sent: ${reason}` : 'Not sent'),
    h('button', { type: 'button', class: 'btn btn--sm', 'data-action': 'retry' }, icon('retry'), 'Try again'),
    h('button', { type: 'button', class: 'btn btn--quiet btn--sm', 'data-action': 'discard' }, icon('trash'), 'Delete'),
  ];
}
