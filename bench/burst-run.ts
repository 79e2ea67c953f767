import type { StoreName } from "../src/config/config.ts";
import { sendBurst } from "../test/support/instances.ts";
import type { Fleet } from "./fleet.ts";

const LIMIT = 100;
const WINDOW_SECONDS = 10;
const REQUESTS = 1_000;
const CONNECTIONS = 50;
const PATH = "/burst";

export const BURST_POLICY = {
  name: "burst",
  match: PATH,
  key: "header:x-user-id",
  limit: `${LIMIT} per ${WINDOW_SECONDS} seconds`,
};

export interface BurstResult {
  /** False only when the answers were wrong, not when they came too late to say anything. */
  readonly ok: boolean;
  readonly text: string;
}

/** As many requests as fast as they can be sent: exactly the limit may be allowed. */
export async function runBurst(store: StoreName, fleet: Fleet): Promise<BurstResult> {
  const { answers, elapsedMs } = await sendBurst(fleet.get(store) ?? [], {
    requests: REQUESTS,
    connections: CONNECTIONS,
    path: PATH,
    caller: "burst",
  });
  const tooSlow = elapsedMs >= WINDOW_SECONDS * 1_000;
  const exact = answers.get("allowed") === LIMIT && answers.get("refused") === REQUESTS - LIMIT;
  const found = [...answers].map(([answer, times]) => `${times} ${answer}`).join(", ");
  const verdict = tooSlow ? "the machine was too slow for one window: this says nothing" : exactness(exact);
  return {
    ok: exact || tooSlow,
    text: `${store}: ${found} in ${(elapsedMs / 1_000).toFixed(1)} s, of ${REQUESTS} requests from ${CONNECTIONS} connections against ${BURST_POLICY.limit}: ${verdict}`,
  };
}

const exactness = (exact: boolean): string => (exact ? "exact" : `NOT exactly ${LIMIT} allowed`);
