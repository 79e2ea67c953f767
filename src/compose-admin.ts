import { createAdmin } from "./admin/admin.ts";
import { createAudit } from "./admin/audit.ts";
import { createRoutes, type RoutesParts } from "./admin/create-routes.ts";
import { createDesk } from "./admin/desk.ts";
import { createKeyOperations } from "./admin/key-operations.ts";
import { createLookup } from "./admin/lookup.ts";
import { createOwnLimits, type OwnLimitsParts } from "./admin/own-limits.ts";
import { createOwnQuota } from "./admin/own-quota.ts";
import { createSignIn } from "./admin/sign-in.ts";
import { systemClock } from "./clock.ts";
import type { Stores } from "./compose-stores.ts";
import type { Config } from "./config/config.ts";
import type { Own } from "./http/limiter.ts";
import type { Digest } from "./key/digest.ts";
import type { Log } from "./metrics/log.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { LuaTexts } from "./store/scripts/lua.ts";

/** A minute, for each address. */
const MAX_WRONG_TOKENS = 5;
const MAX_QUESTIONS = 60;

/** What comes with the Worker and is not its code. */
export interface Attachments extends Pick<RoutesParts, "page" | "openapi" | "version"> {
  /** The template of `http/refusal-page.ts`. */
  readonly refusalPage: string;
  readonly lua: LuaTexts;
}

export interface OwnPathsParts
  extends Pick<OwnLimitsParts, "matcher" | "chargeRequest" | "verifyToken" | "newDeadline">,
    Pick<RoutesParts, "fingerprint" | "readMetrics">,
    Pick<Stores, "store" | "knownRefusal" | "administration" | "report"> {
  readonly config: Config;
  readonly digest: Digest;
  readonly log: Log;
  readonly count: Metrics["count"];
  readonly attachments: Attachments;
}

/** What answers below `/_weir`. */
export function createOwnPaths(parts: OwnPathsParts): Own {
  const { config, log, attachments } = parts;
  const desk = createDesk(parts);
  const quota = (name: string, limit: number) => createOwnQuota({ ...parts, desk }, name, limit);
  const ownLimits = createOwnLimits({
    ...parts,
    policies: config.policies,
    desk,
    quota: quota("limits", MAX_QUESTIONS),
  });
  const keys = createKeyOperations({ ...parts, desk, audit: createAudit(parts.count), now: systemClock });
  const { adminToken: token } = config;
  return createAdmin({
    routes: createRoutes({
      ...parts,
      ...attachments,
      ownLimits,
      keys,
      lookup: createLookup({ ...parts, desk }),
    }),
    signIn: token === undefined ? undefined : createSignIn(token, quota("sign-in", MAX_WRONG_TOKENS)),
    log,
  });
}
