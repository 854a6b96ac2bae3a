/** The search of the page *Calls*. The URL has its fields, and the server does the search. */
import { html, useEffect, useRef, useState } from "./html.js";
import { change } from "./route.js";

const STATUS = /^([1-5]\d\d|[1-5]xx|none)?$/i;
const PAUSE = 250;

/**
 * A field whose value goes to the URL when the user pauses.
 * @param {{name: string, label: string, value: string, type?: string, options?: string, placeholder?: string,
 *   isValid?: (value: string) => boolean}} props
 */
function Field({ name, label, value, type = "text", options, placeholder, isValid = () => true }) {
  const [typed, setTyped] = useState(value);
  const timer = useRef(0);
  useEffect(() => {
    setTyped(value);
    return () => clearTimeout(timer.current);
  }, [value]);
  const input = (/** @type {InputEvent} */ event) => {
    const next = /** @type {HTMLInputElement} */ (event.target).value;
    setTyped(next);
    clearTimeout(timer.current);
    if (isValid(next)) timer.current = setTimeout(() => change({ [name]: next }, true), PAUSE);
  };
  return html`<label class=${`field f-${name}`}><span>${label}</span>
    <input type=${type} value=${typed} onInput=${input} list=${options} placeholder=${placeholder} autocomplete="off"
      spellcheck=${false} aria-invalid=${isValid(typed) ? null : "true"} />
  </label>`;
}

/** @param {{parameters: Record<string, string>}} props */
export function Search({ parameters }) {
  const [isShown, setShown] = useState(false);
  const value = (/** @type {string} */ name) => parameters[name] ?? "";
  const used = ["status", "form", "user", "error"].filter((name) => parameters[name]).length;
  const select = (/** @type {Event} */ event) =>
    change({ form: /** @type {HTMLSelectElement} */ (event.target).value }, true);
  return html`<form class="search" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
    <${Field} name="text" label="Search" type="search" value=${value("text")} placeholder="method, path, user, reason, body" />
    <button type="button" class="filters-toggle" aria-expanded=${String(isShown)} onClick=${() => setShown(!isShown)}>
      Filters${used ? ` (${used})` : ""}
    </button>
    <div class=${isShown ? "filters is-shown" : "filters"}>
      <${Field} name="status" label="Status" value=${value("status")} options="statuses" placeholder="4xx"
        isValid=${(/** @type {string} */ text) => STATUS.test(text)} />
      <datalist id="statuses">
        ${["2xx", "4xx", "5xx", "202", "400", "401", "404", "none"].map((status) => html`<option value=${status} />`)}
      </datalist>
      <label class="field f-form"><span>Form</span>
        <select value=${value("form")} onChange=${select}>
          <option value="">any</option><option value="xml">XML</option><option value="json">JSON</option>
        </select>
      </label>
      <${Field} name="user" label="User" value=${value("user")} />
      <${Field} name="error" label="Error type" value=${value("error")} placeholder="invalidSinceTime" />
    </div>
  </form>`;
}
