/* surface.js - the two canvases of the board, and when what is painted.
 *
 * Below: what the server said, complete and in its order. Above: our own strokes that it has not confirmed yet.
 * Everything happens in one animation frame: messages that arrived since the last one are painted together, and
 * a provisional stroke disappears in the frame in which the confirmed one is painted below it.
 *
 * When the view changes, the picture is painted again from the list. A long list takes several frames; until the
 * new picture is complete, the last complete one is shown in the new place, slightly blurred perhaps. How many
 * strokes a frame may take is learned from how long the frames take. */
import { layPaper, look, paintSome } from './paint.js';

const SMALLEST_BUDGET = 500;
const LARGEST_BUDGET = 100000;
const SLOW_FRAME_MS = 40;
const FAST_FRAME_MS = 24;

function makeContext(canvas, alpha) {
  return canvas.getContext('2d', { alpha });
}

export class Surface {
  /* hooks: paintOverlay(ctx) returns whether it painted anything, onPainted({ shown, total, working }), onResize(width, height) */
  constructor({ canvas, overlay, stage, list, view, hooks }) {
    Object.assign(this, { canvas, overlay, stage, list, view, hooks });
    this.ctx = makeContext(canvas, false);
    this.overlayCtx = makeContext(overlay, true);
    this.back = makeContext(document.createElement('canvas'), false);     /* the next picture, while it grows */
    this.snapshot = makeContext(document.createElement('canvas'), false); /* the last complete picture */
    this.snapshotView = null;
    this.shown = 0;       /* strokes of the list that are on screen */
    this.shownView = null;
    this.job = null;      /* { next, view, target }: painting anew */
    this.budget = 4000;
    this.density = 1;
    this._viewDirty = true;
    this._overlayDirty = true;
    this._overlayUsed = false;
    this._asked = false;
    this._lastWork = 0;
    this._observe();
  }

  /* Something changed: which of it, the next frame will see. */
  strokesAdded() { this._ask(); }
  overlayChanged() { this._overlayDirty = true; this._ask(); }
  viewChanged() { this._viewDirty = true; this.overlayChanged(); }

  /* The list was replaced. The old picture stays until the new one is complete. */
  listReplaced() {
    this.shown = 0;
    this._viewDirty = true;
    this._ask();
  }

  get working() {
    return Boolean(this.job) || this._viewDirty || this.shown < this.list.count;
  }

  _ask() {
    if (this._asked) return;
    this._asked = true;
    requestAnimationFrame((now) => this._frame(now));
  }

  _frame(now) {
    this._asked = false;
    if (!this.canvas.width || !this.canvas.height) return; /* the observer will call */
    this._learn(now);
    if (this._viewDirty) this._startJob();
    if (this.job) this._continueJob();
    else this._catchUp();
    if (this._overlayDirty) this._paintOverlay();
    this.hooks.onPainted({ shown: this.job ? this.job.next : this.shown, total: this.list.count, working: this.working });
    this._lastWork = this.working ? now : 0;
    if (this.working) this._ask();
  }

  /* Two working frames in a row: their distance says whether the last budget was too large. */
  _learn(now) {
    if (!this._lastWork) return;
    const took = now - this._lastWork;
    if (took > SLOW_FRAME_MS) this.budget = Math.max(SMALLEST_BUDGET, Math.floor(this.budget * 0.6));
    else if (took < FAST_FRAME_MS) this.budget = Math.min(LARGEST_BUDGET, Math.floor(this.budget * 1.4));
  }

  /* Live strokes go straight onto the picture. */
  _catchUp() {
    if (this.shown >= this.list.count) return;
    look(this.ctx, this.view, this.density);
    this.shown = paintSome(this.ctx, this.list, this.shown, this.view.rect(), this.budget);
    this._overlayDirty = true; /* what was confirmed leaves the upper canvas now */
  }

  _startJob() {
    this._viewDirty = false;
    if (!this.job && this.shownView && this.list.count > this.budget) this._keepSnapshot();
    /* With nothing to show meanwhile, the picture may as well grow before everybody's eyes. */
    const target = this.snapshotView ? this.back : this.ctx;
    this.job = { next: 0, view: this.view.copy(), target };
    layPaper(target);
  }

  _continueJob() {
    const { job } = this;
    look(job.target, job.view, this.density);
    job.next = paintSome(job.target, this.list, job.next, this.view.rect(), this.budget);
    if (job.next >= this.list.count) this._finishJob();
    else if (job.target === this.back) this._showSnapshot();
  }

  _finishJob() {
    const { next, view, target } = this.job;
    this.shown = next;
    this.shownView = view;
    this.job = null;
    this.snapshotView = null;
    if (target === this.back) {
      this.ctx.setTransform(1, 0, 0, 1, 0, 0);
      this.ctx.drawImage(this.back.canvas, 0, 0);
    }
    this._overlayDirty = true;
  }

  /* Until the new picture is complete: the old one, moved into place. */
  _showSnapshot() {
    const { scale, x, y } = this.job.view;
    const old = this.snapshotView;
    const zoom = scale / old.scale;
    layPaper(this.ctx);
    this.ctx.setTransform(zoom, 0, 0, zoom, (x - old.x * zoom) * this.density, (y - old.y * zoom) * this.density);
    this.ctx.drawImage(this.snapshot.canvas, 0, 0);
  }

  _keepSnapshot() {
    const { canvas } = this.snapshot;
    canvas.width = this.canvas.width;
    canvas.height = this.canvas.height;
    this.snapshot.drawImage(this.canvas, 0, 0);
    this.snapshotView = this.shownView;
  }

  _paintOverlay() {
    this._overlayDirty = false;
    const ctx = this.overlayCtx;
    if (this._overlayUsed) {
      ctx.setTransform(1, 0, 0, 1, 0, 0);
      ctx.clearRect(0, 0, this.overlay.width, this.overlay.height);
    }
    look(ctx, this.view, this.density);
    this._overlayUsed = this.hooks.paintOverlay(ctx);
  }

  _observe() {
    const observer = new ResizeObserver(([entry]) => this._resize(entry));
    try {
      observer.observe(this.stage, { box: 'device-pixel-content-box' }); /* whole pixels of the screen: crisp */
    } catch {
      observer.observe(this.stage);
    }
  }

  _resize(entry) {
    const { width, height } = entry.contentRect;
    const exact = entry.devicePixelContentBoxSize?.[0];
    const pixels = {
      width: Math.max(1, exact?.inlineSize ?? Math.round(width * devicePixelRatio)),
      height: Math.max(1, exact?.blockSize ?? Math.round(height * devicePixelRatio)),
    };
    /* A resized canvas is empty: keep the picture for as long as the new one takes. */
    if (!this.job && this.shownView && this.list.count > this.budget) this._keepSnapshot();
    for (const canvas of [this.canvas, this.overlay, this.back.canvas]) Object.assign(canvas, pixels);
    this.job = null;
    this.shownView = null;
    this.density = width ? pixels.width / width : devicePixelRatio;
    layPaper(this.ctx);
    this.hooks.onResize(width, height);
    this.viewChanged();
  }
}
