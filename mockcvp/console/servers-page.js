/** The page *Servers*: the deployment, and the sync-ups of its servers. */
import { changeServer, listServers, putServer, removeServer, sendCall } from "./api.js";
import { html, useEffect, useState } from "./html.js";
import { clockNow, live } from "./live.js";
import { announce, attempt } from "./notices.js";
import { useCanChange, useResource, useStore } from "./store.js";
import { dateAndTime, line } from "./text.js";
import { Confirm, Problem } from "./widgets.js";

const TYPES = ["MEDIA", "VXML", "VXML_STANDALONE", "CALL", "RPT"];
const NEW = /** @type {Api.NewServer} */ ({
  id: "", hostname: "", ipaddr: "192.0.2.10", type: "MEDIA", duration: 0, outcome: "Success",
});

/**
 * @param {{server: Api.Server | null, close: () => void, saved: () => void}} props null for a new server
 */
function ServerForm({ server, close, saved }) {
  const [value, setValue] = useState(server ?? NEW);
  const set = (/** @type {Partial<Api.NewServer>} */ part) => setValue((now) => ({ ...now, ...part }));
  const text = (/** @type {"id" | "hostname" | "ipaddr"} */ name, /** @type {string} */ label) =>
    html`<label class="field"><span>${label}</span><input required value=${value[name]} disabled=${name === "id" && server !== null}
      onInput=${(/** @type {any} */ event) => set({ [name]: event.target.value })} autocomplete="off" /></label>`;
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const { id, hostname, ipaddr, type, duration, outcome } = value;
    const done = await attempt(() => putServer({ id, hostname, ipaddr, type, duration, outcome }), `Saved ${id}`);
    if (!done) return;
    close();
    saved();
  };
  return html`<form class="editor" aria-label=${server ? "Edit server" : "Add server"} onSubmit=${submit}>
    <h2>${server ? `Edit ${server.id}` : "Add a server"}</h2>
    <div class="fields">
      ${text("id", "Id")} ${text("hostname", "Hostname")} ${text("ipaddr", "IP address")}
      <label class="field"><span>Type</span><select value=${value.type} onChange=${(/** @type {any} */ event) => set({ type: event.target.value })}>
        ${TYPES.map((type) => html`<option value=${type}>${type}</option>`)}
      </select></label>
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
  const [seconds, setSeconds] = useState(String(server.duration));
  const [shown, setShown] = useState(server.duration);
  if (shown !== server.duration) {
    setShown(server.duration);
    setSeconds(String(server.duration));
  }
  if (!server.synchronized) return html`<span class="note">This type has no sync-ups.</span>`;
  if (!mayChange) return html`<span>${server.outcome} after ${server.duration} s</span>`;
  const save = async (/** @type {{duration?: number, outcome?: string}} */ part) => {
    await attempt(() => changeServer(server.id, part), `Changed ${server.id}`);
    changed();
  };
  const saveSeconds = () => {
    if (seconds !== "" && Number(seconds) !== server.duration) save({ duration: Number(seconds) });
  };
  return html`<span class="next">
    <select aria-label=${`Outcome of ${server.id}`} value=${server.outcome}
      onChange=${(/** @type {any} */ event) => save({ outcome: event.target.value })}>
      <option>Success</option><option>Failure</option>
    </select> after${" "}
    <input class="short" type="number" min="0" step="any" aria-label=${`Duration of ${server.id} in seconds`} value=${seconds}
      onInput=${(/** @type {any} */ event) => setSeconds(event.target.value)} onChange=${saveSeconds} /> s
  </span>`;
}

/** @param {{server: Api.Server, edit: () => void, remove: () => void, changed: () => void}} props */
function ServerRow({ server, edit, remove, changed }) {
  const mayChange = useCanChange();
  const start = async (/** @type {number} */ sincetime) => {
    const reference = { refURL: server.refURL, sincetime: String(sincetime) };
    const sent = await attempt(() =>
      sendCall({
        method: "POST",
        path: "/cvp-config/command/synchronize",
        headers: { Accept: "application/json", "Content-Type": "application/json" },
        body: JSON.stringify({ synchronize: { servers: { server: reference } } }),
      }),
    );
    if (sent) announce(`Sync-up of ${server.id}: ${sent.number ? `call ${sent.number}, ` : ""}status ${sent.status ?? "none"}`);
    changed();
  };
  const state = server.syncStatus ?? "";
  const time = (/** @type {string | null} */ value) => (value ? html`<time datetime=${value}>${dateAndTime(value)}</time>` : "never");
  // An incremental sync-up starts with the last full one.
  const since = Math.floor(Date.parse(server.lastFullSyncTime ?? "") / 1000) || 1;
  return html`<tr role="row" aria-label=${line(server.hostname)}>
    <th role="rowheader" scope="row"><bdi>${line(server.hostname, 100)}</bdi>
      <span class="note"><bdi>${line(server.id, 100)}</bdi>, ${server.type}, ${server.ipaddr}</span></th>
    <td role="cell" data-label="Status">${state
      ? html`<span class=${`state ${state.toLowerCase().replace(" ", "-")}`}>${state}</span>`
      : html`<span class="note">none</span>`}</td>
    <td role="cell" data-label="Last full">${server.synchronized && time(server.lastFullSyncTime)}</td>
    <td role="cell" data-label="Last incremental">${server.synchronized && time(server.lastIncrementalSyncTime)}</td>
    <td role="cell" data-label="Next"><${Next} server=${server} changed=${changed} /></td>
    ${mayChange &&
    html`<td role="cell"><div class="buttons">
      ${server.synchronized &&
      html`<button class="primary" aria-label=${`Full sync-up of ${server.id}`} onClick=${() => start(0)}>Full sync-up</button>`}
      ${server.synchronized &&
      html`<button aria-label=${`Incremental sync-up of ${server.id}`} onClick=${() => start(since)}>Incremental</button>`}
      <button aria-label=${`Edit ${server.id}`} onClick=${edit}>Edit</button>
      <button aria-label=${`Remove ${server.id}`} onClick=${remove}>Remove</button>
    </div></td>`}
  </tr>`;
}

/** The page. */
export function ServersPage() {
  const mayChange = useCanChange();
  const { data, error, reload } = useResource(listServers, ["deployment", "synchronizations", "clock"]);
  const [edited, setEdited] = useState(/** @type {Api.Server | "new" | null} */ (null));
  const [removed, setRemoved] = useState(/** @type {Api.Server | null} */ (null));
  const close = () => setEdited(null);
  const { clock } = useStore(live);
  const ends = (data?.servers ?? []).flatMap((server) => (server.ends ? [Date.parse(server.ends)] : []));
  const now = clockNow() ?? 0;
  const next = Math.min(...ends.filter((end) => end > now));
  useEffect(() => {
    if (!clock || clock.frozen || next === Infinity) return undefined;
    const timer = setTimeout(reload, Math.min(next - now + 50, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  }, [next, clock]);
  return html`<div class="page">
    <div class="page-head"><h1>Servers</h1>
      ${mayChange && html`<button class="primary" onClick=${() => setEdited("new")}>Add server</button>`}</div>
    <${Problem} error=${error} />
    ${edited && html`<${ServerForm} key=${edited === "new" ? "" : edited.id} server=${edited === "new" ? null : edited}
      close=${close} saved=${reload} />`}
    ${data && !data.servers.length && html`<div class="empty"><h2>No servers</h2>
      <p>Add a server here. A sync-up of an unknown server also adds one, unless the mock server rejects unknown servers.</p></div>`}
    ${data && data.servers.length > 0 &&
    html`<table class="cards" role="table" aria-label="Servers">
      <thead role="rowgroup"><tr role="row">
        ${["Server", "Status", "Last full (UTC)", "Last incremental (UTC)", "Next sync-up", ...(mayChange ? ["Actions"] : [])].map(
          (name) => html`<th role="columnheader" scope="col">${name}</th>`,
        )}
      </tr></thead>
      <tbody role="rowgroup">${data.servers.map(
        (server) => html`<${ServerRow} key=${server.id} server=${server} changed=${reload}
          edit=${() => setEdited(server)} remove=${() => setRemoved(server)} />`,
      )}</tbody>
    </table>`}
    ${removed && html`<${Confirm} label="Confirm removal" action="Remove" close=${() => setRemoved(null)}
      text=${`Remove the server ${line(removed.id)} from the deployment?`}
      run=${async () => {
        await attempt(() => removeServer(removed.id), `Removed ${removed.id}`);
        reload();
      }} />`}
  </div>`;
}
