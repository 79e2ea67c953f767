import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ClientIpSource } from "../../src/config/config.ts";
import {
  addressKey,
  clientAddress,
  createAddressReader,
  parseAddress,
} from "../../src/key/client-address.ts";
import { heapBytes } from "../support/heap.ts";

const OTHER_WORKERS = "2a06:98c0:3600::103";

const keyOf = (address: string, prefix = 64, headers: Record<string, string> = {}): string =>
  addressKey(clientAddress(address, prefix), new Headers(headers));

describe("an address as written", () => {
  it.each([
    ["192.0.2.7", "192.0.2.7"],
    [" 192.0.2.7\t", "192.0.2.7"],
    ["192.0.2.7:8080", "192.0.2.7"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:db8::1]:443", "2001:db8::1"],
    ["::ffff:1.2.3.4", "1.2.3.4"],
    ["::FFFF:102:304", "1.2.3.4"],
    ["[::ffff:1.2.3.4]:443", "1.2.3.4"],
  ])("%j is %s", (text, address) => {
    expect(parseAddress(text)?.text).toBe(address);
  });

  it.each([
    undefined,
    null,
    "",
    " ",
    "unknown",
    "example.com",
    "1.2.3",
    "1",
    "0x7f000001",
    "1.2.3.4.5",
    "256.0.0.1",
    "1.2.3.4, 5.6.7.8",
    "1.2.3.4:port",
    "1.2.3.4/8",
    "2001:db8::1::",
    "[1.2.3.4",
  ])("%j is none", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it("never throws", () => {
    const anyText = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."0123.:[]f%/ ") }));
    fc.assert(
      fc.property(anyText, (text) => {
        expect(() => keyOf(text)).not.toThrow();
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("the caller's address", () => {
  const read = (source: ClientIpSource, headers: Record<string, string>) =>
    createAddressReader(source, 64)(new Headers(headers))?.text;
  const forwarded = (fromRight: number, value: string) =>
    read({ kind: "forwarded", fromRight }, { "x-forwarded-for": value });

  it("is read from the configured header, and from no other", () => {
    const headers = {
      "cf-connecting-ip": "192.0.2.1",
      "x-real-ip": "192.0.2.2",
      "x-forwarded-for": "192.0.2.3",
    };
    expect(read({ kind: "header", name: "cf-connecting-ip" }, headers)).toBe("192.0.2.1");
    expect(read({ kind: "header", name: "x-real-ip" }, headers)).toBe("192.0.2.2");
    expect(read({ kind: "header", name: "true-client-ip" }, headers)).toBeUndefined();
  });

  it.each([
    [1, "192.0.2.1, 192.0.2.2, 192.0.2.3", "192.0.2.3"],
    [2, "192.0.2.1, 192.0.2.2, 192.0.2.3", "192.0.2.2"],
    [3, "192.0.2.1, 192.0.2.2, 192.0.2.3", "192.0.2.1"],
    [1, "192.0.2.1:5000", "192.0.2.1"],
    [2, "[2001:db8::1]:5000 ,192.0.2.2", "2001:db8::1"],
    [1, " 192.0.2.1 ", "192.0.2.1"],
  ])("is entry %i from the right of %j", (fromRight, value, address) => {
    expect(forwarded(fromRight, value)).toBe(address);
  });

  it.each([
    [4, "192.0.2.1, 192.0.2.2, 192.0.2.3"],
    [1, "192.0.2.1, "],
    [1, "192.0.2.1, unknown"],
    [1, ""],
  ])("is none at entry %i from the right of %j", (fromRight, value) => {
    expect(forwarded(fromRight, value)).toBeUndefined();
  });

  it("is none without the header", () => {
    expect(read({ kind: "forwarded", fromRight: 1 }, {})).toBeUndefined();
  });

  it("is remembered, of the newest 10,000", () => {
    const readOnce = createAddressReader({ kind: "header", name: "cf-connecting-ip" }, 64);
    const addressOf = (text: string) => readOnce(new Headers({ "cf-connecting-ip": text }));
    const first = addressOf("2001:db8::1");
    expect(addressOf("2001:db8::1")).toBe(first);
    for (let i = 0; i < 10_000; i++) addressOf(`10.0.${i >> 8}.${i & 255}`);
    expect(addressOf("2001:db8::1")).not.toBe(first);
    expect(addressOf("2001:db8::1")).toEqual(first);
  });

  it("is not remembered when it is written at length", () => {
    const readOnce = createAddressReader({ kind: "header", name: "cf-connecting-ip" }, 64);
    const addressOf = () => readOnce(new Headers({ "cf-connecting-ip": `fe80::1%${"a".repeat(250)}` }));
    const first = addressOf();
    expect(first?.text).toBe("fe80::1");
    expect(addressOf()).not.toBe(first);
  });

  it("of a long list is not remembered, nor is the list", () => {
    const readOnce = createAddressReader({ kind: "forwarded", fromRight: 1 }, 64);
    const before = heapBytes();
    for (let i = 0; i < 1_000; i++) {
      const forwarded = `${`${i}`.padStart(50_000, "x")}, 2001:db8::${i.toString(16)}`;
      expect(readOnce(new Headers({ "x-forwarded-for": forwarded }))?.network).toBe("2001:db8::/64");
    }
    expect(heapBytes() - before).toBeLessThan(2 ** 23);
    expect(readOnce).toBeDefined();
  });

  it("is not changed by what the client put on the left", () => {
    const anyLeft = fc.string({ unit: fc.constantFrom(..."0123456789.,:[] abcf") });
    fc.assert(
      fc.property(anyLeft, fc.constantFrom(1, 2), (left, fromRight) => {
        const expected = fromRight === 1 ? "192.0.2.9" : "192.0.2.8";
        expect(forwarded(fromRight, `${left},192.0.2.8, 192.0.2.9`)).toBe(expected);
      }),
    );
  });
});

describe("what an address is keyed by", () => {
  it("is IPv4 whole", () => {
    expect(keyOf("192.0.2.7")).toBe("192.0.2.7");
    expect(keyOf("192.0.2.7")).not.toBe(keyOf("192.0.2.8"));
  });

  it("is one for IPv4 and the same address mapped into IPv6", () => {
    expect(keyOf("::ffff:1.2.3.4")).toBe(keyOf("1.2.3.4"));
  });

  it("is one for two addresses in one /64, and two for two networks", () => {
    expect(keyOf("2001:db8::1")).toBe(keyOf("2001:db8:0:0:ffff::2"));
    expect(keyOf("2001:db8::1")).not.toBe(keyOf("2001:db8:0:1::1"));
  });

  it.each([
    [128, "2001:db8::1", "2001:db8::2", false],
    [127, "2001:db8::2", "2001:db8::3", true],
    [56, "2001:db8:0:ff::1", "2001:db8::1", true],
    [56, "2001:db8:0:100::1", "2001:db8::1", false],
    [48, "2001:db8:0:1::", "2001:db8:0:2::", true],
    [1, "::1", "7fff::", true],
    [1, "::1", "8000::", false],
  ])("follows IPV6_PREFIX = %i: %s and %s are one: %s", (prefix, one, other, same) => {
    expect(keyOf(one, prefix) === keyOf(other, prefix)).toBe(same);
  });

  it("is one for all who have none, and equals no address", () => {
    expect(keyOf("")).toBe("unknown");
    expect(keyOf("nonsense")).toBe("unknown");
  });

  it("is the zone of another customer's Worker", () => {
    const zone = (name: string) => keyOf(OTHER_WORKERS, 64, { "cf-worker": name });
    expect(zone("a.example")).not.toBe(zone("b.example"));
    expect(zone(" A.example ")).toBe(zone("a.example"));
    expect(zone("a.example")).not.toBe(keyOf(OTHER_WORKERS));
    expect(keyOf("2A06:98C0:3600:0:0:0:0:103", 64, { "cf-worker": "a.example" })).toBe(zone("a.example"));
  });

  it("is not the zone that some other address claims", () => {
    const headers = { "cf-worker": "a.example" };
    expect(keyOf("192.0.2.7", 64, headers)).toBe(keyOf("192.0.2.7"));
    expect(keyOf("2a06:98c0:3600::104", 64, headers)).toBe(keyOf("2a06:98c0:3600::104"));
  });

  it("keeps apart exactly what differs in its first bits", () => {
    const anySix = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).filter((bits) => bits >> 32n !== 0xffffn);
    const written = (bits: bigint) =>
      Array.from({ length: 8 }, (_, i) => ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(":");
    const anyNeighbour = fc.tuple(anySix, fc.integer({ min: 0, max: 127 }));
    fc.assert(
      fc.property(anyNeighbour, fc.integer({ min: 1, max: 128 }), ([bits, flipped], prefix) => {
        const other = bits ^ (1n << BigInt(127 - flipped));
        if (other >> 32n === 0xffffn) return;
        expect(keyOf(written(bits), prefix) === keyOf(written(other), prefix)).toBe(flipped >= prefix);
      }),
      { numRuns: 500 },
    );
  });
});
