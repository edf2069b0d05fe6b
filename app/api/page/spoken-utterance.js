/** An utterance from the microphone, which the service analyzes after it was spoken. */

import { Recorder } from "./recorder.js";
import { writeWav } from "./wav.js";

const MICROPHONE_LOST = {
  title: "The microphone was disconnected",
  detail: "The result covers the recording up to that moment.",
};

/**
 * Speech from the microphone.
 *
 * Its states are `opening` (the user is asked for the microphone), `recording`, `paused` and `finishing`.
 *
 * @property {?{title: string, detail: string}} notice why the recording ended, if the user did not stop it.
 */
export class SpokenUtterance {
  /**
   * @param {{onState: function(string), onSound: function(number, number)}} listeners receive each state, and the
   *   recorded seconds with the level, 0 to 1.
   */
  constructor({ onState, onSound }) {
    Object.assign(this, { onState, onSound, parts: [], samples: 0, notice: null, recorder: null, state: "" });
    this.canceled = new Promise((_, reject) => {
      this.cancel = () => reject(new DOMException("The recording was canceled.", "AbortError"));
    });
    this.canceled.catch(() => {});
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  /**
   * Records until `stop`.
   *
   * @returns {Promise<?object>} the timeline, if the service sent one.
   * @throws {MicrophoneError|Problem|DOMException} an AbortError after `release`.
   */
  async run() {
    try {
      return await Promise.race([this.canceled, this.record()]);
    } finally {
      this.release();
    }
  }

  async record() {
    this.enter("opening");
    const listeners = { onSamples: (samples) => this.hear(samples), onLost: () => this.stop(MICROPHONE_LOST) };
    this.recorder = await Recorder.open(listeners);
    if (this.released) return this.recorder.release();
    await this.begin();
    this.recorder.resume();
    this.enter("recording");
    return this.ended;
  }

  /** Prepares the analysis. A subclass also learns of each pause, and of the end, after the last samples. */
  async begin() {}

  paused() {}

  resumed() {}

  complete() {
    this.end(null);
  }

  /** Receives samples. */
  hear(samples) {
    this.parts.push(samples);
    this.samples += samples.length;
    const largest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    this.onSound(this.seconds, this.state === "recording" ? largest / 32768 : 0); // the last samples follow the pause
  }

  /** The seconds that were recorded. */
  get seconds() {
    return this.samples ? this.samples / this.recorder.samplingRate : 0;
  }

  /** The recording as a WAV file; null if there is none. */
  get file() {
    if (!this.samples) return null;
    return new File([writeWav(this.parts, this.recorder.samplingRate)], "recording.wav", { type: "audio/wav" });
  }

  async pause() {
    if (this.state !== "recording") return;
    this.enter("paused");
    await this.recorder.pause();
    if (this.state === "paused") this.paused();
  }

  resume() {
    if (this.state !== "paused") return;
    this.enter("recording");
    this.resumed();
    this.recorder.resume();
  }

  /** Completes the recording. A recording that has not begun is canceled. */
  async stop(notice = null) {
    if (this.state === "finishing") return;
    if (!["recording", "paused"].includes(this.state)) return this.release();
    this.notice = notice;
    this.enter("finishing");
    await this.recorder.pause();
    this.recorder.release();
    this.complete();
  }

  /** Closes the microphone at once, and cancels what is not complete. */
  release() {
    this.released = true;
    this.recorder?.release();
    this.cancel();
  }

  enter(state) {
    this.state = state;
    this.onState(this.phase);
  }

  /** The state for the user. */
  get phase() {
    return this.state;
  }
}
