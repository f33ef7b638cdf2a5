/* board.js - the drawing board: wires the connection, the list of strokes, the canvases and the tools together.
 *
 *   board/strokes.js   what the server said, in its order          board/paint.js    strokes onto a canvas
 *   board/outbox.js    what we drew and it has not confirmed       board/surface.js  what is painted when
 *   board/view.js      which part of the board is on screen        board/pointers.js, keyboard.js  hands
 *
 * The order of the server's broadcasts is the order of painting, for everybody; our own strokes lie above until
 * theirs comes back. Each new connection brings the whole picture, which replaces ours.
 *
 * Hooks for tests, all read-only:
 *   canvas#board   data-strokes  confirmed strokes that are painted
 *                  data-pending  own strokes that are not confirmed yet
 *                  data-working  "true" while strokes wait to be painted
 *                  data-scale, data-x, data-y   the view: CSS pixels from the canvas' corner = unit * scale + (x, y)
 *   #active-users li[data-username], #people-count, #board-unsent[data-count], #board-empty, #board-loading
 *   #dock [data-tool], #palette label[data-color], #own-color, #width, #zoom-in, #zoom-out, #zoom-100, #zoom-fit,
 *   #export, #export-dialog, #export-save, #help, #help-dialog, #ring, #crosshair, #fold
 *   .board         data-folded   the bars are put away */
import { formatNumber, passFocus, plural, toast } from './dom.js';
import { renderFaces, renderPeople } from './people.js';
import { closeWhenLeft, loginUrl, session } from './session.js';
import { socket } from './socket.js';
import { mountExport } from './board/export.js';
import { Keyboard } from './board/keyboard.js';
import { Outbox } from './board/outbox.js';
import { paintStroke } from './board/paint.js';
import { Pointers } from './board/pointers.js';
import { StrokeList } from './board/strokes.js';
import { Surface } from './board/surface.js';
import { Tools } from './board/tools.js';
import { PAGE, View } from './board/view.js';

const LOADING_SHOWS_AT = 20000; /* strokes to go: fewer are painted before anybody has read a notice */
const WAITING_SHOWS_AFTER_MS = 600;
const EDGE = 16;

const byId = (id) => document.getElementById(id);
const root = document.querySelector('.board');
const stage = byId('stage');
const canvas = byId('board');

const list = new StrokeList();
let confirmed = []; /* { stroke, index }: in the list, perhaps not painted yet */
let keyboard = null;
let pictureCame = false;

/* ── the picture ── */

const view = new View(() => {
  surface.viewChanged();
  showView();
});

const outbox = new Outbox(socket, {
  onChange: () => { surface.overlayChanged(); showUnsent(); },
  onRefused: (n) => {
    surface.overlayChanged();
    toast(`${plural(n, 'stroke was', 'strokes were')} not saved by the server.`, { kind: 'error' });
  },
});

const tools = new Tools(() => { stage.dataset.tool = tools.tool; ring.update(); });

const pointers = new Pointers(stage, {
  view,
  outbox,
  brush: (event) => tools.brush(event),
  mode: () => (tools.tool === 'hand' || keyboard?.space ? 'pan' : 'draw'),
  onChange: () => surface.overlayChanged(),
});

const surface = new Surface({
  canvas, overlay: byId('overlay'), stage, list, view,
  hooks: { paintOverlay, onPainted: showProgress, onResize: (width, height) => view.resize(width, height, freeEdges()) },
});

function paintOverlay(ctx) {
  confirmed = confirmed.filter(({ index }) => index >= surface.shown);
  const dots = pointers.dots();
  for (const { stroke } of confirmed) paintStroke(ctx, stroke);
  for (const { stroke } of outbox.strokes.values()) paintStroke(ctx, stroke);
  for (const dot of dots) paintStroke(ctx, dot);
  canvas.dataset.pending = outbox.strokes.size;
  return confirmed.length + outbox.strokes.size + dots.length > 0;
}

/* What the bars at the top and at the bottom leave free for the page. */
function freeEdges() {
  const bars = root.querySelector('.board__top');
  if (!bars.getClientRects().length) return { top: EDGE, right: EDGE, bottom: EDGE, left: EDGE }; /* put away, or on paper */
  const dock = byId('dock').getBoundingClientRect();
  const box = stage.getBoundingClientRect();
  const top = bars.getBoundingClientRect();
  const head = document.querySelector('.board__actions').getBoundingClientRect();
  return { top: head.bottom - box.top + (top.top - box.top), right: EDGE, bottom: box.bottom - dock.top + EDGE, left: EDGE };
}

function showView() {
  const { scale, x, y } = view;
  Object.assign(canvas.dataset, { scale, x, y });
  byId('zoom-value').textContent = `${formatNumber(scale * 100)} %`;
  const frame = byId('page-frame');
  frame.style.transform = `translate(${x}px, ${y}px)`;
  frame.style.width = `${PAGE.right * scale}px`;
  frame.style.height = `${PAGE.bottom * scale}px`;
  keyboard?.show();
  ring.update();
}

function showProgress({ shown, total, working }) {
  canvas.dataset.strokes = shown;
  canvas.dataset.working = String(working);
  byId('board-empty').hidden = !pictureCame || total > 0 || outbox.strokes.size > 0 || pointers.lines.size > 0;
  if (pictureCame) showLoading(working && total - shown >= LOADING_SHOWS_AT, working, total ? shown / total : 1, total);
}

