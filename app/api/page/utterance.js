/** The result of an utterance: the most probable emotion, and the probability of each emotion. */

import { color, drawWaveform, keepDrawn, peaksOf } from "./waveform.js";
import { byId, make } from "./dom.js";
import { described, nameOf, percent, toneOf } from "./emotions.js";
import { clock, lasting } from "./time.js";
import { download, stem, toJson } from "./download.js";
import { play, stop } from "./player.js";
import { showBars } from "./bars.js";

const UNSURE = "No emotion is probable enough for an answer.";

let recording = null;
let answer = null;
let waves = [];
let playhead = null;

keepDrawn(byId("utterance-waves"), draw);
byId("utterance-play").addEventListener("click", toggle);
byId("utterance-json").addEventListener("click", () =>
  download(`${stem(recording.name)}.json`, "application/json", toJson(answer)),
);

/**
 * Shows an utterance.
 *
 * @param {Recording} newRecording
 * @param {object} newAnswer the answer of the service.
 * @returns {Promise<string>} the announcement for screen readers.
 */
export async function showUtterance(newRecording, newAnswer) {
  [recording, answer, waves] = [newRecording, newAnswer, []];
  const { emotion, probabilities, speech } = answer;
  byId("utterance").hidden = false;
  byId("utterance-kicker").hidden = !speech;
  byId("utterance-bars").parentElement.hidden = !speech;
  byId("utterance-model").textContent = `Model ${answer.model}`;
  if (speech) {
    const title = byId("utterance-title");
    const share = emotion === null ? [] : [" ", make("span.number.quiet", {}, percent(probabilities[emotion]))];
    title.replaceChildren(nameOf(emotion), ...share);
    title.dataset.tone = toneOf(emotion, Object.keys(probabilities));
    showBars(byId("utterance-bars"), probabilities);
  } else {
    byId("utterance-title").textContent = "Nobody speaks";
    delete byId("utterance-title").dataset.tone;
  }
  showNote();
  await showWaveforms();
  if (!speech) return "Nobody speaks in this recording.";
  return emotion === null ? UNSURE : `Most probable: ${described(answer, ", ")}.`;
}

function showNote() {
  const notes = [
    [answer.speech && answer.emotion === null, UNSURE],
    [!answer.speech, "This recording contains no speech, so there are no probabilities."],
    [!recording.sound, "This browser cannot show the sound, but the service analyzed it."],
  ];
  const note = byId("utterance-note");
  note.textContent = notes.flatMap(([applies, text]) => (applies ? [text] : [])).join(" ");
  note.hidden = !note.textContent;
}

/** Shows the waveform of each channel and the playback controls. */
async function showWaveforms() {
  const { sound } = recording;
  byId("utterance-listen").hidden = !sound;
  if (!sound) return;
  byId("utterance-time").textContent = lasting(sound.duration);
  playhead = make("div.playhead", { hidden: "" });
  waves = (await peaksOf(sound)).map((peaks) => ({ canvas: make("canvas.wave", { "aria-hidden": "true" }), peaks }));
  byId("utterance-waves").replaceChildren(...waves.map(({ canvas }) => canvas), playhead);
  draw();
}

function draw() {
  const labels = Object.keys(answer?.probabilities ?? {});
  const ink = color(answer?.speech ? toneOf(answer.emotion, labels) : "silence");
  const largest = Math.max(...waves.map(({ peaks }) => peaks.largest), 0.01);
  waves.forEach(({ canvas, peaks }) => {
    if (!canvas.clientWidth) return;
    const scale = peaks.sound.duration / canvas.clientWidth;
    drawWaveform(canvas, peaks, { from: 0, scale, largest, colorAt: () => ink });
  });
}

function toggle() {
  const wasPlaying = byId("utterance-play").getAttribute("aria-pressed") === "true";
  stop();
  if (wasPlaying) return;
  const { sound } = recording;
  showPlaying(true);
  play(sound, { start: 0, end: sound.duration, channel: null }, {
    onMove: (time) => {
      playhead.style.left = `${(100 * time) / sound.duration}%`;
      byId("utterance-time").textContent = `${clock(time, 1)} of ${clock(sound.duration, 1)}`;
    },
    onEnd: () => showPlaying(false),
  });
}

function showPlaying(plays) {
  byId("utterance-play").setAttribute("aria-pressed", String(plays));
  byId("utterance-play").textContent = plays ? "Stop" : "Play";
  playhead.hidden = !plays;
  if (!plays) byId("utterance-time").textContent = lasting(recording.sound.duration);
}
