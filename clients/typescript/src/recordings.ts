/** The recordings that the client uploads, and the options of their analysis. */

import type { paths } from "./schema.js";

/** A recording. In Node, `openAsBlob` of `node:fs` opens a file without reading it into memory. */
export type Recording = Blob | ArrayBuffer | ArrayBufferView;

type Query<Path extends "/v1/audio/emotions" | "/v1/audio/timeline" | "/v1/jobs"> = NonNullable<
  paths[Path]["post"]["parameters"]["query"]
>;

interface Common {
  /** Strings about the call, which the answer repeats. */
  metadata?: Record<string, string>;
  /** Cancels the request. */
  signal?: AbortSignal;
}

interface Lists {
  /** The channels to analyze, counted from 0; all permitted channels if omitted. */
  channels?: number[];
  /** A name for each channel, or for each of its `speakers`. */
  roles?: string[];
}

/** Options of `recognize`: the query parameters of `POST /v1/audio/emotions`, and `metadata`. */
export type UtteranceOptions = Query<"/v1/audio/emotions"> & Common;

/** Options of `timeline`: the query parameters of `POST /v1/audio/timeline`, and `metadata`. */
export type CallOptions = Omit<Query<"/v1/audio/timeline">, keyof Lists> & Lists & Common;

/** Options of `jobs.create`: the query parameters of `POST /v1/jobs`, `metadata`, and a key. */
export type JobOptions = Omit<Query<"/v1/jobs">, keyof Lists> &
  Lists &
  Common & {
    /** A key of your choice. A repeated request with the same key returns the same job. */
    idempotency_key?: string;
  };

/** Returns the parts of a request that all uploads share. */
export function upload(recording: Recording) {
  return {
    // Types of OpenAPI have no bytes; openapi-typescript makes them a string.
    body: recording as unknown as string,
    bodySerializer: (body: unknown) => body as BodyInit,
    // The service looks at the content of all recordings.
    headers: { "Content-Type": "application/octet-stream" },
  };
}

/** Returns the query parameters of the analysis of a call. */
export function callQuery<T extends Lists>({ channels, roles, ...query }: T) {
  return {
    ...query,
    ...(channels && { channels: channels.join(",") }),
    ...(roles && { roles: roles.join(",") }),
  };
}

/** Returns the header of metadata. A header has no characters beyond ASCII, so JSON escapes them. */
export function metadataHeader(metadata?: Record<string, string>): { metadata?: string } {
  if (metadata === undefined) return {};
  const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return { metadata: JSON.stringify(metadata).replace(/[^\x20-\x7e]/g, escape) };
}
