/* status.js - the small pill that says how the connection is.
 *
 *   mountStatus(element)
 *
 * Hook for tests: [data-testid=connection-state] with data-state = connecting | open | reconnecting | offline.
 * The seconds count down silently; a screen reader hears a change of state and nothing else. */
import { h, icon, setIcon } from './dom.js';
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
  const words = h('span', { class: 'pill__words' });
  const seconds = h('span', { class: 'pill__seconds', 'aria-hidden': 'true' });
  const pill = h('div', { class: 'pill', role: 'status', 'data-testid': 'connection-state' }, picture, words, seconds);
  const retry = h('button', { type: 'button', class: 'btn btn--sm connection__retry', hidden: true, onclick: () => socket.retryNow() }, 'Try now');
  root.append(pill, retry);

  let ticking = 0;
  const tick = () => {
    const left = Math.ceil((socket.state.retryAt - Date.now()) / 1000);
    seconds.textContent = left > 0 ? `in ${left} s` : '';
  };
  socket.onState(({ name, retryAt }) => {
    const [look, text] = LOOKS[name];
    const waiting = retryAt > Date.now();
    pill.dataset.state = name;
    setIcon(picture, look);
    if (words.textContent !== text) words.textContent = text;
    /* A wait of a second is over before anybody has read about it. */
    retry.hidden = !(waiting && retryAt - Date.now() > 1500);
    clearInterval(ticking);
    if (waiting) ticking = setInterval(tick, 250);
    tick();
  });
}
