import type { Config, OutageStep, Policy } from "../config/config.ts";
import type { ChargeRequest, PolicyCharge } from "../key/charges.ts";
import type { RequestFacts } from "../key/request-facts.ts";
import type { Receipt } from "../limit/charge.ts";
import type { Log } from "../metrics/log.ts";
import type { MatchedPolicy, Matcher } from "../policy/match.ts";
import { isInNetworks } from "../policy/networks.ts";
import type { Deadline } from "../store/deadline.ts";
import type { Ladder } from "../store/ladder.ts";
import type { Store, StoreCharge, TakeAnswer } from "../store/store.ts";
import { type Incoming, readRequest } from "./request-facts.ts";
import type { RequestReader } from "./request-reader.ts";
import type { Applied } from "./verdict.ts";

export interface DecideParts {
  readonly config: Config;
  readonly matcher: Matcher;
  readonly chargeRequest: ChargeRequest;
  readonly store: Store;
  /** The answer when one of the charges is known to be refused, without asking the store. */
  readonly knownRefusal: (charges: readonly StoreCharge[]) => TakeAnswer | undefined;
  /** Decides when the store stack itself is at fault. */
  readonly ladder: Ladder;
  /** The longest that one request waits for its stores and key endpoints. */
  readonly newDeadline: () => Deadline;
  readonly log: Log;
}

/** An admission whose cost the response may still change. */
export interface Provisional {
  readonly policy: Policy;
  readonly receipt: Receipt;
}

/** What was decided of a request, before anything is forwarded. */
export type Verdict =
  | { readonly kind: "denied" | "not-found" | "unlimited" | "unavailable" }
  | { readonly kind: "refused"; readonly applied: readonly Applied[] }
  | {
      readonly kind: "admitted";
      readonly applied: readonly Applied[];
      readonly provisional: readonly Provisional[];
    };

/** Decides a request. Never rejects: a fault of Weir's own leads to the policies' steps. */
export type Decide = (request: Request, url: URL, reader: RequestReader) => Promise<Verdict>;

/** Reserved for Weir itself: never forwarded. */
const OWN_PATHS = /^\/_weir(\/|$)/;

export function createDecide(parts: DecideParts): Decide {
  const { config, matcher, chargeRequest, store, knownRefusal, ladder, newDeadline, log } = parts;

  return async (request, url, reader) => {
    let matched: readonly MatchedPolicy[] | undefined;
    try {
      const incoming = readRequest(request, url, config.clientIp);
      if (isInNetworks(incoming.address, config.deny)) return { kind: "denied" };
      if (incoming.paths.some((path) => OWN_PATHS.test(path))) return { kind: "not-found" };
      if (isInNetworks(incoming.address, config.allow) || matcher.isExempt(incoming))
        return { kind: "unlimited" };
      matched = matcher.match(incoming);
      return matched.length === 0 ? { kind: "unlimited" } : await decideCharges(matched, incoming, reader);
    } catch (error) {
      return faulty(error, matched);
    }
  };

  /** Looks at the request only as far as it takes: known refusals come before tokens and bodies. */
  async function decideCharges(
    matched: readonly MatchedPolicy[],
    incoming: Incoming,
    reader: RequestReader,
  ): Promise<Verdict> {
    const chargesOf = chargeRequest(matched);
    const deadline = newDeadline();
    try {
      let facts: RequestFacts = incoming;
      for (;;) {
        const { known, needs } = await chargesOf(facts);
        if (needs === undefined) return await take(known, deadline);
        const refusal = knownRefusal(known.map(({ charge }) => charge));
        if (refusal) return { kind: "refused", applied: advertised(known, refusal) };
        facts = await reader.look(needs, facts, deadline);
      }
    } finally {
      deadline.clear();
    }
  }

  async function take(charges: readonly PolicyCharge[], deadline: Deadline): Promise<Verdict> {
    if (charges.length === 0) return { kind: "unlimited" };
    const own = charges.map(({ charge }) => charge);
    const answer = await store.take(own, deadline).catch((error: unknown) => {
      logFault(log, error);
      return ladder.take(own, deadline);
    });
    logOutcomes(charges, answer);
    const applied = advertised(charges, answer);
    if (!answer.admitted) return { kind: "refused", applied };
    return { kind: "admitted", applied, provisional: provisional(charges, answer) };
  }

  /** A fault before there are charges leads to the policies' steps, but nothing can be counted. */
  function faulty(error: unknown, matched: readonly MatchedPolicy[] | undefined): Verdict {
    logFault(log, error);
    const steps: OutageStep[] = matched
      ? matched.map(({ policy }) => (policy.mode === "enforce" ? policy.onError : "open"))
      : [config.onError];
    return { kind: steps.includes("closed") ? "unavailable" : "unlimited" };
  }

  function logOutcomes(charges: readonly PolicyCharge[], { outcomes }: TakeAnswer): void {
    for (const [i, { policy, quota, charge }] of charges.entries()) {
      const outcome = outcomes[i];
      if (outcome?.kind === "decided") {
        const isRefusal = !outcome.decision.allowed;
        if (charge.shadow && isRefusal) log("shadow_refused", { policy: policy.name, quota: quota.name });
      } else if (outcome && outcome.kind !== "unasked") {
        log("degraded", { policy: policy.name, step: outcome.kind });
      }
    }
  }
}

export function logFault(log: Log, error: unknown): void {
  log("fault", { message: error instanceof Error ? error.message : String(error) });
}

/** What callers are told of: shadow policies are not. */
function advertised(charges: readonly PolicyCharge[], { outcomes }: TakeAnswer): Applied[] {
  return charges.flatMap(({ quota, charge }, i) => {
    const outcome = outcomes[i];
    return charge.shadow || !outcome ? [] : [{ quota, key: charge.key, outcome }];
  });
}

/** Receipts tell their count, and a count belongs to one policy. */
function provisional(charges: readonly PolicyCharge[], { receipts }: TakeAnswer): Provisional[] {
  const open = charges.filter(({ charge }) => charge.provisional);
  if (open.length === 0) return [];
  const policies = new Map(open.map(({ policy, charge }) => [charge.count, policy]));
  return receipts.flatMap((receipt) => {
    const policy = policies.get(receipt.charge.count);
    return policy ? [{ policy, receipt }] : [];
  });
}
