/** The axis of the timeline: ticks at round times. */

import { clock } from "./time.js";
import { color, prepare } from "./waveform.js";

const TICK_ROOM = 84; // minimum CSS pixels between two times on the axis
const TICKS = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const FONT = "11px system-ui, sans-serif";

/**
 * Draws the visible part of the axis.
 *
 * @param {HTMLCanvasElement} canvas the canvas, whose size CSS determines.
 * @param {object} view
 * @param {number} view.from the time at the left edge, in seconds.
 * @param {number} view.pixels the CSS pixels per second.
 * @param {number} view.duration the duration of the call, in seconds.
 */
export function drawAxis(canvas, { from, pixels, duration }) {
  const { pen, width, height } = prepare(canvas);
  const step = TICKS.find((seconds) => seconds * pixels >= TICK_ROOM) ?? TICKS.at(-1);
  pen.font = FONT;
  pen.textBaseline = "top";
  for (let tick = Math.ceil(from / step); tick * step <= duration; tick += 1) {
    const left = (tick * step - from) * pixels;
    if (left > width) break;
    pen.fillStyle = color("line-strong");
    pen.fillRect(Math.round(left), height - 6, 1, 6);
    pen.fillStyle = color("quiet");
    const text = clock(tick * step, step < 1 ? 1 : 0);
    const room = pen.measureText(text).width;
    pen.fillText(text, Math.max(0, Math.min(left - (tick ? room / 2 : 0), width - room)), 2);
  }
}
