/** The page *Calls*: the search, the list, and the open call beside it. */
import { listCalls, sendCall } from "./api.js";
import { CallList, isGap } from "./call-list.js";
import { CallPanel } from "./call-panel.js";
import { CallTable } from "./call-table.js";
import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { live, onChange } from "./live.js";
import { attempt } from "./notices.js";
import { change, fragmentOf, route } from "./route.js";
import { FIELDS, Search } from "./search.js";
import { useCanChange, useStore } from "./store.js";
import { counted } from "./text.js";
import { Empty, Problem } from "./widgets.js";

const FRAME_PAUSE = 250;
const REFRESH_PAUSE = 500;
const ROW_HEIGHT = 37;
const FIRST_CALL = { method: "GET", path: "/cvp-config/version", headers: { Accept: "application/json" } };

/**
 * Return whether so many new rows at the top leave the row of the open call in sight.
 * @param {Element | null} top the element above the rows
 * @param {number} count
 */
function canShift(top, count) {
  const pane = top?.parentElement;
  if (!top || !pane) return true;
  const bounds = pane.getBoundingClientRect();
  if (top.getBoundingClientRect().bottom < Math.max(bounds.top, 0)) return false;
  const open = pane.querySelector("tr[aria-current]");
  if (!open?.getClientRects().length) return true;
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
  useEffect(() => {
    list.reload(filter);
  }, [JSON.stringify(filter)]);
  useEffect(() => {
    /** @type {Api.Frame[]} */
    let frames = [];
    let isActive = true;
    let isBusy = false;
    // One pass at a time: it adds the frames, or asks the server which calls match.
    const pass = async () => {
      if (isBusy) return;
      isBusy = true;
      while (isActive && frames.length) {
        const isFiltered = Object.keys(list.filter).length > 0;
        if (!isFiltered) await new Promise((resolve) => setTimeout(resolve, FRAME_PAUSE));
        const added = frames.splice(0);
        if (isFiltered) {
          await list.refresh(() => canShift(top.current, 1));
          await new Promise((resolve) => setTimeout(resolve, REFRESH_PAUSE));
        } else if (added.length) {
          const isShifting = canShift(top.current, Math.min(added[added.length - 1].last - list.top, 100));
          for (const frame of added) list.receive(frame, isShifting);
          list.changed();
        }
      }
      isBusy = false;
    };
    const stop = onChange(["calls"], (/** @type {Api.Frame | undefined} */ frame) => {
      if (frame?.calls) {
        frames.push(frame);
        pass();
      } else {
        frames = [];
        list.reload();
      }
    });
    return () => {
      isActive = false;
      stop();
    };
  }, []);
  return { list, top };
}

/** What the page shows before the first call. */
function NoCalls() {
  const mayChange = useCanChange();
  return html`<${Empty} title="No calls yet">The calls of your client appear here.${" "}
    <a href=${fragmentOf("connect")}>Connect</a> has the URL, the certificate, and ready code.${" "}
    ${mayChange && html`<button onClick=${() => attempt(() => sendCall(FIRST_CALL))}>Send a first call</button>`}<//>`;
}

/** The page. */
export function CallsPage() {
  const { parameters } = useStore(route);
  const { dropped } = useStore(live);
  /** @type {Api.Filter} */
  const filter = Object.fromEntries(FIELDS.filter((name) => parameters[name]).map((name) => [name, parameters[name]]));
  const isFiltered = Object.keys(filter).length > 0;
  const { list, top } = useCalls(filter);
  const open = Number(parameters.call) || null;

  useEffect(() => {
    const step = async (/** @type {any} */ event) => {
      const place = () => list.items.findIndex((item) => !isGap(item) && item.number === open) + event.detail;
      if (place() >= list.items.length && list.hasOlder) await list.older();
      let index = open === null ? 0 : Math.max(place(), 0);
      while (list.items[index] && isGap(list.items[index])) index += event.detail;
      const item = list.items[index];
      if (item && !isGap(item)) change({ call: item.number, compare: undefined }, true);
    };
    addEventListener("console-step", step);
    return () => removeEventListener("console-step", step);
  }, [open]);
  useEffect(() => document.querySelector("tr[aria-current]")?.scrollIntoView({ block: "nearest" }), [open]);

  const showNewest = () => {
    list.reload();
    top.current?.scrollIntoView();
  };
  const clear = () => change(Object.fromEntries(FIELDS.map((name) => [name, undefined])));
  const isEmpty = list.isLoaded && !list.items.length && !list.error;
  return html`<div class=${open === null ? "calls" : "calls has-open"}>
    <section class="list" aria-label="List of calls">
      <div ref=${top} class="list-top">
        <h1 class="hidden">Calls</h1>
        <${Search} parameters=${parameters} />
        <p class="note">${list.isLoaded ? `${counted(list.total, "call")}${isFiltered ? " found" : ""}` : "Loading…"}</p>
      </div>
      ${!list.isFollowing &&
      html`<div class="newest"><button class="primary" onClick=${showNewest}>
        ${list.pending ? counted(list.pending, "new call") : "Newest calls"}</button></div>`}
      <${Problem} error=${list.error} />
      ${isEmpty && !isFiltered && html`<${NoCalls} />`}
      ${isEmpty && isFiltered && html`<${Empty} title="No call matches the search">Search for less, or${" "}
        <button onClick=${clear}>Show all calls</button><//>`}
      ${!isEmpty && html`<${CallTable} list=${list} open=${open} />`}
      ${list.hasOlder && html`<p class="older"><button onClick=${() => list.older()}>Older calls</button></p>`}
      ${dropped > 0 && !list.hasOlder && html`<p class="older note">The journal has dropped ${counted(dropped, "call")}.</p>`}
    </section>
    ${open !== null && html`<${CallPanel} key=${open} number=${open} compare=${Number(parameters.compare) || null} />`}
  </div>`;
}
