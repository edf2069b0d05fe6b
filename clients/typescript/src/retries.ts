/** The decision whether and when a request is sent again. It follows the table in `docs/integrate.md`. */

import { ConnectionFailed, ProblemError, TimedOut } from "./problems.js";

/** The policy of a client. All times are in seconds. */
export interface Retries {
  /** The tries of a request, with the first one. 1 disables retries. */
  tries: number;
  /** The pause before the second try. Each further pause is twice as long. */
  firstPause: number;
  /** The longest pause. An error that demands a longer pause is thrown at once. */
  maxPause: number;
}

/** The defaults are those of `docs/integrate.md`. */
export const RETRIES: Retries = { tries: 5, firstPause: 1, maxPause: 120 };

/** The tries by status. A recording that breaks one worker also breaks the next: it is sent again once. */
const TRIES: Record<number, number> = { 408: 2, 429: Infinity, 500: 2, 502: Infinity, 503: Infinity, 504: 2 };

/** The largest random part of a pause, so that many clients do not return at the same moment. */
const JITTER = 0.25;

/**
 * Makes attempts until one succeeds, or until another one does not help.
 *
 * @param attempt makes one attempt.
 * @param signal ends the pauses.
 * @throws the error of the last attempt.
 */
export async function persist<T>(
  attempt: () => Promise<T>,
  retries: Retries,
  signal?: AbortSignal,
): Promise<T> {
  for (let failed = 1; ; failed++) {
    try {
      return await attempt();
    } catch (error) {
      const pause = pauseAfter(error, failed, retries);
      if (pause === null) throw error;
      await sleep(pause, signal);
    }
  }
}

/**
 * Returns the seconds before the next attempt; null if another one does not help.
 *
 * @param failed the number of attempts that have failed.
 */
export function pauseAfter(error: unknown, failed: number, retries: Retries): number | null {
  if (failed >= Math.min(retries.tries, triesOf(error))) return null;
  const wanted = error instanceof ProblemError ? (error.retryAfter ?? 0) : 0;
  const pause = Math.max(retries.firstPause * 2 ** (failed - 1), wanted);
  return pause > retries.maxPause ? null : pause * (1 + JITTER * Math.random());
}

function triesOf(error: unknown): number {
  if (error instanceof ProblemError) return TRIES[error.status] ?? 1;
  if (error instanceof TimedOut) return 2;
  return error instanceof ConnectionFailed ? Infinity : 1;
}

/** Waits for a number of seconds. Throws the reason of the signal if it aborts. */
export function sleep(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, 1000 * seconds);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
