/* speaking.js - who is speaking right now.
 *
 *   const speaking = new Speaking((who, isSpeaking) => ...);
 *   speaking.setOwn(track, 'me');       our own microphone, by an analyser
 *   speaking.add(peer); speaking.remove(peer);   the others, by what their packets say of themselves
 *
 * A mark that goes at every breath is worse than none: it stays for a moment.
 *
 * Packets that carry their level cost nothing to read. But a browser may send all of them marked as silent, Chromium
 * now and then for as long as a connection lasts: so what has been said is compared with what could be heard, and
 * where packets say nothing, the statistics are asked instead. */
import { Meter } from './sound.js';

const LOOK_MS = 150;
const LOUD = 0.015;
const STAYS_MS = 900;
const CHECK_LOOKS = 16; /* from one comparison to the next */

export class Speaking {
  constructor(onChange) {
    this._onChange = onChange;
    this._voices = new Map(); /* who -> see _set() */
    this._looks = 0;
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
    this._set(peer, () => levelOf(peer.slots.audio?.receiver), () => peer.slots.audio?.receiver);
  }

  remove(who) {
    this._voices.delete(who);
  }

  close() {
    clearInterval(this._timer);
    this._meter?.close();
  }

  _set(who, read, receiver = null) {
    const fresh = { heardAt: 0, isOn: false, hasSaid: false, saysNothing: false, isAsked: false, energy: 0, seconds: 0 };
    const voice = this._voices.get(who) ?? fresh; /* the same object: a question may be on its way */
    this._voices.set(who, Object.assign(voice, { read, receiver }));
  }

  _look() {
    const now = performance.now();
    const isCheck = ++this._looks % CHECK_LOOKS === 0;
    for (const [who, voice] of this._voices) {
      const level = voice.read();
      if (level > 0) voice.hasSaid = true;
      if (level > LOUD) voice.heardAt = now;
      if (voice.receiver && (isCheck || voice.saysNothing)) this._compare(voice, isCheck);
      const isOn = voice.heardAt > 0 && now - voice.heardAt < STAYS_MS;
      if (isOn !== voice.isOn) {
        voice.isOn = isOn;
        this._onChange(who, isOn);
      }
    }
  }

  async _compare(voice, isCheck) {
    if (voice.isAsked) return;
    voice.isAsked = true;
    const level = await arrived(voice).catch(() => 0);
    voice.isAsked = false;
    if (isCheck) {
      voice.saysNothing = !voice.hasSaid && (voice.saysNothing || level > LOUD);
      voice.hasSaid = false;
    }
    if (voice.saysNothing && level > LOUD) voice.heardAt = performance.now();
  }
}

/* The root mean square of what has been played since the last time. */
async function arrived(voice) {
  const reports = [...(await voice.receiver()?.getStats() ?? new Map()).values()];
  const { totalAudioEnergy = 0, totalSamplesDuration = 0 } = reports.find(({ type }) => type === 'inbound-rtp') ?? {};
  const [energy, seconds] = [totalAudioEnergy - voice.energy, totalSamplesDuration - voice.seconds];
  Object.assign(voice, { energy: totalAudioEnergy, seconds: totalSamplesDuration });
  return energy > 0 && seconds > 0 ? Math.sqrt(energy / seconds) : 0;
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
