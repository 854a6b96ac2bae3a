/** Small components of all pages. */
import { html, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { announce, messages } from "./notices.js";

/**
 * Return a listener that passes on the value of a field.
 * @param {(value: string) => void} set
 */
export const onValue = (set) => (/** @type {any} */ event) => set(event.target.value);

/**
 * Return a listener that runs an action in place of sending a form.
 * @param {() => void} run
 */
export const onSubmit = (run) => (/** @type {Event} */ event) => {
  event.preventDefault();
  run();
};

/** @param {{error: unknown}} props */
export function Problem({ error }) {
  if (!error) return null;
  return html`<div class="alert" role="alert">${messages(error).map((message) => html`<p>${message}</p>`)}</div>`;
}

/** @param {{title: string, children: unknown}} props */
export const Empty = ({ title, children }) => html`<div class="empty"><h2>${title}</h2><p>${children}</p></div>`;

/** @param {{state: string}} props the state of a sync-up */
export const State = ({ state }) => html`<span class=${`state ${stateClass(state)}`}>${state}</span>`;

/** @param {string} state */
export const stateClass = (state) => state.toLowerCase().replace(" ", "-");

/**
 * A table with explicit roles, since a narrow screen shows its rows as cards.
 * @param {{label: string, kind?: string, headings: [name: string, kind?: string][], children: unknown}} props
 */
export function Table({ label, kind = "cards", headings, children }) {
  return html`<table class=${kind} role="table" aria-label=${label}>
    <thead role="rowgroup"><tr role="row">${headings.map(
      ([name, column]) => html`<th role="columnheader" scope="col" class=${column}>${name}</th>`,
    )}</tr></thead>
    <tbody role="rowgroup">${children}</tbody>
  </table>`;
}

/** @param {{label?: string, kind?: string, children: unknown}} props */
export const Cell = ({ label, kind, children }) => html`<td role="cell" data-label=${label} class=${kind}>${children}</td>`;

/** @param {{label: string, options: string[], value: string, set: (value: string) => void}} props */
export const Select = ({ label, options, value, set }) => html`<label class="field"><span>${label}</span>
  <select value=${value} onChange=${onValue(set)}>${options.map((option) => html`<option>${option}</option>`)}</select></label>`;

/**
 * A modal dialog, which exists while it is open.
 * @param {{label: string, close: () => void, children: unknown}} props
 */
export function Dialog({ label, close, children }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => {
    const focused = document.activeElement;
    dialog.current?.showModal();
    return () => focused instanceof HTMLElement && focused.focus();
  }, []);
  return html`<dialog ref=${dialog} aria-label=${label} onCancel=${onSubmit(close)}><h2>${label}</h2>${children}</dialog>`;
}

/** @param {{label: string, text: string, action: string, run: () => void, close: () => void}} props */
export function Confirm({ label, text, action, run, close }) {
  const confirmed = () => {
    close();
    run();
  };
  return html`<${Dialog} label=${label} close=${close}>
    <p>${text}</p>
    <div class="buttons">
      <button class="danger" onClick=${confirmed}>${action}</button>
      <button autofocus onClick=${close}>Cancel</button>
    </div>
  <//>`;
}

/**
 * A button that copies a text. If the browser does not allow this, the button shows the text.
 * @param {{label: string, name?: string, text: () => string | Promise<string>}} props
 */
export function CopyButton({ label, name, text }) {
  const [shown, setShown] = useState("");
  const area = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useEffect(() => area.current?.select(), [shown]);
  const copy = async () => {
    const copied = await text();
    try {
      await navigator.clipboard.writeText(copied);
      announce("Copied");
    } catch {
      setShown(copied);
    }
  };
  const close = () => setShown("");
  return html`<span><button type="button" aria-label=${name} onClick=${copy}>${label}</button>${
    shown &&
    html`<${Dialog} label="Text to copy" close=${close}>
      <p>The browser does not allow this page to use the clipboard.</p>
      <textarea ref=${area} readonly rows="10" aria-label="Text" value=${shown}></textarea>
      <div class="buttons"><button onClick=${close}>Close</button></div>
    <//>`
  }</span>`;
}
