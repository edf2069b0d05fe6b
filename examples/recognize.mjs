// The emotion of one utterance: node recognize.mjs URL FILE, with the key, if there is one, in API_KEY.
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const RETRIED = [429, 502, 503];
const TRIES = 5;

async function recognize(url, recording, key) {
  const headers = { "Content-Type": "audio/wav", ...(key && { Authorization: `Bearer ${key}` }) };
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const request = { method: "POST", headers, body: recording, signal: AbortSignal.timeout(60_000) };
    // Null is no connection, or one that broke: the same recording may be sent again.
    const response = await fetch(`${url}/v1/audio/emotions`, request).catch(() => null);
    if (response && !RETRIED.includes(response.status)) {
      const answer = await response.json();
      if (response.ok) return answer;
      throw new Error(`${answer.code}: ${answer.detail}`);
    }
    const wanted = Number(response?.headers.get("Retry-After") ?? 0);
    await sleep(1000 * Math.max(2 ** attempt, wanted));
  }
  throw new Error(`no answer after ${TRIES} tries`);
}

const [url, file] = process.argv.slice(2);
const answer = await recognize(url, await readFile(file), process.env.API_KEY);
console.log(answer.speech ? answer.emotion : "nobody speaks");
