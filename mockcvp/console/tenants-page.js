/** The page *Tenants*: test runs that share the mock server, each with a separate user and state. */
import { addTenant, listTenants, removeTenant } from "./api.js";
import { html, useState } from "./html.js";
import { live } from "./live.js";
import { attempt } from "./notices.js";
import { useCanChange, useResource, useStore } from "./store.js";
import { line } from "./text.js";
import { Confirm, CopyButton, Empty, onSubmit, onValue, Problem } from "./widgets.js";

/** @param {{added: () => void}} props */
function AddForm({ added }) {
  const [username, setUsername] = useState("");
  const [tenant, setTenant] = useState(/** @type {Api.Tenant | null} */ (null));
  const add = async () => {
    const created = await attempt(() => addTenant(username ? { username } : {}));
    if (!created) return;
    setTenant(created);
    setUsername("");
    added();
  };
  return html`<div>
    <form class="inline" aria-label="Add tenant" onSubmit=${onSubmit(add)}>
      <label class="field"><span>User name</span>
        <input value=${username} placeholder="random" autocomplete="off" onInput=${onValue(setUsername)} /></label>
      <button class="primary">Add tenant</button>
    </form>
    ${tenant &&
    html`<section class="box" aria-label="New tenant">
      <h2>Tenant ${line(tenant.username)}</h2>
      <p>The page shows the password only now: <code>${tenant.password}</code></p>
      <${CopyButton} label="Copy user and password" text=${() => `${tenant.username}:${tenant.password}`} />
    </section>`}
  </div>`;
}

/** The tenants of the main mock server. */
function Tenants() {
  const mayChange = useCanChange();
  const { data, error, reload } = useResource(listTenants, ["tenants"]);
  const [removed, setRemoved] = useState("");
  const remove = async () => {
    await attempt(() => removeTenant(removed), `Removed ${line(removed)}`);
    reload();
  };
  return html`<div>
    <${Problem} error=${error} />
    ${mayChange && html`<${AddForm} added=${reload} />`}
    ${data && !data.tenants.length && html`<${Empty} title="No tenants">Every call uses this one deployment, clock and
      journal. Add a tenant, so that a second test run does not see the calls of the first.<//>`}
    <ul class="tenants" aria-label="Tenants">${data?.tenants.map(
      (name) => html`<li key=${name}>
        <a href=${`../cvp/tenants/${encodeURIComponent(name)}/console/`}><bdi>${line(name)}</bdi></a>
        ${mayChange && html`<button aria-label=${`Remove ${line(name)}`} onClick=${() => setRemoved(name)}>Remove</button>`}
      </li>`,
    )}</ul>
    ${removed && html`<${Confirm} label="Confirm removal" action="Remove" close=${() => setRemoved("")} run=${remove}
      text=${`Remove the tenant ${line(removed)}, with all its calls?`} />`}
  </div>`;
}

/** The page. */
export function TenantsPage() {
  const { hello } = useStore(live);
  return html`<div class="page">
    <h1>Tenants</h1>
    <p>A tenant is a user whose calls have a separate deployment, clock, stub mappings and journal.</p>
    ${hello &&
    (hello.tenant === null
      ? html`<${Tenants} />`
      : html`<p>This is the tenant <strong><bdi>${line(hello.tenant)}</bdi></strong>.${" "}
          <a href="../../../../console/#/tenants">All tenants</a> are in the console of the main mock server.</p>`)}
  </div>`;
}
