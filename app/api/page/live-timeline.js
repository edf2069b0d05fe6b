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
   * @param {number[]} channels
   * @param {LivePeaks} peaks the peaks of the only channel of the stream.
   */
  constructor(timeline, channels, peaks) {
    Object.assign(this, { timeline, peaks, interim: null });
    const lanes = channels.map((channel) => ({ channel, segments: [] }));
    timeline.show({ duration: ROOM, channels: lanes }, [], [peaks]);
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
  add(channel, segment) {
    if (this.interim?.segment.start <= segment.start) this.showInterim(channel, null);
    const lane = this.timeline.lanes.find((each) => each.channel === channel);
    this.timeline.append(lane, segment);
  }

  /** Shows the segment that is being spoken, as far as it was heard; null removes it. */
  showInterim(channel, segment) {
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
    timeline.lanes.find((each) => each.channel === channel).body.append(element);
    this.interim = { segment, element };
  }

  /** Adds a turning point. */
  addTurn(turn) {
    this.timeline.appendFlag(this.timeline.lanes.find((each) => each.channel === turn.channel), turn);
  }
}
