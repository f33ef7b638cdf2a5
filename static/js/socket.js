/* socket.js - the only place that opens the WebSocket.
 *
 *   import { socket } from './socket.js';
 *   const off = socket.on('drawing', (message) => ...);   typed handlers; off() unsubscribes
 *   socket.onState((state) => ...);                       called at once and at every change
 *   socket.send('echo_client', { text });                 true if an open connection took it, else false
 *   socket.sendOrQueue('get_all_users');                  waits for the connection instead
 *
 * shell.js calls connect() once all modules of the page have run, so a handler that a page registers while
 * it loads misses nothing. States: connecting, open, reconnecting (retryAt says when), offline (the same,
 * and the browser says that there is no network: it tries all the same, because a server on this machine
 * needs none), closed (by disconnect()).
 *
 * A connection is gone with everything that it carried. What must not be lost is its sender's business:
 * keep it, and send it again after 'hello' of the next one. */

const PROTOCOL = 'parlor.v1';
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const HANDSHAKE_MS = 10000; /* a handshake that takes longer has met a dead end */
const STABLE_MS = 5000;     /* an open connection this old starts the waiting times anew */
const PROBE_MS = 10000;     /* how long a connection may take to answer after the computer slept */
const QUEUE_LIMIT = 1000;
const CLOSE_POLICY = 1008;  /* the session behind this connection was logged out */

/* The server writes messageType first, which lets a page skip what it has no handler for (a board of
 * 100 000 strokes, say) without parsing it. Anything that looks different is parsed as usual. */
