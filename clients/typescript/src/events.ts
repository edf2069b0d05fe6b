/** The events of a live session: the messages of the service (`/asyncapi` of the service describes them). */

import type { components } from "./schema.js";

type Schemas = components["schemas"];
type Segment = Schemas["SegmentAnswer"];

/** The answer to the start of a session. */
export interface Ready {
  type: "ready";
  /** The ID of the session. */
  session: string;
  model: string;
  model_version?: string;
  /** The channels that the service analyzes. */
  channels: number[];
  /** The sample, counted from 0, from which the service needs audio. */
  offset: number;
  limits: {
    max_seconds: number;
    max_message_bytes: number;
    /** The fastest audio, relative to real time. */
    max_speed: number;
    idle_seconds: number;
    reconnect_seconds: number;
  };
}

interface Message<Type extends string> {
  type: Type;
  /** The number of the message in the session, from 1. */
  sequence: number;
}

interface OfChannel {
  /** The index of the channel. */
  channel: number;
  /** The role of the channel; null if it has none. */
  role?: string | null;
}

/** A segment has begun on a channel, at `time` in seconds from the start of the stream. */
export type SpeechStarted = Message<"speech_started"> & OfChannel & { time: number };
/** A segment of speech so far, before it is complete. */
export type Interim = Message<"interim"> & OfChannel & Segment;
/** A segment of speech is complete. Its speaker is null unless speakers are separated. */
export type SegmentEnded = Message<"segment"> & OfChannel & Segment & { speaker?: number | null };
/** The leading emotion of a channel has changed. */
export type MoodTurned = Message<"turning_point"> & OfChannel & Schemas["TurningPointAnswer"];
/** A rule of the operator matches. */
export type AlertRaised = Message<"alert"> & Schemas["AlertAnswer"];
/** Something is wrong, and the session continues. */
export type Warned = Message<"warning"> & { code: string; detail: string };
/** The timeline of the whole stream, the same as that of a recording of the stream. */
export type Summarized = Message<"summary"> & { timeline: Schemas["TimelineAnswer"] };
/** The last event. After `going-away`, start a new session. */
export type Closed = Message<"closed"> & { reason: "stopped" | "lost" | "going-away" };

/** An event. A newer service may send events of other types: ignore them. */
export type LiveEvent =
  | SpeechStarted
  | Interim
  | SegmentEnded
  | MoodTurned
  | AlertRaised
  | Warned
  | Summarized
  | Closed;
