import type { Config } from "../../../src/config/config.ts";
import type { StatusRange } from "../../../src/config/statuses.ts";
import type { Decision, Receipt } from "../../../src/limit/charge.ts";
import { idleAtMs, type KeyRecord } from "../../../src/limit/key-record.ts";
import { settleAll } from "../../../src/limit/settle.ts";
import { takeAll } from "../../../src/limit/take.ts";
import type { Entry } from "../log/entry.ts";
import type { Bounds } from "./bounds.ts";
import { createCallers } from "./callers.ts";
import { createDemand, type Demand } from "./demand.ts";
import { createLiveMap } from "./live-map.ts";
import type { Plan } from "./plan.ts";
import { createPlans } from "./plans.ts";
import { createRoutes } from "./routes.ts";
import { createTallies, type PolicyTally, type Tallies } from "./tallies.ts";
import { createTimeline, type Timeline } from "./timeline.ts";

/** What would have become of a request. */
export const VERDICTS = ["denied", "own", "unlimited", "admitted", "refused"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Runs requests through a configuration, by the clock of the log. */
export interface Replayer {
  /** Decides the next request. A promise where its key had to be worked out: wait for it before the next. */
  take(entry: Entry): Verdict | Promise<Verdict>;
  /** Takes account of what is still open. Call it once, after the last request. */
  end(): void;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  readonly tallies: Tallies;
  readonly timeline: Timeline;
  /** Limited requests whose address could not be read. */
  readonly unknownAddresses: number;
  /** Keys that had to be forgotten while they still counted. */
  readonly dropped: number;
}

export function createReplayer(config: Config, bounds: Bounds): Replayer {
  const tallies = createTallies(config.policies, bounds);
  const routeOf = createRoutes(config, bounds.paths);
  const callerOf = createCallers(config, bounds.callers);
  const planFor = createPlans(config, tallies);
  const records = createLiveMap<KeyRecord>(bounds.keys, idleAtMs);
  const demand: Demand = createDemand(tallies, bounds.keys);
  const verdicts: Record<Verdict, number> = { denied: 0, own: 0, unlimited: 0, admitted: 0, refused: 0 };
  const timeline = createTimeline();
  const [passed, refused] = [timeline.series(PASSED), timeline.series(REFUSED)];
  const hasLists = config.allow.length + config.deny.length > 0;
  let unknownAddresses = 0;

  function decide(plan: Plan, entry: Entry): Verdict {
    if (plan.charges.length === 0) return note("unlimited", entry);
    const { timeMs } = entry;
    const taken = takeAll(records, plan.charges, timeMs);
    for (const [key, record] of taken.changed) records.set(key, record, timeMs);
    if (plan.mayRefund) refund(plan, taken.receipts, entry);
    tally(plan, taken.decisions, entry);
    return note(taken.admitted ? "admitted" : "refused", entry);
  }

  /** Each count belongs to one policy. */
  function refund({ charges, quotas }: Plan, receipts: readonly Receipt[], { timeMs, status }: Entry): void {
    const uncounted = receipts.filter(({ charge: { count } }) => {
      const policy = quotas[charges.findIndex((charge) => charge.count === count)]?.policy.policy;
      return !isCounted(status, policy?.count);
    });
    const settlements = uncounted.map((receipt) => ({ receipt, cost: 0 }));
    for (const [key, record] of settleAll(records, settlements, timeMs)) records.set(key, record, timeMs);
  }

  function tally(plan: Plan, decisions: readonly Decision[], { timeMs, status }: Entry): void {
    const { charges, quotas } = plan;
    let last: PolicyTally | undefined;
    let lastRefused = false;
    for (let i = 0; i < quotas.length; i++) {
      const [quota, charge, decision] = [quotas[i], charges[i], decisions[i]];
      if (!quota || !charge || !decision) continue;
      const { policy } = quota;
      // The quotas of a policy stand side by side.
      if (policy !== last) {
        policy.requests += 1;
        lastRefused = false;
      }
      last = policy;
      quota.requests += 1;
      demand.note(plan, i, timeMs, isCounted(status, policy.policy.count));
      if (decision.allowed) continue;
      quota.refused += 1;
      if (lastRefused) continue;
      lastRefused = true;
      policy.refused += 1;
      if (decision.lockedOut) policy.lockedOut += 1;
      policy.refusedKeys.add(charge.key);
      timeline.series(policy.policy.name).add(timeMs);
    }
  }

  function note(verdict: Verdict, { timeMs }: Entry): Verdict {
    verdicts[verdict] += 1;
    (verdict === "refused" ? refused : passed).add(timeMs);
    return verdict;
  }

  return {
    take(entry) {
      // Most configurations have no lists, and then only policies need to know who it is.
      const listed = hasLists ? callerOf(entry) : undefined;
      if (listed?.isDenied) return note("denied", entry);
      const route = routeOf(entry);
      if (route.kind === "own") return note("own", entry);
      if (listed?.isAllowed || route.matched.length === 0) return note("unlimited", entry);
      const caller = listed ?? callerOf(entry);
      if (!caller.address) unknownAddresses += 1;
      const plan = planFor(entry, route, caller);
      return plan instanceof Promise ? plan.then((made) => decide(made, entry)) : decide(plan, entry);
    },
    end: () => demand.end(),
    verdicts,
    tallies,
    timeline,
    get unknownAddresses() {
      return unknownAddresses;
    },
    get dropped() {
      return records.dropped;
    },
  };
}

/** Series of the timeline, besides one for each policy's refusals. Policies have no such names. */
export const PASSED = "Passed";
export const REFUSED = "Refused";

function isCounted(status: number, count: readonly StatusRange[] | undefined): boolean {
  return count === undefined || status === 0 || count.some(({ from, to }) => status >= from && status <= to);
}
