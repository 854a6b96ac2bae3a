/** The page and its parameters in the fragment of the URL. */
import { createStore } from "./observable.js";

/** @typedef {{page: string, parameters: Record<string, string>}} Route */

/**
 * Return the page and the parameters of a fragment such as `#/calls?status=4xx`.
 * @param {string} fragment
 * @returns {Route}
 */
export function parse(fragment) {
  const [page, search] = fragment.replace(/^#?\/?/, "").split("?", 2);
  return { page: page || "calls", parameters: Object.fromEntries(new URLSearchParams(search ?? "")) };
}

/**
 * Return the fragment of a page. Parameters without a value are left out.
 * @param {string} page
 * @param {Record<string, string | number | undefined>} [parameters]
 */
export function fragmentOf(page, parameters = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") search.set(name, String(value));
  }
  return `#/${page}${search.size ? `?${search}` : ""}`;
}

export const route = createStore(parse(location.hash));

addEventListener("hashchange", () => route.set(parse(location.hash)));

/**
 * Show a page.
 * @param {string} fragment
 * @param {boolean} [isReplacing] whether the history gets no new entry
 */
export function go(fragment, isReplacing = false) {
  if (fragment === location.hash) return;
  if (isReplacing) history.replaceState(null, "", fragment);
  else history.pushState(null, "", fragment);
  route.set(parse(fragment));
}

addEventListener("popstate", () => route.set(parse(location.hash)));

/**
 * Change parameters of the present page.
 * @param {Record<string, string | number | undefined>} changes
 * @param {boolean} [isReplacing]
 */
export function change(changes, isReplacing = false) {
  const { page, parameters } = route.get();
  go(fragmentOf(page, { ...parameters, ...changes }), isReplacing);
}
