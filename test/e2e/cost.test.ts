import { createHash, randomBytes } from "node:crypto";
import { request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { members, numbers } from "../support/fields.ts";
import { newAddress, useGateway } from "../support/gateway.ts";
import { LONG_TIMEOUT } from "../support/ladder.ts";

const TOKENS = "response-json:/usage/total_tokens";
const JSON_TYPE = "application/json";
const EVENTS = "text/event-stream";
const MIB = 1024 * 1024;

const usage = (tokens: unknown): string => JSON.stringify({ usage: { total_tokens: tokens } });
const event = (data: string): string => `data: ${data}\n\n`;

/** What the origin is to answer: see `/answer`. */
interface Answer {
  readonly type?: string;
  readonly status?: number;
  readonly packed?: string;
  readonly field?: string;
  readonly write?: readonly string[];
  readonly pause?: number;
  readonly end?: "cut" | "hang";
}

const answer = ({ write = [], ...rest }: Answer): string => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(rest)) query.set(name, String(value));
  for (const text of write) query.append("write", text);
  return `/answer?${query}`;
};

describe("a model whose key twenty callers share", () => {
  const LIMIT = 6_000;
  const WINDOW_MS = 2_000;
  const ESTIMATE = 100;
  const ENDLESS = 10_000_000;
  const RUN_MS = 5_000;
  /** The longest from the end of the model's work until the store knows what it used, on a busy machine. */
  const SETTLED_WITHIN_MS = 300;
  const SEED = 20_261_122;
  const metered = { match: "POST /v1/chat", key: "header:x-key", cost: TOKENS, estimate: ESTIMATE };
  const { send } = useGateway({
    STORE_TIMEOUT: LONG_TIMEOUT,
    POLICIES: [
      { ...metered, name: "short", limit: `${LIMIT}/2s` },
      // Keeps the books: nothing leaves its window, and nothing is refused.
      { ...metered, name: "long", limit: `${ENDLESS}/hour` },
    ],
  });
  const ask = (query: string) =>
    send(`/v1/chat?${query}`, { method: "POST", headers: { "X-Key": "shared by all twenty" } });

  /** One admission, by one clock. The store counted it after `sentMs` and before the model began. */
  interface Admission {
    readonly sentMs: number;
    readonly beganMs: number;
    readonly endedMs: number;
    readonly tokens: number;
  }

  /** Sends until the time is up: random costs, durations and pauses, JSON or events. */
  async function call(random: () => number, untilMs: number, admissions: Admission[]): Promise<void> {
    while (performance.now() < untilMs) {
      const tokens = ESTIMATE / 2 + Math.floor(random() * (ESTIMATE + 1));
      const [events, wait] = [random() < 0.5 ? 0 : 2, Math.floor(random() * 100)];
      const sentMs = performance.now();
      const response = await ask(`tokens=${tokens}&events=${events}&wait=${wait}`);
      const text = await response.text();
      if (response.status === 200) {
        const { beganMs, endedMs } = JSON.parse(/\{"usage".*\}/.exec(text)?.[0] ?? "") as Admission;
        admissions.push({ sentMs, beganMs, endedMs, tokens });
      } else {
        expect(response.status).toBe(429);
      }
      await sleep(random() * 500);
    }
  }

  const sum = (admissions: readonly Admission[], of: (tokens: number) => number = (tokens) => tokens) =>
    admissions.reduce((total, { tokens }) => total + of(tokens), 0);
  const above = (tokens: number) => Math.max(0, tokens - ESTIMATE);

  it("never uses more in a window than the limit and what those in flight used above their estimates", async () => {
    const admissions: Admission[] = [];
    const startMs = performance.now();
    const callers = Array.from({ length: 20 }, (_, i) => seeded(SEED + i));
    await Promise.all(callers.map((random) => call(random, startMs + RUN_MS, admissions)));

    // Each window begins where a request was sent: the admissions that the store counted in it for certain.
    for (const { sentMs: fromMs } of admissions) {
      const own = admissions.filter(
        ({ sentMs, beganMs }) => sentMs >= fromMs && beganMs < fromMs + WINDOW_MS,
      );
      const lastMs = Math.max(...own.map(({ sentMs }) => sentMs));
      // The last admission found room beside everything that was settled by then.
      const inFlight = own.filter(({ endedMs }) => endedMs + SETTLED_WITHIN_MS > lastMs);
      expect(sum(own)).toBeLessThanOrEqual(LIMIT + sum(inFlight, above));
      // In any case, however late settlements are.
      expect(sum(own, (tokens) => Math.min(tokens, ESTIMATE))).toBeLessThanOrEqual(LIMIT);
    }
    // Not for want of requests: room came back.
    expect(sum(admissions)).toBeGreaterThan(1.5 * LIMIT);
    expect(sum(admissions, above)).toBeGreaterThan(0);

    const left = async () => {
      const response = await ask("tokens=0");
      await response.text();
      const long = members(response, "RateLimit").find(([name]) => name === "long")?.[1];
      return response.status === 200 ? Number(long?.r) + ESTIMATE : undefined;
    };
    await expect.poll(left).toBe(ENDLESS - sum(admissions));
  });
});

