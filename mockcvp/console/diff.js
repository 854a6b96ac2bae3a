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
  const same = (/** @type {string} */ text) => ({ kind: /** @type {const} */ ("same"), text });
  return [
    ...left.slice(0, start).map(same),
    ...middle(left.slice(start, left.length - end), right.slice(start, right.length - end)),
    ...left.slice(left.length - end).map(same),
  ];
}

/**
 * @param {string[]} left
 * @param {string[]} right
 * @returns {Line[]}
 */
function middle(left, right) {
  /** @type {Line[]} */
  const lines = [];
  let row = 0;
  let column = 0;
  if (left.length && right.length && left.length * right.length <= LARGEST_TABLE) {
    const width = right.length + 1;
    const lengths = new Uint32Array((left.length + 1) * width);
    for (let i = left.length - 1; i >= 0; i--) {
      for (let j = right.length - 1; j >= 0; j--) {
        lengths[i * width + j] =
          left[i] === right[j]
            ? lengths[(i + 1) * width + j + 1] + 1
            : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
      }
    }
    while (row < left.length && column < right.length) {
      if (left[row] === right[column]) {
        lines.push({ kind: "same", text: left[row++] });
        column++;
      } else if (lengths[(row + 1) * width + column] >= lengths[row * width + column + 1]) {
        lines.push({ kind: "removed", text: left[row++] });
      } else {
        lines.push({ kind: "added", text: right[column++] });
      }
    }
  }
  while (row < left.length) lines.push({ kind: "removed", text: left[row++] });
  while (column < right.length) lines.push({ kind: "added", text: right[column++] });
  return lines;
}
