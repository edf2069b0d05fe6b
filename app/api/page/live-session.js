/** A live session of the service: audio goes out, messages come in (docs/live.md). */

import { Problem, UNREACHABLE, openLiveSocket } from "./api.js";

const RETRY = 1000; // milliseconds between two attempts to connect again
const LOST = {
  title: "The connection to the service was lost",
  detail: "The recording is still in this page. Try again sends it as a file.",
};

/**
 * A live session. It survives the loss of its connection for the time that the service permits.
 *
 * @property {Promise<object>} ready the first message `ready`.
 * @property {Promise<{timeline: object, reason: string}>} ended the summary, and the reason of `closed`.
 *   Both are rejected with a Problem if the session fails, and with an AbortError after `close`.
 */
export class LiveSession {
  /**
   * Opens a session.
   *
   * @param {object} format the fields of `start`.
   * @param {function(object)} onEvent receives every other message.
   */
  constructor(format, onEvent) {
    this.onEvent = onEvent;
    this.ready = new Promise((resolve, reject) => Object.assign(this, { begin: resolve, refuse: reject }));
    this.ended = new Promise((resolve, reject) => Object.assign(this, { end: resolve, fail: reject }));
    this.ended.catch(() => {}); // a session that fails before `ready` is reported there
    this.audio = []; // all samples, which the recording keeps too
    this.last = null; // the last message of `tell`
    this.sequence = 0;
    this.open({ type: "start", ...format });
  }

  /** Sends samples. */
  send(samples) {
    this.audio.push(samples);
    if (this.isConnected) this.socket.send(samples);
  }

  /** Sends a message: `pause`, `resume` or `stop`. */
  tell(message) {
    this.last = message;
    if (this.isConnected) this.socket.send(JSON.stringify(message));
  }

  /** Gives up the session. */
  close() {
    this.stopWith(new DOMException("The session was closed.", "AbortError"));
    this.socket.close();
  }

  /** Opens a connection with its first message. */
  open(message) {
    this.socket = openLiveSocket();
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("open", () => this.socket.send(JSON.stringify(message)));
    this.socket.addEventListener("message", ({ data }) => this.receive(JSON.parse(data)));
    this.socket.addEventListener("close", () => this.lose());
  }

  receive(message) {
    this.sequence = message.sequence || this.sequence;
    if (message.type === "ready") {
      this.connect(message);
    } else if (message.type === "summary") {
      this.timeline = message.timeline;
    } else if (message.type === "closed") {
      this.isOver = true;
      this.end({ timeline: this.timeline, reason: message.reason });
    } else if (message.type === "error") {
      this.stopWith(new Problem(this.lostAt ? LOST : message.problem));
    } else {
      this.onEvent(message);
    }
  }

  /** Sends what did not arrive over an earlier connection. */
  connect(ready) {
    if (this.lostAt) {
      let place = 0;
      for (const samples of this.audio) {
        if (place + samples.length > ready.offset) this.socket.send(samples.subarray(Math.max(ready.offset - place, 0)));
        place += samples.length;
      }
      if (this.last) this.socket.send(JSON.stringify(this.last));
    }
    Object.assign(this, { isConnected: true, lostAt: null, accepted: ready });
    this.begin(ready);
  }

  /** Connects again, unless the session is over or was lost for too long. */
  lose() {
    this.isConnected = false;
    if (this.isOver) return;
    if (!this.accepted) return this.stopWith(new Problem(UNREACHABLE));
    this.lostAt ??= performance.now();
    const { session, limits } = this.accepted;
    if (performance.now() - this.lostAt > 1000 * limits.reconnect_seconds) return this.stopWith(new Problem(LOST));
    const message = { type: "reconnect", session, after: this.sequence };
    setTimeout(() => this.isOver || this.open(message), RETRY);
  }

  /** Rejects what is still open. */
  stopWith(error) {
    this.isOver = true;
    this.refuse(error);
    this.fail(error);
  }
}
