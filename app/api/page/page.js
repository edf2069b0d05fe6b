/** The page: accepts a recording, calls the service, and shows the answer or the error in place. */

import { MicrophoneError, startRecording } from "./recorder.js";
import { Problem, analyze, hasKey, keepKey, listModels } from "./api.js";
import { byId, make } from "./dom.js";
import { clock, lasting } from "./time.js";
import { kindOf, openRecording } from "./recording.js";
import { showCall } from "./call.js";
import { showUtterance } from "./utterance.js";
import { peaksOf } from "./waveform.js";
import { stop } from "./player.js";

const UNAUTHENTICATED = 401;
const MICROPHONE = -1; // not an HTTP status
// After these errors, another try may help: no connection, timeout, rate limit, server error.
const isTemporary = (status) => [0, 408, 429].includes(status) || status >= 500;

let recording = null; // the current recording
let controller = null; // the AbortController of the current request
let retryAction = loadModels; // the action to repeat after the user enters a key
let recorder = null; // set while the microphone records

byId("file").addEventListener("change", ({ target }) => {
  if (target.files.length) openFile(target.files[0]);
  target.value = ""; // so that the same file can be chosen again
});
byId("record").addEventListener("click", toggleRecording);
byId("cancel").addEventListener("click", () => controller?.abort());
byId("retry").addEventListener("click", run);
byId("key").addEventListener("submit", useKey);
byId("model").addEventListener("change", rerun);
document.querySelectorAll("[name=kind]").forEach((choice) => choice.addEventListener("change", rerun));
document.addEventListener("keydown", ({ key }) => key === "Escape" && stop());
acceptDrops();
loadModels();

/** Accepts files that are dropped anywhere on the page. */
function acceptDrops() {
  let depth = 0; // the pointer enters an inner element before it leaves the outer one
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    byId("drop").classList.toggle("over", depth > 0);
  };
  document.addEventListener("dragenter", () => mark(1));
  document.addEventListener("dragleave", () => mark(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(-depth);
    if (event.dataTransfer.files.length) openFile(event.dataTransfer.files[0]);
  });
}

/** Opens a file and analyzes it. */
async function openFile(file) {
  clear();
  abortRequest();
  await endRecording();
  busy(`Reading ${file.name}`);
  recording = await openRecording(file);
  showFile();
  await run();
}

/** Shows the name and the format of the recording. */
function showFile() {
  const { name, sound } = recording;
  document.body.classList.add("loaded");
  byId("drop-title").textContent = name;
  byId("file-label").textContent = "Choose another";
  byId("drop-facts").textContent = sound
    ? [
        lasting(sound.duration),
        `${sound.channels} ${sound.channels === 1 ? "channel" : "channels"}`,
        `${sound.samplingRate / 1000}\u00a0kHz`,
        sound.format,
      ].join(" · ")
    : "A file that this browser cannot read";
}

function rerun() {
  if (recording) run();
}

/** Calls the service and shows its answer. */
async function run() {
  clear();
  abortRequest();
  const ownController = new AbortController();
  controller = ownController;
  retryAction = run;
  const kind = document.querySelector("[name=kind]:checked").value || kindOf(recording);
  const model = byId("model-field").hidden ? "" : byId("model").value; // the default model if there is no choice
  busy(`Analyzing ${recording.name}`);
  if (recording.sound) peaksOf(recording.sound); // computed while the service works, drawn later
  try {
    const answer = await analyze(recording, kind, model, ownController.signal);
    if (controller !== ownController) return; // this request is no longer current
    const announcement = await (kind === "timeline" ? showCall : showUtterance)(recording, answer);
    idle(announcement);
  } catch (error) {
    if (controller === ownController) fail(error);
  }
}

/** Aborts the current request and ignores its answer. */
function abortRequest() {
  controller?.abort();
  controller = null;
}

/** Hides all results and errors. */
function clear() {
  stop();
  for (const id of ["problem", "key", "utterance", "call"]) byId(id).hidden = true;
}

function busy(text) {
  byId("progress").hidden = false;
  byId("progress-text").textContent = `${text} …`;
  byId("status").textContent = `${text}.`;
  byId("cancel").hidden = !controller;
}

function idle(text) {
  byId("progress").hidden = true;
  byId("status").textContent = text;
  controller = null;
}

/** Shows an error in place, or the key form if the key is missing or unknown. */
function fail(error) {
  if (error.name === "AbortError") return idle("Canceled.");
  if (error.status === UNAUTHENTICATED) return askForKey();
  if (!(error instanceof Problem)) console.error(error);
  showProblem(error instanceof Problem ? error : new Problem({ title: "This page failed", detail: error.message }));
}

function showProblem({ title, detail, status, requestId, address }) {
  byId("problem").hidden = false;
  byId("problem-title").textContent = title;
  byId("problem-detail").textContent = detail;
  byId("problem-request").hidden = !requestId;
  byId("problem-id").textContent = requestId ?? "";
  byId("problem-link").hidden = !address;
  byId("problem-link").href = address ?? "";
  byId("retry").hidden = !recording || !isTemporary(status);
  idle(`${title}. ${detail}`);
}

function askForKey() {
  byId("key-error").hidden = !hasKey();
  byId("key").hidden = false;
  idle(hasKey() ? "That key is not known." : "This service asks for a key.");
  if (retryAction === run || hasKey()) byId("key-input").focus();
}

async function useKey(event) {
  event.preventDefault();
  keepKey(byId("key-input").value.trim());
  byId("key-input").value = "";
  byId("key").hidden = true;
  const action = retryAction;
  await loadModels();
  if (action !== loadModels && byId("key").hidden) await action();
  else if (byId("key").hidden) byId("file").focus();
}

/** Lists the models, if there is more than one. */
async function loadModels() {
  try {
    const served = await listModels();
    byId("model").replaceChildren(
      ...served.models.map(({ name }) => make("option", name === served.default ? { value: name, selected: "" } : { value: name }, name)),
    );
    byId("model-field").hidden = served.models.length < 2;
    byId("status").textContent = "";
  } catch (error) {
    if (error.status === UNAUTHENTICATED) askForKey();
  }
}

async function toggleRecording() {
  if (recorder) return openFile(await endRecording());
  clear();
  abortRequest();
  try {
    recorder = await startRecording(showSound);
    showRecording(true);
  } catch (error) {
    const title = "The microphone cannot be used";
    if (!(error instanceof MicrophoneError)) console.error(error);
    showProblem(new Problem({ title, detail: error.message, status: MICROPHONE }));
  }
}

/** Stops the microphone and returns its recording; null if the microphone does not record. */
async function endRecording() {
  const ended = recorder;
  recorder = null;
  if (!ended) return null;
  showRecording(false);
  return ended.stop();
}

function showRecording(on) {
  document.body.classList.toggle("records", on);
  byId("record-label").textContent = on ? "Stop and analyze" : "Record";
  byId("recording").hidden = !on;
  if (on) {
    byId("drop-title").textContent = "Recording";
    byId("drop-facts").textContent = "Speak a sentence or two, then stop.";
  }
  showSound(0, 0);
  byId("status").textContent = on ? "Recording. Speak a sentence or two, then stop." : "";
}

function showSound(seconds, level) {
  byId("recording-time").textContent = clock(seconds);
  // Perceived loudness grows more slowly than the level.
  byId("recording-level").style.setProperty("--level", Math.sqrt(level));
}
