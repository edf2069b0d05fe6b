/** The view of a call while it is spoken: the timeline so far, and the values of the newest segment. */

import { capitalized, described } from "./emotions.js";
import { byId } from "./dom.js";
import { findRow, rowsOf } from "./rows.js";
import { readOut, showEmptyCall, showLabels, showTurns, timeline } from "./call.js";
import { LivePeaks } from "./live-peaks.js";
import { LiveTimeline } from "./live-timeline.js";
import { showAlerts } from "./alerts.js";

/** Shows the events of a live session. */
export class LiveView {
  /**
   * Shows an empty timeline.
   *
   * @param {object} ready the message `ready` of the service.
   * @param {number} samplingRate the sampling rate of the stream, in Hz.
   * @param {?string[]} labels the labels of the model, if the page knows them.
   */
  constructor(ready, samplingRate, labels) {
    this.rows = rowsOf({ channels: ready.channels.map((channel) => ({ channel, segments: [] })) });
    showEmptyCall(this.rows, "Speak. Each segment of speech appears here soon after its end.");
    this.peaks = new LivePeaks(samplingRate);
    this.timeline = new LiveTimeline(timeline, this.rows, this.peaks);
    this.turns = [];
    this.alerts = [];
    this.labels = labels;
    if (labels) showLabels(labels);
  }

  /** Adds samples to the waveform. */
  hear(samples) {
    this.peaks.append(samples);
    this.timeline.moveTo(this.peaks.sound.duration);
  }

  /** Shows a message of the service. Returns the announcement for screen readers, if there is one. */
  show(message) {
    if (message.probabilities) this.nameLabels(message.probabilities);
    const row = findRow(this.rows, message);
    if (message.type === "interim") {
      this.timeline.showInterim(row, message);
      this.readNewest({ ...message, row }, "so far");
    } else if (message.type === "segment") {
      this.timeline.add(row, message);
      this.readNewest({ ...message, row }, "");
      return `${capitalized(described(message, ", "))}.`;
    } else if (message.type === "turning_point") {
      this.timeline.addTurn(row, message);
      this.turns.push(message);
      showTurns(this.turns);
    } else if (message.type === "alert") {
      this.timeline.addAlert(message);
      this.alerts.push(message);
      showAlerts(this.alerts, this.rows, timeline);
      return `Alert, ${message.severity}: ${message.rule}.`;
    }
    return "";
  }

  /** Names the emotions, which otherwise the first answer contains. */
  nameLabels(probabilities) {
    if (this.labels) return;
    this.labels = Object.keys(probabilities);
    showLabels(this.labels);
  }

  /** Shows the values of the newest segment, unless the user reads another one. */
  readNewest(segment, hint) {
    if (!byId("track").matches(":hover, :focus-within")) readOut(segment, hint);
  }
}
