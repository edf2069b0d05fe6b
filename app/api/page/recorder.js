/** The samples of the microphone, 16 bits each. (MediaRecorder writes WebM, which the service does not accept.) */

import { Problem, UNREACHABLE } from "./api.js";

const HIGHEST_RATE = 48000; // Hz; the service accepts no higher sampling rate
const REASONS = {
  NotAllowedError: "The browser blocks the microphone for this page. Allow it in the settings of the site, beside the address, then press Record again.",
  NotFoundError: "No microphone was found. Connect a microphone and press Record again, or choose a file.",
  NotReadableError: "The microphone does not answer. Another program may be using it. Close that program, then press Record again.",
};
const INSECURE = "Browsers allow the microphone only on pages over HTTPS or on localhost. Open the page in one of these ways, or choose a file.";

/** The microphone is unavailable; the message says what to do. */
export class MicrophoneError extends Error {}

/** An open microphone. */
export class Recorder {
  /**
   * Opens the microphone. It records nothing until `resume`.
   *
   * @param {{onSamples: function(Int16Array), onLost: function()}} listeners receive each 0.1 s of sound, and the loss
   *   of the microphone.
   * @returns {Promise<Recorder>}
   * @throws {MicrophoneError|Problem}
   */
  static async open({ onSamples, onLost }) {
    const recorder = new Recorder(onSamples);
    try {
      recorder.stream = await openMicrophone();
      recorder.stream.getTracks().forEach((track) => track.addEventListener("ended", onLost));
      await recorder.connect();
    } catch (error) {
      recorder.release();
      throw error;
    }
    return recorder;
  }

  constructor(onSamples) {
    Object.assign(this, { onSamples, waiting: [] });
  }

  async connect() {
    this.context = new AudioContext();
    if (this.samplingRate > HIGHEST_RATE) {
      this.context.close();
      this.context = new AudioContext({ sampleRate: HIGHEST_RATE });
    }
    try {
      await this.context.audioWorklet.addModule(new URL("recorder-worklet.js", import.meta.url));
    } catch {
      throw new Problem(UNREACHABLE);
    }
    const options = { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" };
    this.node = new AudioWorkletNode(this.context, "recorder", options);
    this.node.port.onmessage = ({ data }) => (data ? this.onSamples(data) : this.waiting.shift()());
    this.context.createMediaStreamSource(this.stream).connect(this.node);
    await this.context.resume();
  }

  get samplingRate() {
    return this.context.sampleRate;
  }

  /** Records from now on. */
  resume() {
    this.node.port.postMessage("resume");
  }

  /** Records no longer. Returns after the last samples were received. */
  async pause() {
    if (this.context.state !== "running") return; // the audio thread would not answer
    await new Promise((resolve) => {
      this.waiting.push(resolve);
      this.node.port.postMessage("pause");
    });
  }

  /** Closes the microphone. */
  release() {
    this.stream?.getTracks().forEach((track) => track.stop());
    if (this.context && this.context.state !== "closed") this.context.close();
  }
}

async function openMicrophone() {
  if (!navigator.mediaDevices) throw new MicrophoneError(INSECURE);
  try {
    // No processing, because processing for telephony changes the sound of the voice.
    const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new MicrophoneError(REASONS[error.name] ?? `The microphone cannot be opened: ${error.message}. Choose a file instead.`);
  }
}
