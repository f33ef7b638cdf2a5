/* layout.js - where tiles go: as large as they can be, all of them in sight. Pure.
 *
 *   grid(5, width, height)                    five rectangles { x, y, width, height }
 *   focus(5, width, height)                   the first one large, the others beside or below it
 */

const GAP = 8;
const WIDEST = 16 / 9;
const TALLEST = { landscape: 6 / 5, portrait: 2 / 3 }; /* beyond that, too much of a camera's picture is cut off */
const STRIP_SHARE = 0.22;

/* The largest rectangle of a bearable shape in a cell. */
function fit(width, height, tallest) {
  const ratio = width / height;
  if (ratio > WIDEST) return { width: height * WIDEST, height };
  if (ratio < tallest) return { width, height: width / tallest };
  return { width, height };
}

export function grid(count, width, height) {
  const tallest = width > height ? TALLEST.landscape : TALLEST.portrait;
  let best = null;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cell = fit((width - GAP * (columns - 1)) / columns, (height - GAP * (rows - 1)) / rows, tallest);
    const area = Math.max(0, cell.width) * Math.max(0, cell.height);
    if (!best || area > best.area * 1.001) best = { columns, rows, cell, area };
  }
  return best ? place(count, best, width, height) : [];
}

/* Rows are centred, the last one too. */
function place(count, { columns, rows, cell }, width, height) {
  const top = (height - rows * cell.height - (rows - 1) * GAP) / 2;
  return Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = (width - inRow * cell.width - (inRow - 1) * GAP) / 2;
    return {
      x: left + (i - row * columns) * (cell.width + GAP),
      y: top + row * (cell.height + GAP),
      width: cell.width,
      height: cell.height,
    };
  });
}

export function focus(count, width, height) {
  if (count === 1) return [{ x: 0, y: 0, width, height }];
  const isWide = width > height * 1.15;
  const strip = isWide
    ? { width: clamp(width * STRIP_SHARE, 120, 280), height }
    : { width, height: clamp(height * STRIP_SHARE, 88, 200) };
  const main = isWide
    ? { x: 0, y: 0, width: width - strip.width - GAP, height }
    : { x: 0, y: 0, width, height: height - strip.height - GAP };
  const others = grid(count - 1, strip.width, strip.height).map((tile) => ({
    ...tile,
    x: tile.x + (isWide ? main.width + GAP : 0),
    y: tile.y + (isWide ? 0 : main.height + GAP),
  }));
  return [main, ...others];
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
