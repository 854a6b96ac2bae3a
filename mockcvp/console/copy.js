/** A call as a command of curl, as an assertion for pytest, and as a stub mapping. */
import { hasInvisible, visible } from "./text.js";

// The client or the mock server sets these headers for each message.
const FRAMING = ["connection", "content-length", "date", "host", "keep-alive", "transfer-encoding"];
const NOT_IN_CURL = [...FRAMING, "accept-encoding", "authorization", "expect", "user-agent"];
const NOT_IN_STUBS = [...FRAMING, "server", "x-mockcvp-reason"];

/**
 * Return headers as pairs, one for each value.
 * @param {Api.Headers} headers
 */
export const pairs = (headers) =>
  Object.entries(headers).flatMap(([name, values]) => [values].flat().map((value) => [name, value]));

/** @param {string} base64 */
export const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

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
 * Return a word of a shell command.
 * @param {string} text
 * @param {boolean} [isLatin] whether the text has one byte for each character
 */
export function quoted(text, isLatin = false) {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  const isPlain = !hasInvisible(text) && !(isLatin && /[^\0-\x7f]/.test(text));
  if (isPlain) return `'${text.replaceAll("'", "'\\''")}'`;
  const bytes = isLatin ? Array.from(text, (character) => character.charCodeAt(0)) : [...new TextEncoder().encode(text)];
  const word = bytes.map((byte) => {
    if (byte < 0x20 || byte > 0x7e) return `\\x${byte.toString(16).padStart(2, "0")}`;
    return String.fromCharCode(byte).replace(/['\\]/, "\\$&");
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
    // printf would read a leading hyphen as an option.
    const isPlain = /[ -~]/.test(character) && !/['\\]/.test(character) && !(index === 0 && character === "-");
    if (!isPlain) return `\\${byte.toString(8).padStart(3, "0")}`;
    return character === "%" ? "%%" : character;
  });
  return `printf '${format.join("")}'`;
}

/**
 * Return the start of a command of curl, with the certificate and the user.
 * @param {Api.Connect} connect
 * @param {string | null} [user]
 */
export function curlStart({ certificate, username, password }, user = username) {
  const parts = ["curl -sS -i"];
  if (certificate) parts.push(`--cacert ${quoted(certificate.path)}`);
  if (user === username && password !== null) parts.push(`-u ${quoted(`${user}:${password}`)}`);
  else if (user !== null) parts.push(`-u ${quoted(user)}:"$OAMP_PASSWORD"`);
  return parts.join(" ");
}

/**
 * Return the command of curl that sends the request again.
 * @param {Api.CallDetail} detail
 * @param {Api.Connect} connect
 */
export function curlOf({ call, event: { request } }, connect) {
  const { method, url } = request;
  const headers = pairs(request.headers);
  const has = (/** @type {string} */ name) => headers.some(([other]) => other.toLowerCase() === name);
  const bytes = bytesOf(request.bodyAsBase64);
  const text = textOf(bytes);
  // curl would read a body with a leading @ from a file.
  const isPrinted = text === null || hasInvisible(text) || text.startsWith("@");
  const parts = [`${curlStart(connect, call.user)} --globoff --path-as-is`];
  if (method === "HEAD") parts.push("--head");
  else if (method !== (bytes.length ? "POST" : "GET")) parts.push(`-X ${quoted(method)}`);
  for (const [name, value] of headers) {
    if (NOT_IN_CURL.includes(name.toLowerCase())) continue;
    parts.push(`-H ${quoted(value ? `${name}: ${value}` : `${name};`, true)}`);
  }
  // curl adds these two headers, unless an empty value removes them.
  if (!has("accept")) parts.push("-H Accept:");
  if (bytes.length && !has("content-type")) parts.push("-H Content-Type:");
  if (bytes.length) parts.push(`--data-binary ${isPrinted ? "@-" : quoted(text)}`);
  parts.push(quoted(new URL(connect.url).origin + (url.startsWith("/") ? url : "/")));
  return (bytes.length && isPrinted ? `${printed(bytes)} | ` : "") + parts.join(" \\\n  ");
}

/**
 * Return a string literal of Python.
 * @param {string} text
 */
const literal = (text) =>
  visible(JSON.stringify(text), (code) =>
    code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`,
  );

/**
 * Return the assertion that this call passes.
 * @param {Api.CallDetail} detail
 */
export function pytestOf({ call, event }) {
  const { synchronization } = event.request.mockcvp;
  if (!synchronization) {
    const status = call.status === null ? "" : `, status=${call.status}`;
    return `mock_cvp.assert_called(method=${literal(call.method)}, path=${literal(call.path)}${status})`;
  }
  const { servers, started } = synchronization;
  // A request without servers is a full sync-up of every server.
  const wanted = servers.length ? servers : started.map((refURL) => ({ refURL, sincetime: 0 }));
  return wanted
    .map(({ refURL, sincetime }) => {
      const server = literal(refURL.split("/server/").pop() || refURL);
      return `mock_cvp.assert_synchronized(${server}, sincetime=${sincetime}, times=1)`;
    })
    .join("\n");
}

/**
 * Return the stub mapping that sends the response of this call to the same request.
 * @param {Api.CallDetail} detail
 */
export function stubOf({ call, event: { request, response } }) {
  const { body, bodyAsBase64 } = response;
  const isText = textOf(bytesOf(bodyAsBase64)) !== null;
  const headers = Object.entries(response.headers).filter(([name]) => !NOT_IN_STUBS.includes(name.toLowerCase()));
  const served = {
    status: call.status ?? 200,
    ...(headers.length && { headers: Object.fromEntries(headers) }),
    ...(body && (isText ? { body } : { base64Body: bodyAsBase64 })),
  };
  const mapping = { request: { method: call.method, url: request.url }, response: call.fault ? { fault: call.fault } : served };
  return JSON.stringify(mapping, null, 2);
}
