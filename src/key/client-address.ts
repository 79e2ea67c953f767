import type { ClientIpSource } from "../config/config.ts";
import { firstBits, type IpAddress, parseIpAddress } from "../ip-address.ts";

/** The address that every request from another customer's Worker has. */
const OTHER_WORKERS = "2a06:98c0:3600::103";

/** The caller's address, from where the configuration says; undefined when there is none or it is not one. */
export function clientAddress(headers: Headers, source: ClientIpSource): IpAddress | undefined {
  if (source.kind === "header") return parseAddress(headers.get(source.name));
  const entries = headers.get("x-forwarded-for")?.split(",") ?? [];
  return parseAddress(entries.at(-source.fromRight));
}

/** Reads an address, with or without a port. IPv4-mapped IPv6 becomes IPv4. */
export function parseAddress(text: string | null | undefined): IpAddress | undefined {
  const written = text?.trim() ?? "";
  const bare = /^\[(.+)\](:\d+)?$/.exec(written)?.[1] ?? /^([\d.]+):\d+$/.exec(written)?.[1] ?? written;
  return parseIpAddress(bare);
}

/**
 * What an address is keyed by: IPv4 whole, IPv6 by its first `ipv6Prefix` bits. All Workers of other
 * customers share one address, so they are told apart by their zone. Without an address: one key for all.
 */
export function addressKey(address: IpAddress | undefined, headers: Headers, ipv6Prefix: number): string {
  if (address === undefined) return "unknown";
  if (address.groups.length === 2) return address.text;
  const zone = headers.get("cf-worker")?.trim();
  if (zone && address.text === OTHER_WORKERS) return `worker ${zone.toLowerCase()}`;
  const network = firstBits(address, ipv6Prefix).map((group) => group.toString(16));
  return `${network.join(":")}/${ipv6Prefix}`;
}
