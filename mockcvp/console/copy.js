/** A call as a command of curl, as an assertion for pytest, and as a stub mapping. */
import { hasInvisible } from "./text.js";

// The client or the mock server sets these headers for each message.
const FRAMING = ["connection", "content-length", "date", "host", "keep-alive", "transfer-encoding"];
const NOT_IN_CURL = [...FRAMING, "accept-encoding", "authorization", "expect", "user-agent"];
const NOT_IN_STUBS = [...FRAMING, "server", "x-mockcvp-reason"];

/**
 * Return headers as pairs, one for each value.
 * @param {Api.Headers} headers
 * @returns {[string, string][]}
 */
export const pairs = (headers) =>
  Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => /** @type {[string, string]} */ ([name, value])),
  );

/**
 * Return the bytes of a text in base64.
 * @param {string} base64
 */
export const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** @param {number} byte */
const hex = (byte) => `\\x${byte.toString(16).padStart(2, "0")}`;

/**
 * Return a word of a shell command.
 * @param {string} text
 * @param {boolean} [isLatin] whether the text has one byte for each character
 */
export function quoted(text, isLatin = false) {
  const isPlain = !hasInvisible(text) && !(isLatin && /[^\0-\x7f]/.test(text));
  if (isPlain) return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
  const bytes = isLatin ? [...text].map((character) => character.charCodeAt(0)) : [...new TextEncoder().encode(text)];
  const word = bytes.map((byte) => {
    const character = String.fromCharCode(byte);
    if (character === "'" || character === "\\") return `\\${character}`;
    return byte < 0x20 || byte > 0x7e ? hex(byte) : character;
  });
  return `$'${word.join("")}'`;
}

/**
 * Return the command that prints bytes.
 * @param {Uint8Array} bytes
 */
function printed(bytes) {
  const format = Array.from(bytes, (byte, index) => {
    const character = String.fromCharCode(byte);
    if (character === "%") return "%%";
    const isPlain = byte >= 0x20 && byte <= 0x7e && character !== "'" && character !== "\\";
    // printf would read a leading hyphen as an option.
    return isPlain && !(index === 0 && character === "-") ? character : `\\${byte.toString(8).padStart(3, "0")}`;
  });
  return `printf '${format.join("")}'`;
}

/**
 * Return the command of curl that sends the request again.
 * @param {Api.CallDetail} detail
 * @param {Api.Connect} connect
 */
export function curlOf({ call, event }, connect) {
  const { method, url, bodyAsBase64 } = event.request;
  const headers = pairs(event.request.headers);
  const has = (/** @type {string} */ name) => headers.some(([other]) => other.toLowerCase() === name);
  const bytes = bytesOf(bodyAsBase64);
  const parts = ["curl -sS -i --globoff --path-as-is"];
  if (connect.certificate) parts.push(`--cacert ${quoted(connect.certificate.path)}`);
  if (call.user !== null) {
    const isDefault = call.user === connect.username && connect.password !== null;
    parts.push(isDefault ? `-u ${quoted(`${call.user}:${connect.password}`)}` : `-u ${quoted(`${call.user}:`)}"$OAMP_PASSWORD"`);
  }
  if (method === "HEAD") parts.push("--head");
  else if (method !== (bytes.length ? "POST" : "GET")) parts.push(`-X ${quoted(method)}`);
  for (const [name, value] of headers) {
    if (NOT_IN_CURL.includes(name.toLowerCase())) continue;
    parts.push(`-H ${quoted(value ? `${name}: ${value}` : `${name};`, true)}`);
  }
  // curl adds these two headers, unless an empty value removes them.
  if (!has("accept")) parts.push("-H Accept:");
  if (bytes.length && !has("content-type")) parts.push("-H Content-Type:");
  let start = "";
  if (bytes.length) {
    const text = textOf(bytes);
    // curl would read a body with a leading @ from a file.
    if (text === null || hasInvisible(text) || text.startsWith("@")) {
      start = `${printed(bytes)} | `;
      parts.push("--data-binary @-");
    } else {
      parts.push(`--data-binary ${quoted(text)}`);
    }
  }
  parts.push(quoted(new URL(connect.url).origin + (url.startsWith("/") ? url : "/")));
  return start + parts.join(" \\\n  ");
}

/**
 * Return the text of UTF-8, or null where the bytes are something else.
 * @param {Uint8Array} bytes
 */
function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/**
 * Return a string literal of Python.
 * @param {string} text
 */
function literal(text) {
  const plain = JSON.stringify(text);
  if (!hasInvisible(plain)) return plain;
  return Array.from(plain, (character) => {
    if (!hasInvisible(character)) return character;
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  }).join("");
}

/**
 * Return the assertion that this call passes.
 * @param {Api.CallDetail} detail
 */
export function pytestOf({ call, event }) {
  const syncUp = event.request.mockcvp.synchronization;
  if (call.syncUp && syncUp) {
    const servers = syncUp.servers.length
      ? syncUp.servers.map(({ refURL, sincetime }) => ({ name: refURL.split("/server/").pop() || refURL, sincetime }))
      : syncUp.started.map((name) => ({ name, sincetime: 0 }));
    return servers
      .map(({ name, sincetime }) => `mock_cvp.assert_synchronized(${literal(name)}, sincetime=${sincetime}, times=1)`)
      .join("\n");
  }
  const status = call.status === null ? "" : `, status=${call.status}`;
  return `mock_cvp.assert_called(method=${literal(call.method)}, path=${literal(call.path)}${status})`;
}

/**
 * Return the stub mapping that sends the response of this call to the same request.
 * @param {Api.CallDetail} detail
 */
export function stubOf({ call, event }) {
  /** @type {Record<string, unknown>} */
  const response = {};
  if (call.fault) {
    response.fault = call.fault;
  } else {
    response.status = call.status ?? 200;
    const headers = pairs(event.response.headers).filter(([name]) => !NOT_IN_STUBS.includes(name.toLowerCase()));
    /** @type {Api.Headers} */
    const members = {};
    for (const [name, value] of headers) members[name] = name in members ? [members[name], value].flat() : value;
    if (headers.length) response.headers = members;
    const { body, bodyAsBase64 } = event.response;
    const text = textOf(bytesOf(bodyAsBase64));
    if (text === null) response.base64Body = bodyAsBase64;
    else if (body) response.body = text;
  }
  return JSON.stringify({ request: { method: call.method, url: event.request.url }, response }, null, 2);
}
