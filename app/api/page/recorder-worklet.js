/** Runs in the audio thread and posts the first channel of the microphone in blocks. */

const SAMPLES = 2048;

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Int16Array(SAMPLES);
    this.filled = 0;
    this.port.onmessage = () => this.flush();
  }

  process([input]) {
    for (const sample of input[0] ?? []) {
      const clipped = Math.max(-1, Math.min(1, sample));
      this.block[this.filled] = Math.max(-32768, Math.min(32767, Math.round(clipped * 32768)));
      this.filled += 1;
      if (this.filled === SAMPLES) this.postBlock();
    }
    return true;
  }

  postBlock() {
    this.port.postMessage(this.block.slice(0, this.filled));
    this.filled = 0;
  }

  flush() {
    this.postBlock();
    this.port.postMessage(null);
  }
}

registerProcessor("recorder", Recorder);
