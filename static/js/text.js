/* text.js - what the server takes as the text of a message, and how much of it is shown at first.
 *
 * 1 to 65536 bytes of UTF-8, no U+0000, no lone surrogate. Text is never cut: what is too long is said to be
 * too long, and what cannot be sent is taken out where the writer sees it. */

export const MAX_BYTES = 65536;

const encoder = new TextEncoder();
const UNSENDABLE = /[\0\p{Surrogate}]/gu; /* with the u flag a pair is one character, so only lone halves match */

/* Beyond this a message is folded: nobody wants to scroll past 60 000 line breaks. */
const LONG_CHARS = 3000;
const LONG_LINES = 40;
const FOLDED_CHARS = 1600;
const FOLDED_LINES = 22;

export const bytesOf = (text) => encoder.encode(text).length;

export const withoutUnsendable = (text) => text.replace(UNSENDABLE, '');

/* The beginning of a long text; null when it is short enough to be shown as it is. */
export function beginningOf(text) {
  const long = text.length > LONG_CHARS || endOfLine(text, LONG_LINES) !== -1;
  if (!long) return null;
  const lines = endOfLine(text, FOLDED_LINES);
  const end = lines === -1 ? FOLDED_CHARS : Math.min(lines, FOLDED_CHARS);
  return withoutUnsendable(text.slice(0, end)); /* the cut may have halved a pair */
}

/* Where line number `lines` ends; -1 when there are not more lines than that. */
function endOfLine(text, lines) {
  let at = -1;
  for (let i = 0; i < lines; i++) {
    at = text.indexOf('\n', at + 1);
    if (at === -1) return -1;
  }
  return at;
}

/* One line for a list, a notice or a screen reader. */
export function oneLine(text, limit = 160) {
  const line = text.slice(0, limit * 2).replace(/\s+/g, ' ').trim();
  return line.length > limit ? `${withoutUnsendable(line.slice(0, limit))}…` : line;
}
