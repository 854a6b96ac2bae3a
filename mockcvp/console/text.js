/** Text for people: escapes of invisible characters, times and numbers. */

// Controls but tab and line feed, bidirectional controls, zero-width and other format characters, lone surrogates.
const INVISIBLE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}\p{Cs}]/gu;

/**
 * Return a text in which every invisible character is an escape.
 * @param {string} text
 * @param {(code: number) => string} [escape]
 */
export const visible = (text, escape = (code) => `\\u${code.toString(16).padStart(4, "0")}`) =>
  text.replace(INVISIBLE, (character) => escape(character.codePointAt(0) ?? 0));

/** @param {string} text */
export const hasInvisible = (text) => text.search(INVISIBLE) >= 0;

/**
 * Return one line of at most so many characters.
 * @param {string} text
 * @param {number} [most]
 */
export const line = (text, most = 200) =>
  visible(text.length > most ? `${text.slice(0, most)}…` : text).replace(/\n/g, "\\n").replace(/\t/g, "\\t");

/** @param {number} number */
export const digits = (number) => number.toLocaleString("en-US");

/** @type {(number: number, noun: string) => string} */
export const counted = (number, noun) => `${digits(number)} ${noun}${number === 1 ? "" : "s"}`;

/**
 * Return date and time in UTC, to the second.
 * @param {string | number} time
 */
export const dateAndTime = (time) => new Date(time).toISOString().slice(0, 19).replace("T", " ");

/** @type {(time: string | number, length?: number) => string} */
export const timeOfDay = (time, length = 8) => new Date(time).toISOString().slice(11, 11 + length);

/**
 * Return a duration: "0.3 ms", "12 ms", "1.25 s".
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds >= 1) return `${Number(seconds.toFixed(2))} s`;
  return `${Number((seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0))} ms`;
}
