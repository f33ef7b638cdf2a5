/* messenger/directory.js - everybody one can write to, and how things stand with each of them.
 *
 * A person: { username, key, online, typing, unread, readUpTo, lastId, lastAt, lastFrom, preview }.
 * Numbers of unread messages are the server's: whatever it said last is right, in every tab. */

const lower = (name) => name.toLowerCase();
const byName = (a, b) => (a.key < b.key ? -1 : 1);

const STRANGER = { online: false, isFirst: false, typing: false, unread: 0, readUpTo: 0, lastId: 0, lastAt: 0, lastFrom: '', preview: '' };

export class Directory {
  constructor(onChange) {
    this._people = new Map(); /* lower-cased name -> person */
    this._onChange = onChange;
    this.complete = false;    /* the list of everybody has come */
    this.knowsOnline = false; /* without a connection nobody can say who is here */
  }

  /* In any spelling; undefined when nobody has that name. */
  get(name) {
    return this._people.get(lower(name));
  }

  get totalUnread() {
    let sum = 0;
    for (const { unread } of this._people.values()) sum += unread;
    return sum;
  }

  get size() {
    return this._people.size;
  }

  setEverybody(users) {
    for (const { username } of users) this._person(username);
    this.complete = true;
    this._onChange();
  }

  add(username) {
    this._person(username);
    this._onChange();
  }

  setOnline(users) {
    const here = new Set(users.map(({ username }) => lower(username)));
    for (const { username } of users) this._person(username);
    for (const [key, person] of this._people) person.online = here.has(key);
    this.knowsOnline = true;
    this._onChange();
  }

  forgetOnline() {
    for (const person of this._people.values()) person.online = false;
    this.knowsOnline = false;
    this._onChange();
  }

  setConversations(conversations) {
    for (const person of this._people.values()) person.unread = 0;
    for (const { username, unread, readUpTo, lastId, lastAt, lastFrom, preview } of conversations) {
      Object.assign(this._person(username), { unread, readUpTo, lastId, lastAt, lastFrom, preview });
    }
    this._onChange();
  }

  /* A message with this person, from either side. */
  setLast(name, { id, from, text, sentAt }) {
    const person = this._person(name);
    if (id < person.lastId) return;
    Object.assign(person, { lastId: id, lastAt: sentAt, lastFrom: from, preview: text.slice(0, 240) });
    this._onChange();
  }

  setUnread(name, unread, readUpTo) {
    const person = this._person(name);
    person.unread = unread;
    if (readUpTo !== undefined) person.readUpTo = readUpTo;
    this._onChange();
  }

  setTyping(name, on) {
    const person = this.get(name);
    if (!person || person.typing === on) return;
    person.typing = on;
    this._onChange();
  }

  /* From now on the order goes by who is here now. An outage leaves it as it was. */
  settleOrder() {
    if (!this.knowsOnline) return;
    for (const person of this._people.values()) person.isFirst = person.online;
  }

  /* Those one has written with, newest first; then everybody else, who is here first, oneself last. */
  sorted(query, me) {
    const wanted = lower(query.trim());
    const found = [...this._people.values()].filter(({ key }) => key.includes(wanted));
    const isMe = (person) => Number(person.username === me);
    return {
      known: found.filter(({ lastId }) => lastId > 0).sort((a, b) => b.lastId - a.lastId),
      others: found.filter(({ lastId }) => lastId === 0).sort((a, b) => isMe(a) - isMe(b) || b.isFirst - a.isFirst || byName(a, b)),
    };
  }

  _person(username) {
    const key = lower(username);
    if (!this._people.has(key)) this._people.set(key, { username, key, ...STRANGER });
    return this._people.get(key);
  }
}
