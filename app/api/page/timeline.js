/**
 * The timeline of a call: a lane for each row, with its waveform and its segments as buttons.
 *
 * The zoom determines the width of the track, which scrolls. Each canvas is only as wide as the visible part of
 * the track. The canvases stay in view, and are drawn again when the track scrolls.
 */

import { UNDECIDED, capitalized, described, nameOf, toneOf } from "./emotions.js";
import { clock } from "./time.js";
import { color, drawWaveform, keepDrawn, prepare } from "./waveform.js";
import { findRow } from "./rows.js";
import { make } from "./dom.js";

const CLOSEST = 120; // CSS pixels per second at the closest zoom
const STEP = 1.6;
const TICK_ROOM = 84; // minimum CSS pixels between two times on the axis
const TICKS = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const MARGIN = 48; // CSS pixels beside a span that is scrolled into view
const FONT = "11px system-ui, sans-serif";
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
    this.lanes = rows.map((row) => this.lane(row, turns.filter((turn) => findRow(rows, turn) === row)));
    this.track.replaceChildren(this.axis, this.alerts, ...this.lanes.map(({ element }) => element), this.playhead);
    alerts.forEach((alert) => this.appendAlert(alert));
    this.scroller.scrollLeft = 0;
    this.layOut();
  }

  /** Sets the labels of the segments to come. */
  setLabels(labels) {
    this.labels = labels;
    this.measure();
  }

  /** Changes the duration. The segments keep their times. */
  setDuration(duration) {
    this.duration = duration;
    this.lanes.forEach(({ buttons, flags }) => {
      buttons.forEach((button) => this.place(button, button.segment.start, button.segment.end));
      flags.forEach(({ time, element, line }) => [element, line].forEach((each) => this.place(each, time)));
    });
    this.alertTimes.forEach(({ start, end, mark }) => this.place(mark, start, end));
  }

  /** Adds a segment after the last segment of a lane. It cannot be played. */
  append(lane, segment) {
    const button = this.segment(lane.row, segment, lane.buttons.length);
    button.removeAttribute("aria-pressed");
    lane.segments.push(segment);
    lane.buttons.push(button);
    lane.body.append(button);
    lane.element.setAttribute("aria-label", laneName(lane));
    this.name(lane);
    this.draw();
  }

  /** Adds a turning point to a lane. */
  appendFlag(lane, turn) {
    const flag = this.flag(turn);
    lane.flags.push(flag);
    lane.flagRow.append(flag.element);
    lane.body.append(flag.line);
    this.nameFlags(lane.flags);
  }

  /** Adds the mark of an alert: a line from its start to the time at which the rule is met. */
  appendAlert({ rule, severity, start, end }) {
    const mark = make("span.alert-mark", { "data-severity": severity, title: `${rule}, ${clock(end)}` });
    this.place(mark, start, end);
    this.alertTimes.push({ start, end, mark });
    this.alerts.append(mark);
  }

  /** Creates the lane of a row: name, turning points, waveform and segments. */
  lane(row, turningPoints) {
    const segments = [...row.segments];
    const canvas = make("canvas.wave", { "aria-hidden": "true" });
    const buttons = segments.map((segment, index) => this.segment(row, segment, index));
    const flags = turningPoints.map((turn) => this.flag(turn));
    const body = make("div.lane-body", {}, canvas, ...buttons, ...flags.map(({ line }) => line));
    const flagRow = make("div.flags", { "aria-hidden": "true" }, ...flags.map(({ element: label }) => label));
    const element = make(
      "div.lane",
      { role: "group" },
      make("p.lane-title", { "aria-hidden": "true" }, row.nameIn(make("span"))),
      flagRow,
      body,
    );
    row.follow(() => element.setAttribute("aria-label", laneName({ row, segments })));
    return { row, segments, element, body, canvas, buttons, flagRow, flags };
  }

  segment(row, segment, index) {
    const { start, end, emotion } = segment;
    const button = make(
      "button.segment",
      {
        type: "button",
        tabindex: index ? "-1" : "0",
        "data-tone": toneOf(emotion, this.labels),
      },
      make("span.strip", { "aria-hidden": "true" }, make("span", {}, "")),
    );
    if (this.peaks) button.setAttribute("aria-pressed", "false");
    this.place(button, start, end);
    row.follow((name) =>
      button.setAttribute("aria-label", `${name}, ${clock(start, 1)} to ${clock(end, 1)}, ${described(segment)}`),
    );
    button.segment = { ...segment, row, index };
    return button;
  }

  flag({ time, before, after }) {
    const element = make("span.flag", { "data-tone": toneOf(after, this.labels) }, make("span", {}, `${before} → ${after}`));
    const line = make("span.flag-line", { "data-tone": toneOf(after, this.labels) });
    this.place(element, time);
    this.place(line, time);
    return { time, element, line };
  }

  place(element, start, end = start) {
    element.style.left = `${(100 * start) / this.duration}%`;
    if (end > start) element.style.width = `${(100 * (end - start)) / this.duration}%`;
  }

  /** Measures the width of each label and of its short name on a segment. */
  measure() {
    const probe = make("span.strip.unseen");
    this.track.append(probe);
    this.widths = new Map();
    this.shortNames = new Map(this.labels.map((label) => [label, shortened(label, this.labels)]));
    this.shortNames.set(UNDECIDED, "?");
    for (const name of [...this.shortNames.keys(), ...this.shortNames.values()]) {
      probe.textContent = name;
      this.widths.set(name, probe.scrollWidth + 6);
    }
    probe.remove();
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
    this.lanes.forEach((lane) => this.name(lane));
    this.onZoom({ fits, closest: this.pixels >= CLOSEST * 0.999 });
    this.draw();
  }

  /** Writes the label, its short name or nothing on each segment, as space permits. Names the turning points. */
  name({ buttons, flags }) {
    buttons.forEach((button) => {
      const written = this.nameFor(button.segment);
      const text = button.firstChild.firstChild;
      if (text.textContent !== written) text.textContent = written;
    });
    this.nameFlags(flags);
  }

  nameFor({ start, end, emotion }) {
    const room = (end - start) * this.pixels;
    const name = emotion ?? UNDECIDED;
    return [name, this.shortNames.get(name)].find((text) => room >= this.widths.get(text)) ?? "";
  }

  /** Places the text of a turning point on its right, or else on its left, or else hides the text. */
  nameFlags(flags) {
    let free = 0;
    // All widths are read before any change, since each read after a change forces a new layout of the track.
    flags.filter((flag) => !flag.width).forEach((flag) => {
      flag.width = flag.element.firstChild.offsetWidth + 10;
    });
    flags.forEach(({ time, element, width }, index) => {
      const left = time * this.pixels;
      const end = index + 1 < flags.length ? flags[index + 1].time * this.pixels : this.duration * this.pixels;
      const right = left + width <= end;
      const turned = !right && left - width >= free;
      element.classList.toggle("turned", turned);
      element.classList.toggle("short", !right && !turned);
      free = left + (right ? width : 8);
    });
  }

  /** Draws the visible part, at most once per frame. */
  draw() {
    if (this.awaited) return;
    this.awaited = requestAnimationFrame(() => {
      this.awaited = null;
      if (!this.scroller.clientWidth) return;
      const from = this.scroller.scrollLeft / this.pixels;
      this.drawAxis(from);
      this.lanes.forEach((lane) => this.holdName(lane, from));
      this.lanes.filter(({ row }) => this.peaks?.[row.channel]).forEach((lane) => this.drawLane(lane, from));
    });
  }

  /** Keeps the label of the segment at the left edge in view. (Doing so for all segments is slow.) */
  holdName(lane, from) {
    const cut = lane.buttons.find(({ segment }) => segment.start < from && from < segment.end);
    if (cut === lane.cut) return;
    lane.cut?.classList.remove("at-edge");
    cut?.classList.add("at-edge");
    lane.cut = cut;
  }

  drawLane({ canvas, row, segments }, from) {
    const tones = new Map([...this.labels, null].map((label) => [label, color(toneOf(label, this.labels))]));
    const silence = color("silence");
    let next = 0;
    const colorAt = (time) => {
      while (next < segments.length && segments[next].end <= time) next += 1;
      const segment = segments[next];
      return segment && segment.start <= time ? tones.get(segment.emotion) : silence;
    };
    const scale = 1 / this.pixels;
    drawWaveform(canvas, this.peaks[row.channel], { from, scale, largest: this.largest, colorAt });
  }

  drawAxis(from) {
    const { pen, width, height } = prepare(this.axis);
    const step = TICKS.find((seconds) => seconds * this.pixels >= TICK_ROOM) ?? TICKS.at(-1);
    pen.font = FONT;
    pen.textBaseline = "top";
    for (let tick = Math.ceil(from / step); tick * step <= this.duration; tick += 1) {
      const left = (tick * step - from) * this.pixels;
      if (left > width) break;
      pen.fillStyle = color("line-strong");
      pen.fillRect(Math.round(left), height - 6, 1, 6);
      pen.fillStyle = color("quiet");
      const text = clock(tick * step, step < 1 ? 1 : 0);
      const room = pen.measureText(text).width;
      pen.fillText(text, Math.max(0, Math.min(left - (tick ? room / 2 : 0), width - room)), 2);
    }
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

/** Returns the name of a lane for screen readers. */
function laneName({ row, segments }) {
  return `${row.name}, ${segments.length} ${segments.length === 1 ? "segment" : "segments"}`;
}

/** Returns the shortest unique prefix of a label: A for anger, Su for surprise next to sadness. */
function shortened(label, labels) {
  const others = labels.filter((other) => other !== label);
  let length = 1;
  while (length < label.length && others.some((other) => other.startsWith(label.slice(0, length)))) length += 1;
  return capitalized(label.slice(0, length));
}
