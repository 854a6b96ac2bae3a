/** Values that change outside of components, and hooks that read them. */
import { useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { live, onChange } from "./live.js";

/**
 * Return the value of a store, and render the component again when the value changes.
 * @template T
 * @param {import("./observable.js").Store<T>} store
 * @returns {T}
 */
export function useStore(store) {
  const [value, setValue] = useState(store.get());
  useLayoutEffect(() => {
    const update = () => setValue(() => store.get());
    update();
    return store.subscribe(update);
  }, [store]);
  return value;
}

/** Return whether the page may change the mock server. */
export function useCanChange() {
  return useStore(live).hello?.console === "full";
}

/**
 * Load data, and load it again when the mock server reports a change of one of these kinds.
 * @template T
 * @param {() => Promise<T>} load
 * @param {string[]} kinds
 * @param {string} [key] a change of the key replaces the data
 * @returns {{data: T | null, error: unknown, reload: () => void}}
 */
export function useResource(load, kinds, key = "") {
  const [state, setState] = useState(/** @type {{data: T | null, error: unknown}} */ ({ data: null, error: null }));
  const again = useRef(() => {});
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    let isActive = true;
    let isBusy = false;
    let isWanted = false;
    const run = async () => {
      isWanted = isBusy;
      if (isBusy) return;
      isBusy = true;
      try {
        const data = await latest.current();
        if (isActive) setState({ data, error: null });
      } catch (exc) {
        if (isActive) setState((now) => ({ ...now, error: exc }));
      }
      // Many changes in a short time lead to two requests a second at most.
      await new Promise((resolve) => setTimeout(resolve, 500));
      isBusy = false;
      if (isActive && isWanted) run();
    };
    again.current = run;
    setState({ data: null, error: null });
    run();
    const stop = onChange(kinds, run);
    return () => {
      isActive = false;
      stop();
    };
  }, [key]);
  return { ...state, reload: () => again.current() };
}

/**
 * Render the component again once a second while a condition is true.
 * @param {boolean} isRunning
 */
export function useTick(isRunning) {
  const [, setTick] = useState(0);
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => setTick((tick) => tick + 1), 1000);
    return () => clearInterval(timer);
  }, [isRunning]);
}
