/** An answer as a file. */

import { make } from "./dom.js";

/**
 * Hands a text to the person as a file.
 *
 * @param {string} name of the file.
 * @param {string} mediaType
 * @param {string} content
 */
export function download(name, mediaType, content) {
  const address = URL.createObjectURL(new Blob([content], { type: mediaType }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** The answer as JSON, readable. */
export function toJson(answer) {
  return `${JSON.stringify(answer, null, 2)}\n`;
}

/** The segments of a call as CSV: a row each, a column for each label. */
export function toCsv(answer, labels) {
  const head = ["channel", "start", "end", "emotion", ...labels];
  const rows = answer.channels.flatMap(({ channel, segments }) =>
    segments.map(({ start, end, emotion, probabilities }) => [
      channel,
      start,
      end,
      emotion,
      ...labels.map((label) => probabilities[label]),
    ]),
  );
  return [head, ...rows].map((row) => `${row.map(quoted).join(",")}\r\n`).join("");
}

/** The name of a file without its ending. */
export function stem(name) {
  return name.replace(/\.[^.]*$/, "") || "recording";
}

function quoted(value) {
  const content = String(value ?? "");
  return /[",\r\n]/.test(content) ? `"${content.replaceAll('"', '""')}"` : content;
}
