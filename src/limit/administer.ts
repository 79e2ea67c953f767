import type { Charge, KeyStanding } from "./charge.ts";
import { EMPTY_RECORD, type KeyRecord } from "./key-record.ts";
import { type OverrideEdit, withOverride } from "./override.ts";
import { withReset } from "./reset.ts";
import type { Records } from "./take.ts";
import { standing, viewOf, waitMs } from "./view.ts";

/** What an operator asks of the records of some keys. `peek` changes nothing. */
export type AdminRequest =
  | { readonly kind: "peek" | "reset"; readonly charges: readonly Charge[] }
  | { readonly kind: "override"; readonly overrides: readonly OverrideEdit[] };

/** The charges that a request is about, in their order. */
export const chargesOf = (request: AdminRequest): readonly Charge[] =>
  request.kind === "override" ? request.overrides.map(({ charge }) => charge) : request.charges;

/** Does what is asked, and returns the records that changed. */
export function administer(records: Records, request: AdminRequest, clockMs: number): Records {
  const changed = new Map<string, KeyRecord>();
  const edit = ({ key }: Charge, edited: (record: KeyRecord, nowMs: number) => KeyRecord): void => {
    const record = changed.get(key) ?? records.get(key) ?? EMPTY_RECORD;
    changed.set(key, edited(record, Math.max(clockMs, record.atMs)));
  };
  if (request.kind === "reset")
    for (const charge of request.charges) edit(charge, (record, nowMs) => withReset(record, charge, nowMs));
  if (request.kind === "override")
    for (const one of request.overrides)
      edit(one.charge, (record, nowMs) => withOverride(record, one, nowMs));
  return changed;
}

/** How a key stands under a charge's quota, as operators see it. Its cost plays no part. */
export function keyStandingOf(records: Records, charge: Charge, clockMs: number): KeyStanding {
  const view = viewOf(records.get(charge.key) ?? EMPTY_RECORD, charge, clockMs);
  const { override, lockedMs, lagMs } = view;
  const ms = waitMs(view, 1);
  return {
    ...standing(view),
    limit: override ? override.limit : charge.quota.limit,
    ...(override && { overriddenUntilMs: override.untilMs }),
    lockedMs,
    retryAfterMs: ms === 0 ? 0 : ms + lagMs,
  };
}
