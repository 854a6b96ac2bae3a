/** The mock server's clock: the time, and the controls that freeze and move it. */
import { changeClock } from "./api.js";
import { html, useState } from "./html.js";
import { clockNow, live, setClock } from "./live.js";
import { attempt } from "./notices.js";
import { useCanChange, useStore, useTick } from "./store.js";
import { dateAndTime } from "./text.js";
import { onSubmit, onValue } from "./widgets.js";

/** Show the time of the clock. */
export function Clock() {
  const { clock } = useStore(live);
  useTick(clock?.frozen === false);
  const now = clockNow();
  if (now === null) return null;
  return html`<span class="clock"><span class="hidden">Clock:</span> <time>${dateAndTime(now)}</time> UTC${" "}
    <span class=${clock?.frozen ? "badge frozen" : "badge"}>${clock?.frozen ? "Frozen" : "Running"}</span></span>`;
}

/** @param {{nextEnd: number | null}} props the time at which the next sync-up ends */
export function ClockControls({ nextEnd }) {
  const mayChange = useCanChange();
  const [seconds, setSeconds] = useState("30");
  if (!mayChange) return null;
  /** @type {(change: {frozen?: boolean, advance?: number}, done: string) => Promise<void>} */
  const move = async (change, done) => {
    const moved = await attempt(() => changeClock(change), done);
    if (moved) setClock(moved);
  };
  // The page knows the time of a running clock to some milliseconds.
  const toNextEnd = () => move({ advance: Math.max(0, ((nextEnd ?? 0) - (clockNow() ?? 0)) / 1000 + 0.001) }, "Advanced to the next end");
  return html`<div class="buttons" role="group" aria-label="Clock">
    <button onClick=${() => move({ frozen: true }, "The clock is frozen")}>Freeze</button>
    <button onClick=${() => move({ frozen: false }, "The clock runs")}>Resume</button>
    <form class="buttons" onSubmit=${onSubmit(() => move({ advance: Number(seconds) }, `Advanced by ${seconds} s`))}>
      <label>Seconds <input class="short" type="number" min="0" step="any" required value=${seconds} onInput=${onValue(setSeconds)} /></label>
      <button class="primary">Advance</button>
    </form>
    <button disabled=${nextEnd === null} onClick=${toNextEnd}>To the next end</button>
  </div>`;
}
