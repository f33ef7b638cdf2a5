/* stage.js - what the room shows of everybody: tiles, speaking marks, quality, the list of people.
 *
 *   const stage = new Stage({ local, username, say(text) {}, panel, onBlocked });
 *   stage.enter(); stage.leave();      stage.hooks is what mesh.js wants
 */
import { passFocus, plural } from '../dom.js';
import { Speaking } from './speaking.js';
import { QualityWatch } from './stats.js';
import { Tiles } from './tiles.js';

const LOOK_MS = 2500;
const ME = 'me';
const byId = (id) => document.getElementById(id);

export class Stage {
  constructor({ local, username, say, panel, onBlocked, onPeople }) {
    this._local = local;
    this._username = username;
    this._say = say;
    this._panel = panel;
    this._onPeople = onPeople;
    this._peers = new Set();
    this._quality = new Map();
    this._watch = new QualityWatch();
    this._own = new MediaStream();
    this._hand = false;
    this._isPending = false;
    this._isIn = false;
    this._timer = 0;
    this.tiles = new Tiles(byId('tiles'), { onBlocked });
    this.hooks = {
      onPeer: (peer) => this._add(peer),
      onReplaced: (old, peer) => this._replace(old, peer),
      onGone: (peer) => this._gone(peer),
      onChange: (peer) => this._update(peer),
      onMedia: (peer) => this._media(peer),
      onPeople: () => this._later(),
      onArrived: (peer) => this._say(`${peer.username} joined`),
    };
  }

  enter() {
    this._isIn = true;
    this._speaking = new Speaking((who, isSpeaking) => this.tiles.get(who)?.setSpeaking(isSpeaking));
    this.tiles.add(ME, { username: this._username, isSelf: true });
    this._timer = setInterval(() => this._look(), LOOK_MS);
    this.updateOwn(false);
    this._later();
  }

  /* Before the connections end: that all the others go when we do is no news. */
  leave() {
    this._isIn = false;
    clearInterval(this._timer);
    this._speaking?.close();
    this._speaking = null;
    this.tiles.remove(ME);
    this._quality.clear();
  }

  get usernames() {
    return [this._username, ...[...this._peers].map(({ username }) => username)];
  }

  /* Our own tile. */
  updateOwn(hand) {
    const tile = this.tiles.get(ME);
    if (!tile) return;
    const { camera, microphone, isCameraOn, isMicrophoneOn } = this._local;
    const track = isCameraOn ? camera : null;
    for (const old of this._own.getTracks()) if (old !== track) this._own.removeTrack(old);
    if (track && !this._own.getTracks().length) this._own.addTrack(track);
    this._hand = hand;
    tile.show(this._own);
    tile.setMirrored(camera?.getSettings().facingMode !== 'environment');
    tile.update({ microphone: isMicrophoneOn, camera: isCameraOn, hand });
    this._speaking.setOwn(microphone, ME);
    this._later();
  }

  /* ── the others ── */

  _add(peer) {
    this._peers.add(peer);
    this.tiles.add(peer, { username: peer.username }).show(peer.camera);
    this._speaking?.add(peer);
    this._update(peer);
  }

  _replace(old, peer) {
    this._peers.delete(old);
    this._peers.add(peer);
    this._quality.delete(old);
    this.tiles.remove(old, 'screen');
    this.tiles.rename(old, peer);
    this._speaking?.remove(old);
    this._speaking?.add(peer);
    this.tiles.get(peer).show(peer.camera);
    this._update(peer);
  }

  _gone(peer) {
    this._peers.delete(peer);
    this._quality.delete(peer);
    this._speaking?.remove(peer);
    this.tiles.remove(peer);
    if (this._isIn) this._say(`${peer.username} left`);
    this._later();
  }

  _update(peer) {
    const tile = this.tiles.get(peer);
    if (!tile) return;
    const { microphone = null, camera = null, hand = false } = peer.media ?? {};
    if (hand && tile.element.dataset.hand === 'false') this._say(`${peer.username} raised a hand`);
    tile.update({ state: peer.state, microphone, camera, hand });
    this._later();
  }

  _media(peer) {
    this.tiles.get(peer)?.show(peer.camera);
    this._showScreen(peer);
    this._update(peer);
  }

  _showScreen(peer) {
    const shown = this.tiles.get(peer, 'screen');
    const isThere = peer.hasScreen && peer.screen.getVideoTracks().length > 0;
    if (isThere && !shown) {
      const tile = this.tiles.add(peer, { username: peer.username, kind: 'screen' });
      tile.show(peer.screen);
      tile.update({});
      this._say(`${peer.username} is sharing a screen`);
    } else if (!isThere && shown) {
      this.tiles.remove(peer, 'screen');
    }
  }

  async _look() {
    for (const peer of [...this._peers]) {
      const quality = await this._watch.look(peer).catch(() => null);
      if (!this._peers.has(peer)) continue;
      this._quality.set(peer, quality);
      this.tiles.get(peer)?.setQuality(quality);
    }
    this._later();
  }

  /* Many things change at once when somebody comes: one new list for all of them. */
  _later() {
    if (this._isPending) return;
    this._isPending = true;
    queueMicrotask(() => {
      this._isPending = false;
      if (this._isIn) this._showPeople();
    });
  }

  _showPeople() {
    const { isCameraOn, isMicrophoneOn } = this._local;
    const others = [...this._peers].map((peer) => ({ username: peer.username, ...peer.media, words: this._wordsOf(peer) }));
    const own = { username: this._username, isSelf: true, microphone: isMicrophoneOn, camera: isCameraOn, hand: this._hand };
    this._panel.showHere([own, ...others]);
    byId('room-people').textContent = plural(this._peers.size + 1, 'person', 'people');
    if (this._peers.size > 0) passFocus(byId('alone'), byId('tiles'));
    byId('alone').hidden = this._peers.size > 0;
    this._onPeople();
  }

  _wordsOf(peer) {
    const { state } = peer;
    if (state === 'connecting') return 'Connecting…';
    if (state === 'reconnecting') return 'Reconnecting…';
    const quality = this._quality.get(peer);
    return quality ? [quality.word, quality.detail].filter(Boolean).join(': ') : '';
  }
}
