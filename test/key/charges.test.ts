import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chargesOf, type Given, knownChargesOf, withHeaders } from "./fixtures.ts";

const MINUTE = 60_000;
const names = (charges: Awaited<ReturnType<typeof chargesOf>>) => charges.map(({ quota }) => quota.name);

describe("the charges of a request", () => {
  it("are one for each quota of each policy, in the order of the configuration", async () => {
    const policies = [
      { name: "z-user", key: "header:x-user | ip", limit: "60/hour, 5/minute" },
      { name: "a-ip", limit: "30/minute" },
    ];
    expect(names(await chargesOf(policies, {}))).toEqual(["z-user-hour", "z-user-minute", "a-ip"]);
  });

  it("are none when no policy matches", async () => {
    expect(await chargesOf([], {})).toEqual([]);
  });

  it("carry the quota, the count, the cost and what is asked of the store", async () => {
    const policy = { name: "p", limit: "60/minute", algorithm: "token-bucket", burst: 10, cost: 3 };
    const [one] = await chargesOf([{ ...policy, durable: true }], {});
    expect(one?.charge).toEqual({
      key: expect.stringMatching(/^[\w-]{22}$/),
      count: "p/token-bucket/60000",
      quota: { algorithm: "token-bucket", limit: 60, windowMs: MINUTE, burst: 10 },
      cost: 3,
      shadow: false,
      durable: true,
      onError: "local",
    });
  });

  it("of a policy with leases say so", async () => {
    const leased = await chargesOf([{ name: "p", limit: "5/m, 50/h", lease: true }], {});
    expect(leased.map(({ charge }) => charge.lease)).toEqual([true, true]);
    const [plain] = await chargesOf([{ name: "p", limit: "5/m" }], {});
    expect(plain?.charge).not.toHaveProperty("lease");
  });

  it.each([
    ["enforce", false],
    ["shadow", true],
  ])("of a policy in mode %s are shadows: %s", async (mode, shadow) => {
    const [one] = await chargesOf([{ name: "p", limit: "5/m", mode }], {});
    expect(one?.charge).toMatchObject({ shadow, durable: false, cost: 1 });
  });

  it("of policies with the same key share it, and differ in their count", async () => {
    const policies = ["one", "two"].map((name) => ({ name, key: "header:x-user", limit: "5/m" }));
    const charges = (await chargesOf(policies, withHeaders({ "x-user": "u" }))).map(({ charge }) => charge);
    expect(new Set(charges.map(({ key }) => key)).size).toBe(1);
    expect(new Set(charges.map(({ count }) => count)).size).toBe(2);
  });

  it("leave out the tenant policy without a tenant, and keep the user's", async () => {
    const policies = [
      { name: "tenant", key: "header:x-tenant | none", limit: "5/s" },
      { name: "user", key: "header:x-user", limit: "10/s" },
    ];
    expect(names(await chargesOf(policies, withHeaders({ "x-user": "u" })))).toEqual(["user"]);
  });
});

describe("a table of limits", () => {
  const limit = {
    by: "header:x-tool",
    Search: "1/s",
    " Any Tool ": "7/m, 70/h",
    staff: "unlimited",
    "*": "10/m",
  };
  const limitsOf = async (tool: string | undefined, table: Record<string, string> = limit) => {
    const headers: Record<string, string> = tool === undefined ? {} : { "x-tool": tool };
    const charges = await chargesOf([{ name: "p", limit: table }], withHeaders(headers));
    return charges.map(({ charge }) => charge.quota.limit);
  };

  it.each([
    ["search", [1]],
    ["Search", [1]],
    [" SEARCH ", [1]],
    ["any tool", [7, 70]],
    ["staff", []],
    ["other", [10]],
    ["*", [10]],
    ["toString", [10]],
    ["", [10]],
    [undefined, [10]],
  ])("chooses for %j the limits %j", async (tool, limits) => {
    expect(await limitsOf(tool)).toEqual(limits);
  });

  it.each(["other", "*", "", undefined])("without * leaves %j unlimited", async (tool) => {
    expect(await limitsOf(tool, { by: "header:x-tool", search: "1/s" })).toEqual([]);
  });

  it("never adds to the key: rows of one window share the count", async () => {
    const table = { by: "header:x-plan", free: "5/m", pro: "50/m" };
    const of = async (plan: string) =>
      (await chargesOf([{ name: "p", limit: table }], withHeaders({ "x-plan": plan })))[0];
    const [free, pro] = [await of("free"), await of("pro")];
    expect(free?.charge.key).toBe(pro?.charge.key);
    expect(free?.charge.count).toBe(pro?.charge.count);
  });

  it("counts each tool by itself when the tool is in the key", async () => {
    const policy = { name: "p", key: "header:x-tool", limit };
    const key = async (tool: string) =>
      (await chargesOf([policy], withHeaders({ "x-tool": tool })))[0]?.charge.key;
    expect(await key("search")).not.toBe(await key("other"));
  });
});

