import { type AdminRequest, chargesOf } from "../limit/administer.ts";
import { receiptOf } from "../limit/ahead.ts";
import type { Charge, KeyStanding, Receipt } from "../limit/charge.ts";
import type { Deadline } from "./deadline.ts";
import { type LuaTexts, luaScripts } from "./scripts/lua.ts";
import type { Administration, Store } from "./store.ts";
import { createUpstashRest } from "./upstash-rest.ts";
import {
  editArgs,
  PER_DECISION,
  PER_KEY_STANDING,
  PER_STANDING,
  readDecision,
  readKeyStanding,
  readSettled,
  settlementArgs,
  takeArgs,
  wholeNumbers,
} from "./upstash-values.ts";

export interface UpstashOptions {
  readonly url: string;
  readonly token: string;
  /** First part of every key. */
  readonly namespace: string;
  /** What its scripts are made of. */
  readonly lua: LuaTexts;
  /** Called when a stored value could not be read and was taken for empty. */
  readonly onCorrupt: () => void;
  /** Takes the place of the server's clock, in tests. */
  readonly now?: () => number;
}

/** Numbers of a reply before the decisions. */
const HEAD = 2;

/**
 * Counts in Upstash Redis over REST: one script call for all charges of a request, by the server's clock.
 * One attempt only: a call that failed may have counted.
 */
export function createUpstashStore(options: UpstashOptions): Store & Administration {
  const { url, token, namespace, lua, onCorrupt, now } = options;
  const run = createRunner(url, token);
  const clockArgs = () => (now ? [now()] : []);
  // Stock Redis behind a REST proxy refuses the flag.
  const isUpstash = /\.upstash\.io$/.test(new URL(url).hostname);
  const scripts = luaScripts(lua, isUpstash, now ? "argument" : "server");
  const redisKeys = (keys: readonly string[]) => keys.map((key) => `${namespace}:${key}`);

  async function administer(request: AdminRequest, deadline: Deadline): Promise<readonly KeyStanding[]> {
    const charges = chargesOf(request);
    if (charges.length === 0) return [];
    const keys = keysOf(charges);
    const edits = request.kind === "override" ? request.overrides : charges.map((charge) => ({ charge }));
    const args = [request.kind, ...edits.flatMap((edit) => editArgs(edit, keys)), ...clockArgs()];
    const [corrupt = 0, ...numbers] = wholeNumbers(
      await run(scripts.administer, redisKeys(keys), args, deadline.signal()),
    );
    if (numbers.length !== charges.length * PER_KEY_STANDING)
      throw new Error("unexpected reply of the script");
    if (corrupt > 0) onCorrupt();
    return partsOf(numbers, PER_KEY_STANDING).map(readKeyStanding);
  }

  return {
    async take(charges, deadline) {
      const keys = keysOf(charges);
      const args = [...charges.flatMap((charge) => takeArgs(charge, keys)), ...clockArgs()];
      const numbers = wholeNumbers(await run(scripts.take, redisKeys(keys), args, deadline.signal()));
      if (numbers.length !== HEAD + charges.length * PER_DECISION)
        throw new Error("unexpected reply of the script");
      const [admitted, corrupt = 0] = numbers;
      if (corrupt > 0) onCorrupt();
      const decided = partsOf(numbers.slice(HEAD), PER_DECISION).map(readDecision);
      const receipts = decided.flatMap(({ decision, epoch }, i): Receipt[] => {
        const charge = charges[i];
        return admitted === 1 && charge && decision.allowed ? [receiptOf(charge, decision, epoch)] : [];
      });
      const outcomes = decided.map(({ decision }) => ({ kind: "decided", decision }) as const);
      return { admitted: admitted === 1, outcomes, receipts, final: true };
    },

    async settle(settlements, deadline) {
      const keys = keysOf(settlements.map(({ receipt }) => receipt.charge));
      const args = [...settlements.flatMap((settlement) => settlementArgs(settlement, keys)), ...clockArgs()];
      const [corrupt = 0, ...numbers] = wholeNumbers(
        await run(scripts.settle, redisKeys(keys), args, deadline.signal()),
      );
      if (corrupt > 0) onCorrupt();
      return partsOf(numbers, PER_STANDING).map(readSettled);
    },

    peek: (charges, deadline) => administer({ kind: "peek", charges }, deadline),
    reset: async (charges, deadline) => void (await administer({ kind: "reset", charges }, deadline)),
    override: async (overrides, deadline) =>
      void (await administer({ kind: "override", overrides }, deadline)),
  };
}

/** A list in parts of so many. */
const partsOf = (numbers: readonly number[], length: number): number[][] =>
  Array.from({ length: numbers.length / length }, (_, i) => numbers.slice(i * length, (i + 1) * length));

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
