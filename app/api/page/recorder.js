/** Recording of the microphone as WAV. (MediaRecorder writes WebM, which the service does not accept.) */

import { writeWav } from "./wav.js";

const REASONS = {
  NotAllowedError: "The browser blocks the microphone for this page. Allow it in the settings of the site, beside the address, then press Record again.",
  NotFoundError: "No microphone was found. Connect a microphone and press Record again, or choose a file.",
  NotReadableError: "The microphone does not answer. Another program may be using it. Close that program, then press Record again.",
};
const INSECURE = "Browsers allow the microphone only on pages over HTTPS or on localhost. Open the page in one of these ways, or choose a file.";

/** The microphone is unavailable; the message says what to do. */
export class MicrophoneError extends Error {}

/**
 * Starts a recording.
 *
 * @param {function(number, number)} onSound receives the elapsed seconds and the level, 0 to 1, several times a second.
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
      await new Promise((resolve) => {
        finish = resolve;
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
    // No processing, because processing for telephony changes the sound of the voice.
    const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new MicrophoneError(REASONS[error.name] ?? `The microphone cannot be opened: ${error.message}. Choose a file instead.`);
  }
}
