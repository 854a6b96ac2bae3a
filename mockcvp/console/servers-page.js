/** The page *Servers*: the deployment, and the sync-ups of its servers. */
import { changeServer, listServers, putServer, removeServer, sendCall } from "./api.js";
import { html, useEffect, useState } from "./html.js";
import { clockNow, live } from "./live.js";
import { announce, attempt } from "./notices.js";
import { useCanChange, useResource, useStore } from "./store.js";
import { dateAndTime, line } from "./text.js";
import { Cell, Confirm, Empty, onSubmit, onValue, Problem, Select, State, Table } from "./widgets.js";

const TYPES = ["MEDIA", "VXML", "VXML_STANDALONE", "CALL", "RPT"];
const NEW = { id: "", hostname: "", ipaddr: "192.0.2.10", type: "MEDIA", duration: 0, outcome: "Success" };
const LONGEST_TIMER = 2 ** 31 - 1;

/** @param {{server: Api.Server | null, close: () => void, saved: () => void}} props null for a new server */
function ServerForm({ server, close, saved }) {
  const [value, setValue] = useState(/** @type {Api.NewServer} */ (server ?? NEW));
  /** @type {(name: "id" | "hostname" | "ipaddr", label: string) => unknown} */
  const text = (name, label) => html`<label class="field"><span>${label}</span>
    <input required value=${value[name]} disabled=${name === "id" && server !== null} autocomplete="off"
      onInput=${onValue((typed) => setValue({ ...value, [name]: typed }))} /></label>`;
  const save = async () => {
    const { id, hostname, ipaddr, type, duration, outcome } = value;
    if (!(await attempt(() => putServer({ id, hostname, ipaddr, type, duration, outcome }), `Saved ${line(id)}`))) return;
    close();
    saved();
  };
  const title = server ? `Edit server ${line(server.id)}` : "Add a server";
  return html`<form class="box" aria-label=${title} onSubmit=${onSubmit(save)}>
    <h2>${title}</h2>
    <div class="fields">
      ${text("id", "Id")} ${text("hostname", "Hostname")} ${text("ipaddr", "IP address")}
      <${Select} label="Type" options=${TYPES} value=${value.type} set=${(/** @type {string} */ type) => setValue({ ...value, type })} />
    </div>
    <div class="buttons"><button class="primary">Save</button><button type="button" onClick=${close}>Cancel</button></div>
  </form>`;
}

/**
 * The duration and the outcome of the next sync-ups of a server.
 * @param {{server: Api.Server, changed: () => void}} props
 */
function Next({ server, changed }) {
  const mayChange = useCanChange();
  if (!server.synchronized) return html`<span class="note">This type has no sync-ups.</span>`;
  if (!mayChange) return html`<span>${server.outcome} after ${server.duration} s</span>`;
  const save = async (/** @type {{duration?: number, outcome?: string}} */ part) => {
    await attempt(() => changeServer(server.id, part), `Changed ${line(server.id)}`);
    changed();
  };
  return html`<span class="next">
    <select aria-label=${`Outcome of ${line(server.id)}`} value=${server.outcome} onChange=${onValue((outcome) => save({ outcome }))}>
      <option>Success</option><option>Failure</option>
    </select> after${" "}
    <input class="short" type="number" min="0" step="any" aria-label=${`Duration of ${line(server.id)} in seconds`}
      value=${server.duration} onChange=${onValue((seconds) => seconds && save({ duration: Number(seconds) }))} /> s
  </span>`;
}

