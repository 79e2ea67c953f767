import type { Config } from "../config/config.ts";
import { checkTable, type Field, required } from "../config/fields.ts";
import { didYouMean } from "../config/nearest.ts";
import type { Problem, Report } from "../config/problem.ts";
import { bad, ok } from "../config/result.ts";
import type { Digest } from "../key/digest.ts";
import { badRequest, failure, jsonAnswer } from "./answers.ts";
import type { Audit } from "./audit.ts";
import type { Desk } from "./desk.ts";
import { parseGiven } from "./given-key.ts";
import { isoTime, keyStateOf } from "./key-state.ts";
import { limitField, overridesOf, untilField, type WrittenLimit } from "./override-fields.ts";
import { readJson } from "./read-json.ts";
import type { Handler } from "./routes.ts";
import { chargesOf, type Target, targetMadeOf, targetOf, targetSchema } from "./target.ts";

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
  readonly lookup: Handler;
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
      const problems: Problem[] = [];
      const report: Report = (path, message) => problems.push({ path, message });
      const fields = checkTable({ ...targetSchema, ...limited(now()) }, read.body, "", report);
      const policy = policies.find(({ name }) => name === fields.policy);
      if (fields.policy !== undefined && !policy) return unknownPolicy(fields.policy);
      const target = policy && (await targetOf(policy, fields, { ipv6Prefix, digest }, report));
      if (!target || problems.length > 0) return badRequest(problems);
      const problem = await act(target, fields);
      if (problem) return badRequest([problem]);
      return jsonAnswer(keyStateOf(target, await desk.peek(chargesOf(target))));
    };
  }

  function unknownPolicy(name: string): Response {
    const names = policies.map((policy) => policy.name);
    const hint = didYouMean(name, names) || `; there are: ${names.join(", ")}`;
    return failure(404, `There is no policy of this name${hint}`);
  }

  async function lookup(request: Request): Promise<Response> {
    const read = await readJson(request);
    if (read instanceof Response) return read;
    const problems: Problem[] = [];
    const report: Report = (path, message) => problems.push({ path, message });
    const { key } = checkTable({ key: required((input) => ok(input)) }, read.body, "", report);
    const given = parseGiven(key ?? {}, ipv6Prefix, report);
    if (problems.length > 0) return badRequest(problems);
    const decided = policies.filter(({ mode }) => mode !== "off");
    const made = await Promise.all(decided.map((policy) => targetMadeOf(policy, given, digest)));
    const targets = made.filter((target) => target !== undefined);
    const standings = (await desk.peek(targets.flatMap(chargesOf))).values();
    const keys = targets.map((target) => keyStateOf(target, [...standings.take(target.quotas.length)]));
    return jsonAnswer({ keys });
  }

  const changed = ({ policy, key }: Target, operation: string, more: Readonly<Record<string, string>> = {}) =>
    audit({ operation, policy: policy.name, digest: key, ...more });

  return {
    lookup,
    peek: operation(async () => undefined),

    reset: operation(async (target) => {
      await desk.reset(chargesOf(target));
      changed(target, "reset");
      return undefined;
    }),

    override: operation(
      async (target, { limit = 0, until: untilMs = 0 }) => {
        const overrides = overridesOf(target, limit, untilMs);
        if (!overrides.ok) return { path: "limit", message: overrides.problem };
        await desk.override(overrides.value);
        const limits = overrides.value.map((one) => one.limit).join(", ");
        changed(target, "override", { limit: limits, until: isoTime(untilMs) });
        return undefined;
      },
      (nowMs) => ({ limit: required(limitField), until: untilField(nowMs) }),
    ),

    lift: operation(async (target) => {
      await desk.override(chargesOf(target).map((charge) => ({ charge, limit: undefined, untilMs: 0 })));
      changed(target, "lift");
      return undefined;
    }),
  };
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
