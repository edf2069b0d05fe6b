/** A lane of the timeline: the name of a row, its turning points, its waveform and its segments as buttons. */

import { described, toneOf } from "./emotions.js";
import { clock } from "./time.js";
import { color, drawWaveform } from "./waveform.js";
import { make } from "./dom.js";

/** The elements of a row of a call. The timeline has the duration, the scale, the labels and the peaks. */
export class Lane {
  /**
   * @param {Timeline} timeline
   * @param {Row} row
   * @param {object[]} turningPoints the turning points of the row.
   */
  constructor(timeline, row, turningPoints) {
    Object.assign(this, { timeline, row, segments: [...row.segments] });
    this.canvas = make("canvas.wave", { "aria-hidden": "true" });
    this.buttons = this.segments.map((segment, index) => this.makeButton(segment, index));
    this.flags = turningPoints.map((turn) => this.makeFlag(turn));
    this.body = make("div.lane-body", {}, this.canvas, ...this.buttons, ...this.flags.map(({ line }) => line));
    this.flagRow = make("div.flags", { "aria-hidden": "true" }, ...this.flags.map(({ element }) => element));
    this.element = make(
      "div.lane",
      { role: "group" },
      make("p.lane-title", { "aria-hidden": "true" }, row.nameIn(make("span"))),
      this.flagRow,
      this.body,
    );
    row.follow(() => this.setName());
  }

  /** Adds a segment after the last one. It cannot be played. */
  append(segment) {
    const button = this.makeButton(segment, this.buttons.length);
    button.removeAttribute("aria-pressed");
    this.segments.push(segment);
    this.buttons.push(button);
    this.body.append(button);
    this.setName();
    this.writeTexts();
  }

  /** Adds a turning point. */
  appendFlag(turn) {
    const flag = this.makeFlag(turn);
    this.flags.push(flag);
    this.flagRow.append(flag.element);
    this.body.append(flag.line);
    this.writeFlags();
  }

  /** Moves everything to its place in a call of another duration. */
  placeAll() {
    const { timeline } = this;
    this.buttons.forEach((button) => timeline.place(button, button.segment.start, button.segment.end));
    this.flags.forEach(({ time, element, line }) => [element, line].forEach((each) => timeline.place(each, time)));
  }

  /** Sets the name for screen readers. */
  setName() {
    const count = this.segments.length;
    this.element.setAttribute("aria-label", `${this.row.name}, ${count} ${count === 1 ? "segment" : "segments"}`);
  }

  makeButton(segment, index) {
    const { timeline, row } = this;
    const { start, end, emotion } = segment;
    const button = make(
      "button.segment",
      {
        type: "button",
        tabindex: index ? "-1" : "0",
        "data-tone": toneOf(emotion, timeline.labels),
      },
      make("span.strip", { "aria-hidden": "true" }, make("span", {}, "")),
    );
    if (timeline.peaks) button.setAttribute("aria-pressed", "false");
    timeline.place(button, start, end);
    row.follow((name) =>
      button.setAttribute("aria-label", `${name}, ${clock(start, 1)} to ${clock(end, 1)}, ${described(segment)}`),
    );
    button.segment = { ...segment, row, index };
    return button;
  }

  makeFlag({ time, before, after }) {
    const tone = { "data-tone": toneOf(after, this.timeline.labels) };
    const element = make("span.flag", tone, make("span", {}, `${before} → ${after}`));
    const line = make("span.flag-line", tone);
    [element, line].forEach((each) => this.timeline.place(each, time));
    return { time, element, line };
  }

  /** Writes the label, its short name or nothing on each segment, as space permits. Names the turning points. */
  writeTexts() {
    this.buttons.forEach((button) => {
      const written = this.timeline.nameFor(button.segment);
      const text = button.firstChild.firstChild;
      if (text.textContent !== written) text.textContent = written;
    });
    this.writeFlags();
  }

  /** Places the text of a turning point on its right, or else on its left, or else hides the text. */
  writeFlags() {
    const { pixels, duration } = this.timeline;
    let free = 0;
    // All widths are read before any change, since each read after a change forces a new layout of the track.
    this.flags.filter((flag) => !flag.width).forEach((flag) => {
      flag.width = flag.element.firstChild.offsetWidth + 10;
    });
    this.flags.forEach(({ time, element, width }, index) => {
      const left = time * pixels;
      const end = (this.flags[index + 1]?.time ?? duration) * pixels;
      const right = left + width <= end;
      const turned = !right && left - width >= free;
      element.classList.toggle("turned", turned);
      element.classList.toggle("short", !right && !turned);
      free = left + (right ? width : 8);
    });
  }

  /**
   * Draws the waveform, and keeps the label of the segment at the left edge in view.
   *
   * @param {number} from the time at the left edge, in seconds.
   */
  draw(from) {
    this.holdLabel(from);
    const peaks = this.timeline.peaks?.[this.row.channel];
    if (!peaks) return;
    const { labels, pixels, largest } = this.timeline;
    const tones = new Map([...labels, null].map((label) => [label, color(toneOf(label, labels))]));
    const silence = color("silence");
    let next = 0;
    const colorAt = (time) => {
      while (next < this.segments.length && this.segments[next].end <= time) next += 1;
      const segment = this.segments[next];
      return segment && segment.start <= time ? tones.get(segment.emotion) : silence;
    };
    drawWaveform(this.canvas, peaks, { from, scale: 1 / pixels, largest, colorAt });
  }

  /** Keeps the label of the segment at the left edge in view. (Doing so for all segments is slow.) */
  holdLabel(from) {
    const cut = this.buttons.find(({ segment }) => segment.start < from && from < segment.end);
    if (cut === this.cut) return;
    this.cut?.classList.remove("at-edge");
    cut?.classList.add("at-edge");
    this.cut = cut;
  }
}
