/* home.js - the front page: the board in small, and who is here.
 *
 * Hooks for tests: #active-users li[data-username], #here-count, canvas#peek[data-strokes]. */
import { formatNumber, plural } from './dom.js';
import { renderPeople } from './people.js';
import { loginUrl, session } from './session.js';
import { socket } from './socket.js';
import { Preview } from './board/preview.js';

const byId = (id) => document.getElementById(id);

let users = null; /* null: the server has not said yet */

function showPeople() {
  if (!users) return;
  const me = session.user?.username ?? null;
  renderPeople(byId('active-users'), users, { me, empty: 'Nobody is logged in right now.' });
  byId('here-count').hidden = !users.length;
  byId('here-count').textContent = plural(users.length, 'person', 'people');
}

function showAccount(user) {
  byId('here-guest').hidden = Boolean(user);
  byId('hero-register').hidden = Boolean(user);
  byId('hero-note').textContent = user ? `Good to see you, ${user.username}.` : 'No account is needed to draw.';
  showPeople();
}

const preview = new Preview(byId('peek'), (count) => {
  byId('peek-empty').hidden = count > 0;
  byId('peek-words').textContent = count ? `The board right now: ${formatNumber(count)} ${count === 1 ? 'stroke' : 'strokes'}` : 'The board right now';
});

socket.on('init_strokes', ({ strokes }) => preview.replace(strokes));
socket.on('drawing', (stroke) => preview.add(stroke));
socket.on('active_users_list', (message) => { users = message.users; showPeople(); });
socket.onState(({ name }) => { byId('peek-live').dataset.live = String(name === 'open'); });
session.onChange(showAccount);
document.querySelector('.here__guest a').href = loginUrl();
