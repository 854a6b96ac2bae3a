/** The lanes of the page *Sync-ups*, and the states of their runs at a time of the clock. */
import { html } from "./html.js";
import { timeOfDay } from "./text.js";
import { stateClass } from "./widgets.js";

const WIDTH = 1000;
const HEIGHT = 24;
const NARROWEST = 4;

/** @typedef {Api.Run & {from: number, to: number}} Timed a run with its times in milliseconds since 1970 */
/** @typedef {{id: string, hostname: string, state: string | null, runs: Timed[]}} Lane */

/**
 * Return the lanes: the servers that have sync-ups, and servers of earlier runs.
 * @param {Api.Server[]} servers
 * @param {Api.Run[]} runs
 */
export function lanesOf(servers, runs) {
  /** @type {Map<string, Lane>} */
  const lanes = new Map();
  for (const { id, hostname, synchronized, syncStatus } of servers) {
    if (synchronized) lanes.set(id, { id, hostname, state: syncStatus, runs: [] });
  }
  for (const run of runs) {
    const { server: id, hostname } = run;
    const lane = lanes.get(id) ?? { id, hostname, state: null, runs: [] };
    lanes.set(id, lane);
    lane.runs.push({ ...run, from: Date.parse(run.start), to: Date.parse(run.ends) });
  }
  return [...lanes.values()];
}

/** @type {(run: Timed, now: number) => string} */
export const stateOf = ({ state, to, outcome }, now) => (state === "Started Over" ? state : to > now ? "In Progress" : outcome);

/** @type {(lane: Lane, now: number) => string} */
export function laneState({ runs, state }, now) {
  const last = runs[runs.length - 1];
  return last ? stateOf(last, now) : (state ?? "Not Started");
}

/** @param {{lane: Lane, now: number, from: number, to: number}} props */
export function Bars({ lane, now, from, to }) {
  const x = (/** @type {number} */ time) => ((time - from) / (to - from)) * WIDTH;
  const shown = lane.runs.filter((run) => run.to >= from);
  /** @type {(kind: string, start: number, width: number) => unknown} */
  const bar = (kind, start, width) => html`<rect class=${`bar ${kind}`} x=${start} y="3" width=${width} height=${HEIGHT - 6} />`;
  return html`<svg class="lane" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
    <line class="axis" x1="0" x2=${WIDTH} y1=${HEIGHT / 2} y2=${HEIGHT / 2} />
    ${shown.map((run, index) => {
      const state = stateOf(run, now);
      const end = state === "Started Over" ? (shown[index + 1]?.from ?? run.to) : run.to;
      const start = Math.max(0, x(run.from));
      const width = Math.max(NARROWEST, x(end) - start);
      const kind = run.full ? "full" : `since ${run.sincetime}`;
      return html`<g key=${`${run.number}-${run.start}`}>
        <title>${`call ${run.number}, ${kind}: ${state}, ${timeOfDay(run.from)} to ${timeOfDay(end)}`}</title>
        ${bar(stateClass(state), start, width)}
        ${state === "In Progress" && bar("done", start, Math.max(0, x(now) - start))}
      </g>`;
    })}
    <line class="now" x1=${x(now)} x2=${x(now)} y1="0" y2=${HEIGHT} />
  </svg>`;
}
