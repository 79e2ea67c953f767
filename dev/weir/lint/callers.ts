import type { Policy } from "../../../src/config/config.ts";
import type { KeyPart } from "../../../src/config/key-expression.ts";
import { partName } from "../../../src/key/key-part.ts";
import { type Advice, about, active, type PlacedPolicy, type Rule } from "./advice.ts";
import { coverAll } from "./coverage.ts";
import { isUnverified, keyText, partsOf } from "./key-text.ts";

/** Keys that callers write themselves, on requests that nothing else limits. */
export const unverifiedKey: Rule = (linted) =>
  active(linted).flatMap((placed) => {
    const { key } = placed.policy;
    const written = partsOf(key).find(isUnverified);
    if (!written || active(linted).some(({ policy }) => holdsBehind(policy, placed.policy))) return [];
    return about(placed, "unverified-key", "key")(
      `callers write "${partName(written)}" themselves, and no policy limits the same requests by address`,
      "whoever sends another value each time starts afresh each time and is never refused",
      `add a policy with key = "ip" for the same requests, with room for all who may share an address`,
    );
  });

/** Whether a policy limits by nothing that callers make up, wherever the other applies. */
function holdsBehind(policy: Policy, other: Policy): boolean {
  return (
    policy.mode === "enforce" &&
    policy.on === other.on &&
    policy.key.every(({ orNone }) => !orNone) &&
    !partsOf(policy.key).some((part) => isUnverified(part) || part.kind === "param" || part.kind === "mcp") &&
    coverAll(policy.match, other.match)
  );
}

/** Lockouts that a stranger can bring about for somebody else. */
export const lockoutOfOthers: Rule = (linted) =>
  active(linted).flatMap((placed) => {
    const { key, lockout } = placed.policy;
    const parts = partsOf(key);
    const written = parts.find((part) => isUnverified(part) || part.kind === "param");
    if (!lockout || !written || key.some(({ parts: [first] }) => first?.kind === "ip")) return [];
    return about(placed, "lockout-of-others", "lockout")(
      `whoever knows another caller's "${partName(written)}" can lock that caller out`,
      "the value is the sender's word, so its refusals may be a stranger's doing",
      `key the lockout by address ("ip", or "${keyText(key)} + ip")`,
    );
  });

/** Tables whose row callers choose, or that count together what they tell apart. */
export const tables: Rule = (linted) =>
  active(linted).flatMap((placed) => {
    const { limits, key } = placed.policy;
    if (limits.kind === "fixed") return [];
    const by = partName(limits.by);
    const field = `limit.by`;
    const advice: Advice[] = [];
    if (isUnverified(limits.by) && limits.by.kind !== "body")
      advice.push(
        about(placed, "unverified-table", field)(
          `callers choose their own row by writing "${by}"`,
          "whoever finds out the name of a larger row takes it",
          `choose by a verified claim ("jwt:plan"), or make sure that a proxy in front sets "${by}"`,
        ),
      );
    if (
      !partsOf(key).some((part) => partName(part) === by) &&
      !belongsToCaller(
        limits.by,
        key.flatMap((g) => g.parts),
      )
    )
      advice.push(
        about(placed, "table-part-not-in-key", field)(
          `the table chooses by "${by}", which is not in the key "${keyText(key)}"`,
          `a table picks the limit and never adds to the key: all values of "${by}" use up one count together, each measured by its own limit`,
          `to count each by itself write key = "${keyText(key)} + ${by}"; as it is, it suits only what goes with the caller, such as a plan`,
        ),
      );
    if (!placed.hasRest) advice.push(openTable(placed, by));
    return advice;
  });

/** A claim goes with the token that the caller is known by, and where an address is goes with the address. */
function belongsToCaller(by: KeyPart, key: readonly KeyPart[]): boolean {
  if (by.kind === "jwt") return key.some(({ kind }) => kind === "jwt");
  return ["country", "asn", "colo"].includes(by.kind) && key.some(({ kind }) => kind === "ip");
}

const openTable = (placed: PlacedPolicy, by: string): Advice =>
  about(placed, "open-table", "limit")(
    `values of "${by}" without a row, and requests without the part, are not limited`,
    `a table without the row "*" leaves the rest unlimited`,
    `add "*" with a limit, or "*" = "unlimited" to say that it is meant`,
  );
