/** The page *Stubs*: stub mappings, faults and delays, and the near misses of unmatched calls. */
import { addMapping, listNearMisses, listStubs, removeMapping, replaceMapping, setSettings } from "./api.js";
import { html, useId, useState } from "./html.js";
import { announce, attempt, messages } from "./notices.js";
import { fragmentOf } from "./route.js";
import { useCanChange, useResource } from "./store.js";
import { counted, digits, line } from "./text.js";
import { Problem } from "./widgets.js";

const ERRORS = [
  "503 processing.throttled",
  "500 processing.failed",
  "500 processing.databaseProcessingFailed",
  "500 processing.fileProcessingFailed",
  "401 authorization.unathorized",
  "401 authentication.noAccess",
  "401 authentication.notAuthorized",
  "400 invalid.header",
  "400 invalidInput.invalidServerRef",
  "400 invalidInput.invalidSinceTime",
  "404 Not found",
  "406 invalid.acceptHeader",
  "413 invalid.requestSize",
  "415 invalid.contentType",
];
const FAULTS = ["EMPTY_RESPONSE", "CONNECTION_RESET_BY_PEER", "MALFORMED_RESPONSE_CHUNK", "RANDOM_DATA_THEN_CLOSE"];
const EXAMPLE = {
  name: "version is not available",
  request: { method: "GET", urlPath: "/cvp-config/version" },
  response: { status: 503, jsonBody: { message: "maintenance" } },
};

/**
 * Return a stub mapping for the next calls.
 * @param {string} name
 * @param {Record<string, unknown>} response
 * @param {Record<string, unknown>} parameters
 */
const oneShot = (name, response, parameters) => ({
  name,
  priority: 0,
  request: { method: "ANY" },
  response: { ...response, transformers: ["mockcvp"], transformerParameters: parameters },
});

/**
 * The controls that make the next calls fail.
 * @param {{settings: Record<string, unknown>, changed: () => void}} props
 */
function Faults({ settings, changed }) {
  const [error, setError] = useState(ERRORS[0]);
  const [fault, setFault] = useState(FAULTS[0]);
  const [times, setTimes] = useState("1");
  const [delay, setDelay] = useState(settings.fixedDelay ? String(settings.fixedDelay) : "300");
  const value = (/** @type {(text: string) => void} */ set) => (/** @type {any} */ event) => set(event.target.value);
  const isDelayed = Boolean(settings.fixedDelay);
  const calls = () => counted(Number(times), "call");
  const run = (/** @type {() => Promise<unknown>} */ action, /** @type {string} */ done) => async () => {
    await attempt(action, done);
    changed();
  };
  const failNext = () => {
    const [status, ...type] = error.split(" ");
    const parameters = { errorType: type.join(" "), times: Number(times) };
    return run(() => addMapping(oneShot("fail next", { status: Number(status) }, parameters)), `The next ${calls()} will fail`)();
  };
  const dropNext = () =>
    run(() => addMapping(oneShot("drop next", { fault }, { times: Number(times) })), `The next ${calls()} will be dropped`)();
  const setFixedDelay = (/** @type {number} */ milliseconds) => {
    const { fixedDelay, ...others } = settings;
    const changes = milliseconds > 0 ? { ...others, fixedDelay: milliseconds } : others;
    return run(() => setSettings(changes), milliseconds ? `Every response has a delay of ${milliseconds} ms` : "No delay")();
  };
  return html`<section class="faults" aria-label="Faults">
    <label class="field"><span>Calls</span><input class="short" type="number" min="1" value=${times} onInput=${value(setTimes)} /></label>
    <div class="fault"><label class="field"><span>Error</span><select value=${error} onChange=${value(setError)}>
      ${ERRORS.map((text) => html`<option>${text}</option>`)}</select></label>
      <button class="primary" onClick=${failNext}>Fail next</button></div>
    <div class="fault"><label class="field"><span>Fault</span><select value=${fault} onChange=${value(setFault)}>
      ${FAULTS.map((text) => html`<option>${text}</option>`)}</select></label>
      <button class="primary" onClick=${dropNext}>Drop next</button></div>
    <div class="fault"><label class="field"><span>Milliseconds</span><input class="short" type="number" min="0" value=${delay}
      onInput=${value(setDelay)} /></label>
      <button class="primary" onClick=${() => setFixedDelay(Number(delay))}>Delay</button>
      ${isDelayed && html`<button onClick=${() => setFixedDelay(0)}>No delay</button>`}</div>
    ${isDelayed && html`<p class="note">Every response now has a delay of ${digits(Number(settings.fixedDelay))} ms.</p>`}
  </section>`;
}

/**
 * Edit a stub mapping as JSON.
 * @param {{stub: Api.Stub | null, close: () => void, saved: () => void}} props
 */
