/**
 * Reading and writing of WAV files.
 *
 * Calls are often recorded in A-law or mu-law, which browsers do not decode. A sound keeps the bytes of its file
 * and decodes a span only on request. Therefore an hour of a call needs no more memory than its file.
 */

const PCM = 1;
const FLOAT = 3;
const A_LAW = 6;
const MU_LAW = 7;
const EXTENSIBLE = 0xfffe;
// A recorder that cannot know the length writes at least this value.
const LENGTH_UNKNOWN = 0x7fff0000;

const A_LAW_SAMPLES = Float32Array.from({ length: 256 }, (_, code) => expandALaw(code));
const MU_LAW_SAMPLES = Float32Array.from({ length: 256 }, (_, code) => expandMuLaw(code));

/**
 * Reads a WAV file (RIFF, WAVEX or RF64).
 *
 * @param {ArrayBuffer} bytes the content of the file.
 * @returns {?Sound} the sound; null if the file is not WAV, or its codec is unknown.
 */
export function readWav(bytes) {
  const view = new DataView(bytes);
  if (bytes.byteLength < 12 || !["RIFF", "RF64"].includes(text(view, 0)) || text(view, 8) !== "WAVE") {
    return null;
  }
  const { format, data } = findChunks(view);
  if (!format || !data) return null;
  const decode = decoderOf(format);
  const frames = Math.floor(data.size / format.frameBytes);
  if (!decode || !frames || !format.samplingRate) return null;
  const { channels, samplingRate, frameBytes } = format;
  const sampleBytes = frameBytes / channels;
  return {
    channels,
    samplingRate,
    frames,
    duration: frames / samplingRate,
    format: nameOf(format),
    read(channel, from, to) {
      const samples = new Float32Array(Math.max(0, Math.min(to, frames) - from));
      let position = data.start + from * frameBytes + channel * sampleBytes;
      for (let index = 0; index < samples.length; index += 1, position += frameBytes) {
        samples[index] = decode(view, position);
      }
      return samples;
    },
  };
}

/**
 * Writes one channel as a WAV file with 16 bits per sample.
 *
 * @param {Int16Array[]} parts the samples, in order.
 * @param {number} samplingRate the sampling rate, in Hz.
 * @returns {Blob}
 */
export function writeWav(parts, samplingRate) {
  const size = 2 * parts.reduce((sum, part) => sum + part.length, 0);
  const header = new DataView(new ArrayBuffer(44));
  const write = (position, name) => [...name].forEach((letter, i) => header.setUint8(position + i, letter.charCodeAt(0)));
  write(0, "RIFF");
  header.setUint32(4, 36 + size, true);
  write(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, PCM, true);
  header.setUint16(22, 1, true);
  header.setUint32(24, samplingRate, true);
  header.setUint32(28, 2 * samplingRate, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  write(36, "data");
  header.setUint32(40, size, true);
  return new Blob([header.buffer, ...parts], { type: "audio/wav" });
}

/** Finds the format and the position of the samples. */
function findChunks(view) {
  const chunks = { format: null, data: null };
  let longSize = 0;
  let position = 12;
  while (position + 8 <= view.byteLength && !chunks.data) {
    const name = text(view, position);
    const size = view.getUint32(position + 4, true);
    const start = position + 8;
    if (name === "ds64" && size >= 16) longSize = Number(view.getBigUint64(start + 8, true));
    if (name === "fmt " && start + 16 <= view.byteLength) chunks.format = readFormat(view, start, size);
    if (name === "data") {
      const declared = size >= LENGTH_UNKNOWN ? longSize || Infinity : size;
      chunks.data = { start, size: Math.min(declared, view.byteLength - start) };
    }
    position = start + size + (size % 2);
  }
  return chunks;
}

function readFormat(view, start, size) {
  let codec = view.getUint16(start, true);
  // WAVEX: the codec is the first part of a longer identifier.
  if (codec === EXTENSIBLE && size >= 40) codec = view.getUint16(start + 24, true);
  const channels = view.getUint16(start + 2, true);
  const bits = view.getUint16(start + 14, true);
  return {
    codec,
    channels,
    bits,
    samplingRate: view.getUint32(start + 4, true),
    frameBytes: channels * Math.ceil(bits / 8),
  };
}

/** Returns a function from a position to a sample between −1 and 1; undefined for an unknown codec. */
function decoderOf({ codec, bits, channels }) {
  if (!channels) return undefined;
  return {
    [`${PCM}/8`]: (view, position) => (view.getUint8(position) - 128) / 128,
    [`${PCM}/16`]: (view, position) => view.getInt16(position, true) / 32768,
    [`${PCM}/24`]: (view, position) => (view.getInt8(position + 2) * 65536 + view.getUint16(position, true)) / 8388608,
    [`${PCM}/32`]: (view, position) => view.getInt32(position, true) / 2147483648,
    [`${FLOAT}/32`]: (view, position) => view.getFloat32(position, true),
    [`${FLOAT}/64`]: (view, position) => view.getFloat64(position, true),
    [`${A_LAW}/8`]: (view, position) => A_LAW_SAMPLES[view.getUint8(position)],
    [`${MU_LAW}/8`]: (view, position) => MU_LAW_SAMPLES[view.getUint8(position)],
  }[`${codec}/${bits}`];
}

function nameOf({ codec, bits }) {
  return { [PCM]: `PCM ${bits} bit`, [FLOAT]: `float ${bits} bit`, [A_LAW]: "A-law", [MU_LAW]: "mu-law" }[codec];
}

/** Converts one byte of A-law (ITU-T G.711) to a sample. */
function expandALaw(code) {
  const bits = code ^ 0x55;
  const exponent = (bits >> 4) & 7;
  const mantissa = ((bits & 15) << 4) + 8;
  const size = exponent ? (mantissa + 256) << (exponent - 1) : mantissa;
  return (bits & 128 ? size : -size) / 32768;
}

/** Converts one byte of mu-law (ITU-T G.711) to a sample. */
function expandMuLaw(code) {
  const bits = ~code & 255;
  const size = ((((bits & 15) << 3) + 132) << ((bits >> 4) & 7)) - 132;
  return (bits & 128 ? -size : size) / 32768;
}

function text(view, position) {
  return String.fromCharCode(...[0, 1, 2, 3].map((offset) => view.getUint8(position + offset)));
}
