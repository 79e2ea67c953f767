import type { Configuration, Snapshot } from "../api/answers.ts";
import type { Client, Failure } from "../api/client.ts";
import { type Asked, createPoller, type Poller, type Surroundings } from "./poller.ts";
import { createStore, type Store } from "./store.ts";

/** What is known of the deployment now. */
export interface Live {
  readonly configuration?: Configuration;
  readonly snapshot?: Snapshot;
  /** When the newest snapshot arrived, epoch milliseconds. */
  readonly answeredAtMs?: number;
  /** Why the newest attempt failed; undefined when it did not. */
  readonly failure?: Failure | undefined;
  /** When the next attempt begins, epoch milliseconds; undefined while one goes on that follows a failure. */
  readonly nextAtMs?: number | undefined;
}

/** The configuration changes with a deployment only. */
const CONFIGURATION_MS = 60_000;

export interface LiveData extends Store<Live> {
  readonly poller: Poller;
}

/**
 * Keeps the newest snapshot and the configuration.
 *
 * @param refused called when the token is not accepted any more; never after the poller was stopped, when another operator
 * may have signed in
 */
export function createLive(client: Client, surroundings: Surroundings, refused: () => void): LiveData {
  const store = createStore<Live>({});
  let configuredAtMs = Number.NEGATIVE_INFINITY;

  async function configure(): Promise<Failure | undefined> {
    if (Date.now() - configuredAtMs < CONFIGURATION_MS) return undefined;
    const outcome = await client.policies();
    if (!outcome.ok) return outcome.failure;
    configuredAtMs = Date.now();
    store.update({ configuration: outcome.value });
    return undefined;
  }

  async function ask(): Promise<Asked> {
    if (store.get().failure) store.update({ nextAtMs: undefined });
    const [unconfigured, outcome] = await Promise.all([configure(), client.snapshot()]);
    if (outcome.ok) store.update({ snapshot: outcome.value, answeredAtMs: Date.now() });
    const failure = unconfigured ?? (outcome.ok ? undefined : outcome.failure);
    store.update({ failure, nextAtMs: undefined });
    if (failure === undefined) return { ok: true };
    if (failure.kind === "unauthorized" && poller.isRunning()) refused();
    return failure.kind === "throttled"
      ? { ok: false, retryAfterMs: failure.retryAfterSeconds * 1_000 }
      : { ok: false };
  }

  const poller = createPoller(ask, surroundings, (ms) => store.update({ nextAtMs: Date.now() + ms }));
  return { ...store, poller };
}
