/** The open call: why it got its response, the request, the response, and what one can do with the call. */
import { getCall, getConnect, repeatCall } from "./api.js";
import { BodyView } from "./body-view.js";
import { Status } from "./call-table.js";
import { Compare } from "./compare.js";
import { bytesOf, curlOf, pairs, pytestOf, stubOf } from "./copy.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { announce, attempt } from "./notices.js";
import { change } from "./route.js";
import { useCanChange, useResource } from "./store.js";
import { dateAndTime, duration, line } from "./text.js";
import { CopyButton, onSubmit, onValue, Problem } from "./widgets.js";
import { Why } from "./why.js";

/** @param {{label: string, message: Api.Message, place?: Api.Place | null}} props */
function Message({ label, message: { headers, body, bodyAsBase64 }, place }) {
  return html`<div>
    <dl class="headers" aria-label=${`Headers of the ${label}`}>${pairs(headers).map(
      ([name, value]) => html`<div><dt>${line(name, 500)}:</dt> <dd><bdi>${line(value, 5000)}</bdi></dd></div>`,
    )}</dl>
    <${BodyView} label=${`Body of the ${label}`} text=${body} size=${bytesOf(bodyAsBase64).length} place=${place} />
  </div>`;
}

/** @param {{detail: Api.CallDetail, compare: number | null}} props */
function Actions({ detail, compare }) {
  const mayChange = useCanChange();
  const [other, setOther] = useState(String(compare ?? ""));
  const repeat = async () => {
    const sent = await attempt(() => repeatCall(detail.call.number));
    if (sent) announce(`Sent again: call ${sent.number ?? "none"}, status ${sent.status ?? "none"}`);
  };
  return html`<div>
    <div class="buttons">
      <${CopyButton} label="Copy as curl" text=${async () => curlOf(detail, await getConnect())} />
      <${CopyButton} label="Copy as pytest assertion" text=${() => pytestOf(detail)} />
      <${CopyButton} label="Copy as stub mapping" text=${() => stubOf(detail)} />
      ${mayChange && html`<button class="primary" onClick=${repeat}>Send again</button>`}
    </div>
    <form class="inline" onSubmit=${onSubmit(() => change({ compare: other }, true))}>
      <label>Compare with call <input class="short" type="number" min="1" required value=${other} onInput=${onValue(setOther)} /></label>
      <button>Compare</button>
    </form>
  </div>`;
}

/** @param {{detail: Api.CallDetail, compare: number | null}} props */
function Detail({ detail, compare }) {
  const { call, why } = detail;
  const { request, response } = detail.event;
  const place = why.errors.find((error) => error.place)?.place;
  return html`<div>
    <p><${Status} status=${call.status} /> <strong>${line(call.method, 30)}</strong> <bdi>${line(request.url, 3000)}</bdi></p>
    <dl class="facts">
      ${call.errorType && html`<dt>Error type</dt><dd>${line(call.errorType)}</dd>`}
      <dt>User</dt><dd><bdi>${line(call.user ?? "none", 500)}</bdi></dd>
      <dt>Client</dt><dd>${line(call.client)}</dd>
      <dt>Time</dt><dd>${dateAndTime(call.time)} UTC, ${duration(call.duration)}</dd>
      ${call.stub && html`<dt>Stub mapping</dt><dd><bdi>${line(call.stub)}</bdi></dd>`}
      ${call.fault && html`<dt>Fault</dt><dd>${line(call.fault)}</dd>`}
      ${!call.delivered && html`<dt>Delivered</dt><dd>no, the client disconnected</dd>`}
    </dl>
    <${Actions} detail=${detail} compare=${compare} />
    ${compare !== null && html`<${Compare} key=${compare} detail=${detail} number=${compare} />`}
    <${Why} why=${why} call=${call} body=${request.body} />
    <h3>Request</h3>
    <${Message} label="request" message=${request} place=${place} />
    <h3>Response</h3>
    ${call.status === null ? html`<p class="note">No response.</p>` : html`<${Message} label="response" message=${response} />`}
  </div>`;
}

/** @param {{number: number, compare: number | null}} props */
export function CallPanel({ number, compare }) {
  const { data, error } = useResource(() => getCall(number), []);
  const back = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    // On a narrow screen, the call covers the list and needs the focus.
    if (!back.current?.offsetParent) return;
    scrollTo(0, 0);
    back.current.focus();
  }, []);
  const close = () => change({ call: undefined, compare: undefined });
  return html`<section class="panel" aria-label="Call">
    <header class="panel-head">
      <button class="back" ref=${back} onClick=${close}>Back</button>
      <h2>Call ${number}</h2>
      <button class="close" onClick=${close}>Close</button>
    </header>
    <${Problem} error=${error} />
    ${data ? html`<${Detail} detail=${data} compare=${compare} />` : !error && html`<p class="note">Loading…</p>`}
  </section>`;
}
