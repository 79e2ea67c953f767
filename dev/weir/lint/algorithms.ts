import type { NamedQuota, Policy } from "../../../src/config/config.ts";
import { about, active, type Rule } from "./advice.ts";

/** What fixed windows let through around a boundary. */
export const fixedWindow: Rule = (linted) =>
  active(linted).flatMap((placed) =>
    quotasOf(placed.policy)
      .filter(({ quota }) => quota.algorithm === "fixed-window")
      .slice(0, 1)
      .map(({ quota, text }) =>
        about(placed, "fixed-window", "algorithm")(
          `"${text}" lets ${2 * quota.limit} through within a moment around a boundary`,
          "windows follow the clock: the old one may be used up in its last second and the new one in its first, by all callers at once",
          `use the default, "sliding-window", which holds in any span; or halve the limit`,
        ),
      ),
  );

export function quotasOf({ limits }: Policy): readonly NamedQuota[] {
  return limits.kind === "fixed" ? limits.quotas : [...limits.rows.values(), limits.rest].flat();
}
