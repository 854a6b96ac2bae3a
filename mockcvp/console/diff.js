/** The difference between two texts, line by line. */

const LARGEST_TABLE = 1_000_000;

/** @typedef {{kind: "same" | "removed" | "added", text: string}} Line */

/**
 * Return the lines of two texts, each marked as removed, added or the same.
 * @param {string[]} left
 * @param {string[]} right
 * @returns {Line[]}
 */
export function diff(left, right) {
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  let end = 0;
  const most = Math.min(left.length, right.length) - start;
  while (end < most && left[left.length - 1 - end] === right[right.length - 1 - end]) end++;
  /** @type {(texts: string[]) => Line[]} */
  const same = (texts) => texts.map((text) => ({ kind: "same", text }));
  const changed = middle(left.slice(start, left.length - end), right.slice(start, right.length - end));
  return [...same(left.slice(0, start)), ...changed, ...same(left.slice(left.length - end))];
}

/**
 * Return the lines by the longest common subsequence, or without it where its table is too large.
 * @param {string[]} left
 * @param {string[]} right
 */
function middle(left, right) {
  /** @type {Line[]} */
  const lines = [];
  const width = right.length + 1;
  const isLarge = left.length * right.length > LARGEST_TABLE;
  const lengths = new Uint32Array(isLarge ? 0 : (left.length + 1) * width);
  for (let i = isLarge ? -1 : left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      const at = i * width + j;
      lengths[at] = left[i] === right[j] ? lengths[at + width + 1] + 1 : Math.max(lengths[at + width], lengths[at + 1]);
    }
  }
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    const at = i * width + j;
    if (!isLarge && i < left.length && left[i] === right[j]) {
      lines.push({ kind: "same", text: left[i++] });
      j++;
    } else if (i < left.length && (isLarge || j === right.length || lengths[at + width] >= lengths[at + 1])) {
      lines.push({ kind: "removed", text: left[i++] });
    } else {
      lines.push({ kind: "added", text: right[j++] });
    }
  }
  return lines;
}