/** A message of MCP, as text. */
const call = (name: string, method = "tools/call") =>
  JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { name } });

describe("a policy by tool", () => {
  const limit = { by: "mcp:tool", Search: "1/s", "*": "60/m" };
  const policies = [{ name: "tool", key: "header:x-user + mcp:tool", limit }];
  const of = async (body: string) => (await chargesOf(policies, { body })).map(({ charge }) => charge);

  it("counts each tool by itself, whatever the letter case and space", async () => {
    const [search] = await of(call("search"));
    expect(search?.quota.limit).toBe(1);
    for (const same of ["Search", " search ", "SEARCH"]) expect(await of(call(same))).toEqual([search]);
    const [other] = await of(call("other"));
    expect(other?.quota.limit).toBe(60);
    expect(other?.key).not.toBe(search?.key);
  });

  it.each([
    ["a prompt of the same name", call("search", "prompts/get")],
    ["another method", call("search", "tools/list")],
    ["a call without a name", '{"method":"tools/call","params":{}}'],
    ["no body", ""],
  ])("does not apply to %s", async (_, body) => {
    expect(await of(body)).toEqual([]);
  });

  it.each([
    ["broken", "{"],
    ["a batch", `[${call("other")}]`],
    ["named twice", '{"method":"tools/call","method":"tools/list","params":{"name":"other"}}'],
  ])("takes its strictest row and one key for bodies that are unreadable: %s", async (_, body) => {
    const [charge] = await of(body);
    const [broken] = await of("{broken");
    const keys = (await Promise.all([of(call("search")), of(call("unreadable"))]))
      .flat()
      .map(({ key }) => key);
    expect(charge?.quota.limit).toBe(1);
    expect(charge?.key).toBe(broken?.key);
    expect(keys).not.toContain(charge?.key);
  });

  it("charges a batch as much as all its messages", async () => {
    const batch = `[${[call("a"), call("b"), call("c")].join()}]`;
    expect((await of(batch))[0]?.cost).toBe(3);
    expect((await of("[]"))[0]?.cost).toBe(1);
    const five = [{ ...policies[0], cost: 5 }];
    expect((await chargesOf(five, { body: batch }))[0]?.charge.cost).toBe(15);
  });

  it("leaves what a batch costs under other policies as it is", async () => {
    const byBody = [{ name: "p", key: "body:/0/id", limit: "5/m" }];
    expect((await chargesOf(byBody, { body: `[${call("a")},${call("b")}]` }))[0]?.charge.cost).toBe(1);
  });

  it("by tool or prompt applies to messages that have one of them, also before a | that is present", async () => {
    const either = [{ name: "p", key: "mcp:tool | mcp:prompt", limit: "5/m" }];
    expect(await chargesOf(either, { body: call("x") })).toHaveLength(1);
    expect(await chargesOf(either, { body: call("x", "prompts/get") })).toHaveLength(1);
    expect(await chargesOf(either, { body: call("x", "tools/list") })).toEqual([]);
    const header = [{ name: "p", key: "header:x-tool | mcp:tool | ip", limit: "5/m" }];
    expect(await chargesOf(header, { ...withHeaders({ "x-tool": "x" }), body: "" })).toEqual([]);
  });

  it("chosen by a table alone applies to every message", async () => {
    const table = [{ name: "p", key: "header:x-user", limit }];
    expect((await chargesOf(table, { body: call("x", "tools/list") }))[0]?.charge.quota.limit).toBe(60);
  });
});

describe("a part of the body", () => {
  const policies = [{ name: "p", key: "body:/user | ip", limit: "5/m" }];
  const key = async (given: Given) => (await chargesOf(policies, given))[0]?.charge.key;

  it("that cannot be read is neither absent nor a value", async () => {
    const keys = await Promise.all(
      ['{"user":"unreadable"}', "{", "{}"].map((body) => key({ body, address: "192.0.2.1" })),
    );
    expect(new Set(keys).size).toBe(3);
    expect(await key({ body: "[broken", address: "192.0.2.2" })).toBe(keys[1]);
  });
});

describe("what is still unknown", () => {
  const token = { name: "token", key: "user | ip", limit: "5/m" };
  const body = { name: "body", key: "body:/user", limit: "5/m" };
  const plan = { name: "plan", key: "ip", limit: { by: "jwt:plan", free: "5/m" } };
  const cheap = { name: "cheap", key: "ip", limit: "5/m" };

  it.each([
    [[cheap], undefined, ["cheap"]],
    [[token, cheap], "token", ["cheap"]],
    [[body, cheap], "body", ["cheap"]],
    [[body, token, plan], "token", []],
    [[{ ...body, key: "header:x-user | body:/user" }], undefined, ["body"]],
    [[{ ...body, key: "body:/user + header:x-tenant | none" }], undefined, []],
  ])("of %j is the %s", async (policies, needs, known) => {
    const charges = await knownChargesOf(policies, withHeaders({ "x-user": "u" }));
    expect(charges.needs).toBe(needs);
    expect(names(charges.known)).toEqual(known);
  });

  it("is known in the order of the configuration once it was looked at", async () => {
    const policies = [body, cheap, token];
    const given = { body: '{"user":"u"}', claims: { sub: "u" } };
    expect(names(await chargesOf(policies, given))).toEqual(["body", "cheap", "token"]);
  });
});

