import type { Config } from "../config/config.ts";
import { checkTable, type Field, required } from "../config/fields.ts";
import { didYouMean } from "../config/nearest.ts";
import { collectProblems, type Problem } from "../config/problem.ts";
import { bad, ok } from "../config/result.ts";
import type { Digest } from "../key/digest.ts";
import { badRequest, failure, jsonAnswer } from "./answers.ts";
import type { Audit, Change } from "./audit.ts";
import type { Desk } from "./desk.ts";
import { isoTime, keyStateOf } from "./key-state.ts";
import { limitField, overridesOf, untilField, type WrittenLimit } from "./override-fields.ts";
import { readJson } from "./read-json.ts";
import type { Handler } from "./routes.ts";
import { chargesOf, type Target, targetOf, targetSchema } from "./target.ts";

export interface KeyOperationParts {
  readonly config: Pick<Config, "policies" | "ipv6Prefix">;
  readonly digest: Digest;
  readonly desk: Desk;
  readonly audit: Audit;
  readonly now: () => number;
}

/** What operators do to a key: each answers how it stands afterwards. */
export interface KeyOperations {
  readonly peek: Handler;
  readonly reset: Handler;
  readonly override: Handler;
  readonly lift: Handler;
}

export function createKeyOperations({ config, digest, desk, audit, now }: KeyOperationParts): KeyOperations {
  const { policies, ipv6Prefix } = config;

  /** An operation on the key that a body names, by what `act` does to it. `act` returns what kept it from doing so. */
  function operation(act: Act, limited: (nowMs: number) => typeof unlimited = () => unlimited): Handler {
    return async (request) => {
      const read = await readJson(request);
      if (read instanceof Response) return read;
      const { problems, report } = collectProblems();
      const fields = checkTable({ ...targetSchema, ...limited(now()) }, read.body, "", report);
      const policy = policies.find(({ name }) => name === fields.policy);
      if (fields.policy !== undefined && !policy) return unknownPolicy(fields.policy, policies);
      const target = policy && (await targetOf(policy, fields, { ipv6Prefix, digest }, report));
      if (!target || problems.length > 0) return badRequest(problems);
      const problem = await act(target, fields);
      if (problem) return badRequest([problem]);
      return jsonAnswer(keyStateOf(target, await desk.peek(chargesOf(target))));
    };
  }

  /** Waits for a change, and leaves a line about it: also when nobody knows whether it was made. */
  async function change(
    { policy, key }: Target,
    making: Promise<void>,
    what: Pick<Change, "operation" | "limit" | "until">,
  ): Promise<undefined> {
    const line = { policy: policy.name, digest: key, ...what };
    try {
      await making;
    } catch (error) {
      audit({ ...line, outcome: "unknown" });
      throw error;
    }
    audit(line);
  }

  return {
    peek: operation(async () => undefined),

    reset: operation((target) => change(target, desk.reset(chargesOf(target)), { operation: "reset" })),

    override: operation(
      async (target, { limit = 0, until: untilMs = 0 }) => {
        const overrides = overridesOf(target, limit, untilMs);
        if (!overrides.ok) return { path: "limit", message: overrides.problem };
        const limits = overrides.value.map((one) => one.limit).join(", ");
        const what = { operation: "override" as const, limit: limits, until: isoTime(untilMs) };
        return change(target, desk.override(overrides.value), what);
      },
      (nowMs) => ({ limit: required(limitField), until: untilField(nowMs) }),
    ),

    lift: operation((target) => {
      const ends = chargesOf(target).map((charge) => ({ charge, limit: undefined, untilMs: 0 }));
      return change(target, desk.override(ends), { operation: "lift" });
    }),
  };
}

function unknownPolicy(name: string, policies: Config["policies"]): Response {
  const names = policies.map((policy) => policy.name);
  const hint = didYouMean(name, names) || `; there are: ${names.join(", ")}`;
  return failure(404, `There is no policy of this name${hint}`);
}

/** Does something to a key. Returns what is wrong if it did nothing. */
type Act = (
  target: Target,
  fields: { readonly limit?: WrittenLimit | undefined; readonly until?: number | undefined },
) => Promise<Problem | undefined>;

const notForThis: Field<undefined> = (input) =>
  input === undefined ? ok(undefined) : bad("is only for overrides");

/** The fields that only an override has. */
const unlimited: {
  readonly limit: Field<WrittenLimit | undefined>;
  readonly until: Field<number | undefined>;
} = {
  limit: notForThis,
  until: notForThis,
};
