import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type KeyExpression, type KeyPart, parseKeyExpression } from "../../src/config/key-expression.ts";
import { partName } from "../../src/key/key-part.ts";
import { type Key, keyText } from "../../src/key/key-values.ts";
import { keyOf, readingOf, withHeaders } from "./fixtures.ts";

const textOf = (key: Key): string | undefined => (key.kind === "key" ? key.text : undefined);

describe("a | b", () => {
  const KEY = "header:x-user | ip";

  it("is the first part that is present", async () => {
    const user = await keyOf(KEY, { ...withHeaders({ "x-user": "u" }), address: "192.0.2.1" });
    expect(await keyOf(KEY, { ...withHeaders({ "x-user": "u" }), address: "192.0.2.2" })).toBe(user);
    expect(await keyOf(KEY, { address: "192.0.2.1" })).not.toBe(user);
  });

  it.each([undefined, "", "  "])("with the header %j is keyed by the address", async (value) => {
    const headers: Record<string, string> = value === undefined ? {} : { "x-user": value };
    expect(await keyOf(KEY, withHeaders(headers))).toBe(await keyOf("ip", {}));
  });

  it("with a user that looks like an address is not that address", async () => {
    expect(await keyOf(KEY, withHeaders({ "x-user": "192.0.2.7" }))).not.toBe(await keyOf(KEY, {}));
  });
});

describe("a + b", () => {
  const KEY = "header:a + header:b";

  it("is both together", async () => {
    const key = await keyOf(KEY, withHeaders({ a: "1", b: "2" }));
    expect(await keyOf(KEY, withHeaders({ a: "1", b: "2" }))).toBe(key);
    expect(await keyOf(KEY, withHeaders({ a: "1", b: "3" }))).not.toBe(key);
    expect(await keyOf(KEY, withHeaders({ a: "3", b: "2" }))).not.toBe(key);
  });

  it("never takes a and b:c for a:b and c", async () => {
    const one = await keyOf(KEY, withHeaders({ a: "a", b: "b:c" }));
    expect(await keyOf(KEY, withHeaders({ a: "a:b", b: "c" }))).not.toBe(one);
  });

  it("knows which of two values is which", async () => {
    expect(await keyOf(KEY, withHeaders({ a: "1", b: "2" }))).not.toBe(
      await keyOf(KEY, withHeaders({ a: "2", b: "1" })),
    );
  });

  it("binds weaker than |", async () => {
    const key = "header:org + header:user | ip";
    const of = (org: string, address: string) => keyOf(key, { ...withHeaders({ org }), address });
    expect(await of("o", "192.0.2.1")).not.toBe(await of("o", "192.0.2.2"));
    expect(await of("o", "192.0.2.1")).not.toBe(await of("p", "192.0.2.1"));
  });
});

describe("an absent value", () => {
  it("is one key for all who lack it: missing, empty and blank", async () => {
    const keys = [{}, { "x-user": "" }, { "x-user": " \t" }].map((headers) =>
      keyOf("header:x-user", withHeaders(headers)),
    );
    expect(new Set(await Promise.all(keys)).size).toBe(1);
  });

  it.each(["", "absent", "undefined", "null", "none", "-", "-13:header:x-user"])(
    "never equals the value %j of another",
    async (value) => {
      const absent = await keyOf("header:x-user + header:x-other", {});
      const present = await keyOf("header:x-user + header:x-other", withHeaders({ "x-user": value || "0" }));
      expect(present).not.toBe(absent);
    },
  );

  it("in one group leaves the others what they are", async () => {
    const key = "header:a + header:b";
    expect(await keyOf(key, withHeaders({ a: "1" }))).not.toBe(await keyOf(key, withHeaders({ b: "1" })));
    expect(await keyOf(key, withHeaders({ a: "1" }))).not.toBe(await keyOf(key, {}));
  });
});

describe("| none", () => {
  it("means that the policy does not apply when nothing before it is present", async () => {
    expect(await keyOf("header:x-tenant | none", {})).toBeUndefined();
    expect(await keyOf("header:x-tenant | none + ip", {})).toBeUndefined();
    expect(await keyOf("ip + header:x-tenant | none", {})).toBeUndefined();
  });

  it("changes nothing when something before it is", async () => {
    const headers = withHeaders({ "x-tenant": "t" });
    expect(await keyOf("header:x-tenant | none", headers)).toBe(await keyOf("header:x-tenant", headers));
  });

  it("leaves an address that is unknown present", async () => {
    expect(await keyOf("ip | none", { address: undefined })).toBeDefined();
  });
});

describe("one text under several names", () => {
  it("is several keys: user, tenant, cookie, query and path parameter", async () => {
    const request = {
      url: "https://example.com/?user=x",
      headers: { "x-user": "x", "x-tenant": "x", cookie: "user=x" },
      params: { id: "x" },
    };
    const parts = ["header:x-user", "header:x-tenant", "cookie:user", "query:user", "param:id"];
    const keys = await Promise.all(parts.map((key) => keyOf(key, request)));
    expect(new Set(keys).size).toBe(parts.length);
  });
});

