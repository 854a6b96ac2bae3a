/** The page *Sync-ups*: one lane for each server over the mock server's clock. */
import { listRuns, listServers } from "./api.js";
import { ClockControls } from "./clock-controls.js";
import { html, useMemo, useState } from "./html.js";
import { clockNow, live } from "./live.js";
import { fragmentOf } from "./route.js";
import { useResource, useStore, useTick } from "./store.js";
import { digits, line, timeOfDay } from "./text.js";
import { Problem } from "./widgets.js";

const WIDTH = 1000;
const HEIGHT = 24;
const SPANS = { all: "All", 60: "1 minute", 600: "10 minutes", 3600: "1 hour" };
const KINDS = ["synchronizations", "deployment", "clock"];

/** @typedef {Api.Run & {from: number, to: number}} Timed a run with its times in milliseconds since 1970 */
/** @typedef {{id: string, hostname: string, state: string | null, runs: Timed[]}} Lane */

/**
 * Return the lanes: the servers that have sync-ups, and servers of earlier runs.
 * @param {Api.Server[]} servers
 * @param {Api.Run[]} runs
 * @returns {Lane[]}
 */
function lanesOf(servers, runs) {
  /** @type {Map<string, Lane>} */
  const lanes = new Map();
  for (const { id, hostname, synchronized, syncStatus } of servers) {
    if (synchronized) lanes.set(id, { id, hostname, state: syncStatus, runs: [] });
  }
  for (const run of runs) {
    const lane = lanes.get(run.server) ?? { id: run.server, hostname: run.hostname, state: null, runs: [] };
    lanes.set(run.server, lane);
    lane.runs.push({ ...run, from: Date.parse(run.start), to: Date.parse(run.ends) });
  }
  return [...lanes.values()];
}

/**
 * Return the state of a run at a time of the clock.
 * @param {Timed} run
 * @param {number} now
 * @returns {string}
 */
const stateOf = (run, now) => (run.state === "Started Over" ? run.state : run.to > now ? "In Progress" : run.outcome);

/**
 * Return the state of a server at a time of the clock.
 * @param {Lane} lane
 * @param {number} now
 */
function laneState(lane, now) {
  const last = lane.runs[lane.runs.length - 1];
  return last ? stateOf(last, now) : (lane.state ?? "Not Started");
}

/** @param {string} state */
const stateClass = (state) => state.toLowerCase().replace(" ", "-");

/**
 * @param {{lane: Lane, now: number, from: number, to: number}} props
 */
function Bars({ lane, now, from, to }) {
  const x = (/** @type {number} */ time) => ((time - from) / (to - from)) * WIDTH;
  const shown = lane.runs.filter((run) => Math.max(run.to, run.from) >= from);
  const bars = shown.map((run, index) => {
    const next = shown[index + 1];
    const state = stateOf(run, now);
    const end = state === "Started Over" && next ? next.from : run.to;
    const start = Math.max(0, x(run.from));
    const width = Math.max(4, x(end) - start);
    const done = Math.min(width, Math.max(0, x(now) - start));
    return html`<g key=${`${run.number}-${run.start}`}>
      <title>${`call ${run.number}, ${run.full ? "full" : `since ${run.sincetime}`}: ${state}, ${timeOfDay(run.from)} to ${timeOfDay(end)}`}</title>
      <rect class=${`bar ${stateClass(state)}`} x=${start} y="3" width=${width} height=${HEIGHT - 6} />
      ${state === "In Progress" && html`<rect class="bar done" x=${start} y="3" width=${done} height=${HEIGHT - 6} />`}
    </g>`;
  });
  return html`<svg class="lane" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
    <line class="axis" x1="0" x2=${WIDTH} y1=${HEIGHT / 2} y2=${HEIGHT / 2} />
    ${bars}
    <line class="now" x1=${x(now)} x2=${x(now)} y1="0" y2=${HEIGHT} />
  </svg>`;
}

