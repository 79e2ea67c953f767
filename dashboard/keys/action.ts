import type { KeyState, Policy } from "../api/answers.ts";
import type { Client, Failure, Outcome, Target } from "../api/client.ts";
import { failureText } from "../api/failure-text.ts";
import { isOverridden } from "./verdict.ts";

export const ACTIONS = ["reset", "override", "block", "lift"] as const;
export type Action = (typeof ACTIONS)[number];

export const actionNames: Readonly<Record<Action, string>> = {
  reset: "Reset",
  override: "Override",
  block: "Block",
  lift: "Lift",
};

export interface ActionRequest {
  readonly action: Action;
  readonly target: Target;
  readonly policy: Policy | undefined;
  /** As it was when the operator decided; unknown for a key out of a list. */
  readonly state?: KeyState;
}

/** What an operator has filled in. */
export interface Choices {
  readonly limit: string;
  readonly untilMs: number;
  /** With `lift`: counts and lockout are forgotten as well. */
  readonly alsoReset: boolean;
}

/** Whether there is nothing that a lift could end: the key is refused by its quotas, or not at all. */
const isFree = (state: KeyState | undefined): boolean =>
  state !== undefined && !state.states.some(isOverridden);

/** Whether ending its override would leave the key refused, so that only a reset lets it in. */
export const needsReset = ({ states, locked_out_seconds }: KeyState): boolean =>
  locked_out_seconds > 0 || states.some((state) => state.remaining === 0 && !isOverridden(state));

/** What will happen, before the operator says yes. */
export function consequence({ action, state }: ActionRequest): string {
  switch (action) {
    case "reset":
      return "What this key has used is forgotten, and a lockout ends. An override stays.";
    case "override":
      return "This key gets another limit until the time you choose. Then the configured one is back in force.";
    case "block":
      return "Every request with this key is refused until the time you choose, however much room it has.";
    case "lift":
      return isFree(state)
        ? "This key has no override or block. To let it in, forget what it has used."
        : "The override or block of this key ends, and the configured limit is back in force.";
  }
}

/** What happened. */
export function result({ action, state }: ActionRequest, { alsoReset }: Choices): string {
  switch (action) {
    case "reset":
      return "The key starts from nothing used.";
    case "override":
      return "The other limit is set.";
    case "block":
      return "The key is blocked.";
    case "lift":
      if (isFree(state))
        return alsoReset ? "The key starts from nothing used." : "There was no override to end.";
      return alsoReset
        ? "The override is gone, and the key starts from nothing used."
        : "The override is gone.";
  }
}

/** When a change is felt everywhere. */
export function takesEffect(policy: Policy | undefined): string {
  const lease = policy?.lease ? "; leases already handed out last to their end" : "";
  return `It takes effect with the next call to the store, at the latest in 10 s${lease}.`;
}

/** What went wrong. All actions may be repeated, which matters where nobody knows whether this one was done. */
export function actionFailureText(failure: Failure): string {
  const isInDoubt = failure.kind === "unreachable" || (failure.kind === "refused" && failure.status >= 500);
  const doubt = "It may have been done all the same; doing it again does no harm.";
  return isInDoubt ? `${failureText(failure)} ${doubt}` : failureText(failure);
}

/** Does it. A lift that also resets is two calls, and ends at the first that fails. */
export async function perform(
  client: Client,
  action: Action,
  target: Target,
  { limit, untilMs, alsoReset }: Choices,
): Promise<Outcome<KeyState>> {
  const until = new Date(untilMs).toISOString();
  switch (action) {
    case "reset":
      return client.reset(target);
    case "override":
      return client.override(target, {
        limit: /^\s*\d+\s*$/.test(limit) ? Number(limit) : limit.trim(),
        until,
      });
    case "block":
      return client.override(target, { limit: 0, until });
    case "lift": {
      const lifted = await client.lift(target);
      return lifted.ok && alsoReset ? client.reset(target) : lifted;
    }
  }
}
