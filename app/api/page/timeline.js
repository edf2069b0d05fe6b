/**
 * The timeline of a call: a lane for each row, with its waveform and its segments as buttons.
 *
 * The zoom determines the width of the track, which scrolls. Each canvas is only as wide as the visible part of
 * the track. The canvases stay in view, and are drawn again when the track scrolls.
 */

import { nameOf, toneOf } from "./emotions.js";
import { clock } from "./time.js";
import { drawAxis } from "./axis.js";
import { keepDrawn } from "./waveform.js";
import { LabelNames } from "./label-names.js";
import { Lane } from "./lane.js";
import { findRow } from "./rows.js";
import { make } from "./dom.js";

const CLOSEST = 120; // CSS pixels per second at the closest zoom
const STEP = 1.6;
const MARGIN = 48; // CSS pixels beside a span that is scrolled into view
const WHEEL_ZOOM = 0.004;

/** Draws a call, handles navigation, and reports the segments that the user selects or plays. */
export class Timeline {
  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} track the element inside the scroller.
   * @param {{onSelect: function, onPlay: function, onZoom: function}} listeners
   */
  constructor(scroller, track, { onSelect, onPlay, onZoom }) {
    Object.assign(this, { scroller, track, onSelect, onPlay, onZoom, lanes: [], duration: 1, zoom: 0, pixels: 1 });
    scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    scroller.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    track.addEventListener("keydown", (event) => this.move(event));
    for (const kind of ["pointerover", "focusin"]) {
      track.addEventListener(kind, (event) => this.select(event.target.closest?.(".segment")));
    }
    track.addEventListener("click", (event) => {
      const button = event.target.closest(".segment");
      if (button) onPlay(button.segment);
    });
    keepDrawn(scroller, () => this.layOut());
  }

  /**
   * Shows another call.
   *
   * @param {object} answer the answer of the service, of which the duration, the turning points and the alerts are shown.
   * @param {Row[]} rows the rows of the answer.
   * @param {string[]} labels
   * @param {?Peaks[]} peaks the peaks of each channel; null if the browser cannot read the file.
   */
  show({ duration, turning_points: turns = [], alerts = [] }, rows, labels, peaks) {
    this.duration = Math.max(duration, 0.001);
    this.setLabels(labels);
    this.peaks = peaks;
    this.largest = Math.max(...(peaks ?? []).map((each) => each.largest), 0.01);
    this.zoom = 0;
    this.axis = make("canvas.axis", { "aria-hidden": "true" });
    this.playhead = make("div.playhead", { hidden: "" });
    this.alerts = make("div.alert-marks", { "aria-hidden": "true" });
    this.alertTimes = [];
    this.lanes = rows.map((row) => new Lane(this, row, turns.filter((turn) => findRow(rows, turn) === row)));
    this.track.replaceChildren(this.axis, this.alerts, ...this.lanes.map(({ element }) => element), this.playhead);
    alerts.forEach((alert) => this.appendAlert(alert));
    this.scroller.scrollLeft = 0;
    this.layOut();
  }

  /** Sets the labels of the segments to come. */
  setLabels(labels) {
    this.labels = labels;
    this.names = new LabelNames(this.track, labels);
  }

  /** Changes the duration. The segments keep their times. */
  setDuration(duration) {
    this.duration = duration;
    this.lanes.forEach((lane) => lane.placeAll());
    this.alertTimes.forEach(({ start, end, mark }) => this.place(mark, start, end));
  }

  /** Adds a segment after the last segment of a lane. It cannot be played. */
  append(lane, segment) {
    lane.append(segment);
    this.draw();
  }

  /** Adds the mark of an alert: a line from its start to the time at which the rule is met. */
  appendAlert({ rule, severity, start, end }) {
    const mark = make("span.alert-mark", { "data-severity": severity, title: `${rule}, ${clock(end)}` });
    this.place(mark, start, end);
    this.alertTimes.push({ start, end, mark });
    this.alerts.append(mark);
  }

  place(element, start, end = start) {
    element.style.left = `${(100 * start) / this.duration}%`;
    if (end > start) element.style.width = `${(100 * (end - start)) / this.duration}%`;
  }

  /** Sets all sizes for the current zoom. */
  layOut() {
    const width = this.scroller.clientWidth;
    if (!width || !this.lanes.length) return;
    const fit = width / this.duration;
    this.zoom = Math.min(this.zoom, Math.max(CLOSEST, fit));
    const fits = this.zoom <= fit * 1.001;
    if (fits) this.zoom = 0;
    this.pixels = fits ? fit : Math.round(this.zoom * this.duration) / this.duration; // CSS pixels per second
    this.track.style.width = fits ? "100%" : `${Math.round(this.zoom * this.duration)}px`;
    [this.axis, ...this.lanes.map(({ canvas }) => canvas)].forEach((canvas) => {
      canvas.style.width = `${width}px`;
    });
    this.lanes.forEach((lane) => lane.writeTexts());
    this.onZoom({ fits, closest: this.pixels >= CLOSEST * 0.999 });
    this.draw();
  }

  /** Returns the text that fits on a segment. */
  nameFor({ start, end, emotion }) {
    return this.names.fitting(emotion, (end - start) * this.pixels);
  }

  /** Draws the visible part, at most once per frame. */
  draw() {
    if (this.awaited) return;
    this.awaited = requestAnimationFrame(() => {
      this.awaited = null;
      if (!this.scroller.clientWidth) return;
      const from = this.scroller.scrollLeft / this.pixels;
      drawAxis(this.axis, { from, pixels: this.pixels, duration: this.duration });
      this.lanes.forEach((lane) => lane.draw(from));
    });
  }

  /**
   * Zooms in (factor above 1) or out (factor below 1), around a fixed position of the view.
   *
   * @param {number} factor
   * @param {number} [at] the fixed position, in CSS pixels from the left edge of the view.
   */
  zoomBy(factor = STEP, at = this.scroller.clientWidth / 2) {
    const time = (this.scroller.scrollLeft + at) / this.pixels;
    this.zoom = this.pixels * factor;
    this.layOut();
    this.scroller.scrollLeft = time * this.pixels - at;
  }

  zoomIn() {
    this.zoomBy(STEP, this.positionOfSelected());
  }

  zoomOut() {
    this.zoomBy(1 / STEP, this.positionOfSelected());
  }

  zoomToFit() {
    this.zoom = 0;
    this.layOut();
  }

  /** Returns the position of the last selected segment, if it is in view. */
  positionOfSelected() {
    if (!this.selected) return undefined;
    const { start, end } = this.selected.segment;
    const position = ((start + end) / 2) * this.pixels - this.scroller.scrollLeft;
    return position >= 0 && position <= this.scroller.clientWidth ? position : undefined;
  }

  wheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY * WHEEL_ZOOM), event.clientX - this.scroller.getBoundingClientRect().left);
  }

  /** Handles the arrow keys: left and right within a row, up and down between rows. */
  move(event) {
    const { segment } = event.target;
    if (!segment || event.ctrlKey || event.metaKey || event.altKey) return;
    const place = this.lanes.findIndex(({ row }) => row === segment.row);
    const { buttons } = this.lanes[place];
    const targets = {
      ArrowLeft: () => buttons[segment.index - 1],
      ArrowRight: () => buttons[segment.index + 1],
      Home: () => buttons[0],
      End: () => buttons.at(-1),
      ArrowUp: () => this.nearest(this.lanes[place - 1], segment.start),
      ArrowDown: () => this.nearest(this.lanes[place + 1], segment.start),
    };
    const actions = { "+": () => this.zoomIn(), "=": () => this.zoomIn(), "-": () => this.zoomOut() };
    if (!targets[event.key] && !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]?.();
    this.focus(targets[event.key]?.());
  }

  /** Moves the focus to the segment of a row that is nearest to a time; without a row, of all rows. */
  goTo(row, time) {
    const buttons = this.lanes.filter((lane) => !row || lane.row === row).flatMap((lane) => lane.buttons);
    this.focus(this.nearest({ buttons }, time + 0.001));
  }

  nearest(lane, time) {
    const distance = ({ segment }) => Math.max(segment.start - time, time - segment.end, 0);
    return lane?.buttons.reduce((best, button) => (best && distance(best) <= distance(button) ? best : button), undefined);
  }

  focus(button) {
    if (!button) return;
    button.focus({ preventScroll: true });
    this.reveal(button.segment.start, button.segment.end);
  }

  select(button) {
    if (!button || button === this.selected) return;
    this.selected = button;
    const lane = this.lanes.find(({ row }) => row === button.segment.row);
    if (button.contains(document.activeElement)) {
      lane.buttons.forEach((each) => each.setAttribute("tabindex", each === button ? "0" : "-1"));
    }
    this.onSelect(button.segment);
  }

  /** Scrolls by the smallest distance that shows a span. */
  reveal(start, end = start) {
    const view = this.scroller;
    const [left, right] = [start * this.pixels - MARGIN, end * this.pixels + MARGIN];
    if (left < view.scrollLeft || right - left > view.clientWidth) view.scrollLeft = left;
    else if (right > view.scrollLeft + view.clientWidth) view.scrollLeft = right - view.clientWidth;
  }

  /** Marks the playing segment and the position in it; null removes the mark. */
  showPlaying(segment, time = 0) {
    this.playhead.hidden = !segment;
    this.lanes.flatMap(({ buttons }) => buttons).forEach((button) => {
      if (button.hasAttribute("aria-pressed")) button.setAttribute("aria-pressed", String(button.segment === segment));
    });
    if (segment) this.place(this.playhead, time);
  }

  /** Moves the playhead. If the playhead leaves the view, the view follows, unless the user scrolled away. */
  movePlayhead(time) {
    this.place(this.playhead, time);
    const { clientWidth, scrollLeft } = this.scroller;
    const beyond = time * this.pixels - scrollLeft - clientWidth;
    if (beyond > 0 && beyond < MARGIN) this.scroller.scrollLeft += clientWidth - MARGIN;
  }

  /** Creates the legend of the emotions; null stands for undecided segments. */
  static legend(labels) {
    return labels.map((label) => make("li", { "data-tone": toneOf(label, labels) }, nameOf(label)));
  }
}
