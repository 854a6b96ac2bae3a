/** Indentation of XML and JSON. The text between the new line breaks stays unchanged, and no text leads to an exception. */

const INDENT = "  ";
const DEEPEST = 100;
const LARGEST = 1_000_000;
const TOKEN = /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<(?:[^<>"']|"[^"]*"|'[^']*')*>|[^<]+|</g;

/**
 * Return the indented text of a body, or the text itself where it is neither XML nor JSON.
 * @param {string} text
 */
export function pretty(text) {
  if (text.length > LARGEST) return text;
  const start = text.trimStart()[0];
  if (start === "<") return prettyXml(text);
  if (start === "{" || start === "[") return prettyJson(text);
  return text;
}

/**
 * Return the indented text of an XML document.
 * @param {string} text
 */
export function prettyXml(text) {
  /** @type {string[]} */
  const lines = [];
  const tokens = text.match(TOKEN) ?? [];
  let depth = 0;
  let isInline = false;
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    if (!token.trim()) continue;
    const isEnd = token.startsWith("</");
    const isStart = /^<[^/!?]/.test(token) && !token.endsWith("/>");
    if (isEnd) depth--;
    if (depth < 0 || depth > DEEPEST || token === "<") return text;
    const isText = !token.startsWith("<") || token.startsWith("<![");
    // Text stays on the line of its element, so that no white space becomes part of it.
    if ((isInline || isText) && lines.length) lines[lines.length - 1] += token;
    else lines.push(INDENT.repeat(depth) + token);
    const next = tokens[index + 1] ?? "";
    const hasText = next.trim() !== "" && (!next.startsWith("<") || next.startsWith("<!["));
    isInline = hasText || isText || (isStart && next.startsWith("</"));
    if (isStart) depth++;
  }
  return depth === 0 ? lines.join("\n") : text;
}

/**
 * Return the indented text of a JSON document. Numbers, strings and repeated members stay as the client wrote them.
 * @param {string} text
 */
export function prettyJson(text) {
  const open = /** @type {string[]} */ ([]);
  const parts = /** @type {string[]} */ ([]);
  const feed = () => parts.push("\n", INDENT.repeat(open.length));
  const tokens = text.match(/"(?:[^"\\]|\\[\s\S])*"|[{}[\],:]|[^\s"{}[\],:]+|"/g) ?? [];
  let isAfterValue = false;
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    const isValue = !/^[{}[\],:]$/.test(token);
    // A quote without its partner, or two values without a comma: the text is not JSON.
    if (token === '"' || (isValue && isAfterValue)) return text;
    isAfterValue = isValue;
    if (token === "{" || token === "[") {
      const end = token === "{" ? "}" : "]";
      parts.push(token);
      if (tokens[index + 1] === end) {
        parts.push(end);
        index++;
        continue;
      }
      open.push(end);
      if (open.length > DEEPEST) return text;
      feed();
    } else if (token === "}" || token === "]") {
      if (open.pop() !== token) return text;
      feed();
      parts.push(token);
    } else if (token === ",") {
      parts.push(token);
      feed();
    } else {
      parts.push(token === ":" ? ": " : token);
    }
  }
  return open.length ? text : parts.join("");
}
