import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { members, numbers } from "../support/fields.ts";
import { newAddress, useGateway } from "../support/gateway.ts";
import { signWithSecret } from "../support/issuer.ts";

/** What a caller does: so many requests, and the status of each. */
interface Sends {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Letters for addresses of this row alone. Default: one address for the whole row. */
  readonly from?: string;
  readonly answers: readonly number[];
  /** All at once. The order of the answers is not looked at then. */
  readonly together?: boolean;
  /** What the last answer shows. */
  readonly shows?: (response: Response) => unknown;
  readonly is?: unknown;
}

/** A case: policies on a path of its own, and what happens there. */
interface Row {
  readonly name: string;
  readonly policies: readonly Readonly<Record<string, unknown>>[];
  readonly steps: readonly (Sends | { readonly waitMs: number })[];
}

const TOOL_TABLE = { by: "mcp:tool", search: "1/2s", "*": "60/minute" };
const USER = { key: "header:x-user" };

const call = (name: string, method = "tools/call") => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: { jsonrpc: "2.0", id: "call-1", method, params: { name } },
});
const as = (user: string, more: Readonly<Record<string, string>> = {}) => ({
  headers: { "X-User": user, ...more },
});
const ok = (times: number): number[] => Array<number>(times).fill(200);
const violated = async (response: Response) =>
  ((await response.json()) as { "violated-policies": string[] })["violated-policies"];
const fields = (response: Response) => ({
  policy: members(response, "RateLimit-Policy").map(([name]) => name),
  state: members(response, "RateLimit").map(([name]) => name),
  ...numbers(response),
});

/** A chat API: per user, or anonymous per address; and per address whoever is sending. */
const C: readonly Row[] = [
  {
    name: "C 10: eight messages of a user, other paths are never limited",
    policies: [
      { name: "user", method: "POST", key: "header:x-user-id | ip", limit: "5/minute, 60/hour" },
      { name: "ip", method: "POST", limit: "30/minute" },
    ],
    steps: [
      { method: "POST", headers: { "X-User-Id": "u" }, answers: [...ok(5), 429, 429, 429] },
      { method: "GET", answers: ok(10) },
    ],
  },
  {
    name: "C 10: an empty user id is anonymous, and anonymous callers count by address",
    policies: [{ name: "user", key: "header:x-user-id | ip", limit: "5/minute, 60/hour" }],
    steps: [
      { answers: ok(3) },
      { headers: { "X-User-Id": "" }, answers: ok(2) },
      { headers: { "X-User-Id": "  " }, answers: [429] },
      { from: "elsewhere", answers: [200] },
    ],
  },
  {
    name: "C 10: 31 requests of one address under 31 user ids",
    policies: [
      { name: "user", key: "header:x-user-id | ip", limit: "5/minute, 60/hour" },
      { name: "ip", limit: "30/minute" },
    ],
    steps: Array.from({ length: 31 }, (_, i) => ({
      headers: { "X-User-Id": `user-${i}` },
      answers: [i < 30 ? 200 : 429],
      ...(i === 30 && { shows: violated, is: [expect.stringMatching(/-ip$/)] }),
    })),
  },
  {
    name: "C 11: what the user's quota refuses does not charge the address, what the minute refuses not the hour",
    policies: [
      { name: "user", key: "header:x-user-id | ip", limit: "2/minute, 60/hour" },
      { name: "ip", limit: "30/minute" },
    ],
    steps: [
      { headers: { "X-User-Id": "one" }, answers: [200, 200, 429, 429, 429] },
      {
        headers: { "X-User-Id": "two" },
        answers: [200],
        shows: (response) => members(response, "RateLimit").map(([, { r }]) => r),
        is: [1, 59, 27],
      },
    ],
  },
  {
    name: "C 12: a preflight is forwarded and not counted",
    policies: [{ name: "any", limit: "1/minute" }],
    steps: [
      { method: "OPTIONS", headers: { "Access-Control-Request-Method": "POST" }, answers: ok(3) },
      { answers: [200, 429] },
    ],
  },
];

