/** One request and its answer, with the types of the OpenAPI document of the service. */

import createClient, { type Client as ApiClient } from "openapi-fetch";

import { ConnectionFailed, TimedOut, UnexpectedAnswer, responseError } from "./problems.js";
import { RETRIES, type Retries, persist } from "./retries.js";
import type { paths } from "./schema.js";

export type Api = ApiClient<paths>;

/** Options of a client. */
export interface ClientOptions {
  /** The API key; omit it if the service has none. */
  key?: string;
  /** The longest time of a try with its upload, in seconds: 60 if omitted. */
  timeout?: number;
  /** The same for `timeline`, whose answer takes longer: 660 if omitted. */
  callTimeout?: number;
  /** The policy of retries. */
  retries?: Partial<Retries>;
}

interface Outcome<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Sends requests, again if that helps. */
export class Transport {
  readonly api: Api;
  readonly retries: Retries;
  readonly timeout: number;
  readonly callTimeout: number;

  constructor(
    readonly url: string,
    readonly options: ClientOptions,
  ) {
    const headers = options.key === undefined ? {} : { Authorization: `Bearer ${options.key}` };
    this.api = createClient<paths>({ baseUrl: url, headers, fetch: fetchAll });
    this.retries = { ...RETRIES, ...options.retries };
    this.timeout = options.timeout ?? 60;
    this.callTimeout = options.callTimeout ?? 660;
  }

  /**
   * Sends a request, and returns its answer.
   *
   * @param send sends the request once.
   * @param signal cancels the request.
   * @param timeout the longest time of a try, in seconds.
   * @throws ProblemError if the service refuses the request, ConnectionFailed if it cannot be reached.
   */
  ask<T>(
    send: (signal: AbortSignal) => Promise<Outcome<T>>,
    signal?: AbortSignal,
    timeout: number = this.timeout,
  ): Promise<T> {
    const attempt = async () => {
      const limit = AbortSignal.timeout(1000 * timeout);
      return answerOf(await send(signal ? AbortSignal.any([signal, limit]) : limit));
    };
    return persist(attempt, this.retries, signal);
  }
}

function answerOf<T>({ data, error, response }: Outcome<T>): T {
  if (!response.ok) throw responseError(response, error);
  return data as T; // undefined for 204, whose T is undefined too
}

/** Fetches a response with its body, so that a connection that breaks later is noticed here. */
async function fetchAll(request: Request): Promise<Response> {
  const { origin } = new URL(request.url);
  let response: Response;
  let body: ArrayBuffer;
  try {
    response = await fetch(request);
    body = await response.arrayBuffer();
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError") {
      throw new TimedOut(`${origin} did not answer in time. Check the address, or give a longer timeout.`);
    }
    if (request.signal.aborted) throw error;
    throw new ConnectionFailed(`${origin} cannot be reached. Check the address.`, { cause: error });
  }
  if (response.ok && body.byteLength && !response.headers.get("Content-Type")?.includes("json")) {
    throw new UnexpectedAnswer(`${origin} does not answer with JSON. Check that it is the service.`);
  }
  return new Response(body.byteLength ? body : null, response);
}
