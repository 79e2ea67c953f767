import { describe, expect, it } from "vitest";
import { pass, START_MS, weirWith } from "./fixtures.ts";

const POLICIES = [
  { name: "user", match: "/user", key: "header:x-user", limit: "2/minute, 10/hour" },
  { name: "ip", match: "/ip", limit: "3/minute", lockout: "15m after 2 in 1m" },
  {
    name: "plan",
    match: "/plan",
    key: "header:x-user",
    limit: { by: "header:x-plan", pro: "5/minute", free: "1/minute, 4/hour", team: "unlimited" },
  },
  { name: "off", key: "header:x-user", limit: "1/minute", mode: "off" },
  { name: "sockets", match: "/s", on: "connection", key: "header:x-user", limit: "2 concurrent" },
];
const user = { "header:x-user": "alice-the-caller" };
const as = (caller: string, plan?: string) => ({
  headers: { "X-User": caller, ...(plan && { "X-Plan": plan }) },
});
const alice = as("alice-the-caller");

function world(env: Readonly<Record<string, unknown>> = {}) {
  const weir = weirWith({ POLICIES, ...env });
  const ask = async (method: string, path: string, body: unknown) => {
    const answer = await weir.operate(method, path, body);
    // biome-ignore lint/suspicious/noExplicitAny: tests say what they expect in it
    return { status: answer.status, body: (await answer.json()) as any };
  };
  const statuses = async (n: number, path: string, init = {}) => {
    const answers = [];
    for (let i = 0; i < n; i++) answers.push((await weir.send(path, init)).status);
    return answers;
  };
  return { ...weir, ask, statuses };
}

const digestOf = expect.stringMatching(/^[\w-]{22}$/);

describe("peek", () => {
  it("tells how a key stands, and takes nothing", async () => {
    const { ask, statuses } = world();
    await statuses(1, "/user", alice);
    pass(20_000);
    const expected = {
      policy: "user",
      key: digestOf,
      mode: "enforce",
      states: [
        { name: "user-minute", limit: 2, remaining: 1, reset_seconds: 40, window_seconds: 60 },
        { name: "user-hour", limit: 10, remaining: 9, reset_seconds: 3_580, window_seconds: 3_600 },
      ],
      locked_out_seconds: 0,
    };
    for (let i = 0; i < 3; i++)
      expect(await ask("POST", "peek", { policy: "user", key: user })).toEqual({
        status: 200,
        body: expected,
      });
    expect(await statuses(2, "/user", alice)).toEqual([200, 429]);
    const { body } = await ask("POST", "peek", { policy: "user", key: user });
    expect(body.states[0]).toMatchObject({ remaining: 0, retry_after_seconds: 40 });
  });

  it("takes a digest in place of the key", async () => {
    const { ask, statuses } = world();
    await statuses(1, "/user", alice);
    const { body } = await ask("POST", "peek", { policy: "user", key: user });
    expect((await ask("POST", "peek", { policy: "user", digest: body.key })).body).toEqual(body);
  });

  it("tells of a lockout", async () => {
    const { ask, statuses } = world();
    await statuses(5, "/ip", { from: "192.0.2.9" });
    const { body } = await ask("POST", "peek", { policy: "ip", key: { ip: "192.0.2.9" } });
    expect(body).toMatchObject({
      locked_out_seconds: 900,
      states: [{ remaining: 0, retry_after_seconds: 900 }],
    });
  });

  it("knows no window of what is concurrent", async () => {
    const { body } = await world().ask("POST", "peek", { policy: "sockets", key: user });
    expect(body.states).toEqual([{ name: "sockets", limit: 2, remaining: 2, reset_seconds: 0 }]);
  });

  it.each([
    ["pro", ["plan"], [5]],
    ["Free", ["plan-minute", "plan-hour"], [1, 4]],
    ["team", [], []],
    ["other", [], []],
  ])("chooses the row of a table by the part given: %s", async (plan, names, limits) => {
    const key = { ...user, "header:x-plan": plan };
    const { body } = await world().ask("POST", "peek", { policy: "plan", key });
    expect(body.states.map(({ name }: { name: string }) => name)).toEqual(names);
    expect(body.states.map(({ limit }: { limit: number }) => limit)).toEqual(limits);
  });

  it("shows each count of a table once where the row is not given", async () => {
    const { ask, statuses } = world();
    await statuses(1, "/plan", as("alice-the-caller", "free"));
    const { body } = await ask("POST", "peek", { policy: "plan", key: user });
    expect(body.states).toMatchObject([
      { name: "plan", remaining: 4 },
      { name: "plan-hour", remaining: 3 },
    ]);
    expect((await ask("POST", "peek", { policy: "plan", digest: body.key })).body).toEqual(body);
  });
});

