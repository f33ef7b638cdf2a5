/* color.js - colours of strokes as numbers, and back.
 *
 * A stroke's colour is text that anybody may have sent: # with 3, 4, 6 or 8 hex digits, or letters. A canvas
 * silently keeps its old colour when it meets a name that it does not know, which would make the picture depend
 * on who looks at it; so every colour is resolved once, here, to 0xRRGGBBAA, and an unknown name is black. */

const KEPT = 512;
const BLACK = 0x000000ff;

const numbers = new Map();
const styles = new Map();
let probe = null;

/* People draw with few colours: nearly every stroke finds its answer here. */
export function toRgba(text) {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  if (typeof text !== 'string') return BLACK;
  const rgba = text.startsWith('#') ? fromHex(text.slice(1)) : fromName(text.toLowerCase());
  remember(numbers, text, rgba);
  return rgba;
}

function remember(cache, key, value) {
  if (cache.size >= KEPT) cache.clear();
  cache.set(key, value);
}

function fromHex(digits) {
  if (!/^[0-9a-f]+$/i.test(digits)) return BLACK;
  const long = digits.length <= 4 ? [...digits].map((digit) => digit + digit).join('') : digits;
  if (long.length === 6) return Number.parseInt(`${long}ff`, 16);
  return long.length === 8 ? Number.parseInt(long, 16) : BLACK;
}

/* The browser knows the names. Its answer is read back as a pixel, so that it does not matter how it spells it. */
function fromName(name) {
  probe ??= Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
  probe.clearRect(0, 0, 1, 1);
  probe.fillStyle = '#000000';
  probe.fillStyle = name;
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = probe.getImageData(0, 0, 1, 1).data;
  return ((r << 24) | (g << 16) | (b << 8) | a) >>> 0;
}

/* What a canvas wants to hear. */
export function toStyle(rgba) {
  let style = styles.get(rgba);
  if (style) return style;
  style = `#${rgba.toString(16).padStart(8, '0')}`;
  remember(styles, rgba, style);
  return style;
}