const TYPE_AT_START = /^\{"messageType":"(\w+)"/;

function socketUrl() {
  const url = new URL('/websocket', location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

export class ParlorSocket {
  constructor(url = socketUrl()) {
    this.url = url;
    this.hello = null; /* { socketId, username, version } of the open connection */
    this.state = { name: 'closed', retryAt: 0, everOpen: false, failures: 0 };
    this._handlers = new Map();
    this._stateHandlers = new Set();
    this._queue = [];
    this._ws = null;
    this._wanted = false;
    this._retryTimer = 0;
    this._probeTimer = 0;
    this._hiddenAt = 0;
    this._probes = 0;
    this._complete = false; /* everything that a newcomer is told has arrived */
    this._listenToThePage();
  }

  /* Registers a handler for one type of message; '*' gets all, parsed. */
  on(type, handler) {
    if (!this._handlers.has(type)) this._handlers.set(type, new Set());
    this._handlers.get(type).add(handler);
    return () => this._handlers.get(type).delete(handler);
  }

  onState(handler) {
    this._stateHandlers.add(handler);
    handler(this.state);
    return () => this._stateHandlers.delete(handler);
  }

  get isOpen() {
    return this.state.name === 'open';
  }

  get bufferedAmount() {
    return this._ws ? this._ws.bufferedAmount : 0;
  }

  connect() {
    this._wanted = true;
    if (!this._ws) this._open();
  }

  /* Leaves for good (until connect()). */
  disconnect() {
    this._wanted = false;
    this._drop();
    this._setState('closed');
  }

  /* Starts over with a new connection, for example as somebody else after a login. */
  restart() {
    this._drop();
    this.state.failures = 0;
    this.connect();
  }

  /* Ends a waiting time. */
  retryNow() {
    if (this._wanted && !this._ws) this._open();
  }

  send(messageType, fields = {}) {
    if (!this.isOpen) return false;
    this._ws.send(JSON.stringify({ messageType, ...fields }));
    return true;
  }

  /* For questions that make sense whenever the answer comes. Returns false when too many wait already. */
  sendOrQueue(messageType, fields = {}) {
    if (this.send(messageType, fields)) return true;
    if (this._queue.length >= QUEUE_LIMIT) return false;
    this._queue.push([messageType, fields]);
    return true;
  }

  _open() {
    clearTimeout(this._retryTimer);
    this._setState(this.state.everOpen || this.state.failures ? 'reconnecting' : 'connecting', { retryAt: 0 });
    const ws = new WebSocket(this.url, PROTOCOL);
    this._ws = ws;
    const deadline = setTimeout(() => this._lost(ws, 0), HANDSHAKE_MS);
    ws.onopen = () => { clearTimeout(deadline); this._opened(ws); };
    ws.onmessage = (event) => this._received(ws, event.data);
    ws.onclose = (event) => { clearTimeout(deadline); this._lost(ws, event.code); };
  }

  _opened(ws) {
    this._complete = false;
    this._setState('open', { everOpen: true, retryAt: 0 });
    setTimeout(() => { if (this._ws === ws && this.isOpen) this.state.failures = 0; }, STABLE_MS);
    const queue = this._queue.splice(0);
    for (const [type, fields] of queue) this.send(type, fields);
  }

  _received(ws, data) {
    if (this._ws !== ws || typeof data !== 'string') return;
    clearTimeout(this._probeTimer);
    const type = TYPE_AT_START.exec(data)?.[1];
    if (type === 'active_users_list') this._complete = true; /* the last of the greetings */
    if (type && type !== 'hello' && type !== 'echo_server' && !this._listens(type)) return;
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; /* not ours to judge; a server of another make */
    }
    if (message?.messageType === 'hello') this.hello = message;
    if (!this._isProbe(message)) this._dispatch(message);
  }

  _listens(type) {
    return this._handlers.get(type)?.size > 0 || this._handlers.get('*')?.size > 0;
  }

  _dispatch(message) {
    for (const key of [message?.messageType, '*']) {
      for (const handler of [...(this._handlers.get(key) ?? [])]) {
        try {
          handler(message);
        } catch (error) {
          reportError(error); /* one page's mistake must not keep the others from hearing */
        }
      }
    }
  }

  /* The connection ws ended or never came about. */
  _lost(ws, code) {
    if (this._ws !== ws) return;
    this._drop();
    if (!this._wanted) return;
    const failures = this.state.failures + 1;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
    this._retryTimer = setTimeout(() => this._open(), wait);
    this._setState(navigator.onLine ? 'reconnecting' : 'offline', { failures, retryAt: Date.now() + wait });
    if (code === CLOSE_POLICY) this._dispatch({ messageType: 'session_ended' });
  }

  _drop() {
    clearTimeout(this._retryTimer);
    clearTimeout(this._probeTimer);
    const ws = this._ws;
    this._ws = null;
    this.hello = null;
    if (!ws) return;
    ws.onopen = ws.onmessage = ws.onclose = null;
    ws.close();
  }

  _setState(name, fields = {}) {
    Object.assign(this.state, fields, { name });
    for (const handler of [...this._stateHandlers]) handler(this.state);
  }

  /* After sleep a connection can look open and be dead: ask for an echo, and start over if none comes.
   * Not while the greetings are still arriving: a large picture may take its time on a slow line. */
  _probe() {
    if (!this.isOpen || !this._complete) return;
    const ws = this._ws;
    clearTimeout(this._probeTimer);
    this._probeTimer = setTimeout(() => this._lost(ws, 0), PROBE_MS);
    this.send('echo_client', { text: `parlor-probe-${++this._probes}` });
  }

  _isProbe(message) {
    return message?.messageType === 'echo_server' && this._probes > 0
      && typeof message.text === 'string' && message.text.startsWith('parlor-probe-');
  }

  _listenToThePage() {
    const wake = () => { this.retryNow(); this._probe(); };
    addEventListener('online', wake);
    addEventListener('offline', () => {
      if (this.state.name === 'reconnecting') this._setState('offline');
    });
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this._hiddenAt = Date.now();
      else if (Date.now() - this._hiddenAt > 20000) wake();
      else this.retryNow();
    });
    /* An open connection keeps a page out of the back-forward cache: let go, and come back with the page. */
    addEventListener('pagehide', () => {
      this._drop();
      if (this._wanted) this._setState('reconnecting', { retryAt: 0 });
    });
    addEventListener('pageshow', (event) => {
      if (event.persisted && this._wanted) this._open();
    });
  }
}

/* The connection of this page. */
export const socket = new ParlorSocket();
