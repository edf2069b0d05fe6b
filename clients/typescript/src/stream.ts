/** The audio of a live session, without I/O: how fast it may be, and the part that may be needed again. */

import type { Ready } from "./events.js";
import { AudioLost } from "./problems.js";

const SAMPLE_BYTES = { linear16: 2, mulaw: 1, alaw: 1 };

/** The audio that may be sent at once, in seconds. The service permits twice as much. */
const BURST = 1;

/** The longest message, in seconds. The service reads each connection as often. */
const PIECE = 0.2;

/** The format of a stream. */
export interface AudioFormat {
  /** The encoding of a sample. `linear16` is little-endian. */
  encoding: keyof typeof SAMPLE_BYTES;
  /** The sampling rate, in Hz. */
  sampling_rate: number;
  /** The number of interleaved channels: 1 if omitted. */
  channels?: number;
}

/** The audio of one session over all its connections. Positions are bytes from the start of the stream. */
export class AudioStream {
  readonly #frameBytes: number;
  readonly #byteRate: number;
  readonly #kept: Uint8Array<ArrayBuffer>[] = [];
  #begin = 0; // of the kept audio
  #end = 0;
  #began: number | null = null;

  /**
   * Describes a stream without audio.
   *
   * @param keepSeconds the audio to keep for a reconnection.
   * @param maxSpeed the fastest audio, relative to real time.
   */
  constructor(
    format: AudioFormat,
    readonly keepSeconds: number,
    readonly maxSpeed: number,
  ) {
    this.#frameBytes = SAMPLE_BYTES[format.encoding] * (format.channels ?? 1);
    this.#byteRate = this.#frameBytes * format.sampling_rate;
  }

  /** Divides audio into messages. */
  *pieces(audio: ArrayBuffer | ArrayBufferView, { limits }: Ready): Iterable<Uint8Array<ArrayBuffer>> {
    const bytes = ArrayBuffer.isView(audio)
      ? new Uint8Array(audio.buffer, audio.byteOffset, audio.byteLength)
      : new Uint8Array(audio);
    const size = Math.min(Math.round(PIECE * this.#byteRate), limits.max_message_bytes);
    // The copies stay as they are when the caller uses its buffer again.
    for (let start = 0; start < bytes.length; start += size) yield bytes.slice(start, start + size);
  }

  /**
   * Returns the seconds to wait before a message, so that the audio is not too fast.
   *
   * @param now the time, in seconds.
   */
  delay(piece: Uint8Array, { limits }: Ready, now = performance.now() / 1000): number {
    this.#began ??= now;
    const seconds = Math.max((this.#end + piece.length) / this.#byteRate - BURST, 0);
    return Math.max(this.#began + seconds / Math.min(this.maxSpeed, limits.max_speed) - now, 0);
  }

  /** Keeps a message, which the next connection may need again. */
  keep(piece: Uint8Array<ArrayBuffer>): void {
    this.#kept.push(piece);
    this.#end += piece.length;
    const most = this.keepSeconds * this.#byteRate;
    for (let first = this.#kept[0]; first && this.#end - this.#begin - first.length >= most; first = this.#kept[0]) {
      this.#begin += first.length;
      this.#kept.shift();
    }
  }

  /**
   * Returns the kept audio from a sample of each channel, counted from 0.
   *
   * @throws AudioLost if it is not kept any more.
   */
  from(sample: number): Uint8Array<ArrayBuffer>[] {
    const offset = sample * this.#frameBytes;
    if (offset < this.#begin) {
      const seconds = ((this.#begin - offset) / this.#byteRate).toFixed(1);
      throw new AudioLost(
        `The service lacks ${seconds} s of audio that are not kept any more. Start a new session, or give a ` +
          "larger keepSeconds.",
      );
    }
    let position = this.#begin;
    return this.#kept.flatMap((piece) => {
      const start = position;
      position += piece.length;
      return position > offset ? [piece.subarray(Math.max(offset - start, 0))] : [];
    });
  }
}
