/* view.js - which part of the board is on screen.
 *
 * The board has one coordinate system for everybody: the page of 720 x 400 units that the base protocol draws on,
 * and as much around it as people like. A view maps it to CSS pixels: screen = board * scale + (x, y). */

export const PAGE = { left: 0, top: 0, right: 720, bottom: 400 };
const MIN_SCALE = 0.02;
const MAX_SCALE = 40;
const FAR = 1e7;

const clamp = (n, low, high) => Math.max(low, Math.min(high, n));

export class View {
  constructor(onChange) {
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.width = 0;
    this.height = 0;
    this.fitted = true; /* follows the window until somebody moves it */
    this.insets = { top: 0, right: 0, bottom: 0, left: 0 }; /* what floats over the edges */
    this._onChange = onChange;
  }

  toBoard(px, py) {
    return { x: (px - this.x) / this.scale, y: (py - this.y) / this.scale };
  }

  toScreen(bx, by) {
    return { x: bx * this.scale + this.x, y: by * this.scale + this.y };
  }

  /* What can be seen, in board units. */
  rect() {
    const a = this.toBoard(0, 0);
    const b = this.toBoard(this.width, this.height);
    return { left: a.x, top: a.y, right: b.x, bottom: b.y };
  }

  resize(width, height, insets) {
    const middle = this.toBoard(this.width / 2, this.height / 2);
    Object.assign(this, { width, height, insets });
    if (this.fitted) return this.fit();
    this._set(this.scale, width / 2 - middle.x * this.scale, height / 2 - middle.y * this.scale);
  }

  pan(dx, dy) {
    this.fitted = false;
    this._set(this.scale, this.x + dx, this.y + dy);
  }

  /* Zooms around a point of the screen, which keeps its place. Without a point: the middle. */
  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const scale = clamp(this.scale * factor, MIN_SCALE, MAX_SCALE);
    const at = this.toBoard(px, py);
    this.fitted = false;
    this._set(scale, px - at.x * scale, py - at.y * scale);
  }

  /* Shows a rectangle as large as the free space allows. */
  fit(rect = PAGE) {
    const { top, right, bottom, left } = this.insets;
    const freeWidth = Math.max(40, this.width - left - right);
    const freeHeight = Math.max(40, this.height - top - bottom);
    const width = Math.max(1, rect.right - rect.left);
    const height = Math.max(1, rect.bottom - rect.top);
    const scale = clamp(Math.min(freeWidth / width, freeHeight / height), MIN_SCALE, MAX_SCALE);
    this.fitted = rect === PAGE;
    this._set(scale, left + (freeWidth - width * scale) / 2 - rect.left * scale, top + (freeHeight - height * scale) / 2 - rect.top * scale);
  }

  copy() {
    return { scale: this.scale, x: this.x, y: this.y };
  }

  _set(scale, x, y) {
    this.scale = scale;
    this.x = clamp(x, -FAR, FAR);
    this.y = clamp(y, -FAR, FAR);
    this._onChange();
  }
}
