import { createLocalJWKSet, type LocalJWKSet } from "jose/jwks/local";
import { createDeadline, type Deadline, TimeoutError } from "../store/deadline.ts";
import type { WaitUntil } from "../store/store.ts";

/** How long one fetch may take, whether or not anybody still waits for it. */
const MAX_FETCH_MS = 5_000;
/** How long the endpoint is left alone after an attempt: with keys at hand, and without any. */
const INTERVAL_MS = 60_000;
const FIRST_INTERVAL_MS = 5_000;
/** Older keys are fetched anew, while they go on serving. */
const MAX_AGE_MS = 10 * 60_000;
const MAX_ANSWER_BYTES = 256 * 1024;

type FetchedKeys = Parameters<typeof createLocalJWKSet>[0];

export interface KeySetParts {
  readonly now: () => number;
  /** The longest that one request waits for keys. */
  readonly keyWaitMs: number;
  readonly waitUntil: WaitUntil;
  /** Hears why an attempt failed: a few words, nothing of a key or the endpoint's address. */
  readonly report: (reason: string) => void;
  readonly fetch?: typeof fetch;
}

/** The keys that an endpoint publishes, kept for the isolate. An endpoint that fails takes none away. */
export interface KeySet {
  /** The keys at hand, the same object while they do not change. Has old ones fetched in the background. */
  current(): LocalJWKSet | undefined;
  /**
   * Keys other than those known. Asks the endpoint unless it was asked lately, and waits no longer than the
   * deadline and `keyWaitMs`; what comes later serves later requests. Never rejects.
   */
  newer(known: LocalJWKSet | undefined, deadline: Deadline): Promise<LocalJWKSet | undefined>;
}

export function createKeySet(url: string, parts: KeySetParts): KeySet {
  const { now, keyWaitMs, waitUntil, report, fetch: fetchUrl = fetch } = parts;
  let keys: LocalJWKSet | undefined;
  let written = "";
  let fetchedMs = 0;
  let nextAttemptMs = Number.NEGATIVE_INFINITY;
  let attempt: { readonly startedMs: number; readonly done: Promise<void> } | undefined;
  const interval = () => (keys ? INTERVAL_MS : FIRST_INTERVAL_MS);

  function begin(): void {
    // As if it took its longest: should its request die with it, nobody would hear of its end.
    nextAttemptMs = now() + MAX_FETCH_MS + interval();
    attempt = { startedMs: now(), done: refresh() };
    waitUntil(attempt.done);
  }

  async function refresh(): Promise<void> {
    let failure: unknown;
    try {
      adopt(await fetchKeys(url, fetchUrl));
    } catch (error) {
      failure = error;
    }
    attempt = undefined;
    nextAttemptMs = now() + interval();
    if (failure !== undefined) report(reasonOf(failure));
  }

  function adopt(fetched: FetchedKeys): void {
    const text = JSON.stringify(fetched);
    if (!keys || text !== written) keys = createLocalJWKSet(fetched);
    written = text;
    fetchedMs = now();
  }

  /** Ends with the attempt under way, or before. One that has kept others waiting in vain is not waited for. */
  async function wait(deadline: Deadline): Promise<void> {
    if (now() >= nextAttemptMs) begin();
    if (!attempt || now() - attempt.startedMs >= keyWaitMs) return;
    const patience = createDeadline(keyWaitMs, now);
    // The attempt may be another request's: the timers are this one's own.
    await deadline.race(patience.race(attempt.done)).catch(() => {});
    patience.clear();
    deadline.pause();
  }

  return {
    current() {
      if (keys && now() - fetchedMs >= MAX_AGE_MS && now() >= nextAttemptMs) begin();
      return keys;
    },
    async newer(known, deadline) {
      if (keys === known) await wait(deadline);
      return keys === known ? undefined : keys;
    },
  };
}

/** An answer that is no key set, and why. */
class AnswerError extends Error {
  override readonly name = "AnswerError";
}

function reasonOf(error: unknown): string {
  if (error instanceof TimeoutError) return "timeout";
  // Other messages may contain the address, and with it a password.
  return error instanceof AnswerError ? error.message : "unreachable";
}

async function fetchKeys(url: string, fetchUrl: typeof fetch): Promise<FetchedKeys> {
  const limit = createDeadline(MAX_FETCH_MS);
  try {
    return await limit.race(download(url, fetchUrl, limit.signal()));
  } finally {
    limit.clear();
  }
}

async function download(url: string, fetchUrl: typeof fetch, signal: AbortSignal): Promise<FetchedKeys> {
  const headers = { Accept: "application/json" };
  // Not from a cache: that would be the set from before the unknown key.
  const response = await fetchUrl(url, { headers, redirect: "manual", cache: "no-store", signal });
  if (response.status !== 200) {
    response.body?.cancel().catch(() => {});
    throw new AnswerError(`status ${response.status}`);
  }
  return parseKeySet(await readText(response));
}

async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new AnswerError("too large");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Leaves out what is no key at all; those that cannot be used do not hurt the others. */
function parseKeySet(text: string): FetchedKeys {
  try {
    const { keys } = JSON.parse(text) as { keys: readonly unknown[] };
    if (Array.isArray(keys)) return { keys: keys.filter(isKey) };
  } catch {
    // Not JSON, or null.
  }
  throw new AnswerError("not a key set");
}

const isKey = (key: unknown): key is FetchedKeys["keys"][number] =>
  typeof key === "object" && key !== null && !Array.isArray(key);
