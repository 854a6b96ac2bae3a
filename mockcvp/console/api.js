/** The requests to the control API. */

/** An error response of the control API. */
export class ApiError extends Error {
  /** @param {string[]} titles */
  constructor(titles) {
    super(titles.join("\n"));
    this.titles = titles;
  }
}

/**
 * Send a request, and return the JSON of the response.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body] sent as JSON; a string is JSON already
 * @returns {Promise<any>}
 */
async function send(method, path, body) {
  /** @type {RequestInit} */
  const options = { method, headers: { Accept: "application/json" }, cache: "no-store" };
  if (body !== undefined) {
    options.body = typeof body === "string" ? body : JSON.stringify(body);
    options.headers = { ...options.headers, "Content-Type": "application/json" };
  }
  const response = await fetch(`../${path}`, options).catch(() => {
    throw new ApiError(["The mock server does not respond. Is it running?"]);
  });
  const json = await response.json().catch(() => ({}));
  if (response.ok) return json;
  const titles = (json.errors ?? []).map((/** @type {{title: string}} */ error) => error.title);
  throw new ApiError(titles.length ? titles : [`${method} ${path}: status ${response.status}`]);
}

/**
 * Return the query of a URL. Parameters without a value are left out.
 * @param {Record<string, string | number | undefined>} parameters
 */
export function query(parameters) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") search.set(name, String(value));
  }
  return search.size ? `?${search}` : "";
}

/** @param {string} id the id of a server, which can have slashes */
const server = (id) => `cvp/servers/${id.split("/").map(encodeURIComponent).join("/")}`;

/** @type {(filter: Api.Filter, page: {before?: number, limit?: number}) => Promise<Api.Calls>} */
export const listCalls = (filter, page) => send("GET", `cvp/calls${query({ ...filter, ...page })}`);
/** @type {(number: number) => Promise<Api.CallDetail>} */
export const getCall = (number) => send("GET", `cvp/calls/${number}`);
/** @type {(number: number) => Promise<Api.Sent>} */
export const repeatCall = (number) => send("POST", `cvp/calls/${number}/repeat`);
/** @type {(call: Api.NewCall) => Promise<Api.Sent>} */
export const sendCall = (call) => send("POST", "cvp/calls", call);
/** @type {() => Promise<{servers: Api.Server[]}>} */
export const listServers = () => send("GET", "cvp/servers");
/** @param {Api.NewServer} value */
export const putServer = (value) => send("PUT", server(value.id), value);
/** @type {(id: string, change: {duration?: number, outcome?: string}) => Promise<unknown>} */
export const changeServer = (id, change) => send("PATCH", server(id), change);
/** @param {string} id */
export const removeServer = (id) => send("DELETE", server(id));
/** @type {() => Promise<Api.Runs>} */
export const listRuns = () => send("GET", "cvp/runs");
/** @type {(change: {frozen?: boolean, advance?: number}) => Promise<Api.Clock>} */
export const changeClock = (change) => send("PUT", "cvp/clock", change);
export const reset = () => send("POST", "reset");
/** @type {() => Promise<Api.Stubs>} */
export const listStubs = () => send("GET", "cvp/stubs");
/** @type {() => Promise<{nearMisses: Api.NearMiss[]}>} */
export const listNearMisses = () => send("GET", "requests/unmatched/near-misses");
/** @type {(mapping: Api.Mapping | string, id?: string) => Promise<unknown>} */
export const saveMapping = (mapping, id) => (id ? send("PUT", `mappings/${id}`, mapping) : send("POST", "mappings", mapping));
/** @param {string} id */
export const removeMapping = (id) => send("DELETE", `mappings/${id}`);
/** @param {Record<string, unknown>} settings */
export const setSettings = (settings) => send("POST", "settings", settings);
/** @type {() => Promise<Api.Connect>} */
export const getConnect = () => send("GET", "cvp/connect");
/** @type {() => Promise<{tenants: string[]}>} */
export const listTenants = () => send("GET", "cvp/tenants");
/** @type {(tenant: {username?: string}) => Promise<Api.Tenant>} */
export const addTenant = (tenant) => send("POST", "cvp/tenants", tenant);
/** @param {string} name */
export const removeTenant = (name) => send("DELETE", `cvp/tenants/${encodeURIComponent(name)}`);
