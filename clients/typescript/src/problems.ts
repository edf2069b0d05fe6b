/** The errors of the client. Each message says what happened and what to do. */

import type { components } from "./schema.js";

/** The description of an error by the service (RFC 9457). Use `code` for decisions. */
export type Problem = components["schemas"]["ProblemDocument"];

/** The base of all errors of the client. */
export class SpeechEmotionError extends Error {
  override name = this.constructor.name;
}

/** There is no connection to the service, or it broke. */
export class ConnectionFailed extends SpeechEmotionError {}

/** The service did not answer in time, or a job did not end in time. */
export class TimedOut extends ConnectionFailed {}

/** The answer is not one of the service. */
export class UnexpectedAnswer extends SpeechEmotionError {}

/** The job was cancelled, so that it has no result. */
export class JobCancelled extends SpeechEmotionError {}

/** The service needs audio again that the client does not keep any more. */
export class AudioLost extends SpeechEmotionError {}

/** The webhook is not genuine, or it is older than five minutes. */
export class WebhookRejected extends SpeechEmotionError {}

/** The service refused the request, or failed. */
export class ProblemError extends SpeechEmotionError {
  readonly status: number;
  /** The kind of the error, which is stable; empty if a proxy answered in the place of the service. */
  readonly code: string;
  /** The cause of this error, and what to do. */
  readonly detail: string;
  /** The ID of the request in the log of the service. */
  readonly requestId: string;

  /**
   * Describes an error. Use `problemError`, which chooses the class.
   *
   * @param retryAfter the seconds to wait before another try; null if the service did not name them.
   */
  constructor(
    readonly problem: Problem,
    readonly retryAfter: number | null = null,
  ) {
    const request = problem.request_id && ` (request ${problem.request_id})`;
    super(`${problem.code || problem.status}: ${problem.detail}${request}`);
    this.status = problem.status;
    this.code = problem.code;
    this.detail = problem.detail;
    this.requestId = problem.request_id;
  }
}

/** A parameter or a message is missing or wrong: 400, 405, 409, 422. */
export class InvalidRequest extends ProblemError {}

/** The recording cannot be analyzed: 413, 415, 422. */
export class RecordingRefused extends ProblemError {}

/** The API key is missing or unknown: 401. */
export class Unauthenticated extends ProblemError {}

/** The key or the operator does not permit the request: 403. */
export class Forbidden extends ProblemError {}

/** There is no such model, job, session or address: 404. */
export class NotFound extends ProblemError {}

/** The key has used its share: 429. */
export class RateLimited extends ProblemError {}

/** The service is busy, starting, stopping or full: 408, 503, 507. */
export class Unavailable extends ProblemError {}

/** The service or a proxy failed: 500, 502, 504 and others. */
export class ServiceFailed extends ProblemError {}

/** The codes with the status 422 that are about the recording. The status tells the class of all others. */
const RECORDING_CODES = ["audio-undecodable", "audio-too-short", "channel-not-found", "roles-mismatch"];

const CLASSES: Record<number, typeof ProblemError> = {
  401: Unauthenticated,
  403: Forbidden,
  404: NotFound,
  408: Unavailable,
  413: RecordingRefused,
  415: RecordingRefused,
  429: RateLimited,
  503: Unavailable,
  507: Unavailable,
};

/** Returns the error of a problem document, of the class for its code. */
export function problemError(problem: Problem, retryAfter: number | null = null): ProblemError {
  if (RECORDING_CODES.includes(problem.code)) return new RecordingRefused(problem, retryAfter);
  const fallback = problem.status < 500 ? InvalidRequest : ServiceFailed;
  return new (CLASSES[problem.status] ?? fallback)(problem, retryAfter);
}

/**
 * Returns the error of a response, also if a proxy answered in the place of the service.
 *
 * @param body the body, parsed if it is JSON.
 */
export function responseError(response: Response, body: unknown): ProblemError {
  const { status } = response;
  const empty: Problem = {
    type: "about:blank",
    title: "",
    status,
    detail: `The server answered ${status} without a problem document. Check the URL and the proxies.`,
    code: "",
    request_id: response.headers.get("X-Request-ID") ?? "",
  };
  const document = typeof body === "object" && body !== null && "code" in body ? body : {};
  return problemError({ ...empty, ...document, status }, secondsOf(response.headers.get("Retry-After")));
}

/** Returns the seconds in a header `Retry-After`, which is a number or a date (RFC 9110, 10.2.3). */
export function secondsOf(retryAfter: string | null): number | null {
  if (!retryAfter) return null;
  if (/^\s*\d+\s*$/.test(retryAfter)) return Number(retryAfter);
  const time = Date.parse(retryAfter);
  return Number.isNaN(time) ? null : Math.max((time - Date.now()) / 1000, 0);
}
