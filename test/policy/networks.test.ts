import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseNetwork } from "../../src/config/network.ts";
import { parseAddress } from "../../src/key/client-address.ts";
import { isInNetworks } from "../../src/policy/networks.ts";

function isIn(address: string | undefined, ...networks: string[]): boolean {
  const parsed = networks.map(parseNetwork).map((result) => {
    if (!result.ok) throw new Error(result.problem);
    return result.value;
  });
  return isInNetworks(parseAddress(address), parsed);
}

describe("networks", () => {
  it.each([
    ["192.0.2.7", "192.0.2.7"],
    ["10.1.2.3", "10.0.0.0/8"],
    ["10.1.2.3", "10.200.0.1/8"],
    ["1.2.3.4", "0.0.0.0/0"],
    ["2001:db8::1", "2001:db8::1"],
    ["2001:db8:0:0:1::", "2001:db8::/32"],
    ["2001:DB8::1", "2001:db8::/32"],
    ["2001:db8::1", "::/0"],
    ["::ffff:192.0.2.7", "192.0.2.0/24"],
    ["192.0.2.7", "::ffff:192.0.2.0/120"],
    ["192.0.2.7", "::ffff:192.0.2.7"],
  ])("%s is in %s", (address, network) => {
    expect(isIn(address, network)).toBe(true);
  });

  it.each([
    ["192.0.2.8", "192.0.2.7"],
    ["11.0.0.1", "10.0.0.0/8"],
    ["2001:db9::1", "2001:db8::/32"],
    ["2001:db8::1", "0.0.0.0/0"],
    ["192.0.2.7", "::/0"],
    [undefined, "0.0.0.0/0"],
    ["unknown", "0.0.0.0/0"],
  ])("%s is not in %s", (address, network) => {
    expect(isIn(address, network)).toBe(false);
  });

  it("are looked at one after the other, of both families", () => {
    expect(isIn("10.0.0.1", "2001:db8::/32", "192.0.2.7", "10.0.0.0/8")).toBe(true);
    expect(isIn("10.0.0.1")).toBe(false);
  });

  it("hold exactly the addresses that share their first bits", () => {
    const anyNumber = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    const written = (number: number) => [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".");
    fc.assert(
      fc.property(anyNumber, anyNumber, fc.integer({ min: 0, max: 32 }), (one, other, bits) => {
        const shares = bits === 0 || one >>> (32 - bits) === other >>> (32 - bits);
        expect(isIn(written(one), `${written(other)}/${bits}`)).toBe(shares);
      }),
    );
  });

  it("of the other family never hold an address", () => {
    fc.assert(
      fc.property(
        fc.ipV4(),
        fc.integer({ min: 0, max: 32 }),
        fc.integer({ min: 0, max: 95 }),
        (four, bits4, bits6) => {
          expect(isIn(four, `2001:db8::/${bits6}`)).toBe(false);
          expect(isIn("2001:db8::1", `${four}/${bits4}`)).toBe(false);
        },
      ),
    );
  });
});
