/** The keyboard shortcuts and their help. */
import { html, useState } from "./html.js";
import { change, fragmentOf, route } from "./route.js";
import { Dialog } from "./widgets.js";

const KEYS = {
  "/": "search the calls",
  j: "open the next call of the list",
  k: "open the previous call of the list",
  Escape: "close the open call",
  "?": "show this help",
};
const SETTING = "mockcvp-shortcuts";

/** Return whether shortcuts of one character are on. */
const isOn = () => localStorage.getItem(SETTING) !== "off";

/** Show the page *Calls*, and move the focus to its search. */
function search() {
  if (route.get().page !== "calls") location.hash = fragmentOf("calls");
  requestAnimationFrame(() => {
    const field = document.querySelector("input[type=search]");
    if (field instanceof HTMLElement) field.focus();
    else if (route.get().page !== "calls") search();
  });
}

/** Close the open call, and move the focus to its row. */
function closeCall() {
  if (!route.get().parameters.call) return;
  const link = document.querySelector("tr[aria-current] a");
  change({ call: undefined, compare: undefined });
  requestAnimationFrame(() => link instanceof HTMLElement && link.focus());
}

/**
 * Listen to the shortcuts.
 * @param {() => void} help
 */
export function listen(help) {
  const step = (/** @type {number} */ detail) => dispatchEvent(new CustomEvent("console-step", { detail }));
  /** @type {Record<string, () => void>} */
  const actions = { "/": search, "?": help, j: () => step(1), k: () => step(-1), Escape: closeCall };
  /** @param {KeyboardEvent} event */
  const pressed = (event) => {
    const { key, target } = event;
    const isTyping = target instanceof HTMLElement && target.matches("input, textarea, select");
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping || document.querySelector("dialog[open]")) return;
    if (!Object.hasOwn(actions, key) || (key !== "Escape" && !isOn())) return;
    event.preventDefault();
    actions[key]();
  };
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}

/** @param {{close: () => void}} props */
export function Help({ close }) {
  const [isChecked, setChecked] = useState(isOn());
  const toggle = () => {
    setChecked(!isChecked);
    localStorage.setItem(SETTING, isChecked ? "off" : "on");
  };
  return html`<${Dialog} label="Help" close=${close}>
    <dl class="facts">${Object.entries(KEYS).map(([key, meaning]) => [html`<dt><kbd>${key}</kbd></dt>`, html`<dd>${meaning}</dd>`])}</dl>
    <label><input type="checkbox" checked=${isChecked} onChange=${toggle} /> Shortcuts of one character</label>
    <p>The search finds text in the method, path, query, user, reason, error type and request body. A status is
      <code>404</code>, <code>4xx</code> or <code>none</code>. The address of this page has the search and the open call.</p>
    <div class="buttons"><button autofocus onClick=${close}>Close</button></div>
  <//>`;
}
