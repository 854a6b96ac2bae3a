// Starts a full sync-up of some servers with JSON, and tries again if OAMP is busy.
export async function synchronise(servers, attempts = 3) {
  const { OAMP_URL = "https://localhost:8111/cvp-config", OAMP_USER = "wsmadmin", OAMP_PASSWORD = "wsmadmin" } = process.env;
  const server = servers.map((refURL) => ({ refURL, sincetime: "0" }));
  let status = 0;
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt) await new Promise((resolve) => setTimeout(resolve, 200));
    const response = await fetch(`${OAMP_URL}/command/synchronize`, {
      method: "POST",
      headers: {
        Accept: "application/json",
        "Content-Type": "application/json",
        Authorization: `Basic ${btoa(`${OAMP_USER}:${OAMP_PASSWORD}`)}`,
      },
      body: JSON.stringify({ synchronize: { servers: { server } } }),
    });
    status = response.status;
    if (status !== 503) break;
  }
  return status;
}
