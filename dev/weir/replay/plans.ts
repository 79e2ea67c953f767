import { createHash } from "node:crypto";
import type { Config } from "../../../src/config/config.ts";
import { createCharges, type PolicyCharge } from "../../../src/key/charges.ts";
import { partName } from "../../../src/key/key-part.ts";
import { CONCURRENCY } from "../../../src/limit/quota.ts";
import type { Entry } from "../log/entry.ts";
import { type Caller, factsOf } from "./callers.ts";
import type { Plan } from "./plan.ts";
import { partsRead, type Route } from "./routes.ts";
import type { QuotaTally, Tallies } from "./tallies.ts";

/** For one caller. */
const MAX_REMEMBERED = 8;
/** Longer keys are shortened by a digest. */
const MAX_KEY_LENGTH = 200;

/**
 * Works out charges with the limiter's own code, and remembers them by everything that they can depend on: most requests of a
 * log are like one before.
 */
export function createPlans(
  config: Config,
  tallies: Tallies,
): (entry: Entry, route: Route, caller: Caller) => Plan | Promise<Plan> {
  const chargeRequest = createCharges(async (text) => shortened(text));
  const distinguish = createDistinguisher(config);

  async function make(rest: string, entry: Entry, route: Route, caller: Caller): Promise<Plan> {
    const { known } = await chargeRequest(route.matched)(factsOf(entry, caller));
    const counted = known.filter(({ quota: { quota } }) => quota.algorithm !== CONCURRENCY);
    const plan: Plan = {
      charges: counted.map(({ charge }) => charge),
      quotas: counted.map(tallyOf),
      uses: counted.map(() => undefined),
      mayRefund: counted.some(({ policy }) => policy.count !== undefined),
    };
    if (caller.plans.length >= MAX_REMEMBERED) caller.plans.shift();
    caller.plans.push({ route, rest, plan });
    return plan;
  }

  const tallyOf = ({ policy, quota }: PolicyCharge): QuotaTally => tallies.of(policy, quota);

  return (entry, route, caller) => {
    const rest = distinguish(entry);
    for (const known of caller.plans) if (known.route === route && known.rest === rest) return known.plan;
    return make(rest, entry, route, caller);
  };
}

/** Everything beside route and address that charges may depend on. */
function createDistinguisher(config: Config): (entry: Entry) => string {
  const parts = config.policies.flatMap(partsRead);
  const readsQuery = parts.some(({ kind }) => kind === "query");
  const names = valueNames(config);
  if (!readsQuery && names.length === 0) return () => "";
  return ({ target, values }) => {
    const query = readsQuery && target.includes("?") ? target.slice(target.indexOf("?")) : "";
    return shortened(JSON.stringify([query, ...names.map((name) => values?.get(name))]));
  };
}

/** The values besides the address that keys, tables and costs read, as `Entry` names them. */
export function valueNames({ policies }: Config): string[] {
  const parts = policies.flatMap(partsRead).map(partName);
  const costs = policies.flatMap(({ cost }) => (cost.kind === "header" ? [`header:${cost.name}`] : []));
  const names = [...parts, ...costs].filter((name) =>
    /^(header|cookie|jwt):|^(country|asn|colo)$/.test(name),
  );
  return [...new Set([...names, ...(parts.includes("ip") ? ["header:cf-worker"] : [])])];
}

function shortened(text: string): string {
  if (text.length <= MAX_KEY_LENGTH) return text;
  return `${text.slice(0, MAX_KEY_LENGTH / 2)}...${createHash("sha256").update(text).digest("base64url")}`;
}
