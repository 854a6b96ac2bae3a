/** The search of the page *Calls*. The URL has its fields, and the server does the search. */
import { html, useEffect, useRef, useState } from "./html.js";
import { change } from "./route.js";
import { onSubmit, onValue } from "./widgets.js";

export const FIELDS = ["text", "status", "form", "user", "error"];
const STATUS = /^([1-5]\d\d|[1-5]xx|none)?$/i;
const PAUSE = 250;

/**
 * A field whose value goes to the URL when the user pauses.
 * @param {{name: string, label: string, value?: string, type?: string, list?: string, hint?: string, valid?: RegExp}} props
 */
function Field({ name, label, value = "", type = "text", list, hint, valid = /^/ }) {
  const [typed, setTyped] = useState(value);
  const timer = useRef(0);
  useEffect(() => {
    setTyped(value);
    return () => clearTimeout(timer.current);
  }, [value]);
  const input = (/** @type {string} */ next) => {
    setTyped(next);
    clearTimeout(timer.current);
    if (valid.test(next)) timer.current = setTimeout(() => change({ [name]: next }, true), PAUSE);
  };
  return html`<label class=${`field f-${name}`}><span>${label}</span>
    <input type=${type} value=${typed} onInput=${onValue(input)} list=${list} placeholder=${hint} autocomplete="off"
      spellcheck=${false} aria-invalid=${valid.test(typed) ? null : "true"} /></label>`;
}

/** @param {{parameters: Record<string, string>}} props */
export function Search({ parameters: { text, status, form, user, error } }) {
  const [isShown, setShown] = useState(false);
  const used = [status, form, user, error].filter(Boolean).length;
  return html`<form class="search" role="search" onSubmit=${onSubmit(() => {})}>
    <${Field} name="text" label="Search" type="search" value=${text} hint="method, path, user, reason, body" />
    <button type="button" class="filters-toggle" aria-expanded=${String(isShown)} onClick=${() => setShown(!isShown)}>
      Filters${used ? ` (${used})` : ""}</button>
    <div class=${isShown ? "filters is-shown" : "filters"}>
      <${Field} name="status" label="Status" value=${status} list="statuses" hint="4xx" valid=${STATUS} />
      <datalist id="statuses">${["2xx", "4xx", "5xx", "none"].map((one) => html`<option value=${one} />`)}</datalist>
      <label class="field"><span>Form</span>
        <select value=${form ?? ""} onChange=${onValue((next) => change({ form: next }, true))}>
          <option value="">any</option><option value="xml">XML</option><option value="json">JSON</option>
        </select></label>
      <${Field} name="user" label="User" value=${user} />
      <${Field} name="error" label="Error type" value=${error} hint="invalidSinceTime" />
    </div>
  </form>`;
}
