/* preview.js - the page of the board in small, for other pages: looks, does not draw.
 *
 *   const preview = new Preview(canvas, (count) => ...);
 *   preview.replace(strokes); preview.add(stroke);
 *
 * Hook for tests: canvas.dataset.strokes, how many are painted. */
import { layPaper, look, paintSome } from './paint.js';
import { StrokeList } from './strokes.js';
import { PAGE } from './view.js';

const A_FRAME = 3000; /* strokes; a front page has other things to do */

export class Preview {
  constructor(canvas, onCount) {
    this.canvas = canvas;
    this.ctx = canvas.getContext('2d', { alpha: false });
    this.list = new StrokeList();
    this.painted = 0;
    this.onCount = onCount;
    this._asked = false;
    this._fresh = true;
    layPaper(this.ctx);
    new ResizeObserver(() => { this._fresh = true; this._ask(); }).observe(canvas);
  }

  replace(strokes) {
    this.list.replace(strokes);
    this._fresh = true;
    this._ask();
  }

  add(stroke) {
    this.list.add(stroke);
    this._ask();
  }

  _ask() {
    if (this._asked) return;
    this._asked = true;
    requestAnimationFrame(() => this._frame());
  }

  _frame() {
    this._asked = false;
    if (this._fresh) this._startOver();
    const { width } = this.canvas;
    look(this.ctx, { scale: width / PAGE.right, x: 0, y: 0 }, 1);
    this.painted = paintSome(this.ctx, this.list, this.painted, PAGE, A_FRAME);
    this.canvas.dataset.strokes = this.painted;
    this.onCount(this.list.count);
    if (this.painted < this.list.count) this._ask();
  }

  _startOver() {
    this._fresh = false;
    this.painted = 0;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * devicePixelRatio));
    this.canvas.height = Math.max(1, Math.round(this.canvas.width * (PAGE.bottom / PAGE.right)));
    layPaper(this.ctx);
  }
}
