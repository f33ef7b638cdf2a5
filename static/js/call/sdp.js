/* sdp.js - the three things that we read in a session description, and nothing else.
 *
 *   fingerprintOf(sdp)            the certificate of the other end
 *   midsOf(sdp)                   its sections, in their order
 *   belongsTo(sdp, candidate)     whether a candidate belongs to this description
 *
 * An RTCPeerConnection keeps its certificate for life, so the fingerprint tells which connection of the other end
 * a description comes from. That is how a connection is found again under a new socketId. */

const FINGERPRINT = /^a=fingerprint:(\S+ \S+)/m;
const MID = /^a=mid:(\S+)/gm;
const UFRAG = /^a=ice-ufrag:(\S+)/gm;
const CANDIDATE_UFRAG = / ufrag (\S+)/;

export const fingerprintOf = (sdp) => FINGERPRINT.exec(sdp)?.[1].toLowerCase() ?? null;

export const midsOf = (sdp) => [...sdp.matchAll(MID)].map((found) => found[1]);

/* A candidate that names nobody belongs to whoever is there. */
export function belongsTo(sdp, candidate) {
  const ufrag = candidate.usernameFragment ?? CANDIDATE_UFRAG.exec(candidate.candidate)?.[1];
  return !ufrag || [...sdp.matchAll(UFRAG)].some((found) => found[1] === ufrag);
}
