/** The frame of the pages: the header, the messages, the keyboard, and the page of the URL. */
import { reset } from "./api.js";
import { CallsPage } from "./calls-page.js";
import { Clock } from "./clock-controls.js";
import { ConnectPage } from "./connect-page.js";
import { html, render, useEffect, useState } from "./html.js";
import { Help, listen } from "./keyboard.js";
import { connect, live } from "./live.js";
import { attempt, dismiss, notices } from "./notices.js";
import { fragmentOf, route } from "./route.js";
import { ServersPage } from "./servers-page.js";
import { useCanChange, useStore } from "./store.js";
import { StubsPage } from "./stubs-page.js";
import { SyncUpsPage } from "./sync-ups-page.js";
import { TenantsPage } from "./tenants-page.js";
import { digits, line } from "./text.js";
import { Confirm, Problem } from "./widgets.js";

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
  const { error, status } = useStore(notices);
  return html`<div class="notices">
    <div role="status" class=${status && "toast"}>${status}</div>
    <${Problem} error=${error} />
    ${error !== null && html`<button onClick=${dismiss}>Dismiss</button>`}
  </div>`;
}

/** @param {{page: string, help: () => void}} props */
function Header({ page, help }) {
  const { connection, hello } = useStore(live);
  const mayChange = useCanChange();
  const [isAsking, setAsking] = useState(false);
  return html`<header class="top">
    <a class="brand" href=${fragmentOf("calls")}>mockcvp</a>
    <nav aria-label="Pages">${PAGES.map(
      ({ id, name }) => html`<a href=${fragmentOf(id)} aria-current=${id === page ? "page" : null}>${name}</a>`,
    )}</nav>
    <div class="buttons head">
      <bdi>${line(hello?.label ?? "", 60)}</bdi>
      <span>Tenant: <a href=${fragmentOf("tenants")}><bdi>${line(hello?.tenant ?? "none", 60)}</bdi></a></span>
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
    const owner = [hello?.label, hello?.tenant].filter(Boolean).map((text) => `${line(text ?? "", 60)} · `);
    document.title = `(${digits(recorded)}) ${shown.name} · ${owner.join("")}mockcvp`;
  }, [recorded, shown, hello]);
  const skip = (/** @type {Event} */ event) => {
    event.preventDefault();
    document.getElementById("main")?.focus();
  };
  return html`<div class="app">
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <${Header} page=${shown.id} help=${() => setHelpOpen(true)} />
    <${Notices} />
    <main id="main" tabindex="-1"><${shown.component} key=${shown.id} /></main>
    ${isHelpOpen && html`<${Help} close=${() => setHelpOpen(false)} />`}
  </div>`;
}

const root = document.getElementById("app");
if (root) render(html`<${App} />`, root);
connect();
