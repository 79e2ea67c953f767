import type { Charge, Decision, KeyStanding, Lockout, Receipt, Standing } from "../../src/limit/charge.ts";
import type { OverrideEdit } from "../../src/limit/override.ts";
import type { Quota } from "../../src/limit/quota.ts";
import type { Settlement } from "../../src/limit/settle.ts";
import type { Deadline } from "../../src/store/deadline.ts";
import type { Administration, Store, StoreCharge } from "../../src/store/store.ts";

/** Never up. */
export const patience: Deadline = {
  signal: () => new AbortController().signal,
  race: (work) => work,
  pause: () => {},
  isUp: () => false,
  clear: () => {},
};

/** A store as tests use it: without a deadline, and with the store's decisions only. */
export interface PlainStore {
  take(charges: readonly StoreCharge[]): Promise<{
    readonly admitted: boolean;
    readonly decisions: readonly (Decision | undefined)[];
    readonly receipts: readonly Receipt[];
    readonly final: boolean;
  }>;
  settle(settlements: readonly Settlement[]): Promise<readonly Standing[]>;
}

export function plain(store: Store): PlainStore {
  return {
    async take(charges) {
      const { outcomes, ...answer } = await store.take(charges, patience);
      const decisions = outcomes.map((outcome) =>
        outcome.kind === "decided" ? outcome.decision : undefined,
      );
      return { ...answer, decisions };
    },
    settle: async (settlements) =>
      (await store.settle(settlements, patience)).flatMap((standing) => standing ?? []),
  };
}

/** What operators do, as tests use it: without a deadline. */
export interface PlainAdministration {
  peek(charges: readonly Charge[]): Promise<readonly KeyStanding[]>;
  reset(charges: readonly Charge[]): Promise<void>;
  override(overrides: readonly OverrideEdit[]): Promise<void>;
}

export const plainAdministration = (administration: Administration): PlainAdministration => ({
  peek: (charges) => administration.peek(charges, patience),
  reset: (charges) => administration.reset(charges, patience),
  override: (overrides) => administration.override(overrides, patience),
});

/** A store under test, and its clock in the test's hand. */
export interface StoreUnderTest {
  readonly store: PlainStore;
  /** Sets the store's clock, epoch milliseconds. */
  setTime(ms: number): void;
}

export interface AdministeredStore extends StoreUnderTest {
  readonly administration: PlainAdministration;
}

export const START_MS = 1_800_000_000_000;

export function quota(
  limit: number,
  windowMs: number,
  algorithm: Quota["algorithm"] = "sliding-window",
  burst = limit,
): Quota {
  return { algorithm, limit, windowMs, burst };
}

/** A charge of 1 against 3 per second, unless said otherwise. */
export function charge(changes: Partial<StoreCharge> = {}): StoreCharge {
  const base = {
    key: "alice",
    quota: quota(3, 1_000),
    cost: 1,
    shadow: false,
    durable: false,
    onError: "open" as const,
    ...changes,
  };
  return { count: `${base.quota.algorithm}/${base.quota.windowMs}`, ...base };
}

/** A minute after so many refusals in ten seconds, unless said otherwise. */
export const lockoutOf = (refusals: number, changes: Partial<Lockout> = {}): Lockout => ({
  id: "policy/lockout",
  refusals,
  withinMs: 10_000,
  durationMs: 60_000,
  ...changes,
});
