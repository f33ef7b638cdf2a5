/* panels.js - the two panels beside the tiles, of which one is open at most.
 *
 *   const panels = new Panels({ onChange(name) {} });    panels.toggle('chat'); panels.close(); panels.reset(); panels.open
 */
const byId = (id) => document.getElementById(id);
const NAMES = ['people', 'chat'];
const covers = matchMedia('(max-width: 52rem)'); /* css/call.css lays panels over the tiles there */

export class Panels {
  constructor({ onChange }) {
    this.open = null;
    this._onChange = onChange;
    for (const button of document.querySelectorAll('[data-close]')) button.addEventListener('click', () => this.close());
    covers.addEventListener('change', () => this._cover());
    byId('room').addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.open && event.target.closest('.side')) this.close();
    });
  }

  toggle(name) {
    if (this.open === name) this.close();
    else this._show(name);
  }

  /* As at the beginning, and the focus stays where it is. */
  reset() {
    if (this.open) this._show(null);
  }

  close() {
    const { open } = this;
    if (!open) return;
    this._show(null);
    const button = byId(`${open}-button`);
    (button.offsetParent ? button : byId('more-button')).focus();
  }

  _show(name) {
    this.open = name;
    for (const each of NAMES) byId(`${each}-panel`).hidden = each !== name;
    byId('room').dataset.panel = name ?? '';
    this._cover();
    this._onChange(name);
    if (name === 'people') byId('people-title').focus({ preventScroll: true });
  }

  /* What is behind a panel cannot be seen: the Tab key must not go there. */
  _cover() {
    document.querySelector('.room__stage').inert = covers.matches && this.open !== null;
  }
}
