import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chargesOf, withHeaders } from "./fixtures.ts";

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
