/* outgoing.js - messages from the moment of writing to the server's confirmation.
 *
 *   outgoing.start('ada');                                         whose messages these are
 *   outgoing.add('direct_message', { targetUser: 'bob', text });   sent now, or as soon as there is a connection
 *   outgoing.list(({ fields }) => fields.targetUser === 'bob');    what is not confirmed, in order of writing
 *   outgoing.retry(clientId), outgoing.discard(clientId)           for one that failed
 *   outgoing.onChange(() => ...)
 *
 * Nothing is lost and nothing is doubled: each message has a client id, waits in localStorage under a key of its own
 * until it comes back from the server, and is sent again on every new connection. The server stores a client id once.
 * All tabs of a person see the same messages; whichever tab sends them, they arrive once.
 *
 * An entry: { clientId, messageType, fields, at, order, state, reason }. state is "pending" or "failed". */

const ADOPT_MS = 5000;   /* a message of another tab that is not confirmed by then may have lost its tab */
const STALLED_MS = 20000; /* an answer that takes longer means a connection that only looks open */

function newClientId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

const isEntry = (entry) => typeof entry?.clientId === 'string' && typeof entry.messageType === 'string' && typeof entry.fields === 'object';

export class Outgoing {
  /* onError(sentence): the server refused something that is not one of these messages. */
  constructor(socket, { onError }) {
    this._socket = socket;
    this._onError = onError;
    this._me = null;
    this._entries = new Map(); /* clientId -> entry */
    this._inFlight = new Set();
    this._listeners = new Set();
    this._refused = null;      /* the next error says why this one was refused */
    this._greeted = false;
    this._stalled = 0;
    this._order = 0;
    this._listen();
  }

  start(me) {
    this._me = me;
    this._entries.clear();
    this._inFlight.clear();
    if (me) this._restore();
    this._sendAll();
    this._changed();
  }

  onChange(listener) {
    this._listeners.add(listener);
  }

  list(filter = () => true) {
    return [...this._entries.values()].filter(filter).sort((a, b) => a.at - b.at || a.order - b.order);
  }

  add(messageType, fields) {
    const entry = { clientId: newClientId(), messageType, fields, at: Date.now(), order: ++this._order, state: 'pending', reason: '' };
    this._keep(entry);
    this._send(entry);
    this._changed();
    return entry;
  }

  retry(clientId) {
    const entry = this._entries.get(clientId);
    if (!entry) return;
    this._keep({ ...entry, state: 'pending', reason: '' });
    this._send(this._entries.get(clientId));
    this._changed();
  }

  discard(clientId) {
    this._forget(clientId);
    this._changed();
  }

  _listen() {
    this._socket.on('hello', () => this._sendAll());
    this._socket.on('direct_message', (message) => this._confirm(message.clientId, message.fromUser));
    this._socket.on('chatMessage', (message) => this._confirm(message.clientId, message.username));
    this._socket.on('not_sent', ({ clientId }) => this._fail(clientId));
    this._socket.on('error', ({ error }) => this._explain(error));
    this._socket.on('active_users_list', () => { this._greeted = true; this._watch(); });
    this._socket.onState(({ name }) => { if (name !== 'open') this._disconnected(); });
    addEventListener('storage', (event) => this._otherTab(event));
    addEventListener('beforeunload', (event) => {
      if ([...this._entries.values()].some(({ unkept, state }) => unkept && state === 'pending')) event.preventDefault();
    });
  }

  /* ── to the server ── */

  get _ready() {
    return this._me !== null && this._socket.hello?.username === this._me;
  }

  _sendAll() {
    for (const entry of this.list(({ state }) => state === 'pending')) this._send(entry);
  }

  _send({ clientId, messageType, fields }) {
    if (!this._ready || this._inFlight.has(clientId)) return;
    if (!this._socket.send(messageType, { ...fields, clientId })) return;
    this._inFlight.add(clientId);
    if (!this._stalled) this._watch();
  }

  /* Only what comes back under our own name confirms: others see the client ids of the public chat. */
  _confirm(clientId, username) {
    if (!this._entries.has(clientId) || username !== this._me) return;
    this._forget(clientId);
    this._changed();
  }

  _fail(clientId) {
    const entry = this._entries.get(clientId);
    if (!entry) return;
    this._inFlight.delete(clientId);
    this._refused = clientId;
    this._keep({ ...entry, state: 'failed' });
    this._watch();
    this._changed();
  }

  _explain(reason) {
    const entry = this._entries.get(this._refused);
    const sentence = typeof reason === 'string' ? reason : 'The server refused a message.';
    this._refused = null;
    if (!entry) return this._onError(sentence);
    this._keep({ ...entry, reason: sentence });
    this._changed();
  }

  _disconnected() {
    this._greeted = false;
    this._refused = null;
    this._inFlight.clear();
    this._watch();
    this._changed();
  }

  /* Starts over when nothing is answered. A newcomer's greetings may take their time and do not count. */
  _watch() {
    clearTimeout(this._stalled);
    this._stalled = 0;
    if (!this._greeted || this._inFlight.size === 0) return;
    this._stalled = setTimeout(() => this._socket.restart(), STALLED_MS);
  }

  /* ── in storage ── */

  get _prefix() {
    return `parlor.out:${this._me}:`;
  }

  _keep(entry) {
    this._entries.set(entry.clientId, entry);
    entry.unkept = false;
    try {
      localStorage.setItem(this._prefix + entry.clientId, JSON.stringify(entry));
    } catch {
      entry.unkept = true; /* full or switched off: the page asks before it is closed */
    }
  }

  _forget(clientId) {
    this._entries.delete(clientId);
    this._inFlight.delete(clientId);
    try {
      localStorage.removeItem(this._prefix + clientId);
    } catch { /* see above */ }
    this._watch();
  }

  _restore() {
    try {
      for (const key of Object.keys(localStorage)) if (key.startsWith(this._prefix)) this._take(localStorage.getItem(key));
    } catch { /* nothing usable there */ }
  }

  _take(json) {
    try {
      const entry = JSON.parse(json);
      if (isEntry(entry)) this._entries.set(entry.clientId, entry);
    } catch { /* not ours */ }
  }

  /* The other tab sends what it adds; here it is shown, and sent only when that tab seems to be gone. */
  _otherTab({ key, newValue }) {
    if (!this._me || !key?.startsWith(this._prefix)) return;
    if (newValue === null) {
      this._entries.delete(key.slice(this._prefix.length));
    } else {
      this._take(newValue);
      setTimeout(() => this._sendAll(), ADOPT_MS);
    }
    this._changed();
  }

  _changed() {
    for (const listener of this._listeners) listener();
  }
}
