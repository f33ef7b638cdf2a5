/* sound.js - how loud a microphone is, and the few tones that the page makes itself.
 *
 *   const meter = new Meter(track);   meter.read();   meter.close();
 *   chime(deviceId)                   two soft tones, to try a speaker
 *   const stop = ringTone();          until stop()
 *
 * Browsers let a page use sound once somebody has done something in it, so the one context of the page is woken
 * at the first touch or key. */

let shared = null;

export function audioContext() {
  if (!shared) {
    const Context = window.AudioContext ?? window.webkitAudioContext;
    if (!Context) return null;
    shared = new Context();
    const wake = () => { if (shared.state === 'suspended') shared.resume().catch(() => {}); };
    for (const type of ['pointerdown', 'keydown']) addEventListener(type, wake, { capture: true });
  }
  return shared;
}

export class Meter {
  constructor(track) {
    this._context = audioContext();
    if (!this._context || !track) return;
    this._source = this._context.createMediaStreamSource(new MediaStream([track]));
    this._analyser = this._context.createAnalyser();
    this._analyser.fftSize = 1024;
    this._samples = new Float32Array(this._analyser.fftSize);
    this._source.connect(this._analyser);
  }

  /* Root mean square, as audioLevel in the statistics. */
  read() {
    if (!this._analyser) return 0;
    this._analyser.getFloatTimeDomainData(this._samples);
    let sum = 0;
    for (const sample of this._samples) sum += sample * sample;
    return Math.sqrt(sum / this._samples.length);
  }

  close() {
    this._source?.disconnect();
    this._analyser = null;
  }
}

/* Ears hear loudness by its logarithm: -60 dB is nothing, 0 dB is all there is. */
export const loudness = (level) => (level <= 0.001 ? 0 : Math.min(1, 1 + Math.log10(level) / 3));

function tone(context, pitch, at, length, volume) {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.frequency.value = pitch;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(volume, at + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.001, at + length);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(at);
  oscillator.stop(at + length);
}

export async function chime(deviceId) {
  const context = audioContext();
  if (!context) return;
  await context.resume().catch(() => {});
  if (context.setSinkId) await context.setSinkId(deviceId).catch(() => {});
  [523.25, 783.99].forEach((pitch, i) => tone(context, pitch, context.currentTime + i * 0.22, 0.6, 0.18));
}

/* Silent as long as the browser does not let this page sound. */
export function ringTone() {
  const context = audioContext();
  if (!context) return () => {};
  const ring = () => {
    if (context.state !== 'running') return;
    [659.25, 783.99, 659.25, 783.99].forEach((pitch, i) => tone(context, pitch, context.currentTime + i * 0.18, 0.3, 0.1));
  };
  ring();
  const timer = setInterval(ring, 2500);
  return () => clearInterval(timer);
}
