/* strokes.js - all strokes of the board, in the server's order, in typed arrays.
 *
 * A hundred thousand objects would cost tens of megabytes and pauses of the garbage collector; numbers side by
 * side cost 24 bytes a stroke and are read in order. Every BLOCK strokes share a bounding box, so that painting a
 * small part of a large picture can skip most of it: people draw in one place for a while. */
import { toRgba } from './color.js';

export const BLOCK = 256;
export const DEFAULT_WIDTH = 5; /* of clients that send none */
const MAX_WIDTH = 400;
const FAR = 1e7; /* coordinates beyond are pulled in: single precision must stay finite */

export function widthOf(stroke) {
  const { width } = stroke;
  return typeof width === 'number' && width > 0 ? Math.min(width, MAX_WIDTH) : DEFAULT_WIDTH;
}

const near = (n) => (n > FAR ? FAR : n < -FAR ? -FAR : n);

export class StrokeList {
  constructor() {
    this.clear();
  }

  clear() {
    this.count = 0;
    this._room(BLOCK);
  }

  /* Everything anew. Room for all at once: no growing on the way. */
  replace(strokes) {
    this.count = 0;
    this._room(strokes.length * 1.1);
    for (const stroke of strokes) this.add(stroke);
  }

  /* Whole blocks, so that the last one has its box, too. */
  _room(atLeast) {
    const size = Math.max(1, Math.ceil(atLeast / BLOCK)) * BLOCK;
    const grow = (old, Type, per) => {
      const bigger = new Type(size * per);
      if (this.count) bigger.set(old);
      return bigger;
    };
    this.points = grow(this.points, Float32Array, 4); /* startX, startY, endX, endY */
    this.widths = grow(this.widths, Float32Array, 1);
    this.colors = grow(this.colors, Uint32Array, 1);
    this.boxes = grow(this.boxes, Float32Array, 4 / BLOCK); /* left, top, right, bottom of each block */
  }

  add(stroke) {
    const i = this.count;
    if (i === this.widths.length) this._room(i * 2);
    const width = widthOf(stroke);
    const x0 = near(stroke.startX);
    const y0 = near(stroke.startY);
    const x1 = near(stroke.endX);
    const y1 = near(stroke.endY);
    const { points } = this;
    points[i * 4] = x0;
    points[i * 4 + 1] = y0;
    points[i * 4 + 2] = x1;
    points[i * 4 + 3] = y1;
    this.widths[i] = width;
    this.colors[i] = toRgba(stroke.color);
    this._extendBox(i, Math.min(x0, x1) - width, Math.min(y0, y1) - width, Math.max(x0, x1) + width, Math.max(y0, y1) + width);
    this.count++;
  }

  _extendBox(i, left, top, right, bottom) {
    const { boxes } = this;
    const b = Math.floor(i / BLOCK) * 4;
    const first = i % BLOCK === 0;
    boxes[b] = first ? left : Math.min(boxes[b], left);
    boxes[b + 1] = first ? top : Math.min(boxes[b + 1], top);
    boxes[b + 2] = first ? right : Math.max(boxes[b + 2], right);
    boxes[b + 3] = first ? bottom : Math.max(boxes[b + 3], bottom);
  }

  /* Does the block that stroke i belongs to touch the rectangle? */
  blockTouches(i, rect) {
    const { boxes } = this;
    const b = Math.floor(i / BLOCK) * 4;
    return boxes[b] <= rect.right && boxes[b + 2] >= rect.left && boxes[b + 1] <= rect.bottom && boxes[b + 3] >= rect.top;
  }

  /* The rectangle around everything, or null when there is nothing. */
  bounds() {
    if (!this.count) return null;
    const rect = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
    for (let b = 0; b < Math.ceil(this.count / BLOCK) * 4; b += 4) {
      rect.left = Math.min(rect.left, this.boxes[b]);
      rect.top = Math.min(rect.top, this.boxes[b + 1]);
      rect.right = Math.max(rect.right, this.boxes[b + 2]);
      rect.bottom = Math.max(rect.bottom, this.boxes[b + 3]);
    }
    return rect;
  }
}
