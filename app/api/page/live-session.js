/** A live session of the service: audio goes out, messages come in (docs/live.md). */

import { Problem, UNREACHABLE, openLiveSocket } from "./api.js";

const LOST = {
  title: "The connection to the service was lost",
  detail: "The recording is still in this page. Try again sends it as a file.",
};

/**
 * A live session.
 *
 * @property {Promise<object>} ready the message `ready`.
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
    this.socket = openLiveSocket();
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("open", () => this.tell({ type: "start", ...format }));
    this.socket.addEventListener("message", ({ data }) => this.receive(JSON.parse(data)));
    this.socket.addEventListener("close", () => this.stopWith(new Problem(this.isReady ? LOST : UNREACHABLE)));
  }

  /** Sends samples. */
  send(samples) {
    this.socket.send(samples);
  }

  /** Sends a message: `pause`, `resume` or `stop`. */
  tell(message) {
    this.socket.send(JSON.stringify(message));
  }

  /** Gives up the session. */
  close() {
    this.stopWith(new DOMException("The session was closed.", "AbortError"));
    this.socket.close();
  }

  receive(message) {
    if (message.type === "ready") {
      this.isReady = true;
      this.begin(message);
    } else if (message.type === "summary") {
      this.timeline = message.timeline;
    } else if (message.type === "closed") {
      this.end({ timeline: this.timeline, reason: message.reason });
    } else if (message.type === "error") {
      this.stopWith(new Problem(message.problem));
    } else {
      this.onEvent(message);
    }
  }

  /** Rejects what is still open. */
  stopWith(error) {
    this.refuse(error);
    this.fail(error);
  }
}
