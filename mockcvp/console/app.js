/** The frame of the pages: the header, the messages, the keyboard, and the page of the URL. */
import { reset } from "./api.js";
import { CallsPage } from "./calls-page.js";
import { Clock } from "./clock-controls.js";
import { ConnectPage } from "./connect-page.js";
import { html, render, useEffect, useState } from "./html.js";
import { listen, Help } from "./keyboard.js";
import { connect, live } from "./live.js";
import { attempt, dismiss, notices } from "./notices.js";
import { fragmentOf, route } from "./route.js";
import { ServersPage } from "./servers-page.js";
import { StubsPage } from "./stubs-page.js";
import { SyncUpsPage } from "./sync-ups-page.js";
import { TenantsPage } from "./tenants-page.js";
import { useCanChange, useStore } from "./store.js";
import { digits, line } from "./text.js";
import { Confirm } from "./widgets.js";

const PAGES = [
  { id: "calls", name: "Calls", component: CallsPage },
  { id: "sync-ups", name: "Sync-ups", component: SyncUpsPage },
  { id: "servers", name: "Servers", component: ServersPage },
  { id: "stubs", name: "Stubs", component: StubsPage },
  { id: "tenants", name: "Tenants", component: TenantsPage },
  { id: "connect", name: "Connect", component: ConnectPage },
];

/** Show the errors of actions and the status messages. */
function Notices() {
  const { errors, status } = useStore(notices);
  return html`<div class="notices">
    <div role="status" class=${status ? "status" : ""}>${status}</div>
    ${errors.length > 0 &&
    html`<div class="alert" role="alert">${errors.map((error) => html`<p>${error}</p>`)}
      <button onClick=${dismiss}>Dismiss</button></div>`}
  </div>`;
}

/** @param {{page: string, help: () => void}} props */
function Header({ page, help }) {
  const { connection, hello } = useStore(live);
  const mayChange = useCanChange();
  const [isAsking, setAsking] = useState(false);
  return html`<header class="top">
    <a class="brand" href=${fragmentOf("calls")}>mockcvp</a>
    <nav aria-label="Pages">
      ${PAGES.map(
        ({ id, name }) => html`<a href=${fragmentOf(id)} aria-current=${id === page ? "page" : null}>${name}</a>`,
      )}
    </nav>
    <div class="facts-bar">
      ${hello?.label && html`<span class="label"><bdi>${line(hello.label, 60)}</bdi></span>`}
      <span class="tenant">Tenant: <a href=${fragmentOf("tenants")}><bdi>${hello ? line(hello.tenant ?? "none", 60) : "…"}</bdi></a></span>
      <${Clock} />
      <span class=${`connection ${connection.toLowerCase()}`}>${connection}</span>
      ${hello?.console === "read" && html`<span class="badge">Read only</span>`}
      ${mayChange && html`<button onClick=${() => setAsking(true)}>Reset</button>`}
      <button onClick=${help}>Help</button>
    </div>
    ${isAsking && html`<${Confirm} label="Confirm reset" action="Reset" close=${() => setAsking(false)}
      text="Restore the deployment, the clock, the stub mappings and the settings of the start, and empty the journal? Calls in flight are aborted."
      run=${() => attempt(reset, "The mock server is as at its start")} />`}
  </header>`;
}

/** The whole page. */
function App() {
  const { page } = useStore(route);
  const { recorded, hello } = useStore(live);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const shown = PAGES.find(({ id }) => id === page) ?? PAGES[0];
  useEffect(() => listen(() => setHelpOpen(true)), []);
  useEffect(dismiss, [page]);
  useEffect(() => {
    const label = hello?.tenant ?? hello?.label;
    document.title = `(${digits(recorded)}) ${shown.name} · ${label ? `${line(label, 60)} · ` : ""}mockcvp`;
  }, [recorded, shown, hello]);
  return html`<div class="app">
    <a class="skip" href="#main" onClick=${(/** @type {Event} */ event) => {
      event.preventDefault();
      document.getElementById("main")?.focus();
    }}>Skip to the content</a>
    <${Header} page=${shown.id} help=${() => setHelpOpen(true)} />
    <${Notices} />
    <main id="main" tabindex="-1"><${shown.component} key=${shown.id} /></main>
    ${isHelpOpen && html`<${Help} close=${() => setHelpOpen(false)} />`}
  </div>`;
}

const root = document.getElementById("app");
if (root) render(html`<${App} />`, root);
connect();
