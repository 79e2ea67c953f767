import type { ClientIpSource } from "../config/config.ts";
import { firstBits, type IpAddress, parseIpAddress } from "../ip-address.ts";
import { BoundedMap } from "../store/bounded-map.ts";

/** A caller's address, and what it is keyed by: IPv4 whole, IPv6 by its first bits. */
export interface ClientAddress extends IpAddress {
  readonly network: string;
}

/** The caller's address, from where the configuration says; undefined when there is none or it is not one. */
export type ReadAddress = (headers: Headers) => ClientAddress | undefined;

/** The address that every request from another customer's Worker has. */
const OTHER_WORKERS = "2a06:98c0:3600::103";

/** Together they bound what is remembered. A header that went through some proxies is not longer. */
const MAX_REMEMBERED = 10_000;
const MAX_REMEMBERED_LENGTH = 256;

/** Remembers the newest addresses: callers come again, and reading one is work. */
export function createAddressReader(source: ClientIpSource, ipv6Prefix: number): ReadAddress {
  const remembered = new BoundedMap<string, ClientAddress>(MAX_REMEMBERED);
  const name = source.kind === "header" ? source.name : "x-forwarded-for";
  return (headers) => {
    // By the whole header: a piece of it would keep all of it in memory, however much a client wrote in front.
    const header = headers.get(name);
    if (!header) return undefined;
    const known = remembered.get(header);
    if (known) return known;
    const text = source.kind === "header" ? header : header.split(",").at(-source.fromRight);
    const address = text === undefined ? undefined : clientAddress(text, ipv6Prefix);
    if (address && header.length <= MAX_REMEMBERED_LENGTH) remembered.set(header, address);
    return address;
  };
}

/** An address as written, with what it is keyed by; undefined when it is none. */
export function clientAddress(text: string, ipv6Prefix: number): ClientAddress | undefined {
  const address = parseAddress(text);
  return address && { ...address, network: networkOf(address, ipv6Prefix) };
}

/** Reads an address, with or without a port. IPv4-mapped IPv6 becomes IPv4. */
export function parseAddress(text: string | null | undefined): IpAddress | undefined {
  const written = text?.trim() ?? "";
  const bare = /^\[(.+)\](:\d+)?$/.exec(written)?.[1] ?? /^([\d.]+):\d+$/.exec(written)?.[1] ?? written;
  return parseIpAddress(bare);
}

function networkOf(address: IpAddress, ipv6Prefix: number): string {
  if (address.groups.length === 2) return address.text;
  const groups = firstBits(address, ipv6Prefix).map((group) => group.toString(16));
  const network = parseIpAddress(groups.join(":"));
  return `${network?.text}/${ipv6Prefix}`;
}

/**
 * What a caller is keyed by: its network. All Workers of other customers share one address, so they are told apart by
 * their zone. Without an address: one key for all.
 */
export function addressKey(address: ClientAddress | undefined, headers: Headers): string {
  if (address === undefined) return "unknown";
  const zone = address.text === OTHER_WORKERS ? headers.get("cf-worker")?.trim() : undefined;
  return zone ? `worker ${zone.toLowerCase()}` : address.network;
}