describe("lookup", () => {
  it("finds every policy whose key can be made of the parts given", async () => {
    const { ask, statuses } = world();
    await statuses(2, "/user", alice);
    const { body } = await ask("POST", "lookup", {
      key: { ...user, "header:x-plan": "pro", ip: "192.0.2.1" },
    });
    const found = body.keys.map((one: { policy: string; states: { remaining: number }[] }) => [
      one.policy,
      ...one.states.map(({ remaining }) => remaining),
    ]);
    expect(found).toEqual([
      ["user", 0, 8],
      ["ip", 3],
      ["plan", 5],
      ["sockets", 2],
    ]);
    expect((await ask("POST", "lookup", { key: { ip: "192.0.2.1" } })).body.keys).toHaveLength(1);
    expect((await ask("POST", "lookup", { key: { "header:x-other": "a" } })).body).toEqual({ keys: [] });
  });
});

describe("reset", () => {
  it("forgets what a key has used, of this policy and key alone", async () => {
    const { ask, statuses } = world();
    await statuses(2, "/user", alice);
    await statuses(2, "/user", as("bob"));
    const { status, body } = await ask("POST", "reset", { policy: "user", key: user });
    expect([status, body.states.map((one: { remaining: number }) => one.remaining)]).toEqual([200, [2, 10]]);
    expect(await statuses(3, "/user", alice)).toEqual([200, 200, 429]);
    expect(await statuses(1, "/user", as("bob"))).toEqual([429]);
  });

  it("ends a lockout", async () => {
    const { ask, statuses } = world();
    await statuses(5, "/ip", { from: "192.0.2.9" });
    const { body } = await ask("POST", "reset", { policy: "ip", key: { ip: "192.0.2.9" } });
    expect(body).toMatchObject({ locked_out_seconds: 0, states: [{ remaining: 3 }] });
    expect(await statuses(1, "/ip", { from: "192.0.2.9" })).toEqual([200]);
  });
});

