/* mesh.js - everybody in the room: who the server says is here, and the connections to them.
 *
 *   const mesh = new Mesh({ send, local, iceServers, hooks });
 *   mesh.roster(participants), mesh.arrived(who), mesh.left(socketId), mesh.signal(message), mesh.mediaState(message)
 *   mesh.linkDown()      our own socket is gone
 *
 * Two lists that are not the same. Members are what the server says, by socketId, and void with every new connection to
 * it. Peers are RTCPeerConnections, and what is on screen: they live as long as their media. A peer without
 * a member is an orphan: our socket is down, or its owner's. When somebody of that name arrives, the orphan is theirs
 * and goes on without a gap; the certificate in their first offer proves it, and finds the right one of several.
 * An orphan whose media has stopped is gone. */
import { Peer } from './peer.js';
import { fingerprintOf } from './sdp.js';

const WATCH_MS = 1000;
const SILENT_LIMIT = 4;   /* looks without a single packet: ICE checks a living connection every 2.5 s */
const ORPHAN_LIMIT = 30;  /* looks: longer than the longest wait between two tries of socket.js */
const CLAIM_MS = 5000;

export class Mesh {
  /* hooks: onPeer(peer), onReplaced(old, peer), onGone(peer), onChange(peer), onMedia(peer), onPeople(count),
   * onArrived(peer) for a newcomer that we had not seen before */
  constructor({ send, local, iceServers, hooks }) {
    this.peers = new Set();
    this.isJoined = false;
    this._members = new Map();
    this._ownIds = new Set();
    this._send = send;
    this._local = local;
    this._iceServers = iceServers;
    this._servers = [];
    this._hooks = hooks;
    this._watching = 0;
  }

  async prepare() {
    this._servers = await this._iceServers();
  }

  /* Our own name for this connection: the ghost of an earlier one may still be in the room. */
  iAm(socketId) {
    this._ownIds.add(socketId);
  }

  /* We have joined, and these were there before us: it is for us to offer. */
  roster(participants) {
    this.isJoined = true;
    const here = new Set(participants.map(({ socketId }) => socketId));
    for (const id of [...this._members.keys()]) if (!here.has(id)) this.left(id);
    for (const who of participants) this._arrive(who, true);
    for (const peer of this._orphans()) {
      if (peer.isUsable) this._watch(); /* its owner may be on the way back, as we were */
      else this._remove(peer);
    }
    this._peopleChanged();
  }

  arrived(who) {
    const known = this._orphans().some(({ username }) => username === who.username);
    const peer = this._arrive(who, false);
    if (!known && peer) this._hooks.onArrived(peer);
    this._peopleChanged();
  }

  left(socketId) {
    const member = this._members.get(socketId);
    if (!member) return;
    this._members.delete(socketId);
    clearTimeout(member.timer);
    const { peer } = member;
    if (!peer) return;
    this._release(peer);
    if (peer.isUsable && peer.state === 'connected') this._watch();
    else this._remove(peer);
    this._peopleChanged();
  }

  signal(message) {
    const { messageType: type, socketId, username } = message;
    const payload = message[type === 'ice_candidate' ? 'candidate' : type];
    if (!this.isJoined || this._ownIds.has(socketId)) return;
    if (!this._members.has(socketId) && typeof username === 'string') this._arrive({ socketId, username }, false);
    if (!this._members.has(socketId)) return;
    const member = this._members.get(socketId);
    if (type === 'ice_candidate') this._onCandidate(member, payload);
    else if (typeof payload?.sdp === 'string') this._onDescription(member, type, payload, message.offerId);
  }

  mediaState({ socketId, microphone, camera, screen, hand }) {
    const member = this._members.get(socketId);
    if (!member) return;
    member.media = { microphone, camera, screen, hand };
    if (member.peer) this._tell(member);
  }

  /* What we send has changed. */
  refresh() {
    for (const peer of this.peers) peer.refresh();
  }

  linkDown() {
    if (!this.isJoined) return;
    this.isJoined = false;
    for (const { peer, timer } of this._members.values()) {
      clearTimeout(timer);
      if (peer) this._release(peer);
    }
    this._members.clear();
    for (const peer of this.peers) if (peer.isEnded) this._remove(peer);
  }

  close() {
    this.linkDown();
    for (const peer of [...this.peers]) this._remove(peer);
    this._stopWatching();
  }

  /* ── members and their peers ── */

  _arrive({ socketId, username }, isFirst) {
    if (this._ownIds.has(socketId)) return null;
    const old = this._members.get(socketId);
    if (old) return old.peer;
    const member = { id: socketId, username, polite: isFirst, peer: null, media: null, early: [], timer: 0 };
    this._members.set(socketId, member);
    const orphans = this._orphans().filter((peer) => peer.username === username);
    const usable = orphans.filter((peer) => peer.isUsable);
    if (usable.length === 1) this._attach(member, usable[0]);
    else if (!usable.length || isFirst) this._attach(member, this._create(username, orphans.find((peer) => !peer.isUsable)));
    /* Several of that name: its offer will tell which one it is. */
    else member.timer = setTimeout(() => { if (!member.peer) this._attach(member, this._create(username)); }, CLAIM_MS);
    return member.peer;
  }

