import type { KeyState, Policy } from "../api/answers.ts";
import type { KeyParts, Target } from "../api/client.ts";

/** The parts of all policies that an operator can give a value for, each once. */
export function askableParts(policies: readonly Policy[]): string[] {
  return [...new Set(policies.flatMap(partsOf))].filter((part) => part !== "global");
}

const partsOf = ({ parts, table }: Policy): readonly string[] => (table ? [...parts, table.by] : parts);

/**
 * The key that a policy's state is of. By what was looked up as far as the policy asks for it, because a digest says nothing
 * of the row that a table chose; by its digest where nothing was.
 */
export function targetOf(state: KeyState, policy: Policy | undefined, given: KeyParts | undefined): Target {
  if (!given || !policy) return { policy: state.policy, digest: state.key };
  const wanted = partsOf(policy);
  const key = Object.fromEntries(Object.entries(given).filter(([part]) => wanted.includes(part)));
  return { policy: state.policy, key };
}
