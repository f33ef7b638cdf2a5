/* dom.js - the few DOM helpers that every page uses.
 *
 *   h('li', { class: 'person', 'data-name': name }, avatar, name)   an element; strings become text nodes
 *   icon('send')                                                    an <svg> from icons.svg
 *   toast('Saved', { kind: 'ok' })                                  a notice that goes away by itself
 *   plural(3, 'person', 'people')                                   "3 people"
 *   passFocus(button, log)                                          before something with the focus goes away
 *
 * Nothing here, and nothing anywhere else in Parlor, parses data as HTML. */

const SVG = 'http://www.w3.org/2000/svg';

/* Builds an element. Properties: on* take functions, true/false switch an attribute, the rest are attributes. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith('on') && typeof value === 'function') node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

/* An icon of icons.svg. Decorative unless a label is given. */
export function icon(name, label) {
  const svg = document.createElementNS(SVG, 'svg');
  const use = document.createElementNS(SVG, 'use');
  svg.setAttribute('class', 'icon');
  if (label) {
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
  } else {
    svg.setAttribute('aria-hidden', 'true');
  }
  use.setAttribute('href', iconHref(name));
  svg.append(use);
  return svg;
}

/* An icon is often needed at the very moment when the server is away ("reconnecting"), and browsers ask for the
 * file again when a reference changes. So the file is read once, and its symbols are kept in the page. */
let symbolsAreHere = false;
const iconHref = (name) => (symbolsAreHere ? `#icon-${name}` : `/public/icons.svg#${name}`);

async function keepSymbols() {
  const response = await fetch('/public/icons.svg');
  if (!response.ok) return;
  const file = new DOMParser().parseFromString(await response.text(), 'image/svg+xml');
  const store = svg('svg', { width: 0, height: 0, 'aria-hidden': 'true', class: 'visually-hidden' });
  for (const symbol of file.querySelectorAll('symbol')) {
    symbol.id = `icon-${symbol.id}`; /* not to be confused with the ids of the page */
    store.append(document.importNode(symbol, true));
  }
  document.body.append(store);
  symbolsAreHere = true;
}
keepSymbols().catch(() => {});

/* Swaps the picture of an existing icon. */
export function setIcon(svg, name) {
  svg.querySelector('use').setAttribute('href', iconHref(name));
}

export function svg(tag, attributes = {}) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/* Numbers as people read them: thin groups, no decimals that say nothing. */
const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
export const formatNumber = (n) => grouped.format(n).replaceAll(',', '\u202f');
export const plural = (n, one, many) => `${formatNumber(n)} ${n === 1 ? one : many}`;

/* To be called before `node` is hidden or removed: when it has the focus, that goes to `to`, or where a screen reader
 * and the Tab key go on from: the content of the page. Otherwise it would be nowhere. */
export function passFocus(node, to = null) {
  if (!node.contains(document.activeElement)) return;
  const isThere = to?.isConnected && to.getClientRects().length > 0;
  (isThere ? to : document.getElementById('main')).focus({ preventScroll: true });
}

/* For what comes and goes by itself: remove() gives the focus back to where it came from. */
export function comesAndGoes(node) {
  let before = null;
  node.addEventListener('focusin', ({ relatedTarget }) => { if (!node.contains(relatedTarget)) before = relatedTarget; });
  return () => {
    passFocus(node, before);
    node.remove();
  };
}

const TOAST_ICONS = { info: 'info', ok: 'check', error: 'warning' };
const removals = new WeakMap(); /* notice -> what takes it away */

/* Shows a notice. kind: info, ok, error. action: { label, run } adds a button. ms: 0 keeps it until it is closed.
 * The same text is never on screen twice, and none goes away by itself while it has the focus. Returns a function that
 * takes the notice away. */
export function toast(text, { kind = 'info', action = null, ms = kind === 'error' ? 8000 : 4500 } = {}) {
  const region = document.getElementById('toasts');
  for (const old of [...region.children]) if (old.dataset.text === text) removals.get(old)();
  const node = h('div', { class: `toast toast--${kind}`, role: kind === 'error' ? 'alert' : 'status', 'data-text': text },
    icon(TOAST_ICONS[kind]), h('span', { class: 'toast__text' }, text));
  const close = comesAndGoes(node);
  removals.set(node, close);
  if (action) {
    node.append(h('button', { type: 'button', class: 'btn btn--sm', onclick: () => { close(); action.run(); } }, action.label));
  }
  node.append(h('button', { type: 'button', class: 'btn btn--quiet btn--icon btn--sm', 'aria-label': 'Close this notice', onclick: close }, icon('close')));
  region.append(node);
  while (region.children.length > 4) removals.get(region.firstChild)();
  const end = () => {
    if (!node.contains(document.activeElement)) close();
    else node.addEventListener('focusout', () => setTimeout(end, ms), { once: true });
  };
  if (ms) setTimeout(end, ms);
  return close;
}

/* localStorage that may be switched off or full: preferences are nice to have, never needed. */
export const prefs = {
  get(key, fallback) {
    try {
      const text = localStorage.getItem(`parlor.${key}`);
      return text === null ? fallback : JSON.parse(text);
    } catch {
      return fallback;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`parlor.${key}`, JSON.stringify(value));
    } catch { /* see above */ }
  },
};
