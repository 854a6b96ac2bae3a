/** The page and its parameters in the fragment of the URL, such as `#/calls?status=4xx`. */
import { query } from "./api.js";
import { createStore } from "./observable.js";

/**
 * Return the page and the parameters of a fragment.
 * @param {string} fragment
 */
export function parse(fragment) {
  const [page, search] = fragment.replace(/^#?\/?/, "").split("?", 2);
  const parameters = /** @type {Record<string, string>} */ (Object.fromEntries(new URLSearchParams(search ?? "")));
  return { page: page || "calls", parameters };
}

/**
 * Return the fragment of a page.
 * @param {string} page
 * @param {Record<string, string | number | undefined>} [parameters]
 */
export const fragmentOf = (page, parameters = {}) => `#/${page}${query(parameters)}`;

export const route = createStore(parse(location.hash));

/** Show the page of the URL, which a link or the history has changed. */
const update = () => route.set(parse(location.hash));
addEventListener("hashchange", update);
addEventListener("popstate", update);

/**
 * Change parameters of the URL.
 * @param {Record<string, string | number | undefined>} changes
 * @param {boolean} [isReplacing] whether the history gets no new entry
 */
export function change(changes, isReplacing = false) {
  const { page, parameters } = route.get();
  const fragment = fragmentOf(page, { ...parameters, ...changes });
  if (fragment === location.hash) return;
  if (isReplacing) history.replaceState(null, "", fragment);
  else history.pushState(null, "", fragment);
  update();
}
