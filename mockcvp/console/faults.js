/** The controls that make the next calls fail, and that delay every response. */
import { saveMapping, setSettings } from "./api.js";
import { html, useState } from "./html.js";
import { attempt } from "./notices.js";
import { counted } from "./text.js";
import { onValue, Select } from "./widgets.js";

const ERRORS = [
  "503 processing.throttled",
  "500 processing.failed",
  "500 processing.databaseProcessingFailed",
  "500 processing.fileProcessingFailed",
  "401 authorization.unathorized",
  "401 authentication.noAccess",
  "401 authentication.notAuthorized",
  "400 invalidInput.invalidServerRef",
  "404 Not found",
  "413 invalid.requestSize",
];
const FAULTS = ["EMPTY_RESPONSE", "CONNECTION_RESET_BY_PEER", "MALFORMED_RESPONSE_CHUNK", "RANDOM_DATA_THEN_CLOSE"];

/** @param {{settings: Record<string, unknown>, changed: () => void}} props */
export function Faults({ settings, changed }) {
  const { fixedDelay, ...others } = settings;
  const [error, setError] = useState(ERRORS[0]);
  const [fault, setFault] = useState(FAULTS[0]);
  const [times, setTimes] = useState("1");
  const [delay, setDelay] = useState(String(fixedDelay || 300));
  const calls = counted(Number(times), "call");
  /** @type {(name: string, response: object, parameters?: object) => Promise<void>} */
  const add = async (name, response, parameters) => {
    const transformerParameters = { ...parameters, times: Number(times) };
    const mapping = {
      name,
      priority: 0,
      request: { method: "ANY" },
      response: { ...response, transformers: ["mockcvp"], transformerParameters },
    };
    await attempt(() => saveMapping(mapping), `${name}: ${calls}`);
    changed();
  };
  const fail = () => add("fail next", { status: parseInt(error) }, { errorType: error.slice(4) });
  const setFixedDelay = async (/** @type {number} */ milliseconds) => {
    const all = milliseconds ? { ...others, fixedDelay: milliseconds } : others;
    await attempt(() => setSettings(all), milliseconds ? `Every response has a delay of ${milliseconds} ms` : "No delay");
    changed();
  };
  /** @type {(label: string, value: string, set: (value: string) => void) => unknown} */
  const number = (label, value, set) => html`<label class="field"><span>${label}</span>
    <input class="short" type="number" min="1" value=${value} onInput=${onValue(set)} /></label>`;
  return html`<section class="box faults" aria-label="Faults">
    ${number("Calls", times, setTimes)}
    <div class="fields"><${Select} label="Error" options=${ERRORS} value=${error} set=${setError} />
      <button class="primary" onClick=${fail}>Fail next</button></div>
    <div class="fields"><${Select} label="Fault" options=${FAULTS} value=${fault} set=${setFault} />
      <button class="primary" onClick=${() => add("drop next", { fault })}>Drop next</button></div>
    <div class="fields">${number("Milliseconds", delay, setDelay)}
      <button class="primary" onClick=${() => setFixedDelay(Number(delay))}>Delay</button>
      ${Boolean(fixedDelay) && html`<button onClick=${() => setFixedDelay(0)}>No delay</button>`}</div>
    ${Boolean(fixedDelay) && html`<p class="note">Every response has a delay of ${fixedDelay} ms.</p>`}
  </section>`;
}
