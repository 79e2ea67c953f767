import type { Config, OutageStep } from "../config/config.ts";
import type { ChargeRequest, PolicyCharge } from "../key/charges.ts";
import { createAddressReader } from "../key/client-address.ts";
import type { RequestFacts } from "../key/request-facts.ts";
import type { Receipt } from "../limit/charge.ts";
import { CONCURRENCY } from "../limit/quota.ts";
import type { Log } from "../metrics/log.ts";
import type { LimitType } from "../metrics/series.ts";
import type { MatchedPolicy, Matcher } from "../policy/match.ts";
import { isInNetworks } from "../policy/networks.ts";
import type { Deadline } from "../store/deadline.ts";
import type { Ladder } from "../store/ladder.ts";
import type { Slots } from "../store/slots.ts";
import type { Store, StoreCharge, TakeAnswer } from "../store/store.ts";
import { advertised, type Provisional, provisional } from "./outcomes.ts";
import type { RecordDecision } from "./record.ts";
import { type Incoming, isSocketUpgrade, readRequest } from "./request-facts.ts";
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
  readonly slots: Pick<Slots, "expectedWaitMs">;
  /** The longest that one request waits for its stores and key endpoints. */
  readonly newDeadline: () => Deadline;
  readonly log: Log;
  readonly record: RecordDecision;
}

/** What was decided of a request, before anything is forwarded. */
export type Verdict =
  | { readonly kind: "denied" | "unlimited" | "unavailable" }
  /** For Weir itself. */
  | { readonly kind: "own"; readonly incoming: Incoming }
  | { readonly kind: "refused"; readonly applied: readonly Applied[] }
  | {
      readonly kind: "admitted";
      readonly applied: readonly Applied[];
      readonly provisional: readonly Provisional[];
      /** What counts until it is over. */
      readonly held: readonly Receipt[];
      /** What each message of the socket that this request opens is charged with. */
      readonly messages: readonly PolicyCharge[];
    };

/** Decides a request. Never rejects: a fault of Weir's own leads to the policies' steps. */
export type Decide = (request: Request, url: URL, reader: RequestReader) => Promise<Verdict>;

/** Reserved for Weir itself: never forwarded. */
const OWN_PATHS = /^\/_weir(\/|$)/;

export function createDecide(parts: DecideParts): Decide {
  const { config, matcher, chargeRequest, store, knownRefusal, ladder, slots, newDeadline, log, record } =
    parts;
  const readAddress = createAddressReader(config.clientIp, config.ipv6Prefix);

  return async (request, url, reader) => {
    let matched: readonly MatchedPolicy[] | undefined;
    try {
      const incoming = readRequest(request, url, readAddress);
      if (isInNetworks(incoming.address, config.deny)) return { kind: "denied" };
      if (incoming.paths.some((path) => OWN_PATHS.test(path))) return { kind: "own", incoming };
      if (isInNetworks(incoming.address, config.allow) || matcher.isExempt(incoming))
        return { kind: "unlimited" };
      const isUpgrade = isSocketUpgrade(request);
      matched = matcher.match(incoming).filter(({ policy }) => policy.on === "request" || isUpgrade);
      if (matched.length === 0) return { kind: "unlimited" };
      return await decideCharges(matched, incoming, reader, isUpgrade ? "ws_connection" : "http");
    } catch (error) {
      return faulty(error, matched);
    }
  };

  /** Looks at the request only as far as it takes: known refusals come before tokens and bodies. */
  async function decideCharges(
    matched: readonly MatchedPolicy[],
    incoming: Incoming,
    reader: RequestReader,
    type: LimitType,
  ): Promise<Verdict> {
    const chargesOf = chargeRequest(matched);
    const deadline = newDeadline();
    try {
      let facts: RequestFacts = incoming;
      for (;;) {
        const { known, needs } = await chargesOf(facts);
        const asked = known.filter(({ policy }) => policy.on !== "message");
        const messages = known.filter(({ policy }) => policy.on === "message");
        if (needs === undefined) return await take(asked, messages, deadline, type);
        const refusal = knownRefusal(asked.map(({ charge }) => charge));
        if (refusal) {
          record(type, asked, refusal);
          return { kind: "refused", applied: advertised(asked, refusal, slots) };
        }
        facts = await reader.look(needs, facts, deadline);
      }
    } finally {
      deadline.clear();
    }
  }

  async function take(
    charges: readonly PolicyCharge[],
    messages: readonly PolicyCharge[],
    deadline: Deadline,
    type: LimitType,
  ): Promise<Verdict> {
    if (charges.length === 0) {
      if (messages.length === 0) return { kind: "unlimited" };
      record(type, charges, undefined);
      return { kind: "admitted", applied: [], provisional: [], held: [], messages };
    }
    const own = charges.map(({ charge }) => charge);
    const answer = await store.take(own, deadline).catch((error: unknown) => {
      logFault(log, error);
      return ladder.take(own, deadline);
    });
    record(type, charges, answer);
    const applied = advertised(charges, answer, slots);
    if (!answer.admitted) return { kind: "refused", applied };
    const held = answer.receipts.filter(({ charge }) => charge.quota.algorithm === CONCURRENCY);
    return { kind: "admitted", applied, provisional: provisional(charges, answer), held, messages };
  }

  /** A fault before there are charges leads to the policies' steps, but nothing can be counted. */
  function faulty(error: unknown, matched: readonly MatchedPolicy[] | undefined): Verdict {
    logFault(log, error);
    const steps: OutageStep[] = matched
      ? matched.map(({ policy }) => (policy.mode === "enforce" ? policy.onError : "open"))
      : [config.onError];
    return { kind: steps.includes("closed") ? "unavailable" : "unlimited" };
  }
}

export function logFault(log: Log, error: unknown): void {
  log("fault", { message: error instanceof Error ? error.message : String(error) });
}
