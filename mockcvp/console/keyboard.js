/** The keyboard shortcuts and their help. */
import { html, useState } from "./html.js";
import { change, fragmentOf, go, route } from "./route.js";
import { Dialog } from "./widgets.js";

const KEYS = [
  ["/", "search the calls"],
  ["j", "open the next call of the list"],
  ["k", "open the previous call of the list"],
  ["Escape", "close the open call"],
  ["?", "show this help"],
];
const SETTING = "mockcvp-shortcuts";

/** Return whether shortcuts of one character are on. */
function isOn() {
  try {
    return localStorage.getItem(SETTING) !== "off";
  } catch {
    return true;
  }
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable);
}

/** Move the focus to the search of the calls. */
function search() {
  if (route.get().page !== "calls") go(fragmentOf("calls"));
  requestAnimationFrame(() => {
    const field = document.querySelector("input[type=search]");
    if (field instanceof HTMLInputElement) field.focus();
  });
}

/** Close the open call, and move the focus to its row. */
function closeCall() {
  if (!route.get().parameters.call) return;
  const link = document.querySelector("tr[aria-current] a");
  change({ call: undefined, compare: undefined });
  requestAnimationFrame(() => {
    if (link instanceof HTMLElement) link.focus();
  });
}

/**
 * Listen to the shortcuts.
 * @param {() => void} help
 */
export function listen(help) {
  /** @param {KeyboardEvent} event */
  const pressed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") closeCall();
    if (!isOn()) return;
    if (event.key === "/") search();
    else if (event.key === "?") help();
    else if ((event.key === "j" || event.key === "k") && (route.get().page === "calls"))
      dispatchEvent(new CustomEvent("console-step", { detail: event.key === "j" ? 1 : -1 }));
    else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}

/** @param {{close: () => void}} props */
export function Help({ close }) {
  const [isChecked, setChecked] = useState(isOn());
  const toggle = () => {
    setChecked(!isChecked);
    try {
      localStorage.setItem(SETTING, isChecked ? "off" : "on");
    } catch {
      // A browser that stores nothing keeps the shortcuts on.
    }
  };
  return html`<${Dialog} label="Help" close=${close}>
    <h2>Keyboard</h2>
    <dl class="keys">${KEYS.map(([key, meaning]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${meaning}</dd></div>`)}</dl>
    <label class="check-label"><input type="checkbox" checked=${isChecked} onChange=${toggle} /> Shortcuts of one character</label>
    <h2>Search</h2>
    <p>The search finds text in the method, path, query, user, reason, error type and request body. A status is
      <code>404</code>, <code>4xx</code> or <code>none</code>. The address of this page has the search and the open call.</p>
    <div class="buttons"><button autofocus onClick=${close}>Close</button></div>
  <//>`;
}
