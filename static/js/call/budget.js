/* budget.js - how much of the line each person may take: everybody sends a picture to everybody, so the share
 * of one falls as the room grows.
 *
 *   tune(sender, 'camera', people)
 */

const CAMERA = [
  { people: 2, side: 720, bitrate: 1700000, rate: 30 },
  { people: 3, side: 540, bitrate: 1000000, rate: 30 },
  { people: 6, side: 360, bitrate: 500000, rate: 25 },
  { people: Infinity, side: 180, bitrate: 160000, rate: 15 },
];
const SCREEN = [
  { people: 3, side: 1440, bitrate: 2500000, rate: 15 },
  { people: 6, side: 1080, bitrate: 1200000, rate: 8 },
  { people: Infinity, side: 1080, bitrate: 700000, rate: 5 },
];

export function budgetFor(kind, people) {
  return (kind === 'screen' ? SCREEN : CAMERA).find((row) => people <= row.people);
}

/* The short side counts: a phone held upright sends 720 x 1280. */
export function scaleFor(track, side) {
  const { width, height } = track.getSettings();
  return Math.max(1, Math.min(width || side, height || side) / side);
}

export async function tune(sender, kind, people) {
  const { side, bitrate, rate } = budgetFor(kind, people);
  const wish = { maxBitrate: bitrate, maxFramerate: rate };
  if (sender.track) wish.scaleResolutionDownBy = scaleFor(sender.track, side);
  const parameters = sender.getParameters();
  if (!parameters.encodings?.length) return; /* not negotiated yet: it is called again then */
  const [encoding] = parameters.encodings;
  if (Object.entries(wish).every(([key, value]) => encoding[key] === value)) return;
  Object.assign(encoding, wish);
  await sender.setParameters(parameters);
}
