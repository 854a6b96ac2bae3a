/** The event stream of the mock server. */
import { createStore } from "./observable.js";

/**
 * @typedef {object} Live
 * @property {"Connecting" | "Live" | "Reconnecting"} connection
 * @property {Api.Hello | null} hello
 * @property {{frozen: boolean, now: number, received: number} | null} clock
 * @property {number} recorded
 * @property {number} dropped
 */

export const live = createStore(
  /** @type {Live} */ ({ connection: "Connecting", hello: null, clock: null, recorded: 0, dropped: 0 }),
);

const frameListeners = /** @type {Set<(frame: Api.Frame) => void>} */ (new Set());
const changeListeners = /** @type {Set<(kind: string) => void>} */ (new Set());
const KINDS = ["synchronizations", "deployment", "stubs", "tenants", "reset"];
const RETRY = 2000;

/**
 * Call a function with each frame of calls.
 * @param {(frame: Api.Frame) => void} listener
 */
export function onFrame(listener) {
  frameListeners.add(listener);
  return () => frameListeners.delete(listener);
}

/**
 * Call a function when something of one of these kinds has changed. A reset or a reconnection changes every kind.
 * @param {string[]} kinds
 * @param {() => void} listener
 */
export function onChange(kinds, listener) {
  const filtered = (/** @type {string} */ kind) => {
    if (kind === "reset" || kinds.includes(kind)) listener();
  };
  changeListeners.add(filtered);
  return () => changeListeners.delete(filtered);
}

/** @param {string} kind */
function changed(kind) {
  for (const listener of [...changeListeners]) listener(kind);
}

/**
 * Store a time of the mock server's clock.
 * @param {Api.Clock} clock
 */
export function setClock(clock) {
  const now = Date.parse(clock.now);
  live.set({ clock: { frozen: clock.frozen, now, received: performance.now() } });
}

/** Return the time of the mock server's clock in milliseconds since 1970, or null before it is known. */
export function clockNow() {
  const { clock } = live.get();
  if (!clock) return null;
  return clock.frozen ? clock.now : clock.now + performance.now() - clock.received;
}

/** Open the event stream, and reopen it after an error. */
export function connect() {
  const source = new EventSource("../cvp/events");
  const on = (/** @type {string} */ kind, /** @type {(data: any) => void} */ handle) =>
    source.addEventListener(kind, (event) => handle(JSON.parse(/** @type {MessageEvent} */ (event).data || "{}")));

  on("hello", (/** @type {Api.Hello} */ hello) => {
    const isFirst = live.get().hello === null;
    setClock(hello.clock);
    live.set({ connection: "Live", hello, recorded: hello.recorded, dropped: hello.dropped });
    if (!isFirst) changed("reset");
  });
  on("calls", (/** @type {Api.Frame} */ frame) => {
    live.set({ recorded: frame.recorded, dropped: frame.dropped });
    for (const listener of [...frameListeners]) listener(frame);
    changed("calls");
  });
  on("clock", (/** @type {Api.Clock} */ clock) => {
    setClock(clock);
    changed("clock");
  });
  for (const kind of KINDS) on(kind, () => changed(kind));

  source.onerror = () => {
    live.set({ connection: "Reconnecting" });
    // The browser reconnects by itself after a lost connection, but not after an error status.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY);
  };
}
