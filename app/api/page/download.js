/** Download of an answer as a file. */

import { make } from "./dom.js";

/**
 * Offers a text for download.
 *
 * @param {string} name the name of the file.
 * @param {string} mediaType
 * @param {string} content
 */
export function download(name, mediaType, content) {
  const address = URL.createObjectURL(new Blob([content], { type: mediaType }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** Formats the answer as indented JSON. */
export function toJson(answer) {
  return `${JSON.stringify(answer, null, 2)}\n`;
}

/** Formats the segments of a call as CSV: one row per segment, one column per label. */
export function toCsv(answer, labels) {
  const head = ["channel", "role", "speaker", "start", "end", "emotion", ...labels];
  const rows = answer.channels.flatMap(({ channel, role, speaker, segments }) =>
    segments.map(({ start, end, emotion, probabilities }) => [
      channel,
      role,
      speaker,
      start,
      end,
      emotion,
      ...labels.map((label) => probabilities[label]),
    ]),
  );
  return [head, ...rows].map((row) => `${row.map(quoted).join(",")}\r\n`).join("");
}

/** Returns the name of a file without its extension. */
export function stem(name) {
  return name.replace(/\.[^.]*$/, "") || "recording";
}

function quoted(value) {
  const content = String(value ?? "");
  return /[",\r\n]/.test(content) ? `"${content.replaceAll('"', '""')}"` : content;
}
