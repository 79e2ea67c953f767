import { createChoice, createRandom } from "./random.ts";

/** One made-up request. */
export interface SampleRequest {
  /** Epoch milliseconds. */
  readonly timeMs: number;
  readonly address: string;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly bytes: number;
  readonly userAgent: string;
}

export interface TrafficOptions {
  readonly seed: number;
  readonly requests: number;
  readonly callers: number;
  readonly days: number;
}

/** 2026-11-02 00:00 UTC, a Monday. */
const START_MS = Date.UTC(2026, 10, 2);
const DAY_MS = 86_400_000;
const AGENTS = [
  [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    50,
  ],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1",
    30,
  ],
  ["python-requests/2.32.5", 10],
  ["curl/8.16.0", 10],
] as const;

/** Path makers by how often they are asked for. */
const PATHS = [
  ["static", 45],
  ["page", 25],
  ["item", 15],
  ["search", 9],
  ["message", 5],
  ["login", 1],
] as const;
type Kind = (typeof PATHS)[number][0];

/**
 * Requests in the order of their times: few callers send most (the n-th about 1/n of the first's), traffic follows the time of
 * day with its low at 4:00 UTC, and once a day a caller guesses passwords for ten minutes. Equal options, equal requests.
 */
export function* sampleTraffic({ seed, requests, callers, days }: TrafficOptions): Generator<SampleRequest> {
  const random = createRandom(seed);
  const kindOf = createChoice<Kind>(PATHS, random);
  const agentOf = createChoice<string>(AGENTS, random);
  const meanGapMs = (days * DAY_MS) / requests;
  let timeMs = START_MS;
  for (let i = 0; i < requests; i++) {
    timeMs += (-Math.log(1 - random()) * meanGapMs) / rhythm(timeMs);
    const isGuessing = timeMs % DAY_MS < 600_000 && random() < 0.2;
    const rank = isGuessing ? callers + Math.floor(timeMs / DAY_MS) : Math.floor(callers ** random());
    const kind = isGuessing ? "login" : kindOf();
    const asked = requestOf(kind, random);
    yield { timeMs: Math.floor(timeMs), address: addressOf(rank), userAgent: agentOf(), ...asked };
  }
}

/** How busy it is, around 1. */
const rhythm = (timeMs: number): number =>
  1 + 0.7 * Math.sin(2 * Math.PI * ((timeMs % DAY_MS) / DAY_MS - 10 / 24));

/** A tenth have IPv6. */
function addressOf(rank: number): string {
  const mixed = Math.imul(rank + 1, 0x9e3779b1) >>> 0;
  if (mixed % 10 === 0) return `2001:db8:${(mixed >>> 16).toString(16)}:${(mixed & 0xffff).toString(16)}::1`;
  return `${(mixed >>> 24) % 223 || 1}.${(mixed >>> 16) & 255}.${(mixed >>> 8) & 255}.${mixed & 255}`;
}

function requestOf(
  kind: Kind,
  random: () => number,
): Pick<SampleRequest, "method" | "target" | "status" | "bytes"> {
  const number = (most: number) => Math.floor(most ** random());
  const bytes = 200 + Math.floor(random() * 20_000);
  const status = random() < 0.02 ? 500 : 200;
  switch (kind) {
    case "static":
      return { method: "GET", target: `/static/app.${number(40)}.js`, status: 200, bytes };
    case "page":
      return { method: "GET", target: `/pages/${number(3_000)}`, status, bytes };
    case "item":
      return { method: "GET", target: `/api/items/${number(50_000)}`, status, bytes };
    case "search":
      return { method: "GET", target: `/api/search?q=word${number(10_000)}&page=1`, status, bytes };
    case "message":
      return { method: "POST", target: "/chat/message", status, bytes };
    case "login":
      return { method: "POST", target: "/login", status: random() < 0.3 ? 200 : 401, bytes };
  }
}
