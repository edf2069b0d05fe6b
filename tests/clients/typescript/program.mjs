/** Uses the client, and prints results as JSON. Arguments: name of the function, address, key, and its own ones. */

import { openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { Client, ProblemError, SpeechEmotionError, verifyWebhook } from "speech-emotion-client";

const [name, url, key, ...options] = process.argv.slice(2);
const client = new Client(url, { key });
const FORMAT = { encoding: "mulaw", sampling_rate: 16_000, channels: 2 };

const functions = {
  async recognize(file) {
    return client.recognize(await openAsBlob(file), { channel: 0, metadata: { call: "ä 4711 😀" } });
  },

  async timeline(file) {
    return client.timeline(await readFile(file), { channels: [1], roles: ["agent", "customer"], merge: true });
  },

  async job(file, callback_url) {
    const recording = await openAsBlob(file);
    const created = await client.jobs.create(recording, { callback_url, idempotency_key: "7" });
    const again = await client.jobs.create(recording, { callback_url, idempotency_key: "7" });
    const states = [];
    const result = await client.jobs.result(created.id, { onProgress: ({ state }) => states.push(state), poll: 0.1 });
    const { jobs } = await client.jobs.list({ state: "succeeded" });
    return { id: created.id, again: again.id, states, result, listed: jobs.map(({ id }) => id) };
  },

  /** Returns the class and the code of each error. */
  async errors(file) {
    const recording = await openAsBlob(file);
    const once = { tries: 1 };
    const gone = await client.jobs.create(recording);
    await client.jobs.delete(gone.id);
    const attempts = {
      text: () => client.recognize(new TextEncoder().encode("no sound")),
      channel: () => client.recognize(recording, { channel: 7 }),
      model: () => client.timeline(recording, { model: "none" }),
      key: () => new Client(url, { key: "wrong" }).models(),
      job: () => client.jobs.get("none"),
      cancelled: () => client.jobs.result(gone.id),
      liveKey: () => new Client(url, { key: "wrong" }).live(FORMAT),
      liveModel: () => client.live({ ...FORMAT, model: "none" }),
      time: () => new Client(url, { key, retries: once, timeout: 0.001 }).recognize(recording),
      nobody: () => new Client("http://127.0.0.1:9", { retries: once }).models(),
      nobodyLive: () => new Client("http://127.0.0.1:9", { retries: once }).live(FORMAT),
      aborted: () => client.recognize(recording, { signal: AbortSignal.abort() }),
    };
    const found = {};
    for (const [name, attempt] of Object.entries(attempts)) {
      const error = await attempt().then(() => null, (error) => error);
      found[name] = [error instanceof SpeechEmotionError, error?.name, error instanceof ProblemError ? error.code : null];
    }
    return found;
  },

  /** Sends a call through a proxy that breaks the connection at the first three starts of speech. */
  async live(file) {
    const connections = new Set();
    const proxy = createServer((near) => {
      const far = connect(Number(new URL(url).port), "127.0.0.1");
      for (const [from, to] of [[near, far], [far, near]]) from.pipe(to).on("error", () => from.destroy());
      near.on("close", () => far.destroy());
      connections.add(near);
    });
    await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const events = [];
    let losses = 0;
    const address = `http://127.0.0.1:${proxy.address().port}`;
    const session = await new Client(address, { key }).live({ ...FORMAT, roles: ["agent", "customer"] });
    void session.feed(pieces(await readFile(file)));
    for await (const event of session) {
      events.push(event);
      if (event.type !== "speech_started" || losses === 3 || !connections.size) continue; // events from before a loss
      losses += 1;
      for (const connection of connections) connection.resetAndDestroy();
      connections.clear();
    }
    proxy.close();
    return { session: session.ready.session, losses, events };
  },

  async pause(file) {
    const audio = await readFile(file);
    const session = await client.live(FORMAT);
    await session.send(audio);
    session.pause();
    await session.send(audio);
    session.resume();
    await session.send(audio.subarray(0, 32_000));
    session.stop();
    for await (const event of session) if (event.type === "summary") return event.timeline.duration;
  },

  /** Returns what the tries of a job send to a server with given statuses, and the result. */
  async retries(...statuses) {
    const tries = [];
    const server = createHttpServer((request, response) => {
      const chunks = [];
      request.on("data", (chunk) => chunks.push(chunk)).on("end", () => {
        const status = Number(statuses.shift());
        tries.push({ key: request.headers["idempotency-key"], body: Buffer.concat(chunks).toString() });
        if (!status) return request.socket.destroy();
        response.writeHead(status, { "Content-Type": "application/json", "Retry-After": "0" });
        response.end(JSON.stringify({ id: "7", code: "of-the-test", detail: "", status }));
      });
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address();
    const busy = new Client(`http://127.0.0.1:${port}`, { retries: { firstPause: 0 } });
    const answer = await busy.jobs.create(new TextEncoder().encode("sound")).catch((error) => error.name);
    server.close();
    return { tries, answer };
  },

  async webhook(file, secret) {
    const { headers, body } = JSON.parse(await readFile(file, "utf8"));
    return verifyWebhook(headers, body, secret.split(" ")).catch((error) => error.name);
  },
};

/** Yields audio in small views of one buffer, which is used again for each of them. */
async function* pieces(audio) {
  const buffer = new Uint8Array(7_777);
  for (let start = 0; start < audio.length; start += buffer.length) {
    const piece = audio.subarray(start, start + buffer.length);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
  }
}

process.stdout.write(JSON.stringify((await functions[name](...options)) ?? null));
