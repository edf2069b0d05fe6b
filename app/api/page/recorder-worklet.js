/** Runs in the audio thread and posts the first channel of the microphone in blocks of 0.1 s. Starts paused. */

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Int16Array(Math.round(sampleRate / 10));
    this.filled = 0;
    this.paused = true;
    this.port.onmessage = ({ data }) => (data === "pause" ? this.pause() : this.resume());
  }

  process([input]) {
    if (this.paused) return true;
    for (const sample of input[0] ?? []) {
      this.block[this.filled] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
      this.filled += 1;
      if (this.filled === this.block.length) this.postBlock();
    }
    return true;
  }

  postBlock() {
    this.port.postMessage(this.block.slice(0, this.filled));
    this.filled = 0;
  }

  resume() {
    this.paused = false;
  }

  /** Posts the samples so far, and null after them. */
  pause() {
    this.paused = true;
    if (this.filled) this.postBlock();
    this.port.postMessage(null);
  }
}

registerProcessor("recorder", Recorder);
