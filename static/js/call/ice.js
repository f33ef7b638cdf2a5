/* ice.js - the STUN and TURN servers of this Parlor. Their passwords expire, so they are asked for again after a while;
 * without an answer the last ones, or none, have to do: people on one network need none. */
const KEPT_MS = 10 * 60000;

let servers = [];
let askedAt = -Infinity;

export async function iceServers() {
  if (performance.now() - askedAt < KEPT_MS) return servers;
  try {
    const response = await fetch('/api/ice-servers', { headers: { Accept: 'application/json' }, cache: 'no-store' });
    if (response.ok) {
      const answer = await response.json();
      if (Array.isArray(answer.iceServers)) {
        servers = answer.iceServers;
        askedAt = performance.now();
      }
    }
  } catch { /* see above */ }
  return servers;
}
