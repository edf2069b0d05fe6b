/** The waveform of a recording that grows. */

const BLOCK = 256; // samples
const SMALLEST = 0.1; // the smallest sample value that fills the height, so that noise stays low

/** The extremes of one channel, with the methods of the peaks of a sound. */
export class LivePeaks {
  /** @param {number} samplingRate the sampling rate, in Hz. */
  constructor(samplingRate) {
    this.sound = { samplingRate, frames: 0, duration: 0 };
    this.low = [];
    this.high = [];
    this.largest = SMALLEST;
  }

  /** Adds samples of 16 bits. */
  append(samples) {
    const { sound, low, high } = this;
    for (let index = 0; index < samples.length; index += 1) {
      const block = Math.floor((sound.frames + index) / BLOCK);
      const value = samples[index] / 32768;
      low[block] = Math.min(low[block] ?? 0, value);
      high[block] = Math.max(high[block] ?? 0, value);
      this.largest = Math.max(this.largest, Math.abs(value));
    }
    sound.frames += samples.length;
    sound.duration = sound.frames / sound.samplingRate;
  }

  /** Returns the minimum and the maximum of the blocks of a span, whose limits are in samples. */
  between(from, to) {
    const [first, last] = [Math.floor(from / BLOCK), Math.ceil(to / BLOCK)];
    return [Math.min(0, ...this.low.slice(first, last)), Math.max(0, ...this.high.slice(first, last))];
  }
}