/* Appears for a long way to go only, and then stays until the end of it. */
function showLoading(longWay, working, part, total) {
  const loading = byId('board-loading');
  if (loading.hidden && !longWay) return;
  loading.hidden = !working;
  loading.dataset.waiting = 'false';
  byId('loading-words').textContent = `Opening ${plural(total, 'stroke', 'strokes')}`;
  byId('loading-bar').setAttribute('aria-valuenow', Math.floor(part * 100));
  byId('loading-bar').firstElementChild.style.transform = `scaleX(${part})`;
}

/* A large picture takes its time on the line, before there is anything to count. */
function showWaiting() {
  if (pictureCame || !socket.isOpen) return;
  byId('board-loading').hidden = false;
  byId('board-loading').dataset.waiting = 'true';
}

/* Strokes that are on their way for the blink of an eye are nobody's worry; those without a connection are. */
function showUnsent() {
  const count = socket.isOpen ? 0 : outbox.strokes.size;
  const note = byId('board-unsent');
  note.dataset.count = count;
  const text = count ? `${plural(count, 'stroke waits', 'strokes wait')} for the connection` : '';
  if (note.textContent !== text) note.textContent = text;
}

/* ── the connection ── */

socket.on('init_strokes', ({ strokes }) => {
  list.replace(strokes);
  confirmed = [];
  if (!pictureCame) byId('board-loading').hidden = true;
  pictureCame = true;
  outbox.sync(strokes);
  surface.listReplaced();
});

socket.on('drawing', (stroke) => {
  if (outbox.confirm(stroke.id)) confirmed.push({ stroke, index: list.count });
  list.add(stroke);
  surface.strokesAdded();
});

socket.onState(({ name }) => {
  showUnsent();
  if (name === 'open') setTimeout(showWaiting, WAITING_SHOWS_AFTER_MS);
});

/* ── people ── */

let users = null;

function showPeople() {
  byId('guest-note').hidden = session.user !== null;
  if (!users) return;
  renderPeople(byId('active-users'), users, { me: session.user?.username ?? null, empty: 'Nobody is logged in right now.' });
  renderFaces(byId('faces'), users);
  byId('people-count').textContent = users.length ? `${formatNumber(users.length)} here` : 'Guests only';
}

socket.on('active_users_list', (message) => { users = message.users; showPeople(); });
session.onChange(showPeople);
byId('guest-note').querySelector('a').href = loginUrl();
closeWhenLeft(byId('board-people'));

/* ── the ring that shows how much the eraser takes ── */

const ring = {
  node: byId('ring'),
  at: null,
  update() {
    const shown = this.at && tools.tool === 'eraser';
    this.node.hidden = !shown;
    if (!shown) return;
    const size = tools.width * view.scale;
    this.node.style.width = this.node.style.height = `${size}px`;
    this.node.style.transform = `translate(${this.at.x - size / 2}px, ${this.at.y - size / 2}px)`;
  },
};
stage.addEventListener('pointermove', (event) => {
  const box = stage.getBoundingClientRect();
  ring.at = { x: event.clientX - box.left, y: event.clientY - box.top };
  ring.update();
});
stage.addEventListener('pointerleave', () => { ring.at = null; ring.update(); });

/* ── the bars, and the paper without them ── */

const isFolded = () => 'folded' in root.dataset;

function fold(away) {
  const button = byId('fold');
  if (away) for (const bar of [document.querySelector('.topbar'), root.querySelector('.board__top'), byId('dock-row')]) passFocus(bar, stage);
  root.toggleAttribute('data-folded', away);
  button.setAttribute('aria-expanded', String(!away));
  button.title = away ? 'Show the bars (F)' : 'Hide the bars (F)';
  if (!away && !button.getClientRects().length) passFocus(button, stage);
}
byId('fold').addEventListener('click', () => fold(!isFolded()));

/* A wheel goes up and down; the tools scroll sideways where there is no room for all. */
for (const bar of [byId('palette'), byId('dock-row'), root.querySelector('.board__actions')]) {
  bar.addEventListener('wheel', (event) => {
    if (bar.scrollWidth <= bar.clientWidth || event.deltaX || event.ctrlKey) return;
    event.preventDefault();
    bar.scrollLeft += event.deltaY;
  }, { passive: false });
}

/* ── buttons and keys ── */

const openExport = mountExport(list, view);
const withPage = (all) => (all ? { left: Math.min(all.left, PAGE.left), top: Math.min(all.top, PAGE.top), right: Math.max(all.right, PAGE.right), bottom: Math.max(all.bottom, PAGE.bottom) } : PAGE);
const showEverything = () => view.fit(withPage(list.bounds()));
const actions = {
  'zoom-in': () => view.zoom(1.25),
  'zoom-out': () => view.zoom(0.8),
  'zoom-100': () => view.zoom(1 / view.scale),
  'zoom-fit': () => view.fit(),
  export: openExport,
  help: () => byId('help-dialog').showModal(),
};
for (const [id, run] of Object.entries(actions)) byId(id).addEventListener('click', run);

keyboard = new Keyboard({
  stage, view, outbox, tools,
  busy: () => pointers.lines.size > 0 || pointers.movers.size > 0,
  say: (text) => { byId('board-say').textContent = text; },
}, {
  '+': actions['zoom-in'], '=': actions['zoom-in'], '-': actions['zoom-out'], 0: actions['zoom-fit'], 'shift+0': showEverything,
  '[': () => tools.stepWidth(-1), ']': () => tools.stepWidth(1), '?': actions.help,
  f: () => fold(!isFolded()), p: () => tools.setTool('pen'), e: () => tools.setTool(tools.tool === 'eraser' ? 'pen' : 'eraser'), h: () => tools.setTool('hand'),
  ...Object.fromEntries(Array.from({ length: 9 }, (_, i) => [i + 1, () => tools.nthColor(i)])),
});
