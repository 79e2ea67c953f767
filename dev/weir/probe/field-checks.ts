import { type Answer, type Member, membersOf, quotasOf } from "./answer.ts";
import { type Finding, failed, passed, skipped, verdict } from "./finding.ts";

/** Whether both fields are Lists of Strings with whole numbers, and speak of the same quotas. */
export function checkFields(answer: Answer): Finding {
  const name = "RateLimit fields";
  let policies: Member[] | undefined;
  let states: Member[] | undefined;
  try {
    policies = membersOf(answer, "RateLimit-Policy");
    states = membersOf(answer, "RateLimit");
  } catch (error) {
    return failed(name, `not a List of Strings: ${error instanceof Error ? error.message : error}`);
  }
  if (!policies && !states)
    return skipped(name, "there are none: nothing limits this request, or HEADERS leaves them out");
  const known = policies ?? [];
  return verdict(
    name,
    [
      ...(policies ? [] : ["RateLimit without RateLimit-Policy"]),
      ...known.flatMap((member) => wholeNumbers(member, ["q"], ["w"])),
      ...(states ?? []).flatMap((member) => wholeNumbers(member, ["r"], ["t"])),
      ...(states ?? [])
        .filter(({ name: state }) => !known.some((policy) => policy.name === state))
        .map(({ name: state }) => `"${state}" has no policy`),
    ],
    `${known.map(describe).join(", ")}`,
  );
}

function describe({ name, parameters }: Member): string {
  const window = parameters.get("w");
  return `${name} ${parameters.get("q")}${window === undefined ? "" : ` in ${window} s`}`;
}

function wholeNumbers(
  { name, parameters }: Member,
  required: readonly string[],
  optional: readonly string[],
): string[] {
  return [...required, ...optional].flatMap((key) => {
    const value = parameters.get(key);
    if (value === undefined && optional.includes(key)) return [];
    return Number.isInteger(value) && (value as number) >= 0 ? [] : [`"${name}": ${key} is no whole number`];
  });
}

/** Whether the X-RateLimit fields are whole numbers that one of the quotas has. `nowMs` is the wall clock, epoch milliseconds. */
export function checkLegacy(answer: Answer, nowMs: number): Finding {
  const name = "X-RateLimit fields";
  const [limit, remaining, reset] = ["limit", "remaining", "reset"].map((part) =>
    answer.headers.get(`x-ratelimit-${part}`),
  );
  if (limit === null && remaining === null && reset === null) return skipped(name, "there are none");
  const numbers = [limit, remaining, reset].map((text) =>
    /^\d+$/.test(text ?? "") ? Number(text) : Number.NaN,
  );
  if (numbers.some(Number.isNaN)) return failed(name, "one is missing or no whole number");
  const [, left = 0, resetSeconds = 0] = numbers;
  const quotas = quotasOf(answer);
  const isKnown = quotas.length === 0 || quotas.some((quota) => quota.remaining === left);
  const isPast = resetSeconds * 1_000 < nowMs - MAX_SKEW_MS;
  return verdict(
    name,
    [
      ...(isKnown ? [] : [`Remaining is ${left}, which no quota of RateLimit has`]),
      ...(isPast ? ["Reset is in the past: it has to be epoch seconds"] : []),
    ],
    `${left} of ${limit} left`,
  );
}

/** Clocks of different machines are a little apart. */
const MAX_SKEW_MS = 60_000;

/** Whether scripts of other origins can read the fields. The answer is one to a request with `Origin`. */
export function checkExposure(answer: Answer): Finding {
  const name = "CORS exposure";
  const sent = ["RateLimit", "RateLimit-Policy", "Retry-After", "X-RateLimit-Limit"].filter((field) =>
    answer.headers.has(field),
  );
  if (sent.length === 0) return skipped(name, "no fields to expose");
  const exposed = (answer.headers.get("access-control-expose-headers") ?? "")
    .toLowerCase()
    .split(",")
    .map((field) => field.trim());
  const hidden = exposed.includes("*") ? [] : sent.filter((field) => !exposed.includes(field.toLowerCase()));
  return hidden.length > 0
    ? failed(name, `Access-Control-Expose-Headers lacks ${hidden.join(", ")}`)
    : passed(name, "scripts of other origins can read the fields");
}