/** An MCP gateway: by user, tenant and tool. */
const G: readonly Row[] = [
  {
    name: "G 14: two users of one tenant",
    policies: [
      { name: "user", key: "header:x-user", limit: "10/10s" },
      { name: "tenant", key: "header:x-tenant", limit: "5/10s" },
    ],
    steps: [
      { ...as("alice", { "X-Tenant": "acme" }), answers: ok(3) },
      { ...as("bob", { "X-Tenant": "acme" }), answers: [200, 200, 429] },
      {
        ...as("alice", { "X-Tenant": "acme" }),
        answers: [429],
        shows: violated,
        is: [expect.stringMatching(/tenant/)],
      },
    ],
  },
  {
    name: "G 15: a tool has a limit of its own, whatever the letter case and space",
    policies: [{ name: "tool", key: "mcp:tool", limit: TOOL_TABLE }],
    steps: [
      { ...call("search"), answers: [200, 429] },
      { ...call("other"), answers: ok(5) },
      { ...call("Search"), answers: [429] },
      { ...call(" search "), answers: [429] },
      { waitMs: 2_100 },
      { ...call("SEARCH"), answers: [200, 429] },
    ],
  },
  {
    name: "G 15: a prompt of the same name is counted by itself",
    policies: [
      { name: "tool", key: "mcp:tool", limit: TOOL_TABLE },
      { name: "prompt", key: "mcp:prompt", limit: "2/minute" },
    ],
    steps: [
      { ...call("search"), answers: [200] },
      { ...call("search", "prompts/get"), answers: [200, 200, 429] },
      { ...call("search", "tools/list"), answers: ok(3) },
    ],
  },
  {
    name: "G 16: a refused call is answered with its own id and the seconds to wait",
    policies: [{ name: "tool", key: "mcp:tool", limit: "1/minute" }],
    steps: [
      {
        ...call("search"),
        answers: [200, 429],
        shows: (response) => response.json(),
        is: {
          jsonrpc: "2.0",
          id: "call-1",
          error: {
            code: -32029,
            message: expect.stringMatching(/try again in \d+ seconds\.$/),
            data: { retry_after_seconds: expect.any(Number), "violated-policies": [expect.any(String)] },
          },
        },
      },
    ],
  },
  {
    name: "G 17: the same text as user, tenant and tool is three counts",
    policies: [
      { name: "user", key: "header:x-user | none", limit: "1/minute" },
      { name: "tenant", key: "header:x-tenant | none", limit: "1/minute" },
      { name: "tool", key: "header:x-tool | none", limit: "1/minute" },
    ],
    steps: [
      { headers: { "X-User": "same" }, answers: [200, 429] },
      { headers: { "X-Tenant": "same" }, answers: [200, 429] },
      { headers: { "X-Tool": "same" }, answers: [200, 429] },
    ],
  },
  {
    name: "G 17: a with b:c is not a:b with c",
    policies: [{ name: "both", key: "header:x-a + header:x-b", limit: "1/minute" }],
    steps: [
      { headers: { "X-A": "a", "X-B": "b:c" }, answers: [200, 429] },
      { headers: { "X-A": "a:b", "X-B": "c" }, answers: [200, 429] },
    ],
  },
  {
    name: "G 18: without a tenant its policy does not apply, the user's does",
    policies: [
      { name: "tenant", key: "header:x-tenant | none", limit: "1/minute" },
      { name: "user", key: "header:x-user", limit: "3/minute" },
    ],
    steps: [
      { ...as("u"), answers: [...ok(3), 429], shows: (response) => fields(response).state.length, is: 1 },
    ],
  },
  {
    name: "G 19: missing, empty and blank users share one key",
    policies: [{ name: "user", ...USER, limit: "2/minute" }],
    steps: [
      { answers: [200] },
      { headers: { "X-User": "" }, answers: [200] },
      { headers: { "X-User": " \t" }, answers: [429] },
    ],
  },
  {
    name: "G 20: identities may be Unicode",
    policies: [{ name: "user", key: "query:user", limit: "1/minute" }],
    steps: [
      { path: "?user=J%C3%BCrgen", answers: [200, 429] },
      { path: "?user=%E6%9D%8E", answers: [200, 429] },
      { path: "?user=Jurgen", answers: [200] },
    ],
  },
  {
    name: "G 22: a token that is not valid says nothing",
    policies: [{ name: "user", key: "user | ip", limit: "1/minute" }],
    steps: [
      { headers: { Authorization: "valid" }, answers: [200, 429] },
      { headers: { Authorization: "forged" }, answers: [200, 429] },
      { headers: { Authorization: "expired" }, answers: [429] },
      { headers: { Authorization: "Basic dXNlcjpwYXNz" }, answers: [429] },
      { headers: { Authorization: "valid" }, from: "elsewhere", answers: [429] },
    ],
  },
  {
    name: "G 27: a hundred at the same time",
    policies: [{ name: "ten", limit: "10/minute" }],
    steps: [{ together: true, answers: [...ok(10), ...Array<number>(90).fill(429)] }],
  },
  {
    name: "G 34: observed only, nothing is refused or told",
    policies: [{ name: "watched", limit: "1/minute", mode: "shadow" }],
    steps: [{ answers: ok(3), shows: (response) => fields(response).policy, is: [] }],
  },
];