/** @param {{server: Api.Server, edit: () => void, remove: () => void, changed: () => void}} props */
function ServerRow({ server, edit, remove, changed }) {
  const { hostname, type, ipaddr, refURL, synchronized, syncStatus, lastFullSyncTime, lastIncrementalSyncTime } = server;
  const mayChange = useCanChange();
  const id = line(server.id, 100);
  const start = async (/** @type {number} */ sincetime) => {
    const headers = { Accept: "application/json", "Content-Type": "application/json" };
    const body = JSON.stringify({ synchronize: { servers: { server: { refURL, sincetime: String(sincetime) } } } });
    const sent = await attempt(() => sendCall({ method: "POST", path: "/cvp-config/command/synchronize", headers, body }));
    if (sent) announce(`Sync-up of ${id}: call ${sent.number ?? "none"}, status ${sent.status ?? "none"}`);
    changed();
  };
  const time = (/** @type {string | null} */ value) => synchronized && (value ? dateAndTime(value) : "never");
  // An incremental sync-up covers the time since the last full one.
  const since = Math.floor(Date.parse(lastFullSyncTime ?? "") / 1000) || 1;
  /** @type {(label: string, run: () => void, kind?: string) => unknown} */
  const button = (label, run, kind) => html`<button class=${kind} aria-label=${`${label} of ${id}`} onClick=${run}>${label}</button>`;
  return html`<tr role="row" aria-label=${line(hostname)}>
    <th role="rowheader" scope="row"><bdi>${line(hostname, 100)}</bdi>
      <span class="note"><bdi>${id}</bdi>, ${type}, ${ipaddr}</span></th>
    <${Cell} label="Status">${syncStatus ? html`<${State} state=${syncStatus} />` : "none"}<//>
    <${Cell} label="Last full">${time(lastFullSyncTime)}<//>
    <${Cell} label="Last incremental">${time(lastIncrementalSyncTime)}<//>
    <${Cell} label="Next"><${Next} server=${server} changed=${changed} /><//>
    ${mayChange &&
    html`<${Cell}><div class="buttons">
      ${synchronized && [button("Full sync-up", () => start(0), "primary"), button("Incremental sync-up", () => start(since))]}
      <button aria-label=${`Edit ${id}`} onClick=${edit}>Edit</button>
      <button aria-label=${`Remove ${id}`} onClick=${remove}>Remove</button>
    </div><//>`}
  </tr>`;
}

/** The page. */
export function ServersPage() {
  const mayChange = useCanChange();
  const { clock } = useStore(live);
  const { data, error, reload } = useResource(listServers, ["deployment", "synchronizations", "clock"]);
  const [edited, setEdited] = useState(/** @type {Api.Server | "new" | null} */ (null));
  const [removed, setRemoved] = useState(/** @type {Api.Server | null} */ (null));
  const now = clockNow() ?? 0;
  const ends = (data?.servers ?? []).map(({ ends }) => Date.parse(ends ?? "")).filter((end) => end > now);
  const next = Math.min(...ends);
  useEffect(() => {
    if (!clock || clock.frozen || next === Infinity) return undefined;
    const timer = setTimeout(reload, Math.min(next - now + 50, LONGEST_TIMER));
    return () => clearTimeout(timer);
  }, [next, clock]);
  const remove = async () => {
    if (removed) await attempt(() => removeServer(removed.id), `Removed ${line(removed.id)}`);
    reload();
  };
  const headings = ["Server", "Status", "Last full (UTC)", "Last incremental (UTC)", "Next sync-up", ...(mayChange ? ["Actions"] : [])];
  return html`<div class="page">
    <div class="page-head"><h1>Servers</h1>
      ${mayChange && html`<button class="primary" onClick=${() => setEdited("new")}>Add server</button>`}</div>
    <${Problem} error=${error} />
    ${edited && html`<${ServerForm} key=${edited === "new" ? "" : edited.id} server=${edited === "new" ? null : edited}
      close=${() => setEdited(null)} saved=${reload} />`}
    ${data && !data.servers.length && html`<${Empty} title="No servers">Add a server here. A sync-up of an unknown server
      also adds one, unless the mock server rejects unknown servers.<//>`}
    ${data && data.servers.length > 0 &&
    html`<${Table} label="Servers" headings=${headings.map((name) => [name])}>${data.servers.map(
      (server) => html`<${ServerRow} key=${server.id} server=${server} changed=${reload}
        edit=${() => setEdited(server)} remove=${() => setRemoved(server)} />`,
    )}<//>`}
    ${removed && html`<${Confirm} label="Confirm removal" action="Remove" close=${() => setRemoved(null)} run=${remove}
      text=${`Remove the server ${line(removed.id)} from the deployment?`} />`}
  </div>`;
}
