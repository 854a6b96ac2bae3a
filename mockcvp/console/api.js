/** The requests to the control API. */

const BASE = "../";

/** An error response of the control API. */
export class ApiError extends Error {
  /**
   * @param {string[]} titles
   * @param {number} status 0 without a response
   */
  constructor(titles, status) {
    super(titles.join("\n"));
    this.titles = titles;
    this.status = status;
  }
}

/**
 * Send a request, and return the JSON of the response.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body] sent as JSON; a string is sent as it is
 * @returns {Promise<any>}
 */
async function request(method, path, body) {
  /** @type {RequestInit} */
  const options = { method, headers: { Accept: "application/json" }, cache: "no-store" };
  if (body !== undefined) {
    options.body = typeof body === "string" ? body : JSON.stringify(body);
    options.headers = { Accept: "application/json", "Content-Type": "application/json" };
  }
  let response;
  try {
    response = await fetch(BASE + path, options);
  } catch {
    throw new ApiError(["The mock server does not respond. Is it running?"], 0);
  }
  const text = await response.text();
  let json;
  try {
    json = text ? JSON.parse(text) : {};
  } catch {
    json = null;
  }
  if (response.ok && json !== null) return json;
  const titles = (json?.errors ?? []).map((/** @type {{title?: string}} */ error) => String(error.title));
  throw new ApiError(titles.length ? titles : [`${method} ${path}: status ${response.status}`], response.status);
}

/** @param {Record<string, string | number | undefined>} parameters */
function query(parameters) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") search.set(name, String(value));
  }
  return search.size ? `?${search}` : "";
}

/** @param {string} id the id of a server, which can have slashes */
const segments = (id) => id.split("/").map(encodeURIComponent).join("/");

/**
 * @param {Api.Filter} filter
 * @param {{before?: number, limit?: number}} page
 * @returns {Promise<Api.Calls>}
 */
export const listCalls = (filter, page) => request("GET", `cvp/calls${query({ ...filter, ...page })}`);

/**
 * @param {number} number
 * @returns {Promise<Api.CallDetail>}
 */
export const getCall = (number) => request("GET", `cvp/calls/${number}`);

/**
 * @param {number} number
 * @returns {Promise<Api.Sent>}
 */
export const repeatCall = (number) => request("POST", `cvp/calls/${number}/repeat`);

/**
 * @param {{method: string, path: string, headers: Record<string, string>, body?: string}} call
 * @returns {Promise<Api.Sent>}
 */
export const sendCall = (call) => request("POST", "cvp/calls", call);

/** @returns {Promise<{servers: Api.Server[]}>} */
export const listServers = () => request("GET", "cvp/servers");

/** @param {Api.NewServer} server */
export const putServer = (server) => request("PUT", `cvp/servers/${segments(server.id)}`, server);

/**
 * @param {string} id
 * @param {{duration?: number, outcome?: string}} change
 */
export const changeServer = (id, change) => request("PATCH", `cvp/servers/${segments(id)}`, change);

/** @param {string} id */
export const removeServer = (id) => request("DELETE", `cvp/servers/${segments(id)}`);

/** @returns {Promise<Api.Runs>} */
export const listRuns = () => request("GET", "cvp/runs");

/**
 * @param {{frozen?: boolean, advance?: number}} change
 * @returns {Promise<Api.Clock>}
 */
export const changeClock = (change) => request("PUT", "cvp/clock", change);

export const reset = () => request("POST", "reset");

/** @returns {Promise<Api.Stubs>} */
export const listStubs = () => request("GET", "cvp/stubs");

/** @returns {Promise<{nearMisses: Api.NearMiss[], limit?: number}>} */
export const listNearMisses = () => request("GET", "requests/unmatched/near-misses");

/** @param {Api.Mapping | string} mapping */
export const addMapping = (mapping) => request("POST", "mappings", mapping);

/**
 * @param {string} id
 * @param {Api.Mapping | string} mapping
 */
export const replaceMapping = (id, mapping) => request("PUT", `mappings/${encodeURIComponent(id)}`, mapping);

/** @param {string} id */
export const removeMapping = (id) => request("DELETE", `mappings/${encodeURIComponent(id)}`);

/** @param {Record<string, unknown>} settings */
export const setSettings = (settings) => request("POST", "settings", settings);

/** @returns {Promise<Api.Connect>} */
export const getConnect = () => request("GET", "cvp/connect");

/** @returns {Promise<{tenants: string[]}>} */
export const listTenants = () => request("GET", "cvp/tenants");

/**
 * @param {{username?: string, password?: string}} tenant
 * @returns {Promise<Api.Tenant>}
 */
export const addTenant = (tenant) => request("POST", "cvp/tenants", tenant);

/** @param {string} name */
export const removeTenant = (name) => request("DELETE", `cvp/tenants/${encodeURIComponent(name)}`);
