// Recognize the emotion of one utterance: node recognize.mjs URL FILE. API_KEY may hold the key.
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const RETRIED = [429, 502, 503];
const TRIES = 5;

async function recognize(url, recording, key) {
  const headers = { "Content-Type": "audio/wav", ...(key && { Authorization: `Bearer ${key}` }) };
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const request = { method: "POST", headers, body: recording, signal: AbortSignal.timeout(60_000) };
    // Null: the connection failed or broke. It is safe to send the same recording again.
    const response = await fetch(`${url}/v1/audio/emotions`, request).catch(() => null);
    if (response && !RETRIED.includes(response.status)) {
      const answer = await response.json();
      if (response.ok) return answer;
      throw new Error(`${answer.code}: ${answer.detail}`);
    }
    const wanted = Number(response?.headers.get("Retry-After") ?? 0);
    await sleep(1000 * Math.max(2 ** attempt, wanted));
  }
  throw new Error(`no answer after ${TRIES} attempts`);
}

const [url, file] = process.argv.slice(2);
const answer = await recognize(url, await readFile(file), process.env.API_KEY);
console.log(answer.speech ? answer.emotion : "no speech");
