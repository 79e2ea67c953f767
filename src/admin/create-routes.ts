import type { Config } from "../config/config.ts";
import { EXPOSITION_TYPE, exposition } from "../metrics/exposition.ts";
import type { ReadMetrics } from "../metrics/read-metrics.ts";
import type { MetricsSnapshot } from "../metrics/snapshot.ts";
import { failure, jsonAnswer, textAnswer } from "./answers.ts";
import type { KeyOperations } from "./key-operations.ts";
import { type Page, pageRoutes } from "./page.ts";
import { policiesView } from "./policies-view.ts";
import { type Handler, type Route, type Routes, Unavailable } from "./routes.ts";
import { snapshotView } from "./snapshot-view.ts";

export interface RoutesParts {
  readonly config: Pick<Config, "policies" | "store">;
  readonly fingerprint: string;
  readonly version: string;
  readonly ownLimits: Handler;
  readonly keys: KeyOperations;
  readonly lookup: Handler;
  /** Undefined: nothing adds metrics up. */
  readonly readMetrics: ReadMetrics | undefined;
  readonly page: Page;
  /** The description of these routes, OpenAPI 3.1 as JSON. */
  readonly openapi: string;
}

export function createRoutes(parts: RoutesParts): Routes {
  const { config, fingerprint, version, ownLimits, keys, lookup, readMetrics, page, openapi } = parts;
  const names = config.policies.map(({ name }) => name);

  const metrics =
    (show: (snapshot: MetricsSnapshot) => Response): Handler =>
    async () => {
      if (!readMetrics) return failure(404, "There are no metrics: the Worker has no binding METRICS.");
      const snapshot = await readMetrics().catch(() => {
        throw new Unavailable("Not all metrics objects answered.");
      });
      return show(snapshot);
    };

  const open = (GET: Handler): Route => ({ access: "anyone", methods: { GET } });
  const operator = (methods: Route["methods"]): Route => ({ access: "operator", methods });
  return new Map([
    ["/_weir/health", open(() => jsonAnswer({ status: "ok", version, fingerprint }))],
    ["/_weir/limits", open(ownLimits)],
    [
      "/_weir/metrics",
      operator({ GET: metrics((all) => textAnswer(exposition(all, names), EXPOSITION_TYPE)) }),
    ],
    [
      "/_weir/snapshot",
      operator({ GET: metrics((all) => jsonAnswer(snapshotView(all, names, config.store))) }),
    ],
    ["/_weir/policies", operator({ GET: () => jsonAnswer(policiesView(config, fingerprint)) })],
    ["/_weir/peek", operator({ POST: keys.peek })],
    ["/_weir/lookup", operator({ POST: lookup })],
    ["/_weir/reset", operator({ POST: keys.reset })],
    ["/_weir/overrides", operator({ PUT: keys.override, DELETE: keys.lift })],
    ["/_weir/openapi.json", operator({ GET: () => textAnswer(openapi, "application/json") })],
    ...pageRoutes(page),
  ]);
}
