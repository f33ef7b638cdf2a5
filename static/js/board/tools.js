/* tools.js - what the hand holds: pen, eraser or the hand that moves the view; colour; width.
 *
 * The eraser draws in the colour of the paper: to everybody, older clients included, it is a stroke like any other. */
import { h, prefs } from '../dom.js';
import { PAPER } from './paint.js';
import { isEraserEnd } from './pointers.js';

export const COLORS = [
  ['#1f2a37', 'Ink'], ['#868e96', 'Grey'], ['#e03131', 'Red'], ['#f08c00', 'Orange'], ['#fcc419', 'Yellow'],
  ['#2f9e44', 'Green'], ['#15aabf', 'Cyan'], ['#1971c2', 'Blue'], ['#9c36b5', 'Violet'],
];
const MIN_WIDTH = 1;
const MAX_WIDTH = 60;
const PREVIEW_MAX = 34;

const byId = (id) => document.getElementById(id);
const isColor = (text) => /^#[0-9a-f]{6}$/i.test(text);

export class Tools {
  /* onChange() after every change. */
  constructor(onChange) {
    const saved = prefs.get('board.tools', {});
    this.tool = 'pen';
    this.color = isColor(saved.color) ? saved.color : COLORS[0][0];
    this.widths = { pen: this._sane(saved.pen, 5), eraser: this._sane(saved.eraser, 28) };
    this._onChange = onChange;
    this._buildPalette(byId('palette'), isColor(saved.own) ? saved.own : '#d6336c');
    this._listen();
    this._render();
  }

  get width() {
    return this.widths[this.tool === 'eraser' ? 'eraser' : 'pen'];
  }

  /* What a pointer leaves behind. A pen's pressure varies its width; its other end erases. */
  brush(event) {
    if (this.tool === 'eraser' || isEraserEnd(event)) return { color: PAPER, width: this.widths.eraser };
    return { color: this.color, width: this._pressed(event) };
  }

  _pressed({ pointerType, pressure }) {
    const { pen } = this.widths;
    if (pointerType !== 'pen' || !(pressure > 0)) return pen;
    return Math.max(0.5, Math.round(pen * (0.35 + 1.3 * pressure) * 10) / 10);
  }

  setTool(tool) {
    this.tool = tool;
    this._show();
  }

  setColor(color) {
    this.color = color;
    this.tool = 'pen';
    this._show();
  }

  nthColor(n) {
    if (COLORS[n]) this.setColor(COLORS[n][0]);
  }

  setWidth(width) {
    this.widths[this.tool === 'eraser' ? 'eraser' : 'pen'] = this._sane(width, 5);
    this._show();
  }

  /* A step is larger where the line is wide: it should always look like one. */
  stepWidth(direction) {
    this.setWidth(this.width + direction * Math.max(1, Math.round(this.width / 8)));
  }

  _sane(width, otherwise) {
    return Number.isFinite(width) ? Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, Math.round(width))) : otherwise;
  }

  _buildPalette(root, own) {
    COLORS.forEach(([color, name], i) => root.append(this._swatch(color, name, i + 1)));
    this._own = h('input', { type: 'color', id: 'own-color', value: own, 'aria-label': 'Another colour' });
    this._ownLabel = h('label', { class: 'swatch swatch--own', title: 'Another colour' }, this._own, h('span', { class: 'swatch__dot' }));
    root.append(this._ownLabel);
  }

  _swatch(color, name, key) {
    const input = h('input', { type: 'radio', name: 'color', value: color, 'aria-label': name });
    const dot = h('span', { class: 'swatch__dot' });
    dot.style.setProperty('--swatch', color);
    return h('label', { class: 'swatch', title: `${name} (${key})`, 'data-color': color }, input, dot);
  }

  _listen() {
    byId('palette').addEventListener('change', (event) => { if (event.target.name === 'color') this.setColor(event.target.value); });
    for (const type of ['input', 'click']) this._own.addEventListener(type, () => this.setColor(this._own.value));
    byId('width').addEventListener('input', (event) => this.setWidth(Number(event.target.value)));
    byId('dock').addEventListener('click', (event) => {
      const button = event.target.closest('[data-tool]');
      if (button) this.setTool(button.dataset.tool);
    });
  }

  _show() {
    this._render();
    prefs.set('board.tools', { color: this.color, own: this._own.value, ...this.widths });
    this._onChange();
  }

  _render() {
    for (const button of document.querySelectorAll('#dock [data-tool]')) button.setAttribute('aria-pressed', String(button.dataset.tool === this.tool));
    let fromPalette = false;
    for (const input of document.querySelectorAll('#palette [name=color]')) {
      input.checked = input.value === this.color;
      fromPalette ||= input.checked;
    }
    this._ownLabel.classList.toggle('is-on', !fromPalette);
    if (!fromPalette) this._own.value = this.color;
    this._ownLabel.querySelector('.swatch__dot').style.setProperty('--swatch', this._own.value);
    byId('width').value = this.width;
    byId('width-value').textContent = this.width;
    this._showPreview();
  }

  _showPreview() {
    const dot = byId('width-preview');
    const size = `${Math.min(PREVIEW_MAX, Math.max(2, this.width))}px`;
    dot.style.width = dot.style.height = size;
    dot.style.background = this.tool === 'eraser' ? PAPER : this.color;
    dot.dataset.eraser = String(this.tool === 'eraser');
  }
}