function Editor({ stub, close, saved }) {
  const [text, setText] = useState(JSON.stringify(stub?.mapping ?? EXAMPLE, null, 2));
  const [errors, setErrors] = useState(/** @type {string[]} */ ([]));
  const id = useId();
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      // The error of the browser names the place in the text.
      JSON.parse(text);
      if (stub) await replaceMapping(stub.id, text);
      else await addMapping(text);
    } catch (exc) {
      setErrors(messages(exc));
      return;
    }
    announce("Saved the stub mapping");
    close();
    saved();
  };
  const lines = Math.min(30, Math.max(8, text.split("\n").length + 1));
  return html`<form class="editor" aria-label="Stub mapping" onSubmit=${submit}>
    <h2>${stub ? `Edit ${line(stub.name ?? stub.id, 60)}` : "New stub mapping"}</h2>
    <label for=${id}>Stub mapping in JSON, as WireMock has it</label>
    <textarea id=${id} class="code" rows=${lines} spellcheck=${false} value=${text}
      aria-invalid=${errors.length ? "true" : null} aria-describedby=${errors.length ? `${id}-errors` : null}
      onInput=${(/** @type {any} */ event) => setText(event.target.value)}></textarea>
    ${errors.length > 0 &&
    html`<div class="alert" role="alert" id=${`${id}-errors`}>${errors.map((error) => html`<p>${error}</p>`)}</div>`}
    <div class="buttons"><button class="primary">Save</button><button type="button" onClick=${close}>Cancel</button></div>
  </form>`;
}

/**
 * @param {{stub: Api.Stub, edit: () => void, remove: () => void}} props
 */
function StubRow({ stub, edit, remove }) {
  const mayChange = useCanChange();
  const name = line(stub.name ?? stub.id, 100);
  return html`<tr role="row">
    <th role="rowheader" scope="row"><bdi>${name}</bdi></th>
    <td role="cell" data-label="Request"><bdi>${line(stub.description, 500)}</bdi></td>
    <td role="cell" data-label="Response"><bdi>${line(stub.response)}</bdi></td>
    <td role="cell" data-label="Hits">${counted(stub.hits, "hit")}${stub.left !== null ? `, ${digits(stub.left)} left` : ""}</td>
    <td role="cell" data-label="Scenario">${stub.scenario ? html`<bdi>${line(stub.scenario)}: ${line(stub.state ?? "")}</bdi>` : ""}</td>
    ${mayChange &&
    html`<td role="cell"><div class="buttons"><button aria-label=${`Edit ${name}`} onClick=${edit}>Edit</button>
      <button aria-label=${`Remove ${name}`} onClick=${remove}>Remove</button></div></td>`}
  </tr>`;
}

/** The stub mappings that unmatched calls nearly match. */
function NearMisses() {
  const { data, error } = useResource(listNearMisses, ["calls", "stubs"]);
  const misses = data?.nearMisses ?? [];
  return html`<section aria-label="Near misses">
    <h2>Near misses</h2>
    <${Problem} error=${error} />
    ${data && !misses.length
      ? html`<p class="note">No call is unmatched while there are stub mappings. A call is unmatched if neither a stub mapping nor
          a resource of OAMP responded.</p>`
      : null}
    <ul class="misses">${misses.slice(0, 50).map(({ request, stubMapping, matchResult }) => {
      const { number, differences = [] } = request.mockcvp;
      const name = String(stubMapping?.name ?? stubMapping?.id ?? "a stub mapping");
      return html`<li>
        <p><a href=${fragmentOf("calls", { call: number })}>Call ${number}</a>: <bdi>${line(`${request.method} ${request.url}`)}</bdi>
          nearly matches <strong><bdi>${line(name)}</bdi></strong> (distance ${matchResult.distance.toFixed(2)})</p>
        <ul>${differences.map((difference) => html`<li><bdi>${line(difference, 500)}</bdi></li>`)}</ul>
      </li>`;
    })}</ul>
  </section>`;
}

/** The page. */
export function StubsPage() {
  const mayChange = useCanChange();
  const { data, error, reload } = useResource(listStubs, ["stubs", "calls"]);
  const [edited, setEdited] = useState(/** @type {Api.Stub | "new" | null} */ (null));
  const remove = async (/** @type {Api.Stub} */ stub) => {
    await attempt(() => removeMapping(stub.id), `Removed ${line(stub.name ?? stub.id, 60)}`);
    reload();
  };
  const headings = ["Name", "Request", "Response", "Hits", "Scenario", ...(mayChange ? ["Actions"] : [])];
  return html`<div class="page">
    <div class="page-head"><h1>Stubs and faults</h1>
      ${mayChange && html`<button class="primary" onClick=${() => setEdited("new")}>New stub</button>`}</div>
    <${Problem} error=${error} />
    ${mayChange && data && html`<${Faults} settings=${data.settings} changed=${reload} />`}
    ${edited && html`<${Editor} key=${edited === "new" ? "" : edited.id} stub=${edited === "new" ? null : edited}
      close=${() => setEdited(null)} saved=${reload} />`}
    ${data && !data.stubs.length && html`<div class="empty"><h2>No stub mappings</h2>
      <p>OAMP itself responds to every call. Fail or drop the next call above, add a stub mapping, or copy one from a call
        on the page <a href=${fragmentOf("calls")}>Calls</a>.</p></div>`}
    ${data && data.stubs.length > 0 &&
    html`<table class="cards" role="table" aria-label="Stub mappings">
      <thead role="rowgroup"><tr role="row">${headings.map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}</tr></thead>
      <tbody role="rowgroup">${data.stubs.map(
        (stub) => html`<${StubRow} key=${stub.id} stub=${stub} edit=${() => setEdited(stub)} remove=${() => remove(stub)} />`,
      )}</tbody>
    </table>`}
    <${NearMisses} />
  </div>`;
}