/** Numbers from 0 to 1 that are the same for a seed each time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const LIMIT = 1_000;
const ESTIMATE = 500;
const metered = { cost: TOKENS, estimate: ESTIMATE };
/** Windows that begin so seldom that no test meets their boundary. */
const AGE = "9999 days";

/** Each policy applies to requests with a header of its name. */
const POLICIES = [
  { name: "llm", limit: "1000/minute", ...metered },
  { name: "field", limit: "1000/minute", ...metered, cost: "response-header:X-Tokens" },
  { name: "brief", limit: "1000/3s", ...metered },
  { name: "several", limit: "1000/minute, 1500/hour", ...metered },
  { name: "bucket", limit: "1000/day", algorithm: "token-bucket", ...metered },
  { name: "fixed", limit: `1000 per ${AGE}`, algorithm: "fixed-window", ...metered },
  { name: "watched", limit: "1000/minute", mode: "shadow", ...metered },
  { name: "stated", limit: "10/minute", cost: "header:x-cost" },
  { name: "failures", limit: "5/minute", count: "401, 403" },
  { name: "bucket-failures", limit: "5/day", algorithm: "token-bucket", count: "401" },
  { name: "fixed-failures", limit: `5 per ${AGE}`, algorithm: "fixed-window", count: "401" },
  { name: "errors", limit: "5/minute", count: "5xx" },
].map((policy) => ({ ...policy, key: `header:x-${policy.name} | none` }));

const gateway = useGateway({ STORE_TIMEOUT: LONG_TIMEOUT, POLICIES });

type Headers = Readonly<Record<string, string>>;

/** The header of a caller whom the policy has not met. */
const newCaller = (policy: string): Headers => ({ [`X-${policy}`]: `caller-${newAddress()}` });

const ask = (path: string, headers: Headers, init: RequestInit = {}) =>
  gateway.send(path, { method: "POST", ...init, headers: { ...init.headers, ...headers } });

/** Has the model use so many tokens, and reads its answer to the end. */
async function use(tokens: unknown, headers: Headers): Promise<Response> {
  const response = await ask(`/v1/chat?tokens=${tokens}`, headers);
  await response.text();
  return response;
}

/** What remains of the only quota. */
const remaining = (response: Response): number => Number(members(response, "RateLimit")[0]?.[1].r);

/** What a caller's only quota has left, seen by a request that in the end costs nothing. */
async function left(headers: Headers): Promise<number> {
  const response = await use(0, headers);
  return remaining(response) + (response.status === 200 ? ESTIMATE : 0);
}

/** What a later request used is settled: so is, if it ever is, what was used before. */
async function laterIsSettled(): Promise<void> {
  const other = newCaller("llm");
  await use(1, other);
  await expect.poll(() => left(other), { interval: 20 }).toBe(LIMIT - 1);
}

