/* messenger/typing.js - "bob is typing", in both directions. */

const SAY_AGAIN_MS = 4000;
const FORGET_MS = 6000;

/* Tells the other one. say(isTyping) is called at once, again every 4 s while it lasts, and at the end. */
export class TypingOut {
  constructor(say) {
    this._say = say;
    this._saidAt = 0;
  }

  set(on) {
    if (!on) {
      if (this._saidAt) this._say(false);
      this._saidAt = 0;
    } else if (Date.now() - this._saidAt >= SAY_AGAIN_MS) {
      this._saidAt = Date.now();
      this._say(true);
    }
  }

  /* A connection that broke says it by itself. */
  forget() {
    this._saidAt = 0;
  }
}

/* What the others tell, forgotten when they do not tell it again. */
export class TypingIn {
  constructor(onChange) {
    this._onChange = onChange;
    this._timers = new Map();
  }

  set(name, on) {
    clearTimeout(this._timers.get(name));
    this._timers.delete(name);
    if (on) this._timers.set(name, setTimeout(() => this.set(name, false), FORGET_MS));
    this._onChange(name, on);
  }

  clear() {
    for (const name of [...this._timers.keys()]) this.set(name, false);
  }
}
