/* messenger/people-list.js - the list of people: who is here, what was said last, what is unread.
 *
 *   const list = new PeopleList({ root, search, more }, { me, directory, draftOf, failedOf });
 *   list.update()             something changed
 *   list.setOpen('bob')       whose conversation is on screen
 *
 * The list is one stop of the Tab key; the arrow keys, Home and End move in it, Enter opens. From the search the
 * arrow down leads into the list and Enter opens the first one found. */
import { h, icon } from '../dom.js';
import { setChildren } from '../keyed.js';
import { avatar } from '../people.js';
import { oneLine } from '../text.js';
import { fullWhen, shortWhen } from '../when.js';

const hasMouse = matchMedia('(hover: hover)');
const PAGE = 150; /* people in the document; a search finds the others, too */

export class PeopleList {
  constructor({ root, search, more, empty }, { me, directory, draftOf, failedOf }) {
    Object.assign(this, { _root: root, _search: search, _more: more, _empty: empty });
    Object.assign(this, { _me: me, _directory: directory, _draftOf: draftOf, _failedOf: failedOf });
    this._rows = new Map(); /* username -> row */
    this._limit = PAGE;
    this._open = null;
    this._stop = null;      /* whose row has the tab stop */
    this._asked = 0;
    this._isPressed = false;
    this._reveals = false;
    this._heads = { known: head('Conversations'), others: head('Everybody') };
    this._listen();
  }

  update() {
    if (!this._asked) this._asked = requestAnimationFrame(() => this._draw());
  }

  setOpen(username) {
    this._open = username;
    this._stop = username ?? this._stop;
    this.reveal();
  }

  /* Scrolls to the row of the open conversation: it may have moved to the top. */
  reveal() {
    this._reveals = true;
    this.update();
  }

  /* Puts the focus on somebody's row, or on the one that has the tab stop. */
  focus(username = this._stop) {
    this._draw();
    const row = this._rows.get(username) ?? this._rows.get(this._stop);
    row?.link.focus();
  }

  _listen() {
    this._search.addEventListener('input', () => { this._limit = PAGE; this._stop = null; this._draw(); this._root.parentElement.scrollTop = 0; });
    this._search.addEventListener('keydown', (event) => this._searchKey(event));
    this._root.addEventListener('keydown', (event) => this._listKey(event));
    this._root.addEventListener('focusin', (event) => this._moveStop(event.target.closest('.contact')?.dataset.username));
    this._root.addEventListener('pointerdown', () => { this._isPressed = true; });
    for (const end of ['pointerup', 'pointercancel']) addEventListener(end, () => { this._isPressed = false; });
    this._root.addEventListener('pointerleave', () => this.update());
    this._root.addEventListener('focusout', () => this.update());
    this._more.addEventListener('click', () => {
      const next = this._links().length;
      this._limit += PAGE;
      this._draw();
      this._links()[next]?.focus();
    });
  }

  _searchKey(event) {
    if (event.key === 'ArrowDown') {
      event.preventDefault();
      this._links()[0]?.focus();
    } else if (event.key === 'Enter' && !event.isComposing && this._search.value.trim()) {
      event.preventDefault();
      this._links()[0]?.click();
    } else if (event.key === 'Escape' && this._search.value) {
      event.preventDefault();
      this._search.value = '';
      this._search.dispatchEvent(new Event('input'));
    }
  }