describe("a cost that the response tells", () => {
  it("is reserved first: two are in flight at most, and the third is refused before the origin", async () => {
    const caller = newCaller("llm");
    const before = gateway.origin.seen.length;
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => ask("/v1/chat?tokens=1&wait=600", caller)),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 429, 429, 429]);
    expect(gateway.origin.seen.length).toBe(before + 2);
    await Promise.all(answers.map((one) => one.text()));
    await expect.poll(() => left(caller)).toBe(LIMIT - 2);
  });

  it.each([
    ["a document", { type: JSON_TYPE, write: [usage(120)] }],
    [
      "a document in pieces",
      { type: JSON_TYPE, write: ['{"usage":{"total_', 'tokens":12', "0}}"], pause: 5 },
    ],
    ["a problem document", { type: "application/problem+json", status: 500, write: [usage(120)] }],
    ["the last of several events", { type: EVENTS, write: [event(usage(3)), event(usage(120))], pause: 5 }],
    ["an event before the end", { type: EVENTS, write: [event(usage(120)), event("[DONE]")], pause: 5 }],
    ["an event without its blank line", { type: EVENTS, write: [`data: ${usage(120)}`] }],
    ["a fraction, rounded up", { type: JSON_TYPE, write: [usage(119.2)] }],
    ["a document packed with gzip", { type: JSON_TYPE, write: [usage(120)], packed: "gzip" }],
    ["a document packed with br", { type: JSON_TYPE, write: [usage(120)], packed: "br" }],
    ["events packed with gzip", { type: EVENTS, write: [event("{}"), event(usage(120))], packed: "gzip" }],
    ["events packed with br", { type: EVENTS, write: [event("{}"), event(usage(120))], packed: "br" }],
  ] as const)("is read from %s, which reaches the caller intact", async (_, said) => {
    const caller = newCaller("llm");
    const response = await ask(answer(said), caller);
    const expected = ["status" in said ? said.status : 200, said.type, "packed" in said ? said.packed : null];
    expect([
      response.status,
      response.headers.get("content-type"),
      response.headers.get("content-encoding"),
    ]).toEqual(expected);
    // Unpacked by this client.
    expect(await response.text()).toBe(said.write.join(""));
    await expect.poll(() => left(caller)).toBe(LIMIT - 120);
  });

  it.each([
    ["0", LIMIT],
    ["120", LIMIT - 120],
    ["500", LIMIT - 500],
    ["900", LIMIT - 900],
    ["1000", 0],
  ])("is settled to what was used, in place of the estimate: %s", async (tokens, expected) => {
    for (const policy of ["llm", "field"]) {
      const caller = newCaller(policy);
      expect(remaining(await use(tokens, caller))).toBe(LIMIT - ESTIMATE);
      await laterIsSettled();
      expect(await left(caller)).toBe(expected);
    }
  });

  it("may be more than was left: then nothing remains until enough has left the window", async () => {
    const caller = newCaller("brief");
    await use(1_200, caller);
    await expect.poll(async () => (await use(0, caller)).status).toBe(429);
    // To the middle of one of the seconds that are told.
    await sleep(300);
    const refused = await use(0, caller);
    expect(numbers(refused)).toMatchObject({ limit: LIMIT, remaining: 0, retryAfter: 3 });
    await sleep(2_000);
    const early = await use(0, caller);
    expect([early.status, numbers(early).retryAfter]).toEqual([429, 1]);
    await sleep(1_000);
    const again = await use(0, caller);
    expect([again.status, remaining(again)]).toEqual([200, LIMIT - ESTIMATE]);
  });

  it("is settled for every quota of the policy", async () => {
    const caller = newCaller("several");
    await use(120, caller);
    const both = async () => members(await use(0, caller), "RateLimit").map(([, { r }]) => Number(r));
    await expect.poll(both).toEqual([LIMIT - 120 - ESTIMATE, 1_500 - 120 - ESTIMATE]);
  });

  it("is settled under a shadow policy too, which never refuses", async () => {
    const caller = newCaller("watched");
    for (const tokens of [900, 900, 900]) {
      const response = await use(tokens, caller);
      expect([response.status, response.headers.has("ratelimit")]).toEqual([200, false]);
    }
  });

  it.each(["bucket", "fixed"])("is settled by another algorithm: %s", async (policy) => {
    const [frugal, lavish] = [newCaller(policy), newCaller(policy)];
    await Promise.all([use(120, frugal), use(1_200, lavish)]);
    await expect.poll(() => left(frugal)).toBe(LIMIT - 120);
    await expect.poll(async () => (await use(0, lavish)).status).toBe(429);
    const { remaining: rest, retryAfter = 0 } = numbers(await use(0, lavish));
    expect(rest).toBe(0);
    if (policy !== "bucket") return;
    // When it has paid back 700 of a thousand a day, less what the test itself took.
    expect(retryAfter).toBeGreaterThan(60_400);
    expect(retryAfter).toBeLessThanOrEqual(60_480);
  });
});

