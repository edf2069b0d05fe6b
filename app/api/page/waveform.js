/** The waveform of a channel on a canvas: the minimum and the maximum of every column. */

const BLOCK = 256; // samples in a block, whose minimum and maximum are computed once
const BLOCKS_AT_ONCE = 4096; // then the page handles other events
const COLUMN = 3; // CSS pixels from one bar to the next
const BAR = 2;

/** The extremes of a channel: stored for blocks, computed on request for shorter spans. */
class Peaks {
  constructor(sound, channel) {
    this.sound = sound;
    this.channel = channel;
    this.low = new Float32Array(Math.ceil(sound.frames / BLOCK));
    this.high = new Float32Array(this.low.length);
  }

  /**
   * Computes the peaks of a channel.
   *
   * @param {Sound} sound
   * @param {number} channel
   * @returns {Promise<Peaks>}
   */
  static async of(sound, channel) {
    const peaks = new Peaks(sound, channel);
    for (let block = 0; block < peaks.low.length; block += BLOCKS_AT_ONCE) {
      const samples = sound.read(channel, block * BLOCK, Math.min(sound.frames, (block + BLOCKS_AT_ONCE) * BLOCK));
      for (let start = 0; start < samples.length; start += BLOCK) {
        [peaks.low[block + start / BLOCK], peaks.high[block + start / BLOCK]] = extremes(samples, start, start + BLOCK);
      }
      await new Promise((resolve) => setTimeout(resolve));
    }
    return peaks;
  }

  /** The largest absolute value of a sample. */
  get largest() {
    let size = 0;
    for (let block = 0; block < this.low.length; block += 1) size = Math.max(size, this.high[block], -this.low[block]);
    return size;
  }

  /** Returns the minimum and the maximum of a span, whose limits are in samples. */
  between(from, to) {
    if (to - from < 4 * BLOCK) return extremes(this.sound.read(this.channel, from, to), 0, to - from);
    const first = Math.floor(from / BLOCK);
    const last = Math.min(this.low.length, Math.ceil(to / BLOCK));
    let [low, high] = [0, 0];
    for (let block = first; block < last; block += 1) {
      low = Math.min(low, this.low[block]);
      high = Math.max(high, this.high[block]);
    }
    return [low, high];
  }
}

const peaksBySound = new WeakMap();

/**
 * Returns the peaks of every channel of a sound, computed once.
 *
 * @param {Sound} sound
 * @returns {Promise<Peaks[]>}
 */
export function peaksOf(sound) {
  if (!peaksBySound.has(sound)) {
    const channels = Array.from({ length: sound.channels }, (_, channel) => Peaks.of(sound, channel));
    peaksBySound.set(sound, Promise.all(channels));
  }
  return peaksBySound.get(sound);
}

/**
 * Draws a span of a channel.
 *
 * @param {HTMLCanvasElement} canvas the canvas, whose size CSS determines.
 * @param {Peaks} peaks
 * @param {object} look
 * @param {number} look.from the time at the left edge, in seconds.
 * @param {number} look.scale the seconds per CSS pixel.
 * @param {number} look.largest the sample value that fills the height.
 * @param {function(number): string} look.colorAt returns the color at a time.
 */
export function drawWaveform(canvas, peaks, { from, scale, largest, colorAt }) {
  const { pen, width, height } = prepare(canvas);
  const { samplingRate, frames, duration } = peaks.sound;
  const middle = height / 2;
  const reach = (middle - 1) / (largest || 1);
  // Bars have fixed times, so that they do not flicker while the view scrolls.
  const first = Math.floor(from / (COLUMN * scale));
  for (let column = first; (column * COLUMN * scale - from) / scale < width; column += 1) {
    const time = column * COLUMN * scale;
    if (time > duration) break;
    const start = Math.max(0, Math.floor(time * samplingRate));
    const end = Math.min(frames, Math.max(start + 1, Math.floor((time + COLUMN * scale) * samplingRate)));
    const [low, high] = peaks.between(start, end);
    const top = middle - Math.max(0.5, high * reach);
    const bottom = middle + Math.max(0.5, -low * reach);
    pen.fillStyle = colorAt(time + (COLUMN * scale) / 2);
    pen.fillRect((time - from) / scale, top, BAR, bottom - top);
  }
}

/** Matches the resolution of a canvas to the screen, and returns a pen in CSS pixels. */
export function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  return { pen, width, height };
}

/** Returns a color of colors.css in the current color scheme. */
export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/**
 * Calls `draw` again when the size, the screen or the color scheme changes.
 *
 * @param {HTMLElement} element the element whose size is observed.
 * @param {function()} draw
 */
export function keepDrawn(element, draw) {
  new ResizeObserver(draw).observe(element);
  ["(prefers-color-scheme: dark)", `(resolution: ${window.devicePixelRatio}dppx)`].forEach((query) =>
    matchMedia(query).addEventListener("change", draw),
  );
}

function extremes(samples, from, to) {
  let [low, high] = [0, 0];
  const end = Math.min(to, samples.length);
  for (let index = from; index < end; index += 1) {
    if (samples[index] < low) low = samples[index];
    if (samples[index] > high) high = samples[index];
  }
  return [low, high];
}
