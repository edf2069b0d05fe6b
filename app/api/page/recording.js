/**
 * A recording on the page: a file, and its sound if the browser can read the file.
 *
 * @typedef {object} Sound
 * @property {number} channels
 * @property {number} samplingRate the sampling rate, in Hz.
 * @property {number} frames the number of samples in each channel.
 * @property {number} duration the duration, in seconds.
 * @property {string} format the name of the format, for people.
 * @property {function(number, number, number): Float32Array} read takes the channel, the first sample, and the sample after the last.
 *
 * @typedef {object} Recording
 * @property {Blob} file the file to upload.
 * @property {string} name
 * @property {string} mediaType the media type of the upload.
 * @property {?Sound} sound the sound; null if the browser cannot read the file.
 * @property {string} [kind] the analysis, `emotions` or `timeline`, if the duration does not decide it.
 */

import { readWav } from "./wav.js";

const LONGEST_UTTERANCE = 15;

/**
 * Opens a file. A file that the browser cannot read is opened too, since the service explains its errors.
 *
 * @param {File} file
 * @returns {Promise<Recording>}
 */
export async function openRecording(file) {
  const bytes = await file.arrayBuffer();
  const [format, mediaType] = formatOf(bytes);
  let sound = readWav(bytes);
  if (!sound && format) sound = await decode(bytes, format);
  return { file, name: file.name, mediaType, sound };
}

const FORMATS = {
  RIFF: ["WAV", "audio/wav"],
  fLaC: ["FLAC", "audio/flac"],
  OggS: ["Ogg", "audio/ogg"],
  FORM: ["AIFF", "audio/aiff"],
};

/** The name and the media type of a file, by its first bytes. The name of an unknown format is empty. */
function formatOf(bytes) {
  const first = new Uint8Array(bytes, 0, Math.min(4, bytes.byteLength));
  const start = String.fromCharCode(...first);
  if (start.startsWith("ID3") || (first[0] === 0xff && first[1] >= 0xe0)) return ["MP3", "audio/mpeg"];
  return FORMATS[start] ?? ["", "application/octet-stream"];
}

/** Chooses the analysis of a recording: `emotions` for an utterance, `timeline` for a call. */
export function kindOf(recording) {
  if (recording.kind) return recording.kind;
  return recording.sound && recording.sound.duration > LONGEST_UTTERANCE ? "timeline" : "emotions";
}

/** Decodes a file in the browser, at the sampling rate of the file to save memory. */
async function decode(bytes, format) {
  const samplingRate = format === "FLAC" && bytes.byteLength > 22 ? new DataView(bytes).getUint32(18) >>> 12 : 16000;
  try {
    const buffer = await new OfflineAudioContext(1, 1, samplingRate).decodeAudioData(bytes.slice(0));
    return {
      channels: buffer.numberOfChannels,
      samplingRate: buffer.sampleRate,
      frames: buffer.length,
      duration: buffer.duration,
      format,
      read: (channel, from, to) => buffer.getChannelData(channel).slice(from, to),
    };
  } catch {
    return null;
  }
}
