/* media.js - what we send: microphone, camera, screen, and which devices they are.
 *
 *   const local = new LocalMedia();
 *   local.onChange(() => ...);                 anything below has changed
 *   await local.open();                        what was on the last time, with one question to the user
 *   local.flip('microphone'), local.flip('camera'), local.shareScreen(), local.stopScreen()
 *   local.choose('camera', deviceId)           goes over to another device; what is sent never stops in between
 *   local.sending(tellsScreens)                { audio, camera, screen }: the tracks for a peer
 *
 * Muting keeps the microphone open and sends silence, so that it is back at once. A camera that is off is really
 * off, its light included. Choices are remembered. */
import { prefs } from '../dom.js';
import { canCapture, problemOf } from './words.js';

const BLACK_MS = 250; /* a dark picture on its way to the others before the camera stops: the last one would freeze there */
const VOICE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
const KINDS = { camera: 'videoinput', microphone: 'audioinput', speaker: 'audiooutput' };

export class LocalMedia {
  constructor() {
    this.microphone = null;
    this.camera = null;
    this.screen = null;
    this.stream = new MediaStream();       /* their names for the other ends: which tracks belong together */
    this.screenStream = new MediaStream();
    this.problems = { microphone: null, camera: null };
    this.devices = { camera: [], microphone: [], speaker: [] };
    this.chosen = { camera: '', microphone: '', speaker: '', ...prefs.get('call.devices', {}) };
    const last = prefs.get('call.on', {});
    this.wantsMicrophone = last.microphone !== false;
    this.wantsCamera = last.camera !== false;
    this._listeners = new Set();
    this._turns = { microphone: Promise.resolve(), camera: Promise.resolve() };
    this._isOpen = false;
    this._asking = 0;
    this._reaching = { microphone: 0, camera: 0 }; /* wishes that have not come true yet */
    navigator.mediaDevices?.addEventListener?.('devicechange', () => this._onDeviceChange());
  }

  get isMicrophoneOn() {
    return Boolean(this.microphone && this.wantsMicrophone);
  }

  get isCameraOn() {
    return Boolean(this.camera && this.wantsCamera);
  }

  /* The user is being asked, or a device is on its way. */
  get isOpening() {
    return this._asking > 0 && this.wantsCamera && !this.problems.camera;
  }

  onChange(listener) {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  }

  sending(tellsScreens) {
    const camera = this.camera;
    if (tellsScreens) return { audio: this.microphone, camera, screen: this.screen };
    return { audio: this.microphone, camera: this.screen ?? camera, screen: null };
  }

  /* Opens what is wanted. One question for both; what fails is asked for again alone, to find out which it was. */
  async open() {
    this._isOpen = true;
    this._asking++;
    this._changed();
    const wanted = ['microphone', 'camera'].filter((kind) => this._wants(kind) && !this[kind]);
    if (wanted.length === 2) await this._openBoth();
    else for (const kind of wanted) await this._turn(kind, () => this._open(kind));
    this._asking--;
    await this.listDevices();
  }

  /* What a press on its button means: the other of what is on, or on its way there. Resolves, when that is reached, to
   * what was wished. */
  async flip(kind) {
    const on = !(this._wants(kind) && (this[kind] || this._reaching[kind]));
    await this._set(kind, on);
    return on;
  }

  async choose(kind, deviceId) {
    this.chosen[kind] = deviceId;
    prefs.set('call.devices', this.chosen);
    if (kind !== 'speaker' && this[kind]) await this._turn(kind, () => this._replace(kind));
    this._changed();
  }

