/** The result of a call: timeline, values of a segment, alerts, turning points, summaries of the rows, and measures. */

import { byId, make } from "./dom.js";
import { UNDECIDED, capitalized, nameOf, percent, toneOf } from "./emotions.js";
import { clock, lasting } from "./time.js";
import { findRow, rowsOf } from "./rows.js";
import { download, stem, toCsv, toJson } from "./download.js";
import { Timeline } from "./timeline.js";
import { play, stop } from "./player.js";
import { peaksOf } from "./waveform.js";
import { showAlerts } from "./alerts.js";
import { showBars } from "./bars.js";
import { showMeasures } from "./measures.js";

const LONGEST_ROLE = 40; // characters, as in the API
const READ_HINT = "Point at a segment, or move with Tab and the arrow keys, to read its numbers.";

let recording = null;
let answer = null;
let rows = [];
let labels = [];
let playing = null;
let read = null; // the segment whose values are shown

export const timeline = new Timeline(byId("scroller"), byId("track"), { onSelect: readOut, onPlay: toggle, onZoom: showZoom });

byId("zoom-in").addEventListener("click", () => timeline.zoomIn());
byId("zoom-out").addEventListener("click", () => timeline.zoomOut());
byId("zoom-fit").addEventListener("click", () => timeline.zoomToFit());
byId("call-json").addEventListener("click", () =>
  download(`${stem(recording.name)}.json`, "application/json", toJson(answer)),
);
byId("call-csv").addEventListener("click", () =>
  download(`${stem(recording.name)}.csv`, "text/csv", toCsv(answer, labels)),
);

/**
 * Shows a call.
 *
 * @param {Recording} newRecording
 * @param {object} newAnswer the answer of the service.
 * @returns {Promise<string>} the announcement for screen readers.
 */
export async function showCall(newRecording, newAnswer) {
  [recording, answer] = [newRecording, newAnswer];
  [rows, labels] = [rowsOf(answer), labelsOf(answer)];
  const peaks = recording.sound && (await peaksOf(recording.sound));
  byId("call").hidden = false;
  byId("call").classList.remove("live");
  const unsure = answer.channels.some(({ segments }) => segments.some(({ emotion }) => emotion === null));
  byId("legend").replaceChildren(...Timeline.legend(unsure ? [...labels, null] : labels));
  byId("call-model").textContent = `Model ${answer.model}`;
  timeline.show(answer, rows, labels, peaks);
  clearReadout(labels.length ? READ_HINT : "Nobody speaks in this recording.");
  showAlerts(answer.alerts ?? [], rows, timeline);
  showTurns(answer.turning_points ?? []);
  byId("channels").replaceChildren(...rows.map(summary));
  showMeasures(answer, rows, labels);
  return announcement();
}

/** Shows the place of a call that is still to be spoken. */
export function showEmptyCall(newRows, hint) {
  [recording, answer, rows, labels] = [{ sound: null }, null, newRows, []];
  byId("call").hidden = false;
  byId("call").classList.add("live");
  byId("legend").replaceChildren();
  clearReadout(hint);
  showAlerts([], rows, timeline);
  showTurns([]);
  byId("channels").replaceChildren();
  byId("measures").hidden = true;
}

/** Shows the emotions of a call that is being spoken. */
export function showLabels(newLabels) {
  labels = newLabels;
  byId("legend").replaceChildren(...Timeline.legend(labels));
  timeline.setLabels(labels);
}

/** Returns the labels of the first summary or segment, in the order of the answer. */
function labelsOf({ channels }) {
  const first = channels.flatMap(({ summary: sum, segments }) => [sum, ...segments]).find(Boolean);
  return Object.keys(first?.probabilities ?? {});
}

function announcement() {
  const segments = answer.channels.reduce((sum, channel) => sum + channel.segments.length, 0);
  const turns = answer.turning_points?.length ?? 0;
  const alerts = answer.alerts?.length ?? 0;
  const counted = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
  const kind = rows.some(({ speaker }) => speaker !== null) ? "speaker" : "channel";
  const parts = [counted(rows.length, kind), counted(segments, "segment"), counted(turns, "turning point")];
  if (alerts) parts.push(counted(alerts, "alert"));
  return `Timeline of ${lasting(answer.duration)}: ${parts.join(", ")}.`;
}

/** Shows the values of a segment: the segment under the pointer or with the focus, or the newest segment. */
export function readOut(segment, hint = recording.sound ? "Click or Enter plays it" : "") {
  const { row, start, end, emotion, probabilities } = segment;
  read = segment;
  const chip = byId("readout-emotion");
  chip.textContent = nameOf(emotion);
  chip.dataset.tone = toneOf(emotion, labels);
  chip.hidden = false;
  byId("readout-span").textContent =
    `${row.name}, ${clock(start, 1)}–${clock(end, 1)} (${lasting(end - start)})`;
  byId("readout-hint").textContent = hint;
  showBars(byId("readout-bars"), probabilities);
}

