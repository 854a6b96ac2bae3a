/** The mock server's clock: the time, and the controls that freeze and move it. */
import { changeClock } from "./api.js";
import { html, useState } from "./html.js";
import { clockNow, live, setClock } from "./live.js";
import { attempt } from "./notices.js";
import { useCanChange, useStore, useTick } from "./store.js";
import { dateAndTime } from "./text.js";

/** Show the time of the clock. */
export function Clock() {
  const { clock } = useStore(live);
  useTick(clock !== null && !clock.frozen);
  const now = clockNow();
  if (now === null || !clock) return html`<span class="clock">…</span>`;
  return html`<span class="clock" title="Clock of the mock server, in UTC">
    <span class="hidden">Clock: </span><time datetime=${new Date(now).toISOString()}>${dateAndTime(now)}</time>
    <span class=${clock.frozen ? "badge frozen" : "badge"}>${clock.frozen ? "Frozen" : "Running"}</span>
  </span>`;
}

/**
 * Freeze, advance and resume the clock.
 * @param {{nextEnd: number | null}} props the time at which the next sync-up ends
 */
export function ClockControls({ nextEnd }) {
  const mayChange = useCanChange();
  const { clock } = useStore(live);
  const [seconds, setSeconds] = useState("30");
  if (!mayChange) return null;
  const move = async (/** @type {{frozen?: boolean, advance?: number}} */ change, /** @type {string} */ done) => {
    const moved = await attempt(() => changeClock(change), done);
    if (moved) setClock(moved);
  };
  const advance = (/** @type {Event} */ event) => {
    event.preventDefault();
    move({ advance: Number(seconds) }, `Advanced by ${seconds} s`);
  };
  const toNextEnd = () => {
    const now = clockNow();
    // A run ends at the time itself, and the page knows the time of a running clock to some milliseconds.
    if (now !== null && nextEnd !== null) move({ advance: Math.max(0, (nextEnd - now) / 1000 + 0.001) }, "Advanced to the next end");
  };
  return html`<div class="controls" role="group" aria-label="Clock">
    <div class="buttons">
      <button onClick=${() => move({ frozen: true }, "The clock is frozen")}>Freeze</button>
      <button onClick=${() => move({ frozen: false }, "The clock runs")}>Resume</button>
    </div>
    <form class="inline" onSubmit=${advance}>
      <label>Seconds <input class="short" type="number" min="0" step="any" required value=${seconds}
        onInput=${(/** @type {any} */ event) => setSeconds(event.target.value)} /></label>
      <button class="primary">Advance</button>
    </form>
    <button disabled=${nextEnd === null} onClick=${toNextEnd}>To the next end</button>
    ${clock?.frozen && html`<span class="note">Sync-ups stay in their state until the clock moves.</span>`}
  </div>`;
}
