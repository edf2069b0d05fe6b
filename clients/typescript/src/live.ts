/** A live session: audio goes out, events come in, and a lost connection is continued (`docs/live.md`). */

import type { LiveEvent, Ready } from "./events.js";
import { uniqueName } from "./jobs.js";
import { ConnectionFailed, type Problem, TimedOut, problemError } from "./problems.js";
import { persist, sleep } from "./retries.js";
import { type AudioFormat, AudioStream } from "./stream.js";
import type { Transport } from "./transport.js";

/** The close code of a complete stream. */
const NORMAL = 1000;

/** The connections that may be lost in a row without an event between them. */
const MAX_LOSSES = 5;

/** The fields of the message `start`. `docs/live.md` describes them. */
export interface Start extends AudioFormat {
  roles?: string[];
  speakers?: number | "auto";
  speaker_order?: "first" | "share";
  analyze?: number[];
  /** The seconds of speech between two interim answers; null for no interim answers. */
  interim_interval?: number | null;
  model?: string;
  min_confidence?: number;
  /** Whether the timeline is kept as the result of a job with the ID of the session. */
  keep?: boolean;
  callback?: { url: string; events?: ("segment" | "turning_point" | "alert" | "summary")[] };
  reference?: string;
  metadata?: Record<string, string>;
}

/** Options of a session. */
export interface LiveOptions {
  /** The fastest audio, relative to real time; the limit of the service if omitted. */
  maxSpeed?: number;
  /** The audio to keep for a reconnection, in seconds: 60 if omitted. */
  keepSeconds?: number;
}

/**
 * A session. `Client.live` opens it.
 *
 * The iteration over the session yields each event once. Audio is sent in the meantime, for example by `feed`.
 */
export class LiveSession implements AsyncIterable<LiveEvent> {
  readonly #transport: Transport;
  readonly #start: Start;
  readonly #audio: AudioStream;
  readonly #address: string;
  readonly #over = new AbortController();
  readonly #events: ReadableStream<LiveEvent>;
  #sink!: ReadableStreamDefaultController<LiveEvent>;
  #failure: unknown = null;
  #socket: WebSocket | null = null;
  #ready: Ready | null = null;
  #received = 0; // the sequence of the last event
  #losses = 0;
  #isPaused = false;
  #isStopped = false;

  private constructor(transport: Transport, start: Start, options: LiveOptions) {
    this.#transport = transport;
    this.#start = start;
    this.#audio = new AudioStream(start, options.keepSeconds ?? 60, options.maxSpeed ?? Infinity);
    // The name lets a balancer send all connections of the session to the same replica.
    this.#address = `${transport.url.replace("http", "ws")}/v1/audio/live?call=${uniqueName()}`;
    this.#events = new ReadableStream({ start: (sink) => void (this.#sink = sink) });
  }

  /** Opens a session. Use `Client.live`. */
  static async open(transport: Transport, start: Start, options: LiveOptions = {}): Promise<LiveSession> {
    const session = new LiveSession(transport, start, options);
    await session.#connect();
    return session;
  }

  /** The answer to the start of the session: its ID, its model and its limits. */
  get ready(): Ready {
    return this.#ready!; // `open` has waited for it
  }

  /**
   * Yields each event once, until the session has ended. Leaving the loop earlier closes the session.
   *
   * @throws ProblemError if the session failed, ConnectionFailed if the connection is lost and there is no
   *   other one, AudioLost if the reconnection needs audio that is not kept any more.
   */
  async *[Symbol.asyncIterator](): AsyncIterator<LiveEvent> {
    const reader = this.#events.getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    } finally {
      reader.releaseLock();
      this.close();
    }
    if (this.#failure !== null) throw this.#failure;
  }

