import type { Config, Policy } from "../../../src/config/config.ts";

/** What could be better about a configuration that is valid. */
export interface Advice {
  /** Which rule it is from. */
  readonly rule: string;
  /** As in `POLICIES[1].key`. */
  readonly path: string;
  readonly policy?: string;
  readonly what: string;
  readonly why: string;
  /** What to do about it. */
  readonly fix: string;
}

/** A policy and where it is written. */
export interface PlacedPolicy {
  readonly policy: Policy;
  readonly path: string;
  /** The variable or field that its limit is from. */
  readonly limitPath: string;
  /** Whether its table says what becomes of values without a row. */
  readonly hasRest: boolean;
}

/** A valid configuration with what it was read from. */
export interface Linted {
  readonly config: Config;
  readonly env: Readonly<Record<string, unknown>>;
  /** In the order of the configuration. */
  readonly policies: readonly PlacedPolicy[];
}

export type Rule = (linted: Linted) => Advice[];

/** The policies that decide something. */
export const active = ({ policies }: Linted): PlacedPolicy[] =>
  policies.filter(({ policy }) => policy.mode !== "off");

/** Advice about one policy's field. */
export function about({ policy, path, limitPath }: PlacedPolicy, rule: string, field: string) {
  return (what: string, why: string, fix: string): Advice => ({
    rule,
    path: field === "limit" ? limitPath : [path, field].filter(Boolean).join("."),
    policy: policy.name,
    what,
    why,
    fix,
  });
}
