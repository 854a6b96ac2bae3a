/** The page *Calls*: the search, the list, and the open call beside it. */
import { listCalls, sendCall } from "./api.js";
import { CallList, isGap } from "./call-list.js";
import { CallPanel } from "./call-panel.js";
import { CallTable } from "./call-table.js";
import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { live, onChange, onFrame } from "./live.js";
import { attempt } from "./notices.js";
import { change, fragmentOf, route } from "./route.js";
import { Search } from "./search.js";
import { useCanChange, useStore } from "./store.js";
import { counted, digits } from "./text.js";
import { Problem } from "./widgets.js";

const FRAME_PAUSE = 250;
const REFRESH_PAUSE = 500;
const ROW_HEIGHT = 37;
const FILTERS = /** @type {const} */ (["text", "status", "form", "user", "error"]);

/**
 * Return the filter of the URL's parameters.
 * @param {Record<string, string>} parameters
 * @returns {Api.Filter}
 */
function filterOf(parameters) {
  return Object.fromEntries(FILTERS.filter((name) => parameters[name]).map((name) => [name, parameters[name]]));
}

/**
 * Return whether so many new rows at the top leave the row of the open call in sight.
 * @param {Element | null} top the element above the rows
 * @param {number} count
 */
function canShift(top, count) {
  if (!top) return true;
  const pane = top.parentElement;
  const bounds = pane?.getBoundingClientRect();
  const isAtTop = top.getBoundingClientRect().bottom >= Math.max(bounds?.top ?? 0, 0) - 2;
  if (!isAtTop) return false;
  const open = pane?.querySelector("tr[aria-current]");
  if (!open || !bounds || !open.getClientRects().length) return true;
  const bottom = Math.min(bounds.bottom, innerHeight);
  const row = open.getBoundingClientRect();
  return row.top > bottom || row.bottom + count * ROW_HEIGHT <= bottom;
}

/**
 * Return the list of calls, which follows the event stream.
 * @param {Api.Filter} filter
 */
function useCalls(filter) {
  const [, setVersion] = useState(0);
  const top = useRef(/** @type {Element | null} */ (null));
  const list = useMemo(() => new CallList(listCalls, () => setVersion((version) => version + 1)), []);
  const key = JSON.stringify(filter);

  useEffect(() => {
    list.reload(filter);
  }, [key]);

  useEffect(() => {
    /** @type {Api.Frame[]} */
    let frames = [];
    let timer = 0;
    const flush = () => {
      timer = 0;
      const last = frames[frames.length - 1].last;
      const isShifting = canShift(top.current, Math.min(last - list.top, 100));
      for (const frame of frames.splice(0)) list.receive(frame, isShifting);
      list.changed();
    };
    const refresh = async () => {
      try {
        await list.refresh(() => canShift(top.current, 1));
      } catch {
        // The event stream reports a lost connection, and the next frame asks again.
      }
      await new Promise((resolve) => setTimeout(resolve, REFRESH_PAUSE));
      timer = 0;
      if (frames.splice(0).length) start();
    };
    const start = () => {
      if (timer) return;
      if (Object.keys(list.filter).length) {
        timer = -1;
        frames = [];
        refresh();
      } else {
        timer = setTimeout(flush, FRAME_PAUSE);
      }
    };
    const stopFrames = onFrame((frame) => {
      frames.push(frame);
      start();
    });
    const stopReset = onChange([], () => {
      frames = [];
      if (timer > 0) clearTimeout(timer);
      if (timer > 0) timer = 0;
      list.reload();
    });
    return () => {
      stopFrames();
      stopReset();
      clearTimeout(timer);
    };
  }, []);
  return { list, top };
}

/** @param {{isFiltered: boolean}} props */
function Empty({ isFiltered }) {
  const mayChange = useCanChange();
  const send = () =>
    attempt(() =>
      sendCall({ method: "GET", path: "/cvp-config/version", headers: { Accept: "application/json" } }),
    );
  if (isFiltered) {
    const clear = () => change(Object.fromEntries(FILTERS.map((name) => [name, undefined])));
    return html`<div class="empty">
      <h2>No call matches the search</h2>
      <p>Search for less, or <button onClick=${clear}>Show all calls</button></p>
    </div>`;
  }
  return html`<div class="empty">
    <h2>No calls yet</h2>
    <p>The calls of your client appear here. <a href=${fragmentOf("connect")}>Connect</a> has the URL, the certificate,
      and ready code.</p>
    ${mayChange && html`<p><button onClick=${send}>Send a first call</button> sends GET /cvp-config/version.</p>`}
  </div>`;
}

/** The page. */
export function CallsPage() {
  const { parameters } = useStore(route);
  const { dropped } = useStore(live);
  const filter = filterOf(parameters);
  const { list, top } = useCalls(filter);
  const open = Number(parameters.call) || null;
  const isFiltered = Object.keys(filter).length > 0;

  useEffect(() => {
    /** @param {Event} event */
    const step = async (event) => {
      const direction = /** @type {CustomEvent<number>} */ (event).detail;
      let index = list.items.findIndex((item) => !isGap(item) && item.number === open) + direction;
      if (open === null || index < -1) index = 0;
      if (index >= list.items.length && list.hasOlder) {
        await list.older();
        index = list.items.findIndex((item) => !isGap(item) && item.number === open) + 1;
      }
      while (list.items[index] && isGap(list.items[index])) index += direction;
      const item = list.items[index];
      if (item && !isGap(item)) change({ call: item.number, compare: undefined }, true);
    };
    addEventListener("console-step", step);
    return () => removeEventListener("console-step", step);
  }, [open, list]);

  useEffect(() => {
    const row = document.querySelector("tr[aria-current]");
    row?.scrollIntoView({ block: "nearest" });
  }, [open]);

  const newest = () => {
    list.reload();
    top.current?.scrollIntoView();
  };
  const summary = isFiltered
    ? `${counted(list.total, "call")} ${list.total === 1 ? "matches" : "match"}`
    : counted(list.total, "call");
  return html`<div class=${open === null ? "calls" : "calls has-open"}>
    <section class="list" aria-label="List of calls">
      <div ref=${top} class="list-top">
        <h1 class="hidden">Calls</h1>
        <${Search} parameters=${parameters} />
        <p class="summary">${list.isLoaded ? summary : "Loading…"}</p>
      </div>
      ${(list.pending > 0 || list.hasNewer) &&
      html`<div class="newest"><button class="primary" onClick=${newest}>
        ${list.pending > 0 ? `${counted(list.pending, "new call")}` : "Newest calls"}
      </button></div>`}
      <${Problem} error=${list.error} />
      ${list.isLoaded && !list.items.length && !list.error
        ? html`<${Empty} isFiltered=${isFiltered} />`
        : html`<${CallTable} items=${list.items} open=${open} fill=${(/** @type {any} */ gap) => list.fill(gap)} />`}
      ${list.hasOlder &&
      html`<p class="older"><button disabled=${list.isBusy} onClick=${() => list.older()}>Older calls</button></p>`}
      ${dropped > 0 && !list.hasOlder && html`<p class="note">The journal no longer has ${digits(dropped)} older calls.</p>`}
    </section>
    ${open !== null && html`<${CallPanel} key=${open} number=${open} compare=${Number(parameters.compare) || null} />`}
  </div>`;
}
