/** The table of calls. */
import { isGap } from "./call-list.js";
import { html } from "./html.js";
import { change, fragmentOf } from "./route.js";
import { counted, duration, line, timeOfDay } from "./text.js";
import { Table } from "./widgets.js";

/** @type {[string, string][]} */
const HEADINGS = [
  ["Call", "c-number"],
  ["Status", "c-status"],
  ["Method", "c-method"],
  ["Path", "c-path"],
  ["User", "c-user"],
  ["Sync-up or reason", "c-effect"],
  ["Duration", "c-duration"],
  ["Time (UTC)", "c-time"],
];

// Preact skips a node that it has seen before, so that a new call costs one row.
const nodes = /** @type {WeakMap<Api.Row, {isOpen: boolean, node: unknown}>} */ (new WeakMap());

/** @param {{status: number | null}} props */
export const Status = ({ status }) => html`<span class=${`s${Math.floor((status ?? 0) / 100)}`}>${status ?? "none"}</span>`;

/** @type {(row: Api.Row, isOpen: boolean) => unknown} */
function rowNode(row, isOpen) {
  const cached = nodes.get(row);
  if (cached?.isOpen === isOpen) return cached.node;
  const { number, status, method, path, query, user, errorType, effect, time } = row;
  const open = (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    change({ call: number, compare: undefined });
  };
  const target = query ? `${path}?${query}` : path;
  const reason = errorType ? (row.reason ?? "").replace(`${errorType}: `, "") : "";
  const href = fragmentOf("calls", { call: number });
  const node = html`<tr key=${number} role="row" aria-current=${isOpen ? "true" : null} onClick=${open}>
    <td role="cell" class="c-number"><a href=${href} aria-label=${`Call ${number}`}>${number}</a></td>
    <td role="cell" class="c-status"><${Status} status=${status} /></td>
    <td role="cell" class="c-method">${line(method, 30)}</td>
    <td role="cell" class="c-path"><bdi title=${line(target, 1000)}>${line(target)}</bdi></td>
    <td role="cell" class="c-user"><bdi>${line(user ?? "", 60)}</bdi></td>
    <td role="cell" class="c-effect"><bdi class=${errorType ? "error-type" : ""}>${line(errorType ?? effect)}</bdi>${" "}
      <bdi class="note">${line(reason)}</bdi></td>
    <td role="cell" class="c-duration">${duration(row.duration)}</td>
    <td role="cell" class="c-time"><time datetime=${time}>${timeOfDay(time, 12)}</time></td>
  </tr>`;
  nodes.set(row, { isOpen, node });
  return node;
}

/** @param {{list: import("./call-list.js").CallList, open: number | null}} props */
export function CallTable({ list, open }) {
  return html`<${Table} label="Calls" kind="call-table" headings=${HEADINGS}>${list.items.map((item) =>
    isGap(item)
      ? html`<tr key=${`gap-${item.after}`} role="row" class="gap"><td role="cell" colspan="8">
          ${counted(item.gap, "call")} not shown <button onClick=${() => list.fill(item)}>Show</button></td></tr>`
      : rowNode(item, item.number === open),
  )}<//>`;
}
