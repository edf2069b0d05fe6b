/**
 * A recording as the page has it: a file, and its sound where the browser can read it.
 *
 * @typedef {object} Sound
 * @property {number} channels
 * @property {number} samplingRate in Hz.
 * @property {number} frames samples of a channel.
 * @property {number} duration in seconds.
 * @property {string} format for people.
 * @property {function(number, number, number): Float32Array} read channel, from and to as samples.
 *
 * @typedef {object} Recording
 * @property {Blob} file what is uploaded.
 * @property {string} name
 * @property {string} mediaType that it is uploaded as.
 * @property {?Sound} sound null where the browser cannot read it.
 */

import { readWav } from "./wav.js";

const LONGEST_UTTERANCE = 15;

/**
 * Opens a file. One that cannot be read is opened all the same: what it is, the service says best.
 *
 * @param {File} file
 * @returns {Promise<Recording>}
 */
export async function openRecording(file) {
  const bytes = await file.arrayBuffer();
  const start = String.fromCharCode(...new Uint8Array(bytes, 0, Math.min(4, bytes.byteLength)));
  const flac = start === "fLaC";
  let sound = readWav(bytes);
  if (!sound && (flac || start === "RIFF")) sound = await decode(bytes, flac);
  return { file, name: file.name, mediaType: flac ? "audio/flac" : "audio/wav", sound };
}

/** Whether a recording is taken for an utterance or a call: what the API calls emotions or timeline. */
export function kindOf(recording) {
  return recording.sound && recording.sound.duration > LONGEST_UTTERANCE ? "timeline" : "emotions";
}

/** Has the browser decode it, at the file's own rate, so that an hour of a call stays small. */
async function decode(bytes, flac) {
  const samplingRate = flac && bytes.byteLength > 22 ? new DataView(bytes).getUint32(18) >>> 12 : 16000;
  try {
    const buffer = await new OfflineAudioContext(1, 1, samplingRate).decodeAudioData(bytes.slice(0));
    return {
      channels: buffer.numberOfChannels,
      samplingRate: buffer.sampleRate,
      frames: buffer.length,
      duration: buffer.duration,
      format: flac ? "FLAC" : "WAV",
      read: (channel, from, to) => buffer.getChannelData(channel).slice(from, to),
    };
  } catch {
    return null;
  }
}
