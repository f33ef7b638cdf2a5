/* peer.js - one person at the other end: one RTCPeerConnection for its whole life.
 *
 *   const peer = new Peer({ username, iceServers, local, hooks });
 *   peer.bind({ send(type, fields) {}, polite });   signalling has found a way to it
 *   peer.receive('offer', description);             what came from it
 *   peer.unbind();                                  the way is gone; media goes on
 *   peer.refresh();                                 what we send has changed
 *
 * Perfect negotiation, with two roles per pair: who learned of the other from existing_participants is polite and
 * offers first, who was told of a newcomer waits. All that happens to the connection happens in one chain of steps, one
 * after the other, so that every step finds the signalling state as it is.
 *
 * A client that has told its media state is known to negotiate as we do, and there we wait for as long as it takes. Others
 * may offer from both ends at once, and a browser that takes back its very first offer may never find a candidate
 * (Chromium, with no other connection in the page). So the polite one gives those the time to offer before it does. An offer
 * that meets ours all the same is held for a moment: an answer to ours settles the matter, otherwise we take our own
 * back. When both ends gave way at once, an answer comes to an offer that we have taken back, and we offer again.
 * Our offers carry a number and our answers repeat it: an answer that comes too late is recognised. Nobody else
 * needs to know of that.
 *
 * Sections, by their order: the first of kind audio is the microphone, the first of kind video the camera, the second
 * of kind video the screen. Muting, switching the camera off and changing a device replace tracks and negotiate nothing. The
 * offerer makes the sections with addTransceiver, the answerer takes those that the offer made. Clients that
 * do not tell a screen from a camera get the screen in place of the camera. */
import { tune } from './budget.js';
import { belongsTo, midsOf } from './sdp.js';

const THEIR_TURN_MS = 1000;  /* the server tells them of us after 400 ms */
const HOLD_POLITE_MS = 300;
const HOLD_IMPOLITE_MS = 3000;
const SPEAK_FIRST_MS = 2500; /* somebody who should have offered and is silent */
const ANSWER_MS = 10000;
const LIKE_US = 4;           /* times as long for a client that negotiates as we do */
const OFFERS_IN_VAIN = 3;
const CANDIDATES_KEPT = 256;
const RESTART_MS = 1000;
const RESTART_LONGEST_MS = 30000;

let offers = 0; /* of this page: two connections never share a number */

export class Peer {
  constructor({ username, iceServers, local, hooks }) {
    this.username = username;
    this.member = null;        /* mesh.js: as whom the server knows it now */
    this.media = null;         /* its last media_state; null: it never told one */
    this.remotePrint = null;   /* mesh.js: the certificate of its end */
    this.camera = new MediaStream(); /* with its voice */
    this.screen = new MediaStream();
    this.slots = { audio: null, camera: null, screen: null };
    this.pc = new RTCPeerConnection({ iceServers });
    this.wasConnected = false;
    this.isEnded = false;      /* the other end has closed it */
    this.isClosed = false;
    this._local = local;
    this._hooks = hooks;
    this._people = 2;
    this._link = null;
    this._isOfferWanted = false;
    this._hasStray = false;    /* a section that we made, took back and stopped */
    this._held = null;
    this._candidates = [];
    this._offerId = 0;
    this._inVain = 0;
    this._restarts = 0;
    this._timers = {};
    this._transport = null;
    this._chain = Promise.resolve();
    this._listen();
  }

  /* connecting, connected, reconnecting, lost */
  get state() {
    const { connectionState } = this.pc;
    if (this.isEnded || connectionState === 'failed' || connectionState === 'closed') return 'lost';
    if (connectionState === 'connected') return 'connected';
    return this.wasConnected ? 'reconnecting' : 'connecting';
  }

  /* Worth going on with, when its owner turns up under a new socketId. */
  get isUsable() {
    return this.wasConnected && !this.isEnded && !this.isClosed;
  }

  get negotiatesLikeUs() {
    return this.media !== null;
  }

  /* The screen of somebody who never tells a media state shows by the packets alone. */
  get hasScreen() {
    if (this.media) return this.media.screen;
    const track = this.slots.screen?.receiver.track;
    return Boolean(track && !track.muted);
  }

