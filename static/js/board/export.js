/* export.js - the board as a PNG file.
 *
 * Painted anew from the list at a good resolution, not copied from the screen; in slices, because a picture of
 * a million strokes takes seconds. Paper included. */
import { h, toast } from '../dom.js';
import { layPaper, look, paintSome } from './paint.js';
import { PAGE } from './view.js';

const MARGIN = 16;
const PIXELS_A_UNIT = 2;
const LONGEST_SIDE = 8192; /* what every browser's canvas can do */
const SLICE = 4000;

const byId = (id) => document.getElementById(id);

function around({ left, top, right, bottom }, margin) {
  return { left: left - margin, top: top - margin, right: right + margin, bottom: bottom + margin };
}

function partRect(part, list, view) {
  if (part === 'view') return view.rect();
  if (part === 'page') return PAGE;
  const all = list.bounds();
  return all ? around(all, MARGIN) : PAGE;
}

function pixels(rect, scale) {
  const width = rect.right - rect.left;
  const height = rect.bottom - rect.top;
  const fitting = Math.min(scale, LONGEST_SIDE / Math.max(width, height));
  return { scale: fitting, width: Math.max(1, Math.round(width * fitting)), height: Math.max(1, Math.round(height * fitting)) };
}

const nextFrame = () => new Promise((resolve) => { setTimeout(resolve, 0); });

async function paint(list, rect, { scale, width, height }) {
  const canvas = h('canvas', { width, height });
  const ctx = canvas.getContext('2d', { alpha: false });
  layPaper(ctx);
  look(ctx, { scale, x: -rect.left * scale, y: -rect.top * scale }, 1);
  for (let next = 0; next < list.count;) {
    next = paintSome(ctx, list, next, rect, SLICE);
    await nextFrame();
  }
  return canvas;
}

function save(blob) {
  const day = new Date().toISOString().slice(0, 10);
  const link = h('a', { href: URL.createObjectURL(blob), download: `parlor-board-${day}.png` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/* Returns a function that opens the dialog. */
export function mountExport(list, view) {
  const dialog = byId('export-dialog');
  const scaleOf = (part) => (part === 'view' ? view.scale * devicePixelRatio : PIXELS_A_UNIT);
  byId('export-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const part = new FormData(event.target).get('part');
    const rect = partRect(part, list, view);
    byId('export-save').disabled = true;
    try {
      const canvas = await paint(list, rect, pixels(rect, scaleOf(part)));
      const blob = await new Promise((resolve) => { canvas.toBlob(resolve, 'image/png'); });
      if (!blob) throw new Error('too large');
      save(blob);
      dialog.close();
      toast('The picture is in your downloads.', { kind: 'ok' });
    } catch {
      toast('The picture could not be made: it is too large for this browser.', { kind: 'error' });
    } finally {
      byId('export-save').disabled = false;
    }
  });
  return () => {
    for (const part of ['all', 'page', 'view']) {
      const { width, height } = pixels(partRect(part, list, view), scaleOf(part));
      byId(`export-${part}-size`).textContent = `${width} × ${height} pixels`;
    }
    dialog.showModal();
  };
}
