/** The open call: why it got its response, the request, the response, and what one can do with the call. */
import { getCall, getConnect, repeatCall } from "./api.js";
import { BodyView } from "./body-view.js";
import { statusClass } from "./call-table.js";
import { Compare } from "./compare.js";
import { bytesOf, curlOf, pairs, pytestOf, stubOf } from "./copy.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { announce, attempt } from "./notices.js";
import { change, fragmentOf } from "./route.js";
import { useCanChange, useResource } from "./store.js";
import { dateAndTime, duration, line } from "./text.js";
import { CopyButton, Problem } from "./widgets.js";
import { Why } from "./why.js";

/** @param {{label: string, headers: Api.Headers}} props */
function HeaderList({ label, headers }) {
  const fields = pairs(headers);
  if (!fields.length) return html`<p class="note">No headers.</p>`;
  return html`<dl class="headers" aria-label=${label}>
    ${fields.map(
      ([name, value]) => html`<div><dt>${line(name, 500)}</dt><dd><bdi>${line(value, 5000)}</bdi></dd></div>`,
    )}
  </dl>`;
}

/**
 * @param {{detail: Api.CallDetail, compare: number | null}} props
 */
function Actions({ detail, compare }) {
  const mayChange = useCanChange();
  const [other, setOther] = useState(compare ? String(compare) : "");
  const { call } = detail;
  const repeat = async () => {
    const sent = await attempt(() => repeatCall(call.number));
    if (sent) announce(`Sent again: ${sent.number ? `call ${sent.number}, ` : ""}status ${sent.status ?? "none"}`);
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    change({ compare: other }, true);
  };
  return html`<div class="actions">
    <div class="buttons">
      <${CopyButton} label="Copy as curl" text=${async () => curlOf(detail, await getConnect())} />
      <${CopyButton} label="Copy as pytest assertion" text=${() => pytestOf(detail)} />
      <${CopyButton} label="Copy as stub mapping" text=${() => stubOf(detail)} />
      ${mayChange && html`<button class="primary" onClick=${repeat}>Send again</button>`}
    </div>
    <form class="inline" onSubmit=${submit}>
      <label>Compare with call <input class="short" type="number" min="1" required value=${other}
        onInput=${(/** @type {any} */ event) => setOther(event.target.value)} /></label>
      <button>Compare</button>
    </form>
  </div>`;
}

/** @param {{detail: Api.CallDetail, compare: number | null}} props */
function Detail({ detail, compare }) {
  const { call, event, why } = detail;
  const { request, response } = event;
  const place = why.errors.find((error) => error.place)?.place ?? null;
  const target = line(request.url, 3000);
  return html`<div>
    <p class="request-line"><span class=${statusClass(call.status)}>${call.status ?? "none"}</span>${" "}
      <strong>${line(call.method, 30)}</strong> <bdi>${target}</bdi></p>
    <dl class="facts">
      ${call.errorType && html`<dt>Error type</dt><dd>${line(call.errorType)}</dd>`}
      <dt>User</dt><dd><bdi>${call.user === null ? "none" : line(call.user, 500)}</bdi></dd>
      <dt>Client</dt><dd>${line(call.client)}</dd>
      <dt>Time</dt><dd><time datetime=${call.time}>${dateAndTime(call.time)} UTC</time>, ${duration(call.duration)}</dd>
      ${call.stub && html`<dt>Stub mapping</dt><dd><bdi>${line(call.stub)}</bdi></dd>`}
      ${call.fault && html`<dt>Fault</dt><dd>${line(call.fault)}</dd>`}
      ${!call.delivered && html`<dt>Delivered</dt><dd>no, the client disconnected before the response was sent</dd>`}
    </dl>
    <${Actions} detail=${detail} compare=${compare} />
    ${compare !== null && html`<${Compare} detail=${detail} number=${compare} />`}
    <${Why} why=${why} call=${call} body=${request.body} />
    <h3>Request</h3>
    <${HeaderList} label="Headers of the request" headers=${request.headers} />
    <${BodyView} label="Body of the request" text=${request.body} size=${bytesOf(request.bodyAsBase64).length} place=${place} />
    <h3>Response</h3>
    ${call.status === null
      ? html`<p class="note">No response.</p>`
      : html`<div><${HeaderList} label="Headers of the response" headers=${response.headers} />
        <${BodyView} label="Body of the response" text=${response.body} size=${bytesOf(response.bodyAsBase64).length} /></div>`}
  </div>`;
}

/** @param {{number: number, compare: number | null}} props */
export function CallPanel({ number, compare }) {
  const { data, error } = useResource(() => getCall(number), [], String(number));
  const back = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    // On a narrow screen, the call covers the list and needs the focus.
    if (back.current?.offsetParent && getComputedStyle(back.current).getPropertyValue("--covers").trim() === "1") {
      scrollTo(0, 0);
      back.current.focus();
    }
  }, []);
  const close = () => change({ call: undefined, compare: undefined });
  return html`<section class="panel" aria-label="Call">
    <header class="panel-head">
      <button class="back" ref=${back} onClick=${close}>Back</button>
      <h2>Call ${number}</h2>
      <button class="close" onClick=${close}>Close</button>
    </header>
    <${Problem} error=${error} />
    ${error ? html`<p><a href=${fragmentOf("calls")}>Show all calls</a></p>` : null}
    ${!data && !error ? html`<p class="note">Loading…</p>` : null}
    ${data && html`<${Detail} detail=${data} compare=${compare} />`}
  </section>`;
}
