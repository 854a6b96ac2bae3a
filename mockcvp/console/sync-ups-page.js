/** The page *Sync-ups*: one lane for each server over the mock server's clock. */
import { listRuns, listServers } from "./api.js";
import { ClockControls } from "./clock-controls.js";
import { html, useMemo, useState } from "./html.js";
import { Bars, laneState, lanesOf, stateOf } from "./lanes.js";
import { clockNow, live } from "./live.js";
import { fragmentOf } from "./route.js";
import { useResource, useStore, useTick } from "./store.js";
import { counted, digits, line, timeOfDay } from "./text.js";
import { Cell, Empty, Problem, Select, State, Table } from "./widgets.js";

const SPANS = { "the whole time": 0, "1 minute": 60, "10 minutes": 600, "1 hour": 3600 };
const SHORTEST = 10_000;

/** Load the servers and the runs. */
async function load() {
  const [{ servers }, { runs, now, dropped }] = await Promise.all([listServers(), listRuns()]);
  return { lanes: lanesOf(servers, runs), now: Date.parse(now), dropped };
}

/** @param {{lane: import("./lanes.js").Lane, now: number}} props */
function Last({ lane: { runs }, now }) {
  const run = runs[runs.length - 1];
  if (!run) return html`<span class="note">none</span>`;
  const left = Math.ceil((run.to - now) / 1000);
  const isRunning = stateOf(run, now) === "In Progress";
  return html`<span><a href=${fragmentOf("calls", { call: run.number })}>call ${run.number}</a>, ${run.full ? "full" : `since ${run.sincetime}`},
    ${timeOfDay(run.from)}${isRunning && `, ${digits(left)} s left`}</span>`;
}

/** The page. */
export function SyncUpsPage() {
  const { data, error } = useResource(load, ["synchronizations", "deployment", "clock"]);
  const { clock } = useStore(live);
  const [span, setSpan] = useState("the whole time");
  useTick(clock?.frozen === false);
  const lanes = data?.lanes ?? [];
  const now = clockNow() ?? data?.now ?? 0;
  const runs = useMemo(() => lanes.flatMap((lane) => lane.runs), [data]);
  const ends = runs.filter((run) => stateOf(run, now) === "In Progress").map((run) => run.to);
  const to = Math.max(now, ...ends) + 1;
  const seconds = SPANS[/** @type {keyof typeof SPANS} */ (span)];
  const from = seconds ? now - seconds * 1000 : Math.min(now - SHORTEST, ...runs.map((run) => run.from));
  /** @type {[string, string?][]} */
  const headings = [["Server"], ["State"], ["Last sync-up"], [`${timeOfDay(from)} to ${timeOfDay(to)} UTC`, "c-lane"]];
  return html`<div class="page">
    <h1>Sync-ups</h1>
    <${ClockControls} nextEnd=${ends.length ? Math.min(...ends) : null} />
    <${Problem} error=${error} />
    ${data && !runs.length && html`<${Empty} title="No sync-ups yet">Start one with your client, or on the page${" "}
      <a href=${fragmentOf("servers")}>Servers</a>. Set a duration there, so that a sync-up takes time.<//>`}
    ${lanes.length > 0 &&
    html`<div>
      <div class="fields"><${Select} label="Time" options=${Object.keys(SPANS)} value=${span} set=${setSpan} /></div>
      <${Table} label="Sync-ups" headings=${headings}>${lanes.map(
        (lane) => html`<tr key=${lane.id} role="row" aria-label=${line(lane.hostname)}>
          <th role="rowheader" scope="row"><bdi>${line(lane.hostname, 100)}</bdi></th>
          <${Cell}><${State} state=${laneState(lane, now)} /><//>
          <${Cell}><${Last} lane=${lane} now=${now} /><//>
          <${Cell} kind="c-lane"><${Bars} lane=${lane} now=${now} from=${from} to=${to} /><//>
        </tr>`,
      )}<//>
      <p class="buttons">${["In Progress", "Success", "Failure", "Started Over"].map((state) => html`<${State} state=${state} />`)}</p>
    </div>`}
    ${data !== null && data.dropped > 0 && html`<p class="note">${counted(data.dropped, "older sync-up")} not shown.</p>`}
  </div>`;
}
