/** The page *Stubs*: stub mappings, faults and delays, and the near misses of unmatched calls. */
import { listNearMisses, listStubs, removeMapping, saveMapping } from "./api.js";
import { Faults } from "./faults.js";
import { html, useId, useState } from "./html.js";
import { announce, attempt, messages } from "./notices.js";
import { fragmentOf } from "./route.js";
import { useCanChange, useResource } from "./store.js";
import { counted, digits, line } from "./text.js";
import { Cell, Empty, onSubmit, onValue, Problem, Table } from "./widgets.js";

const EXAMPLE = {
  name: "version is not available",
  request: { method: "GET", urlPath: "/cvp-config/version" },
  response: { status: 503, jsonBody: { message: "maintenance" } },
};

/**
 * Edit a stub mapping as JSON.
 * @param {{stub: Api.Stub | null, close: () => void, saved: () => void}} props
 */
function Editor({ stub, close, saved }) {
  const [text, setText] = useState(JSON.stringify(stub?.mapping ?? EXAMPLE, null, 2));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const id = useId();
  const save = async () => {
    try {
      // The error of the browser names the place in the text.
      JSON.parse(text);
      await saveMapping(text, stub?.id);
    } catch (exc) {
      setError(exc);
      return;
    }
    announce("Saved the stub mapping");
    close();
    saved();
  };
  return html`<form class="box" aria-label="Stub mapping" onSubmit=${onSubmit(save)}>
    <h2>${stub ? `Edit ${line(stub.name ?? stub.id, 60)}` : "New stub mapping"}</h2>
    <label for=${id}>Stub mapping in WireMock's JSON</label>
    <textarea id=${id} class="code" rows=${Math.min(30, text.split("\n").length + 1)} spellcheck=${false} value=${text}
      aria-invalid=${error ? "true" : null} aria-describedby=${`${id}-error`} onInput=${onValue(setText)}></textarea>
    <div id=${`${id}-error`}><${Problem} key=${messages(error).join()} error=${error} /></div>
    <div class="buttons"><button class="primary">Save</button><button type="button" onClick=${close}>Cancel</button></div>
  </form>`;
}

/** @param {{stub: Api.Stub, edit: () => void, remove: () => void}} props */
function StubRow({ stub, edit, remove }) {
  const mayChange = useCanChange();
  const name = line(stub.name ?? stub.id, 100);
  return html`<tr role="row">
    <th role="rowheader" scope="row"><bdi>${name}</bdi></th>
    <${Cell} label="Request"><bdi>${line(stub.description, 500)}</bdi><//>
    <${Cell} label="Response"><bdi>${line(stub.response)}</bdi><//>
    <${Cell} label="Hits">${counted(stub.hits, "hit")}${stub.left !== null && `, ${digits(stub.left)} left`}<//>
    <${Cell} label="Scenario"><bdi>${stub.scenario && line(`${stub.scenario}: ${stub.state}`)}</bdi><//>
    ${mayChange &&
    html`<${Cell}><div class="buttons"><button aria-label=${`Edit ${name}`} onClick=${edit}>Edit</button>
      <button aria-label=${`Remove ${name}`} onClick=${remove}>Remove</button></div><//>`}
  </tr>`;
}

/** The stub mappings that unmatched calls nearly match. */
function NearMisses() {
  const { data, error } = useResource(listNearMisses, ["calls", "stubs"]);
  return html`<section aria-label="Near misses">
    <h2>Near misses</h2>
    <${Problem} error=${error} />
    ${data && !data.nearMisses.length && html`<p class="note">There are none. A near miss is a call to which neither a stub
      mapping nor a resource of OAMP responded, with the nearest stub mapping.</p>`}
    <ul>${data?.nearMisses.slice(0, 50).map(({ request, stubMapping, matchResult }) => {
      const { number, differences = [] } = request.mockcvp;
      return html`<li>
        <p><a href=${fragmentOf("calls", { call: number })}>Call ${number}</a>, <bdi>${line(`${request.method} ${request.url}`)}</bdi>,
          nearly matches <strong><bdi>${line(String(stubMapping?.name ?? stubMapping?.id))}</bdi></strong>${" "}
          (distance ${matchResult.distance.toFixed(2)})</p>
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
    ${data && !data.stubs.length && html`<${Empty} title="No stub mappings">OAMP itself responds to every call. Fail or
      drop the next call above, add a stub mapping, or copy one from a call on the page <a href=${fragmentOf("calls")}>Calls</a>.<//>`}
    ${data && data.stubs.length > 0 &&
    html`<${Table} label="Stub mappings" headings=${headings.map((name) => [name])}>${data.stubs.map(
      (stub) => html`<${StubRow} key=${stub.id} stub=${stub} edit=${() => setEdited(stub)} remove=${() => remove(stub)} />`,
    )}<//>`}
    <${NearMisses} />
  </div>`;
}
