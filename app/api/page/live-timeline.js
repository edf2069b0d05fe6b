/** A timeline that grows while its call is spoken. */

import { make } from "./dom.js";
import { toneOf } from "./emotions.js";

const ROOM = 30; // seconds by which the timeline grows
const FARTHEST = 20; // CSS pixels per second: on a narrow screen, the view follows rather than shrinks

/** Adds to a Timeline what the service reports, and moves the playhead to the present. */
export class LiveTimeline {
  /**
   * Empties a timeline.
   *
   * @param {Timeline} timeline
   * @param {Row[]} rows the empty rows of the call.
   * @param {LivePeaks} peaks the peaks of the only channel of the stream.
   */
  constructor(timeline, rows, peaks) {
    Object.assign(this, { timeline, peaks, interim: null });
    timeline.show({ duration: ROOM }, rows, [], [peaks]);
    timeline.playhead.hidden = false;
    timeline.zoom = FARTHEST;
    timeline.layOut();
  }

  /** Moves the present. */
  moveTo(time) {
    const { timeline, peaks } = this;
    if (time > timeline.duration) this.extend();
    timeline.largest = peaks.largest;
    timeline.movePlayhead(time);
    timeline.draw();
  }

  /** Makes room after the present, at the same zoom. */
  extend() {
    const { timeline, interim } = this;
    timeline.zoom = timeline.pixels;
    timeline.setDuration(timeline.duration + ROOM);
    if (interim) timeline.place(interim.element, interim.segment.start, interim.segment.end);
    timeline.layOut();
  }

  /** Adds a segment, in place of its interim answer. */
  add(row, segment) {
    if (this.interim?.segment.start <= segment.start) this.showInterim(row, null);
    this.timeline.append(this.laneOf(row), segment);
  }

  /** Shows the segment that is being spoken, as far as it was heard; null removes it. */
  showInterim(row, segment) {
    const { timeline } = this;
    this.interim?.element.remove();
    this.interim = null;
    if (!segment) return;
    const text = make("span", {}, timeline.nameFor(segment));
    const element = make(
      "div.interim",
      { "aria-hidden": "true", "data-tone": toneOf(segment.emotion, timeline.labels) },
      make("span.strip", {}, text),
    );
    timeline.place(element, segment.start, segment.end);
    this.laneOf(row).body.append(element);
    this.interim = { segment, element };
  }

  /** Adds a turning point. */
  addTurn(row, turn) {
    this.laneOf(row).appendFlag(turn);
  }

  /** Adds the mark of an alert. */
  addAlert(alert) {
    this.timeline.appendAlert(alert);
  }

  laneOf(row) {
    return this.timeline.lanes.find((lane) => lane.row === row);
  }
}
