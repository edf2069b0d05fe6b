/** The page: accepts a recording, calls the service, and shows the answer or the error in place. */

import { showRecording, showSound } from "./record-panel.js";
import { Problem, analyze, hasKey, keepKey, listModels } from "./api.js";
import { byId, make } from "./dom.js";
import { LiveView } from "./live-view.js";
import { MicrophoneError } from "./recorder.js";
import { SpokenCall } from "./spoken-call.js";
import { SpokenUtterance } from "./spoken-utterance.js";
import { lasting } from "./time.js";
import { kindOf, openRecording } from "./recording.js";
import { showCall } from "./call.js";
import { showUtterance } from "./utterance.js";
import { peaksOf } from "./waveform.js";
import { stop } from "./player.js";

const UNAUTHENTICATED = 401;
const NO_RETRY = -1; // not an HTTP status
const NO_MICROPHONE = { title: "The microphone cannot be used", status: NO_RETRY };
const [TITLE, FACTS] = ["drop-title", "drop-facts"].map((id) => byId(id).textContent);
// After these errors, another try may help: no connection, timeout, rate limit, server error.
const isTemporary = (status) => [0, 408, 429].includes(status) || status >= 500;

let recording = null; // the current recording
let controller = null; // the AbortController of the current request
let retryAction = loadModels; // the action to repeat after the user enters a key
let labels = {}; // the labels of each model
let spoken = null; // the utterance or call that the microphone records
const hearing = { onState: showState, onSound: showSound };

byId("file").addEventListener("change", ({ target }) => {
  if (target.files.length) openFile(target.files[0]);
  target.value = ""; // so that the same file can be chosen again
});
byId("record").addEventListener("click", () => (spoken ? spoken.stop() : record()));
byId("pause").addEventListener("click", () => (spoken.state === "paused" ? spoken.resume() : spoken.pause()));
byId("cancel").addEventListener("click", () => (spoken ? spoken.release() : controller?.abort()));
byId("retry").addEventListener("click", () => retryAction());
byId("key").addEventListener("submit", useKey);
byId("model").addEventListener("change", rerun);
byId("speakers").addEventListener("change", rerun);
document.querySelectorAll("[name=kind]").forEach((choice) => choice.addEventListener("change", rerun));
document.addEventListener("keydown", ({ key }) => key === "Escape" && stop());
window.addEventListener("pagehide", () => spoken && leave());
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
  endRecording();
  clear();
  abortRequest();
  busy(`Reading ${file.name}`);
  recording = await openRecording(file);
  showFile();
  await run();
}

/** Shows the name and the format of the recording, if there is one. */
function showFile() {
  document.body.classList.toggle("loaded", Boolean(recording));
  if (!recording) {
    byId("drop-title").textContent = TITLE;
    byId("drop-facts").textContent = FACTS;
    return;
  }
  const { name, sound } = recording;
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
  if (recording && !spoken) run();
}

function chosenKind() {
  return document.querySelector("[name=kind]:checked").value;
}

/** Returns the chosen parameters of a request. The service has a default for each. */
function chosenOptions(kind) {
  const model = byId("model-field").hidden ? "" : byId("model").value;
  const speakers = kind === "timeline" ? byId("speakers").value : "";
  return { ...(model && { model }), ...(speakers && { speakers: Number(speakers) || speakers }) };
}

/** Calls the service and shows its answer. */
async function run() {
  clear();
  abortRequest();
  const ownController = new AbortController();
  controller = ownController;
  retryAction = run;
  const kind = chosenKind() || kindOf(recording);
  busy(`Analyzing ${recording.name}`);
  if (recording.sound) peaksOf(recording.sound); // computed while the service works, drawn later
  try {
    const answer = await analyze(recording, kind, chosenOptions(kind), ownController.signal);
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
  byId("cancel").hidden = !controller && !spoken;
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
  if (error instanceof Problem) return showProblem(error);
  if (error instanceof MicrophoneError) return showProblem(new Problem({ ...NO_MICROPHONE, detail: error.message }));
  console.error(error);
  showProblem(new Problem({ title: "This page failed", detail: error.message }));
}

function showProblem({ title, detail, status, requestId, address }) {
  byId("problem").hidden = false;
  byId("problem-title").textContent = title;
  byId("problem-detail").textContent = detail;
  byId("problem-request").hidden = !requestId;
  byId("problem-id").textContent = requestId ?? "";
  byId("problem-link").hidden = !address;
  byId("problem-link").href = address ?? "";
  byId("retry").hidden = !isTemporary(status);
  idle(`${title}. ${detail}`);
}

function askForKey() {
  byId("key-error").hidden = !hasKey();
  byId("key").hidden = false;
  idle(hasKey() ? "That key is not known." : "This service asks for a key.");
  if (retryAction !== loadModels || hasKey()) byId("key-input").focus();
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
    labels = Object.fromEntries(served.models.map((model) => [model.name, model.labels]));
    byId("model").replaceChildren(
      ...served.models.map(({ name }) => make("option", name === served.default ? { value: name, selected: "" } : { value: name }, name)),
    );
    byId("model-field").hidden = served.models.length < 2;
    byId("status").textContent = "";
  } catch (error) {
    if (error.status === UNAUTHENTICATED) askForKey();
  }
}

/** Records from the microphone. A call is analyzed while it is spoken, an utterance after it. */
async function record() {
  clear();
  abortRequest();
  idle("");
  retryAction = record;
  const own = chosenKind() === "emotions" ? new SpokenUtterance(hearing) : new SpokenCall(chosenOptions("timeline"), { ...hearing, ...viewing() });
  spoken = own;
  let timeline = null;
  let failure = null;
  try {
    timeline = await own.run();
  } catch (error) {
    failure = error;
  }
  if (spoken !== own) return; // a file has taken its place
  endRecording();
  clear();
  const { file } = own;
  if (file) await keep(file, own.kind);
  else showFile();
  if (failure) fail(failure);
  else if (timeline) idle(await showCall(recording, timeline));
  else await run();
  if (own.notice) showProblem(new Problem({ status: NO_RETRY, ...own.notice }));
}

/** Opens what was recorded, so that it can be played, and sent again as a file. */
async function keep(file, kind) {
  recording = { ...(await openRecording(file)), kind };
  retryAction = run;
  showFile();
}

/** Returns the listeners that show a live session. */
function viewing() {
  let view = null;
  return {
    onReady: (ready, samplingRate) => {
      view = new LiveView(ready, samplingRate, labels[ready.model]);
    },
    onSamples: (samples) => view.hear(samples),
    onEvent: (message) => announce(view.show(message)),
  };
}

function showState(state) {
  announce(showRecording(state));
  if (state === "finishing") busy("Finishing");
}

function announce(text) {
  if (text) byId("status").textContent = text;
}

/** Restores the page for a user who comes back. */
function leave() {
  endRecording();
  clear();
  showFile();
}

/** Closes the microphone, and drops its recording. */
function endRecording() {
  const ended = spoken;
  spoken = null;
  ended?.release();
  showRecording("");
}
