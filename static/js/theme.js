/* theme.js - sets the colour theme before the first paint.
 *
 * A classic script in <head> on purpose: it blocks for a few hundred bytes, and in return a page never
 * flashes in the wrong colours. No data-theme means "as the system"; css/base.css does the rest.
 * The button that changes it lives in shell.js. */
(function () {
  var root = document.documentElement;
  root.classList.add('js');
  try {
    var theme = localStorage.getItem('parlor.theme');
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  } catch (e) {
    /* Storage is switched off: the system's theme it is. */
  }
})();
