/** The reason for the response to a call: the checks in their order, and what is wrong. */
import { Marked } from "./body-view.js";
import { html } from "./html.js";
import { line } from "./text.js";

const SOURCES = { doc: "Cisco's guide", client: "a public client", infer: "OAMP's framework", ours: "mockcvp's choice" };
const SIGNS = { passed: "✓", failed: "✗", decided: "●", "not reached": "·" };
const CONTEXT = 120;

/**
 * Show the part of the body that is wrong, and the text around it.
 * @param {{body: string, place: Api.Place}} props
 */
function Excerpt({ body, place }) {
  const from = Math.max(0, place.start - CONTEXT);
  const end = Math.min(Math.max(place.end, place.start + 1), place.start + 1000);
  const part = { ...place, start: place.start - from, end: end - from };
  return html`<p class="note">Body, line ${place.line}, column ${place.column}:</p>
    <pre class="code" tabindex="0" aria-label="Place in the body">${from > 0 && "…"}<${Marked}
      text=${body.slice(from, end + CONTEXT)} place=${part} />${end + CONTEXT < body.length && "…"}</pre>`;
}

/** @param {{error: Api.CallError, body: string}} props */
function CallError({ error: { type, reason, field, sent, valid, place }, body }) {
  return html`<li>
    <p><bdi><strong>${line(type)}</strong>: ${line(reason, 2000)}</bdi></p>
    <dl class="facts">
      ${field !== null && html`<dt>Field</dt><dd><bdi>${line(field, 500)}</bdi></dd>`}
      ${sent !== null && html`<dt>Sent</dt><dd><code>${line(sent, 500)}</code></dd>`}
      ${valid !== null && html`<dt>Valid</dt><dd>${line(valid, 500)}</dd>`}
    </dl>
    ${place && html`<${Excerpt} body=${body} place=${place} />`}
  </li>`;
}

/** @param {{why: Api.Why, call: Api.Row, body: string}} props */
export function Why({ why: { checks, errors, ignored, advice }, call, body }) {
  const list = errors.length > 0 && html`<ul class="plain">${errors.map((error) => html`<${CallError} error=${error} body=${body} />`)}</ul>`;
  return html`<div>
    <h3>Why</h3>
    <p><strong><bdi>${line(call.effect || "Every check passed.", 2000)}</bdi></strong></p>
    ${advice && html`<p class="advice"><bdi>${line(advice, 2000)}</bdi></p>`}
    ${!checks.some(({ result }) => result === "failed") && list}
    <ol class="ladder plain" aria-label="Checks">${checks.map(
      ({ name, result, section, standing }) => html`<li class=${result.replace(" ", "-")}>
        <span class="sign" aria-hidden="true">${SIGNS[result]}</span><span class="check">${name}</span>${" "}
        <span class="note">${result}; contract, ${section} (${SOURCES[standing]})</span>
        ${result === "failed" && list}
      </li>`,
    )}</ol>
    ${ignored.length > 0 &&
    html`<p>Without meaning for OAMP: ${ignored.map((member, index) => [index > 0 && ", ", html`<s><code>${line(member)}</code></s>`])}</p>`}
  </div>`;
}
