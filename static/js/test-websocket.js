/* test-websocket.js - the echo page.
 *
 * Echoes come back in the order in which they were sent, so a queue is enough to match them. What comes back
 * is compared with === to what went out: the same string, character for character.
 *
 * Hooks for tests: #echo-text, #echo-send, #echo-sizes button[data-size] and #echo-specials
 * button[data-special] (a click sends at once), #burst-count, #burst-size, #burst-send,
 * #echo-log tr[data-identical="true|false"][data-size][data-ms], newest first (an answer that never came,
 * because the connection broke, is data-identical="false" data-lost="true"),
 * #echo-stats [data-stat=min|median|max|identical], #echo-waiting. */
import { formatNumber, h, icon, plural, svg } from './dom.js';
import { socket } from './socket.js';

const ROWS = 200;     /* of the log; older ones go */
const BARS = 60;      /* of the chart */
const IN_FLIGHT = 64; /* of a burst: enough to keep the line busy, too few to measure only our own queue */
const PREVIEW = 80;

const byId = (id) => document.getElementById(id);
const waiting = [];   /* { text, size, frame, sentAt, onDone } */
const results = [];   /* { ms, identical } of everything since "Clear" */
const fresh = [];     /* results that are not on screen yet */
let number = 0;
let openedAt = null;

/* ── texts ── */

const encoder = new TextEncoder();
const bytesOf = (text) => encoder.encode(text).length;
const messageOf = (text) => JSON.stringify({ messageType: 'echo_client', text });
const EMPTY_MESSAGE = bytesOf(messageOf(''));

function textOfSize(size) {
  const wanted = byId('echo-whole').checked ? Math.max(0, size - EMPTY_MESSAGE) : size;
  const pattern = 'abcdefghijklmnopqrstuvwxyz0123456789';
  return pattern.repeat(Math.ceil(wanted / pattern.length)).slice(0, wanted);
}

const SPECIALS = {
  empty: '',
  nul: 'before\u0000after',
  surrogate: 'high \ud800 and low \udc00, alone',
  emoji: '👩‍👩‍👧‍👦 🏳️‍🌈 🇺🇦 👍🏽 e\u0301',
  html: '<script>alert("no")</script> & <img src=x onerror=alert(1)> &amp; \'"',
  scripts: 'Grüße · Привет · مرحبا · שלום · नमस्ते · 你好 · こんにちは · 안녕하세요 · ไทย · ∀x∈ℝ',
  controls: Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join('') + '\u007f\u0080\u2028\u2029\ufeff\uffff"\\/',
};

/* Text for the log: nothing invisible, nothing broken. */
function readable(text) {
  const shown = text.slice(0, PREVIEW).toWellFormed?.() ?? text.slice(0, PREVIEW);
  return (shown.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '·') || '(empty)') + (text.length > PREVIEW ? '…' : '');
}

/* ── sending and receiving ── */

function send(text, onDone = null) {
  const entry = { text, size: bytesOf(text), frame: bytesOf(messageOf(text)), sentAt: performance.now(), onDone };
  if (!socket.send('echo_client', { text })) {
    byId('echo-words').textContent = 'Not sent: there is no connection right now.';
    return false;
  }
  waiting.push(entry);
  render();
  return true;
}

function settle(entry, { identical, lost = false, shown }) {
  const ms = performance.now() - entry.sentAt;
  const result = { ...entry, number: ++number, ms, identical, lost, preview: readable(shown) };
  delete result.text; /* 5 MB each would add up */
  results.push({ ms: lost ? null : ms, identical });
  fresh.push(result);
  entry.onDone?.(result);
  render();
}

socket.on('echo_server', ({ text }) => {
  const entry = waiting.shift();
  if (entry) settle(entry, { identical: text === entry.text, shown: String(text) });
});

socket.onState(({ name }) => {
  openedAt = name === 'open' ? new Date() : null;
  if (name !== 'open') {
    for (const entry of waiting.splice(0)) settle(entry, { identical: false, lost: true, shown: entry.text });
  }
  showFacts();
});
socket.on('hello', () => showFacts());

/* A burst keeps a window of messages on the way until all are through. */
function burst(count, text) {
  const started = performance.now();
  let sent = 0;
  let done = 0;
  let bad = 0;
  const onDone = ({ identical }) => {
    done++;
    bad += identical ? 0 : 1;
    if (sent < count && socket.isOpen) next();
    else if (done === sent) finish();
  };
  const next = () => { if (send(text, onDone)) sent++; };
  const finish = () => {
    const seconds = (performance.now() - started) / 1000;
    byId('burst-send').disabled = false;
    const speed = `${formatNumber(done / seconds)} a second`;
    sayAfterRender(bad || sent < count
      ? `The burst broke: ${done - bad} of ${count} came back identical.`
      : `${plural(count, 'message', 'messages')} there and back in ${formatMs(seconds * 1000)}, ${speed}, all identical.`);
  };
  if (!socket.isOpen) return sayAfterRender('Not sent: there is no connection right now.');
  byId('burst-send').disabled = true;
  for (let i = 0; i < Math.min(count, IN_FLIGHT); i++) next();
}