describe("an override", () => {
  const ip = { policy: "ip", key: { ip: "192.0.2.9" } };
  const from = { from: "192.0.2.9" };

  it("gives a key another limit until a time", async () => {
    const { ask, statuses } = world();
    const until = "2026-11-22T10:30:00Z";
    const { status, body } = await ask("PUT", "overrides", { ...ip, limit: 5, until });
    expect([status, body.states]).toEqual([
      200,
      [
        {
          name: "ip",
          limit: 5,
          remaining: 5,
          reset_seconds: 0,
          window_seconds: 60,
          overridden_until: until,
          configured_limit: 3,
        },
      ],
    ]);
    expect(await statuses(6, "/ip", from)).toEqual([200, 200, 200, 200, 200, 429]);
    pass(Date.parse(until) - START_MS);
    const later = (await ask("POST", "peek", ip)).body.states;
    expect(later).toEqual([{ name: "ip", limit: 3, remaining: 3, reset_seconds: 0, window_seconds: 60 }]);
  });

  it("lasts an hour unless it says otherwise", async () => {
    const { body } = await world().ask("PUT", "overrides", { ...ip, limit: 5 });
    expect(body.states[0].overridden_until).toBe("2026-11-22T11:00:00Z");
  });

  it("of 0 blocks a key whatever its quotas, and can be lifted", async () => {
    const { ask, statuses } = world();
    const target = { policy: "user", key: user };
    const blocked = await ask("PUT", "overrides", { ...target, limit: 0 });
    expect(blocked.body.states.map((one: { limit: number }) => one.limit)).toEqual([0, 0]);
    expect(await statuses(2, "/user", alice)).toEqual([429, 429]);
    const lifted = await ask("DELETE", "overrides", target);
    expect(lifted.body.states.map((one: { limit: number }) => one.limit)).toEqual([2, 10]);
    pass(10_000);
    expect(await statuses(1, "/user", alice)).toEqual([200]);
  });

  it("as rates changes the quotas of these windows", async () => {
    const { ask } = world();
    const { body } = await ask("PUT", "overrides", { policy: "user", key: user, limit: "20/hour" });
    expect(body.states).toMatchObject([{ limit: 2 }, { limit: 20, configured_limit: 10 }]);
    expect(body.states[0]).not.toHaveProperty("overridden_until");
    const sockets = { policy: "sockets", key: user, limit: "7 concurrent" };
    expect((await ask("PUT", "overrides", sockets)).body.states).toMatchObject([{ limit: 7 }]);
  });

  it.each([
    [{ policy: "user", key: user, limit: 5 }, "limit", "is one number for 2 quotas", /per minute, hour$/],
    [
      { policy: "user", key: user, limit: "5/day" },
      "limit",
      "5 requests per day is no quota of this key",
      /minute/,
    ],
    [{ ...ip, limit: -1 }, "limit", "must be a whole number or text", /write it like/],
    [{ ...ip, limit: 1.5 }, "limit", "must be a whole number or text", /write it like/],
    [{ ...ip, limit: "many" }, "limit", expect.stringContaining('no "/"'), /write it like/],
    [{ ...ip, limit: 2 ** 52 }, "limit", "is too large", /2\^52/],
    [ip, "limit", "is required", undefined],
    [{ ...ip, limit: 1, until: "tomorrow" }, "until", "is not a time of ISO 8601", /write it like/],
    [{ ...ip, limit: 1, until: "2026-02-30" }, "until", "is not a time of ISO 8601", /write it like/],
    [
      { ...ip, limit: 1, until: "2027-02-30T12:00:00Z" },
      "until",
      "is not a time of ISO 8601",
      /write it like/,
    ],
    [
      { ...ip, limit: 1, until: "2027-02-29T23:59+01:00" },
      "until",
      "is not a time of ISO 8601",
      /write it like/,
    ],
    [{ ...ip, limit: 1, until: "2026-11-22T10:00:00Z" }, "until", "is in the past", undefined],
    [{ ...ip, limit: 1, until: "2027-11-23T10:00:01Z" }, "until", "is more than 366 days away", undefined],
    [
      { policy: "plan", key: { ...user, "header:x-plan": "team" }, limit: 0 },
      "limit",
      "cannot be set: this key has no quota",
      /unlimited/,
    ],
  ])("%j is refused", async (body, path, problem, hint) => {
    const answer = await world().ask("PUT", "overrides", body);
    expect(answer.status).toBe(400);
    expect(answer.body.problems).toEqual([
      { path, problem, ...(hint && { hint: expect.stringMatching(hint) }) },
    ]);
  });

  it("takes effect for whom it should: each change is one line of the log, without values", async () => {
    const { ask, lines } = world();
    for (let i = 0; i < 3; i++) await ask("PUT", "overrides", { ...ip, limit: i });
    await ask("DELETE", "overrides", ip);
    await ask("POST", "reset", ip);
    await ask("POST", "peek", ip);
    const changes = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "admin");
    const common = { source: "weir", event: "admin", policy: "ip", digest: digestOf };
    const override = { ...common, operation: "override", until: "2026-11-22T11:00:00Z" };
    expect(changes).toEqual([
      { ...override, limit: "0" },
      { ...override, limit: "1" },
      { ...override, limit: "2" },
      { ...common, operation: "lift" },
      { ...common, operation: "reset" },
    ]);
  });
});