describe("a reservation stands where no cost becomes known", () => {
  it.each<[string, Answer]>([
    ["of a document without it", { type: JSON_TYPE, write: ['{"usage":{}}'] }],
    ["of a negative one", { type: JSON_TYPE, write: [usage(-1)] }],
    ["of a text", { type: JSON_TYPE, write: [usage("many")] }],
    ["of null", { type: JSON_TYPE, write: [usage(null)] }],
    ["of an object", { type: JSON_TYPE, write: [usage({ all: 1 })] }],
    ["of a broken document", { type: JSON_TYPE, write: [usage(1).slice(1)] }],
    ["of an empty document", { type: JSON_TYPE }],
    ["of another type", { type: "text/html", write: [usage(1)] }],
    ["without a type", { write: [usage(1)] }],
    ["of events that never say it", { type: EVENTS, write: [event("{}"), event("[DONE]")] }],
    ["of an event that is cut", { type: EVENTS, write: [`data: ${usage(1).slice(0, -2)}`] }],
    ["of a document that is cut", { type: JSON_TYPE, write: [usage(1).slice(0, -1)], end: "cut", pause: 20 }],
    ["of events that are cut before it", { type: EVENTS, write: [event("{}")], end: "cut", pause: 20 }],
    ["of an answer that is cut before its body", { type: JSON_TYPE, end: "cut" }],
    ["of a status without a body", { type: JSON_TYPE, status: 204 }],
  ])("%s", async (_, said) => {
    const caller = newCaller("llm");
    const response = await ask(answer(said), caller);
    // A broken body is the caller's to see.
    const text = await response.text().catch(() => "cut");
    expect(text).toBe(said.end ?? (said.write ?? []).join(""));
    await laterIsSettled();
    expect(await left(caller)).toBe(LIMIT - ESTIMATE);
  });

  it.each(["-1", "many", "", "1, 2", "0x10", "1e"])("of a field that says %j", async (field) => {
    const caller = newCaller("field");
    await (await ask(answer({ field }), caller)).text();
    await laterIsSettled();
    expect(await left(caller)).toBe(LIMIT - ESTIMATE);
  });

  it("of a field that is not there", async () => {
    const caller = newCaller("field");
    await (await ask(answer({}), caller)).text();
    await laterIsSettled();
    expect(await left(caller)).toBe(LIMIT - ESTIMATE);
  });

  it("of an origin that breaks off before it answers", async () => {
    const caller = newCaller("llm");
    expect((await ask("/reset", caller)).status).toBe(502);
    await laterIsSettled();
    expect(await left(caller)).toBe(LIMIT - ESTIMATE);
  });

  it("of a document and an event above 64 KiB", async () => {
    // The size of an event is looked at after each 4 KiB of it.
    const document = JSON.stringify({ usage: { total_tokens: 1 }, long: "x".repeat(68 * 1024) });
    const [one, other] = [newCaller("llm"), newCaller("llm")];
    for (const [type, body, caller] of [
      [JSON_TYPE, document, one],
      [EVENTS, event(document), other],
    ] as const) {
      const response = await ask("/echo", caller, { headers: { "Content-Type": type }, body });
      expect(await response.text()).toBe(body);
    }
    await laterIsSettled();
    expect([await left(one), await left(other)]).toEqual([LIMIT - ESTIMATE, LIMIT - ESTIMATE]);
  });
});

