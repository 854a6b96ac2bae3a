/** The error messages and the status messages of the page. */
import { ApiError } from "./api.js";
import { createStore } from "./observable.js";

export const notices = createStore({ errors: /** @type {string[]} */ ([]), status: "" });

let timer = 0;

/**
 * Return the messages of an exception.
 * @param {unknown} exc
 * @returns {string[]}
 */
export function messages(exc) {
  if (exc instanceof ApiError) return exc.titles;
  return [exc instanceof Error ? exc.message : String(exc)];
}

/** Remove the error messages. */
export const dismiss = () => notices.set({ errors: [] });

/**
 * Show a status message for some seconds.
 * @param {string} status
 */
export function announce(status) {
  clearTimeout(timer);
  notices.set({ status });
  timer = setTimeout(() => notices.set({ status: "" }), 6000);
}

/**
 * Run an action of a control, and show its error.
 * @template T
 * @param {() => Promise<T>} action
 * @param {string} [done] the status message after success
 * @returns {Promise<T | undefined>}
 */
export async function attempt(action, done) {
  try {
    const result = await action();
    dismiss();
    if (done) announce(done);
    return result;
  } catch (exc) {
    notices.set({ errors: messages(exc) });
    return undefined;
  }
}