describe("values of any kind", () => {
  it("in other letters are other keys, with other space around them they are not", async () => {
    const of = (value: string) => keyOf("header:x-user", withHeaders({ "x-user": value }));
    expect(await of("Alice")).not.toBe(await of("alice"));
    expect(await of("  Alice ")).toBe(await of("Alice"));
  });

  it.each(["日本語", "Ünïcödé", "👩‍👩‍👧", "مرحبا"])("may be Unicode: %s", async (name) => {
    const of = (value: string) =>
      keyOf("query:user", { url: `https://example.com/?user=${encodeURIComponent(value)}` });
    expect(await of(name)).toBe(await of(name));
    expect(await of(name)).not.toBe(await of(`${name}2`));
  });

  it("1,000 distinct users have 1,000 keys", async () => {
    const users = Array.from({ length: 1_000 }, (_, i) =>
      keyOf("header:x-user", withHeaders({ "x-user": `user-${i}` })),
    );
    expect(new Set(await Promise.all(users)).size).toBe(1_000);
  });
});

describe("the text of a key", () => {
  // Built to collide if anything could: the characters that the text itself is made of.
  const anyText = fc.string({ unit: fc.constantFrom(..."=-:|+01234ab é"), minLength: 1, maxLength: 12 });
  const anyPart = fc.oneof(
    fc.constantFrom<KeyPart>({ kind: "ip" }, { kind: "path" }, { kind: "global" }),
    fc.record({
      kind: fc.constantFrom("header", "cookie", "query", "param"),
      // No part's name has these: they separate parts in an expression.
      name: anyText.map((name) => name.replace(/[|+]/g, "x")),
    }),
  );
  const anyKey = fc.array(
    fc.record({ parts: fc.array(anyPart, { minLength: 1, maxLength: 2 }), orNone: fc.boolean() }),
    { minLength: 1, maxLength: 3 },
  );
  const anyValues = fc.array(fc.option(anyText, { nil: undefined }), { minLength: 6, maxLength: 6 });

  /** What a key means: for each group the part that counts and its value, or which parts are absent. */
  function read(key: KeyExpression, values: readonly (string | undefined)[]) {
    const parts = key.flatMap((group) => group.parts);
    const valueIn = (part: KeyPart) => values[parts.indexOf(part)];
    const meaning = key.map((group) => {
      const present = group.parts.find((part) => valueIn(part) !== undefined);
      if (present) return [partName(present), valueIn(present)];
      return group.orNone ? undefined : group.parts.map(partName);
    });
    const applies = !meaning.includes(undefined);
    return {
      text: textOf(keyText(key, (part) => readingOf(valueIn(part)))),
      meaning: applies ? JSON.stringify(meaning) : undefined,
    };
  }

  it("is the same exactly for what is the same, over all names, values and positions", () => {
    const same = fc.tuple(anyKey, anyValues);
    fc.assert(
      fc.property(same, same, ([oneKey, oneValues], [otherKey, otherValues]) => {
        const [one, other] = [read(oneKey, oneValues), read(otherKey, otherValues)];
        expect(one.text === other.text).toBe(one.meaning === other.meaning);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is the same exactly for the same values, under one expression", () => {
    const short = fc.string({ unit: fc.constantFrom(..."=-:|1a"), minLength: 1, maxLength: 4 });
    const shortValues = fc.array(fc.option(short, { nil: undefined }), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(anyKey, shortValues, shortValues, (key, oneValues, otherValues) => {
        const [one, other] = [read(key, oneValues), read(key, otherValues)];
        expect(one.text === other.text).toBe(one.meaning === other.meaning);
      }),
      { numRuns: 2_000 },
    );
  });

  it("changes when a separator moves from one value into the next", () => {
    const parsed = parseKeyExpression("header:a + header:b");
    if (!parsed.ok) throw new Error(parsed.problem);
    const of = (a: string, b: string) =>
      textOf(keyText(parsed.value, (part) => readingOf("name" in part && part.name === "a" ? a : b)));
    fc.assert(
      fc.property(anyText, fc.nat(), fc.nat(), (joined, cut, otherCut) => {
        const [at, otherAt] = [cut % (joined.length + 1), otherCut % (joined.length + 1)];
        const one = of(joined.slice(0, at), joined.slice(at));
        const other = of(joined.slice(0, otherAt), joined.slice(otherAt));
        expect(one === other).toBe(at === otherAt);
      }),
    );
  });

  it("cannot be forged by a value that holds what stands between two values", () => {
    const parsed = parseKeyExpression("header:a + header:b");
    if (!parsed.ok) throw new Error(parsed.problem);
    const of = (a: string, b: string) =>
      textOf(keyText(parsed.value, (part) => readingOf("name" in part && part.name === "a" ? a : b))) ?? "";
    fc.assert(
      fc.property(anyText, anyText, anyText, (one, two, three) => {
        const [, between = ""] = /AA(.*)BB/.exec(of("AA", "BB")) ?? [];
        expect(of(one + between + two, three)).not.toBe(of(one, two + between + three));
      }),
    );
  });

  it("is undefined exactly where a group that ends in none has no value", () => {
    fc.assert(
      fc.property(anyKey, anyValues, (key, values) => {
        const { text, meaning } = read(key, values);
        expect(text === undefined).toBe(meaning === undefined);
      }),
    );
  });
});