describe("a caller that leaves", () => {
  /** Sends and breaks the connection: once so many milliseconds have passed, or when the first of the body came. */
  function leave(path: string, headers: Headers, after: number | "first"): Promise<void> {
    const { hostname, port } = new URL(gateway.weir.url);
    return new Promise((gone, failed) => {
      const request = httpRequest(
        { hostname, port, path, method: "POST", agent: false, headers },
        (response) => {
          response.on("error", () => {});
          response.once("data", () => after === "first" && destroy());
        },
      );
      const destroy = () => {
        request.socket?.resetAndDestroy();
        gone();
      };
      request.on("error", failed).end();
      if (after !== "first") setTimeout(destroy, after);
    });
  }

  const silent = { type: EVENTS, end: "hang" } as const;

  it("pays no less than what was reserved, whatever was seen", async () => {
    const [before, unseen, half, seen] = Array.from({ length: 4 }, () => newCaller("llm")) as [
      Headers,
      Headers,
      Headers,
      Headers,
    ];
    await Promise.all([
      leave("/hang", before, 200),
      leave("/v1/chat?tokens=1&events=1000", unseen, "first"),
      leave(answer({ ...silent, type: JSON_TYPE, write: [usage(1).slice(0, -1)] }), half, "first"),
      leave(answer({ ...silent, write: [event(usage(0))] }), seen, "first"),
    ]);
    await laterIsSettled();
    for (const caller of [before, unseen, half, seen]) expect(await left(caller)).toBe(LIMIT - ESTIMATE);
  });

  it("pays for what was seen when that is more than was reserved", async () => {
    const caller = newCaller("llm");
    await leave(answer({ ...silent, write: [event(usage(900))] }), caller, "first");
    await expect.poll(() => left(caller)).toBe(LIMIT - 900);
  });

  it("and only closes its half is noticed when there is more to send to it", async () => {
    const caller = newCaller("llm");
    const leaving = new AbortController();
    const write = Array.from({ length: 50 }, () => event(usage(900)));
    const response = await ask(answer({ type: EVENTS, write, pause: 20, end: "hang" }), caller, {
      signal: leaving.signal,
    });
    await response.body?.getReader().read();
    leaving.abort();
    await expect.poll(() => left(caller)).toBe(LIMIT - 900);
  });

  it("is counted, as nobody knows the status", async () => {
    const caller = newCaller("failures");
    await leave("/hang", caller, 100);
    const other = newCaller("failures");
    for (const headers of [caller, other]) expect((await ask("/", headers)).status).toBe(200);
    await expect.poll(async () => remaining(await ask("/", other))).toBe(4);
    await expect.poll(async () => remaining(await ask("/", caller))).toBe(3);
  });
});

describe("a body whose cost is looked for", () => {
  it("streams: the first event arrives before the origin has the last", async () => {
    const caller = newCaller("llm");
    const saying = new TransformStream<Uint8Array, Uint8Array>();
    const writer = saying.writable.getWriter();
    const [first, last] = [event("first"), event(usage(120))].map((text) => new TextEncoder().encode(text));
    const answering = ask("/echo", caller, {
      headers: { "Content-Type": EVENTS },
      body: saying.readable,
      duplex: "half",
    } as RequestInit);
    void writer.write(first as Uint8Array);
    const reader = (await answering).body?.getReader();
    expect((await reader?.read())?.value).toEqual(first);
    void writer.write(last as Uint8Array);
    expect((await reader?.read())?.value).toEqual(last);
    await writer.close();
    expect((await reader?.read())?.done).toBe(true);
    await expect.poll(() => left(caller)).toBe(LIMIT - 120);
  });

  it("of 20 MiB arrives intact, without its cost", async () => {
    const caller = newCaller("llm");
    const body = JSON.stringify({ usage: { total_tokens: 1 }, long: randomBytes(10 * MIB).toString("hex") });
    const response = await ask("/echo", caller, { headers: { "Content-Type": JSON_TYPE }, body });
    expect(digest(await response.text())).toBe(digest(body));
    await laterIsSettled();
    expect(await left(caller)).toBe(LIMIT - ESTIMATE);
  });

  it.each([
    ["HEAD", "with a length", "/sized"],
    ["HEAD", "of a document", answer({ type: JSON_TYPE, write: [usage(1)] })],
    ["HEAD", "of events", answer({ type: EVENTS })],
    ["HEAD", "with status 304", answer({ type: JSON_TYPE, status: 304 })],
    ["GET", "with status 304", answer({ type: JSON_TYPE, status: 304 })],
    ["GET", "with status 204", answer({ type: JSON_TYPE, status: 204 })],
    ["GET", "of another type", "/sized"],
  ])("that has none leaves the answer as it is: %s, %s", async (method, _, path) => {
    const caller = newCaller("llm");
    const [plain, observed] = await Promise.all([
      gateway.send(path, { method }),
      gateway.send(path, { method, headers: caller }),
    ]);
    const fields = ({ headers }: Response) =>
      [...headers].filter(([name]) => !name.includes("ratelimit") && name !== "date");
    expect(observed.headers.has("ratelimit")).toBe(true);
    expect([observed.status, fields(observed)]).toEqual([plain.status, fields(plain)]);
    expect(await observed.text()).toBe(await plain.text());
  });

  const digest = (text: string) => createHash("sha256").update(text).digest("hex");
});

