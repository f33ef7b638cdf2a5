/* thread.js - the messages of one conversation that this page knows: the newest ones, without a gap.
 *
 * A message: { id, from, text, sentAt, clientId }. Pages of older messages come in front, live messages behind.
 * After a broken connection the newest page either joins what is here or, when too much happened, replaces it.
 *
 * `prepended` counts what came in front, so that index - prepended names the same message for ever; `generation`
 * changes when that is no longer true. */

export const fromDirectMessage = ({ id, fromUser, text, sentAt, clientId }) => ({ id, from: fromUser, text, sentAt, clientId });
export const fromChatMessage = ({ id, username, comment, sentAt, clientId }) => ({ id, from: username, text: comment, sentAt, clientId });

const ASK_AGAIN_MS = 10000; /* an answer that was refused never comes */

export class Thread {
  constructor() {
    this.messages = [];
    this.hasOlder = false;
    this.loaded = false; /* a page has come */
    this.synced = false; /* and nothing can have been missed since */
    this.prepended = 0;
    this.generation = 0;
    this._early = [];    /* live messages that came before the page that they belong behind */
    this._askedAt = 0;
  }

  get first() {
    return this.messages[0];
  }

  get last() {
    return this.messages[this.messages.length - 1];
  }

  get isLoadingOlder() {
    return Date.now() - this._askedAt < ASK_AGAIN_MS;
  }

  /* The id to ask for older messages with; null when that makes no sense now. */
  askOlder() {
    if (!this.synced || !this.hasOlder || this.isLoadingOlder) return null;
    this._askedAt = Date.now();
    return this.first.id;
  }

  disconnected() {
    this.synced = false;
    this._askedAt = 0;
  }

  addPage({ beforeId, messages, hasOlder }) {
    if (beforeId == null) this._addNewest(messages, hasOlder);
    else this._addOlder(beforeId, messages, hasOlder);
  }

  _addNewest(messages, hasOlder) {
    const joins = this.loaded && (!hasOlder || (this.last && messages[0]?.id <= this.last.id));
    if (joins) {
      for (const message of messages) this._insert(message);
    } else {
      this.messages = messages;
      this.hasOlder = hasOlder;
      this._restart();
    }
    this.loaded = true;
    this.synced = true;
    for (const message of this._early.splice(0)) this._insert(message);
  }

  _addOlder(beforeId, messages, hasOlder) {
    if (beforeId !== this.first?.id) return; /* the answer to a question from before a restart */
    this._askedAt = 0;
    this.messages = messages.concat(this.messages);
    this.prepended += messages.length;
    this.hasOlder = hasOlder;
  }

  /* A message as it happens. Returns false for one that is here already. */
  addLive(message) {
    if (this.synced) return this._insert(message);
    this._early.push(message);
    return true;
  }

  /* Usually behind all others; the answer to one that was sent again may belong further up. */
  _insert(message) {
    let at = this.messages.length;
    while (at > 0 && this.messages[at - 1].id > message.id) at--;
    if (at > 0 && this.messages[at - 1].id === message.id) return false;
    if (at === 0 && this.hasOlder) return false; /* it comes with its page */
    this.messages.splice(at, 0, message);
    return true;
  }

  /* Lets go of all but the newest ones, when nobody is looking. */
  trim(count) {
    if (this.messages.length <= count) return;
    this.messages = this.messages.slice(-count);
    this.hasOlder = true;
    this._restart();
  }

  _restart() {
    this.prepended = 0;
    this.generation++;
    this._askedAt = 0;
  }
}
