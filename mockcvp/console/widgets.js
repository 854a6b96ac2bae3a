/** Small components of all pages. */
import { html, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { announce, messages } from "./notices.js";

/**
 * Show the messages of an exception.
 * @param {{error: unknown}} props
 */
export function Problem({ error }) {
  if (!error) return null;
  return html`<div class="alert" role="alert">${messages(error).map((message) => html`<p>${message}</p>`)}</div>`;
}

/**
 * A modal dialog, which exists while it is open.
 * @param {{label: string, close: () => void, children?: unknown}} props
 */
export function Dialog({ label, close, children }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => {
    const focused = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (focused instanceof HTMLElement) focused.focus();
    };
  }, []);
  const cancel = (/** @type {Event} */ event) => {
    event.preventDefault();
    close();
  };
  return html`<dialog ref=${dialog} aria-label=${label} onCancel=${cancel}>${children}</dialog>`;
}

/**
 * Ask before an action.
 * @param {{label: string, text: string, action: string, run: () => void, close: () => void}} props
 */
export function Confirm({ label, text, action, run, close }) {
  const confirmed = () => {
    close();
    run();
  };
  return html`<${Dialog} label=${label} close=${close}>
    <h2>${label}</h2>
    <p>${text}</p>
    <div class="buttons">
      <button class="danger" onClick=${confirmed}>${action}</button>
      <button autofocus onClick=${close}>Cancel</button>
    </div>
  <//>`;
}

/**
 * A button that copies a text; where the browser does not allow this, the button shows the text.
 * @param {{label: string, name?: string, text: () => string | Promise<string>}} props
 */
export function CopyButton({ label, name, text }) {
  const [shown, setShown] = useState(/** @type {string | null} */ (null));
  const copy = async () => {
    const copied = await text();
    try {
      await navigator.clipboard.writeText(copied);
      announce("Copied");
    } catch {
      setShown(copied);
    }
  };
  const area = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useEffect(() => area.current?.select(), [shown]);
  return html`<button type="button" aria-label=${name} onClick=${copy}>${label}</button>
    ${shown !== null &&
    html`<${Dialog} label="Text to copy" close=${() => setShown(null)}>
      <h2>Text to copy</h2>
      <p>The browser does not allow this page to use the clipboard.</p>
      <textarea ref=${area} readonly rows="10" aria-label="Text" value=${shown}></textarea>
      <div class="buttons"><button onClick=${() => setShown(null)}>Close</button></div>
    <//>`}`;
}
