import ipaddr, { type IPv4, type IPv6 } from "ipaddr.js";
import type { ClientIpSource } from "../config/config.ts";

export type Address = IPv4 | IPv6;

/** The address that every request from another customer's Worker has. */
const OTHER_WORKERS = "2a06:98c0:3600::103";

/** The caller's address, from where the configuration says; undefined when there is none or it is not one. */
export function clientAddress(headers: Headers, source: ClientIpSource): Address | undefined {
  if (source.kind === "header") return parseAddress(headers.get(source.name));
  const entries = headers.get("x-forwarded-for")?.split(",") ?? [];
  return parseAddress(entries.at(-source.fromRight));
}

/** Reads an address, with or without a port. IPv4-mapped IPv6 becomes IPv4. */
export function parseAddress(text: string | null | undefined): Address | undefined {
  const written = text?.trim() ?? "";
  const bare = /^\[(.+)\](:\d+)?$/.exec(written)?.[1] ?? /^([\d.]+):\d+$/.exec(written)?.[1] ?? written;
  // Told apart first: the library throws and catches inside to say no.
  const isValid = bare.includes(":") ? ipaddr.IPv6.isValid(bare) : ipaddr.IPv4.isValidFourPartDecimal(bare);
  if (!isValid) return undefined;
  return ipaddr.process(bare);
}

/**
 * What an address is keyed by: IPv4 whole, IPv6 by its first `ipv6Prefix` bits. All Workers of other
 * customers share one address, so they are told apart by their zone. Without an address: one key for all.
 */
export function addressKey(address: Address | undefined, headers: Headers, ipv6Prefix: number): string {
  if (address === undefined) return "unknown";
  if (address.kind() === "ipv4") return address.toString();
  const zone = headers.get("cf-worker")?.trim();
  if (zone && address.toString() === OTHER_WORKERS) return `worker ${zone.toLowerCase()}`;
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/${ipv6Prefix}`);
  return `${network.toString()}/${ipv6Prefix}`;
}
