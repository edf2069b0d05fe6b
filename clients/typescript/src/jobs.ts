/** Jobs, which analyze calls in the background. */

import { JobCancelled, TimedOut, problemError } from "./problems.js";
import { type JobOptions, type Recording, callQuery, metadataHeader, upload } from "./recordings.js";
import { sleep } from "./retries.js";
import type { components, paths } from "./schema.js";
import type { Transport } from "./transport.js";

export type Job = components["schemas"]["JobAnswer"];
export type JobPage = components["schemas"]["JobList"];
export type Timeline = components["schemas"]["TimelineAnswer"];

/** Options of `jobs.list`: the query parameters of `GET /v1/jobs`. */
export type ListOptions = NonNullable<paths["/v1/jobs"]["get"]["parameters"]["query"]> & { signal?: AbortSignal };

/** Options of `jobs.wait` and `jobs.result`. */
export interface WaitOptions {
  /** Receives the job whenever its state or its progress changes. */
  onProgress?: (job: Job) => void;
  /** The seconds after which waiting ends with `TimedOut`; without limit if omitted. The job continues. */
  timeout?: number;
  /** The seconds between two requests: 5 if omitted. */
  poll?: number;
  /** Ends waiting. The job continues. */
  signal?: AbortSignal;
}

/** The operations on jobs. */
export class Jobs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Creates a job that analyzes a call. The answer comes at once. */
  create(recording: Recording, options: JobOptions = {}): Promise<Job> {
    // A key for all tries, so that a retry never creates a second job.
    const { signal, metadata, idempotency_key = uniqueName(), ...query } = options;
    const header = { "idempotency-key": idempotency_key, ...metadataHeader(metadata) };
    const params = { query: callQuery(query), header };
    return this.#transport.ask(
      (signal) => this.#transport.api.POST("/v1/jobs", { params, signal, ...upload(recording) }),
      signal,
    );
  }

  /** Returns the state of a job, and its result after success. */
  get(id: string, signal?: AbortSignal): Promise<Job> {
    const params = { path: { job_id: id } };
    return this.#transport.ask(
      (signal) => this.#transport.api.GET("/v1/jobs/{job_id}", { params, signal }),
      signal,
    );
  }

  /** Waits until a job ends, and returns it. */
  async wait(id: string, { onProgress, timeout = Infinity, poll = 5, signal }: WaitOptions = {}): Promise<Job> {
    const end = performance.now() + 1000 * timeout;
    let before = "";
    for (;;) {
      const job = await this.get(id, signal);
      const now = `${job.state} ${job.progress}`;
      if (now !== before) onProgress?.(job);
      before = now;
      if (job.state !== "queued" && job.state !== "running") return job;
      if (performance.now() + 1000 * poll > end) {
        throw new TimedOut(`The job ${id} is ${job.state} after ${timeout} s. It continues; wait again.`);
      }
      await sleep(poll, signal);
    }
  }

  /**
   * Waits until a job ends, and returns its timeline.
   *
   * @throws ProblemError if the job failed, JobCancelled if it was cancelled.
   */
  async result(id: string, options?: WaitOptions): Promise<Timeline> {
    const { result, problem } = await this.wait(id, options);
    if (result) return result;
    throw problem ? problemError(problem) : new JobCancelled(`The job ${id} was cancelled. Create a new job.`);
  }

  /** Cancels a job that waits or runs, or deletes a job that has ended. */
  async delete(id: string, signal?: AbortSignal): Promise<void> {
    const params = { path: { job_id: id } };
    await this.#transport.ask(
      (signal) => this.#transport.api.DELETE("/v1/jobs/{job_id}", { params, signal }),
      signal,
    );
  }

  /** Returns a page of the jobs of this key, the newest first. */
  list({ signal, ...query }: ListOptions = {}): Promise<JobPage> {
    const params = { query };
    return this.#transport.ask((signal) => this.#transport.api.GET("/v1/jobs", { params, signal }), signal);
  }
}

/** Returns a random name. Pages without HTTPS have no `crypto.randomUUID`. */
export function uniqueName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
