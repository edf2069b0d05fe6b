/** The measures of a call and of its rows, as tables. docs/measures.md defines each measure. */

import { byId, make } from "./dom.js";
import { capitalized, leading, percent, toneOf } from "./emotions.js";
import { lasting } from "./time.js";

const NONE = "–";

const CONVERSATION = [
  ["Talk time", ({ talk_time: seconds }) => lasting(seconds)],
  ["Talk share", ({ talk_share: share }) => known(share, percent)],
  ["Overlap", ({ overlap }) => known(overlap, lasting)],
  ["Interrupts", ({ interruptions: own }) => known(own, (found) => times(Array.isArray(found) ? found.length : found))],
  ["Is interrupted", ({ interrupted }) => known(interrupted, times)],
  ["Response latency", ({ response_latency: latency }) => known(latency, (seconds) => `${seconds.toFixed(2)}\u00a0s`)],
  ["Longest monologue", ({ longest_monologue: seconds }) => lasting(seconds)],
];

const EMOTION = [
  ["At the start", ({ emotion }, labels) => known(emotion.start, (start) => named(start, labels, percent))],
  ["At the end", ({ emotion }, labels) => known(emotion.end, (end) => named(end, labels, percent))],
  ["Strongest trend per minute", ({ emotion }, labels) => known(emotion.trend, (trend) => trendOf(trend, labels))],
  ["Volatility, 0 to 1", ({ volatility }) => known(volatility, (value) => value.toFixed(2))],
  ["Recovery from anger", ({ recoveries }) => known(recoveries, recovery)],
];

/**
 * Shows the measures, if the answer has them. A column without any value is omitted.
 *
 * @param {object} answer the answer of the service.
 * @param {Row[]} rows
 * @param {string[]} labels
 */
export function showMeasures({ measures: call, duration }, rows, labels) {
  byId("measures").hidden = !call || !labels.length;
  if (byId("measures").hidden) return;
  const share = duration ? `, ${percent(call.silence / duration)} of the call` : "";
  byId("measures-silence").textContent =
    `Silence ${lasting(call.silence)}${share}. Longest silence ${lasting(call.longest_silence)}.`;
  const parties = rows.filter(({ answer }) => answer.measures).map((row) => [row, row.answer.measures]);
  const all = parties.length > 1 ? [...parties, [null, call]] : parties;
  fill(byId("conversation"), CONVERSATION, all, labels);
  fill(byId("mood"), EMOTION, all, labels);
}

function fill(table, columns, all, labels) {
  const cells = columns.map(([title, value]) => [title, all.map(([, measures]) => value(measures, labels))]);
  const shown = cells.filter(([, values]) => values.some((value) => value !== NONE));
  const head = make("tr", {}, make("td"), ...shown.map(([title]) => make("th", { scope: "col" }, title)));
  const body = all.map(([row], index) => {
    const name = make("th", { scope: "row" }, "Call");
    row?.nameIn(name);
    return make("tr", {}, name, ...shown.map(([, values]) => make("td.number", {}, values[index])));
  });
  table.tHead.replaceChildren(head);
  table.tBodies[0].replaceChildren(...body);
}

/** Formats a value, or the lack of one. */
function known(value, format) {
  return value === null || value === undefined ? NONE : format(value);
}

function times(count) {
  return `${count}\u00a0×`;
}

/** Names the label of the largest value. */
function named(values, labels, format, label = leading(values)) {
  return make("span.named", { "data-tone": toneOf(label, labels) }, `${capitalized(label)} ${format(values[label])}`);
}

/** Names the emotion whose probability changes most. */
function trendOf(trend, labels) {
  const size = Object.fromEntries(Object.entries(trend).map(([label, slope]) => [label, Math.abs(slope)]));
  const format = (slope) => `${slope < 0 ? "−" : "+"}${(100 * Math.abs(slope)).toFixed(1)}\u00a0%`;
  return named(trend, labels, format, leading(size));
}

/** Describes how long the returns from anger to neutral take: the median, and how many periods of anger end so. */
function recovery(periods) {
  if (!periods.length) return "No anger";
  const seconds = periods.flatMap((period) => period.seconds ?? []).sort((one, other) => one - other);
  if (!seconds.length) return "Not neutral again";
  const middle = (seconds[(seconds.length - 1) >> 1] + seconds[seconds.length >> 1]) / 2;
  return periods.length === 1 ? lasting(middle) : `${lasting(middle)} (${seconds.length} of ${periods.length})`;
}