/** A sliding-window log: so many an hour for each scope and identifier. */
const L: readonly Row[] = [
  {
    name: "L: thirty an hour for each scope and identifier, with what remains and when to come back",
    policies: [{ name: "scope", key: "header:x-scope + header:x-id", limit: "30/hour" }],
    steps: [
      {
        headers: { "X-Scope": "mail", "X-Id": "1" },
        answers: ok(30),
        shows: fields,
        is: expect.objectContaining({ remaining: 0 }),
      },
      {
        headers: { "X-Scope": "mail", "X-Id": "1" },
        answers: [429],
        shows: (response) => (numbers(response).retryAfter ?? 0) > 3_500,
        is: true,
      },
      {
        headers: { "X-Scope": "mail", "X-Id": "2" },
        answers: [200],
        shows: fields,
        is: expect.objectContaining({ limit: 30, remaining: 29 }),
      },
      { headers: { "X-Scope": "sms", "X-Id": "1" }, answers: [200] },
    ],
  },
  {
    name: "L 8, 24: two in two seconds, room comes back as the oldest leaves, a refusal leaves no trace",
    policies: [{ name: "two", limit: "2/2s" }],
    steps: [
      { answers: [200, 200, 429, 429], shows: (response) => numbers(response).retryAfter, is: 2 },
      { waitMs: 2_100 },
      { answers: [200], shows: (response) => numbers(response).remaining, is: 1 },
    ],
  },
  {
    name: "L 6: five count down, and Retry-After never stands on an admission",
    policies: [{ name: "five", limit: "5/10s" }],
    steps: [4, 3, 2, 1, 0].map((remaining) => ({
      answers: [200],
      shows: fields,
      is: expect.objectContaining({ remaining, retryAfter: undefined }),
    })),
  },
  {
    name: "L 9: both windows are told, the most restrictive one in the X- fields",
    policies: [{ name: "both", limit: "5/minute, 60/hour" }],
    steps: [
      {
        answers: [200],
        shows: fields,
        is: expect.objectContaining({
          limit: 5,
          remaining: 4,
          state: [expect.stringMatching(/-minute$/), expect.stringMatching(/-hour$/)],
        }),
      },
    ],
  },
];