  _listKey(event) {
    const links = this._links();
    const at = links.indexOf(document.activeElement);
    if (at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (to < 0) this._search.focus();
    else links[Math.min(to, links.length - 1)].focus();
  }

  _links() {
    return [...this._root.querySelectorAll('.contact__link')];
  }

  _moveStop(username) {
    if (!username || username === this._stop) return;
    this._stop = username;
    this._showStop();
  }

  /* Nobody's row moves away under a finger, and who comes and goes does not shake the list while one looks for a row. */
  _draw() {
    cancelAnimationFrame(this._asked);
    this._asked = 0;
    if (this._isPressed) return this.update();
    if (!this._root.matches(':focus-within') && !(hasMouse.matches && this._root.matches(':hover'))) this._directory.settleOrder();
    const { known, others } = this._directory.sorted(this._search.value, this._me);
    const shown = [...known, ...others].slice(0, this._limit);
    const withFocus = this._root.contains(document.activeElement) ? document.activeElement : null;
    const nodes = [];
    const old = this._rows;
    this._rows = new Map();
    this._heads.others.textContent = known.length ? 'Everybody else' : 'Everybody';
    shown.forEach((person, i) => {
      if (known.length && i === 0) nodes.push(this._heads.known);
      if (others.length && i === known.length) nodes.push(this._heads.others);
      nodes.push(this._row(old, person).node);
    });
    setChildren(this._root, nodes);
    if (withFocus?.isConnected && withFocus !== document.activeElement) withFocus.focus({ preventScroll: true });
    this._more.hidden = known.length + others.length <= shown.length;
    this._showEmpty(shown.length);
    this._showStop();
    if (this._reveals) this._rows.get(this._open)?.node.scrollIntoView({ block: 'nearest' });
    this._reveals = false;
  }

  _row(old, person) {
    const row = old.get(person.username) ?? newRow(person.username, this._me);
    this._rows.set(person.username, row);
    this._dress(row, person);
    return row;
  }

  _dress(row, person) {
    const { username, online, typing, unread, lastAt, lastFrom, preview } = person;
    const isOpen = username === this._open;
    const draft = isOpen ? '' : this._draftOf(username);
    const failed = this._failedOf(username);
    const when = lastAt ? shortWhen(lastAt) : '';
    const dressedAs = JSON.stringify([online, typing, unread, when, lastFrom, preview, draft, failed, isOpen]);
    if (row.dressedAs === dressedAs) return;
    row.dressedAs = dressedAs;
    row.face.dataset.online = String(online);
    row.presence.textContent = online ? ', online' : '';
    row.node.dataset.unread = unread;
    row.link.toggleAttribute('aria-current', isOpen);
    if (isOpen) row.link.setAttribute('aria-current', 'true');
    row.when.textContent = when;
    if (lastAt) row.when.title = fullWhen(lastAt);
    row.unread.hidden = unread === 0;
    row.unread.replaceChildren(unread > 999 ? '999+' : String(unread), h('span', { class: 'visually-hidden' }, ' unread'));
    row.preview.replaceChildren(...this._preview({ typing, draft, failed, preview, mine: lastFrom === this._me, self: username === this._me, online }));
  }

  _preview({ typing, draft, failed, preview, mine, self, online }) {
    if (typing) return [h('span', { class: 'contact__typing' }, 'typing…')];
    if (failed) return [h('span', { class: 'contact__failed' }, icon('warning'), 'Not sent')];
    if (draft.trim()) return [h('span', { class: 'contact__draft' }, 'Draft: '), oneLine(draft)];
    if (preview) return [mine && !self && 'You: ', oneLine(preview)].filter(Boolean);
    return self ? ['Notes to yourself'] : online ? ['Here now'] : [];
  }

  _showEmpty(count) {
    const query = this._search.value.trim();
    const alone = this._directory.complete && this._directory.size <= 1;
    const words = !this._directory.complete ? 'One moment…'
      : query && !count ? `Nobody’s name has “${oneLine(query, 40)}” in it.`
        : alone && !query ? 'Nobody else has an account yet. Hand the address of this page to somebody.' : '';
    if (this._empty.textContent !== words) this._empty.textContent = words; /* it is read out */
    this._empty.hidden = !words || (!this._directory.complete && count > 0);
  }

  _showStop() {
    if (!this._rows.has(this._stop)) this._stop = this._rows.has(this._open) ? this._open : [...this._rows.keys()][0] ?? null;
    for (const [username, { link }] of this._rows) link.tabIndex = username === this._stop ? 0 : -1;
  }
}

function head(words) {
  return h('li', { class: 'contacts__head' }, words);
}

function newRow(username, me) {
  const presence = h('span', { class: 'visually-hidden' });
  const face = h('span', { class: 'face' }, avatar(username));
  const when = h('span', { class: 'contact__when nums' });
  const preview = h('span', { class: 'contact__preview', dir: 'auto' });
  const unread = h('span', { class: 'badge badge--count contact__unread', 'data-testid': 'unread' });
  const name = h('span', { class: 'contact__name' }, h('span', {}, username), username === me && h('span', { class: 'badge' }, 'you'), presence);
  const link = h('a', { class: 'contact__link', href: `#${username}`, tabindex: '-1' },
    face, h('span', { class: 'contact__line' }, name, when), h('span', { class: 'contact__line' }, preview, unread));
  const node = h('li', { class: 'contact', 'data-testid': 'person', 'data-username': username }, link);
  return { node, link, face, presence, when, preview, unread, dressedAs: '' };
}
