/* stats.js - how good a connection is, in words.
 *
 *   const watch = new QualityWatch();
 *   await watch.look(peer)      { level: 0..3, word, detail } since the last look; null while there is nothing to say
 */

const WORDS = ['No connection', 'Poor connection', 'Fair connection', 'Good connection'];
const FAIR = { rtt: 250, loss: 0.03, jitter: 50 };
const POOR = { rtt: 600, loss: 0.1, jitter: 150 };

export class QualityWatch {
  constructor() {
    this._last = new WeakMap();
  }

  async look(peer) {
    if (peer.isClosed) return null;
    if (peer.state === 'lost') return { level: 0, word: WORDS[0], detail: '' };
    if (peer.state !== 'connected') return null;
    const reports = [...(await peer.pc.getStats()).values()];
    const now = received(reports);
    const before = this._last.get(peer);
    this._last.set(peer, now);
    if (!before) return null;
    return judge(now, before, pathOf(reports));
  }
}

function received(reports) {
  const inbound = reports.filter(({ type }) => type === 'inbound-rtp');
  const sum = (name) => inbound.reduce((total, report) => total + (report[name] ?? 0), 0);
  return {
    packets: sum('packetsReceived'),
    lost: sum('packetsLost'),
    jitter: Math.max(0, ...inbound.map(({ jitter }) => (jitter ?? 0) * 1000)),
  };
}

/* The pair of candidates that is in use. */
function pathOf(reports) {
  const transport = reports.find(({ type, selectedCandidatePairId }) => type === 'transport' && selectedCandidatePairId);
  const pair = reports.find(({ id }) => id === transport?.selectedCandidatePairId)
    ?? reports.find(({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded');
  const local = reports.find(({ id }) => id === pair?.localCandidateId);
  const remote = reports.find(({ id }) => id === pair?.remoteCandidateId);
  return {
    rtt: Math.round((pair?.currentRoundTripTime ?? 0) * 1000),
    isRelayed: local?.candidateType === 'relay' || remote?.candidateType === 'relay',
  };
}

function judge(now, before, { rtt, isRelayed }) {
  const lost = Math.max(0, now.lost - before.lost);
  const all = Math.max(0, now.packets - before.packets) + lost;
  const loss = all ? lost / all : 0;
  const beyond = (limits) => rtt > limits.rtt || loss > limits.loss || now.jitter > limits.jitter;
  const level = beyond(POOR) ? 1 : beyond(FAIR) ? 2 : 3;
  const percent = loss > 0 && `${(loss * 100).toFixed(loss < 0.1 ? 1 : 0)} % lost`;
  const detail = [`${rtt} ms`, percent, isRelayed ? 'by relay' : 'direct'].filter(Boolean).join(', ');
  return { level, word: WORDS[level], detail };
}
