/** The controls of a recording from the microphone: its state, its level, and the buttons. */

import { byId } from "./dom.js";
import { clock } from "./time.js";

const STATES = {
  opening: ["Waiting for the microphone", "Allow the microphone if the browser asks."],
  connecting: ["Connecting", "The service prepares a live session."],
  recording: ["Recording", "Speak a sentence or two, then stop."],
  listening: ["Listening", "Each segment of speech appears soon after its end."],
  speech: ["Speech", "Each segment of speech appears soon after its end."],
  paused: ["Paused", "Nothing is recorded until you resume."],
  finishing: ["Finishing", "The last segment is analyzed."],
};
const BEFORE = ["opening", "connecting"];

let shown = "";

/**
 * Shows a state.
 *
 * @param {string} state a state of a spoken utterance or call; empty for none.
 * @returns {string} the announcement for screen readers; empty if nothing has changed.
 */
export function showRecording(state) {
  if (state === shown) return "";
  shown = state;
  const before = BEFORE.includes(state);
  document.body.classList.toggle("records", Boolean(state));
  if (state && !before) document.body.classList.add("loaded"); // the page of a loaded recording leaves more room
  byId("drop").dataset.state = state;
  byId("record").setAttribute("aria-disabled", String(state === "finishing"));
  byId("record-label").textContent = { "": "Record", recording: "Stop and analyze" }[state] ?? (before ? "Cancel" : "Stop");
  byId("pause").hidden = !state || before || state === "finishing";
  byId("pause").textContent = state === "paused" ? "Resume" : "Pause";
  byId("recording").hidden = !state || before;
  byId("model").disabled = Boolean(state);
  if (before) showSound(0, 0);
  if (!state) return "";
  if (state === "paused" || state === "finishing") showLevel(0);
  [byId("drop-title").textContent, byId("drop-facts").textContent] = STATES[state];
  return `${STATES[state][0]}.`;
}

/** Shows the recorded seconds, and the level between 0 and 1. */
export function showSound(seconds, level) {
  byId("recording-time").textContent = clock(Math.floor(seconds));
  showLevel(level);
}

function showLevel(level) {
  // Perceived loudness grows more slowly than the level.
  byId("recording-level").style.setProperty("--level", Math.sqrt(level));
}