  /**
   * Sends audio: interleaved samples, in pieces of any size. Waits while the audio is too fast, so wait for the
   * end before you send more. Audio of a session that has ended, or during a pause, is ignored.
   */
  async send(audio: ArrayBuffer | ArrayBufferView): Promise<void> {
    const { signal } = this.#over;
    for (const piece of this.#audio.pieces(audio, this.ready)) {
      if (!signal.aborted) await sleep(this.#audio.delay(piece, this.ready), signal).catch(() => {});
      if (signal.aborted || this.#isPaused) return;
      this.#audio.keep(piece);
      this.#socket?.send(piece);
    }
  }

  /** Stops the time of the stream. Audio is ignored until `resume`. */
  pause(): void {
    this.#isPaused = true;
    this.#tell("pause");
  }

  /** Continues after `pause`. */
  resume(): void {
    this.#isPaused = false;
    this.#tell("resume");
  }

  /** Says that the stream is complete. The summary and the end of the session follow. */
  stop(): void {
    this.#isStopped = true;
    this.#tell("stop");
  }

  /** Sends audio, and stops at its end. An error of the source ends the iteration over the events. */
  async feed(source: AsyncIterable<ArrayBufferView> | Iterable<ArrayBufferView>): Promise<void> {
    try {
      for await (const piece of source) {
        if (this.#over.signal.aborted) return;
        await this.send(piece);
      }
      this.stop();
    } catch (error) {
      this.#end(error);
    }
  }

  /** Closes the connection. A stream without `stop` ends here. */
  close(): void {
    this.#end();
  }

  #tell(type: string): void {
    this.#socket?.send(JSON.stringify({ type }));
  }

  #connect(): Promise<void> {
    return persist(() => this.#dial(), this.#transport.retries, this.#over.signal);
  }

  /** Opens a connection, and waits until the service is ready for audio. */
  #dial(): Promise<void> {
    const { key } = this.#transport.options;
    const socket = new WebSocket(this.#address, key === undefined ? [] : ["ser.live", `ser.key.${base64url(key)}`]);
    const { origin } = new URL(this.#address);
    this.#over.signal.addEventListener("abort", () => socket.close(NORMAL));
    return new Promise<void>((resolve, reject) => {
      const fail = (error: unknown) => {
        reject(error); // before `ready`
        if (this.#socket === socket) this.#end(error); // after it
        socket.close(NORMAL);
      };
      const timer = setTimeout(
        () => fail(new TimedOut(`${origin} did not answer in time. Check the address, or give a longer timeout.`)),
        1000 * this.#transport.timeout,
      );
      socket.onopen = () => socket.send(this.#greeting);
      socket.onmessage = ({ data }) => {
        clearTimeout(timer);
        try {
          if (this.#receive(socket, JSON.parse(data))) resolve();
        } catch (error) {
          fail(error);
        }
      };
      // A refusal arrives as a message before the connection closes, even if `start` was not sent.
      socket.onclose = ({ code }) => {
        clearTimeout(timer);
        reject(new ConnectionFailed(`${origin} cannot be reached, or it closed the connection. Check the address.`));
        if (this.#socket === socket) void this.#reconnect(code);
      };
    });
  }

  /** The first message of a connection. */
  get #greeting(): string {
    const again = { type: "reconnect", session: this.#ready?.session, after: this.#received };
    return JSON.stringify(this.#ready ? again : { type: "start", ...this.#start });
  }

  /** Receives a message, and returns whether it is `ready`. */
  #receive(socket: WebSocket, message: LiveEvent | Ready | { type: "error"; problem: Problem }): boolean {
    if (this.#over.signal.aborted) return false;
    if (message.type === "error") throw problemError(message.problem);
    if (message.type === "ready") {
      for (const piece of this.#audio.from(message.offset)) socket.send(piece);
      this.#ready = message;
      this.#socket = socket;
      if (this.#isPaused) this.#tell("pause"); // a new connection is not paused
      if (this.#isStopped) this.#tell("stop");
      return true;
    }
    this.#losses = 0;
    this.#received = message.sequence || this.#received; // a newer service may send messages without a number
    this.#sink.enqueue(message);
    if (message.type === "closed") this.#end();
    return false;
  }

  /** Opens another connection after a loss. */
  async #reconnect(code: number): Promise<void> {
    this.#socket = null;
    if (this.#over.signal.aborted) return;
    if (code === NORMAL) return this.#end();
    try {
      if (++this.#losses > MAX_LOSSES) {
        throw new ConnectionFailed(`The connection was lost ${MAX_LOSSES} times in a row, without an event.`);
      }
      await this.#connect();
    } catch (error) {
      this.#end(error);
    }
  }

  /** Ends the session. The iteration throws the error after the last event. */
  #end(error: unknown = null): void {
    if (this.#over.signal.aborted) return;
    this.#failure = error;
    this.#over.abort();
    this.#sink.close();
  }
}

/** Encodes a text as base64url without padding, since a subprotocol has no other characters. */
function base64url(text: string): string {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
