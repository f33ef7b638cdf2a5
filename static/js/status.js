/* status.js - the small pill that says how the connection is.
 *
 *   mountStatus(element)
 *
 * Hook for tests: [data-testid=connection-state] with data-state = connecting | open | reconnecting | offline.
 * The seconds count down silently; a screen reader hears a change of state and nothing else.
 * A connection that stays away (data-away) gets a button and, where the header has no room for the words, a line
 * below it; one that blinks gets neither. */
import { h, icon, passFocus, setIcon } from './dom.js';
import { socket } from './socket.js';

const LOOKS = {
  connecting: ['retry', 'Connecting'],
  open: ['check', 'Connected'],
  reconnecting: ['retry', 'Reconnecting'],
  offline: ['plug-off', 'Offline'],
  closed: ['plug-off', 'Not connected'],
};

export function mountStatus(root) {
  const picture = icon('plug');
  const words = h('span', { class: 'pill__words', role: 'status' });
  const seconds = h('span', { class: 'pill__seconds', 'aria-hidden': 'true' });
  const pill = h('div', { class: 'pill', 'data-testid': 'connection-state' }, picture, words, seconds);
  const retry = h('button', { type: 'button', class: 'btn btn--sm connection__retry', hidden: true, onclick: () => socket.retryNow() }, 'Try now');
  root.append(pill, retry);

  let ticking = 0;
  let away = false;
  const tick = () => {
    const left = Math.ceil((socket.state.retryAt - Date.now()) / 1000);
    const wait = left > 0 ? `${socket.state.name === 'offline' ? '– retry ' : ''}in ${left} s` : ''; /* not "Offline in 5 s" */
    if (seconds.textContent !== wait) seconds.textContent = wait;
  };
  socket.onState(({ name, retryAt }) => {
    const [look, text] = LOOKS[name];
    const waiting = retryAt > Date.now();
    pill.dataset.state = name;
    setIcon(picture, look);
    if (words.textContent !== text) words.textContent = text;
    /* A wait of a second is over before anybody has read about it; after a long one, an attempt changes nothing yet. */
    if (name !== 'reconnecting' && name !== 'offline') away = false;
    else if (retryAt - Date.now() > 1500) away = true;
    root.toggleAttribute('data-away', away);
    if (!away) passFocus(retry);
    retry.hidden = !away;
    clearInterval(ticking);
    if (waiting) ticking = setInterval(tick, 250);
    tick();
  });
}
