/** A client of the Speech Emotion Service, for browsers and Node. */

import { Jobs, type Timeline } from "./jobs.js";
import { type LiveOptions, LiveSession, type Start } from "./live.js";
import {
  type CallOptions,
  type Recording,
  type UtteranceOptions,
  callQuery,
  metadataHeader,
  upload,
} from "./recordings.js";
import type { components } from "./schema.js";
import { type Api, type ClientOptions, Transport } from "./transport.js";

export * from "./events.js";
export type { Job, JobPage, Jobs, ListOptions, Timeline, WaitOptions } from "./jobs.js";
export type { LiveOptions, LiveSession, Start } from "./live.js";
export * from "./problems.js";
export type { CallOptions, JobOptions, Recording, UtteranceOptions } from "./recordings.js";
export { RETRIES, type Retries } from "./retries.js";
export type { components, paths } from "./schema.js";
export type { ClientOptions } from "./transport.js";
export { type WebhookEvent, verifyWebhook } from "./webhooks.js";

export type Utterance = components["schemas"]["EmotionAnswer"];
export type Models = components["schemas"]["Models"];

/**
 * A client of a speech emotion service. Every request is sent again after temporary errors.
 *
 * @example
 * const client = new Client("https://emotions.example.com", { key: "…" });
 * console.log((await client.recognize(recording)).emotion);
 */
export class Client {
  /** The operations on jobs. */
  readonly jobs: Jobs;
  /** The client of openapi-fetch with the key, for all other operations. It sends each request once. */
  readonly api: Api;
  readonly #transport: Transport;

  /**
   * Configures a client. It connects with the first request.
   *
   * @param url the address of the service, such as `https://emotions.example.com`.
   */
  constructor(url: string, options: ClientOptions = {}) {
    if (!/^https?:\/\/[^/]/.test(url)) {
      throw new TypeError(`${url}: not an address. Give an address such as https://emotions.example.com`);
    }
    this.#transport = new Transport(url.replace(/\/+$/, ""), options);
    this.api = this.#transport.api;
    this.jobs = new Jobs(this.#transport);
  }

  /** Recognizes the emotion of one utterance. */
  recognize(recording: Recording, options: UtteranceOptions = {}): Promise<Utterance> {
    const { signal, metadata, ...query } = options;
    const params = { query, header: metadataHeader(metadata) };
    return this.#transport.ask(
      (signal) => this.api.POST("/v1/audio/emotions", { params, signal, ...upload(recording) }),
      signal,
    );
  }

  /** Analyzes a call. */
  timeline(recording: Recording, options: CallOptions = {}): Promise<Timeline> {
    const { signal, metadata, ...query } = options;
    const params = { query: callQuery(query), header: metadataHeader(metadata) };
    return this.#transport.ask(
      (signal) => this.api.POST("/v1/audio/timeline", { params, signal, ...upload(recording) }),
      signal,
      this.#transport.callTimeout,
    );
  }

  /** Returns the served models. */
  models(signal?: AbortSignal): Promise<Models> {
    const answer = this.#transport.ask((signal) => this.api.GET("/v1/models", { signal }), signal);
    return answer as Promise<Models>; // openapi-fetch loses the lengths of lists
  }

  /**
   * Opens a session that analyzes a call while it happens.
   *
   * @param start the fields of the message `start`.
   */
  live(start: Start, options?: LiveOptions): Promise<LiveSession> {
    return LiveSession.open(this.#transport, start, options);
  }
}
