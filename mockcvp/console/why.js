/** The reason for the response to a call: the checks in their order, and what is wrong. */
import { Marked } from "./body-view.js";
import { html } from "./html.js";
import { line } from "./text.js";

const SOURCES = {
  doc: "Cisco's guide",
  client: "a public client of OAMP",
  infer: "the framework of OAMP",
  ours: "a choice of mockcvp",
};
const SIGNS = { passed: "✓", failed: "✗", decided: "●", "not reached": "·" };
const CONTEXT = 120;

/**
 * Show the part of the body that is wrong, and the text around it.
 * @param {{body: string, place: Api.Place}} props
 */
function Excerpt({ body, place }) {
  const from = Math.max(0, place.start - CONTEXT);
  const end = Math.max(place.end, place.start + 1);
  const part = { ...place, start: place.start - from, end: Math.min(end, place.start + 1000) - from };
  const text = body.slice(from, from + part.end + CONTEXT);
  return html`<figure>
    <figcaption>Body, line ${place.line}, column ${place.column}</figcaption>
    <pre class="code" tabindex="0" aria-label="Place in the body"><code>${from > 0 && "…"}<${Marked} text=${text} place=${part} />${
      from + text.length < body.length && "…"
    }</code></pre>
  </figure>`;
}

/** @param {{error: Api.CallError, body: string}} props */
function CallError({ error, body }) {
  return html`<li>
    <p><strong><bdi>${line(error.type, 200)}</bdi></strong>: <bdi>${line(error.reason, 2000)}</bdi></p>
    <dl class="facts">
      ${error.field !== null && html`<dt>Field</dt><dd><bdi>${line(error.field, 500)}</bdi></dd>`}
      ${error.sent !== null && html`<dt>Sent</dt><dd><code>${line(error.sent, 500)}</code></dd>`}
      ${error.valid !== null && html`<dt>Valid</dt><dd>${line(error.valid, 500)}</dd>`}
    </dl>
    ${error.place && html`<${Excerpt} body=${body} place=${error.place} />`}
  </li>`;
}

/** @param {{why: Api.Why, call: Api.Row, body: string}} props */
export function Why({ why, call, body }) {
  const errors = html`<ul class="errors">
    ${why.errors.map((error) => html`<${CallError} error=${error} body=${body} />`)}
  </ul>`;
  const hasFailed = why.checks.some((check) => check.result === "failed");
  return html`<div class="why">
    <h3>Why</h3>
    <p class="outcome"><bdi>${line(call.effect || "Every check passed.", 2000)}</bdi></p>
    ${why.advice && html`<p class="advice"><strong>What to change:</strong> <bdi>${line(why.advice, 2000)}</bdi></p>`}
    ${!hasFailed && why.errors.length > 0 && errors}
    <ol class="ladder" aria-label="Checks">
      ${why.checks.map(
        (check) => html`<li class=${`check ${check.result.replace(" ", "-")}`}>
          <p><span class="sign" aria-hidden="true">${SIGNS[check.result]}</span>
            <span class="check-name">${check.name}</span> <span class="result">${check.result}</span>
            ${check.result === "failed" &&
            html`<span class="section">contract, ${check.section} (source: ${SOURCES[check.standing]})</span>`}</p>
          ${check.result === "failed" && why.errors.length > 0 && errors}
        </li>`,
      )}
    </ol>
    ${why.ignored.length > 0 &&
    html`<p>Ignored, since OAMP does not know it: ${why.ignored.map(
      (member, index) => html`${index > 0 && ", "}<s><code>${line(member)}</code></s>`,
    )}</p>`}
    <details>
      <summary>Sections of the contract</summary>
      <ul>
        ${why.checks.map(
          (check) => html`<li>${check.name}: ${check.section} (source: ${SOURCES[check.standing]})</li>`,
        )}
      </ul>
    </details>
  </div>`;
}
