import { parseList } from "structured-headers";

/** A member of `RateLimit` or `RateLimit-Policy`: a name with its parameters. */
export interface Member {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, unknown>;
}

/** A deployment's answer, with when it was asked and answered in milliseconds of one clock. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  readonly sentMs: number;
  readonly answeredMs: number;
}

/** The members of a field by its structure (RFC 9651); undefined when the field is absent. Throws when it is malformed. */
export function membersOf({ headers }: Answer, field: string): Member[] | undefined {
  const value = headers.get(field);
  if (value === null) return undefined;
  return parseList(value).map((member) => {
    const [name, parameters] = member as [unknown, ReadonlyMap<string, unknown>];
    if (typeof name !== "string") throw new Error("a member is no String");
    return { name, parameters };
  });
}

/** A quota as the two fields describe it together. Seconds. */
export interface AdvertisedQuota {
  readonly name: string;
  readonly limit: number;
  readonly windowSeconds: number | undefined;
  readonly remaining: number;
  readonly moreRoomSeconds: number;
}

/** What both fields say of the same quota; none where a field is malformed, which has a check of its own. */
export function quotasOf(answer: Answer): AdvertisedQuota[] {
  let policies: Member[];
  let states: Member[];
  try {
    policies = membersOf(answer, "RateLimit-Policy") ?? [];
    states = membersOf(answer, "RateLimit") ?? [];
  } catch {
    return [];
  }
  return states.flatMap(({ name, parameters }) => {
    const policy = policies.find((one) => one.name === name);
    const [limit, windowSeconds] = [policy?.parameters.get("q"), policy?.parameters.get("w")];
    const [remaining, moreRoomSeconds = 0] = [parameters.get("r"), parameters.get("t")];
    if (typeof limit !== "number" || typeof remaining !== "number" || typeof moreRoomSeconds !== "number")
      return [];
    const window = typeof windowSeconds === "number" ? windowSeconds : undefined;
    return [{ name, limit, windowSeconds: window, remaining, moreRoomSeconds }];
  });
}

/** The quota that will refuse first. */
export function tightest(quotas: readonly AdvertisedQuota[]): AdvertisedQuota | undefined {
  return quotas.toSorted((one, other) => one.remaining - other.remaining)[0];
}
