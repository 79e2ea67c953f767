import type { Answer } from "./answer.ts";

/** What a probe asks of the outside. */
export interface World {
  readonly fetch: typeof fetch;
  /** Milliseconds of a clock that never runs back. */
  readonly now: () => number;
  /** Epoch milliseconds. */
  readonly wallClock: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
  /** Asks before many requests are sent; undefined when nobody is there to answer. */
  readonly confirm: (question: string) => Promise<boolean | undefined>;
}

export interface Target {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** A deployment as one caller sees it, who counts how often it asked. */
export interface Deployment {
  /** Rejects when there is no answer. */
  ask(): Promise<Answer>;
  readonly asked: number;
}

/** The page that the requests say they are from. */
const ORIGIN = "https://weir-probe.example";
const TIMEOUT_MS = 30_000;

export function createDeployment({ url, method, headers }: Target, { fetch, now }: World): Deployment {
  let asked = 0;
  return {
    async ask() {
      asked += 1;
      const sentMs = now();
      const response = await fetch(url, {
        method,
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: [
          ["Origin", ORIGIN],
          ["Accept", "application/json"],
          ...headers.map(([name, value]): [string, string] => [name, value]),
        ],
      });
      const answeredMs = now();
      return {
        status: response.status,
        headers: response.headers,
        body: await response.text(),
        sentMs,
        answeredMs,
      };
    },
    get asked() {
      return asked;
    },
  };
}
