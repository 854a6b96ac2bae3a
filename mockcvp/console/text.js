/** Text for people: escapes of invisible characters, times and numbers. */

// Control characters, bidirectional controls, zero-width and other format characters, and surrogates without a partner.
const INVISIBLE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}\p{Cs}]/gu;

/** @param {string} character */
function escaped(character) {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "␡";
  const digits = code.toString(16);
  return code > 0xffff ? `\\u{${digits}}` : `\\u${digits.padStart(4, "0")}`;
}

/**
 * Return a text in which every invisible character but tab and line feed is an escape.
 * @param {string} text
 */
export const visible = (text) => text.replace(INVISIBLE, escaped);

/**
 * Return whether a text has invisible characters other than tab and line feed.
 * @param {string} text
 */
export const hasInvisible = (text) => text.search(INVISIBLE) >= 0;

/**
 * Return one line of at most so many characters.
 * @param {string} text
 * @param {number} [most]
 */
export function line(text, most = 200) {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return visible(cut).replace(/\n/g, "␊").replace(/\t/g, "␉");
}

/** @param {number} number */
export const digits = (number) => number.toLocaleString("en-US");

/**
 * Return a number with its noun: "1 call", "1,204 calls".
 * @param {number} number
 * @param {string} noun
 */
export const counted = (number, noun) => `${digits(number)} ${noun}${number === 1 ? "" : "s"}`;

/**
 * Return the time of day in UTC.
 * @param {string | number} time
 * @param {boolean} [hasMilliseconds]
 */
export function timeOfDay(time, hasMilliseconds = false) {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(11, hasMilliseconds ? 23 : 19);
}

/**
 * Return date and time in UTC.
 * @param {string | number} time
 */
export function dateAndTime(time) {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 19).replace("T", " ");
}

/**
 * Return a duration: "0.3 ms", "12 ms", "1.25 s".
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds >= 1) return `${Number(seconds.toFixed(2))} s`;
  const milliseconds = seconds * 1000;
  return `${milliseconds >= 10 ? Math.round(milliseconds) : Number(milliseconds.toFixed(1))} ms`;
}
