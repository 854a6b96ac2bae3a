/** The error messages and the status messages of the page. */
import { ApiError } from "./api.js";
import { createStore } from "./observable.js";

const SHOWN = 6000;
export const notices = createStore({ error: /** @type {unknown} */ (null), status: "" });
let timer = 0;

/**
 * Return the messages of an exception.
 * @param {unknown} exc
 * @returns {string[]}
 */
export const messages = (exc) => (exc instanceof ApiError ? exc.titles : [exc instanceof Error ? exc.message : String(exc)]);

/** Remove the error message. */
export const dismiss = () => notices.set({ error: null });

/**
 * Show a status message for some seconds.
 * @param {string} status
 */
export function announce(status) {
  clearTimeout(timer);
  notices.set({ status });
  timer = setTimeout(() => notices.set({ status: "" }), SHOWN);
}

/**
 * Run an action of a control, and show its error.
 * @template T
 * @param {() => Promise<T>} action
 * @param {string} [done] the status message after success
 */
export async function attempt(action, done) {
  try {
    const result = await action();
    dismiss();
    if (done) announce(done);
    return result;
  } catch (error) {
    notices.set({ error });
    return undefined;
  }
}
