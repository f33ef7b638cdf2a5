/* speaking.js - who is speaking right now.
 *
 *   const speaking = new Speaking((who, isSpeaking) => ...);
 *   speaking.setOwn(track, 'me');       our own microphone, by an analyser
 *   speaking.add(peer); speaking.remove(peer);   the others, by what their packets say of themselves
 *
 * A mark that goes at every breath is worse than none: it stays for a moment. */
import { Meter } from './sound.js';

const LOOK_MS = 150;
const LOUD = 0.015;
const STAYS_MS = 900;

export class Speaking {
  constructor(onChange) {
    this._onChange = onChange;
    this._voices = new Map(); /* who -> { read, heardAt, isOn } */
    this._meter = null;
    this._track = null;
    this._timer = setInterval(() => this._look(), LOOK_MS);
  }

  setOwn(track, who) {
    if (track === this._track) return;
    this._meter?.close();
    this._track = track;
    this._meter = track ? new Meter(track) : null;
    this._set(who, track ? () => (track.enabled ? this._meter.read() : 0) : () => 0);
  }

  add(peer) {
    this._set(peer, () => levelOf(peer.slots.audio?.receiver));
  }

  remove(who) {
    this._voices.delete(who);
  }

  close() {
    clearInterval(this._timer);
    this._meter?.close();
  }

  _set(who, read) {
    this._voices.set(who, { heardAt: 0, isOn: false, ...this._voices.get(who), read });
  }

  _look() {
    const now = performance.now();
    for (const [who, voice] of this._voices) {
      if (voice.read() > LOUD) voice.heardAt = now;
      const isOn = voice.heardAt > 0 && now - voice.heardAt < STAYS_MS;
      if (isOn !== voice.isOn) {
        voice.isOn = isOn;
        this._onChange(who, isOn);
      }
    }
  }
}

function levelOf(receiver) {
  const source = receiver?.getSynchronizationSources?.()[0];
  if (!source || ageOf(source.timestamp) > 1000) return 0; /* who has stopped sending keeps the last level */
  return source.audioLevel ?? 0;
}

/* Some browsers count from 1970, some from the opening of the page. */
function ageOf(timestamp) {
  const now = performance.now();
  return Math.min(Math.abs(now - timestamp), Math.abs(performance.timeOrigin + now - timestamp));
}
