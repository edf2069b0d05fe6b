/** A call from the microphone, which the service analyzes while it is spoken. */

import { LiveSession } from "./live-session.js";
import { SpokenUtterance } from "./spoken-utterance.js";
import { lasting } from "./time.js";

const INTERIM = 1; // seconds of speech between two interim answers
const MARGIN = 0.2; // seconds; the recording stops before it would be too long
const STOPPING = {
  title: "The service stops",
  detail: "The result covers the recording up to that moment. Try again sends the whole recording as a file.",
  status: 503,
};

/** A spoken utterance with a live session. It is also `connecting`, and `listening` or `speech` while it records. */
export class SpokenCall extends SpokenUtterance {
  /**
   * @param {{model: string, speakers: string}} options the chosen ones of the fields of `start`.
   * @param {object} listeners those of a spoken utterance;
   *   onReady(ready, samplingRate), onSamples(samples) and onEvent(message) receive what the view shows.
   */
  constructor(options, listeners) {
    super(listeners);
    Object.assign(this, { kind: "timeline", options, listeners, session: null, speech: null, mostSeconds: Infinity });
  }

  async begin() {
    this.enter("connecting");
    const { samplingRate } = this.recorder;
    const format = { encoding: "linear16", sampling_rate: samplingRate, channels: 1, interim_interval: INTERIM, ...this.options };
    this.session = new LiveSession(format, (message) => this.receive(message));
    const ready = await this.session.ready;
    this.mostSeconds = ready.limits.max_seconds - MARGIN;
    this.ended = this.session.ended.then(({ timeline, reason }) => {
      if (reason === "going-away") this.notice = STOPPING;
      return timeline;
    });
    this.ended.catch(() => {}); // reported by `record`, or canceled
    this.listeners.onReady(ready, samplingRate);
  }

  hear(samples) {
    super.hear(samples);
    this.session.send(samples);
    this.listeners.onSamples(samples);
    if (this.seconds < this.mostSeconds) return;
    const detail = `The service accepts recordings of up to ${lasting(this.mostSeconds + MARGIN)}.`;
    this.stop({ title: "The recording has reached its maximum duration", detail });
  }

  receive(message) {
    this.listeners.onEvent(message);
    if (message.type === "speech_started") this.follow({ start: message.time });
    // The next segment may have started before the answer for this segment.
    if (message.type === "segment" && this.speech?.start <= message.start) this.follow(null);
  }

  /** Notes the segment that is being spoken; null during a pause. */
  follow(speech) {
    this.speech = speech;
    this.onState(this.phase);
  }

  get phase() {
    if (this.state !== "recording") return this.state;
    return this.speech ? "speech" : "listening";
  }

  paused() {
    this.session.tell({ type: "pause" });
  }

  resumed() {
    this.session.tell({ type: "resume" });
  }

  complete() {
    this.session.tell({ type: "stop" });
  }

  release() {
    super.release();
    this.session?.close();
  }
}
