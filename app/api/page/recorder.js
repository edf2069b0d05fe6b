/** Records the microphone as WAV. (MediaRecorder would give WebM, which the service does not take.) */

import { writeWav } from "./wav.js";

const REASONS = {
  NotAllowedError: "The browser was told not to give the microphone to this page. Allow it in the settings of the site, beside the address, then press Record again.",
  NotFoundError: "There is no microphone. Connect one and press Record again, or choose a file.",
  NotReadableError: "The microphone does not answer. Another program may be using it: close that, then press Record again.",
};
const INSECURE = "Browsers give the microphone to pages over HTTPS or on localhost only. Open the page that way, or choose a file.";

/** The microphone cannot be had; its message says what to do. */
export class MicrophoneError extends Error {}

/**
 * Starts to record.
 *
 * @param {function(number, number)} onSound told the seconds so far and the level, 0 to 1, some times a second.
 * @returns {Promise<{stop: function(): Promise<File>}>}
 * @throws {MicrophoneError}
 */
export async function startRecording(onSound) {
  const stream = await openMicrophone();
  const context = new AudioContext();
  await context.audioWorklet.addModule(new URL("recorder-worklet.js", import.meta.url));
  const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
  const parts = [];
  let samples = 0;
  let finish = null;
  node.port.onmessage = ({ data }) => {
    if (data === null) return finish();
    parts.push(data);
    samples += data.length;
    onSound(samples / context.sampleRate, data.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0) / 32768);
  };
  context.createMediaStreamSource(stream).connect(node);
  await context.resume();
  return {
    async stop() {
      await new Promise((done) => {
        finish = done;
        node.port.postMessage("flush");
      });
      stream.getTracks().forEach((track) => track.stop());
      const rate = context.sampleRate;
      await context.close();
      return new File([writeWav(parts, rate)], "recording.wav", { type: "audio/wav" });
    },
  };
}

async function openMicrophone() {
  if (!navigator.mediaDevices) throw new MicrophoneError(INSECURE);
  try {
    // As it is: what is done for the ear of a listener on the phone would change how the voice sounds.
    const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new MicrophoneError(REASONS[error.name] ?? `The microphone cannot be opened: ${error.message}. Choose a file instead.`);
  }
}
