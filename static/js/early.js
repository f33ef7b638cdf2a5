/* early.js - a form that is sent before its module has loaded waits for it.
 *
 * Without this, a fast typist or a password manager on a slow line would send the form as a page without JavaScript
 * does, and be left with the bare answer of the server. A classic script in front of the form on purpose: it listens
 * before there is anything to send. The module sets data-ready on its form and sends it again if data-waiting is
 * there; if the module never comes, the form goes as it would have gone. */
(function () {
  var waiting = null;
  var loaded = false; /* and whatever module is not here by then does not come */
  addEventListener('submit', function (event) {
    if (loaded || 'ready' in event.target.dataset) return;
    event.preventDefault();
    waiting = event.target;
    waiting.dataset.waiting = '';
  }, true);
  addEventListener('load', function () {
    loaded = true;
    if (waiting && !('ready' in waiting.dataset)) HTMLFormElement.prototype.submit.call(waiting); /* a button may have that name */
  });
})();
