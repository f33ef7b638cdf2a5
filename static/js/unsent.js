/* unsent.js - says how many messages wait for the connection, above the composer.
 *
 * Messages that are on their way for the blink of an eye are nobody's worry; those without a connection are.
 *
 * Hook for tests: #unsent[data-count] */
import { h, plural } from './dom.js';

export function mountUnsent(root, socket, outgoing) {
  const note = h('p', { class: 'badge badge--warn unsent', id: 'unsent', role: 'status', 'data-count': '0' });
  const show = () => {
    const count = socket.isOpen ? 0 : outgoing.list(({ state }) => state === 'pending').length;
    const words = count ? `${plural(count, 'message waits', 'messages wait')} for the connection` : '';
    note.dataset.count = count;
    if (note.textContent !== words) note.textContent = words;
  };
  root.append(note);
  socket.onState(show);
  outgoing.onChange(show);
}
