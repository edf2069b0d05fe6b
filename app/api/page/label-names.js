/** The text on a segment: a label, its short name, or nothing, as space permits. */

import { UNDECIDED, capitalized } from "./emotions.js";
import { make } from "./dom.js";

/** The names of labels, with the width of each. */
export class LabelNames {
  /**
   * Measures the width of each label and of its short name on a segment.
   *
   * @param {HTMLElement} track the element that contains the segments.
   * @param {string[]} labels
   */
  constructor(track, labels) {
    const probe = make("span.strip.unseen");
    track.append(probe);
    this.widths = new Map();
    this.shortNames = new Map(labels.map((label) => [label, shortened(label, labels)]));
    this.shortNames.set(UNDECIDED, "?");
    for (const name of [...this.shortNames.keys(), ...this.shortNames.values()]) {
      probe.textContent = name;
      this.widths.set(name, probe.scrollWidth + 6);
    }
    probe.remove();
  }

  /**
   * Returns the longest name that fits.
   *
   * @param {?string} emotion the label; null if the segment is undecided.
   * @param {number} room the width of the segment, in CSS pixels.
   */
  fitting(emotion, room) {
    const name = emotion ?? UNDECIDED;
    return [name, this.shortNames.get(name)].find((text) => room >= this.widths.get(text)) ?? "";
  }
}

/** Returns the shortest unique prefix of a label: A for anger, Su for surprise next to sadness. */
function shortened(label, labels) {
  const others = labels.filter((other) => other !== label);
  let length = 1;
  while (length < label.length && others.some((other) => other.startsWith(label.slice(0, length)))) length += 1;
  return capitalized(label.slice(0, length));
}
