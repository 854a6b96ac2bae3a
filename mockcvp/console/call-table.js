/** The table of calls. */
import { isGap } from "./call-list.js";
import { html } from "./html.js";
import { change } from "./route.js";
import { counted, duration, line, timeOfDay } from "./text.js";

/** @typedef {import("./call-list.js").Gap} Gap */
/** @typedef {import("./call-list.js").Item} Item */

// Preact skips a node that it has seen before, so that a new call costs one row.
const nodes = /** @type {WeakMap<object, {isOpen: boolean, node: unknown}>} */ (new WeakMap());

/**
 * Return the class of a status.
 * @param {number | null} status
 */
export const statusClass = (status) => `status s${status === null ? "0" : Math.floor(status / 100)}`;

/**
 * Open a call.
 * @param {number} number
 */
const openCall = (number) => change({ call: number, compare: undefined });

/**
 * @param {Api.Row} row
 * @param {boolean} isOpen
 */
function rowNode(row, isOpen) {
  const open = (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openCall(row.number);
  };
  const target = row.query ? `${row.path}?${row.query}` : row.path;
  const outcome = row.errorType ?? row.effect;
  const reason = row.reason && row.reason !== outcome ? row.reason.replace(`${row.errorType}: `, "") : "";
  return html`<tr key=${row.number} role="row" aria-current=${isOpen ? "true" : null} onClick=${open}>
    <td role="cell" class="c-number"><a href=${`#/calls?call=${row.number}`} aria-label=${`Call ${row.number}`}>${row.number}</a></td>
    <td role="cell" class="c-status"><span class=${statusClass(row.status)}>${row.status ?? "none"}</span></td>
    <td role="cell" class="c-method">${line(row.method, 30)}</td>
    <td role="cell" class="c-path"><bdi title=${line(target, 1000)}>${line(target)}</bdi></td>
    <td role="cell" class="c-user"><bdi>${row.user === null ? "" : line(row.user, 60)}</bdi></td>
    <td role="cell" class="c-effect"><bdi class=${row.errorType ? "error-type" : ""}>${line(outcome)}</bdi>${" "}
      <bdi class="reason">${line(reason)}</bdi></td>
    <td role="cell" class="c-duration">${duration(row.duration)}</td>
    <td role="cell" class="c-time"><time datetime=${row.time}>${timeOfDay(row.time, true)}</time></td>
  </tr>`;
}

/**
 * @param {Api.Row} row
 * @param {boolean} isOpen
 */
function cachedRow(row, isOpen) {
  const cached = nodes.get(row);
  if (cached?.isOpen === isOpen) return cached.node;
  const node = rowNode(row, isOpen);
  nodes.set(row, { isOpen, node });
  return node;
}

/**
 * @param {Gap} gap
 * @param {(gap: Gap) => void} fill
 */
function gapNode(gap, fill) {
  return html`<tr key=${`gap-${gap.after}`} role="row" class="gap">
    <td role="cell" colspan="8">${counted(gap.gap, "call")} not shown <button onClick=${() => fill(gap)}>Show</button></td>
  </tr>`;
}

/** @param {{items: Item[], open: number | null, fill: (gap: Gap) => void}} props */
export function CallTable({ items, open, fill }) {
  return html`<table class="call-table" role="table" aria-label="Calls">
    <thead role="rowgroup">
      <tr role="row">
        <th role="columnheader" scope="col" class="c-number">Call</th>
        <th role="columnheader" scope="col" class="c-status">Status</th>
        <th role="columnheader" scope="col" class="c-method">Method</th>
        <th role="columnheader" scope="col" class="c-path">Path</th>
        <th role="columnheader" scope="col" class="c-user">User</th>
        <th role="columnheader" scope="col" class="c-effect">Sync-up or reason</th>
        <th role="columnheader" scope="col" class="c-duration">Duration</th>
        <th role="columnheader" scope="col" class="c-time">Time (UTC)</th>
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${items.map((item) => (isGap(item) ? gapNode(item, fill) : cachedRow(item, item.number === open)))}
    </tbody>
  </table>`;
}
