/* keyed.js - brings the children of an element into the wanted order and leaves alone what is there already,
 * so that nothing flickers, and focus and selection stay where they are. */
export function setChildren(root, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...root.children]) if (!wanted.has(child)) child.remove();
  let cursor = root.firstElementChild;
  for (const node of nodes) {
    if (node === cursor) cursor = cursor.nextElementSibling;
    else root.insertBefore(node, cursor);
  }
}
