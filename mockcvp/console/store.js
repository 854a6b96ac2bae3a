/** Hooks that read values from outside of components. */
import { useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { live, onChange } from "./live.js";

const PAUSE = 500;

/**
 * Return the value of a store, and render the component again when the value changes.
 * @template T
 * @param {import("./observable.js").Store<T>} store
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
export const useCanChange = () => useStore(live).hello?.console === "full";

/**
 * Load data, and load it again when the mock server reports a change of one of these kinds.
 * @template T
 * @param {() => Promise<T>} load
 * @param {string[]} kinds
 */
export function useResource(load, kinds) {
  const [state, setState] = useState({ data: /** @type {T | null} */ (null), error: /** @type {unknown} */ (null) });
  const reload = useRef(() => {});
  useEffect(() => {
    let isActive = true;
    let isBusy = false;
    let isWanted = false;
    reload.current = async () => {
      isWanted = isBusy;
      if (isBusy) return;
      isBusy = true;
      try {
        const data = await load();
        if (isActive) setState({ data, error: null });
      } catch (error) {
        if (isActive) setState(({ data }) => ({ data, error }));
      }
      // Many changes in a short time lead to two requests a second at most.
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      isBusy = false;
      if (isActive && isWanted) reload.current();
    };
    reload.current();
    const stop = onChange(kinds, () => reload.current());
    return () => {
      isActive = false;
      stop();
    };
  }, []);
  return { ...state, reload: () => reload.current() };
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
