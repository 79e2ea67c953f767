import type { Config } from "../config/config.ts";
import { checkTable, required } from "../config/fields.ts";
import { collectProblems } from "../config/problem.ts";
import { ok } from "../config/result.ts";
import type { Digest } from "../key/digest.ts";
import { badRequest, jsonAnswer } from "./answers.ts";
import type { Desk } from "./desk.ts";
import { parseGiven } from "./given-key.ts";
import { keyStateOf } from "./key-state.ts";
import { readJson } from "./read-json.ts";
import type { Handler } from "./routes.ts";
import { chargesOf, targetMadeOf } from "./target.ts";

export interface LookupParts {
  readonly config: Pick<Config, "policies" | "ipv6Prefix">;
  readonly digest: Digest;
  readonly desk: Pick<Desk, "peek">;
}

/** How a caller stands under every policy that is on and whose key can be made of what is known of it. */
export function createLookup({ config, digest, desk }: LookupParts): Handler {
  const decided = config.policies.filter(({ mode }) => mode !== "off");

  return async (request) => {
    const read = await readJson(request);
    if (read instanceof Response) return read;
    const { problems, report } = collectProblems();
    const { key } = checkTable({ key: required((input) => ok(input)) }, read.body, "", report);
    const given = parseGiven(key ?? {}, config.ipv6Prefix, report);
    if (problems.length > 0) return badRequest(problems);
    const made = await Promise.all(decided.map((policy) => targetMadeOf(policy, given, digest)));
    const targets = made.filter((target) => target !== undefined);
    const standings = (await desk.peek(targets.flatMap(chargesOf))).values();
    const keys = targets.map((target) => keyStateOf(target, [...standings.take(target.quotas.length)]));
    return jsonAnswer({ keys });
  };
}
