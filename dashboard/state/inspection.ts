import type { KeyState, Policy } from "../api/answers.ts";
import type { Client, Failure, KeyParts, Target } from "../api/client.ts";
import { notAsked, targetOf } from "../keys/target.ts";
import { byGravity, lookupSummary } from "../keys/verdict.ts";
import { createStore, type Store } from "./store.ts";

/** A key that the operator looks at. */
export interface InspectedKey {
  readonly target: Target;
  readonly state: KeyState;
  /** Whether the newest look-up found it; else it was picked out of a list. */
  readonly isOfUser: boolean;
  /** When the state was asked for, epoch milliseconds. */
  readonly readAtMs: number;
  /** Why the newest refresh failed. */
  readonly failure?: Failure | undefined;
}

export interface Inspection {
  readonly keys: readonly InspectedKey[];
  /** What the newest look-up found, in a sentence or two, as the keys are now, or that they were picked; else empty. */
  readonly summary: string;
  /** Which policies the look-up could not ask; empty when there are none. */
  readonly notAsked: string;
  readonly failure?: Failure | undefined;
  readonly busy: boolean;
}

export interface InspectionData extends Store<Inspection> {
  /** Replaces what is looked at by every policy's state for a user. */
  lookup(given: KeyParts, policies: readonly Policy[]): Promise<void>;
  /** Looks at one key besides, first in the list. A key of nobody's look-up ends the one that is shown. */
  inspect(target: Target): Promise<void>;
  refresh(key: InspectedKey): Promise<void>;
  /** A key's state after an operator's change. */
  changed(state: KeyState): void;
  clear(): void;
}

const isSame = (one: InspectedKey, state: KeyState): boolean =>
  one.state.policy === state.policy && one.state.key === state.key;

const NOTHING = { keys: [], summary: "", notAsked: "", failure: undefined, busy: false } as const;

const PICKED = "Picked out of the most refused keys, not by the value above:";

export function createInspection(client: Client): InspectionData {
  const store = createStore<Inspection>(NOTHING);
  /** Answers to all but the newest question come too late. */
  let newest = 0;
  const show = (keys: readonly InspectedKey[], more: Partial<Inspection> = {}) => {
    const ofUser = keys.filter(({ isOfUser }) => isOfUser);
    store.update({ keys, ...(ofUser.length > 0 && { summary: lookupSummary(ofUser) }), ...more });
  };
  const replace = (old: InspectedKey, key: InspectedKey) =>
    show(store.get().keys.map((one) => (one === old ? key : one)));

  /** The former user's keys go at once, lest one of them is taken for the new one's. */
  async function lookup(given: KeyParts, policies: readonly Policy[]): Promise<void> {
    newest += 1;
    const mine = newest;
    store.update({ ...NOTHING, busy: true });
    const outcome = await client.lookup(given);
    if (mine !== newest) return;
    if (!outcome.ok) return store.update({ busy: false, failure: outcome.failure });
    const readAtMs = Date.now();
    const states = outcome.value.keys;
    const keys = states.map((state): InspectedKey => {
      const policy = policies.find(({ name }) => name === state.policy);
      return { target: targetOf(state, policy, given), state, readAtMs, isOfUser: true };
    });
    store.update({
      ...{ busy: false, keys: byGravity(keys), summary: lookupSummary(keys) },
      notAsked: notAsked(policies, states, given),
    });
  }

  async function inspect(target: Target): Promise<void> {
    newest += 1;
    const mine = newest;
    store.update({ busy: true, failure: undefined });
    const outcome = await client.peek(target);
    if (mine !== newest) return;
    if (!outcome.ok) return store.update({ busy: false, failure: outcome.failure });
    const state = outcome.value;
    const { keys } = store.get();
    const known = keys.find((one) => isSame(one, state));
    const key = { target, isOfUser: false, ...known, state, readAtMs: Date.now(), failure: undefined };
    const others = keys.filter((one) => one !== known && (key.isOfUser || !one.isOfUser));
    show([key, ...others], { busy: false, ...(!key.isOfUser && { summary: PICKED, notAsked: "" }) });
  }

  /** An answer that comes after another one about the key, as after an operator's change, is older than what is shown. */
  async function refresh(key: InspectedKey): Promise<void> {
    const outcome = await client.peek(key.target);
    replace(
      key,
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
    changed(state) {
      const known = store.get().keys.find((one) => isSame(one, state));
      if (known) replace(known, { ...known, state, readAtMs: Date.now(), failure: undefined });
    },
    clear() {
      newest += 1;
      store.update(NOTHING);
    },
  };
}
