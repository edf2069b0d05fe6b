/** A client of the API of the service, and its key. */

const KEY = "api-key";
export const UNREACHABLE = {
  title: "The service cannot be reached",
  detail: "Check the connection, and check that the service runs. Then try again.",
};

/** An error as the service reports it (RFC 9457). */
export class Problem extends Error {
  /** @param {object} document the problem document of the service, or a title and a detail of the page. */
  constructor(document) {
    super(document.detail);
    this.title = document.title ?? "The service failed";
    this.detail = document.detail ?? "";
    this.status = document.status ?? 0;
    this.requestId = document.request_id ?? "";
    // The address becomes a link, so only the addresses of the service itself are accepted.
    this.address = /^\/problems\/[a-z-]+$/.test(document.type ?? "") ? document.type.slice(1) : "";
  }
}

/** Stores a key until the tab is closed. */
export function keepKey(key) {
  sessionStorage.setItem(KEY, key);
}

/** Returns whether a key is stored. */
export function hasKey() {
  return Boolean(sessionStorage.getItem(KEY));
}

/** Lists the served models: `{default, models}`. */
export function listModels() {
  return request("v1/models");
}

/**
 * Sends a recording for analysis.
 *
 * @param {Recording} recording
 * @param {string} kind `emotions` or `timeline`.
 * @param {object} options the parameters of the request.
 * @param {AbortSignal} signal cancels the request.
 * @returns {Promise<object>} the answer.
 * @throws {Problem}
 */
export function analyze(recording, kind, options, signal) {
  const query = new URLSearchParams(options);
  const headers = { "Content-Type": recording.mediaType };
  return request(`v1/audio/${kind}?${query}`, { method: "POST", headers, body: recording.file, signal });
}

/**
 * Opens the WebSocket for a live session. A browser sets no header `Authorization` for a WebSocket, so the key is
 * a subprotocol.
 *
 * @returns {WebSocket}
 */
export function openLiveSocket() {
  const address = new URL("v1/audio/live", document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  return new WebSocket(address, hasKey() ? ["ser.live", `ser.key.${base64url(sessionStorage.getItem(KEY))}`] : []);
}

/** Encodes a text as base64url without padding, since a subprotocol has no other signs. */
function base64url(text) {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function request(address, options = {}) {
  const headers = { ...options.headers };
  if (hasKey()) headers.Authorization = `Bearer ${sessionStorage.getItem(KEY)}`;
  let response;
  try {
    response = await fetch(address, { ...options, headers, cache: "no-store", credentials: "omit" });
    if (response.ok) return await response.json();
  } catch (error) {
    throw error.name === "AbortError" ? error : new Problem(UNREACHABLE);
  }
  throw new Problem(await problemOf(response));
}

/** Reads the problem document. A proxy in front of the service may answer in another format. */
async function problemOf(response) {
  try {
    return { status: response.status, ...(await response.json()) };
  } catch {
    return { status: response.status, title: `The answer was ${response.status} ${response.statusText}` };
  }
}
