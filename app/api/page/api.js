/** The service's own API, and the key to it. */

const KEY = "api-key";
const UNREACHABLE = {
  title: "The service cannot be reached",
  detail: "Check the connection, and whether the service runs. Then try again.",
};

/** An error as the service tells it (RFC 9457). */
export class Problem extends Error {
  /** @param {object} document what the service answered, or a title and a detail of our own. */
  constructor(document) {
    super(document.detail);
    this.title = document.title ?? "The service failed";
    this.detail = document.detail ?? "";
    this.status = document.status ?? 0;
    this.requestId = document.request_id ?? "";
    // A link of the page: nothing but the service's own address of the kind of problem.
    this.address = /^\/problems\/[a-z-]+$/.test(document.type ?? "") ? document.type.slice(1) : "";
  }
}

/** Keeps a key for as long as the tab is open. */
export function keepKey(key) {
  sessionStorage.setItem(KEY, key);
}

/** Whether there is a key to be sent. */
export function hasKey() {
  return Boolean(sessionStorage.getItem(KEY));
}

/** What is served: `{default, models}`. */
export function listModels() {
  return ask("v1/models");
}

/**
 * Has a recording analysed.
 *
 * @param {Recording} recording
 * @param {string} kind `emotions` or `timeline`.
 * @param {string} model its name; empty: the default one.
 * @param {AbortSignal} signal ends it early.
 * @returns {Promise<object>} the answer.
 * @throws {Problem}
 */
export function analyse(recording, kind, model, signal) {
  const query = model ? `?${new URLSearchParams({ model })}` : "";
  const headers = { "Content-Type": recording.mediaType };
  return ask(`v1/audio/${kind}${query}`, { method: "POST", headers, body: recording.file, signal });
}

async function ask(address, options = {}) {
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

/** The problem document; something between the page and the service may answer otherwise. */
async function problemOf(response) {
  try {
    return { status: response.status, ...(await response.json()) };
  } catch {
    return { status: response.status, title: `The answer was ${response.status} ${response.statusText}` };
  }
}
