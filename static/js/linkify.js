/* linkify.js - text with links that can be clicked, as DOM nodes.
 *
 *   node.append(...linkify('see https://example.org.'))
 *
 * Only http and https become links, and the link shows exactly the address that it leads to. An address with a
 * name before the host ("https://bank.example@evil.example") stays text, because people read it wrong. The only
 * other thing that becomes a link is the path of one of our own calls, alone on its line: the note about a missed
 * call ends with one. Nothing is parsed as HTML; what is no link is a text node. */
import { h } from './dom.js';

const CANDIDATE = /https?:\/\/[^\s<>"`]+|(?<=^|\n)\/video-call\/[0-9a-f]{24}(?=\n|$)/gi;
const LONGEST = 2048;
const CLOSERS = { ')': '(', ']': '[', '}': '{' };

export function linkify(text) {
  const nodes = [];
  let done = 0;
  for (const found of text.matchAll(CANDIDATE)) {
    const address = withoutPunctuation(found[0]);
    const href = safeHref(address);
    if (!href) continue;
    if (found.index > done) nodes.push(text.slice(done, found.index));
    nodes.push(h('a', { href, target: '_blank', rel: 'noopener noreferrer' }, address));
    done = found.index + address.length;
  }
  if (done < text.length) nodes.push(text.slice(done));
  return nodes;
}

/* A sentence may end behind an address: its full stop is not part of it, nor is a bracket opened before it. */
function withoutPunctuation(address) {
  let end = Math.min(address.length, LONGEST + 1);
  const count = (char) => address.slice(0, end).split(char).length;
  while (end > 0) {
    const last = address[end - 1];
    const opener = CLOSERS[last];
    if (opener ? count(last) > count(opener) : /[.,;:!?'*_~|\\]/.test(last)) end--;
    else break;
  }
  return address.slice(0, end);
}

function safeHref(address) {
  if (address.length > LONGEST) return null;
  try {
    const url = new URL(address, location.origin);
    const isWeb = url.protocol === 'http:' || url.protocol === 'https:';
    return isWeb && !url.username && !url.password ? url.href : null;
  } catch {
    return null;
  }
}