  async shareScreen() {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: false });
    this.stopScreen();
    [this.screen] = stream.getVideoTracks();
    if ('contentHint' in this.screen) this.screen.contentHint = 'detail';
    this.screen.addEventListener('ended', () => this.stopScreen());
    this._changed();
  }

  stopScreen() {
    if (!this.screen) return;
    const { screen } = this;
    this.screen = null;
    screen.stop();
    this._changed();
  }

  async listDevices() {
    try {
      const all = await navigator.mediaDevices.enumerateDevices();
      for (const [name, kind] of Object.entries(KINDS)) {
        this.devices[name] = all.filter((device) => device.kind === kind && device.deviceId);
      }
    } catch { /* no choice, then */ }
    this._changed();
  }

  close() {
    this._isOpen = false;
    this.stopScreen();
    for (const kind of ['microphone', 'camera']) this._drop(kind);
    this._changed();
  }

  /* ── one kind of device, one thing after the other ── */

  _turn(kind, job) {
    this._turns[kind] = this._turns[kind].then(job).catch((error) => { console.warn(`call, ${kind}:`, error); });
    return this._turns[kind];
  }

  _wants(kind) {
    return kind === 'camera' ? this.wantsCamera : this.wantsMicrophone;
  }

  _set(kind, on) {
    if (kind === 'camera') this.wantsCamera = on;
    else this.wantsMicrophone = on;
    prefs.set('call.on', { microphone: this.wantsMicrophone, camera: this.wantsCamera });
    if (this[kind]) this[kind].enabled = on;
    this._changed();
    this._reaching[kind]++;
    return this._turn(kind, () => this._reach(kind)).then(() => { this._reaching[kind]--; });
  }

  /* Brings a device to where it is wanted by now, however often that has changed on the way. */
  async _reach(kind) {
    const on = this._wants(kind);
    if (on && !this[kind] && this._isOpen) {
      await this._open(kind);
      await this.listDevices();
    } else if (!on && kind === 'camera' && this.camera) {
      await new Promise((resolve) => setTimeout(resolve, BLACK_MS));
      if (!this.wantsCamera) this._drop('camera');
    }
    this._changed();
  }

  async _openBoth() {
    const turns = [this._turns.microphone, this._turns.camera];
    const opening = Promise.all(turns).then(async () => {
      try {
        this._take(await this._ask({ audio: 'microphone', video: 'camera' }));
      } catch (error) {
        await this._openEach(error);
      }
    });
    this._turns.microphone = this._turns.camera = opening;
    await opening;
  }

  /* Who has just said no is not asked again, unless the no was about one of the two alone. */
  async _openEach(error) {
    if (error?.name !== 'NotAllowedError') {
      for (const kind of ['microphone', 'camera']) await this._open(kind);
      return;
    }
    const denied = { microphone: await isDenied('microphone'), camera: await isDenied('camera') };
    for (const [kind, other] of [['microphone', 'camera'], ['camera', 'microphone']]) {
      if (denied[other] === true && denied[kind] === false) await this._open(kind);
      else this.problems[kind] = problemOf(kind, error);
    }
  }

  async _open(kind) {
    try {
      this._take(await this._ask(wishFor(kind)));
    } catch (error) {
      this.problems[kind] = problemOf(kind, error);
    }
  }

  /* The new device first, then the old one goes; unless the machine cannot have both. */
  async _replace(kind) {
    const old = this[kind];
    try {
      this._take(await this._ask(wishFor(kind)).catch(async (error) => {
        if (error?.name !== 'NotReadableError') throw error;
        old.stop();
        return this._ask(wishFor(kind));
      }));
    } catch (error) {
      this.problems[kind] = problemOf(kind, error);
      if (old.readyState === 'ended') this._drop(kind);
    }
    this._changed();
  }

  /* wish: { audio: 'microphone', video: 'camera' }, or one of them. A chosen device that is not here today is no reason
   * to have none. */
  async _ask(wish) {
    try {
      return await ask(this._constraints(wish, true));
    } catch (error) {
      if (error?.name !== 'OverconstrainedError' && error?.name !== 'NotFoundError') throw error;
      return ask(this._constraints(wish, false));
    }
  }

  _constraints(wish, hasChoice) {
    const constraints = {};
    for (const [media, kind] of Object.entries(wish)) {
      const id = hasChoice && this.chosen[kind];
      constraints[media] = { ...(kind === 'camera' ? PICTURE : VOICE), ...(id ? { deviceId: { exact: id } } : {}) };
    }
    return constraints;
  }

  _take(stream) {
    for (const track of stream.getTracks()) {
      const kind = track.kind === 'audio' ? 'microphone' : 'camera';
      const old = this[kind];
      this[kind] = track;
      this.problems[kind] = null;
      track.enabled = this._wants(kind);
      if (kind === 'camera' && 'contentHint' in track) track.contentHint = 'motion';
      track.addEventListener('ended', () => this._onEnded(kind, track));
      if (old) stopSoon(old);
    }
    if (!this._isOpen) this.close(); /* the answer came after everybody had left */
  }

  _drop(kind) {
    const track = this[kind];
    this[kind] = null;
    if (track) stopSoon(track);
  }

  /* The device was unplugged, or its permission was taken back. */
  _onEnded(kind, track) {
    if (this[kind] !== track) return;
    this[kind] = null;
    this._changed();
    this._turn(kind, async () => {
      if (this._wants(kind) && this._isOpen && !this[kind]) await this._open(kind);
      await this.listDevices();
    });
  }

  /* Something was plugged in or out: what had been missing is taken at once. */
  async _onDeviceChange() {
    await this.listDevices();
    if (!this._isOpen) return;
    for (const kind of ['microphone', 'camera']) {
      if (this._wants(kind) && !this[kind] && this.devices[kind].length && this.problems[kind]?.reason === 'missing') {
        this._turn(kind, () => (this[kind] ? undefined : this._open(kind))).then(() => this._changed());
      }
    }
  }

  _changed() {
    for (const listener of [...this._listeners]) listener();
  }
}

const wishFor = (kind) => (kind === 'camera' ? { video: kind } : { audio: kind });

/* After the senders have let go of it: a stopped track would be a black flash. */
const stopSoon = (track) => setTimeout(() => track.stop(), 100);

function ask(constraints) {
  if (!canCapture()) return Promise.reject(new DOMException('no secure context', 'SecurityError'));
  return navigator.mediaDevices.getUserMedia(constraints);
}

/* null: the browser does not say. */
async function isDenied(kind) {
  try {
    return (await navigator.permissions.query({ name: kind })).state === 'denied';
  } catch {
    return null;
  }
}
