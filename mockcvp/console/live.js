/** The event stream of the mock server. */
import { createStore } from "./observable.js";

/** @type {Api.Live} */
const START = { connection: "Connecting", hello: null, clock: null, recorded: 0, dropped: 0 };
export const live = createStore(START);

const listeners = /** @type {Set<(kind: string, data: any) => void>} */ (new Set());
const KINDS = ["synchronizations", "deployment", "stubs", "tenants", "reset"];
const RETRY = 2000;

/**
 * Call a function when something of one of these kinds changes. A reset or a reconnection changes every kind.
 * @param {string[]} kinds
 * @param {(data: any) => void} listener
 */
export function onChange(kinds, listener) {
  const filtered = (/** @type {string} */ kind, /** @type {any} */ data) => {
    if (kind === "reset" || kinds.includes(kind)) listener(data);
  };
  listeners.add(filtered);
  return () => listeners.delete(filtered);
}

/** @type {(kind: string, data?: unknown) => void} */
function changed(kind, data) {
  for (const listener of [...listeners]) listener(kind, data);
}

/**
 * Store a time of the mock server's clock.
 * @param {Api.Clock} clock
 */
export function setClock({ frozen, now }) {
  live.set({ clock: { frozen, now: Date.parse(now), received: performance.now() } });
}

/** Return the time of the mock server's clock in milliseconds since 1970, or null before it is known. */
export function clockNow() {
  const { clock } = live.get();
  return clock && (clock.frozen ? clock.now : clock.now + performance.now() - clock.received);
}

/** Open the event stream, and reopen it after an error. */
export function connect() {
  const source = new EventSource("../cvp/events");
  /** @type {(kind: string, handle: (data: any) => void) => void} */
  const on = (kind, handle) =>
    source.addEventListener(kind, (event) => {
      const data = JSON.parse(event.data || "{}");
      handle(data);
      if (kind !== "hello") changed(kind, data);
    });
  on("hello", (/** @type {Api.Hello} */ hello) => {
    const isFirst = live.get().hello === null;
    setClock(hello.clock);
    live.set({ connection: "Live", hello, recorded: hello.recorded, dropped: hello.dropped });
    if (!isFirst) changed("reset");
  });
  on("calls", ({ recorded, dropped }) => live.set({ recorded, dropped }));
  on("clock", setClock);
  for (const kind of KINDS) on(kind, () => {});
  source.onerror = () => {
    live.set({ connection: "Reconnecting" });
    // The browser reconnects by itself after a lost connection, but not after an error status.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY);
  };
}
