/* keyboard.js - drawing without a pointer, and the shortcuts.
 *
 * On the paper: arrow keys move a crosshair, held Enter or space draws. Shortcuts are single keys; they work
 * everywhere on the page outside of text fields, unless somebody switched that off in the help (speech input
 * and shaky hands press keys by accident), and then on the paper alone. */
import { prefs } from '../dom.js';

const STEP_PX = 8;
const LONG_STEP_PX = 40;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const MARGIN = 24;

const round = (n) => Math.round(n * 100) / 100;

export class Keyboard {
  /* actions: key -> function; board: { stage, view, outbox, tools, busy(), say(text), onChange() } */
  constructor(board, actions) {
    this.board = board;
    this.actions = actions;
    this.cursor = null;  /* board units, once arrow keys were used */
    this.line = null;    /* while Enter or space is held */
    this.space = false;
    this.crosshair = document.getElementById('crosshair');
    this.everywhere = document.getElementById('shortcuts');
    this.everywhere.checked = prefs.get('board.shortcuts', true);
    this.everywhere.addEventListener('change', () => prefs.set('board.shortcuts', this.everywhere.checked));
    document.addEventListener('keydown', (event) => this._down(event));
    document.addEventListener('keyup', (event) => this._up(event));
    addEventListener('blur', () => { this.space = false; this._penUp(); });
    board.stage.addEventListener('pointerdown', () => this._hide());
    board.stage.addEventListener('blur', () => this._hide());
  }

  _down(event) {
    const onPaper = event.target === this.board.stage;
    if (event.ctrlKey || event.metaKey || event.altKey || this._isElsewhere(event.target)) return;
    if (event.key === ' ' && (onPaper || event.target === document.body)) return this._spaceDown(event, onPaper);
    if (onPaper && this._drawingKey(event)) return event.preventDefault();
    if (!onPaper && !this.everywhere.checked) return;
    const key = event.shiftKey && event.code === 'Digit0' ? 'shift+0' : event.key.toLowerCase();
    const action = this.actions[key];
    if (!action || event.repeat && !'[]+-='.includes(key)) return;
    event.preventDefault();
    action();
  }

  /* Fields want their keys themselves, and so does an open dialog. */
  _isElsewhere(target) {
    return Boolean(target.closest?.('dialog, textarea, select, input:not([type=radio], [type=range], [type=color]), [contenteditable]'));
  }

  _spaceDown(event, onPaper) {
    event.preventDefault();
    this.space = true; /* with a pointer: moves the view */
    if (onPaper && this.cursor && !event.repeat) this._penDown();
  }

  _drawingKey(event) {
    if (event.key in ARROWS) {
      this._go(ARROWS[event.key], event.shiftKey ? LONG_STEP_PX : STEP_PX);
      return true;
    }
    if (event.key !== 'Enter') return false;
    if (!event.repeat) {
      this.cursor ??= this._start();
      this._penDown();
    }
    return true;
  }

  _up(event) {
    if (event.key === ' ') this.space = false;
    if (event.key === ' ' || event.key === 'Enter') this._penUp();
  }

  _start() {
    const { view } = this.board;
    const { x, y } = view.toBoard(view.width / 2, view.height / 2);
    return { x: round(x), y: round(y) };
  }

  _go([dx, dy], step) {
    const { view, outbox, tools } = this.board;
    const from = this.cursor ?? this._start();
    const way = step / view.scale;
    const to = { x: round(from.x + dx * way), y: round(from.y + dy * way) };
    if (this.line) {
      outbox.add(this.line, { startX: from.x, startY: from.y, endX: to.x, endY: to.y, ...tools.brush({}) });
      this.moved = true;
    }
    this.cursor = to;
    this._follow();
    this.show();
  }

  /* The crosshair never leaves the window: the paper moves. */
  _follow() {
    const { view } = this.board;
    const at = view.toScreen(this.cursor.x, this.cursor.y);
    const dx = Math.min(0, view.width - MARGIN - at.x) + Math.max(0, MARGIN - at.x);
    const dy = Math.min(0, view.height - MARGIN - at.y) + Math.max(0, MARGIN - at.y);
    if (dx || dy) view.pan(dx, dy);
  }

  _penDown() {
    if (this.line || this.board.busy()) return;
    this.line = this.board.outbox.newLine();
    this.moved = false;
    this.crosshair.classList.add('is-down');
    this.show();
  }

  _penUp() {
    if (!this.line) return;
    const { outbox, tools, say } = this.board;
    const { x, y } = this.cursor;
    if (!this.moved) outbox.add(this.line, { startX: x, startY: y, endX: x, endY: y, ...tools.brush({}) });
    this._forgetLine();
    say(`${this.moved ? 'Line' : 'Dot'} drawn, at ${Math.round(x)}, ${Math.round(y)}`);
  }

  _forgetLine() {
    this.line = null;
    this.crosshair.classList.remove('is-down');
  }

  /* Puts the crosshair where it belongs; also after the view moved. */
  show() {
    if (!this.cursor) return;
    const { x, y } = this.board.view.toScreen(this.cursor.x, this.cursor.y);
    this.crosshair.hidden = false;
    this.crosshair.style.transform = `translate(${x}px, ${y}px)`;
  }

  /* A pen that is down and has not moved was a space bar for moving the view, then: it leaves no dot. */
  _hide() {
    if (this.line && !this.moved) this._forgetLine();
    this._penUp();
    this.cursor = null;
    this.crosshair.hidden = true;
  }
}
