/* outbox.js - our own strokes from the hand to the server's confirmation.
 *
 * Every stroke gets an id, which the server stores and broadcasts like any other field. A stroke is provisional
 * until its broadcast comes back. After a broken connection, the picture that the server sends tells which of the
 * provisional strokes it has; the others are sent again. So each ends up on the board once, whatever happened.
 *
 * The server answers one connection in order. When a later stroke is confirmed and an earlier one is not, the
 * earlier one was refused (the error itself is shown by shell.js), and it is taken off the paper.
 *
 * What is not confirmed when the page goes away waits in sessionStorage for its return. */

const STORE = 'parlor.board.unsent';
const STORE_LIMIT = 20000;

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  return [...bytes].map((byte) => (byte % 36).toString(36)).join('');
}

export class Outbox {
  /* onChange(): something to paint or to count changed. onRefused(n): the server did not take n strokes. */
  constructor(socket, { onChange, onRefused }) {
    this.strokes = new Map(); /* id -> { stroke, held }, in the order in which they were drawn */
    this._socket = socket;
    this._onChange = onChange;
    this._onRefused = onRefused;
    this._inFlight = [];      /* ids, in the order in which this connection got them */
    this._synced = false;     /* the picture of this connection has arrived */
    this._key = randomKey();
    this._lines = 0;
    this._restore();
    socket.onState(({ name }) => { if (name !== 'open' && this._synced) this._disconnected(); });
    addEventListener('pagehide', () => this._store());
    addEventListener('pageshow', () => this._forgetStored());
  }

  /* A new continuous line; its strokes are numbered behind its name. */
  newLine() {
    return { name: `${this._key}${(this._lines++).toString(36)}`, next: 0, held: false };
  }

  add(line, stroke) {
    const id = `${line.name}.${line.next++}`;
    this.strokes.set(id, { stroke: { ...stroke, id }, held: line.held });
    if (!line.held) this._send(id);
    this._onChange();
  }

  /* A line that was held back, because it might have become a gesture, was a line after all. */
  release(line) {
    if (!line.held) return;
    line.held = false;
    for (const [id, entry] of this._of(line)) {
      entry.held = false;
      this._send(id);
    }
  }

  /* It was a gesture. */
  cancel(line) {
    for (const [id] of this._of(line)) this.strokes.delete(id);
    this._onChange();
  }

  /* A broadcast came. Returns true when it confirms one of ours. */
  confirm(id) {
    const entry = this.strokes.get(id);
    if (!entry) return false;
    this.strokes.delete(id);
    this._dropRefusedBefore(id);
    return true;
  }

  /* The picture of a new connection came: what of ours is in it, is confirmed; the rest is sent (again). */
  sync(strokes) {
    if (this.strokes.size) {
      for (const { id } of strokes) if (typeof id === 'string') this.strokes.delete(id);
    }
    this._inFlight = [];
    this._synced = true;
    for (const [id, entry] of this.strokes) if (!entry.held) this._send(id);
    this._onChange();
  }

  _of(line) {
    return [...this.strokes].filter(([id]) => id.startsWith(`${line.name}.`));
  }

  _send(id) {
    if (!this._synced) return;
    if (this._socket.send('drawing', this.strokes.get(id).stroke)) this._inFlight.push(id);
  }

  _dropRefusedBefore(id) {
    const place = this._inFlight.indexOf(id);
    if (place < 0) return;
    const refused = this._inFlight.splice(0, place + 1).filter((earlier) => this.strokes.delete(earlier));
    if (refused.length) this._onRefused(refused.length);
  }

  _disconnected() {
    this._synced = false;
    this._inFlight = [];
    this._onChange();
  }

  _store() {
    const strokes = [...this.strokes.values()].filter(({ held }) => !held).slice(0, STORE_LIMIT).map(({ stroke }) => stroke);
    try {
      if (strokes.length) sessionStorage.setItem(STORE, JSON.stringify(strokes));
    } catch { /* full or switched off */ }
  }

  _restore() {
    try {
      for (const stroke of JSON.parse(sessionStorage.getItem(STORE) ?? '[]')) this.strokes.set(stroke.id, { stroke, held: false });
    } catch { /* nothing usable there */ }
    this._forgetStored();
  }

  _forgetStored() {
    try {
      sessionStorage.removeItem(STORE);
    } catch { /* see above */ }
  }
}
