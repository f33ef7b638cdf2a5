/* pointers.js - mouse, pens and fingers become lines, or move the view.
 *
 * Every pointer draws its own line, so two children on one tablet can both draw. Two fingers that come down
 * together (within TOGETHER_MS, before the first has gone anywhere) move and zoom the view instead; so that the
 * first of them leaves no mark, a finger's strokes are held back for that long. The middle button, the space bar
 * or the hand tool move the view, too, and so does the wheel (with Ctrl it zooms). A pen's eraser end erases;
 * while a pen is down, fingers are the palm of a hand. */

const TOGETHER_MS = 120;
const STILL_PX = 10;
const STEP_PX = 1.25;  /* points closer than this on screen add messages, and nothing one can see */
const ERASER_BUTTON = 32;

const round = (n) => Math.round(n * 100) / 100;

export class Pointers {
  /* brush(event) -> { color, width }; mode() -> 'draw' | 'pan'; onChange() after anything that shows */
  constructor(stage, { view, outbox, brush, mode, onChange }) {
    Object.assign(this, { stage, view, outbox, brush, mode, onChange });
    this.lines = new Map();   /* pointerId -> a line that is being drawn */
    this.movers = new Map();  /* pointerId -> { x, y } of those that move the view */
    stage.addEventListener('pointerdown', (event) => this._down(event));
    stage.addEventListener('pointermove', (event) => this._move(event));
    for (const type of ['pointerup', 'pointercancel']) stage.addEventListener(type, (event) => this._up(event));
    stage.addEventListener('lostpointercapture', (event) => this._up(event));
    stage.addEventListener('wheel', (event) => this._wheel(event), { passive: false });
  }

  /* Dots under pointers that are down and have not moved: they are sent only when they stay dots. */
  dots() {
    return [...this.lines.values()].filter(({ drawn }) => !drawn)
      .map(({ x, y, color, width }) => ({ startX: x, startY: y, endX: x, endY: y, color, width }));
  }

  _at(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  _down(event) {
    const panning = event.button === 1 || this.mode() === 'pan';
    if (!panning && event.button !== 0 && event.button !== 5) return; /* 5 is the eraser end of a pen */
    if (event.button === 1) event.preventDefault(); /* no automatic scrolling */
    if (event.pointerType === 'touch' && this._penIsDown()) return;
    try {
      this.stage.setPointerCapture(event.pointerId);
    } catch { /* the pointer is gone already, or a script made it up */ }
    if (panning || this.movers.size) return this._startMover(event);
    const partner = event.pointerType === 'touch' && this._partnerFor(event);
    if (!partner) return this._startLine(event);
    this._dropLine(partner);
    this._startMover(event);
  }

  _penIsDown() {
    return [...this.lines.values()].some(({ type }) => type === 'pen');
  }

  /* A finger that came down just now and is the only one: the two belong together. */
  _partnerFor(event) {
    const [first, ...others] = this.lines.values();
    if (!first || others.length || first.type !== 'touch') return null;
    return event.timeStamp - first.since < TOGETHER_MS && first.travelled < STILL_PX ? first : null;
  }

  _startLine(event) {
    const at = this._at(event);
    const { x, y } = this.view.toBoard(at.x, at.y);
    const line = this.outbox.newLine();
    const state = { id: event.pointerId, type: event.pointerType, line, since: event.timeStamp, travelled: 0, screen: at, x: round(x), y: round(y), drawn: 0, ...this.brush(event) };
    if (event.pointerType === 'touch') {
      line.held = true;
      state.timer = setTimeout(() => this.outbox.release(line), TOGETHER_MS);
    }
    this.lines.set(event.pointerId, state);
    this.onChange();
  }

  _dropLine(state) {
    clearTimeout(state.timer);
    this.lines.delete(state.id);
    this.outbox.cancel(state.line);
    this.movers.set(state.id, state.screen);
  }

  _move(event) {
    if (this.movers.has(event.pointerId)) return this._moveView(event);
    const state = this.lines.get(event.pointerId);
    if (!state) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this._extend(state, each, STEP_PX);
  }

  _extend(state, event, least) {
    const at = this._at(event);
    const way = Math.hypot(at.x - state.screen.x, at.y - state.screen.y);
    if (way < least || way === 0) return;
    state.travelled += way;
    state.screen = at;
    const point = this.view.toBoard(at.x, at.y);
    const x = round(point.x);
    const y = round(point.y);
    if (x === state.x && y === state.y) return;
    const { color, width } = this.brush(event, state);
    this.outbox.add(state.line, { startX: state.x, startY: state.y, endX: x, endY: y, color, width });
    Object.assign(state, { x, y, color, width, drawn: state.drawn + 1 });
  }

  _up(event) {
    if (this.movers.delete(event.pointerId)) return this._rest();
    const state = this.lines.get(event.pointerId);
    if (!state) return;
    if (event.type === 'pointerup') this._extend(state, event, 0.5);
    this.lines.delete(event.pointerId);
    if (!state.drawn && event.type !== 'pointercancel') {
      const { x, y, color, width } = state;
      this.outbox.add(state.line, { startX: x, startY: y, endX: x, endY: y, color, width });
    }
    if (state.timer) {
      clearTimeout(state.timer);
      this.outbox.release(state.line);
    }
    this.onChange();
  }

  /* ── moving the view ── */

  _startMover(event) {
    this.movers.set(event.pointerId, this._at(event));
    this.stage.classList.add('is-panning');
  }

  _rest() {
    if (!this.movers.size) this.stage.classList.remove('is-panning');
  }

  /* The middle of all fingers moves the view, their distance from it zooms. */
  _moveView(event) {
    const before = this._middle();
    this.movers.set(event.pointerId, this._at(event));
    const after = this._middle();
    this.view.pan(after.x - before.x, after.y - before.y);
    if (before.spread > 4 && after.spread > 4) this.view.zoom(after.spread / before.spread, after.x, after.y);
  }

  _middle() {
    const all = [...this.movers.values()];
    const x = all.reduce((sum, at) => sum + at.x, 0) / all.length;
    const y = all.reduce((sum, at) => sum + at.y, 0) / all.length;
    const spread = all.length < 2 ? 0 : all.reduce((sum, at) => sum + Math.hypot(at.x - x, at.y - y), 0) / all.length;
    return { x, y, spread };
  }

  _wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 18 : event.deltaMode === WheelEvent.DOM_DELTA_PAGE ? 400 : 1;
    const dx = event.deltaX * unit;
    const dy = event.deltaY * unit;
    if (event.ctrlKey || event.metaKey) {
      const at = this._at(event);
      this.view.zoom(Math.exp(-Math.max(-25, Math.min(25, dy)) * 0.01), at.x, at.y);
    } else if (event.shiftKey && !dx) {
      this.view.pan(-dy, 0);
    } else {
      this.view.pan(-dx, -dy);
    }
  }
}

export const isEraserEnd = (event) => event.pointerType === 'pen' && (event.buttons & ERASER_BUTTON) !== 0;
