/** The page *Connect*: the URL, the user, the certificate, and ready code. */
import { getConnect } from "./api.js";
import { html, useEffect, useState } from "./html.js";
import { snippets } from "./snippets.js";
import { useResource } from "./store.js";
import { dateAndTime } from "./text.js";
import { CopyButton, Problem } from "./widgets.js";

/** @param {{certificate: Api.Certificate}} props */
function Certificate({ certificate: { pem, path, fingerprint, names, expires } }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    const created = URL.createObjectURL(new Blob([pem], { type: "application/x-pem-file" }));
    setUrl(created);
    return () => URL.revokeObjectURL(created);
  }, [pem]);
  return html`<section aria-label="Certificate">
    <h2>Certificate</h2>
    <p>The certificate is self-signed. Give it to your client as a trusted certificate.</p>
    <p class="buttons">${url && html`<a class="button primary" href=${url} download="mockcvp.pem">Download mockcvp.pem</a>`}
      <${CopyButton} label="Copy the certificate" text=${() => pem} /></p>
    <dl class="facts">
      <dt>File</dt><dd><code>${path}</code></dd>
      <dt>SHA-256 fingerprint</dt><dd><code>${fingerprint}</code></dd>
      <dt>Names</dt><dd>${names.join(", ")}</dd>
      <dt>Expires</dt><dd>${dateAndTime(expires)} UTC</dd>
    </dl>
  </section>`;
}

/** @param {{connect: Api.Connect}} props */
function Code({ connect }) {
  const all = snippets(connect);
  const [chosen, setChosen] = useState(0);
  const { name, note, code } = all[chosen];
  return html`<section aria-label="Code">
    <h2>Code</h2>
    <div class="toggle" role="group" aria-label="Language">${all.map(
      (one, index) => html`<button aria-pressed=${String(index === chosen)} onClick=${() => setChosen(index)}>${one.name}</button>`,
    )}</div>
    <p class="note">${note}</p>
    <pre class="code" tabindex="0" aria-label=${`Code for ${name}`}>${code}</pre>
    <${CopyButton} label="Copy" name=${`Copy the code for ${name}`} text=${() => code} />
  </section>`;
}

/** The page. */
export function ConnectPage() {
  const { data, error } = useResource(getConnect, []);
  return html`<div class="page">
    <h1>Connect</h1>
    <${Problem} error=${error} />
    ${data &&
    html`<div>
      <dl class="facts">
        <dt>URL of OAMP</dt><dd><code>${data.url}</code> <${CopyButton} label="Copy" name="Copy the URL of OAMP" text=${() => data.url} /></dd>
        <dt>User</dt><dd><code>${data.username}</code></dd>
        <dt>Password</dt><dd>${data.password ? html`<code>${data.password}</code>` : "not the default one; the code has a placeholder"}</dd>
        <dt>Control API</dt><dd><code>${data.adminUrl}</code> <a href="../docs">Documentation</a></dd>
        <dt>Release of OAMP</dt><dd>${data.release}</dd>
        <dt>Version of mockcvp</dt><dd>${data.version}</dd>
      </dl>
      ${data.certificate ? html`<${Certificate} certificate=${data.certificate} />` : html`<p>mockcvp has no certificate here.</p>`}
      <${Code} connect=${data} />
    </div>`}
  </div>`;
}
