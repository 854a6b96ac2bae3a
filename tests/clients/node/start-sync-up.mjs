// A Node.js client that trusts one certificate and checks the host's name.
// Arguments: the URL of /cvp-config, user name, password, the certificate's PEM file.
import { readFileSync } from "node:fs";
import { request } from "node:https";

const [url, user, password, certificate] = process.argv.slice(2);
const ca = readFileSync(certificate);

function startSyncUp(name, auth, form, body) {
  return new Promise((resolve, reject) => {
    const headers = { Accept: form, "Content-Type": form };
    const call = request(`${url}/command/synchronize`, { method: "POST", auth, ca, headers }, (response) => {
      console.log(name, response.statusCode);
      response.resume().on("end", resolve);
    });
    call.on("error", reject);
    call.end(body);
  });
}

await startSyncUp("json", `${user}:${password}`, "application/json", JSON.stringify({ synchronize: { servers: { server: ["a"] } } }));
await startSyncUp("xml", `${user}:${password}`, "application/xml", "<synchronize><servers><server>a</server></servers></synchronize>");
await startSyncUp("wrong-password", `${user}:${password}!`, "application/json", "");
