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
const SIGNS = { same: "  ", removed: "- ", added: "+ " };

/** @param {Api.CallDetail} detail */
function linesOf({ call, event: { request, response } }) {
  /** @type {(first: string, message: Api.Message) => string[]} */
  const lines = (first, { headers, body }) => [
    first,
    ...pairs(headers).map(([name, value]) => `${name}: ${value}`),
    "",
    ...pretty(body).split("\n"),
  ];
  return [...lines(`${call.method} ${request.url}`, request), "", ...lines(`status ${call.status ?? "none"}`, response)];
}

/** @param {{left: Api.CallDetail, right: Api.CallDetail}} props */
function Difference({ left, right }) {
  const lines = useMemo(() => diff(linesOf(left), linesOf(right)), [left, right]);
  const isSame = lines.every(({ kind }) => kind === "same");
  return html`<div>
    <p>${isSame ? "The two calls are the same." : `- is call ${left.call.number}, + is call ${right.call.number}.`}</p>
    <pre class="code diff" tabindex="0" aria-label="Difference">${lines.slice(0, MOST).map(
      ({ kind, text }) => html`<span class=${kind}>${SIGNS[kind]}${line(text, 1000)}${"\n"}</span>`,
    )}</pre>
    ${lines.length > MOST && html`<p class="note">The first ${MOST} of ${lines.length} lines.</p>`}
  </div>`;
}

/** @param {{detail: Api.CallDetail, number: number}} props */
export function Compare({ detail, number }) {
  const { data, error } = useResource(() => getCall(number), []);
  return html`<section aria-label="Comparison">
    <h3>Compared with call ${number}</h3>
    <${Problem} error=${error} />
    ${data && html`<${Difference} left=${detail} right=${data} />`}
    <button onClick=${() => change({ compare: undefined }, true)}>Close the comparison</button>
  </section>`;
}
