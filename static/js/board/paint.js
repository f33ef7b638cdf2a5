/* paint.js - strokes onto a canvas.
 *
 * Every stroke is painted by itself, in order. Joining neighbours into one path would be faster, but the soft
 * edges where they overlap would then depend on which strokes happened to arrive together, and two people would
 * look at two pictures that differ by a shade. */
import { BLOCK, widthOf } from './strokes.js';
import { toRgba, toStyle } from './color.js';

export const PAPER = '#ffffff';

/* Fills the whole canvas with paper, and makes it ready for strokes seen through the view. */
export function layPaper(ctx) {
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.fillStyle = PAPER;
  ctx.fillRect(0, 0, ctx.canvas.width, ctx.canvas.height);
}

/* One unit of the board becomes scale * density pixels of the canvas. */
export function look(ctx, { scale, x, y }, density) {
  ctx.setTransform(scale * density, 0, 0, scale * density, x * density, y * density);
  ctx.lineCap = 'round';
  ctx.lineJoin = 'round';
}

function paintOne(ctx, x0, y0, x1, y1, width) {
  ctx.beginPath();
  if (x0 === x1 && y0 === y1) {
    /* Browsers do not agree on a line without length; a dot is a disc. */
    ctx.arc(x0, y0, width / 2, 0, 2 * Math.PI);
    ctx.fill();
    return;
  }
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

/* Paints strokes of the list from index `from` on, at most `budget` of those that touch the rectangle.
 * Returns the index to go on from. */
export function paintSome(ctx, list, from, rect, budget) {
  const { points, widths, colors, count } = list;
  let color = -1;
  let width = -1;
  let i = from;
  let left = budget;
  while (i < count && left > 0) {
    if ((i === from || i % BLOCK === 0) && !list.blockTouches(i, rect)) {
      i = Math.min(count, (Math.floor(i / BLOCK) + 1) * BLOCK);
      left -= 1;
      continue;
    }
    const x0 = points[i * 4];
    const y0 = points[i * 4 + 1];
    const x1 = points[i * 4 + 2];
    const y1 = points[i * 4 + 3];
    const half = widths[i];
    if (Math.max(x0, x1) + half >= rect.left && Math.min(x0, x1) - half <= rect.right
      && Math.max(y0, y1) + half >= rect.top && Math.min(y0, y1) - half <= rect.bottom) {
      if (colors[i] !== color) {
        color = colors[i];
        ctx.strokeStyle = ctx.fillStyle = toStyle(color);
      }
      if (widths[i] !== width) ctx.lineWidth = width = widths[i];
      paintOne(ctx, x0, y0, x1, y1, width);
      left -= 1;
    }
    i++;
  }
  return i;
}

/* Paints one stroke that is not in the list (yet). Rounds to single precision as the list does, so that
 * nothing shifts when it gets there. */
export function paintStroke(ctx, stroke) {
  ctx.strokeStyle = ctx.fillStyle = toStyle(toRgba(stroke.color));
  ctx.lineWidth = Math.fround(widthOf(stroke));
  paintOne(ctx, Math.fround(stroke.startX), Math.fround(stroke.startY), Math.fround(stroke.endX), Math.fround(stroke.endY), ctx.lineWidth);
}
