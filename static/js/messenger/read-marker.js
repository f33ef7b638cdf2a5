/* messenger/read-marker.js - tells the server how far a conversation has been read.
 *
 * The first message is told at once, those of a burst behind it together: every note is a write to the disk. */

const PAUSE_MS = 300;

export class ReadMarker {
  constructor(socket) {
    this._socket = socket;
    this._wanted = new Map(); /* username -> id, not told yet */
    this._pause = 0;
  }

  mark(username, id) {
    this._wanted.set(username, id);
    if (!this._pause) this._tell();
  }

  /* What was not told is found again: the next page of the conversation says what is unread. */
  disconnected() {
    this._wanted.clear();
  }

  _tell() {
    this._pause = 0;
    if (!this._wanted.size) return;
    for (const [withUser, upToId] of this._wanted) this._socket.send('mark_read', { withUser, upToId });
    this._wanted.clear();
    this._pause = setTimeout(() => this._tell(), PAUSE_MS);
  }
}