/** Lockout and cost. */
const COST: readonly Row[] = [
  {
    name: "40: after five refusals a key is locked out, and the fifth says so",
    policies: [{ name: "locked", limit: "1/2s", lockout: "15m after 5 in 1m" }],
    steps: [
      {
        answers: [200, 429, 429, 429, 429],
        shows: async (response) => ((await response.json()) as { type: string }).type,
        is: expect.stringMatching(/#quota-exceeded$/),
      },
      { answers: [429], shows: (response) => numbers(response).retryAfter, is: 900 },
      { waitMs: 2_100 },
      { answers: [429, 429], shows: (response) => (numbers(response).retryAfter ?? 0) <= 898, is: true },
      { from: "elsewhere", answers: [200] },
    ],
  },
  {
    name: "41: logins that succeed use nothing up, failing ones cannot exceed the quota in parallel",
    policies: [{ name: "login", limit: "3/minute", count: "401, 403" }],
    steps: [
      { path: "/login", ...login("right"), answers: ok(6) },
      {
        path: "/login?wait=200",
        ...login("wrong"),
        together: true,
        answers: [401, 401, 401, ...Array<number>(7).fill(429)],
      },
    ],
  },
  {
    name: "42: two requests in flight at most while each reserves half",
    policies: [
      { name: "tokens", limit: "1000/minute", cost: "response-json:/usage/total_tokens", estimate: 500 },
    ],
    steps: [
      { path: "/v1/chat?tokens=100&wait=200", together: true, answers: [200, 200, 429] },
      { waitMs: 200 },
      {
        path: "/v1/chat?tokens=100",
        answers: [200],
        shows: (response) => numbers(response).remaining,
        is: 300,
      },
    ],
  },
];

function login(password: string) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: { password } };
}

const rows = [...C, ...G, ...L, ...COST];
const prefixOf = (i: number): string => `/case-${i}`;
const SECRET = "a secret of the login server";

const gateway = useGateway({
  JWT_SECRET: SECRET,
  POLICIES: rows.flatMap(({ policies }, i) =>
    policies.map(({ name, method = "", ...policy }) => ({
      name: `case-${i}-${name}`,
      match: `${method} ${prefixOf(i)}/*`.trim(),
      ...policy,
    })),
  ),
});

const tokens: Readonly<Record<string, () => Promise<string>>> = {
  valid: () => signWithSecret({ sub: "ann" }, SECRET),
  forged: () => signWithSecret({ sub: "ann" }, "another secret"),
  expired: () => signWithSecret({ sub: "ann", exp: Math.floor(Date.now() / 1_000) - 60 }, SECRET),
};

async function send(row: number, step: Sends, addresses: Map<string, string>): Promise<Response> {
  const { path = "", method = "GET", headers = {}, body, from = "here" } = step;
  const address = addresses.get(from) ?? newAddress();
  addresses.set(from, address);
  const { Authorization } = headers;
  const token = Authorization && (await tokens[Authorization]?.());
  return gateway.send(prefixOf(row) + path, {
    method,
    from: address,
    headers: { ...headers, ...(token && { Authorization: `Bearer ${token}` }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function answersTo(row: number, step: Sends, addresses: Map<string, string>): Promise<Response[]> {
  if (step.together) return Promise.all(step.answers.map(() => send(row, step, addresses)));
  const answers: Response[] = [];
  for (const _ of step.answers) answers.push(await send(row, step, addresses));
  return answers;
}

describe("the cases of the systems that Weir takes over", () => {
  it.concurrent.each(rows.map((row, i) => [row.name, row, i] as const))("%s", async (_, { steps }, i) => {
    const addresses = new Map<string, string>();
    for (const step of steps) {
      if ("waitMs" in step) {
        await sleep(step.waitMs);
        continue;
      }
      const answers = await answersTo(i, step, addresses);
      const statuses = answers.map(({ status }) => status);
      const inOrder = (list: readonly number[]) => (step.together ? list.toSorted((a, b) => a - b) : list);
      expect(inOrder(statuses)).toEqual(inOrder(step.answers));
      const last = answers.at(-1);
      if (step.shows && last) expect(await step.shows(last)).toEqual(step.is);
    }
  });
});
