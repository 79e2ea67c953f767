import { aheadOf, receiptOf } from "../limit/ahead.ts";
import type { Charge, Decision, Receipt, Standing } from "../limit/charge.ts";
import type { Quota } from "../limit/quota.ts";
import type { Settlement } from "../limit/settle.ts";
import { luaScripts } from "./scripts/lua.ts";
import type { Store } from "./store.ts";
import { createUpstashRest } from "./upstash-rest.ts";

export interface UpstashOptions {
  readonly url: string;
  readonly token: string;
  /** First part of every key. */
  readonly namespace: string;
  /** Called when a stored value could not be read and was taken for empty. */
  readonly onCorrupt: () => void;
  /** Takes the place of the server's clock, in tests. */
  readonly now?: () => number;
}

const LETTERS: { readonly [A in Quota["algorithm"]]: string } = {
  "sliding-window": "s",
  "token-bucket": "t",
  "fixed-window": "f",
  // Kept alike: what it is refused and given back for is not the script's to know.
  concurrency: "s",
};
/** What the scripts read for a charge without a lockout. */
const NO_LOCKOUT = "-";
/** Of a charge that wants no permits. */
const NO_AHEAD = { units: -1, holdMs: 0 };
/** Numbers of the reply before the decisions, for each decision, and for each standing. */
const HEAD = 2;
const PER_DECISION = 9;
const PER_STANDING = 4;

/**
 * Counts in Upstash Redis over REST: one script call for all charges of a request, by the server's clock.
 * One attempt only: a call that failed may have counted.
 */
export function createUpstashStore({ url, token, namespace, onCorrupt, now }: UpstashOptions): Store {
  const run = createRunner(url, token);
  const clockArgs = () => (now ? [now()] : []);
  // Stock Redis behind a REST proxy refuses the flag.
  const scripts = luaScripts(/\.upstash\.io$/.test(new URL(url).hostname), now ? "argument" : "server");
  const redisKeys = (keys: readonly string[]) => keys.map((key) => `${namespace}:${key}`);

  return {
    async take(charges, deadline) {
      const keys = keysOf(charges);
      const args = [...charges.flatMap((charge) => takeArgs(charge, keys)), ...clockArgs()];
      const numbers = wholeNumbers(await run(scripts.take, redisKeys(keys), args, deadline.signal()));
      if (numbers.length !== HEAD + charges.length * PER_DECISION)
        throw new Error("unexpected reply of the script");
      const [admitted, corrupt = 0] = numbers;
      if (corrupt > 0) onCorrupt();
      const replies = charges.map((_, i) =>
        numbers.slice(HEAD + i * PER_DECISION, HEAD + (i + 1) * PER_DECISION),
      );
      const decisions = replies.map(readDecision);
      const receipts = decisions.flatMap((decision, i): Receipt[] => {
        const charge = charges[i];
        const epoch = replies[i]?.[PER_DECISION - 1] ?? 0;
        return admitted === 1 && charge && decision.allowed ? [receiptOf(charge, decision, epoch)] : [];
      });
      const outcomes = decisions.map((decision) => ({ kind: "decided", decision }) as const);
      return { admitted: admitted === 1, outcomes, receipts, final: true };
    },

    async settle(settlements, deadline) {
      const keys = keysOf(settlements.map(({ receipt }) => receipt.charge));
      const args = [...settlements.flatMap((settlement) => settlementArgs(settlement, keys)), ...clockArgs()];
      const [corrupt = 0, ...numbers] = wholeNumbers(
        await run(scripts.settle, redisKeys(keys), args, deadline.signal()),
      );
      if (corrupt > 0) onCorrupt();
      return settlements.map((_, i) => readStanding(numbers.slice(i * PER_STANDING)));
    },
  };
}

type Run = (
  script: string,
  keys: string[],
  args: (string | number)[],
  signal: AbortSignal,
) => Promise<unknown>;

/** Runs scripts by their digest, and by their text only where the server does not know it yet. */
function createRunner(url: string, token: string): Run {
  const digests = new Map<string, string>();
  const send = createUpstashRest(url, token);
  return async (script, keys, args, signal) => {
    const digest = digests.get(script) ?? (await sha1(script));
    digests.set(script, digest);
    try {
      return await send(["EVALSHA", digest, keys.length, ...keys, ...args], signal);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return send(["EVAL", script, keys.length, ...keys, ...args], signal);
    }
  };
}

async function sha1(script: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(script));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const keysOf = (charges: readonly Charge[]): string[] => [...new Set(charges.map(({ key }) => key))];

type Args = (string | number)[];

function chargeArgs({ key, count, quota, cost, lockout }: Charge, keys: readonly string[]): Args {
  const { algorithm, limit, windowMs, burst } = quota;
  return [
    keys.indexOf(key) + 1,
    count,
    LETTERS[algorithm],
    limit,
    windowMs,
    burst,
    cost,
    lockout?.id ?? NO_LOCKOUT,
  ];
}

function takeArgs(charge: Charge, keys: readonly string[]): Args {
  const { refusals = 0, withinMs = 0, durationMs = 0 } = charge.lockout ?? {};
  const { units, holdMs } = aheadOf(charge) ?? NO_AHEAD;
  return [...chargeArgs(charge, keys), charge.shadow ? 1 : 0, refusals, withinMs, durationMs, units, holdMs];
}

function settlementArgs({ receipt, cost }: Settlement, keys: readonly string[]): Args {
  return [...chargeArgs(receipt.charge, keys), receipt.epoch, receipt.timeMs, cost];
}

function wholeNumbers(reply: unknown): number[] {
  if (!Array.isArray(reply) || !reply.every(Number.isSafeInteger))
    throw new Error("unexpected reply of the script");
  return reply;
}

function readDecision([allowed, wait = 0, lockedOut, ...numbers]: readonly number[]): Decision {
  const permits = numbers[PER_STANDING] ?? -1;
  return {
    allowed: allowed === 1,
    retryAfterMs: wait < 0 ? Number.POSITIVE_INFINITY : wait,
    ...(lockedOut === 1 && { lockedOut: true }),
    ...readStanding(numbers),
    ...(permits >= 0 && { permits }),
  };
}

function readStanding([remaining = 0, moreRoomMs = 0, resetMs = 0, nowMs = 0]: readonly number[]): Standing {
  return { remaining, moreRoomMs, resetMs, nowMs };
}