  bind({ send, polite }) {
    this._link = { send, polite, mayOffer: false };
    if (polite && this.negotiatesLikeUs) this._step(() => this._begin());
    else if (polite) this._after('begin', THEIR_TURN_MS, () => this._begin());
    else this._expect('speak', SPEAK_FIRST_MS, () => this._speakFirst());
    if (this.pc.connectionState === 'failed') this._restartSoon();
  }

  unbind() {
    this._link = null;
    this._held = null;
    this._clear('begin', 'speak', 'hold', 'answer', 'restart');
    this._step(() => this._takeBack()); /* an offer on its way is lost, or its answer will be */
  }

  receive(type, payload, offerId) {
    if (type === 'ice_candidate') this._step(() => this._onCandidate(payload));
    else if (type === 'offer') this._step(() => this._onOffer({ description: payload, offerId }));
    else this._step(() => this._onAnswer(payload, offerId));
  }

  /* It has told its media state. */
  tell(media) {
    const isNews = !this.negotiatesLikeUs;
    this.media = media;
    if (!isNews) return;
    this.refresh(); /* it can tell a screen from a camera */
    if (this._link?.polite) this._step(() => this._begin());
  }

  /* Offers, though it would be for the other end to begin. */
  speak() {
    this._step(() => this._speakFirst());
  }

  refresh() {
    this._step(() => this._sync());
  }

  setPeople(people) {
    if (people === this._people) return;
    this._people = people;
    this._step(() => this._tune());
  }

  close() {
    if (this.isClosed) return;
    this.isClosed = true;
    this._clear(...Object.keys(this._timers));
    this.pc.close();
  }

  /* ── the chain ── */

  _step(job) {
    this._chain = this._chain
      .then(() => (this.isClosed ? undefined : job()))
      .catch((error) => { if (!this.isClosed) console.warn(`call, ${this.username}:`, error); });
    return this._chain;
  }

  _after(name, ms, job) {
    this._clear(name);
    this._timers[name] = setTimeout(() => this._step(job), ms);
  }

  /* What to do when something does not come. A client that negotiates as we do is slow, not lost. */
  _expect(name, ms, job) {
    this._after(name, ms, () => {
      if (!this.negotiatesLikeUs) return job();
      this._after(name, ms * (LIKE_US - 1), job);
      return undefined;
    });
  }

  _clear(...names) {
    for (const name of names) clearTimeout(this._timers[name]);
  }

  _send(type, fields) {
    return this._link ? this._link.send(type, fields) : false;
  }

