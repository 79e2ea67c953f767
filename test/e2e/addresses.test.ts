import { describe, expect, it } from "vitest";
import { newAddress, type Send, useGateway } from "../support/gateway.ts";

const POLICIES = [{ name: "ip", limit: "1/minute" }];
const OTHER_WORKERS = "2a06:98c0:3600::103";

/** The statuses of requests with these headers, in turn. */
async function statuses(send: Send, ...requests: readonly Record<string, string>[]): Promise<number[]> {
  const found: number[] = [];
  for (const headers of requests) found.push((await send("/", { headers })).status);
  return found;
}

/** Eight hexadecimal digits that no other test has used. */
const unused = () =>
  newAddress()
    .split(".")
    .map((part) => Number(part).toString(16).padStart(2, "0"))
    .join("");

describe("a caller's address", () => {
  const { send } = useGateway({
    POLICIES,
    ALLOW: ["2001:db8:a::/48", "198.51.100.7"],
    DENY: ["2001:db8:dead::/48", "203.0.113.0/24"],
  });
  const from = (address: string, more: Record<string, string> = {}) => ({
    "CF-Connecting-IP": address,
    ...more,
  });

  it("is the same as IPv4 and as IPv4 in IPv6", async () => {
    const address = newAddress();
    expect(await statuses(send, from(address), from(`::ffff:${address}`))).toEqual([200, 429]);
  });

  it("is the network of 64 bits of an IPv6 address", async () => {
    const digits = unused();
    const network = `2001:db8:${digits.slice(0, 4)}:${digits.slice(4)}`;
    const next = `2001:db8:${digits.slice(0, 4)}:ffff`;
    expect(
      await statuses(send, from(`${network}::1`), from(`${network}:a:b:c:d`), from(`${next}::1`)),
    ).toEqual([200, 429, 200]);
  });

  it("of other customers' Workers is their zone", async () => {
    const [one, other] = [`${unused()}.example`, `${unused()}.example`];
    const worker = (zone: string) => from(OTHER_WORKERS, { "CF-Worker": zone });
    expect(await statuses(send, worker(one), worker(one), worker(other))).toEqual([200, 429, 200]);
  });

  it("may be allowed or denied as a network of either kind", async () => {
    expect(
      await statuses(send, from("2001:db8:a::1"), from("2001:db8:a:1::1"), from("2001:db8:a::1")),
    ).toEqual([200, 200, 200]);
    expect(await statuses(send, from("198.51.100.7"), from("::ffff:198.51.100.7"))).toEqual([200, 200]);
    expect(await statuses(send, from("2001:db8:dead:1::1"), from("203.0.113.9"))).toEqual([403, 403]);
  });
});

describe("CLIENT_IP = x-forwarded-for:1", () => {
  const { send } = useGateway({ POLICIES, CLIENT_IP: "x-forwarded-for:1", IPV6_PREFIX: 48 });

  it("is the last entry, whatever the client wrote before it", async () => {
    const address = newAddress();
    const chain = (...entries: string[]) => ({ "X-Forwarded-For": entries.join(", ") });
    const requests = [
      chain(address),
      chain("192.0.2.1", address),
      chain("junk", newAddress(), `${address}:4711`),
    ];
    expect(await statuses(send, ...requests)).toEqual([200, 429, 429]);
    expect(await statuses(send, chain(address, newAddress()))).toEqual([200]);
  });

  it("keys IPv6 by the configured prefix", async () => {
    const site = `2001:db8:${unused().slice(4)}`;
    const chain = (address: string) => ({ "X-Forwarded-For": address });
    expect(await statuses(send, chain(`${site}:1::1`), chain(`[${site}:2::1]:443`))).toEqual([200, 429]);
  });
});

describe("CLIENT_IP = X-Real-IP", () => {
  const { send } = useGateway({ POLICIES, CLIENT_IP: "X-Real-IP" });

  it("is that header, and one key for all who lack it", async () => {
    const address = newAddress();
    expect(await statuses(send, { "X-Real-IP": address }, { "X-Real-IP": address })).toEqual([200, 429]);
    expect(await statuses(send, {}, { "X-Real-IP": "nobody" })).toEqual([200, 429]);
  });
});
