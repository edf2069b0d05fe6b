/** Verification of webhooks, in the format of Standard Webhooks (https://www.standardwebhooks.com). */

import { WebhookRejected } from "./problems.js";

/** The age, and the lead of the sender's clock, beyond which a webhook is rejected, in seconds. */
const TOLERANCE = 300;

/** A genuine webhook. */
export interface WebhookEvent {
  /** The ID of the message, the same on every try. Use it to detect repeated deliveries. */
  id: string;
  /** The type, such as `job.succeeded` or `live.summary`. */
  type: string;
  /** The time of the event. */
  timestamp: string;
  /** The content. That of `job.…` has `id`, `state`, `metadata` and `alerts`. */
  data: Record<string, unknown>;
}

/**
 * Verifies the signature of a webhook, and that it is not older than five minutes.
 *
 * @param headers the headers of the request.
 * @param body the body of the request, exactly as it arrived.
 * @param secret the secret `whsec_…`, or several secrets while one replaces another.
 * @throws WebhookRejected if no secret verifies the webhook. Answer 400.
 */
export async function verifyWebhook(
  headers: Headers | Record<string, string | string[] | undefined>,
  body: string,
  secret: string | string[],
): Promise<WebhookEvent> {
  const read = (name: string) => String((headers instanceof Headers ? headers.get(name) : headers[name]) ?? "");
  const id = read("webhook-id");
  const timestamp = read("webhook-timestamp");
  const signatures = read("webhook-signature").split(" ");
  const isRecent = Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE;
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  for (const one of [secret].flat()) {
    if (isRecent && (await isGenuine(one, signed, signatures))) return { ...JSON.parse(body), id };
  }
  throw new WebhookRejected("The signature is missing, wrong or old. Check the secret and the clock.");
}

async function isGenuine(secret: string, signed: BufferSource, signatures: string[]): Promise<boolean> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytesOf(secret.replace(/^whsec_/, "")), algorithm, false, ["verify"]);
  for (const signature of signatures) {
    const [version, value = ""] = signature.split(",");
    const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(value);
    if (version === "v1" && isBase64 && (await crypto.subtle.verify("HMAC", key, bytesOf(value), signed))) return true;
  }
  return false;
}

/** Decodes Base64. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
