/* account.js - the forms of /register and /login.
 *
 * Both post application/x-www-form-urlencoded, the same as without JavaScript. Registering logs in with the
 * same data right away. Afterwards: ?next= (a path of this origin only) or the home page.
 * What the server says about a refused attempt is a plain sentence and is shown as it is.
 *
 * Hooks for tests: #register-form, #login-form, inputs named username and password, #form-error[role=alert]. */
import { icon, setIcon } from './dom.js';
import { loginUrl, nextPath, session } from './session.js';

const NAME = /^[A-Za-z0-9_.-]{1,32}$/;
const NAME_CHARS = /^[A-Za-z0-9_.-]*$/;
const PASSWORD_MIN = 8;
const PASSWORD_MAX = 128;

const form = document.querySelector('#register-form, #login-form');
const registering = form.id === 'register-form';
const { username, password } = form.elements;
const errorBox = document.getElementById('form-error');
const submit = document.getElementById('submit');
const bytes = (text) => new TextEncoder().encode(text).length;

function showError(text, field) {
  errorBox.replaceChildren(...(text ? [icon('warning'), text] : []));
  for (const input of [username, password]) {
    if (text && input === field) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  }
  if (text && field) {
    field.focus();
    field.select();
    errorBox.scrollIntoView({ block: 'nearest' }); /* it stands above the field */
  }
}

/* state: true is met, false is broken (typing more will not help), null is not yet met. */
function showRule(name, state) {
  const rule = document.querySelector(`[data-rule="${name}"]`);
  if (!rule) return;
  rule.dataset.ok = state === null ? '' : String(state);
  setIcon(rule.querySelector('.icon'), state === false ? 'close' : 'check');
}

function showRules() {
  const name = username.value;
  showRule('name-chars', NAME.test(name) ? true : NAME_CHARS.test(name) ? null : false);
  const length = bytes(password.value);
  showRule('password-length', length > PASSWORD_MAX ? false : length >= PASSWORD_MIN ? true : null);
  const note = document.getElementById('password-bytes');
  /* The limit counts bytes: say so only to somebody for whom it makes a difference. */
  if (note) note.textContent = length !== password.value.length ? ` (${length} of 128 bytes)` : '';
}

/* The first thing that the server would refuse anyway: [sentence, field], or null. */
function findMistake() {
  if (!username.value) return ['Please enter a name.', username];
  if (registering && !NAME.test(username.value)) return ['A name has 1 to 32 letters (A to Z), digits and _ . -', username];
  if (!password.value) return ['Please enter a password.', password];
  if (!registering) return null;
  const length = bytes(password.value);
  if (length < PASSWORD_MIN) return ['A password has at least 8 characters.', password];
  if (length > PASSWORD_MAX) return ['A password has at most 128 bytes.', password];
  return null;
}

async function post(path) {
  const body = new URLSearchParams({ username: username.value, password: password.value });
  const response = await fetch(path, { method: 'POST', body });
  if (response.ok) return null;
  const sentence = (await response.text()).trim();
  if (response.status !== 429) return { status: response.status, text: sentence || 'That did not work.' };
  return { status: 429, text: `Too many attempts from here. Try again ${inWords(response.headers.get('Retry-After'))}.` };
}

function inWords(retryAfter) {
  const seconds = Number(retryAfter);
  if (!(seconds > 0)) return 'in a minute';
  if (seconds < 90) return `in ${Math.ceil(seconds)} ${Math.ceil(seconds) === 1 ? 'second' : 'seconds'}`;
  return `in ${Math.ceil(seconds / 60)} minutes`;
}

/* Which field a refusal is about: 409 is the name; a 400 names it in its sentence. */
function fieldFor({ status, text }) {
  if (status === 409) return username;
  if (registering && /password/i.test(text) && !/name/i.test(text)) return password;
  return registering ? username : password;
}

async function tryIt() {
  if (registering) {
    const refusal = await post('/register');
    if (refusal) return refusal;
    const login = await post('/login');
    /* The account exists now; only the login is left to do. */
    return login && { ...login, text: `Your account was created, but logging in did not work: ${login.text}` };
  }
  return post('/login');
}

async function send(event) {
  event.preventDefault();
  if (submit.getAttribute('aria-disabled') === 'true') return;
  const mistake = findMistake();
  if (mistake) return showError(...mistake);
  showError('');
  submit.setAttribute('aria-disabled', 'true');
  try {
    const refusal = await tryIt();
    if (refusal) return showError(refusal.text, fieldFor(refusal));
    session.announce();
    location.replace(nextPath());
  } catch {
    showError('The server cannot be reached right now. Please try again.');
  } finally {
    submit.removeAttribute('aria-disabled');
  }
}

function mountShowPassword(button) {
  button.addEventListener('click', () => {
    const shown = password.type === 'text';
    password.type = shown ? 'password' : 'text';
    button.setAttribute('aria-pressed', String(!shown));
    setIcon(button.querySelector('.icon'), shown ? 'eye' : 'eye-off');
  });
}

form.noValidate = true; /* our own sentences, in the page's own language */
form.addEventListener('submit', send);
form.addEventListener('input', () => { showError(''); showRules(); });
mountShowPassword(document.getElementById('show-password'));
const other = document.getElementById('other-form');
other.href = loginUrl(other.getAttribute('href')); /* ?next= goes along */
showRules();
/* Not away from the field in which somebody has begun to write. */
if (matchMedia('(pointer: fine)').matches && !form.contains(document.activeElement)) username.focus();
form.dataset.ready = '';
if ('waiting' in form.dataset) form.requestSubmit(); /* early.js kept it back */