  _attach(member, peer) {
    clearTimeout(member.timer);
    member.peer = peer;
    peer.member = member;
    peer.bind({ polite: member.polite, send: (type, fields) => this._send(type, { socketId: member.id, ...fields }) });
    for (const candidate of member.early.splice(0)) peer.receive('ice_candidate', candidate);
    if (member.media) this._tell(member);
    this._hooks.onChange(peer);
  }

  _release(peer) {
    peer.member = null;
    peer.orphanedFor = 0;
    peer.silentFor = 0;
    peer.unbind();
  }

  _create(username, replaced = null) {
    const peer = new Peer({ username, iceServers: this._servers, local: this._local, hooks: this._peerHooks() });
    this.peers.add(peer);
    if (replaced) {
      this.peers.delete(replaced);
      replaced.close();
      this._hooks.onReplaced(replaced, peer);
    } else {
      this._hooks.onPeer(peer);
    }
    return peer;
  }

  _peerHooks() {
    return {
      onState: (peer) => this._onState(peer),
      onMedia: (peer) => { if (this.peers.has(peer)) this._hooks.onMedia(peer); },
      onMisfit: (peer, offer) => { if (peer.member) this._startOver(peer.member).receive('offer', offer); },
      iceServers: () => this._iceServers(),
    };
  }

  _onState(peer) {
    if (!this.peers.has(peer)) return;
    if (peer.isEnded && !peer.member) this._remove(peer);
    else this._hooks.onChange(peer);
  }

  _startOver(member) {
    const old = member.peer;
    old.member = null;
    this._attach(member, this._create(member.username, old));
    return member.peer;
  }

  _remove(peer) {
    if (!this.peers.delete(peer)) return;
    if (peer.member) peer.member.peer = null;
    peer.close();
    this._hooks.onGone(peer);
    this._peopleChanged();
  }

  _orphans() {
    return [...this.peers].filter((peer) => !peer.member);
  }

  _tell(member) {
    member.peer.tell(member.media);
    this._hooks.onMedia(member.peer);
  }

  _peopleChanged() {
    for (const peer of this.peers) peer.setPeople(this.peers.size + 1);
    this._hooks.onPeople(this.peers.size + 1);
  }

  /* ── signalling ── */

  _onCandidate(member, candidate) {
    if (member.peer) member.peer.receive('ice_candidate', candidate);
    else if (member.early.length < 256) member.early.push(candidate);
  }

  _onDescription(member, type, description, offerId) {
    const print = fingerprintOf(description.sdp);
    const isOther = member.peer?.remotePrint && print && member.peer.remotePrint !== print;
    if (type === 'answer' && isOther) {
      this._startOver(member).speak(); /* it was made by another connection than the one we know */
      return;
    }
    if (type === 'offer') this._identify(member, print, isOther);
    if (!member.peer) return;
    member.peer.remotePrint ??= print;
    member.peer.receive(type, description, offerId);
  }

  /* Finds the connection that an offer speaks of: it may be one that we know under another socketId. */
  _identify(member, print, isOther) {
    const known = [...this.peers].find((peer) => peer.username === member.username && peer.isUsable && print && peer.remotePrint === print);
    if (known && known !== member.peer) this._move(member, known);
    else if (!known && member.peer && (isOther || member.peer.isEnded)) this._startOver(member);
    else if (!member.peer) this._attach(member, this._create(member.username));
  }

  _move(member, peer) {
    const { peer: stray } = member;
    if (stray) {
      stray.member = null;
      if (!stray.isUsable) this._remove(stray);
      else this._release(stray);
    }
    if (peer.member) peer.member.peer = null;
    member.peer = null;
    this._attach(member, peer);
  }

  /* ── orphans ── */

  _watch() {
    this._watching ||= setInterval(() => this._look(), WATCH_MS);
  }

  _stopWatching() {
    clearInterval(this._watching);
    this._watching = 0;
  }

  async _look() {
    const orphans = this._orphans();
    if (!orphans.length) this._stopWatching();
    if (!this.isJoined) return; /* the fault may be ours */
    for (const peer of orphans) {
      const signs = await signsOfLife(peer.pc);
      if (peer.member || !this.isJoined) continue;
      peer.silentFor = signs === peer.lastSigns ? peer.silentFor + 1 : 0;
      peer.lastSigns = signs;
      if (peer.silentFor >= SILENT_LIMIT || ++peer.orphanedFor >= ORPHAN_LIMIT) this._remove(peer);
    }
  }
}

/* Media, and the checks of ICE: who only listens sends nothing else. */
async function signsOfLife(pc) {
  let sum = 0;
  for (const report of (await pc.getStats()).values()) {
    if (report.type !== 'candidate-pair') continue;
    sum += (report.bytesReceived ?? 0) + (report.requestsReceived ?? 0) + (report.responsesReceived ?? 0);
  }
  return sum;
}