/* ── what one sees ── */

function formatMs(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(1)} ms`;
}

let renderAsked = false;
let words = '';

function sayAfterRender(text) {
  words = text;
  render();
}

/* A burst brings hundreds of results in one frame: they are shown together. */
function render() {
  if (renderAsked) return;
  renderAsked = true;
  requestAnimationFrame(() => {
    renderAsked = false;
    showLog();
    showStats();
    byId('echo-waiting').hidden = !waiting.length;
    byId('echo-waiting').textContent = `${formatNumber(waiting.length)} on the way`;
    if (words) byId('echo-words').textContent = words;
    words = '';
  });
}

function showLog() {
  const news = fresh.splice(0).slice(-ROWS).reverse();
  if (!news.length) return;
  const log = byId('echo-log');
  log.prepend(...news.map(row));
  while (log.rows.length > ROWS) log.lastChild.remove();
  byId('echo-empty').hidden = true;
  byId('echo-table').hidden = false;
  const [last] = news;
  if (!words) words = last.lost ? 'The connection broke before the answer came.' : `${formatNumber(last.size)} bytes in ${formatMs(last.ms)}, ${last.identical ? 'identical' : 'not identical'}.`;
}

function row({ number: no, size, frame, ms, identical, lost, preview }) {
  const verdict = identical ? ['check', 'Identical'] : lost ? ['warning', 'Lost'] : ['warning', 'Different'];
  return h('tr', { 'data-identical': String(identical), 'data-lost': lost ? 'true' : null, 'data-size': size, 'data-ms': ms.toFixed(3) },
    h('td', { class: 'num muted' }, formatNumber(no)),
    h('td', {}, h('span', { class: 'result' }, icon(verdict[0]), verdict[1])),
    h('td', { class: 'num' }, `${formatNumber(size)} B`),
    h('td', { class: 'num' }, `${formatNumber(frame)} B`),
    h('td', { class: 'num' }, lost ? '–' : formatMs(ms)),
    h('td', {}, preview));
}

function showStats() {
  const times = results.map(({ ms }) => ms).filter((ms) => ms !== null).sort((a, b) => a - b);
  const put = (stat, text) => { document.querySelector(`[data-stat="${stat}"]`).textContent = text; };
  const middle = times.length >> 1;
  put('min', times.length ? formatMs(times[0]) : '–');
  put('median', times.length ? formatMs(times.length % 2 ? times[middle] : (times[middle - 1] + times[middle]) / 2) : '–');
  put('max', times.length ? formatMs(times.at(-1)) : '–');
  put('identical', results.length ? `${formatNumber(results.filter(({ identical }) => identical).length)} of ${formatNumber(results.length)}` : '–');
  showChart(results.slice(-BARS));
}

function showChart(last) {
  const top = Math.max(...last.map(({ ms }) => ms ?? 0), 0.001);
  byId('echo-chart').replaceChildren(...last.map(({ ms, identical }, i) => {
    const height = Math.max(2, ((ms ?? top) / top) * 54);
    return svg('rect', { x: i * 4, y: 56 - height, width: 3, height, rx: 1, class: identical ? '' : 'bad' });
  }));
}

function showFacts() {
  const { hello } = socket;
  const facts = {
    Address: socket.url,
    Protocol: 'parlor.v1',
    Server: hello?.version ?? '–',
    'You are': hello ? hello.username ?? 'a guest' : '–',
    Connection: hello?.socketId ?? '–',
    Since: openedAt ? openedAt.toLocaleTimeString() : '–',
  };
  byId('echo-facts').replaceChildren(...Object.entries(facts).flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

/* ── controls ── */

byId('echo-form').addEventListener('submit', (event) => {
  event.preventDefault();
  send(byId('echo-text').value);
});
byId('echo-text').addEventListener('input', () => {
  byId('echo-size').textContent = plural(bytesOf(byId('echo-text').value), 'byte', 'bytes');
});
byId('echo-text').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) byId('echo-form').requestSubmit();
});
byId('echo-sizes').addEventListener('click', (event) => {
  const button = event.target.closest('[data-size]');
  if (button) send(textOfSize(Number(button.dataset.size)));
});
byId('echo-specials').addEventListener('click', (event) => {
  const button = event.target.closest('[data-special]');
  if (button) send(SPECIALS[button.dataset.special]);
});
byId('burst-form').addEventListener('submit', (event) => {
  event.preventDefault();
  burst(Number(byId('burst-count').value), textOfSize(Number(byId('burst-size').value)));
});
byId('echo-clear').addEventListener('click', () => {
  results.length = 0;
  number = 0;
  byId('echo-log').replaceChildren();
  byId('echo-empty').hidden = false;
  byId('echo-table').hidden = true;
  sayAfterRender('Nothing sent yet.');
});