  _listen() {
    this.pc.onnegotiationneeded = () => this._step(() => this._onNeeded());
    this.pc.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) this._send('ice_candidate', { candidate });
    };
    this.pc.onconnectionstatechange = () => this._onConnection();
  }

  /* ── offering ── */

  /* The browser says so again when the connection is stable, if it is true then. A section that was stopped before it was
   * ever agreed on keeps it saying so for ever (Chromium), and says nothing new: then we know for ourselves what there is
   * to offer. */
  async _onNeeded() {
    if (this.pc.signalingState !== 'stable' || this._hasStray) return;
    this._isOfferWanted = true;
    await this._offer();
  }

  /* The first words to somebody whom we found in the room. On a connection that lives already they change nothing, and
   * let the other end find it again. */
  async _begin() {
    if (!this._link || this._link.mayOffer) return;
    this._clear('begin');
    this._link.mayOffer = true;
    await this._takeBack();
    this._fill(['audio', 'camera']);
    await this._sync();
    if (this.wasConnected && this.pc.connectionState !== 'connected') await this._renewIce();
    await this._offer();
  }

  async _speakFirst() {
    if (!this._link || this._link.mayOffer) return;
    this._link.mayOffer = true;
    if (!this.wasConnected) this._fill(['audio', 'camera']);
    await this._offer();
  }

  async _offer() {
    if (!this._link?.mayOffer || this.pc.signalingState !== 'stable') return;
    this._isOfferWanted = false;
    this._offerId = ++offers;
    await this.pc.setLocalDescription();
    this._send('offer', { offer: this.pc.localDescription, offerId: this._offerId });
    this._expect('answer', ANSWER_MS, () => this._offerAnew());
  }

  /* The other end may have stumbled over our offer, or we over its answer: once more. */
  async _offerAnew() {
    if (!this._link || this.pc.signalingState !== 'have-local-offer' || ++this._inVain > OFFERS_IN_VAIN) return;
    await this._takeBack();
    await this._offer();
  }

  async _takeBack() {
    this._clear('answer');
    if (this.pc.signalingState === 'stable' || this.pc.signalingState === 'closed') return;
    this._isOfferWanted = true;
    if (this.pc.signalingState === 'have-local-offer') await this.pc.setLocalDescription({ type: 'rollback' });
    else await this.pc.setRemoteDescription({ type: 'rollback' });
  }

  /* ── receiving ── */

  async _onOffer(offer) {
    if (!this._link) return;
    this._clear('begin', 'speak');
    this._link.mayOffer = true;
    if (this.pc.signalingState === 'have-local-offer') await this._onGlare(offer);
    else await this._accept(offer);
  }

  async _onGlare(offer) {
    const { polite } = this._link;
    if (this.negotiatesLikeUs && !polite) return; /* it takes back its own */
    this._held = offer;
    if (this.negotiatesLikeUs && this.wasConnected) await this._giveWay();
    else this._after('hold', polite ? HOLD_POLITE_MS : HOLD_IMPOLITE_MS, () => this._giveWay());
  }

  async _giveWay() {
    const offer = this._held;
    this._held = null;
    if (!offer || !this._link) return;
    await this._takeBack();
    await this._accept(offer);
  }

  async _accept({ description, offerId }) {
    const isFirst = !this.pc.remoteDescription;
    try {
      await this.pc.setRemoteDescription(description);
    } catch (error) {
      if (isFirst) throw error;
      this._hooks.onMisfit(this, description); /* the other end has begun anew, and so must we */
      return;
    }
    this._adopt();
    await this._sync();
    this._isOfferWanted = false;
    await this.pc.setLocalDescription();
    if (isFirst) await this._acceptAgain(description);
    this._send('answer', { answer: this.pc.localDescription, offerId });
    await this._settled();
    await this._complete();
  }

  /* Chromium stops all media for good when the end that has answered takes back an offer of its own, if there was no more
   * than one negotiation so far. A second one that changes nothing is enough, and needs nobody else. */
  async _acceptAgain(description) {
    await this.pc.setRemoteDescription(description);
    await this.pc.setLocalDescription();
  }

  async _onAnswer(answer, offerId = this._offerId) {
    if (offerId !== this._offerId) return; /* to an offer that is not the last one */
    if (this.pc.signalingState !== 'have-local-offer') {
      /* It answers what we have taken back for its own offer, which it has taken back for ours. */
      if (++this._inVain <= OFFERS_IN_VAIN) await this._offer();
      return;
    }
    try {
      await this.pc.setRemoteDescription(answer);
    } catch (error) {
      await this._offerAnew();
      throw error;
    }
    this._held = null;
    this._inVain = 0;
    this._clear('answer', 'hold');
    await this._settled();
    await this._complete();
  }

  async _settled() {
    await this._addCandidates();
    this._watchTransport();
    this._collect();
    await this._tune();
  }

  /* Early ones wait for their description, those of an offer that was never taken are of no use to anybody. */
  async _onCandidate(candidate) {
    if (!candidate?.candidate) return;
    this._candidates.push(candidate);
    if (this._candidates.length > CANDIDATES_KEPT) this._candidates.shift();
    await this._addCandidates();
  }

  async _addCandidates() {
    const sdp = this.pc.remoteDescription?.sdp;
    if (!sdp) return;
    const fitting = this._candidates.filter((candidate) => belongsTo(sdp, candidate));
    this._candidates = this._candidates.filter((candidate) => !fitting.includes(candidate));
    for (const candidate of fitting) {
      try {
        await this.pc.addIceCandidate(candidate);
      } catch (error) {
        console.debug('call: a candidate that is of no use', error); /* there are others */
      }
    }
  }

  /* ── sections ── */

  _wanted(slot) {
    return this._local.sending(this.negotiatesLikeUs)[slot];
  }

  _streamOf(slot) {
    return slot === 'screen' ? this._local.screenStream : this._local.stream;
  }

  /* Sections of ours that are not there yet; a section may wait without a track. */
  _fill(slots) {
    for (const slot of slots) {
      this.slots[slot] ??= this.pc.addTransceiver(this._wanted(slot) ?? (slot === 'audio' ? 'audio' : 'video'),
        { direction: 'sendrecv', streams: [this._streamOf(slot)] });
    }
  }

  /* Takes the sections that an offer has made. Those that we had made for the same purpose, and took back, go. */
  _adopt() {
    const found = this._sections();
    for (const [slot, transceiver] of Object.entries(found)) {
      const ours = this.slots[slot];
      if (ours === transceiver) continue;
      if (ours && ours.mid === null) {
        ours.stop();
        this._hasStray = true;
      }
      this.slots[slot] = transceiver;
      transceiver.direction = 'sendrecv';
      transceiver.sender.setStreams(this._streamOf(slot));
    }
  }

  _sections() {
    const byMid = new Map(this.pc.getTransceivers().map((transceiver) => [transceiver.mid, transceiver]));
    const found = {};
    for (const mid of midsOf(this.pc.remoteDescription.sdp)) {
      const transceiver = byMid.get(mid);
      if (!transceiver || transceiver.direction === 'stopped' || transceiver.currentDirection === 'stopped') continue;
      if (transceiver.receiver.track.kind === 'audio') found.audio ??= transceiver;
      else if (!found.camera) found.camera = transceiver;
      else found.screen ??= transceiver;
    }
    return found;
  }

  /* Puts what we send now into the sections that there are. */
  async _sync() {
    for (const [slot, transceiver] of Object.entries(this.slots)) {
      const track = this._wanted(slot);
      if (transceiver && transceiver.sender.track !== track) await transceiver.sender.replaceTrack(track);
    }
    if (this._link && this.pc.signalingState === 'stable') await this._complete();
    await this._tune();
  }

  /* Makes sections for what has none: a screen, or a camera towards somebody who offered no video. The browser
   * will then say that an offer is needed. */
  async _complete() {
    if (this.pc.remoteDescription) this._fill(Object.keys(this.slots).filter((slot) => this._wanted(slot)));
    if (this._hasStray && Object.values(this.slots).some((transceiver) => transceiver?.mid === null)) this._isOfferWanted = true;
    if (this._isOfferWanted) await this._offer();
  }

  async _tune() {
    for (const slot of ['camera', 'screen']) {
      const sender = this.slots[slot]?.sender;
      const isScreen = sender?.track && sender.track === this._local.screen;
      if (sender) await tune(sender, isScreen ? 'screen' : 'camera', this._people).catch(() => {}); /* a wish, no need */
    }
  }

  _collect() {
    put(this.camera, [this.slots.audio, this.slots.camera]);
    put(this.screen, [this.slots.screen]);
    const track = this.slots.screen?.receiver.track;
    if (track) track.onmute = track.onunmute = () => this._hooks.onMedia(this);
    this._hooks.onMedia(this);
  }

  /* ── the connection ── */

  _onConnection() {
    const { connectionState } = this.pc;
    if (connectionState === 'connected') {
      this.wasConnected = true;
      this._restarts = 0;
      this._clear('restart');
    }
    if (connectionState === 'failed') this._restartSoon();
    this._watchTransport();
    this._hooks.onState(this);
  }

  /* The other end says goodbye in the encrypted layer, long before ICE notices that nobody is there. */
  _watchTransport() {
    const transport = this.pc.getSenders().find((sender) => sender.transport)?.transport;
    if (!transport || transport === this._transport) return;
    this._transport = transport;
    transport.addEventListener('statechange', () => {
      if (transport.state !== 'closed' || transport !== this._transport || this.isClosed) return;
      this.isEnded = true;
      this._hooks.onState(this);
    });
  }

  /* Both ends see the failure; the polite one moves first, and usually alone. */
  _restartSoon() {
    if (!this._link || this.isEnded) return;
    const wait = Math.min(RESTART_LONGEST_MS, RESTART_MS * 2 ** this._restarts++ - RESTART_MS) + (this._link.polite ? 0 : 2000);
    this._after('restart', wait, async () => {
      if (!this._link || this.pc.connectionState !== 'failed') return;
      await this._renewIce();
      if (this._hasStray) await this._offer();
    });
  }

  /* Passwords of TURN servers do not live for ever. */
  async _renewIce() {
    const iceServers = await this._hooks.iceServers();
    if (this.isClosed) return;
    this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers });
    this.pc.restartIce();
  }
}

function put(stream, transceivers) {
  const tracks = transceivers.filter(Boolean).map((transceiver) => transceiver.receiver.track);
  for (const old of stream.getTracks()) if (!tracks.includes(old)) stream.removeTrack(old);
  for (const track of tracks) if (!stream.getTracks().includes(track)) stream.addTrack(track);
}
