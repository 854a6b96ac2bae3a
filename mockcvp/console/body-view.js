/** A body, indented or raw. */
import { html, useMemo, useState } from "./html.js";
import { pretty } from "./pretty.js";
import { digits, visible } from "./text.js";

const MOST = 100_000;

/**
 * Show a text with one part marked.
 * @param {{text: string, place: Api.Place | null}} props
 */
export function Marked({ text, place }) {
  if (!place || place.start > text.length) return visible(text);
  const end = Math.max(place.end, place.start + 1);
  const part = visible(text.slice(place.start, end)) || "\u00a0";
  return [visible(text.slice(0, place.start)), html`<mark>${part}</mark>`, visible(text.slice(end))];
}

/** @param {{label: string, text: string, size: number, place?: Api.Place | null}} props */
export function BodyView({ label, text, size, place = null }) {
  const [isRaw, setRaw] = useState(false);
  const [isWhole, setWhole] = useState(false);
  const indented = useMemo(() => pretty(text), [text]);
  if (!size) return html`<p class="note">No body.</p>`;
  const source = isRaw ? text : indented;
  const shown = isWhole ? source : source.slice(0, MOST);
  return html`<div>
    <div class="page-head"><span class="note">${digits(size)} bytes</span>
      <span class="toggle" role="group" aria-label=${`Form of the ${label}`}>
        <button aria-pressed=${String(!isRaw)} onClick=${() => setRaw(false)}>Pretty</button>
        <button aria-pressed=${String(isRaw)} onClick=${() => setRaw(true)}>Raw</button>
      </span></div>
    <pre tabindex="0" aria-label=${label} class="code"><${Marked} text=${shown} place=${isRaw ? place : null} /></pre>
    ${shown.length < source.length &&
    html`<p class="note">${digits(shown.length)} of ${digits(source.length)} characters.${" "}
      <button onClick=${() => setWhole(true)}>Show all</button></p>`}
  </div>`;
}