function clearReadout(hint) {
  read = null;
  byId("readout-emotion").hidden = true;
  byId("readout-span").textContent = "";
  byId("readout-bars").replaceChildren();
  byId("readout-hint").textContent = hint;
}

/** Plays a segment, or stops the segment if it plays already. Any other playback stops. */
function toggle(segment) {
  if (!recording.sound) return;
  const wasPlaying = segment === playing;
  stop();
  if (wasPlaying) return;
  playing = segment;
  timeline.showPlaying(segment, segment.start);
  play(recording.sound, segment, {
    onMove: (time) => timeline.movePlayhead(time),
    onEnd: () => {
      playing = null;
      timeline.showPlaying(null);
    },
  });
}

/** Marks the zoom buttons that have no further effect. They stay focusable. */
function showZoom({ fits, closest }) {
  byId("zoom-out").setAttribute("aria-disabled", String(fits));
  byId("zoom-fit").setAttribute("aria-disabled", String(fits));
  byId("zoom-in").setAttribute("aria-disabled", String(closest));
}

/** Lists the turning points. */
export function showTurns(turns) {
  byId("turns").hidden = !turns.length;
  byId("turns-list").replaceChildren(
    ...turns.map((turn) => {
      const { time, before, after } = turn;
      const row = findRow(rows, turn);
      const button = make(
        "button.turn",
        { type: "button" },
        make("span.number", {}, clock(time)),
        row.nameIn(make("span.quiet")),
        make("span.named", { "data-tone": toneOf(before, labels) }, before),
        make("span.quiet", {}, "→"),
        make("span.named", { "data-tone": toneOf(after, labels) }, after),
      );
      row.follow((name) =>
        button.setAttribute("aria-label", `At ${clock(time)} ${name} turns from ${before} to ${after}: go to the segment`),
      );
      button.addEventListener("click", () => timeline.goTo(row, time));
      return make("li", {}, button);
    }),
  );
}

/** Changes the role of a row, and of its alerts. */
function rename(row, role) {
  row.rename(role);
  const alerts = (answer.alerts ?? []).filter((alert) => alert.channel !== null && findRow(rows, alert) === row);
  alerts.forEach((alert) => Object.assign(alert, { role: row.answer.role }));
  if (read?.row === row) readOut(read);
}

/** Creates the field for the name of a row. Without a role, it shows the number of the row. */
function nameField(row) {
  const field = make("input.row-name", {
    type: "text",
    value: row.answer.role ?? "",
    placeholder: row.number,
    maxlength: LONGEST_ROLE,
    autocomplete: "off",
    spellcheck: "false",
    title: "Name the role, such as agent or customer",
    "aria-label": `Role of ${row.number}`,
  });
  field.addEventListener("change", () => {
    rename(row, field.value);
    field.value = row.answer.role ?? "";
  });
  return field;
}

/** Summarizes a row: duration of speech, leading emotion, and the share of each emotion. */
function summary(row) {
  const { speech_duration: speech, summary: sum } = row.answer;
  const section = make("section.panel.channel", {}, nameField(row));
  row.follow((name) => section.setAttribute("aria-label", name));
  section.append(...summaryParts(speech, sum));
  return section;
}

function summaryParts(speech, sum) {
  const spoken = make("p.quiet", {}, `${lasting(speech)} of speech in ${lasting(answer.duration)}`);
  if (!sum) return [make("p.leading", {}, "Nobody speaks"), spoken];
  const shares = sum.undecided ? { ...sum.shares, [UNDECIDED]: sum.undecided } : sum.shares;
  const named = sum.undecided ? [...labels, UNDECIDED] : labels;
  const parts = named.filter((label) => shares[label] > 0);
  const stack = make("div.stack", { "aria-hidden": "true" }, ...parts.map((label) => stackPart(label, shares[label])));
  const list = make("ul.shares", { "aria-label": "Share of the speech" });
  list.append(
    ...named.map((label) =>
      make(
        "li",
        { "data-tone": toneOf(label, labels) },
        make("span.share-name", {}, capitalized(label)),
        " ",
        make("span.number", {}, percent(shares[label] ?? 0)),
      ),
    ),
  );
  const leader = make("p.leading", {}, make("span", {}, nameOf(sum.emotion)), " ");
  const lead = sum.emotion === null ? "in all segments" : `leads, at ${percent(sum.probabilities[sum.emotion])} on average`;
  leader.append(make("span.quiet", {}, lead));
  leader.dataset.tone = toneOf(sum.emotion, labels);
  return [leader, spoken, stack, list];
}

function stackPart(label, share) {
  const part = make("span", { "data-tone": toneOf(label, labels) });
  part.style.flexGrow = share;
  return part;
}
