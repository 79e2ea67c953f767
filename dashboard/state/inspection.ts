import type { KeyState, Policy } from "../api/answers.ts";
import type { Client, Failure, KeyParts, Target } from "../api/client.ts";
import { targetOf } from "../keys/target.ts";
import { byGravity, lookupSummary } from "../keys/verdict.ts";
import { createStore, type Store } from "./store.ts";

/** A key that the operator looks at. */
export interface InspectedKey {
  readonly target: Target;
  readonly state: KeyState;
  /** When the state was asked for, epoch milliseconds. */
  readonly readAtMs: number;
  /** Why the newest refresh failed. */
  readonly failure?: Failure | undefined;
}

export interface Inspection {
  readonly keys: readonly InspectedKey[];
  /** What the newest look-up found, in a sentence or two; empty before the first. */
  readonly summary: string;
  readonly failure?: Failure | undefined;
  readonly busy: boolean;
}

export interface InspectionData extends Store<Inspection> {
  /** Replaces what is looked at by every policy's state for a user. */
  lookup(given: KeyParts, policies: readonly Policy[]): Promise<void>;
  /** Looks at one key besides, first in the list. */
  inspect(target: Target): Promise<void>;
  refresh(key: InspectedKey): Promise<void>;
  /** A key's state after an operator's change. */
  changed(target: Target, state: KeyState): void;
  clear(): void;
}

const isSame = (one: InspectedKey, state: KeyState): boolean =>
  one.state.policy === state.policy && one.state.key === state.key;

export function createInspection(client: Client): InspectionData {
  const store = createStore<Inspection>({ keys: [], summary: "", busy: false });
  const replace = (key: InspectedKey) =>
    store.update({ keys: store.get().keys.map((one) => (isSame(one, key.state) ? key : one)) });

  async function lookup(given: KeyParts, policies: readonly Policy[]): Promise<void> {
    store.update({ busy: true, failure: undefined });
    const outcome = await client.lookup(given);
    if (!outcome.ok) return store.update({ busy: false, failure: outcome.failure, summary: "", keys: [] });
    const readAtMs = Date.now();
    const keys = byGravity(outcome.value.keys).map((state) => {
      const policy = policies.find(({ name }) => name === state.policy);
      return { target: targetOf(state, policy, given), state, readAtMs };
    });
    store.update({ busy: false, keys, summary: lookupSummary(outcome.value.keys, readAtMs) });
  }

  async function inspect(target: Target): Promise<void> {
    store.update({ busy: true, failure: undefined });
    const outcome = await client.peek(target);
    if (!outcome.ok) return store.update({ busy: false, failure: outcome.failure });
    const state = outcome.value;
    const others = store.get().keys.filter((one) => !isSame(one, state));
    store.update({ busy: false, keys: [{ target, state, readAtMs: Date.now() }, ...others] });
  }

  async function refresh(key: InspectedKey): Promise<void> {
    const outcome = await client.peek(key.target);
    replace(
      outcome.ok
        ? { ...key, state: outcome.value, readAtMs: Date.now(), failure: undefined }
        : { ...key, failure: outcome.failure },
    );
  }

  return {
    ...store,
    lookup,
    inspect,
    refresh,
    changed: (target, state) => replace({ target, state, readAtMs: Date.now() }),
    clear: () => store.update({ keys: [], summary: "", failure: undefined }),
  };
}