describe("a cost that the request states", () => {
  it.each([
    ["3", 3],
    ["2.1", 3],
    ["10", 10],
    ["1000", 10],
    ["0", 1],
    ["-5", 1],
    ["many", 1],
    ["", 1],
    [undefined, 1],
  ])("is at least 1 and never more than the limit: %j is %d", async (cost, expected) => {
    const response = await ask("/", {
      ...newCaller("stated"),
      ...(cost !== undefined && { "X-Cost": cost }),
    });
    expect([response.status, remaining(response)]).toEqual([200, 10 - expected]);
  });

  it("is refused when there is less room", async () => {
    const caller = newCaller("stated");
    const statuses = [];
    for (const cost of ["6", "6", "4", "1"])
      statuses.push((await ask("/", { ...caller, "X-Cost": cost })).status);
    expect(statuses).toEqual([200, 429, 200, 429]);
  });
});

describe("responses that do not count", () => {
  const login = (headers: Headers, password: string, wait = 0) =>
    ask(`/login?wait=${wait}`, headers, { body: JSON.stringify({ password }) });
  const statuses = (answers: readonly Response[]) => answers.map(({ status }) => status).toSorted();
  const room = async (headers: Headers) => remaining(await login(headers, "right")) + 1;

  it("never use the quota up", async () => {
    const caller = newCaller("failures");
    for (let i = 0; i < 12; i++) {
      expect((await login(caller, "right")).status).toBe(200);
      await expect.poll(() => room(caller)).toBe(5);
    }
  });

  it("leave room for as many failures as the limit says, and no more, also in parallel", async () => {
    const caller = newCaller("failures");
    const answers = await Promise.all(Array.from({ length: 10 }, () => login(caller, "wrong", 100)));
    expect(statuses(answers)).toEqual([...Array(5).fill(401), ...Array(5).fill(429)]);
    expect((await login(caller, "right")).status).toBe(429);
  });

  it("take up room while they are in flight", async () => {
    const caller = newCaller("failures");
    const answers = await Promise.all(Array.from({ length: 10 }, () => login(caller, "right", 500)));
    expect(statuses(answers)).toEqual([...Array(5).fill(200), ...Array(5).fill(429)]);
    await expect.poll(() => room(caller)).toBe(5);
  });

  it("are told from those that do, one by one", async () => {
    const caller = newCaller("failures");
    for (const password of ["right", "wrong", "right", "wrong", "right"]) await login(caller, password);
    await expect.poll(() => room(caller)).toBe(3);
  });

  it.each(["bucket-failures", "fixed-failures"])(
    "are given back by another algorithm: %s",
    async (policy) => {
      const caller = newCaller(policy);
      for (const password of ["right", "wrong", "right"]) await login(caller, password);
      await expect.poll(() => room(caller)).toBe(4);
    },
  );

  it("count by the status that the caller gets, also when Weir answers for the origin", async () => {
    const caller = newCaller("errors");
    const found = [];
    for (const path of ["/error", "/reset", "/answer?status=503", "/answer?status=404", "/"])
      found.push((await ask(path, caller)).status);
    expect(found).toEqual([500, 502, 503, 404, 200]);
    await expect.poll(() => room(caller)).toBe(2);
  });
});
