import type { Charge } from "../../../src/limit/charge.ts";
import type { KeyUse } from "./demand.ts";
import type { QuotaTally } from "./tallies.ts";

/** What a request is charged with, and who hears of it. */
export interface Plan {
  readonly charges: readonly Charge[];
  /** One for each charge. */
  readonly quotas: readonly QuotaTally[];
  /** One for each charge, as far as it has been looked up. */
  readonly uses: (KeyUse | undefined)[];
  /** Whether some policy gives back what its response does not count. */
  readonly mayRefund: boolean;
}
