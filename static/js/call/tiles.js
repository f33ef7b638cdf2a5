/* tiles.js - all tiles of the room, and where they are.
 *
 *   const tiles = new Tiles(list, { onBlocked });
 *   tiles.add(key, { username, kind })      key: a peer, or 'me'; kind: camera or screen
 *   tiles.get(key, 'screen')?.show(stream)
 *
 * Everybody has the same room until somebody is pinned or shows a screen: then that one is large. The last
 * screen that was begun wins, and a pin beats them all. Ourselves come last. */
import { passFocus } from '../dom.js';
import { focus, grid } from './layout.js';
import { Tile } from './tile.js';

export class Tiles {
  constructor(list, { onBlocked }) {
    this._list = list;
    this._onBlocked = onBlocked;
    this._tiles = new Map(); /* key -> { camera, screen } */
    this._pinned = null;
    this._speaker = '';
    new ResizeObserver(() => this.arrange()).observe(list);
  }

  add(key, { username, kind = 'camera', isSelf = false }) {
    const tile = new Tile({ username, kind, isSelf, onPin: (one) => this.pin(one), onBlocked: this._onBlocked });
    this._tiles.set(key, { ...this._tiles.get(key), [kind]: tile });
    const last = this._list.querySelector('[data-self="true"]');
    this._list.insertBefore(tile.element, last);
    if (this._speaker) tile.setSpeaker(this._speaker);
    this.arrange();
    return tile;
  }

  get(key, kind = 'camera') {
    return this._tiles.get(key)?.[kind] ?? null;
  }

  /* A new connection takes the place of an old one: the same tile goes on. */
  rename(old, key) {
    const tiles = this._tiles.get(old);
    this._tiles.delete(old);
    if (tiles) this._tiles.set(key, tiles);
  }

  remove(key, kind = null) {
    const tiles = this._tiles.get(key);
    if (!tiles) return;
    for (const name of kind ? [kind] : ['camera', 'screen']) {
      if (tiles[name] && tiles[name] === this._pinned) this._pinned = null;
      if (tiles[name]) passFocus(tiles[name].element, this._list);
      tiles[name]?.remove();
      tiles[name] = null;
    }
    if (!tiles.camera && !tiles.screen) this._tiles.delete(key);
    this.arrange();
  }

  all() {
    return [...this._tiles.values()].flatMap(({ camera, screen }) => [screen, camera]).filter(Boolean);
  }

  pin(tile) {
    this._pinned = this._pinned === tile ? null : tile;
    for (const each of this.all()) each.setPinned(each === this._pinned);
    this.arrange();
  }

  playAll() {
    for (const tile of this.all()) tile.play();
  }

  setSpeaker(deviceId) {
    this._speaker = deviceId;
    for (const tile of this.all()) tile.setSpeaker(deviceId);
  }

  arrange() {
    const { clientWidth: width, clientHeight: height } = this._list;
    if (!width || !height) return;
    const inOrder = [...this._list.children].map((element) => this.all().find((tile) => tile.element === element)).filter(Boolean);
    const main = this._pinned ?? inOrder.filter(({ kind }) => kind === 'screen').at(-1) ?? null;
    const order = main ? [main, ...inOrder.filter((tile) => tile !== main)] : inOrder;
    const places = main ? focus(order.length, width, height) : grid(order.length, width, height);
    order.forEach((tile, i) => tile.place(places[i], tile === main));
    this._list.dataset.count = order.length;
    this._list.dataset.focus = String(Boolean(main));
  }
}
