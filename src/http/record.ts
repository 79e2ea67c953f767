import type { PolicyCharge } from "../key/charges.ts";
import { withLimit } from "../limit/quota.ts";
import type { Log } from "../metrics/log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { type LimitType, POLICY_DECISIONS } from "../metrics/series.ts";
import { BoundedMap } from "../store/bounded-map.ts";
import type { Outcome, StoreCharge, TakeAnswer } from "../store/store.ts";

export interface RecordParts {
  readonly metrics: Pick<Metrics, "count" | "refused">;
  readonly log: Log;
  readonly now: () => number;
}

/**
 * Counts and logs what became of a request or message: once for each, when it is decided. Never throws.
 *
 * @param charges none: no policy limits it
 * @param answer undefined: admitted without asking
 */
export type RecordDecision = (
  type: LimitType,
  charges: readonly PolicyCharge[],
  answer: TakeAnswer | undefined,
) => void;

/** Ranks of `POLICY_DECISIONS`: of several quotas the highest is their policy's. */
const ALLOWED = POLICY_DECISIONS.indexOf("allowed");
const SHADOW_REFUSED = POLICY_DECISIONS.indexOf("shadow_refused");
const DEGRADED = POLICY_DECISIONS.indexOf("degraded");
const REFUSED = POLICY_DECISIONS.indexOf("refused");
/** The quota was not asked. */
const NONE = -1;

/** A quota is nearly used up when at most the fifth part of it is left. */
const NEAR_LIMIT_PART = 5;
/** Lockouts whose begin is remembered. */
const MAX_LOCKOUTS = 1_000;

/** What the quotas of one policy said together. */
interface Tally {
  rank: number;
  /** The charge that decided. */
  by: PolicyCharge;
  isNear: boolean;
  /** What the ladder did, if it decided. */
  step: "local" | "open" | "closed" | undefined;
  /** How long the key is still refused if it is locked out; else 0. */
  lockedMs: number;
}

export function createRecord({ metrics, log, now }: RecordParts): RecordDecision {
  const lockedUntilMs = new BoundedMap<string, number>(MAX_LOCKOUTS);

  /** Of a lockout that has just begun all is left. The quota's own wait may hide how much is: then memory tells. */
  function beginsLockout({ key, lockout }: StoreCharge, lockedMs: number): boolean {
    if (!lockout || lockedMs < lockout.durationMs) return false;
    const id = `${key} ${lockout.id}`;
    if ((lockedUntilMs.get(id) ?? 0) > now()) return false;
    lockedUntilMs.set(id, now() + lockout.durationMs);
    return true;
  }

  function recordPolicy(tally: Tally, admitted: boolean): void {
    const { rank, step } = tally;
    const { policy, quota, charge } = tally.by;
    const { name } = policy;
    if (step) {
      metrics.count(`degraded ${name} ${step}`);
      log("degraded", { policy: name, step });
    }
    if (beginsLockout(charge, tally.lockedMs)) {
      metrics.count(`lockouts ${name}`);
      log("locked_out", { policy: name }, name);
    }
    const decision = POLICY_DECISIONS[rank];
    // Room that a refusal of another policy left unused is nothing.
    if (!decision || (rank === ALLOWED && !admitted)) return;
    metrics.count(`requests ${name} ${decision}`);
    if (rank === ALLOWED && tally.isNear) metrics.count(`near_limit ${name}`);
    if (rank !== REFUSED && rank !== SHADOW_REFUSED) return;
    metrics.refused(name, charge.key);
    log(decision, { policy: name, quota: quota.name }, name);
  }

  function record(type: LimitType, charges: readonly PolicyCharge[], answer: TakeAnswer | undefined): void {
    const admitted = answer?.admitted ?? true;
    let highest = NONE;
    for (let begin = 0, end = 0; begin < charges.length; begin = end) {
      const by = charges[begin] as PolicyCharge;
      const tally: Tally = { rank: NONE, by, isNear: false, step: undefined, lockedMs: 0 };
      // A policy's charges stand together.
      for (; charges[end]?.policy === by.policy; end += 1) {
        if (answer) add(tally, charges[end] as PolicyCharge, answer.outcomes[end]);
        else tally.rank = ALLOWED;
      }
      recordPolicy(tally, admitted);
      highest = Math.max(highest, tally.rank);
    }
    const isRefused = !admitted && highest === REFUSED;
    if (isRefused) metrics.count(`hits ${type}`);
    if (type === "ws_message") return;
    // None: what opens a socket of which only the messages are limited.
    const admission = highest === DEGRADED ? "degraded" : highest === NONE ? "unlimited" : "allowed";
    metrics.count(`answers ${admitted ? admission : isRefused ? "refused" : "unavailable"}`);
  }

  return (...decided) => {
    try {
      record(...decided);
    } catch (error) {
      log("fault", { message: String(error) });
    }
  };
}

function add(tally: Tally, by: PolicyCharge, outcome: Outcome | undefined): void {
  const { charge } = by;
  const rank = rankOf(outcome, charge.shadow);
  if (rank > tally.rank) {
    tally.rank = rank;
    tally.by = by;
  }
  if (!outcome || outcome.kind === "unasked") return;
  if (outcome.kind !== "decided") tally.step = outcome.kind;
  if (outcome.kind !== "decided" && outcome.kind !== "local") return;
  const { remaining, lockedOut, retryAfterMs, limit } = outcome.decision;
  const { burst } = limit === undefined ? charge.quota : withLimit(charge.quota, limit);
  // Of a leased quota only what is in hand is known.
  if (!charge.lease && remaining * NEAR_LIMIT_PART <= burst) tally.isNear = true;
  if (lockedOut) tally.lockedMs = Math.max(tally.lockedMs, retryAfterMs);
}

function rankOf(outcome: Outcome | undefined, shadow: boolean): number {
  if (!outcome || outcome.kind === "unasked") return NONE;
  if (outcome.kind !== "decided" && outcome.kind !== "local") return DEGRADED;
  if (!outcome.decision.allowed && !shadow) return REFUSED;
  if (outcome.kind === "local") return DEGRADED;
  return outcome.decision.allowed ? ALLOWED : SHADOW_REFUSED;
}
