/** The comparison of two calls. */
import { getCall } from "./api.js";
import { pairs } from "./copy.js";
import { diff } from "./diff.js";
import { html, useMemo } from "./html.js";
import { pretty } from "./pretty.js";
import { change } from "./route.js";
import { useResource } from "./store.js";
import { line } from "./text.js";
import { Problem } from "./widgets.js";

const MOST = 2000;
const SIGNS = { same: " ", removed: "-", added: "+" };
const NAMES = { same: "", removed: "removed: ", added: "added: " };

/**
 * Return the lines of a call.
 * @param {Api.CallDetail} detail
 */
function linesOf({ call, event }) {
  const fields = (/** @type {Api.Headers} */ headers) => pairs(headers).map(([name, value]) => `${name}: ${value}`);
  return [
    `${call.method} ${event.request.url}`,
    ...fields(event.request.headers),
    "",
    ...pretty(event.request.body).split("\n"),
    "",
    `status ${call.status ?? "none"}`,
    ...fields(event.response.headers),
    "",
    ...pretty(event.response.body).split("\n"),
  ];
}

/** @param {{left: Api.CallDetail, right: Api.CallDetail}} props */
function Difference({ left, right }) {
  const lines = useMemo(() => diff(linesOf(left), linesOf(right)), [left, right]);
  const changed = lines.filter(({ kind }) => kind !== "same").length;
  return html`<div>
    <p>${changed ? `- is call ${left.call.number}, + is call ${right.call.number}.` : "The two calls are the same."}</p>
    <pre class="code diff" tabindex="0" aria-label="Difference">${lines.slice(0, MOST).map(
      ({ kind, text }) =>
        html`<span class=${kind}><span class="hidden">${NAMES[kind]}</span><span aria-hidden="true">${SIGNS[kind]} </span>${line(text, 1000)}${"\n"}</span>`,
    )}</pre>
    ${lines.length > MOST && html`<p class="note">The first ${MOST} of ${lines.length} lines.</p>`}
  </div>`;
}

/** @param {{detail: Api.CallDetail, number: number}} props */
export function Compare({ detail, number }) {
  const { data, error } = useResource(() => getCall(number), [], String(number));
  return html`<section class="compare" aria-label="Comparison">
    <h3>Compared with call ${number}</h3>
    <${Problem} error=${error} />
    ${data && html`<${Difference} left=${detail} right=${data} />`}
    <button onClick=${() => change({ compare: undefined }, true)}>Close the comparison</button>
  </section>`;
}