describe("what is sent", () => {
  const target = { policy: "user", key: user };

  it.each(["peek", "reset"])("to %s cannot be an override's", async (path) => {
    const { status, body } = await world().ask("POST", path, { ...target, limit: 1, until: "x" });
    expect([status, body.problems]).toEqual([
      400,
      [
        { path: "limit", problem: "is only for overrides" },
        { path: "until", problem: "is only for overrides" },
      ],
    ]);
  });

  it("is told all of its problems at once", async () => {
    const { status, body } = await world().ask("PUT", "overrides", {
      policy: "user",
      key: { "header:x-usr": "alice-the-caller" },
      until: "x",
      polcy: "y",
    });
    expect(status).toBe(400);
    expect(body.problems).toEqual([
      { path: "limit", problem: "is required" },
      { path: "until", problem: "is not a time of ISO 8601", hint: expect.anything() },
      { path: "polcy", problem: "unknown field", hint: 'did you mean "policy"?' },
      {
        path: "key.header:x-usr",
        problem: "is not in the policy's key",
        hint: "its parts: header:x-user",
      },
    ]);
  });

  it.each([
    [{}, "policy", "is required"],
    [{ policy: "user" }, "key", "either key or digest is required"],
    [{ ...target, digest: "a".repeat(22) }, "key", "either key or digest is required"],
    [{ policy: "user", digest: "alice-the-caller" }, "digest", "must be 22 characters"],
    [{ policy: 1, key: user }, "policy", "must be text"],
  ])("must name a policy and a key, not %j", async (body, path, problem) => {
    const answer = await world().ask("POST", "peek", body);
    expect(answer.status).toBe(400);
    expect(answer.body.problems[0]).toMatchObject({ path, problem });
    expect(JSON.stringify(answer.body)).not.toContain("alice-the-caller");
  });

  it("must name a policy that there is", async () => {
    const { ask } = world();
    const near = await ask("POST", "peek", { policy: "usr", key: user });
    expect([near.status, near.body.detail]).toEqual([
      404,
      'There is no policy of this name; did you mean "user"?',
    ]);
    const far = await ask("POST", "peek", { policy: "alice-the-caller", key: user });
    expect([far.status, far.body.detail]).toEqual([
      404,
      "There is no policy of this name; there are: user, ip, plan, off, sockets",
    ]);
  });

  it.each(["text/plain", "application/json-seq", "multipart/form-data; x=application/json"])(
    "must be JSON, not %s",
    async (type) => {
      const { send } = world();
      const headers = { Authorization: "Bearer a-token-that-only-operators-have-42", "Content-Type": type };
      const answer = await send("/_weir/peek", { method: "POST", headers, body: JSON.stringify(target) });
      expect(answer.status).toBe(415);
    },
  );

  it.each([
    ["broken", '{"policy": "alice-the-caller'],
    ["a list", '["alice-the-caller"]'],
    ["text", '"alice-the-caller"'],
    ["nothing", ""],
    ["twice the same", '{"policy": "user", "policy": "ip"}'],
  ])("must be an object, not %s, and is not repeated", async (_, body) => {
    const { send, lines } = world();
    const headers = {
      Authorization: "Bearer a-token-that-only-operators-have-42",
      "Content-Type": "application/json; charset=utf-8",
    };
    const answer = await send("/_weir/peek", { method: "POST", headers, body });
    expect(answer.status).toBe(400);
    expect((await answer.text()) + lines).not.toContain("alice-the-caller");
  });

  it("must have at most 16 KiB", async () => {
    const { operate } = world();
    const body = (length: number) => ({ ...target, digest: "x".repeat(length) });
    const rest = JSON.stringify(body(0)).length;
    expect((await operate("POST", "peek", body(16 * 1024 - rest))).status).toBe(400);
    expect((await operate("POST", "peek", body(16 * 1024 - rest + 1))).status).toBe(413);
  });
});

it("no value of a key is in an answer or in the log", async () => {
  const { operate, lines, send } = world();
  await send("/user", alice);
  const texts = [];
  const target = { policy: "user", key: user };
  for (const [method, path, body] of [
    ["POST", "peek", target],
    ["POST", "reset", target],
    ["PUT", "overrides", { ...target, limit: 0 }],
    ["DELETE", "overrides", target],
    ["POST", "lookup", { key: user }],
    ["POST", "peek", { policy: "ip", key: { ip: "alice-the-caller" } }],
    ["POST", "peek", { policy: "user", key: { "alice-the-caller": "header:x-user" } }],
    ["POST", "peek", { policy: "user", key: "alice-the-caller" }],
    ["POST", "peek", { policy: "alice-the-caller", key: user }],
    ["POST", "lookup", { key: "alice-the-caller" }],
  ] as const)
    texts.push(await (await operate(method, path, body)).text());
  expect(texts.join("\n")).not.toContain("alice-the-caller");
  expect(lines.join("\n")).not.toContain("alice-the-caller");
});