describe("the cost of a request", () => {
  const cost = async (stated: string | undefined, fields: Record<string, unknown> = {}) => {
    const policy = { name: "p", limit: "100/m", cost: "header:X-Cost", ...fields };
    const headers: Record<string, string> = stated === undefined ? {} : { "x-cost": stated };
    return (await chargesOf([policy], withHeaders(headers))).map(({ charge }) => charge.cost);
  };

  it.each([
    ["7", 7],
    [" 7 ", 7],
    ["2.1", 3],
    ["1e1", 10],
    ["100", 100],
    ["101", 100],
    ["1e999", 100],
    ["0", 1],
    ["-5", 1],
    ["0.5", 1],
    ["abc", 1],
    ["0x10", 1],
    ["Infinity", 1],
    ["NaN", 1],
    ["5, 6", 1],
    ["", 1],
    [undefined, 1],
  ])("that the header gives as %j is %d", async (stated, expected) => {
    expect(await cost(stated)).toEqual([expected]);
  });

  it("is capped by each quota's own limit, by a bucket's burst", async () => {
    expect(await cost("30", { limit: "5/m, 60/h" })).toEqual([5, 30]);
    expect(await cost("30", { limit: "5/m", algorithm: "token-bucket", burst: 20 })).toEqual([20]);
  });

  it.each(["response-header:x-cost", "response-json:/usage/total_tokens"])(
    "that %s will tell is the estimate, and provisional",
    async (source) => {
      const [one] = await chargesOf([{ name: "p", limit: "100/m", cost: source, estimate: 40 }], {});
      expect(one?.charge).toMatchObject({ cost: 40, provisional: true });
      const [plain] = await chargesOf([{ name: "p", limit: "100/m", cost: source }], {});
      expect(plain?.charge).toMatchObject({ cost: 1, provisional: true });
    },
  );

  it("is provisional where only some responses count", async () => {
    const [one] = await chargesOf([{ name: "p", limit: "100/m", count: "401" }], {});
    expect(one?.charge).toMatchObject({ cost: 1, provisional: true });
  });

  it("comes with the policy's lockout", async () => {
    const [one] = await chargesOf([{ name: "p", limit: "100/m", lockout: "15m after 5 in 1m" }], {});
    expect(one?.charge).toMatchObject({
      lockout: { id: "p/lockout", refusals: 5, withinMs: MINUTE, durationMs: 15 * MINUTE },
      provisional: false,
    });
  });
});

describe("promise 8: no personal data", () => {
  const KEY = "header:x-user + cookie:sid + query:token + param:id + ip + host + path + country | global";
  const policies = [
    { name: "p", match: "/:id", key: KEY, limit: "5/minute, 60/hour" },
    {
      name: "q",
      match: "/:id",
      key: "header:x-user | ip",
      limit: { by: "header:x-plan", free: "5/m", "*": "6/m" },
    },
  ];
  const anyIdentity = fc.string({
    unit: fc.constantFrom(..."abcdefghijklmnopqrstuvwxyzABCDEF0123456789"),
    minLength: 8,
    maxLength: 24,
  });
  const anyRequest = fc
    .record({ user: anyIdentity, sid: anyIdentity, token: anyIdentity, id: anyIdentity, address: fc.ipV4() })
    .map(({ user, sid, token, id, address }) => ({
      values: [user, sid, token, id, address],
      request: {
        url: `https://example.com/${id}?token=${token}`,
        headers: { "x-user": user, cookie: `sid=${sid}` },
        params: { id },
        address,
      },
    }));

  it.each([undefined, "a secret of some length"])(
    "no key value stands in a charge, with the secret %j",
    async (secret) => {
      await fc.assert(
        fc.asyncProperty(anyRequest, async ({ values, request }) => {
          const charges = await chargesOf(policies, request, secret === undefined ? {} : { secret });
          const written = JSON.stringify(charges.map(({ charge }) => charge));
          expect(charges).toHaveLength(3);
          for (const value of values) expect(written).not.toContain(value);
        }),
      );
    },
  );

  it("the charges of one request are the same every time", async () => {
    await fc.assert(
      fc.asyncProperty(anyRequest, async ({ request }) => {
        const written = async () =>
          JSON.stringify((await chargesOf(policies, request)).map(({ charge }) => charge));
        expect(await written()).toBe(await written());
      }),
    );
  });
});
