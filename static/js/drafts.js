/* drafts.js - what somebody has begun to write, kept per conversation until it is sent.
 *
 * In localStorage, so that it outlives a reload and is there in the next tab. The names of people have no colon,
 * so one person's drafts never look like another's. */

const keyOf = (me, place) => `parlor.draft:${me}:${place}`;

export const drafts = {
  get(me, place) {
    try {
      return localStorage.getItem(keyOf(me, place)) ?? '';
    } catch {
      return '';
    }
  },
  set(me, place, text) {
    try {
      if (text.trim()) localStorage.setItem(keyOf(me, place), text);
      else localStorage.removeItem(keyOf(me, place));
    } catch { /* storage is full or switched off: the text is still on screen */ }
  },
};