/** @param {{lane: Lane, now: number}} props */
function Last({ lane, now }) {
  const run = lane.runs[lane.runs.length - 1];
  if (!run) return html`<span class="note">no sync-up</span>`;
  const rest = Math.max(0, Math.ceil((run.to - now) / 1000));
  return html`<span><a href=${fragmentOf("calls", { call: run.number })} aria-label=${`Call ${run.number}`}>${`call ${run.number}`}</a>,${" "}
    ${run.full ? "full" : `since ${run.sincetime}`}, ${timeOfDay(run.from)}${rest > 0 ? `, ${digits(rest)} s left` : ""}</span>`;
}

/** The page. */
export function SyncUpsPage() {
  const load = async () => {
    const [{ servers }, runs] = await Promise.all([listServers(), listRuns()]);
    return { servers, runs };
  };
  const { data, error } = useResource(load, KINDS);
  const { clock } = useStore(live);
  const [span, setSpan] = useState("all");
  useTick(clock !== null && !clock.frozen);
  const lanes = useMemo(() => (data ? lanesOf(data.servers, data.runs.runs) : []), [data]);
  const now = clockNow() ?? (data ? Date.parse(data.runs.now) : 0);
  const runs = lanes.flatMap((lane) => lane.runs);
  const ends = runs.filter((run) => stateOf(run, now) === "In Progress").map((run) => run.to);
  const to = Math.max(now, ...ends) + 1;
  const first = runs.reduce((least, run) => Math.min(least, run.from), now - 10_000);
  const from = span === "all" ? first : now - Number(span) * 1000;
  return html`<div class="page">
    <h1>Sync-ups</h1>
    <${ClockControls} nextEnd=${ends.length ? Math.min(...ends) : null} />
    <${Problem} error=${error} />
    ${data && !runs.length && html`<div class="empty">
      <h2>No sync-ups yet</h2>
      <p>Start one with your client, or on the page <a href=${fragmentOf("servers")}>Servers</a>. Set a duration there, so
        that a sync-up takes time.</p>
    </div>`}
    ${lanes.length > 0 &&
    html`<div>
      <label class="inline">Show the last <select value=${span} onChange=${(/** @type {any} */ event) => setSpan(event.target.value)}>
        ${Object.entries(SPANS).sort(([a], [b]) => Number(b === "all") - Number(a === "all")).map(([value, name]) => html`<option value=${value}>${name}</option>`)}
      </select></label>
      <table class="lanes cards" role="table" aria-label="Sync-ups">
        <thead role="rowgroup"><tr role="row">
          <th role="columnheader" scope="col">Server</th><th role="columnheader" scope="col">State</th>
          <th role="columnheader" scope="col">Last sync-up</th>
          <th role="columnheader" scope="col" class="axis-head"><span>${timeOfDay(from)}</span> <span>to ${timeOfDay(to)} UTC</span></th>
        </tr></thead>
        <tbody role="rowgroup">
          ${lanes.map((lane) => {
            const state = laneState(lane, now);
            return html`<tr key=${lane.id} role="row" aria-label=${line(lane.hostname)}>
              <th role="rowheader" scope="row"><bdi>${line(lane.hostname, 100)}</bdi></th>
              <td role="cell"><span class=${`state ${stateClass(state)}`}>${state}</span></td>
              <td role="cell"><${Last} lane=${lane} now=${now} /></td>
              <td role="cell" class="c-lane"><${Bars} lane=${lane} now=${now} from=${from} to=${to} /></td>
            </tr>`;
          })}
        </tbody>
      </table>
      <ul class="legend" aria-label="Colours">
        ${["In Progress", "Success", "Failure", "Started Over"].map(
          (state) => html`<li><span class=${`state ${stateClass(state)}`}>${state}</span></li>`,
        )}
      </ul>
    </div>`}
    ${data && data.runs.dropped > 0 && html`<p class="note">${digits(data.runs.dropped)} older sync-ups are not shown.</p>`}
  </div>`;
}
