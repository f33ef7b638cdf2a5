/* notify.js - notifications of the system, for messages that come while nobody looks at the page.
 *
 *   mountNotifyButton(button)     asks for permission, on a click only; switches them off and on again
 *   notify({ title, body, tag, onOpen })
 *
 * Hook for tests: the button's aria-pressed */
import { icon, prefs, toast } from './dom.js';

const WISH = 'notifications';
const canNotify = () => 'Notification' in window && window.isSecureContext;
const isOn = () => canNotify() && Notification.permission === 'granted' && prefs.get(WISH, true);

export function mountNotifyButton(button) {
  if (!canNotify()) return; /* it stays hidden */
  const show = () => {
    button.setAttribute('aria-pressed', String(isOn()));
    button.title = isOn() ? 'Notifications are on' : 'Notifications are off';
  };
  button.append(icon('bell'));
  button.hidden = false;
  button.addEventListener('click', async () => {
    await turn(!isOn());
    show();
  });
  show();
}

async function turn(on) {
  prefs.set(WISH, on);
  if (!on) return toast('You will not be notified of new messages any more.');
  const permission = Notification.permission === 'default' ? await Notification.requestPermission() : Notification.permission;
  if (permission === 'granted') toast('You will be notified of new messages while this page is out of sight.', { kind: 'ok' });
  else if (permission === 'denied') toast('Your browser does not allow notifications from this page. Its settings can change that.', { kind: 'error' });
}

/* Whether a message that comes now is worth a notification. */
export const wantsNotice = () => isOn() && document.hidden;

export function notify({ title, body, tag, onOpen }) {
  if (!wantsNotice()) return;
  try {
    const notice = new Notification(title, { body, tag, icon: '/public/favicon.svg' });
    notice.onclick = () => { window.focus(); notice.close(); onOpen(); };
  } catch { /* some phones want a service worker for this */ }
}
